use chrono::TimeDelta;
use serde::Deserialize;

use super::{KeyTrouble, PATIENCE, RING};
use crate::engine::Engine;
use crate::identity::{KeyBytes, KeyRing, SealingKey, SigningKey, TokenAlgorithm};

/// A signing key as it was kept before there were rings, one for each algorithm, sealed under the master key itself.
#[derive(Deserialize)]
struct Lone {
    kid: String,
    algorithm: TokenAlgorithm,
    private_pem: String,
}

impl Engine {
    /// Reads the ring at start, or makes it: all instances on one store share it. It is then sealed under the present
    /// master key.
    ///
    /// # Errors
    /// When no master key opens it, or the store gives no answer.
    pub async fn open_keys(&self) -> Result<(), KeyTrouble> {
        for _ in 0..PATIENCE {
            let Some(sealed) = self.store.kept(RING).await? else {
                let first = self.first_ring().await?;
                self.store.keep(RING, &self.keys.seal_ring(&first, self.entropy.bytes())?).await?;
                continue;
            };
            let mut ring = self.keys.open_ring(&sealed)?;
            if !self.keys.is_under_present_master(&sealed) {
                ring.revision += 1;
                let next = self.keys.seal_ring(&ring, self.entropy.bytes())?;
                if !self.store.swap_kept(RING, Some(&sealed), &next).await? {
                    continue;
                }
            }
            self.hold(ring)?;
            let now = self.clock.now().timestamp_millis();
            self.key_desk.read_at.store(now, std::sync::atomic::Ordering::Relaxed);
            return Ok(());
        }
        Err(KeyTrouble::Contended)
    }

    /// Uses this ring from now on.
    pub(super) fn hold(&self, ring: KeyRing) -> Result<(), KeyTrouble> {
        self.tokens.hold(&ring.signing)?;
        self.keys.hold(ring);
        Ok(())
    }

    /// The ring of a store that has none. What an older version wrote derives from its master key, and stays readable;
    /// a new store gets a ring of its own, so that whoever learns the master key without the store has learnt nothing.
    async fn first_ring(&self) -> Result<KeyRing, KeyTrouble> {
        let now = self.clock.now();
        let mut older: Option<KeyRing> = None;
        for algorithm in TokenAlgorithm::ALL {
            let name = format!("signing-key-{}", algorithm.as_str());
            let Some(sealed) = self.store.kept(&name).await? else { continue };
            let (ring, plain) = self.keys.ring_behind(&sealed, &[&name], now)?;
            let lone: Lone = serde_json::from_slice(&plain).map_err(|_| crate::identity::KeyError::Damaged)?;
            older.get_or_insert(ring).signing.push(SigningKey {
                kid: lone.kid,
                algorithm: lone.algorithm,
                private_pem: lone.private_pem,
                made_at: now,
                signs_from: now,
                stops_at: None,
                ends_at: None,
            });
        }
        if let Some(ring) = older {
            return Ok(ring);
        }
        let mut ring = KeyRing::fresh(self.entropy.bytes(), self.fresh_sealing_key());
        ring.signing.push(self.fresh_signing_key()?);
        Ok(ring)
    }

    /// Sees to it that the ring has a key of the wanted algorithm. When another one was wanted so far, the keys change
    /// over as they do in a rotation. For a server, and not for a command: a command's settings are its own.
    ///
    /// # Errors
    /// When the store gives no answer.
    pub async fn provide_signer(&self) -> Result<(), KeyTrouble> {
        let wanted = self.tokens.algorithm();
        self.change_ring(|ring| {
            if ring.signing.iter().all(|key| key.algorithm != wanted || key.stops_at.is_some()) {
                self.add_signer(ring)?;
            }
            Ok(())
        })
        .await
    }

    /// Adds a signing key that takes over after the overlap; its name.
    pub(super) fn add_signer(&self, ring: &mut KeyRing) -> Result<String, KeyTrouble> {
        let fresh = self.fresh_signing_key()?;
        let kid = fresh.kid.clone();
        // A token is cut to whole seconds, and clocks differ a little.
        let lifetime = self.settings.access_ttl + TimeDelta::seconds(5);
        ring.sign_with(fresh, self.clock.now(), self.key_desk.overlap, lifetime);
        Ok(kid)
    }

    pub(super) fn fresh_sealing_key(&self) -> SealingKey {
        SealingKey {
            id: data_encoding::HEXLOWER.encode(&self.entropy.bytes::<6>()),
            bytes: KeyBytes::new(self.entropy.bytes()),
            made_at: self.clock.now(),
            retiring_since: None,
            empty_since: None,
        }
    }

    fn fresh_signing_key(&self) -> Result<SigningKey, KeyTrouble> {
        let (algorithm, now) = (self.tokens.algorithm(), self.clock.now());
        let made = (self.key_desk.make_pair)(algorithm);
        let private_pem = made.map_err(|why| KeyTrouble::Maker { algorithm: algorithm.as_str(), why })?;
        let kid = data_encoding::BASE64URL_NOPAD.encode(&self.entropy.bytes::<9>());
        Ok(SigningKey { kid, algorithm, private_pem, made_at: now, signs_from: now, stops_at: None, ends_at: None })
    }
}
