//! The audit stream, as the operator reads it.

use serde_json::{Value, json};
use stepgate::engine::ports::{EventKind, RequestId};
use stepgate::identity::AccountId;

use crate::accounts::admin;
use crate::harness::{Answer, TestApp};

on_every_store!(
    what_the_operator_does_is_told_in_order,
    pages_follow_each_other_either_way,
    filters_let_through_what_they_say,
    one_look_has_an_end,
    what_cannot_be_asked_is_named,
    a_deleted_account_leaves_its_events,
);

async fn events(app: &TestApp, query: &str) -> Answer {
    app.engine.errands.idle().await;
    admin(app, "GET", &format!("/events?{query}"), None).await.expect(200)
}

fn data(page: &Answer) -> &Vec<Value> {
    page.body["data"].as_array().unwrap()
}

/// Events of which each is a second after the one before, all of a type that nothing else is of here.
async fn fill(app: &TestApp, numbers: std::ops::Range<u64>) {
    for number in numbers {
        app.clock.advance(1);
        let account = AccountId(number % 3 + 1_000);
        let happening = app.engine.happening(EventKind::ChallengePassed).to(account);
        app.engine.note(happening.detail("number", number.to_string()));
    }
    app.engine.errands.idle().await;
}

fn numbers(page: &Answer) -> Vec<u64> {
    data(page).iter().map(|event| event["details"]["number"].as_str().unwrap().parse().unwrap()).collect()
}

async fn what_the_operator_does_is_told_in_order(app: TestApp) {
    let person = app.person("ann").await;
    app.clock.advance(5);
    let path = format!("/accounts/{}", person.id);
    let named = json!({ "locale": "cs", "phone": null });
    admin(&app, "PATCH", &path, Some(named)).await.expect(200);
    admin(&app, "PATCH", &path, Some(json!({}))).await.expect(200);
    let list = events(&app, &format!("order=asc&account={}", person.id)).await;
    let kinds: Vec<&str> = data(&list).iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!((kinds, &list.body["next"]), (vec!["account_created", "account_changed"], &Value::Null));
    let mut told = data(&list)[1].clone();
    assert_eq!(told["id"].as_str().unwrap().len(), 22);
    for member in ["id", "requestId"] {
        assert!(told[member].take().is_string(), "{member}");
    }
    let expected = json!({
        "id": null, "requestId": null, "time": "2026-01-15T12:00:10Z", "type": "account_changed",
        "account": person.id, "actor": "operator", "address": "127.0.0.1", "details": { "fields": "phone,locale" },
    });
    assert_eq!(told, expected);
}

async fn pages_follow_each_other_either_way(app: TestApp) {
    fill(&app, 0..25).await;
    for (order, expected) in [("asc", (0..25).collect::<Vec<u64>>()), ("desc", (0..25).rev().collect())] {
        for filter in ["type=challenge_passed", "from=2026-01-15T12:00:06Z"] {
            let (mut seen, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
            loop {
                let page = events(&app, &format!("{filter}&order={order}&limit=10{cursor}")).await;
                seen.extend(numbers(&page));
                pages += 1;
                match page.body["next"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
            assert_eq!((&seen, pages), (&expected, 3), "{order} {filter}");
        }
    }
    let newest = events(&app, "").await;
    assert_eq!(numbers(&newest)[..3], [24, 23, 22], "the newest come first");
    // A page that just fits is the last one.
    let fits = events(&app, "type=challenge_passed&limit=25").await;
    assert_eq!((data(&fits).len(), &fits.body["next"]), (25, &Value::Null));
}

async fn filters_let_through_what_they_say(app: TestApp) {
    fill(&app, 0..9).await;
    let of = async |query: &str| numbers(&events(&app, &format!("order=asc&type=challenge_passed&{query}")).await);
    assert_eq!(of("account=1001").await, [1, 4, 7]);
    assert_eq!(of("from=2026-01-15T12:00:10Z").await, [4, 5, 6, 7, 8]);
    assert_eq!(of("to=2026-01-15T13:00:10+01:00").await, [0, 1, 2, 3, 4]);
    assert_eq!(of("from=2026-01-15T12:00:10Z&to=2026-01-15T12:00:12Z&account=1002").await, [5]);
    assert_eq!(of("account=1003").await, Vec::<u64>::new());
    assert_eq!(data(&events(&app, "type=key_rotated").await).len(), 0);
}

async fn one_look_has_an_end(app: TestApp) {
    app.engine.note(app.engine.happening(EventKind::ChallengePassed).detail("number", "7"));
    app.engine.errands.idle().await;
    let first =
        app.engine.store.events(&stepgate::engine::ports::EventRange { beyond: None, newest_first: true, limit: 1 });
    let mut filling = first.await.unwrap().remove(0).event;
    filling.kind = EventKind::SignedOut;
    for batch in 0..6 {
        let request = RequestId(format!("batch {batch}"));
        app.engine.store.append_events(&request, &vec![filling.clone(); 1_000]).await.unwrap();
    }
    let look = events(&app, "type=challenge_passed").await;
    assert_eq!(data(&look).len(), 0);
    let next = look.str("next").to_owned();
    let found = events(&app, &format!("type=challenge_passed&cursor={next}")).await;
    assert_eq!((numbers(&found), &found.body["next"]), (vec![7], &Value::Null));
}

async fn what_cannot_be_asked_is_named(app: TestApp) {
    for (query, fields) in [
        ("limit=0", vec!["limit"]),
        ("limit=101", vec!["limit"]),
        ("order=up", vec!["order"]),
        ("type=nothing", vec!["type"]),
        ("account=ann", vec!["account"]),
        ("from=yesterday&to=2026", vec!["from", "to"]),
        ("account=0&limit=x&order=&type=", vec!["account", "limit", "order", "type"]),
    ] {
        let refused = admin(&app, "GET", &format!("/events?{query}"), None).await.refused(400, "invalid_request");
        let named: Vec<&str> = refused.body["errors"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(named, fields, "{query}");
    }
    fill(&app, 0..1).await;
    for cursor in ["x", "", "%2B", "0-0", "-1"] {
        let page = events(&app, &format!("cursor={cursor}")).await;
        assert_eq!(page.body, json!({ "data": [], "next": null }), "{cursor}");
    }
    app.get("/admin/v1/events").await.refused(401, "unauthorized");
}

async fn a_deleted_account_leaves_its_events(app: TestApp) {
    let person = app.person("ann").await;
    admin(&app, "DELETE", &format!("/accounts/{}", person.id), None).await.expect(204);
    admin(&app, "DELETE", &format!("/accounts/{}", person.id), None).await.refused(404, "not_found");
    let list = events(&app, &format!("order=asc&account={}", person.id)).await;
    let kinds: Vec<&str> = data(&list).iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["account_created", "account_deleted"]);
}
