//! What the server promises, and what is not accepted of it.

use stepgate::engine::ports::{AccountWrite, Attempt, SendBudget, Spend, Store, StoreError, Subject, Tries, Verdict};
use stepgate::identity::Factor;
use stepgate::store::redis::{RedisAddress, RedisSettings, RedisStore};

use crate::fixtures::*;
use crate::harness::redis::{Server, cluster, single};

async fn refusal(settings: RedisSettings) -> String {
    match RedisStore::open(settings).await {
        Err(StoreError::Unavailable(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn durability_is_read_from_the_server() {
    let server = Server::start(&["--save", ""]);
    let store = open(&server.url()).await;
    for (appendonly, appendfsync, save, level) in [
        ("yes", "always", "", "every_write"),
        ("yes", "everysec", "", "every_second"),
        ("yes", "no", "", "snapshots"),
        ("no", "always", "3600 1", "snapshots"),
        ("no", "always", "", "none"),
    ] {
        for (name, value) in [("appendonly", appendonly), ("appendfsync", appendfsync), ("save", save)] {
            server.ask::<()>(&["CONFIG", "SET", name, value]);
        }
        let health = store.health().await.unwrap();
        assert_eq!((health.backend, health.durability.level), ("redis", level));
        assert_eq!(health.durability.warning.is_none(), level == "every_write");
        let shown = health.durability.settings;
        assert!(shown.contains(&("appendfsync".to_owned(), appendfsync.to_owned())), "{shown:?}");
    }
}

#[tokio::test]
async fn a_server_that_keeps_its_settings_to_itself_is_unknown() {
    let server = Server::start(&["--save", ""]);
    server.ask::<()>(&["ACL", "SETUSER", "app", "on", ">p@ss", "~*", "+@all", "-config"]);
    let url = format!("redis://app:p%40ss@127.0.0.1:{}", server.port);
    let store = open(&url).await;
    let health = store.health().await.unwrap();
    assert_eq!(health.durability.level, "unknown");
    assert!(health.durability.warning.is_some());
    server.ask::<()>(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    assert!(refusal(settings(&url)).await.contains("allkeys-lru"));
    let wrong_password = format!("redis://app:hunter2@127.0.0.1:{}", server.port);
    assert!(!refusal(settings(&wrong_password)).await.contains("hunter2"));
}

#[tokio::test]
async fn an_evicting_server_is_refused_unless_the_operator_insists() {
    let server = Server::start(&["--save", "", "--maxmemory", "100mb", "--maxmemory-policy", "volatile-lru"]);
    let reason = refusal(settings(&server.url())).await;
    assert!(reason.contains("volatile-lru"), "{reason}");
    let insisting = RedisSettings { allow_eviction: true, ..settings(&server.url()) };
    let store = RedisStore::open(insisting).await.unwrap();
    let warning = store.health().await.unwrap().durability.warning.unwrap();
    assert!(warning.contains("volatile-lru"), "{warning}");
}

#[tokio::test]
async fn a_cluster_promises_what_its_weakest_master_does() {
    let store = open(&cluster().url()).await;
    let health = store.health().await.unwrap();
    assert_eq!((health.backend, health.durability.level), ("redis-cluster", "none"));
}

#[tokio::test]
async fn what_cannot_work_is_told_at_the_start() {
    let braces = RedisSettings { prefix: "{x}".to_owned(), ..settings(&single().url()) };
    assert!(refusal(braces).await.contains("brace"));
    let nobody = RedisAddress::parse(&format!("redis://127.0.0.1:{}", crate::harness::redis::free_port())).unwrap();
    let timeout = std::time::Duration::from_millis(200);
    refusal(RedisSettings { timeout, ..RedisSettings::new(nobody) }).await;
    let ca_file = Some("no such file.pem".into());
    let tls = RedisAddress::parse("rediss://127.0.0.1").unwrap();
    refusal(RedisSettings { ca_file, ..RedisSettings::new(tls) }).await;
}

#[tokio::test]
async fn a_call_is_one_flight() {
    for url in [single().url(), cluster().url()] {
        let store = open(&url).await;
        let account = registered(&store, "anna").await;
        let first = wizard();
        let address = stepgate::engine::ports::AddressKey("192.0.2.1".to_owned());
        let before = store.round_trips();
        store.create_wizard(&first).await.unwrap();
        store.wizard(first.id).await.unwrap();
        store.open_sign_in(first.id, &names_of(&account)[0], &address, at(0)).await.unwrap();
        store.judge(&right(&account)).await.unwrap();
        store.commit_wizard(&request(), &stepped(&first, "end")).await.unwrap();
        assert_eq!(store.round_trips() - before, 5, "{url}");
    }
}

#[tokio::test]
async fn all_of_a_name_is_forgotten_in_time() {
    let server = Server::start(&["--save", ""]);
    let store = open(&server.url()).await;
    let account = registered(&store, "anna").await;
    let named = |attempt| Attempt { subject: Subject::Name("digest".to_owned()), revision: None, ..attempt };
    let left = || {
        let keys: Vec<String> = server.ask(&["KEYS", "*{*:x:digest}*"]);
        keys.into_iter().map(|key| (server.ask::<i64>(&["PTTL", &key]) / 1_000, key)).collect::<Vec<_>>()
    };
    let budget = SendBudget { channel: Factor::Email, windows: vec![(60, 9), (172_800, 9)] };
    let write = AccountWrite { send: Some(budget), ..AccountWrite::default() };
    let spend = Some(Spend::Code { digest: "code".to_owned(), keep: 600 });
    let sent = named(Attempt { spend, write, ..right(&account) });
    let wrong = named(Attempt { tries: Some(Tries { wizard: wizard().id, limit: 3, keep: 900 }), ..wrong(&account) });
    store.judge(&wrong).await.unwrap();
    let counters = || left().into_iter().find(|(_, key)| key.ends_with(":n")).unwrap().0;
    // An hour, a day, and the window of a minute.
    assert!((89_000..=90_060).contains(&counters()), "{:?}", left());
    assert_eq!(store.judge(&sent).await.unwrap(), Verdict::Accepted);
    // The longest window, and no less when there is a failure again.
    assert!((172_000..=172_860).contains(&counters()), "{:?}", left());
    store.judge(&named(Attempt { right: Some(false), ..right(&account) })).await.unwrap();
    assert!((172_000..=172_860).contains(&counters()), "{:?}", left());
    assert!(left().len() > 4 && left().iter().all(|(seconds, _)| *seconds > 0), "{:?}", left());
}
