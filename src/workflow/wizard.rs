use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::identity::{Account, CodeDigest, Email, Factor, Phone, Recipient, Sealed, SessionId, SurfaceName};

use super::{Digest, Facts};

/// The address of a wizard. Not a secret: it lands in URLs and logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WizardId(Uuid);

impl WizardId {
    pub fn from_bytes(random: [u8; 16]) -> Self {
        WizardId(uuid::Builder::from_random_bytes(random).into_uuid())
    }
}

impl fmt::Display for WizardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for WizardId {
    type Err = &'static str;

    /// Takes the hyphenated form only, in either case, so that a wizard has one address.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match Uuid::try_parse(text) {
            Ok(uuid) if text.len() == 36 => Ok(WizardId(uuid)),
            _ => Err("must be a uuid such as 36f59381-5b54-48bd-a0c7-3b908c476732"),
        }
    }
}

/// A person's place in a workflow. One document in the store, changed only by compare-and-set on `revision`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Wizard {
    pub id: WizardId,
    pub revision: u64,
    /// The workflow's name and the digest of the very file that this wizard walks.
    pub workflow: String,
    pub digest: Digest,
    /// The step that waits for the client, or the end.
    pub step: String,
    pub ended: bool,
    pub facts: Facts,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    /// The digest of the wizard key that was handed out at creation.
    pub key: String,
    /// The account as it was when last looked at. Every change to the account is checked against its revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Account>,
    /// The session that started an enable or disable wizard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    #[serde(default, skip_serializing_if = "Pending::is_empty")]
    pub pending: Pending,
    #[serde(default, skip_serializing_if = "Sends::is_none")]
    pub sends: Sends,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_kind: Option<String>,
    /// What a challenge, or a way back in, is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<Challenge>,
    /// The step was reached by choosing a method, whose answers carry no data.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub chosen: bool,
    /// The surface at which it began, and at which alone it goes on.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub surface: SurfaceName,
    /// What a sign-in is to open once it is complete.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub opens: Opens,
    /// The last answer that was asked for with an `Idempotency-Key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<Answered>,
}

fn is_usual<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What a completed sign-in opens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opens {
    /// A session with access and refresh tokens.
    #[default]
    Tokens,
    /// A session of a day, whose only credential is a hash.
    Panel,
    /// No session: the very call that brought the password is let through.
    Nothing,
}

/// What somebody wants to confirm, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Challenge {
    /// What the success token is for.
    pub purpose: String,
    /// The factor that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pick: Option<Factor>,
    /// The address that was typed by somebody who is not signed in. All that is counted in such a wizard is counted
    /// under this name, whether or not an account has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
}

/// What is being enrolled, and is not the account's yet.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Pending {
    /// The authenticator secret, sealed for this wizard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Sealed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Phone>,
}

impl Pending {
    fn is_empty(&self) -> bool {
        *self == Pending::default()
    }
}

/// The codes that this wizard has sent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sends {
    /// Codes sent so far, all recipients together.
    pub count: u32,
    /// The code that would be accepted now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outstanding: Option<Outstanding>,
    /// No further code to this recipient before this time.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub not_before: BTreeMap<Recipient, DateTime<Utc>>,
}

impl Sends {
    fn is_none(&self) -> bool {
        *self == Sends::default()
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outstanding {
    pub recipient: Recipient,
    pub digest: CodeDigest,
    pub sent_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    /// No provider has answered for it: it may or may not arrive.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unconfirmed: bool,
}

/// An answer kept for a client that asks again because it never heard it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// Keyed digests of the `Idempotency-Key` and of the request.
    pub key: String,
    pub request: String,
    /// Status and body, sealed: they may hold tokens.
    pub answer: Sealed,
}

impl Wizard {
    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        now >= self.expires_at
    }
}
