//! Named policies of authenticators, the programs that may use them, and what such a program may ask for by name.
//!
//! Always: what was made through the operator's API is one sealed record of the store, changed by compare-and-set only,
//! and read with one round trip; what the configuration says comes first, and is never written.
//! Always: a name that nobody has is answered like one that somebody has, and with as much work.
//! Never here: how an authenticator is made, confirmed or taken away; that is the account service's.

mod clients;
mod door;
mod policies;
mod record;
mod service;

use std::sync::{Arc, RwLock};

pub use clients::NewClient;
pub use door::{Asked, Credentials};
pub use policies::{PolicyPatch, PolicySource, SourcedPolicy};
pub use service::Judged;

use super::{FieldProblem, Reason, Refused};
use crate::identity::{Registry, RegistryError, Sealed, TotpPolicy};

/// What an instance knows of the registry beside the store.
pub struct RegistryDesk {
    configured: Vec<TotpPolicy>,
    /// The record as it was read last, and what was in it: as long as it is the same, it need not be opened again.
    last: RwLock<Option<(Sealed, Arc<Registry>)>>,
}

impl RegistryDesk {
    pub fn new(configured: Vec<TotpPolicy>) -> Self {
        RegistryDesk { configured, last: RwLock::default() }
    }
}

impl From<RegistryError> for Refused {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::Taken => Refused::new(Reason::Exists).field("id", FieldProblem::Exists),
            RegistryError::Full => Refused::new(Reason::Full),
            RegistryError::NotFound => Refused::new(Reason::NotFound),
        }
    }
}
