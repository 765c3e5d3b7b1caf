//! What a code is, how long it lives, whom it belongs to, and that it is accepted once.

use std::collections::{HashMap, HashSet};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::guesses::{count, other_than, with_status};
use crate::harness::{Answer, Backend, Setup, TestApp};

on_every_store_and_with_a_directory!(
    a_code_dies_at_the_end_of_its_lifetime,
    a_code_is_not_accepted_again_in_its_wizard,
    a_sent_code_is_not_accepted_again_in_another_wizard,
    an_authenticators_code_is_not_accepted_again_anywhere,
    a_code_that_turned_the_authenticator_on_does_not_sign_in,
    steps_of_the_authenticator_are_accepted_one_either_way,
    after_a_later_step_the_earlier_ones_are_spent,
    the_authenticators_key_is_twenty_random_bytes,
    of_fifty_posts_of_one_sms_code_one_signs_in,
    of_fifty_posts_of_one_authenticators_code_one_signs_in,
    of_fifty_sign_ins_with_one_authenticators_code_one_succeeds,
    of_fifty_posts_of_one_code_one_turns_a_factor_on,
    of_fifty_posts_of_one_code_one_turns_a_factor_off,
    of_fifty_wishes_for_another_code_one_is_sent,
    a_second_enrolment_replaces_no_authenticator,
    a_malformed_code_is_no_guess,
    a_malformed_code_opens_no_lock,
    a_code_belongs_to_its_wizard,
    a_code_belongs_to_its_purpose,
    a_code_belongs_to_its_account,
);

/// The upper bounds of χ² here are more than six deviations out: a sound generator fails once in 10⁸ runs.
fn assert_uniform(what: &str, bins: &[u32], bound: f64) {
    let total: u32 = bins.iter().sum();
    let expected = f64::from(total) / bins.len() as f64;
    let chi_squared: f64 = bins.iter().map(|seen| (f64::from(*seen) - expected).powi(2) / expected).sum();
    assert!(chi_squared < bound, "{what}: chi-squared is {chi_squared} over {} bins", bins.len());
}

/// A1: codes are six digits, all of them alike likely, leading zeros kept, and none is made twice more often than
/// chance would. Watches `Code::from_random` and the entropy behind it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_codes_are_six_uniform_digits() {
    const CODES: usize = 10_000;
    let setup = Setup::on(Backend::Embedded).with("STEPGATE_LIMITS__SENDS_PER_ACCOUNT", r#"["100000/1s"]"#);
    let app = setup.start().await;
    let mut tokens = Vec::new();
    for number in 0..10 {
        let person = app.person(&format!("person{number}")).await;
        tokens.push(app.sign_in(&person).await);
    }
    let mut codes = HashMap::new();
    while codes.len() < CODES {
        // The outbox keeps a thousand messages, and a budget's log should stay short.
        let starts = (0..500).map(|number| app.start_factor(&tokens[number % tokens.len()], "email", "enable"));
        for answer in join_all(starts).await {
            answer.expect(200);
        }
        for sent in app.get("/dev/outbox").await.body["data"].as_array().unwrap() {
            codes.insert(sent["id"].as_str().unwrap().to_owned(), sent["code"].as_str().unwrap().to_owned());
        }
        app.clock.advance(2);
    }
    let codes: Vec<&String> = codes.values().collect();
    let (mut digits, mut heads, mut tails) = ([[0_u32; 10]; 6], vec![0_u32; 1_000], vec![0_u32; 1_000]);
    for code in &codes {
        assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code:?}");
        for (place, byte) in code.bytes().enumerate() {
            digits[place][usize::from(byte - b'0')] += 1;
        }
        heads[code[..3].parse::<usize>().unwrap()] += 1;
        tails[code[3..].parse::<usize>().unwrap()] += 1;
    }
    for (place, bins) in digits.iter().enumerate() {
        assert_uniform(&format!("digit {}", place + 1), bins, 65.0);
    }
    assert_uniform("the first three digits", &heads, 1_300.0);
    assert_uniform("the last three digits", &tails, 1_300.0);
    let distinct = codes.iter().collect::<HashSet<_>>().len();
    assert!(distinct > codes.len() - 150, "{distinct} of {} codes are distinct", codes.len());
}

/// A2: watches the comparison with `expires_at` in `check_sent`; the wizard and its digest outlive the code.
async fn a_code_dies_at_the_end_of_its_lifetime(app: TestApp) {
    let person = app.person_with_sms("ann").await;
    let (early, late) = (app.waiting(&person).await, app.waiting(&person).await);
    let sent = app.outbox(&person.phone).await;
    let code = |place: usize| sent[place]["code"].as_str().unwrap();
    app.clock.advance(299);
    app.code("sms", &early, code(1)).await.expect(202);
    app.clock.advance(2);
    let refused = app.code("sms", &late, code(0)).await.refused(422, "code_expired");
    assert_eq!(refused.workflow(), "2fa_sms_auth");
    app.clock.advance(-1);
    app.code("sms", &late, code(0)).await.refused(422, "code_expired");
    // The wizard goes on: with another code it ends well.
    app.choose(&late, "sms").await.expect(200);
    app.code("sms", &late, &app.last_code(&person.phone).await).await.expect(202);
}

/// A3: watches the end of the wizard, after which it takes no step.
async fn a_code_is_not_accepted_again_in_its_wizard(app: TestApp) {
    let person = app.person_with_sms("ann").await;
    let uuid = app.waiting(&person).await;
    let code = app.last_code(&person.phone).await;
    app.code("sms", &uuid, &code).await.expect(202);
    for _ in 0..3 {
        app.code("sms", &uuid, &code).await.refused(409, "step_not_allowed");
    }
    let person = app.person_with_google("ben").await;
    let uuid = app.waiting(&person).await;
    let code = app.totp(person.key());
    app.code("google", &uuid, &code).await.expect(202);
    app.code("google", &uuid, &code).await.refused(409, "step_not_allowed");
}

/// A3: watches that a wizard knows its own code only; the replay is a wrong guess there, and counted.
async fn a_sent_code_is_not_accepted_again_in_another_wizard(app: TestApp) {
    let (person, token) = app.sms_and_token("ann").await;
    let uuid = app.waiting(&person).await;
    let code = app.last_code(&person.phone).await;
    app.code("sms", &uuid, &code).await.expect(202);
    let again = app.waiting(&person).await;
    let refused = app.code("sms", &again, &code).await.refused(422, "invalid_code");
    assert_eq!(refused.body["attemptsLeft"], json!(4));
    let disabling = app.start_factor(&token, "sms", "disable").await.expect(200).uuid();
    app.factor_code(&token, &disabling, &code).await.refused(422, "invalid_code");
    assert!(app.is_enabled(&token, "sms").await);
}

/// A3: watches rule 8 of the judgement: the step is spent on the account, for all wizards together.
async fn an_authenticators_code_is_not_accepted_again_anywhere(app: TestApp) {
    let (person, token) = app.google_and_token("ann").await;
    let (first, second) = (app.waiting(&person).await, app.waiting(&person).await);
    let disabling = app.start_factor(&token, "google", "disable").await.expect(200).uuid();
    let code = app.totp(person.key());
    app.code("google", &first, &code).await.expect(202);
    let refused = app.code("google", &second, &code).await.refused(422, "code_used");
    assert_eq!(refused.body["attemptsLeft"], json!(9));
    app.factor_code(&token, &disabling, &code).await.refused(422, "code_used");
    assert!(app.is_enabled(&token, "google").await);
    // The next step is good again, and what turned the authenticator off turns nothing else on.
    app.clock.advance(30);
    let code = app.totp(person.key());
    app.factor_code(&token, &disabling, &code).await.expect(202);
    app.code("google", &second, &code).await.refused(422, "method_not_enabled");
}

/// A3, A13: watches that the code which proved a new authenticator is spent like any other.
async fn a_code_that_turned_the_authenticator_on_does_not_sign_in(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let started = app.start_factor(&token, "google", "enable").await.expect(200);
    let key = started.str("/data/key").to_owned();
    let code = app.totp(&key);
    app.factor_code(&token, &started.uuid(), &code).await.expect(202);
    let uuid = app.waiting(&person).await;
    app.code("google", &uuid, &code).await.refused(422, "code_used");
    app.clock.advance(30);
    app.code("google", &uuid, &app.totp(&key)).await.expect(202);
}

/// A8: watches `totp.skew`.
async fn steps_of_the_authenticator_are_accepted_one_either_way(app: TestApp) {
    let person = app.person_with_google("ann").await;
    app.clock.advance(60);
    let uuid = app.waiting(&person).await;
    for offset in [-2, 2] {
        app.code("google", &uuid, &app.totp_at(person.key(), offset)).await.refused(422, "invalid_code");
    }
    app.code("google", &uuid, &app.totp_at(person.key(), -1)).await.expect(202);
    for offset in [0, 1] {
        let uuid = app.waiting(&person).await;
        app.code("google", &uuid, &app.totp_at(person.key(), offset)).await.expect(202);
    }
}

/// A8: watches that a spent step takes all before it along (RFC 6238 §5.2).
async fn after_a_later_step_the_earlier_ones_are_spent(app: TestApp) {
    let person = app.person_with_google("ann").await;
    app.clock.advance(60);
    let uuid = app.waiting(&person).await;
    app.code("google", &uuid, &app.totp_at(person.key(), 1)).await.expect(202);
    let uuid = app.waiting(&person).await;
    for offset in [-1, 0, 1] {
        app.code("google", &uuid, &app.totp_at(person.key(), offset)).await.refused(422, "code_used");
    }
    app.clock.advance(60);
    app.code("google", &uuid, &app.totp(person.key())).await.expect(202);
}

/// A9: watches `TotpSecret::BYTES` and the unpadded base32 of both spellings of the key.
async fn the_authenticators_key_is_twenty_random_bytes(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let mut seen = HashSet::new();
    for _ in 0..5 {
        let started = app.start_factor(&token, "google", "enable").await.expect(200);
        let key = started.str("/data/key");
        let bytes = data_encoding::BASE32_NOPAD.decode(key.as_bytes()).expect("base32 without padding");
        assert_eq!(bytes.len(), 20, "{key}");
        let address = started.str("/data/otpauthUrl");
        let (head, query) = address.split_once('?').unwrap();
        assert!(head.starts_with("otpauth://totp/"), "{address}");
        let secrets: Vec<&str> = query.split('&').filter_map(|pair| pair.strip_prefix("secret=")).collect();
        assert_eq!(secrets, [key]);
        assert!(seen.insert(bytes), "a key came twice");
    }
}

/// Posts one code fifty times at once in one wizard.
async fn race(app: &TestApp, path: &str, token: Option<&str>, body: &Value) -> Vec<Answer> {
    let posts = (0..50).map(|_| {
        let call = app.call("POST", path).json(body);
        match token {
            Some(token) => call.bearer(token).send(),
            None => call.send(),
        }
    });
    join_all(posts).await
}

/// One success; everybody else was told that the wizard had moved on, or that the code was used.
#[track_caller]
fn assert_one_winner(answers: &[Answer]) {
    let won = with_status(answers, 202);
    let changed = count(answers, 409, "wizard_changed") + count(answers, 409, "step_not_allowed");
    assert_eq!((won, changed), (1, answers.len() - 1), "{:?}", answers.iter().map(|a| &a.text).collect::<Vec<_>>());
}

async fn sessions(app: &TestApp, token: &str) -> usize {
    let answer = app.call("GET", "/api/v2/my/sessions").bearer(token).send().await.expect(200);
    answer.body["data"].as_array().unwrap().len()
}

/// A10: watches the compare-and-set of the wizard, and that the losers' session is the winner's.
async fn of_fifty_posts_of_one_sms_code_one_signs_in(app: TestApp) {
    let (person, token) = app.sms_and_token("ann").await;
    let before = sessions(&app, &token).await;
    let uuid = app.waiting(&person).await;
    let body = json!({ "uuid": uuid, "code": app.last_code(&person.phone).await });
    let answers = race(&app, "/api/v2/my/2fa/sms", None, &body).await;
    assert_one_winner(&answers);
    let winner = answers.iter().find(|answer| answer.status == 202).unwrap();
    let own = winner.str("/data/accessToken/token");
    assert_eq!(sessions(&app, own).await, before + 1);
}

/// A10: as with SMS.
async fn of_fifty_posts_of_one_authenticators_code_one_signs_in(app: TestApp) {
    let (person, token) = app.google_and_token("ann").await;
    let before = sessions(&app, &token).await;
    let body = json!({ "uuid": app.waiting(&person).await, "code": app.totp(person.key()) });
    assert_one_winner(&race(&app, "/api/v2/my/2fa/google", None, &body).await);
    assert_eq!(sessions(&app, &token).await, before + 1);
}

/// X13, X14: watches that a step of the authenticator is spent where it is judged, in one atomic call.
async fn of_fifty_sign_ins_with_one_authenticators_code_one_succeeds(app: TestApp) {
    let (person, token) = app.google_and_token("ann").await;
    let before = sessions(&app, &token).await;
    let wizards = app.waiting_many(&person, 50).await;
    let code = app.totp(person.key());
    let answers = join_all(wizards.iter().map(|uuid| app.code("google", uuid, &code))).await;
    assert_eq!(with_status(&answers, 202), 1);
    // A used code is a failure, and enough of them lock the account.
    let (used, locked) = (count(&answers, 422, "code_used"), count(&answers, 429, "account_locked"));
    assert_eq!((used, locked), (10, 39));
    assert_eq!(sessions(&app, &token).await, before + 1);
}

/// A10: watches that an enrolment is written once: one factor, one line in the change log.
async fn of_fifty_posts_of_one_code_one_turns_a_factor_on(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let uuid = app.start_factor(&token, "sms", "enable").await.expect(200).uuid();
    app.factor_step(&token, json!({ "uuid": uuid, "phone": person.phone })).await.expect(200);
    let body = json!({ "uuid": uuid, "action": "code", "code": app.last_code(&person.phone).await });
    assert_one_winner(&race(&app, "/api/v2/my/2fa/wizard", Some(&token), &body).await);
    assert_eq!((app.is_enabled(&token, "sms").await, app.changes(&token).await), (true, 1));
    let started = app.start_factor(&token, "google", "enable").await;
    if started.status == 200 {
        let code = app.totp(started.str("/data/key"));
        let body = json!({ "uuid": started.uuid(), "action": "code", "code": code });
        assert_one_winner(&race(&app, "/api/v2/my/2fa/wizard", Some(&token), &body).await);
        assert_eq!((app.is_enabled(&token, "google").await, app.changes(&token).await), (true, 2));
    }
}

/// A10: watches the same for turning off.
async fn of_fifty_posts_of_one_code_one_turns_a_factor_off(app: TestApp) {
    let (person, token) = app.google_and_token("ann").await;
    let uuid = app.start_factor(&token, "google", "disable").await.expect(200).uuid();
    let body = json!({ "uuid": uuid, "action": "code", "code": app.totp(person.key()) });
    assert_one_winner(&race(&app, "/api/v2/my/2fa/wizard", Some(&token), &body).await);
    assert_eq!((app.is_enabled(&token, "google").await, app.changes(&token).await), (false, 2));
    let (person, token) = app.sms_and_token("ben").await;
    let uuid = app.start_factor(&token, "sms", "disable").await.expect(200).uuid();
    let body = json!({ "uuid": uuid, "action": "code", "code": app.last_code(&person.phone).await });
    assert_one_winner(&race(&app, "/api/v2/my/2fa/wizard", Some(&token), &body).await);
    assert_eq!((app.is_enabled(&token, "sms").await, app.changes(&token).await), (false, 2));
}

/// A14: watches that of two enrolments begun side by side the later one does not replace what the earlier one has turned
/// on: for that the old factor's own code would be needed.
async fn a_second_enrolment_replaces_no_authenticator(app: TestApp) {
    let mut person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let late = app.start_factor(&token, "google", "enable").await.expect(200);
    app.enable_google(&token, &mut person).await;
    let code = app.totp(late.str("/data/key"));
    app.factor_code(&token, &late.uuid(), &code).await.refused(409, "method_already_enabled");
    let uuid = app.waiting(&person).await;
    app.code("google", &uuid, &code).await.refused(422, "invalid_code");
    app.code("google", &uuid, &app.totp(person.key())).await.expect(202);
    assert_eq!(app.changes(&token).await, 1);

    let (person, token) = app.sms_and_token("ben").await;
    let disabling = app.start_factor(&token, "sms", "disable").await.expect(200).uuid();
    app.factor_code(&token, &disabling, &app.last_code(&person.phone).await).await.expect(202);
    let late = app.start_factor(&token, "sms", "enable").await.expect(200).uuid();
    app.factor_step(&token, json!({ "uuid": late, "phone": "+79994449999" })).await.expect(200);
    app.enable_sms(&token, &person).await;
    let code = app.last_code("+79994449999").await;
    app.factor_code(&token, &late, &code).await.refused(409, "method_already_enabled");
    app.waiting(&person).await;
    assert_eq!(app.outbox("+79994449999").await.len(), 1);
}

/// A10, A7: watches that only the winner of the race sends, and that the losers use up nothing of the account's budget
/// of sends: of the four that it has here, the last one is still there afterwards.
async fn of_fifty_wishes_for_another_code_one_is_sent(app: TestApp) {
    let app = app.stop().await.with("STEPGATE_LIMITS__SENDS_PER_ACCOUNT", r#"["4/1h"]"#).start().await;
    let person = app.person_with_sms("ann").await;
    let uuid = app.waiting(&person).await;
    app.clock.advance(30);
    let before = app.outbox(&person.phone).await.len();
    let body = json!({ "uuid": uuid, "type": "sms" });
    let answers = race(&app, "/api/v2/my/signin/2fa", None, &body).await;
    assert_eq!(with_status(&answers, 200), 1);
    assert_eq!(app.outbox(&person.phone).await.len(), before + 1);
    app.clock.advance(60);
    app.choose(&uuid, "sms").await.expect(200);
    app.code("sms", &uuid, &app.last_code(&person.phone).await).await.expect(202);
}

/// What no code looks like, around the right one; a member that is missing is `None`.
fn malformed(right: &str) -> Vec<Option<Value>> {
    let number: u32 = right.parse().unwrap();
    let digits = |zero: char| -> String {
        let shifted = right.bytes().map(|byte| u32::from(zero) + u32::from(byte - b'0'));
        shifted.map(|point| char::from_u32(point).unwrap()).collect()
    };
    let texts = [
        format!(" {right}"),
        format!("{right} "),
        format!("{right}\n"),
        format!("\t{right}"),
        format!("\u{feff}{right}"),
        format!("\u{0}{right}"),
        format!("{right}\u{0}"),
        format!("\u{200b}{right}"),
        format!("{} {}", &right[..3], &right[3..]),
        format!("{}-{}", &right[..3], &right[3..]),
        format!("+{right}"),
        format!("-{right}"),
        format!("+{}", &right[1..]),
        format!("0{right}"),
        format!("{right}0"),
        format!("{right}.0"),
        right[1..].to_owned(),
        right[..5].to_owned(),
        format!("{right},{right}"),
        format!("0x{number:x}"),
        "1e5".to_owned(),
        "12345a".to_owned(),
        String::new(),
        "      ".to_owned(),
        "null".to_owned(),
        digits('\u{ff10}'),
        digits('\u{660}'),
        digits('\u{966}'),
        digits('\u{1d7ce}'),
        right.repeat(1_000),
    ];
    let others = [
        json!(number),
        json!(f64::from(number)),
        json!([right]),
        json!([]),
        json!({ "code": right }),
        json!(true),
        json!(null),
    ];
    texts.into_iter().map(Value::String).chain(others).map(Some).chain([None]).collect()
}

fn with_code(mut body: Value, code: Option<Value>) -> Value {
    if let Some(code) = code {
        body["code"] = code;
    }
    body
}

#[track_caller]
fn assert_malformed(answer: &Answer, body: &Value) {
    assert!(matches!(answer.status, 400 | 422), "{body}: {}", answer.text);
    assert!(answer.body.get("attemptsLeft").is_none(), "{body}: {}", answer.text);
}

/// A11: watches `Code::parse` and the types of the bodies on every call that takes a code; three dozen of them would
/// lock the account if they counted.
async fn a_malformed_code_is_no_guess(app: TestApp) {
    let (person, token) = app.google_and_token("ann").await;
    let uuid = app.waiting(&person).await;
    let right = app.totp(person.key());
    for code in malformed(&right) {
        let body = with_code(json!({ "uuid": uuid }), code);
        assert_malformed(&app.post("/api/v2/my/2fa/google", body.clone()).await, &body);
    }
    app.code("google", &uuid, &right).await.expect(202);
    app.clock.advance(30);

    let uuid = app.start_factor(&token, "google", "disable").await.expect(200).uuid();
    let right = app.totp(person.key());
    for code in malformed(&right) {
        let body = with_code(json!({ "uuid": uuid, "action": "code" }), code);
        assert_malformed(&app.factor_step(&token, body.clone()).await, &body);
    }
    app.factor_code(&token, &uuid, &right).await.expect(202);

    for (channel, person) in [("sms", app.person_with_sms("ben").await), ("email", app.person_with_email("eve").await)]
    {
        let uuid = app.waiting(&person).await;
        let right = app.last_code(if channel == "sms" { &person.phone } else { &person.email }).await;
        for code in malformed(&right) {
            let body = with_code(json!({ "uuid": uuid }), code);
            assert_malformed(&app.post(&format!("/api/v2/my/2fa/{channel}"), body.clone()).await, &body);
        }
        app.code(channel, &uuid, &right).await.expect(202);
    }
}

/// A11: watches that a lock is no matter of how the code is spelt.
async fn a_malformed_code_opens_no_lock(app: TestApp) {
    let person = app.person_with_google("ann").await;
    let uuid = app.waiting(&person).await;
    let wait = app.lock_google(&person).await;
    let right = app.totp(person.key());
    for code in malformed(&right) {
        let body = with_code(json!({ "uuid": uuid }), code);
        assert_malformed(&app.post("/api/v2/my/2fa/google", body.clone()).await, &body);
    }
    let refused = app.code("google", &uuid, &right).await.refused(429, "account_locked");
    assert_eq!(refused.retry_after(), wait);
    app.post("/api/v2/my/2fa/google", json!({ "uuid": uuid, "code": right })).await.refused(429, "too_many_attempts");
}

/// A13: watches that a wizard holds its own code. A foreign one is a wrong guess.
async fn a_code_belongs_to_its_wizard(app: TestApp) {
    let person = app.person_with_sms("ann").await;
    let first = app.waiting(&person).await;
    let firsts = app.last_code(&person.phone).await;
    let second = app.waiting(&person).await;
    let seconds = app.last_code(&person.phone).await;
    let refused = app.code("sms", &second, &firsts).await.refused(422, "invalid_code");
    assert_eq!(refused.body["attemptsLeft"], json!(4));
    app.code("sms", &first, &seconds).await.refused(422, "invalid_code");
    app.code("sms", &second, &seconds).await.expect(202);
    app.code("sms", &first, &firsts).await.expect(202);
}

/// A13: watches that what was sent for turning a factor on or off is nothing at a sign-in, and the reverse.
async fn a_code_belongs_to_its_purpose(app: TestApp) {
    let (person, token) = app.sms_and_token("ann").await;
    let signing_in = app.waiting(&person).await;
    let to_sign_in = app.last_code(&person.phone).await;
    let disabling = app.start_factor(&token, "sms", "disable").await.expect(200).uuid();
    let to_disable = app.last_code(&person.phone).await;
    let enabling = app.start_factor(&token, "email", "enable").await.expect(200).uuid();
    let to_enable = app.last_code(&person.email).await;
    for foreign in [&to_disable, &to_enable] {
        app.code("sms", &signing_in, foreign).await.refused(422, "invalid_code");
    }
    for (uuid, foreign) in [(&disabling, [&to_sign_in, &to_enable]), (&enabling, [&to_sign_in, &to_disable])] {
        for code in foreign {
            app.factor_code(&token, uuid, code).await.refused(422, "invalid_code");
        }
    }
    // An authenticator that is being enrolled signs nobody in, and the enrolled one enrols nothing.
    app.code("sms", &signing_in, &to_sign_in).await.expect(202);
    app.factor_code(&token, &enabling, &to_enable).await.expect(202);
    app.factor_code(&token, &disabling, &to_disable).await.expect(202);
}

/// A13: watches that one person's code is nothing in another person's wizard.
async fn a_code_belongs_to_its_account(app: TestApp) {
    let (ann, ben) = (app.person_with_google("ann").await, app.person_with_google("ben").await);
    let uuid = app.waiting(&ann).await;
    app.code("google", &uuid, &app.totp(ben.key())).await.refused(422, "invalid_code");
    let (eve, dan) = (app.person_with_sms("eve").await, app.person_with_sms("dan").await);
    let (eves, dans) = (app.waiting(&eve).await, app.waiting(&dan).await);
    app.code("sms", &eves, &app.last_code(&dan.phone).await).await.refused(422, "invalid_code");
    app.code("sms", &dans, &app.last_code(&eve.phone).await).await.refused(422, "invalid_code");
    let wrong = other_than(&app.last_code(&eve.phone).await);
    app.code("sms", &eves, &wrong).await.refused(422, "invalid_code");
    app.code("sms", &eves, &app.last_code(&eve.phone).await).await.expect(202);
}
