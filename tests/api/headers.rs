//! What the head of a request may and may not do, and what the head of an answer always has.

use serde_json::json;

use crate::harness::{ADMIN_KEY, Answer, Backend, PASSWORD, Setup, TestApp};

on_every_store_and_with_a_directory!(
    a_forwarded_address_does_not_dodge_the_limiter,
    behind_a_trusted_proxy_the_client_itself_is_limited,
    an_ipv6_client_is_limited_by_its_64,
);

async fn server() -> TestApp {
    Setup::on(Backend::Embedded).start().await
}

/// One wrong password for a name that nobody has, so that only the address counts it.
async fn guess(app: &TestApp, name: &str, headers: &[(&str, &str)]) -> Answer {
    let uuid = app.wizard().await;
    let body = json!({ "uuid": uuid, "email": format!("{name}@nowhere.example"), "password": "a wrong password" });
    let call = app.call("POST", "/api/v2/my/signin").json(&body);
    headers.iter().fold(call, |call, (name, value)| call.header(name, value)).send().await
}

/// A right password under these headers.
async fn enter(app: &TestApp, email: &str, headers: &[(&str, &str)]) -> Answer {
    let uuid = app.wizard().await;
    let body = json!({ "uuid": uuid, "email": email, "password": PASSWORD });
    let call = app.call("POST", "/api/v2/my/signin").json(&body);
    headers.iter().fold(call, |call, (name, value)| call.header(name, value)).send().await
}

/// X35: the guard is `http::surface::client_address`, which reads no header unless the peer is a trusted proxy.
async fn a_forwarded_address_does_not_dodge_the_limiter(app: TestApp) {
    let person = app.person("ann").await;
    for n in 0..5 {
        let spoofed = format!("203.0.113.{n}");
        let both = format!("for={spoofed};host=evil.example;proto=https");
        let headers = [
            ("X-Forwarded-For", spoofed.as_str()),
            ("X-Real-IP", &spoofed),
            ("X-Client-IP", &spoofed),
            ("CF-Connecting-IP", &spoofed),
            ("True-Client-IP", &spoofed),
            ("Forwarded", &both),
        ];
        guess(&app, &format!("n{n}"), &headers).await.refused(422, "invalid_credentials");
    }
    let fresh = [("X-Forwarded-For", "198.51.100.77")];
    let blocked = enter(&app, &person.email, &fresh).await.refused(429, "too_many_attempts");
    assert!(blocked.header("retry-after").is_some(), "{}", blocked.text);
}

/// X35: behind a trusted proxy the last address that is not a proxy's is the client's; what stands left of it is the
/// client's own invention.
async fn behind_a_trusted_proxy_the_client_itself_is_limited(app: TestApp) {
    let person = app.person("ann").await;
    let setup = app.stop().await;
    let app = setup.with("STEPGATE_TRUSTED_PROXIES", r#"["127.0.0.1", "10.0.0.0/8"]"#).start().await;
    for n in 0..5 {
        let path = format!("192.0.2.{n}, 203.0.113.9, 10.1.2.3");
        guess(&app, &format!("n{n}"), &[("X-Forwarded-For", &path)]).await.refused(422, "invalid_credentials");
    }
    for same in ["203.0.113.9", "8.8.8.8, 203.0.113.9", "::ffff:203.0.113.9", "x, 203.0.113.9 , 10.0.0.1"] {
        enter(&app, &person.email, &[("X-Forwarded-For", same)]).await.refused(429, "too_many_attempts");
    }
    let two_lines = [("X-Forwarded-For", "198.51.100.7"), ("X-Forwarded-For", "203.0.113.9")];
    enter(&app, &person.email, &two_lines).await.refused(429, "too_many_attempts");
    let signed_in = enter(&app, &person.email, &[("X-Forwarded-For", "203.0.113.9, 198.51.100.7")]).await.expect(202);
    let sessions = app.call("GET", "/api/v2/my/sessions").bearer(signed_in.str("/data/accessToken/token")).send().await;
    assert_eq!(sessions.expect(200).body["data"][0]["address"], json!("198.51.100.7"));
}

/// X35: whoever has one IPv6 address has 2⁶⁴ of them; the guard is `limit_key`.
async fn an_ipv6_client_is_limited_by_its_64(app: TestApp) {
    let person = app.person("ann").await;
    let setup = app.stop().await;
    let app = setup.with("STEPGATE_TRUSTED_PROXIES", r#"["127.0.0.1"]"#).start().await;
    for n in 0..5 {
        let address = format!("2001:db8:1:2:{n:x}{n:x}::{n:x}");
        guess(&app, &format!("n{n}"), &[("X-Forwarded-For", &address)]).await.refused(422, "invalid_credentials");
    }
    let same = [("X-Forwarded-For", "2001:db8:1:2:ffff:ffff:ffff:ffff")];
    enter(&app, &person.email, &same).await.refused(429, "too_many_attempts");
    enter(&app, &person.email, &[("X-Forwarded-For", "2001:db8:1:3::1")]).await.expect(202);
}

/// X35: no answer, link or message is made from what a client says about where it is; the session remembers its peer.
#[tokio::test(flavor = "multi_thread")]
async fn a_spoofed_host_shows_up_nowhere() {
    let app = server().await;
    let spoofed = [
        ("Host", "evil.example"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Server", "evil.example"),
        ("X-Forwarded-Proto", "gopher"),
        ("X-Forwarded-Prefix", "/evil.example"),
        ("X-Forwarded-For", "203.0.113.9"),
        ("X-Host", "evil.example"),
        ("X-Original-URL", "/admin/v1/accounts"),
        ("X-Rewrite-URL", "/admin/v1/accounts"),
        ("X-HTTP-Method-Override", "DELETE"),
        ("Forwarded", "for=203.0.113.9;host=evil.example"),
        ("Referer", "http://evil.example/"),
    ];
    let with = |method: &str, path: &str| {
        spoofed.iter().fold(app.call(method, path), |call, (name, value)| call.header(name, value))
    };
    let person = app.person("ann").await;
    let started = with("GET", "/api/v2/my/signin/wizard").send().await.expect(200);
    let body = json!({ "uuid": started.uuid(), "email": person.email, "password": PASSWORD });
    let signed_in = with("POST", "/api/v2/my/signin").json(&body).send().await.expect(202);
    let token = signed_in.str("/data/accessToken/token").to_owned();
    let google = with("GET", "/api/v2/my/2fa/google/enable/wizard").bearer(&token).send().await.expect(200);
    let email = with("GET", "/api/v2/my/2fa/email/enable/wizard").bearer(&token).send().await.expect(200);
    let sessions = with("GET", "/api/v2/my/sessions").bearer(&token).send().await.expect(200);
    assert_eq!(sessions.body["data"][0]["address"], json!("127.0.0.1"));
    let lost = with("GET", "/api/v2/my/wizard/x").send().await;
    let outbox = app.get("/dev/outbox").await;
    let document = with("GET", "/openapi.json").send().await.expect(200);
    for answer in [started, signed_in, google, email, sessions, lost, outbox, document] {
        let heads = format!("{:?}", answer.headers);
        for trace in ["evil.example", "203.0.113.9", "gopher"] {
            assert!(!answer.text.contains(trace) && !heads.contains(trace), "{trace} in {heads} {}", answer.text);
        }
    }
}

/// X36: a sane request id comes back as it is; another one is replaced, not cleaned, and never reflected.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_is_echoed_only_when_it_is_sane() {
    let app = server().await;
    let longest = "x".repeat(64);
    for sane in ["a", "4bf92f35-77b3.4da6_a3ce", &longest] {
        let answer = app.call("GET", "/health/live").header("X-Request-Id", sane).send().await;
        assert_eq!(answer.header("x-request-id"), Some(sane));
    }
    let long = "x".repeat(65);
    for other in ["", " ", "a b", "a\tb", "<script>", "a\"b", "a;b=c", "žluť", "\u{2028}", "a/../b", &long] {
        let answer = app.call("GET", "/health/live").header("X-Request-Id", other).send().await;
        let given = answer.header("x-request-id").unwrap().to_owned();
        assert!(given.len() >= 16 && given.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        assert_ne!(given, other);
    }
    let (one, two) = (app.get("/health/live").await, app.get("/health/live").await);
    assert_ne!(one.header("x-request-id"), two.header("x-request-id"));
}

/// The error table: every answer, good or bad, forbids caches and sniffing and has a request id.
#[tokio::test(flavor = "multi_thread")]
async fn every_answer_forbids_caches() {
    let app = server().await;
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let large = "x".repeat(70_000);
    let started = app.get("/api/v2/my/signin/wizard").await;
    assert!(started.header("set-cookie").unwrap().contains("HttpOnly"));
    let answers = [
        started,
        app.get("/nothing").await,
        app.get("/health/ready").await,
        app.get("/openapi.json").await,
        app.get("/.well-known/jwks.json").await,
        app.get("/").await,
        app.get("/api/v2/my/sessions").await,
        app.call("GET", "/api/v2/my/sessions").bearer(&token).send().await,
        app.call("POST", "/api/v2/my/signin").text("text/plain", "x").send().await,
        app.call("POST", "/api/v2/my/signin").text("application/json", large).send().await,
        app.call("POST", "/api/v2/my/signout").bearer(&token).send().await,
        app.call("GET", "/admin/v1/accounts").bearer("wrong").send().await,
        app.call("GET", "/admin/v1/accounts").bearer(ADMIN_KEY).send().await,
        app.call("OPTIONS", "/api/v2/my/signin").header("Origin", "https://evil.example").send().await,
    ];
    for answer in answers {
        let shown = format!("{} {:?} {}", answer.status, answer.headers, answer.text);
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{shown}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{shown}");
        assert!(answer.header("x-request-id").is_some_and(|id| !id.is_empty()), "{shown}");
        assert_eq!(answer.header("server"), None, "{shown}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{shown}");
    }
}

/// The error table: `Accept-Language` chooses the words, never the code, the status or the fields.
#[tokio::test(flavor = "multi_thread")]
async fn the_language_changes_words_and_nothing_else() {
    let app = server().await;
    let refuse = |language: &'static str| {
        let call = app.call("POST", "/api/v2/my/2fa/google").header("Accept-Language", language);
        call.json(&json!({ "uuid": "none", "code": "1" })).send()
    };
    let mut titles = Vec::new();
    for (wanted, given) in [("en", "en"), ("cs", "cs"), ("pt-BR", "pt-BR"), ("ru", "ru")] {
        let answer = refuse(wanted).await.refused(400, "invalid_request");
        assert_eq!(answer.header("content-language"), Some(given));
        assert_eq!(answer.str("type"), "urn:stepgate:problem:invalid_request");
        assert!(answer.body["errors"]["uuid"][0].is_string());
        titles.push((answer.str("title").to_owned(), answer.str("detail").to_owned(), answer.body["errors"].clone()));
    }
    for (at, one) in titles.iter().enumerate() {
        for other in &titles[at + 1..] {
            assert!(one.0 != other.0 && one.1 != other.1 && one.2 != other.2, "{one:?} {other:?}");
        }
    }
    for (wanted, given) in [
        ("de, cs;q=0.8, ru;q=0.9", "ru"),
        ("cs;q=0, en;q=0.1", "en"),
        ("cs-CZ", "cs"),
        ("PT", "pt-BR"),
        ("xx", "en"),
        ("*", "en"),
        ("", "en"),
        ("cs;q=nan, ru;q=inf", "ru"),
        (";;;,,,q=1", "en"),
    ] {
        let answer = refuse(wanted).await.refused(400, "invalid_request");
        assert_eq!(answer.header("content-language"), Some(given), "{wanted}");
    }
}

/// X36: hostile bytes in headers are no reason to fail, and never come back.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_headers_change_nothing() {
    let app = server().await;
    let person = app.person("ann").await;
    let agent = format!("Mozilla\t<script>alert(1)</script> \u{2028} žluťoučký {}", "x".repeat(5_000));
    let uuid = app.wizard().await;
    let body = json!({ "uuid": uuid, "email": person.email, "password": PASSWORD });
    let names = ["User-Agent", "X-Client-Kind", "Accept-Language", "Origin", "Referer", "Cookie", "Accept", "Range"];
    let call = names.iter().fold(app.call("POST", "/api/v2/my/signin"), |call, name| call.header(name, &agent));
    let token = call.json(&body).send().await.expect(202).str("/data/accessToken/token").to_owned();
    let sessions = app.call("GET", "/api/v2/my/sessions").bearer(&token).send().await.expect(200);
    let kept = sessions.body["data"][0]["client"].as_str().unwrap_or_default();
    assert!(kept.chars().count() <= 200 && !kept.chars().any(|c| c.is_control() || c == '\u{2028}'), "{kept:?}");
    let longest = "k".repeat(256);
    let call = app.call("POST", "/api/v2/my/signin").header("Idempotency-Key", &longest);
    let refused = call.json(&body).send().await.refused(400, "invalid_request");
    assert!(refused.body["errors"]["Idempotency-Key"].is_array(), "{}", refused.text);
    let (bare, invalid) = (r#"Bearer realm="Stepgate""#, r#"Bearer realm="Stepgate", error="invalid_token""#);
    for (value, challenge) in [
        ("Bearer", bare),
        ("Bearer ", bare),
        ("bearer x y", invalid),
        ("Basic YTpi", bare),
        ("\u{2028}", bare),
        ("Bearer \u{e9}", bare),
        ("Bearer a.b.c", invalid),
    ] {
        let call = app.call("GET", "/api/v2/my/sessions").header("Authorization", value);
        let answer = call.send().await.refused(401, "unauthorized");
        assert_eq!(answer.header("www-authenticate"), Some(challenge), "{value}");
    }
    let nothing = app.call("GET", "/api/v2/my/sessions").send().await.refused(401, "unauthorized");
    assert_eq!(nothing.header("www-authenticate"), Some(bare));
    // The refresh token is what is no good here.
    let body = json!({ "refreshToken": "x" });
    let refused = app.call("POST", "/api/v2/my/refresh").bearer(&token).json(&body).send().await;
    assert_eq!(refused.refused(401, "unauthorized").header("www-authenticate"), Some(bare));
}

/// RFC 9110 §9.1, §9.3.2: HEAD is answered as GET is, without the body. §9.2.1: where a GET begins a wizard or sends a code,
/// HEAD finds nothing and begins nothing.
#[tokio::test(flavor = "multi_thread")]
async fn head_is_answered_wherever_a_get_starts_nothing() {
    const STARTS: [&str; 6] = [
        "/api/v2/my/signin/wizard",
        "/api/v2/my/2fa/challenge",
        "/api/v2/my/2fa/unauthorized/challenge",
        "/api/v2/my/2fa/{type}/enable/wizard",
        "/api/v2/my/2fa/{type}/disable/wizard",
        "/u/{user}/qrcode-2fa",
    ];
    let app = server().await;
    let token = app.sign_in(&app.person("ann").await).await;
    let document = app.get("/openapi.json").await.expect(200);
    let mut starts = 0;
    for (path, _) in document.body["paths"].as_object().unwrap().iter().filter(|(_, item)| item["get"].is_object()) {
        let place = path.replace("{type}", "email").replace("{user}", "ann");
        let place: String =
            place.split('/').map(|part| if part.starts_with('{') { "1" } else { part }).collect::<Vec<_>>().join("/");
        for token in ["", &token, ADMIN_KEY] {
            if STARTS.contains(&path.as_str()) {
                let head = app.call("HEAD", &place).bearer(token).send().await;
                // `/2fa/challenge` is looked for among the methods, where whoever is signed in finds none of this name.
                assert!(
                    head.status == 404 || (head.status, path.as_str()) == (401, STARTS[1]),
                    "{path} {}",
                    head.status
                );
                assert!(head.text.is_empty() && head.header("set-cookie").is_none(), "{path}");
                starts += 1;
                continue;
            }
            let get = app.call("GET", &place).bearer(token).send().await;
            let head = app.call("HEAD", &place).bearer(token).send().await.expect(get.status);
            assert!(head.text.is_empty(), "{path}");
            for name in ["content-type", "content-length", "cache-control", "www-authenticate"] {
                assert_eq!(head.header(name), get.header(name), "{path}: {name}");
            }
        }
    }
    assert_eq!(starts, STARTS.len() * 3);
    for path in ["/health/live", "/health/ready", "/openapi.json", "/.well-known/jwks.json"] {
        let head = app.call("HEAD", path).send().await.expect(200);
        assert!(head.header("content-length").is_some_and(|length| length != "0"), "{path} {:?}", head.headers);
    }
    assert!(app.outbox("ann@example.com").await.iter().all(|sent| sent["kind"] != "code"));
    app.call("HEAD", "/api/v2/my/signin").send().await.expect(404);
}

/// A page of another origin that asks for leave is told no in the form of every other no.
#[tokio::test(flavor = "multi_thread")]
async fn a_preflight_that_may_not_is_a_problem() {
    let setup = Setup::on(Backend::Embedded).with("STEPGATE_CORS__ORIGINS", r#"["https://app.example.com"]"#);
    let app = setup.start().await;
    let ask = |origin: &'static str, method: &'static str| {
        let call = app.call("OPTIONS", "/api/v2/my/signin").header("Origin", origin);
        call.header("Access-Control-Request-Method", method).header("Accept-Language", "cs").send()
    };
    for (origin, method) in [("https://evil.example", "POST"), ("https://app.example.com", "TRACE")] {
        let refused = ask(origin, method).await.refused(403, "forbidden");
        assert_eq!(refused.header("content-language"), Some("cs"));
        assert_eq!(refused.header("access-control-allow-origin"), None);
        assert!(refused.header("x-request-id").is_some());
    }
    for method in ["POST", "HEAD"] {
        let asked = ask("https://app.example.com", method).await.expect(200);
        assert_eq!(asked.header("access-control-allow-origin"), Some("https://app.example.com"));
    }
}
