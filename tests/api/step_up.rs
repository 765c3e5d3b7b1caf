//! What wants a factor proved in this session a short while ago, and what such a proof is.

use serde_json::json;

use crate::harness::{Answer, TestApp};
use crate::owners::FRESH;

on_every_store!(
    a_proof_is_fresh_for_a_quarter_of_an_hour,
    a_password_only_session_changes_nothing_that_is_on,
    a_session_that_another_one_proved_for_is_not_fresh,
    an_enrolment_begun_before_there_was_a_factor_turns_no_further_one_on,
    two_first_enrolments_of_one_session_both_succeed,
    a_success_token_is_used_up,
    a_success_token_is_of_its_account_and_of_its_time,
    a_lost_factor_goes_off_with_a_recovery_code,
    a_recovery_code_ends_other_sessions_when_asked,
    nothing_but_its_own_code_or_a_recovery_code_turns_a_factor_off,
    a_confirmation_makes_the_session_none_the_fresher,
);

async fn off(app: &TestApp, token: &str, factor: &str) -> Answer {
    app.start_factor(token, factor, "disable").await
}

async fn with_success(app: &TestApp, token: &str, factor: &str, way: &str, success: &str) -> Answer {
    let call = app.call("GET", &format!("/api/v2/my/2fa/{factor}/{way}/wizard")).bearer(token);
    call.header("X-Success-Token", success).send().await
}

/// A14: to the second, from the code that confirmed the enrolment, and from the code of a sign-in. Watches `is_fresh`.
async fn a_proof_is_fresh_for_a_quarter_of_an_hour(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    app.enable_sms(&token, &person).await;
    app.clock.advance(FRESH - 1);
    app.start_factor(&token, "google", "enable").await.expect(200);
    off(&app, &token, "sms").await.expect(200);
    app.make_codes(&token, None).await.expect(200);
    app.clock.advance(1);
    for answer in [
        app.start_factor(&token, "google", "enable").await,
        off(&app, &token, "sms").await,
        app.make_codes(&token, None).await,
    ] {
        let refused = answer.refused(403, "step_up_required");
        assert_eq!(refused.body["next"], json!({ "method": "GET", "href": "/api/v2/my/2fa/challenge" }));
    }
    let uuid = app.waiting(&person).await;
    let anew = app.code("sms", &uuid, &app.last_code(&person.phone).await).await.expect(202).access();
    app.clock.advance(FRESH - 1);
    app.start_factor(&anew, "google", "enable").await.expect(200);
    app.clock.advance(1);
    app.start_factor(&anew, "google", "enable").await.refused(403, "step_up_required");
    // A new access token is no new proof.
    app.make_codes(&anew, None).await.refused(403, "step_up_required");
}

/// A14: a session from before there was a factor has proved the password only.
async fn a_password_only_session_changes_nothing_that_is_on(app: TestApp) {
    let mut person = app.person("ann").await;
    let (bare, token) = (app.sign_in(&person).await, app.sign_in(&person).await);
    app.enable_google(&token, &mut person).await;
    off(&app, &bare, "google").await.refused(403, "step_up_required");
    for factor in ["sms", "email"] {
        app.start_factor(&bare, factor, "enable").await.refused(403, "step_up_required");
    }
    app.make_codes(&bare, None).await.refused(403, "step_up_required");
    for junk in ["", "x", &token, &"y".repeat(2_000)] {
        with_success(&app, &bare, "sms", "enable", junk).await.refused(403, "step_up_required");
        app.make_codes(&bare, Some(junk)).await.refused(422, "invalid_success_token");
    }
}

/// A14: freshness is a session's own, and a wizard its session's.
async fn a_session_that_another_one_proved_for_is_not_fresh(app: TestApp) {
    let (person, token) = app.google_and_token("ann").await;
    app.clock.advance(FRESH);
    let fresh = app.by_google(&person).await;
    app.start_factor(&token, "sms", "enable").await.refused(403, "step_up_required");
    let begun = app.start_factor(&fresh, "sms", "enable").await.expect(200).uuid();
    let body = json!({ "uuid": begun, "phone": "+79994449999" });
    app.factor_step(&token, body).await.refused(404, "wizard_not_found");
}

/// A14: a password-only session that began to enrol while nothing was on, and goes on after the owner has turned the
/// authenticator on, would put its own phone beside it. Watches `proves_too_little`.
async fn an_enrolment_begun_before_there_was_a_factor_turns_no_further_one_on(app: TestApp) {
    let mut person = app.person("ann").await;
    let (thief, owner) = (app.sign_in(&person).await, app.sign_in(&person).await);
    let sms = app.start_factor(&thief, "sms", "enable").await.expect(200).uuid();
    let body = || json!({ "uuid": sms, "phone": "+79994449999" });
    app.factor_step(&thief, body()).await.expect(200);
    let email = app.start_factor(&thief, "email", "enable").await.expect(200).uuid();
    app.enable_google(&owner, &mut person).await;
    let (texted, mailed) = (app.last_code("+79994449999").await, app.last_code(&person.email).await);
    for _ in 0..2 {
        let refused = app.factor_code(&thief, &sms, &texted).await.refused(403, "step_up_required");
        assert_eq!(refused.body["next"]["href"], json!("/api/v2/my/2fa/challenge"));
        app.factor_code(&thief, &email, &mailed).await.refused(403, "step_up_required");
        app.clock.advance(120);
        app.factor_step(&thief, body()).await.refused(403, "step_up_required");
    }
    assert!(!app.is_enabled(&owner, "sms").await && !app.is_enabled(&owner, "email").await);
    // Nor does the session get what it may begin from it.
    off(&app, &thief, "google").await.refused(403, "step_up_required");
}

/// A14: whoever turns two on side by side has proved the first by the time of the second.
async fn two_first_enrolments_of_one_session_both_succeed(app: TestApp) {
    let mut person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let sms = app.start_factor(&token, "sms", "enable").await.expect(200).uuid();
    app.factor_step(&token, json!({ "uuid": sms, "phone": person.phone })).await.expect(200);
    app.enable_google(&token, &mut person).await;
    app.factor_code(&token, &sms, &app.last_code(&person.phone).await).await.expect(202);
    assert!(app.is_enabled(&token, "sms").await);
}

/// A14: watches that the start of a wizard spends the token, whether or not the wizard comes to an end.
async fn a_success_token_is_used_up(app: TestApp) {
    let (person, token) = app.google_and_token("ann").await;
    app.clock.advance(FRESH);
    let success = app.confirmed_by(&token, async |app| app.totp(person.key())).await;
    with_success(&app, &token, "sms", "enable", &success).await.expect(200);
    for (factor, way) in [("sms", "enable"), ("email", "enable"), ("google", "disable")] {
        with_success(&app, &token, factor, way, &success).await.refused(403, "step_up_required");
    }
    app.make_codes(&token, Some(&success)).await.refused(422, "invalid_success_token");
    // Many at once: one.
    app.clock.advance(30);
    let success = app.confirmed_by(&token, async |app| app.totp(person.key())).await;
    let starts = (0..10).map(|_| with_success(&app, &token, "google", "disable", &success));
    let answers = futures_util::future::join_all(starts).await;
    assert_eq!(crate::guesses::with_status(&answers, 200), 1);
}

/// A14: another account's, another purpose's, one that is too old, and one from before a change are none.
async fn a_success_token_is_of_its_account_and_of_its_time(app: TestApp) {
    let mut ann = app.person("ann").await;
    let (bare, token) = (app.sign_in(&ann).await, app.sign_in(&ann).await);
    app.enable_google(&token, &mut ann).await;
    let (ben, bens) = app.google_and_token("ben").await;
    app.clock.advance(FRESH);
    let foreign = app.confirmed_by(&bens, async |app| app.totp(ben.key())).await;
    with_success(&app, &token, "sms", "enable", &foreign).await.refused(403, "step_up_required");
    let begun = app.bearing("GET", "/2fa/challenge?purpose=payment", &token).await.expect(200);
    let body = json!({ "token": begun.str("token"), "code": app.totp(ann.key()) });
    let other = app.call("POST", "/api/v2/my/2fa/challenge").bearer(&token).json(&body).send().await.expect(200);
    with_success(&app, &token, "sms", "enable", other.str("successToken")).await.refused(403, "step_up_required");
    app.clock.advance(30);
    let old = app.confirmed_by(&token, async |app| app.totp(ann.key())).await;
    app.clock.advance(600);
    with_success(&app, &token, "sms", "enable", &old).await.refused(403, "step_up_required");
    let (one, two) = (
        app.confirmed_by(&token, async |app| app.totp(ann.key())).await,
        app.confirmed_by(&token, async |app| app.totp_at(ann.key(), 1)).await,
    );
    let begun = with_success(&app, &token, "email", "enable", &one).await.expect(200).uuid();
    app.factor_code(&token, &begun, &app.last_code(&ann.email).await).await.expect(202);
    with_success(&app, &bare, "sms", "enable", &two).await.refused(403, "step_up_required");
}

/// A14, X12: by its own code, or by a recovery code, which is then used up.
async fn a_lost_factor_goes_off_with_a_recovery_code(app: TestApp) {
    let (person, token) = app.google_and_token("ann").await;
    app.enable_sms(&token, &person).await;
    let codes = app.codes(&token).await;
    let begun = off(&app, &token, "google").await.expect(200);
    assert!(begun.ways().contains(&"recovery"));
    let body = |code: &str| json!({ "uuid": begun.uuid(), "action": "recovery", "code": code });
    app.factor_step(&token, body("AAAAA-AAAAA")).await.refused(422, "invalid_code");
    assert!(app.is_enabled(&token, "google").await);
    app.factor_step(&token, body(&codes[0])).await.expect(202);
    assert!(!app.is_enabled(&token, "google").await);
    assert_eq!(app.codes_left(&token).await, 9);
    let told = app.notices(&person.email).await;
    assert_eq!(told[told.len() - 2..], ["recovery_code_used", "factor_disabled"]);
}

/// A16: watches `endOtherSessions` beside a recovery code, which is what somebody sends who has lost a phone.
async fn a_recovery_code_ends_other_sessions_when_asked(app: TestApp) {
    let (person, token) = app.google_and_token("ann").await;
    app.enable_sms(&token, &person).await;
    let codes = app.codes(&token).await;
    let lost = app.by_google(&person).await;
    let alive = async |token: &str| app.bearing("GET", "/sessions", token).await.status == 200;
    for (place, (factor, ending)) in [("google", false), ("sms", true)].into_iter().enumerate() {
        let uuid = off(&app, &token, factor).await.expect(200).uuid();
        let body = json!({ "uuid": uuid, "action": "recovery", "code": codes[place], "endOtherSessions": ending });
        app.factor_step(&token, body).await.expect(202);
        assert_eq!((alive(&token).await, alive(&lost).await), (true, !ending), "{factor}");
    }
}

/// A14: a code of another factor, or of a challenge, turns nothing off.
async fn nothing_but_its_own_code_or_a_recovery_code_turns_a_factor_off(app: TestApp) {
    let (person, token) = app.google_and_token("ann").await;
    app.enable_sms(&token, &person).await;
    let uuid = off(&app, &token, "google").await.expect(200).uuid();
    app.clock.advance(60);
    let challenge = app.bearing("GET", "/2fa/challenge?type=sms", &token).await.expect(200);
    let sent = app.last_code(&person.phone).await;
    if sent != app.totp(person.key()) {
        app.factor_code(&token, &uuid, &sent).await.refused(422, "invalid_code");
    }
    let body = json!({ "token": challenge.str("token"), "code": sent });
    let call = app.call("POST", "/api/v2/my/2fa/challenge").bearer(&token).json(&body);
    let success = call.send().await.expect(200).str("successToken").to_owned();
    for code in [&success, &challenge.str("token").to_owned()] {
        app.factor_code(&token, &uuid, code).await.refused(422, "invalid_code");
    }
    for action in ["choose", "password", "phone", "resend"] {
        let body = json!({ "uuid": uuid, "action": action, "type": "sms", "password": crate::harness::PASSWORD,
            "phone": person.phone });
        app.factor_step(&token, body).await.refused(409, "step_not_allowed");
    }
    assert!(app.is_enabled(&token, "google").await);
}

/// A14: a challenge is worth its token and no more.
async fn a_confirmation_makes_the_session_none_the_fresher(app: TestApp) {
    let (person, token) = app.google_and_token("ann").await;
    app.clock.advance(FRESH);
    app.confirmed_by(&token, async |app| app.totp(person.key())).await;
    app.make_codes(&token, None).await.refused(403, "step_up_required");
    off(&app, &token, "google").await.refused(403, "step_up_required");
}
