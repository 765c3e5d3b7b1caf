use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::identity::{Factor, Phone, Recipient};
use crate::workflow::rules::Needs;
use crate::workflow::{Action, Ask, Fact, Facts, Grant, Outcome, Question, Step, TotpOf, Wait, Wizard, Workflow};

use super::{Effect, Event, Evidence, Known, Place, Rejection, Transition};

/// One decision under way.
pub(super) struct Walk<'a> {
    pub(super) workflow: &'a Workflow,
    pub(super) wizard: &'a Wizard,
    pub(super) event: &'a Event,
    pub(super) evidence: Evidence<'a>,
    pub(super) now: DateTime<Utc>,
    pub(super) facts: Facts,
    pub(super) effects: Vec<Effect>,
    pub(super) trail: Vec<(String, &'static str)>,
}

impl<'a> Walk<'a> {
    pub(super) fn waiting(&self, name: &str) -> Result<&'a Wait, Rejection> {
        self.workflow.waiting(name).ok_or_else(|| Rejection::Broken { step: name.to_owned() })
    }

    /// Takes the edge out of a waiting step that the event asks for.
    pub(super) fn leave(&mut self, name: &'a str, wait: &'a Wait) -> Result<String, Rejection> {
        if *self.event == Event::Resend {
            let target = wait.resend.clone().ok_or(Rejection::NotHere)?;
            self.trail.push((name.to_owned(), "resend"));
            return Ok(target);
        }
        let (answered, wait) = self.workflow.answered_by(name, self.event).ok_or(Rejection::NotHere)?;
        let outcome = self.outcome(wait.ask)?;
        if answered != name {
            self.trail.push((name.to_owned(), "switch"));
        }
        self.take(answered, wait, outcome)
    }

    fn take(&mut self, name: &str, wait: &'a Wait, outcome: Outcome) -> Result<String, Rejection> {
        self.require(name, wait.ask.needs())?;
        self.facts = wait.ask.after(outcome, self.facts);
        self.along(name, &wait.edges, outcome)
    }

    /// How the event turns out at a step that it answers.
    fn outcome(&self, ask: Ask) -> Result<Outcome, Rejection> {
        let checked = match self.evidence.known {
            Known::Right => Outcome::Right,
            Known::Wrong => Outcome::Wrong,
            Known::Locked => Outcome::Locked,
        };
        Ok(match (ask, self.event) {
            (Ask::CheckPassword, _) if checked == Outcome::Right && self.may_sign_in() => Outcome::Right,
            (Ask::CheckPassword, _) => Outcome::Wrong,
            (Ask::ChooseMethod, Event::Choose(factor)) => {
                self.still_on(*factor)?;
                Outcome::of_factor(*factor)
            }
            (Ask::EnterPhone, Event::Phone(phone)) => match self.evidence.policy.allows_phone(phone) {
                true => Outcome::Accepted,
                false => return Err(Rejection::PhoneNotAllowed),
            },
            (Ask::ChooseMethod | Ask::EnterPhone, _) => return Err(Rejection::NotHere),
            (Ask::CheckTotp(TotpOf::New) | Ask::CheckCode(Recipient::NewPhone), _) => checked,
            (Ask::CheckTotp(TotpOf::Enrolled), _) => self.still_on(Factor::Google).map(|()| checked)?,
            (Ask::CheckCode(recipient @ (Recipient::Phone | Recipient::Email)), _) => {
                self.reachable(recipient).map(|()| checked)?
            }
        })
    }

    /// Whether the account that the password belongs to may be the one of this wizard: a session fixes it.
    fn may_sign_in(&self) -> bool {
        let named = self.evidence.account.map(|account| account.id);
        let fixed = self.wizard.account.as_ref().map(|account| account.id);
        named.is_some() && (!self.facts.holds(Fact::SessionPresent) || named == fixed)
    }

    /// A factor that was turned off since the wizard learnt of it proves nothing any more.
    pub(super) fn still_on(&self, factor: Factor) -> Result<(), Rejection> {
        match self.evidence.account {
            Some(account) if account.has(factor) => Ok(()),
            _ => Err(Rejection::MethodNotEnabled(factor)),
        }
    }

    /// A factor that was turned on since the wizard began is not replaced without its own code: it is turned off first.
    fn still_off(&self, factor: Factor) -> Result<(), Rejection> {
        match self.evidence.account {
            Some(account) if account.has(factor) => Err(Rejection::MethodAlreadyEnabled(factor)),
            _ => Ok(()),
        }
    }

    /// A code goes to what was confirmed at enrolment; the account's address also serves whoever is signed in already.
    fn reachable(&self, recipient: Recipient) -> Result<(), Rejection> {
        match recipient {
            Recipient::NewPhone => Ok(()),
            Recipient::Email if self.facts.holds(Fact::SessionPresent) => Ok(()),
            Recipient::Phone | Recipient::Email => self.still_on(recipient.factor()),
        }
    }

    /// Goes on through routes and automatic steps until somebody has to be waited for, or the end is reached.
    pub(super) fn follow(mut self, mut name: String) -> Result<Transition, Rejection> {
        for _ in 0..=self.workflow.steps.len() {
            match self.workflow.step(&name) {
                Some(Step::Wait(wait)) => {
                    self.require(&name, wait.ask.needs())?;
                    return Ok(self.arrive(Place::Waiting(name)));
                }
                Some(Step::End(end)) => {
                    self.require(&name, end.grants.needs())?;
                    if end.grants == Grant::Session {
                        self.require_a_factor_that_is_on(&name)?;
                        self.effects.push(Effect::OpenSession);
                    }
                    return Ok(self.arrive(Place::Ended(name)));
                }
                Some(Step::Auto(auto)) => {
                    self.require(&name, auto.action.needs())?;
                    self.act(auto.action)?;
                    self.trail.push((name, auto.action.outcome().as_str()));
                    name = auto.next.clone();
                }
                Some(Step::Route(route)) => {
                    self.require(&name, route.by.needs())?;
                    let outcome = self.answer(&name, &route.by)?;
                    self.facts = route.by.after(outcome, self.facts);
                    name = self.along(&name, &route.edges, outcome)?;
                }
                None => return Err(Rejection::Broken { step: name }),
            }
        }
        Err(Rejection::Broken { step: name })
    }

    fn arrive(self, to: Place) -> Transition {
        Transition { to, facts: self.facts, effects: self.effects, trail: self.trail }
    }

    fn along(&mut self, name: &str, edges: &BTreeMap<Outcome, String>, outcome: Outcome) -> Result<String, Rejection> {
        let target = edges.get(&outcome).ok_or_else(|| Rejection::Broken { step: name.to_owned() })?;
        self.trail.push((name.to_owned(), outcome.as_str()));
        Ok(target.clone())
    }

    fn require(&self, name: &str, needs: Needs) -> Result<(), Rejection> {
        match self.facts.missing(&needs) {
            None => Ok(()),
            Some(group) => Err(Rejection::Unproved { step: name.to_owned(), needs: group.to_vec() }),
        }
    }

    /// The proof speaks of an account that stands still. This one may have changed while the client was waited for:
    /// what was proved must be by a factor that is on now, unless none is.
    fn require_a_factor_that_is_on(&self, name: &str) -> Result<(), Rejection> {
        let account = self.evidence.account.ok_or_else(|| unproved(name, Fact::PasswordVerified))?;
        let enabled = account.enabled();
        if enabled.is_empty() || enabled.iter().any(|factor| self.facts.holds(Fact::verified(*factor))) {
            return Ok(());
        }
        let needs = enabled.into_iter().map(Fact::verified).collect();
        Err(Rejection::Unproved { step: name.to_owned(), needs })
    }

    fn act(&mut self, action: Action) -> Result<(), Rejection> {
        let effect = match action {
            Action::SendCode(recipient) => {
                self.reachable(recipient)?;
                self.may_send(recipient)?;
                Effect::SendCode(recipient)
            }
            Action::CreateSecret => Effect::CreateSecret,
            Action::EnableFactor(factor) => {
                self.still_off(factor)?;
                Effect::Enable(factor)
            }
            Action::DisableFactor(factor) => {
                self.still_on(factor)?;
                Effect::Disable(factor)
            }
        };
        self.facts = action.after(self.facts);
        self.effects.push(effect);
        Ok(())
    }

    fn may_send(&self, recipient: Recipient) -> Result<(), Rejection> {
        let sends = &self.wizard.sends;
        // One code is outstanding at a time, so one walk sends at most one. The proof sees to it.
        if self.effects.iter().any(|effect| matches!(effect, Effect::SendCode(_))) {
            return Err(Rejection::TooManySends);
        }
        if sends.count >= self.evidence.policy.sends_per_wizard {
            return Err(Rejection::TooManySends);
        }
        match sends.not_before.get(&recipient) {
            Some(not_before) if self.now < *not_before => Err(Rejection::ResendTooSoon { not_before: *not_before }),
            _ => Ok(()),
        }
    }

    fn answer(&self, name: &str, question: &Question) -> Result<Outcome, Rejection> {
        let account = self.evidence.account;
        let listed = match question {
            Question::EnrolledFactors => {
                // No account must never look like an account without factors.
                let account = account.ok_or_else(|| unproved(name, Fact::PasswordVerified))?;
                return Ok(match account.enabled().as_slice() {
                    [] => Outcome::None,
                    [factor] => Outcome::of_factor(*factor),
                    _ => Outcome::Several,
                });
            }
            Question::AccountGroup(groups) => {
                account.is_some_and(|account| groups.iter().any(|group| account.groups.contains(group)))
            }
            Question::PhonePrefix(prefixes) => self
                .phone()
                .is_some_and(|phone| prefixes.iter().any(|prefix| phone.as_str().starts_with(prefix.as_str()))),
            Question::ClientKind(kinds) => self.wizard.client_kind.as_ref().is_some_and(|kind| kinds.contains(kind)),
        };
        Ok(if listed { Outcome::Listed } else { Outcome::Unlisted })
    }

    /// The phone at hand: the one in the event, else the one typed before, else the enrolled one, else the account's.
    fn phone(&self) -> Option<&Phone> {
        if let Event::Phone(phone) = self.event {
            return Some(phone);
        }
        let account = self.evidence.account;
        let enrolled = || account.and_then(|account| account.factors.sms.as_ref().map(|sms| &sms.phone));
        self.wizard.pending.phone.as_ref().or_else(enrolled).or_else(|| account.and_then(|a| a.phone.as_ref()))
    }
}

fn unproved(step: &str, need: Fact) -> Rejection {
    Rejection::Unproved { step: step.to_owned(), needs: vec![need] }
}
