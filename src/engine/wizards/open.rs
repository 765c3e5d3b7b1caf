use std::sync::Arc;

use chrono::{DateTime, Utc};
use subtle::ConstantTimeEq;

use crate::engine::{Call, Caller, Engine, Input, Moment, Reason, Refused};
use crate::identity::{Account, Keys, LoginName, MfaOrders};
use crate::workflow::{Purpose, Wizard, WizardId, Workflow};

use super::obey::Ordered;
use super::vouch::Vouched;

/// Which wizards a route may touch, and who is asking.
#[derive(Debug, Clone, Copy)]
pub enum Gate<'a> {
    /// The sign-in routes: anybody, sign-in wizards only.
    SignIn,
    /// The enable and disable routes: wizards that this access token's session has started.
    Bearer(&'a str),
    /// The challenge route: as the challenge was started, with or without a session.
    Challenge(Option<&'a str>),
    /// Any of them, by the wizard's own kind; the token counts where the wizard asks for one.
    Own(Option<&'a str>),
}

/// A wizard that the caller may step, with what a step needs.
pub(super) struct Opened {
    pub wizard: Wizard,
    pub workflow: Arc<Workflow>,
    /// The account to decide upon: the wizard's own, or the one that the given name belongs to.
    pub account: Option<Account>,
    /// What was ordered of accounts when the wizard was loaded.
    pub orders: Arc<MfaOrders>,
    /// What became of `account` by that, once whoever is at the client has proved to be its owner.
    pub ordered: Option<Ordered>,
    /// The name given with a password, as it is looked up.
    pub name: Option<LoginName>,
    /// The end of the client address's block.
    pub address_blocked: Option<DateTime<Utc>>,
    /// Before that was read, in the course of turns at passwords.
    pub read_at: Moment,
    /// What the operator's directory says of the password, where it is asked instead of the account.
    pub vouched: Option<Vouched>,
    /// Whether the session has proved a factor a while ago at most.
    pub fresh: bool,
    /// Whether the store has the wizard. One that has only begun is written when it has to wait for somebody.
    pub stored: bool,
    pub now: DateTime<Utc>,
}

impl Engine {
    /// Loads the wizard together with whatever else the input needs: one round trip.
    pub(super) async fn open(
        &self,
        call: &Call,
        id: WizardId,
        gate: Gate<'_>,
        input: Option<&Input>,
    ) -> Result<Opened, Refused> {
        let (opened, ()) = tokio::join!(self.load(call, id, gate, input), self.keep_up(self.clock.now()));
        let opened = opened?;
        self.meet_keys(&opened.wizard, opened.account.as_ref()).await;
        Ok(opened)
    }

    async fn load(&self, call: &Call, id: WizardId, gate: Gate<'_>, input: Option<&Input>) -> Result<Opened, Refused> {
        let (now, read_at) = (self.clock.now(), self.moment());
        let (wizard, account, name, address_blocked, caller) = match (gate, input) {
            (Gate::SignIn, Some(Input::Password { name, .. })) => {
                let name = LoginName::of_typed(name, &self.policy.names);
                let (wizard, account, blocked) = self.store.open_sign_in(id, &name, &call.address, now).await?;
                (wizard, account, Some(name), blocked, None)
            }
            (Gate::SignIn | Gate::Own(None), _) => (self.store.wizard(id).await?, None, None, None, None),
            (Gate::Challenge(token), _) => {
                let (caller, found) = tokio::join!(self.caller(token), self.to_confirm(call, id, now));
                let (wizard, blocked) = found?;
                (wizard, None, None, blocked, caller)
            }
            (Gate::Bearer(token), _) => {
                let (caller, wizard) = tokio::join!(self.authenticate(token), self.store.wizard(id));
                (wizard?, None, None, None, Some(caller?))
            }
            (Gate::Own(Some(token)), _) => {
                let (caller, wizard) = tokio::join!(self.authenticate(token), self.store.wizard(id));
                (wizard?, None, None, None, caller.ok())
            }
        };
        let not_found = || Refused::new(Reason::WizardNotFound);
        let wizard = wizard.filter(|wizard| !wizard.is_over(now)).ok_or_else(not_found)?;
        let workflow = self.definitions.pinned(&*self.store, &wizard.workflow, &wizard.digest).await?;
        let here = wizard.surface == call.surface;
        let mine = here && self.shows_key(call, &wizard) && belongs(&wizard, &workflow, gate, caller.as_ref());
        if !mine || (wizard.ended && wizard.step == workflow.cancel) {
            return Err(not_found());
        }
        let account = account.or_else(|| name.is_none().then(|| wizard.account.clone()).flatten());
        let fresh = caller.is_some_and(|caller| self.is_fresh(&caller));
        // Whoever is signed in is limited by the account alone.
        let address_blocked = address_blocked.filter(|_| workflow.purpose != Purpose::Challenge);
        let (orders, ordered, vouched) = (self.store.orders(), None, None);
        Ok(Opened {
            wizard,
            workflow,
            account,
            orders,
            ordered,
            name,
            address_blocked,
            read_at,
            vouched,
            fresh,
            stored: true,
            now,
        })
    }

    async fn caller(&self, token: Option<&str>) -> Option<Caller> {
        self.authenticate(token?).await.ok()
    }

    /// A challenge, and the end of the client address's block, at once: under a name that nobody has.
    async fn to_confirm(
        &self,
        call: &Call,
        id: WizardId,
        now: DateTime<Utc>,
    ) -> Result<(Option<Wizard>, Option<DateTime<Utc>>), Refused> {
        let nobody = LoginName::of_typed("", &self.policy.names);
        let (wizard, _, blocked) = self.store.open_sign_in(id, &nobody, &call.address, now).await?;
        Ok((wizard, blocked))
    }

    /// A key that is shown must be the right one; whether one must be shown is configured.
    fn shows_key(&self, call: &Call, wizard: &Wizard) -> bool {
        match &call.wizard_key {
            Some(key) => Keys::token_digest(key.expose()).as_bytes().ct_eq(wizard.key.as_bytes()).into(),
            None => !self.settings.strict_binding,
        }
    }
}

fn belongs(wizard: &Wizard, workflow: &Workflow, gate: Gate<'_>, caller: Option<&Caller>) -> bool {
    let its_session = || {
        caller.is_some_and(|caller| {
            wizard.session.as_ref() == Some(&caller.session.id)
                && wizard.account.as_ref().is_none_or(|account| account.id == caller.account.id)
        })
    };
    match (workflow.purpose, gate) {
        (Purpose::SignIn, Gate::SignIn | Gate::Own(_)) => true,
        (Purpose::SignIn, Gate::Bearer(_) | Gate::Challenge(_)) => false,
        (Purpose::Enable(_) | Purpose::Disable(_), Gate::Bearer(_) | Gate::Own(_)) => its_session(),
        (Purpose::Enable(_) | Purpose::Disable(_), Gate::SignIn | Gate::Challenge(_)) => false,
        (Purpose::Challenge, Gate::Challenge(_) | Gate::Own(_)) => its_session(),
        (Purpose::Recover, Gate::Challenge(_) | Gate::Own(_)) => true,
        (Purpose::Challenge | Purpose::Recover, Gate::SignIn | Gate::Bearer(_)) => false,
    }
}

impl Opened {
    /// Whether the wizard was ended by too many wrong guesses.
    pub(super) fn is_locked_out(&self) -> bool {
        self.wizard.ended && self.workflow.locks_out(&self.wizard.step)
    }

    /// Whether an enrolment that was begun while nothing was on would put a further factor beside one that came on since:
    /// that needs what beginning it would need by now.
    pub(super) fn proves_too_little(&self, account: &Account) -> bool {
        let bare = self.account.as_ref().is_some_and(|begun| begun.enabled().is_empty());
        let enrols = matches!(self.workflow.purpose, Purpose::Enable(_));
        enrols && bare && !account.enabled().is_empty() && !self.fresh
    }

    /// The refusal with the wizard's present place.
    pub(super) fn refuse(&self, refused: Refused) -> Refused {
        at(refused, &self.wizard, &self.workflow)
    }
}

/// The refusal with the place of `wizard`.
pub(super) fn at(mut refused: Refused, wizard: &Wizard, workflow: &Workflow) -> Refused {
    refused.at = Some((wizard.id, workflow.shows(&wizard.step).to_owned()));
    refused
}
