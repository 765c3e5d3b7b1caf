use crate::engine::ports::{AccountWrite, Attempt, Directory, Door, Subject, Verdict};
use crate::engine::{Call, Engine, Refused, Turn};
use crate::identity::{Account, Email, LoginName, NameRules, Secret};

use super::check::Checked;
use super::lower::operation;
use super::open::Opened;
use super::turn::overloaded;

/// What the operator's directory has said in this step: its name for whoever has this name and password.
pub(super) struct Vouched(Option<String>);

impl Engine {
    /// Asks the operator's directory whose password this is: once a step, however often the step is decided anew, and
    /// within the turn that is given back.
    ///
    /// It is not asked while the name is blocked, so that nobody hammers it by guesses that are refused anyhow. That
    /// tells nobody which names exist: those that nobody has are blocked alike, and the answer says so by itself. Nor is
    /// it asked about an empty password, which some directories take for a sign-in of nobody in particular
    /// (RFC 4513 §5.1.2).
    pub(super) async fn ask_directory(
        &self,
        directory: &dyn Directory,
        call: &Call,
        opened: &mut Opened,
        name: &str,
        password: &Secret,
    ) -> Result<Option<Turn>, Refused> {
        opened.vouched = Some(Vouched(None));
        let suspect = self.suspect(opened);
        if password.expose().is_empty() || self.is_blocked(opened, &suspect).await? {
            return Ok(None);
        }
        let turn = self.turn_of(call, opened, |crowded| opened.refuse(overloaded(crowded))).await?;
        let login = self.login(opened, name);
        let person = directory.check(&turn, &call.request_id, login.as_str(), password).await;
        let Some(person) = person.map_err(|error| opened.refuse(error.into()))? else { return Ok(Some(turn)) };
        let Some(account) = self.account_of(call, &person).await? else { return Ok(Some(turn)) };
        // The failures were counted on the name that was typed, so that is what must not be blocked by now.
        let elsewhere = suspect != Subject::Account(account.id);
        if elsewhere && (opened.name.is_none() || self.is_blocked(opened, &suspect).await?) {
            return Ok(Some(turn));
        }
        (opened.account, opened.ordered) = (Some(account), None);
        opened.vouched = Some(Vouched(Some(person.id)));
        Ok(Some(turn))
    }

    /// What the directory's answer says of the account as it is now.
    pub(super) fn vouched(&self, call: &Call, opened: &Opened, vouched: &Vouched) -> Checked {
        let theirs = |account: &&Account| vouched.0.is_some() && account.external_id == vouched.0;
        match opened.account.as_ref().filter(theirs) {
            Some(account) => {
                let (subject, device) = (Subject::Account(account.id), self.shown_device(call, opened, account));
                Checked::Password { right: true, subject, device, renewed: None }
            }
            None => Checked::Password { right: false, subject: self.suspect(opened), device: None, renewed: None },
        }
    }

    /// Whether no password is looked at for this subject; nothing is counted.
    async fn is_blocked(&self, opened: &Opened, subject: &Subject) -> Result<bool, Refused> {
        let attempt = Attempt {
            request: self.request(),
            now: opened.now,
            subject: subject.clone(),
            revision: None,
            door: Door::First,
            ladder: self.policy.first_factor,
            right: None,
            spend: None,
            operation: operation(&opened.wizard),
            tries: None,
            write: AccountWrite::default(),
        };
        Ok(matches!(self.store.judge(&attempt).await?, Verdict::Blocked { .. }))
    }

    /// The name as the directory is told it, in lower case and NFKC: one text for all spellings that share a limit. One
    /// that only our rule about dots makes a known address is told as that address.
    fn login(&self, opened: &Opened, typed: &str) -> LoginName {
        let is_meant = |email: &&Email| {
            opened.name.as_ref().is_none_or(|name| LoginName::of_email(email, &self.policy.names) == *name)
        };
        let known = opened.account.as_ref().map(|account| &account.email).filter(is_meant);
        LoginName::of_typed(known.map_or(typed, Email::as_str), &NameRules::default())
    }
}
