use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// The server's own secrets, all derived from one 32-byte master key.
///
/// Each use has a key of its own (HMAC-SHA256 of the master key over a label), so that what is learnt of one use says
/// nothing about another.
pub struct Keys {
    master: Zeroizing<[u8; 32]>,
    id: String,
}

/// Why something sealed could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("sealed under key {0}, which this server does not hold")]
    UnknownKey(String),
    #[error("sealed data is damaged, or belongs to another record")]
    Damaged,
}

impl Keys {
    pub fn from_master(master: [u8; 32]) -> Self {
        let id = HEXLOWER.encode(&mac(&master, &["stepgate/1", "key-id"])[..4]);
        Keys { master: Zeroizing::new(master), id }
    }

    /// The public name of the master key, written into everything it seals.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// A keyed digest of `parts` for the named use, as 43 characters of base64url. The parts are framed by length, so
    /// that no two lists of parts have the same digest.
    pub fn mac(&self, purpose: &str, parts: &[&str]) -> String {
        BASE64URL_NOPAD.encode(&self.derive(purpose, parts)[..])
    }

    /// 32 bytes that only this server can compute from `parts`.
    pub fn derive(&self, purpose: &str, parts: &[&str]) -> Zeroizing<[u8; 32]> {
        let key = Zeroizing::new(mac(&self.master[..], &["stepgate/1", purpose]));
        Zeroizing::new(mac(&key[..], parts))
    }

    /// Seals `plain` (XChaCha20-Poly1305) for the record that `context` names. `nonce` must be fresh random bytes.
    pub fn seal(&self, plain: &[u8], context: &[&str], nonce: [u8; 24]) -> Sealed {
        let payload = Payload { msg: plain, aad: &aad(context) };
        // Encryption into a Vec fails only past 256 GiB of plain text.
        let body = self.cipher().encrypt(&XNonce::from(nonce), payload).unwrap_or_default();
        let mut bytes = nonce.to_vec();
        bytes.extend(body);
        Sealed(format!("{}.{}", self.id, BASE64URL_NOPAD.encode(&bytes)))
    }

    /// # Errors
    /// When another master key sealed it, when it was changed, or when `context` names another record.
    pub fn open(&self, sealed: &Sealed, context: &[&str]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let (id, text) = sealed.0.split_once('.').ok_or(KeyError::Damaged)?;
        if id != self.id {
            return Err(KeyError::UnknownKey(id.to_owned()));
        }
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| KeyError::Damaged)?;
        let (nonce, body) = bytes.split_first_chunk::<24>().ok_or(KeyError::Damaged)?;
        let payload = Payload { msg: body, aad: &aad(context) };
        self.cipher().decrypt(&XNonce::from(*nonce), payload).map(Zeroizing::new).map_err(|_| KeyError::Damaged)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(*self.derive("seal", &[])))
    }

    /// SHA-256 of a token that is itself 256 random bits, as stored in place of it.
    pub fn token_digest(token: &str) -> String {
        BASE64URL_NOPAD.encode(&Sha256::digest(token.as_bytes()))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.id)
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

/// Something encrypted under the server's key: the key's id, a dot, and base64url of nonce and ciphertext.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(String);

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
        assert_eq!(id, Keys::from_master([1; 32]).id());
    }

    #[test]
    fn parts_are_framed() {
        let keys = Keys::from_master([1; 32]);
        assert_ne!(keys.mac("x", &["ab", "c"]), keys.mac("x", &["a", "bc"]));
        assert_ne!(keys.mac("x", &["a"]), keys.mac("y", &["a"]));
    }
}
