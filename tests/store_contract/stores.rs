//! A fresh, empty store of each kind.

use std::any::Any;
use std::sync::Arc;

use stepgate::engine::ports::Store;
use stepgate::store::embedded::EmbeddedStore;
use stepgate::store::redis::{RedisAddress, RedisSettings, RedisStore};

use crate::harness::redis as servers;

/// Events that each store is told to keep.
pub const EVENTS: u64 = 300;

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
    let store = EmbeddedStore::open(home.path()).expect("a new store").keeping_events(EVENTS);
    Host { store: Arc::new(store), _home: Box::new(home) }
}

pub async fn redis() -> Host {
    over_redis(|| servers::single().url()).await
}

pub async fn redis_cluster() -> Host {
    over_redis(|| servers::cluster().url()).await
}

/// Two stores that share their keys, as two instances of the server do.
pub async fn two_on_redis() -> [Host; 2] {
    let prefix = servers::prefix();
    [under(&prefix, || servers::single().url()).await, under(&prefix, || servers::single().url()).await]
}

pub async fn two_on_redis_cluster() -> [Host; 2] {
    let prefix = servers::prefix();
    [under(&prefix, || servers::cluster().url()).await, under(&prefix, || servers::cluster().url()).await]
}

/// A store under keys of its own on a server that the tests of this process share.
async fn over_redis(url: impl FnOnce() -> String + Send + 'static) -> Host {
    under(&servers::prefix(), url).await
}

async fn under(prefix: &str, url: impl FnOnce() -> String + Send + 'static) -> Host {
    let url = tokio::task::spawn_blocking(url).await.expect("redis-server starts");
    let mut settings = RedisSettings::new(RedisAddress::parse(&url).expect("an address"));
    settings.prefix = prefix.to_owned();
    // Under the load of a whole test run a loaded machine may take longer than a production one may.
    settings.timeout = std::time::Duration::from_secs(20);
    settings.connect_timeout = std::time::Duration::from_secs(10);
    settings.events_kept = EVENTS;
    let store = RedisStore::open(settings).await.expect("the store connects");
    Host { store: Arc::new(store), _home: Box::new(()) }
}
