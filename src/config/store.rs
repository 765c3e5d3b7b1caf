use std::path::PathBuf;

use percent_encoding::percent_decode_str;

use crate::identity::Secret;

pub(super) const ACCEPTED: &str = "`embedded:DIR`, `redis://…`, `rediss://…`, `redis-sentinel://HOST:PORT,HOST:PORT/MASTER/DB` or \
     `redis-cluster://HOST:PORT,HOST:PORT`; with TLS `rediss-sentinel` and `rediss-cluster`; `USER:PASSWORD@` may stand \
     before the hosts";

/// Where everything is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreAddress {
    /// One file in this folder, for one process.
    Embedded(PathBuf),
    /// One server: its `redis://` or `rediss://` address, which may hold a password.
    Redis { url: Secret },
    /// The server that the sentinels call master. `login` is for that server.
    RedisSentinel { sentinels: Vec<String>, master: String, db: u32, tls: bool, login: Option<StoreLogin> },
    /// A cluster, found through any of these nodes.
    RedisCluster { nodes: Vec<String>, tls: bool, login: Option<StoreLogin> },
}

/// A name (if any) and a password at Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreLogin {
    pub user: Option<String>,
    pub password: Secret,
}

/// No problem quotes the address: it may hold a password.
pub(super) fn parse(text: &str) -> Result<StoreAddress, String> {
    if let Some(folder) = text.strip_prefix("embedded:") {
        return match folder.trim() {
            "" => Err("names no folder".to_owned()),
            folder => Ok(StoreAddress::Embedded(PathBuf::from(folder))),
        };
    }
    let (scheme, rest) = text.split_once("://").ok_or("is not of a known form")?;
    match scheme {
        "redis" | "rediss" => single(text),
        "redis-sentinel" => sentinel(rest, false),
        "rediss-sentinel" => sentinel(rest, true),
        "redis-cluster" => cluster(rest, false),
        "rediss-cluster" => cluster(rest, true),
        _ => Err("has an unknown scheme".to_owned()),
    }
}

fn single(text: &str) -> Result<StoreAddress, String> {
    let url = url::Url::parse(text).map_err(|error| format!("is no URL: {error}"))?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err("names no host".to_owned());
    }
    match url.path().trim_start_matches('/') {
        "" => {}
        db => drop(number(db)?),
    }
    Ok(StoreAddress::Redis { url: Secret::new(text) })
}

fn sentinel(rest: &str, tls: bool) -> Result<StoreAddress, String> {
    let (login, rest) = login(rest)?;
    let mut parts = rest.trim_end_matches('/').splitn(3, '/');
    let sentinels = hosts(parts.next().unwrap_or_default(), 26_379)?;
    let master = parts.next().filter(|name| !name.is_empty()).ok_or("names no master after the sentinels")?;
    let db = parts.next().map_or(Ok(0), number)?;
    Ok(StoreAddress::RedisSentinel { sentinels, master: master.to_owned(), db, tls, login })
}

fn cluster(rest: &str, tls: bool) -> Result<StoreAddress, String> {
    let (login, rest) = login(rest)?;
    match rest.trim_end_matches('/') {
        rest if rest.contains('/') => {
            Err("a cluster has one database only, so nothing may follow the nodes".to_owned())
        }
        rest => Ok(StoreAddress::RedisCluster { nodes: hosts(rest, 6_379)?, tls, login }),
    }
}

/// The database of Redis: 0 to 65,535, though most servers have 16.
fn number(text: &str) -> Result<u32, String> {
    text.parse::<u16>().map(u32::from).map_err(|_| "has a database that is no number".to_owned())
}

fn login(rest: &str) -> Result<(Option<StoreLogin>, &str), String> {
    let Some((login, hosts)) = rest.rsplit_once('@') else { return Ok((None, rest)) };
    let decoded = |text: &str| {
        percent_decode_str(text)
            .decode_utf8()
            .map(|text| text.into_owned())
            .map_err(|_| "has a login that is not UTF-8".to_owned())
    };
    let (user, password) = login.split_once(':').ok_or("has a login without a password")?;
    let user = if user.is_empty() { None } else { Some(decoded(user)?) };
    Ok((Some(StoreLogin { user, password: Secret::new(decoded(password)?) }), hosts))
}

/// `HOST:PORT` each, with the port filled in.
fn hosts(text: &str, port: u16) -> Result<Vec<String>, String> {
    let host = |text: &str| {
        let (name, port) = match text.rsplit_once(':') {
            // The colons of a bare IPv6 address are inside its brackets.
            Some((name, digits)) if !digits.contains(']') => (name, digits.parse::<u16>().ok()),
            _ => (text, Some(port)),
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
        match port {
            Some(port) if !name.is_empty() && name.chars().all(plain) => Ok(format!("{name}:{port}")),
            _ => Err("has a host that is not HOST:PORT".to_owned()),
        }
    };
    text.split(',').map(|text| host(text.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        assert_eq!(parse("embedded:data"), Ok(StoreAddress::Embedded("data".into())));
        for url in ["redis://127.0.0.1:6379", "rediss://u:p@redis.example/3", "redis://[::1]:6379/0"] {
            assert_eq!(parse(url), Ok(StoreAddress::Redis { url: Secret::new(url) }));
        }
        assert_eq!(
            parse("redis-sentinel://a:1,b/mymaster/2"),
            Ok(StoreAddress::RedisSentinel {
                sentinels: vec!["a:1".into(), "b:26379".into()],
                master: "mymaster".into(),
                db: 2,
                tls: false,
                login: None,
            })
        );
        assert_eq!(
            parse("rediss-cluster://:p%40ss@[::1]:7000,n2"),
            Ok(StoreAddress::RedisCluster {
                nodes: vec!["[::1]:7000".into(), "n2:6379".into()],
                tls: true,
                login: Some(StoreLogin { user: None, password: Secret::new("p@ss") }),
            })
        );
    }

    #[test]
    fn a_wrong_address_is_refused_and_its_password_not_shown() {
        for text in [
            "",
            "data",
            "embedded:",
            "postgres://u:hunter2@h/db",
            "redis://",
            "redis://:hunter2@h/x",
            "redis-sentinel://u:hunter2@h:1",
            "redis-sentinel://h:1/m/x",
            "redis-cluster://h:x",
            "redis-cluster://h:1/0",
            "redis-cluster://hunter2@h:1",
            "redis-cluster://",
        ] {
            let problem = parse(text).expect_err(text);
            assert!(!problem.contains("hunter2"), "{problem}");
        }
    }
}
