use std::fmt;

use chrono::{DateTime, Utc};
use jsonwebtoken::jwk::{Jwk, JwkSet, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::{AccountId, Secret, SessionId};

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
    pub fn as_str(self) -> &'static str {
        match self {
            TokenAlgorithm::ES256 => "ES256",
            TokenAlgorithm::RS256 => "RS256",
            TokenAlgorithm::EdDSA => "EdDSA",
        }
    }

    fn algorithm(self) -> Algorithm {
        match self {
            TokenAlgorithm::ES256 => Algorithm::ES256,
            TokenAlgorithm::RS256 => Algorithm::RS256,
            TokenAlgorithm::EdDSA => Algorithm::EdDSA,
        }
    }
}

/// What a token says. `sub` is the account, `sid` the session that must still live.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    sid: String,
    iat: i64,
    exp: i64,
    /// Never written by us; whoever else signs with this key one day may write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
}

/// A key pair as it is kept: sealed, in the store, shared by all instances.
#[derive(Clone, Serialize, Deserialize)]
pub struct SigningKey {
    pub kid: String,
    pub algorithm: TokenAlgorithm,
    /// PKCS #8 in PEM.
    pub private_pem: String,
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

/// The account and session that a genuine access token names. Whether the session still lives, the store knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    pub account: AccountId,
    pub session: SessionId,
}

/// Signs and verifies access tokens (JWT with `typ` `at+jwt`, RFC 9068 §2.1).
pub struct AccessTokens {
    issuer: String,
    audience: String,
    kid: String,
    algorithm: TokenAlgorithm,
    signing: EncodingKey,
    verifying: DecodingKey,
    public: Jwk,
}

impl AccessTokens {
    const TYPE: &str = "at+jwt";

    /// # Errors
    /// When the PEM holds no private key for the algorithm.
    pub fn new(key: &SigningKey, issuer: String, audience: String) -> Result<Self, BadSigningKey> {
        let pem = key.private_pem.as_bytes();
        let bad = |why: jsonwebtoken::errors::Error| BadSigningKey { kid: key.kid.clone(), why: why.to_string() };
        let signing = match key.algorithm {
            TokenAlgorithm::ES256 => EncodingKey::from_ec_pem(pem),
            TokenAlgorithm::RS256 => EncodingKey::from_rsa_pem(pem),
            TokenAlgorithm::EdDSA => EncodingKey::from_ed_pem(pem),
        }
        .map_err(bad)?;
        let mut public = Jwk::from_encoding_key(&signing, key.algorithm.algorithm()).map_err(bad)?;
        public.common.key_id = Some(key.kid.clone());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        public.common.key_operations = Some(vec![KeyOperations::Verify]);
        let verifying = DecodingKey::from_jwk(&public).map_err(bad)?;
        Ok(AccessTokens {
            issuer,
            audience,
            kid: key.kid.clone(),
            algorithm: key.algorithm,
            signing,
            verifying,
            public,
        })
    }

    /// A token for this session from `now` to `expires`, both cut to whole seconds.
    ///
    /// # Errors
    /// When the key, which was checked at construction, fails all the same.
    pub fn mint(
        &self,
        bearer: &Bearer,
        now: DateTime<Utc>,
        expires: DateTime<Utc>,
    ) -> Result<Secret, jsonwebtoken::errors::Error> {
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: bearer.account.to_string(),
            sid: bearer.session.to_string(),
            iat: now.timestamp(),
            exp: expires.timestamp(),
            nbf: None,
        };
        let mut header = Header::new(self.algorithm.algorithm());
        header.typ = Some(Self::TYPE.to_owned());
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, &claims, &self.signing).map(Secret::new)
    }

    /// Whose token this is, or `None` for anything that is not exactly one of ours: another algorithm, type, key,
    /// issuer or audience, a changed signature, or a time past its end or before its beginning. Keys that a token brings along (`jwk`, `jku`,
    /// `x5u`) are never looked at (RFC 8725 §3.1, §3.8, §3.11).
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Option<Bearer> {
        let header = jsonwebtoken::decode_header(token).ok()?;
        let ours = header.alg == self.algorithm.algorithm()
            && header.typ.as_deref() == Some(Self::TYPE)
            && header.kid.as_deref() == Some(self.kid.as_str());
        if !ours {
            return None;
        }
        let mut rules = Validation::new(self.algorithm.algorithm());
        rules.set_issuer(&[&self.issuer]);
        rules.set_audience(&[&self.audience]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The library would ask the system for the time.
        rules.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(token, &self.verifying, &rules).ok()?.claims;
        let now = now.timestamp();
        if now >= claims.exp || claims.nbf.is_some_and(|nbf| now < nbf) {
            return None;
        }
        Some(Bearer { account: claims.sub.parse().ok()?, session: SessionId::parse(&claims.sid)? })
    }

    /// The public keys for `/.well-known/jwks.json` (RFC 7517 §5).
    pub fn jwks(&self) -> JwkSet {
        JwkSet { keys: vec![self.public.clone()] }
    }
}

impl fmt::Debug for AccessTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccessTokens({} {})", self.algorithm.as_str(), self.kid)
    }
}
