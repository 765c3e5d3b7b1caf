//! Signing in: every outcome of the password step, and what leads to tokens.

use serde_json::json;

use crate::harness::{PASSWORD, TestApp};

on_every_store_and_with_a_directory!(
    without_a_factor_the_password_is_enough,
    an_authenticator_is_asked_for,
    a_phone_is_sent_a_code,
    several_methods_are_offered,
);

async fn without_a_factor_the_password_is_enough(app: TestApp) {
    let person = app.person("ann").await;
    let started = app.get("/api/v2/my/signin/wizard").await.expect(200);
    assert_eq!(started.workflow(), "login");
    let wrong = app.password(&started.uuid(), &person, "not the password").await.refused(422, "invalid_credentials");
    assert_eq!((wrong.workflow(), wrong.body["attemptsLeft"].as_u64()), ("login", Some(4)));
    let done = app.password(&started.uuid(), &person, PASSWORD).await.expect(202);
    assert_eq!((done.workflow(), &done.body["done"], &done.body["next"]), ("login", &json!(true), &json!(null)));
    let token = done.str("/data/accessToken/token");
    app.call("GET", "/api/v2/my/2fa").bearer(token).send().await.expect(200);
}

async fn an_authenticator_is_asked_for(app: TestApp) {
    let person = app.person_with_google("ann").await;
    let (uuid, answer) = app.past_password(&person).await;
    let answer = answer.expect(200);
    assert_eq!((answer.workflow(), &answer.body["data"]), ("2fa_google_auth", &json!(null)));
    let code = app.totp(person.key.as_deref().unwrap());
    let done = app.code("google", &uuid, &code).await.expect(202);
    assert_eq!(done.workflow(), "login");
}

async fn a_phone_is_sent_a_code(app: TestApp) {
    let person = app.person_with_sms("ann").await;
    let (uuid, answer) = app.past_password(&person).await;
    let answer = answer.expect(200);
    assert_eq!(answer.workflow(), "2fa_sms_auth");
    assert_eq!(answer.body["data"]["sent"], json!(1));
    let code = app.last_code(&person.phone).await;
    app.code("sms", &uuid, &code).await.expect(202);
}

async fn several_methods_are_offered(app: TestApp) {
    let mut person = app.person_with_sms("ann").await;
    let (uuid, _) = app.past_password(&person).await;
    let code = app.last_code(&person.phone).await;
    let token = app.code("sms", &uuid, &code).await.expect(202).str("/data/accessToken/token").to_owned();
    app.enable_google(&token, &mut person).await;
    let (uuid, answer) = app.past_password(&person).await;
    let answer = answer.expect(200);
    assert_eq!((answer.workflow(), &answer.body["data"]), ("2fa_choose", &json!({ "methods": ["google", "sms"] })));
    let chosen = app.post("/api/v2/my/signin/2fa", json!({ "uuid": uuid, "type": "sms" })).await.expect(200);
    assert_eq!((chosen.workflow(), &chosen.body["data"]), ("2fa_sms_auth", &json!(null)));
    let code = app.last_code(&person.phone).await;
    app.code("sms", &uuid, &code).await.expect(202);
}
