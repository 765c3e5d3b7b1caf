use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::identity::{Factor, Recipient};
use crate::workflow::{Ask, Purpose, WizardId};

/// Where a wizard stands, as a surface shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Standing {
    pub id: WizardId,
    /// The workflow's name and the place in it.
    pub workflow: String,
    pub step: String,
    /// What the client sees as `workflow`.
    pub shows: String,
    pub purpose: Purpose,
    /// What is asked for next; `None` when the wizard is over.
    pub asks: Option<Asking>,
    pub done: bool,
    pub data: Data,
    /// The code that is on its way, if one is.
    pub receipt: Option<SendReceipt>,
    pub expires_at: DateTime<Utc>,
    /// The next token of the device that signed in, if it is remembered.
    #[serde(default)]
    pub device: Option<DeviceGrant>,
}

/// What a remembered device shows the next time.
#[derive(Clone, Serialize, Deserialize)]
pub struct DeviceGrant {
    pub token: String,
    pub expires_at: DateTime<Utc>,
}

impl std::fmt::Debug for DeviceGrant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeviceGrant([secret])")
    }
}

/// What a waiting step takes, read off the workflow.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Asking {
    pub ask: Ask,
    /// Digits of the code, where one is asked for.
    pub digits: u8,
    /// Whether another code may be asked for.
    pub resend: bool,
    /// What the steps that offer other ways on ask for.
    pub switch: Vec<Ask>,
    /// The methods that may be chosen, once the password was given.
    pub methods: Vec<Factor>,
    /// Those that may be turned on, where the policy wants one.
    pub enrolments: Vec<Factor>,
}

/// What a step has to tell.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Data {
    Nothing,
    /// The first page of a sign-in; whether a forgotten password can be set anew.
    SignIn {
        password_recovery: bool,
    },
    Methods(Vec<Factor>),
    Receipt,
    Enrolment(Enrolment),
    Tokens(Tokens),
    /// A factor was turned on or off.
    Changed,
    /// Shown once.
    Success(Success),
}

/// A success token, and how long it is good for.
#[derive(Clone, Serialize, Deserialize)]
pub struct Success {
    pub token: String,
    pub expires_at: DateTime<Utc>,
}

impl std::fmt::Debug for Success {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Success([secret])")
    }
}

/// A fresh authenticator secret, to be scanned or typed.
#[derive(Clone, Serialize, Deserialize)]
pub struct Enrolment {
    pub key: String,
    pub otpauth_url: String,
    /// PNG.
    pub qr: Vec<u8>,
}

impl std::fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Enrolment([secret])")
    }
}

/// A pair of tokens, shown once.
#[derive(Clone, Serialize, Deserialize)]
pub struct Tokens {
    pub access: Token,
    pub refresh: Token,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Token {
    pub token: String,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens([secret])")
    }
}

/// A code that was sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SendReceipt {
    /// Whether a provider has taken it; `false` when none answered in time and it may still arrive.
    pub accepted: bool,
    /// Codes that this wizard has sent so far.
    pub sent: u32,
    pub sent_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub recipient: Recipient,
    /// The address or number: whole for a phone that was just typed, masked otherwise.
    pub shown: String,
}
