//! `POST /admin/v1/accounts/import`.

use serde_json::{Value, json};
use stepgate::engine::{Imported, Line, Order};
use stepgate::identity::Account;

use crate::harness::{ADMIN_KEY, Answer, Backend, Setup, TestApp};
use crate::redis::{Proxy, single};

on_every_store!(
    each_line_is_an_account_once,
    a_name_that_another_has_is_no_line_that_was_there,
    a_line_that_was_cut_off_between_its_writes_is_finished,
    of_two_that_import_the_same_at_once_one_creates,
);

const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG";
const KEY: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

async fn import(app: &TestApp, body: &str) -> Answer {
    let call = app.call("POST", "/admin/v1/accounts/import").bearer(ADMIN_KEY);
    call.text("application/x-ndjson", body.to_owned()).send().await
}

fn counts(created: u64, already_there: u64) -> Value {
    json!({ "created": created, "alreadyThere": already_there, "refused": [] })
}

async fn named(app: &TestApp, email: &str) -> Option<Account> {
    app.engine.account_named(email).await.unwrap()
}

async fn each_line_is_an_account_once(app: TestApp) {
    let ann = json!({ "email": "ann@example.com", "passwordHash": BCRYPT, "groups": ["b", "a"], "id": 77 });
    let bob = json!({ "email": "bob@example.com", "username": "bob", "totpSecret": KEY, "passwordHash": BCRYPT });
    let body = format!("{ann}\n\n{bob}\r\n{{\"email\":\"nobody\",\"locale\":\"xx\"}}\n[]\n");
    let answer = import(&app, &body).await.expect(200);
    assert_eq!((&answer.body["created"], &answer.body["alreadyThere"]), (&json!(2), &json!(0)));
    let refused = answer.body["refused"].as_array().unwrap();
    assert_eq!(refused.len(), 2);
    assert_eq!((&refused[0]["line"], &refused[1]["line"]), (&json!(4), &json!(5)));
    assert_eq!(refused[0]["errors"]["locale"].as_array().unwrap().len(), 1);
    assert!(refused[0]["errors"]["email"].is_array() && refused[1]["errors"]["line"].is_array());
    let made = named(&app, "ann@example.com").await.unwrap();
    assert_ne!(made.id.0, 77);
    // The same lines again, in another spelling and order.
    let ann = json!({ "groups": ["a", "b"], "locale": "en", "passwordHash": BCRYPT, "email": " ann@example.com " });
    assert_eq!(import(&app, &format!("{bob}\n{ann}")).await.expect(200).body, counts(0, 2));
    assert_eq!(named(&app, "ann@example.com").await.unwrap(), made);
    let uuid = app.wizard().await;
    let password = json!({ "uuid": uuid, "email": "bob", "password": crate::harness::PASSWORD });
    assert_eq!(app.post("/api/v2/my/signin", password).await.expect(200).workflow(), "2fa_google_auth");
    app.code("google", &uuid, &app.totp(KEY)).await.expect(202);
    // A person who has changed meanwhile is still that line's.
    assert_eq!(import(&app, &bob.to_string()).await.expect(200).body, counts(0, 1));
}

async fn a_name_that_another_has_is_no_line_that_was_there(app: TestApp) {
    app.person("ann").await;
    let lines = [
        json!({ "email": "ANN@example.com" }),
        json!({ "email": "bob@example.com", "username": "bob" }),
        json!({ "email": "bob@example.com", "username": "bob", "locale": "cs" }),
        json!({ "email": "cid@example.com", "username": "BOB" }),
    ];
    import(&app, &lines[1].to_string()).await.expect(200);
    let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let answer = import(&app, &body).await.expect(200);
    assert_eq!((&answer.body["created"], &answer.body["alreadyThere"]), (&json!(0), &json!(1)));
    let refused: Vec<(u64, Vec<&String>)> = answer.body["refused"]
        .as_array()
        .unwrap()
        .iter()
        .map(|refused| (refused["line"].as_u64().unwrap(), refused["errors"].as_object().unwrap().keys().collect()))
        .collect();
    let (email, username) = ("email".to_owned(), "username".to_owned());
    assert_eq!(refused, [(1, vec![&email]), (3, vec![&email]), (4, vec![&username])]);
    assert_eq!(named(&app, "cid@example.com").await, None);
}

/// What a kill between the two writes leaves is finished by the next run, once.
async fn a_line_that_was_cut_off_between_its_writes_is_finished(app: TestApp) {
    let line = json!({ "email": "ann@example.com", "passwordHash": BCRYPT, "totpSecret": KEY }).to_string();
    import(&app, &line).await.expect(200);
    let whole = named(&app, "ann@example.com").await.unwrap();
    let names = whole.login_names(&app.engine.policy.names);
    assert!(app.engine.store.delete_account(whole.id, &names).await.unwrap());
    let begun = Account { revision: 0, password_hash: None, factors: Default::default(), ..whole.clone() };
    let begun = app.engine.store.create_account(begun, &names).await.unwrap().unwrap();
    assert_ne!(begun.id, whole.id);
    assert_eq!(import(&app, &line).await.expect(200).body, counts(0, 1));
    let finished = named(&app, "ann@example.com").await.unwrap();
    assert_eq!((finished.id, finished.password_hash.as_deref()), (begun.id, Some(BCRYPT)));
    let uuid = app.wizard().await;
    let password = json!({ "uuid": uuid, "email": "ann@example.com", "password": crate::harness::PASSWORD });
    assert_eq!(app.post("/api/v2/my/signin", password).await.expect(200).workflow(), "2fa_google_auth");
    app.code("google", &uuid, &app.totp(KEY)).await.expect(202);
    // Turned off since, by whoever may: importing again does not turn it on.
    let mut off = named(&app, "ann@example.com").await.unwrap();
    off.factors.google = None;
    off.changed(off.updated_at);
    assert!(app.engine.store.replace_account(&off, &names, &names).await.unwrap().unwrap());
    assert_eq!(import(&app, &line).await.expect(200).body, counts(0, 1));
    assert_eq!(named(&app, "ann@example.com").await.unwrap(), off);
}

async fn of_two_that_import_the_same_at_once_one_creates(app: TestApp) {
    let line = |number: usize| {
        let text = json!({ "email": format!("p{number}@example.com"), "passwordHash": BCRYPT, "totpSecret": KEY });
        Line::of_json(&text.to_string(), &app.engine.policy).unwrap()
    };
    for number in 0..10 {
        let racers = (0..4).map(|_| app.engine.import(line(number), Order::Create));
        let ends = futures_util::future::join_all(racers).await;
        let ends: Vec<Imported> = ends.into_iter().map(Result::unwrap).collect();
        assert_eq!(ends.iter().filter(|end| **end == Imported::Created).count(), 1, "{ends:?}");
        let account = named(&app, &format!("p{number}@example.com")).await.unwrap();
        assert!(account.factors.google.is_some() && account.password_hash.as_deref() == Some(BCRYPT), "{account:?}");
    }
    let accounts = app.engine.accounts(None, 100).await.unwrap();
    assert_eq!(accounts.iter().filter(|account| account.imported.is_some()).count(), 10);
}

/// Nobody can ever sign in past an authenticator that is still on its way: the password comes with it, not before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_is_cut_off_anywhere_can_be_sent_again() {
    let proxy = Proxy::before(single().port);
    let sound = Setup::on(Backend::Redis).start().await;
    let behind = sound.setup().clone().with("STEPGATE_STORE", &proxy.url()).with("STEPGATE_REDIS__TIMEOUT", "500ms");
    let cut = behind.with("STEPGATE_HTTP__WORKERS", "1").start().await;
    for points in 0.. {
        let email = format!("person{points}@example.com");
        let line = json!({ "email": email, "passwordHash": BCRYPT, "totpSecret": KEY }).to_string();
        cut.call("GET", "/admin/v1/accounts").bearer(ADMIN_KEY).send().await.expect(200);
        proxy.cut_after(points);
        let answer = import(&cut, &line).await;
        proxy.clear();
        if answer.status == 200 {
            assert!(points >= 5, "only {points} requests were cut off");
            break;
        }
        answer.refused(503, "unavailable");
        let half = named(&sound, &email).await;
        let safe = half.is_none_or(|half| half.password_hash.is_none() || half.factors.google.is_some());
        assert!(safe, "after {points} requests");
        // What a cut-off creation holds is free again after ten seconds.
        sound.clock.advance(11);
        let again = import(&sound, &line).await.expect(200);
        assert_eq!(again.body["refused"], json!([]), "after {points} requests");
        let whole = named(&sound, &email).await.unwrap();
        assert!(whole.password_hash.is_some() && whole.factors.google.is_some(), "after {points} requests");
    }
}

/// X37: the guards are `LARGEST` and `MOST` of the import.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_of_another_kind_or_size_is_refused_and_makes_nothing() {
    let app = Setup::on(Backend::Embedded).start().await;
    let line = "{\"email\":\"ann@example.com\"}\n";
    let post = |kind: &'static str, body: String| {
        app.call("POST", "/admin/v1/accounts/import").bearer(ADMIN_KEY).text(kind, body).send()
    };
    for kind in ["application/json", "text/plain", "text/csv", ""] {
        post(kind, line.to_owned()).await.refused(415, "unsupported_media_type");
    }
    let kind = "application/x-ndjson; charset=utf-8";
    post(kind, line.repeat(1_001)).await.refused(413, "body_too_large");
    post(kind, format!("{line}{}", " ".repeat(1024 * 1024))).await.refused(413, "body_too_large");
    for empty in ["", "\n \n"] {
        post(kind, empty.to_owned()).await.refused(400, "malformed_body");
    }
    app.call("POST", "/admin/v1/accounts/import").text(kind, line).send().await.refused(401, "unauthorized");
    assert_eq!(named(&app, "ann@example.com").await, None);
    assert_eq!(post(kind, line.repeat(1_000)).await.expect(200).body, counts(1, 999));
}
