//! The three ways back for whoever has lost a phone, each from the loss to the new phone: see `docs/recovery.md`.

use serde_json::json;

use crate::harness::{ADMIN_KEY, PASSWORD, Person, TestApp};

on_every_store!(
    a_recovery_code_leads_to_a_new_phone,
    another_factor_leads_to_a_new_phone,
    the_help_desk_leads_to_a_new_phone,
    the_help_desk_leads_to_a_new_phone_under_a_policy,
);

async fn is_signed_in(app: &TestApp, token: &str) -> bool {
    app.bearing("GET", "/sessions", token).await.status == 200
}

/// Takes the lost authenticator off with a recovery code, and every other session with it.
async fn take_off(app: &TestApp, token: &str, code: &str) {
    let begun = app.start_factor(token, "google", "disable").await.expect(200);
    assert!(begun.ways().contains(&"recovery"), "{}", begun.text);
    let body = json!({ "uuid": begun.uuid(), "action": "recovery", "code": code, "endOtherSessions": true });
    let done = app.factor_step(token, body).await.expect(202);
    assert_eq!((&done.body["data"], &done.body["done"]), (&json!([]), &json!(true)));
}

/// The new phone signs in, the lost one does not.
async fn has_moved(app: &TestApp, person: &Person, lost: &str) {
    app.clock.advance(30);
    let (uuid, begun) = app.past_password(person).await;
    if begun.expect(200).workflow() == "2fa_choose" {
        app.choose(&uuid, "google").await.expect(200);
    }
    app.code("google", &uuid, &app.totp(lost)).await.refused(422, "invalid_code");
    app.code("google", &uuid, &app.totp(person.key())).await.expect(202);
}

/// A14, A16, A21, A23: the first way.
async fn a_recovery_code_leads_to_a_new_phone(app: TestApp) {
    let (mut person, phone) = app.google_and_token("ann").await;
    let (codes, lost) = (app.codes(&phone).await, person.key().to_owned());
    app.clock.advance(40 * 86_400);
    let (uuid, begun) = app.past_password(&person).await;
    assert!(begun.expect(200).ways().contains(&"recovery"));
    let token = app.recover(&uuid, &codes[0]).await.expect(202).access();
    let phone = app.by_google(&person).await;
    take_off(&app, &token, &codes[1]).await;
    assert_eq!((is_signed_in(&app, &token).await, is_signed_in(&app, &phone).await), (true, false));
    app.clock.advance(30);
    app.enable_google(&token, &mut person).await;
    let new = app.codes(&token).await;
    has_moved(&app, &person, &lost).await;
    let uuid = app.waiting(&person).await;
    app.recover(&uuid, &codes[2]).await.refused(422, "invalid_code");
    app.recover(&uuid, &new[0]).await.expect(202);
    let told = app.notices(&person.email).await;
    let expected =
        ["recovery_code_used", "recovery_code_used", "factor_disabled", "factor_enabled", "recovery_codes_made"];
    assert_eq!(told[2..7], expected);
}

/// A14, A16, A23: the second way; what proves the other factor is a fresh step-up.
async fn another_factor_leads_to_a_new_phone(app: TestApp) {
    let (mut person, phone) = app.google_and_token("ann").await;
    app.enable_sms(&phone, &person).await;
    let lost = person.key().to_owned();
    app.clock.advance(5 * 3_600);
    let uuid = app.waiting(&person).await;
    app.choose(&uuid, "sms").await.expect(200);
    let token = app.code("sms", &uuid, &app.last_code(&person.phone).await).await.expect(202).access();
    let codes = app.codes(&token).await;
    take_off(&app, &token, &codes[0]).await;
    assert!(!is_signed_in(&app, &phone).await);
    assert_eq!(app.codes_left(&token).await, 9, "SMS is on still, so they have something to stand in for");
    app.enable_google(&token, &mut person).await;
    has_moved(&app, &person, &lost).await;
    let told = app.notices(&person.email).await;
    assert_eq!(told[2..], ["recovery_codes_made", "recovery_code_used", "factor_disabled", "factor_enabled"]);
}

async fn reset(app: &TestApp, person: &Person) {
    let path = format!("/admin/v1/accounts/{}/factors/google", person.id);
    app.call("DELETE", &path).send().await.refused(401, "unauthorized");
    app.call("DELETE", &path).bearer(ADMIN_KEY).send().await.expect(204);
}

/// A16, A23: the third way.
async fn the_help_desk_leads_to_a_new_phone(app: TestApp) {
    let (mut person, phone) = app.google_and_token("ann").await;
    let (codes, device) = (app.codes(&phone).await, app.device(&person).await);
    let lost = person.key().to_owned();
    reset(&app, &person).await;
    assert!(!is_signed_in(&app, &phone).await);
    assert_eq!(app.notices(&person.email).await.last().unwrap(), "factor_reset");
    let token = app.sign_in(&person).await;
    app.enable_google(&token, &mut person).await;
    has_moved(&app, &person, &lost).await;
    assert_eq!(app.on_device(&person, &device).await.expect(200).workflow(), "2fa_google_auth");
    let uuid = app.waiting(&person).await;
    app.recover(&uuid, &codes[0]).await.refused(422, "invalid_code");
}

/// A16, X32: the third way where a factor is required: the password alone opens nothing in between.
async fn the_help_desk_leads_to_a_new_phone_under_a_policy(app: TestApp) {
    let app = app.with_policies(json!([{ "required": ["google"] }])).await;
    let mut person = app.person("ann").await;
    let enrol = async |person: &mut Person| {
        let (uuid, begun) = app.past_password(person).await;
        assert_eq!(begun.expect(200).workflow(), "2fa_enroll");
        let key = app.enroll(&uuid, json!({ "type": "google" })).await.expect(200).str("/data/key").to_owned();
        let done = app.code("google", &uuid, &app.totp(&key)).await.expect(202);
        app.clock.advance(30);
        person.key = Some(key);
        done.access()
    };
    let phone = enrol(&mut person).await;
    let lost = person.key().to_owned();
    reset(&app, &person).await;
    assert!(!is_signed_in(&app, &phone).await);
    app.password(&app.wizard().await, &person, PASSWORD).await.expect(200);
    let token = enrol(&mut person).await;
    assert!(is_signed_in(&app, &token).await);
    has_moved(&app, &person, &lost).await;
    assert_eq!(app.notices(&person.email).await, ["factor_enabled", "factor_reset", "factor_enabled"]);
}
