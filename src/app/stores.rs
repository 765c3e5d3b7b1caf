use std::sync::Arc;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::config::{Config, StoreAddress, StoreLogin};
use crate::engine::ports::Store;
use crate::store::embedded::EmbeddedStore;
use crate::store::redis::{RedisAddress, RedisSettings, RedisStore};

use super::StartError;

/// Opens the store that the configuration names, and says in the log what it really promises.
pub async fn open(config: &Config) -> Result<Arc<dyn Store>, StartError> {
    let store: Arc<dyn Store> = match &config.store {
        StoreAddress::Embedded(dir) => Arc::new(EmbeddedStore::open(dir)?),
        redis => {
            let mut settings = RedisSettings::new(RedisAddress::parse(&text(redis)).map_err(StartError::StoreAddress)?);
            settings.prefix.clone_from(&config.redis.prefix);
            settings.timeout = config.redis.timeout;
            settings.connect_timeout = config.redis.connect_timeout;
            settings.ca_file.clone_from(&config.redis.ca_file);
            settings.allow_eviction = config.redis.allow_eviction;
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

/// The address as the Redis store reads it, with its login and with TLS where they were asked for.
fn text(address: &StoreAddress) -> String {
    match address {
        StoreAddress::Redis { url } => url.expose().to_owned(),
        StoreAddress::RedisCluster { nodes, tls, login } => {
            format!("{}-cluster://{}{}", scheme(*tls), user_info(login.as_ref()), nodes.join(","))
        }
        StoreAddress::RedisSentinel { sentinels, master, db, tls, login } => {
            let (scheme, user_info) = (scheme(*tls), user_info(login.as_ref()));
            format!("{scheme}-sentinel://{user_info}{}/{master}/{db}", sentinels.join(","))
        }
        StoreAddress::Embedded(_) => String::new(),
    }
}

fn scheme(tls: bool) -> &'static str {
    if tls { "rediss" } else { "redis" }
}

fn user_info(login: Option<&StoreLogin>) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    login.map_or_else(String::new, |login| {
        let user = login.user.as_deref().map(encoded).unwrap_or_default();
        format!("{user}:{}@", encoded(login.password.expose()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured(address: &str) -> StoreAddress {
        let environment = [("STEPGATE_STORE".to_owned(), address.to_owned())];
        Config::load(None, environment.into_iter()).unwrap().store
    }

    /// A lost login would be refused by the server; lost TLS would send every secret in clear, and nobody would notice.
    #[test]
    fn no_form_of_address_loses_its_tls_or_its_login() {
        for (given, meant) in [
            ("rediss-cluster://ann:p%40ss%2C@a:1,b:2", "rediss-cluster://ann:p%40ss%2C@a:1,b:2"),
            ("rediss-sentinel://:p%2Fw@a:1,b/main/2", "rediss-sentinel://:p%2Fw@a:1,b:26379/main/2"),
            ("redis-sentinel://a:1/main", "redis-sentinel://a:1/main/0"),
            ("redis-cluster://a:1", "redis-cluster://a:1"),
            ("rediss://ann:pw@a:1/3", "rediss://ann:pw@a:1/3"),
        ] {
            let read = RedisAddress::parse(&text(&configured(given))).unwrap();
            assert_eq!(read, RedisAddress::parse(meant).unwrap(), "{given}");
        }
    }
}
