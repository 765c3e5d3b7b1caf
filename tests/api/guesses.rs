//! What a guesser does: codes that are surely wrong, wizards by the dozen, budgets used up.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{Answer, PASSWORD, Person, TestApp};

/// Another code of the same length.
pub fn other_than(code: &str) -> String {
    let number: u32 = code.parse().unwrap();
    format!("{:06}", (number + 1) % 1_000_000)
}

impl Person {
    /// The key of the person's authenticator.
    #[track_caller]
    pub fn key(&self) -> &str {
        self.key.as_deref().expect("an enrolled authenticator")
    }
}

impl TestApp {
    /// A code that an authenticator shows at no time within two steps of now.
    pub fn wrong_totp(&self, key: &str) -> String {
        let near: Vec<String> = (-2..=2).map(|offset| self.totp_at(key, offset)).collect();
        (0..10).map(|number| format!("{number:06}")).find(|code| !near.contains(code)).unwrap()
    }

    /// A sign-in that waits for the second factor, as it was answered.
    pub async fn waiting(&self, person: &Person) -> String {
        let (uuid, answer) = self.past_password(person).await;
        answer.expect(200);
        uuid
    }

    /// As many sign-ins that wait for the second factor.
    pub async fn waiting_many(&self, person: &Person, count: usize) -> Vec<String> {
        // A few at a time: the pool of password checks is bounded, and refuses what it cannot queue.
        let mut uuids = Vec::new();
        while uuids.len() < count {
            let few = (count - uuids.len()).min(8);
            uuids.extend(join_all((0..few).map(|_| self.waiting(person))).await);
        }
        uuids
    }

    /// As many wrong codes of the authenticator in one wizard; the last answer.
    pub async fn guess_totp(&self, uuid: &str, person: &Person, count: usize) -> Answer {
        let mut last = None;
        for _ in 0..count {
            last = Some(self.code("google", uuid, &self.wrong_totp(person.key())).await);
        }
        last.expect("at least one guess")
    }

    /// As many codes by SMS that are not the one that was sent last; the last answer.
    pub async fn guess_sms(&self, uuid: &str, person: &Person, count: usize) -> Answer {
        let wrong = other_than(&self.last_code(&person.phone).await);
        let mut last = None;
        for _ in 0..count {
            last = Some(self.code("sms", uuid, &wrong).await);
        }
        last.expect("at least one guess")
    }

    /// Locks the second factor of an account with an authenticator, with a limit of ten; seconds until it opens.
    pub async fn lock_google(&self, person: &Person) -> u64 {
        let wizards = self.waiting_many(person, 2).await;
        self.guess_totp(&wizards[0], person, 10).await.refused(422, "invalid_code");
        self.guess_totp(&wizards[1], person, 1).await.refused(429, "account_locked").retry_after()
    }

    pub async fn choose(&self, uuid: &str, factor: &str) -> Answer {
        self.post("/api/v2/my/signin/2fa", json!({ "uuid": uuid, "type": factor })).await
    }

    /// A code in an enable or disable wizard.
    pub async fn factor_code(&self, token: &str, uuid: &str, code: &str) -> Answer {
        self.factor_step(token, json!({ "uuid": uuid, "action": "code", "code": code })).await
    }

    pub async fn is_enabled(&self, token: &str, factor: &str) -> bool {
        let answer = self.call("GET", &format!("/api/v2/my/2fa/{factor}")).bearer(token).send().await.expect(200);
        answer.body["isEnabled"].as_bool().unwrap()
    }

    /// Changes of factors so far.
    pub async fn changes(&self, token: &str) -> u64 {
        let answer = self.call("GET", "/api/v2/my/2fa/changes?limit=1").bearer(token).send().await.expect(200);
        answer.body["total"].as_u64().unwrap()
    }

    /// Where a wizard stands.
    pub async fn look(&self, token: Option<&str>, uuid: &str) -> Answer {
        let call = self.call("GET", &format!("/api/v2/my/wizard/{uuid}"));
        let call = match token {
            Some(token) => call.bearer(token),
            None => call,
        };
        call.send().await
    }

    /// An account with an authenticator, and a session of it.
    pub async fn google_and_token(&self, name: &str) -> (Person, String) {
        let mut person = self.person(name).await;
        let token = self.sign_in(&person).await;
        self.enable_google(&token, &mut person).await;
        (person, token)
    }

    /// An account with a phone for codes, and a session of it.
    pub async fn sms_and_token(&self, name: &str) -> (Person, String) {
        let person = self.person(name).await;
        let token = self.sign_in(&person).await;
        self.enable_sms(&token, &person).await;
        (person, token)
    }

    /// A password for whatever name.
    pub async fn name_and_password(&self, uuid: &str, name: &str, password: &str) -> Answer {
        self.post("/api/v2/my/signin", json!({ "uuid": uuid, "email": name, "password": password })).await
    }

    /// The right password in a fresh wizard.
    pub async fn right_password(&self, person: &Person) -> Answer {
        let uuid = self.wizard().await;
        self.password(&uuid, person, PASSWORD).await
    }

    /// As many wrong passwords, each in a fresh wizard; the last answer.
    pub async fn guess_passwords(&self, name: &str, count: usize) -> Answer {
        let mut last = None;
        for _ in 0..count {
            let uuid = self.wizard().await;
            last = Some(self.name_and_password(&uuid, name, "not the password").await);
        }
        last.expect("at least one guess")
    }
}

impl Answer {
    /// Seconds to wait; header and body must agree.
    #[track_caller]
    pub fn retry_after(&self) -> u64 {
        let said = self.body["retryAfter"].as_u64().unwrap_or_else(|| panic!("no retryAfter in {}", self.text));
        assert_eq!(self.header("retry-after"), Some(said.to_string().as_str()), "{}", self.text);
        said
    }

    pub fn code(&self) -> &str {
        self.body.get("code").and_then(Value::as_str).unwrap_or_default()
    }
}

/// How many of the answers are a problem of this status and code.
pub fn count(answers: &[Answer], status: u16, code: &str) -> usize {
    answers.iter().filter(|answer| (answer.status, answer.code()) == (status, code)).count()
}

pub fn with_status(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}
