use std::sync::Arc;

use crate::config::{Config, StoreAddress};
use crate::engine::ports::Store;
use crate::store::embedded::EmbeddedStore;
use crate::store::redis::{RedisSettings, RedisStore};

use super::StartError;

/// Opens the store that the configuration names, and says in the log what it really promises.
pub async fn open(config: &Config) -> Result<Arc<dyn Store>, StartError> {
    let store: Arc<dyn Store> = match &config.store {
        StoreAddress::Embedded(dir) => Arc::new(EmbeddedStore::open(dir)?.keeping_events(config.events.keep)),
        StoreAddress::Redis(address) => {
            let mut settings = RedisSettings::new(address.clone());
            settings.prefix.clone_from(&config.redis.prefix);
            settings.timeout = config.redis.timeout;
            settings.connect_timeout = config.redis.connect_timeout;
            settings.ca_file.clone_from(&config.redis.ca_file);
            settings.allow_eviction = config.redis.allow_eviction;
            settings.events_kept = config.events.keep;
            Arc::new(RedisStore::open(settings).await?)
        }
    };
    let health = store.health().await?;
    match &health.durability.warning {
        Some(warning) => tracing::warn!(backend = health.backend, durability = health.durability.level, warning),
        None => tracing::info!(backend = health.backend, durability = health.durability.level, "store opened"),
    }
    Ok(store)
}
