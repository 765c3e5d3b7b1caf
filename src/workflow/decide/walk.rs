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
        if wait.ask == Ask::CheckRecoveryCode && outcome == Outcome::Right {
            self.effects.push(Effect::UseRecoveryCode);
        }
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
                self.still_counts(*factor)?;
                Outcome::of_factor(*factor)
            }
            (Ask::ChooseEnrolment, Event::Enrol(factor, phone)) => {
                self.may_enrol(*factor, phone.as_ref())?;
                Outcome::of_factor(*factor)
            }
            (Ask::EnterPhone, Event::Phone(phone)) => {
                self.allows(phone)?;
                Outcome::Accepted
            }
            (Ask::ChooseMethod | Ask::ChooseEnrolment | Ask::EnterPhone, _) => return Err(Rejection::NotHere),
            (Ask::CheckTotp(TotpOf::New) | Ask::CheckCode(Recipient::NewPhone) | Ask::CheckRecoveryCode, _) => checked,
            (Ask::CheckTotp(TotpOf::Enrolled), _) => self.still_counts(Factor::Google).map(|()| checked)?,
            (Ask::CheckCode(recipient @ (Recipient::Phone | Recipient::Email)), _) => {
                self.reachable(recipient).map(|()| checked)?
            }
        })
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
                    self.grant(&name, end.grants)?;
                    return Ok(self.arrive(Place::Ended(name)));
                }
                Some(Step::Auto(auto)) => {
                    self.require(&name, auto.action.needs())?;
                    self.act(&name, auto.action)?;
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

    /// What the facts say is looked for once more on the account as it is now.
    fn grant(&mut self, name: &str, grants: Grant) -> Result<(), Rejection> {
        match grants {
            Grant::Session => {
                self.require_a_factor_that_is_on(name)?;
                let account = self.evidence.account.ok_or_else(|| unproved(name, Fact::PasswordVerified))?;
                if !self.due(account).is_empty() {
                    return Err(unproved(name, Fact::PolicyMet));
                }
                self.effects.push(Effect::OpenSession);
            }
            Grant::SuccessToken => {
                self.require_a_confirmation(name)?;
                self.effects.push(Effect::IssueSuccessToken);
            }
            Grant::FactorChange | Grant::Nothing => {}
        }
        Ok(())
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

    fn act(&mut self, name: &str, action: Action) -> Result<(), Rejection> {
        let effect = match action {
            Action::SendCode(recipient) => {
                self.reachable(recipient)?;
                self.may_send(recipient)?;
                Effect::SendCode(recipient)
            }
            Action::CreateSecret => Effect::CreateSecret,
            Action::EnableFactor(factor) => {
                self.still_off(factor)?;
                if self.facts.holds(Fact::MustEnrol) {
                    // Another factor may have been turned on since the policy asked for one.
                    self.is_due(factor)?;
                    self.require_a_factor_that_is_on(name)?;
                } else {
                    self.still_allowed(factor)?;
                }
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

    fn answer(&mut self, name: &str, question: &Question) -> Result<Outcome, Rejection> {
        let account = self.evidence.account;
        let listed = match question {
            Question::EnrolledFactors => {
                // No account must never look like an account without factors.
                let account = account.ok_or_else(|| unproved(name, Fact::PasswordVerified))?;
                return Ok(match self.second_factors(account).as_slice() {
                    [] if account.enabled().is_empty() => Outcome::None,
                    [] => Outcome::StoodIn,
                    [factor] => Outcome::of_factor(*factor),
                    _ => Outcome::Several,
                });
            }
            Question::MfaRequired => {
                let account = account.ok_or_else(|| unproved(name, Fact::PasswordVerified))?;
                return Ok(if self.due(account).is_empty() { Outcome::Optional } else { Outcome::Required });
            }
            Question::RememberedDevice if self.evidence.device => {
                self.effects.push(Effect::UseDevice);
                return Ok(Outcome::Remembered);
            }
            Question::RememberedDevice => return Ok(Outcome::Unknown),
            Question::StepUpFactor => return self.step_up_factor(name),
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

    fn step_up_factor(&self, name: &str) -> Result<Outcome, Rejection> {
        let account = self.evidence.account.ok_or_else(|| unproved(name, Fact::SessionPresent))?;
        let strongest = || account.enabled().first().copied().unwrap_or(Factor::Email);
        let factor = self.wizard.challenge.as_ref().and_then(|challenge| challenge.pick).unwrap_or_else(strongest);
        self.may_confirm(factor)?;
        Ok(Outcome::of_factor(factor))
    }

    /// The phone that was typed in this wizard for the account that it is about now.
    pub(super) fn typed_before(&self) -> Option<&Phone> {
        self.wizard.pending.phone.as_ref().filter(|_| self.facts.holds(Fact::PhoneEntered))
    }

    /// The phone at hand: the one in the event, else the one typed before, else the enrolled one, else the account's.
    fn phone(&self) -> Option<&Phone> {
        if let Event::Phone(phone) | Event::Enrol(Factor::Sms, Some(phone)) = self.event {
            return Some(phone);
        }
        let account = self.evidence.account;
        let enrolled = || account.and_then(|account| account.factors.sms.as_ref().map(|sms| &sms.phone));
        self.typed_before().or_else(enrolled).or_else(|| account.and_then(|a| a.phone.as_ref()))
    }
}

pub(super) fn unproved(step: &str, need: Fact) -> Rejection {
    Rejection::Unproved { step: step.to_owned(), needs: vec![need] }
}
