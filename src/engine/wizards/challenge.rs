use crate::engine::ports::{EventKind, Spend, Subject};
use crate::engine::{Call, Caller, Engine, FieldProblem, Reason, Refused};
use crate::identity::{Email, Factor, LoginName, SuccessToken};
use crate::workflow::{Challenge, Purpose, Wizard, WizardId};

use super::Started;
use super::start::Begin;

impl Engine {
    /// Starts confirming that whoever is signed in is still there: by `pick`, else by the strongest factor that is on,
    /// else by a code to the account's address. The success token is for `purpose`, else for Stepgate's own calls.
    ///
    /// # Errors
    /// [`Reason::MethodNotEnabled`] when `pick` is not on, [`Reason::Invalid`] for a text that is no purpose; as
    /// [`Engine::start_enable`].
    pub async fn start_challenge(
        &self,
        call: &Call,
        token: &str,
        pick: Option<Factor>,
        purpose: Option<&str>,
    ) -> Result<Started, Refused> {
        let purpose = purpose.unwrap_or(SuccessToken::STEP_UP);
        if !SuccessToken::is_purpose(purpose) || purpose == SuccessToken::PASSWORD_RESET {
            return Err(Refused::new(Reason::Invalid).field("purpose", FieldProblem::Purpose));
        }
        let caller = self.authenticate(token).await?;
        let challenge = Some(Challenge { purpose: purpose.to_owned(), pick, email: None });
        self.start(call, Purpose::Challenge, Begin { caller: Some(caller), challenge, ..Begin::default() }).await
    }

    /// Starts getting back in: a code to `email`, if an account has it. The answer and the work are the same if none
    /// has. Three round trips.
    ///
    /// # Errors
    /// When the client's address is blocked, too many codes were sent to this address, or passwords are kept elsewhere.
    pub async fn start_recovery(&self, call: &Call, email: Email) -> Result<Started, Refused> {
        if self.directory.is_some() {
            return Err(Refused::new(Reason::PasswordElsewhere));
        }
        let now = self.clock.now();
        let name = LoginName::of_email(&email, &self.policy.names);
        let nowhere = WizardId::from_bytes(self.entropy.bytes());
        let (_, account, blocked) = self.store.open_sign_in(nowhere, &name, &call.address, now).await?;
        if let Some(until) = blocked {
            return Err(Refused::new(Reason::TooManyAttempts).until(until, now));
        }
        // The copy under the name may be a step behind the account.
        let account = account.filter(|account| LoginName::of_email(&account.email, &self.policy.names) == name);
        let event = self.happening(EventKind::RecoveryStarted).in_call(call);
        self.note(match &account {
            Some(account) => event.to(account.id),
            None => event,
        });
        let purpose = SuccessToken::PASSWORD_RESET.to_owned();
        let challenge = Some(Challenge { purpose, pick: Some(Factor::Email), email: Some(email) });
        self.start(call, Purpose::Recover, Begin { account, challenge, ..Begin::default() }).await
    }

    /// What using up a success token takes, if the session is not fresh by itself: `None` when a factor was proved in it
    /// a while ago at most.
    ///
    /// # Errors
    /// [`Reason::StepUpRequired`] when it is not fresh and the token is missing or no good.
    pub(in crate::engine) fn step_up(&self, caller: &Caller, success: Option<&str>) -> Result<Option<Spend>, Refused> {
        if self.is_fresh(caller) {
            return Ok(None);
        }
        let refused = || Refused::new(Reason::StepUpRequired);
        let token = self.success_token(success.ok_or_else(refused)?, SuccessToken::STEP_UP, Some(&caller.account));
        Ok(Some(Engine::spend_of(&token.map_err(|_| refused())?)))
    }

    pub(in crate::engine) fn is_fresh(&self, caller: &Caller) -> bool {
        let limit = super::lower::seconds(self.policy.step_up);
        let holds = |at| caller.account.factors_since.is_none_or(|since| since <= at);
        caller.session.factor.is_some_and(|(_, at)| self.clock.now() - at < limit && holds(at))
    }

    /// Who a wizard's attempts are counted on: its account, or the name that was typed by somebody who is not signed in.
    pub(super) fn subject(&self, wizard: &Wizard) -> Option<Subject> {
        let typed = wizard.challenge.as_ref().and_then(|challenge| challenge.email.as_ref());
        match (typed, &wizard.account) {
            (Some(email), _) => {
                let name = LoginName::of_email(email, &self.policy.names);
                Some(Subject::Name(self.keys.mac("recover", &[name.as_str()])))
            }
            (None, Some(account)) => Some(Subject::Account(account.id)),
            (None, None) => None,
        }
    }
}
