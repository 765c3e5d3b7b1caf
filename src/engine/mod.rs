//! Load → decide → commit → deliver, and the ports that it needs.
//!
//! Always: an attempt is counted on the account before a wizard moves; a wizard moves by one compare-and-set; a code
//! leaves only after the step that promises it is committed.
//! Never here: HTTP, Redis, SMTP. What the outside is made of is behind the ports.

mod accounts;
mod audit;
mod authenticator;
mod call;
mod changes;
mod credentials;
mod definitions;
mod desk;
mod devices;
mod directory;
mod errands;
mod history;
mod import;
mod keys;
mod orders;
mod passwords;
pub mod ports;
mod recovery;
mod registry;
mod sessions;
mod standing;
mod success;
mod turns;
mod verdicts;
mod wizards;

use std::sync::Arc;

use chrono::TimeDelta;

pub use accounts::{AccountPatch, NewAccount, NewPassword};
pub use audit::{Audit, Happening};
pub use authenticator::{Enrolling, Hand, Offered, Target, TurnedOn, Verified};
pub use call::{Call, Client, CodeInput, FieldProblem, Idempotency, Input, Reason, Refused};
pub use changes::{ChangeFilter, ChangePage};
pub use credentials::PasswordPair;
pub use definitions::Definitions;
pub use desk::Reset;
pub use devices::Devices;
pub use errands::Errands;
pub use history::{EventFilter, EventPage};
pub use import::{Exporting, Imported, Line, Order, Problems};
pub use keys::{
    KeyDesk, KeyStatus, KeyTrouble, PairMaker, Progress, Rotation, SealingState, SealingStatus, SigningState,
    SigningStatus, Turned,
};
pub use orders::{MfaState, MfaTarget, Selection};
pub use passwords::{CommonPasswords, ListError, Looked, PasswordError, Passwords, Strength};
pub use recovery::RecoveryLeft;
pub use registry::{Asked, Credentials, Judged, NewClient, PolicyPatch, PolicySource, RegistryDesk, SourcedPolicy};
pub use sessions::Caller;
pub use standing::{Asking, Data, DeviceGrant, Enrolment, SendReceipt, Standing, Success, Token, Tokens};
pub use success::Redeemed;
pub use turns::{Crowded, Moment, Turn, Turns};
pub use wizards::{Admitted, Entered, Gate, Passage, Pending, Started};

use crate::identity::{AccessTokens, Keys, Policy};
use ports::{Clock, Courier, Directory, Entropy, RequestId, Store};

/// How long things last, and how tightly wizards are bound.
#[derive(Debug, Clone)]
pub struct Settings {
    pub access_ttl: TimeDelta,
    pub refresh_ttl: TimeDelta,
    /// Whether a wizard answers only to whoever shows its key.
    pub strict_binding: bool,
}

/// Everything that decides and does. Shared by all workers; holds no state of its own.
pub struct Engine {
    pub store: Arc<dyn Store>,
    pub courier: Arc<dyn Courier>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub keys: Keys,
    pub tokens: AccessTokens,
    pub key_desk: KeyDesk,
    pub registry_desk: RegistryDesk,
    pub policy: Policy,
    pub passwords: Passwords,
    /// Who checks passwords in place of `passwords`, if the operator has a directory of their own.
    pub directory: Option<Arc<dyn Directory>>,
    pub definitions: Definitions,
    pub settings: Settings,
    pub errands: Errands,
    pub audit: Audit,
}

impl Engine {
    /// A fresh name for one call to the store. Never the client's request id: a repeat of that must not be answered
    /// with somebody else's verdict.
    fn request(&self) -> RequestId {
        RequestId(data_encoding::BASE64URL_NOPAD.encode(&self.entropy.bytes::<16>()))
    }
}
