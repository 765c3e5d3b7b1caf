//! What operators and other services rely on: health, keys, cross-origin rules, the documents.

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation};
use serde_json::{Value, json};

use crate::harness::{Backend, Setup, TestApp};

on_every_store!(health_says_what_the_store_promises);

async fn health_says_what_the_store_promises(app: TestApp) {
    assert_eq!(app.get("/health/live").await.expect(200).body, json!({ "status": "ok" }));
    let ready = app.get("/health/ready").await.expect(200);
    let backend = ready.str("/store/backend").to_owned();
    assert!(["embedded", "redis", "redis-cluster"].contains(&backend.as_str()), "{backend}");
    // The shared test servers keep nothing on disk, and the answer says so.
    let level = if backend == "embedded" { "every_write" } else { "none" };
    assert_eq!(ready.str("/store/durability/level"), level);
    assert_eq!(ready.body["store"]["durability"]["warning"].is_null(), backend == "embedded");
}

/// A24: other services verify tokens with nothing but the published keys, whatever the algorithm.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_verify_by_the_published_keys() {
    for algorithm in ["ES256", "RS256", "EdDSA"] {
        let setup = Setup::on(Backend::Embedded).with("STEPGATE_TOKENS__ALGORITHM", algorithm);
        let app = setup.with("STEPGATE_TOKENS__ISSUER", "https://id.example").start().await;
        let person = app.person("ann").await;
        let token = app.sign_in(&person).await;
        let published = app.get("/.well-known/jwks.json").await.expect(200);
        assert!(!published.text.contains("\"d\""), "a private key is published");
        let keys: JwkSet = serde_json::from_str(&published.text).unwrap();
        let header = jsonwebtoken::decode_header(&token).unwrap();
        let key = keys.find(header.kid.as_deref().unwrap()).expect("the key of the token");
        let mut rules = Validation::new(algorithm.parse().unwrap());
        rules.set_issuer(&["https://id.example"]);
        rules.set_audience(&["stepgate"]);
        // The test's clock stands in the past.
        rules.validate_exp = false;
        let claims =
            jsonwebtoken::decode::<Value>(&token, &DecodingKey::from_jwk(key).unwrap(), &rules).unwrap().claims;
        assert_eq!(claims["sub"], json!(person.id.to_string()), "{algorithm}");
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 10 * 3600);
        app.call("GET", "/api/v2/my/2fa").bearer(&token).send().await.expect(200);
    }
}

/// All instances on one store sign with one key, also when they start at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_share_their_signing_key() {
    let app = Setup::on(Backend::Redis).start().await;
    let (one, two) = tokio::join!(app.sibling(), app.sibling());
    let keys = app.get("/.well-known/jwks.json").await.text;
    assert_eq!(one.get("/.well-known/jwks.json").await.text, keys);
    assert_eq!(two.get("/.well-known/jwks.json").await.text, keys);
}

/// A page of a configured origin may call, one of another may not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_configured_origins_may_call() {
    let setup = Setup::on(Backend::Embedded).with("STEPGATE_CORS__ORIGINS", "[\"https://app.example\"]");
    let app = setup.start().await;
    let preflight = |origin: &'static str| {
        app.call("OPTIONS", "/api/v2/my/signin")
            .header("Origin", origin)
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", "content-type,x-wizard-key,idempotency-key")
            .send()
    };
    let own = preflight("https://app.example").await.expect(200);
    assert_eq!(own.header("access-control-allow-origin"), Some("https://app.example"));
    assert_eq!(own.header("access-control-allow-credentials"), Some("true"));
    let foreign = preflight("https://evil.example").await;
    assert_eq!(foreign.header("access-control-allow-origin"), None);
    let simple = app.call("GET", "/api/v2/my/signin/wizard").header("Origin", "https://evil.example").send().await;
    assert_eq!(simple.header("access-control-allow-origin"), None);
}
