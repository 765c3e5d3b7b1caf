use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::engine::ports::{Attempt, Door, Spend, Subject, Verdict};
use crate::engine::{Call, Caller, Engine, Reason, Refused, Standing};
use crate::identity::{Account, Factor, Keys, Secret};
use crate::workflow::{
    self, Challenge, Evidence, Grant, Known, Opens, Purpose, Step, Transition, Wizard, WizardId, Workflow,
};

use super::Gate;
use super::lower::{Found, Plan, Scene, operation};
use super::open::{Opened, at};
use super::refusals::refusal;
use super::view::Shown;

/// A wizard that has begun, and the key that only its starter has.
#[derive(Debug, Clone)]
pub struct Started {
    pub standing: Standing,
    pub key: Secret,
}

/// What a wizard begins with, beside its workflow.
#[derive(Debug, Default)]
pub(super) struct Begin {
    /// Whoever is signed in.
    pub caller: Option<Caller>,
    /// The account that somebody who is not signed in named, if there is one.
    pub account: Option<Account>,
    pub challenge: Option<Challenge>,
    /// The success token that is used up by this start.
    pub confirmed: Option<Spend>,
}

/// A wizard at its first place, and the way to it.
pub(super) struct Outset {
    pub workflow: Arc<Workflow>,
    /// As it is before the way is gone.
    pub wizard: Wizard,
    pub key: Secret,
    pub transition: Transition,
}

impl Engine {
    /// Starts a sign-in. One round trip.
    ///
    /// # Errors
    /// When sign-in is switched off, or the store gives no answer.
    pub async fn start_sign_in(&self, call: &Call) -> Result<Started, Refused> {
        self.start(call, Purpose::SignIn, Begin::default()).await
    }

    /// Starts turning a factor on. A factor that is on already must be turned off first.
    ///
    /// # Errors
    /// When the token opens no session, the factor is on, a code cannot be sent, or the store gives no answer.
    pub async fn start_enable(
        &self,
        call: &Call,
        token: &str,
        factor: Factor,
        success: Option<&str>,
    ) -> Result<Started, Refused> {
        let caller = self.authenticate(token).await?;
        if caller.account.has(factor) {
            return Err(Refused::new(Reason::MethodAlreadyEnabled));
        }
        if !self.policy.allowed_factors(&caller.account).contains(&factor) {
            return Err(Refused::new(Reason::MethodNotAllowed));
        }
        let confirmed = match caller.account.enabled().is_empty() {
            true => None,
            false => self.step_up(&caller, success)?,
        };
        self.start(call, Purpose::Enable(factor), Begin { caller: Some(caller), confirmed, ..Begin::default() }).await
    }

    /// Starts turning a factor off.
    ///
    /// # Errors
    /// As [`Self::start_enable`]; also when the factor is not on.
    pub async fn start_disable(
        &self,
        call: &Call,
        token: &str,
        factor: Factor,
        success: Option<&str>,
    ) -> Result<Started, Refused> {
        let caller = self.authenticate(token).await?;
        if !caller.account.has(factor) {
            return Err(Refused::new(Reason::MethodNotEnabled));
        }
        let google = caller.account.factors.google.as_ref().filter(|_| factor == Factor::Google);
        if google.is_some_and(|google| !google.is_open_to(call.surface)) {
            return Err(Refused::new(Reason::MethodNotAllowed));
        }
        let confirmed = self.step_up(&caller, success)?;
        self.start(call, Purpose::Disable(factor), Begin { caller: Some(caller), confirmed, ..Begin::default() }).await
    }

    pub(super) async fn start(&self, call: &Call, purpose: Purpose, begin: Begin) -> Result<Started, Refused> {
        let confirmed = begin.confirmed.clone();
        let Outset { workflow, wizard, key, transition } = self.outset(call, purpose, begin)?;
        let (account, now) = (wizard.account.clone(), wizard.created_at);
        let (found, account_now) = (Found::default(), account.as_ref());
        let scene = Scene { event: None, account: account_now, client: &call.client, found, remember: false, now };
        let plan = self.lower(&wizard, &transition, &scene)?;
        self.reserve(&wizard, &plan, confirmed, now).await?;
        self.store.create_wizard(&plan.wizard).await?;
        let standing = self.standing(&plan.wizard, &workflow, Shown::default())?;
        let opened = Opened {
            wizard: plan.wizard.clone(),
            workflow,
            account,
            orders: self.store.orders(),
            ordered: None,
            name: None,
            address_blocked: None,
            read_at: self.moment(),
            vouched: None,
            fresh: false,
            stored: true,
            now,
        };
        // A send that fails here leaves a wizard that can be asked to send again.
        let standing = self.deliver(call, &opened, plan, standing).await?;
        Ok(Started { standing, key })
    }

    /// A wizard that has begun and is not kept anywhere yet.
    pub(super) fn outset(&self, call: &Call, purpose: Purpose, begin: Begin) -> Result<Outset, Refused> {
        let workflow = self.definitions.by_purpose(purpose).filter(|workflow| workflow.enabled);
        let workflow = workflow.ok_or_else(|| Refused::new(Reason::WorkflowDisabled))?;
        let now = self.clock.now();
        let key = Secret::new(data_encoding::BASE64URL_NOPAD.encode(&self.entropy.bytes::<16>()));
        let wizard = self.blank(call, &workflow, begin, &key, now);
        let account = wizard.account.as_ref();
        let evidence = Evidence { account, known: Known::Right, device: false, policy: &self.policy };
        let transition =
            workflow::begin(&workflow, &wizard, evidence, now).map_err(|rejection| refusal(&rejection, now))?;
        Ok(Outset { workflow, wizard, key, transition })
    }

    fn blank(&self, call: &Call, workflow: &Workflow, begin: Begin, key: &Secret, now: DateTime<Utc>) -> Wizard {
        let (account, session) = begin.caller.map(|caller| (caller.account, caller.session.id)).unzip();
        Wizard {
            id: WizardId::from_bytes(self.entropy.bytes()),
            revision: 0,
            workflow: workflow.name.clone(),
            digest: workflow.digest.clone(),
            step: workflow.start.clone(),
            ended: false,
            facts: workflow.purpose.at_start(),
            created_at: now,
            expires_at: now + chrono::TimeDelta::seconds(i64::from(workflow.lifetime)),
            key: Keys::token_digest(key.expose()),
            account: account.or(begin.account),
            session,
            pending: Default::default(),
            sends: Default::default(),
            client_kind: call.client.kind.clone(),
            challenge: begin.challenge,
            chosen: false,
            surface: call.surface,
            opens: Opens::Tokens,
            answered: None,
        }
    }

    /// A workflow that begins by sending a code needs leave for it, and one that was confirmed uses the confirmation up.
    async fn reserve(
        &self,
        wizard: &Wizard,
        plan: &Plan,
        confirmed: Option<Spend>,
        now: DateTime<Utc>,
    ) -> Result<(), Refused> {
        if plan.write.send.is_none() && confirmed.is_none() {
            return Ok(());
        }
        let Some(subject) = self.subject(wizard) else { return Ok(()) };
        let known = matches!(subject, Subject::Account(_));
        let attempt = Attempt {
            request: self.request(),
            now,
            subject,
            revision: wizard.account.as_ref().filter(|_| known).map(|account| account.revision),
            door: Door::Second,
            ladder: self.policy.second_factor,
            right: None,
            spend: confirmed,
            operation: operation(wizard),
            tries: None,
            write: plan.write.clone(),
        };
        match self.store.judge(&attempt).await? {
            Verdict::Accepted => Ok(()),
            Verdict::Blocked { until } => Err(Refused::new(Reason::AccountLocked).until(until, now)),
            Verdict::OverBudget { until } => Err(Refused::new(Reason::TooManySends).until(until, now)),
            Verdict::Gone => Err(Refused::new(Reason::Unauthorized)),
            Verdict::Spent { .. } => Err(Refused::new(Reason::StepUpRequired)),
            Verdict::Stale(_) | Verdict::Wrong { .. } | Verdict::Exhausted => Err(Refused::new(Reason::WizardChanged)),
        }
    }

    /// Where a wizard stands. One round trip, no effect.
    ///
    /// # Errors
    /// When there is no such wizard for this caller, or it was ended by too many wrong guesses.
    pub async fn look(&self, call: &Call, id: WizardId, gate: Gate<'_>) -> Result<Standing, Refused> {
        let opened = self.open(call, id, gate, None).await?;
        if opened.is_locked_out() {
            return Err(opened.refuse(Refused::new(Reason::TooManyAttempts)));
        }
        self.standing(&opened.wizard, &opened.workflow, Shown::default())
    }

    /// Ends a wizard without granting anything; from then on there is no such wizard.
    ///
    /// # Errors
    /// As [`Self::look`]; [`Reason::StepNotAllowed`] when it is over already, [`Reason::WizardChanged`] when a step came
    /// first.
    pub async fn cancel(&self, call: &Call, id: WizardId, gate: Gate<'_>) -> Result<(), Refused> {
        let opened = self.open(call, id, gate, None).await?;
        if opened.wizard.ended {
            return Err(opened.refuse(Refused::new(Reason::StepNotAllowed)));
        }
        debug_assert!(
            matches!(opened.workflow.step(&opened.workflow.cancel), Some(Step::End(end)) if end.grants == Grant::Nothing)
        );
        let mut next: Wizard = opened.wizard.clone();
        next.revision += 1;
        next.step = opened.workflow.cancel.clone();
        next.ended = true;
        next.account = None::<Account>;
        next.pending = Default::default();
        next.sends = Default::default();
        next.answered = None;
        match self.store.commit_wizard(&self.request(), &next).await? {
            crate::engine::ports::Commit::Done => Ok(()),
            crate::engine::ports::Commit::Lost(Some(current)) => {
                Err(at(Refused::new(Reason::WizardChanged), &current, &opened.workflow))
            }
            crate::engine::ports::Commit::Lost(None) => Err(Refused::new(Reason::WizardNotFound)),
        }
    }
}
