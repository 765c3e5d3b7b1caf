use chrono::{DateTime, Utc};

use crate::engine::ports::{AddressKey, Commit, RequestId, StoreError};
use crate::identity::{Account, LoginName};
use crate::workflow::{Wizard, WizardId};

use super::call::{Call, Script};
use super::keys::request;
use super::{RedisStore, record};

impl RedisStore {
    pub(super) async fn create_wizard(&self, wizard: &Wizard) -> Result<(), StoreError> {
        // Only if there is none: a copy of this command that arrives late must not undo a step.
        let call = Call::command("SET")
            .arg(self.keys.wizard(wizard.id))
            .arg(record::wizard(wizard, "-")?)
            .arg("NX")
            .arg("PX")
            .arg(record::life(wizard.created_at, wizard.expires_at));
        self.link.call(call).await.map(drop)
    }

    pub(super) async fn wizard(&self, id: WizardId) -> Result<Option<Wizard>, StoreError> {
        let [found] = self.reading([self.get_wizard(id)]).await?;
        found.optional_text()?.as_deref().map(record::read_wizard).transpose()
    }

    pub(super) async fn commit_wizard(&self, id: &RequestId, next: &Wizard) -> Result<Commit, StoreError> {
        let call = Call::script(Script::CommitWizard, self.keys.wizard(next.id))
            .arg(request(id))
            .arg(next.revision)
            .arg(record::millis(next.expires_at))
            .arg(record::to_json(next)?);
        let answer = self.link.call(call).await?.text()?;
        match answer.split_once('|') {
            None if answer == "done" => Ok(Commit::Done),
            None if answer == "gone" => Ok(Commit::Lost(None)),
            Some(("lost", stored)) => Ok(Commit::Lost(Some(Box::new(record::read_wizard(stored)?)))),
            _ => Err(record::damaged("the answer to a commit")),
        }
    }

    pub(super) async fn open_sign_in(
        &self,
        id: WizardId,
        name: &LoginName,
        address: &AddressKey,
        now: DateTime<Utc>,
    ) -> Result<(Option<Wizard>, Option<Account>, Option<DateTime<Utc>>), StoreError> {
        let tally = Call::command("GET").arg(self.keys.address(address));
        let [wizard, holder, tally] = self.reading([self.get_wizard(id), self.get_name(name), tally]).await?;
        let wizard = wizard.optional_text()?.as_deref().map(record::read_wizard).transpose()?;
        let account = match holder.optional_text()? {
            Some(holder) => self.named_account(name, &holder).await?,
            None => None,
        };
        let tally = tally.optional_text()?.as_deref().map(record::read_tally).transpose()?.unwrap_or_default();
        let blocked = tally.blocked(record::millis(now)).map(record::time).transpose()?;
        Ok((wizard, account, blocked))
    }

    fn get_wizard(&self, id: WizardId) -> Call {
        Call::command("GET").arg(self.keys.wizard(id))
    }
}
