//! What accepts an offer, and what does not.

use futures_util::future::join_all;
use serde_json::json;

use crate::guesses::{count, with_status};
use crate::harness::{ADMIN_KEY, TestApp};

on_every_store!(
    a_scratch_code_accepts_and_is_used_up,
    scratch_codes_work_at_sign_in_once,
    an_offer_is_good_once_for_ten_minutes_and_for_its_account,
    an_offer_dies_with_any_change_of_the_account,
    no_two_accept_at_once,
    of_fifty_posts_of_one_right_code_one_succeeds,
    wrong_codes_count_on_the_account_and_lock_every_surface,
    a_locked_account_accepts_nothing,
    a_code_is_exactly_its_digits,
    a_code_that_was_used_here_is_used_everywhere,
    another_instance_takes_an_offer_also_when_the_keys_were_just_turned_over,
    an_offer_for_another_is_of_whoever_made_it,
);

/// A14: whoever acts for somebody else accepts what they have offered, as they were then.
async fn an_offer_for_another_is_of_whoever_made_it(app: TestApp) {
    let (_, other) = app.somebody_who_may("other", &["users:update"]).await;
    let (mut boss, token) = app.somebody_who_may("boss", &["users:update"]).await;
    let ann = app.person("ann").await;
    let offer = app.offer(&token, ann.id).await;
    let code = app.totp(&offer.key);
    for stranger in [&other, &app.sign_in(&ann).await] {
        app.accept_mfa(stranger, ann.id, &code, &offer.token).await.refused(422, "invalid_success_token");
    }
    let second = app.sign_in(&boss).await;
    app.enable_google(&second, &mut boss).await;
    app.accept_mfa(&token, ann.id, &app.totp(&offer.key), &offer.token).await.refused(422, "invalid_success_token");
    app.clock.advance(30);
    let fresh = app.by_google(&boss).await;
    let offer = app.offer(&fresh, ann.id).await;
    app.accept_mfa(&fresh, ann.id, &app.totp(&offer.key), &offer.token).await.expect(200);
}

async fn another_instance_takes_an_offer_also_when_the_keys_were_just_turned_over(app: TestApp) {
    // One file is for one process: there the sibling is the server itself.
    let sibling = match app.engine.store.health().await.unwrap().backend {
        "embedded" => None,
        _ => Some(app.sibling().await),
    };
    let other = sibling.as_ref().unwrap_or(&app);
    let mut person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    // The other instance has just looked at the keys, and does so again for what is sealed under a new one.
    other.get("/.well-known/jwks.json").await.expect(200);
    let call = app.call("POST", "/admin/v1/keys/rotate").bearer(ADMIN_KEY);
    call.json(&json!({ "sealing": true, "signing": false })).send().await.expect(202);
    let offer = app.offer(&token, person.id).await;
    other.accept_mfa(&token, person.id, &app.totp(&offer.key), &offer.token).await.expect(200);
    person.key = Some(offer.key);
    app.clock.advance(30);
    app.by_google(&person).await;
}

/// X12: watches that the code is left out of the set that is written with the authenticator.
async fn a_scratch_code_accepts_and_is_used_up(app: TestApp) {
    let mut person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let offer = app.offer(&token, person.id).await;
    let code = format!("{} {}", &offer.codes[2][..4], &offer.codes[2][4..]);
    app.accept_mfa(&token, person.id, &code, &offer.token).await.expect(200);
    assert_eq!(app.codes_left(&token).await, 4);
    let told = app.call("GET", "/api/v2/my/2fa/recovery-codes").bearer(&token).send().await.expect(200);
    assert_eq!((&told.body["left"], &told.body["total"]), (&json!(4), &json!(5)));
    person.key = Some(offer.key);
    let uuid = app.waiting(&person).await;
    app.recover(&uuid, &offer.codes[2]).await.refused(422, "invalid_code");
    // Nobody has shown the authenticator yet: that is no proof of it.
    app.disable_mfa(&token, person.id, None).await.refused(403, "step_up_required");
    app.by_google(&person).await;
}

/// X12: each once, wherever it is shown.
async fn scratch_codes_work_at_sign_in_once(app: TestApp) {
    let mut person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let codes = app.enable_mfa(&token, &mut person).await;
    let uuid = app.waiting(&person).await;
    let session = app.recover(&uuid, &codes[0]).await.expect(202).access();
    assert_eq!(app.codes_left(&session).await, 4);
    let uuid = app.waiting(&person).await;
    app.recover(&uuid, &codes[0]).await.refused(422, "invalid_code");
    // A recovery code stands in for whatever was lost, here too.
    app.disable_mfa(&session, person.id, None).await.expect(200);
}

/// X7, X9: used, foreign, too old or tampered with: all alike, and counted nowhere.
async fn an_offer_is_good_once_for_ten_minutes_and_for_its_account(app: TestApp) {
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let (anns, bens) = (app.sign_in(&ann).await, app.sign_in(&ben).await);
    let offer = app.offer(&anns, ann.id).await;
    let bent = app.offer(&bens, ben.id).await;
    let mut tampered = data_encoding::BASE64.decode(offer.token.as_bytes()).unwrap();
    let last = tampered.len() - 1;
    tampered[last] = if tampered[last] == b'A' { b'B' } else { b'A' };
    let tampered = data_encoding::BASE64.encode(&tampered);
    let half = &offer.token[..offer.token.len() / 2];
    let mut shapes = Vec::new();
    for _ in 0..4 {
        for token in [&bent.token, &tampered, half, "", "x", &anns, &offer.key] {
            for code in [app.totp(&offer.key), app.totp(&bent.key)] {
                let refused = app.accept_mfa(&anns, ann.id, &code, token).await.refused(422, "invalid_success_token");
                shapes.push(refused.text);
            }
        }
    }
    app.clock.advance(599);
    app.accept_mfa(&anns, ann.id, &app.totp(&offer.key), &offer.token).await.expect(200);
    app.clock.advance(30);
    let used = app.accept_mfa(&anns, ann.id, &app.totp(&offer.key), &offer.token).await;
    shapes.push(used.refused(422, "invalid_success_token").text);
    let old = app.offer(&bens, ben.id).await;
    app.clock.advance(600);
    let late = app.accept_mfa(&bens, ben.id, &app.totp(&old.key), &old.token).await;
    shapes.push(late.refused(422, "invalid_success_token").text);
    assert!(shapes.iter().all(|shape| *shape == shapes[0]), "{shapes:?}");
}

/// X9: watches the epoch in the offer. A password or a factor that changes ends it.
async fn an_offer_dies_with_any_change_of_the_account(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let offer = app.offer(&token, person.id).await;
    app.enable_sms(&token, &person).await;
    app.accept_mfa(&token, person.id, &app.totp(&offer.key), &offer.token).await.refused(422, "invalid_success_token");
    let offer = app.offer(&token, person.id).await;
    let call = app.call("PATCH", &format!("/admin/v1/accounts/{}", person.id)).bearer(ADMIN_KEY);
    call.json(&json!({ "password": "another horse battery staple" })).send().await.expect(200);
    let uuid = app.wizard().await;
    app.password(&uuid, &person, "another horse battery staple").await.expect(200);
    let anew = app.code("sms", &uuid, &app.last_code(&person.phone).await).await.expect(202).access();
    app.accept_mfa(&anew, person.id, &app.totp(&offer.key), &offer.token).await.refused(422, "invalid_success_token");
    // What changes nothing of that does not end it.
    let offer = app.offer(&anew, person.id).await;
    let call = app.call("PATCH", &format!("/admin/v1/accounts/{}", person.id)).bearer(ADMIN_KEY);
    call.json(&json!({ "locale": "cs" })).send().await.expect(200);
    app.accept_mfa(&anew, person.id, &app.totp(&offer.key), &offer.token).await.expect(200);
}

/// A10: watches that an account which has changed under an enrolment is not written over.
async fn no_two_accept_at_once(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let (one, two) = (app.offer(&token, person.id).await, app.offer(&token, person.id).await);
    let accepts = [&one, &two].map(|offer| {
        let code = app.totp(&offer.key);
        let app = &app;
        let (token, id) = (&token, person.id);
        async move { app.accept_mfa(token, id, &code, &offer.token).await }
    });
    let answers = join_all(accepts).await;
    assert_eq!(with_status(&answers, 200), 1);
    assert_eq!(app.log(&token).await, [("google".to_owned(), true)]);
    let accepted = if answers[0].status == 200 { &one } else { &two };
    app.clock.advance(30);
    let uuid = app.waiting(&person).await;
    app.code("google", &uuid, &app.totp(&accepted.key)).await.expect(202);
}

/// A10, X13: by the authenticator's code, and by a scratch code.
async fn of_fifty_posts_of_one_right_code_one_succeeds(app: TestApp) {
    for (name, scratch) in [("ann", false), ("ben", true)] {
        let person = app.person(name).await;
        let token = app.sign_in(&person).await;
        let offer = app.offer(&token, person.id).await;
        let code = if scratch { offer.codes[0].clone() } else { app.totp(&offer.key) };
        let posts = (0..50).map(|_| app.accept_mfa(&token, person.id, &code, &offer.token));
        let answers = join_all(posts).await;
        let lost = count(&answers, 422, "invalid_success_token") + count(&answers, 409, "wizard_changed");
        assert_eq!((with_status(&answers, 200), lost), (1, 49), "{answers:?}");
        assert_eq!(app.log(&token).await.len(), 1);
        assert_eq!(app.codes_left(&token).await, if scratch { 4 } else { 5 });
        // Whoever came late is counted as nobody's failure.
        let call = app.call("GET", &format!("/admin/v1/accounts/{}", person.id)).bearer(ADMIN_KEY);
        assert_eq!(call.send().await.expect(200).body["lockedUntil"]["code"], json!(null));
    }
}

/// A4, X20: guesses here and in a wizard are one tally; a lock is one for both.
async fn wrong_codes_count_on_the_account_and_lock_every_surface(app: TestApp) {
    let (person, token) = app.google_and_token("ann").await;
    let offer = app.offer(&token, person.id).await;
    let wrong = app.wrong_totp(&offer.key);
    for (place, code) in [&wrong, "00000000", "AAAAA-AAAAA", &wrong, &wrong].into_iter().enumerate() {
        let refused = app.accept_mfa(&token, person.id, code, &offer.token).await.refused(422, "invalid_code");
        assert_eq!(refused.body["attemptsLeft"], json!(9 - place), "{code}");
    }
    let uuid = app.waiting(&person).await;
    app.guess_totp(&uuid, &person, 5).await.refused(422, "invalid_code");
    let right = app.totp(&offer.key);
    let locked = app.accept_mfa(&token, person.id, &right, &offer.token).await.refused(429, "account_locked");
    assert!(locked.retry_after() > 800);
    let uuid = app.waiting(&person).await;
    app.code("google", &uuid, &app.totp(person.key())).await.refused(429, "account_locked");
    // The old one is on all the while.
    app.clock.advance(900);
    app.by_google(&person).await;
}

/// A26, X16: a fresh offer is no fresh budget, and a locked answer does not tell whether the code was right.
async fn a_locked_account_accepts_nothing(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let mut left = 10;
    while left > 0 {
        let offer = app.offer(&token, person.id).await;
        for _ in 0..left.min(3) {
            let wrong = app.wrong_totp(&offer.key);
            app.accept_mfa(&token, person.id, &wrong, &offer.token).await.refused(422, "invalid_code");
            left -= 1;
        }
    }
    let offer = app.offer(&token, person.id).await;
    let mut answers = Vec::new();
    for code in [&app.totp(&offer.key), &offer.codes[0], &app.wrong_totp(&offer.key), "00000000"] {
        answers.push(app.accept_mfa(&token, person.id, code, &offer.token).await.refused(429, "account_locked").text);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert!(!app.is_enabled(&token, "google").await);
}

/// A11: what is no code is looked at by nobody, and counted nowhere.
async fn a_code_is_exactly_its_digits(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let offer = app.offer(&token, person.id).await;
    let code = app.totp(&offer.key);
    let wide: String = code.chars().map(|digit| char::from_u32(digit as u32 - 0x30 + 0xff10).unwrap()).collect();
    for bad in
        [&format!(" {code}"), &format!("+{code}"), &format!("{code}\n"), &wide, &code[..5], &format!("0{code}"), ""]
            .into_iter()
            .cycle()
            .take(21)
    {
        let refused = app.accept_mfa(&token, person.id, bad, &offer.token).await.refused(422, "invalid_code");
        assert!(refused.body["errors"]["code"].is_array() && refused.body["attemptsLeft"].is_null(), "{bad:?}");
    }
    app.accept_mfa(&token, person.id, &code, &offer.token).await.expect(200);
}

/// A3: the code that accepted is spent for the sign-in as well.
async fn a_code_that_was_used_here_is_used_everywhere(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let offer = app.offer(&token, person.id).await;
    let code = app.totp(&offer.key);
    app.accept_mfa(&token, person.id, &code, &offer.token).await.expect(200);
    let uuid = app.waiting(&person).await;
    app.code("google", &uuid, &code).await.refused(422, "code_used");
}
