use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Utc};
use jsonwebtoken::jwk::{Jwk, JwkSet, KeyOperations, PublicKeyUse};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::{AccountId, BadSigningKey, Secret, SessionId, SigningKey, TokenAlgorithm};

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

/// The account and session that a genuine access token names. Whether the session still lives, the store knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    pub account: AccountId,
    pub session: SessionId,
}

/// Why no token was signed.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    #[error("there is no key to sign with")]
    NoKey,
    #[error(transparent)]
    Failed(#[from] jsonwebtoken::errors::Error),
}

/// Signs and verifies access tokens (JWT with `typ` `at+jwt`, RFC 9068 §2.1). The keys may be exchanged while others use
/// them.
pub struct AccessTokens {
    issuer: String,
    audience: String,
    /// What tokens are to be signed with.
    algorithm: TokenAlgorithm,
    pairs: RwLock<Arc<Vec<Pair>>>,
}

/// A signing key, parsed.
struct Pair {
    key: SigningKey,
    signing: EncodingKey,
    verifying: DecodingKey,
    public: Jwk,
}

impl Pair {
    fn parse(key: &SigningKey) -> Result<Self, BadSigningKey> {
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
        Ok(Pair { key: key.clone(), signing, verifying, public })
    }
}

impl AccessTokens {
    const TYPE: &str = "at+jwt";

    /// Signs and verifies nothing until it holds keys.
    pub fn new(algorithm: TokenAlgorithm, issuer: String, audience: String) -> Self {
        AccessTokens { issuer, audience, algorithm, pairs: RwLock::default() }
    }

    /// What tokens are to be signed with.
    pub fn algorithm(&self) -> TokenAlgorithm {
        self.algorithm
    }

    /// Uses these keys and no others from now on.
    ///
    /// # Errors
    /// When a PEM holds no private key for its algorithm; the keys held before are then kept.
    pub fn hold(&self, keys: &[SigningKey]) -> Result<(), BadSigningKey> {
        let pairs = keys.iter().map(Pair::parse).collect::<Result<Vec<_>, _>>()?;
        *self.pairs.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pairs);
        Ok(())
    }

    fn pairs(&self) -> Arc<Vec<Pair>> {
        Arc::clone(&self.pairs.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A token for this session from `now` to `expires`, both cut to whole seconds. A key of the wanted algorithm signs
    /// as soon as one may, and until then whichever does; where none does yet, because the clock that made it was ahead of
    /// this one, the first to come.
    ///
    /// # Errors
    /// When no key may sign, or a key, which was checked when it came, fails all the same.
    pub fn mint(&self, bearer: &Bearer, now: DateTime<Utc>, expires: DateTime<Utc>) -> Result<Secret, MintError> {
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: bearer.account.to_string(),
            sid: bearer.session.to_string(),
            iat: now.timestamp(),
            exp: expires.timestamp(),
            nbf: None,
        };
        let pairs = self.pairs();
        let able = pairs.iter().filter(|pair| pair.key.signs_at(now));
        let due = able.max_by_key(|pair| (pair.key.algorithm == self.algorithm, pair.key.signs_from));
        let coming = || pairs.iter().filter(|pair| !pair.key.stopped_at(now)).min_by_key(|pair| pair.key.signs_from);
        let pair = due.or_else(coming).ok_or(MintError::NoKey)?;
        let mut header = Header::new(pair.key.algorithm.algorithm());
        header.typ = Some(Self::TYPE.to_owned());
        header.kid = Some(pair.key.kid.clone());
        Ok(jsonwebtoken::encode(&header, &claims, &pair.signing).map(Secret::new)?)
    }

    /// Whose token this is, or `None` for anything that is not exactly one of ours: another key, another algorithm than
    /// that key's own, another type, issuer or audience, a changed signature, or a time past its end or before its
    /// beginning. Keys that a token brings along (`jwk`, `jku`, `x5u`) are never looked at (RFC 8725 §3.1, §3.8, §3.11).
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Option<Bearer> {
        let header = jsonwebtoken::decode_header(token).ok()?;
        let (pairs, kid) = (self.pairs(), header.kid.as_deref()?);
        let pair = pairs.iter().find(|pair| pair.key.kid == kid && pair.key.verifies_at(now))?;
        let algorithm = pair.key.algorithm.algorithm();
        if header.alg != algorithm || header.typ.as_deref() != Some(Self::TYPE) {
            return None;
        }
        let mut rules = Validation::new(algorithm);
        rules.set_issuer(&[&self.issuer]);
        rules.set_audience(&[&self.audience]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The library would ask the system for the time.
        rules.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(token, &pair.verifying, &rules).ok()?.claims;
        let now = now.timestamp();
        if now >= claims.exp || claims.nbf.is_some_and(|nbf| now < nbf) {
            return None;
        }
        Some(Bearer { account: claims.sub.parse().ok()?, session: SessionId::parse(&claims.sid)? })
    }

    /// Whether the token looks like ours and names a key that is not held: another instance may have made it since.
    pub fn names_unknown_key(&self, token: &str) -> bool {
        let Ok(header) = jsonwebtoken::decode_header(token) else { return false };
        let unknown = |kid: &str| self.pairs().iter().all(|pair| pair.key.kid != kid);
        header.typ.as_deref() == Some(Self::TYPE) && header.kid.as_deref().is_some_and(unknown)
    }

    /// The public keys for `/.well-known/jwks.json` (RFC 7517 §5): those that sign, will sign, or have signed something
    /// that has not expired.
    pub fn jwks(&self, now: DateTime<Utc>) -> JwkSet {
        let pairs = self.pairs();
        let living = pairs.iter().filter(|pair| pair.key.verifies_at(now));
        JwkSet { keys: living.map(|pair| pair.public.clone()).collect() }
    }
}

impl fmt::Debug for AccessTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.pairs();
        f.debug_list().entries(keys.iter().map(|pair| &pair.key)).finish()
    }
}
