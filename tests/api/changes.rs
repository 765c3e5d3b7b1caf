//! The log of what was turned on and off: filters, paging, order, and whose it is.

use serde_json::json;

use crate::harness::{Answer, Person, TestApp};

on_every_store!(
    filters_let_through_what_they_say,
    an_empty_filter_is_none,
    pages_are_cut_from_the_sorted_whole,
    a_bad_value_is_named,
    a_record_is_its_owners_only,
);

/// An account whose log has six lines, a minute apart: sms on, email on, google on, sms off, sms on, email off.
async fn with_history(app: &TestApp) -> (Person, String) {
    let mut person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let start = i64::try_from(app.clock.unix()).unwrap();
    let minute = |minute: i64| {
        let now = i64::try_from(app.clock.unix()).unwrap();
        app.clock.advance(start + minute * 60 - now);
    };
    app.enable_sms(&token, &person).await;
    minute(1);
    app.enable_email(&token, &person).await;
    minute(2);
    app.enable_google(&token, &mut person).await;
    minute(3);
    off(app, &token, "sms", &person.phone).await;
    minute(4);
    app.enable_sms(&token, &person).await;
    minute(5);
    off(app, &token, "email", &person.email).await;
    (person, token)
}

async fn off(app: &TestApp, token: &str, factor: &str, to: &str) {
    let uuid = app.start_factor(token, factor, "disable").await.expect(200).uuid();
    let code = app.last_code(to).await;
    app.factor_step(token, json!({ "uuid": uuid, "action": "code", "code": code })).await.expect(202);
}

async fn changes(app: &TestApp, token: &str, query: &str) -> Answer {
    app.call("GET", &format!("/api/v2/my/2fa/changes?{query}")).bearer(token).send().await
}

/// The numbers of the records on the page, and the total.
async fn ids(app: &TestApp, token: &str, query: &str) -> (Vec<u64>, u64) {
    let answer = changes(app, token, query).await.expect(200);
    let data = answer.body["data"].as_array().unwrap();
    (data.iter().map(|one| one["id"].as_u64().unwrap()).collect(), answer.body["total"].as_u64().unwrap())
}

async fn filters_let_through_what_they_say(app: TestApp) {
    let (_, token) = with_history(&app).await;
    let all = changes(&app, &token, "sort_order=asc").await.expect(200);
    let line = |id: u64, provider: &str, on: bool, minute: u64| json!({ "id": id, "provider": provider, "isEnabled": on, "time": format!("2026-01-15T12:0{minute}:05+00:00") });
    let expected = [
        line(1, "sms", true, 0),
        line(2, "email", true, 1),
        line(3, "google", true, 2),
        line(4, "sms", false, 3),
        line(5, "sms", true, 4),
        line(6, "email", false, 5),
    ];
    assert_eq!(all.body, json!({ "total": 6, "data": expected }));
    for (query, expected) in [
        ("", vec![6, 5, 4, 3, 2, 1]),
        ("filter[isEnabled]=true", vec![5, 3, 2, 1]),
        ("filter[isEnabled]=1", vec![5, 3, 2, 1]),
        ("filter[isEnabled]=false", vec![6, 4]),
        ("filter[isEnabled]=0", vec![6, 4]),
        ("filter[provider]=sms", vec![5, 4, 1]),
        ("filter[provider]=google", vec![3]),
        ("filter[provider]=email", vec![6, 2]),
        // Both bounds belong to the period.
        ("filter[timeFrom]=2026-01-15T12:03:05%2B00:00", vec![6, 5, 4]),
        ("filter[timeFrom]=2026-01-15T12:03:06Z", vec![6, 5]),
        ("filter[timeTo]=2026-01-15T12:01:05%2B00:00", vec![2, 1]),
        ("filter[timeTo]=2026-01-15T13:01:04%2B01:00", vec![1]),
        ("filter[timeFrom]=2026-01-15T12:01:05Z&filter[timeTo]=2026-01-15T12:03:05Z", vec![4, 3, 2]),
        ("filter[timeFrom]=2026-01-15T12:03:05Z&filter[timeTo]=2026-01-15T12:01:05Z", vec![]),
        ("filter[provider]=sms&filter[isEnabled]=true&filter[timeFrom]=2026-01-15T12:01:00Z", vec![5]),
        // Brackets may be percent-encoded, and a plus sign may not be.
        ("filter%5Bprovider%5D=google", vec![3]),
        ("filter[timeTo]=2026-01-15T12:01:05+00:00", vec![2, 1]),
        ("no_such_parameter=1", vec![6, 5, 4, 3, 2, 1]),
    ] {
        let total = u64::try_from(expected.len()).unwrap();
        assert_eq!(ids(&app, &token, query).await, (expected, total), "{query}");
    }
}

async fn an_empty_filter_is_none(app: TestApp) {
    let (_, token) = with_history(&app).await;
    let whole = ids(&app, &token, "").await;
    let empty = "limit=&offset=&sort_by=&sort_order=&filter[isEnabled]=&filter[timeFrom]=&filter[timeTo]=\
                 &filter[provider]=";
    assert_eq!(ids(&app, &token, empty).await, whole);
    for one in empty.split('&') {
        assert_eq!(ids(&app, &token, one).await, whole, "{one}");
    }
}

async fn pages_are_cut_from_the_sorted_whole(app: TestApp) {
    let (_, token) = with_history(&app).await;
    for (query, expected, total) in [
        ("limit=2", vec![6, 5], 6),
        ("limit=2&offset=2", vec![4, 3], 6),
        ("limit=4&offset=4", vec![2, 1], 6),
        ("offset=6", vec![], 6),
        ("offset=4294967295", vec![], 6),
        ("limit=1", vec![6], 6),
        ("limit=100", vec![6, 5, 4, 3, 2, 1], 6),
        ("limit=3&sort_by=time&sort_order=asc", vec![1, 2, 3], 6),
        ("limit=3&offset=3&sort_by=time&sort_order=asc", vec![4, 5, 6], 6),
        ("limit=1&offset=1&filter[provider]=sms&sort_order=asc", vec![4], 3),
    ] {
        assert_eq!(ids(&app, &token, query).await, (expected, total), "{query}");
    }
}

async fn a_bad_value_is_named(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=1.5", "limit"),
        ("limit=99999999999999999999999", "limit"),
        ("offset=-1", "offset"),
        ("offset=4294967296", "offset"),
        ("offset=x", "offset"),
        ("sort_by=id", "sort_by"),
        ("sort_order=up", "sort_order"),
        ("filter[isEnabled]=maybe", "filter[isEnabled]"),
        ("filter[provider]=pager", "filter[provider]"),
        ("filter[timeFrom]=yesterday", "filter[timeFrom]"),
        ("filter[timeFrom]=2026-01-15", "filter[timeFrom]"),
        ("filter[timeTo]=2026-13-15T00:00:00Z", "filter[timeTo]"),
    ] {
        let refused = changes(&app, &token, query).await.refused(400, "invalid_request");
        let named: Vec<&String> = refused.body["errors"].as_object().unwrap().keys().collect();
        assert_eq!(named, [field], "{query}");
    }
    // Which of the two was meant?
    changes(&app, &token, "limit=1&limit=2").await.refused(400, "invalid_request");
    app.get("/api/v2/my/2fa/changes").await.refused(401, "unauthorized");
}

/// X2: watches that the log is read by the caller's own account, whatever the number says.
async fn a_record_is_its_owners_only(app: TestApp) {
    let (_, token) = with_history(&app).await;
    let bob = app.person("bob").await;
    let other = app.sign_in(&bob).await;
    app.enable_email(&other, &bob).await;
    let one = |token: &str, id: &str| app.call("GET", &format!("/api/v2/my/2fa/changes/{id}")).bearer(token).send();
    let record = one(&token, "4").await.expect(200);
    let expected = json!({ "id": 4, "provider": "sms", "isEnabled": false, "time": "2026-01-15T12:03:05+00:00" });
    assert_eq!(record.body, expected);
    assert_eq!(one(&other, "1").await.expect(200).body["provider"], json!("email"), "numbers begin anew");
    assert_eq!(ids(&app, &other, "").await, (vec![1], 1));
    let foreign = one(&other, "4").await.refused(404, "not_found");
    for id in ["7", "0", "-1", "4294967296000", "99999999999999999999999", "four", "4x", "%20"] {
        let unknown = one(&token, id).await.refused(404, "not_found");
        assert_eq!(unknown.body, foreign.body, "{id}");
    }
    app.get("/api/v2/my/2fa/changes/4").await.refused(401, "unauthorized");
}
