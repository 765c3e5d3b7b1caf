//! That the door of the ABRA Flexi surface is the door of all: the same codes, the same counters, the same names, and
//! nothing to be learnt at it.

use data_encoding::BASE64;
use futures_util::future::join_all;
use serde_json::json;

use crate::bypass::many_names;
use crate::enumeration::{Shape, everybody, shape_of, with};
use crate::flexi::{DISABLED, ENABLED, SECRET};
use crate::guesses::with_status;
use crate::harness::{Answer, PASSWORD, Person, TestApp};

on_every_store!(
    a_code_is_spent_for_both_surfaces,
    a_recovery_code_works_once_here_or_there,
    wrong_codes_here_lock_everywhere_and_the_other_way_round,
    wrong_codes_of_an_enrolment_are_counted,
    of_fifty_calls_with_one_code_one_is_let_in,
    of_many_guesses_at_once_no_more_are_looked_at_than_the_budget_holds,
    what_is_pending_opens_nothing,
    a_sent_code_ends_with_its_time,
    a_known_name_is_answered_like_an_unknown_one,
    a_wrong_password_has_no_code_sent,
    all_spellings_of_a_name_share_one_budget,
    no_spelling_of_a_name_dodges_the_second_factor,
    a_remembered_device_stands_in_for_nothing,
    no_name_injects_headers_markup_or_log_lines,
);

const PATIENT: (&str, &str) = ("STEPGATE_LIMITS__ADDRESS__FAILURES", "1000");

/// A call that needs the caller's own code and changes nothing while one is on.
async fn knock(app: &TestApp, person: &Person, otp: &str) -> Answer {
    app.flexi("GET", &format!("/{}/qrcode-2fa?otp={otp}", person.email), &person.email, PASSWORD).send().await
}

/// Whether the call came through the door: what it asked for is refused behind it.
fn let_in(answer: &Answer) -> bool {
    answer.status == 403
}

/// A3: what was spent at a wizard opens nothing here, and the other way round; what confirmed an enrolment here is
/// spent as well.
async fn a_code_is_spent_for_both_surfaces(app: TestApp) {
    let person = app.person_with_google("ann").await;
    let uuid = app.waiting(&person).await;
    let code = app.totp(person.key());
    app.code("google", &uuid, &code).await.expect(202);
    knock(&app, &person, &code).await.says(401, "Každý kód lze použít jen jednou. Počkejte na další.");
    app.clock.advance(30);
    let code = app.totp(person.key());
    assert!(let_in(&knock(&app, &person, &code).await));
    let uuid = app.waiting(&person).await;
    app.code("google", &uuid, &code).await.refused(422, "code_used");

    let ben = app.person("ben").await;
    let otp = app.totp(SECRET);
    let target = format!("/{{}}/enable-2fa?secret={SECRET}&otp={otp}");
    app.flexi_put(&target, &ben).await.says(200, ENABLED);
    knock(&app, &ben, &otp).await.fails(401);
    let uuid = app.waiting(&ben).await;
    app.code("google", &uuid, &otp).await.refused(422, "code_used");
}

/// A3, X12: watches that a recovery code is spent on the account, whichever surface takes it.
async fn a_recovery_code_works_once_here_or_there(app: TestApp) {
    let (person, token) = app.google_and_token("ann").await;
    let codes = app.codes(&token).await;
    assert!(let_in(&knock(&app, &person, &codes[0]).await));
    knock(&app, &person, &codes[0]).await.fails(401);
    let uuid = app.waiting(&person).await;
    app.recover(&uuid, &codes[0]).await.refused(422, "invalid_code");
    app.recover(&uuid, &codes[1]).await.expect(202);
    knock(&app, &person, &codes[1]).await.fails(401);
    assert_eq!(app.codes_left(&token).await, 8);
}

/// A4: ten failures in a row lock the second factor for every surface, wherever they were made; the right code does not
/// help, and the wait is told.
async fn wrong_codes_here_lock_everywhere_and_the_other_way_round(app: TestApp) {
    let app = with(app, &[PATIENT]).await;
    let person = app.person_with_google("ann").await;
    let wrong = app.wrong_totp(person.key());
    for _ in 0..10 {
        knock(&app, &person, &wrong).await.says(401, "Zadaný kód není správný.");
    }
    let locked = knock(&app, &person, &app.totp(person.key())).await.fails(429);
    let wait: i64 = locked.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=900).contains(&wait), "{wait}");
    let uuid = app.waiting(&person).await;
    app.code("google", &uuid, &app.totp(person.key())).await.refused(429, "account_locked");
    app.clock.advance(wait);
    assert!(let_in(&knock(&app, &person, &app.totp(person.key())).await));

    let ben = app.person_with_google("ben").await;
    app.lock_google(&ben).await;
    knock(&app, &ben, &app.totp(ben.key())).await.fails(429);
}

/// A4, X20: an enrolment here is no other budget: its wrong codes are 400s that count.
async fn wrong_codes_of_an_enrolment_are_counted(app: TestApp) {
    let person = app.person("ann").await;
    let wrong = app.wrong_totp(SECRET);
    for _ in 0..10 {
        let target = format!("/{{}}/enable-2fa?secret={SECRET}&otp={wrong}");
        app.flexi_put(&target, &person).await.says(400, "Zadaný kód není správný.");
    }
    let target = format!("/{{}}/enable-2fa?secret={SECRET}&otp={}", app.totp(SECRET));
    let locked = app.flexi_put(&target, &person).await.fails(429);
    assert!(locked.header("retry-after").is_some());
    assert!(app.notices(&person.email).await.is_empty(), "nothing was turned on");
}

/// A10, X13: fifty calls with one right code, and the wizards beside them: one is let in.
async fn of_fifty_calls_with_one_code_one_is_let_in(app: TestApp) {
    let settings = [PATIENT, ("STEPGATE_PASSWORD__QUEUE", "200"), ("STEPGATE_LIMITS__SECOND_FACTOR__FAILURES", "200")];
    let app = with(app, &settings).await;
    let person = app.person_with_google("ann").await;
    let uuids = app.waiting_many(&person, 5).await;
    let code = app.totp(person.key());
    let (here, there) = tokio::join!(
        join_all((0..50).map(|_| knock(&app, &person, &code))),
        join_all(uuids.iter().map(|uuid| app.code("google", uuid, &code))),
    );
    let refused = with_status(&here, 401);
    let (mine, theirs) = (here.iter().filter(|answer| let_in(answer)).count(), with_status(&there, 202));
    assert_eq!((mine + theirs, refused + mine), (1, 50), "{:?}", here.iter().map(|a| a.status).collect::<Vec<_>>());

    // Nor do fifty confirm one enrolment twice.
    let ben = app.person("ben").await;
    let target = format!("/{{}}/enable-2fa?secret={SECRET}&otp={}", app.totp(SECRET));
    let answers = join_all((0..50).map(|_| app.flexi_put(&target, &ben))).await;
    assert_eq!(with_status(&answers, 200), 1);
    assert_eq!(app.notices(&ben.email).await, ["factor_enabled"]);
}

/// X15, X17: guesses at once, each of which begins a sign-in of its own, share the account's one budget.
async fn of_many_guesses_at_once_no_more_are_looked_at_than_the_budget_holds(app: TestApp) {
    let app = with(app, &[PATIENT, ("STEPGATE_PASSWORD__QUEUE", "200")]).await;
    let person = app.person_with_google("ann").await;
    let wrong = app.wrong_totp(person.key());
    let answers = join_all((0..60).map(|_| knock(&app, &person, &wrong))).await;
    assert_eq!((with_status(&answers, 401), with_status(&answers, 429)), (10, 50));
}

/// A15, X3, X4, X5: what a client holds between password and code is neither a Basic credential nor a bearer token here,
/// and what it holds here is none elsewhere; a token of another surface does not go on here.
async fn what_is_pending_opens_nothing(app: TestApp) {
    let app = with(app, &[PATIENT]).await;
    let person = app.person_with_sms("ann").await;
    let target = format!("/{}/qrcode-2fa", person.email);
    let asked = app.flexi("GET", &target, &person.email, PASSWORD).send().await.fails(401);
    let token = asked.header("mfa-token").unwrap().to_owned();
    let code = app.last_code(&person.phone).await;
    let inner = token.rsplit_once('.').unwrap().0.to_owned();
    // The token is bound to the name and password that it was given for.
    let plain = app.person("ben").await;
    for (name, password) in [(&plain.email, PASSWORD), (&person.email, "not the password")] {
        let call = app.flexi("GET", &format!("{target}?otp={code}"), name, password);
        call.header("Mfa-Token", &token).send().await.fails(401);
    }
    app.clock.advance(60);
    let started = app.get("/api/v2/my/signin/wizard").await.expect(200);
    app.password(&started.uuid(), &person, PASSWORD).await.expect(200);
    let (uuid, key) = (started.uuid(), started.header("x-wizard-key").unwrap().to_owned());
    let session = app.sign_in(&plain).await;
    for credential in [&token, &inner, &uuid, &key, &session] {
        for (name, password) in [(&person.email, credential), (credential, &String::new()), (&plain.email, credential)]
        {
            let target = format!("/{}/qrcode-2fa", plain.email);
            app.clock.advance(601);
            app.flexi("GET", &target, name, password).send().await.fails(401);
        }
        for scheme in ["Bearer ", "NVX ", "", "Basic "] {
            let call =
                app.call("GET", &format!("/u{target}")).header("Authorization", &format!("{scheme}{credential}"));
            call.send().await.fails(401);
        }
        let call = app.call("GET", "/api/v2/my/2fa").bearer(credential).send().await;
        assert_eq!(call.status, if *credential == session { 200 } else { 401 });
        let go_on = app.flexi("GET", &format!("{target}?otp={code}"), &person.email, PASSWORD);
        if *credential != token {
            go_on.header("Mfa-Token", credential).send().await.fails(401);
        }
        for path in ["/api/v2/my/2fa/sms", "/api/v2/my/2fa/recovery"] {
            assert!(app.post(path, json!({ "uuid": credential, "code": "ABCDE-FGHIJ" })).await.status >= 400);
        }
    }
}

/// A2, A5: a code that was sent is over in its time, and dies with the next one.
async fn a_sent_code_ends_with_its_time(app: TestApp) {
    let person = app.person_with_sms("ann").await;
    let ask = async || {
        let target = format!("/{}/qrcode-2fa", person.email);
        let asked = app.flexi("GET", &target, &person.email, PASSWORD).send().await.fails(401);
        (asked.header("mfa-token").expect("a token").to_owned(), app.last_code(&person.phone).await)
    };
    let give = async |token: &str, code: &str| {
        let target = format!("/{}/qrcode-2fa?otp={code}", person.email);
        app.flexi("GET", &target, &person.email, PASSWORD).header("Mfa-Token", token).send().await
    };
    let (token, code) = ask().await;
    app.clock.advance(300);
    give(&token, &code).await.fails(401);
    app.clock.advance(60);
    let (token, code) = ask().await;
    app.clock.advance(299);
    assert!(let_in(&give(&token, &code).await));
    app.clock.advance(60);
    let (token, code) = ask().await;
    app.clock.advance(901);
    give(&token, &code).await.fails(401);
}

/// What is seen of a call from outside, and the work that it takes inside, behind the answer too.
async fn watched(app: &TestApp, name: &str, password: &str, query: &str) -> (Shape, u64, u64) {
    app.engine.errands.idle().await;
    let before = (app.engine.store.round_trips(), app.engine.passwords.computed());
    let answer = app.flexi("PUT", &format!("/somebody/disable-2fa{query}"), name, password).send().await;
    app.engine.errands.idle().await;
    let after = (app.engine.store.round_trips(), app.engine.passwords.computed());
    (shape_of(&answer, &[]), after.0 - before.0, after.1 - before.1)
}

/// A17: wrong passwords up to the lock and in it: the same answer and the same work for every kind of account and for a
/// name that nobody has.
async fn a_known_name_is_answered_like_an_unknown_one(app: TestApp) {
    let app = with(app, &[PATIENT]).await;
    let names = everybody(&app).await;
    app.clock.advance(61);
    let course = async |name: &str| {
        let mut seen = Vec::new();
        // Time has passed: the server looks after its keys first.
        app.get("/api/v2/my/wizard/00000000-0000-4000-8000-000000000000").await.refused(404, "wizard_not_found");
        for query in ["", "?otp=123456", "?otp=1", "", "", "", "?otp=123456"] {
            seen.push(watched(&app, name, "not the password", query).await);
        }
        app.clock.advance(601);
        seen
    };
    let expected = course("nobody@example.com").await;
    let statuses: Vec<u16> = expected.iter().map(|(answer, ..)| answer.0).collect();
    assert_eq!(statuses, [401, 401, 400, 401, 401, 401, 429]);
    // The name, the verdict, and the event behind the answer.
    assert_eq!((expected[0].1, expected[0].2), (3, 1));
    for name in names {
        assert_eq!(course(&name).await, expected, "{name}");
    }
}

/// X21: whether a code goes out depends on the right password alone, and a wrong one is not told by it: neither a letter
/// nor a token.
async fn a_wrong_password_has_no_code_sent(app: TestApp) {
    let person = app.person_with_sms("ann").await;
    let sent = app.outbox(&person.phone).await.len();
    for (name, query) in [
        (person.email.as_str(), ""),
        (&person.email, "?otp=123456"),
        (&person.email, "?otp=ABCDE-FGHIJ"),
        ("nobody", ""),
    ] {
        let target = format!("/{}/disable-2fa{query}", person.email);
        let call = app.flexi("PUT", &target, name, "not the password");
        let refused = call.send().await.says(401, "Uživatelské jméno nebo heslo není správné.");
        assert!(refused.header("mfa-token").is_none());
    }
    assert_eq!(app.outbox(&person.phone).await.len(), sent);
}

/// X22: watches that names are folded before they are counted, here as at the wizards.
async fn all_spellings_of_a_name_share_one_budget(app: TestApp) {
    let (app, _, spellings) = many_names(app).await;
    let spellings: Vec<&str> = spellings.into_iter().filter(|name| !name.contains('\t')).collect();
    let call = async |name: &str, password: &str| app.flexi("PUT", "/ann-lee/disable-2fa", name, password).send().await;
    for name in spellings.iter().take(5) {
        call(name, "not the password").await.fails(401);
    }
    for name in &spellings {
        let blocked = call(name, PASSWORD).await.fails(429);
        assert!(blocked.header("retry-after").is_some());
    }
    let uuid = app.wizard().await;
    app.name_and_password(&uuid, "ann-lee", PASSWORD).await.refused(429, "too_many_attempts");
}

/// X24: under every spelling the second factor is asked for, and the path may spell the name otherwise again.
async fn no_spelling_of_a_name_dodges_the_second_factor(app: TestApp) {
    let (app, mut person, spellings) = many_names(app).await;
    let token = app.sign_in(&person).await;
    app.enable_google(&token, &mut person).await;
    for name in spellings.iter().filter(|name| !name.contains('\t')) {
        for user in ["ann-lee", "Ann.Lee%40example.com", "ANNLEE@example.com"] {
            app.flexi("PUT", &format!("/{user}/disable-2fa"), name, PASSWORD).send().await.fails(401);
            app.flexi("GET", &format!("/{user}/qrcode-2fa"), name, PASSWORD).send().await.fails(401);
        }
    }
    let target = format!("/ANN-LEE/disable-2fa?otp={}", app.totp(person.key()));
    app.flexi("PUT", &target, "a.nn.lee@EXAMPLE.com", PASSWORD).send().await.says(200, DISABLED);
}

/// A14: an account with a factor gives a code at every call, whatever device it comes from.
async fn a_remembered_device_stands_in_for_nothing(app: TestApp) {
    let app = app.with_policies(json!([{ "remember": "30d" }])).await;
    let person = app.person_with_google("ann").await;
    let device = app.device(&person).await;
    app.on_device(&person, &device).await.expect(202);
    let target = format!("/{}/disable-2fa", person.email);
    let call = app.flexi("PUT", &target, &person.email, PASSWORD).header("X-Device-Token", &device);
    call.send().await.fails(401);
}

/// X36: what a client writes as a name, in the path, in the query or in a header comes back nowhere.
async fn no_name_injects_headers_markup_or_log_lines(app: TestApp) {
    let person = app.person("ann").await;
    let odd = [
        "%3C%2Fmessage%3E%3Csuccess%3Etrue%3C%2Fsuccess%3E",
        "%22%7D%2C%22success%22%3A%22true%22%7D",
        "%0d%0aSecret:%20AAAA%0d%0a",
        "ann%00",
        "%E2%80%AEnna",
        "%21%5BCDATA%5B",
        "&otp=000000;x",
    ];
    for name in odd {
        for (method, target) in [
            ("PUT", format!("/{name}/disable-2fa")),
            ("GET", format!("/{name}/qrcode-2fa.json")),
            ("PUT", format!("/disable-2fa?username={name}")),
            ("PUT", format!("/{}/enable-2fa.json?secret={name}&otp={name}", person.email)),
            ("PUT", format!("/{}/disable-2fa?otp={name}", person.email)),
        ] {
            let answer = app.flexi(method, &target, &person.email, PASSWORD).send().await;
            assert!((400..405).contains(&answer.status) && !answer.winstrom().0, "{target}: {}", answer.text);
            assert!(answer.header("secret").is_none() && !answer.text.contains("CDATA"), "{target}");
        }
        let plain = percent_encoding::percent_decode_str(name).decode_utf8().unwrap().into_owned();
        for pair in [format!("{plain}:x"), format!("{}:{plain}", person.email), plain.clone()] {
            let basic = format!("Basic {}", BASE64.encode(pair.as_bytes()));
            let call = app.call("PUT", "/u/ann/disable-2fa").header("Authorization", &basic).send().await;
            assert!(call.status == 401 || call.status == 429, "{}", call.text);
            call.winstrom();
        }
        app.clock.advance(601);
    }
}
