//! The help desk: seeing, resetting and unlocking an account, and ending its sessions.

use serde_json::{Value, json};
use stepgate::engine::ports::{AccountWrite, RequestId, Verdict};
use stepgate::identity::{AccountId, Device, Factor, RecoveryCode, RecoveryCodes};

use crate::accounts::admin;
use crate::harness::{Answer, PASSWORD, Person, TestApp};

on_every_store!(
    a_reset_takes_the_factor_off_and_ends_every_session,
    the_owner_of_a_reset_account_is_told,
    a_reset_is_a_line_of_the_log_and_an_event,
    all_is_taken_off_at_once,
    what_is_not_on_cannot_be_reset,
    a_locked_account_is_seen_reset_and_unlocked,
    codes_and_devices_are_counted_and_go,
    an_authenticator_that_was_reset_is_enrolled_anew,
    sessions_are_listed_and_ended_by_the_operator,
    a_new_password_is_told_to_the_owner,
    a_new_address_takes_the_email_factor_with_it,
    an_address_in_another_spelling_is_the_same,
);

fn of(person: &Person, rest: &str) -> String {
    format!("/accounts/{}{rest}", person.id)
}

async fn reset(app: &TestApp, person: &Person, what: &str) -> Answer {
    admin(app, "DELETE", &of(person, &format!("/factors/{what}")), None).await
}

async fn seen(app: &TestApp, person: &Person) -> Value {
    admin(app, "GET", &of(person, ""), None).await.expect(200).body
}

/// Letters to this address that bring no code.
pub async fn notices(app: &TestApp, to: &str) -> usize {
    app.engine.errands.idle().await;
    app.outbox(to).await.iter().filter(|letter| letter["code"].is_null()).count()
}

/// What the operator did to the account, oldest first: the type, and the method if it has one.
pub async fn doings(app: &TestApp, id: u64) -> Vec<String> {
    app.engine.errands.idle().await;
    let listed = admin(app, "GET", &format!("/events?order=asc&account={id}&limit=100"), None).await.expect(200);
    let by_operator = listed.body["data"].as_array().unwrap().iter().filter(|event| event["actor"] == "operator");
    let word = |event: &Value| match event["method"].as_str() {
        Some(method) => format!("{} {method}", event["type"].as_str().unwrap()),
        None => event["type"].as_str().unwrap().to_owned(),
    };
    by_operator.map(word).collect()
}

async fn is_signed_in(app: &TestApp, token: &str) -> bool {
    app.call("GET", "/api/v2/my/2fa").bearer(token).send().await.status == 200
}

/// An account with all three factors, and a session of it.
async fn guarded(app: &TestApp) -> (Person, String) {
    let mut person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    app.enable_sms(&token, &person).await;
    app.enable_email(&token, &person).await;
    app.enable_google(&token, &mut person).await;
    (person, token)
}

/// Recovery codes and a device, as the account gets them when it turns on its first factor and signs in with it.
async fn with_codes_and_a_device(app: &TestApp, person: &Person) {
    let (engine, now) = (&app.engine, app.engine.clock.now());
    let mut account = engine.store.account(AccountId(person.id)).await.unwrap().unwrap();
    let codes: Vec<RecoveryCode> = (0..3).map(|byte| RecoveryCode::from_random([byte * 50; 7])).collect();
    account.recovery = Some(RecoveryCodes::of(&codes, &engine.keys, account.id, now));
    let device = |series: &str, days| Device {
        series: series.to_owned(),
        counter: 0,
        created_at: now,
        used_at: now,
        expires_at: now + chrono::TimeDelta::days(days),
        name: None,
    };
    account.devices = vec![device("living", 30), device("gone", 0)];
    account.changed(now);
    let (id, revision) = (account.id, account.revision - 1);
    let write = AccountWrite { account: Some(account), ..AccountWrite::default() };
    let request = RequestId("arranged".to_owned());
    assert_eq!(engine.store.write_account(&request, id, revision, &write, now).await.unwrap(), Verdict::Accepted);
}

/// A16: watches `EndSessions::All` in `take_off`.
async fn a_reset_takes_the_factor_off_and_ends_every_session(app: TestApp) {
    let mut person = app.person("ann").await;
    let (first, token) = (app.past_password(&person).await.1.expect(202), app.sign_in(&person).await);
    app.enable_google(&token, &mut person).await;
    let (waiting, _) = app.past_password(&person).await;
    assert!(is_signed_in(&app, &token).await);
    assert_eq!(reset(&app, &person, "google").await.expect(204).text, "");
    assert!(!is_signed_in(&app, &token).await);
    assert!(!is_signed_in(&app, first.str("/data/accessToken/token")).await);
    let refresh = json!({ "refreshToken": first.str("/data/refreshToken/token") });
    app.post("/api/v2/my/refresh", refresh).await.refused(401, "unauthorized");
    assert_eq!(seen(&app, &person).await["factors"], json!([]));
    // The password alone is enough again; whoever was on the way in with the old factor is not let in by its code.
    app.code("google", &waiting, &app.totp(person.key.as_ref().unwrap())).await;
    let uuid = app.wizard().await;
    app.password(&uuid, &person, PASSWORD).await.expect(202);
}

/// A23: watches `tell_owner` in `take_off`.
async fn the_owner_of_a_reset_account_is_told(app: TestApp) {
    let (person, _) = guarded(&app).await;
    let before = notices(&app, &person.email).await;
    reset(&app, &person, "sms").await.expect(204);
    assert_eq!(notices(&app, &person.email).await, before + 1);
    reset(&app, &person, "all").await.expect(204);
    assert_eq!(notices(&app, &person.email).await, before + 3, "one for each factor");
    reset(&app, &person, "all").await.refused(422, "method_not_enabled");
    assert_eq!(notices(&app, &person.email).await, before + 3);
}

async fn a_reset_is_a_line_of_the_log_and_an_event(app: TestApp) {
    let (person, _) = guarded(&app).await;
    app.clock.advance(60);
    reset(&app, &person, "sms").await.expect(204);
    app.engine.errands.idle().await;
    let path = format!("/events?account={}&type=factor_disabled", person.id);
    let event = admin(&app, "GET", &path, None).await.expect(200).body["data"][0].clone();
    assert_eq!((&event["method"], &event["actor"]), (&json!("sms"), &json!("operator")));
    assert_eq!((&event["address"], event["requestId"].is_string()), (&json!("127.0.0.1"), true));
    reset(&app, &person, "all").await.expect(204);
    let expected = ["account_created", "factor_disabled sms", "factor_disabled google", "factor_disabled email"];
    assert_eq!(doings(&app, person.id).await, expected);
    let token = app.sign_in(&person).await;
    let log = app.call("GET", "/api/v2/my/2fa/changes?sort_order=asc").bearer(&token).send().await.expect(200);
    let line = |id: u64, provider: &str, on: bool| (json!(id), json!(provider), json!(on));
    let lines = log.body["data"].as_array().unwrap().iter();
    let lines: Vec<_> =
        lines.map(|line| (line["id"].clone(), line["provider"].clone(), line["isEnabled"].clone())).collect();
    let expected = [
        line(1, "sms", true),
        line(2, "email", true),
        line(3, "google", true),
        line(4, "sms", false),
        line(5, "google", false),
        line(6, "email", false),
    ];
    assert_eq!(lines, expected);
}

async fn all_is_taken_off_at_once(app: TestApp) {
    let (person, token) = guarded(&app).await;
    with_codes_and_a_device(&app, &person).await;
    reset(&app, &person, "all").await.expect(204);
    let account = seen(&app, &person).await;
    assert_eq!((&account["factors"], &account["recoveryCodesLeft"]), (&json!([]), &json!(0)));
    assert!(!is_signed_in(&app, &token).await);
    let expected =
        ["factor_disabled recovery", "factor_disabled google", "factor_disabled sms", "factor_disabled email"];
    assert_eq!(doings(&app, person.id).await[1..], expected);
}

async fn what_is_not_on_cannot_be_reset(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    app.enable_email(&token, &person).await;
    for what in ["google", "sms", "recovery"] {
        reset(&app, &person, what).await.refused(422, "method_not_enabled");
    }
    for what in ["Google", "phone", "all,sms", "%20"] {
        let refused = reset(&app, &person, what).await.refused(400, "invalid_request");
        assert!(refused.body["errors"]["type"].is_array(), "{}", refused.text);
    }
    assert!(is_signed_in(&app, &token).await, "nothing was touched");
    assert_eq!(doings(&app, person.id).await, ["account_created"]);
    for unknown in ["999999", "0", "-1", "ann"] {
        for (method, rest) in [
            ("DELETE", "/factors/google"),
            ("DELETE", "/factors/all"),
            ("DELETE", "/lock"),
            ("GET", "/sessions"),
            ("DELETE", "/sessions"),
            ("DELETE", "/sessions/AAAAAAAAAAAAAAAAAAAAAA"),
        ] {
            admin(&app, method, &format!("/accounts/{unknown}{rest}"), None).await.refused(404, "not_found");
        }
    }
}

/// A16: watches that a block does not stand in the way of a reset.
async fn a_locked_account_is_seen_reset_and_unlocked(app: TestApp) {
    let mut person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    app.enable_google(&token, &mut person).await;
    let other = app.person_with_google("bob").await;
    for person in [&person, &other] {
        for _ in 0..2 {
            let (uuid, _) = app.past_password(person).await;
            for _ in 0..5 {
                app.code("google", &uuid, "000000").await;
            }
        }
    }
    let until = |account: &Value| account["lockedUntil"].clone();
    let locked = until(&seen(&app, &person).await);
    // A quarter of an hour from the tenth failure, a minute after the first factor was turned on.
    assert_eq!(locked, json!({ "password": null, "code": "2026-01-15T12:16:05+00:00" }));
    reset(&app, &person, "google").await.expect(204);
    assert!(!is_signed_in(&app, &token).await);
    assert_eq!(until(&seen(&app, &person).await), locked, "a reset lifts no block");
    admin(&app, "DELETE", &of(&person, "/lock"), None).await.expect(204);
    assert_eq!(until(&seen(&app, &person).await), json!({ "password": null, "code": null }));
    assert!(until(&seen(&app, &other).await)["code"].is_string(), "another's block stays");
    admin(&app, "DELETE", &of(&other, "/lock"), None).await.expect(204);
    let (uuid, _) = app.past_password(&other).await;
    app.code("google", &uuid, &app.totp(other.key.as_ref().unwrap())).await.expect(202);
    assert_eq!(doings(&app, person.id).await[1..], ["factor_disabled google", "unlocked"]);
    assert_eq!(doings(&app, other.id).await[1..], ["unlocked"]);
}

/// A16: watches that remembered devices go with a factor, and the codes only when they are meant.
async fn codes_and_devices_are_counted_and_go(app: TestApp) {
    let (person, _) = guarded(&app).await;
    with_codes_and_a_device(&app, &person).await;
    let counts = |account: &Value| (account["recoveryCodesLeft"].clone(), account["devices"].clone());
    assert_eq!(counts(&seen(&app, &person).await), (json!(3), json!(1)));
    reset(&app, &person, "sms").await.expect(204);
    assert_eq!(counts(&seen(&app, &person).await), (json!(3), json!(0)));
    with_codes_and_a_device(&app, &person).await;
    let uuid = app.past_password(&person).await.0;
    app.post("/api/v2/my/signin/2fa", json!({ "uuid": uuid, "type": "google" })).await.expect(200);
    let done = app.code("google", &uuid, &app.totp(person.key.as_ref().unwrap())).await.expect(202);
    reset(&app, &person, "recovery").await.expect(204);
    assert_eq!(counts(&seen(&app, &person).await), (json!(0), json!(0)));
    assert!(!is_signed_in(&app, done.str("/data/accessToken/token")).await);
    assert_eq!(seen(&app, &person).await["factors"], json!(["google", "email"]));
}

async fn an_authenticator_that_was_reset_is_enrolled_anew(app: TestApp) {
    let mut person = app.person_with_google("ann").await;
    let before = person.key.clone();
    reset(&app, &person, "google").await.expect(204);
    let account = app.engine.store.account(AccountId(person.id)).await.unwrap().unwrap();
    assert!(!account.has(Factor::Google), "its sealed secret is gone");
    let token = app.sign_in(&person).await;
    app.enable_google(&token, &mut person).await;
    assert_ne!(person.key, before);
    let (uuid, _) = app.past_password(&person).await;
    app.code("google", &uuid, &app.totp(before.as_ref().unwrap())).await.refused(422, "invalid_code");
    app.code("google", &uuid, &app.totp(person.key.as_ref().unwrap())).await.expect(202);
}

/// A16: watches the operator's hand on sessions.
async fn sessions_are_listed_and_ended_by_the_operator(app: TestApp) {
    let (person, other) = (app.person("ann").await, app.person("bob").await);
    let theirs = app.sign_in(&other).await;
    let mut tokens = Vec::new();
    for _ in 0..3 {
        tokens.push(app.sign_in(&person).await);
        app.clock.advance(1);
    }
    let listed = admin(&app, "GET", &of(&person, "/sessions"), None).await.expect(200);
    let data = listed.body["data"].as_array().unwrap();
    assert_eq!((data.len(), &data[1]["createdAt"]), (3, &json!("2026-01-15T12:00:06+00:00")));
    let id = |place: usize| data[place]["id"].as_str().unwrap();
    for (whose, session, status) in
        [(&other, id(1), 404), (&person, "x", 404), (&person, id(1), 204), (&person, id(1), 404)]
    {
        let ended = admin(&app, "DELETE", &of(whose, &format!("/sessions/{session}")), None).await;
        ended.expect(status);
    }
    let mut living = Vec::new();
    for token in &tokens {
        living.push(is_signed_in(&app, token).await);
    }
    assert_eq!(living, [true, false, true]);
    for _ in 0..2 {
        admin(&app, "DELETE", &of(&person, "/sessions"), None).await.expect(204);
    }
    assert!(!is_signed_in(&app, &tokens[0]).await && !is_signed_in(&app, &tokens[2]).await);
    assert!(is_signed_in(&app, &theirs).await);
    assert_eq!(admin(&app, "GET", &of(&person, "/sessions"), None).await.expect(200).body, json!({ "data": [] }));
    assert_eq!(doings(&app, person.id).await[1..], ["session_ended", "session_ended"]);
    let path = format!("/events?account={}&type=session_ended&order=asc", person.id);
    let ended = admin(&app, "GET", &path, None).await.expect(200).body["data"].clone();
    assert_eq!((ended[0]["session"].as_str(), &ended[1]["details"]), (Some(id(1)), &json!({ "sessions": "2" })));
}

/// A23: watches `Notice::PasswordSet` in `tell_of_patch`.
async fn a_new_password_is_told_to_the_owner(app: TestApp) {
    let (person, _) = guarded(&app).await;
    with_codes_and_a_device(&app, &person).await;
    let before = notices(&app, &person.email).await;
    let patch = json!({ "password": "another battery staple", "locale": "cs" });
    admin(&app, "PATCH", &of(&person, ""), Some(patch)).await.expect(200);
    assert_eq!(notices(&app, &person.email).await, before + 1);
    assert_eq!(seen(&app, &person).await["devices"], json!(0), "no device stands in after a new password");
    assert_eq!(doings(&app, person.id).await[1..], ["password_changed", "account_changed"]);
    admin(&app, "PATCH", &of(&person, ""), Some(json!({ "locale": "en" }))).await.expect(200);
    assert_eq!(notices(&app, &person.email).await, before + 1);
    assert_eq!(doings(&app, person.id).await[3..], ["account_changed"]);
}

/// A16, A23: watches `has_moved` and `follow_up`.
async fn a_new_address_takes_the_email_factor_with_it(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    app.enable_sms(&token, &person).await;
    let before = notices(&app, &person.email).await;
    let path = of(&person, "");
    let patch = |email: &str| admin(&app, "PATCH", &path, Some(json!({ "email": email })));
    patch("beth@example.com").await.expect(200);
    assert!(is_signed_in(&app, &token).await, "no factor went with it");
    assert_eq!(notices(&app, &person.email).await, before + 1);
    assert_eq!(notices(&app, "beth@example.com").await, 1);
    let moved = Person { email: "beth@example.com".to_owned(), ..person.clone() };
    app.enable_email(&token, &moved).await;
    let before = notices(&app, &moved.email).await;
    let changed = patch("cleo@example.com").await.expect(200);
    assert_eq!(changed.body["factors"], json!(["sms"]));
    assert!(!is_signed_in(&app, &token).await);
    assert_eq!(notices(&app, &moved.email).await, before + 2, "the address, and the factor");
    assert_eq!(notices(&app, "cleo@example.com").await, 1);
    let expected = ["account_created", "account_changed", "factor_disabled email", "account_changed"];
    assert_eq!(doings(&app, person.id).await, expected);
    let last = app.engine.store.changes(AccountId(person.id)).await.unwrap().pop().unwrap();
    assert_eq!((last.provider, last.is_enabled), (Factor::Email, false));
    // An address that another account has moves nothing.
    app.person("dora").await;
    patch("dora@example.com").await.refused(409, "already_taken");
    assert_eq!(notices(&app, "cleo@example.com").await, 1);
}

async fn an_address_in_another_spelling_is_the_same(app: TestApp) {
    let person = app.person_with_email("ann").await;
    let before = notices(&app, &person.email).await;
    let patched = admin(&app, "PATCH", &of(&person, ""), Some(json!({ "email": "ANN@example.com" }))).await;
    assert_eq!(patched.expect(200).body["factors"], json!(["email"]));
    assert_eq!(notices(&app, &person.email).await, before);
}
