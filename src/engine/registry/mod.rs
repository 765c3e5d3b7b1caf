//! Named policies of authenticators, and the programs that may use them.
//!
//! Always: what was made through the operator's API is one sealed record of the store, changed by compare-and-set only,
//! and read with one round trip; what the configuration says comes first, and is never written.
//! Never here: authenticators themselves.

mod clients;
mod policies;
mod record;

use std::sync::{Arc, RwLock};

pub use clients::NewClient;
pub use policies::{PolicyPatch, PolicySource, SourcedPolicy};

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
