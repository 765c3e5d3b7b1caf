//! What an account's owner does about recovery codes, remembered devices and required factors: shared by the tests of
//! these.

use serde_json::{Value, json};

use crate::enumeration::with;
use crate::harness::{Answer, PASSWORD, Person, TestApp};

/// As long as a proof in a session counts as fresh, in seconds.
pub const FRESH: i64 = 900;

impl TestApp {
    /// A server on a fresh store of the same kind, with these policies for second factors.
    pub async fn with_policies(self, policies: Value) -> TestApp {
        with(self, &[("STEPGATE_MFA__POLICIES", &policies.to_string())]).await
    }

    pub async fn bearing(&self, method: &str, path: &str, token: &str) -> Answer {
        self.call(method, &format!("/api/v2/my{path}")).bearer(token).send().await
    }

    pub async fn make_codes(&self, token: &str, success: Option<&str>) -> Answer {
        let call = self.call("POST", "/api/v2/my/2fa/recovery-codes").bearer(token);
        call.json(&json!({ "successToken": success })).send().await
    }

    /// A new set of recovery codes.
    pub async fn codes(&self, token: &str) -> Vec<String> {
        let made = self.make_codes(token, None).await.expect(200);
        let codes = made.body["codes"].as_array().unwrap();
        codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect()
    }

    pub async fn codes_left(&self, token: &str) -> u64 {
        let left = self.bearing("GET", "/2fa/recovery-codes", token).await.expect(200);
        left.body["left"].as_u64().unwrap()
    }

    pub async fn recover(&self, uuid: &str, code: &str) -> Answer {
        self.code("recovery", uuid, code).await
    }

    /// A success token of a challenge that this code answers; by a recovery code if it is one.
    pub async fn confirmed_by(&self, token: &str, code: impl AsyncFnOnce(&TestApp) -> String) -> String {
        let started = self.bearing("GET", "/2fa/challenge", token).await.expect(200);
        let answer = json!({ "token": started.str("token"), "code": code(self).await });
        let call = self.call("POST", "/api/v2/my/2fa/challenge").bearer(token).json(&answer);
        call.send().await.expect(200).str("successToken").to_owned()
    }

    /// The names of the notices to this address, oldest first.
    pub async fn notices(&self, to: &str) -> Vec<String> {
        self.engine.errands.idle().await;
        let letters = self.outbox(to).await;
        let names = letters.iter().rev().filter_map(|letter| letter["notice"].as_str());
        names.map(str::to_owned).collect()
    }

    /// The password, shown with the token of a device.
    pub async fn on_device(&self, person: &Person, device: &str) -> Answer {
        let body = json!({ "uuid": self.wizard().await, "email": person.email, "password": PASSWORD });
        self.call("POST", "/api/v2/my/signin").header("X-Device-Token", device).json(&body).send().await
    }

    /// Signs in with the authenticator and has the device remembered, if the policy is for it.
    pub async fn remembering(&self, person: &Person) -> Answer {
        let uuid = self.waiting(person).await;
        self.choose_if_asked(&uuid, "google").await;
        let body = json!({ "uuid": uuid, "code": self.totp(person.key()), "rememberDevice": true });
        let done = self.post("/api/v2/my/2fa/google", body).await.expect(202);
        self.clock.advance(30);
        done
    }

    /// The token of a device that is remembered from now on.
    pub async fn device(&self, person: &Person) -> String {
        self.remembering(person).await.device()
    }

    async fn choose_if_asked(&self, uuid: &str, factor: &str) {
        if self.look(None, uuid).await.expect(200).workflow() == "2fa_choose" {
            self.choose(uuid, factor).await.expect(200);
        }
    }

    /// Signs in with the authenticator: an access token.
    pub async fn by_google(&self, person: &Person) -> String {
        let uuid = self.waiting(person).await;
        self.choose_if_asked(&uuid, "google").await;
        let done = self.code("google", &uuid, &self.totp(person.key())).await.expect(202);
        self.clock.advance(30);
        done.access()
    }

    pub async fn enroll(&self, uuid: &str, body: Value) -> Answer {
        let mut body = body;
        body["uuid"] = json!(uuid);
        self.post("/api/v2/my/signin/2fa/enroll", body).await
    }
}

impl Answer {
    pub fn access(&self) -> String {
        self.str("/data/accessToken/token").to_owned()
    }

    pub fn refresh(&self) -> String {
        self.str("/data/refreshToken/token").to_owned()
    }

    #[track_caller]
    pub fn device(&self) -> String {
        self.header("x-device-token").expect("a device's token").to_owned()
    }

    /// What else may be done here, by name.
    pub fn ways(&self) -> Vec<&str> {
        let ways = self.body["next"]["alternatives"].as_array().expect("ways on");
        ways.iter().map(|way| way["rel"].as_str().unwrap()).collect()
    }

    /// The methods to choose from.
    pub fn methods(&self) -> Vec<&str> {
        self.body["data"]["methods"].as_array().expect("methods").iter().map(|name| name.as_str().unwrap()).collect()
    }
}
