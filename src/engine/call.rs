use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::identity::{Factor, Phone, Secret, SurfaceName};
use crate::workflow::WizardId;

use super::ports::AddressKey;

/// What is known of a call beside what it asks for.
#[derive(Debug, Clone)]
pub struct Call {
    /// Names this call in logs and in the store's scripts.
    pub request_id: String,
    /// The API that it came through.
    pub surface: SurfaceName,
    pub address: AddressKey,
    /// The client's address and `User-Agent` as a session remembers them.
    pub client: Client,
    /// The wizard key that was shown, by cookie or header.
    pub wizard_key: Option<Secret>,
    /// The token of a remembered device, by cookie or header.
    pub device: Option<Secret>,
    /// The `Idempotency-Key`, and what exactly was asked under it.
    pub idempotency: Option<Idempotency>,
}

#[derive(Debug, Clone, Default)]
pub struct Client {
    pub address: Option<String>,
    pub agent: Option<String>,
    /// What the client says it is, such as `web` or `ios`; workflows may route by it, nothing trusts it.
    pub kind: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Idempotency {
    pub key: String,
    /// Method, path and body, in a form that two equal requests share.
    pub request: String,
}

/// What a client does at a step.
#[derive(Debug, Clone)]
pub enum Input {
    /// `name` is what was typed at sign-in; a session's wizard goes by the session's own account instead.
    Password {
        name: String,
        password: Secret,
    },
    Choose(Factor),
    Code(CodeInput),
    Phone(Phone),
    Resend,
    /// A recovery code as it was typed.
    Recovery {
        code: Secret,
        end_other_sessions: bool,
        remember: bool,
    },
    /// The method to turn on at sign-in, and the phone that SMS needs.
    Enrol {
        factor: Factor,
        phone: Option<Phone>,
    },
}

#[derive(Debug, Clone)]
pub struct CodeInput {
    /// The factor that the code is for, where the call says so.
    pub factor: Option<Factor>,
    pub code: String,
    /// The key of an authenticator enrolment, as the client shows it back.
    pub key: Option<String>,
    pub end_other_sessions: bool,
    /// Whether this device is to be remembered once the sign-in is complete.
    pub remember: bool,
}

/// Why a call was refused. Nothing was changed unless the reason says so.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Refused {
    pub reason: Reason,
    /// The wizard and what it shows, for a step of one.
    pub at: Option<(WizardId, String)>,
    pub attempts_left: Option<u32>,
    /// Seconds, rounded up.
    pub retry_after: Option<u64>,
    /// What is wrong with which field: the field, and the key of a message.
    pub fields: BTreeMap<String, FieldProblem>,
    /// Whether nothing is left but to begin again.
    #[serde(default)]
    pub restart: bool,
}

/// What is wrong with a field. The surface words it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FieldProblem {
    Missing,
    Twice,
    /// No key of a client, or not the one that goes with the other.
    ClientKey,
    /// Nothing goes by this name.
    Unknown,
    Digits(u8),
    /// So many digits at least, and at most.
    SomeDigits(u64, u64),
    Email,
    Username,
    Phone,
    PhoneNotAllowed,
    Uuid,
    Factor,
    Taken,
    Exists,
    Key,
    PasswordHash,
    PasswordLength,
    /// Too easy to guess.
    PasswordWeak,
    /// On the list of passwords that everybody tries.
    PasswordCommon,
    /// The confirmation is another one.
    PasswordsDiffer,
    RecoveryCode,
    Purpose,
    Locale,
    OutOfRange(u64, u64),
    Time,
    PolicyId,
    Issuer,
    Domain,
    /// 1 to 64 characters.
    Name,
    /// One of these words, which are set apart by commas.
    OneOf(String),
    Invalid(String),
}

/// The reasons for refusing. The surface has one table from these to status, code and message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// Unknown, expired or foreign: all three look the same.
    WizardNotFound,
    NotFound,
    Unauthorized,
    Forbidden,
    Invalid,
    InvalidCredentials,
    InvalidCode,
    CodeExpired,
    CodeUsed,
    InvalidPhone,
    MethodNotEnabled,
    MethodAlreadyEnabled,
    /// The operator does not let this account turn the method on.
    MethodNotAllowed,
    /// A factor must be proved first: none was in this session for a while.
    StepUpRequired,
    /// The policy wants a factor turned on before anybody is let in, which is done in a sign-in wizard.
    EnrolmentRequired,
    /// Unknown, used, expired, or of another account or purpose: all look the same.
    InvalidSuccessToken,
    /// A password that cannot be taken; the fields say why.
    PasswordRefused,
    /// Passwords are kept in the operator's own directory.
    PasswordElsewhere,
    TooManyAttempts,
    AccountLocked,
    ResendTooSoon,
    TooManySends,
    StepNotAllowed,
    WizardChanged,
    WorkflowDisabled,
    IdempotencyKeyReused,
    Taken,
    /// There is one of this name.
    Exists,
    /// What the configuration says cannot be changed here.
    ReadOnly,
    /// There are as many as there may be.
    Full,
    DeliveryFailed,
    Unavailable,
    Overloaded,
    Internal,
}

impl Refused {
    pub fn new(reason: Reason) -> Self {
        Refused { reason, at: None, attempts_left: None, retry_after: None, fields: BTreeMap::new(), restart: false }
    }

    #[must_use]
    pub fn field(mut self, name: &str, problem: FieldProblem) -> Self {
        self.fields.insert(name.to_owned(), problem);
        self
    }

    /// The refusal with a field under the name that it has at a surface.
    #[must_use]
    pub fn renamed(mut self, from: &str, to: &str) -> Self {
        if let Some(problem) = self.fields.remove(from) {
            self.fields.insert(to.to_owned(), problem);
        }
        self
    }

    #[must_use]
    pub fn attempts_left(mut self, left: u32) -> Self {
        self.attempts_left = Some(left);
        self
    }

    /// The time to wait, in seconds.
    #[must_use]
    pub fn again_in(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The time to wait, as whole seconds from `now`, at least 1.
    #[must_use]
    pub fn until(self, until: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        self.again_in((until - now).num_milliseconds().max(1).unsigned_abs().div_ceil(1_000))
    }
}

impl From<super::ports::StoreError> for Refused {
    fn from(error: super::ports::StoreError) -> Self {
        use super::ports::StoreError;
        match error {
            StoreError::Unavailable(why) => {
                tracing::warn!(%why, "the store is unavailable");
                Refused::new(Reason::Unavailable).again_in(1)
            }
            StoreError::Damaged(why) => {
                tracing::error!(%why, "a stored record is damaged");
                Refused::new(Reason::Internal)
            }
        }
    }
}

impl From<super::passwords::PasswordError> for Refused {
    fn from(error: super::passwords::PasswordError) -> Self {
        use super::passwords::PasswordError;
        match error {
            PasswordError::Overloaded => Refused::new(Reason::Overloaded).again_in(2),
            PasswordError::Failed => {
                tracing::error!("a password hash could not be computed");
                Refused::new(Reason::Internal)
            }
        }
    }
}
