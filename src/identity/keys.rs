use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use chrono::{DateTime, Utc};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::ring::{KeyBytes, KeyRing, SealingKey};

/// The server's own secrets: the master key, and the ring that is sealed under it.
///
/// Each use has a key of its own (HMAC-SHA256 of the ring's root over a label), so that what is learnt of one use says
/// nothing about another. The ring may be exchanged while others use it.
pub struct Keys {
    /// The key that the ring is sealed under, and those that it may have been sealed under before.
    masters: Vec<KeyBytes>,
    ring: RwLock<Arc<KeyRing>>,
}

/// Why something sealed could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("sealed under key {0}, which this server does not hold")]
    UnknownKey(String),
    #[error("sealed data is damaged, or belongs to another record")]
    Damaged,
}

/// What a ring is sealed with as associated data.
const RING: &[&str] = &["key-ring"];

impl Keys {
    /// All secrets derived from the master key, as they are until a ring is held.
    pub fn from_master(master: [u8; 32]) -> Self {
        Self::with_previous(master, &[])
    }

    /// As [`Self::from_master`]; a ring that is still sealed under one of `previous` opens as well.
    pub fn with_previous(master: [u8; 32], previous: &[[u8; 32]]) -> Self {
        let masters = [master].iter().chain(previous).map(|bytes| KeyBytes::new(*bytes)).collect();
        let ring = KeyRing::of_master(master, DateTime::UNIX_EPOCH);
        Keys { masters, ring: RwLock::new(Arc::new(ring)) }
    }

    /// The ring in use.
    pub fn ring(&self) -> Arc<KeyRing> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Uses this ring from now on.
    pub fn hold(&self, ring: KeyRing) {
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
    }

    /// The ring as it is kept: under the present master key. `nonce` must be fresh random bytes.
    ///
    /// # Errors
    /// Never for a ring that can be written as JSON, which every ring can.
    pub fn seal_ring(&self, ring: &KeyRing, nonce: [u8; 24]) -> Result<Sealed, KeyError> {
        let master = self.masters.first().ok_or(KeyError::Damaged)?;
        let plain = Zeroizing::new(serde_json::to_vec(ring).map_err(|_| KeyError::Damaged)?);
        Ok(seal(&Self::sealing_key_of(master.expose(), "ring", DateTime::UNIX_EPOCH), &plain, RING, nonce))
    }

    /// # Errors
    /// When it is sealed under none of the master keys, or damaged.
    pub fn open_ring(&self, sealed: &Sealed) -> Result<KeyRing, KeyError> {
        let masters = self.masters.iter().map(|key| Self::sealing_key_of(key.expose(), "ring", DateTime::UNIX_EPOCH));
        let plain = open(masters, sealed, RING)?;
        serde_json::from_slice(&plain).map_err(|_| KeyError::Damaged)
    }

    /// Whether the present master key, and not a previous one, is what this ring is sealed under.
    pub fn is_under_present_master(&self, ring: &Sealed) -> bool {
        self.masters.first().is_some_and(|master| ring.key_id() == Some(key_id(master.expose()).as_str()))
    }

    /// The ring that a store was written under which has none, found by something that it sealed then; and that thing.
    ///
    /// # Errors
    /// When no master key sealed it, or it is damaged.
    pub fn ring_behind(
        &self,
        sealed: &Sealed,
        context: &[&str],
        now: DateTime<Utc>,
    ) -> Result<(KeyRing, Zeroizing<Vec<u8>>), KeyError> {
        let id = sealed.key_id().ok_or(KeyError::Damaged)?;
        let master = self.masters.iter().find(|master| key_id(master.expose()) == id);
        let master = master.ok_or_else(|| KeyError::UnknownKey(id.to_owned()))?;
        let ring = KeyRing::of_master(*master.expose(), now);
        let plain = open([&ring.current], sealed, context)?;
        Ok((ring, plain))
    }

    pub(super) fn sealing_key_of(master: &[u8; 32], purpose: &str, made_at: DateTime<Utc>) -> SealingKey {
        let key = Zeroizing::new(mac(master, &["stepgate/1", purpose]));
        let bytes = KeyBytes::new(mac(&key[..], &[]));
        SealingKey { id: key_id(master), bytes, made_at, retiring_since: None, empty_since: None }
    }

    /// A keyed digest of `parts` for the named use, as 43 characters of base64url. The parts are framed by length, so
    /// that no two lists of parts have the same digest.
    pub fn mac(&self, purpose: &str, parts: &[&str]) -> String {
        BASE64URL_NOPAD.encode(&self.derive(purpose, parts)[..])
    }

    /// 32 bytes that only this server can compute from `parts`.
    pub fn derive(&self, purpose: &str, parts: &[&str]) -> Zeroizing<[u8; 32]> {
        let key = Zeroizing::new(mac(self.ring().root.expose(), &["stepgate/1", purpose]));
        Zeroizing::new(mac(&key[..], parts))
    }

    /// Seals `plain` (XChaCha20-Poly1305) for the record that `context` names. `nonce` must be fresh random bytes.
    pub fn seal(&self, plain: &[u8], context: &[&str], nonce: [u8; 24]) -> Sealed {
        seal(&self.ring().current, plain, context, nonce)
    }

    /// # Errors
    /// When a key sealed it that is not in the ring, when it was changed, or when `context` names another record.
    pub fn open(&self, sealed: &Sealed, context: &[&str]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        open(self.ring().sealing(), sealed, context)
    }

    /// Whether the key is in the ring that sealed this.
    pub fn knows(&self, sealed: &Sealed) -> bool {
        sealed.key_id().is_some_and(|id| self.ring().find(id).is_some())
    }

    /// SHA-256 of a token that is itself 256 random bits, as stored in place of it.
    pub fn token_digest(token: &str) -> String {
        BASE64URL_NOPAD.encode(&Sha256::digest(token.as_bytes()))
    }
}

/// The public name of what a master key seals.
fn key_id(master: &[u8; 32]) -> String {
    HEXLOWER.encode(&mac(master, &["stepgate/1", "key-id"])[..4])
}

fn seal(key: &SealingKey, plain: &[u8], context: &[&str], nonce: [u8; 24]) -> Sealed {
    let payload = Payload { msg: plain, aad: &aad(context) };
    // Encryption into a Vec fails only past 256 GiB of plain text.
    let body = cipher(key).encrypt(&XNonce::from(nonce), payload).unwrap_or_default();
    let mut bytes = nonce.to_vec();
    bytes.extend(body);
    Sealed(format!("{}.{}", key.id, BASE64URL_NOPAD.encode(&bytes)))
}

fn open(
    keys: impl IntoIterator<Item: std::borrow::Borrow<SealingKey>>,
    sealed: &Sealed,
    context: &[&str],
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    use std::borrow::Borrow;
    let (id, text) = sealed.0.split_once('.').ok_or(KeyError::Damaged)?;
    let key = keys.into_iter().find(|key| key.borrow().id == id);
    let key = key.ok_or_else(|| KeyError::UnknownKey(id.to_owned()))?;
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| KeyError::Damaged)?;
    let (nonce, body) = bytes.split_first_chunk::<24>().ok_or(KeyError::Damaged)?;
    let payload = Payload { msg: body, aad: &aad(context) };
    cipher(key.borrow()).decrypt(&XNonce::from(*nonce), payload).map(Zeroizing::new).map_err(|_| KeyError::Damaged)
}

fn cipher(key: &SealingKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&Key::from(*key.bytes.expose()))
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.ring().current.id)
    }
}

fn mac(key: &[u8], parts: &[&str]) -> [u8; 32] {
    #[allow(clippy::expect_used, reason = "HMAC takes a key of any length")]
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key).expect("any length");
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    mac.finalize().into_bytes().into()
}

fn aad(context: &[&str]) -> Vec<u8> {
    let mut aad = Vec::new();
    for part in context {
        aad.extend((part.len() as u64).to_be_bytes());
        aad.extend(part.as_bytes());
    }
    aad
}

/// Something encrypted under one of the server's keys: the key's id, a dot, and base64url of nonce and ciphertext.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(String);

impl Sealed {
    /// As it was written by [`Self::as_str`]; whether it was ever sealed, opening it tells.
    pub fn of_text(text: &str) -> Self {
        Sealed(text.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of the key that sealed it.
    pub fn key_id(&self) -> Option<&str> {
        self.0.split_once('.').map(|(id, _)| id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_for_one_record_does_not_open_for_another() {
        let keys = Keys::from_master([1; 32]);
        let sealed = keys.seal(b"seed", &["7", "google"], [9; 24]);
        assert_eq!(keys.open(&sealed, &["7", "google"]).unwrap().as_slice(), b"seed");
        assert_eq!(keys.open(&sealed, &["8", "google"]), Err(KeyError::Damaged));
        assert_eq!(keys.open(&sealed, &["7g", "oogle"]), Err(KeyError::Damaged));
    }

    #[test]
    fn another_master_key_is_named_in_the_error() {
        let sealed = Keys::from_master([1; 32]).seal(b"seed", &[], [9; 24]);
        let other = Keys::from_master([2; 32]);
        let KeyError::UnknownKey(id) = other.open(&sealed, &[]).unwrap_err() else { panic!("a different error") };
        assert_eq!(Some(id.as_str()), sealed.key_id());
    }

    /// Stores that were written before there were rings open, and their digests are the same.
    #[test]
    fn what_a_master_key_alone_has_made_stays_readable() {
        let keys = Keys::from_master([1; 32]);
        assert_eq!(keys.mac("x", &["ab", "c"]), "va7NoyefMofs42vl6HWg_wCDpMh4qWONMXKQ3nNiF9U");
        let sealed: Sealed =
            serde_json::from_str(r#""73543793.CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJYJo14_rB8qitnb2vIquvJiMbHQU""#).unwrap();
        assert_eq!(keys.open(&sealed, &["7", "google"]).unwrap().as_slice(), b"seed");
    }

    fn another(id: &str) -> SealingKey {
        let now = DateTime::UNIX_EPOCH;
        let bytes = KeyBytes::new([9; 32]);
        SealingKey { id: id.to_owned(), bytes, made_at: now, retiring_since: None, empty_since: None }
    }

    #[test]
    fn a_retiring_key_opens_and_the_current_one_seals() {
        let keys = Keys::from_master([1; 32]);
        let (old, digest) = (keys.seal(b"seed", &["7"], [9; 24]), keys.mac("x", &["a"]));
        let mut ring = (*keys.ring()).clone();
        ring.turn_to(another("new"), DateTime::UNIX_EPOCH);
        keys.hold(ring.clone());
        assert_eq!(keys.open(&old, &["7"]).unwrap().as_slice(), b"seed");
        let new = keys.seal(b"seed", &["7"], [9; 24]);
        assert_eq!(new.key_id(), Some("new"));
        assert_eq!(keys.open(&new, &["7"]).unwrap().as_slice(), b"seed");
        assert_eq!(keys.mac("x", &["a"]), digest);
        ring.retiring.clear();
        keys.hold(ring);
        assert!(matches!(keys.open(&old, &["7"]), Err(KeyError::UnknownKey(_))) && !keys.knows(&old));
        assert!(keys.knows(&new));
    }

    #[test]
    fn a_ring_opens_under_the_present_master_key_and_under_a_previous_one() {
        let old = Keys::from_master([1; 32]);
        let sealed = old.seal_ring(&old.ring(), [3; 24]).unwrap();
        assert!(old.is_under_present_master(&sealed));
        assert_eq!(old.open_ring(&sealed).unwrap(), *old.ring());
        let new = Keys::with_previous([2; 32], &[[3; 32], [1; 32]]);
        assert!(!new.is_under_present_master(&sealed));
        assert_eq!(new.open_ring(&sealed).unwrap(), *old.ring());
        assert!(matches!(Keys::from_master([2; 32]).open_ring(&sealed), Err(KeyError::UnknownKey(_))));
        // The ring is no record, and no record is a ring.
        assert_eq!(old.open(&sealed, RING), Err(KeyError::Damaged));
    }

    #[test]
    fn parts_are_framed() {
        let keys = Keys::from_master([1; 32]);
        assert_ne!(keys.mac("x", &["ab", "c"]), keys.mac("x", &["a", "bc"]));
        assert_ne!(keys.mac("x", &["a"]), keys.mac("y", &["a"]));
    }
}
