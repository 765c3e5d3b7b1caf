//! Servers that freeze, die, refuse or run out of memory.

use std::sync::Arc;
use std::time::Duration;

use stepgate::engine::ports::{AccountWrite, AddressKey, Attempt, Commit, NewChange, Store, StoreError, Verdict};
use stepgate::identity::{Factor, Method};
use stepgate::store::redis::{RedisSettings, RedisStore};

use crate::fixtures::*;
use crate::harness::redis::{Cluster, Proxy, Server, single};

fn impatient(url: &str) -> RedisSettings {
    RedisSettings { timeout: Duration::from_millis(400), connect_timeout: Duration::from_millis(200), ..settings(url) }
}

/// Waits for the answer of a store that may need a moment to find its server again.
async fn recovered(store: &RedisStore) {
    let answer = async { while store.health().await.is_err() {} };
    tokio::time::timeout(Duration::from_secs(30), answer).await.expect("the store never recovered");
}

fn is_unavailable<T: std::fmt::Debug>(answer: Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Unavailable(_)))
}

#[tokio::test]
async fn a_frozen_server_gives_a_bounded_error_and_is_found_again() {
    let server = Server::start(&["--save", ""]);
    let store = RedisStore::open(impatient(&server.url())).await.unwrap();
    let account = registered(&store, "anna").await;
    server.freeze();
    let attempt = wrong(&account);
    let refused = tokio::time::timeout(Duration::from_secs(20), async {
        let first = wizard();
        let mut refused = vec![is_unavailable(store.judge(&attempt).await)];
        refused.push(is_unavailable(store.create_wizard(&first).await));
        refused.push(is_unavailable(store.wizard(first.id).await));
        refused
    });
    assert_eq!(refused.await.expect("a call went past its deadline"), [true; 3]);
    server.thaw();
    recovered(&store).await;
    // The copies that were waiting in the frozen server's sockets and this one are the same request.
    assert_eq!(store.judge(&attempt).await.unwrap(), counted(4));
    assert_eq!(store.judge(&wrong(&account)).await.unwrap(), counted(3));
}

#[tokio::test]
async fn a_connection_that_died_silently_is_replaced_within_the_call() {
    let proxy = Proxy::before(single().port);
    let store =
        RedisStore::open(RedisSettings { timeout: Duration::from_secs(2), ..settings(&proxy.url()) }).await.unwrap();
    let account = registered(&store, "anna").await;
    proxy.stall();
    assert_eq!(store.judge(&wrong(&account)).await.unwrap(), counted(4));
    assert_eq!(store.judge(&wrong(&account)).await.unwrap(), counted(3));
}

#[tokio::test]
async fn a_connection_that_dies_silently_while_it_is_opened_is_given_up() {
    let proxy = Proxy::before(single().port);
    let store = RedisStore::open(impatient(&proxy.url())).await.unwrap();
    for spared in [0, 1] {
        proxy.refuse();
        assert!(is_unavailable(store.health().await));
        proxy.clear();
        proxy.mute_after(spared);
        recovered(&store).await;
    }
}

#[tokio::test]
async fn a_server_that_is_away_gives_a_bounded_error_and_is_found_again() {
    let proxy = Proxy::before(single().port);
    let store = RedisStore::open(impatient(&proxy.url())).await.unwrap();
    proxy.refuse();
    assert!(is_unavailable(store.health().await));
    proxy.clear();
    recovered(&store).await;
}

#[tokio::test]
async fn every_worker_has_a_connection_and_a_runtime_that_ended_is_no_matter() {
    let server = Server::start(&["--save", ""]);
    let store = Arc::new(open(&server.url()).await);
    let account = Arc::new(registered(&store, "anna").await);
    for left in [4, 3] {
        let (store, account) = (Arc::clone(&store), Arc::clone(&account));
        let worker = std::thread::spawn(move || {
            for _ in 0..2 {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                assert!(runtime.block_on(store.account(account.id)).unwrap().is_some());
            }
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(store.judge(&wrong(&account))).unwrap()
        });
        assert_eq!(worker.join().unwrap(), counted(left));
    }
    assert_eq!(store.judge(&wrong(&account)).await.unwrap(), counted(2));
}

#[tokio::test]
async fn without_a_runtime_there_is_an_error_and_no_panic() {
    let store = Arc::new(open(&single().url()).await);
    let lost = std::thread::spawn(move || futures_util::FutureExt::now_or_never(store.health())).join().unwrap();
    assert!(is_unavailable(lost.expect("an answer at once")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_server_is_killed() {
    let server = Server::start(&["--appendonly", "yes", "--appendfsync", "always", "--save", ""]);
    let store = Arc::new(RedisStore::open(impatient(&server.url())).await.unwrap());
    let account = registered(&store, "anna").await;
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let mut acknowledged = wizard();
                store.create_wizard(&acknowledged).await.unwrap();
                loop {
                    let next = stepped(&acknowledged, "on");
                    match store.commit_wizard(&request(), &next).await {
                        Ok(Commit::Done) => acknowledged = next,
                        Ok(lost) => panic!("{lost:?}"),
                        Err(_) => return acknowledged,
                    }
                }
            })
        })
        .collect();
    while store.round_trips() < 500 {
        tokio::task::yield_now().await;
    }
    server.kill();
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.push(writer.await.unwrap());
    }
    server.restart();
    recovered(&store).await;
    assert_eq!(store.account(account.id).await.unwrap(), Some(account));
    for last in acknowledged {
        let stored = store.wizard(last.id).await.unwrap().expect("a wizard was lost");
        // One more step may be in that was never acknowledged.
        assert!(stored == last || stored == stepped(&last, "on"), "{} came back as {}", last.revision, stored.revision);
    }
}

#[tokio::test]
async fn a_server_without_memory_refuses_whole_calls() {
    let server = Server::start(&["--save", "", "--maxmemory-policy", "noeviction"]);
    let store = RedisStore::open(settings(&server.url())).await.unwrap();
    let account = registered(&store, "anna").await;
    let first = wizard();
    store.create_wizard(&first).await.unwrap();
    let keys: u64 = server.ask(&["DBSIZE"]);
    server.ask::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    assert!(is_unavailable(store.create_wizard(&wizard()).await));
    assert!(is_unavailable(store.commit_wizard(&request(), &stepped(&first, "2fa")).await));
    assert!(is_unavailable(store.judge(&wrong(&account)).await));
    assert!(is_unavailable(store.create_account(person("beth"), &names_of(&person("beth"))).await));
    let address = AddressKey("192.0.2.1".to_owned());
    assert!(is_unavailable(store.fail_address(&request(), &address, &LADDER, at(0)).await));
    assert_eq!(server.ask::<u64>(&["DBSIZE"]), keys, "something was written");
    assert_eq!(store.wizard(first.id).await.unwrap(), Some(first));
    assert!(store.delete_account(account.id, &names_of(&account)).await.unwrap(), "what frees memory still works");
    server.ask::<()>(&["CONFIG", "SET", "maxmemory", "0"]);
    let beth = registered(&store, "beth").await;
    assert_eq!(store.judge(&right(&beth)).await.unwrap(), Verdict::Accepted);
}

#[tokio::test]
async fn a_server_that_has_forgotten_the_scripts_is_told_them_again() {
    let (server, cluster) = (Server::start(&["--save", ""]), Cluster::start());
    let nodes = [std::slice::from_ref(&server), &cluster.nodes];
    for (url, nodes) in [server.url(), cluster.url()].into_iter().zip(nodes) {
        let store = open(&url).await;
        let account = registered(&store, "anna").await;
        nodes.iter().for_each(|node| node.ask::<()>(&["SCRIPT", "FLUSH"]));
        assert_eq!(store.judge(&wrong(&account)).await.unwrap(), counted(4));
        assert_eq!(store.judge(&wrong(&account)).await.unwrap(), counted(3));
    }
}

#[tokio::test]
async fn a_damaged_record_is_told_and_leaves_nothing_half_done() {
    let settings = settings(&single().url());
    let store = RedisStore::open(settings.clone()).await.unwrap();
    let account = registered(&store, "anna").await;
    let open = session(&account);
    let opening = AccountWrite { open_session: Some(open.clone()), ..AccountWrite::default() };
    assert_eq!(store.judge(&Attempt { write: opening, ..right(&account) }).await.unwrap(), Verdict::Accepted);
    let key = format!("{{{}a:{}}}:s:{}", settings.prefix, account.id, open.id);
    single().ask::<()>(&["SET", &key, "nonsense"]);
    let change = NewChange { provider: Factor::Sms, is_enabled: true, time: at(0) };
    let write = AccountWrite {
        account: Some(changed(&account)),
        changes: vec![change],
        proved: Some((open.id.clone(), Method::Sms)),
        ..AccountWrite::default()
    };
    let verdict = store.judge(&Attempt { write, ..right(&account) }).await;
    assert!(matches!(verdict, Err(StoreError::Damaged(_))), "{verdict:?}");
    assert_eq!(store.account(account.id).await.unwrap().as_ref(), Some(&account));
    assert_eq!(store.changes(account.id).await.unwrap(), []);
    assert!(matches!(store.sessions(account.id, at(0)).await, Err(StoreError::Damaged(_))));
}
