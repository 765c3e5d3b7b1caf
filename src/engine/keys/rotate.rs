use std::sync::Arc;

use super::{KeyTrouble, Progress};
use crate::engine::Engine;
use crate::engine::ports::EventKind;
use crate::identity::KeyRing;

/// What to turn over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    pub sealing: bool,
    pub signing: bool,
}

/// What has become of the keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Turned {
    /// The key that seals now; `None` when none was asked for, or an earlier change has to be carried through first.
    pub sealing: Option<String>,
    /// Whether an earlier change of the sealing key was cut short and is carried through now.
    pub resumed: bool,
    /// Sealing keys that have left the ring.
    pub dropped: Vec<String>,
    /// The key that signs once the overlap is over.
    pub signing: Option<String>,
}

impl Engine {
    /// Turns keys over. Accounts under an older sealing key are yet to be sealed anew, by [`Self::finish_rotation`].
    ///
    /// A sealing key whose predecessor still has accounts is not turned over again: that change is carried through.
    ///
    /// # Errors
    /// When the store gives no answer.
    pub async fn rotate_keys(&self, rotation: Rotation) -> Result<Turned, KeyTrouble> {
        let (_, ring) = self.ring_in_store().await?;
        let dropping = rotation.sealing && !ring.is_resealing();
        let droppable = if dropping { self.droppable(&ring).await? } else { Vec::new() };
        let turned = self.change_ring(|ring| self.turn(ring, rotation, &droppable)).await?;
        let mut event = self.happening(EventKind::KeyRotated).by_operator();
        for (name, id) in [("sealing", &turned.sealing), ("signing", &turned.signing)] {
            if let Some(id) = id {
                event = event.detail(name, id.clone());
            }
        }
        if turned.sealing.is_some() || turned.signing.is_some() {
            self.note(event);
        }
        Ok(turned)
    }

    fn turn(&self, ring: &mut KeyRing, rotation: Rotation, droppable: &[String]) -> Result<Turned, KeyTrouble> {
        let mut turned = Turned::default();
        if rotation.sealing {
            turned.resumed = ring.is_resealing();
            if !turned.resumed {
                let goes = |id: &String| droppable.contains(id) && self.may_go(ring, id);
                turned.dropped = ring.retiring.iter().map(|key| key.id.clone()).filter(goes).collect();
                ring.retiring.retain(|key| !turned.dropped.contains(&key.id));
                let fresh = self.fresh_sealing_key();
                turned.sealing = Some(fresh.id.clone());
                ring.turn_to(fresh, self.clock.now());
            }
        }
        if rotation.signing {
            turned.signing = Some(self.add_signer(ring)?);
        }
        Ok(turned)
    }

    /// Seals the accounts anew that are under older keys; how many there were. `None`: this instance is at it already.
    ///
    /// # Errors
    /// When the store gives no answer, or some accounts cannot be opened.
    pub async fn finish_rotation(&self, watch: &(dyn Fn(Progress) + Sync)) -> Result<Option<u64>, KeyTrouble> {
        let report = |progress| {
            self.key_desk.report(Some(progress));
            watch(progress);
        };
        let mut all = None;
        while self.key_desk.begin() {
            let done = self.reseal(&report).await;
            self.key_desk.report(None);
            all = Some(all.unwrap_or(0) + done?);
            // Whoever turned the key over again in that moment was told that somebody is at it.
            if !self.keys.ring().is_resealing() {
                break;
            }
        }
        Ok(all)
    }

    /// As [`Self::finish_rotation`], behind the answer.
    pub fn finish_rotation_behind(self: &Arc<Self>) {
        let engine = Arc::clone(self);
        self.errands.run("the re-sealing of accounts", async move {
            match engine.finish_rotation(&|_| {}).await {
                Ok(Some(accounts)) => tracing::info!(accounts, "accounts were sealed anew"),
                Ok(None) => {}
                Err(trouble) => tracing::error!(%trouble, "the re-sealing of accounts was cut short"),
            }
        });
    }

    /// Takes a retiring key out of the ring that nothing needs any more.
    ///
    /// # Errors
    /// [`KeyTrouble::NoSuchKey`], and [`KeyTrouble::StillNeeded`] with the reason.
    pub async fn retire_key(&self, id: &str) -> Result<(), KeyTrouble> {
        let (_, ring) = self.ring_in_store().await?;
        if ring.retiring.iter().all(|key| key.id != id) {
            return Err(KeyTrouble::NoSuchKey(id.to_owned()));
        }
        let needed = |why: String| KeyTrouble::StillNeeded(id.to_owned(), why);
        match self.sealed_accounts().await?.get(id) {
            Some(1) => return Err(needed("one account is sealed under it".to_owned())),
            Some(many) => return Err(needed(format!("{many} accounts are sealed under it"))),
            None if self.registry_key().await?.as_deref() == Some(id) => {
                return Err(needed("the registry of policies and clients is sealed under it".to_owned()));
            }
            None => {}
        }
        self.change_ring(|ring| match ring.may_go_at(id) {
            Some(at) if at <= self.clock.now() => {
                ring.retiring.retain(|key| key.id != id);
                Ok(())
            }
            Some(at) => Err(needed(format!("wizards may hold what it sealed until {}", at.format("%F %T UTC")))),
            None => Err(needed("`stepgate keys rotate --sealing` has not come to its end".to_owned())),
        })
        .await?;
        self.note(self.happening(EventKind::KeyRotated).by_operator().detail("retired", id));
        Ok(())
    }

    fn may_go(&self, ring: &KeyRing, id: &str) -> bool {
        ring.may_go_at(id).is_some_and(|at| at <= self.clock.now())
    }

    /// The retiring keys whose time is over and under which neither an account nor the registry is sealed.
    async fn droppable(&self, ring: &KeyRing) -> Result<Vec<String>, KeyTrouble> {
        let due: Vec<String> =
            ring.retiring.iter().map(|key| key.id.clone()).filter(|id| self.may_go(ring, id)).collect();
        if due.is_empty() {
            return Ok(due);
        }
        let (counts, registry) = (self.sealed_accounts().await?, self.registry_key().await?);
        let needed = |id: &String| counts.contains_key(id) || registry.as_ref() == Some(id);
        Ok(due.into_iter().filter(|id| !needed(id)).collect())
    }
}
