use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use data_encoding::BASE64;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::{Keys, SigningKey};

/// 32 secret bytes. `Debug` shows nothing of them, and their memory is cleared when they are dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyBytes(Zeroizing<[u8; 32]>);

impl KeyBytes {
    pub fn new(bytes: [u8; 32]) -> Self {
        KeyBytes(Zeroizing::new(bytes))
    }

    pub(super) fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for KeyBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[key]")
    }
}

impl Serialize for KeyBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(BASE64.encode(&self.0[..])))
    }
}

impl<'de> Deserialize<'de> for KeyBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        let bytes = BASE64.decode(text.as_bytes()).map(Zeroizing::new).map_err(serde::de::Error::custom)?;
        let exact = <[u8; 32]>::try_from(&bytes[..]).map_err(serde::de::Error::custom)?;
        Ok(KeyBytes::new(exact))
    }
}

/// A key that seals, under the name that stands in everything it has sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealingKey {
    /// Letters and digits.
    pub id: String,
    pub bytes: KeyBytes,
    pub made_at: DateTime<Utc>,
    /// Since when another key seals in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retiring_since: Option<DateTime<Utc>>,
    /// When no account was left under it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty_since: Option<DateTime<Utc>>,
}

/// Every secret of the server but the master key, under which it is sealed and kept in the store: one document, so that
/// one round trip reads it and one compare-and-set changes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeyRing {
    /// Grows by one with every change.
    pub revision: u64,
    /// What all keyed digests derive from. Never changes: sessions, recovery codes and devices hang on it.
    pub root: KeyBytes,
    /// The key that seals.
    pub current: SealingKey,
    /// The keys that only open, oldest first.
    pub retiring: Vec<SealingKey>,
    pub signing: Vec<SigningKey>,
}

/// How what is held compares to what the store has.
#[derive(Debug, Clone, PartialEq)]
pub enum Compared {
    Same,
    Newer,
    /// The store has forgotten something, as a failover may: this has what either knows.
    Behind(Box<KeyRing>),
    /// Another root: not the same store.
    Foreign,
}

impl KeyRing {
    /// How long a sealing key stays after no account is left under it: a wizard, which may hold a secret and a copy of
    /// its account, lives for a day at most; an hour more is for a server that had not heard.
    pub const KEEP: TimeDelta = TimeDelta::hours(25);

    /// What a store was written under that has no ring: everything derives from the master key.
    pub fn of_master(master: [u8; 32], now: DateTime<Utc>) -> Self {
        let current = Keys::sealing_key_of(&master, "seal", now);
        KeyRing { revision: 1, root: KeyBytes::new(master), current, retiring: Vec::new(), signing: Vec::new() }
    }

    /// The ring of a new store, which owes the master key nothing but its seal.
    pub fn fresh(root: [u8; 32], current: SealingKey) -> Self {
        KeyRing { revision: 1, root: KeyBytes::new(root), current, retiring: Vec::new(), signing: Vec::new() }
    }

    pub fn sealing(&self) -> impl Iterator<Item = &SealingKey> {
        self.retiring.iter().chain([&self.current])
    }

    pub fn find(&self, id: &str) -> Option<&SealingKey> {
        self.sealing().find(|key| key.id == id)
    }

    /// Whether a change of the sealing key has not been carried through: there may be accounts under an older one.
    pub fn is_resealing(&self) -> bool {
        self.retiring.iter().any(|key| key.empty_since.is_none())
    }

    /// Makes `fresh` the key that seals.
    pub fn turn_to(&mut self, fresh: SealingKey, now: DateTime<Utc>) {
        let mut old = std::mem::replace(&mut self.current, fresh);
        old.retiring_since = Some(now);
        old.empty_since = None;
        self.retiring.push(old);
    }

    /// Notes that no account is left under the retiring keys of `looked`, and that there were some under those of `moved`
    /// until now.
    pub fn emptied(&mut self, looked: &[String], moved: &[String], now: DateTime<Utc>) {
        for key in self.retiring.iter_mut().filter(|key| looked.contains(&key.id)) {
            if key.empty_since.is_none() || moved.contains(&key.id) {
                key.empty_since = Some(now);
            }
        }
    }

    /// From when on the retiring key may go, if nothing is sealed under it then. `None` while something may be.
    pub fn may_go_at(&self, id: &str) -> Option<DateTime<Utc>> {
        self.retiring.iter().find(|key| key.id == id)?.empty_since.map(|since| since + Self::KEEP)
    }

    /// Adds a key that signs after `overlap`, until when its predecessors do; they verify for `lifetime` longer, as long
    /// as an access token lives. What has come to its end leaves.
    pub fn sign_with(&mut self, mut fresh: SigningKey, now: DateTime<Utc>, overlap: TimeDelta, lifetime: TimeDelta) {
        self.signing.retain(|key| key.verifies_at(now));
        fresh.signs_from = now + overlap;
        for key in &mut self.signing {
            if key.stops_at.is_none_or(|stops| stops > fresh.signs_from) {
                key.stops_at = Some(fresh.signs_from);
                key.ends_at = Some(fresh.signs_from + lifetime);
            }
        }
        self.signing.push(fresh);
    }

    /// What to do about `found`, which the store has in place of this.
    pub fn compare(&self, found: &KeyRing) -> Compared {
        if self.root != found.root {
            return Compared::Foreign;
        }
        if self == found {
            return Compared::Same;
        }
        if found.revision > self.revision {
            return Compared::Newer;
        }
        let mut all = self.clone();
        let lost = found.sealing().filter(|key| self.find(&key.id).is_none());
        all.retiring.extend(lost.map(|key| SealingKey { empty_since: None, ..key.clone() }));
        let known = |kid: &str| self.signing.iter().any(|key| key.kid == kid);
        all.signing.extend(found.signing.iter().filter(|key| !known(&key.kid)).cloned());
        all.revision += 1;
        Compared::Behind(Box::new(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::TokenAlgorithm;

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
    }

    fn sealing(id: &str) -> SealingKey {
        let bytes = KeyBytes::new([id.as_bytes()[0]; 32]);
        SealingKey { id: id.to_owned(), bytes, made_at: at(0), retiring_since: None, empty_since: None }
    }

    fn signing(kid: &str) -> SigningKey {
        SigningKey {
            kid: kid.to_owned(),
            algorithm: TokenAlgorithm::ES256,
            private_pem: String::new(),
            made_at: at(0),
            signs_from: at(0),
            stops_at: None,
            ends_at: None,
        }
    }

    #[test]
    fn a_ring_is_written_and_read_and_shows_nothing() {
        let mut ring = KeyRing::fresh([7; 32], sealing("a"));
        ring.turn_to(sealing("b"), at(1));
        ring.signing.push(signing("k"));
        let text = serde_json::to_string(&ring).unwrap();
        assert_eq!(serde_json::from_str::<KeyRing>(&text).unwrap(), ring);
        let shown = format!("{ring:?}");
        assert!(!shown.contains("[7, 7") && !shown.contains(&BASE64.encode(&[7; 32])), "{shown}");
        let short = text.replacen(&BASE64.encode(&[7; 32]), "BwcH", 1);
        assert!(serde_json::from_str::<KeyRing>(&short).is_err());
    }

    #[test]
    fn a_sealing_key_goes_a_day_after_it_is_empty() {
        let mut ring = KeyRing::fresh([7; 32], sealing("a"));
        assert!(!ring.is_resealing() && ring.may_go_at("a").is_none());
        ring.turn_to(sealing("b"), at(1));
        assert!(ring.is_resealing() && ring.may_go_at("a").is_none());
        let a = ["a".to_owned()];
        // It was turned over again while somebody looked for what is under another key.
        ring.emptied(&["x".to_owned()], &[], at(2));
        assert!(ring.is_resealing());
        ring.emptied(&a, &[], at(2));
        assert!(!ring.is_resealing());
        assert_eq!(ring.may_go_at("a"), Some(at(27)));
        ring.emptied(&a, &[], at(9));
        assert_eq!(ring.may_go_at("a"), Some(at(27)));
        // A straggler was found under it.
        ring.emptied(&a, &a, at(9));
        assert_eq!(ring.may_go_at("a"), Some(at(34)));
        assert_eq!(ring.may_go_at("b"), None);
    }

    #[test]
    fn signing_keys_overlap_and_leave() {
        let (overlap, lifetime) = (TimeDelta::hours(1), TimeDelta::hours(10));
        let mut ring = KeyRing::fresh([7; 32], sealing("a"));
        ring.signing.push(signing("one"));
        ring.sign_with(signing("two"), at(5), overlap, lifetime);
        let times = |ring: &KeyRing| -> Vec<_> {
            ring.signing.iter().map(|key| (key.kid.clone(), key.signs_from, key.stops_at, key.ends_at)).collect()
        };
        let one = ("one".to_owned(), at(0), Some(at(6)), Some(at(16)));
        assert_eq!(times(&ring), [one.clone(), ("two".to_owned(), at(6), None, None)]);
        ring.sign_with(signing("three"), at(7), overlap, lifetime);
        let two = ("two".to_owned(), at(6), Some(at(8)), Some(at(18)));
        assert_eq!(times(&ring), [one, two.clone(), ("three".to_owned(), at(8), None, None)]);
        ring.sign_with(signing("four"), at(16), overlap, lifetime);
        let three = ("three".to_owned(), at(8), Some(at(17)), Some(at(27)));
        assert_eq!(times(&ring), [two, three, ("four".to_owned(), at(17), None, None)]);
    }

    #[test]
    fn what_the_store_forgot_is_known_again() {
        let old = KeyRing::fresh([7; 32], sealing("a"));
        let mut new = old.clone();
        new.turn_to(sealing("b"), at(1));
        new.revision = 2;
        assert_eq!(old.compare(&new), Compared::Newer);
        assert_eq!(new.compare(&new), Compared::Same);
        let Compared::Behind(whole) = new.compare(&old) else { panic!("the store is behind") };
        assert_eq!((whole.revision, whole.current.id.as_str(), whole.retiring.len()), (3, "b", 1));
        // Two changes from one beginning: none of the keys is lost.
        let mut other = old.clone();
        other.turn_to(sealing("c"), at(1));
        other.revision = 2;
        let Compared::Behind(whole) = new.compare(&other) else { panic!("they differ") };
        assert!(["a", "b", "c"].iter().all(|id| whole.find(id).is_some()));
        assert!(whole.is_resealing());
        assert_eq!(old.compare(&KeyRing::fresh([8; 32], sealing("a"))), Compared::Foreign);
    }
}
