use std::fmt;

use chrono::{DateTime, Utc};
use jsonwebtoken::Algorithm;
use serde::{Deserialize, Serialize};

/// How access tokens are signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TokenAlgorithm {
    /// ECDSA on P-256 (RFC 7518 §3.4).
    #[default]
    ES256,
    /// RSASSA-PKCS1-v1_5, for clients that know nothing newer (RFC 7518 §3.3).
    RS256,
    /// Ed25519 (RFC 8037 §3.1).
    EdDSA,
}

impl TokenAlgorithm {
    pub const ALL: [TokenAlgorithm; 3] = [TokenAlgorithm::ES256, TokenAlgorithm::RS256, TokenAlgorithm::EdDSA];

    pub fn as_str(self) -> &'static str {
        match self {
            TokenAlgorithm::ES256 => "ES256",
            TokenAlgorithm::RS256 => "RS256",
            TokenAlgorithm::EdDSA => "EdDSA",
        }
    }

    pub(super) fn algorithm(self) -> Algorithm {
        match self {
            TokenAlgorithm::ES256 => Algorithm::ES256,
            TokenAlgorithm::RS256 => Algorithm::RS256,
            TokenAlgorithm::EdDSA => Algorithm::EdDSA,
        }
    }
}

/// A key pair as it is kept: sealed with the ring, in the store, shared by all instances.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningKey {
    pub kid: String,
    pub algorithm: TokenAlgorithm,
    /// PKCS #8 in PEM.
    pub private_pem: String,
    pub made_at: DateTime<Utc>,
    /// Published before, so that whoever verifies offline knows it by then.
    pub signs_from: DateTime<Utc>,
    /// When its successor signs in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stops_at: Option<DateTime<Utc>>,
    /// When the last token that it signed has expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<DateTime<Utc>>,
}

impl SigningKey {
    pub fn verifies_at(&self, now: DateTime<Utc>) -> bool {
        self.ends_at.is_none_or(|ends| now < ends)
    }

    pub fn signs_at(&self, now: DateTime<Utc>) -> bool {
        self.signs_from <= now && !self.stopped_at(now)
    }

    pub fn stopped_at(&self, now: DateTime<Utc>) -> bool {
        self.stops_at.is_some_and(|stops| stops <= now)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({} {})", self.algorithm.as_str(), self.kid)
    }
}

/// The key cannot be used for signing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the signing key {kid} cannot be used: {why}")]
pub struct BadSigningKey {
    pub kid: String,
    pub why: String,
}
