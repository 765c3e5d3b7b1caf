//! A directory of the operator's own: what becomes of its people here, and of its failures. The suites of signing in run
//! with it as well.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::directory_service::DirectoryService;
use crate::guesses::count;
use crate::harness::{Answer, Backend, PASSWORD, Setup, TestApp};
use crate::webhook::{Reply, WebhookSink};

/// A server with a directory in which there is Ann.
async fn with_ann() -> TestApp {
    let app = Setup::on(Backend::Embedded).with_directory().start().await;
    put(&app, "7", "ann@example.com");
    app
}

fn service(app: &TestApp) -> &DirectoryService {
    app.directory().unwrap()
}

fn put(app: &TestApp, id: &str, email: &str) {
    service(app).put(json!({ "id": id, "email": email }), PASSWORD);
}

/// A server whose directory does what it is told.
async fn told(replies: impl IntoIterator<Item = Reply>) -> (TestApp, WebhookSink) {
    let sink = WebhookSink::start(replies).await;
    let setup = Setup::on(Backend::Embedded).with_directory_at(&sink.url);
    (setup.with("STEPGATE_DIRECTORY__TIMEOUT", "500ms").start().await, sink)
}

/// A name and a password in a fresh wizard.
async fn give(app: &TestApp, name: &str, password: &str) -> Answer {
    let uuid = app.wizard().await;
    app.name_and_password(&uuid, name, password).await
}

/// The access token of a sign-in that needs no more than the password.
async fn enter(app: &TestApp, name: &str) -> String {
    give(app, name, PASSWORD).await.expect(202).str("/data/accessToken/token").to_owned()
}

/// The record behind an account's number.
async fn record(app: &TestApp, email: &str) -> stepgate::identity::Account {
    let id = app.account_at(email).await["id"].as_u64().unwrap();
    app.engine.store.account(stepgate::identity::AccountId(id)).await.unwrap().unwrap()
}

fn retry_after(answer: &Answer) -> Option<u64> {
    answer.header("retry-after").and_then(|seconds| seconds.parse().ok())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_sign_in_makes_the_account_and_later_ones_keep_it_up_to_date() {
    let app = with_ann().await;
    let mut person = json!({
        "id": "7", "email": "Ann@Example.com", "username": "ann", "phone": "+420 601 123 456", "locale": "cs",
        "groups": ["staff"], "permissions": ["users:read"],
    });
    service(&app).put(person.clone(), PASSWORD);
    enter(&app, "ANN").await;
    let mut made = app.account_at("ann@example.com").await;
    for (field, value) in [
        ("email", json!("Ann@Example.com")),
        ("username", json!("ann")),
        ("phone", json!("+420601123456")),
        ("locale", json!("cs")),
        ("groups", json!(["staff"])),
        ("permissions", json!(["users:read"])),
        ("hasPassword", json!(false)),
    ] {
        assert_eq!(made[field], value, "{field}");
    }
    enter(&app, "ann@example.com").await;
    assert_eq!(app.account_at("ann@example.com").await, made, "nothing to change, nothing changed");
    person["phone"] = Value::Null;
    person["groups"] = json!([]);
    person.as_object_mut().unwrap().remove("locale");
    service(&app).put(person, PASSWORD);
    app.clock.advance(60);
    enter(&app, "ann").await;
    let now = app.account_at("ann@example.com").await;
    assert_eq!((&now["phone"], &now["groups"], &now["locale"]), (&Value::Null, &json!([]), &json!("cs")));
    assert_ne!(now["updatedAt"], made["updatedAt"]);
    for field in ["phone", "groups", "updatedAt"] {
        made[field] = now[field].clone();
    }
    assert_eq!(now, made);
}

/// X24: whoever could leave the account behind by a new address would leave its second factor behind. Watches that an
/// account is found by the directory's own name for its owner.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_address_keeps_account_and_factors() {
    let app = Setup::on(Backend::Embedded).with_directory().start().await;
    let ann = app.person_with_google("ann").await;
    let id = "id of ann@example.com";
    service(&app).put(json!({ "id": id, "email": "lee@example.com", "username": "lee" }), PASSWORD);
    give(&app, "ann@example.com", PASSWORD).await.refused(422, "invalid_credentials");
    for name in ["lee@example.com", "lee"] {
        let answer = give(&app, name, PASSWORD).await.expect(200);
        assert_eq!(answer.workflow(), "2fa_google_auth");
        app.code("google", &answer.uuid(), &app.totp(ann.key())).await.expect(202);
        app.clock.advance(30);
    }
    assert_eq!(app.account_at("lee@example.com").await["id"], json!(ann.id));
    assert_eq!(app.account_at("ann@example.com").await, Value::Null);
    app.engine.errands.idle().await;
    let told = app.outbox("ann@example.com").await;
    let moved = told.iter().filter(|sent| sent["notice"] == "email_changed");
    assert_eq!(moved.count(), 1, "the old address is told");
}

/// A number that codes go to was confirmed by its owner; what the directory says of a phone does not replace it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_described_phone_gets_no_codes() {
    let app = Setup::on(Backend::Embedded).with_directory().start().await;
    let ann = app.person_with_sms("ann").await;
    let described = json!({ "id": "id of ann@example.com", "email": ann.email, "phone": "+420601123456" });
    service(&app).put(described, PASSWORD);
    let uuid = app.waiting(&ann).await;
    assert!(app.outbox("+420601123456").await.is_empty());
    app.code("sms", &uuid, &app.last_code(&ann.phone).await).await.expect(202);
    assert_eq!(app.account_at(&ann.email).await["phone"], json!("+420601123456"));
}

/// X1: an address passes from one person to another: the second one is never let into the first one's account, and is
/// answered and counted like a wrong password. Watches `Local::Conflict`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_has_passed_on_opens_nobodys_account() {
    let app = with_ann().await;
    enter(&app, "ann@example.com").await;
    let before = record(&app, "ann@example.com").await;
    service(&app).remove("7");
    service(&app).put(json!({ "id": "8", "email": "ann@example.com", "groups": ["staff"] }), PASSWORD);
    let refused = give(&app, "ann@example.com", PASSWORD).await.refused(422, "invalid_credentials");
    assert_eq!(refused.body["attemptsLeft"], json!(4));
    assert_eq!(record(&app, "ann@example.com").await, before);
    // The operator gives the old account another address, and the new owner of the old one has an account of their own.
    let path = format!("/admin/v1/accounts/{}", before.id);
    let moved = app.call("PATCH", &path).bearer(crate::harness::ADMIN_KEY);
    moved.json(&json!({ "email": "former@example.com" })).send().await.expect(200);
    enter(&app, "ann@example.com").await;
    assert_ne!(record(&app, "ann@example.com").await.id, before.id);
}

/// X1: two people change addresses with each other. Each stays who they are; what the other one still has is not taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_another_account_has_are_left_to_it() {
    let app = with_ann().await;
    let people = [("7", "ann"), ("8", "ben")];
    let swapped = [("7", "ben"), ("8", "ann")];
    let describe = |people: [(&str, &str); 2]| {
        for (id, name) in people {
            let email = format!("{name}@example.com");
            service(&app).put(json!({ "id": id, "email": email, "username": name }), PASSWORD);
        }
    };
    describe(people);
    for (_, name) in people {
        enter(&app, name).await;
    }
    let ann = record(&app, "ann@example.com").await;
    describe(swapped);
    enter(&app, "ben").await;
    assert_eq!(record(&app, "ann@example.com").await, ann, "signed in, and nothing could be changed");
    let sessions = app.engine.store.sessions(ann.id, stepgate::engine::ports::Clock::now(&app.clock)).await.unwrap();
    assert_eq!(sessions.len(), 2, "it was Ann who came in as ben");
}

/// An account that was there before the directory becomes that of the person with its address, factors and all; its old
/// password is worth nothing from then on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_from_before_is_taken_over_with_its_factors() {
    let app = Setup::on(Backend::Embedded).start().await;
    let ann = app.person_with_google("ann").await;
    let app = app.stop().await.with_directory().start().await;
    service(&app).put(json!({ "id": "7", "email": "ann@example.com" }), "another password");
    give(&app, "ann@example.com", PASSWORD).await.refused(422, "invalid_credentials");
    let answer = give(&app, "ann@example.com", "another password").await.expect(200);
    assert_eq!(answer.workflow(), "2fa_google_auth");
    app.code("google", &answer.uuid(), &app.totp(ann.key())).await.expect(202);
    assert_eq!(record(&app, "ann@example.com").await.external_id.as_deref(), Some("7"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_first_sign_ins_at_once_make_one_account() {
    for backend in [Backend::Embedded, Backend::Redis, Backend::Cluster] {
        let app = Setup::on(backend).with_directory().start().await;
        put(&app, "7", "ann@example.com");
        let answers = join_all((0..20).map(|_| give(&app, "ann@example.com", PASSWORD))).await;
        let accounts = app.call("GET", "/admin/v1/accounts").bearer(crate::harness::ADMIN_KEY).send().await;
        assert_eq!(accounts.expect(200).body["data"].as_array().unwrap().len(), 1, "{backend:?}");
        let lost = count(&answers, 409, "wizard_changed");
        assert!(answers.iter().all(|answer| answer.status == 202 || answer.code() == "wizard_changed"), "{answers:?}");
        assert!(lost < 20, "{backend:?}: {answers:?}");
    }
}

/// A26: the directory is asked once for each guess that counts, and not at all behind a block: neither of the name, be
/// it known or not, nor of the client's address. Watches `Engine::is_blocked`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_asked_behind_a_block() {
    let app = with_ann().await;
    let app = app.stop().await.with("STEPGATE_LIMITS__ADDRESS__FAILURES", "12").start().await;
    enter(&app, "ann@example.com").await;
    for (name, asked) in [("ann@example.com", 6), ("nobody@example.com", 11)] {
        app.guess_passwords(name, 5).await.refused(422, "invalid_credentials");
        give(&app, name, PASSWORD).await.refused(429, "too_many_attempts");
        assert_eq!(service(&app).questions().len(), asked, "{name}");
    }
    give(&app, "somebody@example.com", PASSWORD).await.refused(429, "too_many_attempts");
    assert_eq!(service(&app).questions().len(), 11, "the address is blocked");
}

/// X15: guesses by a name that only the directory knows count on that name. A right one that was asked for before they
/// blocked it comes too late. Watches the second call of `Engine::is_blocked`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_guess_that_overtakes_the_block_is_refused() {
    let app = with_ann().await;
    let app = app.stop().await.with("STEPGATE_LIMITS__ADDRESS__FAILURES", "1000").start().await;
    enter(&app, "ann@example.com").await;
    service(&app).alias("7", "e1234");
    enter(&app, "E1234").await;
    let release = service(&app).hold();
    let right = give(&app, "e1234", PASSWORD);
    let wrong = async {
        while service(&app).questions().len() < 3 {
            tokio::task::yield_now().await;
        }
        app.guess_passwords("e1234", 5).await.refused(422, "invalid_credentials");
        drop(release);
    };
    let (right, ()) = tokio::join!(right, wrong);
    right.refused(429, "too_many_attempts");
}

/// Some directories take an empty password for a sign-in of nobody in particular.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_password_is_wrong_without_asking() {
    let app = Setup::on(Backend::Embedded).with_directory().start().await;
    service(&app).put(json!({ "id": "7", "email": "ann@example.com" }), "");
    let refused = give(&app, "ann@example.com", "").await.refused(422, "invalid_credentials");
    assert_eq!(refused.body["attemptsLeft"], json!(4));
    assert!(service(&app).questions().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_is_signed_named_and_in_one_spelling() {
    let app = with_ann().await;
    let uuid = app.wizard().await;
    let body = json!({ "uuid": uuid, "email": " ＡＮＮ@Example.com", "password": PASSWORD });
    app.call("POST", "/api/v2/my/signin").header("X-Request-Id", "call-7").json(&body).send().await.expect(202);
    let asked = &service(&app).questions()[0];
    assert_eq!(asked.line, "POST /check HTTP/1.1");
    assert_eq!(asked.json(), json!({ "login": "ann@example.com", "password": PASSWORD }));
    assert_eq!(asked.header("content-type"), Some("application/json"));
    assert_eq!(asked.header("x-stepgate-request-id"), Some("call-7"));
    let signed = asked.signed_at(crate::directory_service::SECRET).unwrap();
    assert_eq!(signed.unsigned_abs(), app.clock.unix());
}

/// What a directory may do instead of answering, and how it is told to.
fn no_answers() -> Vec<(&'static str, Reply)> {
    let body = |status, body: &str| Reply::Body(status, body.to_owned());
    let endless = format!(r#"{{"id":"7","email":"ann@example.com","x":"{}"}}"#, "x".repeat(64 * 1024));
    vec![
        ("an error", Reply::Status(500)),
        ("a bad signature", Reply::Status(400)),
        ("a limit", Reply::Status(429)),
        ("an empty yes", Reply::Status(204)),
        ("a redirect", Reply::With(302, "Location", "http://127.0.0.1:9/".to_owned())),
        ("no JSON", body(200, "yes")),
        ("no person", body(200, "{}")),
        ("no address", body(200, r#"{"id":"7","email":"ann"}"#)),
        ("a long body", body(200, &endless)),
        ("a body without end", Reply::EndlessBody),
        ("silence", Reply::HangAfterReading),
        ("deafness", Reply::HangBeforeReading),
        ("an end", Reply::CloseAfterReading),
        ("an early end", Reply::CloseEarly),
    ]
}

/// A17: whatever the directory does instead of answering is a 503, is asked once, and is counted on nobody; no answer is
/// never a wrong password.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_is_a_503_and_counts_for_nothing() {
    for (what, reply) in no_answers() {
        let (app, sink) = told([Reply::Status(401)]).await;
        let wrong = give(&app, "ann@example.com", PASSWORD).await.refused(422, "invalid_credentials");
        assert_eq!(wrong.body["attemptsLeft"], json!(4), "{what}");
        let before = sink.connections();
        sink.answer([reply]);
        let refused = give(&app, "ann@example.com", PASSWORD).await;
        assert_eq!((refused.status, refused.code(), retry_after(&refused)), (503, "unavailable", Some(1)), "{what}");
        assert_eq!(refused.workflow(), "login", "{what}");
        assert_eq!(sink.connections(), before + 1, "{what}");
        sink.answer([Reply::Status(401)]);
        let wrong = give(&app, "ann@example.com", PASSWORD).await.refused(422, "invalid_credentials");
        assert_eq!(wrong.body["attemptsLeft"], json!(3), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_no_is_a_no_by_any_of_its_names() {
    let (app, sink) = told([]).await;
    for (left, status) in [(4, 401), (3, 403), (2, 404), (1, 422)] {
        sink.answer([Reply::Status(status)]);
        let wrong = give(&app, "ann@example.com", PASSWORD).await.refused(422, "invalid_credentials");
        assert_eq!(wrong.body["attemptsLeft"], json!(left), "{status}");
    }
}

/// A service that does not know our key says so, and that is no wrong password.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_signature_lets_nobody_in_and_counts_for_nothing() {
    let app = with_ann().await;
    let app = app.stop().await.with("STEPGATE_DIRECTORY__SECRET", "another secret altogether").start().await;
    give(&app, "ann@example.com", PASSWORD).await.refused(503, "unavailable");
    assert_eq!(service(&app).questions().len(), 1);
    let secret = crate::directory_service::SECRET;
    let app = app.stop().await.with("STEPGATE_DIRECTORY__SECRET", secret).start().await;
    let wrong = give(&app, "ann@example.com", "not the password").await.refused(422, "invalid_credentials");
    assert_eq!(wrong.body["attemptsLeft"], json!(4));
    enter(&app, "ann@example.com").await;
}

/// Five failures in a row, and it is not asked for ten seconds; then once, by whose outcome it goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_that_fails_is_left_alone_for_a_while() {
    let (app, sink) = told([Reply::Status(500)]).await;
    let mut asked = 0;
    for failure in 1..=5 {
        let refused = give(&app, "ann@example.com", PASSWORD).await.refused(503, "unavailable");
        asked += 1;
        assert_eq!(retry_after(&refused), Some(if failure < 5 { 1 } else { 10 }));
    }
    for pause in [10, 20, 40, 60, 60] {
        let refused = give(&app, "ann@example.com", PASSWORD).await.refused(503, "unavailable");
        assert_eq!((retry_after(&refused), sink.requests().len()), (Some(pause), asked));
        app.clock.advance(pause.cast_signed() - 1);
        let refused = give(&app, "ann@example.com", PASSWORD).await.refused(503, "unavailable");
        assert_eq!((retry_after(&refused), sink.requests().len()), (Some(1), asked));
        app.clock.advance(1);
        give(&app, "ann@example.com", PASSWORD).await.refused(503, "unavailable");
        asked += 1;
        assert_eq!(sink.requests().len(), asked);
    }
    app.clock.advance(60);
    sink.answer([Reply::Status(401)]);
    for left in [4, 3] {
        let wrong = give(&app, "ann@example.com", PASSWORD).await.refused(422, "invalid_credentials");
        assert_eq!(wrong.body["attemptsLeft"], json!(left));
    }
}

/// A flood neither reaches the directory at once nor waits without end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_waits_in_a_bounded_queue() {
    let (app, sink) = told([Reply::HangAfterReading]).await;
    let uuids = join_all((0..110).map(|_| app.wizard())).await;
    let answers = join_all(uuids.iter().map(|uuid| app.name_and_password(uuid, "ann@example.com", PASSWORD))).await;
    let (silent, too_many) = (count(&answers, 503, "unavailable"), count(&answers, 503, "overloaded"));
    assert_eq!(silent + too_many, 110, "{answers:?}");
    assert!(too_many >= 110 - 96, "{too_many} were sent away");
    assert!(sink.requests().len() <= 96 && silent >= 32, "{silent} were asked");
    assert!(answers.iter().all(|answer| retry_after(answer).is_some()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_that_is_not_there_is_a_503() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let app = Setup::on(Backend::Embedded).with_directory_at(&format!("http://{gone}/")).start().await;
    give(&app, "ann@example.com", PASSWORD).await.refused(503, "unavailable");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_recovery_of_passwords_is_offered_that_are_kept_elsewhere() {
    for (setup, offered) in
        [(Setup::on(Backend::Embedded), true), (Setup::on(Backend::Embedded).with_directory(), false)]
    {
        let app = setup.start().await;
        let started = app.get("/api/v2/my/signin/wizard").await.expect(200);
        assert_eq!(started.body["data"]["is_password_recovery_available"], json!(offered));
        let look = app.get(&format!("/api/v2/my/wizard/{}", started.uuid())).await.expect(200);
        assert_eq!(look.body["data"], started.body["data"]);
    }
}
