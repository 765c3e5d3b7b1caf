//! How often each call asks the store. `docs/round-trips.md` has the table and the reasons.

use serde_json::json;

use crate::harness::{PASSWORD, Person, TestApp};

on_every_store!(
    a_sign_in_asks_as_seldom_as_it_can,
    changes_ask_as_seldom_as_they_can,
    reading_asks_as_seldom_as_it_can,
    getting_back_in_asks_as_seldom_as_it_can,
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

async fn getting_back_in_asks_as_seldom_as_it_can(app: TestApp) {
    let mut meter = Meter::of(&app);
    let person = app.person("ann").await;
    for _ in 0..ROUNDS {
        app.engine.errands.idle().await;
        let body = json!({ "email": person.email });
        let start = meter.count("start", app.post("/api/v2/my/signin/password/restore", body)).await.expect(200);
        app.engine.errands.idle().await;
        let (token, code) = (start.str("token"), app.last_code(&person.email).await);
        let other = another(&code);
        meter.count("wrong code", app.confirm("", token, &other)).await.refused(422, "invalid_code");
        app.engine.errands.idle().await;
        meter.count("right code", app.confirm("", token, &code)).await.expect(200);
        app.engine.errands.idle().await;
        app.clock.advance(90);
    }
    assert_eq!(meter.counts, [("start", 3), ("wrong code", 3), ("right code", 4)]);
}
