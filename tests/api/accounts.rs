//! The operator's accounts API.

use serde_json::{Value, json};

use crate::harness::{ADMIN_KEY, Answer, Backend, PASSWORD, Setup, TestApp};

on_every_store!(
    an_account_is_made_and_seen,
    all_that_is_wrong_is_told_at_once,
    a_name_belongs_to_one_account,
    accounts_are_listed_page_by_page,
    an_account_is_found_by_its_names,
    a_patch_changes_what_it_names_and_null_clears,
    a_new_password_ends_all_sessions,
    a_deleted_account_takes_everything_along,
    only_the_operators_key_opens_the_surface,
);

pub async fn admin(app: &TestApp, method: &str, path: &str, body: Option<Value>) -> Answer {
    let mut call = app.call(method, &format!("/admin/v1{path}")).bearer(ADMIN_KEY);
    if let Some(body) = &body {
        call = call.json(body);
    }
    call.send().await
}

#[track_caller]
fn named(refused: &Answer) -> Vec<&str> {
    refused.body["errors"].as_object().unwrap().keys().map(String::as_str).collect()
}

/// A21 of its kind: no hash and no secret is ever shown.
async fn an_account_is_made_and_seen(app: TestApp) {
    let body = json!({
        "email": "Ann.Lee@Example.COM", "username": "ann", "password": PASSWORD, "phone": "+420 601 123 456",
        "locale": "cs", "groups": ["staff", "staff"], "permissions": ["users:read"],
        // Not the client's to say.
        "id": 7, "factors": ["google"], "hasPassword": false, "isEnabled": true,
    });
    let made = admin(&app, "POST", "/accounts", Some(body)).await.expect(201);
    let id = made.body["id"].as_u64().unwrap();
    assert_ne!(id, 7);
    assert_eq!(
        made.body,
        json!({
            "id": id, "email": made.body["email"], "username": "ann", "phone": "+420601123456", "locale": "cs",
            "groups": ["staff"], "permissions": ["users:read"], "factors": [], "hasPassword": true,
            "createdAt": "2026-01-15T12:00:05+00:00", "updatedAt": "2026-01-15T12:00:05+00:00",
        })
    );
    assert!(made.str("email").eq_ignore_ascii_case("ann.lee@example.com"));
    let mut seen = made.body.clone();
    seen["lockedUntil"] = json!({ "password": null, "code": null });
    (seen["recoveryCodesLeft"], seen["devices"]) = (json!(0), json!(0));
    assert_eq!(admin(&app, "GET", &format!("/accounts/{id}"), None).await.expect(200).body, seen);
    for unknown in ["999999", "0", "-1", "ann", "99999999999999999999999"] {
        for (method, body) in [("GET", None), ("PATCH", Some(json!({}))), ("DELETE", None)] {
            admin(&app, method, &format!("/accounts/{unknown}"), body).await.refused(404, "not_found");
        }
    }
    // Both names sign in.
    for name in ["ANN.LEE@example.com", "Ann"] {
        let body = json!({ "uuid": app.wizard().await, "email": name, "password": PASSWORD });
        app.post("/api/v2/my/signin", body).await.expect(202);
    }
}

async fn all_that_is_wrong_is_told_at_once(app: TestApp) {
    let bad = json!({
        "email": "nobody", "username": "a b", "phone": "123", "locale": "de",
        "password": "long enough", "passwordHash": "$argon2id$v=19$m=19456,t=2,p=1$YWJjZGVmZ2g$YWJjZGVmZ2g",
    });
    let refused = admin(&app, "POST", "/accounts", Some(bad)).await.refused(400, "invalid_request");
    assert_eq!(named(&refused), ["email", "locale", "passwordHash", "phone", "username"]);
    let id = app.person("ann").await.id;
    let bad = json!({ "email": "nobody", "username": "", "phone": "+1", "locale": "" });
    let refused = admin(&app, "PATCH", &format!("/accounts/{id}"), Some(bad)).await.refused(400, "invalid_request");
    assert_eq!(named(&refused), ["email", "locale", "phone", "username"]);
    for (body, field) in [
        (json!({}), "email"),
        (json!({ "email": null }), "email"),
        (json!({ "email": ["a@example.com"] }), "email"),
        (json!({ "email": "b@example.com", "password": "short" }), "password"),
        (json!({ "email": "b@example.com", "password": "x".repeat(129) }), "password"),
        (json!({ "email": "b@example.com", "passwordHash": "md5:abc" }), "passwordHash"),
        (json!({ "email": "b@example.com", "groups": "staff" }), "groups"),
    ] {
        let refused = admin(&app, "POST", "/accounts", Some(body)).await.refused(400, "invalid_request");
        assert_eq!(named(&refused), [field], "{}", refused.text);
    }
    let list = admin(&app, "GET", "/accounts?email=b@example.com", None).await.expect(200);
    assert_eq!(list.body["data"], json!([]), "nothing was half made");
}

/// X22: watches that spellings of a name are one name.
async fn a_name_belongs_to_one_account(app: TestApp) {
    let make = |email: &str, username: Value| {
        admin(&app, "POST", "/accounts", Some(json!({ "email": email, "username": username })))
    };
    make("ann@example.com", json!("ann")).await.expect(201);
    for (email, username, field) in [
        ("ann@example.com", Value::Null, "email"),
        ("ANN@Example.com", Value::Null, "email"),
        ("other@example.com", json!("ann"), "username"),
        ("other@example.com", json!("Ann"), "username"),
    ] {
        let refused = make(email, username).await.refused(409, "already_taken");
        assert_eq!(named(&refused), [field], "{email}");
    }
    let bob = make("bob@example.com", json!("bob")).await.expect(201).body["id"].as_u64().unwrap();
    for (patch, field) in [(json!({ "email": "Ann@example.com" }), "email"), (json!({ "username": "ANN" }), "username")]
    {
        let refused = admin(&app, "PATCH", &format!("/accounts/{bob}"), Some(patch)).await;
        assert_eq!(named(&refused.refused(409, "already_taken")), [field]);
    }
    let bob = admin(&app, "GET", &format!("/accounts/{bob}"), None).await.expect(200);
    assert_eq!((bob.str("email"), bob.str("username")), ("bob@example.com", "bob"));
    // A refused name is free again for whoever comes next.
    make("other@example.com", Value::Null).await.expect(201);
}

async fn accounts_are_listed_page_by_page(app: TestApp) {
    let mut made = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        made.push(app.person(name).await.id);
    }
    let (mut seen, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = admin(&app, "GET", &format!("/accounts?limit=2{cursor}"), None).await.expect(200);
        let data = page.body["data"].as_array().unwrap();
        assert!(data.len() <= 2);
        seen.extend(data.iter().map(|one| one["id"].as_u64().unwrap()));
        pages += 1;
        match page.body["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    // The demo account of dev mode came first.
    assert_eq!((&seen[1..], pages), (&made[..], 3));
    let whole = admin(&app, "GET", "/accounts?limit=6", None).await.expect(200);
    assert_eq!((whole.body["data"].as_array().unwrap().len(), &whole.body["next"]), (6, &Value::Null));
    let last = made[4];
    let after = admin(&app, "GET", &format!("/accounts?cursor={last}"), None).await.expect(200);
    assert_eq!(after.body, json!({ "data": [], "next": null }));
    for (query, fields) in [
        ("limit=0", vec!["limit"]),
        ("limit=101", vec!["limit"]),
        ("limit=x", vec!["limit"]),
        ("cursor=x", vec!["cursor"]),
        ("cursor=x&limit=0", vec!["cursor", "limit"]),
    ] {
        let refused = admin(&app, "GET", &format!("/accounts?{query}"), None).await.refused(400, "invalid_request");
        assert_eq!(named(&refused), fields);
    }
}

async fn an_account_is_found_by_its_names(app: TestApp) {
    let body = json!({ "email": "ann@example.com", "username": "ann" });
    let made = admin(&app, "POST", "/accounts", Some(body)).await.expect(201).body;
    for query in ["email=ann@example.com", "email=ANN%40example.com", "username=ann", "username=ANN"] {
        let found = admin(&app, "GET", &format!("/accounts?{query}"), None).await.expect(200);
        assert_eq!(found.body, json!({ "data": [made], "next": null }), "{query}");
    }
    for query in ["email=bob@example.com", "username=bob"] {
        let found = admin(&app, "GET", &format!("/accounts?{query}"), None).await.expect(200);
        assert_eq!(found.body, json!({ "data": [], "next": null }), "{query}");
    }
    let both = admin(&app, "GET", "/accounts?email=ann@example.com&username=ann", None).await.expect(200);
    assert_eq!(both.body["data"], json!([made]));
    let body = json!({ "email": "lee@example.com", "username": "lee" });
    admin(&app, "POST", "/accounts", Some(body)).await.expect(201);
    // A filter by one name is not answered by the other, and two filters want one account.
    for query in ["email=ann", "username=ann@example.com", "email=ann@example.com&username=lee", "email="] {
        let found = admin(&app, "GET", &format!("/accounts?{query}"), None).await.expect(200);
        assert_eq!(found.body["data"], json!([]), "{query}");
    }
}

async fn a_patch_changes_what_it_names_and_null_clears(app: TestApp) {
    let body = json!({
        "email": "ann@example.com", "username": "ann", "password": PASSWORD, "phone": "+420601123456",
        "groups": ["staff"], "permissions": ["users:read"],
    });
    let made = admin(&app, "POST", "/accounts", Some(body)).await.expect(201).body;
    let path = format!("/accounts/{}", made["id"]);
    let patch = |body: Value| admin(&app, "PATCH", &path, Some(body));
    assert_eq!(patch(json!({})).await.expect(200).body, made, "nothing named, nothing changed");
    app.clock.advance(60);
    let cleared = patch(json!({ "username": null, "phone": null })).await.expect(200).body;
    let mut expected = made.clone();
    (expected["username"], expected["phone"]) = (Value::Null, Value::Null);
    expected["updatedAt"] = json!("2026-01-15T12:01:05+00:00");
    assert_eq!(cleared, expected);
    let body = json!({
        "email": "lee@example.com", "username": "lee", "phone": "+420601654321", "locale": "ru",
        "groups": [], "permissions": ["users:update", "password:update"],
    });
    let changed = patch(body).await.expect(200);
    assert_eq!((changed.str("email"), changed.str("username")), ("lee@example.com", "lee"));
    assert_eq!((changed.str("phone"), changed.str("locale")), ("+420601654321", "ru"));
    assert_eq!((&changed.body["groups"], &changed.body["hasPassword"]), (&json!([]), &json!(true)));
    let seen = admin(&app, "GET", &path, None).await.expect(200).body;
    assert!(changed.body.as_object().unwrap().iter().all(|(member, value)| seen[member] == *value), "{seen}");
    // The old names are gone and free, the new ones sign in.
    for (name, status) in [("ann@example.com", 422), ("ann", 422), ("lee@example.com", 202), ("LEE", 202)] {
        let body = json!({ "uuid": app.wizard().await, "email": name, "password": PASSWORD });
        app.post("/api/v2/my/signin", body).await.expect(status);
    }
    let body = json!({ "email": "ann@example.com", "username": "ann" });
    admin(&app, "POST", "/accounts", Some(body)).await.expect(201);
}

/// A16: watches `follow_up`, and that the old password is the old one.
async fn a_new_password_ends_all_sessions(app: TestApp) {
    let person = app.person("ann").await;
    let (one, other) = (app.past_password(&person).await.1.expect(202), app.sign_in(&person).await);
    let path = format!("/accounts/{}", person.id);
    let unchanged = json!({ "locale": "cs" });
    admin(&app, "PATCH", &path, Some(unchanged)).await.expect(200);
    app.call("GET", "/api/v2/my/2fa").bearer(&other).send().await.expect(200);
    let fresh = "another battery staple";
    admin(&app, "PATCH", &path, Some(json!({ "password": fresh }))).await.expect(200);
    for token in [one.str("/data/accessToken/token"), &other] {
        app.call("GET", "/api/v2/my/2fa").bearer(token).send().await.refused(401, "unauthorized");
    }
    let refresh = json!({ "refreshToken": one.str("/data/refreshToken/token") });
    app.post("/api/v2/my/refresh", refresh).await.refused(401, "unauthorized");
    let uuid = app.wizard().await;
    app.password(&uuid, &person, PASSWORD).await.refused(422, "invalid_credentials");
    app.password(&uuid, &person, fresh).await.expect(202);
}

/// X2: watches that a wizard's copy of an account outlives nothing.
async fn a_deleted_account_takes_everything_along(app: TestApp) {
    let mut person = app.person_with_sms("ann").await;
    let (uuid, _) = app.past_password(&person).await;
    let done = app.code("sms", &uuid, &app.last_code(&person.phone).await).await.expect(202);
    let (token, refresh) = (done.str("/data/accessToken/token"), done.str("/data/refreshToken/token"));
    app.enable_google(token, &mut person).await;
    // A sign-in that has begun, one that waits for a code, and a change that waits for one.
    let at_login = app.wizard().await;
    let (at_code, _) = app.past_password(&person).await;
    app.post("/api/v2/my/signin/2fa", json!({ "uuid": at_code, "type": "sms" })).await.expect(200);
    let right = app.last_code(&person.phone).await;
    let change = app.start_factor(token, "google", "disable").await.expect(200).uuid();
    admin(&app, "DELETE", &format!("/accounts/{}", person.id), None).await.expect(204);
    app.call("GET", "/api/v2/my/2fa").bearer(token).send().await.refused(401, "unauthorized");
    app.post("/api/v2/my/refresh", json!({ "refreshToken": refresh })).await.refused(401, "unauthorized");
    let code = app.totp(person.key.as_deref().unwrap());
    let body = json!({ "uuid": change, "action": "code", "code": code });
    app.factor_step(token, body).await.refused(401, "unauthorized");
    app.password(&at_login, &person, PASSWORD).await.refused(422, "invalid_credentials");
    assert!((400..500).contains(&app.code("sms", &at_code, &right).await.status));
    let switch = app.post("/api/v2/my/signin/2fa", json!({ "uuid": at_code, "type": "sms" })).await;
    assert!((400..500).contains(&switch.status));
    admin(&app, "GET", &format!("/accounts/{}", person.id), None).await.refused(404, "not_found");
    admin(&app, "DELETE", &format!("/accounts/{}", person.id), None).await.refused(404, "not_found");
    // Whoever takes the names takes nothing else.
    let again = app.person("ann").await;
    assert_ne!(again.id, person.id);
    let fresh = app.sign_in(&again).await;
    let log = app.call("GET", "/api/v2/my/2fa/changes").bearer(&fresh).send().await.expect(200);
    assert_eq!(log.body["total"], json!(0));
    assert!((400..500).contains(&app.code("google", &at_code, &code).await.status));
}

/// A15: watches the operator's guard on every route; nothing else that is a bearer opens it.
async fn only_the_operators_key_opens_the_surface(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let (one, body) = (format!("/admin/v1/accounts/{}", person.id), json!({ "email": "bob@example.com" }));
    let almost = ADMIN_KEY[1..].to_owned();
    for (method, path) in [
        ("POST", "/admin/v1/accounts"),
        ("GET", "/admin/v1/accounts"),
        ("GET", &one),
        ("PATCH", &one),
        ("DELETE", &one),
        ("POST", "/admin/v1/accounts/import"),
        ("GET", "/admin/v1/workflows"),
    ] {
        app.call(method, path).json(&body).send().await.refused(401, "unauthorized");
        for key in [almost.clone(), "x".to_owned(), token.clone(), format!("{ADMIN_KEY}x"), ADMIN_KEY.to_uppercase()] {
            let refused = app.call(method, path).bearer(&key).json(&body).send().await.refused(401, "unauthorized");
            assert_eq!(refused.header("www-authenticate"), Some(r#"Bearer realm="Stepgate", error="invalid_token""#));
        }
        let basic = format!("Basic {ADMIN_KEY}");
        let basic = app.call(method, path).header("Authorization", &basic).json(&body).send().await;
        basic.refused(401, "unauthorized");
    }
    admin(&app, "GET", &format!("/accounts/{}", person.id), None).await.expect(200);
    // The operator's key is no access token.
    app.call("GET", "/api/v2/my/2fa").bearer(ADMIN_KEY).send().await.refused(401, "unauthorized");
}

/// Where no key is configured nobody is the operator, least of all whoever shows an empty one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_configured_key_there_is_no_operator() {
    let app = Setup::on(Backend::Embedded).with("STEPGATE_ADMIN_KEY", "").start().await;
    for key in [ADMIN_KEY, "x", "null", "None"] {
        app.call("GET", "/admin/v1/accounts").bearer(key).send().await.refused(401, "unauthorized");
    }
    app.call("GET", "/admin/v1/accounts").header("Authorization", "Bearer ").send().await.refused(401, "unauthorized");
    app.get("/admin/v1/accounts").await.refused(401, "unauthorized");
}
