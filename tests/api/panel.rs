//! The operator's panel: its hash, and what becomes of it.

use serde_json::{Value, json};

use crate::doors::{Door, panel, panel_refused};
use crate::harness::{ADMIN_KEY, Answer, PASSWORD, Person, TestApp};

on_every_store!(
    a_hash_is_32_hexadecimal_digits_beside_the_permissions,
    a_hash_is_good_for_24_hours,
    a_hash_ends_with_its_session,
    nobody_guesses_a_hash,
    only_a_hash_opens_the_panel,
    the_panel_speaks_the_language_that_is_asked_for,
    an_empty_field_of_a_form_was_not_sent,
);

async fn signed_in(app: &TestApp, person: &Person) -> String {
    Door::Navixy.credential(Door::Navixy.password(app, &person.email, PASSWORD).await)
}

async fn opens(app: &TestApp, hash: &str) -> bool {
    Door::Navixy.opens(app, hash).await
}

async fn sessions(app: &TestApp, token: &str) -> Answer {
    app.call("GET", "/api/v2/my/sessions").bearer(token).send().await.expect(200)
}

async fn a_hash_is_32_hexadecimal_digits_beside_the_permissions(app: TestApp) {
    let permissions = ["users:read", "users:update", "password:update"];
    let body =
        json!({ "email": "ann@example.com", "username": "20410", "password": PASSWORD, "permissions": permissions });
    app.account(body).await;
    let answer = Door::Navixy.password(&app, "20410", PASSWORD).await.expect(200);
    let shown = json!({ "password": ["update"], "users": ["read", "update"] });
    assert_eq!((&answer.body["success"], &answer.body["permissions"]), (&json!(true), &shown));
    let members: Vec<&String> = answer.body.as_object().unwrap().keys().collect();
    assert_eq!(members, ["success", "hash", "permissions"]);
    let hash = answer.str("hash");
    assert!(hash.len() == 32 && hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)), "{hash}");
    let again = panel(&app, "get_permissions", hash).await.expect(200);
    assert_eq!(again.body, json!({ "success": true, "permissions": shown }));
    let other = Door::Navixy.credential(Door::Navixy.password(&app, "20410", PASSWORD).await);
    assert_ne!(other, hash);
    for scheme in ["NVX", "nvx", "Nvx"] {
        let call = app.call("POST", "/v2/panel/account/get_permissions");
        call.header("Authorization", &format!("{scheme} {hash}")).send().await.expect(200);
    }
}

async fn a_hash_is_good_for_24_hours(app: TestApp) {
    let person = app.person("ann").await;
    let hash = signed_in(&app, &person).await;
    app.clock.advance(86_399);
    assert!(opens(&app, &hash).await);
    app.clock.advance(1);
    panel_refused(panel(&app, "get_permissions", &hash).await, 403, 4);
}

/// A16: watches that a panel session is one of the account's: it is listed, and ends with the others.
async fn a_hash_ends_with_its_session(app: TestApp) {
    let person = app.person("ann").await;
    let (hash, other) = (signed_in(&app, &person).await, signed_in(&app, &person).await);
    assert_eq!(panel(&app, "logout", &hash).await.expect(200).body, json!({ "success": true }));
    panel_refused(panel(&app, "logout", &hash).await, 403, 4);
    assert!(opens(&app, &other).await);
    let token = app.sign_in(&person).await;
    let listed = sessions(&app, &token).await;
    assert_eq!(listed.body["total"], json!(2));
    let theirs = listed.body["data"].as_array().unwrap().iter().find(|session| session["current"] == json!(false));
    let theirs = theirs.unwrap()["id"].as_str().unwrap();
    assert!(!listed.text.contains(&other));
    app.call("DELETE", &format!("/api/v2/my/sessions/{theirs}")).bearer(&token).send().await.expect(204);
    assert!(!opens(&app, &other).await);
    let hash = signed_in(&app, &person).await;
    app.call("DELETE", "/api/v2/my/sessions").bearer(&token).send().await.expect(204);
    assert!(!opens(&app, &hash).await);
    let hash = signed_in(&app, &person).await;
    change_password(&app, &person, &token).await;
    assert!(!opens(&app, &hash).await);
    // The account is gone.
    let answer = Door::Navixy.password(&app, &person.email, "another battery horse").await;
    let hash = Door::Navixy.credential(answer);
    let path = format!("/admin/v1/accounts/{}", person.id);
    app.call("DELETE", &path).bearer(ADMIN_KEY).send().await.expect(204);
    panel_refused(panel(&app, "get_permissions", &hash).await, 403, 4);
}

async fn change_password(app: &TestApp, person: &Person, token: &str) {
    let path = "/api/v2/my/2fa/challenge";
    let challenge = app.call("GET", path).bearer(token).send().await.expect(200);
    let body = json!({ "token": challenge.str("/token"), "code": app.last_code(&person.email).await });
    let confirmed = app.call("POST", path).bearer(token).json(&body).send().await.expect(200);
    let password = "another battery horse";
    let success = confirmed.str("/successToken");
    let body = json!({ "successToken": success, "password": password, "passwordConfirmation": password });
    app.call("PUT", "/api/v2/my/password").bearer(token).json(&body).send().await.expect(204);
}

/// A15, A24: watches `PanelHash::parse`: a hash that differs in one bit names nobody's session.
async fn nobody_guesses_a_hash(app: TestApp) {
    let person = app.person("ann").await;
    let hash = signed_in(&app, &person).await;
    let bytes = data_encoding::HEXLOWER.decode(hash.as_bytes()).unwrap();
    let mut guesses: Vec<String> = (0..128)
        .map(|bit| {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            data_encoding::HEXLOWER.encode(&bytes)
        })
        .collect();
    let misshapen = [&hash[1..], &format!("{hash}0"), &hash.to_uppercase(), &format!("{hash} {hash}"), "", "0"];
    guesses.extend(misshapen.iter().filter(|guess| **guess != hash).map(|guess| (*guess).to_owned()));
    guesses.extend((0..16).map(|digit| format!("{digit:x}").repeat(32)));
    for guess in guesses {
        panel_refused(panel(&app, "get_permissions", &guess).await, 403, 4);
    }
    assert!(opens(&app, &hash).await);
}

/// A15, X5: watches that neither side takes what the other one hands out.
async fn only_a_hash_opens_the_panel(app: TestApp) {
    let person = app.person("ann").await;
    let (hash, token) = (signed_in(&app, &person).await, app.sign_in(&person).await);
    let basic = data_encoding::BASE64.encode(format!("{}:{PASSWORD}", person.email).as_bytes());
    let session = sessions(&app, &token).await;
    let names =
        session.body["data"].as_array().unwrap().iter().map(|session| session["id"].as_str().unwrap().to_owned());
    let mut shown = vec![format!("Bearer {hash}"), format!("Bearer {token}"), format!("NVX {token}"), hash.clone()];
    shown.extend([
        format!("Basic {basic}"),
        format!("NVX {ADMIN_KEY}"),
        format!("NVX {}", person.id),
        "NVX".to_owned(),
    ]);
    shown.extend(names.map(|name| format!("NVX {name}")));
    for shown in shown {
        for action in ["get_permissions", "logout"] {
            let call = app.call("POST", &format!("/v2/panel/account/{action}")).header("Authorization", &shown);
            panel_refused(call.send().await, 403, 4);
        }
    }
    panel_refused(app.call("POST", "/v2/panel/account/logout").send().await, 403, 4);
    let by_query = app.call("POST", &format!("/v2/panel/account/get_permissions?hash={hash}"));
    panel_refused(by_query.json(&json!({ "hash": hash })).send().await, 403, 4);
    for shown in [format!("Bearer {hash}"), format!("NVX {hash}")] {
        let call = app.call("GET", "/api/v2/my/sessions").header("Authorization", &shown);
        call.send().await.refused(401, "unauthorized");
    }
    app.post("/api/v2/my/refresh", json!({ "refreshToken": hash })).await.refused(401, "unauthorized");
    assert!(opens(&app, &hash).await);
}

async fn the_panel_speaks_the_language_that_is_asked_for(app: TestApp) {
    let mut said: Vec<(String, Value)> = Vec::new();
    for language in ["en", "cs", "pt-BR", "ru"] {
        let body = json!({ "login": "nobody@example.com", "password": format!("in {language}") });
        let call = app.call("POST", Door::Navixy.path()).header("Accept-Language", language).json(&body);
        let answer = panel_refused(call.send().await, 400, 102);
        let call = app.call("POST", Door::Navixy.path()).header("Accept-Language", language);
        let named = panel_refused(call.json(&json!({ "login": 7 })).send().await, 400, 7);
        assert!(named.str("/status/description").contains("login:"));
        said.push((named.str("/status/description").to_owned(), answer.body["status"]["description"].clone()));
    }
    assert_eq!(said[0].1, json!("Wrong login or password."));
    for (place, words) in said.iter().enumerate() {
        assert!(said[..place].iter().all(|(named, wrong)| *named != words.0 && *wrong != words.1), "{words:?}");
    }
}

/// A browser sends every field of a form, also those that nobody has filled in.
async fn an_empty_field_of_a_form_was_not_sent(app: TestApp) {
    const AUTH: &str = "/v2/panel/account/auth";
    let person = app.person_with_google("ann").await;
    let form = |body: String| app.call("POST", AUTH).text("application/x-www-form-urlencoded", body).send();
    let asked = form("login=ann@example.com&password=correct+horse+battery+staple&token=&code=".to_owned()).await;
    panel_refused(asked.clone(), 403, 11);
    let (token, code) = (asked.str("/mfa/token"), app.totp(person.key()));
    form(format!("login=&password=&token={token}&code={code}")).await.expect(200);
    let nulls = json!({ "login": person.email, "password": PASSWORD, "token": null, "code": null });
    panel_refused(app.post(AUTH, nulls).await, 403, 11);
    for (body, missing) in [
        (json!({}), "login"),
        (json!({ "login": "", "password": "" }), "login"),
        (json!({ "login": null, "password": "x" }), "login"),
        (json!({ "login": "ann", "password": "" }), "password"),
        (json!({ "token": token, "code": "" }), "code"),
        (json!({ "token": null, "code": "123456" }), "token"),
    ] {
        let refused = app.post(AUTH, body.clone()).await;
        let words = refused.str("/status/description");
        assert_eq!(words, format!("Invalid parameters. {missing}: Is required."), "{body}");
        panel_refused(refused.clone(), 400, 7);
    }
    let words = app.call("POST", AUTH).text("text/plain", "x").send().await;
    assert_eq!(words.str("/status/description"), "Wrong format of the request: send JSON or a form.");
}
