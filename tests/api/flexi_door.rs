//! What the door of the ABRA Flexi surface has of its own, where name, password and code come with every call. What holds
//! at the doors of all is asked of it in `surfaces`.

use data_encoding::BASE64;
use futures_util::future::join_all;
use serde_json::json;

use crate::bypass::many_names;
use crate::enumeration::with;
use crate::flexi::{DISABLED, SECRET};
use crate::guesses::with_status;
use crate::harness::{Answer, PASSWORD, Person, TestApp};

on_every_store!(
    a_recovery_code_works_once_here_or_there,
    wrong_codes_of_an_enrolment_are_counted,
    of_fifty_calls_with_one_code_one_turns_it_on,
    of_many_guesses_at_once_no_more_are_looked_at_than_the_budget_holds,
    what_is_pending_opens_nothing,
    a_sent_code_ends_with_its_time,
    no_spelling_in_the_path_dodges_the_second_factor,
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

/// A10: fifty calls at once that confirm one enrolment: it is turned on once.
async fn of_fifty_calls_with_one_code_one_turns_it_on(app: TestApp) {
    let settings = [PATIENT, ("STEPGATE_PASSWORD__QUEUE", "200"), ("STEPGATE_LIMITS__SECOND_FACTOR__FAILURES", "200")];
    let app = with(app, &settings).await;
    let person = app.person("ann").await;
    let target = format!("/{{}}/enable-2fa?secret={SECRET}&otp={}", app.totp(SECRET));
    let answers = join_all((0..50).map(|_| app.flexi_put(&target, &person))).await;
    assert_eq!(with_status(&answers, 200), 1);
    assert_eq!(app.notices(&person.email).await, ["factor_enabled"]);
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

/// X24: the path may spell the name otherwise than the credentials; the second factor is asked for all the same.
async fn no_spelling_in_the_path_dodges_the_second_factor(app: TestApp) {
    let (app, mut person, _) = many_names(app).await;
    let token = app.sign_in(&person).await;
    app.enable_google(&token, &mut person).await;
    for name in ["Ann-Lee", "a.nn.lee@EXAMPLE.com"] {
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
