//! The store on Redis 7.0 or newer: one server, Sentinel, or a cluster.
//!
//! Always: a script touches the keys of one hash slot only; every change carries a request id, and a repeat of it is
//! answered from what the first try left behind; each call ends within its deadline, with whatever was asked wholly in
//! or wholly out; no call walks the key space.
//! Never here: a judgement that `engine::ports` does not describe. Documents are opaque to the scripts: what they need
//! of one stands in plain text before it.

mod accounts;
mod address;
mod attempts;
mod call;
mod connect;
mod events;
mod health;
mod keys;
mod link;
mod names;
mod orders;
mod reach;
mod record;
mod sessions;
mod shared;
mod store;
mod wizards;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::engine::ports::StoreError;
use crate::store::heard::Heard;

pub use address::RedisAddress;
use call::Call;
use connect::Target;
use keys::KeySpace;
use link::Link;

/// How to reach Redis, and what to accept of it.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    pub address: RedisAddress,
    /// What every key begins with, so that several servers may share one Redis. No braces.
    pub prefix: String,
    /// The deadline of one call, reconnecting and repeating included.
    pub timeout: Duration,
    /// The deadline of one attempt at opening a connection; to a node of a cluster no more than a quarter of `timeout`.
    pub connect_timeout: Duration,
    /// The certificate authority (PEM) that a `rediss` server is checked against, in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// Whether a server that may evict keys is accepted; it can lose counters, locks and accounts at any time.
    pub allow_eviction: bool,
    /// Events that are kept, or a few more.
    pub events_kept: u64,
}

impl RedisSettings {
    /// Two seconds a call, half a second a connection, keys under `stepgate:`, a million events.
    pub fn new(address: RedisAddress) -> Self {
        RedisSettings {
            address,
            prefix: "stepgate:".to_owned(),
            timeout: Duration::from_secs(2),
            connect_timeout: Duration::from_millis(500),
            ca_file: None,
            allow_eviction: false,
            events_kept: 1_000_000,
        }
    }
}

/// [`crate::engine::ports::Store`] on Redis.
#[derive(Debug)]
pub struct RedisStore {
    link: Link,
    keys: KeySpace,
    heard: Heard,
    backend: &'static str,
    allow_eviction: bool,
    events_kept: u64,
    /// The number of this store among all that were ever opened on the same keys.
    instance: u64,
    calls: AtomicU64,
}

impl RedisStore {
    /// Connects, and looks at what the server promises.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the server does not answer, is older than 7.0, or may evict keys while
    /// `allow_eviction` is off; when the prefix holds a brace, or the file of the certificate authority is unreadable.
    pub async fn open(settings: RedisSettings) -> Result<Self, StoreError> {
        if settings.prefix.contains(['{', '}']) {
            return Err(StoreError::Unavailable("the key prefix must not hold a brace".to_owned()));
        }
        let target = Target::new(&settings)?;
        let backend = if settings.address.is_cluster() { "redis-cluster" } else { "redis" };
        let mut store = RedisStore {
            link: Link::new(target, settings.timeout),
            keys: KeySpace::new(settings.prefix),
            heard: Heard::default(),
            backend,
            allow_eviction: settings.allow_eviction,
            events_kept: settings.events_kept,
            instance: 0,
            calls: AtomicU64::new(0),
        };
        store.check_server().await?;
        let call = Call::command("INCR").arg(store.keys.instances());
        store.instance = store.link.call(call).await?.number()?;
        Ok(store)
    }

    /// Names a call that has no request id of its own. Unique among all instances, by the number each was given.
    fn next_call(&self) -> String {
        format!("{}-{}", self.instance, self.calls.fetch_add(1, Ordering::Relaxed))
    }
}
