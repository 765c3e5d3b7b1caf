//! A new password: by whoever is signed in, and by whoever has confirmed the account's address.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::accounts::admin;
use crate::harness::{Answer, PASSWORD, Person, TestApp};

on_every_store!(
    a_change_ends_every_other_session,
    a_reset_ends_every_session_and_signs_nobody_in,
    second_factors_survive_a_reset,
    the_address_is_no_second_factor_beside_a_password_that_it_set,
    a_recovery_code_or_the_help_desk_counts_beside_it,
    a_factor_enrolled_anew_counts_again,
    the_owner_is_told_of_a_change_and_a_reset_and_of_nothing_else,
    a_password_that_will_not_do_is_named_and_uses_nothing_up,
    a_malformed_change_is_named,
    of_many_changes_at_once_one_is_made,
    a_session_that_has_ended_changes_nothing,
    a_sign_in_that_was_under_way_is_over,
    no_device_is_remembered_after_it,
    a_locked_second_factor_does_not_keep_the_owner_from_a_new_password,
);

const NEW: &str = "seven violet herons juggling";

pub fn pair(success: &str, password: &str) -> Value {
    json!({ "successToken": success, "password": password, "passwordConfirmation": password })
}

impl TestApp {
    pub async fn change_password(&self, token: &str, success: &str, password: &str) -> Answer {
        let call = self.call("PUT", "/api/v2/my/password").bearer(token);
        call.json(&pair(success, password)).send().await
    }

    pub async fn reset_password(&self, success: &str, password: &str) -> Answer {
        self.post("/api/v2/my/signin/password/reset", pair(success, password)).await
    }

    async fn is_live(&self, token: &str) -> bool {
        let answer = self.call("GET", "/api/v2/my/2fa").bearer(token).send().await;
        assert!(answer.status == 200 || answer.status == 401, "{}", answer.text);
        answer.status == 200
    }

    /// Whether the refresh token still gives a pair.
    async fn refreshes(&self, signed_in: &Answer) -> bool {
        let body = json!({ "refreshToken": signed_in.str("/data/refreshToken/token") });
        self.post("/api/v2/my/refresh", body).await.status == 200
    }

    /// Letters that bring no code.
    async fn letters(&self, person: &Person) -> usize {
        self.engine.errands.idle().await;
        self.outbox(&person.email).await.iter().filter(|letter| letter["code"].is_null()).count()
    }
}

fn access(signed_in: &Answer) -> &str {
    signed_in.str("/data/accessToken/token")
}

/// A16: the second device is really out, with its refresh token, and the first one stays. Watches
/// `EndSessions::AllBut`.
async fn a_change_ends_every_other_session(app: TestApp) {
    let person = app.person("ann").await;
    let mine = app.past_password(&person).await.1.expect(202);
    let others = [app.past_password(&person).await.1.expect(202), app.past_password(&person).await.1.expect(202)];
    let success = app.success(&person, access(&mine), "").await;
    let changed = app.change_password(access(&mine), &success, NEW).await.expect(204);
    assert_eq!(changed.text, "");
    for other in &others {
        assert!(!app.is_live(access(other)).await);
        assert!(!app.refreshes(other).await);
    }
    assert!(app.is_live(access(&mine)).await && app.refreshes(&mine).await);
    app.past_password(&person).await.1.refused(422, "invalid_credentials");
    app.password(&app.wizard().await, &person, NEW).await.expect(202);
}

/// A16, A18: watches `EndSessions::All`, and that the answer to a reset is nothing at all.
async fn a_reset_ends_every_session_and_signs_nobody_in(app: TestApp) {
    let person = app.person("ann").await;
    let before = [app.past_password(&person).await.1.expect(202), app.past_password(&person).await.1.expect(202)];
    let success = app.reset_token(&person).await;
    for token in [success.as_str(), success.split('.').next_back().unwrap()] {
        assert!(!app.is_live(token).await);
    }
    assert!(app.is_live(access(&before[0])).await, "nothing has happened yet");
    let reset = app.reset_password(&success, NEW).await.expect(204);
    assert_eq!((reset.text.as_str(), reset.header("set-cookie")), ("", None));
    for session in &before {
        assert!(!app.is_live(access(session)).await);
        assert!(!app.refreshes(session).await);
    }
    app.past_password(&person).await.1.refused(422, "invalid_credentials");
    app.password(&app.wizard().await, &person, NEW).await.expect(202);
}

/// A18: an authenticator is asked for after a reset as before it.
async fn second_factors_survive_a_reset(app: TestApp) {
    let person = app.person_with_google("ann").await;
    let success = app.reset_token(&person).await;
    app.reset_password(&success, NEW).await.expect(204);
    let uuid = app.wizard().await;
    let asked = app.password(&uuid, &person, NEW).await.expect(200);
    assert_eq!((asked.workflow(), &asked.body["done"]), ("2fa_google_auth", &json!(false)));
    app.code("google", &uuid, &app.totp(person.key.as_deref().unwrap())).await.expect(202);
}

/// A19: whoever reads the mail sets a password and still does not get in. Watches `Account.stood_in`, where a factor is
/// offered, chosen, sent to and checked.
async fn the_address_is_no_second_factor_beside_a_password_that_it_set(app: TestApp) {
    let person = app.person_with_email("ann").await;
    let success = app.reset_token(&person).await;
    app.reset_password(&success, NEW).await.expect(204);
    let sent = app.outbox(&person.email).await.len();
    let uuid = app.wizard().await;
    let asked = app.password(&uuid, &person, NEW).await.expect(200);
    assert_eq!((asked.workflow(), &asked.body["done"]), ("2fa_recovery", &json!(false)));
    let choose = app.choose(&uuid, "email").await;
    assert!(choose.status == 409 || choose.status == 422, "{}", choose.text);
    let code = app.code("email", &uuid, "123456").await;
    assert!(code.status == 409 || code.status == 422, "{}", code.text);
    app.engine.errands.idle().await;
    let letters = app.outbox(&person.email).await;
    assert!(letters[..letters.len() - sent].iter().all(|letter| letter["code"].is_null()), "no code went out");
    // Again by mail makes it no better.
    let success = app.reset_token(&person).await;
    app.reset_password(&success, PASSWORD).await.expect(204);
    assert_eq!(app.past_password(&person).await.1.expect(200).workflow(), "2fa_recovery");
    // Beside an authenticator only that one counts.
    let mut both = app.person("beth").await;
    let token = app.sign_in(&both).await;
    app.enable_google(&token, &mut both).await;
    app.enable_email(&token, &both).await;
    let success = app.reset_token(&both).await;
    app.reset_password(&success, NEW).await.expect(204);
    let uuid = app.wizard().await;
    assert_eq!(app.password(&uuid, &both, NEW).await.expect(200).workflow(), "2fa_google_auth");
    app.choose(&uuid, "email").await.refused(422, "method_not_enabled");
    app.code("google", &uuid, &app.totp(both.key.as_deref().unwrap())).await.expect(202);
}

/// A19: the ways that are left, and that a password set otherwise ends it.
async fn a_recovery_code_or_the_help_desk_counts_beside_it(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    app.enable_email(&token, &person).await;
    let made = app.call("POST", "/api/v2/my/2fa/recovery-codes").bearer(&token).json(&json!({})).send().await;
    let codes = made.expect(200).body["codes"].clone();
    let success = app.reset_token(&person).await;
    app.reset_password(&success, NEW).await.expect(204);
    let uuid = app.wizard().await;
    app.password(&uuid, &person, NEW).await.expect(200);
    let done = app.code("recovery", &uuid, codes[0].as_str().unwrap()).await.expect(202);
    // Signed in by a recovery code, a new password is the owner's own, and the address counts beside it.
    let success = app.success(&person, access(&done), "").await;
    app.change_password(access(&done), &success, PASSWORD).await.expect(204);
    let (uuid, asked) = app.past_password(&person).await;
    assert_eq!(asked.expect(200).workflow(), "2fa_email_auth");
    app.code("email", &uuid, &app.last_code(&person.email).await).await.expect(202);
    // The help desk sets a password: likewise.
    let success = app.reset_token(&person).await;
    app.reset_password(&success, NEW).await.expect(204);
    assert_eq!(app.password(&app.wizard().await, &person, NEW).await.expect(200).workflow(), "2fa_recovery");
    let path = format!("/accounts/{}", person.id);
    admin(&app, "PATCH", &path, Some(json!({ "password": PASSWORD }))).await.expect(200);
    assert_eq!(app.past_password(&person).await.1.expect(200).workflow(), "2fa_email_auth");
    // Or takes the factor off.
    let success = app.reset_token(&person).await;
    app.reset_password(&success, NEW).await.expect(204);
    let path = format!("/accounts/{}/factors/email", person.id);
    admin(&app, "DELETE", &path, None).await.expect(204);
    app.password(&app.wizard().await, &person, NEW).await.expect(202);
}

/// A19: watches the end of `stood_in` where a factor is turned on.
async fn a_factor_enrolled_anew_counts_again(app: TestApp) {
    let person = app.person_with_email("ann").await;
    let success = app.reset_token(&person).await;
    app.reset_password(&success, NEW).await.expect(204);
    admin(&app, "DELETE", &format!("/accounts/{}/factors/email", person.id), None).await.expect(204);
    let done = app.password(&app.wizard().await, &person, NEW).await.expect(202);
    app.enable_email(access(&done), &person).await;
    assert_eq!(app.password(&app.wizard().await, &person, NEW).await.expect(200).workflow(), "2fa_email_auth");
}

/// A23: one letter for each, without a code, and none for what was refused.
async fn the_owner_is_told_of_a_change_and_a_reset_and_of_nothing_else(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let before = app.letters(&person).await;
    let success = app.success(&person, &token, "").await;
    app.change_password(&token, "no.such.token", NEW).await.refused(422, "invalid_success_token");
    app.change_password(&token, &success, "password").await.refused(422, "invalid_password");
    app.reset_password(&success, NEW).await.refused(422, "invalid_success_token");
    assert_eq!(app.letters(&person).await, before);
    app.change_password(&token, &success, NEW).await.expect(204);
    assert_eq!(app.letters(&person).await, before + 1);
    let success = app.reset_token(&person).await;
    assert_eq!(app.letters(&person).await, before + 1, "the code is all that is sent until then");
    app.reset_password(&success, PASSWORD).await.expect(204);
    assert_eq!(app.letters(&person).await, before + 2);
    app.reset_password(&success, PASSWORD).await.refused(422, "invalid_success_token");
    assert_eq!(app.letters(&person).await, before + 2);
}

/// X9: a refused password uses no token up. Watches the order in which things are looked at.
async fn a_password_that_will_not_do_is_named_and_uses_nothing_up(app: TestApp) {
    let person = app.person("annabel.lee").await;
    let token = app.sign_in(&person).await;
    let (change, reset) = (app.success(&person, &token, "").await, app.reset_token(&person).await);
    let too_long = "four unrelated typed words ".repeat(5);
    let refused = |password: &str, confirmation: &str, success: &str| {
        let body = json!({ "successToken": success, "password": password, "passwordConfirmation": confirmation });
        let calls = [("PUT", "/api/v2/my/password"), ("POST", "/api/v2/my/signin/password/reset")];
        let (method, path) = calls[usize::from(success == reset)];
        app.call(method, path).bearer(&token).json(&body).send()
    };
    for success in [&change, &reset] {
        for (password, field) in [
            ("", "password"),
            ("a1B2c3!", "password"),
            (too_long.as_str(), "password"),
            ("abcdefgh1", "password"),
            ("password", "password"),
            ("annabel.lee@example.com", "password"),
            ("AnnabelLee", "password"),
        ] {
            let answer = refused(password, password, success).await.refused(422, "invalid_password");
            let named: Vec<&String> = answer.body["errors"].as_object().unwrap().keys().collect();
            assert_eq!(named, [field], "{password:?}");
        }
        for other in ["", "seven violet herons juggling ", "Seven violet herons juggling"] {
            let answer = refused(NEW, other, success).await.refused(422, "invalid_password");
            assert!(answer.body["errors"]["passwordConfirmation"].is_array(), "{}", answer.text);
        }
    }
    app.past_password(&person).await.1.expect(202);
    app.change_password(&token, &change, NEW).await.expect(204);
    // The change has ended the other one: it was confirmed for a password that is gone.
    app.reset_password(&reset, PASSWORD).await.refused(422, "invalid_success_token");
}

/// X8, X30, X31: watches the types of the bodies; members that nobody asked for change nothing.
async fn a_malformed_change_is_named(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let success = app.success(&person, &token, "").await;
    for field in ["successToken", "password", "passwordConfirmation"] {
        for wrong in [None, Some(Value::Null), Some(json!(1)), Some(json!([NEW])), Some(json!({ "$ne": "" }))] {
            let mut body = pair(&success, NEW);
            match wrong {
                None => drop(body.as_object_mut().unwrap().remove(field)),
                Some(wrong) => body[field] = wrong,
            }
            for (method, path) in [("PUT", "/api/v2/my/password"), ("POST", "/api/v2/my/signin/password/reset")] {
                let answer = app.call(method, path).bearer(&token).json(&body).send().await;
                let refused = answer.refused(400, "invalid_request");
                assert!(refused.body["errors"][field].is_array(), "{path} {body}: {}", refused.text);
                assert!(!refused.text.contains(NEW));
            }
        }
    }
    let call = app.call("PUT", "/api/v2/my/password").json(&pair(&success, NEW));
    call.send().await.refused(401, "unauthorized");
    let mut body = pair(&success, NEW);
    body["id"] = json!(person.id + 1);
    body["email"] = json!("beth@example.com");
    body["permissions"] = json!(["users:update"]);
    app.call("PUT", "/api/v2/my/password").bearer(&token).json(&body).send().await.expect(204);
    let account = app.account_at(&person.email).await;
    assert_eq!((&account["id"], &account["permissions"]), (&json!(person.id), &json!([])));
}

/// A10, X9: ten changes and ten resets at once, each with a token of its own: one password, and it is one of those.
async fn of_many_changes_at_once_one_is_made(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let mut tokens = Vec::new();
    for _ in 0..4 {
        tokens.push((app.success(&person, &token, "").await, app.reset_token(&person).await));
    }
    let word = |number: usize| format!("{NEW} number {number}");
    let words: Vec<String> = (0..8).map(word).collect();
    let mut calls: Vec<std::pin::Pin<Box<dyn Future<Output = Answer>>>> = Vec::new();
    for (number, (change, reset)) in tokens.iter().enumerate() {
        calls.push(Box::pin(app.change_password(&token, change, &words[2 * number])));
        calls.push(Box::pin(app.reset_password(reset, &words[2 * number + 1])));
    }
    let statuses: Vec<u16> = join_all(calls).await.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 204).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [204, 401, 409, 422, 503].contains(status)), "{statuses:?}");
    let winner = statuses.iter().position(|status| *status == 204).unwrap();
    app.password(&app.wizard().await, &person, &words[winner]).await.expect(202);
    assert_eq!(app.letters(&person).await, 1);
}

/// A16: watches that the session is looked up and not only its signature.
async fn a_session_that_has_ended_changes_nothing(app: TestApp) {
    let person = app.person("ann").await;
    let (token, other) = (app.sign_in(&person).await, app.sign_in(&person).await);
    let success = app.success(&person, &token, "").await;
    app.call("DELETE", "/api/v2/my/sessions").bearer(&other).send().await.expect(204);
    app.change_password(&token, &success, NEW).await.refused(401, "unauthorized");
    app.past_password(&person).await.1.expect(202);
    // The confirmation is the owner's, whichever session it was made in.
    app.change_password(&other, &success, NEW).await.expect(204);
}

/// A16: the password was given, the second factor was waited for, and the password is another one by now. Watches
/// `catch_up`.
async fn a_sign_in_that_was_under_way_is_over(app: TestApp) {
    let person = app.person_with_google("ann").await;
    let (uuid, _) = app.past_password(&person).await;
    let success = app.reset_token(&person).await;
    app.reset_password(&success, NEW).await.expect(204);
    app.code("google", &uuid, &app.totp(person.key.as_deref().unwrap())).await.refused(404, "wizard_not_found");
}

/// A16: a device that was remembered is asked again. Watches `begin_epoch`.
async fn no_device_is_remembered_after_it(app: TestApp) {
    let person = app.person_with_google("ann").await;
    let (uuid, _) = app.past_password(&person).await;
    let body = json!({ "uuid": uuid, "code": app.totp(person.key.as_deref().unwrap()), "rememberDevice": true });
    let done = app.post("/api/v2/my/2fa/google", body).await.expect(202);
    let device = done.header("x-device-token").expect("a device token").to_owned();
    let sign_in = async |password: &str, device: &str| {
        let body = json!({ "uuid": app.wizard().await, "email": person.email, "password": password });
        app.call("POST", "/api/v2/my/signin").header("X-Device-Token", device).json(&body).send().await
    };
    let next = sign_in(PASSWORD, &device).await.expect(202);
    let device = next.header("x-device-token").expect("a device token").to_owned();
    let success = app.reset_token(&person).await;
    app.reset_password(&success, NEW).await.expect(204);
    assert_eq!(sign_in(NEW, &device).await.expect(200).workflow(), "2fa_google_auth");
}

/// X20: whoever knows the password may guess codes until the second factor is locked; the owner sets another password
/// meanwhile, and is asked for the second factor once the lock ends. Watches `Spend::Token` at the door.
async fn a_locked_second_factor_does_not_keep_the_owner_from_a_new_password(app: TestApp) {
    let person = app.person_with_google("ann").await;
    let wait = app.lock_google(&person).await;
    let success = app.reset_token(&person).await;
    app.reset_password(&success, NEW).await.expect(204);
    app.past_password(&person).await.1.refused(422, "invalid_credentials");
    let uuid = app.wizard().await;
    app.password(&uuid, &person, NEW).await.expect(200);
    let code = app.totp(person.key.as_deref().unwrap());
    app.code("google", &uuid, &code).await.refused(429, "account_locked");
    app.clock.advance(i64::try_from(wait).unwrap());
    let uuid = app.wizard().await;
    app.password(&uuid, &person, NEW).await.expect(200);
    app.code("google", &uuid, &app.totp(person.key.as_deref().unwrap())).await.expect(202);
}
