use chrono::{DateTime, Utc};

use super::{KeyTrouble, Progress};
use crate::engine::Engine;
use crate::identity::KeyRing;

/// The keys and what they are at; nothing of them is secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStatus {
    /// Oldest first.
    pub sealing: Vec<SealingStatus>,
    pub signing: Vec<SigningStatus>,
    /// The re-sealing that this instance is at.
    pub resealing: Option<Progress>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealingStatus {
    pub id: String,
    pub state: SealingState,
    pub made_at: DateTime<Utc>,
    /// When no account was left under it.
    pub empty_since: Option<DateTime<Utc>>,
    /// From when on it may be dropped.
    pub may_go_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealingState {
    Current,
    Retiring,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningStatus {
    pub kid: String,
    pub algorithm: &'static str,
    pub state: SigningState,
    pub made_at: DateTime<Utc>,
    pub signs_from: DateTime<Utc>,
    pub stops_at: Option<DateTime<Utc>>,
    pub ends_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SigningState {
    /// Published, and not signing yet.
    Coming,
    Signing,
    /// Verifies what it has signed.
    Retiring,
}

impl SealingState {
    pub fn as_str(self) -> &'static str {
        match self {
            SealingState::Current => "current",
            SealingState::Retiring => "retiring",
        }
    }
}

impl SigningState {
    pub fn as_str(self) -> &'static str {
        match self {
            SigningState::Coming => "coming",
            SigningState::Signing => "signing",
            SigningState::Retiring => "retiring",
        }
    }
}

impl Engine {
    /// The keys as the store has them now. One round trip.
    ///
    /// # Errors
    /// When the store gives no answer.
    pub async fn key_status(&self) -> Result<KeyStatus, KeyTrouble> {
        let (_, ring) = self.ring_in_store().await?;
        let (sealing, signing) = (sealing(&ring), signing(&ring, self.clock.now()));
        Ok(KeyStatus { sealing, signing, resealing: self.key_desk.progress() })
    }
}

fn sealing(ring: &KeyRing) -> Vec<SealingStatus> {
    let status = |key: &crate::identity::SealingKey| SealingStatus {
        id: key.id.clone(),
        state: if key.id == ring.current.id { SealingState::Current } else { SealingState::Retiring },
        made_at: key.made_at,
        empty_since: key.empty_since,
        may_go_at: ring.may_go_at(&key.id),
    };
    ring.sealing().map(status).collect()
}

fn signing(ring: &KeyRing, now: DateTime<Utc>) -> Vec<SigningStatus> {
    let living = ring.signing.iter().filter(|key| key.verifies_at(now));
    let status = |key: &crate::identity::SigningKey| SigningStatus {
        kid: key.kid.clone(),
        algorithm: key.algorithm.as_str(),
        state: match key {
            _ if key.signs_at(now) => SigningState::Signing,
            _ if key.signs_from > now => SigningState::Coming,
            _ => SigningState::Retiring,
        },
        made_at: key.made_at,
        signs_from: key.signs_from,
        stops_at: key.stops_at,
        ends_at: key.ends_at,
    };
    living.map(status).collect()
}
