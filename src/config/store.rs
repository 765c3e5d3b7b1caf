use std::path::PathBuf;

use crate::store::redis::RedisAddress;

pub(super) const ACCEPTED: &str = "`embedded:DIR`, `redis://…`, `rediss://…`, `redis-sentinel://HOST:PORT,HOST:PORT/MASTER/DB` or \
     `redis-cluster://HOST:PORT,HOST:PORT`; with TLS `rediss-sentinel` and `rediss-cluster`; `USER:PASSWORD@` may stand \
     before the hosts";

/// Where everything is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreAddress {
    /// One file in this folder, for one process.
    Embedded(PathBuf),
    /// A server, the server that sentinels call master, or a cluster.
    Redis(RedisAddress),
}

/// No problem quotes the address: it may hold a password.
pub(super) fn parse(text: &str) -> Result<StoreAddress, String> {
    match text.strip_prefix("embedded:").map(str::trim) {
        Some("") => Err("names no folder".to_owned()),
        Some(folder) => Ok(StoreAddress::Embedded(PathBuf::from(folder))),
        None => RedisAddress::parse(text).map(StoreAddress::Redis),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        assert_eq!(parse("embedded:data"), Ok(StoreAddress::Embedded("data".into())));
        for url in [
            "redis://127.0.0.1:6379",
            "rediss://u:p@redis.example/3",
            "redis-sentinel://a:1,b/mymaster/2",
            "redis-cluster://a:7000,b",
        ] {
            assert_eq!(parse(url), Ok(StoreAddress::Redis(RedisAddress::parse(url).unwrap())), "{url}");
        }
    }

    #[test]
    fn a_wrong_address_is_refused_and_its_password_not_shown() {
        for text in ["embedded:", "embedded: ", "data", "postgres://u:hunter2@h", "redis://u:hunter2@h/x"] {
            let problem = parse(text).expect_err(text);
            assert!(!problem.contains("hunter2"), "{problem}");
        }
    }
}
