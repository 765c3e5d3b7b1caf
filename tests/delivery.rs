//! The courier against real servers on loopback: an HTTP gateway, an SMTP server that misbehaves as told, and one
//! SMTP server that somebody else wrote.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "harness/smtp.rs"]
mod smtp;
#[path = "harness/webhook.rs"]
mod webhook;

use std::process::Stdio;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;
use smtp::{Behaviour, Fault, SmtpSink, Stage};
use stepgate::delivery::{
    Chain, EventWebhook, Login, Outbox, Queued, Relay, Security, Sender, Smtp, SmtpSettings, Webhook, WebhookSettings,
    Wording,
};
use stepgate::engine::ports::{
    Address, Channel, Clock, Courier, Entropy, Event, EventSink, Message, MessageKind, Notice, Receipt, SendFailure,
};
use stepgate::identity::{Code, Email, Factor, Locale, Phone, Secret};
use tokio::io::{AsyncBufReadExt, BufReader};
use webhook::{Reply, WebhookSink};

const NOW: i64 = 1_672_232_458;
const SECRET: &str = "a webhook secret";

struct Fixed;
impl Clock for Fixed {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(NOW, 0).unwrap()
    }
}

/// Not secure and not meant to be: the bytes only spread retries.
#[derive(Default)]
struct Counting(AtomicU8);
impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill_with(|| self.0.fetch_add(1, Ordering::Relaxed));
    }
}

fn wording() -> Arc<Wording> {
    Arc::new(Wording::new("Stepgate"))
}

/// Everything that this crate logs in this process. One subscriber for all tests: whether an event is of interest is
/// remembered for the process, so a test cannot have one of its own.
#[derive(Clone, Copy)]
struct Log;

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

impl Log {
    fn capture() {
        let filter = tracing_subscriber::EnvFilter::new("stepgate=trace");
        let builder = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false);
        // All calls but the first one find it set.
        let _ = tracing::subscriber::set_global_default(builder.with_writer(|| Log).finish());
    }

    fn written() -> String {
        String::from_utf8(LOG.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn chain() -> Chain {
    Log::capture();
    Chain::new(Arc::new(Counting::default()))
}

fn gateway(url: &str, timeout: Duration) -> Webhook {
    let settings = WebhookSettings { url: Secret::new(url), secret: Secret::new(SECRET), timeout };
    Webhook::new(settings, Arc::new(Fixed), wording()).unwrap()
}

fn outbox() -> Outbox {
    Outbox::new(Arc::new(Fixed), wording())
}

fn code() -> MessageKind {
    MessageKind::Code { code: Code::parse("012345", 6).unwrap(), minutes: 5 }
}

fn text() -> Message {
    let to = Address::Phone(Phone::parse("+420601123456").unwrap());
    Message { id: "abcdefghijklmnopqrstuv".into(), to, locale: Locale::Cs, kind: code() }
}

fn mail_to(to: &str) -> Message {
    let to = Address::Email(Email::parse(to).unwrap());
    Message { id: "abcdefghijklmnopqrstuv".into(), to, locale: Locale::Cs, kind: code() }
}

fn relay(sink: &SmtpSink, security: Security) -> Relay {
    Relay { host: "localhost".into(), port: sink.port, security, login: None, hello: Some("client.example".into()) }
}

fn with_login(relay: Relay, user: &str, password: &str) -> Relay {
    Relay { login: Some(Login { user: user.into(), password: Secret::new(password) }), ..relay }
}

fn mailer(relay: Relay, ca: Option<&str>) -> Smtp {
    let from = Sender::new(Some("Stepgate".into()), Email::parse("no-reply@example.com").unwrap()).unwrap();
    let settings = SmtpSettings { relay, from, ca: ca.map(|pem| pem.as_bytes().to_vec()) };
    Smtp::new(settings, Arc::new(Fixed), wording()).unwrap()
}

/// Runs a send that has a deadline of its own; this one only keeps a broken one from hanging the run.
async fn send(chain: &Chain, message: &Message) -> Result<Receipt, SendFailure> {
    tokio::time::timeout(Duration::from_secs(60), chain.send(message)).await.expect("the courier keeps its deadline")
}

fn by(provider: &str) -> Result<Receipt, SendFailure> {
    Ok(Receipt { provider: provider.into() })
}

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(400);

// ---- SMS by webhook

#[tokio::test]
async fn an_sms_is_posted_as_signed_json() {
    let sink = WebhookSink::start([Reply::Status(202)]).await;
    let chain = chain().with(Channel::Sms, gateway(&sink.url, LONG));
    assert_eq!(send(&chain, &text()).await, by("webhook"));
    let requests = sink.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].line, "POST /sms HTTP/1.1");
    assert_eq!(requests[0].header("content-type"), Some("application/json"));
    assert_eq!(requests[0].signed_at(SECRET), Some(NOW));
    assert_eq!(requests[0].signed_at("another secret"), None);
    assert_eq!(
        requests[0].json(),
        json!({
            "to": "+420601123456",
            "text": "012345 je váš kód pro Stepgate. Platí 5 minut.",
            "code": "012345",
            "template": "code",
            "locale": "cs",
            "messageId": "abcdefghijklmnopqrstuv",
        })
    );
}

#[tokio::test]
async fn s1_a_provider_that_reads_and_hangs_gets_at_most_one_send() {
    let (sink, spare) = (WebhookSink::start([Reply::HangAfterReading]).await, outbox());
    let chain = chain()
        .with(Channel::Sms, gateway(&sink.url, LONG))
        .with(Channel::Sms, spare.clone())
        .deadline(Channel::Sms, SHORT);
    assert_eq!(send(&chain, &text()).await, Err(SendFailure::Unknown));
    assert_eq!(sink.requests().len(), 1);
    assert!(spare.messages(None).is_empty(), "nobody else was asked");
}

#[tokio::test]
async fn s1_the_providers_own_timeout_is_an_unknown_outcome_too() {
    let (sink, spare) = (WebhookSink::start([Reply::HangAfterReading]).await, outbox());
    let chain = chain().with(Channel::Sms, gateway(&sink.url, SHORT)).with(Channel::Sms, spare.clone());
    assert_eq!(send(&chain, &text()).await, Err(SendFailure::Unknown));
    assert_eq!((sink.requests().len(), spare.messages(None).len()), (1, 0));
}

#[tokio::test]
async fn s1_a_connection_cut_after_the_request_is_an_unknown_outcome() {
    for cut in [Reply::CloseAfterReading, Reply::CloseEarly] {
        let (sink, spare) = (WebhookSink::start([cut.clone()]).await, outbox());
        let chain = chain().with(Channel::Sms, gateway(&sink.url, LONG)).with(Channel::Sms, spare.clone());
        assert_eq!(send(&chain, &text()).await, Err(SendFailure::Unknown), "{cut:?}");
        assert_eq!(sink.connections(), 1, "{cut:?}");
        assert!(spare.messages(None).is_empty(), "{cut:?}");
    }
}

#[tokio::test]
async fn s1_a_provider_that_never_reads_holds_nobody_past_the_deadline() {
    let sink = WebhookSink::start([Reply::HangBeforeReading]).await;
    let chain = chain().with(Channel::Sms, gateway(&sink.url, LONG)).deadline(Channel::Sms, SHORT);
    assert_eq!(send(&chain, &text()).await, Err(SendFailure::Unknown));
    assert_eq!(sink.connections(), 1);
}

#[tokio::test]
async fn s2_a_429_twice_and_then_exactly_one_accepted() {
    let sink = WebhookSink::start([Reply::Status(429), Reply::Status(429), Reply::Status(200)]).await;
    let spare = outbox();
    let chain = chain()
        .with(Channel::Sms, gateway(&sink.url, LONG))
        .with(Channel::Sms, spare.clone())
        .deadline(Channel::Sms, LONG);
    assert_eq!(send(&chain, &text()).await, by("webhook"));
    let requests = sink.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|one| one.json()["messageId"] == "abcdefghijklmnopqrstuv"), "one message, three tries");
    assert!(spare.messages(None).is_empty());
}

#[tokio::test]
async fn a_retry_after_beyond_the_deadline_sends_the_message_elsewhere() {
    let sink = WebhookSink::start([Reply::With(429, "Retry-After", "3600".into())]).await;
    let spare = outbox();
    let chain = chain().with(Channel::Sms, gateway(&sink.url, LONG)).with(Channel::Sms, spare.clone());
    assert_eq!(send(&chain, &text()).await, by("outbox"));
    assert_eq!((sink.requests().len(), spare.messages(Some("+420601123456")).len()), (1, 1));
}

#[tokio::test]
async fn a_server_error_is_tried_again_and_then_elsewhere() {
    let (sink, spare) = (WebhookSink::start([Reply::Status(503)]).await, outbox());
    let chain = chain()
        .with(Channel::Sms, gateway(&sink.url, LONG))
        .with(Channel::Sms, spare.clone())
        .deadline(Channel::Sms, LONG);
    assert_eq!(send(&chain, &text()).await, by("outbox"));
    assert_eq!((sink.requests().len(), spare.messages(None).len()), (3, 1));
}

#[tokio::test]
async fn a_refusal_for_good_is_not_repeated() {
    for status in [400, 401, 403, 404, 422] {
        let (sink, spare) = (WebhookSink::start([Reply::Status(status)]).await, outbox());
        let chain = chain().with(Channel::Sms, gateway(&sink.url, LONG)).with(Channel::Sms, spare.clone());
        assert_eq!(send(&chain, &text()).await, by("outbox"), "{status}");
        assert_eq!(sink.requests().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let target = WebhookSink::start([Reply::Status(200)]).await;
    let sink = WebhookSink::start([Reply::With(307, "Location", target.url.clone())]).await;
    let chain = chain().with(Channel::Sms, gateway(&sink.url, LONG));
    assert_eq!(send(&chain, &text()).await, Err(SendFailure::Refused));
    assert_eq!((sink.requests().len(), target.connections()), (1, 0));
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let sink = WebhookSink::start([Reply::EndlessBody]).await;
    let chain = chain().with(Channel::Sms, gateway(&sink.url, LONG));
    assert_eq!(send(&chain, &text()).await, by("webhook"));
    assert_eq!(sink.requests().len(), 1);
}

#[tokio::test]
async fn a_refused_connection_and_failed_tls_go_to_the_next_provider() {
    let closed = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}/sms", listener.local_addr().unwrap())
    };
    let plain = WebhookSink::start([Reply::Status(200)]).await;
    for url in [closed, plain.url.replace("http:", "https:")] {
        let spare = outbox();
        let chain = chain()
            .with(Channel::Sms, gateway(&url, LONG))
            .with(Channel::Sms, spare.clone())
            .deadline(Channel::Sms, LONG);
        assert_eq!(send(&chain, &text()).await, by("outbox"), "{url}");
        assert_eq!(spare.messages(None).len(), 1, "{url}");
    }
    assert!(plain.requests().is_empty(), "nothing was said in clear");
}

#[tokio::test]
async fn the_log_names_the_failure_and_neither_code_nor_address() {
    let gateway_sink = WebhookSink::start([Reply::Status(418)]).await;
    // A server that quotes what it refuses, as many do.
    let said = Fault::Say("550 no such user demo.person@example.com, code 012345");
    let relay_sink = SmtpSink::start(Behaviour::default().with(Stage::Message, said)).await;
    let chain = chain()
        .with(Channel::Sms, gateway(&format!("{}?token=t0ken", gateway_sink.url), LONG))
        .with(Channel::Sms, outbox())
        .with(Channel::Email, mailer(relay(&relay_sink, Security::None), None));
    assert_eq!(send(&chain, &text()).await, by("outbox"));
    assert_eq!(send(&chain, &mail_to("demo.person@example.com")).await, Err(SendFailure::Refused));
    // What the other tests have logged so far is held to the same.
    let written = Log::written();
    for part in
        ["status 418", "the server answered 550", "to=+4*******3456", "d***@example.com", "abcdefghijklmnopqrstuv"]
    {
        assert!(written.contains(part), "{part:?} in {written}");
    }
    for part in ["012345", "601123456", "demo.person", "demo@", "t0ken", SECRET] {
        assert!(!written.contains(part), "{part:?} in {written}");
    }
}

// ---- email by SMTP

#[tokio::test]
async fn e4_an_email_has_a_text_and_an_html_part_and_its_headers() {
    let sink = SmtpSink::start(Behaviour::default()).await;
    let chain = chain().with(Channel::Email, mailer(relay(&sink, Security::None), None));
    assert_eq!(send(&chain, &mail_to("demo@example.com")).await, by("smtp"));
    let mails = sink.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].from, "no-reply@example.com");
    assert_eq!(mails[0].recipients, ["demo@example.com"]);
    for part in [
        "To: demo@example.com\r\n",
        "From: Stepgate <no-reply@example.com>\r\n",
        "Message-ID: <abcdefghijklmnopqrstuv@example.com>\r\n",
        "Date: Wed, 28 Dec 2022 13:00:58 +0000\r\n",
        "Content-Type: text/plain; charset=utf-8\r\n",
        "Content-Type: text/html; charset=utf-8\r\n",
        "012345",
    ] {
        assert!(mails[0].data.contains(part), "{part:?} in {}", mails[0].data);
    }
    assert_eq!(sink.lines()[0], "EHLO client.example");
}

#[tokio::test]
async fn e1_a_server_that_strips_required_starttls_gets_no_credentials_and_no_message() {
    let sink = SmtpSink::start(Behaviour { login: Some(("user", "pass word")), ..Behaviour::default() }).await;
    let relay = with_login(relay(&sink, Security::Required), "user", "pass word");
    let chain = chain().with(Channel::Email, mailer(relay, Some(&sink.ca)));
    assert_eq!(send(&chain, &mail_to("demo@example.com")).await, Err(SendFailure::Refused));
    let heard = sink.lines();
    assert!(!heard.is_empty() && heard.iter().all(|line| line.starts_with("EHLO") || line == "QUIT"), "{heard:?}");
    assert!(sink.mails().is_empty());
}

#[tokio::test]
async fn e1_a_certificate_that_nobody_vouches_for_gets_no_credentials_and_no_message() {
    for (behaviour, security) in [
        (Behaviour { starttls: true, ..Behaviour::default() }, Security::Required),
        (Behaviour { starttls: true, ..Behaviour::default() }, Security::Opportunistic),
        (Behaviour { implicit: true, ..Behaviour::default() }, Security::Implicit),
    ] {
        let sink = SmtpSink::start(behaviour).await;
        let relay = with_login(relay(&sink, security), "user", "pass");
        let chain = chain().with(Channel::Email, mailer(relay, None));
        assert_eq!(send(&chain, &mail_to("demo@example.com")).await, Err(SendFailure::Refused), "{security:?}");
        let heard = sink.lines();
        assert!(!heard.iter().any(|line| line.starts_with("AUTH") || line.starts_with("MAIL")), "{heard:?}");
    }
}

#[tokio::test]
async fn e1_credentials_and_messages_go_out_encrypted() {
    let login = Some(("user", "p@ss:word/"));
    for (behaviour, security) in [
        (Behaviour { starttls: true, login, ..Behaviour::default() }, Security::Required),
        (Behaviour { starttls: true, login, ..Behaviour::default() }, Security::Opportunistic),
        (Behaviour { implicit: true, login, ..Behaviour::default() }, Security::Implicit),
    ] {
        let sink = SmtpSink::start(behaviour).await;
        let relay = with_login(relay(&sink, security), "user", "p@ss:word/");
        let chain = chain().with(Channel::Email, mailer(relay, Some(&sink.ca)));
        assert_eq!(send(&chain, &mail_to("demo@example.com")).await, by("smtp"), "{security:?}");
        let mails = sink.mails();
        assert!(mails.len() == 1 && mails[0].encrypted, "{security:?}");
        assert_eq!(mails[0].user.as_deref(), Some("user"), "{security:?}");
    }
}

#[tokio::test]
async fn opportunistic_tls_does_without_when_it_is_not_offered() {
    let sink = SmtpSink::start(Behaviour::default()).await;
    let chain = chain().with(Channel::Email, mailer(relay(&sink, Security::Opportunistic), Some(&sink.ca)));
    assert_eq!(send(&chain, &mail_to("demo@example.com")).await, by("smtp"));
    assert!(!sink.mails()[0].encrypted);
}

#[tokio::test]
async fn e2_a_server_that_stalls_before_the_message_leaves_time_for_the_next_one() {
    for stage in [Stage::Greeting, Stage::Ehlo, Stage::Mail, Stage::Rcpt, Stage::Data] {
        let (sink, spare) = (SmtpSink::start(Behaviour::default().with(stage, Fault::Stall)).await, outbox());
        let chain = chain()
            .with(Channel::Email, mailer(relay(&sink, Security::None), None))
            .with(Channel::Email, spare.clone())
            .deadline(Channel::Email, 2 * SHORT);
        assert_eq!(send(&chain, &mail_to("demo@example.com")).await, by("outbox"), "{stage:?}");
        assert_eq!((sink.bodies(), spare.messages(None).len()), (0, 1), "{stage:?}");
    }
}

#[tokio::test]
async fn e2_a_server_that_stalls_or_leaves_after_the_message_has_an_unknown_outcome() {
    for fault in [Fault::Stall, Fault::Cut] {
        let sink = SmtpSink::start(Behaviour::default().with(Stage::Message, fault.clone())).await;
        let spare = outbox();
        let chain = chain()
            .with(Channel::Email, mailer(relay(&sink, Security::None), None))
            .with(Channel::Email, spare.clone())
            .deadline(Channel::Email, 5 * SHORT);
        assert_eq!(send(&chain, &mail_to("demo@example.com")).await, Err(SendFailure::Unknown), "{fault:?}");
        assert_eq!((sink.bodies(), spare.messages(None).len()), (1, 0), "{fault:?}");
    }
}

#[tokio::test]
async fn what_a_server_answers_decides_between_again_and_never() {
    for (stage, said, tries) in [
        (Stage::Greeting, "421 busy", 3),
        (Stage::Mail, "451 later", 3),
        (Stage::Rcpt, "450 greylisted", 3),
        (Stage::Rcpt, "550 nobody", 1),
        (Stage::Data, "554 no", 1),
        (Stage::Data, "250 out of step", 3),
        (Stage::Message, "451 disk full", 3),
        (Stage::Message, "552 too big", 1),
    ] {
        let sink = SmtpSink::start(Behaviour::default().with(stage, Fault::Say(said))).await;
        let spare = outbox();
        let chain = chain()
            .with(Channel::Email, mailer(relay(&sink, Security::None), None))
            .with(Channel::Email, spare.clone())
            .deadline(Channel::Email, LONG);
        assert_eq!(send(&chain, &mail_to("demo@example.com")).await, by("outbox"), "{stage:?} {said}");
        assert_eq!(spare.messages(None).len(), 1, "{stage:?} {said}");
        if stage != Stage::Greeting {
            let begun = sink.lines().iter().filter(|line| line.starts_with("MAIL")).count();
            assert_eq!(begun, tries, "{stage:?} {said}");
        }
    }
}

#[tokio::test]
async fn a_wrong_password_at_the_relay_is_not_tried_again() {
    let sink = SmtpSink::start(Behaviour { login: Some(("user", "right")), ..Behaviour::default() }).await;
    let relay = with_login(relay(&sink, Security::None), "user", "wrong");
    let chain = chain().with(Channel::Email, mailer(relay, None));
    assert_eq!(send(&chain, &mail_to("demo@example.com")).await, Err(SendFailure::Refused));
    assert_eq!(sink.lines().iter().filter(|line| line.starts_with("AUTH")).count(), 1);
}

#[tokio::test]
async fn e3_no_field_adds_a_recipient_or_a_header() {
    let bad =
        ["\r\nBcc: evil@example.com", "\nBcc: evil@example.com", "\r\n.\r\nMAIL FROM:<x@y.example>", "\0", "\u{85}x"];
    for bad in bad {
        let sink = SmtpSink::start(Behaviour::default()).await;
        let chain = chain().with(Channel::Email, mailer(relay(&sink, Security::None), None));
        let address = format!("demo@example.com{bad}");
        assert!(Email::parse(&address).is_err(), "the address does not even parse: {address:?}");
        let message = Message { id: format!("id{bad}"), ..mail_to("demo@example.com") };
        assert_eq!(send(&chain, &message).await, Err(SendFailure::Refused), "{bad:?}");
        assert!(sink.lines().is_empty(), "refused before a connection: {bad:?}");

        let from = Sender::new(None, Email::parse("no-reply@example.com").unwrap()).unwrap();
        let settings = SmtpSettings { relay: relay(&sink, Security::None), from, ca: None };
        let wording = Arc::new(Wording::new(format!("Product{bad}")));
        let mailer = Smtp::new(settings, Arc::new(Fixed), wording).unwrap();
        let chain = self::chain().with(Channel::Email, mailer);
        assert_eq!(send(&chain, &mail_to("demo@example.com")).await, Err(SendFailure::Refused), "{bad:?}");
        assert!(sink.mails().is_empty(), "{bad:?}");
    }
}

#[tokio::test]
async fn e3_odd_but_valid_addresses_stay_one_recipient() {
    let sink = SmtpSink::start(Behaviour::default()).await;
    let chain = chain().with(Channel::Email, mailer(relay(&sink, Security::None), None));
    let odd = [
        "a+b=c@example.com",
        "o'brien@example.com",
        "x{y}|z@example.com",
        "demo@příklad.cz",
        "!#$%&*/?^_`~@example.com",
    ];
    for to in odd {
        assert_eq!(send(&chain, &mail_to(to)).await, by("smtp"), "{to}");
    }
    let mails = sink.mails();
    assert_eq!(mails.len(), odd.len());
    for mail in &mails {
        assert_eq!(mail.recipients.len(), 1, "{mail:?}");
        let headers = mail.data.split("\r\n\r\n").next().unwrap();
        assert_eq!(headers.lines().filter(|line| line.starts_with("To:")).count(), 1, "{headers}");
        assert!(!headers.lines().any(|line| line.starts_with("Bcc") || line.starts_with("Cc")), "{headers}");
    }
    assert_eq!(mails[3].recipients, ["demo@xn--pklad-zsa96e.cz"]);
}

// ---- email by SMTP, to a server that somebody else wrote

/// A server with STARTTLS and AUTH both required; prints its port, then each message as one line of JSON.
const AIOSMTPD: &str = r#"
import asyncio, json, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult

class Sink:
    async def handle_DATA(self, server, session, envelope):
        print(json.dumps({"from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": session.ssl is not None,
                          "data": envelope.content.decode()}), flush=True)
        return "250 taken"

def login(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == (b"user@example.com", b"p@ss/word"))

async def main():
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(sys.argv[1], sys.argv[2])
    make = lambda: SMTP(Sink(), tls_context=tls, require_starttls=True, auth_required=True, authenticator=login)
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"#;

#[tokio::test]
async fn a_server_that_somebody_else_wrote_takes_our_mail() {
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = smtp::pem_pair();
    let (cert_file, key_file) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&cert_file, &cert).unwrap();
    std::fs::write(&key_file, key).unwrap();
    let python = std::env::var("STEPGATE_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut server = tokio::process::Command::new(&python)
        .args(["-c", AIOSMTPD])
        .args([&cert_file, &key_file])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| panic!("{python} does not start ({error}); set STEPGATE_TEST_PYTHON"));
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let port = tokio::time::timeout(LONG, lines.next_line()).await.expect("a server in time").unwrap();
    let Some(port) = port else {
        panic!(
            "{python} has no aiosmtpd. Install it with `python3 -m venv venv && venv/bin/pip install aiosmtpd` and set \
             STEPGATE_TEST_PYTHON=venv/bin/python"
        );
    };
    let relay = Relay {
        host: "localhost".into(),
        port: port.parse().expect("a port"),
        security: Security::Required,
        login: Some(Login { user: "user@example.com".into(), password: Secret::new("p@ss/word") }),
        hello: None,
    };
    let chain = chain().with(Channel::Email, mailer(relay, Some(&cert))).deadline(Channel::Email, LONG);
    assert_eq!(send(&chain, &mail_to("demo@example.com")).await, by("smtp"));
    let line = tokio::time::timeout(LONG, lines.next_line()).await.expect("the message in time").unwrap().unwrap();
    let mail: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&mail["from"], &mail["tls"]), (&json!("no-reply@example.com"), &json!(true)));
    assert_eq!(mail["to"], json!(["demo@example.com"]));
    assert!(mail["data"].as_str().unwrap().contains("012345"), "{mail}");
}

/// A23: a notice goes out by mail, in the owner's language, with the time of what happened.
#[tokio::test]
async fn a_notice_reaches_a_mailbox_and_no_sms_gateway() {
    let (sink, gate) = (SmtpSink::start(Behaviour::default()).await, WebhookSink::start([Reply::Status(200)]).await);
    let chain = chain()
        .with(Channel::Email, mailer(relay(&sink, Security::Opportunistic), None))
        .with(Channel::Sms, gateway(&gate.url, LONG));
    let notice = MessageKind::Notice { notice: Notice::FactorDisabled(Factor::Google), at: Fixed.now() };
    let mail = Message { kind: notice.clone(), locale: Locale::En, ..mail_to("demo@example.com") };
    assert_eq!(send(&chain, &mail).await, by("smtp"));
    let mails = sink.mails();
    assert_eq!((mails.len(), &mails[0].recipients), (1, &vec!["demo@example.com".to_owned()]));
    // Quoted-printable: a line that is too long goes on behind an equals sign.
    let data = mails[0].data.replace("=\r\n", "");
    assert!(data.contains("Subject: A sign-in method of your Stepgate account was turned off"), "{data}");
    assert!(data.contains("Codes from an authenticator app were turned off for your Stepgate account on 2022-12-28"));
    assert!(data.contains("If this was not you"), "{data}");
    assert_eq!(send(&chain, &Message { kind: notice, ..text() }).await, Err(SendFailure::Refused));
    assert!(gate.requests().is_empty());
}

// ---- events

fn event(id: usize) -> Event {
    let event = json!({ "id": id.to_string(), "time": "2026-01-15T12:00:05Z", "type": "locked", "actor": "person" });
    serde_json::from_value(event).unwrap()
}

fn events_to(sink: &WebhookSink) -> Queued {
    Log::capture();
    let timeout = Duration::from_millis(300);
    let settings = WebhookSettings { url: Secret::new(sink.url.as_str()), secret: Secret::new(SECRET), timeout };
    Queued::new(EventWebhook::new(settings, Arc::new(Fixed)).unwrap(), Arc::new(Counting::default()))
}

#[tokio::test]
async fn events_are_posted_signed_until_they_are_taken() {
    for trouble in [Reply::Status(500), Reply::Status(400), Reply::CloseAfterReading, Reply::HangAfterReading] {
        let sink = WebhookSink::start([trouble.clone(), Reply::Status(200)]).await;
        let events = events_to(&sink);
        events.take(&[event(1), event(2)]).await;
        events.finish().await;
        let requests = sink.requests();
        assert_eq!(requests.len(), 2, "{trouble:?}");
        assert_eq!(requests[0].body, requests[1].body);
        assert_eq!(requests[1].signed_at(SECRET), Some(NOW));
        assert_eq!(requests[1].header("content-type"), Some("application/json"));
        let told = json!({ "time": "2026-01-15T12:00:05Z", "type": "locked", "actor": "person" });
        let with = |id: &str| {
            let mut event = told.clone();
            event["id"] = id.into();
            event
        };
        assert_eq!(requests[1].json(), json!({ "events": [with("1"), with("2")] }));
    }
    let log = Log::written();
    assert!(log.contains("events could not be delivered") && log.contains("status 500"), "{log}");
    assert!(!log.contains("/sms"), "no address in the log, for it may hold a token: {log}");
}
