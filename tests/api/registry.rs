//! The operator's policies of authenticators, and the clients that may use them.

use serde_json::{Value, json};

use crate::accounts::admin;
use crate::harness::{Answer, TestApp};

on_every_store!(
    a_policy_is_made_seen_changed_and_deleted,
    all_that_is_wrong_with_a_policy_is_told_at_once,
    there_is_one_policy_of_a_name,
    the_keys_of_a_client_are_shown_once,
    many_changes_at_once_all_count,
    what_is_registered_is_in_the_audit_stream,
    the_registry_is_sealed_anew_with_everything_else,
    only_the_operator_registers,
);

#[track_caller]
fn named(refused: &Answer) -> Vec<&str> {
    refused.body["errors"].as_object().unwrap().keys().map(String::as_str).collect()
}

async fn ids(app: &TestApp, path: &str) -> Vec<Value> {
    let list = admin(app, "GET", path, None).await.expect(200);
    list.body["data"].as_array().unwrap().iter().map(|entry| entry["id"].clone()).collect()
}

/// X31: what the server alone says is not the client's to say.
async fn a_policy_is_made_seen_changed_and_deleted(app: TestApp) {
    let body = json!({ "id": "vpn", "issuer": " My VPN ", "source": "configuration", "enabled": true });
    let made = admin(&app, "POST", "/policies", Some(body)).await.expect(201);
    let usual = json!({
        "id": "vpn", "issuer": "My VPN", "algorithm": "SHA1", "digits": 6, "period": 30, "skew": 1, "attempts": 10,
        "surfaces": ["wizard", "flexi", "veeam", "navixy", "mfao"], "createsAccounts": false, "emailDomain": null,
        "source": "registry",
    });
    assert_eq!(made.body, usual);
    assert_eq!(admin(&app, "GET", "/policies/vpn", None).await.expect(200).body, usual);
    let changes = json!({
        "id": "other", "issuer": "VPN 2", "algorithm": "SHA512", "digits": 8, "period": 60, "skew": 0, "attempts": 3,
        "surfaces": ["mfao", "flexi", "mfao"], "createsAccounts": true, "emailDomain": "Corp.Example",
    });
    let changed = json!({
        "id": "vpn", "issuer": "VPN 2", "algorithm": "SHA512", "digits": 8, "period": 60, "skew": 0, "attempts": 3,
        "surfaces": ["flexi", "mfao"], "createsAccounts": true, "emailDomain": "corp.example", "source": "registry",
    });
    assert_eq!(admin(&app, "PATCH", "/policies/vpn", Some(changes)).await.expect(200).body, changed);
    assert_eq!(admin(&app, "PATCH", "/policies/vpn", Some(json!({}))).await.expect(200).body, changed);
    let cleared = admin(&app, "PATCH", "/policies/vpn", Some(json!({ "emailDomain": null, "digits": 7 }))).await;
    assert_eq!((&cleared.body["emailDomain"], &cleared.body["digits"]), (&json!(null), &json!(7)));
    admin(&app, "POST", "/policies", Some(json!({ "id": "b", "issuer": "B", "period": 300 }))).await.expect(201);
    assert_eq!(ids(&app, "/policies").await, ["vpn", "b"]);
    admin(&app, "DELETE", "/policies/vpn", None).await.expect(204);
    assert_eq!(ids(&app, "/policies").await, ["b"]);
    for unknown in ["vpn", "B", "%00", "a%20b", "..%2Fclients"] {
        for (method, body) in [("GET", None), ("PATCH", Some(json!({}))), ("DELETE", None)] {
            admin(&app, method, &format!("/policies/{unknown}"), body).await.refused(404, "not_found");
        }
    }
}

async fn all_that_is_wrong_with_a_policy_is_told_at_once(app: TestApp) {
    let bad = json!({
        "id": "My VPN", "issuer": "a:b", "algorithm": "MD5", "digits": 9, "period": 29, "skew": 3, "attempts": 21,
        "surfaces": ["mfao", "ftp"], "emailDomain": "a@b.c",
    });
    let every = ["algorithm", "attempts", "digits", "emailDomain", "issuer", "period", "skew", "surfaces"];
    let refused = admin(&app, "POST", "/policies", Some(bad.clone())).await.refused(400, "invalid_request");
    let mut with_id: Vec<&str> = every.to_vec();
    with_id.insert(4, "id");
    assert_eq!(named(&refused), with_id);
    assert_eq!(refused.body["errors"]["digits"], json!(["Must be a whole number from 6 to 8."]));
    assert_eq!(refused.body["errors"]["algorithm"], json!(["Must be one of SHA1, SHA256, SHA512."]));
    admin(&app, "POST", "/policies", Some(json!({ "id": "vpn", "issuer": "VPN" }))).await.expect(201);
    let refused = admin(&app, "PATCH", "/policies/vpn", Some(bad)).await.refused(400, "invalid_request");
    assert_eq!(named(&refused), every);
    for (body, field) in [
        (json!({ "issuer": "VPN" }), "id"),
        (json!({ "id": "x" }), "issuer"),
        (json!({ "id": "x", "issuer": ["VPN"] }), "issuer"),
        (json!({ "id": "x", "issuer": "VPN", "digits": "6" }), "digits"),
        (json!({ "id": "x", "issuer": "VPN", "digits": 5 }), "digits"),
        (json!({ "id": "x", "issuer": "VPN", "digits": -6 }), "digits"),
        (json!({ "id": "x", "issuer": "VPN", "period": 301 }), "period"),
        (json!({ "id": "x", "issuer": "VPN", "period": 30.5 }), "period"),
        (json!({ "id": "x", "issuer": "VPN", "attempts": 0 }), "attempts"),
        (json!({ "id": "x", "issuer": "VPN", "surfaces": [] }), "surfaces"),
        (json!({ "id": "x", "issuer": "VPN", "createsAccounts": "yes" }), "createsAccounts"),
        (json!({ "id": "x".repeat(65), "issuer": "VPN" }), "id"),
        (json!({ "id": "x", "issuer": "x".repeat(41) }), "issuer"),
    ] {
        let refused = admin(&app, "POST", "/policies", Some(body.clone())).await.refused(400, "invalid_request");
        assert_eq!(named(&refused), [field], "{body}");
    }
    assert_eq!(ids(&app, "/policies").await, ["vpn"]);
}

async fn there_is_one_policy_of_a_name(app: TestApp) {
    let body = |issuer: &str| Some(json!({ "id": "vpn", "issuer": issuer }));
    admin(&app, "POST", "/policies", body("One")).await.expect(201);
    let refused = admin(&app, "POST", "/policies", body("Two")).await.refused(409, "already_exists");
    assert_eq!(named(&refused), ["id"]);
    assert_eq!(admin(&app, "GET", "/policies/vpn", None).await.expect(200).str("issuer"), "One");
}

/// A22: neither key is in the store or in any later answer.
async fn the_keys_of_a_client_are_shown_once(app: TestApp) {
    let made = admin(&app, "POST", "/clients", Some(json!({ "name": " VPN gateway ", "id": 9 }))).await.expect(201);
    let (api_key, access_key) = (made.str("apiKey").to_owned(), made.str("accessKey").to_owned());
    let decoded = |text: &str| data_encoding::BASE64URL_NOPAD.decode(text.as_bytes()).unwrap().len();
    assert_eq!((decoded(&api_key), decoded(&access_key)), (16, 32));
    let id = made.body["id"].as_u64().unwrap();
    assert_ne!(id, 9);
    let seen = json!({ "id": id, "name": "VPN gateway", "createdAt": "2026-01-15T12:00:05+00:00" });
    let list = admin(&app, "GET", "/clients", None).await.expect(200);
    assert_eq!(list.body, json!({ "data": [seen] }));
    for name in ["", "  ", "a\nb", &"x".repeat(65)] {
        let refused = admin(&app, "POST", "/clients", Some(json!({ "name": name }))).await;
        assert_eq!(named(&refused.refused(400, "invalid_request")), ["name"], "{name:?}");
    }
    let other = admin(&app, "POST", "/clients", Some(json!({ "name": "VPN gateway" }))).await.expect(201);
    assert!(other.str("accessKey") != access_key && other.body["id"] != id);
    admin(&app, "DELETE", &format!("/clients/{id}"), None).await.expect(204);
    for unknown in [id.to_string(), "0".into(), "-1".into(), "x".into(), "99999999999999999999".into()] {
        admin(&app, "DELETE", &format!("/clients/{unknown}"), None).await.refused(404, "not_found");
    }
    assert_eq!(ids(&app, "/clients").await, [other.body["id"].clone()]);
    let kept = format!("{:?}", app.engine.store.kept("registry").await.unwrap().unwrap());
    assert!(!kept.contains(&api_key) && !kept.contains(&access_key) && !kept.contains("VPN gateway"));
}

async fn many_changes_at_once_all_count(app: TestApp) {
    let makes = (0..20).map(|number| {
        let app = &app;
        async move {
            let policy = json!({ "id": format!("p{number}"), "issuer": "P" });
            admin(app, "POST", "/policies", Some(policy)).await.expect(201);
            admin(app, "POST", "/clients", Some(json!({ "name": "c" }))).await.expect(201);
        }
    });
    futures_util::future::join_all(makes).await;
    let mut clients: Vec<u64> = ids(&app, "/clients").await.iter().map(|id| id.as_u64().unwrap()).collect();
    clients.dedup();
    assert_eq!((ids(&app, "/policies").await.len(), clients.len()), (20, 20));
}

async fn what_is_registered_is_in_the_audit_stream(app: TestApp) {
    admin(&app, "POST", "/policies", Some(json!({ "id": "vpn", "issuer": "VPN" }))).await.expect(201);
    admin(&app, "PATCH", "/policies/vpn", Some(json!({ "digits": 8 }))).await.expect(200);
    let client = admin(&app, "POST", "/clients", Some(json!({ "name": "gateway" }))).await.expect(201);
    let id = client.body["id"].as_u64().unwrap();
    admin(&app, "DELETE", &format!("/clients/{id}"), None).await.expect(204);
    admin(&app, "DELETE", "/policies/vpn", None).await.expect(204);
    app.engine.errands.idle().await;
    let list = admin(&app, "GET", "/events?order=asc", None).await.expect(200);
    let policy = |kind: &str| (kind.to_owned(), json!({ "policy": "vpn" }));
    let client = |kind: &str| (kind.to_owned(), json!({ "client": id.to_string(), "name": "gateway" }));
    let told: Vec<(String, Value)> = list.body["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["actor"] == "operator" && event["account"].is_null())
        .map(|event| (event["type"].as_str().unwrap().to_owned(), event["details"].clone()))
        .collect();
    let expected = [
        policy("policy_created"),
        policy("policy_changed"),
        client("client_created"),
        client("client_deleted"),
        policy("policy_deleted"),
    ];
    assert_eq!(told, expected);
}

/// What is registered is readable on every instance while the keys turn over, and holds no old key in the ring.
async fn the_registry_is_sealed_anew_with_everything_else(app: TestApp) {
    let two = match app.engine.store.health().await.unwrap().backend {
        "embedded" => None,
        _ => Some(app.sibling().await),
    };
    let two = two.as_ref().unwrap_or(&app);
    admin(&app, "POST", "/policies", Some(json!({ "id": "vpn", "issuer": "VPN" }))).await.expect(201);
    let under = async || app.engine.store.kept("registry").await.unwrap().unwrap().key_id().unwrap().to_owned();
    let old = under().await;
    let body = json!({ "sealing": true });
    let turned = admin(&app, "POST", "/keys/rotate", Some(body.clone())).await.expect(202);
    app.engine.errands.idle().await;
    let new = turned.str("sealing").to_owned();
    assert!(old != new && under().await == new);
    // The other one has not heard of the new key yet.
    assert_eq!(ids(two, "/policies").await, ["vpn"]);
    admin(two, "POST", "/clients", Some(json!({ "name": "gateway" }))).await.expect(201);
    assert_eq!(under().await, new);
    let keep = stepgate::identity::KeyRing::KEEP.num_seconds() + 1;
    app.clock.advance(keep);
    admin(&app, "POST", "/keys/rotate", Some(body)).await.expect(202);
    app.engine.errands.idle().await;
    let keys = admin(&app, "GET", "/keys", None).await.expect(200);
    let ids_of: Vec<&str> =
        keys.body["sealing"].as_array().unwrap().iter().map(|key| key["id"].as_str().unwrap()).collect();
    assert!(!ids_of.contains(&old.as_str()), "{ids_of:?}");
    assert_eq!((ids(two, "/policies").await.len(), ids(two, "/clients").await.len()), (1, 1));
}

async fn only_the_operator_registers(app: TestApp) {
    for (method, path) in [
        ("GET", "/policies"),
        ("POST", "/policies"),
        ("GET", "/policies/vpn"),
        ("PATCH", "/policies/vpn"),
        ("DELETE", "/policies/vpn"),
        ("GET", "/clients"),
        ("POST", "/clients"),
        ("DELETE", "/clients/1"),
    ] {
        let call = || app.call(method, &format!("/admin/v1{path}"));
        call().send().await.refused(401, "unauthorized");
        call().bearer("an-operators-key-of-some-lengtH").send().await.refused(401, "unauthorized");
    }
}
