//! The key ring while the server runs: opened at start, read again by and by, turned over on demand.
//!
//! Always: the ring in the store is changed by compare-and-set only, and a key leaves it only when nothing needs it. An
//! instance learns of a change before it seals or signs a minute later.

mod open;
mod reading;
mod reseal;
mod rotate;
mod status;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

pub use reseal::Progress;
pub use rotate::{Rotation, Turned};
pub use status::{KeyStatus, SealingState, SealingStatus, SigningState, SigningStatus};

use super::ports::StoreError;
use super::{Reason, Refused};
use crate::identity::{BadSigningKey, KeyError, TokenAlgorithm};

/// The name under which the store keeps the ring.
const RING: &str = "key-ring";

/// How old what an instance knows of the ring may become: less than any overlap, so that no key signs unheard of.
const STALE: TimeDelta = TimeDelta::seconds(60);

/// How often the ring is read at most because a token names a key that nobody knows: anybody can write such a token.
const CURIOUS: TimeDelta = TimeDelta::seconds(10);

/// How often the ring may change under one who is changing it.
const PATIENCE: usize = 16;

/// Makes a key pair for an algorithm, as PKCS #8 in PEM.
pub type PairMaker = fn(TokenAlgorithm) -> Result<String, String>;

/// What this instance knows of the ring beside the ring itself.
pub struct KeyDesk {
    make_pair: PairMaker,
    /// How long a new signing key is published before it signs.
    overlap: TimeDelta,
    /// Unix milliseconds.
    read_at: AtomicI64,
    asked_at: AtomicI64,
    /// The re-sealing that this instance is at.
    progress: Mutex<Option<Progress>>,
}

impl KeyDesk {
    pub fn new(make_pair: PairMaker, overlap: TimeDelta) -> Self {
        let (read_at, asked_at) = (AtomicI64::new(i64::MIN), AtomicI64::new(i64::MIN));
        KeyDesk { make_pair, overlap, read_at, asked_at, progress: Mutex::default() }
    }

    /// How far the re-sealing is that this instance is at.
    pub fn progress(&self) -> Option<Progress> {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the turn to re-seal; `false` when it is taken.
    fn begin(&self) -> bool {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let free = progress.is_none();
        progress.get_or_insert_default();
        free
    }

    fn report(&self, now_at: Option<Progress>) {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = now_at;
    }
}

/// Whether `every` has passed since the time in `last`, which is then `now`: of many who ask at once, one hears so.
fn is_due(last: &AtomicI64, every: TimeDelta, now: DateTime<Utc>) -> bool {
    let (before, now) = (last.load(Ordering::Relaxed), now.timestamp_millis());
    now.saturating_sub(before) > every.num_milliseconds()
        && last.compare_exchange(before, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
}

/// Why something could not be done with the keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyTrouble {
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Sealed(#[from] KeyError),
    #[error("{0}")]
    Signing(#[from] BadSigningKey),
    #[error("no {algorithm} key could be made: {why}")]
    Maker { algorithm: &'static str, why: String },
    #[error("the store has the key ring of another store")]
    Foreign,
    #[error("the key ring changes faster than it can be changed")]
    Contended,
    #[error("there is no retiring key {0}")]
    NoSuchKey(String),
    #[error("key {0} is still needed: {1}")]
    StillNeeded(String, String),
    #[error("{} accounts could not be sealed anew; the first ones: {}", .0.len(), listed(.0))]
    Unopened(Vec<u64>),
}

fn listed(accounts: &[u64]) -> String {
    accounts.iter().take(10).map(u64::to_string).collect::<Vec<_>>().join(", ")
}

impl From<KeyTrouble> for Refused {
    fn from(trouble: KeyTrouble) -> Self {
        match trouble {
            KeyTrouble::Store(error) => error.into(),
            trouble => {
                tracing::error!(%trouble, "the key ring");
                Refused::new(Reason::Internal)
            }
        }
    }
}
