//! Who may do what to whom, and who sees whom.

use serde_json::{Value, json};

use crate::harness::{ADMIN_KEY, Answer, PASSWORD, TestApp};
use crate::owners::FRESH;

on_every_store!(
    nobody_reaches_another_without_the_permission,
    whoever_may_update_users_turns_mfa_on_and_off_for_them,
    whoever_replaces_anothers_authenticator_ends_their_sessions,
    whoever_acts_for_others_has_proved_a_factor_of_late,
    a_number_is_written_in_one_way,
    everybody_sees_themselves_and_readers_everybody,
    pages_follow_their_links,
);

/// A17: another account is out of reach whether or not there is one.
async fn nobody_reaches_another_without_the_permission(app: TestApp) {
    let ben = app.person_with_google("ben").await;
    for (name, permissions) in [("ann", &[][..]), ("cyn", &["users:read", "password:update", "users", "update"][..])] {
        let (_, token) = app.somebody_who_may(name, permissions).await;
        let mut answers = Vec::new();
        for id in [ben.id, 999_999] {
            answers.push(app.mfa(&token, id, "enableMfa", &json!({ "recreate": true })).await);
            answers.push(app.accept_mfa(&token, id, "123456", "x").await);
            answers.push(app.disable_mfa(&token, id, None).await);
            if permissions.is_empty() {
                answers.push(app.user(&token, id).await);
            }
        }
        let texts: Vec<String> = answers.into_iter().map(|answer| answer.refused(403, "forbidden").text).collect();
        assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
    }
    for answer in [
        app.call("GET", "/api/v1/users").send().await,
        app.user("junk", ben.id).await,
        app.disable_mfa(ADMIN_KEY, ben.id, None).await,
        app.mfa("", ben.id, "enableMfa", &json!({})).await,
    ] {
        answer.refused(401, "unauthorized");
    }
}

/// A23: the owner is told that it was somebody else, and the events name them.
async fn whoever_may_update_users_turns_mfa_on_and_off_for_them(app: TestApp) {
    let (boss, token) = app.somebody_who_may("boss", &["users:update"]).await;
    let mut ann = app.person("ann").await;
    let anns = app.sign_in(&ann).await;
    app.enable_mfa(&token, &mut ann).await;
    assert!(app.is_asked_for_a_code(&ann).await && !app.is_asked_for_a_code(&boss).await);
    app.bearing("GET", "/sessions", &anns).await.expect(200);
    // Nothing was proved by the owner.
    app.disable_mfa(&anns, ann.id, None).await.refused(403, "step_up_required");
    app.enable_sms(&app.by_google(&ann).await, &ann).await;
    app.disable_mfa(&token, ann.id, None).await.expect(200);
    assert!(!app.is_asked_for_a_code(&ann).await);
    app.bearing("GET", "/sessions", &anns).await.refused(401, "unauthorized");
    app.disable_mfa(&token, ann.id, None).await.refused(422, "method_not_enabled");
    let told = app.notices(&ann.email).await;
    assert_eq!(told[..2], ["factor_enabled", "recovery_codes_made"]);
    assert_eq!(told[told.len() - 2..], ["factor_reset", "factor_reset"]);
    let anew = app.sign_in(&ann).await;
    let log: Vec<bool> = app.log(&anew).await.iter().map(|(_, on)| *on).collect();
    assert_eq!(log, [true, true, false, false]);
    let path = format!("/admin/v1/events?account={}&type=factor_disabled", ann.id);
    let events = app.call("GET", &path).bearer(ADMIN_KEY).send().await.expect(200);
    let details = json!({ "by": format!("account {}", boss.id), "surface": "veeam" });
    for event in events.body["data"].as_array().unwrap() {
        assert_eq!((&event["details"], &event["actor"]), (&details, &json!("operator")));
    }
    // Nobody is there.
    for answer in [
        app.mfa(&token, 999_999, "enableMfa", &json!({})).await,
        app.accept_mfa(&token, 999_999, "123456", "x").await,
        app.disable_mfa(&token, 999_999, None).await,
    ] {
        answer.refused(404, "not_found");
    }
}

/// A16: a thief who has signed in with the old one does not stay.
async fn whoever_replaces_anothers_authenticator_ends_their_sessions(app: TestApp) {
    let (_, token) = app.somebody_who_may("boss", &["users:update"]).await;
    let (mut ann, anns) = app.google_and_token("ann").await;
    app.mfa(&token, ann.id, "enableMfa", &json!({})).await.refused(409, "method_already_enabled");
    let offer = app.offer(&token, ann.id).await;
    app.by_google(&ann).await;
    app.accept_mfa(&token, ann.id, &app.totp_at(&offer.key, 1), &offer.token).await.expect(200);
    app.bearing("GET", "/sessions", &anns).await.refused(401, "unauthorized");
    app.clock.advance(60);
    let uuid = app.waiting(&ann).await;
    app.code("google", &uuid, &app.totp(ann.key())).await.refused(422, "invalid_code");
    ann.key = Some(offer.key);
    app.by_google(&ann).await;
}

/// A14: a stolen session of somebody with permissions and factors reaches nobody for long.
async fn whoever_acts_for_others_has_proved_a_factor_of_late(app: TestApp) {
    let (mut boss, bare) = app.somebody_who_may("boss", &["users:update"]).await;
    let ann = app.person_with_sms("ann").await;
    let token = app.sign_in(&boss).await;
    app.enable_google(&token, &mut boss).await;
    let offer = app.offer(&token, ann.id).await;
    app.clock.advance(FRESH);
    for token in [&bare, &token] {
        for id in [ann.id, 999_999] {
            let refused = app.mfa(token, id, "enableMfa", &json!({})).await.refused(403, "step_up_required");
            assert_eq!(refused.body["next"], json!({ "method": "GET", "href": "/api/v2/my/2fa/challenge" }));
            app.disable_mfa(token, id, None).await.refused(403, "step_up_required");
        }
    }
    let success = app.confirmed_by(&token, async |app| app.totp(boss.key())).await;
    app.disable_mfa(&token, ann.id, Some(&success)).await.expect(200);
    app.disable_mfa(&token, ann.id, Some(&success)).await.refused(403, "step_up_required");
    // What was offered before is of the account as it was.
    let late = app.accept_mfa(&token, ann.id, &app.totp(&offer.key), &offer.token).await;
    late.refused(422, "invalid_success_token");
    // Their own account is like anybody's: the permission proves nothing.
    app.disable_mfa(&bare, boss.id, None).await.refused(403, "step_up_required");
}

/// X22: one spelling of a number; every other is nobody's, one's own as well.
async fn a_number_is_written_in_one_way(app: TestApp) {
    let (boss, token) = app.somebody_who_may("boss", &["users:update", "users:read"]).await;
    let own = boss.id;
    let spellings = [
        format!("0{own}"),
        format!("%2B{own}"),
        format!("+{own}"),
        format!("-{own}"),
        format!("{own}.0"),
        format!("%20{own}"),
        "0".to_owned(),
        "ann".to_owned(),
        "boss@example.com".to_owned(),
        "18446744073709551616".to_owned(),
        "9".repeat(400),
        "%00".to_owned(),
        "%0d%0aX-Evil:%201".to_owned(),
    ];
    for text in spellings {
        app.user(&token, &text).await.refused(404, "not_found");
        for call in ["enableMfa", "disableMfa"] {
            let path = format!("/api/v1/users/{text}/{call}");
            app.call("POST", &path).bearer(&token).send().await.refused(404, "not_found");
        }
    }
    for (method, path) in [("GET", "/api/v1/users/"), ("GET", "/api/v1"), ("POST", "/api/v1/users"), ("GET", "/api")] {
        app.call(method, path).bearer(&token).send().await.refused(404, "not_found");
    }
}

async fn list(app: &TestApp, token: &str, query: &str) -> Answer {
    app.call("GET", &format!("/api/v1/users{query}")).bearer(token).send().await
}

async fn everybody_sees_themselves_and_readers_everybody(app: TestApp) {
    let (reader, token) = app.somebody_who_may("reader", &["users:read"]).await;
    let body = json!({ "email": "ann@example.com", "username": "Ann.A", "password": PASSWORD });
    let id = app.account(body).await;
    let seen = app.user(&token, id).await.expect(200);
    let expected = json!({ "id": id, "name": "Ann.A", "email": "ann@example.com", "mfaEnabled": false });
    assert_eq!(seen.body, expected);
    app.user(&token, 999_999).await.refused(404, "not_found");
    let ben = app.person_with_email("ben").await;
    let bens = json!({ "id": ben.id, "name": ben.email, "email": ben.email, "mfaEnabled": true });
    assert_eq!(app.user(&token, ben.id).await.expect(200).body, bens);
    let ids = |page: &Answer| -> Vec<u64> {
        page.body["results"].as_array().unwrap().iter().map(|user| user["id"].as_u64().unwrap()).collect()
    };
    let all = list(&app, &token, "").await.expect(200);
    for id in [reader.id, id, ben.id] {
        assert!(ids(&all).contains(&id), "{}", all.text);
    }
    assert!(all.body["results"].as_array().unwrap().contains(&bens));
    // Reading is not updating.
    app.disable_mfa(&token, ben.id, None).await.refused(403, "forbidden");
    let (_, writer) = app.somebody_who_may("writer", &["users:update"]).await;
    assert_eq!(app.user(&writer, ben.id).await.expect(200).body, bens);
    let (own, alone) = app.somebody_who_may("alone", &["password:update"]).await;
    let page = list(&app, &alone, "").await.expect(200);
    assert_eq!((ids(&page), &page.body["_links"]), (vec![own.id], &json!({})));
    assert_eq!(app.user(&alone, own.id).await.expect(200).body["email"], json!(own.email));
    app.user(&alone, ben.id).await.refused(403, "forbidden");
}

async fn pages_follow_their_links(app: TestApp) {
    let (_, token) = app.somebody_who_may("reader", &["users:read"]).await;
    for number in 0..6 {
        app.person(&format!("person{number}")).await;
    }
    let whole = list(&app, &token, "?Limit=100&Offset=0").await.expect(200);
    let (mut seen, mut path) = (Vec::new(), "/api/v1/users?Limit=3".to_owned());
    loop {
        let page = app.call("GET", &path).bearer(&token).send().await.expect(200);
        let users: Vec<Value> = page.body["results"].as_array().unwrap().clone();
        assert!((1..=3).contains(&users.len()), "{}", page.text);
        seen.extend(users);
        match page.body["_links"]["next"]["href"].as_str() {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(json!(seen), whole.body["results"]);
    for (query, field) in [
        ("?Limit=0", "Limit"),
        ("?Limit=101", "Limit"),
        ("?Limit=x", "Limit"),
        ("?After=x", "After"),
        ("?Offset=3", "Offset"),
        ("?Offset=3&Limit=-1", "Limit"),
    ] {
        let refused = list(&app, &token, query).await.refused(400, "invalid_request");
        assert!(refused.body["errors"][field].is_array(), "{query}: {}", refused.text);
    }
    list(&app, &token, "?Limit=1&Limit=2").await.refused(400, "invalid_request");
}
