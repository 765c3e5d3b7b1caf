//! Getting back in without a password: who learns what by it, who can be kept out by it, and whose account it changes.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use stepgate::engine::ports::{AccountWrite, RequestId, Verdict};
use stepgate::identity::AccountId;

use crate::accounts::admin;
use crate::challenge::SIGNED_OUT;
use crate::enumeration::{Shape, everybody, shape_of, with};
use crate::guesses::{count, other_than};
use crate::harness::{Answer, Backend, PASSWORD, Person, Request, Setup, TestApp};
use crate::smtp::{Behaviour, Fault, SmtpSink, Stage};

on_every_store!(
    a_known_address_is_answered_like_an_unknown_one,
    sends_end_at_the_same_count_for_everybody,
    a_client_address_that_guesses_is_blocked_for_everybody,
    all_spellings_of_an_address_share_its_guesses,
    nobody_is_locked_out_by_guesses_at_the_way_back,
    sends_of_strangers_are_not_the_owners,
    a_failing_mail_server_is_not_felt,
    of_fifty_guesses_at_once_five_are_looked_at,
    an_address_that_was_given_away_leads_nowhere,
    a_way_back_ends_with_a_change_of_the_password,
    a_deleted_account_is_not_led_back_to,
    a_way_back_leads_to_no_other_account,
    an_account_whose_copy_is_behind_finds_the_way_back,
    the_way_back_takes_no_other_code_and_no_other_call,
    another_instance_takes_the_next_step,
    what_is_no_address_is_named,
    an_account_without_a_password_gets_its_first_one,
);

const RESTORE: &str = "/api/v2/my/signin/password/restore";
const NEW: &str = "seven violet herons juggling";
/// For tests of other limits than the client address's.
const PATIENT: (&str, &str) = ("STEPGATE_LIMITS__ADDRESS__FAILURES", "1000");

fn restore<'a>(app: &'a TestApp, email: &str) -> Request<'a> {
    app.call("POST", RESTORE).json(&json!({ "email": email }))
}

/// A wrong code for the way back to `email`, whoever has it.
async fn wrong_code(app: &TestApp, email: &str) -> String {
    let sent = app.outbox(email).await;
    sent.iter().find_map(|sent| sent["code"].as_str()).map_or("123456".to_owned(), other_than)
}

/// What is seen of a call from outside, and how often the store was asked, behind the answer too.
#[derive(Debug, PartialEq)]
struct Seen {
    answer: Shape,
    round_trips: u64,
}

async fn watched(app: &TestApp, email: &str, call: Request<'_>) -> (Seen, Answer) {
    app.engine.errands.idle().await;
    let before = app.engine.store.round_trips();
    let answer = call.send().await;
    app.engine.errands.idle().await;
    let round_trips = app.engine.store.round_trips() - before;
    let (first, domain) = (email.chars().next().unwrap(), email.rsplit_once('@').unwrap().1);
    let mut random = vec![format!("{first}***@{domain}")];
    for name in ["token", "uuid", "sentAt", "expiredAt", "expiresAt"] {
        random.extend(answer.body[name].as_str().map(str::to_owned));
    }
    // The cookie's name has the wizard's uuid without its hyphens.
    random.extend(random[1..].to_vec().iter().map(|value| value.replace('-', "")));
    let receipt = &answer.body["next"]["receipt"];
    random.extend(["sentAt", "expiredAt"].iter().filter_map(|name| receipt[name].as_str()).map(str::to_owned));
    random.extend(answer.header("x-wizard-key").map(str::to_owned));
    let replaced: Vec<(&str, &str)> = random.iter().map(|value| (value.as_str(), "…")).collect();
    let mut shape = shape_of(&answer, &replaced);
    for (name, value) in &mut shape.1 {
        if name == "content-length" {
            // The masked address is as long as its domain.
            *value = (value.parse::<usize>().unwrap() - answer.text.matches(&random[0]).count() * random[0].len())
                .to_string();
        }
        *value = replaced.iter().fold(value.clone(), |value, (from, to)| value.replace(from, to));
    }
    (Seen { answer: shape, round_trips }, answer)
}

/// Everything that somebody may try with an address and without its mail, up to the lock and through it.
async fn course(app: &TestApp, email: &str) -> Vec<Seen> {
    let mut all = Vec::new();
    // Time has passed: the server looks after its keys first.
    app.get("/api/v2/my/wizard/00000000-0000-4000-8000-000000000000").await.refused(404, "wizard_not_found");
    for wizard in 0..3 {
        let query = format!("{SIGNED_OUT}?email={}", email.replace('+', "%2B"));
        let start = if wizard == 1 { app.call("GET", &query) } else { restore(app, email) };
        let (seen, started) = watched(app, email, start.header("Accept-Language", "cs")).await;
        all.push(seen);
        if started.status != 200 {
            continue;
        }
        let token = started.str("token").to_owned();
        let post = |body: Value| app.call("POST", "/api/v2/my/2fa/challenge").json(&body);
        let wrong = json!({ "token": token, "code": wrong_code(app, email).await });
        let mut calls = vec![
            post(json!({ "token": token, "code": "12345" })),
            post(json!({ "token": token, "code": "ABCDE-FGHIJ" })),
            post(json!({ "token": token, "action": "resend" })),
            app.call("GET", &format!("/api/v2/my/wizard/{token}")),
        ];
        for guess in 0..6 {
            let key = format!("{wizard}-{}", guess / 2);
            calls.push(if wizard == 0 {
                post(wrong.clone())
            } else {
                post(wrong.clone()).header("Idempotency-Key", &key)
            });
        }
        calls.push(app.call("GET", &format!("/api/v2/my/wizard/{token}")));
        calls.push(app.call("DELETE", &format!("/api/v2/my/wizard/{token}")));
        for call in calls {
            all.push(watched(app, email, call).await.0);
        }
    }
    for wait in [0, 900] {
        app.clock.advance(wait);
        all.push(watched(app, email, restore(app, email)).await.0);
    }
    all
}

/// A17: starts, wrong codes up to the end of a wizard and up to the lock, resends, looks: same status, headers, body and
/// store round trips for every kind of account and for an address that nobody has. Watches `Subject::Name` in
/// `Engine::subject`, and that a code is sent behind the answer.
async fn a_known_address_is_answered_like_an_unknown_one(app: TestApp) {
    let app = with(app, &[PATIENT]).await;
    let mut names = everybody(&app).await;
    names.retain(|name| name.contains('@'));
    // By another spelling than its own.
    names.iter_mut().filter(|name| name.starts_with("texts")).for_each(|name| *name = "TEXTS@Example.com".to_owned());
    let recovering = app.person_with_email("recovering").await;
    let success = app.reset_token(&recovering).await;
    app.reset_password(&success, NEW).await.expect(204);
    names.push(recovering.email);
    let expected = course(&app, "nobody@example.com").await;
    let statuses: Vec<u16> = expected.iter().map(|seen| seen.answer.0).collect();
    assert_eq!(statuses[..13], [200, 422, 409, 429, 200, 422, 422, 422, 422, 422, 429, 429, 409]);
    assert_eq!(statuses[statuses.len() - 2..], [429, 200], "locked, and open again: {statuses:?}");
    for name in &names {
        let seen = course(&app, name).await;
        assert_eq!(seen.len(), expected.len(), "{name}");
        for (place, (seen, expected)) in seen.iter().zip(&expected).enumerate() {
            assert_eq!(seen, expected, "{name:?}, call {place}");
        }
    }
}

/// A17: the twenty-first code within an hour is refused, whoever has the address. Watches `plan.write.send` where there
/// is no account.
async fn sends_end_at_the_same_count_for_everybody(app: TestApp) {
    let person = app.person("ann").await;
    let mut courses = Vec::new();
    for email in [person.email.as_str(), "nobody@example.com"] {
        let mut seen = Vec::new();
        for _ in 0..21 {
            seen.push(watched(&app, email, restore(&app, email)).await.0);
        }
        courses.push(seen);
    }
    let statuses: Vec<u16> = courses[0].iter().map(|seen| seen.answer.0).collect();
    assert_eq!((&statuses[..20], statuses[20]), (&[200; 20][..], 429));
    assert!(courses[0][20].answer.2.contains("too_many_sends"), "{:?}", courses[0][20]);
    assert_eq!(courses[0], courses[1]);
    assert_eq!(app.outbox("nobody@example.com").await, Vec::<Value>::new());
    assert_eq!(app.outbox(&person.email).await.len(), 20);
}

/// A17, X20: a few guesses each at very many addresses end at the client's own address, also in wizards that were begun
/// before and with somebody's access token beside them. Watches `to_confirm` and `is_stranger`.
async fn a_client_address_that_guesses_is_blocked_for_everybody(app: TestApp) {
    let people = [app.person("ann").await.email, app.person_with_google("beth").await.email];
    let bystander = app.person("cleo").await;
    let bearer = app.sign_in(&bystander).await;
    let mut started = Vec::new();
    for email in people.iter().map(String::as_str).chain(["nobody@example.com", "noone@example.com", "n@example.com"]) {
        started.push((email, app.way_back(email).await.expect(200).str("token").to_owned()));
    }
    for (at, (email, token)) in started.iter().enumerate() {
        let refused = app.confirm("", token, &wrong_code(&app, email).await).await.refused(422, "invalid_code");
        assert_eq!(refused.body["attemptsLeft"], json!(if at == 4 { 0 } else { 4 }), "{email}");
    }
    app.clock.advance(30);
    let mut seen = Vec::new();
    for (email, token) in &started {
        let right = app.outbox(email).await.iter().find_map(|sent| sent["code"].as_str().map(str::to_owned));
        let right = right.unwrap_or("123456".to_owned());
        let body = json!({ "token": token, "code": right });
        for call in [
            app.call("POST", "/api/v2/my/2fa/challenge").json(&body),
            app.call("POST", "/api/v2/my/2fa/challenge").json(&body).bearer(&bearer),
            app.call("POST", "/api/v2/my/2fa/challenge").json(&json!({ "token": token, "action": "resend" })),
        ] {
            let (seen_now, answer) = watched(&app, email, call).await;
            answer.refused(429, "too_many_attempts");
            seen.push(seen_now);
        }
        watched(&app, email, restore(&app, email)).await.1.refused(429, "too_many_attempts");
    }
    assert!(seen.chunks(3).all(|few| few[0] == seen[0] && few[2] == seen[2]), "{seen:?}");
    // Whoever is signed in is counted on the account, not on the address.
    let challenge = app.challenge(&bearer, "").await.expect(200).str("token").to_owned();
    app.confirm(&bearer, &challenge, &app.last_code(&bystander.email).await).await.expect(200);
    // And when it is over, the owner gets back in.
    app.clock.advance(570);
    let success = app.reset_token(&bystander).await;
    app.reset_password(&success, NEW).await.expect(204);
}

/// X22: watches `LoginName` in `Engine::subject`.
async fn all_spellings_of_an_address_share_its_guesses(app: TestApp) {
    let app = with(app, &[PATIENT]).await;
    app.person("ann").await;
    for [one, other] in [["Ann@example.com", "ａｎｎ@EXAMPLE.com"], ["Nobody@example.com", " nobody@Example.COM "]] {
        for email in [one, other] {
            let token = app.way_back(email).await.expect(200).str("token").to_owned();
            let wrong = wrong_code(&app, "ann@example.com").await;
            for _ in 0..5 {
                app.confirm("", &token, &wrong).await.refused(422, "invalid_code");
            }
        }
        app.way_back(one).await.refused(429, "account_locked");
    }
}

/// X20: guesses at the way back lock neither the sign-in nor the second factor, nor count towards it; and the way back
/// opens again. Watches `Subject::Name` where an account is known.
async fn nobody_is_locked_out_by_guesses_at_the_way_back(app: TestApp) {
    let app = with(app, &[PATIENT]).await;
    let person = app.person_with_google("ann").await;
    let session = app.sign_in_with_google(&person).await;
    for _ in 0..2 {
        let token = app.way_back(&person.email).await.expect(200).str("token").to_owned();
        let wrong = wrong_code(&app, &person.email).await;
        for _ in 0..5 {
            app.confirm("", &token, &wrong).await.refused(422, "invalid_code");
        }
    }
    app.way_back(&person.email).await.refused(429, "account_locked");
    let challenge = app.challenge(&session, "").await.expect(200).str("token").to_owned();
    let wrong = app.confirm(&session, &challenge, &app.wrong_totp(person.key())).await;
    assert_eq!(wrong.refused(422, "invalid_code").body["attemptsLeft"], json!(9));
    app.sign_in_with_google(&person).await;
    app.clock.advance(900);
    let success = app.reset_token(&person).await;
    app.reset_password(&success, NEW).await.expect(204);
}

/// X20: codes that strangers have asked for are not taken from the owner's own.
async fn sends_of_strangers_are_not_the_owners(app: TestApp) {
    let person = app.person_with_email("ann").await;
    for _ in 0..20 {
        app.way_back(&person.email).await.expect(200);
    }
    app.way_back(&person.email).await.refused(429, "too_many_sends");
    let (uuid, asked) = app.past_password(&person).await;
    assert_eq!(asked.expect(200).workflow(), "2fa_email_auth");
    app.code("email", &uuid, &app.last_code(&person.email).await).await.expect(202);
}

/// A17: a provider that refuses is no 502 for those who have an account.
async fn a_failing_mail_server_is_not_felt(app: TestApp) {
    let person = app.person("ann").await;
    app.post("/dev/faults", json!({ "channel": "email", "fault": "refuse" })).await.expect(200);
    let mut seen = Vec::new();
    for email in [person.email.as_str(), "nobody@example.com"] {
        let (start, started) = watched(&app, email, restore(&app, email)).await;
        app.clock.advance(30);
        let body = json!({ "token": started.expect(200).str("token"), "action": "resend" });
        let (again, answer) = watched(&app, email, app.call("POST", "/api/v2/my/2fa/challenge").json(&body)).await;
        answer.expect(200);
        seen.push((start, again));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(app.outbox(&person.email).await, Vec::<Value>::new());
}

/// A17: a mail server that reads and never answers holds nobody up: the answers are there while it still hangs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hanging_mail_server_is_not_felt() {
    let sink = SmtpSink::start(Behaviour::default().with(Stage::Message, Fault::Stall)).await;
    let setup = Setup::on(Backend::Embedded)
        .with("STEPGATE_EMAIL__PROVIDERS", r#"["smtp"]"#)
        .with("STEPGATE_EMAIL__FROM", "Stepgate <no-reply@example.com>")
        .with("STEPGATE_EMAIL__SMTP__URL", &format!("smtp://127.0.0.1:{}", sink.port))
        .with("STEPGATE_EMAIL__DEADLINE", "60s");
    let app = setup.start().await;
    app.person("ann").await;
    for email in ["ann@example.com", "nobody@example.com", "ann@example.com"] {
        let answer = tokio::time::timeout(Duration::from_secs(20), restore(&app, email).send());
        answer.await.expect("an answer while the mail server hangs").expect(200);
    }
    // It was really asked, and has not let go: both letters are on their way.
    let busy = tokio::time::timeout(Duration::from_secs(1), app.engine.errands.idle()).await;
    assert!(busy.is_err() && sink.mails().is_empty());
}

/// X15, A4: watches `tries`, counted under the wizard on the name.
async fn of_fifty_guesses_at_once_five_are_looked_at(app: TestApp) {
    let app = with(app, &[PATIENT]).await;
    let person = app.person("ann").await;
    let token = app.way_back(&person.email).await.expect(200).str("token").to_owned();
    let wrong = wrong_code(&app, &person.email).await;
    let answers = join_all((0..50).map(|_| app.confirm("", &token, &wrong))).await;
    assert_eq!(count(&answers, 422, "invalid_code"), 5);
    app.confirm("", &token, &app.last_code(&person.email).await).await.refused(429, "too_many_attempts");
}

async fn move_to(app: &TestApp, person: &Person, email: &str) {
    let path = format!("/accounts/{}", person.id);
    admin(app, "PATCH", &path, Some(json!({ "email": email }))).await.expect(200);
}

/// X19: whoever reads the old address cannot set the password of an account that has another one by now, at whatever
/// moment it moved, and whether or not somebody else has the address. Watches `recall`, and the epoch in `patched`.
async fn an_address_that_was_given_away_leads_nowhere(app: TestApp) {
    let person = app.person("ann").await;
    // Before the code was given.
    let token = app.way_back(&person.email).await.expect(200).str("token").to_owned();
    let code = app.last_code(&person.email).await;
    move_to(&app, &person, "new@example.com").await;
    app.confirm("", &token, &code).await.refused(422, "invalid_code");
    move_to(&app, &person, &person.email).await;
    // After it.
    let success = app.reset_token(&person).await;
    move_to(&app, &person, "new@example.com").await;
    let successor = app.person("ann").await;
    app.reset_password(&success, NEW).await.refused(422, "invalid_success_token");
    let moved = Person { email: "new@example.com".to_owned(), ..person.clone() };
    for owner in [&moved, &successor] {
        app.past_password(owner).await.1.expect(202);
    }
    // There and back again is another time, too.
    let success = app.reset_token(&moved).await;
    move_to(&app, &moved, "newer@example.com").await;
    move_to(&app, &moved, "new@example.com").await;
    app.reset_password(&success, NEW).await.refused(422, "invalid_success_token");
    // Another spelling is the same address.
    let success = app.reset_token(&moved).await;
    move_to(&app, &moved, "New@Example.com").await;
    app.reset_password(&success, NEW).await.expect(204);
}

/// X19: nor to one that has its address next.
async fn a_deleted_account_is_not_led_back_to(app: TestApp) {
    let person = app.person("ann").await;
    let waiting = app.way_back(&person.email).await.expect(200).str("token").to_owned();
    let code = app.last_code(&person.email).await;
    let success = app.reset_token(&person).await;
    admin(&app, "DELETE", &format!("/accounts/{}", person.id), None).await.expect(204);
    let successor = app.person("ann").await;
    app.confirm("", &waiting, &code).await.refused(422, "invalid_code");
    app.reset_password(&success, NEW).await.refused(422, "invalid_success_token");
    app.past_password(&successor).await.1.expect(202);
}

/// X19, A13: codes and tokens of two ways back are not each other's, and nothing in a body names another account.
async fn a_way_back_leads_to_no_other_account(app: TestApp) {
    let (ann, beth) = (app.person("ann").await, app.person("beth").await);
    let anns = app.way_back(&ann.email).await.expect(200).str("token").to_owned();
    let beths = app.way_back(&beth.email).await.expect(200).str("token").to_owned();
    let (for_ann, for_beth) = (app.last_code(&ann.email).await, app.last_code(&beth.email).await);
    if for_ann != for_beth {
        app.confirm("", &anns, &for_beth).await.refused(422, "invalid_code");
        app.confirm("", &beths, &for_ann).await.refused(422, "invalid_code");
    }
    let body = json!({ "token": anns, "code": for_ann, "email": beth.email, "account": beth.id, "uuid": beths });
    let done = app.post("/api/v2/my/2fa/challenge", body).await.expect(200);
    let mut body = crate::password::pair(done.str("successToken"), NEW);
    body["email"] = json!(beth.email);
    body["id"] = json!(beth.id);
    app.post("/api/v2/my/signin/password/reset", body).await.expect(204);
    app.past_password(&beth).await.1.expect(202);
    app.password(&app.wizard().await, &ann, NEW).await.expect(202);
}

/// X9: a code that was mailed before the owner, or the operator, set another password opens nothing after. Watches the
/// epoch in `recall`.
async fn a_way_back_ends_with_a_change_of_the_password(app: TestApp) {
    let person = app.person("ann").await;
    let token = app.way_back(&person.email).await.expect(200).str("token").to_owned();
    let code = app.last_code(&person.email).await;
    admin(&app, "PATCH", &format!("/accounts/{}", person.id), Some(json!({ "password": NEW }))).await.expect(200);
    app.confirm("", &token, &code).await.refused(422, "invalid_code");
    app.password(&app.wizard().await, &person, NEW).await.expect(202);
}

/// The name's copy of an account may be behind after a crash; whoever has forgotten the password could not mend it by
/// signing in. Watches `recall`.
async fn an_account_whose_copy_is_behind_finds_the_way_back(app: TestApp) {
    let person = app.person_with_google("ann").await;
    let (id, store, now) = (AccountId(person.id), &app.engine.store, app.engine.clock.now());
    let mut account = store.account(id).await.unwrap().unwrap();
    let revision = account.revision;
    account.credentials_changed(now);
    let write = AccountWrite { account: Some(account), ..AccountWrite::default() };
    let written = store.write_account(&RequestId("behind".to_owned()), id, revision, &write, now).await.unwrap();
    assert_eq!(written, Verdict::Accepted);
    app.clock.advance(1);
    let success = app.reset_token(&person).await;
    app.reset_password(&success, NEW).await.expect(204);
    let asked = app.password(&app.wizard().await, &person, NEW).await.expect(200);
    assert_eq!(asked.workflow(), "2fa_google_auth");
}

/// A12, X3: no recovery code, no authenticator, no session, and what is pending is no session either.
async fn the_way_back_takes_no_other_code_and_no_other_call(app: TestApp) {
    let person = app.person_with_google("ann").await;
    let token = app.way_back(&person.email).await.expect(200).str("token").to_owned();
    app.confirm("", &token, &app.totp(person.key())).await.refused(422, "invalid_code");
    app.confirm("", &token, "ABCDE-FGHIJ").await.refused(409, "step_not_allowed");
    let code = app.last_code(&person.email).await;
    for factor in ["email", "google", "sms", "recovery"] {
        app.code(factor, &token, &code).await.refused(404, "wizard_not_found");
    }
    app.choose(&token, "google").await.refused(404, "wizard_not_found");
    app.password(&token, &person, PASSWORD).await.refused(404, "wizard_not_found");
    for bearer in [token.as_str(), code.as_str()] {
        app.call("GET", "/api/v2/my/2fa").bearer(bearer).send().await.refused(401, "unauthorized");
    }
    // Whoever is signed in elsewhere may finish it all the same.
    let session = app.sign_in_with_google(&person).await;
    let done = app.confirm(&session, &token, &code).await.expect(200);
    app.confirm("", &token, &code).await.refused(409, "step_not_allowed");
    app.call("GET", "/api/v2/my/2fa").bearer(done.str("successToken")).send().await.refused(401, "unauthorized");
}

/// Only the embedded store is one process's own.
async fn another_instance_takes_the_next_step(app: TestApp) {
    if app.engine.store.health().await.unwrap().backend == "embedded" {
        return;
    }
    let person = app.person("ann").await;
    let token = app.way_back(&person.email).await.expect(200).str("token").to_owned();
    // The outbox is the first one's.
    let code = app.last_code(&person.email).await;
    let (second, third) = (app.sibling().await, app.sibling().await);
    let success = second.confirm("", &token, &code).await.expect(200).str("successToken").to_owned();
    let (one, other) = tokio::join!(third.reset_password(&success, NEW), app.reset_password(&success, NEW));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert!(statuses == [204, 409] || statuses == [204, 422], "{statuses:?}");
    second.password(&second.wizard().await, &person, NEW).await.expect(202);
}

/// A17, X36: what cannot be an address is refused before anybody is looked for; a plus sign need not be encoded.
async fn what_is_no_address_is_named(app: TestApp) {
    let tagged = app.person("ann+tag").await;
    for email in ["", "ann", "ann@", "ann@example.com\r\nBcc: x@example.com", "A <ann@example.com>", "a@b@c"] {
        let refused = app.post(RESTORE, json!({ "email": email })).await.refused(400, "invalid_request");
        assert!(refused.body["errors"]["email"].is_array(), "{email:?}: {}", refused.text);
    }
    for body in [json!({}), json!({ "email": null }), json!({ "email": [tagged.email] }), json!({ "email": 1 })] {
        let refused = app.post(RESTORE, body).await.refused(400, "invalid_request");
        assert!(refused.body["errors"]["email"].is_array(), "{}", refused.text);
    }
    app.get(SIGNED_OUT).await.refused(400, "invalid_request");
    app.get(&format!("{SIGNED_OUT}?email=a@example.com&email=b@example.com")).await.refused(400, "invalid_request");
    assert_eq!(app.outbox(&tagged.email).await, Vec::<Value>::new());
    let started = app.get(&format!("{SIGNED_OUT}?email=ann+tag@example.com")).await.expect(200);
    assert_eq!(started.header("cache-control"), Some("no-store"));
    app.engine.errands.idle().await;
    assert_eq!(app.outbox(&tagged.email).await.len(), 1);
}

async fn an_account_without_a_password_gets_its_first_one(app: TestApp) {
    let email = "ann@example.com".to_owned();
    let id = app.account(json!({ "email": email })).await;
    let person = Person { id, email, phone: String::new(), key: None };
    let success = app.reset_token(&person).await;
    app.reset_password(&success, NEW).await.expect(204);
    app.password(&app.wizard().await, &person, NEW).await.expect(202);
}

/// A17: where a directory keeps the passwords, nothing can be restored, and nobody learns whom it knows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_keeps_its_passwords_and_its_people() {
    let app = Setup::on(Backend::Embedded).with_directory().start().await;
    let person = app.person_with_google("ann").await;
    let asked = app.directory().unwrap().questions().len();
    let wizard = app.get("/api/v2/my/signin/wizard").await.expect(200);
    assert_eq!(wizard.body["data"]["is_password_recovery_available"], json!(false));
    let mut seen = Vec::new();
    for email in [person.email.as_str(), "nobody@example.com"] {
        let query = format!("{SIGNED_OUT}?email={email}");
        for call in [restore(&app, email), app.call("GET", &query)] {
            let (seen_now, answer) = watched(&app, email, call).await;
            answer.refused(403, "password_kept_elsewhere");
            seen.push(seen_now);
        }
    }
    assert!(seen.iter().all(|one| *one == seen[0]) && seen[0].round_trips == 0, "{seen:?}");
    app.reset_password("any", NEW).await.refused(403, "password_kept_elsewhere");
    let token = app.sign_in_with_google(&person).await;
    let challenge = app.challenge(&token, "").await.expect(200).str("token").to_owned();
    let done = app.confirm(&token, &challenge, &app.totp(person.key())).await.expect(200);
    app.change_password(&token, done.str("successToken"), NEW).await.refused(403, "password_kept_elsewhere");
    // The confirmation itself is as good as anywhere.
    let body = json!({ "token": done.str("successToken"), "purpose": "step_up" });
    admin(&app, "POST", "/success-tokens/redeem", Some(body)).await.expect(200);
    assert_eq!(app.directory().unwrap().questions().len(), asked + 1, "asked for the sign-in and for nothing else");
}
