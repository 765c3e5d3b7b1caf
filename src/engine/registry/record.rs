use std::sync::{Arc, PoisonError};

use zeroize::Zeroizing;

use crate::engine::keys::KeyTrouble;
use crate::engine::{Engine, Reason, Refused};
use crate::identity::{KeyError, Registry, Sealed};

/// The name under which the store keeps the registry, and what it is sealed with as associated data.
const RECORD: &str = "registry";

/// How often a change may lose to others before it gives up. Each loss is another one's success.
const PATIENCE: usize = 64;

impl Engine {
    /// What the operator has registered, as the store has it now. One round trip.
    pub(super) async fn registry(&self) -> Result<Arc<Registry>, Refused> {
        match self.store.kept(RECORD).await? {
            Some(sealed) => self.opened_registry(&sealed).await,
            None => Ok(Arc::default()),
        }
    }

    async fn opened_registry(&self, sealed: &Sealed) -> Result<Arc<Registry>, Refused> {
        let last = self.registry_desk.last.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, registry)) = last.filter(|(known, _)| known == sealed) {
            return Ok(registry);
        }
        let plain = self.unsealed_registry(sealed).await?;
        let registry: Arc<Registry> =
            Arc::new(serde_json::from_slice(&plain).map_err(|_| damaged(&KeyError::Damaged))?);
        let read = Some((sealed.clone(), Arc::clone(&registry)));
        *self.registry_desk.last.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(registry)
    }

    /// Another instance may have turned the keys over a moment ago: then the ring is read again.
    async fn unsealed_registry(&self, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, Refused> {
        if !self.keys.knows(sealed) {
            self.ring_in_store().await?;
        }
        self.keys.open(sealed, &[RECORD]).map_err(|error| damaged(&error))
    }

    /// Changes the registry in the store. `change` may be called again on a newer one, if others change it as well.
    pub(super) async fn change_registry<T>(
        &self,
        change: impl Fn(&mut Registry) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        for _ in 0..PATIENCE {
            let (kept, ()) = tokio::join!(self.store.kept(RECORD), self.keep_up(self.clock.now()));
            let kept = kept?;
            let mut next = match &kept {
                Some(sealed) => (*self.opened_registry(sealed).await?).clone(),
                None => Registry::default(),
            };
            let told = change(&mut next)?;
            let plain = serde_json::to_vec(&next).map_err(|_| Refused::new(Reason::Internal))?;
            let new = self.keys.seal(&plain, &[RECORD], self.entropy.bytes());
            if self.store.swap_kept(RECORD, kept.as_ref(), &new).await? {
                return Ok(told);
            }
        }
        Err(Refused::new(Reason::Unavailable).again_in(1))
    }

    /// The id of the key that the registry is sealed under.
    pub(in crate::engine) async fn registry_key(&self) -> Result<Option<String>, KeyTrouble> {
        let kept = self.store.kept(RECORD).await?;
        Ok(kept.and_then(|sealed| sealed.key_id().map(str::to_owned)))
    }

    /// Seals the registry anew, if it is not under the current key.
    pub(in crate::engine) async fn reseal_registry(&self) -> Result<(), KeyTrouble> {
        for _ in 0..PATIENCE {
            let Some(sealed) = self.store.kept(RECORD).await? else { return Ok(()) };
            if sealed.key_id() == Some(self.keys.ring().current.id.as_str()) {
                return Ok(());
            }
            if !self.keys.knows(&sealed) {
                self.ring_in_store().await?;
            }
            let plain = self.keys.open(&sealed, &[RECORD])?;
            let new = self.keys.seal(&plain, &[RECORD], self.entropy.bytes());
            if self.store.swap_kept(RECORD, Some(&sealed), &new).await? {
                return Ok(());
            }
        }
        Err(KeyTrouble::Contended)
    }
}

fn damaged(error: &KeyError) -> Refused {
    tracing::error!(%error, "the registry cannot be opened");
    Refused::new(Reason::Internal)
}
