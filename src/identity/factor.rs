use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A second factor that an account can enrol, by the name that clients use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Factor {
    /// A time-based one-time password from an authenticator app (RFC 6238).
    Google,
    /// A code sent by SMS to the phone that was confirmed at enrolment.
    Sms,
    /// A code sent to the account's email address.
    Email,
}

impl Factor {
    /// Every factor, strongest first: the order in which methods are offered.
    pub const ALL: [Factor; 3] = [Factor::Google, Factor::Sms, Factor::Email];

    pub fn as_str(self) -> &'static str {
        match self {
            Factor::Google => "google",
            Factor::Sms => "sms",
            Factor::Email => "email",
        }
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is none of `google`, `sms`, `email`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be one of google, sms, email")]
pub struct UnknownFactor;

impl FromStr for Factor {
    type Err = UnknownFactor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Factor::ALL.into_iter().find(|factor| factor.as_str() == text).ok_or(UnknownFactor)
    }
}

/// Where a code is sent. The three differ in what a right code proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipient {
    /// The phone that the account enrolled.
    Phone,
    /// A phone typed into this wizard, not enrolled yet.
    NewPhone,
    /// The account's email address.
    Email,
}

impl Recipient {
    pub const ALL: [Recipient; 3] = [Recipient::Phone, Recipient::NewPhone, Recipient::Email];

    pub fn as_str(self) -> &'static str {
        match self {
            Recipient::Phone => "phone",
            Recipient::NewPhone => "new_phone",
            Recipient::Email => "email",
        }
    }

    /// The factor whose channel reaches this recipient.
    pub fn factor(self) -> Factor {
        match self {
            Recipient::Phone | Recipient::NewPhone => Factor::Sms,
            Recipient::Email => Factor::Email,
        }
    }
}
