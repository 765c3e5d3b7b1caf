use chrono::{DateTime, Utc};

use crate::engine::ports::{RequestId, StoreError};
use crate::identity::{Account, AccountId, Session, SessionId};

use super::attempts::REMEMBER;
use super::call::{Call, Script};
use super::keys::request;
use super::{RedisStore, record};

impl RedisStore {
    pub(super) async fn session(
        &self,
        account: AccountId,
        id: &SessionId,
        now: DateTime<Utc>,
    ) -> Result<Option<(Account, Session)>, StoreError> {
        let session = Call::command("GET").arg(self.keys.session(account, id));
        let [account, session] = self.reading([self.get_account(account), session]).await?;
        let (Some(account), Some(session)) = (account.optional_text()?, session.optional_text()?) else {
            return Ok(None);
        };
        let session = record::read_session(&session)?;
        if !session.is_live(now) {
            return Ok(None);
        }
        Ok(Some((record::read_account(&account)?, session)))
    }

    pub(super) async fn sessions(&self, account: AccountId, now: DateTime<Utc>) -> Result<Vec<Session>, StoreError> {
        let call = Call::script(Script::Sessions, self.keys.account(account));
        let records = self.link.call(call).await?.texts()?;
        let mut sessions =
            records.iter().map(|record| record::read_session(record)).collect::<Result<Vec<Session>, _>>()?;
        sessions.retain(|session| session.is_live(now));
        sessions.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Ok(sessions)
    }

    pub(super) async fn replace_session(&self, id: &RequestId, next: &Session) -> Result<bool, StoreError> {
        let call = Call::script(Script::ReplaceSession, self.keys.account(next.account))
            .arg(request(id))
            .arg(REMEMBER)
            .arg(next.id.as_str())
            .arg(next.revision)
            .arg(record::session(next)?)
            .arg(record::life(next.refreshed_at, next.expires_at))
            .arg(record::millis(next.expires_at));
        Ok(self.link.call(call).await?.text()? == "done")
    }

    pub(super) async fn end_session(&self, account: AccountId, id: &SessionId) -> Result<bool, StoreError> {
        let call = Call::script(Script::EndSession, self.keys.account(account))
            .arg(self.next_call())
            .arg(REMEMBER)
            .arg(id.as_str());
        Ok(self.link.call(call).await?.text()? == "ended")
    }

    pub(super) async fn end_other_sessions(&self, account: AccountId, keep: &SessionId) -> Result<(), StoreError> {
        let call = Call::script(Script::EndOtherSessions, self.keys.account(account)).arg(keep.as_str());
        self.link.call(call).await.map(drop)
    }
}
