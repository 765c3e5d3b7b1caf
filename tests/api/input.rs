//! What clients send that they should not: every answer is a problem that says what is wrong, nothing is counted or
//! changed by it, and the server stays up.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{ADMIN_KEY, Answer, Backend, PASSWORD, Setup, TestApp};
use crate::smtp::{Behaviour, SmtpSink};

on_every_store!(
    another_type_where_a_string_belongs_is_refused_and_not_counted,
    a_member_given_twice_is_refused_and_not_counted,
    unknown_expired_foreign_and_cancelled_wizards_look_the_same,
    of_concurrent_steps_one_wins_and_the_others_hear_where_it_stands,
);

/// Nothing here looks into the store, so one store is enough.
async fn server() -> TestApp {
    Setup::on(Backend::Embedded).start().await
}

/// Every body that the API takes, with its members; the first of them are required.
const BODIES: [(&str, &[&str], &[&str]); 8] = [
    ("/api/v2/my/signin", &["uuid", "email", "password"], &[]),
    ("/api/v2/my/signin/2fa", &["uuid", "type"], &[]),
    ("/api/v2/my/2fa/google", &["uuid", "code"], &[]),
    ("/api/v2/my/2fa/sms", &["uuid", "code"], &[]),
    ("/api/v2/my/2fa/email", &["uuid", "code"], &[]),
    ("/api/v2/my/2fa/wizard", &["uuid"], &["action", "phone", "code", "key"]),
    ("/api/v2/my/refresh", &["refreshToken"], &[]),
    ("/admin/v1/accounts", &["email"], &["username", "password", "passwordHash", "phone", "locale"]),
];

/// A body of this route in which everything has the right type.
fn sound(uuid: &str, path: &str) -> serde_json::Map<String, Value> {
    let (_, required, optional) = BODIES.iter().find(|(known, ..)| *known == path).unwrap();
    let value = |name: &str| match name {
        "uuid" => json!(uuid),
        "type" => json!("google"),
        "email" => json!("somebody@example.com"),
        "code" => json!("000000"),
        "action" => json!("code"),
        "phone" => json!("+79994440000"),
        "locale" => json!("en"),
        _ => json!("eight or more"),
    };
    required.iter().chain(*optional).map(|name| ((*name).to_owned(), value(name))).collect()
}

fn bearer(path: &str, session: &str) -> String {
    if path.starts_with("/admin") { ADMIN_KEY.to_owned() } else { session.to_owned() }
}

/// X30, A11: the guard is the strict type of every member of every body (`http::body`), before any step is looked at.
async fn another_type_where_a_string_belongs_is_refused_and_not_counted(app: TestApp) {
    let other = app.person("other").await;
    let session = app.sign_in(&other).await;
    let person = app.person_with_google("ann").await;
    let (uuid, answer) = app.past_password(&person).await;
    answer.expect(200);
    let right = app.totp(person.key.as_deref().unwrap());
    for (path, required, optional) in BODIES {
        for name in required.iter().chain(optional) {
            let others =
                [json!([right]), json!([]), json!({ "$ne": "" }), json!({}), json!(123_456), json!(-1.5), json!(true)];
            let null = required.contains(name).then_some(Value::Null);
            for value in others.into_iter().chain(null) {
                let mut body = sound(&uuid, path);
                body.insert((*name).to_owned(), value.clone());
                let call = app.call("POST", path).bearer(&bearer(path, &session));
                let answer = call.json(&Value::Object(body)).send().await.refused(400, "invalid_request");
                assert!(answer.body["errors"][*name][0].is_string(), "{path} {name} {value}: {}", answer.text);
                assert_eq!(answer.body["errors"].as_object().unwrap().len(), 1, "{}", answer.text);
            }
        }
    }
    let wrong = app.code("google", &uuid, "000000").await.refused(422, "invalid_code");
    assert_eq!(wrong.body["attemptsLeft"], json!(9), "only the well-formed guess was counted");
    app.code("google", &uuid, &right).await.expect(202);
}

/// X30: the guard is that a body gives each member once, so that no two readers of it can see two different codes.
async fn a_member_given_twice_is_refused_and_not_counted(app: TestApp) {
    let person = app.person_with_google("ann").await;
    let (uuid, answer) = app.past_password(&person).await;
    answer.expect(200);
    let right = app.totp(person.key.as_deref().unwrap());
    let post = |kind: &'static str, body: String| app.call("POST", "/api/v2/my/2fa/google").text(kind, body).send();
    for body in [
        format!(r#"{{"uuid":"{uuid}","code":"000000","code":"{right}"}}"#),
        format!(r#"{{"uuid":"{uuid}","code":"{right}","code":"000000"}}"#),
        format!(r#"{{"uuid":"{uuid}","code":"{right}","code":"{right}"}}"#),
        format!(r#"{{"uuid":"{uuid}","code":"{right}","c\u006fde":"000000"}}"#),
        format!(r#"{{"uuid":"{uuid}","code":"{right}","code":null,}}"#),
    ] {
        let answer = post("application/json", body).await.refused(400, "invalid_request");
        assert!(answer.body["errors"]["code"].is_array(), "{}", answer.text);
    }
    for body in [
        format!("uuid={uuid}&code=000000&code={right}"),
        format!("uuid={uuid}&code={right}&code=000000"),
        format!("uuid={uuid}&code={right}&%63ode={right}"),
        format!("uuid={uuid}&code[]={right}"),
        format!("uuid={uuid}&code[0]={right}"),
    ] {
        let answer = post("application/x-www-form-urlencoded", body).await.refused(400, "invalid_request");
        assert!(answer.body["errors"]["code"].is_array(), "{}", answer.text);
    }
    let wrong = app.code("google", &uuid, "000000").await.refused(422, "invalid_code");
    assert_eq!(wrong.body["attemptsLeft"], json!(9), "only the well-formed guess was counted");
    let whole = post("application/x-www-form-urlencoded", format!("uuid={uuid}&code={right}&note=1")).await;
    whole.expect(202);
}

/// X30: a query that gives a parameter twice is refused, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_query_parameter_given_twice_is_refused() {
    let app = server().await;
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    for path in ["/api/v2/my/2fa/changes?limit=1&limit=2", "/api/v2/my/2fa?limit=1&limit=2"] {
        let answer = app.call("GET", path).bearer(&token).send().await;
        answer.refused(400, "invalid_request");
    }
    app.call("GET", "/admin/v1/accounts?email=a&email=b")
        .bearer(ADMIN_KEY)
        .send()
        .await
        .refused(400, "invalid_request");
}

/// The error table: a body that is no JSON object is a 400 that tells nothing of the parser.
#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_body_is_a_400() {
    let app = server().await;
    let person = app.person("ann").await;
    let session = app.sign_in(&person).await;
    for (path, required, _) in BODIES {
        for body in [
            "",
            " ",
            "{",
            "}",
            "null",
            "true",
            "\"x\"",
            "[]",
            "[{}]",
            "{\"uuid\"}",
            "{\"uuid\":}",
            "{uuid:1}",
            "{'uuid':'x'}",
            "{\"uuid\":\"\u{1}\"}",
            "{\"uuid\":\"\\ud800\"}",
            "{\"uuid\":NaN}",
            "\u{feff}{}",
        ] {
            let call = app.call("POST", path).bearer(&bearer(path, &session));
            // In a member that is read: serde_json takes less care with one that is skipped.
            let body = body.replace("uuid", required[0]);
            let answer = call.text("application/json", body).send().await.refused(400, "malformed_body");
            assert_eq!(answer.body.get("errors"), None, "{}", answer.text);
            assert!(!answer.text.contains("line 1"), "{}", answer.text);
        }
        let bytes = [b"{\"", required[0].as_bytes(), b"\":\"\xff\xfe\"}"].concat();
        let call = app.call("POST", path).bearer(&bearer(path, &session));
        call.text("application/json", bytes).send().await.refused(400, "malformed_body");
    }
}

/// The error table: what is missing is named, what is not known is ignored (X31: nor does it have any effect).
#[tokio::test(flavor = "multi_thread")]
async fn missing_members_are_named_and_unknown_ones_ignored() {
    let app = server().await;
    let person = app.person("ann").await;
    let session = app.sign_in(&person).await;
    let uuid = app.wizard().await;
    for (path, required, _) in BODIES {
        for name in required {
            let mut body = sound(&uuid, path);
            body.remove(*name);
            let call = app.call("POST", path).bearer(&bearer(path, &session));
            let answer = call.json(&Value::Object(body)).send().await.refused(400, "invalid_request");
            assert!(answer.body["errors"][*name].is_array(), "{path} {name}: {}", answer.text);
        }
    }
    let body = json!({
        "uuid": uuid, "email": person.email, "password": PASSWORD,
        "device_fingerprint": { "any": ["thing"] }, "verified": true, "step": "signed_in", "account": 1,
        "permissions": ["users:update"],
    });
    app.post("/api/v2/my/signin", body).await.expect(202);
    let seen = app.call("GET", &format!("/admin/v1/accounts/{}", person.id)).bearer(ADMIN_KEY).send().await;
    assert_eq!(seen.expect(200).body["permissions"], json!([]));
}

/// The error table: an uuid that is none is a 400 in a body and a 404 in a path.
#[tokio::test(flavor = "multi_thread")]
async fn an_uuid_that_is_none_is_refused() {
    let app = server().await;
    for uuid in ["", "x", "00000000-0000-0000-0000", "\u{0}", "../../admin", "36f59381-5b54-48bd-a0c7-3b908c47673g"] {
        let answer = app.code("google", uuid, "123456").await.refused(400, "invalid_request");
        assert!(answer.body["errors"]["uuid"].is_array(), "{}", answer.text);
    }
    for path in ["x", "%00", "%ff%fe", "%0d%0a", "36f59381%2f"] {
        for method in ["GET", "DELETE"] {
            let answer = app.call(method, &format!("/api/v2/my/wizard/{path}")).send().await;
            assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text);
            assert_eq!(answer.headers["content-type"], "application/problem+json", "{path}");
        }
    }
}

/// Status, headers and body but for what differs from one answer to the next.
fn face(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    // Some lists come in an order that differs between the server's threads.
    let shown = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
        let mut items: Vec<&str> = value.to_str().unwrap().split(", ").collect();
        items.sort_unstable();
        (name.to_string(), items.join(", "))
    };
    let mut headers: Vec<(String, String)> = answer.headers.iter().map(shown).collect();
    headers.retain(|(name, _)| name != "x-request-id" && name != "date");
    headers.sort();
    (answer.status, headers, answer.text.clone())
}

/// X2, X6, A17 and the error table: the guard is that `engine::wizards::open` has one answer for all of them.
async fn unknown_expired_foreign_and_cancelled_wizards_look_the_same(app: TestApp) {
    let (ann, bob) = (app.person("ann").await, app.person("bob").await);
    let (anns, bobs) = (app.sign_in(&ann).await, app.sign_in(&bob).await);
    let unknown = "4bf92f35-77b3-4da6-a3ce-929d0e0e4736".to_owned();
    let (expired, cancelled, foreign) = (app.wizard().await, app.wizard().await, app.wizard().await);
    let expired_change = app.start_factor(&bobs, "sms", "enable").await.expect(200).uuid();
    app.call("DELETE", &format!("/api/v2/my/wizard/{cancelled}")).send().await.expect(204);
    app.clock.advance(15 * 60);
    let foreign_change = app.start_factor(&anns, "sms", "enable").await.expect(200).uuid();
    let another = app.wizard().await;

    let body = |uuid: &str| json!({ "uuid": uuid, "email": ann.email, "password": PASSWORD, "code": "000000" });
    let mut seen = BTreeSet::new();
    for uuid in [&unknown, &expired, &cancelled, &foreign_change, &expired_change] {
        let answer = app.post("/api/v2/my/signin", body(uuid)).await.refused(404, "wizard_not_found");
        assert_eq!(answer.body["restart"], json!({ "method": "GET", "href": "/api/v2/my/signin/wizard" }));
        seen.insert(face(&answer));
        let answer = app.get(&format!("/api/v2/my/wizard/{uuid}")).await;
        seen.insert(face(&answer));
        let answer = app.call("DELETE", &format!("/api/v2/my/wizard/{uuid}")).send().await;
        seen.insert(face(&answer));
    }
    // A living wizard to whoever shows another key.
    let call = app.call("POST", "/api/v2/my/signin").header("X-Wizard-Key", "AAAAAAAAAAAAAAAAAAAAAA");
    seen.insert(face(&call.json(&body(&another)).send().await));
    assert_eq!(seen.len(), 1, "{seen:#?}");

    let mut seen = BTreeSet::new();
    for uuid in [&unknown, &expired, &cancelled, &foreign, &foreign_change, &expired_change, &another] {
        let step = json!({ "uuid": uuid, "phone": "+79994440000" });
        let answer = app.factor_step(&bobs, step).await.refused(404, "wizard_not_found");
        assert_eq!(answer.body["restart"]["href"], json!("/api/v2/my/2fa"));
        seen.insert(face(&answer));
    }
    assert_eq!(seen.len(), 1, "{seen:#?}");
    app.factor_step(&anns, json!({ "uuid": foreign_change, "phone": "+79994440000" })).await.expect(200);
}

/// A10, I6 and the error table: the guard is the compare-and-set of a wizard's revision.
async fn of_concurrent_steps_one_wins_and_the_others_hear_where_it_stands(app: TestApp) {
    let person = app.person_with_google("ann").await;
    let uuid = app.wizard().await;
    let answers = futures_util::future::join_all((0..6).map(|_| app.password(&uuid, &person, PASSWORD))).await;
    let (won, lost): (Vec<Answer>, Vec<Answer>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!(won.len(), 1, "{lost:#?}");
    for answer in lost {
        assert_eq!((answer.status, answer.uuid(), answer.workflow()), (409, uuid.clone(), "2fa_google_auth"));
        assert!(["wizard_changed", "step_not_allowed"].contains(&answer.str("code")), "{}", answer.text);
        assert_eq!(answer.headers["content-type"], "application/problem+json");
    }
    app.code("google", &uuid, &app.totp(person.key.as_deref().unwrap())).await.expect(202);
}

/// The error table: whatever is asked of a known path with a wrong method, or of an unknown path, is answered with a
/// problem.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_method_or_path_is_answered_with_a_problem() {
    let app = server().await;
    let paths = [
        "/",
        "/api",
        "/api/v2/my",
        "/api/v2/my/",
        "/api/v2/my/nothing",
        "/api/v2/my/signin",
        "/api/v2/my/signin/",
        "/api/v2/my/signin/wizard",
        "/api/v2/my/2fa/google",
        "/api/v2/my/2fa/wizard",
        "/api/v2/my/wizard/x",
        "/api/v2/my/sessions/x",
        "/api/v2/my/refresh",
        "/admin/v1/accounts/x",
        "/admin/v1",
        "/health/ready",
        "/health",
        "//api/v2/my/signin/wizard",
        "/api/v2/my/../my/signin/wizard/x",
        "/api/v2/my/%2e%2e/x",
        "/%ff",
        "/%00",
    ];
    for path in paths {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "BREW"] {
            let answer = app.call(method, path).send().await;
            assert!(answer.status < 500, "{method} {path}: {}", answer.text);
            let problem = answer.header("content-type") == Some("application/problem+json");
            assert!(answer.status < 400 || problem, "{method} {path} {}: {}", answer.status, answer.text);
            assert!(answer.header("x-request-id").is_some(), "{method} {path}");
            if problem {
                assert_eq!(answer.body["status"], json!(answer.status), "{method} {path}");
            }
        }
    }
    app.call("DELETE", "/api/v2/my/signin").send().await.refused(404, "not_found");
}

/// The error table: only JSON and forms are read.
#[tokio::test(flavor = "multi_thread")]
async fn another_media_type_is_a_415() {
    let app = server().await;
    let uuid = app.wizard().await;
    let body = json!({ "uuid": uuid, "email": "x@example.com", "password": PASSWORD }).to_string();
    for kind in
        ["text/plain", "application/xml", "multipart/form-data; boundary=x", "application/jsonx", "json", "x", "\u{e9}"]
    {
        let call = app.call("POST", "/api/v2/my/signin").text(kind, body.clone());
        call.send().await.refused(415, "unsupported_media_type");
    }
    for kind in ["application/json", "APPLICATION/JSON; charset=utf-8", "application/vnd.api+json"] {
        let call = app.call("POST", "/api/v2/my/signin").text(kind, body.clone());
        call.send().await.refused(422, "invalid_credentials");
    }
}

/// A connection of the test's own, for what no client library would send.
async fn raw(app: &TestApp, request: &str) -> String {
    let mut stream = TcpStream::connect(app.url.strip_prefix("http://").unwrap()).await.unwrap();
    // The server may have answered and left before it has read everything.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut answer)).await;
    assert!(closed.is_ok(), "the connection is never closed after {:?}", String::from_utf8_lossy(&answer));
    String::from_utf8_lossy(&answer).into_owned()
}

fn head(path: &str, headers: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n{headers}\r\n")
}

fn padded(uuid: &str, length: usize) -> String {
    let frame = format!(r#"{{"uuid":"{uuid}","email":"x@example.com","password":"{PASSWORD}","pad":""}}"#);
    let pad = "x".repeat(length - frame.len());
    frame.replace(r#""pad":"""#, &format!(r#""pad":"{pad}""#))
}

/// X37: the guard is the limit in `http::body::read`, on what arrives, whatever the head says about it.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_64_kib_is_read_and_one_byte_more_is_not() {
    let app = server().await;
    let uuid = app.wizard().await;
    let post = |length: usize| app.call("POST", "/api/v2/my/signin").text("application/json", padded(&uuid, length));
    post(65_536).send().await.refused(422, "invalid_credentials");
    let large = post(65_537).send().await.refused(413, "body_too_large");
    assert_eq!(large.body["status"], json!(413));
    for (path, ..) in BODIES {
        let call = app.call("POST", path).bearer(ADMIN_KEY).text("application/json", padded(&uuid, 65_537));
        let answer = call.send().await;
        // Where the session is looked at first, it may come first.
        assert!([413, 401].contains(&answer.status), "{path}: {}", answer.text);
    }

    let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
    let chunked = |body: &str| {
        let chunks: String =
            body.as_bytes().chunks(1_000).map(|part| chunk(std::str::from_utf8(part).unwrap())).collect();
        format!("{}{chunks}0\r\n\r\n", head("/api/v2/my/signin", "Transfer-Encoding: chunked\r\n"))
    };
    let whole = raw(&app, &chunked(&padded(&uuid, 65_536))).await;
    assert!(whole.starts_with("HTTP/1.1 422 "), "{whole}");
    let larger = raw(&app, &chunked(&padded(&uuid, 65_537))).await;
    assert!(larger.starts_with("HTTP/1.1 413 ") && larger.contains("body_too_large"), "{larger}");
    app.get("/health/live").await.expect(200);
}

/// X37: no depth of nesting overflows the stack: members that nobody reads are skipped without recursion, and no member
/// that is read may nest.
#[tokio::test(flavor = "multi_thread")]
async fn deep_json_is_no_crash() {
    let app = server().await;
    let uuid = app.wizard().await;
    let nested = |name: &str, open: &str, close: &str, depth: usize| {
        let inner = format!("{}1{}", open.repeat(depth), close.repeat(depth));
        format!(r#"{{"uuid":"{uuid}","email":"x@example.com","{name}":{inner},"password":"{PASSWORD}"}}"#)
    };
    let post = |body: String| app.call("POST", "/api/v2/my/signin").text("application/json", body).send();
    for (open, close, depth) in [("[", "]", 32_000), ("{\"a\":", "}", 10_000), ("[{\"a\":[", "]}]", 5_000)] {
        post(nested("deep", open, close, depth)).await.refused(422, "invalid_credentials");
        post(nested("uuid", open, close, depth)).await.refused(400, "invalid_request");
        post(format!("{{\"deep\":{}", open.repeat(depth))).await.refused(400, "malformed_body");
        post(open.repeat(depth)).await.refused(400, "malformed_body");
    }
    let many: String = (0..4_000).map(|n| format!("\"k{n}\":[],")).collect();
    post(format!("{{{many}\"uuid\":\"{uuid}\",}}")).await.refused(400, "invalid_request");
    app.get("/health/live").await.expect(200);
}

/// The error table: nothing may follow the object.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_may_follow_a_body() {
    let app = server().await;
    let body = json!({ "uuid": app.wizard().await, "email": "x@example.com", "password": PASSWORD });
    for tail in ["{}", " x", "\0", ",", "\n[]"] {
        let call = app.call("POST", "/api/v2/my/signin").text("application/json", format!("{body}{tail}"));
        call.send().await.refused(400, "malformed_body");
    }
}

/// X37: whoever sends a body, or a head, and never ends it is answered and let go; the guards are `http.request_timeout`
/// in `http::body::read` and in the server's own reading of the head, and for chunks that nobody reads `http::unread`.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_never_ends_is_a_408() {
    let app = Setup::on(Backend::Embedded).with("STEPGATE_HTTP__REQUEST_TIMEOUT", "1s").start().await;
    let (length, chunked) = ("Content-Length: 1000\r\n", "Transfer-Encoding: chunked\r\n");
    let silent = head("/api/v2/my/signin", length);
    let halfway = format!("{}{{\"uuid\":", head("/api/v2/my/signin", length));
    let chunks = format!("{}5\r\n{{\"uui\r\n", head("/api/v2/my/signin", chunked));
    let in_chunk = format!("{}ff\r\n{{\"uui", head("/api/v2/my/refresh", chunked));
    let (silent, halfway, chunks, in_chunk) =
        tokio::join!(raw(&app, &silent), raw(&app, &halfway), raw(&app, &chunks), raw(&app, &in_chunk),);
    for answer in [silent, halfway, chunks, in_chunk] {
        assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("body_too_slow"), "{answer}");
        assert!(answer.contains("application/problem+json"), "{answer}");
    }
    for line in ["GET /health/live", "POST /nothing", "DELETE /api/v2/my/sessions"] {
        let unread = format!("{line} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
        let answer = raw(&app, &unread).await;
        assert!(answer.starts_with("HTTP/1.1 ") && answer.matches("HTTP/1.1 ").count() == 1, "{answer}");
    }
    let head = raw(&app, "GET /health/live HTTP/1.1\r\nHost: x\r\n").await;
    assert!(head.starts_with("HTTP/1.1 408 "), "{head}");
    app.get("/health/live").await.expect(200);
}

/// X37: heads that are too large, too many or ambiguous (RFC 9112 §6.3) are refused, and nothing that follows them on
/// the connection is taken for a request.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_heads_are_refused_and_the_server_stays_up() {
    let app = server().await;
    let many: String = (0..500).map(|n| format!("X-Header-{n}: {n}\r\n")).collect();
    let long = format!("X-Long: {}\r\n", "x".repeat(300_000));
    let smuggled = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";
    for (what, request) in [
        ("many headers", head("/api/v2/my/signin", &many)),
        ("a long header", head("/api/v2/my/signin", &long)),
        ("a long path", format!("GET /{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "a".repeat(300_000))),
        ("two lengths", format!("{}{smuggled}", head("/x", "Content-Length: 5\r\nContent-Length: 50\r\n"))),
        ("a signed length", format!("{}{smuggled}", head("/x", "Content-Length: +5\r\n"))),
        ("a negative length", format!("{}{smuggled}", head("/x", "Content-Length: -5\r\n"))),
        (
            "length and chunks",
            format!("{}0\r\n\r\n{smuggled}", head("/x", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")),
        ),
        ("another coding", format!("{}{smuggled}", head("/x", "Transfer-Encoding: xchunked\r\n"))),
        (
            "a NUL in a header",
            "GET /health/live HTTP/1.1\r\nHost: x\r\nX: a\0b\r\nConnection: close\r\n\r\n".to_owned(),
        ),
        ("an ESC in the path", "GET /\x1b[31m HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned()),
        ("a bare line feed", "GET /health/live HTTP/1.1\nHost: x\nX\n\n".to_owned()),
    ] {
        let answer = raw(&app, &request).await;
        let refused = answer.starts_with("HTTP/1.1 4") || answer.is_empty();
        assert!(refused && !answer.contains("HTTP/1.1 200"), "{what}: {answer}");
    }
    app.get("/health/live").await.expect(200);
}

/// S10: whatever is given as a phone, no panic and no 500 comes of it; nothing but a number reaches the courier.
#[tokio::test(flavor = "multi_thread")]
async fn any_text_as_a_phone_is_a_4xx_or_a_number() {
    let app = server().await;
    let mut runner = TestRunner::deterministic();
    let random = proptest::prop_oneof![
        "\\PC{0,40}",
        "[+0-9(). ;=a-z-]{0,40}",
        "\\+[0-9]{1,20}",
        "\\+[1-9][0-9]{0,3}[;,#*pwx][a-z0-9=+.-]{0,20}",
        ".{0,200}",
    ];
    let mut texts: Vec<String> = (0..80).map(|_| random.new_tree(&mut runner).unwrap().current()).collect();
    texts.extend(
        [
            "",
            ".;phone-context=",
            "+7;phone-context=x",
            "+79994445561;ext=1",
            "+79994445561;phone-context=+7",
            "tel:+79994445561",
            "+",
            "++7",
            "+0",
            "00",
            "+1",
            "+999",
            "+\0",
            "+7\r\n9994445561",
            "+7\u{2028}9994445561",
            "+７９９９４４４５５６１",
            "+٧٩٩٩٤٤٤٥٥٦١",
            "+7999444556١",
            "+79994445561,+79994445562",
            "🤷",
            "+00000000000000000000000000000000",
            "+18005551212;isub=1",
            "+1 (800) 555-1212 x 5",
        ]
        .map(str::to_owned),
    );
    texts.push("+".repeat(20_000));
    texts.push("9".repeat(20_000));
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let mut uuid = app.start_factor(&token, "sms", "enable").await.expect(200).uuid();
    for text in texts {
        let answer = app.factor_step(&token, json!({ "uuid": uuid, "phone": text })).await;
        assert!([200, 422, 429].contains(&answer.status), "{text:?}: {} {}", answer.status, answer.text);
        if answer.status == 200 {
            uuid = app.start_factor(&token, "sms", "enable").await.expect(200).uuid();
        }
        let body = json!({ "email": "taken@example.com", "phone": text });
        let made = app.call("POST", "/admin/v1/accounts").bearer(ADMIN_KEY).json(&body).send().await;
        assert!([201, 400, 409].contains(&made.status), "{text:?}: {} {}", made.status, made.text);
    }
    for sent in app.get("/dev/outbox").await.body["data"].as_array().unwrap() {
        let to = sent["to"].as_str().unwrap();
        assert!(to.starts_with('+') && to[1..].bytes().all(|byte| byte.is_ascii_digit()), "{to}");
    }
}

/// E3: the guards are `Email::parse` at the door and `delivery::smtp::letter` before the wire.
#[tokio::test(flavor = "multi_thread")]
async fn no_field_adds_a_recipient_a_header_or_a_message() {
    let sink = SmtpSink::start(Behaviour::default()).await;
    let app = Setup::on(Backend::Embedded)
        .with("STEPGATE_EMAIL__PROVIDERS", r#"["smtp"]"#)
        .with("STEPGATE_EMAIL__SMTP__URL", &format!("smtp://127.0.0.1:{}", sink.port))
        .with("STEPGATE_EMAIL__FROM", "Stepgate <no-reply@example.com>")
        .start()
        .await;
    let endings = [
        "\r\nBcc: evil@example.net",
        "\nBcc: evil@example.net",
        "\rBcc: evil@example.net",
        "\0",
        "\u{85}x",
        "\u{2028}x",
        "\u{2029}x",
        ">\r\nRCPT TO:<evil@example.net>",
        "> evil",
        ",evil@example.net",
        ";evil@example.net",
        " evil@example.net",
        "\r\n.\r\nMAIL FROM:<a@b.example>",
        "%0d%0aBcc:evil@example.net",
        "\\r\\nBcc: e@example.net",
        "\u{560a}\u{560d}x",
        "\u{ff1e}x",
        "\u{fe0f}\u{200b}",
        "\t",
    ];
    let mut expected = 0;
    for (n, ending) in endings.iter().enumerate() {
        let hostile = [
            format!("victim{n}@example.com{ending}"),
            format!("victim{n}{ending}@example.com"),
            format!("\"victim{n}{ending}\"@example.com"),
        ];
        for email in hostile {
            let post = |body: Value| app.call("POST", "/admin/v1/accounts").bearer(ADMIN_KEY).json(&body).send();
            let made = post(json!({ "email": email, "password": PASSWORD })).await;
            if made.status != 201 {
                assert!(made.body["errors"]["email"].is_array(), "{email:?}: {}", made.text);
                continue;
            }
            // An address that is one after all: its owner, and nobody else, gets one message.
            let stored = made.str("email").to_owned();
            assert!(!stored.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')), "{stored:?}");
            let uuid = app.wizard().await;
            let login = json!({ "uuid": uuid, "email": stored, "password": PASSWORD });
            let signed_in = app.post("/api/v2/my/signin", login).await.expect(202);
            let token = signed_in.str("/data/accessToken/token").to_owned();
            let begun = app.start_factor(&token, "email", "enable").await;
            if begun.status == 200 {
                expected += 1;
            }
            assert!([200, 502].contains(&begun.status), "{email:?}: {}", begun.text);
        }
    }
    for (n, ending) in endings.iter().enumerate() {
        let post = |body: Value| app.call("POST", "/admin/v1/accounts").bearer(ADMIN_KEY).json(&body).send();
        let named =
            post(json!({ "email": format!("named{n}@example.com"), "username": format!("u{n}{ending}") })).await;
        let name = named.body["username"].as_str().unwrap_or_default();
        assert!(named.status == 400 || name.chars().all(char::is_alphanumeric), "{}", named.text);
        let spoken = post(json!({ "email": format!("spoken{n}@example.com"), "locale": format!("en{ending}") })).await;
        spoken.refused(400, "invalid_request");
    }
    let plain = app.person("plain").await;
    let token = app.sign_in(&plain).await;
    app.start_factor(&token, "email", "enable").await.expect(200);
    let mails = sink.mails();
    assert_eq!(mails.len(), expected + 1, "as many messages as receipts");
    for mail in &mails {
        assert_eq!(mail.recipients.len(), 1, "{mail:?}");
        assert!(!mail.recipients[0].ends_with("@example.net"), "{mail:?}");
        let heads: Vec<&str> = mail.data.split("\r\n\r\n").next().unwrap().lines().collect();
        assert!(!heads.iter().any(|line| line.to_ascii_lowercase().starts_with("bcc")), "{heads:?}");
        assert_eq!(heads.iter().filter(|line| line.starts_with("To:")).count(), 1, "{heads:?}");
    }
    let recipients = sink.lines().iter().filter(|line| line.to_ascii_uppercase().starts_with("RCPT")).count();
    assert_eq!(recipients, mails.len());
}
