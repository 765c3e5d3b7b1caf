//! How the vocabulary is spelt in a file. One table for the loader, the JSON Schema, the diagrams and the refusals.

use std::fmt;

use crate::identity::{Factor, Recipient};

use super::{Action, Ask, Grant, Purpose, Question, TotpOf};

/// A word, and the attribute that tells it from others of the same name: `check_code` with `to = "phone"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spelling {
    pub word: &'static str,
    pub attribute: Option<(&'static str, &'static str)>,
}

impl fmt::Display for Spelling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.attribute {
            None => f.write_str(self.word),
            Some((key, value)) => write!(f, "{} {key}={value}", self.word),
        }
    }
}

fn plain(word: &'static str) -> Spelling {
    Spelling { word, attribute: None }
}

fn with(word: &'static str, key: &'static str, value: &'static str) -> Spelling {
    Spelling { word, attribute: Some((key, value)) }
}

impl Ask {
    pub const ALL: [Ask; 10] = [
        Ask::CheckPassword,
        Ask::ChooseMethod,
        Ask::CheckTotp(TotpOf::Enrolled),
        Ask::CheckTotp(TotpOf::New),
        Ask::CheckCode(Recipient::Phone),
        Ask::CheckCode(Recipient::NewPhone),
        Ask::CheckCode(Recipient::Email),
        Ask::EnterPhone,
        Ask::CheckRecoveryCode,
        Ask::ChooseEnrolment,
    ];

    pub fn spelling(self) -> Spelling {
        match self {
            Ask::CheckPassword => plain("check_password"),
            Ask::ChooseMethod => plain("choose_method"),
            Ask::CheckTotp(TotpOf::Enrolled) => with("check_totp", "of", "enrolled"),
            Ask::CheckTotp(TotpOf::New) => with("check_totp", "of", "new"),
            Ask::CheckCode(recipient) => with("check_code", "to", recipient.as_str()),
            Ask::EnterPhone => plain("enter_phone"),
            Ask::CheckRecoveryCode => plain("check_recovery_code"),
            Ask::ChooseEnrolment => plain("choose_enrolment"),
        }
    }
}

impl Action {
    pub const ALL: [Action; 10] = [
        Action::SendCode(Recipient::Phone),
        Action::SendCode(Recipient::NewPhone),
        Action::SendCode(Recipient::Email),
        Action::CreateSecret,
        Action::EnableFactor(Factor::Google),
        Action::EnableFactor(Factor::Sms),
        Action::EnableFactor(Factor::Email),
        Action::DisableFactor(Factor::Google),
        Action::DisableFactor(Factor::Sms),
        Action::DisableFactor(Factor::Email),
    ];

    pub fn spelling(self) -> Spelling {
        match self {
            Action::SendCode(recipient) => with("send_code", "to", recipient.as_str()),
            Action::CreateSecret => plain("create_secret"),
            Action::EnableFactor(factor) => with("enable_factor", "factor", factor.as_str()),
            Action::DisableFactor(factor) => with("disable_factor", "factor", factor.as_str()),
        }
    }
}

impl Question {
    /// One of each kind, with empty lists.
    pub const KINDS: [Question; 7] = [
        Question::EnrolledFactors,
        Question::AccountGroup(Vec::new()),
        Question::PhonePrefix(Vec::new()),
        Question::ClientKind(Vec::new()),
        Question::MfaRequired,
        Question::RememberedDevice,
        Question::StepUpFactor,
    ];

    pub fn word(&self) -> &'static str {
        match self {
            Question::EnrolledFactors => "enrolled_factors",
            Question::AccountGroup(_) => "account_group",
            Question::PhonePrefix(_) => "phone_prefix",
            Question::ClientKind(_) => "client_kind",
            Question::MfaRequired => "mfa_required",
            Question::RememberedDevice => "remembered_device",
            Question::StepUpFactor => "step_up_factor",
        }
    }

    /// The list that the question goes by, under the key that it has in a file.
    pub fn list(&self) -> Option<(&'static str, &[String])> {
        match self {
            Question::EnrolledFactors | Question::MfaRequired | Question::RememberedDevice | Question::StepUpFactor => {
                None
            }
            Question::AccountGroup(groups) => Some(("groups", groups)),
            Question::PhonePrefix(prefixes) => Some(("prefixes", prefixes)),
            Question::ClientKind(kinds) => Some(("kinds", kinds)),
        }
    }

    /// The same kind of question about another list.
    #[must_use]
    pub fn about(&self, list: Vec<String>) -> Self {
        match self {
            Question::EnrolledFactors | Question::MfaRequired | Question::RememberedDevice | Question::StepUpFactor => {
                self.clone()
            }
            Question::AccountGroup(_) => Question::AccountGroup(list),
            Question::PhonePrefix(_) => Question::PhonePrefix(list),
            Question::ClientKind(_) => Question::ClientKind(list),
        }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.list() {
            None => f.write_str(self.word()),
            Some((key, list)) => write!(f, "{} {key}={}", self.word(), list.join(", ")),
        }
    }
}

impl Grant {
    pub const ALL: [Grant; 4] = [Grant::Session, Grant::FactorChange, Grant::SuccessToken, Grant::Nothing];

    pub fn as_str(self) -> &'static str {
        match self {
            Grant::Session => "session",
            Grant::FactorChange => "factor_change",
            Grant::SuccessToken => "success_token",
            Grant::Nothing => "nothing",
        }
    }
}

impl Purpose {
    /// The words of `purpose` in a file.
    pub const WORDS: [&'static str; 5] = ["signin", "enable", "disable", "challenge", "recover"];

    pub fn word(self) -> &'static str {
        match self {
            Purpose::SignIn => "signin",
            Purpose::Enable(_) => "enable",
            Purpose::Disable(_) => "disable",
            Purpose::Challenge => "challenge",
            Purpose::Recover => "recover",
        }
    }

    /// The factor that is turned on or off.
    pub fn factor(self) -> Option<Factor> {
        match self {
            Purpose::SignIn | Purpose::Challenge | Purpose::Recover => None,
            Purpose::Enable(factor) | Purpose::Disable(factor) => Some(factor),
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Purpose::SignIn => f.write_str("sign in"),
            Purpose::Enable(factor) => write!(f, "enable {factor}"),
            Purpose::Disable(factor) => write!(f, "disable {factor}"),
            Purpose::Challenge => f.write_str("confirm who it is"),
            Purpose::Recover => f.write_str("get back in"),
        }
    }
}
