//! What a workflow file may say: closed sets, so that an outcome without a home does not load.

use serde::{Deserialize, Serialize};

use crate::identity::{Factor, Recipient};

/// What a workflow is for. It decides what is known when a wizard starts, and what its ends may grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Purpose {
    /// Anybody starts it; it may end in a session.
    SignIn,
    /// A signed-in account starts it; it may end with the factor on.
    Enable(Factor),
    /// A signed-in account that has the factor starts it; it may end with the factor off.
    Disable(Factor),
    /// A signed-in account starts it to confirm that it is still there; it may end in a success token.
    Challenge,
    /// Anybody starts it for an email address, whether or not an account has it; it may end in a success token.
    Recover,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// One of the recovery codes.
    CheckRecoveryCode,
    /// One of the methods that must be turned on; for SMS also the phone number.
    ChooseEnrolment,
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
    /// Whether the operator's policy still wants a factor turned on before the account is let in.
    MfaRequired,
    /// Whether the client showed the token of a device on which a second factor was proved a while ago.
    RememberedDevice,
    /// Which factor confirms that it is the account's owner: the one that was asked for, else the strongest that is
    /// on, else a code to the account's email address.
    StepUpFactor,
}

/// What an end hands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// Tokens: the wizard ends in a signed-in session.
    Session,
    /// The factor was turned on or off on the way here.
    FactorChange,
    /// A success token for what was asked.
    SuccessToken,
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
    /// The only factor that is on is the one that stood in for the password.
    StoodIn,
    Accepted,
    Sent,
    Created,
    Enabled,
    Disabled,
    Listed,
    Unlisted,
    Required,
    Optional,
    Remembered,
    Unknown,
}

impl Outcome {
    pub const ALL: [Outcome; 20] = [
        Outcome::Right,
        Outcome::Wrong,
        Outcome::Locked,
        Outcome::Google,
        Outcome::Sms,
        Outcome::Email,
        Outcome::None,
        Outcome::Several,
        Outcome::StoodIn,
        Outcome::Accepted,
        Outcome::Sent,
        Outcome::Created,
        Outcome::Enabled,
        Outcome::Disabled,
        Outcome::Listed,
        Outcome::Unlisted,
        Outcome::Required,
        Outcome::Optional,
        Outcome::Remembered,
        Outcome::Unknown,
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
            Outcome::StoodIn => "stood_in",
            Outcome::Accepted => "accepted",
            Outcome::Sent => "sent",
            Outcome::Created => "created",
            Outcome::Enabled => "enabled",
            Outcome::Disabled => "disabled",
            Outcome::Listed => "listed",
            Outcome::Unlisted => "unlisted",
            Outcome::Required => "required",
            Outcome::Optional => "optional",
            Outcome::Remembered => "remembered",
            Outcome::Unknown => "unknown",
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

impl Ask {
    pub fn outcomes(self) -> &'static [Outcome] {
        match self {
            Ask::CheckPassword => &[Outcome::Right, Outcome::Wrong],
            Ask::ChooseMethod | Ask::ChooseEnrolment => &[Outcome::Google, Outcome::Sms, Outcome::Email],
            Ask::CheckTotp(_) | Ask::CheckCode(_) | Ask::CheckRecoveryCode => {
                &[Outcome::Right, Outcome::Wrong, Outcome::Locked]
            }
            Ask::EnterPhone => &[Outcome::Accepted],
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
}

impl Question {
    pub fn outcomes(&self) -> &'static [Outcome] {
        match self {
            Question::EnrolledFactors => {
                &[Outcome::None, Outcome::Google, Outcome::Sms, Outcome::Email, Outcome::Several, Outcome::StoodIn]
            }
            Question::StepUpFactor => &[Outcome::Google, Outcome::Sms, Outcome::Email],
            Question::MfaRequired => &[Outcome::Required, Outcome::Optional],
            Question::RememberedDevice => &[Outcome::Remembered, Outcome::Unknown],
            Question::AccountGroup(_) | Question::PhonePrefix(_) | Question::ClientKind(_) => {
                &[Outcome::Listed, Outcome::Unlisted]
            }
        }
    }
}

impl Question {
    /// Whether a workflow of this purpose may ask it.
    pub fn fits(&self, purpose: Purpose) -> bool {
        match self {
            Question::MfaRequired | Question::RememberedDevice => purpose == Purpose::SignIn,
            Question::StepUpFactor => purpose == Purpose::Challenge,
            Question::EnrolledFactors
            | Question::AccountGroup(_)
            | Question::PhonePrefix(_)
            | Question::ClientKind(_) => true,
        }
    }
}

impl Purpose {
    /// What a workflow of this purpose is there to grant.
    pub fn due(self) -> Grant {
        match self {
            Purpose::SignIn => Grant::Session,
            Purpose::Enable(_) | Purpose::Disable(_) => Grant::FactorChange,
            Purpose::Challenge | Purpose::Recover => Grant::SuccessToken,
        }
    }
}

impl Grant {
    /// Whether a workflow of this purpose may end so.
    pub fn fits(self, purpose: Purpose) -> bool {
        self == Grant::Nothing || self == purpose.due()
    }
}
