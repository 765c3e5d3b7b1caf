//! Ways around a step that others have left open: each is tried here.

use serde_json::{Value, json};

use crate::enumeration::{shape, shape_of, with};
use crate::harness::{ADMIN_KEY, Answer, Backend, PASSWORD, Person, Setup, TestApp};
use crate::redis as servers;

on_every_store_and_with_a_directory!(
    the_account_cannot_be_swapped_in_mid_wizard,
    of_two_passwords_that_race_one_opens_a_session,
    a_wizard_of_another_session_is_no_wizard,
    an_expired_wizard_cannot_be_resumed,
    a_malformed_password_never_passes,
    a_malformed_code_never_passes_and_costs_nothing,
    a_finished_wizard_shows_and_grants_nothing_more,
    choosing_a_method_is_no_password_oracle,
    all_spellings_of_a_name_share_one_budget,
    no_spelling_of_a_name_dodges_the_second_factor,
    members_that_nobody_asked_for_change_nothing,
    a_lockout_ends_the_waiting_wizard,
    a_locked_answer_does_not_tell_whether_the_code_was_right,
    a_locked_answer_does_not_tell_whether_the_password_was_right,
    a_shown_wizard_key_must_be_the_right_one,
    strict_binding_wants_the_key_at_every_step,
);

const BASE: &str = "/api/v2/my";

fn key(answer: &Answer) -> String {
    answer.header("x-wizard-key").unwrap().to_owned()
}

/// The number of the account that these tokens are for.
fn owner(answer: &Answer) -> u64 {
    let token = answer.str("/data/accessToken/token");
    let claims = data_encoding::BASE64URL_NOPAD.decode(token.split('.').nth(1).unwrap().as_bytes()).unwrap();
    serde_json::from_slice::<Value>(&claims).unwrap()["sub"].as_str().unwrap().parse().unwrap()
}

async fn choose(app: &TestApp, uuid: &str, factor: &str) -> Answer {
    app.post(&format!("{BASE}/signin/2fa"), json!({ "uuid": uuid, "type": factor })).await
}

async fn look(app: &TestApp, uuid: &str) -> Answer {
    app.get(&format!("{BASE}/wizard/{uuid}")).await
}

async fn cancel(app: &TestApp, uuid: &str) -> Answer {
    app.call("DELETE", &format!("{BASE}/wizard/{uuid}")).send().await
}

/// A code that is well-formed and not the right one.
fn wrong(code: &str) -> String {
    let last = if code.ends_with('7') { '3' } else { '7' };
    format!("{}{last}", &code[..code.len() - 1])
}

/// X1: once one account's password is proved, the wizard takes nobody else's, and no code of another wizard; a wrong
/// password binds nobody. Watches `Rejection::NotHere` and that a wrong password leaves no account behind.
async fn the_account_cannot_be_swapped_in_mid_wizard(app: TestApp) {
    let (ann, ben) = (app.person_with_sms("ann").await, app.person_with_sms("ben").await);
    let plain = app.person("cyd").await;
    let (uuid, _) = app.past_password(&ann).await;
    for other in [&ben, &plain, &ann] {
        let refused = app.password(&uuid, other, PASSWORD).await.refused(409, "step_not_allowed");
        assert_eq!(refused.workflow(), "2fa_sms_auth");
    }
    assert_eq!(app.outbox(&ben.phone).await.len(), 1, "only the code of the enrolment");
    let (bens_uuid, _) = app.past_password(&ben).await;
    let bens = app.last_code(&ben.phone).await;
    let anns = app.last_code(&ann.phone).await;
    if bens != anns {
        app.code("sms", &uuid, &bens).await.refused(422, "invalid_code");
    }
    let done = app.code("sms", &uuid, &anns).await.expect(202);
    assert_eq!(owner(&done), ann.id);
    assert_eq!(owner(&app.code("sms", &bens_uuid, &bens).await.expect(202)), ben.id);

    let uuid = app.wizard().await;
    app.password(&uuid, &ann, "not the password").await.refused(422, "invalid_credentials");
    let done = app.password(&uuid, &plain, PASSWORD).await.expect(202);
    assert_eq!(owner(&done), plain.id);
}

/// X1: two accounts' right passwords on one wizard at once open one session, and leave none of the loser's behind.
/// Watches the compare-and-set of the wizard and `Engine::lost`.
async fn of_two_passwords_that_race_one_opens_a_session(app: TestApp) {
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    for _ in 0..5 {
        let uuid = app.wizard().await;
        let (one, two) = tokio::join!(app.password(&uuid, &ann, PASSWORD), app.password(&uuid, &ben, PASSWORD));
        let mut won = 0;
        for (answer, person) in [(one, &ann), (two, &ben)] {
            let other = if person.id == ann.id { &ben } else { &ann };
            if answer.status == 202 {
                won += 1;
                assert_eq!(owner(&answer), person.id);
                let token = answer.str("/data/accessToken/token").to_owned();
                app.call("POST", &format!("{BASE}/signout")).bearer(&token).send().await.expect(204);
            } else {
                assert_eq!(answer.status, 409, "{}", answer.text);
                assert!(!answer.text.contains("Token") && !answer.text.contains(&other.email), "{}", answer.text);
            }
        }
        assert_eq!(won, 1);
    }
    for person in [&ann, &ben] {
        let token = app.sign_in(person).await;
        let sessions = app.call("GET", &format!("{BASE}/sessions")).bearer(&token).send().await.expect(200);
        assert_eq!(sessions.body["total"], json!(1), "a session of a lost race lives on");
    }
}

/// X2: to every session but its own a wizard of a signed-in person is no wizard at all, on every call, key or no key;
/// and nothing is sent, spent or ended by trying. Watches `belongs`.
async fn a_wizard_of_another_session_is_no_wizard(app: TestApp) {
    let (victim, attacker) = (app.person("ann").await, app.person("ben").await);
    let token = app.sign_in(&victim).await;
    let elsewhere = app.sign_in(&victim).await;
    let foreign = app.sign_in(&attacker).await;
    let google = app.start_factor(&token, "google", "enable").await.expect(200);
    let sms = app.start_factor(&token, "sms", "enable").await.expect(200);
    let email = app.start_factor(&token, "email", "enable").await.expect(200);
    let (secret, code) = (google.str("/data/key").to_owned(), app.last_code(&victim.email).await);
    let sent = app.outbox(&victim.email).await.len();
    let unknown = "00000000-0000-4000-8000-000000000000";
    let steps = |uuid: &str| {
        vec![
            json!({ "uuid": uuid, "action": "code", "code": app.totp(&secret), "key": secret }),
            json!({ "uuid": uuid, "action": "code", "code": code }),
            json!({ "uuid": uuid, "phone": attacker.phone }),
            json!({ "uuid": uuid, "action": "resend" }),
        ]
    };
    for started in [&google, &sms, &email] {
        let uuid = started.uuid();
        for session in [&foreign, &elsewhere] {
            for (step, idle) in steps(&uuid).into_iter().zip(steps(unknown)) {
                for shown in [None, Some(key(started))] {
                    let mut call = app.call("POST", &format!("{BASE}/2fa/wizard")).bearer(session).json(&step);
                    if let Some(key) = &shown {
                        call = call.header("X-Wizard-Key", key);
                    }
                    let tried = call.send().await.refused(404, "wizard_not_found");
                    let expected = app.factor_step(session, idle.clone()).await;
                    assert_eq!(shape(&tried), shape(&expected));
                }
            }
        }
        for method in ["GET", "DELETE"] {
            let at =
                |uuid: &str| app.call(method, &format!("{BASE}/wizard/{uuid}")).header("X-Wizard-Key", &key(started));
            for session in [Some(&foreign), Some(&elsewhere), None] {
                let (mut tried, mut expected) = (at(&uuid), at(unknown));
                if let Some(session) = session {
                    (tried, expected) = (tried.bearer(session), expected.bearer(session));
                }
                let (tried, expected) = (tried.send().await, expected.send().await);
                tried.clone().refused(404, "wizard_not_found");
                assert_eq!(shape(&tried), shape(&expected));
            }
        }
        // Nor is it a sign-in.
        for refused in [
            app.password(&uuid, &victim, PASSWORD).await,
            choose(&app, &uuid, "email").await,
            app.code("google", &uuid, &app.totp(&secret)).await,
            app.code("email", &uuid, &code).await,
        ] {
            refused.refused(404, "wizard_not_found");
        }
        app.factor_step("nonsense", json!({ "uuid": uuid, "action": "resend" })).await.refused(401, "unauthorized");
    }
    assert!(app.outbox(&attacker.phone).await.is_empty());
    assert_eq!(app.outbox(&victim.email).await.len(), sent);
    // And a sign-in is nothing that a session could step.
    let (signing_in, _) = app.past_password(&attacker).await;
    app.factor_step(&foreign, json!({ "uuid": signing_in, "action": "resend" })).await.refused(404, "wizard_not_found");

    let finish = json!({ "uuid": google.uuid(), "action": "code", "code": app.totp(&secret), "key": secret });
    app.factor_step(&token, finish).await.expect(202);
    app.factor_step(&token, json!({ "uuid": sms.uuid(), "phone": victim.phone })).await.expect(200);
}

/// X6, X28: a wizard ends with its time at whichever step it stands, and looks like one that never was, though the
/// store still has it (the clock is moved; no Redis entry has run out). Watches `Wizard::is_over`.
async fn an_expired_wizard_cannot_be_resumed(app: TestApp) {
    let plain = app.person("ann").await;
    let sms = app.person_with_sms("ben").await;
    let google = app.person_with_google("cyd").await;
    let token = app.sign_in(&plain).await;
    let at_login = app.wizard().await;
    let (at_sms, _) = app.past_password(&sms).await;
    let (at_google, _) = app.past_password(&google).await;
    let enrolling = app.start_factor(&token, "google", "enable").await.expect(200);
    let (enrolling, secret) = (enrolling.uuid(), enrolling.str("/data/key").to_owned());
    let finished = app.wizard().await;
    app.password(&finished, &plain, PASSWORD).await.expect(202);
    let code = app.last_code(&sms.phone).await;

    app.clock.advance(15 * 60 - 1);
    for uuid in [&at_login, &at_sms, &at_google] {
        look(&app, uuid).await.expect(200);
    }
    app.clock.advance(1);
    let unknown = "00000000-0000-4000-8000-000000000000";
    let expected = look(&app, unknown).await.refused(404, "wizard_not_found");
    for uuid in [&at_login, &at_sms, &at_google, &finished] {
        let gone = look(&app, uuid).await;
        assert_eq!(shape(&gone), shape(&expected));
        for refused in [
            app.password(uuid, &plain, PASSWORD).await,
            choose(&app, uuid, "sms").await,
            app.code("sms", uuid, &code).await,
            app.code("google", uuid, &app.totp(google.key.as_deref().unwrap())).await,
            cancel(&app, uuid).await,
        ] {
            assert_eq!(shape(&refused), shape(&expected));
        }
    }
    let step = json!({ "uuid": enrolling, "action": "code", "code": app.totp(&secret), "key": secret });
    app.factor_step(&token, step).await.refused(404, "wizard_not_found");
    let methods = app.call("GET", &format!("{BASE}/2fa/google")).bearer(&token).send().await.expect(200);
    assert_eq!(methods.body["isEnabled"], json!(false));
}

/// X28: a wizard, and with it its code, is over when its time is, while the Redis server still keeps it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expiry_does_not_wait_for_the_store_to_clean_up() {
    let prefix = servers::prefix();
    let app = Setup::on(Backend::Redis).with("STEPGATE_REDIS__PREFIX", &prefix).start().await;
    let person = app.person_with_sms("ann").await;
    let (uuid, _) = app.past_password(&person).await;
    let code = app.last_code(&person.phone).await;
    let token = {
        let plain = app.person("ben").await;
        app.sign_in(&plain).await
    };
    let keys = |part: &str| servers::single().ask::<Vec<String>>(&["KEYS", &format!("*{prefix}*{part}*")]).len();
    app.clock.advance(31 * 86_400);
    assert_eq!(keys(&format!("w:{uuid}")), 1, "the server has cleaned up, and this test shows nothing");
    assert!(keys(":s:") >= 2);
    app.code("sms", &uuid, &code).await.refused(404, "wizard_not_found");
    app.call("GET", &format!("{BASE}/sessions")).bearer(&token).send().await.refused(401, "unauthorized");
    assert_eq!(keys(&format!("w:{uuid}")), 1);
}

/// Values that are no text.
fn no_texts() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(false),
        json!(0),
        json!(123_456),
        json!(123_456.0),
        json!([]),
        json!(["123456"]),
        json!({}),
        json!({ "$ne": null }),
        json!({ "code": "123456" }),
    ]
}

/// X8, X30: whatever stands in the place of a name or a password, nobody is signed in by it, and what is not of the right
/// form is not even counted. Watches the typed bodies and that a missing password is never a right one.
async fn a_malformed_password_never_passes(app: TestApp) {
    let (person, sms) = (app.person("ann").await, app.person_with_sms("ben").await);
    let bare = json!({ "email": "cyd@example.com" });
    app.call("POST", "/admin/v1/accounts").bearer(ADMIN_KEY).json(&bare).send().await.expect(201);
    let path = format!("{BASE}/signin");
    let uuid = app.wizard().await;
    for account in [&person.email, &sms.email, "cyd@example.com"] {
        let whole = json!({ "uuid": uuid, "email": account, "password": PASSWORD });
        for member in ["uuid", "email", "password"] {
            for value in no_texts() {
                let mut body = whole.clone();
                body[member] = value;
                app.post(&path, body).await.refused(400, "invalid_request");
            }
            let mut body = whole.clone();
            body.as_object_mut().unwrap().remove(member);
            app.post(&path, body).await.refused(400, "invalid_request");
        }
    }
    for text in ["", "null", "[]", "true", "\"x\"", "{", "{}}", "[{\"uuid\":\"x\"}]"] {
        let answer = app.call("POST", &path).text("application/json", text).send().await;
        assert_eq!(answer.status, 400, "{text}: {}", answer.text);
    }
    let twice = format!(r#"{{"uuid":"{uuid}","email":"{}","password":"x","password":"{PASSWORD}"}}"#, person.email);
    app.call("POST", &path).text("application/json", twice).send().await.refused(400, "invalid_request");
    // Nothing of it was counted: this is the first failure.
    let wrong = app.password(&uuid, &person, "").await.refused(422, "invalid_credentials");
    assert_eq!(wrong.body["attemptsLeft"], json!(4));
    let nobody = app.post(&path, json!({ "uuid": uuid, "email": "cyd@example.com", "password": "" })).await;
    nobody.refused(422, "invalid_credentials");
    let guessed = app.post(&path, json!({ "uuid": uuid, "email": "cyd@example.com", "password": "null" })).await;
    guessed.refused(422, "invalid_credentials");
    app.password(&uuid, &person, PASSWORD).await.expect(202);
}

/// X8, X30: whatever stands in the place of a code, no factor is proved, turned on or turned off by it, and no attempt is
/// used up. Watches `Code::parse` and the typed bodies.
async fn a_malformed_code_never_passes_and_costs_nothing(app: TestApp) {
    let person = app.person_with_sms("ann").await;
    let plain = app.person("ben").await;
    let token = app.sign_in(&plain).await;
    let started = app.start_factor(&token, "google", "enable").await.expect(200);
    let secret = started.str("/data/key").to_owned();
    let (uuid, _) = app.past_password(&person).await;
    let code = app.last_code(&person.phone).await;
    let spaced = format!(" {code}");
    let wide: String = code.chars().map(|c| char::from_u32(c as u32 + 0xff10 - 0x30).unwrap()).collect();
    let texts = ["", " ", "null", "12345", "1234567", "abcdef", "+12345", "-12345", "12345\0", "0x1234", "1e5"];
    for text in texts.into_iter().chain([spaced.as_str(), &wide, &code[..5]]) {
        app.code("sms", &uuid, text).await.refused(422, "invalid_code");
        let step = json!({ "uuid": started.uuid(), "action": "code", "code": text, "key": secret });
        app.factor_step(&token, step).await.refused(422, "invalid_code");
    }
    for value in no_texts() {
        let step = json!({ "uuid": uuid, "code": value });
        app.post(&format!("{BASE}/2fa/sms"), step).await.refused(400, "invalid_request");
        let step = json!({ "uuid": started.uuid(), "action": "code", "code": value, "key": secret });
        app.factor_step(&token, step).await.refused(400, "invalid_request");
    }
    app.post(&format!("{BASE}/2fa/sms"), json!({ "uuid": uuid })).await.refused(400, "invalid_request");
    for action in ["", "done", "accept", "CODE"] {
        let step = json!({ "uuid": started.uuid(), "action": action, "code": app.totp(&secret) });
        app.factor_step(&token, step).await.refused(400, "invalid_request");
    }
    for form in
        [format!("uuid={uuid}&code[]={code}"), format!("uuid={uuid}&code={code}&code={code}"), format!("uuid={uuid}")]
    {
        let path = format!("{BASE}/2fa/sms");
        let answer = app.call("POST", &path).text("application/x-www-form-urlencoded", form).send().await;
        answer.refused(400, "invalid_request");
    }
    // The key of another secret is refused whatever the code.
    let step = json!({ "uuid": started.uuid(), "action": "code", "code": app.totp(&secret), "key": "AAAA" });
    app.factor_step(&token, step).await.refused(422, "invalid_code");
    let methods = app.call("GET", &format!("{BASE}/2fa/google")).bearer(&token).send().await.expect(200);
    assert_eq!(methods.body["isEnabled"], json!(false));
    let first = app.code("sms", &uuid, &wrong(&code)).await.refused(422, "invalid_code");
    assert_eq!(first.body["attemptsLeft"], json!(4), "malformed codes were counted");
    app.code("sms", &uuid, &code).await.expect(202);
}

/// X10, A3: a wizard that is over shows that it is, grants nothing again, and gives no tokens away, by whatever it is
/// asked. Watches `Rejection::Over` and that `look` never has tokens.
async fn a_finished_wizard_shows_and_grants_nothing_more(app: TestApp) {
    let person = app.person_with_sms("ann").await;
    let uuid = app.wizard().await;
    let body = json!({ "uuid": uuid, "email": person.email, "password": PASSWORD });
    app.post(&format!("{BASE}/signin"), body.clone()).await.expect(200);
    let code = app.last_code(&person.phone).await;
    let step = json!({ "uuid": uuid, "code": code });
    let path = format!("{BASE}/2fa/sms");
    let done = app.call("POST", &path).header("Idempotency-Key", "once").json(&step).send().await.expect(202);
    let token = done.str("/data/accessToken/token").to_owned();

    let seen = look(&app, &uuid).await.expect(202);
    assert_eq!(
        (&seen.body["done"], &seen.body["data"], &seen.body["next"]),
        (&json!(true), &Value::Null, &Value::Null)
    );
    let sent = app.outbox(&person.phone).await.len();
    for refused in [
        app.code("sms", &uuid, &code).await,
        app.code("google", &uuid, &code).await,
        app.post(&format!("{BASE}/signin"), body).await,
        choose(&app, &uuid, "sms").await,
        cancel(&app, &uuid).await,
    ] {
        let refused = refused.refused(409, "step_not_allowed");
        assert!(!refused.text.contains("oken\""), "{}", refused.text);
    }
    let other = json!({ "uuid": uuid, "code": wrong(&code) });
    let reused = app.call("POST", &path).header("Idempotency-Key", "once").json(&other).send().await;
    reused.refused(422, "idempotency_key_reused");
    assert_eq!(app.outbox(&person.phone).await.len(), sent);

    // An enrolment as well.
    let started = app.start_factor(&token, "google", "enable").await.expect(200);
    let secret = started.str("/data/key").to_owned();
    let step = json!({ "uuid": started.uuid(), "action": "code", "code": app.totp(&secret), "key": secret });
    app.factor_step(&token, step.clone()).await.expect(202);
    app.factor_step(&token, step).await.refused(409, "step_not_allowed");
    app.clock.advance(30);
    let again = json!({ "uuid": started.uuid(), "action": "code", "code": app.totp(&secret), "key": secret });
    app.factor_step(&token, again).await.refused(409, "step_not_allowed");
    let path = format!("{BASE}/wizard/{}", started.uuid());
    let seen = app.call("GET", &path).bearer(&token).send().await.expect(202);
    assert!(!seen.text.contains(&secret));
    let changes = app.call("GET", &format!("{BASE}/2fa/changes")).bearer(&token).send().await.expect(200);
    assert_eq!(changes.body["total"], json!(2), "sms and google, once each");
}

/// X21: the call that sends a code does nothing before the right password, whatever else it is given; and a wrong
/// password, or a right one on a locked account, sends nothing. Watches `Fact::PasswordVerified`.
async fn choosing_a_method_is_no_password_oracle(app: TestApp) {
    let app = with(app, &[("STEPGATE_LIMITS__ADDRESS__FAILURES", "1000")]).await;
    let person = app.person_with_sms("ann").await;
    let sent = app.outbox(&person.phone).await.len();
    let mut answers = Vec::new();
    for (email, password) in
        [(person.email.as_str(), PASSWORD), (&person.email, "not the password"), ("nobody@example.com", PASSWORD)]
    {
        for factor in ["sms", "email", "google"] {
            let uuid = app.wizard().await;
            let body = json!({ "uuid": uuid, "type": factor, "email": email, "password": password });
            let answer = app.post(&format!("{BASE}/signin/2fa"), body).await.refused(409, "step_not_allowed");
            assert_eq!(answer.workflow(), "login");
            answers.push(shape_of(&answer, &[(&uuid, "UUID")]));
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:#?}");
    let uuid = app.wizard().await;
    for _ in 0..5 {
        app.password(&uuid, &person, "not the password").await.refused(422, "invalid_credentials");
        choose(&app, &uuid, "sms").await.refused(409, "step_not_allowed");
    }
    app.password(&uuid, &person, PASSWORD).await.refused(429, "too_many_attempts");
    choose(&app, &uuid, "sms").await.refused(409, "step_not_allowed");
    assert_eq!(app.outbox(&person.phone).await.len(), sent);
}

/// An account with a dotted address and a user name, on a server that ignores dots in its domain.
pub async fn many_names(app: TestApp) -> (TestApp, Person, Vec<&'static str>) {
    let settings =
        [("STEPGATE_LIMITS__ADDRESS__FAILURES", "1000"), ("STEPGATE_NAMES__IGNORE_DOTS_FOR", "[\"example.com\"]")];
    let app = with(app, &settings).await;
    let body = json!({ "email": "Ann.Lee@example.com", "username": "Ann-Lee", "password": PASSWORD });
    let id = app.account(body).await;
    let person = Person { id, email: "ann.lee@example.com".into(), phone: "+79994440001".into(), key: None };
    let spellings = vec![
        "Ann.Lee@example.com",
        "ANN.LEE@EXAMPLE.COM",
        "a.n.n.l.e.e@example.com",
        "  annlee@example.com\t",
        "ａｎｎ．ｌｅｅ＠ｅｘａｍｐｌｅ．ｃｏｍ",
        "ann-lee",
        "ANN-LEE",
        "ａｎｎ-ＬＥＥ",
        "\u{a0}Ann-Lee\u{3000}",
    ];
    (app, person, spellings)
}

async fn give(app: &TestApp, name: &str, password: &str) -> Answer {
    let uuid = app.wizard().await;
    app.post(&format!("{BASE}/signin"), json!({ "uuid": uuid, "email": name, "password": password })).await
}

/// X22: case, compatibility forms, dots where they are configured to mean nothing, address or user name: all spellings
/// of a name run into one limit, and so do those of a name that nobody has. Watches `LoginName::fold`.
async fn all_spellings_of_a_name_share_one_budget(app: TestApp) {
    let (app, _, spellings) = many_names(app).await;
    for (failures, name) in spellings.iter().take(4).chain([&"ann-lee"]).enumerate() {
        let answer = give(&app, name, "not the password").await.refused(422, "invalid_credentials");
        assert_eq!(answer.body["attemptsLeft"].as_u64(), Some(4 - failures as u64), "{name}");
    }
    for name in &spellings {
        give(&app, name, PASSWORD).await.refused(429, "too_many_attempts");
    }
    let nobody = [
        "No.Body@example.com",
        "nobody@EXAMPLE.com",
        "ｎｏｂｏｄｙ@example.com",
        "n.o.body@example.com",
        "nobody@example.com",
    ];
    for (failures, name) in nobody.iter().enumerate() {
        let answer = give(&app, name, PASSWORD).await.refused(422, "invalid_credentials");
        assert_eq!(answer.body["attemptsLeft"].as_u64(), Some(4 - failures as u64), "{name}");
    }
    give(&app, "NOBODY@example.com", PASSWORD).await.refused(429, "too_many_attempts");
    // Dots mean something elsewhere.
    let answer = give(&app, "no.body@example.org", PASSWORD).await.refused(422, "invalid_credentials");
    assert_eq!(answer.body["attemptsLeft"], json!(4));
    let answer = give(&app, "nobody@example.org", PASSWORD).await.refused(422, "invalid_credentials");
    assert_eq!(answer.body["attemptsLeft"], json!(4));
}

/// X24: every spelling under which the password is taken leads to the same account and asks for its second factor; and
/// no other account can be made under a spelling of a name that is taken. Watches `LoginName::fold`.
async fn no_spelling_of_a_name_dodges_the_second_factor(app: TestApp) {
    let (app, mut person, spellings) = many_names(app).await;
    let token = app.sign_in(&person).await;
    app.enable_google(&token, &mut person).await;
    for name in &spellings {
        let answer = give(&app, name, PASSWORD).await.expect(200);
        assert_eq!(answer.workflow(), "2fa_google_auth", "{name}");
        let code = app.totp(person.key.as_deref().unwrap());
        let done = app.code("google", &answer.uuid(), &code).await.expect(202);
        assert_eq!(owner(&done), person.id, "{name}");
        app.clock.advance(30);
        let taken = match name.trim().contains(['@', '＠']) {
            true => json!({ "email": name, "password": PASSWORD }),
            false => json!({ "email": "new@example.com", "username": name, "password": PASSWORD }),
        };
        let made = app.call("POST", "/admin/v1/accounts").bearer(ADMIN_KEY).json(&taken).send().await;
        assert!(made.status == 409 || made.status == 400, "{name}: {}", made.text);
    }
    for name in ["ann\u{200b}-lee", "ann-lee\0", "ann_lee", "annlee", "ann-lee@example.com", "аnn-lee"] {
        give(&app, name, PASSWORD).await.refused(422, "invalid_credentials");
    }
}

/// X31: members that a body has no business to have change nothing: not the wizard, not the account. Watches the typed
/// bodies.
async fn members_that_nobody_asked_for_change_nothing(app: TestApp) {
    let (person, other) = (app.person_with_google("ann").await, app.person("ben").await);
    let extras = json!({
        "verified": true, "isEnabled": true, "is_enabled": true, "permissions": ["users:update"], "groups": ["admin"],
        "facts": ["PasswordVerified", "FactorVerified", "NoFactorEnrolled"], "account": { "id": other.id }, "id": other.id,
        "accountId": other.id, "userId": other.id, "sub": other.id.to_string(), "done": true, "step": "signed_in",
        "workflow": "login", "ended": true, "revision": 0, "session": "AAAAAAAAAAAAAAAAAAAAAA", "factors": {},
        "expiresAt": "2099-01-01T00:00:00+00:00", "attemptsLeft": 99, "mfa": false, "rememberDevice": true, "role": "admin",
        "pending": { "phone": other.phone }, "sends": { "count": 0 }, "key_digest": "", "data": { "accessToken": {} },
    });
    let with_extras = |body: Value| {
        let mut all = extras.clone();
        all.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        all
    };
    let uuid = app.wizard().await;
    let body = with_extras(json!({ "uuid": uuid, "email": person.email, "password": "not the password" }));
    app.post(&format!("{BASE}/signin"), body).await.refused(422, "invalid_credentials");
    let body = with_extras(json!({ "uuid": uuid, "email": person.email, "password": PASSWORD }));
    let answer = app.post(&format!("{BASE}/signin"), body).await.expect(200);
    assert_eq!((answer.workflow(), &answer.body["done"]), ("2fa_google_auth", &json!(false)));
    let body = with_extras(json!({ "uuid": uuid, "type": "sms" }));
    app.post(&format!("{BASE}/signin/2fa"), body).await.refused(422, "method_not_enabled");
    let code = app.totp(person.key.as_deref().unwrap());
    let path = format!("{BASE}/2fa/google");
    let answer = app.post(&path, with_extras(json!({ "uuid": uuid, "code": wrong(&code) }))).await;
    assert_eq!(answer.refused(422, "invalid_code").body["attemptsLeft"], json!(9));
    let done = app.post(&path, with_extras(json!({ "uuid": uuid, "code": code }))).await.expect(202);
    assert_eq!(owner(&done), person.id);

    let token = app.sign_in(&other).await;
    let started = app.start_factor(&token, "sms", "enable").await.expect(200).uuid();
    let step = with_extras(json!({ "uuid": started, "action": "code", "code": "000000" }));
    app.factor_step(&token, step).await.refused(409, "step_not_allowed");
    let step = with_extras(json!({ "uuid": started, "phone": "+79994440009" }));
    app.factor_step(&token, step).await.expect(200);
    assert!(app.outbox(&other.phone).await.is_empty());
    let sent = app.last_code("+79994440009").await;
    let step = with_extras(json!({ "uuid": started, "action": "code", "code": wrong(&sent) }));
    app.factor_step(&token, step).await.refused(422, "invalid_code");
    let methods = app.call("GET", &format!("{BASE}/2fa")).bearer(&token).send().await.expect(200);
    assert!(!methods.text.contains("true"), "{}", methods.text);

    let mut body = with_extras(json!({ "locale": "cs" }));
    body.as_object_mut().unwrap().retain(|name, _| name != "permissions" && name != "groups");
    let path = format!("/admin/v1/accounts/{}", person.id);
    let patched = app.call("PATCH", &path).bearer(ADMIN_KEY).json(&body).send().await.expect(200);
    assert_eq!((&patched.body["id"], &patched.body["factors"]), (&json!(person.id), &json!(["google"])));
    for id in [person.id, other.id] {
        let seen = app.call("GET", &format!("/admin/v1/accounts/{id}")).bearer(ADMIN_KEY).send().await.expect(200);
        assert_eq!((&seen.body["permissions"], &seen.body["groups"]), (&json!([]), &json!([])));
    }
}

/// A26: the guess that locks the second factor ends the wizard it was made in: the right code opens nothing in it, then
/// or after the lock. A new wizard does. Watches `Engine::kill`.
async fn a_lockout_ends_the_waiting_wizard(app: TestApp) {
    let app = with(app, &[("STEPGATE_LIMITS__SECOND_FACTOR__BLOCK", "1m")]).await;
    let person = app.person_with_google("ann").await;
    let secret = person.key.as_deref().unwrap();
    let (uuid, _) = app.past_password(&person).await;
    for left in (0..10).rev() {
        let answer = app.code("google", &uuid, &wrong(&app.totp(secret))).await.refused(422, "invalid_code");
        assert_eq!(answer.body["attemptsLeft"].as_u64(), Some(left));
        assert_eq!(answer.workflow(), if left == 0 { "locked" } else { "2fa_google_auth" });
    }
    for _ in 0..2 {
        app.code("google", &uuid, &app.totp(secret)).await.refused(429, "too_many_attempts");
        app.password(&uuid, &person, PASSWORD).await.refused(429, "too_many_attempts");
        choose(&app, &uuid, "google").await.refused(429, "too_many_attempts");
        look(&app, &uuid).await.refused(429, "too_many_attempts");
        app.clock.advance(61);
    }
    let (fresh, _) = app.past_password(&person).await;
    app.code("google", &fresh, &app.totp(secret)).await.expect(202);
}

/// A26: while the second factor is locked, a right code and a wrong one are answered with the same bytes, both end their
/// wizard, and neither is spent or counted. Watches the order of the judgement: blocked comes before right or wrong.
async fn a_locked_answer_does_not_tell_whether_the_code_was_right(app: TestApp) {
    let settings = [("STEPGATE_LIMITS__SECOND_FACTOR__BLOCK", "1m"), ("STEPGATE_LIMITS__SECOND_FACTOR__FAILURES", "3")];
    let app = with(app, &settings).await;
    let person = app.person_with_google("ann").await;
    let secret = person.key.as_deref().unwrap();
    let (first, _) = app.past_password(&person).await;
    let (one, two) = (app.past_password(&person).await.0, app.past_password(&person).await.0);
    for _ in 0..3 {
        app.code("google", &first, &wrong(&app.totp(secret))).await.refused(422, "invalid_code");
    }
    let code = app.totp(secret);
    let before = app.engine.store.round_trips();
    let right = app.code("google", &one, &code).await.refused(429, "account_locked");
    let between = app.engine.store.round_trips();
    let guess = app.code("google", &two, &wrong(&code)).await.refused(429, "account_locked");
    assert_eq!(between - before, app.engine.store.round_trips() - between, "the work differs");
    assert_eq!(shape_of(&right, &[(&one, "UUID")]), shape_of(&guess, &[(&two, "UUID")]));
    assert!(right.header("retry-after").is_some());
    for uuid in [&one, &two] {
        app.code("google", uuid, &code).await.refused(429, "too_many_attempts");
        look(&app, uuid).await.refused(429, "too_many_attempts");
    }
    app.clock.advance(60);
    let (fresh, _) = app.past_password(&person).await;
    app.code("google", &fresh, &app.totp(secret)).await.expect(202);
}

/// A26, X21: while the first factor is locked, a right password and a wrong one have the same answer, the same work and
/// the same consequences for whoever guesses: also the client address is counted alike, so that its own limit is no way
/// to ask. Watches the order of the judgement and the counting of addresses in `Engine::judge_plan`.
async fn a_locked_answer_does_not_tell_whether_the_password_was_right(app: TestApp) {
    let settings = [
        ("STEPGATE_TRUSTED_PROXIES", "[\"127.0.0.0/8\"]"),
        ("STEPGATE_LIMITS__ADDRESS__FAILURES", "4"),
        ("STEPGATE_LIMITS__ADDRESS__WINDOW", "10m"),
    ];
    let app = with(app, &settings).await;
    let (plain, sms) = (app.person("ann").await, app.person_with_sms("ben").await);
    for (number, person) in [&plain, &sms].into_iter().enumerate() {
        let from = async |address: &str, name: &str, password: &str| {
            let uuid = app.wizard().await;
            let body = json!({ "uuid": uuid, "email": name, "password": password });
            let call = app.call("POST", &format!("{BASE}/signin")).header("X-Forwarded-For", address).json(&body);
            let before = (app.engine.store.round_trips(), app.engine.passwords.computed());
            let answer = call.send().await;
            let after = (app.engine.store.round_trips(), app.engine.passwords.computed());
            (shape_of(&answer, &[(&uuid, "UUID")]), after.0 - before.0, after.1 - before.1)
        };
        for failure in 0..5 {
            from(&format!("10.{number}.9.{failure}"), &person.email, "not the password").await;
        }
        let sent = app.outbox(&sms.phone).await.len();
        let mut seen = Vec::new();
        for (place, password) in [PASSWORD, "not the password"].into_iter().enumerate() {
            let address = format!("10.{number}.0.{place}");
            let mut answers = Vec::new();
            for _ in 0..3 {
                answers.push(from(&address, &person.email, password).await);
            }
            // What is left to this address now?
            for _ in 0..4 {
                answers.push(from(&address, &format!("nobody-{number}-{place}@example.com"), "x").await);
            }
            seen.push(answers);
        }
        assert_eq!(seen[0], seen[1]);
        assert_eq!(seen[0][0].0.0, 429);
        assert_eq!(app.outbox(&sms.phone).await.len(), sent);
    }
}

/// X2: in `relaxed`, the default, no key need be shown, but one that is shown must be the wizard's own; the cookie is for
/// this API, this wizard and the server alone. Watches `Engine::shows_key`.
async fn a_shown_wizard_key_must_be_the_right_one(app: TestApp) {
    let person = app.person_with_sms("ann").await;
    let started = app.get(&format!("{BASE}/signin/wizard")).await.expect(200);
    let (uuid, own) = (started.uuid(), key(&started));
    let foreign = key(&app.get(&format!("{BASE}/signin/wizard")).await.expect(200));
    assert_eq!(own.len(), 22, "128 bits");
    let cookies: Vec<&str> = started.headers.get_all("set-cookie").iter().map(|v| v.to_str().unwrap()).collect();
    let name = format!("wizard_key_{}", uuid.replace('-', ""));
    assert_eq!(cookies.len(), 1);
    let mut parts: Vec<&str> = cookies[0].split("; ").collect();
    parts[1..].sort_unstable();
    let pair = format!("{name}={own}");
    assert_eq!(parts, [pair.as_str(), "HttpOnly", "Max-Age=900", "Path=/api/v2/my", "SameSite=Strict"]);

    let body = json!({ "uuid": uuid, "email": person.email, "password": PASSWORD });
    let unknown = look(&app, "00000000-0000-4000-8000-000000000000").await;
    for (header, value) in [
        ("X-Wizard-Key", foreign.clone()),
        ("X-Wizard-Key", own.to_lowercase()),
        ("X-Wizard-Key", String::new()),
        ("X-Wizard-Key", format!("{own}=")),
        ("Cookie", format!("{name}={foreign}")),
        ("Cookie", format!("{name}=")),
    ] {
        let call = app.call("POST", &format!("{BASE}/signin")).header(header, &value).json(&body);
        let refused = call.send().await.refused(404, "wizard_not_found");
        assert_eq!(shape(&refused), shape(&unknown), "{header}: {value}");
        for method in ["GET", "DELETE"] {
            let call = app.call(method, &format!("{BASE}/wizard/{uuid}")).header(header, &value);
            call.send().await.refused(404, "wizard_not_found");
        }
    }
    // The header counts where both are shown; another wizard's cookie is none of this one's business.
    let both = app.call("GET", &format!("{BASE}/wizard/{uuid}")).header("X-Wizard-Key", &foreign);
    both.header("Cookie", &pair).send().await.refused(404, "wizard_not_found");
    let stray = app.call("GET", &format!("{BASE}/wizard/{uuid}"));
    stray.header("Cookie", &format!("wizard_key_{}={foreign}", "0".repeat(32))).send().await.expect(200);
    let call = app.call("POST", &format!("{BASE}/signin")).header("Cookie", &pair).json(&body);
    call.send().await.expect(200);
    let code = app.last_code(&person.phone).await;
    app.code("sms", &uuid, &code).await.expect(202);
}

/// X2: with `wizard.binding = strict` every call on a wizard must show its key; without it, or with another one, there is
/// no such wizard. Watches `Settings::strict_binding`.
async fn strict_binding_wants_the_key_at_every_step(app: TestApp) {
    let app = with(app, &[("STEPGATE_WIZARD__BINDING", "strict")]).await;
    let person = app.person("ann").await;
    let unknown = look(&app, "00000000-0000-4000-8000-000000000000").await.refused(404, "wizard_not_found");
    let start = async || {
        let started = app.get(&format!("{BASE}/signin/wizard")).await.expect(200);
        (started.uuid(), key(&started))
    };
    let (other, foreign) = start().await;
    let (uuid, own) = start().await;
    let calls = |uuid: &str, body: Value| {
        [
            ("GET", format!("{BASE}/wizard/{uuid}"), None),
            ("DELETE", format!("{BASE}/wizard/{uuid}"), None),
            ("POST", format!("{BASE}/signin"), Some(body)),
            ("POST", format!("{BASE}/signin/2fa"), Some(json!({ "uuid": uuid, "type": "sms" }))),
            ("POST", format!("{BASE}/2fa/sms"), Some(json!({ "uuid": uuid, "code": "000000" }))),
            ("POST", format!("{BASE}/2fa/google"), Some(json!({ "uuid": uuid, "code": "000000" }))),
            ("POST", format!("{BASE}/2fa/email"), Some(json!({ "uuid": uuid, "code": "000000" }))),
        ]
    };
    let body = json!({ "uuid": uuid, "email": person.email, "password": PASSWORD });
    let cookie = |uuid: &str, key: &str| format!("wizard_key_{}={key}", uuid.replace('-', ""));
    for header in [
        None,
        Some(("X-Wizard-Key", foreign.clone())),
        Some(("Cookie", cookie(&uuid, &foreign))),
        Some(("Cookie", cookie(&other, &foreign))),
        Some(("Cookie", cookie(&other, &own))),
    ] {
        for (method, path, body) in calls(&uuid, body.clone()) {
            let mut call = app.call(method, &path);
            if let Some((name, value)) = &header {
                call = call.header(name, value);
            }
            if let Some(body) = &body {
                call = call.json(body);
            }
            let refused = call.send().await.refused(404, "wizard_not_found");
            assert_eq!(shape(&refused), shape(&unknown), "{method} {path}");
        }
    }
    let call = app.call("GET", &format!("{BASE}/wizard/{uuid}")).header("X-Wizard-Key", &own);
    call.send().await.expect(200);
    let call = app.call("POST", &format!("{BASE}/signin")).header("Cookie", &cookie(&uuid, &own)).json(&body);
    let token = call.send().await.expect(202).str("/data/accessToken/token").to_owned();

    // Wizards that a session has started want both.
    let started = app.start_factor(&token, "google", "enable").await.expect(200);
    let secret = started.str("/data/key").to_owned();
    let step = json!({ "uuid": started.uuid(), "action": "code", "code": app.totp(&secret), "key": secret });
    app.factor_step(&token, step.clone()).await.refused(404, "wizard_not_found");
    let call = app.call("POST", &format!("{BASE}/2fa/wizard")).header("X-Wizard-Key", &key(&started));
    call.bearer(&token).json(&step).send().await.expect(202);
}

/// Outside of dev mode the wizard's cookie goes over HTTPS only. Watches `secure_cookies`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_production_the_cookie_is_for_https_only() {
    let setup = Setup::on(Backend::Embedded).with("STEPGATE_DEV", "false");
    let setup = setup.with("STEPGATE_SMS__PROVIDERS", "[\"outbox\"]").with("STEPGATE_EMAIL__PROVIDERS", "[\"outbox\"]");
    let app = setup.start().await;
    let started = app.get(&format!("{BASE}/signin/wizard")).await.expect(200);
    let cookie = started.header("set-cookie").unwrap();
    assert!(cookie.split("; ").any(|part| part == "Secure"), "{cookie}");
    app.get("/dev/outbox").await.refused(404, "not_found");
}
