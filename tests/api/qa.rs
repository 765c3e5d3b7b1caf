//! QA's own hand: the clock, the outbox, the faults and the testers of dev mode, and that they are nowhere else.

use serde_json::{Value, json};
use stepgate::engine::Reason;
use stepgate::engine::ports::Notice;

use crate::harness::{Answer, Backend, Person, Setup, TestApp};

on_every_store!(
    the_clock_goes_forward_and_back_to_the_real_time,
    the_clock_refuses_what_it_cannot_do,
    the_outbox_tells_codes_from_notices_and_can_be_emptied,
    a_refused_code_fails_the_step_and_then_the_fault_is_over,
    a_code_with_a_lost_answer_arrives_and_says_so,
    a_code_of_a_hanging_provider_does_not_arrive,
    faults_refuse_what_they_do_not_know,
);

const TESTERS: &str = r#"[{"to":"+420601000000","code":"123456","until":"2026-01-20"},
    {"to":"late@example.com","code":"654321","until":"2027-12-31"}]"#;

async fn clock(app: &TestApp, body: Value) -> Answer {
    app.post("/dev/clock", body).await
}

async fn faults(app: &TestApp, body: Value) -> Answer {
    app.post("/dev/faults", body).await
}

/// An enable wizard that stands where the phone is asked for.
async fn enabling_sms(app: &TestApp, name: &str) -> (Person, String, String) {
    let person = app.person(name).await;
    let token = app.sign_in(&person).await;
    let uuid = app.start_factor(&token, "sms", "enable").await.expect(200).uuid();
    (person, token, uuid)
}

async fn phone(app: &TestApp, token: &str, uuid: &str, phone: &str) -> Answer {
    app.factor_step(token, json!({ "uuid": uuid, "phone": phone })).await
}

async fn confirm(app: &TestApp, token: &str, uuid: &str, code: &str) -> Answer {
    app.factor_step(token, json!({ "uuid": uuid, "action": "code", "code": code })).await
}

async fn the_clock_goes_forward_and_back_to_the_real_time(app: TestApp) {
    let before = app.get("/dev/clock").await.expect(200);
    assert_eq!(before.body, json!({ "now": "2026-01-15T12:00:05.000000Z", "offset": 0 }));
    let (person, token, uuid) = enabling_sms(&app, "ann").await;
    phone(&app, &token, &uuid, &person.phone).await.expect(200);
    let code = app.last_code(&person.phone).await;
    let moved = clock(&app, json!({ "advance": "5m" })).await.expect(200);
    assert_eq!(moved.body, json!({ "now": "2026-01-15T12:05:05.000000Z", "offset": 300 }));
    let moved = clock(&app, json!({ "advance": 1 })).await.expect(200);
    assert_eq!(moved.body["offset"], 301);
    confirm(&app, &token, &uuid, &code).await.refused(422, "code_expired");
    let back = clock(&app, json!({ "reset": true })).await.expect(200);
    assert_eq!(back.body, before.body);
    confirm(&app, &token, &uuid, &code).await.expect(202);
}

async fn the_clock_refuses_what_it_cannot_do(app: TestApp) {
    clock(&app, json!({ "advance": "399days" })).await.expect(200);
    let refused = clock(&app, json!({ "advance": "2days" })).await.refused(400, "invalid_request");
    assert_eq!(refused.body["errors"]["advance"][0], "Must be a whole number from 0 to 86400.");
    for bad in [
        json!({}),
        json!({ "advance": "soon" }),
        json!({ "advance": -1 }),
        json!({ "advance": 1.5 }),
        json!({ "advance": u64::MAX }),
        json!({ "advance": 1, "reset": true }),
        json!({ "reset": false }),
        json!({ "reset": "yes" }),
    ] {
        assert_eq!(clock(&app, bad.clone()).await.status, 400, "{bad}");
    }
    assert_eq!(app.get("/dev/clock").await.body["offset"], 399 * 86_400);
}

/// A23: what is sent behind an answer is in the outbox for whoever looks after it.
async fn the_outbox_tells_codes_from_notices_and_can_be_emptied(app: TestApp) {
    let (person, token, uuid) = enabling_sms(&app, "ann").await;
    phone(&app, &token, &uuid, &person.phone).await.expect(200);
    let account = app.engine.account(stepgate::identity::AccountId(person.id)).await.unwrap();
    for left in (0..50).rev() {
        app.engine.tell_owner(&account, Notice::RecoveryCodeUsed(left));
    }
    let notices = app.get("/dev/outbox?kind=notice").await.expect(200);
    assert_eq!(notices.body["total"], 50, "the look waits for all of them");
    let first = &notices.body["data"][0];
    assert_eq!((&first["kind"], &first["notice"]), (&json!("notice"), &json!("recovery_code_used")));
    assert_eq!((&first["code"], &first["to"]), (&Value::Null, &json!(person.email)));
    let codes = app.get("/dev/outbox?kind=code").await.expect(200);
    assert_eq!(codes.body["total"], 1);
    assert_eq!((&codes.body["data"][0]["kind"], codes.body["data"][0].get("notice")), (&json!("code"), None));
    app.get("/dev/outbox?kind=pigeon").await.refused(400, "invalid_request");
    app.engine.tell_owner(&account, Notice::PasswordChanged);
    app.call("DELETE", "/dev/outbox").send().await.expect(204);
    assert_eq!(app.get("/dev/outbox").await.body["total"], 0, "also of what was still under way");
}

async fn a_refused_code_fails_the_step_and_then_the_fault_is_over(app: TestApp) {
    let (person, token, uuid) = enabling_sms(&app, "ann").await;
    let none = json!({ "data": [
        { "channel": "sms", "fault": "none", "times": null }, { "channel": "email", "fault": "none", "times": null },
    ] });
    assert_eq!(app.get("/dev/faults").await.expect(200).body, none);
    let set = faults(&app, json!({ "channel": "sms", "fault": "refuse", "times": 2 })).await.expect(200);
    assert_eq!(set.body["data"][0], json!({ "channel": "sms", "fault": "refuse", "times": 2 }));
    phone(&app, &token, &uuid, &person.phone).await.refused(502, "delivery_failed");
    let resend = json!({ "uuid": uuid, "action": "resend" });
    app.factor_step(&token, resend.clone()).await.refused(502, "delivery_failed");
    assert_eq!(app.get("/dev/faults").await.body, none);
    app.factor_step(&token, resend).await.expect(200);
    confirm(&app, &token, &uuid, &app.last_code(&person.phone).await).await.expect(202);
}

async fn a_code_with_a_lost_answer_arrives_and_says_so(app: TestApp) {
    let (person, token, uuid) = enabling_sms(&app, "ann").await;
    faults(&app, json!({ "channel": "email", "fault": "refuse" })).await.expect(200);
    faults(&app, json!({ "channel": "sms", "fault": "unknown" })).await.expect(200);
    let sent = phone(&app, &token, &uuid, &person.phone).await.expect(200);
    assert_eq!(sent.body["data"]["status"], 1);
    confirm(&app, &token, &uuid, &app.last_code(&person.phone).await).await.expect(202);
    let off = faults(&app, json!({ "channel": "email", "fault": "none", "times": 3 })).await.expect(200);
    assert_eq!(off.body["data"][1], json!({ "channel": "email", "fault": "none", "times": null }));
}

async fn a_code_of_a_hanging_provider_does_not_arrive(app: TestApp) {
    let app = app.stop().await.with("STEPGATE_SMS__DEADLINE", "1s").start().await;
    let (person, token, uuid) = enabling_sms(&app, "ann").await;
    faults(&app, json!({ "channel": "sms", "fault": "hang", "times": 1 })).await.expect(200);
    let sent = phone(&app, &token, &uuid, &person.phone).await.expect(200);
    assert_eq!(sent.body["data"]["status"], 1);
    assert!(app.outbox(&person.phone).await.is_empty());
}

async fn faults_refuse_what_they_do_not_know(app: TestApp) {
    for bad in [
        json!({ "channel": "pigeon", "fault": "refuse" }),
        json!({ "channel": "sms", "fault": "sulk" }),
        json!({ "channel": "sms" }),
        json!({ "channel": "sms", "fault": "refuse", "times": 0 }),
        json!({ "channel": "sms", "fault": "refuse", "times": -1 }),
    ] {
        assert_eq!(faults(&app, bad.clone()).await.status, 400, "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_testers_code_is_fixed_and_not_sent_until_its_day_is_over() {
    let app = Setup::on(Backend::Embedded).with("STEPGATE_TESTERS", TESTERS).start().await;
    let (_, token, uuid) = enabling_sms(&app, "ann").await;
    let sent = phone(&app, &token, &uuid, "+420601000000").await.expect(200);
    assert_eq!((&sent.body["data"]["status"], &sent.body["data"]["sent"]), (&json!(0), &json!(1)));
    assert!(app.outbox("+420601000000").await.is_empty(), "a tester gets no message");
    confirm(&app, &token, &uuid, "000000").await.refused(422, "invalid_code");
    confirm(&app, &token, &uuid, "123456").await.expect(202);
    // Others are not testers, and a day that is too far away does not count yet.
    let (other, token, uuid) = enabling_sms(&app, "bob").await;
    phone(&app, &token, &uuid, &other.phone).await.expect(200);
    assert_eq!(app.outbox(&other.phone).await.len(), 1);
    app.person_with_email("late").await;
    assert_eq!(app.outbox("late@example.com").await.iter().filter(|sent| sent["kind"] == "code").count(), 1);
    // 2026-01-20, and then it is over.
    clock(&app, json!({ "advance": "5d" })).await.expect(200);
    let (_, token, uuid) = enabling_sms(&app, "dan").await;
    phone(&app, &token, &uuid, "+420601000000").await.expect(200);
    assert!(app.outbox("+420601000000").await.is_empty(), "the last day counts");
    clock(&app, json!({ "advance": "1d" })).await.expect(200);
    let (_, token, uuid) = enabling_sms(&app, "cat").await;
    phone(&app, &token, &uuid, "+420601000000").await.expect(200);
    assert_eq!(app.outbox("+420601000000").await.len(), 1);
    assert_ne!(app.last_code("+420601000000").await, "123456");
}

/// The hand is for developers' machines: elsewhere there is no such route, and no such setting.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outside_of_dev_mode_there_is_no_hand() {
    let app = Setup::on(Backend::Embedded)
        .with("STEPGATE_DEV", "false")
        .with("STEPGATE_SMS__PROVIDERS", r#"["outbox"]"#)
        .with("STEPGATE_EMAIL__PROVIDERS", r#"["outbox"]"#)
        .start()
        .await;
    let routes = [
        ("GET", "/dev/clock"),
        ("POST", "/dev/clock"),
        ("GET", "/dev/faults"),
        ("POST", "/dev/faults"),
        ("GET", "/dev/outbox"),
        ("DELETE", "/dev/outbox"),
        ("GET", "/"),
    ];
    for (method, path) in routes {
        let body = json!({ "advance": 60, "channel": "sms", "fault": "refuse" });
        let answer = app.call(method, path).json(&body).send().await;
        assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text);
    }
    assert_eq!(app.engine.clock.now(), stepgate::engine::ports::Clock::now(&app.clock));
    let refused = app.engine.account(stepgate::identity::AccountId(1)).await.unwrap_err();
    assert_eq!(refused.reason, Reason::NotFound, "and no demo account");
}
