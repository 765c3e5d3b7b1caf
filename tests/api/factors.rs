//! Turning methods on and off, and seeing which are on.

use serde_json::{Value, json};

use crate::harness::{Answer, Person, TestApp};

on_every_store!(
    an_authenticator_is_on_only_after_its_own_code,
    a_phone_is_on_only_after_its_own_code,
    the_address_is_on_only_after_a_code_that_was_mailed,
    what_is_on_cannot_be_turned_on_and_what_is_off_not_off,
    an_authenticator_goes_off_with_its_own_code_only,
    a_sent_method_goes_off_with_a_code_sent_for_it,
    the_key_that_is_shown_back_must_be_the_wizards,
    another_phone_may_be_typed_and_the_code_of_the_first_one_dies,
    a_resend_kills_the_code_before,
    other_sessions_end_when_the_client_says_so_and_not_else,
    the_list_of_methods_is_paged_and_worded,
    one_method_by_its_name,
    a_change_belongs_to_the_session_that_began_it,
    a_change_beside_a_cancel_is_said_as_it_is,
    the_qr_code_holds_the_url_that_an_authenticator_understands,
);

const LABEL: &str = r"B2B\TCA\Wizards\Workflow\TerminateWorkflow";

async fn signed_in(app: &TestApp) -> (Person, String) {
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    (person, token)
}

async fn is_on(app: &TestApp, token: &str, factor: &str) -> bool {
    let one = app.call("GET", &format!("/api/v2/my/2fa/{factor}")).bearer(token).send().await.expect(200);
    one.body["isEnabled"].as_bool().unwrap()
}

async fn code(app: &TestApp, token: &str, uuid: &str, code: &str) -> Answer {
    app.factor_step(token, json!({ "uuid": uuid, "action": "code", "code": code })).await
}

/// Six digits that are not `code`.
fn another(code: &str) -> String {
    let (first, rest) = code.split_at(1);
    format!("{}{rest}", (first.parse::<u32>().unwrap() + 1) % 10)
}

#[track_caller]
fn finished(answer: Answer) {
    let answer = answer.expect(202);
    assert_eq!((&answer.body["data"], &answer.body["done"], answer.workflow()), (&json!([]), &json!(true), LABEL));
    assert_eq!(answer.body["next"], Value::Null);
}

/// Nothing is enabled without a code of the very thing that is being enabled: watches the proof's
/// `new_secret_verified`, and that the secret is the account's only after it.
async fn an_authenticator_is_on_only_after_its_own_code(app: TestApp) {
    let (mut person, token) = signed_in(&app).await;
    let started = app.start_factor(&token, "google", "enable").await.expect(200);
    assert_eq!((started.workflow(), &started.body["done"]), ("2fa_google", &json!(false)));
    let (uuid, key) = (started.uuid(), started.str("/data/key").to_owned());
    let wrong = code(&app, &token, &uuid, &another(&app.totp(&key))).await.refused(422, "invalid_code");
    assert_eq!((wrong.uuid(), wrong.workflow()), (uuid.clone(), "2fa_google"));
    assert!(!is_on(&app, &token, "google").await);
    app.past_password(&person).await.1.expect(202);
    finished(code(&app, &token, &uuid, &app.totp(&key)).await);
    assert!(is_on(&app, &token, "google").await);
    // From now on a sign-in asks for it, and the very code that enrolled it is spent.
    person.key = Some(key.clone());
    let (uuid, answer) = app.past_password(&person).await;
    assert_eq!(answer.expect(200).workflow(), "2fa_google_auth");
    app.code("google", &uuid, &app.totp(&key)).await.refused(422, "code_used");
    app.clock.advance(30);
    app.code("google", &uuid, &app.totp(&key)).await.expect(202);
}

async fn a_phone_is_on_only_after_its_own_code(app: TestApp) {
    let (person, token) = signed_in(&app).await;
    let started = app.start_factor(&token, "sms", "enable").await.expect(200);
    assert_eq!((started.workflow(), &started.body["data"]), ("2fa_sms_phone_create", &Value::Null));
    let uuid = started.uuid();
    // No code can be right before a number was given.
    code(&app, &token, &uuid, "123456").await.refused(409, "step_not_allowed");
    let sent = app.factor_step(&token, json!({ "uuid": uuid, "phone": person.phone })).await.expect(200);
    assert_eq!((sent.workflow(), sent.str("/data/recipient/phone")), ("phone", person.phone.as_str()));
    let right = app.last_code(&person.phone).await;
    code(&app, &token, &uuid, &another(&right)).await.refused(422, "invalid_code");
    assert!(!is_on(&app, &token, "sms").await);
    finished(code(&app, &token, &uuid, &right).await);
    assert!(is_on(&app, &token, "sms").await);
}

async fn the_address_is_on_only_after_a_code_that_was_mailed(app: TestApp) {
    let (person, token) = signed_in(&app).await;
    let started = app.start_factor(&token, "email", "enable").await.expect(200);
    let recipient = &started.body["data"]["recipient"];
    assert_eq!((started.workflow(), recipient["email"].as_str()), ("2fa_email", Some("a***@example.com")));
    assert_eq!(recipient["class"], r"B2B\TCA\Confirmations\Recipients\EmailRecipient");
    assert_eq!((&recipient["type"], &recipient["method"]), (&json!(1), &json!("email")));
    let (uuid, right) = (started.uuid(), app.last_code(&person.email).await);
    code(&app, &token, &uuid, &another(&right)).await.refused(422, "invalid_code");
    assert!(!is_on(&app, &token, "email").await);
    finished(code(&app, &token, &uuid, &right).await);
    assert!(is_on(&app, &token, "email").await);
    let (uuid, answer) = app.past_password(&person).await;
    assert_eq!(answer.expect(200).workflow(), "2fa_email_auth");
    app.code("email", &uuid, &app.last_code(&person.email).await).await.expect(202);
}

async fn what_is_on_cannot_be_turned_on_and_what_is_off_not_off(app: TestApp) {
    let (mut person, token) = signed_in(&app).await;
    for factor in ["google", "sms", "email"] {
        app.start_factor(&token, factor, "disable").await.refused(422, "method_not_enabled");
    }
    assert_eq!(app.outbox(&person.email).await, Vec::<Value>::new(), "nothing was sent for nothing");
    app.enable_google(&token, &mut person).await;
    app.enable_sms(&token, &person).await;
    app.enable_email(&token, &person).await;
    for factor in ["google", "sms", "email"] {
        app.start_factor(&token, factor, "enable").await.refused(409, "method_already_enabled");
    }
    for way in ["enable", "disable"] {
        app.start_factor(&token, "pager", way).await.refused(404, "not_found");
        app.get(&format!("/api/v2/my/2fa/google/{way}/wizard")).await.refused(401, "unauthorized");
    }
}

/// A14: watches that disabling wants `google_verified`: no other code will do, and no spent one.
async fn an_authenticator_goes_off_with_its_own_code_only(app: TestApp) {
    let (mut person, token) = signed_in(&app).await;
    app.enable_google(&token, &mut person).await;
    app.enable_sms(&token, &person).await;
    let key = person.key.clone().unwrap();
    let started = app.start_factor(&token, "google", "disable").await.expect(200);
    let (uuid, told) = (started.uuid(), (started.workflow(), &started.body["data"], &started.body["done"]));
    assert_eq!(told, ("2fa_google", &Value::Null, &json!(false)));
    code(&app, &token, &uuid, &app.last_code(&person.phone).await).await.refused(422, "invalid_code");
    assert!(is_on(&app, &token, "google").await);
    finished(code(&app, &token, &uuid, &app.totp(&key)).await);
    assert!(!is_on(&app, &token, "google").await);
    assert_eq!(app.past_password(&person).await.1.expect(200).workflow(), "2fa_sms_auth");
}

/// A13, A14: the code that turned it on does not turn it off, nor does one of a sign-in.
async fn a_sent_method_goes_off_with_a_code_sent_for_it(app: TestApp) {
    let (person, token) = signed_in(&app).await;
    app.enable_sms(&token, &person).await;
    app.enable_email(&token, &person).await;
    for (factor, to, shows) in [("sms", &person.phone, "2fa_sms"), ("email", &person.email, "2fa_email")] {
        let used = app.last_code(to).await;
        let started = app.start_factor(&token, factor, "disable").await.expect(200);
        assert_eq!((started.workflow(), &started.body["data"]["sent"]), (shows, &json!(1)));
        let (uuid, right) = (started.uuid(), app.last_code(to).await);
        if used != right {
            code(&app, &token, &uuid, &used).await.refused(422, "invalid_code");
        }
        assert!(is_on(&app, &token, factor).await);
        finished(code(&app, &token, &uuid, &right).await);
        assert!(!is_on(&app, &token, factor).await);
    }
    app.past_password(&person).await.1.expect(202);
}

/// A key that is not this wizard's is told apart from a wrong code, and is no attempt.
async fn the_key_that_is_shown_back_must_be_the_wizards(app: TestApp) {
    let (_, token) = signed_in(&app).await;
    let other = app.start_factor(&token, "google", "enable").await.expect(200);
    let started = app.start_factor(&token, "google", "enable").await.expect(200);
    let (uuid, key) = (started.uuid(), started.str("/data/key").to_owned());
    assert_ne!(key, other.str("/data/key"));
    let with_key = |code: String, key: &str| json!({ "uuid": uuid, "action": "code", "code": code, "key": key });
    for bad in [other.str("/data/key"), "", "TPYXG33M4LOHFJHB"] {
        let refused = app.factor_step(&token, with_key(app.totp(&key), bad)).await.refused(422, "invalid_code");
        assert!(refused.body["errors"]["key"].is_array(), "{}", refused.text);
    }
    let wrong = app.factor_step(&token, with_key(another(&app.totp(&key)), &key)).await.refused(422, "invalid_code");
    assert_eq!(wrong.body["attemptsLeft"], json!(9), "the wrong keys were no attempts");
    finished(app.factor_step(&token, with_key(app.totp(&key), &key)).await);
}

async fn another_phone_may_be_typed_and_the_code_of_the_first_one_dies(app: TestApp) {
    let (person, token) = signed_in(&app).await;
    let uuid = app.start_factor(&token, "sms", "enable").await.expect(200).uuid();
    let (first, second) = ("+79994440101", "+79994440202");
    let sent = app.factor_step(&token, json!({ "uuid": uuid, "phone": first })).await.expect(200);
    let rels: Vec<&str> =
        sent.body["next"]["alternatives"].as_array().unwrap().iter().map(|one| one["rel"].as_str().unwrap()).collect();
    assert_eq!(rels, ["resend", "change_phone", "cancel"]);
    let dead = app.last_code(first).await;
    // Another number is another send: it waits like one.
    let early = app.factor_step(&token, json!({ "uuid": uuid, "phone": second })).await;
    assert_eq!(early.refused(429, "resend_too_soon").header("retry-after"), Some("30"));
    app.clock.advance(30);
    let sent = app.factor_step(&token, json!({ "uuid": uuid, "phone": second })).await.expect(200);
    assert_eq!((sent.workflow(), sent.str("/data/recipient/phone")), ("phone", second));
    assert_eq!(sent.body["data"]["sent"], json!(2));
    let right = app.last_code(second).await;
    if dead != right {
        code(&app, &token, &uuid, &dead).await.refused(422, "invalid_code");
    }
    finished(code(&app, &token, &uuid, &right).await);
    let (_, answer) = app.past_password(&person).await;
    assert_eq!(answer.expect(200).str("/data/recipient/phone"), "+7******0202");
}

/// A5: watches that one code is outstanding at a time, and the cooldown between sends.
async fn a_resend_kills_the_code_before(app: TestApp) {
    let (person, token) = signed_in(&app).await;
    let uuid = app.start_factor(&token, "sms", "enable").await.expect(200).uuid();
    let resend = json!({ "uuid": uuid, "action": "resend" });
    app.factor_step(&token, resend.clone()).await.refused(409, "step_not_allowed");
    app.factor_step(&token, json!({ "uuid": uuid, "phone": person.phone })).await.expect(200);
    let dead = app.last_code(&person.phone).await;
    let early = app.factor_step(&token, resend.clone()).await.refused(429, "resend_too_soon");
    assert_eq!((early.header("retry-after"), &early.body["retryAfter"]), (Some("30"), &json!(30)));
    assert_eq!(app.outbox(&person.phone).await.len(), 1);
    app.clock.advance(30);
    let sent = app.factor_step(&token, resend.clone()).await.expect(200);
    assert_eq!((sent.workflow(), &sent.body["data"]["sent"]), ("phone", &json!(2)));
    let right = app.last_code(&person.phone).await;
    if dead != right {
        code(&app, &token, &uuid, &dead).await.refused(422, "invalid_code");
    }
    finished(code(&app, &token, &uuid, &right).await);
}

/// A16: watches `end_sessions_but`, and that nothing ends unasked.
async fn other_sessions_end_when_the_client_says_so_and_not_else(app: TestApp) {
    let (person, token) = signed_in(&app).await;
    let second = app.past_password(&person).await.1.expect(202);
    let (other, refresh) = (second.str("/data/accessToken/token"), second.str("/data/refreshToken/token"));
    app.enable_sms(&token, &person).await;
    assert!(is_on(&app, other, "sms").await, "the second session goes on");
    let uuid = app.start_factor(&token, "sms", "disable").await.expect(200).uuid();
    let right = app.last_code(&person.phone).await;
    let ending = |code: &str| json!({ "uuid": uuid, "action": "code", "code": code, "endOtherSessions": true });
    app.factor_step(&token, ending(&another(&right))).await.refused(422, "invalid_code");
    assert!(is_on(&app, other, "sms").await, "a wrong code ends nothing");
    finished(app.factor_step(&token, ending(&right)).await);
    app.call("GET", "/api/v2/my/2fa").bearer(other).send().await.refused(401, "unauthorized");
    app.post("/api/v2/my/refresh", json!({ "refreshToken": refresh })).await.refused(401, "unauthorized");
    assert!(!is_on(&app, &token, "sms").await, "the own session goes on");
    let sessions = app.call("GET", "/api/v2/my/sessions").bearer(&token).send().await.expect(200);
    assert_eq!(sessions.body["total"], json!(1));
}

async fn the_list_of_methods_is_paged_and_worded(app: TestApp) {
    let (_, token) = signed_in(&app).await;
    let list = |query: &str, language: &str| {
        let call = app.call("GET", &format!("/api/v2/my/2fa{query}")).bearer(&token);
        call.header("Accept-Language", language).send()
    };
    for (language, sms, email) in [
        ("en", "SMS Confirmation", "Email Confirmation"),
        ("cs", "Potvrzení přes SMS", "Potvrzení e-mailem"),
        ("pt-BR", "Confirmação por SMS", "Confirmação por e-mail"),
        ("ru", "Подтверждение по SMS", "Подтверждение по эл. почте"),
    ] {
        let all = list("", language).await.expect(200);
        assert_eq!(
            all.body,
            json!({ "total": 3, "data": [
                { "caption": sms, "isEnabled": false, "name": "sms" },
                { "caption": "Google Authenticator", "isEnabled": false, "name": "google" },
                { "caption": email, "isEnabled": false, "name": "email" },
            ] }),
            "{language}"
        );
    }
    let names = |answer: Answer| {
        let answer = answer.expect(200);
        assert_eq!(answer.body["total"], json!(3));
        let data = answer.body["data"].as_array().unwrap().clone();
        data.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(list("?limit=1", "").await), ["sms"]);
    assert_eq!(names(list("?limit=1&offset=1", "").await), ["google"]);
    assert_eq!(names(list("?limit=100&offset=2", "").await), ["email"]);
    assert_eq!(names(list("?offset=3", "").await), [""; 0]);
    assert_eq!(names(list("?limit=&offset=", "").await), ["sms", "google", "email"]);
    for (query, field) in
        [("?limit=0", "limit"), ("?limit=101", "limit"), ("?offset=-1", "offset"), ("?limit=x", "limit")]
    {
        let refused = list(query, "").await.refused(400, "invalid_request");
        assert!(refused.body["errors"][field].is_array(), "{query}: {}", refused.text);
    }
    app.get("/api/v2/my/2fa").await.refused(401, "unauthorized");
}

async fn one_method_by_its_name(app: TestApp) {
    let (_, token) = signed_in(&app).await;
    let one = |name: &str| app.call("GET", &format!("/api/v2/my/2fa/{name}")).bearer(&token).send();
    for (name, caption) in
        [("sms", "SMS Confirmation"), ("google", "Google Authenticator"), ("email", "Email Confirmation")]
    {
        let expected = json!({ "caption": caption, "isEnabled": false, "name": name });
        assert_eq!(one(name).await.expect(200).body, expected);
    }
    for name in ["recovery", "Google", "sms%20", "1"] {
        one(name).await.refused(404, "not_found");
    }
    app.get("/api/v2/my/2fa/sms").await.refused(401, "unauthorized");
}

/// X2: watches `belongs`. Neither another account's session nor another session of the same account may go on with it.
async fn a_change_belongs_to_the_session_that_began_it(app: TestApp) {
    let (person, token) = signed_in(&app).await;
    let same_account = app.sign_in(&person).await;
    let other_account = app.sign_in(&app.person("bob").await).await;
    let started = app.start_factor(&token, "google", "enable").await.expect(200);
    let (uuid, path) = (started.uuid(), format!("/api/v2/my/wizard/{}", started.uuid()));
    let right = app.totp(started.str("/data/key"));
    for foreign in [&same_account, &other_account] {
        code(&app, foreign, &uuid, &right).await.refused(404, "wizard_not_found");
        app.call("GET", &path).bearer(foreign).send().await.refused(404, "wizard_not_found");
        app.call("DELETE", &path).bearer(foreign).send().await.refused(404, "wizard_not_found");
    }
    app.get(&path).await.refused(404, "wizard_not_found");
    app.code("google", &uuid, &right).await.refused(404, "wizard_not_found");
    finished(code(&app, &token, &uuid, &right).await);
}

/// A9: 20 bytes of secret in base32 without padding; the picture, the URL, the key and a real authenticator agree.
async fn the_qr_code_holds_the_url_that_an_authenticator_understands(app: TestApp) {
    let (_, token) = signed_in(&app).await;
    let started = app.start_factor(&token, "google", "enable").await.expect(200);
    let (key, url) = (started.str("/data/key"), started.str("/data/otpauthUrl"));
    assert_eq!(data_encoding::BASE32_NOPAD.decode(key.as_bytes()).unwrap().len(), 20);
    assert_eq!(scanned(started.str("/data/qr")), url);
    let parsed = url::Url::parse(url).unwrap();
    assert_eq!((parsed.scheme(), parsed.host_str()), ("otpauth", Some("totp")));
    let member = |name: &str| parsed.query_pairs().find(|(own, _)| own == name).map(|(_, value)| value.into_owned());
    assert_eq!((member("secret").as_deref(), member("issuer").as_deref()), (Some(key), Some("Stepgate")));
    // What is left out means SHA-1, 6 digits and 30 seconds to every authenticator.
    for (name, default) in [("algorithm", "SHA1"), ("digits", "6"), ("period", "30")] {
        assert_eq!(member(name).unwrap_or_else(|| default.to_owned()), default);
    }
    let code_of_the_app = oathtool(&member("secret").unwrap(), app.clock.unix());
    finished(code(&app, &token, &started.uuid(), &code_of_the_app).await);
}

/// The text in a picture, as a camera would read it.
pub fn scanned(data_url: &str) -> String {
    let picture = data_url.strip_prefix("data:image/png;base64,").unwrap();
    scanned_picture(&data_encoding::BASE64.decode(picture.as_bytes()).unwrap())
}

/// The same of the picture itself.
pub fn scanned_picture(picture: &[u8]) -> String {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(picture));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut pixels).unwrap();
    let (width, height) = (usize::try_from(frame.width).unwrap(), usize::try_from(frame.height).unwrap());
    let samples = frame.color_type.samples();
    let mut seen = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| pixels[(y * width + x) * samples]);
    let grids = seen.detect_grids();
    assert_eq!(grids.len(), 1, "one code in the picture");
    grids[0].decode().unwrap().1
}

/// The code that another implementation computes. A machine without the program fails the run.
pub fn oathtool(key: &str, unix: u64) -> String {
    let now = format!("@{unix}");
    let run = std::process::Command::new("oathtool").args(["--totp", "--base32", "--now", &now, key]).output();
    let run = run.expect("the program oathtool must be installed");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap().trim().to_owned()
}

/// A12: the right code and a cancel at the same moment: whoever gives the code hears what became of the factor. Watches
/// `carry_through`.
async fn a_change_beside_a_cancel_is_said_as_it_is(app: TestApp) {
    for round in 0..8 {
        let person = app.person(&format!("ann{round}")).await;
        let token = app.sign_in(&person).await;
        let uuid = app.start_factor(&token, "email", "enable").await.expect(200).uuid();
        let right = app.last_code(&person.email).await;
        let cancel = app.call("DELETE", &format!("/api/v2/my/wizard/{uuid}")).bearer(&token).send();
        let (given, cancelled) = tokio::join!(code(&app, &token, &uuid, &right), cancel);
        assert_eq!(given.status == 202, is_on(&app, &token, "email").await, "{} {}", given.text, cancelled.status);
    }
}
