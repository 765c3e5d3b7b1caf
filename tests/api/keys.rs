//! Turning keys over while servers run: nobody is signed out, no authenticator is lost, and what is old leaves in time.

use std::sync::Arc;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};
use stepgate::engine::ports::Store;
use stepgate::identity::{KeyRing, Keys, Sealed};
use stepgate::store::embedded::EmbeddedStore;

use crate::harness::{ADMIN_KEY, Answer, Backend, Person, Setup, TestApp};

on_every_store!(
    tokens_of_the_old_and_the_new_key_open_every_server,
    an_authenticator_works_before_and_after_everywhere,
    what_a_server_seals_that_has_not_heard_is_found,
    a_sealing_key_goes_when_nothing_can_need_it,
    forged_key_names_cost_one_reading,
    a_server_looks_at_the_ring_once_a_minute,
    a_change_that_the_store_forgot_is_made_again,
    a_rotation_of_nothing_is_refused,
    survives_another_master_key,
);

const SESSIONS: &str = "/api/v2/my/sessions";
const RING: &str = "key-ring";

/// The other server on the store; on a store for one process, the same once more.
async fn other(app: &TestApp) -> Option<TestApp> {
    match app.engine.store.health().await.unwrap().backend {
        "embedded" => None,
        _ => Some(app.sibling().await),
    }
}

async fn rotate(app: &TestApp, sealing: bool, signing: bool) -> Answer {
    let body = json!({ "sealing": sealing, "signing": signing });
    let answer = app.call("POST", "/admin/v1/keys/rotate").bearer(ADMIN_KEY).json(&body).send().await.expect(202);
    app.engine.errands.idle().await;
    answer
}

async fn status(app: &TestApp) -> Value {
    app.call("GET", "/admin/v1/keys").bearer(ADMIN_KEY).send().await.expect(200).body
}

fn states(keys: &Value) -> Vec<&str> {
    keys.as_array().unwrap().iter().map(|key| key["state"].as_str().unwrap()).collect()
}

async fn opens(app: &TestApp, token: &str) -> bool {
    app.call("GET", SESSIONS).bearer(token).send().await.status == 200
}

fn kid(token: &str) -> String {
    jsonwebtoken::decode_header(token).unwrap().kid.unwrap()
}

async fn published(app: &TestApp) -> Vec<String> {
    let set = app.get("/.well-known/jwks.json").await.expect(200).body;
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// The ids of the keys that accounts are sealed under.
async fn sealed_under(app: &TestApp) -> Vec<String> {
    app.engine.sealed_accounts().await.unwrap().into_keys().collect()
}

async fn sign_in_by_app(app: &TestApp, person: &Person) -> Answer {
    let (uuid, answer) = app.past_password(person).await;
    answer.expect(200);
    let done = app.code("google", &uuid, &app.totp(person.key.as_deref().unwrap())).await.expect(202);
    app.clock.advance(30);
    done
}

async fn kept_ring(app: &TestApp) -> Sealed {
    app.engine.store.kept(RING).await.unwrap().unwrap()
}

/// A24: of two keys, each takes its own tokens. The new one is published at once and signs after the overlap; the old one
/// is known until the last token that it signed has expired.
async fn tokens_of_the_old_and_the_new_key_open_every_server(one: TestApp) {
    let sibling = other(&one).await;
    let two = sibling.as_ref().unwrap_or(&one);
    let person = one.person("ann").await;
    let before = one.sign_in(&person).await;
    let old = kid(&before);
    let turned = rotate(&one, false, true).await;
    let new = turned.str("signing").to_owned();
    assert_eq!(states(&turned.body["keys"]["signing"]), ["signing", "coming"]);
    assert!(turned.body["sealing"].is_null());
    assert_eq!(published(&one).await, [old.clone(), new.clone()]);
    one.clock.advance(61);
    assert_eq!(published(two).await, [old.clone(), new.clone()]);
    one.clock.advance(538);
    let during = two.sign_in(&person).await;
    assert_eq!(kid(&during), old, "a second before the overlap is over");
    one.clock.advance(1);
    let after = two.sign_in(&person).await;
    assert_eq!(kid(&after), new);
    assert_eq!(kid(&one.sign_in(&person).await), new);
    for token in [&before, &during, &after] {
        assert!(opens(&one, token).await && opens(two, token).await);
    }
    one.clock.advance(36_000 - 2);
    assert!(opens(&one, &during).await && opens(two, &during).await);
    one.clock.advance(7);
    assert_eq!((published(&one).await, published(two).await), (vec![new.clone()], vec![new.clone()]));
    assert_eq!(states(&status(&one).await["signing"]), ["signing"]);
    assert!(!opens(&one, &during).await);
    // The next rotation sweeps it out.
    rotate(&one, false, true).await;
    assert!(!published(&one).await.contains(&old));
}

/// Whatever is enrolled, waiting or half-done while the sealing key is turned over goes on, on every server, at once.
async fn an_authenticator_works_before_and_after_everywhere(one: TestApp) {
    let sibling = other(&one).await;
    let two = sibling.as_ref().unwrap_or(&one);
    let ann = one.person_with_google("ann").await;
    let (waiting, _) = two.past_password(&ann).await;
    let ben = one.person("ben").await;
    let token = two.sign_in(&ben).await;
    let enrolling = two.start_factor(&token, "google", "enable").await.expect(200);
    let before = sealed_under(&one).await;
    let turned = rotate(&one, true, false).await;
    let new = turned.str("sealing").to_owned();
    assert!(turned.body["signing"].is_null() && turned.body["resumed"] == false);
    assert_eq!(sealed_under(&one).await, [new.as_str()]);
    assert_ne!(before, [new.as_str()]);
    let keys = status(&one).await;
    assert_eq!(states(&keys["sealing"]), ["retiring", "current"]);
    assert!(keys["resealing"].is_null() && keys["sealing"][0]["emptySince"].is_string(), "{keys}");

    two.code("google", &waiting, &two.totp(ann.key.as_deref().unwrap())).await.expect(202);
    let (uuid, key) = (enrolling.uuid(), enrolling.str("/data/key").to_owned());
    one.factor_step(&token, json!({ "uuid": uuid, "action": "code", "code": one.totp(&key), "key": key }))
        .await
        .expect(202);
    one.clock.advance(30);
    let ben = Person { key: Some(key), ..ben };
    let eve = one.person_with_google("eve").await;
    for server in [two, &one] {
        for person in [&ann, &ben, &eve] {
            sign_in_by_app(server, person).await;
        }
    }
    // What was not a sign-in is not touched: the account is the same but for its revision.
    let account = one.engine.store.account(stepgate::identity::AccountId(ann.id)).await.unwrap().unwrap();
    assert!(account.updated_at < one.engine.clock.now() - chrono::TimeDelta::seconds(60));
    let changes = one.call("GET", "/api/v2/my/2fa/changes").bearer(&token).send().await.expect(200);
    assert_eq!(changes.body["total"], 1);
}

/// For a minute a server may seal under the key that it knows. The next run finds it.
async fn what_a_server_seals_that_has_not_heard_is_found(one: TestApp) {
    let Some(two) = other(&one).await else { return };
    let new = rotate(&one, true, false).await.str("sealing").to_owned();
    let ann = two.person_with_google("ann").await;
    assert_ne!(sealed_under(&one).await, [new.as_str()], "the other server has not heard yet");
    sign_in_by_app(&one, &ann).await;
    two.clock.advance(61);
    let ben = two.person_with_google("ben").await;
    assert!(sealed_under(&one).await.contains(&new), "it has heard by now");
    let newer = rotate(&one, true, false).await.str("sealing").to_owned();
    assert_eq!(sealed_under(&one).await, [newer]);
    let keys = status(&one).await;
    assert_eq!(states(&keys["sealing"]), ["retiring", "retiring", "current"]);
    assert_eq!(keys["sealing"][0]["emptySince"], keys["sealing"][1]["emptySince"], "it was empty, and then was not");
    for server in [&one, &two] {
        sign_in_by_app(server, &ann).await;
        sign_in_by_app(server, &ben).await;
    }
}

/// A day and an hour after it is empty, and not before; and never while an account is under it.
async fn a_sealing_key_goes_when_nothing_can_need_it(app: TestApp) {
    let ann = app.person_with_google("ann").await;
    let first = sealed_under(&app).await;
    let old = app.engine.store.account(stepgate::identity::AccountId(ann.id)).await.unwrap().unwrap();
    rotate(&app, true, false).await;
    app.clock.advance(25 * 3600 - 1);
    let early = rotate(&app, true, false).await;
    assert_eq!(early.body["dropped"], json!([]));
    assert!(app.engine.retire_key(&first[0]).await.unwrap_err().to_string().contains("wizards"));
    app.clock.advance(1);
    // An account under it, as from a server that has heard of nothing for a day.
    let mut back = app.engine.store.account(old.id).await.unwrap().unwrap();
    back.revision += 1;
    let current = back.factors.google.replace(old.factors.google.clone().unwrap());
    let names = back.login_names(&app.engine.policy.names);
    assert!(app.engine.store.replace_account(&back, &names, &names).await.unwrap().unwrap());
    assert!(app.engine.retire_key(&first[0]).await.unwrap_err().to_string().contains("one account"));
    back.revision += 1;
    back.factors.google = current;
    assert!(app.engine.store.replace_account(&back, &names, &names).await.unwrap().unwrap());
    assert!(app.engine.retire_key("nothing").await.is_err());
    let turned = rotate(&app, true, false).await;
    assert_eq!(turned.body["dropped"], json!(first));
    assert_eq!(states(&status(&app).await["sealing"]), ["retiring", "retiring", "current"]);
    sign_in_by_app(&app, &ann).await;
    // The one that was turned over a day later goes on its own.
    app.clock.advance(25 * 3600);
    let second = status(&app).await["sealing"][0]["id"].as_str().unwrap().to_owned();
    app.engine.retire_key(&second).await.unwrap();
    assert_eq!(states(&status(&app).await["sealing"]), ["retiring", "current"]);
    let current = status(&app).await["sealing"][1]["id"].as_str().unwrap().to_owned();
    assert!(app.engine.retire_key(&current).await.is_err());
    sign_in_by_app(&app, &ann).await;
}

/// A24: a token that names a key that nobody has is refused, and makes the server read the ring once in ten seconds, no
/// more, however many come. Watches `CURIOUS`.
async fn forged_key_names_cost_one_reading(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let (_, rest) = token.split_once('.').unwrap();
    let trips = || app.engine.store.round_trips();
    for round in 0..3 {
        let before = trips();
        for number in 0..20 {
            let head = json!({ "alg": "ES256", "typ": "at+jwt", "kid": format!("forged-{round}-{number}") });
            let head = data_encoding::BASE64URL_NOPAD.encode(head.to_string().as_bytes());
            let forged = format!("{head}.{rest}");
            app.call("GET", SESSIONS).bearer(&forged).send().await.refused(401, "unauthorized");
        }
        assert_eq!(trips() - before, 1);
        app.clock.advance(11);
    }
    assert!(opens(&app, &token).await);
}

/// What an instance knows is never older than a minute when it signs, for one round trip a minute.
async fn a_server_looks_at_the_ring_once_a_minute(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let list = || async {
        let before = app.engine.store.round_trips();
        app.call("GET", "/api/v2/my/2fa").bearer(&token).send().await.expect(200);
        app.engine.store.round_trips() - before
    };
    list().await;
    for _ in 0..3 {
        assert_eq!([list().await, list().await], [1, 1]);
        app.clock.advance(60);
        assert_eq!(list().await, 1);
        app.clock.advance(1);
        assert_eq!([list().await, list().await], [2, 1]);
    }
}

/// A failover forgets the last write of the node that had the ring, while accounts on another node are sealed under the
/// key that it brought.
async fn a_change_that_the_store_forgot_is_made_again(app: TestApp) {
    let old = kept_ring(&app).await;
    let ann = app.person_with_google("ann").await;
    rotate(&app, true, true).await;
    let new = kept_ring(&app).await;
    assert!(app.engine.store.swap_kept(RING, Some(&new), &old).await.unwrap());
    app.clock.advance(61);
    sign_in_by_app(&app, &ann).await;
    let app = app.stop().await.start().await;
    sign_in_by_app(&app, &ann).await;
    assert_eq!(published(&app).await.len(), 2);
    assert_eq!(states(&status(&app).await["sealing"]), ["retiring", "current"]);
}

async fn a_rotation_of_nothing_is_refused(app: TestApp) {
    for body in [json!({}), json!({ "sealing": false }), json!({ "sealing": false, "signing": false })] {
        let answer = app.call("POST", "/admin/v1/keys/rotate").bearer(ADMIN_KEY).json(&body).send().await;
        assert!(answer.refused(400, "invalid_request").body["errors"]["sealing"].is_array());
    }
    let wrong = json!({ "sealing": "yes" });
    app.call("POST", "/admin/v1/keys/rotate").bearer(ADMIN_KEY).json(&wrong).send().await.expect(400);
    assert_eq!(states(&status(&app).await["sealing"]), ["current"]);
}

// Master keys and older stores

const OTHER_MASTER: &str = "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg=";
const MASTER: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

/// The store is sealed anew under the new master key, and nobody notices: sessions, refresh tokens, access tokens and
/// authenticators stay. Once that is done the old master key opens nothing.
async fn survives_another_master_key(app: TestApp) {
    let ann = app.person_with_google("ann").await;
    let pair = sign_in_by_app(&app, &ann).await;
    let access = pair.str("/data/accessToken/token").to_owned();
    let (waiting, _) = app.past_password(&ann).await;
    let setup = app.stop().await;
    let previous = format!("[\"{}\", \"{MASTER}\"]", data_encoding::BASE64.encode(&[9; 32]));
    let both = setup.with("STEPGATE_MASTER_KEY", OTHER_MASTER).with("STEPGATE_MASTER_KEY_PREVIOUS", &previous);
    let app = both.start().await;
    assert!(opens(&app, &access).await);
    app.code("google", &waiting, &app.totp(ann.key.as_deref().unwrap())).await.expect(202);
    app.clock.advance(30);
    let sealed = kept_ring(&app).await;
    assert!(Keys::from_master([8; 32]).open_ring(&sealed).is_ok());
    assert!(Keys::from_master([7; 32]).open_ring(&sealed).is_err());
    let app = app.stop().await.with("STEPGATE_MASTER_KEY_PREVIOUS", "[]").start().await;
    let refresh = json!({ "refreshToken": pair.str("/data/refreshToken/token") });
    app.post("/api/v2/my/refresh", refresh).await.expect(200);
    rotate(&app, true, true).await;
    sign_in_by_app(&app, &ann).await;
}

/// While the instances of a store are given the new key one after the other, each reads what the others have sealed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_change_the_master_key_one_after_the_other() {
    let old = Setup::on(Backend::Redis).with("STEPGATE_MASTER_KEY_PREVIOUS", &format!("[\"{OTHER_MASTER}\"]"));
    let one = old.start().await;
    let new = old.clone().with("STEPGATE_MASTER_KEY", OTHER_MASTER);
    let two = new.with("STEPGATE_MASTER_KEY_PREVIOUS", &format!("[\"{MASTER}\"]")).start().await;
    let ann = one.person_with_google("ann").await;
    for (turns, follows) in [(&two, &one), (&one, &two)] {
        rotate(turns, true, true).await;
        sign_in_by_app(follows, &ann).await;
        follows.clock.advance(601);
        let token = sign_in_by_app(turns, &ann).await.str("/data/accessToken/token").to_owned();
        assert!(opens(follows, &token).await);
    }
}

/// A store of a version that knew no ring, written under this master key: a signing key, and an account.
async fn older_store(folder: &std::path::Path, master: [u8; 32]) -> String {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let der = pair.to_pkcs8v1().unwrap().as_ref().to_vec();
    let key = json!({
        "kid": "as-it-was",
        "algorithm": "ES256",
        "private_pem": pem::encode(&pem::Pem::new("PRIVATE KEY", der)),
    });
    let name = "signing-key-ES256";
    let keys = Keys::from_master(master);
    let sealed = keys.seal(key.to_string().as_bytes(), &[name], [5; 24]);
    let store: Arc<dyn Store> = Arc::new(EmbeddedStore::open(folder).unwrap());
    store.keep(name, &sealed).await.unwrap();
    sealed.key_id().unwrap().to_owned()
}

/// An older store is taken over with its signing key, and everything that derives from its master key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_without_a_ring_goes_on() {
    for previous in [false, true] {
        let home = tempfile::tempdir().unwrap();
        let id = older_store(home.path(), if previous { [8; 32] } else { [7; 32] }).await;
        let list = if previous { format!("[\"{OTHER_MASTER}\"]") } else { "[]".to_owned() };
        let setup = Setup::on(Backend::Embedded)
            .with("STEPGATE_STORE", &format!("embedded:{}", home.path().display()))
            .with("STEPGATE_MASTER_KEY_PREVIOUS", &list);
        let app = setup.start().await;
        assert_eq!(published(&app).await, ["as-it-was"]);
        assert_eq!(status(&app).await["sealing"][0]["id"], json!(id));
        let was = Keys::from_master(if previous { [8; 32] } else { [7; 32] });
        assert_eq!(app.engine.keys.mac("refresh", &["x"]), was.mac("refresh", &["x"]));
        let ann = app.person_with_google("ann").await;
        rotate(&app, true, true).await;
        let app = app.stop().await.start().await;
        sign_in_by_app(&app, &ann).await;
        assert_eq!(app.engine.keys.mac("refresh", &["x"]), was.mac("refresh", &["x"]));
    }
}

/// A new store owes the master key nothing but the seal of its ring.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ring_of_a_new_store_is_its_own() {
    let app = Setup::on(Backend::Embedded).start().await;
    assert_ne!(app.engine.keys.mac("refresh", &["x"]), Keys::from_master([7; 32]).mac("refresh", &["x"]));
}

/// A24: a changed algorithm changes the keys over as a rotation does: who was signed in stays signed in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_algorithm_overlaps_as_well() {
    let app = Setup::on(Backend::Embedded).start().await;
    let person = app.person("ann").await;
    let before = app.sign_in(&person).await;
    let setup = app.stop().await;
    // A command that was given another configuration changes nothing.
    let stray = setup.clone().with("STEPGATE_TOKENS__ALGORITHM", "RS256").engine().await;
    assert_eq!(stray.key_status().await.unwrap().signing.len(), 1);
    drop(stray);
    let app = setup.with("STEPGATE_TOKENS__ALGORITHM", "EdDSA").start().await;
    assert!(opens(&app, &before).await);
    assert_eq!(published(&app).await.len(), 2);
    assert_eq!(kid(&app.sign_in(&person).await), kid(&before));
    app.clock.advance(600);
    let after = app.sign_in(&person).await;
    assert_eq!(jsonwebtoken::decode_header(&after).unwrap().alg, jsonwebtoken::Algorithm::EdDSA);
    assert!(opens(&app, &before).await && opens(&app, &after).await);
    app.clock.advance(36_005);
    assert_eq!(published(&app).await, [kid(&after)]);
    let app = app.stop().await.start().await;
    assert_eq!(published(&app).await, [kid(&after)], "a second start adds nothing");
}

/// A22: nothing of the ring is in clear in the store's file: not the root, no sealing key, no signing key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_key_is_in_clear_in_the_store() {
    let home = tempfile::tempdir().unwrap();
    let address = format!("embedded:{}", home.path().display());
    let app = Setup::on(Backend::Embedded).with("STEPGATE_STORE", &address).start().await;
    app.person_with_google("ann").await;
    let first: KeyRing = (*app.engine.keys.ring()).clone();
    rotate(&app, true, true).await;
    let rings = [first, (*app.engine.keys.ring()).clone()];
    app.stop().await;
    let file = std::fs::read(home.path().join("stepgate.redb")).unwrap();
    let has = |needle: &[u8]| file.windows(needle.len()).any(|part| part == needle);
    assert!(has(b"ann@example.com") && has(RING.as_bytes()), "the store is somewhere else");
    for ring in &rings {
        let written = serde_json::to_value(ring).unwrap();
        let mut secrets = vec![written["root"].as_str().unwrap().to_owned()];
        secrets.push(written["current"]["bytes"].as_str().unwrap().to_owned());
        for secret in secrets {
            let bytes = data_encoding::BASE64.decode(secret.as_bytes()).unwrap();
            let spelt = [
                data_encoding::HEXLOWER.encode(&bytes),
                data_encoding::BASE64URL_NOPAD.encode(&bytes),
                secret.trim_end_matches('=').to_owned(),
            ];
            assert!(!has(&bytes) && !spelt.iter().any(|text| has(text.as_bytes())));
        }
        for key in &ring.signing {
            let der = pem::parse(&key.private_pem).unwrap().into_contents();
            assert!(!has(&der) && !has(&der[der.len() - 40..]) && !has(&key.private_pem.as_bytes()[30..70]));
        }
    }
    assert!(!has(b"PRIVATE KEY"));
}
