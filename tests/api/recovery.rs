//! Recovery codes: made, shown once, used once, counted, and told of.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::json;
use stepgate::identity::AccountId;

use crate::guesses::{count, with_status};
use crate::harness::{Answer, Backend, Person, Setup, TestApp};
use crate::owners::FRESH;

on_every_store!(
    a_set_has_ten_codes_of_fifty_bits_and_is_shown_once,
    a_code_signs_in_once,
    of_fifty_posts_of_one_code_one_signs_in,
    of_fifty_sign_ins_with_one_code_one_succeeds,
    a_new_set_ends_the_old_one,
    a_code_is_of_its_account,
    a_code_is_read_as_people_write_it,
    wrong_codes_count_on_the_second_factor_and_lock_it,
    a_locked_account_uses_no_code_up,
    malformed_codes_are_no_guesses,
    a_recovery_code_is_offered_only_to_whoever_has_one,
    without_a_factor_there_is_nothing_to_recover,
    the_last_factor_takes_the_codes_along,
    the_owner_is_told_of_codes_made_and_used,
    a_code_is_as_good_as_a_factor_for_a_confirmation,
    a_sent_code_is_no_recovery_code_nor_the_other_way_round,
    a_repeat_under_a_key_hears_the_same_and_uses_one_code,
);

/// An account with an authenticator and its codes, and the session that made them.
async fn prepared(app: &TestApp) -> (Person, String, Vec<String>) {
    let (person, token) = app.google_and_token("ann").await;
    let codes = app.codes(&token).await;
    (person, token, codes)
}

/// A code that is well-formed and of no set.
const NOBODYS: &str = "AAAAA-AAAAA";

/// A21: ten distinct codes, each ten characters of base32, evenly used; none of them is told again, and the store holds
/// none of them in any spelling.
async fn a_set_has_ten_codes_of_fifty_bits_and_is_shown_once(app: TestApp) {
    let (person, token, _) = prepared(&app).await;
    let mut seen = BTreeSet::new();
    let mut places = vec![BTreeSet::new(); 11];
    for _ in 0..20 {
        let made = app.make_codes(&token, None).await.expect(200);
        assert_eq!((made.body["total"].as_u64(), made.header("cache-control")), (Some(10), Some("no-store")));
        for code in made.body["codes"].as_array().unwrap() {
            let code = code.as_str().unwrap().to_owned();
            assert_eq!((code.len(), code.find('-')), (11, Some(5)), "{code}");
            for (place, letter) in code.chars().enumerate().filter(|(_, letter)| *letter != '-') {
                assert!(letter.is_ascii_uppercase() || ('2'..='7').contains(&letter), "{code}");
                places[place].insert(letter);
            }
            seen.insert(code);
        }
    }
    assert_eq!(seen.len(), 200, "no code comes twice");
    // 200 of 32 letters at each place: fewer than 28 different ones would be no chance.
    assert!(places.iter().enumerate().all(|(place, letters)| place == 5 || letters.len() >= 28));
    let told = app.bearing("GET", "/2fa/recovery-codes", &token).await.expect(200);
    assert_eq!((&told.body["left"], &told.body["total"]), (&json!(10), &json!(10)));
    let account = app.engine.store.account(AccountId(person.id)).await.unwrap().unwrap();
    let dump = serde_json::to_string(&account).unwrap();
    for code in &seen {
        for spelling in [code.clone(), code.replace('-', ""), code.replace('-', "").to_lowercase()] {
            assert!(!dump.contains(&spelling) && !told.text.contains(&spelling));
        }
    }
}

/// A3, A21, X12: watches that a code leaves the set with its use, in the same wizard, in another, and for whatever else
/// a code may be given.
async fn a_code_signs_in_once(app: TestApp) {
    let (person, token, codes) = prepared(&app).await;
    let uuid = app.waiting(&person).await;
    let done = app.recover(&uuid, &codes[0]).await.expect(202);
    assert_eq!(done.body["workflow"], json!("login"));
    assert_eq!(app.codes_left(&done.access()).await, 9);
    app.recover(&uuid, &codes[0]).await.refused(409, "step_not_allowed");
    let uuid = app.waiting(&person).await;
    app.recover(&uuid, &codes[0]).await.refused(422, "invalid_code");
    let off = app.start_factor(&token, "google", "disable").await.expect(200).uuid();
    let body = json!({ "uuid": off, "action": "recovery", "code": codes[0] });
    app.factor_step(&token, body).await.refused(422, "invalid_code");
    let begun = app.bearing("GET", "/2fa/challenge", &token).await.expect(200);
    let body = json!({ "token": begun.str("token"), "code": codes[0] });
    let call = app.call("POST", "/api/v2/my/2fa/challenge").bearer(&token).json(&body);
    call.send().await.refused(422, "invalid_code");
    app.recover(&uuid, &codes[1]).await.expect(202);
    assert_eq!(app.codes_left(&token).await, 8);
}

/// A10, X12: one wizard, one code, fifty times at once. Watches the operation that a recovery code is spent by.
async fn of_fifty_posts_of_one_code_one_signs_in(app: TestApp) {
    let (person, token, codes) = prepared(&app).await;
    let uuid = app.waiting(&person).await;
    let answers = join_all((0..50).map(|_| app.recover(&uuid, &codes[4]))).await;
    assert_eq!((with_status(&answers, 202), with_status(&answers, 409)), (1, 49), "none of them was a guess");
    assert_eq!(app.codes_left(&token).await, 9);
    let sessions = app.bearing("GET", "/sessions", &token).await.expect(200);
    assert_eq!(sessions.body["total"], json!(2), "the one that enrolled, and the one that won");
}

/// A10, X12: fifty wizards at once, one code.
async fn of_fifty_sign_ins_with_one_code_one_succeeds(app: TestApp) {
    let (person, token, codes) = prepared(&app).await;
    let wizards = app.waiting_many(&person, 50).await;
    let answers = join_all(wizards.iter().map(|uuid| app.recover(uuid, &codes[4]))).await;
    assert_eq!(with_status(&answers, 202), 1);
    assert_eq!(app.codes_left(&token).await, 9);
    assert_eq!(app.bearing("GET", "/sessions", &token).await.expect(200).body["total"], json!(2));
}

/// A21: watches that a set is replaced, not added to.
async fn a_new_set_ends_the_old_one(app: TestApp) {
    let (person, token, old) = prepared(&app).await;
    let new = app.codes(&token).await;
    assert_eq!(app.codes_left(&token).await, 10);
    let uuid = app.waiting(&person).await;
    for code in old.iter().take(3) {
        app.recover(&uuid, code).await.refused(422, "invalid_code");
    }
    app.recover(&uuid, &new[9]).await.expect(202);
}

/// A21: watches that the account is part of what is hashed and looked up.
async fn a_code_is_of_its_account(app: TestApp) {
    let (_, _, anns) = prepared(&app).await;
    let (ben, token) = app.google_and_token("ben").await;
    app.codes(&token).await;
    let uuid = app.waiting(&ben).await;
    app.recover(&uuid, &anns[0]).await.refused(422, "invalid_code");
}

async fn a_code_is_read_as_people_write_it(app: TestApp) {
    let (person, _, codes) = prepared(&app).await;
    let spellings: [fn(&str) -> String; 4] = [
        |code| code.to_lowercase(),
        |code| code.replace('-', ""),
        |code| code.replace('-', " "),
        |code| format!("  {} ", code.replace('-', " - ")),
    ];
    for (spell, code) in spellings.iter().zip(&codes) {
        let uuid = app.waiting(&person).await;
        app.recover(&uuid, &spell(code)).await.expect(202);
    }
}

/// A4: recovery codes and the authenticator share one budget; at its end the right code of either is refused.
async fn wrong_codes_count_on_the_second_factor_and_lock_it(app: TestApp) {
    let (person, _, codes) = prepared(&app).await;
    let (one, two) = (app.waiting(&person).await, app.waiting(&person).await);
    let first = app.recover(&one, NOBODYS).await.refused(422, "invalid_code");
    assert_eq!((first.body["attemptsLeft"].as_u64(), first.workflow()), (Some(9), "2fa_google_auth"));
    app.guess_totp(&two, &person, 4).await.refused(422, "invalid_code");
    for left in (0..5).rev() {
        let refused = app.recover(&one, NOBODYS).await.refused(422, "invalid_code");
        assert_eq!(refused.body["attemptsLeft"].as_u64(), Some(left));
    }
    let late = app.waiting(&person).await;
    app.recover(&two, &codes[0]).await.refused(429, "account_locked");
    app.code("google", &late, &app.totp(person.key())).await.refused(429, "account_locked");
}

/// A26: a lock neither tells whether a recovery code was right, nor uses it up.
async fn a_locked_account_uses_no_code_up(app: TestApp) {
    let (person, token, codes) = prepared(&app).await;
    let waiting = app.waiting_many(&person, 2).await;
    let wait = app.lock_google(&person).await;
    let right = app.recover(&waiting[0], &codes[0]).await.refused(429, "account_locked");
    let wrong = app.recover(&waiting[1], NOBODYS).await.refused(429, "account_locked");
    assert_eq!(right.retry_after(), wrong.retry_after());
    assert_eq!(app.codes_left(&token).await, 10);
    app.clock.advance(wait.cast_signed());
    let uuid = app.waiting(&person).await;
    app.recover(&uuid, &codes[0]).await.expect(202);
}

/// A11, X8: what cannot be a recovery code costs nothing and passes nowhere; what is no text is a 400 by name.
async fn malformed_codes_are_no_guesses(app: TestApp) {
    let (person, _, codes) = prepared(&app).await;
    let uuid = app.waiting(&person).await;
    let (long, wide) = ("A".repeat(5_000), codes[0].replace('-', "\u{2010}"));
    let texts = ["", " ", "123456", "ABCDE-FGHI", "ABCDE-FGHIJK", "ABCDE-FGHI1", "ABCDE\u{0}FGHIJ", &long, &wide];
    for text in texts {
        let refused = app.recover(&uuid, text).await.refused(422, "invalid_code");
        assert_eq!((refused.body["attemptsLeft"].as_u64(), refused.body["errors"].get("code").is_some()), (None, true));
    }
    for odd in [json!(1_234_567_890), json!(null), json!([codes[0]]), json!({ "code": codes[0] }), json!(true)] {
        let body = json!({ "uuid": uuid, "code": odd });
        let refused = app.post("/api/v2/my/2fa/recovery", body).await;
        assert_eq!(refused.status, 400, "{odd}: {}", refused.text);
        assert!(refused.body["errors"].get("code").is_some(), "{}", refused.text);
    }
    app.post("/api/v2/my/2fa/recovery", json!({ "uuid": uuid })).await.expect(400);
    let body = json!({ "uuid": uuid, "code": codes[0], "rememberDevice": "yes" });
    app.post("/api/v2/my/2fa/recovery", body).await.expect(400);
    let counted = app.recover(&uuid, NOBODYS).await.refused(422, "invalid_code");
    assert_eq!(counted.body["attemptsLeft"].as_u64(), Some(9), "the first that was counted");
    app.recover(&uuid, &codes[0]).await.expect(202);
}

/// Each place of a sign-in, a challenge and a disable wizard names the way over a recovery code while there are any.
async fn a_recovery_code_is_offered_only_to_whoever_has_one(app: TestApp) {
    let mut person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    app.enable_google(&token, &mut person).await;
    app.enable_sms(&token, &person).await;
    app.enable_email(&token, &person).await;
    let places = async |expected: bool| {
        let (uuid, begun) = app.past_password(&person).await;
        let mut seen = vec![begun];
        for factor in ["google", "sms", "email"] {
            seen.push(app.choose(&uuid, factor).await.expect(200));
            seen.push(app.look(None, &uuid).await.expect(200));
            let off = app.start_factor(&token, factor, "disable").await.expect(200);
            seen.push(app.look(Some(&token), &off.uuid()).await.expect(200));
            let path = format!("/2fa/challenge?type={factor}");
            let challenge = app.bearing("GET", &path, &token).await.expect(200);
            seen.push(app.look(Some(&token), challenge.str("token")).await.expect(200));
        }
        for place in seen {
            assert_eq!(place.ways().contains(&"recovery"), expected, "{}", place.text);
        }
    };
    places(false).await;
    let codes = app.codes(&token).await;
    app.clock.advance(3_600);
    let token = use_all_but_one(&app, &person, &codes).await;
    let places = async |token: &str, expected: bool| {
        let (uuid, _) = app.past_password(&person).await;
        let place = app.choose(&uuid, "google").await.expect(200);
        assert_eq!(place.ways().contains(&"recovery"), expected, "{}", place.text);
        let off = app.start_factor(token, "google", "disable").await.expect(200);
        assert_eq!(off.ways().contains(&"recovery"), expected, "{}", off.text);
    };
    assert_eq!(app.codes_left(&token).await, 1);
    places(&token, true).await;
    let uuid = app.waiting(&person).await;
    app.recover(&uuid, &codes[9]).await.expect(202);
    places(&token, false).await;
}

/// The access token of the last of nine sign-ins.
async fn use_all_but_one(app: &TestApp, person: &Person, codes: &[String]) -> String {
    let mut last = String::new();
    for code in &codes[..9] {
        let uuid = app.waiting(person).await;
        last = app.recover(&uuid, code).await.expect(202).access();
    }
    last
}

async fn without_a_factor_there_is_nothing_to_recover(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    app.make_codes(&token, None).await.refused(422, "method_not_enabled");
    let told = app.bearing("GET", "/2fa/recovery-codes", &token).await.expect(200);
    assert_eq!(told.body, json!({ "left": 0, "total": 10, "createdAt": null }));
    for (method, path) in [("GET", "/2fa/recovery-codes"), ("POST", "/2fa/recovery-codes")] {
        let call = app.call(method, &format!("/api/v2/my{path}")).json(&json!({}));
        call.send().await.refused(401, "unauthorized");
    }
}

/// A21: codes that were made for a factor are worth nothing when a new one is turned on after the last was turned off.
async fn the_last_factor_takes_the_codes_along(app: TestApp) {
    let (mut person, token, codes) = prepared(&app).await;
    let off = app.start_factor(&token, "google", "disable").await.expect(200).uuid();
    app.factor_code(&token, &off, &app.totp(person.key())).await.expect(202);
    assert_eq!(app.codes_left(&token).await, 0);
    app.clock.advance(30);
    app.enable_google(&token, &mut person).await;
    let uuid = app.waiting(&person).await;
    app.recover(&uuid, &codes[0]).await.refused(422, "invalid_code");
}

/// A23: watches the notices of codes made and used, with how many are left, and that a wrong one is told to nobody.
async fn the_owner_is_told_of_codes_made_and_used(app: TestApp) {
    let (person, _, codes) = prepared(&app).await;
    let uuid = app.waiting(&person).await;
    app.recover(&uuid, NOBODYS).await.refused(422, "invalid_code");
    assert_eq!(app.notices(&person.email).await, ["factor_enabled", "recovery_codes_made"]);
    app.recover(&uuid, &codes[0]).await.expect(202);
    assert_eq!(app.notices(&person.email).await[2..], ["recovery_code_used"]);
    let newest = app.outbox(&person.email).await[0].clone();
    assert!(newest["text"].as_str().unwrap().contains("There are 9 left."), "{newest}");
    for code in &codes[1..] {
        let uuid = app.waiting(&person).await;
        app.recover(&uuid, code).await.expect(202);
    }
    app.notices(&person.email).await;
    let letters = app.outbox(&person.email).await;
    assert!(letters[0]["text"].as_str().unwrap().contains("There are none left"), "{}", letters[0]);
    assert!(letters.iter().all(|letter| codes.iter().all(|code| !letter.to_string().contains(code.as_str()))));
}

/// A14: a recovery code stands in for the factor in a challenge; its success token is good for what it is for, once.
async fn a_code_is_as_good_as_a_factor_for_a_confirmation(app: TestApp) {
    let (_, token, codes) = prepared(&app).await;
    app.clock.advance(FRESH);
    app.make_codes(&token, None).await.refused(403, "step_up_required");
    let success = app.confirmed_by(&token, async |_| codes[3].to_lowercase()).await;
    assert_eq!(app.codes_left(&token).await, 9);
    app.make_codes(&token, None).await.refused(403, "step_up_required");
    app.make_codes(&token, Some(&success)).await.expect(200);
    app.make_codes(&token, Some(&success)).await.refused(422, "invalid_success_token");
}

/// A13: what was sent is not taken for a recovery code, and a recovery code not for what was sent.
async fn a_sent_code_is_no_recovery_code_nor_the_other_way_round(app: TestApp) {
    let (person, token) = app.sms_and_token("ann").await;
    let codes = app.codes(&token).await;
    let uuid = app.waiting(&person).await;
    let sent = app.last_code(&person.phone).await;
    app.recover(&uuid, &sent).await.refused(422, "invalid_code");
    for factor in ["sms", "google", "email"] {
        let refused = app.code(factor, &uuid, &codes[0]).await;
        assert!([422, 409].contains(&refused.status), "{}", refused.text);
    }
    // Signed out, a recovery code gets nobody back in.
    let path = format!("/api/v2/my/2fa/unauthorized/challenge?email={}", person.email);
    let begun = app.get(&path).await.expect(200);
    let body = json!({ "token": begun.str("token"), "code": codes[0] });
    app.post("/api/v2/my/2fa/challenge", body).await.refused(409, "step_not_allowed");
    assert_eq!(app.codes_left(&token).await, 10);
    app.code("sms", &uuid, &sent).await.expect(202);
}

async fn a_repeat_under_a_key_hears_the_same_and_uses_one_code(app: TestApp) {
    let (person, token, codes) = prepared(&app).await;
    let uuid = app.waiting(&person).await;
    let body = json!({ "uuid": uuid, "code": codes[0], "rememberDevice": true });
    let post = || app.call("POST", "/api/v2/my/2fa/recovery").header("Idempotency-Key", "one").json(&body).send();
    let (first, at_once) = tokio::join!(post(), post());
    app.clock.advance(60);
    let again = post().await.expect(202);
    let heard = |answer: &Answer| (answer.text.clone(), answer.device());
    assert_eq!([heard(&first), heard(&at_once)], [heard(&again), heard(&again)]);
    assert_eq!(app.codes_left(&token).await, 9);
    assert_eq!(app.bearing("GET", "/devices", &token).await.expect(200).body["total"], json!(1));
    assert_eq!(app.on_device(&person, &again.device()).await.expect(202).workflow(), "login");
}

/// X12: two servers over one store, one code at both.
async fn at_two_servers(backend: Backend) {
    let one = Setup::on(backend).start().await;
    let other = one.sibling().await;
    let (person, token, codes) = prepared(&one).await;
    for code in &codes[..3] {
        let (here, there) = (one.waiting(&person).await, one.waiting(&person).await);
        let (first, second) = tokio::join!(one.recover(&here, code), other.recover(&there, code));
        let answers = [first, second];
        assert_eq!((with_status(&answers, 202), count(&answers, 422, "invalid_code")), (1, 1));
    }
    assert_eq!(other.codes_left(&token).await, 7);
    let made = other.codes(&token).await;
    let uuid = one.waiting(&person).await;
    one.recover(&uuid, &codes[9]).await.refused(422, "invalid_code");
    one.recover(&uuid, &made[0]).await.expect(202);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_is_used_once_at_two_servers_over_redis() {
    at_two_servers(Backend::Redis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_is_used_once_at_two_servers_over_a_cluster() {
    at_two_servers(Backend::Cluster).await;
}
