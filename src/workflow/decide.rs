use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::identity::{Account, Factor, Phone, Policy, Recipient};

use super::vocabulary::Needs;
use super::{Action, Ask, Fact, Facts, Grant, Outcome, Question, Step, Wait, Wizard, Workflow};

/// What a client did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Gave a name and a password.
    Password,
    /// Chose a method.
    Choose(Factor),
    /// Gave a code: for this factor, or for whatever the step asks.
    Code(Option<Factor>),
    /// Gave a phone number to enrol.
    Phone(Phone),
    /// Asked for another code.
    Resend,
}

/// How the check of a password or code turned out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    Right,
    Wrong,
    Locked,
}

/// What is known beside the wizard itself.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The account as last seen; for a password, the one that the name belongs to.
    pub account: Option<&'a Account>,
    /// The verdict on the password or code in the event; ignored for other events.
    pub known: Known,
    pub policy: &'a Policy,
}

/// Where a transition leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Waiting(String),
    Ended(String),
}

impl Place {
    pub fn name(&self) -> &str {
        match self {
            Place::Waiting(name) | Place::Ended(name) => name,
        }
    }
}

/// Something that must happen for a transition to be true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    SendCode(Recipient),
    CreateSecret,
    Enable(Factor),
    Disable(Factor),
    OpenSession,
}

/// The next place of a wizard, and what must happen for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    pub to: Place,
    pub facts: Facts,
    pub effects: Vec<Effect>,
    /// The steps that were passed, each with the edge that was taken out of it.
    pub trail: Vec<(String, &'static str)>,
}

/// Why an event leads nowhere. The wizard stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    Expired,
    /// The wizard has ended.
    Over,
    /// The step asks for something else.
    NotHere,
    MethodNotEnabled(Factor),
    PhoneNotAllowed,
    ResendTooSoon {
        not_before: DateTime<Utc>,
    },
    TooManySends,
    /// A fact that the step or end requires does not hold. The proof makes this impossible for a sound wizard.
    Unproved {
        step: String,
        needs: Vec<Fact>,
    },
    /// The workflow has no such step, or turns in a circle.
    Broken {
        step: String,
    },
}

/// The next step of a wizard: a function of its arguments and of nothing else.
///
/// # Errors
/// A [`Rejection`]; nothing may then be changed.
pub fn decide(
    workflow: &Workflow,
    wizard: &Wizard,
    event: &Event,
    evidence: Evidence<'_>,
    now: DateTime<Utc>,
) -> Result<Transition, Rejection> {
    if wizard.is_over(now) {
        return Err(Rejection::Expired);
    }
    if wizard.ended {
        return Err(Rejection::Over);
    }
    let mut walk = Walk { workflow, wizard, evidence, now, event, facts: wizard.facts, effects: vec![], trail: vec![] };
    let wait = walk.waiting(&wizard.step)?;
    let target = walk.leave(&wizard.step, wait)?;
    walk.follow(target)
}

/// The first place of a new wizard: from the start through whatever the server does by itself.
///
/// # Errors
/// As [`decide`].
pub fn begin(
    workflow: &Workflow,
    wizard: &Wizard,
    evidence: Evidence<'_>,
    now: DateTime<Utc>,
) -> Result<Transition, Rejection> {
    let event = Event::Resend;
    let walk =
        Walk { workflow, wizard, evidence, now, event: &event, facts: wizard.facts, effects: vec![], trail: vec![] };
    walk.follow(workflow.start.clone())
}

struct Walk<'a> {
    workflow: &'a Workflow,
    wizard: &'a Wizard,
    event: &'a Event,
    evidence: Evidence<'a>,
    now: DateTime<Utc>,
    facts: Facts,
    effects: Vec<Effect>,
    trail: Vec<(String, &'static str)>,
}

impl<'a> Walk<'a> {
    fn waiting(&self, name: &str) -> Result<&'a Wait, Rejection> {
        self.workflow.waiting(name).ok_or_else(|| Rejection::Broken { step: name.to_owned() })
    }

    /// Takes the edge out of a waiting step that the event asks for.
    fn leave(&mut self, name: &str, wait: &'a Wait) -> Result<String, Rejection> {
        if *self.event == Event::Resend {
            let target = wait.resend.clone().ok_or(Rejection::NotHere)?;
            self.trail.push((name.to_owned(), "resend"));
            return Ok(target);
        }
        if let Some(outcome) = self.outcome(wait.ask)? {
            return self.take(name, wait, outcome);
        }
        // What this step does not ask, the step that offers the alternatives may.
        let offered = wait.switch.as_deref().ok_or(Rejection::NotHere)?;
        let switch = self.waiting(offered)?;
        let outcome = self.outcome(switch.ask)?.ok_or(Rejection::NotHere)?;
        self.trail.push((name.to_owned(), "switch"));
        self.take(offered, switch, outcome)
    }

    fn take(&mut self, name: &str, wait: &'a Wait, outcome: Outcome) -> Result<String, Rejection> {
        self.require(name, wait.ask.needs())?;
        self.facts = wait.ask.after(outcome, self.facts);
        self.along(name, &wait.edges, outcome)
    }

    /// How the event turns out at a step with this ask; `None` when the step asks for something else.
    fn outcome(&self, ask: Ask) -> Result<Option<Outcome>, Rejection> {
        let checked = match self.evidence.known {
            Known::Right => Outcome::Right,
            Known::Wrong => Outcome::Wrong,
            Known::Locked => Outcome::Locked,
        };
        Ok(match (ask, self.event) {
            (Ask::CheckPassword, Event::Password) => {
                Some(if checked == Outcome::Right { Outcome::Right } else { Outcome::Wrong })
            }
            (Ask::CheckTotp(_), Event::Code(None | Some(Factor::Google))) => Some(checked),
            (Ask::CheckCode(_), Event::Code(None)) => Some(checked),
            (Ask::CheckCode(recipient), Event::Code(Some(factor))) if recipient.factor() == *factor => Some(checked),
            (Ask::ChooseMethod, Event::Choose(factor)) => match self.evidence.account {
                Some(account) if account.has(*factor) => Some(Outcome::of_factor(*factor)),
                _ => return Err(Rejection::MethodNotEnabled(*factor)),
            },
            (Ask::EnterPhone, Event::Phone(phone)) => match self.evidence.policy.allows_phone(phone) {
                true => Some(Outcome::Accepted),
                false => return Err(Rejection::PhoneNotAllowed),
            },
            _ => None,
        })
    }

    /// Goes on through routes and automatic steps until somebody has to be waited for, or the end is reached.
    fn follow(mut self, mut name: String) -> Result<Transition, Rejection> {
        for _ in 0..=self.workflow.steps.len() {
            match self.workflow.step(&name) {
                Some(Step::Wait(wait)) => {
                    self.require(&name, wait.ask.needs())?;
                    return Ok(self.arrive(Place::Waiting(name)));
                }
                Some(Step::End(end)) => {
                    self.require(&name, end.grants.needs())?;
                    if end.grants == Grant::Session {
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
                    let outcome = self.answer(&route.by);
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

    fn act(&mut self, action: Action) -> Result<(), Rejection> {
        let effect = match action {
            Action::SendCode(recipient) => {
                self.may_send(recipient)?;
                Effect::SendCode(recipient)
            }
            Action::CreateSecret => Effect::CreateSecret,
            Action::EnableFactor(factor) => Effect::Enable(factor),
            Action::DisableFactor(factor) => Effect::Disable(factor),
        };
        self.facts = action.after(self.facts);
        self.effects.push(effect);
        Ok(())
    }

    fn may_send(&self, recipient: Recipient) -> Result<(), Rejection> {
        let sends = &self.wizard.sends;
        if sends.count >= self.evidence.policy.sends_per_wizard {
            return Err(Rejection::TooManySends);
        }
        match sends.not_before.get(&recipient) {
            Some(not_before) if self.now < *not_before => Err(Rejection::ResendTooSoon { not_before: *not_before }),
            _ => Ok(()),
        }
    }

    fn answer(&self, question: &Question) -> Outcome {
        let account = self.evidence.account;
        let listed = match question {
            Question::EnrolledFactors => {
                return match account.map(Account::enabled).unwrap_or_default().as_slice() {
                    [] => Outcome::None,
                    [factor] => Outcome::of_factor(*factor),
                    _ => Outcome::Several,
                };
            }
            Question::AccountGroup(groups) => {
                account.is_some_and(|account| groups.iter().any(|group| account.groups.contains(group)))
            }
            Question::PhonePrefix(prefixes) => self
                .phone()
                .is_some_and(|phone| prefixes.iter().any(|prefix| phone.as_str().starts_with(prefix.as_str()))),
            Question::ClientKind(kinds) => self.wizard.client_kind.as_ref().is_some_and(|kind| kinds.contains(kind)),
        };
        if listed { Outcome::Listed } else { Outcome::Unlisted }
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
