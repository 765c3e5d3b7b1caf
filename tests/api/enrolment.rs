//! Enrolment at sign-in: what the operator's policy wants turned on first, and that there is no way around it.

use serde_json::{Value, json};

use crate::harness::{ADMIN_KEY, Answer, PASSWORD, Person, TestApp};

on_every_store!(
    whoever_has_no_factor_enrols_before_the_tokens,
    a_phone_is_enrolled_at_sign_in,
    the_address_is_enrolled_at_sign_in,
    forced_enrolment_cannot_be_skipped_or_cancelled_into_a_session,
    where_nothing_is_wanted_nothing_is_enrolled_at_sign_in,
    another_session_turns_a_factor_on_meanwhile,
    a_factor_that_is_on_is_asked_for_before_another_is_enrolled,
    a_factor_turned_on_meanwhile_is_not_got_around,
    a_remembered_device_enrols_nothing,
    what_stood_in_for_the_password_is_not_enrolled_beside_it,
    disallowed_methods_cannot_be_turned_on,
    grace_ends_to_the_second,
    the_policys_own_start_counts_when_it_is_later,
    each_policy_is_met_in_turn,
    a_fresh_secret_replaces_the_one_before,
    codes_of_an_enrolment_are_limited_like_all_others,
    a_device_may_be_remembered_at_enrolment,
    a_repeat_under_a_key_enrols_once,
    the_owner_is_told_of_a_factor_turned_on_at_sign_in,
);

const REQUIRED: &[&str] = &["google", "sms", "email"];

fn policies() -> Value {
    json!([{ "required": REQUIRED }])
}

/// An account that must enrol, past its password.
async fn enrolling(app: &TestApp, name: &str) -> (Person, String, Answer) {
    let person = app.person(name).await;
    let (uuid, answer) = app.past_password(&person).await;
    (person, uuid, answer.expect(200))
}

async fn begin_google(app: &TestApp, uuid: &str) -> String {
    let begun = app.enroll(uuid, json!({ "type": "google" })).await.expect(200);
    assert_eq!(begun.workflow(), "2fa_google");
    begun.str("/data/key").to_owned()
}

async fn factors(app: &TestApp, person: &Person) -> Value {
    app.account_at(&person.email).await["factors"].clone()
}

/// X32: the whole way, with the tokens at its end and not before.
async fn whoever_has_no_factor_enrols_before_the_tokens(app: TestApp) {
    let app = app.with_policies(policies()).await;
    let (mut person, uuid, begun) = enrolling(&app, "ann").await;
    assert_eq!(
        (begun.workflow(), begun.methods(), &begun.body["done"]),
        ("2fa_enroll", REQUIRED.to_vec(), &json!(false))
    );
    assert_eq!((begun.str("/next/href"), begun.ways()), ("/api/v2/my/signin/2fa/enroll", vec!["cancel"]));
    let key = begin_google(&app, &uuid).await;
    let seen = app.look(None, &uuid).await.expect(200);
    assert_eq!((seen.str("/data/key"), seen.str("/next/href")), (key.as_str(), "/api/v2/my/2fa/google"));
    assert_eq!(seen.ways(), ["enroll", "cancel"]);
    let wrong = app.code("google", &uuid, &app.wrong_totp(&key)).await.refused(422, "invalid_code");
    assert_eq!(wrong.workflow(), "2fa_google");
    assert_eq!(factors(&app, &person).await, json!([]));
    let done = app.code("google", &uuid, &app.totp(&key)).await.expect(202);
    assert_eq!((done.workflow(), &done.body["done"]), ("login", &json!(true)));
    assert_eq!(factors(&app, &person).await, json!(["google"]));
    // What confirmed the enrolment is a fresh proof: recovery codes at once.
    assert_eq!(app.codes(&done.access()).await.len(), 10);
    assert_eq!(app.changes(&done.access()).await, 1);
    person.key = Some(key);
    app.clock.advance(30);
    assert_eq!(app.past_password(&person).await.1.expect(200).workflow(), "2fa_google_auth");
}

async fn a_phone_is_enrolled_at_sign_in(app: TestApp) {
    let app = app.with_policies(policies()).await;
    let (person, uuid, _) = enrolling(&app, "ann").await;
    let missing = app.enroll(&uuid, json!({ "type": "sms" })).await.refused(422, "invalid_phone");
    assert_eq!((missing.workflow(), missing.body["errors"]["phone"].is_array()), ("2fa_enroll", true));
    for bad in ["", "12", "+1", "not a phone", "+79994445561;ext=1"] {
        app.enroll(&uuid, json!({ "type": "sms", "phone": bad })).await.refused(422, "invalid_phone");
    }
    app.enroll(&uuid, json!({ "type": "sms", "phone": 7 })).await.expect(400);
    let sent = app.enroll(&uuid, json!({ "type": "sms", "phone": "+79994449999" })).await.expect(200);
    assert_eq!((sent.workflow(), sent.str("/data/recipient/phone")), ("phone", "+79994449999"));
    assert_eq!(sent.ways(), ["resend", "enroll", "cancel"]);
    let first = app.last_code("+79994449999").await;
    app.enroll(&uuid, json!({ "type": "sms" })).await.refused(429, "resend_too_soon");
    app.clock.advance(30);
    app.enroll(&uuid, json!({ "type": "sms", "phone": person.phone })).await.expect(200);
    // The code of the number before proves nothing of this one.
    let right = app.last_code(&person.phone).await;
    if first != right {
        app.code("sms", &uuid, &first).await.refused(422, "invalid_code");
    }
    app.clock.advance(60);
    app.enroll(&uuid, json!({ "type": "sms" })).await.expect(200);
    let right = app.last_code(&person.phone).await;
    let done = app.code("sms", &uuid, &right).await.expect(202);
    assert!(app.is_enabled(&done.access(), "sms").await);
    assert_eq!(app.past_password(&person).await.1.expect(200).workflow(), "2fa_sms_auth");
    assert_eq!(app.outbox("+79994449999").await.len(), 1);
}

async fn the_address_is_enrolled_at_sign_in(app: TestApp) {
    let app = app.with_policies(policies()).await;
    let (person, uuid, _) = enrolling(&app, "ann").await;
    assert_eq!(app.enroll(&uuid, json!({ "type": "email" })).await.expect(200).workflow(), "2fa_email");
    let done = app.code("email", &uuid, &app.last_code(&person.email).await).await.expect(202);
    assert!(app.is_enabled(&done.access(), "email").await);
}

/// X32: no call but the right code of what is enrolled leads on, and cancelling leads nowhere.
async fn forced_enrolment_cannot_be_skipped_or_cancelled_into_a_session(app: TestApp) {
    let app = app.with_policies(json!([{ "required": ["google"] }])).await;
    let (person, uuid, _) = enrolling(&app, "ann").await;
    for factor in ["google", "sms", "email"] {
        app.code(factor, &uuid, "123456").await.refused(409, "step_not_allowed");
        app.choose(&uuid, factor).await.refused(409, "step_not_allowed");
    }
    app.recover(&uuid, "ABCDE-FGHIJ").await.refused(409, "step_not_allowed");
    app.password(&uuid, &person, PASSWORD).await.refused(409, "step_not_allowed");
    let token_like = app.bearing("GET", "/2fa", &uuid).await;
    token_like.refused(401, "unauthorized");
    let key = begin_google(&app, &uuid).await;
    for body in [json!({ "type": "sms", "phone": person.phone }), json!({ "type": "email" })] {
        app.enroll(&uuid, body).await.refused(403, "mfa_disallowed");
    }
    app.enroll(&uuid, json!({ "type": "recovery" })).await.expect(400);
    app.recover(&uuid, "ABCDE-FGHIJ").await.refused(409, "step_not_allowed");
    let step = json!({ "uuid": uuid, "action": "code", "code": app.totp(&key) });
    app.post("/api/v2/my/2fa/wizard", step).await.refused(401, "unauthorized");
    app.call("DELETE", &format!("/api/v2/my/wizard/{uuid}")).send().await.expect(204);
    app.code("google", &uuid, &app.totp(&key)).await.refused(404, "wizard_not_found");
    assert_eq!(factors(&app, &person).await, json!([]));
    // Nor does time: the wizard expires where it stood.
    let (uuid, _) = app.past_password(&person).await;
    let key = begin_google(&app, &uuid).await;
    app.clock.advance(900);
    app.code("google", &uuid, &app.totp(&key)).await.refused(404, "wizard_not_found");
    let path = format!("/admin/v1/accounts/{}/sessions", person.id);
    let sessions = app.call("GET", &path).bearer(ADMIN_KEY).send().await.expect(200);
    assert_eq!(sessions.body["data"], json!([]));
}

/// X32: watches `may_enrol` and `MustEnrol`: without a policy the call is no way to turn anything on.
async fn where_nothing_is_wanted_nothing_is_enrolled_at_sign_in(app: TestApp) {
    let (person, _) = app.google_and_token("ann").await;
    let uuid = app.wizard().await;
    let body = || json!({ "type": "sms", "phone": "+79994449999" });
    app.enroll(&uuid, body()).await.refused(409, "step_not_allowed");
    app.password(&uuid, &person, PASSWORD).await.expect(200);
    app.enroll(&uuid, body()).await.refused(409, "step_not_allowed");
    app.code("google", &uuid, &app.totp(person.key())).await.expect(202);
    app.enroll(&uuid, body()).await.refused(409, "step_not_allowed");
    assert_eq!(app.outbox("+79994449999").await.len(), 0);
}

/// X33: a wizard that was told to enrol turns nothing on once another one has met the policy.
async fn another_session_turns_a_factor_on_meanwhile(app: TestApp) {
    let app = app.with_policies(policies()).await;
    let (person, thief, _) = enrolling(&app, "ann").await;
    let (_, owner) = (
        app.enroll(&thief, json!({ "type": "sms", "phone": "+79994449999" })).await.expect(200),
        app.past_password(&person).await.0,
    );
    let thiefs = app.last_code("+79994449999").await;
    let key = begin_google(&app, &owner).await;
    let done = app.code("google", &owner, &app.totp(&key)).await.expect(202);
    let refused = app.code("sms", &thief, &thiefs).await;
    refused.refused(403, "mfa_disallowed");
    let again = app.enroll(&thief, json!({ "type": "email" })).await;
    assert!([403, 409].contains(&again.status), "{}", again.text);
    assert!(!app.is_enabled(&done.access(), "sms").await);
    assert_eq!(factors(&app, &person).await, json!(["google"]));
    assert_eq!(app.bearing("GET", "/sessions", &done.access()).await.expect(200).body["total"], json!(1));
}

/// An account with a phone, made before its policy wants the authenticator.
async fn with_sms_but_not_google(app: TestApp) -> (TestApp, Person, String) {
    let (person, token) = app.sms_and_token("ann").await;
    let policies = json!([{ "required": ["google"], "allowed": ["google"] }]).to_string();
    (app.stop().await.with("STEPGATE_MFA__POLICIES", &policies).start().await, person, token)
}

/// X33: sms is on and the authenticator is required: the code by SMS comes first.
async fn a_factor_that_is_on_is_asked_for_before_another_is_enrolled(app: TestApp) {
    let (app, person, _) = with_sms_but_not_google(app).await;
    let (uuid, begun) = app.past_password(&person).await;
    assert_eq!(begun.expect(200).workflow(), "2fa_sms_auth");
    app.enroll(&uuid, json!({ "type": "google" })).await.refused(409, "step_not_allowed");
    let next = app.code("sms", &uuid, &app.last_code(&person.phone).await).await.expect(200);
    assert_eq!((next.workflow(), next.methods()), ("2fa_enroll", vec!["google"]));
    let key = begin_google(&app, &uuid).await;
    app.code("google", &uuid, &app.totp(&key)).await.expect(202);
    assert_eq!(factors(&app, &person).await, json!(["google", "sms"]), "what was on stays on");
}

/// X33: sms was proved, the authenticator is being enrolled; in between sms goes off and email comes on. What was
/// proved is no longer on, so nothing is turned on and nobody let in. Watches `require_a_factor_that_is_on` in `act`.
async fn a_factor_turned_on_meanwhile_is_not_got_around(app: TestApp) {
    let (person, token) = app.sms_and_token("ann").await;
    // The second policy, unmet again by then, keeps the wizard from the end, where the same is looked for once more.
    let policies = json!([{ "required": ["google"] }, { "required": ["sms"] }]).to_string();
    let app = app.stop().await.with("STEPGATE_MFA__POLICIES", &policies).start().await;
    let (uuid, _) = app.past_password(&person).await;
    app.code("sms", &uuid, &app.last_code(&person.phone).await).await.expect(200);
    let key = begin_google(&app, &uuid).await;
    app.enable_email(&token, &person).await;
    app.clock.advance(60);
    let off = app.start_factor(&token, "sms", "disable").await.expect(200).uuid();
    app.factor_code(&token, &off, &app.last_code(&person.phone).await).await.expect(202);
    app.code("google", &uuid, &app.totp(&key)).await.refused(409, "step_not_allowed");
    assert_eq!(factors(&app, &person).await, json!(["email"]));
}

/// A19: a password that was set with a code by email, and the same mailbox as the second factor, are one factor. A
/// password that was set otherwise ends that. Watches `is_due`.
async fn what_stood_in_for_the_password_is_not_enrolled_beside_it(app: TestApp) {
    let app = app.with_policies(json!([{ "required": ["email", "sms"] }])).await;
    let person = app.person("ann").await;
    let success = app.reset_token(&person).await;
    app.reset_password(&success, "seven violet herons juggling").await.expect(204);
    let uuid = app.wizard().await;
    let asked = app.password(&uuid, &person, "seven violet herons juggling").await.expect(200);
    assert_eq!((asked.workflow(), asked.methods()), ("2fa_enroll", vec!["sms"]));
    app.enroll(&uuid, json!({ "type": "email" })).await.refused(403, "mfa_disallowed");
    let path = format!("/admin/v1/accounts/{}", person.id);
    let patch = app.call("PATCH", &path).bearer(ADMIN_KEY).json(&json!({ "password": PASSWORD }));
    patch.send().await.expect(200);
    let (uuid, asked) = app.past_password(&person).await;
    assert_eq!(asked.expect(200).methods(), ["sms", "email"]);
    app.enroll(&uuid, json!({ "type": "email" })).await.expect(200);
    app.code("email", &uuid, &app.last_code(&person.email).await).await.expect(202);
}

/// X18, X33: a device is no proof for turning a further factor on; where one is due, the factor is asked for.
async fn a_remembered_device_enrols_nothing(app: TestApp) {
    let person = app.person_with_sms("ann").await;
    let uuid = app.waiting(&person).await;
    let body = json!({ "uuid": uuid, "code": app.last_code(&person.phone).await, "rememberDevice": true });
    let device = app.post("/api/v2/my/2fa/sms", body).await.expect(202).device();
    let device = app.on_device(&person, &device).await.expect(202).device();
    let policies = json!([{ "required": ["google"] }]).to_string();
    let app = app.stop().await.with("STEPGATE_MFA__POLICIES", &policies).start().await;
    app.clock.advance(60);
    let begun = app.on_device(&person, &device).await.expect(200);
    assert_eq!(begun.workflow(), "2fa_sms_auth");
    let uuid = begun.uuid();
    app.code("sms", &uuid, &app.last_code(&person.phone).await).await.expect(200);
    let key = begin_google(&app, &uuid).await;
    app.code("google", &uuid, &app.totp(&key)).await.expect(202);
}

/// X33: what the policy does not allow is turned on neither by a session nor at sign-in; what is on goes off.
async fn disallowed_methods_cannot_be_turned_on(app: TestApp) {
    let (mut person, token) = app.sms_and_token("ann").await;
    let policies = json!([{ "groups": ["staff"], "allowed": ["sms", "email"] }, { "allowed": ["google", "sms"] }]);
    let app = app.stop().await.with("STEPGATE_MFA__POLICIES", &policies.to_string()).start().await;
    app.start_factor(&token, "email", "enable").await.refused(403, "mfa_disallowed");
    app.enable_google(&token, &mut person).await;
    let other = app.account(json!({ "email": "s@example.com", "password": PASSWORD, "groups": ["staff"] })).await;
    let staff = Person { id: other, email: "s@example.com".into(), phone: "+79994447777".into(), key: None };
    let theirs = app.sign_in(&staff).await;
    for factor in ["google", "email"] {
        app.start_factor(&theirs, factor, "enable").await.refused(403, "mfa_disallowed");
    }
    app.enable_sms(&theirs, &staff).await;
    let nothing = json!([{ "allowed": [] }]).to_string();
    let app = app.stop().await.with("STEPGATE_MFA__POLICIES", &nothing).start().await;
    for factor in ["google", "email"] {
        app.start_factor(&theirs, factor, "enable").await.refused(403, "mfa_disallowed");
    }
    assert_eq!(app.past_password(&staff).await.1.expect(200).workflow(), "2fa_sms_auth", "on is on");
    app.clock.advance(60);
    let off = app.start_factor(&theirs, "sms", "disable").await.expect(200).uuid();
    app.factor_code(&theirs, &off, &app.last_code(&staff.phone).await).await.expect(202);
}

/// X32: watches `is_met`: from the account's making, to the second.
async fn grace_ends_to_the_second(app: TestApp) {
    let app = app.with_policies(json!([{ "required": ["google"], "grace": "1d" }])).await;
    let person = app.person("ann").await;
    app.clock.advance(86_399);
    app.past_password(&person).await.1.expect(202);
    let begun = app.enroll(&app.wizard().await, json!({ "type": "google" })).await;
    begun.refused(409, "step_not_allowed");
    app.clock.advance(1);
    assert_eq!(app.past_password(&person).await.1.expect(200).workflow(), "2fa_enroll");
}

/// X32: an old account has the whole grace from the day of the policy; a policy of the future asks for nothing yet.
async fn the_policys_own_start_counts_when_it_is_later(app: TestApp) {
    let policy = json!([{ "required": ["google"], "grace": "1h", "since": "2026-01-20T12:00:05Z" }]);
    let app = app.with_policies(policy).await;
    let person = app.person("ann").await;
    app.clock.advance(5 * 86_400 + 3_599);
    app.past_password(&person).await.1.expect(202);
    let late = app.person("ben").await;
    app.clock.advance(1);
    assert_eq!(app.past_password(&person).await.1.expect(200).workflow(), "2fa_enroll");
    app.past_password(&late).await.1.expect(202);
    app.clock.advance(3_599);
    assert_eq!(app.past_password(&late).await.1.expect(200).workflow(), "2fa_enroll");
}

/// X32: two policies, two factors, one sign-in; no tokens after the first.
async fn each_policy_is_met_in_turn(app: TestApp) {
    let app = app.with_policies(json!([{ "required": ["google"] }, { "required": ["sms", "email"] }])).await;
    let (person, uuid, begun) = enrolling(&app, "ann").await;
    assert_eq!(begun.methods(), ["google"]);
    let key = begin_google(&app, &uuid).await;
    let next = app.code("google", &uuid, &app.totp(&key)).await.expect(200);
    assert_eq!((next.workflow(), next.methods()), ("2fa_enroll", vec!["sms", "email"]));
    app.enroll(&uuid, json!({ "type": "google" })).await.refused(403, "mfa_disallowed");
    // Half-way is no way in: the next sign-in asks for what is on, and goes on from there.
    app.clock.advance(30);
    let other = app.waiting(&person).await;
    app.enroll(&other, json!({ "type": "email" })).await.refused(409, "step_not_allowed");
    let next = app.code("google", &other, &app.totp(&key)).await.expect(200);
    assert_eq!(next.methods(), ["sms", "email"]);
    app.enroll(&uuid, json!({ "type": "email" })).await.expect(200);
    app.code("email", &uuid, &app.last_code(&person.email).await).await.expect(202);
}

/// X32: a secret is shown for one enrolment; after another choice the one before is worth nothing.
async fn a_fresh_secret_replaces_the_one_before(app: TestApp) {
    let app = app.with_policies(policies()).await;
    let (person, uuid, _) = enrolling(&app, "ann").await;
    let first = begin_google(&app, &uuid).await;
    app.enroll(&uuid, json!({ "type": "email" })).await.expect(200);
    let mailed = app.last_code(&person.email).await;
    app.code("google", &uuid, &app.totp(&first)).await.refused(409, "step_not_allowed");
    let second = begin_google(&app, &uuid).await;
    assert_ne!(first, second);
    app.code("email", &uuid, &mailed).await.refused(409, "step_not_allowed");
    app.code("google", &uuid, &app.totp(&first)).await.refused(422, "invalid_code");
    app.code("google", &uuid, &app.totp(&second)).await.expect(202);
}

/// X20: guesses at an enrolment count on the account, over all wizards, and lock it.
async fn codes_of_an_enrolment_are_limited_like_all_others(app: TestApp) {
    let app = app.with_policies(policies()).await;
    let (person, one, _) = enrolling(&app, "ann").await;
    let two = app.waiting(&person).await;
    let keys = [begin_google(&app, &one).await, begin_google(&app, &two).await];
    for (uuid, key) in [&one, &two].into_iter().zip(&keys) {
        for _ in 0..5 {
            app.code("google", uuid, &app.wrong_totp(key)).await.refused(422, "invalid_code");
        }
    }
    app.code("google", &one, &app.totp(&keys[0])).await.refused(429, "account_locked");
    assert_eq!(factors(&app, &person).await, json!([]));
}

async fn a_device_may_be_remembered_at_enrolment(app: TestApp) {
    let app = app.with_policies(policies()).await;
    let (person, uuid, _) = enrolling(&app, "ann").await;
    let key = begin_google(&app, &uuid).await;
    let body = json!({ "uuid": uuid, "code": app.totp(&key), "rememberDevice": true });
    let device = app.post("/api/v2/my/2fa/google", body).await.expect(202).device();
    app.on_device(&person, &device).await.expect(202);
}

async fn a_repeat_under_a_key_enrols_once(app: TestApp) {
    let app = app.with_policies(policies()).await;
    let (person, uuid, _) = enrolling(&app, "ann").await;
    let keyed = async |key: &str, path: &str, body: Value| {
        app.call("POST", &format!("/api/v2/my{path}")).header("Idempotency-Key", key).json(&body).send().await
    };
    let wish = || json!({ "uuid": uuid, "type": "sms", "phone": person.phone });
    let first = keyed("one", "/signin/2fa/enroll", wish()).await.expect(200);
    assert_eq!(keyed("one", "/signin/2fa/enroll", wish()).await.expect(200).text, first.text);
    assert_eq!(app.outbox(&person.phone).await.len(), 1);
    let code = json!({ "uuid": uuid, "code": app.last_code(&person.phone).await, "rememberDevice": true });
    let done = keyed("two", "/2fa/sms", code.clone()).await.expect(202);
    app.clock.advance(60);
    let again = keyed("two", "/2fa/sms", code).await.expect(202);
    assert_eq!((&again.text, again.device()), (&done.text, done.device()));
    assert_eq!(app.changes(&done.access()).await, 1);
    assert_eq!(app.notices(&person.email).await, ["factor_enabled", "device_remembered"]);
}

/// A23: watches that an enrolment at sign-in is told of like any other.
async fn the_owner_is_told_of_a_factor_turned_on_at_sign_in(app: TestApp) {
    let app = app.with_policies(policies()).await;
    let (person, uuid, _) = enrolling(&app, "ann").await;
    let key = begin_google(&app, &uuid).await;
    assert_eq!(app.notices(&person.email).await, [] as [&str; 0]);
    app.code("google", &uuid, &app.totp(&key)).await.expect(202);
    assert_eq!(app.notices(&person.email).await, ["factor_enabled"]);
}
