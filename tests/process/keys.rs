//! `stepgate keys`, beside a server and without one.

use std::io::{BufRead, BufReader};
use std::path::Path;

use futures_util::future::join_all;
use serde_json::{Value, json};
use stepgate::app::{self, World};
use stepgate::config::Config;
use stepgate::engine::Engine;
use stepgate::identity::{Account, AccountId, Email, Factors, Locale, TotpFactor};

use crate::harness::{ADMIN_KEY, MASTER_KEY, Stepgate, Told, code_at, command, run, step_now};
use crate::redis::Server;

const PEOPLE: usize = 2_000;

fn succeeded(told: Told) -> String {
    assert!(told.status.success(), "{told:?}");
    told.out
}

fn failed(told: Told) -> String {
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    told.err
}

/// Fresh, whole, and nothing else on standard output; no configuration is read for it.
#[test]
fn a_master_key_is_generated() {
    let home = tempfile::tempdir().unwrap();
    let make = || succeeded(run(home.path(), &["keys", "generate"], &[("STEPGATE_LISTEN", "nonsense")], ""));
    let (one, two) = (make(), make());
    assert_ne!(one, two);
    let key = one.strip_suffix('\n').unwrap();
    assert_eq!(data_encoding::BASE64.decode(key.as_bytes()).unwrap().len(), 32);
    assert!(!home.path().join("data").exists());
    let settings = [("STEPGATE_STORE", "embedded:data"), ("STEPGATE_MASTER_KEY", key)];
    succeeded(run(home.path(), &["keys", "status"], &settings, ""));
}

fn engine_settings(folder: &Path) -> Vec<(String, String)> {
    let store = format!("embedded:{}", folder.join("data").display());
    vec![("STEPGATE_STORE".to_owned(), store), ("STEPGATE_MASTER_KEY".to_owned(), MASTER_KEY.to_owned())]
}

async fn engine(folder: &Path) -> Engine {
    let config = Config::load(None, engine_settings(folder).into_iter()).unwrap();
    app::engine(&config, &World::default()).await.unwrap().0
}

/// Accounts with authenticators whose secrets are known.
async fn enrolled(engine: &Engine) {
    let now = engine.clock.now();
    let make = async |number: usize| {
        let account = Account {
            id: AccountId(0),
            revision: 0,
            email: Email::parse(&format!("person{number}@example.com")).unwrap(),
            username: None,
            phone: None,
            locale: Locale::En,
            groups: Default::default(),
            permissions: Default::default(),
            password_hash: None,
            factors: Factors::default(),
            epoch: 0,
            factors_since: None,
            stood_in: None,
            recovery: None,
            enrolling: None,
            order: None,
            suspended: None,
            devices: Vec::new(),
            external_id: None,
            imported: None,
            created_at: now,
            updated_at: now,
        };
        let names = account.login_names(&engine.policy.names);
        let mut made = engine.store.create_account(account, &names).await.unwrap().unwrap();
        let context = TotpFactor::context(made.id);
        let secret = engine.keys.seal(&secret(made.id), &[&context[0], &context[1]], engine.entropy.bytes());
        made.factors.google = Some(TotpFactor { secret, since: now, scheme: None });
        made.revision += 1;
        assert!(engine.store.replace_account(&made, &names, &names).await.unwrap().unwrap());
    };
    for hundred in (0..PEOPLE).step_by(100) {
        join_all((hundred..hundred + 100).map(make)).await;
    }
}

fn secret(id: AccountId) -> Vec<u8> {
    format!("secret of {:>10}", id.0).into_bytes()
}

/// Every secret opens to what it was; the keys under which they are sealed.
async fn all_open(engine: &Engine) -> std::collections::BTreeMap<String, u64> {
    for account in engine.store.accounts(None, PEOPLE + 1).await.unwrap() {
        let context = TotpFactor::context(account.id);
        let sealed = account.factors.google.unwrap().secret;
        let opened = engine.keys.open(&sealed, &[&context[0], &context[1]]).unwrap();
        assert_eq!(opened.to_vec(), secret(account.id));
    }
    engine.sealed_accounts().await.unwrap()
}

/// Killed half-way, a rotation has lost nothing; run again, it ends where it would have ended, under the key that the
/// first run brought.
#[test]
fn a_rotation_that_is_killed_is_finished_by_the_next() {
    let home = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async { enrolled(&engine(home.path()).await).await });
    let settings = [("STEPGATE_STORE", "embedded:data"), ("STEPGATE_MASTER_KEY", MASTER_KEY)];
    let mut child = command(home.path(), &["keys", "rotate", "--sealing"], &settings).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let seen = lines.find(|line| line.as_ref().is_ok_and(|line| line.starts_with("800 of 2000"))).is_some();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(seen, "it has said how far it is");
    let halfway = runtime.block_on(async { all_open(&engine(home.path()).await).await });
    assert_eq!((halfway.len(), halfway.values().sum::<u64>()), (2, PEOPLE as u64), "{halfway:?}");

    let again = run(home.path(), &["keys", "rotate", "--sealing"], &settings, "");
    assert!(again.err.contains("accounts are sealed anew"), "{again:?}");
    let said = succeeded(again);
    assert!(said.contains("carried through") && !said.contains("seals from now on"), "{said}");
    let whole = runtime.block_on(async { all_open(&engine(home.path()).await).await });
    assert!(whole.len() == 1 && halfway.contains_key(whole.keys().next().unwrap()), "{halfway:?} {whole:?}");

    let shown = succeeded(run(home.path(), &["keys", "status", "--json"], &settings, ""));
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let counts: Vec<_> = shown["sealing"].as_array().unwrap().iter().map(|key| &key["accounts"]).collect();
    assert_eq!(counts, [&json!(0), &json!(PEOPLE)]);
    let table = succeeded(run(home.path(), &["keys", "status"], &settings, ""));
    assert!(table.contains("retiring") && table.contains("current") && table.contains("2000"), "{table}");
    assert!(table.contains("ES256") && table.contains("may go"), "{table}");
    let old = shown["sealing"][0]["id"].as_str().unwrap();
    assert!(failed(run(home.path(), &["keys", "retire", old], &settings, "")).contains("still needed"));
    assert!(failed(run(home.path(), &["keys", "retire", "none"], &settings, "")).contains("no retiring key"));
}

/// The file belongs to the server, which can do it too; the refusal says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_a_server_has_is_left_to_the_server() {
    let home = tempfile::tempdir().unwrap();
    let server = Stepgate::start(home.path(), &[]);
    for arguments in [&["keys", "rotate"][..], &["keys", "status"], &["keys", "retire", "x"]] {
        let settings = [("STEPGATE_STORE", "embedded:data"), ("STEPGATE_MASTER_KEY", MASTER_KEY)];
        let said = failed(run(home.path(), arguments, &settings, ""));
        assert!(said.contains("stepgate.redb") && said.contains("POST /admin/v1/keys/rotate"), "{said}");
    }
    let web = server.client();
    let body = json!({ "sealing": true, "signing": true });
    let (status, turned) = web.post("/admin/v1/keys/rotate", ADMIN_KEY, body).await.unwrap();
    assert_eq!(status, 202);
    assert!(turned["sealing"].is_string() && turned["signing"].is_string(), "{turned}");
}

/// Beside a running server: who is signed in stays so, and an authenticator goes on working, without a restart.
#[tokio::test(flavor = "multi_thread")]
async fn keys_are_turned_over_beside_a_running_server() {
    let home = tempfile::tempdir().unwrap();
    let redis = Server::start(&["--save", ""]);
    let url = redis.url();
    let server = Stepgate::start(home.path(), &[("STEPGATE_STORE", &url)]);
    let web = server.client();
    web.person("ann@example.com").await;
    let token = web.sign_in("ann@example.com").await;
    let key = web.enable_google(&token).await;
    let settings = [("STEPGATE_STORE", url.as_str()), ("STEPGATE_MASTER_KEY", MASTER_KEY)];
    let said = succeeded(run(home.path(), &["keys", "rotate"], &settings, ""));
    // Ann's, and the demo account's.
    assert!(said.contains("seals from now on") && said.contains("is published") && said.contains("anew: 2."), "{said}");
    let uuid = web.wizard().await.unwrap();
    assert_eq!(web.password(&uuid, "ann@example.com").await.unwrap().0, 200);
    let body = json!({ "uuid": uuid, "code": code_at(&key, step_now()) });
    let (status, answer) = web.post("/api/v2/my/2fa/google", "", body).await.unwrap();
    assert_eq!(status, 202, "{answer}");
    let (status, keys) = web.get("/admin/v1/keys", ADMIN_KEY).await.unwrap();
    assert_eq!((status, keys["sealing"].as_array().unwrap().len()), (200, 2));
}
