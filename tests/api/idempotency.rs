//! `Idempotency-Key`: a client that never heard the answer may ask again, and nothing happens twice.

use serde_json::{Value, json};

use crate::harness::{Answer, Backend, PASSWORD, Person, Setup, TestApp};

on_every_store_and_with_a_directory!(
    a_repeated_password_gives_the_same_tokens,
    a_repeated_code_gives_the_same_tokens,
    a_repeated_choice_sends_one_sms,
    a_repeated_resend_sends_one_sms,
    a_repeated_phone_sends_one_sms,
    a_repeated_change_is_one_change,
    two_at_once_hear_the_same,
    another_body_under_the_key_is_refused,
    a_wrong_guess_is_counted_once,
    a_key_holds_for_its_wizard_only,
    without_a_key_a_repeat_is_another_request,
    a_key_that_cannot_be_used_is_named,
);

async fn keyed(app: &TestApp, key: &str, path: &str, body: &Value) -> Answer {
    app.call("POST", path).header("Idempotency-Key", key).json(body).send().await
}

async fn keyed_step(app: &TestApp, key: &str, token: &str, body: &Value) -> Answer {
    let call = app.call("POST", "/api/v2/my/2fa/wizard").bearer(token);
    call.header("Idempotency-Key", key).json(body).send().await
}

#[track_caller]
fn alike(one: &Answer, other: &Answer) {
    assert_eq!((one.status, &one.text), (other.status, &other.text));
}

fn another(code: &str) -> String {
    let (first, rest) = code.split_at(1);
    format!("{}{rest}", (first.parse::<u32>().unwrap() + 1) % 10)
}

async fn sessions(app: &TestApp, answer: &Answer) -> u64 {
    let token = answer.str("/data/accessToken/token");
    let list = app.call("GET", "/api/v2/my/sessions").bearer(token).send().await.expect(200);
    list.body["total"].as_u64().unwrap()
}

async fn a_repeated_password_gives_the_same_tokens(app: TestApp) {
    let person = app.person("ann").await;
    let body = json!({ "uuid": app.wizard().await, "email": person.email, "password": PASSWORD });
    let first = keyed(&app, "one", "/api/v2/my/signin", &body).await.expect(202);
    app.clock.advance(60);
    let again = keyed(&app, "one", "/api/v2/my/signin", &body).await.expect(202);
    alike(&first, &again);
    assert_eq!(sessions(&app, &again).await, 1);
}

async fn a_repeated_code_gives_the_same_tokens(app: TestApp) {
    let person = app.person_with_google("ann").await;
    let (uuid, _) = app.past_password(&person).await;
    let body = json!({ "uuid": uuid, "code": app.totp(person.key.as_deref().unwrap()) });
    let first = keyed(&app, "one", "/api/v2/my/2fa/google", &body).await.expect(202);
    app.clock.advance(60);
    let again = keyed(&app, "one", "/api/v2/my/2fa/google", &body).await.expect(202);
    alike(&first, &again);
    let list = app.call("GET", "/api/v2/my/sessions").bearer(again.str("/data/accessToken/token")).send().await;
    assert_eq!(list.expect(200).body["total"], json!(2), "the one that enrolled, and this one");
    // The refresh token of the second answer is the first one's: used once, not twice.
    let refresh = json!({ "refreshToken": again.str("/data/refreshToken/token") });
    app.post("/api/v2/my/refresh", refresh).await.expect(200);
}

/// An account with an authenticator and a phone, past its password.
async fn choosing(app: &TestApp) -> (Person, String) {
    let mut person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    app.enable_sms(&token, &person).await;
    app.enable_google(&token, &mut person).await;
    let (uuid, answer) = app.past_password(&person).await;
    assert_eq!(answer.expect(200).workflow(), "2fa_choose");
    (person, uuid)
}

async fn a_repeated_choice_sends_one_sms(app: TestApp) {
    let (person, uuid) = choosing(&app).await;
    let before = app.outbox(&person.phone).await.len();
    let body = json!({ "uuid": uuid, "type": "sms" });
    let first = keyed(&app, "one", "/api/v2/my/signin/2fa", &body).await.expect(200);
    let again = keyed(&app, "one", "/api/v2/my/signin/2fa", &body).await.expect(200);
    alike(&first, &again);
    assert_eq!(app.outbox(&person.phone).await.len(), before + 1);
    app.code("sms", &uuid, &app.last_code(&person.phone).await).await.expect(202);
}

/// Under another key, or none, it is another request, and runs into the cooldown.
async fn a_repeated_resend_sends_one_sms(app: TestApp) {
    let person = app.person_with_sms("ann").await;
    let (uuid, _) = app.past_password(&person).await;
    let before = app.outbox(&person.phone).await.len();
    let body = json!({ "uuid": uuid, "type": "sms" });
    app.clock.advance(30);
    let first = keyed(&app, "one", "/api/v2/my/signin/2fa", &body).await.expect(200);
    let again = keyed(&app, "one", "/api/v2/my/signin/2fa", &body).await.expect(200);
    alike(&first, &again);
    assert_eq!(app.outbox(&person.phone).await.len(), before + 1);
    keyed(&app, "two", "/api/v2/my/signin/2fa", &body).await.refused(429, "resend_too_soon");
    app.post("/api/v2/my/signin/2fa", body).await.refused(429, "resend_too_soon");
    assert_eq!(app.outbox(&person.phone).await.len(), before + 1);
}

async fn a_repeated_phone_sends_one_sms(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let uuid = app.start_factor(&token, "sms", "enable").await.expect(200).uuid();
    let body = json!({ "uuid": uuid, "phone": person.phone });
    let first = keyed_step(&app, "one", &token, &body).await.expect(200);
    let again = keyed_step(&app, "one", &token, &body).await.expect(200);
    alike(&first, &again);
    assert_eq!(app.outbox(&person.phone).await.len(), 1);
}

async fn a_repeated_change_is_one_change(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let uuid = app.start_factor(&token, "email", "enable").await.expect(200).uuid();
    let body = json!({ "uuid": uuid, "action": "code", "code": app.last_code(&person.email).await });
    let first = keyed_step(&app, "one", &token, &body).await.expect(202);
    let again = keyed_step(&app, "one", &token, &body).await.expect(202);
    alike(&first, &again);
    let log = app.call("GET", "/api/v2/my/2fa/changes").bearer(&token).send().await.expect(200);
    assert_eq!(log.body["total"], json!(1));
}

/// A10: one session, one SMS, whoever of the two is served first.
async fn two_at_once_hear_the_same(app: TestApp) {
    let person = app.person_with_sms("ann").await;
    for round in 0..5 {
        let body = json!({ "uuid": app.wizard().await, "email": person.email, "password": PASSWORD });
        let before = app.outbox(&person.phone).await.len();
        let path = "/api/v2/my/signin";
        let (one, other) = tokio::join!(keyed(&app, "one", path, &body), keyed(&app, "one", path, &body));
        alike(&one.expect(200), &other.expect(200));
        assert_eq!(app.outbox(&person.phone).await.len(), before + 1, "round {round}");
        let body = json!({ "uuid": body["uuid"], "code": app.last_code(&person.phone).await });
        let path = "/api/v2/my/2fa/sms";
        let (one, other) = tokio::join!(keyed(&app, "two", path, &body), keyed(&app, "two", path, &body));
        let (one, other) = (one.expect(202), other.expect(202));
        alike(&one, &other);
        assert_eq!(sessions(&app, &one).await, round + 2);
    }
}

async fn another_body_under_the_key_is_refused(app: TestApp) {
    let person = app.person_with_google("ann").await;
    let (uuid, _) = app.past_password(&person).await;
    let code = app.totp(person.key.as_deref().unwrap());
    let wrong = json!({ "uuid": uuid, "code": another(&code) });
    keyed(&app, "one", "/api/v2/my/2fa/google", &wrong).await.refused(422, "invalid_code");
    let right = json!({ "uuid": uuid, "code": code });
    keyed(&app, "one", "/api/v2/my/2fa/google", &right).await.refused(422, "idempotency_key_reused");
    // The same body on another path is another request too.
    keyed(&app, "two", "/api/v2/my/2fa/google", &wrong).await.refused(422, "invalid_code");
    keyed(&app, "two", "/api/v2/my/2fa/sms", &wrong).await.refused(422, "idempotency_key_reused");
    keyed(&app, "three", "/api/v2/my/2fa/google", &right).await.expect(202);
}

/// A4: watches that a kept refusal is replayed and not judged again; a guess in disguise is still a guess.
async fn a_wrong_guess_is_counted_once(app: TestApp) {
    let person = app.person_with_google("ann").await;
    let (uuid, _) = app.past_password(&person).await;
    let wrong = another(&app.totp(person.key.as_deref().unwrap()));
    let body = json!({ "uuid": uuid, "code": wrong });
    let first = keyed(&app, "one", "/api/v2/my/2fa/google", &body).await.refused(422, "invalid_code");
    assert_eq!(first.body["attemptsLeft"], json!(9));
    for _ in 0..3 {
        let again = keyed(&app, "one", "/api/v2/my/2fa/google", &body).await.refused(422, "invalid_code");
        alike(&first, &again);
    }
    let second = keyed(&app, "two", "/api/v2/my/2fa/google", &body).await.refused(422, "invalid_code");
    assert_eq!(second.body["attemptsLeft"], json!(8));
}

async fn a_key_holds_for_its_wizard_only(app: TestApp) {
    let person = app.person("ann").await;
    let body = |uuid: String| json!({ "uuid": uuid, "email": person.email, "password": PASSWORD });
    let one = keyed(&app, "same", "/api/v2/my/signin", &body(app.wizard().await)).await.expect(202);
    let other = keyed(&app, "same", "/api/v2/my/signin", &body(app.wizard().await)).await.expect(202);
    assert_ne!(one.str("/data/accessToken/token"), other.str("/data/accessToken/token"));
}

async fn without_a_key_a_repeat_is_another_request(app: TestApp) {
    let person = app.person_with_google("ann").await;
    let (uuid, _) = app.past_password(&person).await;
    let code = app.totp(person.key.as_deref().unwrap());
    app.code("google", &uuid, &another(&code)).await.refused(422, "invalid_code");
    let second = app.code("google", &uuid, &another(&code)).await.refused(422, "invalid_code");
    assert_eq!(second.body["attemptsLeft"], json!(8));
    app.code("google", &uuid, &code).await.expect(202);
    app.code("google", &uuid, &code).await.refused(409, "step_not_allowed");
}

async fn a_key_that_cannot_be_used_is_named(app: TestApp) {
    let person = app.person("ann").await;
    let body = json!({ "uuid": app.wizard().await, "email": person.email, "password": PASSWORD });
    for key in [String::new(), "k".repeat(256)] {
        let refused = keyed(&app, &key, "/api/v2/my/signin", &body).await.refused(400, "invalid_request");
        assert!(refused.body["errors"]["Idempotency-Key"].is_array(), "{}", refused.text);
    }
    keyed(&app, &"k".repeat(255), "/api/v2/my/signin", &body).await.expect(202);
}

/// The answer is kept with the wizard, not with the instance.
async fn the_answer_survives_a_restart(backend: Backend) {
    let app = Setup::on(backend).start().await;
    let person = app.person("ann").await;
    let body = json!({ "uuid": app.wizard().await, "email": person.email, "password": PASSWORD });
    let first = keyed(&app, "one", "/api/v2/my/signin", &body).await.expect(202);
    let app = app.stop().await.start().await;
    let again = keyed(&app, "one", "/api/v2/my/signin", &body).await.expect(202);
    alike(&first, &again);
    assert_eq!(sessions(&app, &again).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answer_survives_a_restart_embedded() {
    the_answer_survives_a_restart(Backend::Embedded).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answer_survives_a_restart_redis() {
    the_answer_survives_a_restart(Backend::Redis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answer_survives_a_restart_cluster() {
    the_answer_survives_a_restart(Backend::Cluster).await;
}
