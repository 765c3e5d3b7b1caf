//! People with an authenticator, each in front of the last step of a sign-in.

use std::time::{SystemTime, UNIX_EPOCH};

use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, Version};
use serde_json::Value;
use stepgate::identity::{Totp, TotpSecret};

use crate::ADMIN_KEY;
use crate::load::{Client, Request, parallel};

const PASSWORD: &str = "a long enough password";

#[derive(Clone)]
pub struct Person {
    /// A sign-in wizard that waits for the code.
    pub wizard: String,
    key: String,
}

impl Person {
    pub fn last_step(&self) -> Request {
        let body = format!(r#"{{"uuid":"{}","code":"{}"}}"#, self.wizard, code(&self.key, 0));
        Request::post("/api/v2/my/2fa/google", &body)
    }
}

pub fn member(body: &str, pointer: &str) -> String {
    let value: Value = serde_json::from_str(body).unwrap();
    let pointer = format!("/{}", pointer.trim_start_matches('/'));
    value.pointer(&pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer} in {body}")).to_owned()
}

#[allow(clippy::disallowed_methods, reason = "the server under measurement goes by the machine's clock too")]
fn code(key: &str, steps: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let secret = TotpSecret::new(data_encoding::BASE32_NOPAD.decode(key.as_bytes()).unwrap());
    let unix = now.checked_add_signed(steps * 30).unwrap();
    Totp::default().code_at(&secret, unix).expose().to_owned()
}

pub async fn made(address: &str, count: usize, clients: usize) -> Vec<Person> {
    // Imported with a cheap hash: how long a password takes is not what is measured here.
    let params = Params::new(8, 1, 1, None).unwrap();
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = hasher.hash_password_with_salt(PASSWORD.as_bytes(), &[7; 16]).unwrap().to_string();
    let each = (0..clients).map(|client| {
        let (address, hash) = (address.to_owned(), hash.clone());
        async move {
            let mut connection = Client::connect(&address).await;
            let mut people = Vec::new();
            for i in (client..count).step_by(clients) {
                people.push(person(&mut connection, &format!("p{i}@example.com"), &hash).await);
            }
            people
        }
    });
    parallel(each).await.into_iter().flatten().collect()
}

async fn person(client: &mut Client, email: &str, hash: &str) -> Person {
    let body = format!(r#"{{"email":"{email}","passwordHash":"{hash}"}}"#);
    expect(client, &Request::bearer("POST", "/admin/v1/accounts", ADMIN_KEY, &body), 201).await;
    let (_, signed_in) = past_password(client, email, 202).await;
    let token = member(&signed_in, "data/accessToken/token");
    let enable = Request::bearer("GET", "/api/v2/my/2fa/google/enable/wizard", &token, "");
    let started = expect(client, &enable, 200).await;
    let (wizard, key) = (member(&started, "uuid"), member(&started, "data/key"));
    // The code of the step before: the present one is kept for the last step.
    let body = format!(r#"{{"uuid":"{wizard}","action":"code","code":"{}"}}"#, code(&key, -1));
    expect(client, &Request::bearer("POST", "/api/v2/my/2fa/wizard", &token, &body), 202).await;
    let (wizard, _) = past_password(client, email, 200).await;
    Person { wizard, key }
}

async fn past_password(client: &mut Client, email: &str, status: u16) -> (String, String) {
    let wizard = member(&expect(client, &Request::get("/api/v2/my/signin/wizard"), 200).await, "uuid");
    let body = format!(r#"{{"uuid":"{wizard}","email":"{email}","password":"{PASSWORD}"}}"#);
    let answer = expect(client, &Request::post("/api/v2/my/signin", &body), status).await;
    (wizard, answer)
}

async fn expect(client: &mut Client, request: &Request, status: u16) -> String {
    let (told, body) = client.send(request).await;
    assert_eq!(told, status, "{body}");
    body
}
