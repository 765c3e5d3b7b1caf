//! Stores that lose replies, freeze, fill up, stop and forget: a step is wholly in or wholly out, the answer comes, and
//! the server recovers by itself.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Answer, Backend, PASSWORD, Person, Setup, TestApp};
use crate::redis::{Proxy, Server, cluster};

/// A server over a Redis of the test's own.
fn over(store: &str) -> Setup {
    Setup::on(Backend::Redis)
        .with("STEPGATE_STORE", store)
        .with("STEPGATE_REDIS__TIMEOUT", "500ms")
        .with("STEPGATE_HTTP__WORKERS", "1")
}

/// The answer, which must come: a bound, not a measurement.
async fn answered(call: impl Future<Output = Answer>) -> Answer {
    tokio::time::timeout(Duration::from_secs(20), call).await.expect("an answer")
}

#[track_caller]
fn is_unavailable(answer: Answer) {
    let answer = answer.refused(503, "unavailable");
    let seconds: u64 = answer.header("retry-after").expect("a Retry-After").parse().unwrap();
    assert!((1..=60).contains(&seconds) && answer.body["retryAfter"] == json!(seconds), "{}", answer.text);
    for inside in ["redis", "Redis", "127.0.0.1", "timed out", "OOM"] {
        assert!(!answer.text.contains(inside), "{}", answer.text);
    }
}

async fn sessions(app: &TestApp, token: &str) -> u64 {
    let listed = app.call("GET", "/api/v2/my/sessions").bearer(token).send().await.expect(200);
    listed.body["total"].as_u64().unwrap()
}

async fn changes(app: &TestApp, token: &str) -> u64 {
    let listed = app.call("GET", "/api/v2/my/2fa/changes").bearer(token).send().await.expect(200);
    listed.body["total"].as_u64().unwrap()
}

async fn token_of(app: &TestApp, person: &Person) -> String {
    let (uuid, answer) = app.past_password(person).await;
    answer.expect(200);
    let code = app.totp(person.key.as_deref().unwrap());
    let token = app.code("google", &uuid, &code).await.expect(202).str("/data/accessToken/token").to_owned();
    app.clock.advance(30);
    token
}

/// R1: what is shown is what the server runs with now, not what the configuration hopes for.
#[tokio::test(flavor = "multi_thread")]
async fn the_real_durability_is_shown() {
    let redis = Server::start(&["--save", ""]);
    let app = over(&redis.url()).start().await;
    for (set, level, warned) in [
        ([("appendonly", "no"), ("save", "")], "none", true),
        ([("appendonly", "no"), ("save", "3600 1")], "snapshots", true),
        ([("appendonly", "yes"), ("appendfsync", "everysec")], "every_second", true),
        ([("appendonly", "yes"), ("appendfsync", "always")], "every_write", false),
    ] {
        for (name, value) in set {
            redis.ask::<()>(&["CONFIG", "SET", name, value]);
        }
        let ready = app.get("/health/ready").await.expect(200);
        let store = &ready.body["store"];
        assert_eq!((&store["backend"], &store["durability"]["level"]), (&json!("redis"), &json!(level)));
        assert_eq!(store["durability"]["warning"].is_string(), warned, "{}", ready.text);
        for (name, value) in set {
            assert_eq!(store["durability"]["settings"][name], json!(value));
        }
    }
}

/// R1: every back end says what it promises; a cluster what its weakest master does.
#[tokio::test(flavor = "multi_thread")]
async fn every_back_end_says_what_it_promises() {
    for (backend, name, level) in [
        (Backend::Embedded, "embedded", "every_write"),
        (Backend::Redis, "redis", "none"),
        (Backend::Cluster, "redis-cluster", "none"),
    ] {
        let app = Setup::on(backend).start().await;
        let ready = app.get("/health/ready").await.expect(200);
        assert_eq!((ready.str("status"), ready.str("/store/backend")), ("ok", name));
        assert_eq!(ready.str("/store/durability/level"), level);
    }
}

/// R8: a cluster refuses a script that touches a second slot, or a key that it did not name; a whole life of an account
/// meets neither, though its keys lie on all three nodes.
#[tokio::test(flavor = "multi_thread")]
async fn no_script_crosses_slots() {
    let app = Setup::on(Backend::Cluster).start().await;
    for n in 0..4 {
        let mut person = app.person(&format!("person{n}")).await;
        let token = app.sign_in(&person).await;
        app.enable_sms(&token, &person).await;
        app.enable_google(&token, &mut person).await;
        let (uuid, answer) = app.past_password(&person).await;
        assert_eq!(answer.expect(200).workflow(), "2fa_choose");
        app.code("google", &uuid, "000000").await;
        app.post("/api/v2/my/signin/2fa", json!({ "uuid": uuid, "type": "google" })).await.expect(200);
        app.code("google", &uuid, "000000").await.refused(422, "invalid_code");
        let code = app.totp(person.key.as_deref().unwrap());
        let done = app.code("google", &uuid, &code).await.expect(202);
        let refresh = json!({ "refreshToken": done.str("/data/refreshToken/token") });
        app.post("/api/v2/my/refresh", refresh).await.expect(200);
        app.wizard().await;
        let off = app.start_factor(&token, "sms", "disable").await.expect(200).uuid();
        let code = app.last_code(&person.phone).await;
        app.factor_step(&token, json!({ "uuid": off, "action": "code", "code": code })).await.expect(202);
        app.call("DELETE", "/api/v2/my/sessions").bearer(&token).send().await.expect(204);
        app.call("POST", "/api/v2/my/signout").bearer(&token).send().await.expect(204);
        let gone = app.call("DELETE", &format!("/admin/v1/accounts/{}", person.id));
        gone.bearer(crate::harness::ADMIN_KEY).send().await.expect(204);
    }
    for node in &cluster().nodes {
        let stats: String = node.ask(&["INFO", "errorstats"]);
        assert!(!stats.contains("CROSSSLOT"), "{stats}");
        let size: u64 = node.ask(&["DBSIZE"]);
        assert!(size > 0, "every node has keys");
    }
}

/// R10, I1, I2: the reply to the n-th request of a sign-in is lost, for every n: each call is answered as if nothing had
/// been, and there is one transition and one session. The guard is that every script answers a repeat of its request
/// with the stored answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_reply_anywhere_in_a_sign_in_does_nothing_twice() {
    let proxy = Proxy::before(crate::redis::single().port);
    let app = over(&proxy.url()).start().await;
    let person = app.person_with_google("ann").await;
    let token = token_of(&app, &person).await;
    let mut points = 0;
    loop {
        let (before, lost) = (sessions(&app, &token).await, proxy.lost());
        proxy.lose_reply_after(points);
        let (uuid, answer) = app.past_password(&person).await;
        let answer = answer.expect(200);
        assert_eq!(answer.workflow(), "2fa_google_auth", "after {points} requests");
        let code = app.totp(person.key.as_deref().unwrap());
        let done = app.code("google", &uuid, &code).await.expect(202);
        proxy.clear();
        assert_eq!(sessions(&app, &token).await, before + 1, "after {points} requests");
        app.call("GET", "/api/v2/my/2fa").bearer(done.str("/data/accessToken/token")).send().await.expect(200);
        app.code("google", &uuid, &code).await.refused(409, "step_not_allowed");
        let (again, _) = app.past_password(&person).await;
        app.code("google", &again, &code).await.refused(422, "code_used");
        app.clock.advance(30);
        let (fresh, _) = app.past_password(&person).await;
        let wrong = app.code("google", &fresh, "000000").await.refused(422, "invalid_code");
        assert_eq!(wrong.body["attemptsLeft"], json!(8), "one spent code and one wrong one, after {points} requests");
        app.code("google", &fresh, &app.totp(person.key.as_deref().unwrap())).await.expect(202);
        app.clock.advance(30);
        if proxy.lost() == lost {
            break;
        }
        points += 1;
    }
    assert!(points >= 5, "a sign-in asks the store more often than {points} times");
}

/// R10, I3: the same for a wrong code: it is counted once.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_reply_to_a_wrong_code_counts_it_once() {
    let proxy = Proxy::before(crate::redis::single().port);
    let app = over(&proxy.url()).start().await;
    let person = app.person_with_google("ann").await;
    for points in 0.. {
        let (uuid, _) = app.past_password(&person).await;
        let lost = proxy.lost();
        proxy.lose_reply_after(points);
        let wrong = app.code("google", &uuid, "000000").await.refused(422, "invalid_code");
        proxy.clear();
        assert_eq!(wrong.body["attemptsLeft"], json!(9), "after {points} requests");
        app.code("google", &uuid, &app.totp(person.key.as_deref().unwrap())).await.expect(202);
        app.clock.advance(30);
        if proxy.lost() == lost {
            assert!(points >= 2);
            break;
        }
    }
}

/// R10, I4: the same for turning text messages on: one message, one line in the change log, and the code works once.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_reply_anywhere_in_an_sms_enable_sends_and_changes_once() {
    let proxy = Proxy::before(crate::redis::single().port);
    let app = over(&proxy.url()).start().await;
    let mut points = 0;
    loop {
        let person = app.person(&format!("person{points}")).await;
        let token = app.sign_in(&person).await;
        let lost = proxy.lost();
        proxy.lose_reply_after(points);
        let uuid = app.start_factor(&token, "sms", "enable").await.expect(200).uuid();
        let sent = app.factor_step(&token, json!({ "uuid": uuid, "phone": person.phone })).await.expect(200);
        assert_eq!(sent.body["data"]["sent"], json!(1), "after {points} requests");
        assert_eq!(app.outbox(&person.phone).await.len(), 1, "after {points} requests");
        let code = app.last_code(&person.phone).await;
        let step = json!({ "uuid": uuid, "action": "code", "code": code });
        app.factor_step(&token, step.clone()).await.expect(202);
        proxy.clear();
        assert_eq!((changes(&app, &token).await, sessions(&app, &token).await), (1, 1), "after {points} requests");
        app.factor_step(&token, step).await.refused(409, "step_not_allowed");
        let on = app.call("GET", "/api/v2/my/2fa/sms").bearer(&token).send().await.expect(200);
        assert_eq!(on.body["isEnabled"], json!(true));
        if proxy.lost() == lost {
            break;
        }
        points += 1;
    }
    assert!(points >= 5, "an enrolment asks the store more often than {points} times");
}

/// R11, I6, I7: a frozen Redis is a 503 in bounded time, on every call and in the health check; the step that it was
/// given meanwhile is wholly in or wholly out, and all goes on without a restart.
#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_redis_is_a_503_and_then_all_goes_on() {
    let redis = Server::start(&["--save", ""]);
    let app = over(&redis.url()).start().await;
    let person = app.person_with_google("ann").await;
    let token = token_of(&app, &person).await;
    let (uuid, _) = app.past_password(&person).await;
    let code = app.totp(person.key.as_deref().unwrap());
    let before = sessions(&app, &token).await;

    redis.freeze();
    is_unavailable(answered(app.code("google", &uuid, &code)).await);
    is_unavailable(answered(app.get("/api/v2/my/signin/wizard")).await);
    is_unavailable(answered(app.password(&uuid, &person, PASSWORD)).await);
    is_unavailable(answered(app.start_factor(&token, "sms", "enable")).await);
    is_unavailable(answered(app.call("GET", "/api/v2/my/sessions").bearer(&token).send()).await);
    is_unavailable(answered(app.get(&format!("/api/v2/my/wizard/{uuid}"))).await);
    let ready = answered(app.get("/health/ready")).await.expect(503);
    assert_eq!(ready.str("status"), "unavailable");
    app.get("/health/live").await.expect(200);
    redis.thaw();

    recovered(&app).await;
    let done = app.code("google", &uuid, &code).await.expect(202);
    assert_eq!(sessions(&app, &token).await, before + 1);
    app.call("GET", "/api/v2/my/2fa").bearer(done.str("/data/accessToken/token")).send().await.expect(200);
    app.get("/health/ready").await.expect(200);
}

/// Waits until the store is there again for the server; each call is bounded by the store's own deadline.
async fn recovered(app: &TestApp) {
    for _ in 0..100 {
        if answered(app.get("/health/ready")).await.status == 200 {
            return;
        }
    }
    panic!("the server does not find its store again");
}

/// R11, I7: the same for a Redis that was killed and comes back with what it had on the disk.
#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_redis_is_a_503_and_then_all_goes_on() {
    let redis = Server::start(&["--save", "", "--appendonly", "yes", "--appendfsync", "always"]);
    let app = over(&redis.url()).start().await;
    let person = app.person_with_google("ann").await;
    let token = token_of(&app, &person).await;
    let (uuid, _) = app.past_password(&person).await;
    let code = app.totp(person.key.as_deref().unwrap());

    redis.kill();
    is_unavailable(answered(app.code("google", &uuid, &code)).await);
    is_unavailable(answered(app.get("/api/v2/my/signin/wizard")).await);
    is_unavailable(answered(app.call("GET", "/api/v2/my/2fa").bearer(&token).send()).await);
    answered(app.get("/health/ready")).await.expect(503);
    redis.restart();

    recovered(&app).await;
    assert_eq!(app.get(&format!("/api/v2/my/wizard/{uuid}")).await.expect(200).workflow(), "2fa_google_auth");
    app.code("google", &uuid, &code).await.expect(202);
    app.call("GET", "/api/v2/my/2fa").bearer(&token).send().await.expect(200);
}

/// OOM, I6: a Redis without memory refuses to write: 503, no message goes out, nothing moves; with memory again each
/// wizard goes on from where it was, and no attempt was counted.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_redis_is_a_503_and_nothing_is_half_written() {
    let redis = Server::start(&["--save", "", "--maxmemory-policy", "noeviction"]);
    let app = over(&redis.url()).start().await;
    let mut person = app.person_with_sms("ann").await;
    let (uuid, _) = app.past_password(&person).await;
    let code = app.last_code(&person.phone).await;
    let token = app.code("sms", &uuid, &code).await.expect(202).str("/data/accessToken/token").to_owned();
    app.enable_google(&token, &mut person).await;
    let (uuid, answer) = app.past_password(&person).await;
    assert_eq!(answer.expect(200).workflow(), "2fa_choose");
    let (guessing, _) = app.past_password(&person).await;
    app.post("/api/v2/my/signin/2fa", json!({ "uuid": guessing, "type": "google" })).await.expect(200);
    let enabling = app.start_factor(&token, "email", "enable").await.expect(200).uuid();
    let emailed = app.last_code(&person.email).await;
    let seen = (sessions(&app, &token).await, changes(&app, &token).await, app.outbox(&person.phone).await.len());

    redis.ask::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    is_unavailable(answered(app.get("/api/v2/my/signin/wizard")).await);
    is_unavailable(answered(app.post("/api/v2/my/signin/2fa", json!({ "uuid": uuid, "type": "sms" }))).await);
    is_unavailable(answered(app.code("google", &guessing, "000000")).await);
    let right = app.totp(person.key.as_deref().unwrap());
    is_unavailable(answered(app.code("google", &guessing, &right)).await);
    let step = json!({ "uuid": enabling, "action": "code", "code": emailed });
    is_unavailable(answered(app.factor_step(&token, step.clone())).await);
    let look = app.get(&format!("/api/v2/my/wizard/{uuid}")).await.expect(200);
    assert_eq!(look.workflow(), "2fa_choose", "it can still be read");
    redis.ask::<()>(&["CONFIG", "SET", "maxmemory", "0"]);

    let now = (sessions(&app, &token).await, changes(&app, &token).await, app.outbox(&person.phone).await.len());
    assert_eq!(now, seen);
    let wrong = app.code("google", &guessing, "000000").await.refused(422, "invalid_code");
    assert_eq!(wrong.body["attemptsLeft"], json!(9), "nothing was counted meanwhile");
    app.code("google", &guessing, &right).await.expect(202);
    app.factor_step(&token, step).await.expect(202);
    app.post("/api/v2/my/signin/2fa", json!({ "uuid": uuid, "type": "sms" })).await.expect(200);
    assert_eq!(app.outbox(&person.phone).await.len(), seen.2 + 1);
    let off: Value = app.get("/health/ready").await.expect(200).body;
    assert_eq!(off["status"], json!("ok"));
}
