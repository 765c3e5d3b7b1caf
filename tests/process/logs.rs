//! X36: nothing that a client writes can start a line of the log, drive a terminal, or break a machine's reader.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use serde_json::{Value, json};

use crate::harness::{ADMIN_KEY, PASSWORD, Stepgate, Web};
use crate::redis::free_port;

const HOSTILE: [&str; 9] = [
    "a\r\n2026-01-01T00:00:00.000000Z  INFO forged: line",
    "a\n2026-01-01T00:00:00.000000Z ERROR forged: line",
    "\u{1b}[2J\u{1b}[31mforged\u{7}",
    "a\0forged",
    "a\u{2028}forged\u{2029}forged",
    "a\u{85}forged\u{9b}31m",
    "\u{202e}degrof\u{202c}\u{feff}",
    "\",\"forged\":\"yes",
    "{\"level\":\"ERROR\",\"message\":\"forged\"}",
];

/// Sends the bytes as they are, and reads the answer to its end.
fn raw(server: &Stepgate, bytes: &[u8]) {
    let mut stream = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    // A server that has heard enough may close at any time.
    let _ = stream.write_all(bytes);
    let _ = stream.read_to_end(&mut Vec::new());
}

/// Sends the bytes as they are, and nothing more: what the server waits for does not come.
fn raw_once(server: &Stepgate, bytes: &[u8]) {
    let mut stream = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    let _ = stream.write_all(bytes).and_then(|()| stream.shutdown(Shutdown::Write));
    let _ = stream.read_to_end(&mut Vec::new());
}

/// Somebody who may change others, a hash of theirs at the panel, and a policy for services.
async fn prepare(web: &Web) -> String {
    let path = "/admin/v1/accounts?email=ann@example.com";
    let (status, found) = web.get(path, ADMIN_KEY).await.unwrap();
    assert_eq!(status, 200, "{found}");
    let account = format!("/admin/v1/accounts/{}", found["data"][0]["id"]);
    let may = json!({ "permissions": ["users:read", "users:update"] });
    assert_eq!(web.call("PATCH", &account, ADMIN_KEY, may).await.unwrap().0, 200);
    let policy = json!({ "id": "vpn", "issuer": "VPN" });
    assert_eq!(web.post("/admin/v1/policies", ADMIN_KEY, policy).await.unwrap().0, 201);
    let login = json!({ "login": "ann@example.com", "password": PASSWORD });
    let (_, answer) = web.post("/v2/panel/account/auth", "", login).await.unwrap();
    answer["hash"].as_str().unwrap().to_owned()
}

/// Every field of the other surfaces that takes text.
async fn attack_elsewhere(web: &Web, token: &str, hash: &str, text: &str) {
    for (path, body) in [
        ("/api/oauth2/token", json!({ "grant_type": text })),
        ("/api/oauth2/token", json!({ "grant_type": "Password", "username": text, "password": text })),
        ("/api/oauth2/token", json!({ "grant_type": "Mfa", "mfa_token": text, "mfa_code": text })),
        ("/api/oauth2/token", json!({ "grant_type": "Refresh_token", "refresh_token": text })),
        ("/api/v1/users/1/acceptMfa", json!({ "code": text, "token": text })),
        ("/v2/panel/account/auth", json!({ "login": text, "password": text })),
        ("/v2/panel/account/auth", json!({ "token": text, "code": text })),
        ("/api/totp/vpn/enrollment", json!({ "username": text })),
        ("/api/totp/vpn/verify", json!({ "username": text, "otp": "000000" })),
        ("/api/totp/vpn/verify", json!({ "username": "ann@example.com", "otp": text })),
        ("/api/totp/vpn/delete", json!({ "username": text })),
        ("/admin/v1/clients", json!({ "name": text })),
        ("/admin/v1/policies", json!({ "id": text, "issuer": text })),
    ] {
        let token = if path.starts_with("/admin") { ADMIN_KEY } else { token };
        let (status, body) = web.post(path, token, body).await.unwrap();
        assert!(status < 500, "{path} {body}");
    }
    let escaped: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let basic = |pair: String| format!("Basic {}", data_encoding::BASE64.encode(pair.as_bytes()));
    let own = basic(format!("ann@example.com:{PASSWORD}"));
    for (method, path, credential) in [
        ("PUT", format!("/u/{escaped}/disable-2fa?otp={escaped}"), own.clone()),
        ("PUT", format!("/u/{escaped}/enable-2fa.json?secret={escaped}&otp=000000"), own.clone()),
        ("PUT", format!("/u/disable-2fa?username={escaped}"), own.clone()),
        ("GET", format!("/u/{escaped}/qrcode-2fa"), own),
        ("GET", "/u/ann/qrcode-2fa".to_owned(), basic(format!("{text}:{text}"))),
        ("GET", format!("/api/v1/users/{escaped}?Limit={escaped}&After={escaped}"), format!("Bearer {token}")),
        ("POST", format!("/api/totp/{escaped}/verify?otp={escaped}"), format!("Bearer {token}")),
        ("POST", format!("/v2/panel/{escaped}"), format!("NVX {hash}")),
    ] {
        let call = web.http.request(method.parse().unwrap(), format!("{}{path}", web.url));
        assert!(call.header("Authorization", credential).send().await.unwrap().status().as_u16() < 500, "{path}");
    }
    for settings in [json!({ "type": text }), json!({ "type": "allowed", "factor_types": [text] })] {
        for (path, target) in [("default/update", json!(text)), ("update", json!({ "type": text, "ids": [] }))] {
            let call = web.http.post(format!("{}/v2/panel/user/mfa/settings/{path}", web.url));
            let call = call.header("Authorization", format!("NVX {hash}"));
            let answer = call.json(&json!({ "settings": settings, "target": target })).send().await.unwrap();
            assert_eq!(answer.status().as_u16(), 400, "{path}");
        }
    }
}

/// Every field that takes text, in turn.
async fn attack(server: &Stepgate, web: &Web) {
    web.person("ann@example.com").await;
    let hash = prepare(web).await;
    let token = web.sign_in("ann@example.com").await;
    for text in HOSTILE {
        attack_elsewhere(web, &token, &hash, text).await;
        let uuid = web.wizard().await.unwrap();
        let sms = web.get("/api/v2/my/2fa/sms/enable/wizard", &token).await.unwrap().1["uuid"].clone();
        for (path, body) in [
            ("/api/v2/my/signin", json!({ "uuid": uuid, "email": text, "password": PASSWORD })),
            ("/api/v2/my/signin", json!({ "uuid": uuid, "email": "ann@example.com", "password": text })),
            ("/api/v2/my/signin", json!({ "uuid": text, "email": "a@b.example", "password": text })),
            ("/api/v2/my/signin/2fa", json!({ "uuid": uuid, "type": text })),
            ("/api/v2/my/2fa/google", json!({ "uuid": uuid, "code": text })),
            ("/api/v2/my/2fa/wizard", json!({ "uuid": sms, "phone": text })),
            ("/api/v2/my/2fa/wizard", json!({ "uuid": sms, "action": text })),
            ("/api/v2/my/2fa/wizard", json!({ "uuid": sms, "action": "code", "code": "000000", "key": text })),
            ("/api/v2/my/refresh", json!({ "refreshToken": text })),
            ("/api/v2/my/signin", json!({ text: text, "uuid": 1 })),
        ] {
            let (status, body) = web.post(path, &token, body).await.unwrap();
            assert!((400..500).contains(&status), "{path} {body}");
        }
        for field in ["email", "username", "phone", "locale", "passwordHash"] {
            let mut body = json!({ "email": "bob@example.com" });
            body[field] = json!(text);
            let (status, body) = web.post("/admin/v1/accounts", ADMIN_KEY, body).await.unwrap();
            assert!(status < 500, "{field} {body}");
        }
        let escaped: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
        for path in [
            format!("/{escaped}"),
            format!("/api/v2/my/wizard/{escaped}"),
            format!("/api/v2/my/2fa/{escaped}"),
            format!("/api/v2/my/2fa/changes?sort_by={escaped}&{escaped}=1"),
        ] {
            assert!(web.get(&path, &token).await.unwrap().0 < 500, "{path}");
        }
        for name in
            ["User-Agent", "X-Request-Id", "Idempotency-Key", "X-Forwarded-For", "X-Client-Kind", "Host", "Cookie"]
        {
            let text = text.replace(['\r', '\n', '\0'], "\t");
            let body = json!({ "uuid": uuid, "email": "x@example.com", "password": "wrong password" }).to_string();
            let head = format!("POST /api/v2/my/signin HTTP/1.1\r\n{name}: {text}\r\nConnection: close\r\n");
            let rest = format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            raw(server, format!("{head}{rest}").as_bytes());
        }
        raw(server, format!("GET /{text} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes());
        raw(server, format!("{text} / HTTP/1.1\r\nHost: x\r\nX-{text}: 1\r\nConnection: close\r\n\r\n").as_bytes());
    }
    raw(
        server,
        b"GET /\xff\xfe\x80 HTTP/1.1\r\nHost: \xff\r\nUser-Agent: \xff\xfe\x1b[31m\r\nConnection: close\r\n\r\n",
    );
}

async fn attacked(format: &str) -> String {
    let home = tempfile::tempdir().unwrap();
    let settings = [
        ("STEPGATE_LOG__FORMAT", format),
        ("STEPGATE_LOG__LEVEL", "trace"),
        ("STEPGATE_LIMITS__ADDRESS__FAILURES", "1000"),
        ("STEPGATE_LIMITS__SIGN_IN__FAILURES", "1000"),
    ];
    let mut server = Stepgate::start(home.path(), &settings);
    let web = server.client();
    attack(&server, &web).await;
    let ready = web.get("/health/live?marker=1", "").await.unwrap();
    assert_eq!(ready.0, 200);
    drop(web);
    server.terminate();
    assert!(server.ended().success());
    let log = server.log();
    assert!(log.lines().count() > 200, "the requests are in the log: {log}");
    for c in log.chars() {
        let unsafe_mark =
            matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        assert!(c == '\n' || !(c.is_control() || unsafe_mark), "{c:?} in the log");
    }
    log
}

/// What is no request, or one too long, is the client's error: no stranger writes the lines that wake an operator.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_is_no_error_of_the_server() {
    let home = tempfile::tempdir().unwrap();
    let mut server = Stepgate::start(home.path(), &[("STEPGATE_LOG__LEVEL", "trace")]);
    let long = format!("GET / HTTP/1.1\r\nX-Long: {}", "x".repeat(400_000));
    for bytes in ["\u{1}\u{2}\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}", long.as_str()]
    {
        raw_once(&server, bytes.as_bytes());
    }
    raw_once(&server, b"POST /api/v2/my/signin HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
    assert_eq!(server.client().get("/health/live", "").await.unwrap().0, 200);
    server.terminate();
    assert!(server.ended().success());
    let log = server.log();
    let errors: Vec<&str> = log.lines().filter(|line| line.contains(" ERROR ")).collect();
    assert!(errors.is_empty() && log.contains("answered"), "{log}");
}

/// X36: the guards are `telemetry::sane` and the shape of a request id; every line is one that the server began.
#[tokio::test(flavor = "multi_thread")]
async fn no_client_forges_a_line_of_the_log() {
    let log = attacked("text").await;
    let levels = [" INFO ", " WARN ", " ERROR ", " DEBUG ", " TRACE "];
    for line in log.lines() {
        let (time, rest) = line.split_at_checked(27).unwrap_or((line, ""));
        let timed = time.ends_with('Z') && time.as_bytes().get(10) == Some(&b'T');
        assert!(
            timed && levels.iter().any(|level| rest.starts_with(&format!(" {level}")) || rest.starts_with(level)),
            "{line:?}"
        );
        assert!(!rest.trim_start().starts_with("INFO forged") && !rest.contains("ERROR forged"), "{line:?}");
    }
}

/// X36: the same for a log that machines read: each line is one object, and no client adds a member.
#[tokio::test(flavor = "multi_thread")]
async fn no_client_forges_a_member_of_a_json_log() {
    let log = attacked("json").await;
    for line in log.lines() {
        let entry: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(entry["timestamp"].is_string() && entry["level"].is_string(), "{line}");
        assert!(entry.get("forged").is_none() && entry["message"] != "forged", "{line}");
    }
}

/// A22: a query may hold a code, a secret or a name, as ABRA Flexi's calls do, and a path somebody's address: none of it is
/// in the log, whether the call is known or not, can be read or not, on the main listener or another. Watches the frame,
/// which logs the path alone, and `telemetry::redact_path`.
#[tokio::test(flavor = "multi_thread")]
async fn no_query_is_in_the_log() {
    let home = tempfile::tempdir().unwrap();
    let other = format!("127.0.0.1:{}", free_port());
    let settings = [("STEPGATE_LOG__LEVEL", "trace"), ("STEPGATE_FLEXI__LISTEN", other.as_str())];
    let mut server = Stepgate::start(home.path(), &settings);
    let main = server.client();
    let extra = Web { url: format!("http://{other}"), http: main.http.clone() };
    let query = "secret=CANARYSECRETX&otp=739184265&username=canary-name";
    for (web, path) in [
        (&extra, "/u/ann/enable-2fa"),
        (&extra, "/u/canary%40example.com/enable-2fa.json"),
        (&extra, "/u/disable-2fa.json"),
        (&main, "/u/ann/disable-2fa"),
        (&main, "/api/v1/users"),
        (&main, "/api/oauth2/token"),
        (&main, "/api/totp/default/verify"),
        (&main, "/v2/panel/account/auth"),
        (&main, "/api/v2/my/2fa/changes"),
        (&main, "/admin/v1/accounts"),
        (&main, "/nowhere"),
    ] {
        for method in ["GET", "PUT", "POST"] {
            for query in [query.to_owned(), format!("{query}&{query}"), format!("%zz&{query};otp=%ff739184265")] {
                let heard = web.call(method, &format!("{path}?{query}"), "x", Value::Null).await.unwrap();
                assert!((400..500).contains(&heard.0), "{method} {path}: {heard:?}");
            }
        }
    }
    drop((main, extra));
    server.terminate();
    assert!(server.ended().success());
    let log = server.log();
    assert!(log.contains("/u/ann/enable-2fa") && log.contains("/api/totp/default/verify"), "{log}");
    for canary in ["CANARYSECRETX", "739184265", "canary-name", "canary%40", "canary@"] {
        assert!(!log.contains(canary), "{canary} in {log}");
    }
}
