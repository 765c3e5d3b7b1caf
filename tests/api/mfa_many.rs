//! An order to all, where all are 200,000: as cheap as to ten, and carried out by each at the next sign-in.
//!
//! The accounts are written straight into the store, as copies of one that the server has made.

use redb::{Database, TableDefinition};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::harness::{Backend, Person, Setup, TestApp};
use crate::mfa_settings::{allowed, disallowed};
use crate::redis::{Server, prefix};

const MANY: u64 = 200_000;
/// Of whom these are asked, picked without thinking; the first ones are made by the server.
const PICKED: [u64; 6] = [17, 4_711, 65_536, 123_457, 199_998, 200_000];

fn email(number: u64) -> String {
    format!("person{number}@example.com")
}

fn person(number: u64) -> Person {
    Person { id: number, email: email(number), phone: String::new(), key: None }
}

/// The document of the account with this number, as a copy of `model`.
fn copy(model: &Value, number: u64) -> String {
    let mut copy = model.clone();
    copy["id"] = number.into();
    copy["email"] = email(number).into();
    copy.to_string()
}

/// The last account that the server has made before the others come, as it is stored.
async fn model(app: &TestApp) -> (u64, Value) {
    let mut last = 0;
    for number in 1..=10 {
        last = app.person(&format!("early{number}")).await.id;
    }
    let account = app.engine.store.account(stepgate::identity::AccountId(last)).await.unwrap().unwrap();
    (last, serde_json::to_value(account).unwrap())
}

async fn costs_the_same_and_reaches_everybody(app: &TestApp, few: u64) {
    let panel = app.panel("chief", &["users:update", "users:read"]).await;
    assert_eq!(app.cost_of_an_order(&panel).await, few);
    for number in PICKED {
        assert_eq!(app.shown(&person(number)).await, "2fa_email_auth", "person {number}");
    }
    app.order_all(&panel, disallowed()).await;
    for number in PICKED {
        assert_eq!(app.shown(&person(number)).await, "in", "person {number}");
    }
    app.order_all(&panel, allowed(&["email"])).await;
    assert_eq!(app.shown(&person(PICKED[0])).await, "2fa_email_auth");
}

fn table(name: &str) -> TableDefinition<'_, &'static str, &'static [u8]> {
    TableDefinition::new(name)
}

/// What the store holds behind a value: no deadline, and JSON.
fn lasting(json: &str) -> Vec<u8> {
    [&u64::MAX.to_be_bytes()[..], json.as_bytes()].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_to_200_000_accounts_in_a_file_is_one_write() {
    let home = tempfile::tempdir().unwrap();
    let store = format!("embedded:{}", home.path().display());
    let app = Setup::on(Backend::Embedded).with("STEPGATE_STORE", &store).start().await;
    let dealer = app.dealer().await;
    let (last, model) = model(&app).await;
    let few = app.cost_of_an_order(&dealer).await;
    let setup = app.stop().await;
    let file = home.path().join("stepgate.redb");
    tokio::task::spawn_blocking(move || {
        let database = Database::create(file).unwrap();
        let transaction = database.begin_write().unwrap();
        {
            let mut accounts = transaction.open_table(table("accounts")).unwrap();
            let mut names = transaction.open_table(table("names")).unwrap();
            for number in last + 1..=MANY {
                let document = lasting(&copy(&model, number));
                accounts.insert(format!("{number:020}").as_str(), document.as_slice()).unwrap();
                names.insert(email(number).as_str(), lasting(&number.to_string()).as_slice()).unwrap();
            }
            let mut numbers = transaction.open_table(table("numbers")).unwrap();
            numbers.insert("account", lasting(&MANY.to_string()).as_slice()).unwrap();
        }
        transaction.commit().unwrap();
    })
    .await
    .unwrap();
    let app = setup.start().await;
    costs_the_same_and_reaches_everybody(&app, few).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_to_200_000_accounts_on_redis_is_one_write() {
    let (server, prefix) = (Server::start(&["--save", ""]), prefix());
    let setup = Setup::on(Backend::Redis).with("STEPGATE_STORE", &server.url());
    let app = setup.with("STEPGATE_REDIS__PREFIX", &prefix).start().await;
    let dealer = app.dealer().await;
    let (last, model) = model(&app).await;
    let few = app.cost_of_an_order(&dealer).await;
    let server = tokio::task::spawn_blocking(move || {
        let mut connection = redis::Client::open(server.url()).unwrap().get_connection().unwrap();
        let numbers: Vec<u64> = (last + 1..=MANY).collect();
        for some in numbers.chunks(5_000) {
            let mut batch = redis::pipe();
            for number in some {
                let name = data_encoding::BASE64URL_NOPAD.encode(&Sha256::digest(email(*number).as_bytes()));
                let document = copy(&model, *number);
                batch.set(format!("{{{prefix}a:{number}}}"), format!("1 {name} {document}")).ignore();
                batch.set(format!("{{{prefix}n:{name}}}"), format!("{number} 0 - 1 {document}")).ignore();
                batch.zadd(format!("{{{prefix}accounts}}"), *number, *number).ignore();
            }
            let () = batch.set(format!("{{{prefix}ids}}"), MANY).ignore().query(&mut connection).unwrap();
        }
        server
    })
    .await
    .unwrap();
    costs_the_same_and_reaches_everybody(&app, few).await;
    drop(server);
}
