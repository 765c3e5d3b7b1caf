use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::identity::{AccountId, Method, SessionId};
use crate::workflow::WizardId;

/// Something that has happened, for whoever has to be able to tell afterwards. Holds no secret and no code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// 22 characters; the same wherever this event is told.
    pub id: String,
    pub time: DateTime<Utc>,
    #[serde(rename = "type")]
    pub kind: EventKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    pub actor: Actor,
    /// The name of the request that it happened in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The client's address and `User-Agent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wizard: Option<WizardId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    /// What else is to be known, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
}

/// Who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// Whoever was at the client.
    Person,
    /// Whoever showed the operator's key, or sat at the command line.
    Operator,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $word:literal,)+) => {
        /// What has happened. The words are stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum EventKind { $($(#[$doc])* #[serde(rename = $word)] $kind,)+ }

        impl EventKind {
            pub const ALL: &'static [EventKind] = &[$(EventKind::$kind),+];

            pub fn as_str(self) -> &'static str {
                match self { $(EventKind::$kind => $word,)+ }
            }
        }
    };
}

kinds! {
    SignedIn = "signed_in",
    /// A wrong name or password.
    SignInFailed = "sign_in_failed",
    /// A wrong or used code, of any kind.
    CodeFailed = "code_failed",
    /// Too many failures: the account takes no passwords, or no codes, for a while.
    Locked = "locked",
    Unlocked = "unlocked",
    SignedOut = "signed_out",
    /// A session was ended by another one, or by the operator.
    SessionEnded = "session_ended",
    /// A refresh token was used twice; its session is over.
    RefreshReused = "refresh_reused",
    FactorEnabled = "factor_enabled",
    FactorDisabled = "factor_disabled",
    /// An administrator has allowed or disallowed second factors, to one account or to all.
    MfaOrdered = "mfa_ordered",
    PasswordChanged = "password_changed",
    /// Somebody asked for a code to get back in with.
    RecoveryStarted = "recovery_started",
    PasswordReset = "password_reset",
    ChallengePassed = "challenge_passed",
    SuccessTokenRedeemed = "success_token_redeemed",
    RecoveryCodesMade = "recovery_codes_made",
    RecoveryCodeUsed = "recovery_code_used",
    DeviceRemembered = "device_remembered",
    DeviceForgotten = "device_forgotten",
    /// A remembered device's old token was shown: somebody has a copy. All devices were forgotten.
    DeviceStolen = "device_stolen",
    AccountCreated = "account_created",
    AccountChanged = "account_changed",
    AccountDeleted = "account_deleted",
    AccountsImported = "accounts_imported",
    KeyRotated = "key_rotated",
    /// A named policy of authenticators was made, changed or deleted.
    PolicyCreated = "policy_created",
    PolicyChanged = "policy_changed",
    PolicyDeleted = "policy_deleted",
    /// A program got keys of its own, or lost them.
    ClientCreated = "client_created",
    ClientDeleted = "client_deleted",
}

impl std::str::FromStr for EventKind {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        EventKind::ALL.iter().copied().find(|kind| kind.as_str() == text).ok_or("is no type of event")
    }
}

/// An event and its place in the stream.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    /// Grows along the stream; opaque to clients.
    pub cursor: String,
    pub event: Event,
}

/// Which stretch of the stream to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRange {
    /// Beyond this place: later ones, or, newest first, earlier ones.
    pub beyond: Option<String>,
    pub newest_first: bool,
    pub limit: usize,
}

/// Where events go beside the store's stream.
#[async_trait]
pub trait EventSink: Send + Sync {
    /// Takes events in their order. What cannot be delivered is the sink's own to retry and to log.
    async fn take(&self, events: &[Event]);

    /// Returns when everything that was taken has been delivered. From here on the sink hurries: the server stops.
    async fn finish(&self) {}
}
