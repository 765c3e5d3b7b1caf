use std::sync::Arc;

use chrono::{DateTime, Utc};
use jsonwebtoken::jwk::JwkSet;

use super::{CURIOUS, KeyTrouble, PATIENCE, RING, STALE, is_due};
use crate::engine::Engine;
use crate::identity::{Account, Compared, KeyRing, Sealed};
use crate::workflow::Wizard;

impl Engine {
    /// Reads the ring again if the last reading is more than a minute old. Called beside what seals or signs, so that it
    /// costs no time; at most one round trip a minute. A store that does not answer is what the call itself will tell.
    pub(crate) async fn keep_up(&self, now: DateTime<Utc>) {
        if is_due(&self.key_desk.read_at, STALE, now) {
            self.read_keys().await;
        }
    }

    /// Reads the ring again if something of this wizard or account is sealed under a key that this instance does not
    /// know: another one has turned the keys over a moment ago.
    pub(crate) async fn meet_keys(&self, wizard: &Wizard, account: Option<&Account>) {
        let accounts = [wizard.account.as_ref(), account].into_iter().flatten();
        let enrolled = accounts.filter_map(|account| account.factors.google.as_ref()).map(|factor| &factor.secret);
        let answered = wizard.answered.as_ref().map(|answered| &answered.answer);
        let mut sealed = enrolled.chain(&wizard.pending.secret).chain(answered);
        if sealed.any(|sealed| !self.keys.knows(sealed)) {
            self.read_keys().await;
        }
    }

    /// Reads the ring again if the token names a key that this instance does not know; whether it has. Forged tokens
    /// name what they like, so this is done now and then only.
    pub(crate) async fn meet_signer(&self, token: &str, now: DateTime<Utc>) -> bool {
        let curious = self.tokens.names_unknown_key(token) && is_due(&self.key_desk.asked_at, CURIOUS, now);
        if curious {
            self.read_keys().await;
        }
        curious
    }

    /// The same for something sealed that a client has brought; now and then only, for it may be forged.
    pub(crate) async fn meet_sealed(&self, sealed: &Sealed, now: DateTime<Utc>) {
        let unknown = sealed.key_id().is_some() && !self.keys.knows(sealed);
        if unknown && is_due(&self.key_desk.asked_at, CURIOUS, now) {
            self.read_keys().await;
        }
    }

    /// The public keys of the access tokens, for whoever verifies them offline.
    pub async fn published_keys(&self) -> JwkSet {
        let now = self.clock.now();
        self.keep_up(now).await;
        self.tokens.jwks(now)
    }

    async fn read_keys(&self) {
        if let Err(trouble) = self.ring_in_store().await {
            tracing::warn!(%trouble, "the key ring could not be read again; the one at hand goes on");
        }
    }

    /// The ring as the store has it, which this instance then uses. If the store has lost a change that this instance
    /// knows, as a failover may, the change is made again: there may be accounts under the key that was lost.
    pub(super) async fn ring_in_store(&self) -> Result<(Sealed, Arc<KeyRing>), KeyTrouble> {
        for _ in 0..PATIENCE {
            let held = self.keys.ring();
            let Some(sealed) = self.store.kept(RING).await? else {
                tracing::error!("the store has lost the key ring; it gets the one at hand");
                self.store.keep(RING, &self.keys.seal_ring(&held, self.entropy.bytes())?).await?;
                continue;
            };
            let found = self.keys.open_ring(&sealed)?;
            match held.compare(&found) {
                Compared::Same => return Ok((sealed, held)),
                Compared::Newer => {
                    self.hold(found)?;
                    return Ok((sealed, self.keys.ring()));
                }
                Compared::Behind(whole) => {
                    tracing::error!("the store has lost a change of the key ring; it is made again");
                    let next = self.keys.seal_ring(&whole, self.entropy.bytes())?;
                    if self.store.swap_kept(RING, Some(&sealed), &next).await? {
                        self.hold(*whole)?;
                    }
                }
                Compared::Foreign => return Err(KeyTrouble::Foreign),
            }
        }
        Err(KeyTrouble::Contended)
    }

    /// Changes the ring in the store, and uses it. `change` may be called again on a newer ring, if others change it as
    /// well.
    pub(super) async fn change_ring<T>(
        &self,
        change: impl Fn(&mut KeyRing) -> Result<T, KeyTrouble>,
    ) -> Result<T, KeyTrouble> {
        for _ in 0..PATIENCE {
            let (sealed, ring) = self.ring_in_store().await?;
            let mut next = (*ring).clone();
            let told = change(&mut next)?;
            if next == *ring {
                return Ok(told);
            }
            next.revision += 1;
            let new = self.keys.seal_ring(&next, self.entropy.bytes())?;
            if self.store.swap_kept(RING, Some(&sealed), &new).await? {
                self.hold(next)?;
                return Ok(told);
            }
        }
        Err(KeyTrouble::Contended)
    }
}
