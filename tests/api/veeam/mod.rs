//! The Veeam surface: users and their MFA.

mod accept;
mod input;
mod people;
mod proofs;

use serde_json::{Value, json};

use crate::harness::{ADMIN_KEY, Answer, Person, TestApp};

/// What `enableMfa` has told.
pub struct Offer {
    pub key: String,
    pub codes: Vec<String>,
    pub token: String,
}

impl TestApp {
    /// POST to one of a user's MFA calls.
    pub async fn mfa(&self, token: &str, id: u64, call: &str, body: &Value) -> Answer {
        self.call("POST", &format!("/api/v1/users/{id}/{call}")).bearer(token).json(body).send().await
    }

    /// An authenticator that is offered; instead of one that is on, if any is.
    pub async fn offer(&self, token: &str, id: u64) -> Offer {
        let answer = self.mfa(token, id, "enableMfa", &json!({ "recreate": true })).await.expect(200);
        let codes = answer.body["scratchCodes"].as_array().unwrap();
        Offer {
            key: answer.str("secretKey").to_owned(),
            codes: codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect(),
            token: answer.str("token").to_owned(),
        }
    }

    pub async fn accept_mfa(&self, token: &str, id: u64, code: &str, offer: &str) -> Answer {
        self.mfa(token, id, "acceptMfa", &json!({ "code": code, "token": offer })).await
    }

    /// Turns an authenticator on, and moves on to a step whose code is not spent. Its scratch codes.
    pub async fn enable_mfa(&self, token: &str, person: &mut Person) -> Vec<String> {
        let offer = self.offer(token, person.id).await;
        self.accept_mfa(token, person.id, &self.totp(&offer.key), &offer.token).await.expect(200);
        person.key = Some(offer.key);
        self.clock.advance(30);
        offer.codes
    }

    pub async fn disable_mfa(&self, token: &str, id: u64, success: Option<&str>) -> Answer {
        let call = self.call("POST", &format!("/api/v1/users/{id}/disableMfa")).bearer(token);
        let call = match success {
            Some(success) => call.header("X-Success-Token", success),
            None => call,
        };
        call.send().await
    }

    pub async fn user(&self, token: &str, id: impl std::fmt::Display) -> Answer {
        self.call("GET", &format!("/api/v1/users/{id}")).bearer(token).send().await
    }

    /// Somebody with these permissions, and a session of theirs.
    pub async fn somebody_who_may(&self, name: &str, permissions: &[&str]) -> (Person, String) {
        let person = self.person(name).await;
        let call = self.call("PATCH", &format!("/admin/v1/accounts/{}", person.id)).bearer(ADMIN_KEY);
        call.json(&json!({ "permissions": permissions })).send().await.expect(200);
        let token = self.sign_in(&person).await;
        (person, token)
    }

    /// Whether a password alone signs in.
    pub async fn is_asked_for_a_code(&self, person: &Person) -> bool {
        let (_, answer) = self.past_password(person).await;
        match answer.status {
            200 => true,
            _ => answer.expect(202).status != 202,
        }
    }

    /// The lines of the change log, oldest first.
    pub async fn log(&self, token: &str) -> Vec<(String, bool)> {
        let page = self.bearing("GET", "/2fa/changes?sort_order=asc&limit=100", token).await.expect(200);
        let lines = page.body["data"].as_array().unwrap().iter();
        lines.map(|line| (line["provider"].as_str().unwrap().to_owned(), line["isEnabled"] == json!(true))).collect()
    }
}

on_every_store!(
    the_printed_request_gets_the_printed_answer,
    nothing_is_on_before_it_is_accepted,
    what_was_turned_on_here_is_asked_for_at_sign_in_and_goes_off_here,
);

/// A9: the printed request, byte for byte but for host, number and token. What is handed out is what an app reads.
///
/// - POST `/v1/users/{id}/enableMfa`: 200 with the printed members in the printed order; `token` is base64, and longer than
///   the printed one, for nothing is kept of an offer but what it says itself
async fn the_printed_request_gets_the_printed_answer(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let path = format!("/api/v1/users/{}/enableMfa", person.id);
    for kind in [None, Some("application/x-www-form-urlencoded"), Some("application/json; charset=utf-8")] {
        let mut call = app.call("POST", &path).bearer(&token).body(r#"{ "recreate": true }"#);
        if let Some(kind) = kind {
            call = call.header("Content-Type", kind);
        }
        let answer = call.send().await.expect(200);
        assert!(answer.header("content-type").unwrap().starts_with("application/json"));
        let members: Vec<&String> = answer.body.as_object().unwrap().keys().collect();
        assert_eq!(members, ["userId", "qrString", "secretKey", "scratchCodes", "token"]);
        assert_eq!(answer.body["userId"], json!(person.id));
        let codes = answer.body["scratchCodes"].as_array().unwrap();
        let is_code = |code: &Value| {
            let code = code.as_str().unwrap();
            code.len() == 8 && code.bytes().all(|b| b.is_ascii_digit())
        };
        assert!(codes.len() == 5 && codes.iter().all(is_code), "{codes:?}");
        assert!(data_encoding::BASE64.decode(answer.str("token").as_bytes()).is_ok());
        let (key, address) = (answer.str("secretKey"), answer.str("qrString"));
        assert_eq!(data_encoding::BASE32_NOPAD.decode(key.as_bytes()).unwrap().len(), 20);
        let (front, query) = address.split_once('?').unwrap();
        assert_eq!(front, "otpauth://totp/Stepgate:ann%40example.com");
        let secret = query.split('&').find_map(|pair| pair.strip_prefix("secret="));
        assert_eq!(secret, Some(key));
        assert_eq!(crate::factors::oathtool(key, app.clock.unix()), app.totp(key));
    }
}

async fn nothing_is_on_before_it_is_accepted(app: TestApp) {
    let mut person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let first = app.offer(&token, person.id).await;
    let second = app.offer(&token, person.id).await;
    assert_ne!((&first.key, &first.codes, &first.token), (&second.key, &second.codes, &second.token));
    assert!(!app.is_asked_for_a_code(&person).await && !app.is_enabled(&token, "google").await);
    assert_eq!(app.user(&token, person.id).await.expect(200).body["mfaEnabled"], json!(false));
    assert_eq!((app.codes_left(&token).await, app.changes(&token).await), (0, 0));
    // An offer is worth as much as a later one.
    app.accept_mfa(&token, person.id, &app.totp(&first.key), &first.token).await.expect(200);
    person.key = Some(first.key);
    app.clock.advance(30);
    assert_eq!(app.user(&token, person.id).await.expect(200).body["mfaEnabled"], json!(true));
    app.by_google(&person).await;
    app.accept_mfa(&token, person.id, &app.totp(&second.key), &second.token)
        .await
        .refused(422, "invalid_success_token");
}

/// A23: on and off are in the change log, in the events with the surface that they came through, and in mails.
async fn what_was_turned_on_here_is_asked_for_at_sign_in_and_goes_off_here(app: TestApp) {
    let mut person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let accepted = {
        let offer = app.offer(&token, person.id).await;
        let accepted = app.accept_mfa(&token, person.id, &app.totp(&offer.key), &offer.token).await.expect(200);
        person.key = Some(offer.key);
        accepted
    };
    assert_eq!((accepted.text.as_str(), accepted.header("content-type")), ("", None));
    app.clock.advance(30);
    assert!(app.is_asked_for_a_code(&person).await);
    assert_eq!(app.codes_left(&token).await, 5);
    let other = app.by_google(&person).await;
    // The code that confirmed the enrolment is a proof of this session.
    let off = app.disable_mfa(&token, person.id, None).await.expect(200);
    assert_eq!(off.text, "");
    assert!(!app.is_asked_for_a_code(&person).await);
    assert_eq!(app.codes_left(&token).await, 0);
    app.bearing("GET", "/sessions", &other).await.expect(200);
    app.disable_mfa(&token, person.id, None).await.refused(422, "method_not_enabled");
    assert_eq!(app.log(&token).await, [("google".to_owned(), true), ("google".to_owned(), false)]);
    let told = app.notices(&person.email).await;
    assert_eq!(told, ["factor_enabled", "recovery_codes_made", "factor_disabled"]);
    let path = format!("/admin/v1/events?account={}&order=asc", person.id);
    let events = app.call("GET", &path).bearer(ADMIN_KEY).send().await.expect(200);
    let through: Vec<(&str, &Value)> = events.body["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["details"]["surface"] == "veeam")
        .map(|event| (event["type"].as_str().unwrap(), &event["actor"]))
        .collect();
    let person = &json!("person");
    let expected = ["factor_enabled", "recovery_codes_made", "factor_disabled"].map(|kind| (kind, person));
    assert_eq!(through, expected);
}
