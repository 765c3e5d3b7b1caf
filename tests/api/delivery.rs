//! Sent codes, seen from both ends: what the client is told, and what arrives at a real gateway or mail server.

use serde_json::{Value, json};

use crate::harness::{Answer, Backend, PASSWORD, Person, Setup, TestApp};
use crate::smtp::{Behaviour, Fault, SmtpSink, Stage};
use crate::webhook::{Reply, WebhookSink};

/// Makes one test per behaviour and store of `async fn(Backend)`s.
macro_rules! on_every_backend {
    ($($behaviour:ident),+ $(,)?) => {
        on_every_backend!(@ embedded Embedded, $($behaviour),+);
        on_every_backend!(@ redis Redis, $($behaviour),+);
        on_every_backend!(@ cluster Cluster, $($behaviour),+);
    };
    (@ $store:ident $backend:ident, $($behaviour:ident),+) => {
        mod $store {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $behaviour() {
                    super::$behaviour(crate::harness::Backend::$backend).await;
                }
            )+
        }
    };
}

on_every_backend!(
    a_code_reaches_the_gateway_signed,
    a_gateway_that_refuses_costs_nothing,
    a_refused_start_by_mail_costs_nothing,
    a_gateway_that_hangs_gets_one_message,
    numbers_are_masked_until_they_are_proved,
    numbers_outside_the_allowed_prefixes_get_nothing,
    codes_by_email_arrive_and_sign_in,
);

const SECRET: &str = "a-webhook-secret";

fn texting(backend: Backend, sink: &WebhookSink) -> Setup {
    Setup::on(backend)
        .with("STEPGATE_SMS__PROVIDERS", r#"["webhook"]"#)
        .with("STEPGATE_SMS__WEBHOOK__URL", &sink.url)
        .with("STEPGATE_SMS__WEBHOOK__SECRET", SECRET)
        .with("STEPGATE_SMS__WEBHOOK__TIMEOUT", "500ms")
}

fn mailing(backend: Backend, sink: &SmtpSink) -> Setup {
    Setup::on(backend)
        .with("STEPGATE_EMAIL__PROVIDERS", r#"["smtp"]"#)
        .with("STEPGATE_EMAIL__FROM", "Stepgate <no-reply@example.com>")
        .with("STEPGATE_EMAIL__SMTP__URL", &format!("smtp://127.0.0.1:{}", sink.port))
}

async fn enabling_sms(app: &TestApp) -> (Person, String, String) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let uuid = app.start_factor(&token, "sms", "enable").await.expect(200).uuid();
    (person, token, uuid)
}

async fn phone(app: &TestApp, token: &str, uuid: &str, phone: &str) -> Answer {
    app.factor_step(token, json!({ "uuid": uuid, "phone": phone })).await
}

async fn resend(app: &TestApp, token: &str, uuid: &str) -> Answer {
    app.factor_step(token, json!({ "uuid": uuid, "action": "resend" })).await
}

async fn code(app: &TestApp, token: &str, uuid: &str, code: &str) -> Answer {
    app.factor_step(token, json!({ "uuid": uuid, "action": "code", "code": code })).await
}

fn last_sms(sink: &WebhookSink) -> Value {
    sink.requests().last().unwrap().json()
}

async fn a_code_reaches_the_gateway_signed(backend: Backend) {
    let sink = WebhookSink::start([Reply::Status(204)]).await;
    let app = texting(backend, &sink).start().await;
    let (person, token, uuid) = enabling_sms(&app).await;
    let sent = phone(&app, &token, &uuid, &person.phone).await.expect(200);
    assert_eq!(sent.body["data"]["status"], json!(0));
    let requests = sink.requests();
    assert_eq!(requests.len(), 1);
    let signed_at = requests[0].signed_at(SECRET).expect("a signature of ours");
    assert_eq!(signed_at.unsigned_abs(), app.clock.unix());
    let body = requests[0].json();
    let number = body["code"].as_str().unwrap();
    assert_eq!((body["to"].as_str(), body["locale"].as_str()), (Some(person.phone.as_str()), Some("en")));
    assert!(number.len() == 6 && body["text"].as_str().unwrap().contains(number), "{body}");
    code(&app, &token, &uuid, number).await.expect(202);
}

/// Watches `unsent`: the code is dropped, and cooldown and budget are given back.
async fn a_gateway_that_refuses_costs_nothing(backend: Backend) {
    let sink = WebhookSink::start([Reply::Status(400)]).await;
    let app = texting(backend, &sink).with("STEPGATE_LIMITS__SENDS_PER_ACCOUNT", r#"["2/1h"]"#).start().await;
    let (person, token, uuid) = enabling_sms(&app).await;
    let failed = phone(&app, &token, &uuid, &person.phone).await.refused(502, "delivery_failed");
    assert_eq!((failed.uuid(), failed.workflow()), (uuid.clone(), "phone"));
    let look = app.call("GET", &format!("/api/v2/my/wizard/{uuid}")).bearer(&token).send().await.expect(200);
    assert_eq!((look.workflow(), &look.body["data"]), ("phone", &Value::Null), "no code is on its way");
    // What went to nobody is nobody's code.
    let lost = last_sms(&sink)["code"].as_str().unwrap().to_owned();
    code(&app, &token, &uuid, &lost).await.refused(422, "code_expired");
    for _ in 0..3 {
        resend(&app, &token, &uuid).await.refused(502, "delivery_failed");
    }
    // The gateway is back: no cooldown, and the whole budget of the wizard and of the account.
    sink.answer([Reply::Status(200)]);
    let sent = resend(&app, &token, &uuid).await.expect(200);
    assert_eq!((sent.workflow(), &sent.body["data"]["sent"]), ("phone", &json!(1)));
    resend(&app, &token, &uuid).await.refused(429, "resend_too_soon");
    app.clock.advance(30);
    resend(&app, &token, &uuid).await.expect(200);
    app.clock.advance(60);
    resend(&app, &token, &uuid).await.refused(429, "too_many_sends");
    let number = last_sms(&sink)["code"].as_str().unwrap().to_owned();
    code(&app, &token, &uuid, &number).await.expect(202);
}

/// The same for a wizard whose very start sends: the next start is not held up by the one that failed.
async fn a_refused_start_by_mail_costs_nothing(backend: Backend) {
    let sink = SmtpSink::start(Behaviour::default().with(Stage::Rcpt, Fault::Say("550 no"))).await;
    let app = mailing(backend, &sink).with("STEPGATE_LIMITS__SENDS_PER_ACCOUNT", r#"["1/1h"]"#).start().await;
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    for _ in 0..3 {
        let failed = app.start_factor(&token, "email", "enable").await.refused(502, "delivery_failed");
        assert_eq!(failed.workflow(), "2fa_email");
        // The wizard is there, and asking it again is as good as starting another.
        resend(&app, &token, &failed.uuid()).await.refused(502, "delivery_failed");
    }
    assert_eq!(sink.bodies(), 0);
}

/// S1: watches that an unknown outcome is never sent again by itself, and that the person need not wait to ask.
async fn a_gateway_that_hangs_gets_one_message(backend: Backend) {
    let sink = WebhookSink::start([Reply::HangAfterReading]).await;
    let app = texting(backend, &sink).start().await;
    let (person, token, uuid) = enabling_sms(&app).await;
    let sent = phone(&app, &token, &uuid, &person.phone).await.expect(200);
    assert_eq!((sent.workflow(), &sent.body["data"]["status"]), ("phone", &json!(1)), "nobody knows");
    assert_eq!((&sent.body["data"]["sent"], sink.requests().len()), (&json!(1), 1));
    let first = last_sms(&sink)["code"].as_str().unwrap().to_owned();
    sink.answer([Reply::Status(200)]);
    let again = resend(&app, &token, &uuid).await.expect(200);
    assert_eq!((&again.body["data"]["status"], &again.body["data"]["sent"]), (&json!(0), &json!(2)));
    assert_eq!(sink.requests().len(), 2);
    let second = last_sms(&sink)["code"].as_str().unwrap().to_owned();
    if first != second {
        code(&app, &token, &uuid, &first).await.refused(422, "invalid_code");
    }
    code(&app, &token, &uuid, &second).await.expect(202);
    // A message that did arrive after all is as good as any.
    sink.answer([Reply::HangAfterReading]);
    let (uuid, answer) = app.past_password(&person).await;
    assert_eq!(answer.expect(200).body["data"]["status"], json!(1));
    let number = last_sms(&sink)["code"].as_str().unwrap().to_owned();
    app.code("sms", &uuid, &number).await.expect(202);
    assert_eq!(sink.requests().len(), 3);
}

/// Whoever knows the password only must not learn the number.
async fn numbers_are_masked_until_they_are_proved(backend: Backend) {
    let sink = WebhookSink::start([Reply::Status(200)]).await;
    let app = texting(backend, &sink).start().await;
    let (person, token, uuid) = enabling_sms(&app).await;
    let sent = phone(&app, &token, &uuid, "+7 (999) 444-55-61").await.expect(200);
    assert_eq!(sent.str("/data/recipient/phone"), "+79994445561", "typed a moment ago by whoever reads it");
    let number = last_sms(&sink)["code"].as_str().unwrap().to_owned();
    code(&app, &token, &uuid, &number).await.expect(202);
    let (uuid, answer) = app.past_password(&person).await;
    let answer = answer.expect(200);
    assert_eq!(answer.str("/data/recipient/phone"), "+7******5561");
    let look = app.get(&format!("/api/v2/my/wizard/{uuid}")).await.expect(200);
    app.clock.advance(30);
    let again = app.post("/api/v2/my/signin/2fa", json!({ "uuid": uuid, "type": "sms" })).await.expect(200);
    for text in [&answer.text, &look.text, &again.text] {
        assert!(!text.contains("9994445561"), "{text}");
    }
    assert_eq!(last_sms(&sink)["to"], json!("+79994445561"), "the gateway needs all of it");
}

async fn numbers_outside_the_allowed_prefixes_get_nothing(backend: Backend) {
    let sink = WebhookSink::start([Reply::Status(200)]).await;
    let setup = texting(backend, &sink).with("STEPGATE_SMS__ALLOWED_PREFIXES", r#"["+420", "+421"]"#);
    let app = setup.start().await;
    let (_, token, uuid) = enabling_sms(&app).await;
    let refused = phone(&app, &token, &uuid, "+79994445561").await.refused(422, "invalid_phone");
    assert_eq!(refused.body["errors"], json!({ "phone": ["No messages are sent to this country."] }));
    assert_eq!(refused.workflow(), "2fa_sms_phone_create");
    let nonsense = phone(&app, &token, &uuid, "123").await.refused(422, "invalid_phone");
    assert!(nonsense.body["errors"]["phone"].is_array());
    assert_eq!(sink.connections(), 0);
    phone(&app, &token, &uuid, "+420601123456").await.expect(200);
    app.clock.advance(30);
    phone(&app, &token, &uuid, "+79994445561").await.refused(422, "invalid_phone");
    let to: Vec<Value> = sink.requests().iter().map(|request| request.json()["to"].clone()).collect();
    assert_eq!(to, [json!("+420601123456")]);
}

async fn codes_by_email_arrive_and_sign_in(backend: Backend) {
    let sink = SmtpSink::start(Behaviour::default()).await;
    let app = mailing(backend, &sink).start().await;
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    let uuid = app.start_factor(&token, "email", "enable").await.expect(200).uuid();
    code(&app, &token, &uuid, &mailed_code(&sink, 1, &person.email)).await.expect(202);
    // The owner is told of it beside the answer.
    app.engine.errands.idle().await;
    let uuid = app.wizard().await;
    let answer = app.password(&uuid, &person, PASSWORD).await.expect(200);
    assert_eq!((answer.workflow(), answer.str("/data/recipient/email")), ("2fa_email_auth", "a***@example.com"));
    assert!(!answer.text.contains(&person.email));
    app.code("email", &uuid, &mailed_code(&sink, 3, &person.email)).await.expect(202);
}

/// The code in the last of `count` mails: the one line of the text part that is nothing but six digits.
fn mailed_code(sink: &SmtpSink, count: usize, to: &str) -> String {
    let mails = sink.mails();
    assert_eq!(mails.len(), count);
    let mail = mails.last().unwrap();
    assert_eq!((&mail.recipients, mail.from.as_str()), (&vec![to.to_owned()], "no-reply@example.com"));
    let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit());
    let found = mail.data.lines().map(str::trim).find(is_code);
    found.unwrap_or_else(|| panic!("no code in {}", mail.data)).to_owned()
}
