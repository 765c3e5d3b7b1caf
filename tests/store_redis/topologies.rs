//! Cluster, TLS and Sentinel.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use stepgate::engine::ports::{
    AccountWrite, AddressFailure, AddressKey, Attempt, Commit, EndSessions, EventRange, Locks, NewChange, SendBudget,
    Spend, Store, StoreError, Subject, Tries, Verdict,
};
use stepgate::identity::{Account, AccountId, Factor, Keys, Method, MfaOrders, MfaSetting, Session};
use stepgate::store::redis::{RedisSettings, RedisStore};
use stepgate::workflow::{Digest, Wizard};
use tokio::task::JoinSet;

use crate::fixtures::*;
use crate::harness::redis::{Cluster, Sentinel, Server, TlsServer, cluster, single};

/// Calls every method of the store, so that every script runs.
async fn walk(store: &RedisStore, local: &str) {
    let account = registered(store, local).await;
    let next = Account { email: person(&format!("{local}-2")).email, ..changed(&account) };
    let (old, new) = (names_of(&account), names_of(&next));
    assert_eq!(store.replace_account(&next, &old, &new).await.unwrap(), Ok(true));
    assert!(store.create_account(person(&format!("{local}-2")), &new).await.unwrap().is_err());
    let (open, budget) = (session(&next), SendBudget { channel: Factor::Sms, windows: vec![(60, 1)] });
    let write = AccountWrite {
        account: Some(changed(&next)),
        changes: vec![NewChange { provider: Factor::Sms, is_enabled: true, time: at(0) }],
        open_session: Some(open.clone()),
        proved: Some((open.id.clone(), Method::Sms)),
        end_sessions: Some(EndSessions::AllBut(open.id.clone())),
        send: Some(budget.clone()),
    };
    let tries = Some(Tries { wizard: wizard().id, limit: 3, keep: 900 });
    let spend = Some(Spend::Code { digest: "digest".to_owned(), keep: 600 });
    let attempt = Attempt { write, tries, spend, ..right(&next) };
    assert_eq!(store.judge(&attempt).await.unwrap(), Verdict::Accepted);
    let account = changed(&next);
    store.refresh_names(&account, &new).await.unwrap();
    store.refund_send(&request(), &Subject::Account(account.id), &budget, at(0)).await.unwrap();
    let spent = Attempt { spend: Some(Spend::TotpStep(7)), ..right(&account) };
    assert_eq!(store.judge(&spent).await.unwrap(), Verdict::Accepted);
    let named = |attempt| Attempt { subject: Subject::Name(local.to_owned()), revision: None, ..attempt };
    assert_eq!(store.judge(&named(wrong(&account))).await.unwrap(), counted(4));
    let (write, spend) =
        (AccountWrite { send: Some(budget.clone()), ..AccountWrite::default() }, attempt.spend.clone());
    assert_eq!(store.judge(&named(Attempt { write, spend, ..right(&account) })).await.unwrap(), Verdict::Accepted);
    store.refund_send(&request(), &Subject::Name(local.to_owned()), &budget, at(0)).await.unwrap();
    let write = AccountWrite { changes: attempt.write.changes.clone(), ..AccountWrite::default() };
    let written = store.write_account(&request(), account.id, account.revision, &write, at(0)).await.unwrap();
    assert_eq!(written, Verdict::Accepted);
    assert_eq!(store.locks(account.id, at(0)).await.unwrap(), Locks::default());
    store.unlock(account.id).await.unwrap();
    let proved = Session { revision: 2, factor: Some((Method::Sms, at(0))), ..open };
    assert_eq!(store.session(account.id, &proved.id, at(0)).await.unwrap(), Some((account.clone(), proved.clone())));
    assert!(store.replace_session(&request(), &Session { revision: 3, ..proved.clone() }).await.unwrap());
    store.end_other_sessions(account.id, &proved.id).await.unwrap();
    assert_eq!(store.sessions(account.id, at(0)).await.unwrap().len(), 1);
    assert!(store.end_session(account.id, &proved.id).await.unwrap());
    assert_eq!(store.changes(account.id).await.unwrap().len(), 2);
    let (first, address) = (wizard(), AddressKey(format!("2001:db8::/64 of {local}")));
    store.create_wizard(&first).await.unwrap();
    assert_eq!(store.commit_wizard(&request(), &stepped(&first, "2fa")).await.unwrap(), Commit::Done);
    assert_eq!(store.fail_address(&request(), &address, &LADDER, at(0)).await.unwrap(), AddressFailure::Counted(None));
    assert_eq!(store.address_block(&address, at(0)).await.unwrap(), None);
    let opened = store.open_sign_in(first.id, &new[0], &address, at(0)).await.unwrap();
    assert_eq!(opened, (Some(stepped(&first, "2fa")), Some(account.clone()), None));
    let (digest, sealed) = (Digest::of(local), Keys::from_master([1; 32]).seal(b"x", &[], [1; 24]));
    store.publish(&digest, local).await.unwrap();
    assert_eq!(store.published(&digest).await.unwrap().as_deref(), Some(local));
    assert_eq!(store.keep(local, &sealed).await.unwrap(), sealed);
    assert_eq!(store.kept(local).await.unwrap().as_ref(), Some(&sealed));
    assert!(store.swap_kept(local, Some(&sealed), &sealed).await.unwrap());
    store.append_events(&request(), &[event(local)]).await.unwrap();
    let range = EventRange { beyond: None, newest_first: true, limit: 100 };
    assert!(store.events(&range).await.unwrap().iter().any(|stored| stored.event == event(local)));
    assert!(store.delete_account(account.id, &new).await.unwrap());
    assert_eq!(store.account_by_name(&new[0]).await.unwrap(), None);
}

#[tokio::test]
async fn on_a_cluster_every_call_stays_in_its_slots() {
    let store = open(&cluster().url()).await;
    let mut walks = JoinSet::new();
    let store = Arc::new(store);
    for number in 0..12 {
        let store = Arc::clone(&store);
        walks.spawn(async move { walk(&store, &format!("person{number}")).await });
    }
    walks.join_all().await;
    let spread = cluster().nodes.iter().filter(|node| node.ask::<u64>(&["DBSIZE"]) > 0).count();
    assert_eq!(spread, 3, "the keys are not spread over the nodes");
}

#[tokio::test]
async fn when_a_node_of_a_cluster_freezes_the_others_go_on() {
    let (cluster, store, wizards) = spread_out().await;
    // Orders are read with everything: their node is the one that all the others need.
    let ordered = holder_of(&cluster, "*orders}");
    let frozen = &cluster.nodes[(ordered + 1) % 3];
    let held = frozen.ask::<Vec<String>>(&["KEYS", "*:w:*"]).len();
    assert!(held > 0 && held < wizards.len(), "the test needs keys on both sides");
    frozen.freeze();
    // All at once and again: a call to the node that is away must not cost those to the others their connection.
    for round in 0..3 {
        assert_eq!(read_all(&store, &wizards).await, (wizards.len() - held, held), "round {round}");
    }
    frozen.thaw();
    until_found(&store, &wizards).await;
    // Nobody is let in by what was not ordered yet when this instance last looked.
    cluster.nodes[ordered].freeze();
    assert_eq!(read_all(&store, &wizards).await, (0, wizards.len()));
    cluster.nodes[ordered].thaw();
    until_found(&store, &wizards).await;
}

#[tokio::test]
async fn when_another_node_takes_the_place_of_a_frozen_one_the_store_follows() {
    let (cluster, store, wizards) = spread_out().await;
    let replica = cluster.replica_of(2);
    cluster.nodes[2].freeze();
    // Nobody says anything on the connection to the node that is away: only calls that fail tell.
    replica.ask::<()>(&["CLUSTER", "FAILOVER", "TAKEOVER"]);
    until_found(&store, &wizards).await;
}

/// A worker that first calls while a node is away opens its connection then, also where connecting may take longer than a
/// call, as it may by default.
#[tokio::test]
async fn a_connection_is_opened_while_a_node_of_a_cluster_is_frozen() {
    let (cluster, store, wizards) = spread_out_with(Duration::from_secs(4), Duration::from_secs(8)).await;
    let frozen = &cluster.nodes[(holder_of(&cluster, "*orders}") + 1) % 3];
    let here = frozen.ask::<Vec<String>>(&["KEYS", "*:w:*"]);
    let (away, there): (Vec<Wizard>, Vec<Wizard>) =
        wizards.into_iter().partition(|wizard| here.iter().any(|key| key.contains(&wizard.id.to_string())));
    assert!(!away.is_empty() && !there.is_empty(), "the test needs keys on both sides");
    frozen.freeze();
    let store = Arc::new(store);
    let worker = std::thread::spawn({
        let store = Arc::clone(&store);
        move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                until_found(&store, &there).await;
            });
        }
    });
    worker.join().unwrap();
    frozen.thaw();
    until_found(&store, &away).await;
}

/// A cluster of its own that answers for what it has when a node is missing, and wizards on all of it.
async fn spread_out() -> (Cluster, RedisStore, Vec<Wizard>) {
    spread_out_with(Duration::from_secs(1), Duration::from_millis(200)).await
}

async fn spread_out_with(timeout: Duration, connect_timeout: Duration) -> (Cluster, RedisStore, Vec<Wizard>) {
    let cluster = Cluster::start();
    cluster.nodes.iter().for_each(|node| node.ask::<()>(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]));
    let settings = RedisSettings { timeout, connect_timeout, ..settings(&cluster.url()) };
    let store = RedisStore::open(settings).await.unwrap();
    let orders = MfaOrders::default().for_all(AccountId(7), MfaSetting::Allowed(vec![Factor::Sms]), at(0));
    assert!(store.change_orders(&request(), 0, &orders).await.unwrap());
    let wizards: Vec<_> = (0..36).map(|_| wizard()).collect();
    for wizard in &wizards {
        store.create_wizard(wizard).await.unwrap();
    }
    (cluster, store, wizards)
}

/// The number of the node that holds a key.
fn holder_of(cluster: &Cluster, pattern: &str) -> usize {
    let holds = |node: &Server| !node.ask::<Vec<String>>(&["KEYS", pattern]).is_empty();
    cluster.nodes.iter().position(holds).expect("nobody holds the key")
}

/// Reads all at once: how many were found, and how many refused, each before its deadline.
async fn read_all(store: &RedisStore, wizards: &[Wizard]) -> (usize, usize) {
    let reads = join_all(wizards.iter().map(|wizard| store.wizard(wizard.id)));
    let (mut found, mut refused) = (0, 0);
    for answer in tokio::time::timeout(Duration::from_secs(2), reads).await.expect("past its deadline") {
        match answer {
            Ok(Some(_)) => found += 1,
            Err(StoreError::Unavailable(_)) => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    (found, refused)
}

async fn until_found(store: &RedisStore, wizards: &[Wizard]) {
    let all = async {
        for wizard in wizards {
            while !matches!(store.wizard(wizard.id).await, Ok(Some(_))) {}
        }
    };
    tokio::time::timeout(Duration::from_secs(30), all).await.expect("a node was never found again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hundred_parallel_guesses_the_limit_is_counted() {
    for url in [single().url(), cluster().url()] {
        let store = Arc::new(open(&url).await);
        let account = registered(&store, "anna").await;
        let mut guesses = JoinSet::new();
        for _ in 0..200 {
            let (store, guess) = (Arc::clone(&store), wrong(&account));
            guesses.spawn(async move { store.judge(&guess).await.unwrap() });
        }
        let verdicts = guesses.join_all().await;
        let counted = verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Wrong { .. })).count();
        let refused = verdicts.iter().filter(|verdict| **verdict == Verdict::Blocked { until: at(600) }).count();
        assert_eq!((counted, refused), (5, 195), "{url}");
    }
}

#[tokio::test]
async fn over_tls_the_server_must_be_the_authoritys() {
    let (server, stranger) = (TlsServer::start(), TlsServer::start());
    let trusting = |ca_file: &std::path::Path| RedisSettings {
        ca_file: Some(ca_file.to_owned()),
        timeout: Duration::from_secs(2),
        ..settings(&server.url())
    };
    walk(&RedisStore::open(trusting(&server.ca_file)).await.unwrap(), "anna").await;
    assert!(RedisStore::open(trusting(&stranger.ca_file)).await.is_err());
}

#[tokio::test]
async fn with_sentinel_the_store_follows_the_master_after_a_crash() {
    let servers = Sentinel::start(&["--save", ""]);
    let store = open(&servers.url()).await;
    walk(&store, "anna").await;
    let account = registered(&store, "beth").await;
    assert_eq!(store.judge(&wrong(&account)).await.unwrap(), counted(4));
    // Replication is not part of an acknowledgement: the failure must be over there before the crash.
    assert_eq!(servers.master.ask::<u64>(&["WAIT", "1", "10000"]), 1);
    servers.master.kill();
    servers.wait_for_switch();
    assert_eq!(store.judge(&wrong(&account)).await.unwrap(), counted(3));
    walk(&store, "carl").await;
}

#[tokio::test]
async fn with_sentinel_the_store_leaves_a_master_that_was_demoted() {
    let servers = Sentinel::start(&["--save", ""]);
    let store = open(&servers.url()).await;
    let account = registered(&store, "anna").await;
    servers.fail_over();
    assert_eq!(store.judge(&wrong(&account)).await.unwrap(), counted(4));
    assert_eq!(servers.replica.ask::<Vec<redis::Value>>(&["ROLE"])[0], redis::Value::BulkString(b"master".to_vec()));
}
