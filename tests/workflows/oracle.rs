//! A small stand-in for the server around `decide`, which holds every effect against the truth.

use stepgate::identity::{Account, Factor, Phone, Policy, Recipient};
use stepgate::workflow::{
    Ask, Challenge, Effect, Event, Evidence, Grant, Known, Place, Purpose, Rejection, Step, TotpOf, Transition, Wizard,
    Workflow, begin, decide,
};

use crate::moves::{Move, Typed};
use crate::people::{PHONES, account, time, toggle, wanting, wizard};
use crate::truth::{Sent, Truth, promise};

/// An account to begin with.
#[derive(Debug, Clone, Default)]
pub struct Person {
    pub on: Vec<Factor>,
    pub stood_in: Option<Factor>,
}

impl From<&[Factor]> for Person {
    fn from(on: &[Factor]) -> Self {
        Person { on: on.to_vec(), stood_in: None }
    }
}

/// What a wizard begins with.
#[derive(Debug, Clone, Default)]
pub struct World {
    pub people: [Person; 2],
    /// The policy wants one factor of each list.
    pub required: Vec<Vec<Factor>>,
    /// The factor that a challenge was asked for by.
    pub pick: Option<Factor>,
    /// Nobody has the address that was given to get back in with.
    pub nobody: bool,
}

impl World {
    pub fn of(first: &[Factor], second: &[Factor]) -> Self {
        World { people: [first.into(), second.into()], ..World::default() }
    }
}

#[derive(Clone)]
pub struct Desk<'a> {
    pub workflow: &'a Workflow,
    pub accounts: [Account; 2],
    pub wizard: Wizard,
    pub truth: Truth,
    /// The account of the wizard, by its place in `accounts`.
    pub owner: Option<usize>,
    required: &'a [Vec<Factor>],
    policy: Policy,
}

/// What a move led to.
#[derive(Debug)]
pub enum Played {
    Refused(Rejection),
    Moved(Transition),
    /// An account changed; the wizard did not notice.
    Elsewhere,
}

impl<'a> Desk<'a> {
    /// A new wizard: a sign-in is nobody's, a way back in is that of the address's account, all else of the first
    /// account's session. The outer `Err` is a promise broken.
    pub fn open(workflow: &'a Workflow, world: &'a World) -> Result<Result<Self, Rejection>, String> {
        let accounts = [0, 1].map(|at| {
            let mut account = account(at as u64 + 1, &world.people[at].on);
            account.stood_in = world.people[at].stood_in;
            account
        });
        let recovers = workflow.purpose == Purpose::Recover;
        let owner = (workflow.purpose != Purpose::SignIn && !(recovers && world.nobody)).then_some(0);
        let mut wizard = wizard(workflow);
        wizard.account = owner.map(|at: usize| accounts[at].clone());
        let email = recovers.then(|| accounts[0].email.clone());
        wizard.challenge = Some(Challenge { purpose: "step_up".to_owned(), pick: world.pick, email });
        let truth = Truth { named: recovers, ..Truth::default() };
        let policy = wanting(&world.required);
        let mut desk = Desk { workflow, accounts, wizard, truth, owner, required: &world.required, policy };
        let account = desk.account();
        let evidence = Evidence { account: account.as_ref(), known: Known::Right, device: false, policy: &desk.policy };
        match begin(workflow, &desk.wizard, evidence, time()) {
            Ok(transition) => desk.settle(&transition, false).map(|()| Ok(desk)),
            Err(rejection) => Ok(Err(rejection)),
        }
    }

    fn account(&self) -> Option<Account> {
        self.owner.map(|at| self.accounts[at].clone())
    }

    /// One move. An `Err` is a promise broken.
    pub fn play(&mut self, play: Move) -> Result<Played, String> {
        let phone = |at: usize| Phone::parse(PHONES[at]).unwrap();
        let (event, candidate) = match play {
            Move::Toggle { account, factor } => {
                self.toggle(account, factor);
                return Ok(Played::Elsewhere);
            }
            Move::Password { account, .. } => (Event::Password, Some(account)),
            Move::Choose(factor) => (Event::Choose(factor), self.owner),
            Move::Code { of, .. } => (Event::Code(of), self.owner),
            Move::Recovery(_) => (Event::Recovery, self.owner),
            Move::Phone(at) => (Event::Phone(phone(at)), self.owner),
            Move::Enrol { factor, phone: given } => (Event::Enrol(factor, given.map(phone)), self.owner),
            Move::Resend => (Event::Resend, self.owner),
        };
        let answering = self.answering(play);
        let known = self.judge(play, answering);
        let device = matches!(play, Move::Password { right: true, device: true, .. });
        let evidence =
            Evidence { account: candidate.map(|at| &self.accounts[at]), known, device, policy: &self.policy };
        let transition = match decide(self.workflow, &self.wizard, &event, evidence, time()) {
            Ok(transition) => transition,
            Err(rejection) => return Ok(Played::Refused(rejection)),
        };
        self.learn(play, answering, known);
        let recovery_code = self.truth.recovery_code;
        if recovery_code != transition.effects.contains(&Effect::UseRecoveryCode) {
            return Err("a right recovery code is not used up".to_owned());
        }
        let copied = self.wizard.account.clone();
        self.settle(&transition, play == Move::Resend)?;
        if candidate != self.owner {
            // Whoever else gave a password, the wizard's own account was not looked at.
            self.wizard.account = copied;
        }
        (self.truth.device, self.truth.recovery_code) = (false, false);
        Ok(Played::Moved(transition))
    }

    /// A factor that is turned on or off anew is another one: what was proved of the old one is void.
    fn toggle(&mut self, account: usize, factor: Factor) {
        toggle(&mut self.accounts[account], factor);
        if self.owner == Some(account) && !self.truth.named {
            self.truth.proved.remove(&factor);
        }
    }

    /// What the step that a move answers asks for: where the wizard stands, or else what is offered there.
    fn answering(&self, play: Move) -> Option<Ask> {
        let answers = |ask: Ask| match play {
            Move::Password { .. } => ask == Ask::CheckPassword,
            Move::Choose(_) => ask == Ask::ChooseMethod,
            Move::Phone(_) => ask == Ask::EnterPhone,
            Move::Recovery(_) => ask == Ask::CheckRecoveryCode,
            Move::Enrol { .. } => ask == Ask::ChooseEnrolment,
            Move::Code { of, .. } => match ask {
                Ask::CheckTotp(_) => of.is_none_or(|of| of == Factor::Google),
                Ask::CheckCode(Recipient::Email) => of.is_none_or(|of| of == Factor::Email),
                Ask::CheckCode(_) => of.is_none_or(|of| of == Factor::Sms),
                _ => false,
            },
            Move::Resend | Move::Toggle { .. } => false,
        };
        let here = self.workflow.waiting(&self.wizard.step)?;
        let offered = here.switch.iter().filter_map(|offered| self.workflow.waiting(offered));
        [here].into_iter().chain(offered).map(|wait| wait.ask).find(|ask| answers(*ask))
    }

    /// What the server finds when it compares what was typed with what is right.
    fn judge(&self, play: Move, answering: Option<Ask>) -> Known {
        let owner = self.owner.map(|at| &self.accounts[at]);
        let right = match play {
            Move::Code { typed: Typed::TooLate, .. } | Move::Recovery(Typed::TooLate) => return Known::Locked,
            Move::Password { right, .. } => right,
            // There are recovery codes as long as there is something that they can stand in for.
            Move::Recovery(typed) => {
                typed == Typed::Genuine && owner.is_some_and(|owner| Factor::ALL.iter().any(|on| owner.has(*on)))
            }
            Move::Code { typed: Typed::Genuine, .. } => match answering {
                Some(Ask::CheckTotp(TotpOf::Enrolled)) => owner.is_some_and(|owner| owner.has(Factor::Google)),
                Some(Ask::CheckTotp(TotpOf::New)) => self.truth.secret_made,
                Some(Ask::CheckCode(recipient)) => {
                    let sent = self.truth.outstanding.map(|sent| (sent.recipient, sent.owner));
                    owner.is_some_and(|owner| sent == Some((recipient, owner.id.0)))
                }
                _ => false,
            },
            _ => false,
        };
        if right { Known::Right } else { Known::Wrong }
    }

    /// Takes down what a move that was let through has really shown.
    fn learn(&mut self, play: Move, answering: Option<Ask>, known: Known) {
        let truth = &mut self.truth;
        match play {
            Move::Password { account, right, device } => self.learn_password(account, right, device),
            Move::Phone(at) | Move::Enrol { factor: Factor::Sms, phone: Some(at) } => {
                (truth.phone, truth.phone_proved) = (Some(at), false);
                self.wizard.pending.phone = Some(Phone::parse(PHONES[at]).unwrap());
            }
            Move::Recovery(_) => {
                truth.last_answer_right = known == Known::Right;
                truth.recovery_code = known == Known::Right;
                truth.recovered |= known == Known::Right;
            }
            Move::Code { .. } => {
                truth.last_answer_right = known == Known::Right;
                if known == Known::Right {
                    self.learn_code(answering);
                }
            }
            Move::Enrol { .. } | Move::Choose(_) | Move::Resend | Move::Toggle { .. } => {}
        }
    }

    fn learn_password(&mut self, account: usize, right: bool, device: bool) {
        // A session's wizard is its account's: a password of another one is a wrong one.
        let in_session = self.in_session();
        let right = right && (!in_session || self.owner == Some(account));
        if !in_session {
            self.truth = Truth::default();
        }
        self.truth.password = right.then(|| self.accounts[account].id.0);
        self.truth.last_answer_right = right;
        self.truth.device = right && device;
        if right {
            self.owner = Some(account);
        }
    }

    fn learn_code(&mut self, answering: Option<Ask>) {
        let truth = &mut self.truth;
        match answering {
            Some(Ask::CheckTotp(TotpOf::Enrolled)) => drop(truth.proved.insert(Factor::Google)),
            Some(Ask::CheckTotp(TotpOf::New)) => truth.secret_proved = true,
            Some(Ask::CheckCode(recipient)) => {
                let to_enrol = truth.outstanding.take().is_some_and(|sent| sent.to_enrol);
                match recipient {
                    Recipient::NewPhone => truth.phone_proved = truth.phone.is_some(),
                    Recipient::Phone => drop(truth.proved.insert(Factor::Sms)),
                    Recipient::Email => {
                        truth.address_proved |= to_enrol;
                        truth.proved.insert(Factor::Email);
                    }
                }
            }
            _ => {}
        }
    }

    fn in_session(&self) -> bool {
        matches!(self.workflow.purpose, Purpose::Enable(_) | Purpose::Disable(_) | Purpose::Challenge)
    }

    /// Carries a transition out, and holds every effect against the truth.
    fn settle(&mut self, transition: &Transition, resent: bool) -> Result<(), String> {
        self.note_wish();
        for effect in &transition.effects {
            self.carry_out(*effect, resent)
                .map_err(|promise| format!("{promise}; {:?} by {transition:?}", self.truth))?;
        }
        let grants = match (&transition.to, self.workflow.step(transition.to.name())) {
            (Place::Waiting(_), Some(Step::Wait(_))) => Grant::Nothing,
            (Place::Ended(_), Some(Step::End(end))) => end.grants,
            other => return Err(format!("a wizard stands where nobody can stand: {other:?}")),
        };
        if transition.effects.contains(&Effect::OpenSession) != (grants == Grant::Session) {
            return Err("a session is opened elsewhere than at an end that grants one".to_owned());
        }
        if transition.effects.contains(&Effect::IssueSuccessToken) != (grants == Grant::SuccessToken) {
            return Err("a success token is issued elsewhere than at an end that grants one".to_owned());
        }
        if grants == Grant::FactorChange && !(self.truth.changed && self.truth.last_answer_right) {
            return Err(format!("a factor change is told that there was not: {:?}", self.truth));
        }
        self.note_wish();
        self.wizard.step = transition.to.name().to_owned();
        self.wizard.ended = matches!(transition.to, Place::Ended(_));
        self.wizard.facts = transition.facts;
        self.wizard.account = self.account();
        Ok(())
    }

    fn note_wish(&mut self) {
        let Some(owner) = self.owner.map(|at| &self.accounts[at]) else { return };
        let wants = !wanted(self.required, owner).is_empty();
        self.truth.wanted |= wants && self.truth.password == Some(owner.id.0) && self.truth.all_proved(owner);
    }

    fn carry_out(&mut self, effect: Effect, resent: bool) -> Result<(), &'static str> {
        let (purpose, named) = (self.workflow.purpose, self.truth.named);
        let Some(at) = self.owner else {
            // Everything is as if somebody had the address, and nothing comes of it.
            let harmless = named && effect == Effect::SendCode(Recipient::Email);
            return harmless.then_some(()).ok_or("something is done for nobody");
        };
        let in_session = self.in_session();
        let (owner, truth) = (&mut self.accounts[at], &mut self.truth);
        let wanted = wanted(self.required, owner);
        truth.allows(effect, purpose, owner, &wanted).then_some(()).ok_or(promise(effect))?;
        match effect {
            Effect::SendCode(recipient) => {
                let before = truth.outstanding.filter(|_| resent);
                let to_enrol = before.map_or(in_session || !owner.has(recipient.factor()), |sent| sent.to_enrol);
                truth.outstanding = Some(Sent { recipient, owner: owner.id.0, to_enrol });
            }
            Effect::CreateSecret => (truth.secret_made, truth.secret_proved) = (true, false),
            Effect::Enable(factor) => {
                toggle(owner, factor);
                truth.changed = true;
                // The code that confirmed it proves it, and is good for once.
                truth.proved.insert(factor);
                match factor {
                    Factor::Google => truth.secret_proved = false,
                    Factor::Sms => truth.phone_proved = false,
                    Factor::Email => truth.address_proved = false,
                }
            }
            Effect::Disable(factor) => {
                toggle(owner, factor);
                truth.changed = true;
            }
            Effect::OpenSession | Effect::UseDevice | Effect::UseRecoveryCode | Effect::IssueSuccessToken => {}
        }
        Ok(())
    }
}

/// The factors of which the policy wants one turned on: those of the first list of which none is on.
fn wanted(required: &[Vec<Factor>], account: &Account) -> Vec<Factor> {
    let unmet = required.iter().find(|list| list.iter().all(|factor| !account.has(*factor)));
    unmet.cloned().unwrap_or_default()
}
