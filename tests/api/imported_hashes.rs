//! Accounts whose password hash was made elsewhere.

use serde_json::json;
use stepgate::engine::Passwords;
use stepgate::identity::{Account, AccountId};

use crate::harness::{ADMIN_KEY, PASSWORD, Person, TestApp};

on_every_store!(
    the_first_sign_in_replaces_an_imported_hash,
    a_wrong_password_replaces_nothing,
    a_second_factor_follows_a_replaced_hash,
    a_hash_made_anew_strands_nobody_and_a_new_password_does,
);

/// Hashes of [`PASSWORD`] as libxcrypt and OpenSSL make them.
const HASHES: [&str; 4] = [
    "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG",
    "$scrypt$ln=10,r=8,p=1$c2FsdHNhbHRzYWx0$uXgc3wJzN9n7Dd/ojxZBVCLFZQnD8CB2TYq0kY0xMKo",
    "$pbkdf2-sha256$i=1000$c2FsdHNhbHRzYWx0$KQDle8SXZRa7sBUZQfkYQI6NXnZxupxhxtm+aXnClyg",
    "$pbkdf2-sha512$i=1000,l=64$c2FsdHNhbHRzYWx0$DdePUyRocgAl03UAD52hWr3T5PJAJ+XmaWPWayKeQfYfS/2o+F8xzxS6BET2RDqVLCKstA5cpv8TtN0w9Up80w",
];

async fn imported(app: &TestApp, name: &str, hash: &str) -> Person {
    let email = format!("{name}@example.com");
    let body = json!({ "email": email, "passwordHash": hash });
    let made = app.call("POST", "/admin/v1/accounts").bearer(ADMIN_KEY).json(&body).send().await.expect(201);
    let id = made.body["id"].as_u64().unwrap();
    Person { id, email, phone: format!("+7999555{:04}", id % 10_000), key: None }
}

async fn stored(app: &TestApp, person: &Person) -> Account {
    app.engine.store.account(AccountId(person.id)).await.unwrap().unwrap()
}

async fn the_first_sign_in_replaces_an_imported_hash(app: TestApp) {
    for (number, hash) in HASHES.iter().enumerate() {
        let person = imported(&app, &format!("person{number}"), hash).await;
        let before = stored(&app, &person).await;
        assert_eq!(before.password_hash.as_deref(), Some(*hash));
        let token = app.sign_in(&person).await;
        let after = stored(&app, &person).await;
        let fresh = after.password_hash.clone().unwrap();
        assert!(Passwords::is_current(&fresh), "{hash} became {fresh}");
        assert_eq!((after.revision, after.epoch), (before.revision + 1, before.epoch));
        // Nobody is signed out by it, and the password is still the password.
        app.sign_in(&person).await;
        app.call("GET", "/api/v2/my/2fa").bearer(&token).send().await.expect(200);
        assert_eq!(stored(&app, &person).await.password_hash, Some(fresh), "once is enough");
    }
}

async fn a_wrong_password_replaces_nothing(app: TestApp) {
    let person = imported(&app, "ann", HASHES[0]).await;
    let before = stored(&app, &person).await;
    let uuid = app.wizard().await;
    app.password(&uuid, &person, "correct horse bakery").await.refused(422, "invalid_credentials");
    assert_eq!(stored(&app, &person).await, before);
}

async fn a_second_factor_follows_a_replaced_hash(app: TestApp) {
    let person = imported(&app, "ann", HASHES[0]).await;
    let token = app.sign_in(&person).await;
    app.enable_sms(&token, &person).await;
    renew(&app, &person, HASHES[0]).await;
    let (uuid, answer) = app.past_password(&person).await;
    assert_eq!(answer.workflow(), "2fa_sms_auth");
    assert!(Passwords::is_current(&stored(&app, &person).await.password_hash.unwrap()));
    app.code("sms", &uuid, &app.last_code(&person.phone).await).await.expect(202);
}

/// As another sign-in would: the same password, hashed anew.
async fn renew(app: &TestApp, person: &Person, hash: &str) {
    let mut next = stored(app, person).await;
    next.password_hash = Some(hash.to_owned());
    next.changed(next.updated_at);
    let names = next.login_names(&app.engine.policy.names);
    assert!(app.engine.store.replace_account(&next, &names, &names).await.unwrap().unwrap());
}

/// A16: watches that a sign-in which waits for its code ends with a new password, and with nothing less.
async fn a_hash_made_anew_strands_nobody_and_a_new_password_does(app: TestApp) {
    let person = app.person_with_sms("ann").await;
    let (waiting, _) = app.past_password(&person).await;
    renew(&app, &person, HASHES[1]).await;
    app.code("sms", &waiting, &app.last_code(&person.phone).await).await.expect(202);
    app.clock.advance(120);
    let (waiting, _) = app.past_password(&person).await;
    let path = format!("/admin/v1/accounts/{}", person.id);
    app.call("PATCH", &path).bearer(ADMIN_KEY).json(&json!({ "password": PASSWORD })).send().await.expect(200);
    app.code("sms", &waiting, &app.last_code(&person.phone).await).await.refused(404, "wizard_not_found");
}
