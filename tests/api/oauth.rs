//! The token endpoint of OAuth 2.0, as Veeam's clients call it.

use serde_json::json;

use crate::doors::Door;
use crate::harness::{Answer, PASSWORD, TestApp};

on_every_store!(
    tokens_are_those_of_a_wizard,
    a_refresh_token_works_once_and_its_late_reuse_ends_the_family,
    grant_types_are_taken_in_any_case_and_no_others_are,
    a_parameter_without_a_value_was_not_sent,
    problems_carry_the_members_of_the_standard,
    a_description_is_of_the_characters_of_the_standard_in_every_language,
);

const TOKEN: &str = "/api/oauth2/token";

async fn form(app: &TestApp, form: &str) -> Answer {
    app.call("POST", TOKEN).text("application/x-www-form-urlencoded", form.to_owned()).send().await
}

async fn refresh(app: &TestApp, token: &str) -> Answer {
    form(app, &format!("grant_type=Refresh_token&refresh_token={token}")).await
}

async fn reads(app: &TestApp, token: &str) -> u16 {
    app.call("GET", "/api/v2/my/2fa").bearer(token).send().await.status
}

async fn tokens_are_those_of_a_wizard(app: TestApp) {
    let person = app.person("ann").await;
    let given =
        form(&app, "grant_type=Password&Username=ann%40example.com&Password=correct+horse+battery+staple").await;
    let given = given.expect(200);
    let members: Vec<&String> = given.body.as_object().unwrap().keys().collect();
    assert_eq!(members, ["access_token", "token_type", "refresh_token", "expires_in"]);
    assert_eq!((given.str("token_type"), &given.body["expires_in"]), ("bearer", &json!(36_000)));
    assert_eq!((given.header("cache-control"), given.header("pragma")), (Some("no-store"), Some("no-cache")));
    assert_eq!(reads(&app, given.str("access_token")).await, 200);
    // Either side refreshes what the other one has given.
    let body = json!({ "refreshToken": given.str("refresh_token") });
    let rotated = app.post("/api/v2/my/refresh", body).await.expect(200);
    let again = refresh(&app, rotated.str("/refreshToken/token")).await.expect(200);
    assert_eq!(reads(&app, again.str("access_token")).await, 200);
    app.call("POST", "/api/v2/my/signout").bearer(again.str("access_token")).send().await.expect(204);
    assert_eq!(reads(&app, given.str("access_token")).await, 401);
    refresh(&app, again.str("refresh_token")).await.refused(400, "unauthorized");
    app.clock.advance(1);
    assert_eq!(reads(&app, &app.sign_in(&person).await).await, 200);
}

/// A25: watches that the endpoint refreshes by the engine's own rule.
async fn a_refresh_token_works_once_and_its_late_reuse_ends_the_family(app: TestApp) {
    let person = app.person("ann").await;
    let first = Door::Veeam.password(&app, &person.email, PASSWORD).await.expect(200);
    let second = refresh(&app, first.str("refresh_token")).await.expect(200);
    assert_ne!(second.str("refresh_token"), first.str("refresh_token"));
    app.clock.advance(5);
    refresh(&app, first.str("refresh_token")).await.expect(200);
    app.clock.advance(11);
    let reused = refresh(&app, first.str("refresh_token")).await.refused(400, "unauthorized");
    assert_eq!(reused.str("error"), "invalid_grant");
    refresh(&app, second.str("refresh_token")).await.refused(400, "unauthorized");
    assert_eq!(reads(&app, second.str("access_token")).await, 401);
    for forged in ["x", "1.2.3.4", first.str("access_token")] {
        refresh(&app, forged).await.refused(400, "unauthorized");
    }
}

async fn grant_types_are_taken_in_any_case_and_no_others_are(app: TestApp) {
    let person = app.person_with_google("ann").await;
    let rest = "username=ann@example.com&password=correct+horse+battery+staple";
    for (password, mfa, again) in [
        ("password", "mfa", "refresh_token"),
        ("PASSWORD", "MFA", "REFRESH_TOKEN"),
        ("Password", "Mfa", "Refresh_token"),
    ] {
        let asked = form(&app, &format!("grant_type={password}&{rest}")).await.expect(200);
        assert_eq!((asked.str("mfa_type"), &asked.body["mfa_types"]), ("google", &json!(["google"])));
        assert_eq!(asked.body["expires_in"], json!(900));
        let (token, code) = (asked.str("mfa_token"), app.totp(person.key()));
        let given = form(&app, &format!("grant_type={mfa}&mfa_token={token}&mfa_code={code}")).await.expect(200);
        let token = given.str("refresh_token");
        form(&app, &format!("grant_type={again}&refresh_token={token}")).await.expect(200);
        app.clock.advance(60);
    }
    for other in ["client_credentials", "authorization_code", "Password%20", "pass", "saml"] {
        let refused = form(&app, &format!("grant_type={other}&{rest}")).await;
        assert_eq!(refused.refused(400, "unsupported_grant_type").str("error"), "unsupported_grant_type");
    }
}

/// RFC 6749 §3.2.
async fn a_parameter_without_a_value_was_not_sent(app: TestApp) {
    for (body, missing) in [
        ("", "grant_type"),
        ("grant_type=", "grant_type"),
        ("grant_type=Password&username=&password=x", "username"),
        ("grant_type=Password&username=x&password=", "password"),
        ("grant_type=Password", "username"),
        ("grant_type=Mfa&mfa_token=&mfa_code=1", "mfa_token"),
        ("grant_type=Mfa&mfa_token=x", "mfa_code"),
        ("grant_type=Refresh_token", "refresh_token"),
    ] {
        // A body of nothing at all is no form.
        let refused = form(&app, if body.is_empty() { "other=x" } else { body }).await.refused(400, "invalid_request");
        assert_eq!(refused.str("error"), "invalid_request");
        assert!(refused.body["errors"][missing].is_array(), "{missing}: {}", refused.text);
    }
}

/// RFC 6749 §5.2 beside RFC 9457.
async fn problems_carry_the_members_of_the_standard(app: TestApp) {
    let body = json!({ "grant_type": "Password", "username": "nobody@example.com", "password": "not the password" });
    let call = app.call("POST", TOKEN).header("Accept-Language", "cs").json(&body);
    let refused = call.send().await.refused(400, "invalid_credentials");
    assert_eq!((refused.str("error"), refused.body["status"].as_u64()), ("invalid_grant", Some(400)));
    assert_eq!(refused.str("error_description"), "The email and the password do not belong together.");
    assert_eq!(refused.str("detail"), "Tato kombinace e-mailu a hesla není platná.");
    assert_eq!((refused.str("title"), refused.body["attemptsLeft"].as_u64()), ("Nesprávný e-mail nebo heslo", Some(4)));
    assert!(refused.header("www-authenticate").is_none());
}

/// RFC 6749 §5.2: %x20-21 / %x23-5B / %x5D-7E. Every refusal of the endpoint that a client can bring about, in every
/// language.
async fn a_description_is_of_the_characters_of_the_standard_in_every_language(app: TestApp) {
    const FORM: &str = "application/x-www-form-urlencoded";
    app.person_with_google("ann").await;
    let right = "grant_type=Password&username=ann@example.com&password=correct+horse+battery+staple";
    let wrong = |name: &str| format!("grant_type=Password&username={name}&password=x");
    for (language, title) in [
        ("en", "Wrong email or password"),
        ("cs", "Nesprávný e-mail nebo heslo"),
        ("pt-BR", "E-mail ou senha incorretos"),
        ("ru", "Неверный адрес эл. почты или пароль"),
    ] {
        app.clock.advance(3_600);
        let send = |kind: &'static str, body: String| {
            app.call("POST", TOKEN).header("Accept-Language", language).text(kind, body).send()
        };
        let asked = send(FORM, right.to_owned()).await.expect(200);
        let mfa = |code: &str| format!("grant_type=Mfa&mfa_token={}&mfa_code={code}", asked.str("mfa_token"));
        let mut codes = Vec::new();
        for (kind, body) in [
            (FORM, wrong("nobody@example.com")),
            ("text/plain", "x".to_owned()),
            ("application/json", "{".to_owned()),
            ("application/json", r#"{"grant_type":7}"#.to_owned()),
            (FORM, "x".repeat(70_000)),
            (FORM, "grant_type=".to_owned()),
            (FORM, "grant_type=Mfa&grant_type=Mfa".to_owned()),
            (FORM, "grant_type=saml".to_owned()),
            (FORM, wrong(&"x".repeat(2_000))),
            (FORM, "grant_type=Refresh_token&refresh_token=x".to_owned()),
            (FORM, "grant_type=Mfa&mfa_token=x&mfa_code=000000".to_owned()),
            (FORM, mfa("abc")),
            (FORM, mfa("000000")),
            (FORM, wrong("nobody@example.com")),
            (FORM, wrong("nobody@example.com")),
            (FORM, wrong("nobody@example.com")),
            (FORM, wrong("nobody@example.com")),
            (FORM, wrong("nobody@example.com")),
        ] {
            let refused = send(kind, body).await;
            assert!(refused.status >= 400, "{}", refused.text);
            let said = refused.str("error_description");
            assert!(!said.is_empty() && said.chars().all(|c| matches!(c, ' '..='!' | '#'..='[' | ']'..='~')), "{said}");
            assert_eq!(refused.header("content-language"), Some(language));
            codes.push(refused.str("code").to_owned());
            if codes.len() == 1 {
                assert_eq!(refused.str("title"), title);
            }
        }
        for code in
            ["unsupported_media_type", "body_too_large", "wizard_not_found", "invalid_code", "too_many_attempts"]
        {
            assert!(codes.iter().any(|seen| seen == code), "{language}: {codes:?}");
        }
    }
}
