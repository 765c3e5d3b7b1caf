//! What holds while the copy of an account by name is behind, while others write the same account, and after it is gone.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::accounts::admin;
use crate::desk::{doings, notices};
use crate::doors::Door;
use crate::harness::{Answer, Backend, Setup, TestApp};
use crate::redis::Server;
use crate::surfaces::through::{Mfao, Navixy};

on_every_store!(
    what_was_deleted_does_not_come_on,
    what_was_replaced_does_not_come_on,
    orders_that_meet_do_not_end_a_session,
);

/// Races are run that often: before they were mended, one in four was lost or more.
const ROUNDS: usize = 20;

fn about(name: &str) -> Value {
    json!({ "username": name })
}

fn with(name: &str, otp: &str) -> Value {
    json!({ "username": name, "otp": otp })
}

/// The secret that an image leads to.
fn key(enrolled: &Answer) -> String {
    let address = url::Url::parse(enrolled.str("otpauthUrl")).unwrap();
    address.query_pairs().find(|(name, _)| name == "secret").unwrap().1.into_owned()
}

/// An account whose authenticator waits for its first right code, and that code.
async fn waiting(app: &TestApp, mfao: &Mfao, round: usize) -> (String, String) {
    let email = format!("ann{round}@example.com");
    app.account(json!({ "email": email })).await;
    let enrolled = mfao.call(app, "enrollment", about(&email)).await.expect(200);
    let code = app.totp(&key(&enrolled));
    (email, code)
}

async fn factors(app: &TestApp, email: &str) -> Value {
    app.account_at(email).await["factors"].clone()
}

/// A deletion and the first right code at once: whichever is first, the authenticator is off in the end.
async fn what_was_deleted_does_not_come_on(app: TestApp) {
    let mfao = Mfao::registered(&app).await;
    for round in 0..ROUNDS {
        let (email, code) = waiting(&app, &mfao, round).await;
        let verify = mfao.call(&app, "verify", with(&email, &code));
        let (verified, deleted) = tokio::join!(verify, mfao.call(&app, "delete", about(&email)));
        let (verified, deleted) = (verified.expect(200), deleted.expect(200));
        assert_eq!(factors(&app, &email).await, json!([]), "{} {}", verified.text, deleted.text);
    }
}

/// A further enrolment and the first right code of the one before: only one of them holds.
async fn what_was_replaced_does_not_come_on(app: TestApp) {
    let mfao = Mfao::registered(&app).await;
    for round in 0..ROUNDS {
        let (email, code) = waiting(&app, &mfao, round).await;
        let verify = mfao.call(&app, "verify", with(&email, &code));
        let (verified, enrolled) = tokio::join!(verify, mfao.call(&app, "enrollment", about(&email)));
        let is_on = verified.expect(200).body["valid"] == json!(true);
        if is_on {
            enrolled.refused(409, "method_already_enabled");
        } else {
            let code = app.totp(&key(&enrolled.expect(200)));
            let verified = mfao.call(&app, "verify", with(&email, &code)).await.expect(200);
            assert_eq!(verified.body["valid"], json!(true), "{}", verified.text);
        }
    }
}

/// Two dozen orders to one account at once: each is given, or is to be given again; nobody is sent to sign in anew.
async fn orders_that_meet_do_not_end_a_session(app: TestApp) {
    let panel = Navixy::operated_by(&app, "operator").await;
    let person = app.person("ann").await;
    let order = json!({
        "target": { "type": "selected", "ids": [person.id] },
        "settings": { "type": "allowed", "factor_types": ["email"] },
    });
    let given = join_all((0..24).map(|_| panel.call(&app, "user/mfa/settings/update", &order))).await;
    for answer in given {
        let code = answer.body["status"]["code"].clone();
        match answer.status {
            200 => {}
            503 => assert_eq!((code, answer.header("retry-after")), (json!(14), Some("1")), "{}", answer.text),
            _ => panic!("{} {}", answer.status, answer.text),
        }
    }
    panel.call(&app, "user/mfa/settings/update", &order).await.expect(200);
}

/// The copies of accounts by name, on a server that nothing else is on.
struct Copies<'a> {
    server: &'a Server,
    kept: Vec<(String, String)>,
}

impl<'a> Copies<'a> {
    fn of(server: &'a Server) -> Self {
        let names: Vec<String> = server.ask(&["KEYS", "*:n:*}"]);
        assert!(!names.is_empty());
        let kept = names.into_iter().map(|name| (name.clone(), server.ask(&["GET", &name]))).collect();
        Copies { server, kept }
    }

    /// Leaves them as they were: behind whatever was written since.
    fn restore(&self) {
        for (name, copy) in &self.kept {
            self.server.ask::<()>(&["SET", name, copy]);
        }
    }

    /// Makes them such that they can be neither read nor written.
    fn break_all(&self) {
        for (name, _) in &self.kept {
            self.server.ask::<()>(&["DEL", name]);
            self.server.ask::<()>(&["RPUSH", name, "no text"]);
        }
    }
}

async fn over(server: &Server) -> TestApp {
    Setup::on(Backend::Redis).with("STEPGATE_STORE", &server.url()).start().await
}

/// What is right is right at once, also by a name whose copy still knows the password and the secret of before; and
/// what is wrong counts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_behind_turns_nobody_away() {
    let server = Server::start(&["--save", ""]);
    let app = over(&server).await;
    let mfao = Mfao::registered(&app).await;
    let mut person = app.person("ann").await;
    let without = Copies::of(&server);
    let token = app.sign_in(&person).await;
    app.enable_google(&token, &mut person).await;
    app.clock.advance(30);

    without.restore();
    let verified = mfao.call(&app, "verify", with(&person.email, &app.totp(person.key()))).await.expect(200);
    assert_eq!(verified.body["valid"], json!(true), "{}", verified.text);
    without.restore();
    let wrong = mfao.call(&app, "verify", with(&person.email, &app.wrong_totp(person.key()))).await.expect(200);
    assert_eq!((&wrong.body["valid"], &wrong.body["attemptsLeft"]), (&json!(false), &json!(9)), "{}", wrong.text);

    let with_old_password = Copies::of(&server);
    app.clock.advance(30);
    let (uuid, _) = app.past_password(&person).await;
    let token = app.code("google", &uuid, &app.totp(person.key())).await.expect(202);
    let token = token.str("/data/accessToken/token").to_owned();
    app.clock.advance(30);
    let new = "another password altogether";
    let success = app.confirmed_by(&token, async |app| app.totp(person.key())).await;
    let body = json!({ "successToken": success, "password": new, "passwordConfirmation": new });
    app.call("PUT", "/api/v2/my/password").bearer(&token).json(&body).send().await.expect(204);
    for door in Door::ALL {
        with_old_password.restore();
        let asked = door.password(&app, &person.email, new).await;
        assert!(asked.text.contains("google"), "{door:?}: {} {}", asked.status, asked.text);
    }

    without.restore();
    mfao.call(&app, "delete", about(&person.email)).await.expect(200);
    assert_eq!(factors(&app, &person.email).await, json!([]));
}

/// A factor is off, and its owner hears of it, though the copies could not be written; nobody is told that it failed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_cannot_be_written_keeps_nothing_from_being_told() {
    let server = Server::start(&["--save", ""]);
    let app = over(&server).await;
    let person = app.person_with_google("ann").await;
    let (letters, copies) = (notices(&app, &person.email).await, Copies::of(&server));
    copies.break_all();
    let path = format!("/accounts/{}/factors/google", person.id);
    let taken_off = admin(&app, "DELETE", &path, None).await;
    assert!((200..300).contains(&taken_off.status), "{} {}", taken_off.status, taken_off.text);
    assert_eq!(doings(&app, person.id).await.last().unwrap(), "factor_disabled google");
    assert_eq!(notices(&app, &person.email).await, letters + 1);
}

/// A crash in the middle of a deletion leaves a name that leads nowhere: it is answered like one that nobody ever had.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_whose_account_is_gone_is_nobodys() {
    let server = Server::start(&["--save", ""]);
    let app = over(&server).await;
    let mfao = Mfao::registered(&app).await;
    let person = app.person("ann").await;
    let keys: Vec<String> = server.ask(&["KEYS", &format!("*:a:{}}}", person.id)]);
    assert_eq!(keys.len(), 1, "{keys:?}");
    server.ask::<()>(&["DEL", &keys[0]]);
    for (call, told) in [("verify", "valid"), ("enrollment", "qrcode"), ("delete", "deleted")] {
        let [gone, nobody] = [person.email.as_str(), "nobody@example.com"].map(|name| match call {
            "verify" => with(name, "123456"),
            _ => about(name),
        });
        let gone = mfao.call(&app, call, gone).await.expect(200);
        let nobody = mfao.call(&app, call, nobody).await.expect(200);
        assert!(!gone.body[told].is_null(), "{}", gone.text);
        let members = |answer: &Answer| answer.body.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(members(&gone), members(&nobody));
        assert_eq!(gone.body["valid"], nobody.body["valid"]);
    }
}
