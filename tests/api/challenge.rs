//! Confirming that it is you: a challenge, and the success token that it ends in.

use serde_json::{Value, json};

use crate::accounts::admin;
use crate::enumeration::with;
use crate::guesses::other_than;
use crate::harness::{Answer, PASSWORD, Person, Request, TestApp};

on_every_store!(
    the_strongest_factor_that_is_on_is_asked_for,
    whoever_has_no_factor_gets_a_code_by_email,
    only_what_is_on_may_be_picked,
    what_is_no_type_or_purpose_is_named,
    another_code_may_be_asked_for_under_the_cooldown,
    a_recovery_code_confirms_too,
    a_challenge_belongs_to_the_session_that_began_it,
    a_challenge_can_be_looked_at_and_cancelled,
    a_finished_challenge_is_over,
    a_strict_binding_wants_the_key_of_a_challenge,
    a_repeated_code_has_the_same_answer_under_its_key,
    wrong_codes_at_a_challenge_are_the_accounts,
    a_confirmation_clears_only_what_it_proved,
    a_factor_that_goes_off_takes_the_challenge_with_it,
    a_malformed_answer_is_named_and_not_counted,
);

pub const CHALLENGE: &str = "/api/v2/my/2fa/challenge";
pub const SIGNED_OUT: &str = "/api/v2/my/2fa/unauthorized/challenge";

impl TestApp {
    pub async fn challenge(&self, token: &str, query: &str) -> Answer {
        self.call("GET", &format!("{CHALLENGE}{query}")).bearer(token).send().await
    }

    /// The code of a challenge; `bearer` is empty for whoever is signed out.
    pub async fn confirm(&self, bearer: &str, challenge: &str, code: &str) -> Answer {
        let call = self.call("POST", CHALLENGE).json(&json!({ "token": challenge, "code": code }));
        if bearer.is_empty() { call.send().await } else { call.bearer(bearer).send().await }
    }

    /// A success token, confirmed by email.
    pub async fn success(&self, person: &Person, token: &str, query: &str) -> String {
        let challenge = self.challenge(token, query).await.expect(200).str("token").to_owned();
        let code = self.last_code(&person.email).await;
        self.confirm(token, &challenge, &code).await.expect(200).str("successToken").to_owned()
    }

    /// Starts the way back in and waits until the code is out.
    pub async fn way_back(&self, email: &str) -> Answer {
        let answer = self.post("/api/v2/my/signin/password/restore", json!({ "email": email })).await;
        self.engine.errands.idle().await;
        answer
    }

    /// A success token for setting a new password, confirmed by email and signed out.
    pub async fn reset_token(&self, person: &Person) -> String {
        let challenge = self.way_back(&person.email).await.expect(200).str("token").to_owned();
        let code = self.last_code(&person.email).await;
        self.confirm("", &challenge, &code).await.expect(200).str("successToken").to_owned()
    }

    /// The access token of a sign-in by password and this authenticator.
    pub async fn sign_in_with_google(&self, person: &Person) -> String {
        let (uuid, _) = self.past_password(person).await;
        let done = self.code("google", &uuid, &self.totp(person.key.as_deref().unwrap())).await.expect(202);
        self.clock.advance(30);
        done.str("/data/accessToken/token").to_owned()
    }
}

fn posted<'a>(app: &'a TestApp, token: &str, body: &Value) -> Request<'a> {
    app.call("POST", CHALLENGE).bearer(token).json(body)
}

async fn the_strongest_factor_that_is_on_is_asked_for(app: TestApp) {
    let mut person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    app.enable_email(&token, &person).await;
    let mailed = app.challenge(&token, "").await.expect(200);
    assert_eq!((mailed.str("type"), mailed.str("/recipient/email")), ("email", "a***@example.com"));
    app.enable_sms(&token, &person).await;
    app.clock.advance(60);
    let texted = app.challenge(&token, "").await.expect(200);
    assert_eq!((texted.str("type"), texted.str("/recipient/method")), ("sms", "phone"));
    assert!(texted.str("sentAt").ends_with(".000000Z") && texted.str("expiredAt").ends_with(".000000Z"));
    assert!(!texted.text.contains(&person.phone), "masked: {}", texted.text);
    app.enable_google(&token, &mut person).await;
    let asked = app.challenge(&token, "").await.expect(200);
    assert_eq!(
        (asked.str("type"), &asked.body["sentAt"], &asked.body["recipient"]),
        ("google", &Value::Null, &Value::Null)
    );
    let members: Vec<&str> = asked.body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["token", "type", "sentAt", "expiredAt", "recipient"]);
    let code = app.totp(person.key.as_deref().unwrap());
    let done = app.confirm(&token, asked.str("token"), &code).await.expect(200);
    assert_eq!(done.str("token"), done.str("successToken"));
    assert!(done.str("expiresAt").ends_with("+00:00"), "{}", done.text);
    // One that was picked, though it is not the strongest.
    app.clock.advance(60);
    let picked = app.challenge(&token, "?type=sms").await.expect(200);
    assert_eq!(picked.str("type"), "sms");
    app.confirm(&token, picked.str("token"), &app.last_code(&person.phone).await).await.expect(200);
}

async fn whoever_has_no_factor_gets_a_code_by_email(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    for query in ["", "?type=email", "?type=", "?type=&purpose="] {
        let started = app.challenge(&token, query).await.expect(200);
        assert_eq!((started.str("type"), started.str("/recipient/email")), ("email", "a***@example.com"));
        app.confirm(&token, started.str("token"), &app.last_code(&person.email).await).await.expect(200);
    }
}

/// A14: a session whose owner has an authenticator is not confirmed by whoever reads the mail. Watches `may_confirm`.
async fn only_what_is_on_may_be_picked(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    for kind in ["google", "sms"] {
        app.challenge(&token, &format!("?type={kind}")).await.refused(422, "method_not_enabled");
    }
    let person = app.person_with_google("beth").await;
    let token = app.sign_in_with_google(&person).await;
    let before = app.outbox(&person.email).await.len();
    for kind in ["email", "sms"] {
        app.challenge(&token, &format!("?type={kind}")).await.refused(422, "method_not_enabled");
    }
    assert_eq!(app.outbox(&person.email).await.len(), before, "nothing was sent for nothing");
}

async fn what_is_no_type_or_purpose_is_named(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    app.get(CHALLENGE).await.refused(401, "unauthorized");
    app.challenge("ey.ey.ey", "").await.refused(401, "unauthorized");
    for query in ["?type=pager", "?type=GOOGLE", "?type=recovery", "?type=password"] {
        let refused = app.challenge(&token, query).await.refused(400, "invalid_request");
        assert!(refused.body["errors"]["type"].is_array(), "{query}: {}", refused.text);
    }
    let long = format!("?purpose={}", "x".repeat(65));
    for query in ["?purpose=Pay", "?purpose=pay.out", "?purpose=pay%20out", "?purpose=password_reset", &long] {
        let refused = app.challenge(&token, query).await.refused(400, "invalid_request");
        let words = "Must be 1 to 64 small letters, digits, underscores or hyphens; password_reset is reserved.";
        assert_eq!(refused.body["errors"]["purpose"], json!([words]), "{query}: {}", refused.text);
    }
    app.challenge(&token, "?type=email&type=sms").await.refused(400, "invalid_request");
    assert_eq!(app.outbox(&person.email).await, Vec::<Value>::new());
    app.challenge(&token, "?purpose=pay-out_2").await.expect(200);
}

/// A5, A7: watches that a challenge waits like every other wizard, and that its old code dies.
async fn another_code_may_be_asked_for_under_the_cooldown(app: TestApp) {
    let person = app.person_with_sms("ann").await;
    let (uuid, _) = app.past_password(&person).await;
    let done = app.code("sms", &uuid, &app.last_code(&person.phone).await).await.expect(202);
    let token = done.str("/data/accessToken/token");
    let challenge = app.challenge(token, "").await.expect(200).str("token").to_owned();
    let first = app.last_code(&person.phone).await;
    let body = json!({ "token": challenge, "action": "resend" });
    let early = posted(&app, token, &body).send().await.refused(429, "resend_too_soon");
    assert_eq!((early.header("retry-after"), early.uuid()), (Some("30"), challenge.clone()));
    app.clock.advance(30);
    let again = posted(&app, token, &body).send().await.expect(200);
    assert_eq!((again.str("token"), again.str("type")), (challenge.as_str(), "sms"));
    let second = app.last_code(&person.phone).await;
    if first != second {
        app.confirm(token, &challenge, &first).await.refused(422, "invalid_code");
    }
    let early = posted(&app, token, &body).send().await.refused(429, "resend_too_soon");
    assert_eq!(early.header("retry-after"), Some("60"));
    app.confirm(token, &challenge, &second).await.expect(200);
    // An authenticator has nothing to send.
    let person = app.person_with_google("beth").await;
    let token = app.sign_in_with_google(&person).await;
    let challenge = app.challenge(&token, "").await.expect(200).str("token").to_owned();
    let body = json!({ "token": challenge, "action": "resend" });
    posted(&app, &token, &body).send().await.refused(409, "step_not_allowed");
}

/// A23, X12: one that was used is gone, is told of, and names itself where the token is redeemed.
async fn a_recovery_code_confirms_too(app: TestApp) {
    let person = app.person_with_google("ann").await;
    let token = app.sign_in_with_google(&person).await;
    let made = app.call("POST", "/api/v2/my/2fa/recovery-codes").bearer(&token).json(&json!({})).send().await;
    let codes = made.expect(200).body["codes"].as_array().expect("codes").clone();
    let code = codes[0].as_str().unwrap();
    app.engine.errands.idle().await;
    let before = app.outbox(&person.email).await.len();
    let challenge = app.challenge(&token, "?purpose=pay_out").await.expect(200).str("token").to_owned();
    let done = app.confirm(&token, &challenge, code).await.expect(200);
    let body = json!({ "token": done.str("successToken"), "purpose": "pay_out" });
    let redeemed = admin(&app, "POST", "/success-tokens/redeem", Some(body)).await.expect(200);
    assert_eq!(redeemed.str("method"), "recovery");
    app.engine.errands.idle().await;
    assert_eq!(app.outbox(&person.email).await.len(), before + 1);
    let challenge = app.challenge(&token, "").await.expect(200).str("token").to_owned();
    app.confirm(&token, &challenge, code).await.refused(422, "invalid_code");
}

/// X1, X2, X19: somebody else's session, another session of the same owner, no session and an ended one find nothing, and
/// the code is still good for whoever began. Watches `belongs`.
async fn a_challenge_belongs_to_the_session_that_began_it(app: TestApp) {
    let (ann, beth) = (app.person("ann").await, app.person("beth").await);
    let (token, other) = (app.sign_in(&ann).await, app.sign_in(&ann).await);
    let beths = app.sign_in(&beth).await;
    let challenge = app.challenge(&token, "").await.expect(200).str("token").to_owned();
    let code = app.last_code(&ann.email).await;
    for stranger in [&beths, &other, "", "ey.ey.ey"] {
        let refused = app.confirm(stranger, &challenge, &code).await.refused(404, "wizard_not_found");
        assert_eq!(refused.str("/restart/href"), CHALLENGE);
        let look = app.call("GET", &format!("/api/v2/my/wizard/{challenge}"));
        let look = if stranger.is_empty() { look } else { look.bearer(stranger) };
        look.send().await.refused(404, "wizard_not_found");
    }
    // Nor do the calls of other wizards take it, or the other way round.
    app.code("email", &challenge, &code).await.refused(404, "wizard_not_found");
    let step = json!({ "uuid": challenge, "action": "code", "code": code });
    app.factor_step(&token, step).await.refused(404, "wizard_not_found");
    let signing_in = app.wizard().await;
    app.confirm(&token, &signing_in, &code).await.refused(404, "wizard_not_found");
    app.confirm(&token, &challenge, &code).await.expect(200);
    let challenge = app.challenge(&other, "").await.expect(200).str("token").to_owned();
    app.call("POST", "/api/v2/my/signout").bearer(&other).send().await.expect(204);
    let code = app.last_code(&ann.email).await;
    app.confirm(&other, &challenge, &code).await.refused(404, "wizard_not_found");
    app.confirm(&token, &challenge, &code).await.refused(404, "wizard_not_found");
}

async fn a_challenge_can_be_looked_at_and_cancelled(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let challenge = app.challenge(&token, "").await.expect(200).str("token").to_owned();
    let at = format!("/api/v2/my/wizard/{challenge}");
    let look = app.call("GET", &at).bearer(&token).send().await.expect(200);
    assert_eq!((look.workflow(), look.str("/next/href")), ("challenge_email", CHALLENGE));
    assert_eq!(look.body["next"]["fields"][0]["name"], json!("token"));
    let ways: Vec<&str> =
        look.body["next"]["alternatives"].as_array().unwrap().iter().map(|way| way["rel"].as_str().unwrap()).collect();
    assert_eq!(ways, ["resend", "cancel"]);
    app.call("DELETE", &at).send().await.refused(404, "wizard_not_found");
    app.call("DELETE", &at).bearer(&token).send().await.expect(204);
    let code = app.last_code(&person.email).await;
    app.confirm(&token, &challenge, &code).await.refused(404, "wizard_not_found");
    // It lives a quarter of an hour, and its code five minutes.
    let challenge = app.challenge(&token, "").await.expect(200).str("token").to_owned();
    let code = app.last_code(&person.email).await;
    app.clock.advance(300);
    app.confirm(&token, &challenge, &code).await.refused(422, "code_expired");
    app.clock.advance(600);
    app.confirm(&token, &challenge, &code).await.refused(404, "wizard_not_found");
}

/// X10, A3: neither the challenge nor its code works twice, and looking at it shows no token. Watches `shown.success`.
async fn a_finished_challenge_is_over(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let challenge = app.challenge(&token, "").await.expect(200).str("token").to_owned();
    let code = app.last_code(&person.email).await;
    let done = app.confirm(&token, &challenge, &code).await.expect(200);
    app.confirm(&token, &challenge, &code).await.refused(409, "step_not_allowed");
    let body = json!({ "token": challenge, "action": "resend" });
    posted(&app, &token, &body).send().await.refused(409, "step_not_allowed");
    let look = app.call("GET", &format!("/api/v2/my/wizard/{challenge}")).bearer(&token).send().await.expect(202);
    assert!(!look.text.contains(done.str("successToken")), "{}", look.text);
    let next = app.challenge(&token, "").await.expect(200).str("token").to_owned();
    if app.last_code(&person.email).await != code {
        app.confirm(&token, &next, &code).await.refused(422, "invalid_code");
    }
}

/// X2: watches `Settings::strict_binding` where a challenge is answered, signed in and signed out.
async fn a_strict_binding_wants_the_key_of_a_challenge(app: TestApp) {
    let app = with(app, &[("STEPGATE_WIZARD__BINDING", "strict")]).await;
    let person = app.person("ann").await;
    let wizard = app.get("/api/v2/my/signin/wizard").await.expect(200);
    let body = json!({ "uuid": wizard.uuid(), "email": person.email, "password": PASSWORD });
    let call = app.call("POST", "/api/v2/my/signin").header("X-Wizard-Key", wizard.header("x-wizard-key").unwrap());
    let token = call.json(&body).send().await.expect(202).str("/data/accessToken/token").to_owned();
    let (own, anybodys) = (app.challenge(&token, "").await, app.way_back(&person.email).await);
    let codes: Vec<Value> = app.outbox(&person.email).await.iter().map(|sent| sent["code"].clone()).collect();
    for (started, code) in [(own, &codes[1]), (anybodys, &codes[0])] {
        let started = started.expect(200);
        let body = json!({ "token": started.str("token"), "code": code });
        posted(&app, &token, &body).send().await.refused(404, "wizard_not_found");
        posted(&app, &token, &body).header("X-Wizard-Key", "another").send().await.refused(404, "wizard_not_found");
        let key = started.header("x-wizard-key").expect("a key");
        posted(&app, &token, &body).header("X-Wizard-Key", key).send().await.expect(200);
    }
}

/// X10: the same token, sealed with the wizard, and one confirmation; another code under the key is no free guess.
async fn a_repeated_code_has_the_same_answer_under_its_key(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let challenge = app.challenge(&token, "").await.expect(200).str("token").to_owned();
    let code = app.last_code(&person.email).await;
    let body = json!({ "token": challenge, "code": code });
    let keyed = |key: &str, body: &Value| posted(&app, &token, body).header("Idempotency-Key", key).send();
    let wrong = json!({ "token": challenge, "code": other_than(&code) });
    let (first, again) = (keyed("one", &wrong).await, keyed("one", &wrong).await);
    assert_eq!(
        (first.refused(422, "invalid_code").body["attemptsLeft"].clone(), json!(4)),
        (json!(4), again.body["attemptsLeft"].clone())
    );
    keyed("one", &body).await.refused(422, "idempotency_key_reused");
    let (first, again) = tokio::join!(keyed("two", &body), keyed("two", &body));
    assert_eq!(first.expect(200).body, again.expect(200).body);
    keyed("two", &wrong).await.refused(422, "idempotency_key_reused");
    keyed("two", &body).await.refused(409, "step_not_allowed");
}

/// X20, A4: guesses at challenges lock the second factor everywhere, also for the right code, and starting another
/// challenge gives no fresh ones. Watches the subject of a signed-in challenge's attempts.
async fn wrong_codes_at_a_challenge_are_the_accounts(app: TestApp) {
    let person = app.person_with_google("ann").await;
    let token = app.sign_in_with_google(&person).await;
    let (uuid, _) = app.past_password(&person).await;
    let key = person.key.as_deref().unwrap();
    let wrong = app.wrong_totp(key);
    for guess in 0..10 {
        let challenge = app.challenge(&token, "").await.expect(200).str("token").to_owned();
        let refused = app.confirm(&token, &challenge, &wrong).await.refused(422, "invalid_code");
        assert_eq!(refused.body["attemptsLeft"], json!(9 - guess));
    }
    let challenge = app.challenge(&token, "").await.expect(200).str("token").to_owned();
    let locked = app.confirm(&token, &challenge, &app.totp(key)).await.refused(429, "account_locked");
    assert_eq!(locked.workflow(), "locked");
    app.code("google", &uuid, &app.totp(key)).await.refused(429, "account_locked");
    app.confirm(&token, &challenge, &app.totp(key)).await.refused(429, "too_many_attempts");
}

/// A6: a right password, a code to an address that is no factor, and a factor that is only being turned on leave the
/// wrong codes counted; a factor that is on clears them. Watches `enrolled`.
async fn a_confirmation_clears_only_what_it_proved(app: TestApp) {
    let person = app.person_with_sms("ann").await;
    let (uuid, _) = app.past_password(&person).await;
    let code = app.last_code(&person.phone).await;
    let wrong = app.code("sms", &uuid, &other_than(&code)).await.refused(422, "invalid_code");
    assert_eq!(wrong.body["attemptsLeft"], json!(4), "of the wizard");
    // Nine more, and the way back in between has cleared nothing.
    app.reset_token(&person).await;
    let mut left = Vec::new();
    for _ in 0..2 {
        app.clock.advance(240);
        let (uuid, _) = app.past_password(&person).await;
        let wrong = other_than(&app.last_code(&person.phone).await);
        for _ in 0..5 {
            let answer = app.code("sms", &uuid, &wrong).await;
            left.push((answer.status, answer.body["attemptsLeft"].clone()));
        }
    }
    let last = (429, Value::Null);
    let expected: Vec<(u16, Value)> = (0..5).rev().chain((0..4).rev()).map(|left| (422, json!(left))).collect();
    assert_eq!((&left[..9], &left[9]), (&expected[..], &last), "one before, nine now");
}

/// X9: the code was sent for a method that is off by now. Watches `still_on` and `require_a_confirmation`.
async fn a_factor_that_goes_off_takes_the_challenge_with_it(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    app.enable_email(&token, &person).await;
    app.enable_sms(&token, &person).await;
    app.clock.advance(60);
    let challenge = app.challenge(&token, "?type=email").await.expect(200).str("token").to_owned();
    let code = app.last_code(&person.email).await;
    let off = app.start_factor(&token, "email", "disable").await.expect(200).uuid();
    let body = json!({ "uuid": off, "action": "code", "code": app.last_code(&person.email).await });
    app.factor_step(&token, body).await.expect(202);
    let refused = app.confirm(&token, &challenge, &code).await;
    assert!(refused.status == 409 || refused.status == 422, "{}", refused.text);
}

/// X8, A11: watches `parse` and the body's types.
async fn a_malformed_answer_is_named_and_not_counted(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let challenge = app.challenge(&token, "").await.expect(200).str("token").to_owned();
    for (body, field) in [
        (json!({ "code": "123456" }), "token"),
        (json!({ "token": "none", "code": "123456" }), "token"),
        (json!({ "token": 1, "code": "123456" }), "token"),
        (json!({ "token": challenge }), "code"),
        (json!({ "token": challenge, "code": null }), "code"),
        (json!({ "token": challenge, "code": 123_456 }), "code"),
        (json!({ "token": challenge, "code": ["123456"] }), "code"),
        (json!({ "token": challenge, "action": "cancel" }), "action"),
        (json!({ "token": challenge, "action": ["resend"] }), "action"),
    ] {
        let refused = posted(&app, &token, &body).send().await.refused(400, "invalid_request");
        assert!(refused.body["errors"][field].is_array(), "{body}: {}", refused.text);
    }
    for code in ["", "12345", "1234567", " 123456", "+12345", "１２３４５６", "12345a"] {
        let refused = app.confirm(&token, &challenge, code).await.refused(422, "invalid_code");
        assert_eq!(refused.body["attemptsLeft"], Value::Null, "{code}");
    }
    let unknown = "00000000-0000-4000-8000-000000000000";
    app.confirm(&token, unknown, "123456").await.refused(404, "wizard_not_found");
    app.confirm(&token, &challenge, &app.last_code(&person.email).await).await.expect(200);
}
