//! What a workflow file may say: closed sets, so that an outcome without a home does not load.

use serde::{Deserialize, Serialize};

use crate::identity::{Factor, Recipient};

use super::{Fact, Facts};

/// What a workflow is for. It decides what is known when a wizard starts, and what its ends may grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Anybody starts it; it may end in a session.
    SignIn,
    /// A signed-in account starts it; it may end with the factor on.
    Enable(Factor),
    /// A signed-in account that has the factor starts it; it may end with the factor off.
    Disable(Factor),
}

impl Purpose {
    /// The facts that hold before the first step.
    pub fn at_start(self) -> Facts {
        match self {
            Purpose::SignIn => Facts::none(),
            Purpose::Enable(_) => Facts::of(&[Fact::SessionPresent]),
            Purpose::Disable(factor) => Facts::of(&[Fact::SessionPresent, Fact::has(factor)]),
        }
    }
}

/// Which authenticator secret a code is checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TotpOf {
    /// The one that the account enrolled.
    Enrolled,
    /// The one that this wizard made.
    New,
}

/// What a waiting step asks the client for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ask {
    /// A name and a password.
    CheckPassword,
    /// One of the enabled methods.
    ChooseMethod,
    /// A code from an authenticator app.
    CheckTotp(TotpOf),
    /// The code that was sent to this recipient.
    CheckCode(Recipient),
    /// A phone number to enrol.
    EnterPhone,
}

/// What the server does by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Makes a fresh code, lets the one before die, and sends it once the step is committed.
    SendCode(Recipient),
    /// Makes a fresh authenticator secret for this wizard.
    CreateSecret,
    EnableFactor(Factor),
    DisableFactor(Factor),
}

/// What a route decides by, at once and without asking anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Which second factors the account has on.
    EnrolledFactors,
    /// Whether the account is in one of these groups.
    AccountGroup(Vec<String>),
    /// Whether the phone at hand (typed, else enrolled) starts with one of these prefixes.
    PhonePrefix(Vec<String>),
    /// Whether the client said, when it began, that it is of one of these kinds.
    ClientKind(Vec<String>),
}

/// What an end hands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// Tokens: the wizard ends in a signed-in session.
    Session,
    /// The factor was turned on or off on the way here.
    FactorChange,
    /// Nothing: cancelled, locked out, refused.
    Nothing,
}

/// How an action, an ask or a question may turn out; each has exactly one edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Right,
    Wrong,
    /// The account's attempts, or this wizard's, are used up.
    Locked,
    Google,
    Sms,
    Email,
    /// No factor is on.
    None,
    /// More than one factor is on.
    Several,
    Accepted,
    Sent,
    Created,
    Enabled,
    Disabled,
    Listed,
    Unlisted,
}

impl Outcome {
    pub const ALL: [Outcome; 15] = [
        Outcome::Right,
        Outcome::Wrong,
        Outcome::Locked,
        Outcome::Google,
        Outcome::Sms,
        Outcome::Email,
        Outcome::None,
        Outcome::Several,
        Outcome::Accepted,
        Outcome::Sent,
        Outcome::Created,
        Outcome::Enabled,
        Outcome::Disabled,
        Outcome::Listed,
        Outcome::Unlisted,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Right => "right",
            Outcome::Wrong => "wrong",
            Outcome::Locked => "locked",
            Outcome::Google => "google",
            Outcome::Sms => "sms",
            Outcome::Email => "email",
            Outcome::None => "none",
            Outcome::Several => "several",
            Outcome::Accepted => "accepted",
            Outcome::Sent => "sent",
            Outcome::Created => "created",
            Outcome::Enabled => "enabled",
            Outcome::Disabled => "disabled",
            Outcome::Listed => "listed",
            Outcome::Unlisted => "unlisted",
        }
    }

    pub fn of_factor(factor: Factor) -> Self {
        match factor {
            Factor::Google => Outcome::Google,
            Factor::Sms => Outcome::Sms,
            Factor::Email => Outcome::Email,
        }
    }

    /// The factor that this outcome names.
    pub fn factor(self) -> Option<Factor> {
        Factor::ALL.into_iter().find(|factor| Outcome::of_factor(*factor) == self)
    }
}

/// What must be known before: each group needs one of its facts.
pub type Needs = Vec<Vec<Fact>>;

impl Ask {
    pub fn outcomes(self) -> &'static [Outcome] {
        match self {
            Ask::CheckPassword => &[Outcome::Right, Outcome::Wrong],
            Ask::ChooseMethod => &[Outcome::Google, Outcome::Sms, Outcome::Email],
            Ask::CheckTotp(_) | Ask::CheckCode(_) => &[Outcome::Right, Outcome::Wrong, Outcome::Locked],
            Ask::EnterPhone => &[Outcome::Accepted],
        }
    }

    pub fn needs(self) -> Needs {
        match self {
            Ask::CheckPassword => vec![],
            Ask::ChooseMethod => vec![vec![Fact::PasswordVerified]],
            Ask::CheckTotp(TotpOf::Enrolled) => vec![vec![Fact::HasGoogle]],
            Ask::CheckTotp(TotpOf::New) => vec![vec![Fact::SecretCreated]],
            Ask::CheckCode(recipient) => vec![vec![Fact::sent_to(recipient)]],
            Ask::EnterPhone => vec![vec![Fact::SessionPresent]],
        }
    }

    /// What is known after `outcome`, given what was known before.
    pub fn after(self, outcome: Outcome, facts: Facts) -> Facts {
        match (self, outcome) {
            // Another password may be another account: nothing known of the one before may survive.
            (Ask::CheckPassword, Outcome::Right) => {
                facts.intersect(Facts::of(&[Fact::SessionPresent])).with(Fact::PasswordVerified)
            }
            (Ask::CheckPassword, _) => facts.intersect(Facts::of(&[Fact::SessionPresent])),
            (Ask::ChooseMethod, outcome) => match outcome.factor() {
                Some(factor) => facts.with(Fact::has(factor)),
                None => facts,
            },
            (Ask::CheckTotp(TotpOf::Enrolled), Outcome::Right) => facts.with(Fact::GoogleVerified),
            (Ask::CheckTotp(TotpOf::New), Outcome::Right) => facts.with(Fact::NewSecretVerified),
            (Ask::CheckCode(recipient), Outcome::Right) => {
                facts.without(Fact::sent_to(recipient)).with(Fact::verified_at(recipient))
            }
            (Ask::EnterPhone, _) => {
                facts.without(Fact::NewPhoneVerified).without(Fact::SentToNewPhone).with(Fact::PhoneEntered)
            }
            (Ask::CheckTotp(_) | Ask::CheckCode(_), _) => facts,
        }
    }
}

impl Action {
    pub fn outcome(self) -> Outcome {
        match self {
            Action::SendCode(_) => Outcome::Sent,
            Action::CreateSecret => Outcome::Created,
            Action::EnableFactor(_) => Outcome::Enabled,
            Action::DisableFactor(_) => Outcome::Disabled,
        }
    }

    pub fn needs(self) -> Needs {
        match self {
            Action::SendCode(Recipient::Phone) => vec![vec![Fact::HasSms]],
            Action::SendCode(Recipient::NewPhone) => vec![vec![Fact::PhoneEntered]],
            Action::SendCode(Recipient::Email) => vec![vec![Fact::HasEmail, Fact::SessionPresent]],
            Action::CreateSecret => vec![vec![Fact::SessionPresent]],
            Action::EnableFactor(factor) => {
                let proved = match factor {
                    Factor::Google => Fact::NewSecretVerified,
                    Factor::Sms => Fact::NewPhoneVerified,
                    Factor::Email => Fact::EmailVerified,
                };
                vec![vec![Fact::SessionPresent], vec![proved]]
            }
            Action::DisableFactor(factor) => vec![vec![Fact::SessionPresent], vec![Fact::verified(factor)]],
        }
    }

    pub fn after(self, facts: Facts) -> Facts {
        match self {
            // One code is outstanding at a time: a new one lets the others die.
            Action::SendCode(recipient) => Recipient::ALL
                .into_iter()
                .fold(facts, |facts, other| facts.without(Fact::sent_to(other)))
                .with(Fact::sent_to(recipient)),
            Action::CreateSecret => facts.without(Fact::NewSecretVerified).with(Fact::SecretCreated),
            Action::EnableFactor(factor) => {
                facts.without(Fact::NoFactorEnrolled).with(Fact::has(factor)).with(Fact::FactorChanged)
            }
            Action::DisableFactor(factor) => facts.without(Fact::has(factor)).with(Fact::FactorChanged),
        }
    }
}

impl Question {
    pub fn outcomes(&self) -> &'static [Outcome] {
        match self {
            Question::EnrolledFactors => {
                &[Outcome::None, Outcome::Google, Outcome::Sms, Outcome::Email, Outcome::Several]
            }
            Question::AccountGroup(_) | Question::PhonePrefix(_) | Question::ClientKind(_) => {
                &[Outcome::Listed, Outcome::Unlisted]
            }
        }
    }

    pub fn needs(&self) -> Needs {
        match self {
            Question::EnrolledFactors | Question::AccountGroup(_) | Question::PhonePrefix(_) => {
                vec![vec![Fact::PasswordVerified, Fact::SessionPresent]]
            }
            Question::ClientKind(_) => vec![],
        }
    }

    pub fn after(&self, outcome: Outcome, facts: Facts) -> Facts {
        match (self, outcome) {
            (Question::EnrolledFactors, Outcome::None) => facts.with(Fact::NoFactorEnrolled),
            (Question::EnrolledFactors, outcome) => match outcome.factor() {
                Some(factor) => facts.with(Fact::has(factor)),
                None => facts,
            },
            _ => facts,
        }
    }
}

impl Grant {
    pub fn needs(self) -> Needs {
        match self {
            Grant::Session => vec![
                vec![Fact::PasswordVerified],
                vec![Fact::GoogleVerified, Fact::SmsVerified, Fact::EmailVerified, Fact::NoFactorEnrolled],
            ],
            Grant::FactorChange => vec![vec![Fact::FactorChanged]],
            Grant::Nothing => vec![],
        }
    }

    /// Whether a workflow of this purpose may end so.
    pub fn fits(self, purpose: Purpose) -> bool {
        match (self, purpose) {
            (Grant::Nothing, _) => true,
            (Grant::Session, Purpose::SignIn) => true,
            (Grant::FactorChange, Purpose::Enable(_) | Purpose::Disable(_)) => true,
            (Grant::Session, Purpose::Enable(_) | Purpose::Disable(_)) | (Grant::FactorChange, Purpose::SignIn) => {
                false
            }
        }
    }
}
