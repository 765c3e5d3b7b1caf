use async_trait::async_trait;

use chrono::{DateTime, Utc};

use crate::identity::{Code, Email, Factor, Locale, Phone};

/// How a message reaches a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    Sms,
    Email,
}

/// Something to be said to a person. The courier words it in their language.
#[derive(Debug, Clone)]
pub struct Message {
    /// 22 characters that name this message to the provider; the same for every try at sending it.
    pub id: String,
    pub to: Address,
    pub locale: Locale,
    pub kind: MessageKind,
}

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    Phone(Phone),
    Email(Email),
}

impl Address {
    /// The number in E.164, or the address, as accounts hold it.
    pub fn as_str(&self) -> &str {
        match self {
            Address::Phone(phone) => phone.as_str(),
            Address::Email(email) => email.as_str(),
        }
    }
}

impl Message {
    pub fn channel(&self) -> Channel {
        match self.to {
            Address::Phone(_) => Channel::Sms,
            Address::Email(_) => Channel::Email,
        }
    }
}

#[derive(Debug, Clone)]
pub enum MessageKind {
    /// A one-time code, and the minutes that it lives.
    Code { code: Code, minutes: u64 },
    /// Something that the owner of the account must hear of, and when it happened. By email only.
    Notice { notice: Notice, at: DateTime<Utc> },
}

/// What an owner is told, in case that it was somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    FactorEnabled(Factor),
    FactorDisabled(Factor),
    /// By the operator's help desk.
    FactorReset(Factor),
    PasswordChanged,
    PasswordReset,
    /// By the operator.
    PasswordSet,
    EmailChanged,
    RecoveryCodesMade,
    /// How many are left.
    RecoveryCodeUsed(usize),
    DeviceRemembered,
    /// A copy of a remembered device's token was shown.
    DeviceStolen,
    /// A refresh token was used twice.
    SessionStolen,
}

impl Notice {
    /// A stable word for it.
    pub fn name(&self) -> &'static str {
        match self {
            Notice::FactorEnabled(_) => "factor_enabled",
            Notice::FactorDisabled(_) => "factor_disabled",
            Notice::FactorReset(_) => "factor_reset",
            Notice::PasswordChanged => "password_changed",
            Notice::PasswordReset => "password_reset",
            Notice::PasswordSet => "password_set",
            Notice::EmailChanged => "email_changed",
            Notice::RecoveryCodesMade => "recovery_codes_made",
            Notice::RecoveryCodeUsed(_) => "recovery_code_used",
            Notice::DeviceRemembered => "device_remembered",
            Notice::DeviceStolen => "device_stolen",
            Notice::SessionStolen => "session_stolen",
        }
    }
}

/// A provider has taken the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The provider that took it, as named in the configuration.
    pub provider: String,
}

/// Why a message did not go out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendFailure {
    /// No provider took it; nothing reached the person.
    #[error("no provider took the message")]
    Refused,
    /// The request went out and no answer came in time: it may have reached the person.
    #[error("the provider did not answer in time")]
    Unknown,
}

/// Sends messages through an ordered list of providers, within a deadline of its own.
///
/// A provider that definitely did not take the message (refused connection, 429, 5xx, misconfigured) is followed by the
/// next one; after an unknown outcome nothing is sent again by itself.
#[async_trait]
pub trait Courier: Send + Sync {
    /// # Errors
    /// [`SendFailure`], which never says more than a person may know.
    async fn send(&self, message: &Message) -> Result<Receipt, SendFailure>;
}
