//! What comes in: bodies, members, languages, headers.

use serde_json::json;

use crate::harness::TestApp;

on_every_store!(
    recreate_is_a_flag_or_nothing,
    what_is_no_text_is_named,
    members_that_nobody_asked_for_change_nothing,
    refusals_are_in_the_clients_language,
);

/// X30: `true`, `false` and the same as texts; nothing else is a flag, and nothing at all is `false`.
async fn recreate_is_a_flag_or_nothing(app: TestApp) {
    let (person, token) = app.google_and_token("ann").await;
    let path = format!("/api/v1/users/{}/enableMfa", person.id);
    let send = |body: &'static str| app.call("POST", &path).bearer(&token).body(body).send();
    for yes in [r#"{"recreate":true}"#, r#"{"recreate":"true"}"#, r#"{"recreate":true,}"#] {
        send(yes).await.expect(200);
    }
    app.call("POST", &path)
        .bearer(&token)
        .text("application/x-www-form-urlencoded", "recreate=true")
        .send()
        .await
        .expect(200);
    for no in ["", "{}", r#"{"recreate":false}"#, r#"{"recreate":"false"}"#, r#"{"Recreate":true}"#] {
        send(no).await.refused(409, "method_already_enabled");
    }
    for bad in [
        r#"{"recreate":1}"#,
        r#"{"recreate":0}"#,
        r#"{"recreate":null}"#,
        r#"{"recreate":"yes"}"#,
        r#"{"recreate":"True"}"#,
        r#"{"recreate":""}"#,
        r#"{"recreate":[true]}"#,
        r#"{"recreate":{"recreate":true}}"#,
        r#"{"recreate":true,"recreate":true}"#,
    ] {
        let refused = send(bad).await.refused(400, "invalid_request");
        assert!(refused.body["errors"]["recreate"].is_array(), "{bad}: {}", refused.text);
        assert!(!refused.text.contains("yes"), "{}", refused.text);
    }
    for malformed in ["[]", "[true]", "true", "null", "{", r#"{"recreate":true}x"#, " "] {
        let call = app.call("POST", &path).bearer(&token).text("application/json", malformed);
        call.send().await.refused(400, "malformed_body");
    }
    app.call("POST", &path).bearer(&token).text("text/plain", "{}").send().await.refused(415, "unsupported_media_type");
}

/// X8, X30: neither is a code, neither is a token, and nothing is counted.
async fn what_is_no_text_is_named(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let offer = app.offer(&token, person.id).await;
    let right = app.totp(&offer.key);
    let number: u32 = right.parse().unwrap();
    for bad in [json!(null), json!(number), json!([right]), json!({ "code": right }), json!(true)] {
        let by_code = json!({ "code": bad, "token": offer.token });
        let by_token = json!({ "code": right, "token": bad });
        for (field, body) in [("code", by_code), ("token", by_token)] {
            let refused = app.mfa(&token, person.id, "acceptMfa", &body).await.refused(400, "invalid_request");
            assert!(refused.body["errors"][field].is_array(), "{}", refused.text);
        }
    }
    for (field, body) in [("code", json!({ "token": offer.token })), ("token", json!({ "code": right }))] {
        let refused = app.mfa(&token, person.id, "acceptMfa", &body).await.refused(400, "invalid_request");
        assert!(refused.body["errors"][field].is_array(), "{}", refused.text);
    }
    let twice = format!(r#"{{"code":"000000","code":"{right}","token":"{}"}}"#, offer.token);
    let path = format!("/api/v1/users/{}/acceptMfa", person.id);
    let refused = app.call("POST", &path).bearer(&token).body(twice).send().await.refused(400, "invalid_request");
    assert!(refused.body["errors"]["code"].is_array());
    app.call("POST", &path).bearer(&token).send().await.refused(400, "malformed_body");
    app.accept_mfa(&token, person.id, &right, &offer.token).await.expect(200);
}

/// X31, X37: of all that is sent, what is asked for is read; and no more than 64 KiB of it.
async fn members_that_nobody_asked_for_change_nothing(app: TestApp) {
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let token = app.sign_in(&ann).await;
    let mut extra = json!({
        "recreate": true, "id": ben.id, "userId": ben.id, "account": ben.id, "mfaEnabled": true, "isEnabled": true,
        "verified": true, "permissions": ["users:update"], "secretKey": "A".repeat(32), "scratchCodes": ["11111111"],
        "email": "evil@example.com", "replaces": true, "epoch": 0, "hand": "owner",
    });
    let offered = app.mfa(&token, ann.id, "enableMfa", &extra).await.expect(200);
    assert_eq!(offered.body["userId"], json!(ann.id));
    assert_ne!(offered.str("secretKey"), "A".repeat(32));
    extra["code"] = json!("11111111");
    extra["token"] = offered.body["token"].clone();
    app.mfa(&token, ann.id, "acceptMfa", &extra).await.refused(422, "invalid_code");
    extra["code"] = json!(app.totp(offered.str("secretKey")));
    app.mfa(&token, ann.id, "acceptMfa", &extra).await.expect(200);
    let seen = app.user(&token, ann.id).await.expect(200).body;
    assert_eq!(seen, json!({ "id": ann.id, "name": ann.email, "email": ann.email, "mfaEnabled": true }));
    assert!(!app.is_asked_for_a_code(&ben).await);
    app.user(&token, ben.id).await.refused(403, "forbidden");
    for call in ["enableMfa", "acceptMfa"] {
        let large = format!(r#"{{"x":"{}"}}"#, "y".repeat(65_530));
        let path = format!("/api/v1/users/{}/{call}", ann.id);
        app.call("POST", &path)
            .bearer(&token)
            .text("application/json", large)
            .send()
            .await
            .refused(413, "body_too_large");
        let deep = format!("{}{}", "{\"recreate\":".repeat(5_000), "}".repeat(5_000));
        let answer = app.call("POST", &path).bearer(&token).text("application/json", deep).send().await;
        assert_eq!(answer.status, 400, "{}", answer.text);
    }
}

/// X36: and nothing that was sent comes back in a header.
async fn refusals_are_in_the_clients_language(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let mut said = std::collections::BTreeSet::new();
    for (language, spoken) in [("cs", "cs"), ("ru-RU,en;q=0.5", "ru"), ("pt", "pt-BR"), ("de", "en")] {
        let call = app.call("POST", &format!("/api/v1/users/{}/disableMfa", person.id)).bearer(&token);
        let refused = call.header("Accept-Language", language).send().await.refused(422, "method_not_enabled");
        assert_eq!(refused.header("content-language"), Some(spoken));
        assert_eq!(refused.header("cache-control"), Some("no-store"));
        said.insert(refused.str("title").to_owned());
    }
    assert_eq!(said.len(), 4);
    let evil = "x\r\nX-Evil: 1\r\n\r\n";
    let refused = app.accept_mfa(&token, person.id, evil, evil).await.refused(422, "invalid_success_token");
    assert!(refused.headers.keys().all(|name| name != "x-evil") && !refused.text.contains("X-Evil"));
}
