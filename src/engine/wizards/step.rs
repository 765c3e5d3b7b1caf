use crate::engine::ports::{AccountWrite, Attempt, Door, EndSessions, Subject, Verdict};
use crate::engine::{Call, CodeInput, Engine, Input, Reason, Refused, Standing, verdicts};
use crate::identity::{Account, LoginName};
use crate::workflow::{Challenge, Event, Evidence, Fact, Known, Purpose, Transition, WizardId, decide};

use super::Gate;
use super::check::Checked;
use super::lower::{Found, Plan, Scene, operation};
use super::open::Opened;
use super::refusals::{leads_nowhere, refusal};

/// How often an account may change under one step before the step gives up. Orders may come in a quick row, and each is
/// one change.
const PATIENCE: usize = 16;

impl Engine {
    /// Takes one step of a wizard: load → decide → count on the account → commit → deliver.
    ///
    /// # Errors
    /// [`Refused`]; the wizard then stands where it stood, unless the reason is a lock, which ends it.
    pub async fn step(&self, call: &Call, id: WizardId, gate: Gate<'_>, input: Input) -> Result<Standing, Refused> {
        let mut opened = self.open(call, id, gate, Some(&input)).await?;
        match self.replay(call, &opened.wizard) {
            Ok(Some(answer)) => return answer,
            Ok(None) => {}
            Err(refused) => {
                self.forget_answer(&opened).await;
                return Err(refused);
            }
        }
        match self.resolve(call, &mut opened, &input).await {
            Ok(plan) => self.settle(call, &opened, plan).await,
            Err(refused) => {
                self.remember_refusal(call, &opened, &refused).await;
                Err(refused)
            }
        }
    }

    /// Decides a step and has the account judge it: what remains to be done is to settle it.
    pub(super) async fn resolve(&self, call: &Call, opened: &mut Opened, input: &Input) -> Result<Plan, Refused> {
        if opened.is_locked_out() {
            return Err(opened.refuse(Refused::new(Reason::TooManyAttempts)));
        }
        let event = event(input);
        self.heed(opened).await?;
        // What does not fit here is refused before any hash is computed or any guess is counted.
        self.decide(opened, &event, Known::Wrong, false)?;
        if let Some(until) = opened.address_blocked {
            return Err(opened.refuse(Refused::new(Reason::TooManyAttempts).until(until, opened.now)));
        }
        // Held until the guess is counted.
        let turn = self.take_turn(call, opened, input).await?;
        for _ in 0..PATIENCE {
            opened.obey(&self.policy, false)?;
            let mut checked = self.check(call, opened, &event, input, turn.as_ref()).await?;
            if opened.workflow.purpose == Purpose::Recover && checked.right() == Some(true) {
                self.recall(opened).await?;
                checked = self.check(call, opened, &event, input, turn.as_ref()).await?;
            }
            opened.obey(&self.policy, checked.right() == Some(true))?;
            let transition = self.decide(opened, &event, checked.known(), checked.device())?;
            let transition = self.go_on(opened, transition)?;
            let plan = self.plan(call, opened, &event, input, &checked, &transition)?;
            match self.judge_plan(call, opened, &checked, &plan).await? {
                Verdict::Accepted => return Ok(plan),
                Verdict::Stale(account) => self.catch_up(opened, *account).await?,
                Verdict::Gone => (opened.account, opened.ordered) = (None, None),
                verdict => return Err(self.refuse_attempt(call, opened, &event, &checked, verdict).await),
            }
        }
        Err(opened.refuse(Refused::new(Reason::WizardChanged)))
    }

    fn decide(&self, opened: &Opened, event: &Event, known: Known, device: bool) -> Result<Transition, Refused> {
        let evidence = Evidence { account: opened.account.as_ref(), known, device, policy: &self.policy };
        decide(&opened.workflow, &opened.wizard, event, evidence, opened.now).map_err(|rejection| {
            let mut refused = opened.refuse(refusal(&rejection, opened.now));
            let signs_in = opened.workflow.purpose == Purpose::SignIn;
            refused.restart = signs_in && leads_nowhere(&rejection, opened.account.as_ref());
            refused
        })
    }

    fn plan(
        &self,
        call: &Call,
        opened: &Opened,
        event: &Event,
        input: &Input,
        checked: &Checked,
        transition: &Transition,
    ) -> Result<Plan, Refused> {
        // A wrong password tells nothing of an account.
        let account = opened.account.as_ref().filter(|_| checked.right() != Some(false));
        let remember =
            matches!(input, Input::Code(CodeInput { remember: true, .. }) | Input::Recovery { remember: true, .. });
        let (mut found, now) = (checked.found(), opened.now);
        // A wrong guess is no proof, and nothing is written by it.
        found.ordered =
            opened.ordered.as_ref().filter(|_| checked.right() != Some(false)).map(|by| by.switched.clone());
        let scene = Scene { event: Some(event), account, client: &call.client, found, remember, now };
        let mut plan = self.lower(&opened.wizard, transition, &scene).map_err(|refused| opened.refuse(refused))?;
        if let Checked::Code { right: true, method, .. } = checked {
            if plan.message.is_none() {
                plan.wizard.sends.outstanding = None;
            }
            // A confirmation is worth its token and no more: the session is none the fresher for it.
            if let (Some(session), Purpose::Enable(_) | Purpose::Disable(_)) =
                (&opened.wizard.session, opened.workflow.purpose)
            {
                plan.write.proved = Some((session.clone(), *method));
            }
        }
        let ending = matches!(
            input,
            Input::Code(CodeInput { end_other_sessions: true, .. }) | Input::Recovery { end_other_sessions: true, .. }
        );
        if let Some(session) = &opened.wizard.session
            && ending
            && !plan.write.changes.is_empty()
        {
            plan.write.end_sessions = Some(EndSessions::AllBut(session.clone()));
        }
        Ok(plan)
    }

    /// Has the account's counters judge the attempt and, if it is accepted, the account changed: one atomic call. A step
    /// that checks nothing and changes nothing on the account needs none.
    async fn judge_plan(
        &self,
        call: &Call,
        opened: &mut Opened,
        checked: &Checked,
        plan: &Plan,
    ) -> Result<Verdict, Refused> {
        if matches!(checked, Checked::Nothing) && plan.write.send.is_none() && plan.write.account.is_none() {
            return Ok(Verdict::Accepted);
        }
        let verdict = self.store.judge(&self.attempt(opened, checked, plan)?).await?;
        // Whoever is not signed in could try a few guesses each at very many names.
        let is_stranger = matches!(checked, Checked::Password { .. })
            || (matches!(checked, Checked::Code { .. }) && opened.workflow.purpose == Purpose::Recover);
        match verdict {
            verdict @ (Verdict::Wrong { .. } | Verdict::Blocked { .. }) if is_stranger => {
                self.count_on_address(call, opened, verdict).await
            }
            verdict => Ok(verdict),
        }
    }

    fn attempt(&self, opened: &Opened, checked: &Checked, plan: &Plan) -> Result<Attempt, Refused> {
        let own = || match &opened.wizard.challenge {
            Some(Challenge { email: Some(_), .. }) => self.subject(&opened.wizard),
            _ => opened.account.as_ref().map(|account| Subject::Account(account.id)),
        };
        let (subject, door, spend, tries) = match checked {
            Checked::Password { subject, .. } => (Some(subject.clone()), Door::First, None, None),
            Checked::Code { spend, tries, .. } => (own(), Door::Second, spend.clone(), tries.clone()),
            Checked::Nothing => (own(), Door::Second, None, None),
        };
        let subject = subject.ok_or_else(|| opened.refuse(Refused::new(Reason::StepNotAllowed)))?;
        let known = matches!(subject, Subject::Account(_));
        let ladder = match door {
            Door::First => self.policy.first_factor,
            Door::Second => self.policy.second_factor,
        };
        // What is only being turned on proves nothing of what is on: wrong guesses at that stay counted.
        let right = match checked {
            Checked::Code { right: true, enrolled: false, .. } => None,
            _ => checked.right(),
        };
        let write = if right == Some(false) { AccountWrite::default() } else { plan.write.clone() };
        Ok(Attempt {
            request: self.request(),
            now: opened.now,
            subject,
            revision: opened.account.as_ref().filter(|_| known).map(|account| account.revision),
            door,
            ladder,
            right,
            spend,
            operation: operation(&opened.wizard),
            tries,
            write,
        })
    }

    /// The account has changed since it was copied: goes on with what it is now, and mends the copy. A wizard in which
    /// the password was given goes on only while that is still the password.
    pub(super) async fn catch_up(&self, opened: &mut Opened, account: Account) -> Result<(), Refused> {
        opened.disobey();
        // A password that was only hashed anew, at another sign-in, is still the password: that leaves the epoch alone.
        let changed = opened
            .account
            .as_ref()
            .is_none_or(|old| old.epoch != account.epoch && old.password_hash != account.password_hash);
        if changed && opened.name.is_none() && opened.wizard.facts.holds(Fact::PasswordVerified) {
            return Err(Refused::new(Reason::WizardNotFound));
        }
        if opened.proves_too_little(&account) {
            return Err(opened.refuse(Refused::new(Reason::StepUpRequired)));
        }
        if opened.name.is_some() {
            self.store.refresh_names(&account, &account.login_names(&self.policy.names)).await?;
        }
        opened.account = Some(account);
        Ok(())
    }

    /// The account that a way back in leads to, as it is now and while it still has the address: it was found under its
    /// name, where a copy may be behind, and was not looked at since. Asked only once the code is known to be right, so
    /// that a wrong one takes as long for an address that nobody has.
    async fn recall(&self, opened: &mut Opened) -> Result<(), Refused> {
        let Some(copy) = &opened.account else { return Ok(()) };
        let name = |account: &Account| LoginName::of_email(&account.email, &self.policy.names);
        let (named, epoch, begun) = (name(copy), copy.epoch, opened.wizard.created_at);
        // A password or factor that was changed since ends the way back; a copy that was behind already does not.
        let same = |account: &Account| name(account) == named && (account.epoch == epoch || account.updated_at < begun);
        opened.account = self.store.account(copy.id).await?.filter(same);
        Ok(())
    }

    /// The refusal for a verdict other than accepted; a lock ends the wizard.
    async fn refuse_attempt(
        &self,
        call: &Call,
        opened: &mut Opened,
        event: &Event,
        checked: &Checked,
        verdict: Verdict,
    ) -> Refused {
        let second = matches!(checked, Checked::Code { .. });
        self.note_failure(call, opened, checked, &verdict);
        let wrong = if second { Reason::InvalidCode } else { Reason::InvalidCredentials };
        let mut refused = verdicts::refused(&verdict, wrong, opened.now);
        if refused.reason == Reason::AccountLocked && matches!(checked, Checked::Password { .. }) {
            refused.reason = Reason::TooManyAttempts;
        }
        if let Some(until) = opened.address_blocked {
            refused = Refused::new(Reason::TooManyAttempts).until(until, opened.now);
        }
        let locked = match verdict {
            Verdict::Wrong { blocked_until, exhausted, .. } => blocked_until.is_some() || exhausted,
            Verdict::Spent { blocked_until, .. } => blocked_until.is_some(),
            Verdict::Blocked { .. } | Verdict::Exhausted => true,
            Verdict::OverBudget { .. } | Verdict::Accepted | Verdict::Stale(_) | Verdict::Gone => false,
        };
        if second && locked {
            self.kill(call, opened, event).await;
        }
        // After that, so that the answer tells where the wizard stands now.
        opened.refuse(refused)
    }

    /// Ends the wizard along the `locked` edge of its step. Losing the race to do so is as good as winning it, and a
    /// store that does not answer leaves a wizard whose account is locked.
    async fn kill(&self, call: &Call, opened: &mut Opened, event: &Event) {
        let Ok(transition) = self.decide(opened, event, Known::Locked, false) else { return };
        let (account, now) = (opened.account.as_ref(), opened.now);
        let scene =
            Scene { event: Some(event), account, client: &call.client, found: Found::default(), remember: false, now };
        let Ok(plan) = self.lower(&opened.wizard, &transition, &scene) else { return };
        match self.store.commit_wizard(&self.request(), &plan.wizard).await {
            Ok(_) => opened.wizard = plan.wizard,
            Err(error) => tracing::warn!(%error, wizard = %opened.wizard.id, "a locked wizard could not be ended"),
        }
    }
}

fn event(input: &Input) -> Event {
    match input {
        Input::Password { .. } => Event::Password,
        Input::Choose(factor) => Event::Choose(*factor),
        Input::Code(code) => Event::Code(code.factor),
        Input::Phone(phone) => Event::Phone(phone.clone()),
        Input::Resend => Event::Resend,
        Input::Recovery { .. } => Event::Recovery,
        Input::Enrol { factor, phone } => Event::Enrol(*factor, phone.clone()),
    }
}
