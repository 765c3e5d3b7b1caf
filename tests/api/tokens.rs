//! What a sign-in ends with, and that nothing else is worth as much: borrowed and forged tokens, rotation, sessions.

use std::collections::BTreeSet;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use stepgate::identity::{SigningKey, SurfaceName, TokenAlgorithm};

use crate::accounts::admin;
use crate::doors::{Door, panel_refused};
use crate::harness::{ADMIN_KEY, Answer, Backend, PASSWORD, Person, Setup, TestApp};

const SESSIONS: &str = "/api/v2/my/sessions";

on_every_store!(
    nothing_minted_before_the_end_opens_any_route,
    only_a_refresh_token_refreshes,
    a_session_of_another_account_opens_nothing,
    a_late_repeat_of_a_refresh_token_ends_its_family_and_no_other,
    two_honest_clients_that_race_both_go_on,
    twenty_refreshes_at_once_leave_one_living_session,
    signing_out_ends_the_refresh_tokens_too,
    a_forged_refresh_token_is_refused_and_harms_nobody,
    tokens_end_with_their_time,
    sessions_are_listed_and_ended_one_by_one,
    all_other_sessions_are_ended_at_once,
    a_foreign_session_cannot_be_ended,
);

// What a sign-in ends with

struct Pair {
    access: String,
    refresh: String,
}

impl Pair {
    fn of(answer: &Answer, pointer: &str) -> Pair {
        let token = |kind: &str| answer.str(&format!("{pointer}/{kind}/token")).to_owned();
        Pair { access: token("accessToken"), refresh: token("refreshToken") }
    }

    async fn of_sign_in(app: &TestApp, person: &Person) -> Pair {
        let (_, answer) = app.past_password(person).await;
        Pair::of(&answer.expect(202), "/data")
    }

    async fn opens(&self, app: &TestApp) -> bool {
        opens(app, &self.access).await
    }

    /// The claims of the access token, as anybody can read them.
    fn claims(&self) -> Value {
        part(&self.access, 1)
    }
}

fn part(token: &str, place: usize) -> Value {
    let part = token.split('.').nth(place).unwrap();
    serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
}

async fn opens(app: &TestApp, access: &str) -> bool {
    let answer = app.call("GET", SESSIONS).bearer(access).send().await;
    assert!(answer.status == 200 || answer.status == 401, "{}", answer.text);
    answer.status == 200
}

async fn refresh(app: &TestApp, token: &str) -> Answer {
    app.post("/api/v2/my/refresh", json!({ "refreshToken": token })).await
}

async fn rotated(app: &TestApp, token: &str) -> Pair {
    Pair::of(&refresh(app, token).await.expect(200), "")
}

// Every route, every scheme

/// The routes that ask for no token. A new route is named here, or it has a guard.
const PUBLIC: [&str; 22] = [
    "GET /.well-known/jwks.json",
    "GET /api/v2/my/signin/wizard",
    "GET /api/v2/my/wizard/{uuid}",
    "DELETE /api/v2/my/wizard/{uuid}",
    "POST /api/v2/my/signin",
    "POST /api/v2/my/signin/2fa",
    "POST /api/v2/my/2fa/google",
    "POST /api/v2/my/2fa/sms",
    "POST /api/v2/my/2fa/email",
    "POST /api/v2/my/2fa/recovery",
    "POST /api/v2/my/signin/2fa/enroll",
    "GET /api/v2/my/2fa/unauthorized/challenge",
    // It asks for the access token where the challenge was started with one.
    "POST /api/v2/my/2fa/challenge",
    "POST /api/v2/my/signin/password/restore",
    "POST /api/v2/my/signin/password/reset",
    "POST /api/v2/my/refresh",
    "POST /api/oauth2/token",
    "POST /v2/panel/account/auth",
    "GET /health/live",
    "GET /health/ready",
    "GET /openapi.json",
    "GET /metrics",
];

struct Route {
    name: String,
    method: String,
    path: String,
    guard: Option<String>,
    body: Option<Value>,
}

/// Every route of the document, aimed at this wizard and this challenge, with a body that is of the right form.
fn routes(document: &Value, uuid: &str, challenge: &str) -> Vec<Route> {
    let mut routes = Vec::new();
    for (template, methods) in document["paths"].as_object().unwrap() {
        let path = template.replace("{uuid}", uuid).replace("{type}", "google").replace("{id}", "1");
        let path = path.replace("{changeId}", "1").replace("{session}", "1").replace("{user}", "ann@example.com");
        let path = path.replace("{policyId}", "matrix");
        assert!(!path.contains('{'), "a parameter that this test knows nothing of: {path}");
        for (method, route) in methods.as_object().unwrap() {
            let method = method.to_uppercase();
            let guards = route["security"][0].as_object();
            let guard = guards.and_then(|guards| guards.keys().find(|guard| *guard != "access_key").cloned());
            let schema = route.pointer("/requestBody/content/application~1json/schema/$ref");
            let body = schema.and_then(Value::as_str).map(|schema| sample(document, schema, uuid, challenge));
            routes.push(Route { name: format!("{method} {template}"), method, path: path.clone(), guard, body });
        }
    }
    routes
}

/// The tags of a path's calls.
fn tags(path: &Value) -> impl Iterator<Item = &Value> {
    path.as_object().into_iter().flat_map(|methods| methods.values()).filter_map(|call| call.pointer("/tags/0"))
}

fn sample(document: &Value, reference: &str, uuid: &str, challenge: &str) -> Value {
    let schema = document.pointer(&reference.replacen('#', "", 1)).unwrap();
    let members = schema["properties"].as_object().unwrap().iter();
    let value = |name: &str, kind: &Value| match name {
        "uuid" => json!(uuid),
        "token" => json!(challenge),
        "type" => json!("google"),
        "action" => json!("code"),
        "code" => json!("000000"),
        _ if kind.to_string().contains("boolean") => json!(true),
        _ if kind.to_string().contains("array") => json!(["x"]),
        _ => json!("nothing-of-worth"),
    };
    members.map(|(name, schema)| (name.clone(), value(name, &schema["type"]))).collect()
}

/// The ways to show a credential; the genuine access token counts in the first of them alone.
const SCHEMES: [&str; 8] = [
    "Bearer",
    "Basic user",
    "Basic password",
    "NVX",
    "bare",
    "cookies and all else",
    "beside an api key",
    "beside an access key",
];

/// Whose credentials are shown otherwise than they are meant: the name that goes with a password, and a client's keys.
struct Holder {
    email: String,
    api_key: String,
    access_key: String,
}

async fn show(app: &TestApp, route: &Route, scheme: &str, holder: &Holder, credential: &str) -> Answer {
    let email = &holder.email;
    let basic = |pair: String| format!("Basic {}", BASE64.encode(pair.as_bytes()));
    let query =
        if scheme == SCHEMES[5] { format!("?access_token={credential}&token={credential}") } else { String::new() };
    let mut call = app.call(&route.method, &format!("{}{query}", route.path));
    call = match scheme {
        "Bearer" => call.bearer(credential),
        "Basic user" => call.header("Authorization", &basic(format!("{credential}:"))),
        "Basic password" => call.header("Authorization", &basic(format!("{email}:{credential}"))),
        "NVX" => call.header("Authorization", &format!("NVX {credential}")),
        "bare" => call.header("Authorization", credential),
        "beside an api key" => call.header("api-key", &holder.api_key).header("access-key", credential),
        "beside an access key" => call.header("api-key", credential).header("access-key", &holder.access_key),
        _ => {
            let names = ["access_token", "accessToken", "token", "session", "sid", "Authorization", "wizard_key"];
            let cookies: Vec<String> = names.iter().map(|name| format!("{name}={credential}")).collect();
            let cookies = call.header("Cookie", &cookies.join("; "));
            let names = ["X-Auth-Token", "X-Access-Token", "X-Success-Token", "api-key", "access-key", "Mfa-Token"];
            names.iter().chain(&["Proxy-Authorization"]).fold(cookies, |call, name| call.header(name, credential))
        }
    };
    if let Some(body) = &route.body {
        call = call.json(body);
    }
    call.send().await
}

/// What a challenge ends in, which has not been used.
async fn success_token(app: &TestApp, person: &Person, access: &str) -> String {
    let path = "/api/v2/my/2fa/challenge";
    // The code before this one was sent a moment ago.
    app.clock.advance(60);
    let token = app.call("GET", path).bearer(access).send().await.expect(200).str("/token").to_owned();
    let body = json!({ "token": token, "code": app.last_code(&person.phone).await });
    let confirmed = app.call("POST", path).bearer(access).json(&body).send().await.expect(200);
    confirmed.str("/successToken").to_owned()
}

/// Whoever has all kinds of credentials: a policy, and a client of the service surface.
async fn holder(app: &TestApp, email: &str) -> Holder {
    admin(app, "POST", "/policies", Some(json!({ "id": "matrix", "issuer": "Matrix" }))).await.expect(201);
    let made = admin(app, "POST", "/clients", Some(json!({ "name": "matrix" }))).await.expect(201);
    let key = |name: &str| made.str(name).to_owned();
    Holder { email: email.to_owned(), api_key: key("apiKey"), access_key: key("accessKey") }
}

/// The key of an authenticator that a service has enrolled, and that no code has confirmed yet.
async fn waiting_secret(app: &TestApp, holder: &Holder) -> String {
    let call = app.call("POST", "/api/totp/matrix/enrollment").header("api-key", &holder.api_key);
    let call = call.header("access-key", &holder.access_key).json(&json!({ "username": holder.email }));
    let address = url::Url::parse(call.send().await.expect(200).str("otpauthUrl")).unwrap();
    address.query_pairs().find(|(name, _)| name == "secret").unwrap().1.into_owned()
}

/// A15, X3, X4, X5: whatever a client holds before a sign-in has ended opens no route by any scheme, nor does what it
/// holds afterwards, the access token as a bearer token apart. Watches `Engine::authenticate` in every guarded route,
/// the operator's guard, and the gate in front of wizards that a session has started.
async fn nothing_minted_before_the_end_opens_any_route(app: TestApp) {
    let person = app.person("ann").await;
    let pair = Pair::of_sign_in(&app, &person).await;
    app.enable_sms(&pair.access, &person).await;
    let enabling = app.start_factor(&pair.access, "google", "enable").await.expect(200);
    let signing_in = app.get("/api/v2/my/signin/wizard").await.expect(200);
    app.password(&signing_in.uuid(), &person, PASSWORD).await.expect(200);
    let code = app.last_code(&person.phone).await;
    let key = |answer: &Answer| answer.header("x-wizard-key").unwrap().to_owned();
    let session = pair.claims()["sid"].as_str().unwrap().to_owned();
    let challenge = app.call("GET", "/api/v2/my/2fa/challenge").bearer(&pair.access).send().await.expect(200);
    let success = success_token(&app, &person, &pair.access).await;
    app.clock.advance(60);
    let mfa_tokens = (Door::Veeam.asked(&app, &person).await.token, Door::Navixy.asked(&app, &person).await.token);
    app.clock.advance(60);
    let flexi = app.flexi("PUT", "/ann@example.com/disable-2fa", &person.email, PASSWORD).send().await.fails(401);
    let flexi = flexi.header("mfa-token").unwrap().to_owned();
    let holder = holder(&app, &person.email).await;
    let waiting = waiting_secret(&app, &holder).await;
    let cyd = app.person("cyd").await;
    let offer = app.offer(&app.sign_in(&cyd).await, cyd.id).await;
    let worthless = [
        ("the uuid of a sign-in", signing_in.uuid()),
        ("the uuid of a sign-in without dashes", signing_in.uuid().replace('-', "")),
        ("the key of a sign-in", key(&signing_in)),
        ("the uuid of an enrolment", enabling.uuid()),
        ("the key of an enrolment", key(&enabling)),
        ("an authenticator's key", enabling.str("/data/key").to_owned()),
        ("a code on its way", code),
        ("the refresh token", pair.refresh.clone()),
        ("the session's name", session),
        ("the password", PASSWORD.replace(' ', "+")),
        ("the account's number", person.id.to_string()),
        ("the token of a challenge", challenge.str("/token").to_owned()),
        ("the key of a challenge", key(&challenge)),
        ("a success token", success),
        ("a hash-like value", "0123456789abcdef0123456789abcdef".to_owned()),
        ("an MFA token of Veeam", mfa_tokens.0),
        ("an MFA token of Navixy", mfa_tokens.1),
        ("an MFA token of Flexi", flexi.clone()),
        ("an MFA token of Flexi without its binding", flexi.rsplit_once('.').unwrap().0.to_owned()),
        ("the token of an offered authenticator", offer.token),
        ("the key of an offered authenticator", offer.key),
        ("a scratch code that is offered", offer.codes[0].clone()),
        ("the key of an authenticator that waits", waiting),
    ];
    let ben = app.person("ben").await;
    let hash = Door::Navixy.credential(Door::Navixy.password(&app, &ben.email, PASSWORD).await);
    let document = app.get("/openapi.json").await.expect(200).body;
    let surfaces: BTreeSet<&str> =
        document["paths"].as_object().unwrap().values().flat_map(tags).filter_map(Value::as_str).collect();
    let (mut tried, mut failures) = (0, Vec::new());
    for route in routes(&document, &enabling.uuid(), challenge.str("/token")) {
        let public = PUBLIC.contains(&route.name.as_str());
        assert_eq!(route.guard.is_none(), public, "{} has no guard and is not meant to be public", route.name);
        let mut bare = app.call(&route.method, &route.path);
        if let Some(body) = &route.body {
            bare = bare.json(body);
        }
        let bare = bare.send().await;
        let by_password = route.guard.as_deref() == Some("basic");
        match route.guard.as_deref() {
            None => {}
            Some("basic") => assert_eq!(bare.status, 401, "{}", route.name),
            Some("panel") => drop(panel_refused(bare.clone(), 403, 4)),
            Some(_) => drop(bare.clone().refused(401, "unauthorized")),
        }
        let genuine = [
            ("the access token", pair.access.clone()),
            ("the operator's key", ADMIN_KEY.to_owned()),
            ("a panel hash", hash.clone()),
            ("a client's api key", holder.api_key.clone()),
            ("a client's access key", holder.access_key.clone()),
        ];
        for (what, credential) in worthless.iter().chain(&genuine) {
            for scheme in SCHEMES {
                let theirs = match *what {
                    "the access token" => {
                        let of_a_session = ["/wizard/", "/2fa/challenge"].iter().any(|part| route.path.contains(part));
                        // A service may show one, too, of an account that may change others: this one hears 403.
                        matches!(route.guard.as_deref(), Some("bearer" | "api_key")) || of_a_session
                    }
                    "the operator's key" => route.guard.as_deref() == Some("operator"),
                    "a panel hash" => route.guard.as_deref() == Some("panel"),
                    "a client's api key" | "a client's access key" => route.guard.as_deref() == Some("api_key"),
                    _ => false,
                };
                let own = match *what {
                    "a panel hash" => "NVX",
                    "a client's api key" => "beside an access key",
                    "a client's access key" => "beside an api key",
                    _ => "Bearer",
                };
                if theirs && scheme == own {
                    continue;
                }
                let answer = show(&app, &route, scheme, &holder, credential).await;
                tried += 1;
                let said =
                    |answer: &Answer| (answer.status, answer.body["code"].clone(), answer.body["status"].clone());
                // What is taken for a password is a wrong one, and counted.
                let counted = by_password && answer.status == 429;
                if !counted && said(&answer) != said(&bare) {
                    failures.push(format!("{} took {what} as {scheme}: {}", route.name, answer.text));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(tried > 1_000, "only {tried} were tried");
    for surface in SurfaceName::ALL {
        assert!(surfaces.contains(surface.as_str()), "no call of {surface} was tried: {surfaces:?}");
    }
    // Nothing of it has ended what the person is about.
    assert!(pair.opens(&app).await && Door::Navixy.opens(&app, &hash).await);
    let path = format!("/api/v2/my/wizard/{}", enabling.uuid());
    app.call("GET", &path).bearer(&pair.access).send().await.expect(200);
}

/// A15: nothing but a refresh token can be exchanged for tokens. Watches `RefreshToken::parse`.
async fn only_a_refresh_token_refreshes(app: TestApp) {
    let person = app.person_with_sms("ann").await;
    let started = app.get("/api/v2/my/signin/wizard").await.expect(200);
    app.password(&started.uuid(), &person, PASSWORD).await.expect(200);
    let code = app.last_code(&person.phone).await;
    let key = started.header("x-wizard-key").unwrap();
    let other = app.person("ben").await;
    let pair = Pair::of_sign_in(&app, &other).await;
    let session = pair.claims()["sid"].as_str().unwrap().to_owned();
    for token in [&started.uuid(), key, &code, &pair.access, &session, PASSWORD, ADMIN_KEY, "", "...", "1.2.3.4"] {
        refresh(&app, token).await.refused(401, "unauthorized");
    }
    assert!(pair.opens(&app).await);
}

// Forged tokens

/// Another name of the crate's own closed list of algorithms.
fn algorithm(of: TokenAlgorithm) -> Algorithm {
    match of {
        TokenAlgorithm::ES256 => Algorithm::ES256,
        TokenAlgorithm::RS256 => Algorithm::RS256,
        TokenAlgorithm::EdDSA => Algorithm::EdDSA,
    }
}

/// The key that the server itself signs with, out of its store.
async fn servers_key(app: &TestApp, of: TokenAlgorithm) -> SigningKey {
    let kept = app.engine.store.kept("key-ring").await.unwrap().unwrap();
    let ring = app.engine.keys.open_ring(&kept).unwrap();
    ring.signing.into_iter().find(|key| key.algorithm == of).unwrap()
}

fn der_of(key: &SigningKey) -> Vec<u8> {
    pem::parse(&key.private_pem).unwrap().into_contents()
}

fn encoding(of: TokenAlgorithm, private_pem: &str) -> EncodingKey {
    match of {
        TokenAlgorithm::ES256 => EncodingKey::from_ec_pem(private_pem.as_bytes()),
        TokenAlgorithm::RS256 => EncodingKey::from_rsa_pem(private_pem.as_bytes()),
        TokenAlgorithm::EdDSA => EncodingKey::from_ed_pem(private_pem.as_bytes()),
    }
    .unwrap()
}

/// A key of the attacker's own.
fn fresh_key(of: TokenAlgorithm) -> EncodingKey {
    let der = match of {
        TokenAlgorithm::ES256 => {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
            pair.to_pkcs8v1().unwrap().as_ref().to_vec()
        }
        TokenAlgorithm::RS256 => {
            let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> =
                RsaKeyPair::generate(KeySize::Rsa2048).unwrap().as_der().unwrap();
            der.as_ref().to_vec()
        }
        TokenAlgorithm::EdDSA => Ed25519KeyPair::generate().unwrap().to_pkcs8v1().unwrap().as_ref().to_vec(),
    };
    encoding(of, &pem::encode(&pem::Pem::new("PRIVATE KEY", der)))
}

/// The forms in which the server's public key is known to everybody.
fn public_forms(of: TokenAlgorithm, key: &SigningKey, jwk: &Value) -> Vec<Vec<u8>> {
    let der = der_of(key);
    let (raw, spki): (Vec<u8>, PublicKeyX509Der<'static>) = match of {
        TokenAlgorithm::ES256 => {
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der).unwrap();
            (pair.public_key().as_ref().to_vec(), pair.public_key().as_der().unwrap())
        }
        TokenAlgorithm::RS256 => {
            let pair = RsaKeyPair::from_pkcs8(&der).unwrap();
            (pair.public_key().as_ref().to_vec(), pair.public_key().as_der().unwrap())
        }
        TokenAlgorithm::EdDSA => {
            let pair = Ed25519KeyPair::from_pkcs8(&der).unwrap();
            (pair.public_key().as_ref().to_vec(), pair.public_key().as_der().unwrap())
        }
    };
    let text = pem::encode_config(
        &pem::Pem::new("PUBLIC KEY", spki.as_ref().to_vec()),
        pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF),
    );
    let mut forms = vec![raw, spki.as_ref().to_vec(), text.trim_end().as_bytes().to_vec(), text.into_bytes()];
    forms.push(jwk.to_string().into_bytes());
    for member in ["x", "y", "n"] {
        let value = jwk[member].as_str().unwrap_or_default();
        forms.push(value.as_bytes().to_vec());
        forms.push(BASE64URL_NOPAD.decode(value.as_bytes()).unwrap());
    }
    forms.push(Vec::new());
    forms
}

/// A token whose every part the forger chooses.
fn forge(header: &Value, claims: &Value, signature: impl FnOnce(&[u8]) -> String) -> String {
    let encode = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let message = format!("{}.{}", encode(header), encode(claims));
    let signature = signature(message.as_bytes());
    format!("{message}.{signature}")
}

fn signed(header: &Value, claims: &Value, by: &EncodingKey, with: Algorithm) -> String {
    forge(header, claims, |message| jsonwebtoken::crypto::sign(message, by, with).unwrap())
}

fn with(value: &Value, member: &str, new: Value) -> Value {
    let mut value = value.clone();
    value[member] = new;
    value
}

fn without(value: &Value, member: &str) -> Value {
    let mut value = value.clone();
    value.as_object_mut().unwrap().remove(member);
    value
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_es256_token_opens_nothing() {
    forged_tokens_open_nothing(TokenAlgorithm::ES256).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_rs256_token_opens_nothing() {
    forged_tokens_open_nothing(TokenAlgorithm::RS256).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_eddsa_token_opens_nothing() {
    forged_tokens_open_nothing(TokenAlgorithm::EdDSA).await;
}

/// A24: of tokens that differ in anything from what the server signs, none opens anything, and no address that a token
/// names is visited. Watches every check in `AccessTokens::verify`; each forgery differs from a token that is taken by
/// one thing only.
async fn forged_tokens_open_nothing(of: TokenAlgorithm) {
    let setup = Setup::on(Backend::Embedded).with("STEPGATE_TOKENS__ALGORITHM", of.as_str());
    let app = setup.start().await;
    let (person, other) = (app.person("ann").await, app.person("ben").await);
    let pair = Pair::of_sign_in(&app, &person).await;
    let others = Pair::of_sign_in(&app, &other).await;
    let (header, claims) = (part(&pair.access, 0), pair.claims());
    let key = servers_key(&app, of).await;
    let (own, alg) = (encoding(of, &key.private_pem), algorithm(of));
    // The forger's tools work: a token put together in the same way out of true parts is taken.
    assert!(opens(&app, &signed(&header, &claims, &own, alg)).await);

    let jwk = app.get("/.well-known/jwks.json").await.expect(200).body["keys"][0].clone();
    let mut forgeries = wrong_algorithms(of, &header, &claims, &pair.access);
    for (place, secret) in public_forms(of, &key, &jwk).iter().enumerate() {
        for (name, hmac) in [("HS256", Algorithm::HS256), ("HS384", Algorithm::HS384), ("HS512", Algorithm::HS512)] {
            let by = EncodingKey::from_secret(secret);
            let token = signed(&with(&header, "alg", json!(name)), &claims, &by, hmac);
            forgeries.push((format!("{name} with form {place} of the public key"), token));
        }
    }
    let trap = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    forgeries.extend(keys_brought_along(of, &header, &claims, trap.local_addr().unwrap().port()));
    forgeries.extend(wrong_parts(&header, &claims, &others.claims(), &own, alg, app.clock.unix()));
    forgeries.extend(damaged(&pair.access));
    let foreign = Setup::on(Backend::Embedded).with("STEPGATE_TOKENS__ALGORITHM", of.as_str()).start().await;
    let twin = foreign.person("ann").await;
    forgeries.push(("another server's".to_owned(), Pair::of_sign_in(&foreign, &twin).await.access));

    let mut taken = Vec::new();
    for (what, token) in &forgeries {
        let answer = app.call("GET", SESSIONS).header("Authorization", &format!("Bearer {token}")).send().await;
        if (answer.status, answer.body["code"].as_str()) != (401, Some("unauthorized")) {
            taken.push(format!("{what}: {} {}", answer.status, answer.text));
        }
    }
    assert!(taken.is_empty(), "{taken:#?}");
    assert!(trap.accept().is_err(), "an address that a token names was visited");
    assert!(pair.opens(&app).await && others.opens(&app).await);
}

type Forgeries = Vec<(String, String)>;

fn wrong_algorithms(of: TokenAlgorithm, header: &Value, claims: &Value, genuine: &str) -> Forgeries {
    let genuine = genuine.rsplit('.').next().unwrap();
    let mut forgeries = Vec::new();
    for name in ["none", "None", "NONE", "nOnE", "", "HS256", "ES384", "PS256", "ES256", "RS256", "EdDSA"] {
        let swapped = with(header, "alg", json!(name));
        forgeries.push((format!("alg {name:?}, no signature"), forge(&swapped, claims, |_| String::new())));
        if name != of.as_str() {
            let token = forge(&swapped, claims, |_| genuine.to_owned());
            forgeries.push((format!("alg {name:?}, the genuine signature"), token));
        }
    }
    forgeries.push(("no alg".into(), forge(&without(header, "alg"), claims, |_| genuine.to_owned())));
    for other in [TokenAlgorithm::ES256, TokenAlgorithm::RS256, TokenAlgorithm::EdDSA] {
        let swapped = with(header, "alg", json!(other.as_str()));
        let token = signed(&swapped, claims, &fresh_key(other), algorithm(other));
        forgeries.push((format!("signed by a key of the forger's own, {}", other.as_str()), token));
    }
    forgeries
}

fn keys_brought_along(of: TokenAlgorithm, header: &Value, claims: &Value, port: u16) -> Forgeries {
    let (by, alg) = (fresh_key(of), algorithm(of));
    let jwk = serde_json::to_value(jsonwebtoken::jwk::Jwk::from_encoding_key(&by, alg).unwrap()).unwrap();
    let url = json!(format!("http://127.0.0.1:{port}/keys"));
    let mut forgeries = Vec::new();
    for (name, value) in [("jwk", jwk.clone()), ("jku", url.clone()), ("x5u", url), ("x5c", json!(["MIIB"]))] {
        let header = with(header, name, value);
        forgeries.push((format!("brings its key in {name}"), signed(&header, claims, &by, alg)));
        let header = without(&header, "kid");
        forgeries.push((format!("brings its key in {name}, no kid"), signed(&header, claims, &by, alg)));
    }
    forgeries
}

/// Signed by the server's own key, with one thing wrong each.
fn wrong_parts(
    header: &Value,
    claims: &Value,
    others: &Value,
    by: &EncodingKey,
    alg: Algorithm,
    now: u64,
) -> Forgeries {
    let mut forgeries = Vec::new();
    let heads = [
        ("kid", json!("another")),
        ("kid", json!("../../../dev/null")),
        ("kid", json!("")),
        ("typ", json!("JWT")),
        ("typ", json!("refresh+jwt")),
        ("typ", json!("")),
    ];
    for (member, value) in heads {
        let token = signed(&with(header, member, value.clone()), claims, by, alg);
        forgeries.push((format!("{member} {value}"), token));
    }
    let bodies = [
        ("iss", json!("somebody else")),
        ("iss", json!(["stepgate", "somebody else"])),
        ("aud", json!("somebody else")),
        ("aud", json!("")),
        ("exp", json!(now)),
        ("exp", json!(now - 1)),
        ("exp", json!(-1)),
        ("exp", Value::Null),
        ("exp", json!("9999999999")),
        ("nbf", json!(now + 1)),
        ("nbf", json!("tomorrow")),
        ("sub", others["sub"].clone()),
        ("sub", json!("0")),
        ("sub", json!(1)),
        ("sub", json!("+1")),
        ("sid", others["sid"].clone()),
        ("sid", json!("AAAAAAAAAAAAAAAAAAAAAA")),
        ("sid", json!("")),
        ("sid", json!("*")),
    ];
    for (member, value) in bodies {
        let token = signed(header, &with(claims, member, value.clone()), by, alg);
        forgeries.push((format!("{member} {value}"), token));
    }
    for member in ["kid", "typ", "alg"] {
        forgeries.push((format!("no {member}"), signed(&without(header, member), claims, by, alg)));
    }
    for member in ["iss", "aud", "exp", "sub", "sid"] {
        forgeries.push((format!("no {member}"), signed(header, &without(claims, member), by, alg)));
    }
    forgeries
}

/// Cut, patched and padded.
fn damaged(token: &str) -> Forgeries {
    let mut forgeries: Forgeries =
        (0..token.len()).step_by(9).map(|end| (format!("cut to {end}"), token[..end].to_owned())).collect();
    let (message, signature) = token.rsplit_once('.').unwrap();
    for place in (0..signature.len()).step_by(5).chain([signature.len() - 1]) {
        let new = if &signature[place..=place] == "A" { "B" } else { "A" };
        let patched = format!("{message}.{}{new}{}", &signature[..place], &signature[place + 1..]);
        if patched != token {
            forgeries.push((format!("character {place} of the signature changed"), patched));
        }
    }
    let parts: Vec<&str> = token.split('.').collect();
    for text in [
        format!("{message}."),
        message.to_owned(),
        format!("{token}."),
        format!("{token}.{signature}"),
        format!(".{token}"),
        format!("{token}=="),
        format!("{token}A"),
        format!("{}.{signature}.{}", parts[0], parts[1]),
        format!("{}..{signature}", parts[0]),
        format!("{token},{token}"),
        format!("{token} {token}"),
        token.to_uppercase(),
    ] {
        forgeries.push((format!("out of shape, {} long", text.len()), text));
    }
    forgeries
}

/// A24: a genuine signature over one account and the session of another opens nothing. Watches that sessions are
/// looked up under their own account.
async fn a_session_of_another_account_opens_nothing(app: TestApp) {
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let (anns, bens) = (Pair::of_sign_in(&app, &ann).await, Pair::of_sign_in(&app, &ben).await);
    let own = encoding(TokenAlgorithm::ES256, &servers_key(&app, TokenAlgorithm::ES256).await.private_pem);
    let header = part(&anns.access, 0);
    for (claims, member, from) in [(anns.claims(), "sid", bens.claims()), (anns.claims(), "sub", bens.claims())] {
        let mixed = signed(&header, &with(&claims, member, from[member].clone()), &own, Algorithm::ES256);
        assert!(!opens(&app, &mixed).await, "{member} of another");
    }
    assert!(opens(&app, &signed(&header, &anns.claims(), &own, Algorithm::ES256)).await);
}

// Rotation

/// A25: a refresh token works once; presented again later than a race explains, it ends the session with every token
/// of it, and no other session. Watches `RefreshOutcome::Reused`.
async fn a_late_repeat_of_a_refresh_token_ends_its_family_and_no_other(app: TestApp) {
    let person = app.person("ann").await;
    let (stolen, elsewhere) = (Pair::of_sign_in(&app, &person).await, Pair::of_sign_in(&app, &person).await);
    let next = rotated(&app, &stolen.refresh).await;
    assert_ne!(next.refresh, stolen.refresh);
    assert_eq!(next.claims()["sid"], stolen.claims()["sid"]);
    app.clock.advance(11);
    let last = rotated(&app, &next.refresh).await;
    app.clock.advance(11);
    refresh(&app, &stolen.refresh).await.refused(401, "unauthorized");
    for token in [&stolen.refresh, &next.refresh, &last.refresh] {
        refresh(&app, token).await.refused(401, "unauthorized");
    }
    for pair in [&stolen, &next, &last] {
        assert!(!pair.opens(&app).await);
    }
    assert!(elsewhere.opens(&app).await);
    rotated(&app, &elsewhere.refresh).await;
}

/// A25: two honest clients of one session that present its token within ten seconds both go on, for good. Watches
/// `Session::RACE`.
async fn two_honest_clients_that_race_both_go_on(app: TestApp) {
    let person = app.person("ann").await;
    let pair = Pair::of_sign_in(&app, &person).await;
    let (one, two) = tokio::join!(rotated(&app, &pair.refresh), rotated(&app, &pair.refresh));
    assert_ne!(one.refresh, two.refresh);
    app.clock.advance(10);
    let three = rotated(&app, &pair.refresh).await;
    for client in [one, two, three] {
        app.clock.advance(3_600);
        assert!(client.opens(&app).await);
        let next = rotated(&app, &client.refresh).await;
        assert!(next.opens(&app).await);
    }
    app.clock.advance(11);
    refresh(&app, &pair.refresh).await.refused(401, "unauthorized");
}

/// A25: twenty clients with one token at once neither end the session nor multiply it; a late repeat still ends all
/// that they were given. Watches the compare-and-set on the session.
async fn twenty_refreshes_at_once_leave_one_living_session(app: TestApp) {
    let person = app.person("ann").await;
    let pair = Pair::of_sign_in(&app, &person).await;
    let answers = futures_util::future::join_all((0..20).map(|_| refresh(&app, &pair.refresh))).await;
    let (won, lost): (Vec<Answer>, Vec<Answer>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert!(!won.is_empty());
    for answer in lost {
        let answer = answer.refused(503, "unavailable");
        assert!(answer.header("retry-after").is_some());
    }
    let won: Vec<Pair> = won.iter().map(|answer| Pair::of(answer, "")).collect();
    let tokens: BTreeSet<&str> = won.iter().map(|pair| pair.refresh.as_str()).collect();
    assert_eq!(tokens.len(), won.len(), "a refresh token was given twice");
    for pair in &won {
        assert!(pair.opens(&app).await);
    }
    let listed = app.call("GET", SESSIONS).bearer(&pair.access).send().await.expect(200);
    assert_eq!(listed.body["total"], json!(1));
    app.clock.advance(11);
    refresh(&app, &pair.refresh).await.refused(401, "unauthorized");
    for pair in &won {
        assert!(!pair.opens(&app).await);
        refresh(&app, &pair.refresh).await.refused(401, "unauthorized");
    }
}

/// A25: signing out ends the access token and every refresh token of the session, also one that was used a moment ago.
/// Watches that `Engine::refresh` asks whether the session lives.
async fn signing_out_ends_the_refresh_tokens_too(app: TestApp) {
    let person = app.person("ann").await;
    let pair = Pair::of_sign_in(&app, &person).await;
    let next = rotated(&app, &pair.refresh).await;
    app.call("POST", "/api/v2/my/signout").bearer(&next.access).send().await.expect(204);
    for token in [&pair.refresh, &next.refresh] {
        refresh(&app, token).await.refused(401, "unauthorized");
    }
    assert!(!pair.opens(&app).await && !next.opens(&app).await);
    app.call("POST", "/api/v2/my/signout").bearer(&next.access).send().await.refused(401, "unauthorized");
}

/// A25: a refresh token with anything changed in it is refused, and does not count as reuse: nobody can end a session
/// by guessing. Watches the seal in `RefreshToken::parse`.
async fn a_forged_refresh_token_is_refused_and_harms_nobody(app: TestApp) {
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let (anns, bens) = (Pair::of_sign_in(&app, &ann).await, Pair::of_sign_in(&app, &ben).await);
    let parts: Vec<&str> = anns.refresh.split('.').collect();
    let [account, session, random, seal] = parts[..] else { panic!("another form of token: {}", anns.refresh) };
    let sid = bens.claims()["sid"].as_str().unwrap().to_owned();
    let zeros = "A".repeat(random.len());
    for forged in [
        format!("{}.{session}.{random}.{seal}", ben.id),
        format!("{account}.{sid}.{random}.{seal}"),
        format!("{}.{sid}.{random}.{seal}", ben.id),
        format!("{account}.{session}.{zeros}.{seal}"),
        format!("{account}.{session}.{random}.{zeros}"),
        format!("{account}.{session}.{random}."),
        format!("{account}.{session}.{random}"),
        format!("{account}.{session}..{seal}"),
        format!(" {}", anns.refresh),
        format!("{}=", anns.refresh),
        format!("0{}", anns.refresh),
        anns.refresh.to_lowercase(),
        anns.refresh[..anns.refresh.len() - 1].to_owned(),
    ] {
        refresh(&app, &forged).await.refused(401, "unauthorized");
    }
    assert!(anns.opens(&app).await && bens.opens(&app).await);
    rotated(&app, &anns.refresh).await;
    rotated(&app, &bens.refresh).await;
}

/// A24, X28: an access token ends after its ten hours, a session after its thirty days, whoever has or has not cleaned
/// up (the clock is moved; no entry of a Redis server has run out). Watches the check of `exp` and of the session's end.
async fn tokens_end_with_their_time(app: TestApp) {
    let person = app.person("ann").await;
    let pair = Pair::of_sign_in(&app, &person).await;
    app.clock.advance(10 * 3_600 - 1);
    assert!(pair.opens(&app).await);
    app.clock.advance(1);
    assert!(!pair.opens(&app).await);
    let next = rotated(&app, &pair.refresh).await;
    assert!(next.opens(&app).await);
    app.clock.advance(20 * 3_600 + 28 * 86_400);
    let last = rotated(&app, &next.refresh).await;
    // A pair that is made shortly before the session's end ends with it.
    app.clock.advance(23 * 3_600 - 6 * 3_600);
    let late = rotated(&app, &last.refresh).await;
    assert!(late.opens(&app).await);
    app.clock.advance(3_600);
    assert!(!late.opens(&app).await);
    refresh(&app, &late.refresh).await.refused(401, "unauthorized");
}

// Sessions

async fn listed(app: &TestApp, pair: &Pair) -> Vec<Value> {
    let answer = app.call("GET", SESSIONS).bearer(&pair.access).send().await.expect(200);
    assert!(!answer.text.contains(&pair.refresh) && !answer.text.contains(&pair.access));
    let data = answer.body["data"].as_array().unwrap().clone();
    assert_eq!(answer.body["total"].as_u64(), Some(data.len() as u64));
    data
}

async fn end(app: &TestApp, pair: &Pair, id: &str) -> Answer {
    app.call("DELETE", &format!("{SESSIONS}/{id}")).bearer(&pair.access).send().await
}

/// A16, A25: a session that is ended from another one is over at once: its access token and its refresh token.
async fn sessions_are_listed_and_ended_one_by_one(app: TestApp) {
    let person = app.person("ann").await;
    let one = Pair::of_sign_in(&app, &person).await;
    app.clock.advance(60);
    let uuid = app.wizard().await;
    let body = json!({ "uuid": uuid, "email": person.email, "password": PASSWORD });
    let call = app.call("POST", "/api/v2/my/signin").header("User-Agent", "A phone/1.0").json(&body);
    let two = Pair::of(&call.send().await.expect(202), "/data");
    app.clock.advance(60);
    let three = Pair::of_sign_in(&app, &person).await;

    let sessions = listed(&app, &two).await;
    let ids: Vec<&str> = sessions.iter().map(|session| session["id"].as_str().unwrap()).collect();
    let expected = [&one, &two, &three].map(|pair| pair.claims()["sid"].as_str().unwrap().to_owned());
    assert_eq!(ids, expected, "oldest first");
    let current: Vec<bool> = sessions.iter().map(|session| session["current"].as_bool().unwrap()).collect();
    assert_eq!(current, [false, true, false]);
    assert_eq!((&sessions[1]["client"], &sessions[1]["address"]), (&json!("A phone/1.0"), &json!("127.0.0.1")));

    end(&app, &two, &expected[0]).await.expect(204);
    assert!(!one.opens(&app).await && two.opens(&app).await && three.opens(&app).await);
    refresh(&app, &one.refresh).await.refused(401, "unauthorized");
    end(&app, &two, &expected[0]).await.refused(404, "not_found");
    assert_eq!(listed(&app, &two).await.len(), 2);

    // The own one may be ended as well.
    end(&app, &two, &expected[1]).await.expect(204);
    assert!(!two.opens(&app).await && three.opens(&app).await);
}

/// A16: all other sessions end at once, with their refresh tokens; the own one and those of others stay.
async fn all_other_sessions_are_ended_at_once(app: TestApp) {
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let bens = Pair::of_sign_in(&app, &ben).await;
    let (one, two, three) =
        (Pair::of_sign_in(&app, &ann).await, Pair::of_sign_in(&app, &ann).await, Pair::of_sign_in(&app, &ann).await);
    app.call("DELETE", SESSIONS).bearer(&two.access).send().await.expect(204);
    assert!(!one.opens(&app).await && two.opens(&app).await && !three.opens(&app).await);
    for pair in [&one, &three] {
        refresh(&app, &pair.refresh).await.refused(401, "unauthorized");
    }
    rotated(&app, &two.refresh).await;
    assert!(bens.opens(&app).await);
    assert_eq!(listed(&app, &two).await.len(), 1);
}

/// X2: nobody ends, or learns of, another account's session: the answer is the one for a session that never was.
async fn a_foreign_session_cannot_be_ended(app: TestApp) {
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let (anns, bens) = (Pair::of_sign_in(&app, &ann).await, Pair::of_sign_in(&app, &ben).await);
    let sid = bens.claims()["sid"].as_str().unwrap().to_owned();
    let foreign = end(&app, &anns, &sid).await.refused(404, "not_found");
    for id in ["AAAAAAAAAAAAAAAAAAAAAA", "1", "*", "..%2f1", "%00"] {
        let unknown = end(&app, &anns, id).await.refused(404, "not_found");
        assert_eq!(unknown.text, foreign.text);
    }
    assert!(bens.opens(&app).await);
    assert_eq!(listed(&app, &anns).await.len(), 1);
}
