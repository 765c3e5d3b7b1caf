use crate::engine::ports::{NameTaken, StoreError};
use crate::identity::{Account, AccountId, LoginName};

use super::RedisStore;
use super::attempts::REMEMBER;
use super::call::{Call, Script};
use super::names::{Claim, Claimed, read_name};
use super::record;

impl RedisStore {
    pub(super) fn get_account(&self, id: AccountId) -> Call {
        Call::command("GET").arg(self.keys.account(id))
    }

    pub(super) async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        let [found] = self.reading([self.get_account(id)]).await?;
        found.optional_text()?.as_deref().map(record::read_account).transpose()
    }

    pub(super) async fn account_by_name(&self, name: &LoginName) -> Result<Option<Account>, StoreError> {
        let [found] = self.reading([self.get_name(name)]).await?;
        match found.optional_text()? {
            Some(record) => self.holder(name, read_name(&record)?.0).await,
            None => Ok(None),
        }
    }

    /// Number, claims, account, copies: four round trips. A crash after the first leaves an unused number; after the
    /// second, names that may be taken over in ten seconds and a line in the index that leads nowhere; after the third, an
    /// account that is complete, whose copies the next sign-in fills in.
    pub(super) async fn create_account(
        &self,
        mut account: Account,
        names: &[LoginName],
    ) -> Result<Result<Account, NameTaken>, StoreError> {
        let [number] = self.reading([Call::command("INCR").arg(self.keys.ids())]).await?;
        account.id = AccountId(number.number()?);
        account.revision = 1;
        account.order = self.orders().of_newcomer();
        let claim = Claim { account: account.id, id: self.next_call(), at: account.created_at, names };
        // Listed before it exists rather than after: a line that leads nowhere is skipped, a missing one is never found.
        let listed = Call::command("ZADD").arg(self.keys.accounts()).arg(account.id.0).arg(account.id.0);
        let (claimed, listed) = futures_util::join!(self.claim(&claim), self.link.call(listed));
        listed?;
        if let Claimed::Taken(name) = claimed? {
            self.unlist(account.id).await?;
            return Ok(Err(NameTaken(name)));
        }
        let write = Call::script(Script::CreateAccount, self.keys.account(account.id))
            .arg(&claim.id)
            .arg(record::account(&account, names)?);
        if self.link.call(write).await?.text()? == "lost" {
            self.release(account.id, names, None).await?;
            self.unlist(account.id).await?;
            return Ok(Err(NameTaken(self.lost_name(names))));
        }
        self.refresh_names(&account, names).await?;
        Ok(Ok(account))
    }

    /// Claims, account, copies and old names: three round trips, two when no name is new. A crash after the first leaves
    /// claims that may be taken over in ten seconds; after the second, the old names still find the account at sign-in,
    /// until the same call is repeated, which then finishes the work, or somebody asks for them: the account itself says
    /// that it no longer has them.
    pub(super) async fn replace_account(
        &self,
        next: &Account,
        old_names: &[LoginName],
        names: &[LoginName],
    ) -> Result<Result<bool, NameTaken>, StoreError> {
        let wanted: Vec<LoginName> = names.iter().filter(|name| !old_names.contains(name)).cloned().collect();
        let claim = Claim { account: next.id, id: self.next_call(), at: next.updated_at, names: &wanted };
        let fresh = match wanted.is_empty() {
            true => vec![],
            false => match self.claim(&claim).await? {
                Claimed::All(fresh) => fresh,
                Claimed::Taken(name) => return Ok(Err(NameTaken(name))),
            },
        };
        let write = Call::script(Script::ReplaceAccount, self.keys.account(next.id))
            .arg(&claim.id)
            .arg(next.revision)
            .arg(record::account(next, names)?);
        let answer = self.link.call(write).await?.text()?;
        if answer != "done" {
            self.release(next.id, &fresh, Some(&claim.id)).await?;
            let lost = answer == "lost";
            return Ok(if lost { Err(NameTaken(self.lost_name(&wanted))) } else { Ok(false) });
        }
        let left: Vec<LoginName> = old_names.iter().filter(|name| !names.contains(name)).cloned().collect();
        let (copied, released) =
            futures_util::join!(self.refresh_names(next, names), self.release(next.id, &left, None));
        copied.and(released)?;
        Ok(Ok(true))
    }

    /// Account first, then names and index. A crash in between leaves names that find an account which is gone: signing
    /// in fails, and whoever asks for such a name gets it.
    pub(super) async fn delete_account(&self, id: AccountId, names: &[LoginName]) -> Result<bool, StoreError> {
        let delete = Call::script(Script::DeleteAccount, self.keys.account(id)).arg(self.next_call()).arg(REMEMBER);
        let deleted = self.link.call(delete).await?.text()? == "deleted";
        let (released, unlisted) = futures_util::join!(self.release(id, names, None), self.unlist(id));
        released.and(unlisted)?;
        Ok(deleted)
    }

    /// A page that crashes have thinned out is filled up with further round trips.
    pub(super) async fn accounts(&self, after: Option<AccountId>, limit: usize) -> Result<Vec<Account>, StoreError> {
        let (mut found, mut after) = (Vec::new(), after.map_or(0, |id| id.0));
        while found.len() < limit {
            let missing = limit - found.len();
            let page = Call::command("ZRANGE")
                .arg(self.keys.accounts())
                .arg(format!("({after}"))
                .arg("+inf")
                .arg("BYSCORE")
                .arg("LIMIT")
                .arg(0)
                .arg(missing);
            let ids = self.link.call(page).await?.texts()?;
            let ids: Vec<AccountId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
            let Some(last) = ids.last() else { break };
            after = last.0;
            let calls: Vec<Call> = ids.iter().map(|id| self.get_account(*id)).collect();
            for reply in self.reading_all(calls).await? {
                found.extend(reply.optional_text()?.as_deref().map(record::read_account).transpose()?);
            }
            if ids.len() < missing {
                break;
            }
        }
        Ok(found)
    }

    async fn unlist(&self, id: AccountId) -> Result<(), StoreError> {
        self.link.call(Call::command("ZREM").arg(self.keys.accounts()).arg(id.0)).await.map(drop)
    }

    /// The name to report when a claim was lost while this server slept on it: which one it was is not told.
    fn lost_name(&self, names: &[LoginName]) -> LoginName {
        names.first().cloned().unwrap_or_else(|| LoginName::of_typed("", &crate::identity::NameRules::default()))
    }
}
