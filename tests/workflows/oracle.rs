//! A small stand-in for the server around `decide`, and the truth about what was really proved for whom. The truth is
//! kept from what was typed and sent, never from the facts in the wizard.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use stepgate::identity::{
    Account, AccountId, Email, EmailFactor, Factor, Factors, Keys, Phone, Policy, Recipient, SmsFactor, TotpFactor,
};
use stepgate::workflow::{
    Ask, Digest, Effect, Event, Evidence, Facts, Grant, Known, Place, Purpose, Rejection, Sends, Step, TotpOf,
    Transition, Wizard, WizardId, Workflow, begin, decide,
};

pub const PHONES: [&str; 2] = ["+420601123456", "+79994445561"];

pub fn time() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

/// Something that happens: mostly what a client does, with whether it is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    Password {
        account: usize,
        right: bool,
    },
    Choose(Factor),
    Code {
        of: Option<Factor>,
        typed: Typed,
    },
    Phone(usize),
    Resend,
    /// The account turns a factor on or off elsewhere, meanwhile.
    Toggle {
        account: usize,
        factor: Factor,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typed {
    /// What was really sent, or what the real authenticator shows: right wherever that is asked for.
    Genuine,
    Guessed,
    /// Anything, with all attempts used up.
    TooLate,
}

pub fn moves() -> Vec<Move> {
    let mut moves = vec![Move::Resend, Move::Phone(0), Move::Phone(1)];
    for account in [0, 1] {
        moves.extend([true, false].map(|right| Move::Password { account, right }));
    }
    moves.extend(Factor::ALL.map(Move::Choose));
    for of in [None, Some(Factor::Google), Some(Factor::Sms), Some(Factor::Email)] {
        moves.extend([Typed::Genuine, Typed::Guessed, Typed::TooLate].map(|typed| Move::Code { of, typed }));
    }
    moves
}

pub fn toggles() -> Vec<Move> {
    let each = |account| Factor::ALL.map(|factor| Move::Toggle { account, factor });
    [0, 1].into_iter().flat_map(each).collect()
}

/// What really happened so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Truth {
    /// Whose password was given last, if it was right.
    password: Option<u64>,
    /// Factors of that account (or of the session's) that were proved since.
    proved: BTreeSet<Factor>,
    last_answer_right: bool,
    /// The one code that would be accepted: where it went, and to whose.
    outstanding: Option<(Recipient, u64)>,
    secret_made: bool,
    secret_proved: bool,
    phone: Option<usize>,
    phone_proved: bool,
    changed: bool,
}

#[derive(Clone)]
pub struct Desk<'a> {
    pub workflow: &'a Workflow,
    pub accounts: [Account; 2],
    pub wizard: Wizard,
    pub truth: Truth,
    /// The account of the wizard, by its place in `accounts`.
    owner: Option<usize>,
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
    /// A new wizard; for all but sign-in, of the first account's session. An `Err` is a promise broken.
    pub fn open(workflow: &'a Workflow, first: &[Factor], second: &[Factor]) -> Result<Option<Self>, String> {
        let accounts = [account(1, first), account(2, second)];
        let owner = (workflow.purpose != Purpose::SignIn).then_some(0);
        let mut wizard = wizard(workflow);
        wizard.account = owner.map(|at: usize| accounts[at].clone());
        let mut desk = Desk { workflow, accounts, wizard, truth: Truth::default(), owner };
        let policy = policy();
        let account = owner.map(|at| desk.accounts[at].clone());
        let evidence = Evidence { account: account.as_ref(), known: Known::Right, policy: &policy };
        match begin(workflow, &desk.wizard, evidence, time()) {
            Ok(transition) => desk.settle(&transition).map(|()| Some(desk)),
            Err(Rejection::MethodNotEnabled(_)) => Ok(None),
            Err(other) => Err(format!("a new wizard is refused: {other:?}")),
        }
    }

    /// One move. An `Err` is a promise broken.
    pub fn play(&mut self, play: Move) -> Result<Played, String> {
        let (event, candidate) = match play {
            Move::Toggle { account, factor } => {
                toggle(&mut self.accounts[account], factor);
                return Ok(Played::Elsewhere);
            }
            Move::Password { account, .. } => (Event::Password, Some(account)),
            Move::Choose(factor) => (Event::Choose(factor), self.owner),
            Move::Code { of, .. } => (Event::Code(of), self.owner),
            Move::Phone(at) => (Event::Phone(Phone::parse(PHONES[at]).unwrap()), self.owner),
            Move::Resend => (Event::Resend, self.owner),
        };
        let answering = self.answering(play);
        let known = self.judge(play, answering);
        let account = candidate.map(|at| self.accounts[at].clone());
        let policy = policy();
        let evidence = Evidence { account: account.as_ref(), known, policy: &policy };
        let transition = match decide(self.workflow, &self.wizard, &event, evidence, time()) {
            Ok(transition) => transition,
            Err(rejection) => return Ok(Played::Refused(rejection)),
        };
        self.learn(play, answering, known);
        self.settle(&transition)?;
        Ok(Played::Moved(transition))
    }

    /// What the step that a move answers asks for: where the wizard stands, or else what is offered there.
    fn answering(&self, play: Move) -> Option<Ask> {
        let answers = |ask: Ask| match play {
            Move::Password { .. } => ask == Ask::CheckPassword,
            Move::Choose(_) => ask == Ask::ChooseMethod,
            Move::Phone(_) => ask == Ask::EnterPhone,
            Move::Code { of, .. } => match ask {
                Ask::CheckTotp(_) => of.is_none_or(|of| of == Factor::Google),
                Ask::CheckCode(Recipient::Email) => of.is_none_or(|of| of == Factor::Email),
                Ask::CheckCode(_) => of.is_none_or(|of| of == Factor::Sms),
                _ => false,
            },
            Move::Resend | Move::Toggle { .. } => false,
        };
        let here = self.workflow.waiting(&self.wizard.step)?;
        let offered = here.switch.as_ref().and_then(|offered| self.workflow.waiting(offered));
        [Some(here.ask), offered.map(|offered| offered.ask)].into_iter().flatten().find(|ask| answers(*ask))
    }

    /// What the server finds when it compares what was typed with what is right.
    fn judge(&self, play: Move, answering: Option<Ask>) -> Known {
        match play {
            Move::Password { right: true, .. } => Known::Right,
            Move::Code { typed: Typed::TooLate, .. } => Known::Locked,
            Move::Code { typed: Typed::Genuine, .. } => {
                let owner = self.owner.map(|at| &self.accounts[at]);
                let right = match answering {
                    Some(Ask::CheckTotp(TotpOf::Enrolled)) => owner.is_some_and(|owner| owner.has(Factor::Google)),
                    Some(Ask::CheckTotp(TotpOf::New)) => self.truth.secret_made,
                    Some(Ask::CheckCode(recipient)) => {
                        owner.is_some_and(|owner| self.truth.outstanding == Some((recipient, owner.id.0)))
                    }
                    _ => false,
                };
                if right { Known::Right } else { Known::Wrong }
            }
            _ => Known::Wrong,
        }
    }

    /// Takes down what a move that was let through has really shown.
    fn learn(&mut self, play: Move, answering: Option<Ask>, known: Known) {
        let truth = &mut self.truth;
        match play {
            Move::Password { account, right } => {
                // A session's wizard is its account's: a password of another one is a wrong one.
                let in_session = self.workflow.purpose != Purpose::SignIn;
                let right = right && (!in_session || self.owner == Some(account));
                if !in_session {
                    *truth = Truth::default();
                }
                truth.password = right.then(|| self.accounts[account].id.0);
                truth.last_answer_right = right;
                if right {
                    self.owner = Some(account);
                    self.wizard.account = Some(self.accounts[account].clone());
                }
            }
            Move::Phone(at) => {
                truth.phone = Some(at);
                truth.phone_proved = false;
            }
            Move::Code { .. } => {
                truth.last_answer_right = known == Known::Right;
                if known != Known::Right {
                    return;
                }
                match answering {
                    Some(Ask::CheckTotp(TotpOf::Enrolled)) => {
                        truth.proved.insert(Factor::Google);
                    }
                    Some(Ask::CheckTotp(TotpOf::New)) => truth.secret_proved = true,
                    Some(Ask::CheckCode(recipient)) => {
                        truth.outstanding = None;
                        match recipient {
                            Recipient::NewPhone => truth.phone_proved = truth.phone.is_some(),
                            Recipient::Phone => drop(truth.proved.insert(Factor::Sms)),
                            Recipient::Email => drop(truth.proved.insert(Factor::Email)),
                        }
                    }
                    _ => {}
                }
            }
            Move::Choose(_) | Move::Resend | Move::Toggle { .. } => {}
        }
    }

    /// Carries a transition out, and holds every effect against the truth.
    fn settle(&mut self, transition: &Transition) -> Result<(), String> {
        for effect in &transition.effects {
            self.carry_out(*effect).map_err(|promise| format!("{promise}; {:?} by {:?}", self.truth, transition))?;
        }
        let opens = transition.effects.contains(&Effect::OpenSession);
        let grants = match (&transition.to, self.workflow.step(transition.to.name())) {
            (Place::Waiting(_), Some(Step::Wait(_))) => Grant::Nothing,
            (Place::Ended(_), Some(Step::End(end))) => end.grants,
            other => return Err(format!("a wizard stands where nobody can stand: {other:?}")),
        };
        if opens != (grants == Grant::Session) {
            return Err("a session is opened elsewhere than at an end that grants one".to_owned());
        }
        if grants == Grant::FactorChange && !(self.truth.changed && self.truth.last_answer_right) {
            return Err(format!("a factor change is told that there was not: {:?}", self.truth));
        }
        self.wizard.step = transition.to.name().to_owned();
        self.wizard.ended = matches!(transition.to, Place::Ended(_));
        self.wizard.facts = transition.facts;
        Ok(())
    }

    fn carry_out(&mut self, effect: Effect) -> Result<(), &'static str> {
        let truth = &mut self.truth;
        let owner = self.owner.map(|at| &mut self.accounts[at]).ok_or("something is done for nobody")?;
        let in_session = self.workflow.purpose != Purpose::SignIn;
        let signed_in = in_session || truth.password == Some(owner.id.0);
        let holds = match effect {
            Effect::SendCode(recipient) => {
                truth.outstanding = Some((recipient, owner.id.0));
                signed_in
                    && match recipient {
                        Recipient::Phone => owner.has(Factor::Sms),
                        Recipient::Email => owner.has(Factor::Email) || in_session,
                        Recipient::NewPhone => in_session && truth.phone.is_some(),
                    }
            }
            Effect::CreateSecret => {
                truth.secret_made = true;
                truth.secret_proved = false;
                in_session
            }
            Effect::Enable(factor) => {
                truth.changed = true;
                let shown = match factor {
                    Factor::Google => truth.secret_proved,
                    Factor::Sms => truth.phone_proved,
                    Factor::Email => truth.proved.contains(&Factor::Email),
                };
                if !owner.has(factor) {
                    toggle(owner, factor);
                }
                in_session && shown && truth.last_answer_right
            }
            Effect::Disable(factor) => {
                truth.changed = true;
                let was_on = owner.has(factor);
                if was_on {
                    toggle(owner, factor);
                }
                in_session && was_on && truth.proved.contains(&factor) && truth.last_answer_right
            }
            Effect::OpenSession => {
                let enabled = owner.enabled();
                let second = enabled.is_empty() || enabled.iter().any(|factor| truth.proved.contains(factor));
                !in_session && signed_in && second && truth.last_answer_right
            }
        };
        holds.then_some(()).ok_or(match effect {
            Effect::SendCode(_) => "a code is sent to whom it does not belong",
            Effect::CreateSecret => "a secret is made outside a session",
            Effect::Enable(_) => "a factor is turned on that was not proved",
            Effect::Disable(_) => "a factor is turned off that was not proved",
            Effect::OpenSession => "a session is opened without password and factor",
        })
    }
}

fn policy() -> Policy {
    Policy { sends_per_wizard: u32::MAX, ..Policy::default() }
}

pub fn wizard(workflow: &Workflow) -> Wizard {
    Wizard {
        id: WizardId::from_bytes([1; 16]),
        revision: 1,
        workflow: workflow.name.clone(),
        digest: Digest::of(&workflow.source),
        step: workflow.start.clone(),
        ended: false,
        facts: Facts::none(),
        created_at: time(),
        expires_at: time() + TimeDelta::seconds(i64::from(workflow.lifetime)),
        key: String::new(),
        account: None,
        session: None,
        pending: Default::default(),
        sends: Sends::default(),
        client_kind: None,
        chosen: false,
        answered: None,
    }
}

pub fn account(id: u64, factors: &[Factor]) -> Account {
    let mut account = Account {
        id: AccountId(id),
        revision: 1,
        email: Email::parse(&format!("person{id}@example.com")).unwrap(),
        username: None,
        phone: None,
        locale: Default::default(),
        groups: BTreeSet::new(),
        permissions: BTreeSet::new(),
        password_hash: None,
        factors: Factors::default(),
        epoch: 0,
        stood_in: None,
        recovery: None,
        devices: Vec::new(),
        external_id: None,
        imported: None,
        created_at: time(),
        updated_at: time(),
    };
    for factor in factors {
        toggle(&mut account, *factor);
    }
    account
}

pub fn toggle(account: &mut Account, factor: Factor) {
    let on = account.has(factor);
    let since = time();
    match factor {
        Factor::Google => {
            let secret = Keys::from_master([7; 32]).seal(b"12345678901234567890", &[], [0; 24]);
            account.factors.google = (!on).then_some(TotpFactor { secret, since });
        }
        Factor::Sms => {
            let phone = Phone::parse(PHONES[0]).unwrap();
            account.factors.sms = (!on).then_some(SmsFactor { phone, since });
        }
        Factor::Email => account.factors.email = (!on).then_some(EmailFactor { since }),
    }
    account.revision += 1;
}
