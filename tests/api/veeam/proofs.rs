//! What must have been proved before a factor is added, replaced or taken off one's own account.

use serde_json::json;

use crate::guesses::with_status;
use crate::harness::{Answer, TestApp};
use crate::owners::FRESH;

on_every_store!(
    a_password_only_session_changes_nothing_that_is_on,
    a_proof_is_fresh_for_a_quarter_of_an_hour,
    another_factor_does_not_replace_the_authenticator,
    any_factor_does_for_an_authenticator_beside_it,
    all_that_is_on_is_proved_before_it_goes_off,
    a_success_token_is_used_up_with_the_offer,
    a_proof_of_the_old_one_is_none_of_the_new_one,
    the_old_secret_works_until_the_new_one_is_accepted,
    a_proof_from_before_a_factor_went_on_or_off_is_none_anywhere,
);

async fn enable(app: &TestApp, token: &str, id: u64, success: Option<&str>) -> Answer {
    let call = app.call("POST", &format!("/api/v1/users/{id}/enableMfa")).bearer(token);
    let call = call.json(&json!({ "recreate": true }));
    match success {
        Some(success) => call.header("X-Success-Token", success).send().await,
        None => call.send().await,
    }
}

/// A14: a session from before there was a factor has proved the password only.
async fn a_password_only_session_changes_nothing_that_is_on(app: TestApp) {
    let mut person = app.person("ann").await;
    let (bare, token) = (app.sign_in(&person).await, app.sign_in(&person).await);
    let offer = app.offer(&bare, person.id).await;
    app.enable_google(&token, &mut person).await;
    let refused = enable(&app, &bare, person.id, None).await.refused(403, "step_up_required");
    assert_eq!(refused.body["next"], json!({ "method": "GET", "href": "/api/v2/my/2fa/challenge" }));
    app.disable_mfa(&bare, person.id, None).await.refused(403, "step_up_required");
    app.accept_mfa(&bare, person.id, &app.totp(&offer.key), &offer.token).await.refused(422, "invalid_success_token");
    for junk in ["", "x", &token, &"y".repeat(2_000)] {
        enable(&app, &bare, person.id, Some(junk)).await.refused(403, "step_up_required");
        app.disable_mfa(&bare, person.id, Some(junk)).await.refused(403, "step_up_required");
    }
    app.mfa(&bare, person.id, "enableMfa", &json!({})).await.refused(409, "method_already_enabled");
    app.by_google(&person).await;
}

/// A14: whatever the proof was of, and at the wizard API too; the session that made the change stays fresh by it.
async fn a_proof_from_before_a_factor_went_on_or_off_is_none_anywhere(app: TestApp) {
    let (mut person, first) = app.google_and_token("ann").await;
    let codes = app.codes(&first).await;
    app.clock.advance(30);
    let by_google = app.by_google(&person).await;
    let uuid = app.waiting(&person).await;
    let by_recovery = app.recover(&uuid, &codes[0]).await.expect(202).access();
    app.clock.advance(30);
    let own = app.by_google(&person).await;
    app.clock.advance(30);
    let offer = app.offer(&own, person.id).await;
    app.accept_mfa(&own, person.id, &app.totp(&offer.key), &offer.token).await.expect(200);
    person.key = Some(offer.key);
    for stale in [&by_google, &by_recovery] {
        let call = app.call("POST", "/api/v2/my/2fa/recovery-codes").bearer(stale).json(&json!({}));
        call.send().await.refused(403, "step_up_required");
        app.disable_mfa(stale, person.id, None).await.refused(403, "step_up_required");
        app.start_factor(stale, "sms", "enable").await.refused(403, "step_up_required");
        enable(&app, stale, person.id, None).await.refused(403, "step_up_required");
    }
    let call = app.call("POST", "/api/v2/my/2fa/recovery-codes").bearer(&own).json(&json!({}));
    call.send().await.expect(200);
    app.disable_mfa(&own, person.id, None).await.expect(200);
}

/// A14: to the second.
async fn a_proof_is_fresh_for_a_quarter_of_an_hour(app: TestApp) {
    let (person, _) = app.google_and_token("ann").await;
    let token = app.by_google(&person).await;
    app.clock.advance(FRESH - 31);
    enable(&app, &token, person.id, None).await.expect(200);
    app.clock.advance(1);
    enable(&app, &token, person.id, None).await.refused(403, "step_up_required");
    app.disable_mfa(&token, person.id, None).await.refused(403, "step_up_required");
    let success = app.confirmed_by(&token, async |app| app.totp(person.key())).await;
    app.disable_mfa(&token, person.id, Some(&success)).await.expect(200);
}

/// A14: watches that what is replaced is proved itself. A recovery code stands in for it.
async fn another_factor_does_not_replace_the_authenticator(app: TestApp) {
    let (person, token) = app.google_and_token("ann").await;
    app.enable_sms(&token, &person).await;
    let codes = app.codes(&token).await;
    enable(&app, &token, person.id, None).await.refused(403, "step_up_required");
    let begun = app.bearing("GET", "/2fa/challenge?type=sms", &token).await;
    app.clock.advance(60);
    let begun = if begun.status == 200 { begun } else { app.bearing("GET", "/2fa/challenge?type=sms", &token).await };
    let body = json!({ "token": begun.expect(200).str("token"), "code": app.last_code(&person.phone).await });
    let call = app.call("POST", "/api/v2/my/2fa/challenge").bearer(&token).json(&body);
    let by_sms = call.send().await.expect(200).str("successToken").to_owned();
    enable(&app, &token, person.id, Some(&by_sms)).await.refused(403, "step_up_required");
    let uuid = app.waiting(&person).await;
    let recovered = app.recover(&uuid, &codes[0]).await.expect(202).access();
    enable(&app, &recovered, person.id, None).await.expect(200);
    // A refused call has used nothing up: with the authenticator proved in the session, that one is enough for both.
    let google = app.by_google(&person).await;
    app.disable_mfa(&google, person.id, None).await.refused(403, "step_up_required");
    app.disable_mfa(&google, person.id, Some(&by_sms)).await.expect(200);
}

/// A14: a further one wants any of those that are on.
async fn any_factor_does_for_an_authenticator_beside_it(app: TestApp) {
    let person = app.person("ann").await;
    let (bare, token) = (app.sign_in(&person).await, app.sign_in(&person).await);
    app.enable_sms(&token, &person).await;
    for body in [json!({}), json!({ "recreate": true })] {
        app.mfa(&bare, person.id, "enableMfa", &body).await.refused(403, "step_up_required");
    }
    let offer = app.offer(&token, person.id).await;
    app.accept_mfa(&token, person.id, &app.totp(&offer.key), &offer.token).await.expect(200);
    assert!(app.is_enabled(&token, "sms").await && app.is_enabled(&token, "google").await);
}

/// A14: with two on, one of them is not enough.
async fn all_that_is_on_is_proved_before_it_goes_off(app: TestApp) {
    let (person, token) = app.google_and_token("ann").await;
    app.enable_email(&token, &person).await;
    // The last one that was proved in the session is the address.
    app.disable_mfa(&token, person.id, None).await.refused(403, "step_up_required");
    let success = app.confirmed_by(&token, async |app| app.totp(person.key())).await;
    app.disable_mfa(&token, person.id, Some(&success)).await.expect(200);
    assert_eq!(app.log(&token).await[2..], [("google".to_owned(), false), ("email".to_owned(), false)]);
}

/// X9: many at once with one success token: one.
async fn a_success_token_is_used_up_with_the_offer(app: TestApp) {
    let (person, token) = app.google_and_token("ann").await;
    app.clock.advance(FRESH);
    let success = app.confirmed_by(&token, async |app| app.totp(person.key())).await;
    let offers = (0..10).map(|_| enable(&app, &token, person.id, Some(&success)));
    let answers = futures_util::future::join_all(offers).await;
    assert_eq!(with_status(&answers, 200), 1);
    assert_eq!(crate::guesses::count(&answers, 403, "step_up_required"), 9);
    app.disable_mfa(&token, person.id, Some(&success)).await.refused(403, "step_up_required");
    // Refused for another reason, it is still good.
    app.clock.advance(30);
    let success = app.confirmed_by(&token, async |app| app.totp(person.key())).await;
    let call = app.call("POST", &format!("/api/v1/users/{}/enableMfa", person.id)).bearer(&token);
    call.header("X-Success-Token", &success).send().await.refused(409, "method_already_enabled");
    enable(&app, &token, person.id, Some(&success)).await.expect(200);
}

/// A14: watches that a proof from before the authenticator that is on now does not count.
async fn a_proof_of_the_old_one_is_none_of_the_new_one(app: TestApp) {
    let (mut person, token) = app.google_and_token("ann").await;
    let thief = app.by_google(&person).await;
    app.enable_mfa(&token, &mut person).await;
    enable(&app, &thief, person.id, None).await.refused(403, "step_up_required");
    app.disable_mfa(&thief, person.id, None).await.refused(403, "step_up_required");
    app.disable_mfa(&token, person.id, None).await.expect(200);
}

async fn the_old_secret_works_until_the_new_one_is_accepted(app: TestApp) {
    let (mut person, token) = app.google_and_token("ann").await;
    let codes = app.codes(&token).await;
    let offer = app.offer(&token, person.id).await;
    let token = app.by_google(&person).await;
    assert_eq!(app.codes_left(&token).await, 10);
    let uuid = app.waiting(&person).await;
    app.code("google", &uuid, &app.totp(&offer.key)).await.refused(422, "invalid_code");
    app.accept_mfa(&token, person.id, &app.totp(&offer.key), &offer.token).await.expect(200);
    app.clock.advance(30);
    let uuid = app.waiting(&person).await;
    app.code("google", &uuid, &app.totp(person.key())).await.refused(422, "invalid_code");
    app.recover(&uuid, &codes[0]).await.refused(422, "invalid_code");
    person.key = Some(offer.key);
    app.by_google(&person).await;
    let uuid = app.waiting(&person).await;
    app.recover(&uuid, &offer.codes[4]).await.expect(202);
}
