//! Every example of the published two-factor API, sent byte for byte as it is printed there: by curl's defaults (a JSON
//! body under `application/x-www-form-urlencoded`), with its trailing commas and its percent-encoding. Host, uuid, code
//! and token are filled in; everything else is literal. The answers have the printed members in the printed order.
//!
//! A line such as `/// - GET `/2fa`: 200, …` above a test is a row of `docs/seed-calls.md`; `tests/seed_calls.rs` reads it.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Answer, Person, TestApp};

on_every_store_and_with_a_directory!(
    choosing_a_method,
    a_code_of_the_authenticator,
    a_code_by_sms,
    confirming_while_signed_in,
    confirming_while_signed_out,
    which_methods_are_on,
    one_method,
    turning_the_authenticator_on,
    turning_sms_on,
    turning_a_method_off,
    the_change_log,
    one_change,
);

/// What `curl --location --request METHOD 'http://host/target' --header … --data-raw …` sends.
async fn curl(app: &TestApp, method: &str, target: &str, bearer: Option<&str>, data: Option<&str>) -> Answer {
    let host = app.url.strip_prefix("http://").unwrap();
    let mut request = format!(
        "{method} {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\nConnection: close\r\n"
    );
    if let Some(token) = bearer {
        request += &format!("Authorization: Bearer {token}\r\n");
    }
    match data {
        Some(data) => {
            let length = data.len();
            let kind = "application/x-www-form-urlencoded";
            request += &format!("Content-Length: {length}\r\nContent-Type: {kind}\r\n\r\n{data}");
        }
        None => request += "\r\n",
    }
    let mut stream = TcpStream::connect(host).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    let answer = String::from_utf8(bytes).unwrap();
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .collect();
    Answer { status, headers, body: serde_json::from_str(text).unwrap_or(Value::Null), text: text.to_owned() }
}

/// Members whose values differ from run to run; of texts, the form is still compared.
const VARYING: [&str; 13] = [
    "uuid",
    "token",
    "createdAt",
    "expiresAt",
    "expiredAt",
    "sentAt",
    "time",
    "key",
    "sent",
    "total",
    "id",
    "isEnabled",
    "otpauthUrl",
];

/// Holds `got` to what is printed: the same members in the same order with values of the same type, and the same value
/// unless it varies. Members named in `more` may follow.
#[track_caller]
fn same(printed: &str, got: &Value, more: &[&str]) {
    compare(&serde_json::from_str(printed).unwrap(), got, "", more);
}

#[track_caller]
fn compare(printed: &Value, got: &Value, at: &str, more: &[&str]) {
    let name = at.rsplit('/').next().unwrap();
    match (printed, got) {
        (Value::Object(printed), Value::Object(got)) => {
            let expected: Vec<&String> = printed.keys().collect();
            let (first, rest): (Vec<&String>, Vec<&String>) = {
                let keys: Vec<&String> = got.keys().collect();
                let split = expected.len().min(keys.len());
                (keys[..split].to_vec(), keys[split..].to_vec())
            };
            assert_eq!(first, expected, "members of {at:?}");
            for key in rest {
                let path = format!("{at}/{key}");
                assert!(more.contains(&path.as_str()), "{path} is not printed");
            }
            for (key, value) in printed {
                compare(value, &got[key], &format!("{at}/{key}"), more);
            }
        }
        (Value::Array(printed), Value::Array(got)) if !printed.is_empty() => {
            assert!(!got.is_empty(), "{at:?} is empty");
            for (place, got) in got.iter().enumerate() {
                compare(&printed[place.min(printed.len() - 1)], got, &format!("{at}/{place}"), more);
            }
        }
        (Value::String(printed), Value::String(got)) if VARYING.contains(&name) => {
            assert_eq!(form(name, got), form(name, printed), "{at:?}");
        }
        (Value::Number(_), Value::Number(_)) | (Value::Bool(_), Value::Bool(_)) if VARYING.contains(&name) => {}
        // A caption is one of those that are printed, or of the one method that the published API does not have.
        (Value::String(_), Value::String(got)) if matches!(name, "caption" | "name") => {
            let known = ["SMS Confirmation", "Google Authenticator", "Email Confirmation", "sms", "google", "email"];
            assert!(known.contains(&got.as_str()), "{at:?}: {got}");
        }
        _ => assert_eq!(got, printed, "{at:?}"),
    }
}

/// What is alike in two values of one kind: the punctuation of a time or a uuid, the parts of a token, a key's letters.
fn form(name: &str, text: &str) -> String {
    match name {
        "token" => "token".to_owned(),
        "key" => {
            assert!(text.len() >= 16 && data_encoding::BASE32_NOPAD.decode(text.as_bytes()).is_ok(), "{text}");
            "base32".to_owned()
        }
        "uuid" => text.chars().map(|c| if c.is_ascii_hexdigit() { 'x' } else { c }).collect(),
        _ => text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect(),
    }
}

/// An account with both of the published methods, and a token of it.
async fn with_both(app: &TestApp) -> (Person, String) {
    let mut person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    app.enable_google(&token, &mut person).await;
    app.enable_sms(&token, &person).await;
    (person, token)
}

const SIGNED_IN: &str = r#"{
"code": 202,
"data": {
"accessToken": {
"token": "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.e30.u6HuS",
"createdAt": "2022-01-01T00:00:00+00:00",
"expiresAt": "2022-01-01T00:00:00+00:00"
},
"refreshToken": {
"token": "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.e30.u6HuS",
"createdAt": "2022-01-01T00:00:00+00:00",
"expiresAt": "2022-01-01T00:00:00+00:00"
}
},
"done": true,
"uuid": "36f59381-5b54-48bd-a0c7-3b908c476732",
"workflow": "login"
}"#;

const TERMINATED: &str = r#"{
"code": 202,
"data": [],
"done": true,
"uuid": "36f59381-5b54-48bd-a0c7-3b908c476732",
"workflow": "B2B\\TCA\\Wizards\\Workflow\\TerminateWorkflow"
}"#;

/// The printed call carries a bearer header whose token is the placeholder itself: a sign-in must not mind.
///
/// - POST `/signin/2fa`: 200, `data: null`, `workflow` is `2fa_google_auth` or `2fa_sms_auth`; where the code went is in
///   `next.receipt`. The bearer header is ignored.
async fn choosing_a_method(app: TestApp) {
    let (person, _) = with_both(&app).await;
    let (uuid, _) = app.past_password(&person).await;
    let body = format!("{{\n\"uuid\": \"{uuid}\",\n\"type\": \"google\"\n}}");
    let chosen = curl(&app, "POST", "/api/v2/my/signin/2fa", Some("<token>"), Some(&body)).await.expect(200);
    same(
        r#"{
"code": 200,
"data": null,
"done": false,
"uuid": "36f59381-5b54-48bd-a0c7-3b908c476732",
"workflow": "2fa_google_auth"
}"#,
        &chosen.body,
        &["/next"],
    );
    assert_eq!(chosen.uuid(), uuid);
    let body = body.replace("google", "sms");
    let chosen = curl(&app, "POST", "/api/v2/my/signin/2fa", Some("<token>"), Some(&body)).await.expect(200);
    assert_eq!((chosen.workflow(), &chosen.body["data"]), ("2fa_sms_auth", &Value::Null));
    assert_eq!(chosen.body.pointer("/next/receipt/recipient/method"), Some(&json!("phone")));
}

/// - POST `/2fa/google`: 202 with both tokens, `workflow: "login"`
async fn a_code_of_the_authenticator(app: TestApp) {
    let person = app.person_with_google("ann").await;
    let (uuid, _) = app.past_password(&person).await;
    let code = app.totp(person.key.as_deref().unwrap());
    let body = format!("{{\n\"uuid\": \"{uuid}\",\n\"code\": \"{code}\"\n}}");
    let done = curl(&app, "POST", "/api/v2/my/2fa/google", None, Some(&body)).await.expect(202);
    same(SIGNED_IN, &done.body, &["/next"]);
    assert_eq!(done.str("/data/accessToken/token").split('.').count(), 3, "a JWT");
    assert_eq!((done.uuid(), &done.body["next"]), (uuid, &Value::Null));
}

/// - POST `/2fa/sms`: 202 with both tokens, `workflow: "login"`
async fn a_code_by_sms(app: TestApp) {
    let person = app.person_with_sms("ann").await;
    let (uuid, _) = app.past_password(&person).await;
    let code = app.last_code(&person.phone).await;
    let body = format!("{{\n\"uuid\": \"{uuid}\",\n\"code\": \"{code}\"\n}}");
    let done = curl(&app, "POST", "/api/v2/my/2fa/sms", None, Some(&body)).await.expect(202);
    same(SIGNED_IN, &done.body, &["/next"]);
}

/// The published start of a challenge prints no answer but says that there is a confirmation token in it.
fn confirmation_token(started: &Answer, kind: &str) -> String {
    let token = started.str("/token");
    assert_eq!(form("uuid", token), form("uuid", "893f59c2-5905-436c-8ee2-643c4a69555f"));
    let members: Vec<&String> = started.body.as_object().unwrap().keys().collect();
    assert_eq!(members, ["token", "type", "sentAt", "expiredAt", "recipient"]);
    assert_eq!(started.str("/type"), kind);
    token.to_owned()
}

/// The printed body lacks the comma between its members: it is refused as it stands, and taken once mended. The printed
/// code has five digits.
async fn complete(app: &TestApp, bearer: Option<&str>, token: &str, code: &str) {
    let path = "/api/v2/my/2fa/challenge";
    let body =
        |token: &str, comma: &str, code: &str| format!("{{\n\"token\": \"{token}\"{comma}\n\"code\": \"{code}\"\n}}");
    let printed = body("893f59c2-5905-436c-8ee2-643c4a69555f", "", "57448");
    let broken = curl(app, "POST", path, bearer, Some(&printed)).await.refused(400, "malformed_body");
    assert!(!broken.str("/detail").is_empty());
    let foreign = body("893f59c2-5905-436c-8ee2-643c4a69555f", ",", "57448");
    curl(app, "POST", path, bearer, Some(&foreign)).await.refused(404, "wizard_not_found");
    let five = curl(app, "POST", path, bearer, Some(&body(token, ",", "57448"))).await.refused(422, "invalid_code");
    assert!(five.body["errors"]["code"].is_array());
    let done = curl(app, "POST", path, bearer, Some(&body(token, ",", code))).await.expect(200);
    same(
        r#"{
"token": "3929dfe8-161a-428c-9c71-fde728fe7285",
"expiresAt": "2022-01-01T00:00:00+00:00"
}"#,
        &done.body,
        &["/successToken"],
    );
    // The text calls it one thing and the example another.
    assert_eq!(done.body["token"], done.body["successToken"]);
}

/// - GET `/2fa/challenge`: 200 with the confirmation `token`, and `type`, `sentAt`, `expiredAt` and `recipient`: a code by
///   the strongest method that is on, by email where none is
/// - POST `/2fa/challenge`: 200 with the success token as `token`, again as `successToken`, and `expiresAt`. The printed
///   body lacks a comma and is a 400; a code of five digits is 422.
async fn confirming_while_signed_in(app: TestApp) {
    let (person, token) = with_both(&app).await;
    let started = curl(&app, "GET", "/api/v2/my/2fa/challenge", Some(&token), None).await.expect(200);
    let named = confirmation_token(&started, "google");
    complete(&app, Some(&token), &named, &app.totp(person.key.as_deref().unwrap())).await;
    let bob = app.person("bob").await;
    let token = app.sign_in(&bob).await;
    let started = curl(&app, "GET", "/api/v2/my/2fa/challenge", Some(&token), None).await.expect(200);
    let named = confirmation_token(&started, "email");
    complete(&app, Some(&token), &named, &app.last_code(&bob.email).await).await;
}

/// - GET `/2fa/unauthorized/challenge`: the same with `?email=`, by a code to that address, alike for one that no account
///   has. 403 where a directory keeps the passwords.
/// - POST `/2fa/challenge`: the same without a bearer token
async fn confirming_while_signed_out(app: TestApp) {
    let person = app.person("ann").await;
    let target = format!("/api/v2/my/2fa/unauthorized/challenge?email={}", person.email);
    let started = curl(&app, "GET", &target, None, None).await;
    if app.directory().is_some() {
        started.refused(403, "password_kept_elsewhere");
        return;
    }
    let named = confirmation_token(&started.expect(200), "email");
    complete(&app, None, &named, &app.last_code(&person.email).await).await;
    // As it is printed, it does not say whose challenge it is to be.
    let nobody = curl(&app, "GET", "/api/v2/my/2fa/unauthorized/challenge", None, None).await;
    assert!(nobody.refused(400, "invalid_request").body["errors"]["email"].is_array());
}

/// - GET `/2fa`: 200, the two printed methods and after them `email`, so `total` is 3
async fn which_methods_are_on(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    app.enable_sms(&token, &person).await;
    let list = curl(&app, "GET", "/api/v2/my/2fa?limit=10&offset=0", Some(&token), None).await.expect(200);
    let printed = r#"{
"total": 2,
"data": [
{
"caption": "SMS Confirmation",
"isEnabled": true,
"name": "sms"
},
{
"caption": "Google Authenticator",
"isEnabled": false,
"name": "google"
}
]
}"#;
    same(printed, &list.body, &[]);
    let printed: Value = serde_json::from_str(printed).unwrap();
    assert_eq!(list.body["data"].as_array().unwrap()[..2], printed["data"].as_array().unwrap()[..]);
}

/// The printed call carries paging that means nothing here, and must not be refused.
///
/// - GET `/2fa/{type}`: 200, exactly as printed; the paging that is printed with it means nothing
async fn one_method(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let one = curl(&app, "GET", "/api/v2/my/2fa/google?limit=10&offset=0", Some(&token), None).await.expect(200);
    assert_eq!(one.text, r#"{"caption":"Google Authenticator","isEnabled":false,"name":"google"}"#);
}

/// - GET `/2fa/{type}/enable/wizard`: 200 with `data.key`, beside it `otpauthUrl` and `qr`, `workflow: "2fa_google"`
/// - POST `/2fa/wizard`: 202, `data: []`, with `action: "code"` and the `key` of the start; a code of five digits is 422
async fn turning_the_authenticator_on(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let started = curl(&app, "GET", "/api/v2/my/2fa/google/enable/wizard", Some(&token), None).await.expect(200);
    same(
        r#"{
"code": 200,
"data": {
"key": "TPYXG33M4LOHFJHB"
},
"done": false,
"uuid": "36f59381-5b54-48bd-a0c7-3b908c476732",
"workflow": "2fa_google"
}"#,
        &started.body,
        &["/next", "/data/otpauthUrl", "/data/qr"],
    );
    let (uuid, key) = (started.uuid(), started.str("/data/key"));
    let body = |code: &str, key: &str| {
        format!("{{\n\"uuid\": \"{uuid}\",\n\"action\": \"code\",\n\"code\": \"{code}\",\n\"key\": \"{key}\"\n}}")
    };
    // The printed code has five digits, and codes have six.
    let five = curl(&app, "POST", "/api/v2/my/2fa/wizard", Some(&token), Some(&body("84112", key))).await;
    assert!(five.refused(422, "invalid_code").body["errors"]["code"].is_array());
    // The printed key is not this wizard's.
    let other = body(&app.totp(key), "TPYXG33M4LOHFJHB");
    let other = curl(&app, "POST", "/api/v2/my/2fa/wizard", Some(&token), Some(&other)).await;
    assert!(other.refused(422, "invalid_code").body["errors"]["key"].is_array());
    let right = body(&app.totp(key), key);
    let done = curl(&app, "POST", "/api/v2/my/2fa/wizard", Some(&token), Some(&right)).await.expect(202);
    same(TERMINATED, &done.body, &["/next"]);
}

/// - GET `/2fa/{type}/enable/wizard`: 200, `data: null`, `workflow: "2fa_sms_phone_create"`
/// - POST `/2fa/wizard`: 200 with the receipt, `workflow: "phone"`, for a `phone`; then 202, `data: []`, for its code
async fn turning_sms_on(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let started = curl(&app, "GET", "/api/v2/my/2fa/sms/enable/wizard", Some(&token), None).await.expect(200);
    same(
        r#"{
"code": 200,
"data": null,
"done": false,
"uuid": "c392816d-255f-48b0-a2b4-b315c30816a5",
"workflow": "2fa_sms_phone_create"
}"#,
        &started.body,
        &["/next"],
    );
    let uuid = started.uuid();
    let body = format!("{{\n\"uuid\": \"{uuid}\",\n\"phone\": \"+79994445561\",\n}}");
    let sent = curl(&app, "POST", "/api/v2/my/2fa/wizard", Some(&token), Some(&body)).await.expect(200);
    same(
        r#"{
"code": 200,
"data": {
"status": 0,
"sent": 3,
"expiredAt": "2022-12-28T13:00:58.000000Z",
"sentAt": "2022-12-28T12:50:58.000000Z",
"recipient": {
"class": "B2B\\TCA\\Confirmations\\Recipients\\PhoneRecipient",
"phone": "+79994445561",
"template": "default",
"data": null,
"type": 2,
"method": "phone"
}
},
"done": false,
"uuid": "36f59381-5b54-48bd-a0c7-3b908c476732",
"workflow": "phone"
}"#,
        &sent.body,
        &["/next"],
    );
    assert_eq!(sent.body["data"]["sent"], json!(1), "codes sent by this wizard so far");
    let body = |code: &str| format!("{{\n\"uuid\": \"{uuid}\",\n\"action\": \"code\",\n\"code\": \"{code}\",\n}}");
    let five = curl(&app, "POST", "/api/v2/my/2fa/wizard", Some(&token), Some(&body("84112"))).await;
    assert!(five.refused(422, "invalid_code").body["errors"]["code"].is_array());
    let right = body(&app.last_code("+79994445561").await);
    let done = curl(&app, "POST", "/api/v2/my/2fa/wizard", Some(&token), Some(&right)).await.expect(202);
    same(TERMINATED, &done.body, &["/next"]);
}

/// The example of the start prints `done: true` against the text beside it, which wants a code first; the text holds.
///
/// - GET `/2fa/{type}/disable/wizard`: 200, `data: null`, `done: false`, `workflow` is `2fa_google` or `2fa_sms`
/// - POST `/2fa/wizard`: 202, `data: []`, for the code of the method itself
async fn turning_a_method_off(app: TestApp) {
    let (person, token) = with_both(&app).await;
    for factor in ["google", "sms"] {
        let start = format!("/api/v2/my/2fa/{factor}/disable/wizard");
        let started = curl(&app, "GET", &start, Some(&token), None).await.expect(200);
        if factor == "google" {
            same(
                r#"{
"code": 200,
"data": null,
"done": false,
"uuid": "36f59381-5b54-48bd-a0c7-3b908c476732",
"workflow": "2fa_google"
}"#,
                &started.body,
                &["/next"],
            );
        } else {
            assert_eq!((started.workflow(), &started.body["done"]), ("2fa_sms", &json!(false)));
        }
        let uuid = started.uuid();
        let body = |code: &str| format!("{{\n\"uuid\": \"{uuid}\",\n\"action\": \"code\",\n\"code\": \"{code}\"\n}}");
        let five = curl(&app, "POST", "/api/v2/my/2fa/wizard", Some(&token), Some(&body("84112"))).await;
        five.refused(422, "invalid_code");
        let code = match factor {
            "google" => app.totp(person.key.as_deref().unwrap()),
            _ => app.last_code(&person.phone).await,
        };
        let done = curl(&app, "POST", "/api/v2/my/2fa/wizard", Some(&token), Some(&body(&code))).await.expect(202);
        same(TERMINATED, &done.body, &["/next"]);
        let off = app.call("GET", &format!("/api/v2/my/2fa/{factor}")).bearer(&token).send().await.expect(200);
        assert_eq!(off.body["isEnabled"], json!(false));
    }
}

/// 1 December 2022, 07:23:59 UTC: the only second that the printed filter lets through.
const PRINTED_SECOND: i64 = 1_669_879_439;

/// - GET `/2fa/changes`: 200, the records that the filters let through, newest first; an empty filter is none
async fn the_change_log(app: TestApp) {
    let target = "/api/v2/my/2fa/changes?limit=10&offset=0&sort_order=desc&sort_by=time&filter[isEnabled]=\
                  &filter[timeFrom]=2022-12-01T07:23:59%2B00:00&filter[timeTo]=2022-12-01T07:23:59%2B00:00\
                  &filter[provider]=sms";
    let now = i64::try_from(app.clock.unix()).unwrap();
    app.clock.advance(PRINTED_SECOND - now);
    let (_, token) = with_both(&app).await;
    let none = curl(&app, "GET", target, Some(&token), None).await.expect(200);
    assert_eq!(none.text, r#"{"total":0,"data":[]}"#, "on half a minute later");
    app.clock.advance(-31);
    let bob = app.person("bob").await;
    let token = app.sign_in(&bob).await;
    app.clock.advance(1);
    app.enable_sms(&token, &bob).await;
    let one = curl(&app, "GET", target, Some(&token), None).await.expect(200);
    same(
        r#"{
"total": 1,
"data": [
{
"id": 1,
"provider": "sms",
"isEnabled": false,
"time": "2022-01-01T00:00:00+00:00"
}
]
}"#,
        &one.body,
        &[],
    );
    assert_eq!(one.body["data"][0]["time"], "2022-12-01T07:23:59+00:00");
    assert_eq!((&one.body["total"], &one.body["data"][0]["isEnabled"]), (&json!(1), &json!(true)));
}

/// - GET `/2fa/changes/{changeId}`: 200, one record of the own account
async fn one_change(app: TestApp) {
    let (_, token) = with_both(&app).await;
    let one = curl(&app, "GET", "/api/v2/my/2fa/changes/1?limit=10&offset=0", Some(&token), None).await.expect(200);
    assert_eq!(one.text, r#"{"id":1,"provider":"google","isEnabled":true,"time":"2026-01-15T12:00:05+00:00"}"#);
}
