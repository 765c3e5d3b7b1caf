use percent_encoding::percent_decode_str;

use crate::identity::Secret;

const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// Where Redis is: `redis://`, `redis-sentinel://` or `redis-cluster://`, each also with `rediss` for TLS.
///
/// `redis://[user[:password]@]host[:port][/db]`, `redis-sentinel://…host[:port],host[:port]…/master[/db]`,
/// `redis-cluster://…host[:port],host[:port]…`. User and password are those of the data servers, percent-encoded where
/// needed; a password alone is written `:password@`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisAddress {
    pub(super) kind: Kind,
    pub(super) tls: bool,
    pub(super) user: Option<String>,
    pub(super) password: Option<Secret>,
    pub(super) hosts: Vec<(String, u16)>,
    pub(super) database: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Single,
    Sentinel { master: String },
    Cluster,
}

impl RedisAddress {
    /// # Errors
    /// A sentence that names what is wrong with `text`. It never repeats the password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or("a Redis address begins with redis://")?;
        let (name, tls) = match scheme.strip_prefix("rediss") {
            Some(name) => (name, true),
            None => (scheme.strip_prefix("redis").unwrap_or("?"), false),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, hosts) = match authority.rsplit_once('@') {
            Some((login, hosts)) => (Some(login), hosts),
            None => (None, authority),
        };
        let (user, password) = login.map_or(Ok((None, None)), credentials)?;
        let (kind, database, port) = match name {
            "" => (Kind::Single, path, PORT),
            "-cluster" if path.is_empty() => (Kind::Cluster, "", PORT),
            "-cluster" => return Err("a cluster has one database only: nothing may follow the hosts".to_owned()),
            "-sentinel" => {
                let (master, database) = path.split_once('/').unwrap_or((path, ""));
                let master = decoded(master, "the master's name")?;
                if master.is_empty() {
                    return Err("the name of the master is missing: redis-sentinel://host:port/master".to_owned());
                }
                (Kind::Sentinel { master }, database, SENTINEL_PORT)
            }
            _ => return Err(format!("{scheme} is none of redis, rediss, redis-sentinel, redis-cluster")),
        };
        let hosts = hosts.split(',').map(|host| parse_host(host, port)).collect::<Result<Vec<_>, _>>()?;
        if kind == Kind::Single && hosts.len() > 1 {
            return Err("redis:// names one host; several belong to redis-cluster:// or redis-sentinel://".to_owned());
        }
        Ok(RedisAddress { kind, tls, user, password, hosts, database: parse_database(database)? })
    }

    pub fn is_cluster(&self) -> bool {
        self.kind == Kind::Cluster
    }
}

fn credentials(login: &str) -> Result<(Option<String>, Option<Secret>), String> {
    let (user, password) = login.split_once(':').ok_or("a password alone is written as :password@")?;
    let user = Some(decoded(user, "the user name")?).filter(|user| !user.is_empty());
    let password = Some(decoded(password, "the password")?).filter(|password| !password.is_empty());
    Ok((user, password.map(Secret::new)))
}

fn decoded(text: &str, what: &str) -> Result<String, String> {
    match percent_decode_str(text).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err(format!("{what} is not percent-encoded UTF-8")),
    }
}

fn parse_host(text: &str, default: u16) -> Result<(String, u16), String> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or_else(|| format!("{text} has no closing bracket"))?;
            (host, after.strip_prefix(':').or(after.is_empty().then_some("")))
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, Some("")),
        },
    };
    let port = match port {
        Some("") if !text.ends_with(':') => Some(default),
        port => port.and_then(|port| port.parse().ok()).filter(|port| *port > 0),
    };
    match port {
        _ if host.is_empty() => Err("a host is missing".to_owned()),
        Some(port) => Ok((host.to_owned(), port)),
        None => Err(format!("{text} is no host:port")),
    }
}

fn parse_database(text: &str) -> Result<i64, String> {
    match text {
        "" => Ok(0),
        text => text.parse().ok().filter(|db| *db >= 0).ok_or_else(|| format!("{text} is no database number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(text: &str) -> Vec<(String, u16)> {
        RedisAddress::parse(text).unwrap().hosts
    }

    #[test]
    fn every_form_is_read() {
        let single = RedisAddress::parse("rediss://app:p%40ss@cache.example:6380/2").unwrap();
        assert_eq!((single.kind.clone(), single.tls, single.database), (Kind::Single, true, 2));
        assert_eq!(single.user.as_deref(), Some("app"));
        assert_eq!(single.password.as_ref().map(Secret::expose), Some("p@ss"));
        assert_eq!(single.hosts, [("cache.example".to_owned(), 6380)]);
        assert_eq!(hosts("redis://[::1]"), [("::1".to_owned(), 6379)]);
        let sentinel = RedisAddress::parse("redis-sentinel://a,b:5000/mymaster/1").unwrap();
        assert_eq!(sentinel.kind, Kind::Sentinel { master: "mymaster".to_owned() });
        assert_eq!(sentinel.hosts, [("a".to_owned(), 26379), ("b".to_owned(), 5000)]);
        assert_eq!(sentinel.database, 1);
        assert!(RedisAddress::parse("redis-cluster://a:7000,b:7001").unwrap().is_cluster());
    }

    #[test]
    fn what_is_wrong_is_named_and_the_password_is_not() {
        for (text, part) in [
            ("localhost:6379", "begins with redis://"),
            ("http://localhost", "none of redis"),
            ("redis://", "a host is missing"),
            ("redis://a:x", "a:x is no host:port"),
            ("redis://a:0", "a:0 is no host:port"),
            ("redis://a:", "a: is no host:port"),
            ("redis://a,b", "names one host"),
            ("redis://a/x", "x is no database number"),
            ("redis://hunter2@a", "a password alone"),
            ("redis-sentinel://a:1", "name of the master"),
            ("redis-cluster://a:1/1", "one database only"),
        ] {
            let error = RedisAddress::parse(text).unwrap_err();
            assert!(error.contains(part) && !error.contains("hunter2"), "{text}: {error}");
        }
        let address = RedisAddress::parse("redis://:hunter2@a").unwrap();
        assert!(!format!("{address:?}").contains("hunter2"));
    }
}
