//! A fresh, empty store of each kind.

use std::any::Any;
use std::sync::Arc;

use stepgate::engine::ports::Store;
use stepgate::store::embedded::EmbeddedStore;

/// A store, and whatever must outlive it.
pub struct Host {
    store: Arc<dyn Store>,
    _home: Box<dyn Any + Send>,
}

impl Host {
    pub fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }
}

pub async fn embedded() -> Host {
    let home = tempfile::tempdir().expect("a directory for the store");
    let store = EmbeddedStore::open(home.path()).expect("a new store");
    Host { store: Arc::new(store), _home: Box::new(home) }
}
