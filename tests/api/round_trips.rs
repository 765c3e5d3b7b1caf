//! How often each call asks the store. `docs/round-trips.md` has the table and the reasons.

use serde_json::json;

use crate::accounts::admin;
use crate::doors::Door;
use crate::flexi::{DISABLED, ENABLED, SECRET};
use crate::harness::{Answer, PASSWORD, Person, TestApp};
use crate::steps_in_order::{POLICIES, force, recovery_codes};

on_every_store!(
    a_sign_in_asks_as_seldom_as_it_can,
    another_door_asks_as_seldom_as_it_can,
    changes_ask_as_seldom_as_they_can,
    confirming_asks_as_seldom_as_it_can,
    getting_back_in_asks_as_seldom_as_it_can,
    what_stands_in_asks_as_seldom_as_it_can,
    enrolling_at_a_sign_in_asks_as_seldom_as_it_can,
    reading_asks_as_seldom_as_it_can,
    a_service_asks_as_seldom_as_it_can,
    flexi_asks_as_seldom_as_it_can,
    veeam_asks_as_seldom_as_it_can
);

/// Calls are measured this often. A script or a topology that a connection has yet to learn costs one more trip once, so
/// the least of the counts is what a call costs; a trip that is always made is in every one of them.
const ROUNDS: usize = 3;

struct Meter<'a> {
    app: &'a TestApp,
    counts: Vec<(&'static str, u64)>,
}

impl<'a> Meter<'a> {
    fn of(app: &'a TestApp) -> Self {
        Meter { app, counts: Vec::new() }
    }

    async fn count<T>(&mut self, what: &'static str, call: impl Future<Output = T>) -> T {
        let before = self.app.engine.store.round_trips();
        let answer = call.await;
        let made = self.app.engine.store.round_trips() - before;
        match self.counts.iter_mut().find(|(own, _)| *own == what) {
            Some((_, least)) => *least = made.min(*least),
            None => self.counts.push((what, made)),
        }
        answer
    }
}

fn another(code: &str) -> String {
    let (first, rest) = code.split_at(1);
    format!("{}{rest}", (first.parse::<u32>().unwrap() + 1) % 10)
}

/// R10 counts on it: what is asked once cannot half happen.
async fn a_sign_in_asks_as_seldom_as_it_can(app: TestApp) {
    let mut meter = Meter::of(&app);
    let plain = app.person("plain").await;
    let mut person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    app.enable_sms(&token, &person).await;
    app.enable_google(&token, &mut person).await;
    let key = person.key.clone().unwrap();
    for _ in 0..ROUNDS {
        let uuid = meter.count("start", app.wizard()).await;
        meter.count("look", app.get(&format!("/api/v2/my/wizard/{uuid}"))).await.expect(200);
        let wrong = app.password(&uuid, &person, "not the password");
        meter.count("wrong password", wrong).await.refused(422, "invalid_credentials");
        let right = app.password(&uuid, &person, PASSWORD);
        meter.count("password, moves on", right).await.expect(200);
        let choose = |factor: &str| app.post("/api/v2/my/signin/2fa", json!({ "uuid": uuid, "type": factor }));
        meter.count("choose the authenticator", choose("google")).await.expect(200);
        meter.count("choose SMS", choose("sms")).await.expect(200);
        meter.count("resend too soon", choose("sms")).await.refused(429, "resend_too_soon");
        let code = app.last_code(&person.phone).await;
        let other = another(&code);
        let wrong = app.code("sms", &uuid, &other);
        meter.count("wrong SMS code", wrong).await.refused(422, "invalid_code");
        meter.count("malformed code", app.code("sms", &uuid, "12345")).await.refused(422, "invalid_code");
        meter.count("call that does not fit", app.code("email", &uuid, &code)).await.refused(409, "step_not_allowed");
        meter.count("SMS code", app.code("sms", &uuid, &code)).await.expect(202);
        let (uuid, _) = app.past_password(&person).await;
        let code = app.totp(&key);
        app.post("/api/v2/my/signin/2fa", json!({ "uuid": uuid, "type": "google" })).await.expect(200);
        let other = another(&code);
        let wrong = app.code("google", &uuid, &other);
        meter.count("wrong TOTP code", wrong).await.refused(422, "invalid_code");
        meter.count("TOTP code", app.code("google", &uuid, &code)).await.expect(202);
        let uuid = app.wizard().await;
        let cancel = app.call("DELETE", &format!("/api/v2/my/wizard/{uuid}")).send();
        meter.count("cancel", cancel).await.expect(204);
        let uuid = app.wizard().await;
        meter.count("password, ends", app.password(&uuid, &plain, PASSWORD)).await.expect(202);
        // Address and sign-in counters, and the authenticator's step.
        app.clock.advance(90);
    }
    assert_eq!(
        meter.counts,
        [
            ("start", 1),
            ("look", 1),
            ("wrong password", 3),
            ("password, moves on", 3),
            ("choose the authenticator", 2),
            ("choose SMS", 3),
            ("resend too soon", 1),
            ("wrong SMS code", 2),
            ("malformed code", 1),
            ("call that does not fit", 1),
            ("SMS code", 3),
            ("wrong TOTP code", 2),
            ("TOTP code", 3),
            ("cancel", 2),
            ("password, ends", 3),
        ]
    );
}

/// The wizard behind it is written only when it has to wait.
async fn another_door_asks_as_seldom_as_it_can(app: TestApp) {
    let app = app.stop().await.with("STEPGATE_LIMITS__ADDRESS__FAILURES", "1000").start().await;
    let plain = app.person("plain").await;
    let google = app.person_with_google("ann").await;
    let sms = app.person_with_sms("ben").await;
    let mut several = app.person("cyd").await;
    let token = app.sign_in(&several).await;
    app.enable_sms(&token, &several).await;
    app.enable_google(&token, &mut several).await;
    for door in Door::ALL {
        let mut meter = Meter::of(&app);
        for _ in 0..ROUNDS {
            // Time has passed: the server looks after its keys first.
            app.get("/.well-known/jwks.json").await.expect(200);
            let wrong = door.password(&app, &plain.email, "not the password");
            door.refused(meter.count("wrong password", wrong).await, "invalid_credentials");
            let right = door.password(&app, &plain.email, PASSWORD);
            let credential = door.credential(meter.count("password, ends", right).await);
            meter.count("what it opens", door.opens(&app, &credential)).await;
            let asked = meter.count("password, authenticator", door.asked(&app, &google)).await;
            let code = app.totp(google.key());
            let other = another(&code);
            let wrong = door.code(&app, &asked.token, &other);
            door.refused(meter.count("wrong code", wrong).await, "invalid_code");
            door.credential(meter.count("code", door.code(&app, &asked.token, &code)).await);
            meter.count("password, SMS", door.asked(&app, &sms)).await;
            meter.count("password, one of several", door.asked(&app, &several)).await;
            door.refused(meter.count("unknown token", door.code(&app, "x", &code)).await, "wizard_not_found");
            app.clock.advance(90);
        }
        assert_eq!(
            meter.counts,
            [
                ("wrong password", 3),
                ("password, ends", 2),
                ("what it opens", if door == Door::Veeam { 2 } else { 1 }),
                ("password, authenticator", 3),
                ("wrong code", 2),
                ("code", 3),
                ("password, SMS", 3),
                ("password, one of several", 3),
                ("unknown token", 0),
            ],
            "{door:?}"
        );
    }
}

async fn changes_ask_as_seldom_as_they_can(app: TestApp) {
    let mut meter = Meter::of(&app);
    for round in 0..ROUNDS {
        let person = app.person(&format!("ann-{round}")).await;
        let token = app.sign_in(&person).await;
        change(&app, &mut meter, &person, &token).await;
        app.clock.advance(90);
    }
    assert_eq!(
        meter.counts,
        [
            ("start enabling the authenticator", 2),
            ("wrong code", 3),
            ("code that enables", 5),
            ("start disabling the authenticator", 2),
            ("code that disables", 5),
            ("start enabling SMS", 2),
            ("phone", 4),
            ("start enabling email", 3),
        ]
    );
}

async fn change(app: &TestApp, meter: &mut Meter<'_>, _person: &Person, token: &str) {
    let started = app.start_factor(token, "google", "enable");
    let started = meter.count("start enabling the authenticator", started).await.expect(200);
    let (uuid, key) = (started.uuid(), started.str("/data/key").to_owned());
    let code = |code: String| app.factor_step(token, json!({ "uuid": uuid, "action": "code", "code": code }));
    meter.count("wrong code", code(another(&app.totp(&key)))).await.refused(422, "invalid_code");
    meter.count("code that enables", code(app.totp(&key))).await.expect(202);
    app.clock.advance(30);
    let started = app.start_factor(token, "google", "disable");
    let uuid = meter.count("start disabling the authenticator", started).await.expect(200).uuid();
    let body = json!({ "uuid": uuid, "action": "code", "code": app.totp(&key) });
    meter.count("code that disables", app.factor_step(token, body)).await.expect(202);
    let started = app.start_factor(token, "sms", "enable");
    let uuid = meter.count("start enabling SMS", started).await.expect(200).uuid();
    let phone = app.factor_step(token, json!({ "uuid": uuid, "phone": "+79994445561" }));
    meter.count("phone", phone).await.expect(200);
    meter.count("start enabling email", app.start_factor(token, "email", "enable")).await.expect(200);
}

const CHALLENGE: &str = "/api/v2/my/2fa/challenge";

async fn give(app: &TestApp, access: Option<&str>, token: &str, code: &str) -> Answer {
    let call = app.call("POST", CHALLENGE).json(&json!({ "token": token, "code": code }));
    match access {
        Some(access) => call.bearer(access).send().await,
        None => call.send().await,
    }
}

fn new_password(success: &str) -> serde_json::Value {
    json!({ "successToken": success, "password": PASSWORD, "passwordConfirmation": PASSWORD })
}

async fn confirming_asks_as_seldom_as_it_can(app: TestApp) {
    let mut meter = Meter::of(&app);
    let mut person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    app.enable_sms(&token, &person).await;
    app.enable_google(&token, &mut person).await;
    let key = person.key.clone().unwrap();
    for _ in 0..ROUNDS {
        let start = |kind: &str| app.call("GET", &format!("{CHALLENGE}?type={kind}")).bearer(&token).send();
        let started = meter.count("start with the authenticator", start("google")).await.expect(200);
        let (named, code) = (started.str("/token"), app.totp(&key));
        let wrong = give(&app, Some(&token), named, &another(&code)).await;
        wrong.refused(422, "invalid_code");
        let done = meter.count("TOTP code", give(&app, Some(&token), named, &code)).await.expect(200);
        let success = done.str("/successToken");
        let change = app.call("PUT", "/api/v2/my/password").bearer(&token).json(&new_password(success)).send();
        meter.count("change the password", change).await.expect(204);
        let started = meter.count("start with SMS", start("sms")).await.expect(200);
        let code = app.last_code(&person.phone).await;
        let wrong = another(&code);
        let wrong = give(&app, Some(&token), started.str("/token"), &wrong);
        meter.count("wrong code", wrong).await.refused(422, "invalid_code");
        let done = give(&app, Some(&token), started.str("/token"), &code);
        let success = meter.count("SMS code", done).await.expect(200).str("/successToken").to_owned();
        // A factor that was proved in the session is a while ago by now.
        app.clock.advance(1_000);
        let start = app.call("GET", "/api/v2/my/2fa/google/disable/wizard").bearer(&token);
        start.send().await.refused(403, "step_up_required");
        let challenge = app.call("GET", &format!("{CHALLENGE}?type=google")).bearer(&token).send().await.expect(200);
        let done = give(&app, Some(&token), challenge.str("/token"), &app.totp(&key)).await.expect(200);
        assert_ne!(done.str("/successToken"), success);
        let start = app.call("GET", "/api/v2/my/2fa/google/disable/wizard").bearer(&token);
        let start = start.header("X-Success-Token", done.str("/successToken")).send();
        meter.count("start with a success token", start).await.expect(200);
        app.clock.advance(90);
    }
    assert_eq!(
        meter.counts,
        [
            ("start with the authenticator", 2),
            ("TOTP code", 4),
            ("change the password", 3),
            ("start with SMS", 3),
            ("wrong code", 3),
            ("SMS code", 4),
            ("start with a success token", 3),
        ]
    );
}

async fn getting_back_in_asks_as_seldom_as_it_can(app: TestApp) {
    let mut meter = Meter::of(&app);
    let person = app.person("ann").await;
    for _ in 0..ROUNDS {
        for email in [&person.email, "nobody@example.com"] {
            let path = format!("/api/v2/my/2fa/unauthorized/challenge?email={email}");
            meter.count("start", app.get(&path)).await.expect(200);
            app.clock.advance(60);
            let restore = app.post("/api/v2/my/signin/password/restore", json!({ "email": email }));
            let started = meter.count("restore", restore).await.expect(200);
            let named = started.str("/token").to_owned();
            if email == person.email {
                let code = app.last_code(email).await;
                let wrong = another(&code);
                meter.count("wrong code", give(&app, None, &named, &wrong)).await.refused(422, "invalid_code");
                let done = meter.count("right code", give(&app, None, &named, &code)).await.expect(200);
                let reset = app.post("/api/v2/my/signin/password/reset", new_password(done.str("/successToken")));
                meter.count("reset", reset).await.expect(204);
            } else {
                meter.count("wrong code", give(&app, None, &named, "123456")).await.refused(422, "invalid_code");
            }
            app.clock.advance(3_600);
        }
    }
    assert_eq!(meter.counts, [("start", 3), ("restore", 3), ("wrong code", 3), ("right code", 4), ("reset", 3)],);
}

async fn what_stands_in_asks_as_seldom_as_it_can(app: TestApp) {
    let mut meter = Meter::of(&app);
    let mut person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    app.enable_google(&token, &mut person).await;
    let mut codes = recovery_codes(&app, &token).await;
    for _ in 0..ROUNDS {
        let uuid = app.waiting(&person).await;
        let wrong = app.code("recovery", &uuid, "ABCDE-FGHIJ");
        meter.count("wrong recovery code", wrong).await.refused(422, "invalid_code");
        let right = codes.remove(0);
        meter.count("recovery code", app.code("recovery", &uuid, &right)).await.expect(202);
        let uuid = app.waiting(&person).await;
        let body = json!({ "uuid": uuid, "code": app.totp(person.key.as_ref().unwrap()), "rememberDevice": true });
        let remembered = meter.count("code, device remembered", app.post("/api/v2/my/2fa/google", body)).await;
        let device = remembered.expect(202).header("x-device-token").unwrap().to_owned();
        let body = json!({ "uuid": app.wizard().await, "email": person.email, "password": PASSWORD });
        let call = app.call("POST", "/api/v2/my/signin").header("X-Device-Token", &device).json(&body);
        let done = meter.count("password on a remembered device", call.send()).await.expect(202);
        let token = done.str("/data/accessToken/token");
        let read = |path: &str| app.call("GET", &format!("/api/v2/my{path}")).bearer(token).send();
        meter.count("recovery codes left", read("/2fa/recovery-codes")).await.expect(200);
        let list = meter.count("devices", read("/devices")).await.expect(200);
        let path = format!("/api/v2/my/devices/{}", list.str("/data/0/id"));
        let forget = app.call("DELETE", &path).bearer(token).send();
        meter.count("forget a device", forget).await.expect(204);
        app.clock.advance(90);
        let uuid = app.waiting(&person).await;
        let done = app.code("google", &uuid, &app.totp(person.key.as_ref().unwrap())).await.expect(202);
        let make = app.call("POST", "/api/v2/my/2fa/recovery-codes").bearer(done.str("/data/accessToken/token"));
        let made = meter.count("new recovery codes", make.json(&json!({})).send()).await.expect(200);
        codes = serde_json::from_value(made.body["codes"].clone()).unwrap();
        app.clock.advance(90);
    }
    assert_eq!(
        meter.counts,
        [
            ("wrong recovery code", 2),
            ("recovery code", 4),
            ("code, device remembered", 4),
            ("password on a remembered device", 4),
            ("recovery codes left", 1),
            ("devices", 1),
            ("forget a device", 3),
            ("new recovery codes", 3),
        ]
    );
}

async fn enrolling_at_a_sign_in_asks_as_seldom_as_it_can(app: TestApp) {
    let app = app.stop().await.with("STEPGATE_MFA__POLICIES", POLICIES).start().await;
    let mut meter = Meter::of(&app);
    for round in 0..ROUNDS {
        let person = app.person(&format!("ann-{round}")).await;
        force(&app, &person).await;
        let uuid = app.wizard().await;
        meter.count("password", app.password(&uuid, &person, PASSWORD)).await.expect(200);
        let enrol = |kind: &str| {
            let body = json!({ "uuid": uuid, "type": kind, "phone": person.phone });
            app.post("/api/v2/my/signin/2fa/enroll", body)
        };
        let chosen = meter.count("choose the authenticator", enrol("google")).await.expect(200);
        let code = app.totp(chosen.str("/data/key"));
        meter.count("choose SMS", enrol("sms")).await.expect(200);
        meter.count("choose email", enrol("email")).await.expect(200);
        app.code("google", &uuid, &code).await.refused(409, "step_not_allowed");
        let code = app.last_code(&person.email).await;
        meter.count("code that enables and ends", app.code("email", &uuid, &code)).await.expect(202);
        app.clock.advance(90);
    }
    assert_eq!(
        meter.counts,
        [
            ("password", 3),
            ("choose the authenticator", 2),
            ("choose SMS", 3),
            ("choose email", 3),
            ("code that enables and ends", 4),
        ]
    );
}

async fn reading_asks_as_seldom_as_it_can(app: TestApp) {
    let mut meter = Meter::of(&app);
    let person = app.person("ann").await;
    for _ in 0..ROUNDS {
        let answer = app.past_password(&person).await.1.expect(202);
        let token = answer.str("/data/accessToken/token");
        let read = |path: &str| app.call("GET", &format!("/api/v2/my{path}")).bearer(token).send();
        meter.count("methods", read("/2fa")).await.expect(200);
        meter.count("one method", read("/2fa/google")).await.expect(200);
        meter.count("change log", read("/2fa/changes")).await.expect(200);
        meter.count("one change", read("/2fa/changes/1")).await.refused(404, "not_found");
        meter.count("sessions", read("/sessions")).await.expect(200);
        let refresh = json!({ "refreshToken": answer.str("/data/refreshToken/token") });
        meter.count("refresh", app.post("/api/v2/my/refresh", refresh)).await.expect(200);
        let forged = app.call("GET", "/api/v2/my/2fa").bearer("ey.ey.ey").send();
        meter.count("forged token", forged).await.refused(401, "unauthorized");
        let out = app.call("POST", "/api/v2/my/signout").bearer(token).send();
        meter.count("sign out", out).await.expect(204);
    }
    assert_eq!(
        meter.counts,
        [
            ("methods", 1),
            ("one method", 1),
            ("change log", 2),
            ("one change", 2),
            ("sessions", 2),
            ("refresh", 2),
            ("forged token", 0),
            ("sign out", 2),
        ]
    );
}

/// A name that nobody has costs what a known one does.
async fn a_service_asks_as_seldom_as_it_can(app: TestApp) {
    let client = admin(&app, "POST", "/clients", Some(json!({ "name": "gateway" }))).await.expect(201);
    admin(&app, "POST", "/policies", Some(json!({ "id": "vpn", "issuer": "Example VPN" }))).await.expect(201);
    let (api_key, access_key) = (client.str("apiKey"), client.str("accessKey"));
    let ask = |operation: &str, name: &str, otp: Option<&str>| {
        let call = app.call("POST", &format!("/api/totp/vpn/{operation}"));
        let body = json!({ "username": name, "otp": otp });
        call.header("api-key", api_key).header("access-key", access_key).json(&body).send()
    };
    let says = |answer: Answer, valid: bool| assert_eq!(answer.expect(200).body["valid"], json!(valid));
    let (_, token) = app.somebody_who_may("dealer", &["users:update"]).await;
    let mut meter = Meter::of(&app);
    for round in 0..ROUNDS {
        let name = app.person(&format!("ann-{round}")).await.email;
        app.clock.advance(90);
        // Time has passed: the server looks after its keys first.
        app.get("/.well-known/jwks.json").await.expect(200);
        let enrolled = meter.count("enrollment", ask("enrollment", &name, None)).await.expect(200);
        let url = enrolled.str("otpauthUrl");
        let key = url.split(['?', '&']).find_map(|pair| pair.strip_prefix("secret=")).unwrap();
        let code = app.totp(key);
        let wrong = another(&code);
        says(meter.count("wrong code, while it waits", ask("verify", &name, Some(&wrong))).await, false);
        says(meter.count("code that turns it on", ask("verify", &name, Some(&code))).await, true);
        app.clock.advance(30);
        let code = app.totp(key);
        let wrong = another(&code);
        says(meter.count("wrong code", ask("verify", &name, Some(&wrong))).await, false);
        says(meter.count("right code", ask("verify", &name, Some(&code))).await, true);
        says(meter.count("used code", ask("verify", &name, Some(&code))).await, false);
        let verify = app.call("POST", "/api/totp/vpn/verify").bearer(&token);
        let verify = verify.json(&json!({ "username": name, "otp": wrong })).send();
        says(meter.count("by an access token", verify).await, false);
        let malformed = meter.count("malformed code", ask("verify", &name, Some("12345"))).await;
        malformed.refused(422, "invalid_code");
        meter.count("delete", ask("delete", &name, None)).await.expect(200);
        let nobody = format!("nobody-{round}");
        meter.count("enrollment, unknown name", ask("enrollment", &nobody, None)).await.expect(200);
        says(meter.count("code, unknown name", ask("verify", &nobody, Some(&code))).await, false);
        meter.count("delete, unknown name", ask("delete", &nobody, None)).await.expect(200);
        let unknown = app.call("POST", "/api/totp/vpn/verify").header("api-key", api_key).header("access-key", "x");
        let unknown = unknown.json(&json!({ "username": name, "otp": code })).send();
        meter.count("unknown client", unknown).await.refused(401, "unauthorized");
    }
    assert_eq!(
        meter.counts,
        [
            ("enrollment", 4),
            ("wrong code, while it waits", 3),
            ("code that turns it on", 4),
            ("wrong code", 3),
            ("right code", 3),
            ("used code", 3),
            ("by an access token", 4),
            ("malformed code", 2),
            ("delete", 4),
            ("enrollment, unknown name", 4),
            ("code, unknown name", 3),
            ("delete, unknown name", 4),
            ("unknown client", 2),
        ]
    );
}

/// Each call is a sign-in, and then what it is for.
async fn flexi_asks_as_seldom_as_it_can(app: TestApp) {
    // Which finds an account by its name at once.
    let is_embedded = app.engine.store.health().await.unwrap().backend == "embedded";
    let (boss, _) = app.somebody_who_may("boss", &["password:update"]).await;
    let mut meter = Meter::of(&app);
    for round in 0..ROUNDS {
        let person = app.person(&format!("ann-{round}")).await;
        let texts = app.person_with_sms(&format!("ben-{round}")).await;
        app.clock.advance(90);
        app.get("/.well-known/jwks.json").await.expect(200);
        let picture = format!("/{}/qrcode-2fa", person.email);
        let picture = app.flexi("GET", &picture, &person.email, PASSWORD).send();
        meter.count("qrcode-2fa", picture).await.expect(200);
        let enable = |otp: String| {
            let target = format!("/{}/enable-2fa?secret={SECRET}&otp={otp}", person.email);
            app.flexi("PUT", &target, &person.email, PASSWORD).send()
        };
        let wrong = enable(another(&app.totp(SECRET)));
        meter.count("enable-2fa, wrong code", wrong).await.fails(400);
        meter.count("enable-2fa", enable(app.totp(SECRET))).await.says(200, ENABLED);
        app.clock.advance(30);
        let disable = |person: &Person, rest: &str| {
            app.flexi("PUT", &format!("/{}/disable-2fa{rest}", person.email), &person.email, PASSWORD)
        };
        meter.count("disable-2fa, no code", disable(&person, "").send()).await.fails(401);
        let code = app.totp(SECRET);
        let wrong = disable(&person, &format!("?otp={}", another(&code))).send();
        meter.count("disable-2fa, wrong code", wrong).await.fails(401);
        let right = disable(&person, &format!("?otp={code}")).send();
        meter.count("disable-2fa", right).await.says(200, DISABLED);
        let asked = meter.count("disable-2fa, code is sent", disable(&texts, "").send()).await.fails(401);
        let code = app.last_code(&texts.phone).await;
        let right = disable(&texts, &format!("?otp={code}")).header("Mfa-Token", asked.header("mfa-token").unwrap());
        meter.count("disable-2fa, sent code", right.send()).await.says(200, DISABLED);
        let other = app.person_with_flexi(&format!("cyd-{round}")).await;
        let reset = app.flexi("PUT", &format!("/disable-2fa?username={}", other.email), &boss.email, PASSWORD).send();
        meter.count("disable-2fa of another user", reset).await.says(200, DISABLED);
    }
    assert_eq!(
        meter.counts,
        [
            ("qrcode-2fa", 2),
            ("enable-2fa, wrong code", 3),
            ("enable-2fa", 4),
            ("disable-2fa, no code", 3),
            ("disable-2fa, wrong code", 5),
            ("disable-2fa", 8),
            ("disable-2fa, code is sent", 3),
            ("disable-2fa, sent code", 5),
            ("disable-2fa of another user", if is_embedded { 6 } else { 7 }),
        ]
    );
}

async fn veeam_asks_as_seldom_as_it_can(app: TestApp) {
    let mut meter = Meter::of(&app);
    for round in 0..ROUNDS {
        let person = app.person(&format!("ann-{round}")).await;
        let token = app.sign_in(&person).await;
        let id = person.id;
        meter.count("user", app.user(&token, id)).await.expect(200);
        let offer = meter.count("enableMfa", app.offer(&token, id)).await;
        let code = app.totp(&offer.key);
        let junk = app.accept_mfa(&token, id, &code, "junk");
        meter.count("acceptMfa, no such offer", junk).await.refused(422, "invalid_success_token");
        let other = another(&code);
        let wrong = app.accept_mfa(&token, id, &other, &offer.token);
        meter.count("acceptMfa, wrong code", wrong).await.refused(422, "invalid_code");
        let right = app.accept_mfa(&token, id, &code, &offer.token);
        meter.count("acceptMfa", right).await.expect(200);
        meter.count("disableMfa", app.disable_mfa(&token, id, None)).await.expect(200);
        app.clock.advance(90);
    }
    assert_eq!(
        meter.counts,
        [
            ("user", 1),
            ("enableMfa", 1),
            ("acceptMfa, no such offer", 1),
            ("acceptMfa, wrong code", 2),
            ("acceptMfa", 3),
            ("disableMfa", 3),
        ]
    );
}
