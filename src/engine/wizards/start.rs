use chrono::{DateTime, Utc};

use crate::engine::ports::{Attempt, Door, Subject, Verdict};
use crate::engine::{Call, Caller, Engine, Reason, Refused, Standing};
use crate::identity::{Account, Factor, Keys, Secret};
use crate::workflow::{Evidence, Grant, Known, Purpose, Step, Wizard, WizardId, Workflow, begin};

use super::Gate;
use super::lower::{Plan, operation};
use super::open::{Opened, at};
use super::step::refusal;

/// A wizard that has begun, and the key that only its starter has.
#[derive(Debug, Clone)]
pub struct Started {
    pub standing: Standing,
    pub key: Secret,
}

impl Engine {
    /// Starts a sign-in. One round trip.
    ///
    /// # Errors
    /// When sign-in is switched off, or the store gives no answer.
    pub async fn start_sign_in(&self, call: &Call) -> Result<Started, Refused> {
        self.start(call, Purpose::SignIn, None).await
    }

    /// Starts turning a factor on. A factor that is on already must be turned off first.
    ///
    /// # Errors
    /// When the token opens no session, the factor is on, a code cannot be sent, or the store gives no answer.
    pub async fn start_enable(&self, call: &Call, token: &str, factor: Factor) -> Result<Started, Refused> {
        let caller = self.authenticate(token).await?;
        if caller.account.has(factor) {
            return Err(Refused::new(Reason::MethodAlreadyEnabled));
        }
        self.start(call, Purpose::Enable(factor), Some(caller)).await
    }

    /// Starts turning a factor off.
    ///
    /// # Errors
    /// As [`Self::start_enable`]; also when the factor is not on.
    pub async fn start_disable(&self, call: &Call, token: &str, factor: Factor) -> Result<Started, Refused> {
        let caller = self.authenticate(token).await?;
        if !caller.account.has(factor) {
            return Err(Refused::new(Reason::MethodNotEnabled));
        }
        self.start(call, Purpose::Disable(factor), Some(caller)).await
    }

    async fn start(&self, call: &Call, purpose: Purpose, caller: Option<Caller>) -> Result<Started, Refused> {
        let workflow = self.definitions.by_purpose(purpose).filter(|workflow| workflow.enabled);
        let workflow = workflow.ok_or_else(|| Refused::new(Reason::WorkflowDisabled))?;
        let now = self.clock.now();
        let key = Secret::new(data_encoding::BASE64URL_NOPAD.encode(&self.entropy.bytes::<16>()));
        let wizard = self.blank(call, &workflow, caller, &key, now);
        let account = wizard.account.clone();
        let evidence = Evidence { account: account.as_ref(), known: Known::Right, policy: &self.policy };
        let transition = begin(&workflow, &wizard, evidence, now).map_err(|rejection| refusal(&rejection, now))?;
        let plan = self.lower(&wizard, None, &transition, account.as_ref(), &call.client, now)?;
        self.reserve_send(&wizard, &plan, now).await?;
        self.store.create_wizard(&plan.wizard).await?;
        let standing = self.standing(&plan.wizard, &workflow, None)?;
        let opened = Opened {
            wizard: plan.wizard.clone(),
            workflow,
            account,
            name: None,
            address_blocked: None,
            vouched: None,
            now,
        };
        // A send that fails here leaves a wizard that can be asked to send again.
        let standing = self.deliver(call, &opened, plan, standing).await?;
        Ok(Started { standing, key })
    }

    fn blank(
        &self,
        call: &Call,
        workflow: &Workflow,
        caller: Option<Caller>,
        key: &Secret,
        now: DateTime<Utc>,
    ) -> Wizard {
        let (account, session) = caller.map(|caller| (caller.account, caller.session.id)).unzip();
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
            account,
            session,
            pending: Default::default(),
            sends: Default::default(),
            client_kind: call.client.kind.clone(),
            chosen: false,
            answered: None,
        }
    }

    /// A workflow that begins by sending a code needs the account's leave for it.
    async fn reserve_send(&self, wizard: &Wizard, plan: &Plan, now: DateTime<Utc>) -> Result<(), Refused> {
        let (Some(_), Some(account)) = (&plan.write.send, &wizard.account) else { return Ok(()) };
        let attempt = Attempt {
            request: self.request(),
            now,
            subject: Subject::Account(account.id),
            revision: Some(account.revision),
            door: Door::Second,
            ladder: self.policy.second_factor,
            right: None,
            spend: None,
            operation: operation(wizard),
            tries: None,
            write: plan.write.clone(),
        };
        match self.store.judge(&attempt).await? {
            Verdict::Accepted => Ok(()),
            Verdict::Blocked { until } => Err(Refused::new(Reason::AccountLocked).until(until, now)),
            Verdict::OverBudget { until } => Err(Refused::new(Reason::TooManySends).until(until, now)),
            Verdict::Gone => Err(Refused::new(Reason::Unauthorized)),
            Verdict::Stale(_) | Verdict::Wrong { .. } | Verdict::Exhausted | Verdict::Spent { .. } => {
                Err(Refused::new(Reason::WizardChanged))
            }
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
        self.standing(&opened.wizard, &opened.workflow, None)
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
