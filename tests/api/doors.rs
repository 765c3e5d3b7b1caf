//! Signing in elsewhere than in a wizard: the same sign-in behind other words. Each behaviour is tried at every such door;
//! what holds at all surfaces is asked in `surfaces`.

use serde_json::{Value, json};
use stepgate::identity::{
    AccountId, Factor, RecoveryCode, RecoveryCodes, SurfaceName, Totp, TotpFactor, TotpScheme, TotpSecret,
};

use crate::enumeration::{shape, with};
use crate::guesses::other_than;
use crate::harness::{ADMIN_KEY, Answer, PASSWORD, Person, TestApp};
use crate::steps_in_order::{POLICIES, force, recovery_codes};

on_every_store!(
    a_password_alone_lets_in_where_no_factor_is_on,
    every_factor_is_asked_for_and_lets_in,
    the_strongest_of_several_is_asked_for_at_once,
    a_recovery_code_lets_in_once,
    eight_digits_are_a_scratch_code_or_the_authenticator_s,
    an_address_that_guesses_is_blocked_at_all_doors,
    a_lock_ends_the_token_and_does_not_tell_whether_the_code_was_right,
    a_sent_code_is_of_its_own_door,
    a_token_works_once_and_for_a_quarter_of_an_hour,
    a_token_is_good_at_its_own_door_alone,
    a_token_is_no_credential,
    an_account_that_must_enrol_is_sent_to_a_wizard,
    a_remembered_device_stands_in_for_nothing_here,
    a_factor_that_went_off_meanwhile_ends_the_token,
    what_is_no_name_and_no_code_costs_nothing,
    arrays_nulls_and_repeated_members_are_named,
    large_and_deep_bodies_are_refused,
    control_characters_come_back_in_no_answer,
    events_say_through_which_surface_it_was,
    strict_binding_is_met_by_the_token,
    another_instance_takes_the_token_also_when_the_keys_were_just_turned_over,
);

with_a_directory!(
    a_password_alone_lets_in_where_no_factor_is_on,
    every_factor_is_asked_for_and_lets_in,
    an_address_that_guesses_is_blocked_at_all_doors,
    an_account_that_must_enrol_is_sent_to_a_wizard,
);

/// A surface with a password sign-in of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    Veeam,
    Navixy,
}

impl Door {
    pub const ALL: [Door; 2] = [Door::Veeam, Door::Navixy];

    pub fn path(self) -> &'static str {
        match self {
            Door::Veeam => "/api/oauth2/token",
            Door::Navixy => "/v2/panel/account/auth",
        }
    }

    fn other(self) -> Door {
        match self {
            Door::Veeam => Door::Navixy,
            Door::Navixy => Door::Veeam,
        }
    }

    /// What the members are called that hold name and password, and token and code.
    fn members(self) -> [&'static str; 4] {
        match self {
            Door::Veeam => ["username", "password", "mfa_token", "mfa_code"],
            Door::Navixy => ["login", "password", "token", "code"],
        }
    }

    fn by_password(self, name: &str, password: &str) -> Value {
        match self {
            Door::Veeam => json!({ "grant_type": "Password", "username": name, "password": password }),
            Door::Navixy => json!({ "login": name, "password": password }),
        }
    }

    fn by_code(self, token: &str, code: &str) -> Value {
        match self {
            Door::Veeam => json!({ "grant_type": "Mfa", "mfa_token": token, "mfa_code": code }),
            Door::Navixy => json!({ "token": token, "code": code }),
        }
    }

    pub async fn password(self, app: &TestApp, name: &str, password: &str) -> Answer {
        app.post(self.path(), self.by_password(name, password)).await
    }

    pub async fn code(self, app: &TestApp, token: &str, code: &str) -> Answer {
        app.post(self.path(), self.by_code(token, code)).await
    }

    /// The right password, which must be answered by asking for a code.
    pub async fn asked(self, app: &TestApp, person: &Person) -> Asked {
        let answer = self.password(app, &person.email, PASSWORD).await;
        let (status, token, kind) = match self {
            Door::Veeam => (200, "/mfa_token", "/mfa_type"),
            Door::Navixy => (403, "/mfa/token", "/mfa/type"),
        };
        let answer = answer.expect(status);
        Asked { token: answer.str(token).to_owned(), kind: answer.str(kind).to_owned(), answer }
    }

    /// The access token or hash of an answer that lets in.
    #[track_caller]
    pub fn credential(self, answer: Answer) -> String {
        let answer = answer.expect(200);
        match self {
            Door::Veeam => answer.str("access_token").to_owned(),
            Door::Navixy => answer.str("hash").to_owned(),
        }
    }

    /// Whether a credential opens anything.
    pub async fn opens(self, app: &TestApp, credential: &str) -> bool {
        let answer = match self {
            Door::Veeam => app.call("GET", "/api/v2/my/sessions").bearer(credential).send().await,
            Door::Navixy => panel(app, "get_permissions", credential).await,
        };
        answer.status == 200
    }

    /// The answer, which must refuse for what the wizards call by this code.
    #[track_caller]
    pub fn refused(self, answer: Answer, code: &str) -> Answer {
        match self {
            Door::Veeam => {
                let (status, error) = match code {
                    "invalid_request" => (400, "invalid_request"),
                    "enrolment_required" => (403, "interaction_required"),
                    "too_many_attempts" | "account_locked" | "too_many_sends" => (429, "temporarily_unavailable"),
                    _ => (400, "invalid_grant"),
                };
                let answer = answer.refused(status, code);
                assert_eq!(answer.str("error"), error, "{}", answer.text);
                assert_eq!((&answer.body["uuid"], &answer.body["restart"]), (&Value::Null, &Value::Null));
                answer
            }
            Door::Navixy => {
                let (status, number) = match code {
                    "invalid_request" => (400, 7),
                    "invalid_credentials" => (400, 102),
                    "invalid_code" | "code_used" | "code_expired" => (400, 282),
                    "wizard_not_found" | "method_not_enabled" => (403, 4),
                    "enrolment_required" => (403, 11),
                    "too_many_attempts" | "account_locked" | "too_many_sends" => (429, 15),
                    other => panic!("no number for {other}"),
                };
                panel_refused(answer, status, number)
            }
        }
    }
}

pub struct Asked {
    pub token: String,
    pub kind: String,
    answer: Answer,
}

impl Asked {
    fn recipient(&self) -> Option<&str> {
        let member = |pointer| self.answer.body.pointer(pointer).and_then(Value::as_str);
        member("/mfa_recipient").or_else(|| member("/mfa/receipt/recipient"))
    }
}

/// A call of the panel with a hash.
pub async fn panel(app: &TestApp, action: &str, hash: &str) -> Answer {
    let call = app.call("POST", &format!("/v2/panel/account/{action}"));
    call.header("Authorization", &format!("NVX {hash}")).send().await
}

/// The answer, which must be a refusal of the panel's with this status and number.
#[track_caller]
pub fn panel_refused(answer: Answer, status: u16, number: u64) -> Answer {
    let said = (answer.status, answer.body["success"].as_bool(), answer.body["status"]["code"].as_u64());
    assert_eq!(said, (status, Some(false), Some(number)), "{}", answer.text);
    assert!(!answer.str("/status/description").is_empty() && answer.headers["content-type"] == "application/json");
    answer
}

/// Room for the guesses of one address, so that the account's own tally is what is seen.
async fn with_room(app: TestApp) -> TestApp {
    app.stop().await.with("STEPGATE_LIMITS__ADDRESS__FAILURES", "1000").start().await
}

// Who is let in

async fn a_password_alone_lets_in_where_no_factor_is_on(app: TestApp) {
    let person = app.person("ann").await;
    for door in Door::ALL {
        let credential = door.credential(door.password(&app, &person.email, PASSWORD).await);
        assert!(door.opens(&app, &credential).await, "{door:?}");
        let [name, password, ..] = door.members();
        let grant = if door == Door::Veeam { "grant_type=pAsSwOrD&" } else { "" };
        let form = format!("{grant}{name}=ann%40example.com&{password}={}", PASSWORD.replace(' ', "+"));
        let call = app.call("POST", door.path()).text("application/x-www-form-urlencoded", form);
        assert!(door.opens(&app, &door.credential(call.send().await)).await, "{door:?}");
    }
}

async fn every_factor_is_asked_for_and_lets_in(app: TestApp) {
    let people = [
        ("google", app.person_with_google("ann").await),
        ("sms", app.person_with_sms("ben").await),
        ("email", app.person_with_email("cyd").await),
    ];
    for door in Door::ALL {
        for (factor, person) in &people {
            let asked = door.asked(&app, person).await;
            assert_eq!(asked.kind, *factor);
            let (code, recipient) = match *factor {
                "google" => (app.totp(person.key()), None),
                "sms" => (app.last_code(&person.phone).await, Some(&person.phone)),
                _ => (app.last_code(&person.email).await, Some(&person.email)),
            };
            let shown = asked.recipient().map(|shown| (shown.contains('*'), shown.chars().last()));
            assert_eq!(shown, recipient.map(|to| (true, to.chars().last())), "masked: {}", asked.answer.text);
            let credential = door.credential(door.code(&app, &asked.token, &code).await);
            assert!(door.opens(&app, &credential).await, "{door:?} {factor}");
        }
        app.clock.advance(60);
    }
}

async fn the_strongest_of_several_is_asked_for_at_once(app: TestApp) {
    let mut ann = app.person_with_email("ann").await;
    let (uuid, _) = app.past_password(&ann).await;
    let done = app.code("email", &uuid, &app.last_code(&ann.email).await).await.expect(202);
    let token = done.str("/data/accessToken/token").to_owned();
    app.enable_sms(&token, &ann).await;
    for door in Door::ALL {
        app.clock.advance(60);
        let before = app.outbox(&ann.email).await.len();
        let asked = door.asked(&app, &ann).await;
        assert_eq!(asked.kind, "sms");
        assert_eq!(app.outbox(&ann.email).await.len(), before, "nothing by email");
        let credential = door.credential(door.code(&app, &asked.token, &app.last_code(&ann.phone).await).await);
        assert!(door.opens(&app, &credential).await, "{door:?}");
    }
    app.enable_google(&token, &mut ann).await;
    for door in Door::ALL {
        let before = app.outbox(&ann.phone).await.len();
        let asked = door.asked(&app, &ann).await;
        assert_eq!((asked.kind.as_str(), app.outbox(&ann.phone).await.len()), ("google", before));
        door.credential(door.code(&app, &asked.token, &app.totp(ann.key())).await);
        app.clock.advance(60);
    }
}

/// A21, X12: watches that a recovery code is told from a code that was asked for, and is spent for all doors.
async fn a_recovery_code_lets_in_once(app: TestApp) {
    let (person, token) = app.google_and_token("ann").await;
    let codes = recovery_codes(&app, &token).await;
    for (door, code) in Door::ALL.into_iter().zip(&codes) {
        let asked = door.asked(&app, &person).await;
        let typed = code.to_lowercase().replace('-', " ");
        door.credential(door.code(&app, &asked.token, &typed).await);
        for again in Door::ALL {
            let asked = again.asked(&app, &person).await;
            again.refused(again.code(&app, &asked.token, code).await, "invalid_code");
        }
        let uuid = app.waiting(&person).await;
        app.code("recovery", &uuid, code).await.refused(422, "invalid_code");
    }
}

/// An authenticator of eight digits, and scratch codes of as many; the key, and the codes.
async fn eight_digits(app: &TestApp, person: &Person) -> (TotpSecret, Totp, Vec<String>) {
    let (id, keys) = (AccountId(person.id), &app.engine.keys);
    let before = app.engine.store.account(id).await.unwrap().unwrap();
    let mut account = before.clone();
    let (secret, totp) = (TotpSecret::new([7; 20]), Totp { digits: 8, ..Totp::default() });
    let scratch: Vec<RecoveryCode> = (0..5).map(RecoveryCode::scratch_from_random).collect();
    let context = TotpFactor::context(id);
    let scheme = TotpScheme { policy: "long".into(), totp, surfaces: SurfaceName::ALL.into_iter().collect() };
    account.factors.google = Some(TotpFactor {
        secret: keys.seal(secret.as_bytes(), &[&context[0], &context[1]], [9; 24]),
        since: before.created_at,
        scheme: Some(scheme),
    });
    account.recovery = Some(RecoveryCodes::of(&scratch, keys, id, before.created_at));
    account.revision += 1;
    let names = account.login_names(&app.engine.policy.names);
    assert!(app.engine.store.replace_account(&account, &names, &names).await.unwrap().unwrap());
    (secret, totp, scratch.iter().map(RecoveryCode::show).collect())
}

async fn eight_digits_are_a_scratch_code_or_the_authenticator_s(app: TestApp) {
    let person = app.person("ann").await;
    let (secret, totp, scratch) = eight_digits(&app, &person).await;
    for (door, code) in Door::ALL.into_iter().zip(&scratch) {
        let asked = door.asked(&app, &person).await;
        assert_eq!(asked.kind, Factor::Google.as_str());
        door.refused(door.code(&app, &asked.token, "99999999").await, "invalid_code");
        let credential = door.credential(door.code(&app, &asked.token, code).await);
        assert!(door.opens(&app, &credential).await);
        let asked = door.asked(&app, &person).await;
        door.refused(door.code(&app, &asked.token, code).await, "invalid_code");
        let right = totp.code_at(&secret, app.clock.unix());
        door.credential(door.code(&app, &asked.token, right.expose()).await);
        app.clock.advance(60);
    }
}

// Who is not

/// A4: watches `fail_address` behind both doors: the sixth guess at many names is not looked at, nor is one in a wizard.
async fn an_address_that_guesses_is_blocked_at_all_doors(app: TestApp) {
    let ann = app.person("ann").await;
    for (number, door) in (0..5).zip(Door::ALL.into_iter().cycle()) {
        let name = format!("nobody-{number}@example.com");
        door.refused(door.password(&app, &name, "not the password").await, "invalid_credentials");
    }
    for door in Door::ALL {
        let refused = door.refused(door.password(&app, &ann.email, PASSWORD).await, "too_many_attempts");
        assert_eq!(refused.header("retry-after"), Some("600"));
    }
    app.right_password(&ann).await.refused(429, "too_many_attempts");
}

/// A26: watches that a lock ends what is pending, and is told alike for a right code and a wrong one.
async fn a_lock_ends_the_token_and_does_not_tell_whether_the_code_was_right(app: TestApp) {
    for (number, door) in Door::ALL.into_iter().enumerate() {
        let person = app.person_with_google(&format!("ann-{number}")).await;
        let (one, other) = (door.asked(&app, &person).await, door.asked(&app, &person).await);
        app.lock_google(&person).await;
        let right = door.code(&app, &one.token, &app.totp(person.key())).await;
        let wrong = door.code(&app, &other.token, &app.wrong_totp(person.key())).await;
        assert_eq!(shape(&right), shape(&wrong));
        door.refused(right, "account_locked");
        app.clock.advance(890);
        for asked in [&one, &other] {
            let late = door.code(&app, &asked.token, &app.totp(person.key())).await;
            assert_eq!(late.header("retry-after"), Some("1"), "{}", late.text);
            door.refused(late, "too_many_attempts");
        }
    }
}

/// A13: watches that a code that was sent belongs to the sign-in that it was sent for.
async fn a_sent_code_is_of_its_own_door(app: TestApp) {
    let ben = app.person_with_sms("ben").await;
    for door in Door::ALL {
        app.clock.advance(300);
        let asked = door.asked(&app, &ben).await;
        let code = app.last_code(&ben.phone).await;
        let elsewhere = door.other().asked(&app, &ben).await;
        if app.last_code(&ben.phone).await != code {
            door.other().refused(door.other().code(&app, &elsewhere.token, &code).await, "invalid_code");
        }
        door.credential(door.code(&app, &asked.token, &code).await);
    }
}

// What is pending

/// X6, X10: watches that a finished and an expired sign-in are unknown.
async fn a_token_works_once_and_for_a_quarter_of_an_hour(app: TestApp) {
    let person = app.person_with_google("ann").await;
    for door in Door::ALL {
        let asked = door.asked(&app, &person).await;
        door.credential(door.code(&app, &asked.token, &app.totp(person.key())).await);
        app.clock.advance(60);
        door.refused(door.code(&app, &asked.token, &app.totp(person.key())).await, "wizard_not_found");
        let (late, in_time) = (door.asked(&app, &person).await, door.asked(&app, &person).await);
        app.clock.advance(899);
        door.credential(door.code(&app, &in_time.token, &app.totp(person.key())).await);
        app.clock.advance(1);
        door.refused(door.code(&app, &late.token, &app.totp_at(person.key(), 1)).await, "wizard_not_found");
        for forged in ["", "x", "73543793.AAAA", &"A".repeat(5_000), &late.token[1..]] {
            let answer = door.code(&app, forged, &app.totp(person.key())).await;
            let code = if forged.is_empty() && door == Door::Veeam { "invalid_request" } else { "wizard_not_found" };
            door.refused(answer, code);
        }
        app.clock.advance(60);
    }
}

/// A13, A15: watches that a token is sealed for its surface; and that its wizard, whose name it does not show, answers
/// to no call of the wizards' own.
async fn a_token_is_good_at_its_own_door_alone(app: TestApp) {
    let person = app.person_with_google("ann").await;
    for door in Door::ALL {
        let asked = door.asked(&app, &person).await;
        let code = app.totp(person.key());
        door.other().refused(door.other().code(&app, &asked.token, &code).await, "wizard_not_found");
        app.code("google", &asked.token, &code).await.refused(400, "invalid_request");
        app.engine.errands.idle().await;
        door.refused(door.code(&app, &asked.token, &app.wrong_totp(person.key())).await, "invalid_code");
        app.engine.errands.idle().await;
        let events = app.call("GET", "/admin/v1/events?order=desc&limit=1").bearer(ADMIN_KEY).send().await.expect(200);
        let uuid = events.str("/data/0/wizard").to_owned();
        app.code("google", &uuid, &code).await.refused(404, "wizard_not_found");
        app.choose(&uuid, "google").await.refused(404, "wizard_not_found");
        app.look(None, &uuid).await.refused(404, "wizard_not_found");
        let cancel = app.call("DELETE", &format!("/api/v2/my/wizard/{uuid}")).send().await;
        cancel.refused(404, "wizard_not_found");
        door.refused(door.code(&app, &uuid, &code).await, "wizard_not_found");
        door.credential(door.code(&app, &asked.token, &code).await);
        app.clock.advance(60);
    }
    // Nor is a wizard of theirs anything here.
    let started = app.get("/api/v2/my/signin/wizard").await.expect(200);
    app.password(&started.uuid(), &person, PASSWORD).await.expect(200);
    for door in Door::ALL {
        for token in [started.uuid(), started.header("x-wizard-key").unwrap().to_owned()] {
            door.refused(door.code(&app, &token, &app.totp(person.key())).await, "wizard_not_found");
        }
    }
}

/// A15, X3, X4, X5: what is pending opens nothing by any scheme.
async fn a_token_is_no_credential(app: TestApp) {
    let person = app.person_with_google("ann").await;
    for door in Door::ALL {
        let token = door.asked(&app, &person).await.token;
        let basic = data_encoding::BASE64.encode(format!("{}:{token}", person.email).as_bytes());
        for shown in [format!("Bearer {token}"), format!("NVX {token}"), format!("Basic {basic}"), token.clone()] {
            let call = app.call("GET", "/api/v2/my/sessions").header("Authorization", &shown);
            call.send().await.refused(401, "unauthorized");
            let call = app.call("POST", "/v2/panel/account/get_permissions").header("Authorization", &shown);
            panel_refused(call.send().await, 403, 4);
        }
        let refresh = json!({ "grant_type": "Refresh_token", "refresh_token": token });
        app.post("/api/oauth2/token", refresh).await.refused(400, "unauthorized");
        app.post("/api/v2/my/refresh", json!({ "refreshToken": token })).await.refused(401, "unauthorized");
        door.credential(door.code(&app, &token, &app.totp(person.key())).await);
        app.clock.advance(60);
    }
}

/// X32: watches that a policy that wants a factor first opens nothing here, leaves nothing behind, and counts a right
/// password as one; and that it is told to nobody who lacks the password.
async fn an_account_that_must_enrol_is_sent_to_a_wizard(app: TestApp) {
    let app = with(app, &[("STEPGATE_MFA__POLICIES", POLICIES)]).await;
    let person = app.person("ann").await;
    force(&app, &person).await;
    for door in Door::ALL {
        door.refused(door.password(&app, &person.email, "not the password").await, "invalid_credentials");
        let refused = door.refused(door.password(&app, &person.email, PASSWORD).await, "enrolment_required");
        assert!(!refused.text.contains("token") && !refused.text.contains("hash\""), "{}", refused.text);
    }
    assert!(app.outbox(&person.email).await.is_empty());
    let (_, answer) = app.past_password(&person).await;
    assert_eq!(answer.expect(200).workflow(), "2fa_enroll");
}

/// X18: watches that no device stands in for a factor outside of the wizards.
async fn a_remembered_device_stands_in_for_nothing_here(app: TestApp) {
    let person = app.person_with_google("ann").await;
    let uuid = app.waiting(&person).await;
    let body = json!({ "uuid": uuid, "code": app.totp(person.key()), "rememberDevice": true });
    let device = app.post("/api/v2/my/2fa/google", body).await.expect(202);
    let device = device.header("x-device-token").unwrap();
    for door in Door::ALL {
        let call = app.call("POST", door.path()).header("X-Device-Token", device);
        let call = call.header("Cookie", &format!("stepgate_device={device}"));
        let answer = call.json(&door.by_password(&person.email, PASSWORD)).send().await;
        assert!(answer.text.contains("\"google\"") && answer.header("x-device-token").is_none(), "{}", answer.text);
    }
}

async fn a_factor_that_went_off_meanwhile_ends_the_token(app: TestApp) {
    for (number, door) in Door::ALL.into_iter().enumerate() {
        let person = app.person_with_google(&format!("ann-{number}")).await;
        let asked = door.asked(&app, &person).await;
        let path = format!("/admin/v1/accounts/{}/factors/google", person.id);
        app.call("DELETE", &path).bearer(ADMIN_KEY).send().await.expect(204);
        let answer = door.code(&app, &asked.token, &app.totp(person.key())).await;
        door.refused(answer, "method_not_enabled");
        door.credential(door.password(&app, &person.email, PASSWORD).await);
    }
}

async fn strict_binding_is_met_by_the_token(app: TestApp) {
    let person = app.person_with_google("ann").await;
    let app = app.stop().await.with("STEPGATE_WIZARD__BINDING", "strict").start().await;
    for door in Door::ALL {
        let asked = door.asked(&app, &person).await;
        door.credential(door.code(&app, &asked.token, &app.totp(person.key())).await);
        app.clock.advance(60);
    }
}

async fn another_instance_takes_the_token_also_when_the_keys_were_just_turned_over(app: TestApp) {
    // One file is for one process: there the sibling is the server itself.
    let sibling = match app.engine.store.health().await.unwrap().backend {
        "embedded" => None,
        _ => Some(app.sibling().await),
    };
    let other = sibling.as_ref().unwrap_or(&app);
    let person = app.person_with_google("ann").await;
    for door in Door::ALL {
        let asked = door.asked(&app, &person).await;
        let credential = door.credential(door.code(other, &asked.token, &app.totp(person.key())).await);
        assert!(door.opens(&app, &credential).await);
        app.clock.advance(60);
    }
    // The other instance has just looked at the keys, and does so again for a token that is sealed under a new one.
    other.get("/.well-known/jwks.json").await.expect(200);
    let call = app.call("POST", "/admin/v1/keys/rotate").bearer(ADMIN_KEY);
    call.json(&json!({ "sealing": true, "signing": false })).send().await.expect(202);
    let asked = Door::Navixy.asked(&app, &person).await;
    let answer = Door::Navixy.code(other, &asked.token, &app.totp(person.key())).await;
    Door::Navixy.credential(answer);
}

// What clients send that they should not

/// A11, X8: watches that what cannot be a name, a password or a code is not counted.
async fn what_is_no_name_and_no_code_costs_nothing(app: TestApp) {
    let person = app.person_with_google("ann").await;
    for door in Door::ALL {
        let long = "x".repeat(1_025);
        for _ in 0..6 {
            for (name, password) in [(long.as_str(), PASSWORD), (person.email.as_str(), long.as_str())] {
                door.refused(door.password(&app, name, password).await, "invalid_request");
            }
        }
        let asked = door.asked(&app, &person).await;
        let right = app.totp(person.key());
        let spaced = format!(" {right}");
        let wide: String = right.chars().map(|c| char::from_u32(c as u32 - 0x30 + 0xff10).unwrap()).collect();
        for bad in ["12345", "1234567", spaced.as_str(), wide.as_str(), "+12345", "12345\u{0}", "abcdef"] {
            let refused = door.code(&app, &asked.token, bad).await;
            match door {
                Door::Veeam => assert!(refused.refused(400, "invalid_code").body["errors"]["mfa_code"].is_array()),
                Door::Navixy => {
                    let refused = panel_refused(refused, 400, 7);
                    assert!(refused.str("/status/description").contains("code:"), "{}", refused.text);
                }
            }
        }
        let wrong = door.code(&app, &asked.token, &other_than(&right)).await;
        if door == Door::Veeam {
            assert_eq!(wrong.body["attemptsLeft"], json!(9), "{}", wrong.text);
        }
        door.credential(door.code(&app, &asked.token, &right).await);
        app.clock.advance(60);
    }
}

/// X30, X8: the guard is the strict type of every member, and that none may be missing.
async fn arrays_nulls_and_repeated_members_are_named(app: TestApp) {
    let person = app.person("ann").await;
    for door in Door::ALL {
        let bodies = [door.by_password(&person.email, PASSWORD), door.by_code("token", "123456")];
        for body in &bodies {
            for name in body.as_object().unwrap().keys() {
                let mut wrong: Vec<Value> = [json!(["x"]), json!({ "$ne": "" }), json!(7), json!(true), Value::Null]
                    .into_iter()
                    .map(|value| {
                        let mut body = body.clone();
                        body[name] = value;
                        body
                    })
                    .collect();
                let mut missing = body.clone();
                missing.as_object_mut().unwrap().remove(name);
                wrong.push(missing);
                for body in wrong {
                    named(door, app.post(door.path(), body).await, name);
                }
                let twice = body.to_string().replacen('{', &format!("{{\"{name}\":\"x\","), 1);
                let call = app.call("POST", door.path()).text("application/json", twice);
                named(door, call.send().await, name);
                let form = format!("{name}=x&{name}=y");
                let call = app.call("POST", door.path()).text("application/x-www-form-urlencoded", form);
                named(door, call.send().await, name);
            }
        }
        for malformed in ["", "[]", "{", "null", "\"x\"", "{}x", "[[\"login\",\"x\"]]"] {
            let call = app.call("POST", door.path()).text("application/json", malformed);
            let answer = call.send().await;
            malformed_body(door, answer);
        }
        let call = app.call("POST", door.path()).text("text/plain", "login=x");
        let answer = call.send().await;
        match door {
            Door::Veeam => assert_eq!(answer.refused(415, "unsupported_media_type").str("error"), "invalid_request"),
            Door::Navixy => drop(panel_refused(answer, 415, 5)),
        }
    }
}

#[track_caller]
fn malformed_body(door: Door, answer: Answer) {
    match door {
        Door::Veeam => assert_eq!(answer.refused(400, "malformed_body").str("error"), "invalid_request"),
        Door::Navixy => drop(panel_refused(answer, 400, 7)),
    }
}

#[track_caller]
fn named(door: Door, answer: Answer, name: &str) {
    let answer = door.refused(answer, "invalid_request");
    let says = match door {
        Door::Veeam => answer.body["errors"][name].is_array(),
        Door::Navixy => answer.str("/status/description").contains(&format!("{name}:")),
    };
    assert!(says, "{name} is not named in {}", answer.text);
}

/// X37: the guard is `http::body::read`.
async fn large_and_deep_bodies_are_refused(app: TestApp) {
    for door in Door::ALL {
        let large = door.by_password(&"x".repeat(70_000), "y");
        let answer = app.post(door.path(), large).await.expect(413);
        let deep = format!("{}{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
        let call = app.call("POST", door.path()).text("application/json", deep);
        malformed_body(door, call.send().await);
        match door {
            Door::Veeam => assert_eq!(answer.refused(413, "body_too_large").str("error"), "invalid_request"),
            Door::Navixy => drop(panel_refused(answer, 413, 9)),
        }
    }
}

/// X36: watches that what is sent comes back in no header and in no word of an answer.
async fn control_characters_come_back_in_no_answer(app: TestApp) {
    let app = with_room(app).await;
    for door in Door::ALL {
        for evil in ["ann\r\nX-Evil: 1", "ann\u{0}@example.com", "ann\nLOG forged", "\u{202e}moc.elpmaxe"] {
            let answers = [
                door.password(&app, evil, PASSWORD).await,
                door.password(&app, "nobody@example.com", evil).await,
                door.code(&app, evil, "123456").await,
                door.code(&app, "token", evil).await,
            ];
            for answer in answers {
                assert!((400..500).contains(&answer.status) && answer.header("x-evil").is_none(), "{}", answer.text);
                assert!(!answer.text.contains("X-Evil") && !answer.text.contains("forged"), "{}", answer.text);
            }
        }
        app.clock.advance(3_600);
    }
}

async fn events_say_through_which_surface_it_was(app: TestApp) {
    let person = app.person("ann").await;
    for (door, surface) in Door::ALL.into_iter().zip(["veeam", "navixy"]) {
        door.refused(door.password(&app, &person.email, "not the password").await, "invalid_credentials");
        door.credential(door.password(&app, &person.email, PASSWORD).await);
        app.engine.errands.idle().await;
        let events = app.call("GET", "/admin/v1/events?order=desc&limit=2").bearer(ADMIN_KEY).send().await.expect(200);
        for (place, kind) in [(0, "signed_in"), (1, "sign_in_failed")] {
            let event = &events.body["data"][place];
            assert_eq!((&event["type"], &event["details"]["surface"]), (&json!(kind), &json!(surface)));
            assert_eq!(event["account"], json!(person.id));
        }
        assert_eq!(events.body["data"][0]["session"].as_str().map(str::len), Some(22));
    }
}
