//! What an `Idempotency-Key` must not become, and what a wizard must not outlive.

use serde_json::json;

use crate::harness::{ADMIN_KEY, Answer, PASSWORD, TestApp};

on_every_store!(
    a_kept_answer_is_no_oracle,
    a_kept_answer_belongs_to_whoever_showed_the_key,
    a_strangers_key_takes_no_answers_place,
    a_changed_password_ends_waiting_sign_ins,
    sixteen_refreshes_at_once_are_all_answered,
);

async fn keyed(app: &TestApp, uuid: &str, code: &str, key: &str, wizard_key: Option<&str>) -> Answer {
    let request = app.call("POST", "/api/v2/my/2fa/google").header("Idempotency-Key", key);
    let request = match wizard_key {
        Some(shown) => request.header("X-Wizard-Key", shown),
        None => request,
    };
    request.json(&json!({ "uuid": uuid, "code": code })).send().await
}

/// A4, X10: trying requests against a kept answer would be guessing without being counted, so the first other request
/// lets go of it.
async fn a_kept_answer_is_no_oracle(app: TestApp) {
    let person = app.person_with_google("ann").await;
    let (uuid, _) = app.past_password(&person).await;
    let code = app.totp(person.key.as_deref().unwrap());
    keyed(&app, &uuid, &code, "1", None).await.expect(202);
    keyed(&app, &uuid, &code, "1", None).await.expect(202);
    let wrong = if code == "000000" { "000001" } else { "000000" };
    keyed(&app, &uuid, wrong, "1", None).await.refused(422, "idempotency_key_reused");
    keyed(&app, &uuid, &code, "1", None).await.refused(409, "step_not_allowed");
}

/// X10: with the wizard key shown, the uuid, the `Idempotency-Key` and the very body together open nothing.
async fn a_kept_answer_belongs_to_whoever_showed_the_key(app: TestApp) {
    let person = app.person_with_google("ann").await;
    let started = app.get("/api/v2/my/signin/wizard").await.expect(200);
    let (uuid, wizard_key) = (started.uuid(), started.header("x-wizard-key").unwrap().to_owned());
    app.password(&uuid, &person, PASSWORD).await.expect(200);
    let code = app.totp(person.key.as_deref().unwrap());
    let first = keyed(&app, &uuid, &code, "1", Some(&wizard_key)).await.expect(202);
    keyed(&app, &uuid, &code, "1", None).await.refused(409, "step_not_allowed");
    assert_eq!(keyed(&app, &uuid, &code, "1", Some(&wizard_key)).await.expect(202).text, first.text);
}

/// Whoever knows only the uuid cannot push out the answer that somebody on a bad network still waits for.
async fn a_strangers_key_takes_no_answers_place(app: TestApp) {
    let person = app.person_with_google("ann").await;
    let (uuid, _) = app.past_password(&person).await;
    let code = app.totp(person.key.as_deref().unwrap());
    let first = keyed(&app, &uuid, &code, "mine", None).await.expect(202);
    keyed(&app, &uuid, &code, "evil", None).await.refused(409, "step_not_allowed");
    assert_eq!(keyed(&app, &uuid, &code, "mine", None).await.expect(202).text, first.text);
}

/// A16: a sign-in that was begun with the old password is not finished after a new one was set.
async fn a_changed_password_ends_waiting_sign_ins(app: TestApp) {
    let person = app.person_with_google("ann").await;
    let (uuid, _) = app.past_password(&person).await;
    let account = format!("/admin/v1/accounts/{}", person.id);
    let change = json!({ "password": "another horse battery" });
    app.call("PATCH", &account).bearer(ADMIN_KEY).json(&change).send().await.expect(200);
    let code = app.totp(person.key.as_deref().unwrap());
    app.code("google", &uuid, &code).await.refused(404, "wizard_not_found");
    // The code was not used up by that.
    let uuid = app.wizard().await;
    app.password(&uuid, &person, "another horse battery").await.expect(200);
    app.code("google", &uuid, &code).await.expect(202);
}

/// A25: a page that fires all its refreshes at once hears a new pair each time.
async fn sixteen_refreshes_at_once_are_all_answered(app: TestApp) {
    let person = app.person("ann").await;
    let (_, signed_in) = app.past_password(&person).await;
    let token = signed_in.expect(202).str("/data/refreshToken/token").to_owned();
    let refresh = || app.post("/api/v2/my/refresh", json!({ "refreshToken": token }));
    let answers = futures_util::future::join_all((0..16).map(|_| refresh())).await;
    for answer in answers {
        answer.expect(200);
    }
}

/// A key that cannot be kept is refused, not passed over: a repeat would count twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_cannot_be_kept_is_refused() {
    use crate::harness::{Backend, Setup};
    let app = Setup::on(Backend::Embedded).start().await;
    for key in ["", "klíč", &"k".repeat(256)] {
        let answer = app.call("POST", "/api/v2/my/signin").header("Idempotency-Key", key).json(&json!({})).send().await;
        let answer = answer.refused(400, "invalid_request");
        assert!(answer.body["errors"]["Idempotency-Key"].is_array(), "{}", answer.text);
    }
}

/// Whoever has one method is not offered a choice; whoever has two is offered those two.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_methods_that_are_on_are_offered() {
    use crate::harness::{Backend, Setup};
    let app = Setup::on(Backend::Embedded).start().await;
    let mut person = app.person_with_email("ann").await;
    let offered = |answer: &Answer| {
        let list = answer.body["next"]["alternatives"].as_array().unwrap().clone();
        let choose = list.into_iter().find(|alternative| alternative["rel"] == "choose");
        choose.map(|choose| choose["fields"][1]["pattern"].as_str().unwrap().to_owned())
    };
    let (uuid, one) = app.past_password(&person).await;
    assert_eq!(offered(&one.expect(200)), None);
    let code = app.last_code(&person.email).await;
    let token = app.code("email", &uuid, &code).await.expect(202).str("/data/accessToken/token").to_owned();
    app.enable_google(&token, &mut person).await;
    let (uuid, two) = app.past_password(&person).await;
    assert_eq!(two.expect(200).str("/next/fields/1/pattern"), "^(google|email)$");
    let chosen = app.post("/api/v2/my/signin/2fa", json!({ "uuid": uuid, "type": "google" })).await.expect(200);
    assert_eq!(offered(&chosen).as_deref(), Some("^(google|email)$"));
}
