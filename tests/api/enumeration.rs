//! That nobody can learn from a sign-in whether an account exists.

use serde_json::{Value, json};

use crate::harness::{ADMIN_KEY, Answer, Backend, PASSWORD, Setup, TestApp};

on_every_store_and_with_a_directory!(
    a_known_name_is_answered_like_an_unknown_one,
    a_malformed_sign_in_is_answered_alike,
    a_blocked_address_learns_nothing,
);

/// A server with other settings, on a fresh store of the same kind.
pub async fn with(app: TestApp, settings: &[(&str, &str)]) -> TestApp {
    let backend = match app.engine.store.health().await.unwrap().backend {
        "embedded" => Backend::Embedded,
        "redis" => Backend::Redis,
        _ => Backend::Cluster,
    };
    let setup = match app.directory() {
        Some(_) => Setup::on(backend).with_directory(),
        None => Setup::on(backend),
    };
    settings.iter().fold(setup, |setup, (name, value)| setup.with(name, value)).start().await
}

/// Status, headers and body of an answer, without what differs between any two answers.
pub type Shape = (u16, Vec<(String, String)>, String);

pub fn shape(answer: &Answer) -> Shape {
    shape_of(answer, &[])
}

/// The same, with what differs between two requests replaced. The order of headers, and of what a header lists, is
/// the server's hash tables' and differs between its threads.
pub fn shape_of(answer: &Answer, replaced: &[(&str, &str)]) -> Shape {
    let sorted = |value: &str| {
        let mut parts: Vec<&str> = value.split(", ").collect();
        parts.sort_unstable();
        parts.join(", ")
    };
    let headers = answer.headers.iter().filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()));
    let headers = headers.map(|(name, value)| (name.to_string(), sorted(value.to_str().unwrap())));
    let mut headers: Vec<(String, String)> = headers.collect();
    headers.sort_unstable();
    let text = replaced.iter().fold(answer.text.clone(), |text, (from, to)| text.replace(from, to));
    (answer.status, headers, text)
}

/// What is seen of a call from outside, and the work that it takes inside: store round trips, and password hashes or
/// questions to the directory.
#[derive(Debug, PartialEq)]
struct Seen {
    answer: Shape,
    round_trips: u64,
    hashes: u64,
}

const SIGN_IN: &str = "/api/v2/my/signin";

async fn watched(app: &TestApp, uuid: &str, call: crate::harness::Request<'_>) -> Seen {
    let asked = || app.directory().map_or(0, |directory| directory.questions().len() as u64);
    let before = (app.engine.store.round_trips(), app.engine.passwords.computed() + asked());
    let answer = call.send().await;
    let after = (app.engine.store.round_trips(), app.engine.passwords.computed() + asked());
    let until = answer.body["expiresAt"].as_str().unwrap_or("never").to_owned();
    Seen {
        answer: shape_of(&answer, &[(uuid, "UUID"), (&until, "UNTIL")]),
        round_trips: after.0 - before.0,
        hashes: after.1 - before.1,
    }
}

/// One sign-in after another under this name, up to the lock, through it, and into the next one.
async fn course(app: &TestApp, name: &str) -> Vec<Seen> {
    let mut seen = Vec::new();
    // Time has passed: the server looks after its keys first.
    app.get("/api/v2/my/wizard/00000000-0000-4000-8000-000000000000").await.refused(404, "wizard_not_found");
    for round in 0..2 {
        let uuid = app.wizard().await;
        let body = json!({ "uuid": uuid, "email": name, "password": "not the password" });
        for guess in 0..6 {
            // Every second one asks for another language and for a kept answer.
            let mut call = app.call("POST", SIGN_IN).json(&body);
            if guess % 2 == 1 {
                call = call.header("Accept-Language", "cs").header("Idempotency-Key", &format!("{round}-{guess}"));
            }
            seen.push(watched(app, &uuid, call).await);
        }
        let empty = json!({ "uuid": uuid, "email": name, "password": "" });
        seen.push(watched(app, &uuid, app.call("POST", SIGN_IN).json(&empty)).await);
        seen.push(watched(app, &uuid, app.call("GET", &format!("/api/v2/my/wizard/{uuid}"))).await);
        let choose = json!({ "uuid": uuid, "type": "sms" });
        seen.push(watched(app, &uuid, app.call("POST", "/api/v2/my/signin/2fa").json(&choose)).await);
        let code = json!({ "uuid": uuid, "code": "123456" });
        seen.push(watched(app, &uuid, app.call("POST", "/api/v2/my/2fa/google").json(&code)).await);
        seen.push(watched(app, &uuid, app.call("DELETE", &format!("/api/v2/my/wizard/{uuid}"))).await);
        // Past the first block; the next one is twice as long.
        app.clock.advance(if round == 0 { 601 } else { 1_201 });
    }
    seen
}

/// Every kind of account: with and without factors, without a password, by its user name, after a change.
pub async fn everybody(app: &TestApp) -> Vec<String> {
    let make = async |body: Value| app.account(body).await;
    let mut names = vec![
        app.person("plain").await.email,
        app.person_with_google("google").await.email,
        app.person_with_sms("texts").await.email,
        app.person_with_email("mails").await.email,
    ];
    make(json!({ "email": "no-password@example.com" })).await;
    names.push("no-password@example.com".to_owned());
    make(json!({ "email": "named@example.com", "username": "named", "password": PASSWORD, "locale": "ru" })).await;
    names.push("named".to_owned());
    let moved = make(json!({ "email": "moved-from@example.com", "password": PASSWORD })).await;
    let patch = json!({ "email": "moved-to@example.com" });
    let path = format!("/admin/v1/accounts/{moved}");
    app.call("PATCH", &path).bearer(ADMIN_KEY).json(&patch).send().await.expect(200);
    names.extend(["moved-from@example.com".to_owned(), "moved-to@example.com".to_owned()]);
    let deleted = make(json!({ "email": "deleted@example.com", "password": PASSWORD })).await;
    app.call("DELETE", &format!("/admin/v1/accounts/{deleted}")).bearer(ADMIN_KEY).send().await.expect(204);
    names.push("deleted@example.com".to_owned());
    names
}

/// A17: wrong passwords up to the lock, in it, and up to the next and longer one: same status, headers, body, password
/// hashes and store round trips for every kind of account and for a name that nobody has. Watches
/// `Subject::Name` and the hash that `Passwords::look` computes for nobody.
async fn a_known_name_is_answered_like_an_unknown_one(app: TestApp) {
    let app = with(app, &[("STEPGATE_LIMITS__ADDRESS__FAILURES", "1000")]).await;
    let names = everybody(&app).await;
    // Every course begins more than a minute after the one before: the key ring is read again.
    app.clock.advance(61);
    let expected = course(&app, "nobody@example.com").await;
    let statuses: Vec<u16> = expected.iter().map(|seen| seen.answer.0).take(11).collect();
    assert_eq!(statuses, [422, 422, 422, 422, 422, 429, 429, 200, 409, 409, 204]);
    // A hash is computed behind the lock too; a directory is not asked for nothing.
    assert_eq!((expected[0].hashes, expected[5].hashes), (1, u64::from(app.directory().is_none())));
    for name in names.iter().map(String::as_str).chain(["", "\u{202e}"]) {
        let seen = course(&app, name).await;
        for (place, (seen, expected)) in seen.iter().zip(&expected).enumerate() {
            assert_eq!(seen, expected, "{name:?}, call {place}");
        }
    }
}

/// A17: what cannot be read as a sign-in is answered without looking whose it is.
async fn a_malformed_sign_in_is_answered_alike(app: TestApp) {
    let names = everybody(&app).await;
    let bodies = |uuid: &str, name: &str| {
        vec![
            json!({ "uuid": uuid, "email": name }),
            json!({ "uuid": uuid, "email": name, "password": null }),
            json!({ "uuid": uuid, "email": name, "password": 1 }),
            json!({ "uuid": uuid, "email": [name], "password": PASSWORD }),
            json!({ "uuid": uuid, "email": name, "password": "x".repeat(1_025) }),
            json!({ "uuid": "none", "email": name, "password": PASSWORD }),
            json!({ "uuid": "00000000-0000-4000-8000-000000000000", "email": name, "password": PASSWORD }),
            json!({ "email": name, "password": PASSWORD }),
        ]
    };
    let uuid = app.wizard().await;
    let mut expected = Vec::new();
    for body in bodies(&uuid, "nobody@example.com") {
        let seen = watched(&app, &uuid, app.call("POST", SIGN_IN).json(&body)).await;
        assert!(seen.answer.0 == 400 || seen.answer.0 == 404, "{seen:?}");
        expected.push(seen);
    }
    for name in &names {
        for (body, expected) in bodies(&uuid, name).iter().zip(&expected) {
            let seen = watched(&app, &uuid, app.call("POST", SIGN_IN).json(body)).await;
            assert_eq!(&seen, expected, "{name}: {body}");
        }
    }
}

/// A17: a client address that has guessed too often is refused before anything is looked at, the right password of an
/// account included. Watches `Opened::address_blocked`.
async fn a_blocked_address_learns_nothing(app: TestApp) {
    let names = everybody(&app).await;
    let uuid = app.wizard().await;
    for guess in 0..5 {
        let body = json!({ "uuid": uuid, "email": format!("guess-{guess}@example.com"), "password": "x" });
        app.post(SIGN_IN, body).await.refused(422, "invalid_credentials");
    }
    let mut seen = Vec::new();
    for name in names.iter().map(String::as_str).chain(["nobody@example.com"]) {
        for password in [PASSWORD, "not the password"] {
            let body = json!({ "uuid": uuid, "email": name, "password": password });
            seen.push(watched(&app, &uuid, app.call("POST", SIGN_IN).json(&body)).await);
        }
    }
    assert_eq!((seen[0].answer.0, seen[0].hashes), (429, 0));
    for other in &seen {
        assert_eq!(other, &seen[0]);
    }
}
