use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::workflow::{Catalogue, Digest, Purpose, Workflow};

use super::ports::{Store, StoreError};

/// The workflows that new wizards start with, and every other one that a waiting wizard has pinned.
///
/// A pinned file that this instance has never seen is fetched from the store once, where the instance that started the
/// wizard published it, and proved like any other before it is served.
pub struct Definitions {
    current: Catalogue,
    seen: RwLock<HashMap<Digest, Arc<Workflow>>>,
}

impl Definitions {
    pub fn new(current: Catalogue) -> Self {
        let seen = current.iter().map(|workflow| (workflow.digest.clone(), Arc::clone(workflow))).collect();
        Definitions { current, seen: RwLock::new(seen) }
    }

    pub fn current(&self) -> &Catalogue {
        &self.current
    }

    pub fn by_purpose(&self, purpose: Purpose) -> Option<Arc<Workflow>> {
        self.current.by_purpose(purpose).cloned()
    }

    /// Makes the current files known to every instance. One round trip a file, at start.
    ///
    /// # Errors
    /// When the store gives no answer.
    pub async fn publish(&self, store: &dyn Store) -> Result<(), StoreError> {
        for workflow in self.current.iter() {
            store.publish(&workflow.digest, &workflow.source).await?;
        }
        Ok(())
    }

    /// The workflow that a wizard has pinned. A round trip only the first time that this instance meets it.
    ///
    /// # Errors
    /// When the store gives no answer, or holds no such file, or another one under that digest.
    pub async fn pinned(&self, store: &dyn Store, name: &str, digest: &Digest) -> Result<Arc<Workflow>, StoreError> {
        if let Some(known) = self.seen.read().unwrap_or_else(PoisonError::into_inner).get(digest) {
            return Ok(Arc::clone(known));
        }
        let damaged = |why: String| StoreError::Damaged(format!("workflow {name} {digest}: {why}"));
        let source = store.published(digest).await?.ok_or_else(|| damaged("was never published".to_owned()))?;
        if Digest::of(&source) != *digest {
            return Err(damaged("another file is stored under this digest".to_owned()));
        }
        let workflow = Workflow::load(&format!("{name}.toml"), &source)
            .map_err(|refusals| damaged(refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))?;
        let workflow = Arc::new(workflow);
        self.seen.write().unwrap_or_else(PoisonError::into_inner).insert(digest.clone(), Arc::clone(&workflow));
        Ok(workflow)
    }
}
