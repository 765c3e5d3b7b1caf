use std::collections::HashMap;

use redis::Value;

use crate::engine::ports::{Durability, Health, StoreError};

use super::RedisStore;
use super::call::{Call, Reply};

const ASKED: [&str; 5] = ["appendonly", "appendfsync", "save", "maxmemory-policy", "maxmemory"];

/// What a server promises for a write it has acknowledged, weakest first.
const LEVELS: [&str; 5] = ["unknown", "none", "snapshots", "every_second", "every_write"];

/// One server's own account of itself.
#[derive(Debug, Default)]
struct Server {
    /// `CONFIG GET`; empty where it is forbidden, as many hosted Redis do.
    settings: HashMap<String, String>,
    /// `INFO`, which hosted ones allow.
    info: HashMap<String, String>,
}

impl RedisStore {
    pub(super) async fn health(&self) -> Result<Health, StoreError> {
        let servers = self.servers().await?;
        // A cluster promises what its weakest master does.
        let weakest = servers.iter().min_by_key(|server| server.rank()).ok_or_else(silent)?;
        let durability =
            Durability { level: weakest.level(), settings: weakest.shown(), warning: weakest.warning(&servers) };
        Ok(Health { backend: self.backend, durability })
    }

    /// Refuses a server that this store cannot rely on.
    pub(super) async fn check_server(&self) -> Result<(), StoreError> {
        for server in self.servers().await? {
            if let Some(version) = server.info.get("redis_version").filter(|_| server.is_too_old()) {
                return Err(StoreError::Unavailable(format!("Redis 7.0 or newer is needed, this is {version}")));
            }
            if let Some(policy) = server.evicts().filter(|_| !self.allow_eviction) {
                return Err(StoreError::Unavailable(format!(
                    "maxmemory-policy is {policy}: under memory pressure Redis would drop accounts and locks; set it to \
                     noeviction, or allow eviction in the configuration"
                )));
            }
        }
        Ok(())
    }

    async fn servers(&self) -> Result<Vec<Server>, StoreError> {
        let settings = Call::command("CONFIG").arg("GET").arg(&ASKED).everywhere().optional();
        let info = Call::command("INFO").everywhere().optional();
        let ping = Call::command("PING");
        let [settings, info, _] = self.link.flight([settings, info, ping]).await?;
        let (settings, info) = (each(settings), each(info));
        let servers = (0..settings.len().max(info.len())).map(|i| Server {
            settings: settings.get(i).map(read_settings).unwrap_or_default(),
            info: info.get(i).map(read_info).unwrap_or_default(),
        });
        Ok(servers.collect())
    }
}

impl Server {
    fn level(&self) -> &'static str {
        let is = |name: &str, value: &str| self.settings.get(name).is_some_and(|found| found == value);
        if self.settings.is_empty() {
            "unknown"
        } else if is("appendonly", "yes") && is("appendfsync", "always") {
            "every_write"
        } else if is("appendonly", "yes") && is("appendfsync", "everysec") {
            "every_second"
        } else if is("appendonly", "yes") || !is("save", "") {
            // Without fsync the operating system writes when it likes: no better than a snapshot.
            "snapshots"
        } else {
            "none"
        }
    }

    fn rank(&self) -> usize {
        LEVELS.iter().position(|level| *level == self.level()).unwrap_or(0)
    }

    fn shown(&self) -> Vec<(String, String)> {
        let found = ASKED.iter().filter_map(|name| Some(((*name).to_owned(), self.settings.get(*name)?.clone())));
        found.collect()
    }

    /// The policy, if it lets the server drop keys to make room.
    fn evicts(&self) -> Option<&str> {
        let policy = self.settings.get("maxmemory-policy").or_else(|| self.info.get("maxmemory_policy"))?;
        (policy != "noeviction").then_some(policy)
    }

    fn is_too_old(&self) -> bool {
        let major = self.info.get("redis_version").and_then(|version| version.split('.').next()?.parse::<u32>().ok());
        major.is_some_and(|major| major < 7)
    }

    fn warning(&self, servers: &[Server]) -> Option<String> {
        let durability = match self.level() {
            "every_write" => None,
            "every_second" => Some(
                "a crash of Redis may lose the last second or two of acknowledged steps, and with them spent codes and \
                 failure counters: set appendfsync always",
            ),
            "snapshots" => Some(
                "a crash of Redis loses everything since the last snapshot, acknowledged or not: set appendonly yes and \
                 appendfsync always",
            ),
            "none" => Some(
                "Redis keeps everything in memory only and loses all accounts when it stops: set appendonly yes and \
                 appendfsync always",
            ),
            _ => Some("this Redis does not say how it keeps data (CONFIG GET is forbidden): ask its operator"),
        };
        let eviction = servers.iter().find_map(Server::evicts).map(|policy| {
            format!(
                "maxmemory-policy {policy} lets Redis drop accounts and locks under memory pressure: set noeviction"
            )
        });
        let said: Vec<String> = durability.map(str::to_owned).into_iter().chain(eviction).collect();
        (!said.is_empty()).then(|| said.join("; "))
    }
}

fn each(reply: Reply) -> Vec<Value> {
    match reply.0 {
        Value::Array(values) => values,
        _ => vec![],
    }
}

fn read_settings(value: &Value) -> HashMap<String, String> {
    redis::from_redis_value(value.clone()).unwrap_or_default()
}

fn read_info(value: &Value) -> HashMap<String, String> {
    let text: String = redis::from_redis_value(value.clone()).unwrap_or_default();
    text.lines().filter_map(|line| line.split_once(':')).map(|(name, it)| (name.to_owned(), it.to_owned())).collect()
}

fn silent() -> StoreError {
    StoreError::Unavailable("no master of Redis said anything about itself".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(settings: &[(&str, &str)], info: &[(&str, &str)]) -> Server {
        let own = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        Server { settings: own(settings), info: own(info) }
    }

    #[test]
    fn the_level_follows_from_the_settings() {
        for (appendonly, appendfsync, save, level) in [
            ("yes", "always", "", "every_write"),
            ("yes", "everysec", "3600 1", "every_second"),
            ("yes", "no", "", "snapshots"),
            ("no", "always", "3600 1 300 100", "snapshots"),
            ("no", "always", "", "none"),
        ] {
            let it = server(&[("appendonly", appendonly), ("appendfsync", appendfsync), ("save", save)], &[]);
            assert_eq!(it.level(), level);
            assert_eq!(it.warning(&[]).is_none(), level == "every_write");
        }
        assert_eq!(server(&[], &[("maxmemory_policy", "allkeys-lru")]).level(), "unknown");
    }

    #[test]
    fn eviction_and_age_are_seen_where_config_is_forbidden() {
        let hosted = server(&[], &[("maxmemory_policy", "volatile-ttl"), ("redis_version", "6.2.14")]);
        assert_eq!(hosted.evicts(), Some("volatile-ttl"));
        assert!(hosted.is_too_old());
        assert!(!server(&[], &[("redis_version", "7.0.15")]).is_too_old());
        assert_eq!(server(&[("maxmemory-policy", "noeviction")], &[]).evicts(), None);
    }
}
