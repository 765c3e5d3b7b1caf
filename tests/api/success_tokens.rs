//! Success tokens: for one account, one purpose and one use, within ten minutes.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::accounts::admin;
use crate::harness::{Answer, PASSWORD, Person, TestApp};

on_every_store!(
    a_token_is_good_for_its_purpose_only,
    a_token_is_good_for_its_account_only,
    a_token_opens_what_wants_a_fresh_confirmation,
    a_token_works_once,
    of_fifty_uses_at_once_one_succeeds,
    a_token_lives_ten_minutes,
    a_token_dies_with_any_change_of_password_or_factor,
    a_used_token_is_no_guess,
    another_service_learns_who_confirmed_and_with_what,
    what_cannot_be_redeemed_is_refused_alike,
);

const NEW: &str = "seven violet herons juggling";

async fn redeem(app: &TestApp, token: &str, purpose: &str) -> Answer {
    admin(app, "POST", "/success-tokens/redeem", Some(json!({ "token": token, "purpose": purpose }))).await
}

/// Somebody with an authenticator, in a session that has proved nothing for a quarter of an hour.
async fn stale(app: &TestApp, name: &str) -> (Person, String) {
    let person = app.person_with_google(name).await;
    let token = app.sign_in_with_google(&person).await;
    app.clock.advance(900);
    (person, token)
}

/// A success token by the authenticator; the clock moves on to a fresh step.
async fn by_google(app: &TestApp, person: &Person, token: &str, query: &str) -> String {
    let challenge = app.challenge(token, query).await.expect(200).str("token").to_owned();
    let code = app.totp(person.key.as_deref().unwrap());
    let done = app.confirm(token, &challenge, &code).await.expect(200);
    app.clock.advance(30);
    done.str("successToken").to_owned()
}

async fn enable(app: &TestApp, token: &str, success: &str) -> Answer {
    let call = app.call("GET", "/api/v2/my/2fa/sms/enable/wizard").bearer(token);
    call.header("X-Success-Token", success).send().await
}

async fn codes(app: &TestApp, token: &str, body: Value) -> Answer {
    app.call("POST", "/api/v2/my/2fa/recovery-codes").bearer(token).json(&body).send().await
}

/// X7: watches `token.purpose == purpose` at every door.
async fn a_token_is_good_for_its_purpose_only(app: TestApp) {
    let (person, token) = stale(&app, "ann").await;
    let step_up = by_google(&app, &person, &token, "").await;
    let pay_out = by_google(&app, &person, &token, "?purpose=pay_out").await;
    let reset = app.reset_token(&person).await;
    for wrong in [&pay_out, &reset] {
        enable(&app, &token, wrong).await.refused(403, "step_up_required");
        codes(&app, &token, json!({ "successToken": wrong })).await.refused(422, "invalid_success_token");
        app.change_password(&token, wrong, NEW).await.refused(422, "invalid_success_token");
    }
    for wrong in [&pay_out, &step_up] {
        app.reset_password(wrong, NEW).await.refused(422, "invalid_success_token");
    }
    for (wrong, purpose) in [(&step_up, "pay_out"), (&pay_out, "step_up"), (&pay_out, "pay_in"), (&reset, "step_up")] {
        redeem(&app, wrong, purpose).await.refused(422, "invalid_success_token");
    }
    // None of this has used anything up.
    redeem(&app, &pay_out, "pay_out").await.expect(200);
    app.reset_password(&reset, NEW).await.expect(204);
}

/// X7, X2: watches `token.account == account.id`.
async fn a_token_is_good_for_its_account_only(app: TestApp) {
    let (ann, anns) = stale(&app, "ann").await;
    let (_, beths) = stale(&app, "beth").await;
    let success = by_google(&app, &ann, &anns, "").await;
    enable(&app, &beths, &success).await.refused(403, "step_up_required");
    codes(&app, &beths, json!({ "successToken": success })).await.refused(422, "invalid_success_token");
    app.change_password(&beths, &success, NEW).await.refused(422, "invalid_success_token");
    // Its parts put together otherwise are nobody's: the account's number is the first of them.
    let rewritten = success.replacen(&format!("{}.", ann.id), &format!("{}.", ann.id + 1), 1);
    for forged in [rewritten.as_str(), "", ".", "1.0.google.step_up.99999999999.x.y", &success[..success.len() - 1]] {
        app.change_password(&beths, forged, NEW).await.refused(422, "invalid_success_token");
    }
    app.change_password(&anns, &success, NEW).await.expect(204);
}

/// A14: watches `step_up`; the token is used up with the start.
async fn a_token_opens_what_wants_a_fresh_confirmation(app: TestApp) {
    let (person, token) = stale(&app, "ann").await;
    let refused = app.start_factor(&token, "sms", "enable").await.refused(403, "step_up_required");
    assert_eq!(refused.str("/next/href"), crate::challenge::CHALLENGE);
    codes(&app, &token, json!({})).await.refused(403, "step_up_required");
    let success = by_google(&app, &person, &token, "").await;
    enable(&app, &token, &success).await.expect(200);
    enable(&app, &token, &success).await.refused(403, "step_up_required");
    // A confirmation is worth its token and no more: the session is none the fresher for it.
    app.start_factor(&token, "sms", "enable").await.refused(403, "step_up_required");
    let success = by_google(&app, &person, &token, "").await;
    codes(&app, &token, json!({ "successToken": success })).await.expect(200);
    codes(&app, &token, json!({ "successToken": success })).await.refused(422, "invalid_success_token");
}

/// X9: at one door as at another.
async fn a_token_works_once(app: TestApp) {
    let (person, token) = stale(&app, "ann").await;
    let success = by_google(&app, &person, &token, "").await;
    redeem(&app, &success, "step_up").await.expect(200);
    redeem(&app, &success, "step_up").await.refused(422, "invalid_success_token");
    enable(&app, &token, &success).await.refused(403, "step_up_required");
    app.change_password(&token, &success, NEW).await.refused(422, "invalid_success_token");
    let reset = app.reset_token(&person).await;
    app.reset_password(&reset, NEW).await.expect(204);
    app.reset_password(&reset, PASSWORD).await.refused(422, "invalid_success_token");
}

/// X9, A10: watches the spending, which is one atomic call with what it was for; on two servers over one store.
async fn of_fifty_uses_at_once_one_succeeds(app: TestApp) {
    let (person, token) = stale(&app, "ann").await;
    let success = by_google(&app, &person, &token, "?purpose=pay_out").await;
    let answers = join_all((0..50).map(|_| redeem(&app, &success, "pay_out"))).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 422].contains(status)), "{statuses:?}");
    let success = by_google(&app, &person, &token, "").await;
    let answers = join_all((0..50).map(|_| enable(&app, &token, &success))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    // And the second factor is as open as before.
    by_google(&app, &person, &token, "").await;
}

/// X9: watches `expires_at`, to the second.
async fn a_token_lives_ten_minutes(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let (early, late) = (app.success(&person, &token, "?purpose=a").await, app.success(&person, &token, "").await);
    let reset = app.reset_token(&person).await;
    app.clock.advance(599);
    redeem(&app, &early, "a").await.expect(200);
    app.clock.advance(1);
    redeem(&app, &late, "step_up").await.refused(422, "invalid_success_token");
    app.change_password(&token, &late, NEW).await.refused(422, "invalid_success_token");
    app.reset_password(&reset, NEW).await.refused(422, "invalid_success_token");
    // What was used is still used when its record may go.
    app.clock.advance(120);
    redeem(&app, &early, "a").await.refused(422, "invalid_success_token");
}

/// X9: watches the epoch in the token.
async fn a_token_dies_with_any_change_of_password_or_factor(app: TestApp) {
    let mut person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let mut tokens = vec![(app.success(&person, &token, "?purpose=a").await, app.reset_token(&person).await)];
    app.enable_google(&token, &mut person).await;
    tokens.push((by_google(&app, &person, &token, "?purpose=a").await, app.reset_token(&person).await));
    let off = app.start_factor(&token, "google", "disable").await.expect(200).uuid();
    app.factor_code(&token, &off, &app.totp(person.key.as_deref().unwrap())).await.expect(202);
    tokens.push((app.success(&person, &token, "?purpose=a").await, app.reset_token(&person).await));
    let success = app.success(&person, &token, "").await;
    app.change_password(&token, &success, NEW).await.expect(204);
    tokens.push((app.success(&person, &token, "?purpose=a").await, app.reset_token(&person).await));
    let path = format!("/accounts/{}", person.id);
    admin(&app, "PATCH", &path, Some(json!({ "password": PASSWORD }))).await.expect(200);
    for (custom, reset) in &tokens {
        redeem(&app, custom, "a").await.refused(422, "invalid_success_token");
        app.reset_password(reset, NEW).await.refused(422, "invalid_success_token");
    }
}

/// X20: nobody guesses 256 bits, so showing a used token again, as a service does whose answer was lost, locks nobody
/// out. Watches that `Spend::Token` is not counted.
async fn a_used_token_is_no_guess(app: TestApp) {
    let (person, token) = stale(&app, "ann").await;
    let success = by_google(&app, &person, &token, "").await;
    redeem(&app, &success, "step_up").await.expect(200);
    for _ in 0..12 {
        redeem(&app, &success, "step_up").await.refused(422, "invalid_success_token");
        enable(&app, &token, &success).await.refused(403, "step_up_required");
        app.change_password(&token, &success, NEW).await.refused(422, "invalid_success_token");
    }
    let challenge = app.challenge(&token, "").await.expect(200).str("token").to_owned();
    let wrong = app.confirm(&token, &challenge, &app.wrong_totp(person.key.as_deref().unwrap())).await;
    assert_eq!(wrong.refused(422, "invalid_code").body["attemptsLeft"], json!(9));
}

async fn another_service_learns_who_confirmed_and_with_what(app: TestApp) {
    let (person, token) = stale(&app, "ann").await;
    let success = by_google(&app, &person, &token, "?purpose=pay_out").await;
    let redeemed = redeem(&app, &success, "pay_out").await.expect(200);
    let expected = json!({ "accountId": person.id, "email": person.email, "purpose": "pay_out", "method": "google" });
    assert_eq!(redeemed.body, expected);
    app.engine.errands.idle().await;
    let path = format!("/events?account={}&type=success_token_redeemed", person.id);
    let events = admin(&app, "GET", &path, None).await.expect(200);
    assert_eq!(events.body["data"].as_array().unwrap().len(), 1, "{}", events.text);
    assert!(!events.text.contains(&success));
}

async fn what_cannot_be_redeemed_is_refused_alike(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let success = app.success(&person, &token, "?purpose=a").await;
    let path = "/admin/v1/success-tokens/redeem";
    let body = json!({ "token": success, "purpose": "a" });
    app.post(path, body.clone()).await.refused(401, "unauthorized");
    app.call("POST", path).bearer(&token).json(&body).send().await.refused(401, "unauthorized");
    for (body, field) in [
        (json!({ "token": success }), "purpose"),
        (json!({ "purpose": "a" }), "token"),
        (json!({ "token": [success], "purpose": "a" }), "token"),
        (json!({ "token": success, "purpose": "A" }), "purpose"),
        (json!({ "token": success, "purpose": "" }), "purpose"),
        (json!({ "token": success, "purpose": 1 }), "purpose"),
    ] {
        let refused = admin(&app, "POST", "/success-tokens/redeem", Some(body)).await.refused(400, "invalid_request");
        assert!(refused.body["errors"][field].is_array(), "{}", refused.text);
    }
    let refused = redeem(&app, "nonsense", "a").await.refused(422, "invalid_success_token");
    assert_eq!(refused.body, redeem(&app, &success, "b").await.refused(422, "invalid_success_token").body);
    admin(&app, "DELETE", &format!("/accounts/{}", person.id), None).await.expect(204);
    assert_eq!(refused.body, redeem(&app, &success, "a").await.refused(422, "invalid_success_token").body);
}
