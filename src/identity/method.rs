use std::fmt;

use serde::{Deserialize, Serialize};

use super::Factor;

/// What a person proved beside the password: one of the factors, or a recovery code in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    Google,
    Sms,
    Email,
    Recovery,
}

impl Method {
    pub const ALL: [Method; 4] = [Method::Google, Method::Sms, Method::Email, Method::Recovery];

    pub fn as_str(self) -> &'static str {
        match self {
            Method::Google => "google",
            Method::Sms => "sms",
            Method::Email => "email",
            Method::Recovery => "recovery",
        }
    }

    pub fn factor(self) -> Option<Factor> {
        match self {
            Method::Google => Some(Factor::Google),
            Method::Sms => Some(Factor::Sms),
            Method::Email => Some(Factor::Email),
            Method::Recovery => None,
        }
    }
}

impl From<Factor> for Method {
    fn from(factor: Factor) -> Self {
        match factor {
            Factor::Google => Method::Google,
            Factor::Sms => Method::Sms,
            Factor::Email => Method::Email,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
