//! The MFAO surface: other services enrol, verify and delete authenticators by name, under a policy.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use stepgate::identity::{Totp, TotpAlgorithm, TotpSecret};

use crate::accounts::admin;
use crate::enumeration::{shape_of, with};
use crate::harness::{ADMIN_KEY, Answer, Backend, PASSWORD, Person, Request, Setup, TestApp};

on_every_store!(
    every_printed_request_gets_an_answer_of_its_shape,
    an_image_yields_the_codes_of_another_implementation,
    an_authenticator_is_on_only_with_its_first_right_code,
    a_code_is_right_once,
    of_fifty_at_once_one_code_is_right_once,
    fewer_attempts_may_be_asked_for_and_never_more,
    a_deletion_is_in_the_change_log_and_the_owner_is_told,
    eight_digits_are_demanded_and_taken_at_sign_in,
    what_was_enrolled_elsewhere_verifies_here_and_goes_off_here,
    a_further_enrolment_replaces_what_waits_and_not_what_is_on,
    what_waits_lapses_after_an_hour,
    what_waits_survives_a_new_key,
    only_the_keys_of_a_client_or_a_permitted_account_open_it,
    nothing_pending_is_a_key,
    a_deleted_client_is_refused_at_once,
    a_policy_that_does_not_exist_is_not_found,
    a_policy_of_the_configuration_works_and_cannot_be_changed,
    a_policy_may_keep_a_surface_from_its_authenticators,
    metrics_are_of_the_work_that_was_done,
    an_unknown_name_is_answered_like_a_known_one,
    spellings_of_a_name_are_one_name,
    an_account_is_made_where_the_policy_says_so,
    what_is_malformed_is_named_and_counts_nothing,
    a_change_of_a_policy_reaches_later_enrolments_only,
    a_refused_group_cannot_be_enrolled,
    an_authenticator_of_a_policy_moves_with_its_account,
    what_is_disallowed_is_not_enrolled_and_what_waits_is_not_turned_on,
    an_account_asks_about_others_only_and_with_a_fresh_proof,
    what_waits_ends_with_a_handover,
    what_is_suspended_is_deleted_for_good,
    an_order_does_not_tell_who_has_an_account,
    no_account_is_made_in_vain,
    to_be_named_carries_no_order_out,
);

/// A service with keys of its own.
struct Service<'a> {
    app: &'a TestApp,
    api_key: String,
    access_key: String,
}

impl<'a> Service<'a> {
    async fn of(app: &'a TestApp) -> Self {
        let made = admin(app, "POST", "/clients", Some(json!({ "name": "gateway" }))).await.expect(201);
        Service { app, api_key: made.str("apiKey").to_owned(), access_key: made.str("accessKey").to_owned() }
    }

    fn call(&self, path: &str) -> Request<'a> {
        let call = self.app.call("POST", &format!("/api/totp/{path}"));
        call.header("api-key", &self.api_key).header("access-key", &self.access_key)
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(path).json(&body).send().await
    }

    async fn enrol(&self, policy: &str, name: &str) -> Enrolled {
        let answer = self.post(&format!("{policy}/enrollment"), json!({ "username": name })).await.expect(200);
        Enrolled::scanned(answer.str("qrcode"))
    }

    async fn verify(&self, policy: &str, name: &str, otp: &str) -> Answer {
        self.post(&format!("{policy}/verify"), json!({ "username": name, "otp": otp })).await
    }

    #[track_caller]
    fn is_valid(answer: &Answer) -> bool {
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.body["valid"].as_bool().unwrap()
    }

    /// An account whose authenticator came on through this service; the next code is fresh.
    async fn person(&self, policy: &str, name: &str) -> (Person, Enrolled) {
        let person = self.app.person(name).await;
        let enrolled = self.enrol(policy, &person.email).await;
        let answer = self.verify(policy, &person.email, &enrolled.code(self.app)).await;
        assert!(Self::is_valid(&answer));
        self.app.clock.advance(i64::try_from(enrolled.totp.period).unwrap());
        (person, enrolled)
    }
}

async fn policy(app: &TestApp, body: Value) {
    admin(app, "POST", "/policies", Some(body)).await.expect(201);
}

async fn vpn(app: &TestApp) -> Service<'_> {
    policy(app, json!({ "id": "vpn", "issuer": "Example VPN" })).await;
    Service::of(app).await
}

/// What an app has read off the image.
struct Enrolled {
    url: url::Url,
    key: String,
    totp: Totp,
}

impl Enrolled {
    fn scanned(qrcode: &str) -> Self {
        assert!(!qrcode.starts_with("data:"));
        let url = url::Url::parse(&crate::factors::scanned(&format!("data:image/png;base64,{qrcode}"))).unwrap();
        let member = |name: &str| url.query_pairs().find(|(own, _)| own == name).map(|(_, value)| value.into_owned());
        let number = |name: &str, usual: u64| member(name).map_or(usual, |text| text.parse().unwrap());
        let algorithm: TotpAlgorithm = member("algorithm").unwrap_or_else(|| "SHA1".into()).parse().unwrap();
        let (digits, period) = (u8::try_from(number("digits", 6)).unwrap(), number("period", 30));
        Enrolled { key: member("secret").unwrap(), totp: Totp { algorithm, digits, period, skew: 1 }, url }
    }

    fn at(&self, unix: u64) -> String {
        let secret = TotpSecret::new(data_encoding::BASE32_NOPAD.decode(self.key.as_bytes()).unwrap());
        self.totp.code_at(&secret, unix).expose().to_owned()
    }

    fn code(&self, app: &TestApp) -> String {
        self.at(app.clock.unix())
    }

    /// Digits that are no code of about now.
    fn wrong(&self, app: &TestApp) -> String {
        wrong(usize::from(self.totp.digits), |offset| {
            self.at(app.clock.unix().checked_add_signed(offset * self.totp.period.cast_signed()).unwrap())
        })
    }
}

fn wrong(digits: usize, code: impl Fn(i64) -> String) -> String {
    let right: BTreeSet<String> = (-2..=2).map(code).collect();
    (0..).map(|number| format!("{number:0digits$}")).find(|guess| !right.contains(guess)).unwrap()
}

async fn has_google(app: &TestApp, person: &Person) -> bool {
    let seen = admin(app, "GET", &format!("/accounts/{}", person.id), None).await.expect(200);
    seen.body["factors"].as_array().unwrap().contains(&json!("google"))
}

/// The three requests as printed, the host aside; of the answers the text says only that one is an image in base64.
///
/// - POST `/{policyId}/enrollment`: 200 with `username`, `qrcode` (a PNG in base64) and `otpauthUrl`
/// - POST `/{policyId}/verify`: 200 with `username` and `valid`, beside `false` also `attemptsLeft`; `otp` may be in the query
/// - POST `/{policyId}/delete`: 200 with `username` and `deleted: true`
async fn every_printed_request_gets_an_answer_of_its_shape(app: TestApp) {
    let service = vpn(&app).await;
    app.account(json!({ "email": "john@example.com", "username": "john", "password": PASSWORD })).await;
    let printed = async |operation: &str, body: &str| {
        let call = service.call(&format!("vpn/{operation}"));
        call.text("application/json", body.to_owned()).send().await.expect(200)
    };
    let enrolled = printed("enrollment", r#"{"username": "john"}"#).await;
    let members: Vec<&str> = enrolled.body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!((members, enrolled.str("username")), (vec!["username", "qrcode", "otpauthUrl"], "john"));
    let picture = data_encoding::BASE64.decode(enrolled.str("qrcode").as_bytes()).unwrap();
    assert_eq!(picture[..8], *b"\x89PNG\r\n\x1a\n");
    let scanned = Enrolled::scanned(enrolled.str("qrcode"));
    assert_eq!(scanned.url.as_str(), enrolled.str("otpauthUrl"));
    let otp = scanned.code(&app);
    let verified = printed("verify", &format!(r#"{{"username": "john", "otp": "{otp}"}}"#)).await;
    assert_eq!(verified.body, json!({ "username": "john", "valid": true }));
    let again = printed("verify", &format!(r#"{{"username": "john", "otp": "{otp}"}}"#)).await;
    assert_eq!(again.body, json!({ "username": "john", "valid": false, "attemptsLeft": 9 }));
    let deleted = printed("delete", r#"{"username": "john"}"#).await;
    assert_eq!(deleted.body, json!({ "username": "john", "deleted": true }));
    // A form, as curl sends without the printed content type, and the code in the query.
    let call = service.call("vpn/enrollment").text("application/x-www-form-urlencoded", "username=john&verbose=true");
    let enrolled = call.send().await.expect(200);
    assert!(enrolled.body["metrics"].is_object());
    let otp = Enrolled::scanned(enrolled.str("qrcode")).at(app.clock.unix() + 30);
    let verified = service.post(&format!("vpn/verify?otp={otp}"), json!({ "username": "john" })).await;
    assert!(Service::is_valid(&verified));
}

/// An export says how its codes are computed, and an import heeds it.
async fn an_authenticator_of_a_policy_moves_with_its_account(app: TestApp) {
    policy(&app, json!({ "id": "long", "issuer": "Long", "algorithm": "SHA256", "digits": 8, "period": 60 })).await;
    let service = Service::of(&app).await;
    let (person, enrolled) = service.person("long", "ann").await;
    let account = app.engine.account_named(&person.email).await.unwrap().unwrap();
    let open = stepgate::engine::Exporting { hashes: true, secrets: true };
    let line = app.engine.exported(&account, open).unwrap();
    admin(&app, "DELETE", &format!("/accounts/{}", person.id), None).await.expect(204);
    let import = async |line: String| {
        let import = app.call("POST", "/admin/v1/accounts/import").bearer(ADMIN_KEY);
        import.text("application/x-ndjson", line).send().await.expect(200)
    };
    let bad = line.replace(r#""digits":8"#, r#""digits":9"#);
    assert_ne!(bad, line);
    let refused = import(bad).await;
    assert!(refused.text.contains("totpScheme"), "{}", refused.text);
    import(line.clone()).await;
    let moved = app.engine.account_named(&person.email).await.unwrap().unwrap();
    assert_eq!(app.engine.exported(&moved, open).unwrap(), line);
    assert!(Service::is_valid(&service.verify("long", &person.email, &enrolled.code(&app)).await));
}

/// A14: neither is a permission a way around one's own second factor.
async fn an_account_asks_about_others_only_and_with_a_fresh_proof(app: TestApp) {
    let service = vpn(&app).await;
    let (ben, _) = service.person("vpn", "ben").await;
    let (boss, token) = app.somebody_who_may("boss", &["users:update"]).await;
    let by_token = async |operation: &str, token: &str, name: &str| {
        let call = app.call("POST", &format!("/api/totp/vpn/{operation}")).bearer(token);
        call.json(&json!({ "username": name })).send().await
    };
    let verify = async |token: &str, name: &str, otp: &str| {
        let call = app.call("POST", "/api/totp/vpn/verify").bearer(token);
        call.json(&json!({ "username": name, "otp": otp })).send().await
    };
    for operation in ["enrollment", "delete"] {
        by_token(operation, &token, &boss.email).await.refused(403, "forbidden");
    }
    let own = service.enrol("vpn", &boss.email).await;
    verify(&token, &boss.email, &own.code(&app)).await.refused(403, "forbidden");
    assert!(!has_google(&app, &boss).await);
    let mut boss = boss;
    app.enable_google(&token, &mut boss).await;
    app.clock.advance(crate::owners::FRESH);
    let carl = app.person("carl").await;
    let waiting = service.enrol("vpn", &carl.email).await;
    verify(&token, &carl.email, &waiting.code(&app)).await.refused(403, "step_up_required");
    assert!(!has_google(&app, &carl).await, "a code by an access token turns nothing on without a fresh proof");
    for operation in ["enrollment", "delete"] {
        by_token(operation, &token, &ben.email).await.refused(403, "step_up_required");
        by_token(operation, &token, "nobody").await.refused(403, "step_up_required");
    }
    let fresh = app.by_google(&boss).await;
    assert!(Service::is_valid(&verify(&fresh, &carl.email, &waiting.code(&app)).await));
    by_token("delete", &fresh, &boss.email).await.refused(403, "forbidden");
    verify(&fresh, &boss.email, &app.totp_at(boss.key(), 1)).await.refused(403, "forbidden");
    by_token("delete", &fresh, &ben.email).await.expect(200);
    assert!(!has_google(&app, &ben).await && has_google(&app, &boss).await);
    // A success token does as well, once, and is not used up by what cannot be done anyhow.
    policy(&app, json!({ "id": "elsewhere", "issuer": "E", "surfaces": ["wizard"] })).await;
    app.clock.advance(crate::owners::FRESH);
    let challenge = app.challenge(&fresh, "").await.expect(200).str("token").to_owned();
    let confirmed = app.confirm(&fresh, &challenge, &app.totp(boss.key())).await.expect(200);
    let success = confirmed.str("successToken");
    let with_success = async |path: &str| {
        let call = app.call("POST", &format!("/api/totp/{path}")).bearer(&fresh).header("X-Success-Token", success);
        call.json(&json!({ "username": ben.email })).send().await
    };
    with_success("elsewhere/enrollment").await.refused(403, "mfa_disallowed");
    with_success("vpn/enrollment").await.expect(200);
    with_success("vpn/delete").await.refused(403, "step_up_required");
}

/// A14: whoever had the account before, and still has the image, has nothing of it.
async fn what_waits_ends_with_a_handover(app: TestApp) {
    let service = vpn(&app).await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let (of_ann, of_ben) = (service.enrol("vpn", &ann.email).await, service.enrol("vpn", &ben.email).await);
    let patch = json!({ "password": "seven violet herons juggling" });
    admin(&app, "PATCH", &format!("/accounts/{}", ann.id), Some(patch)).await.expect(200);
    admin(&app, "DELETE", &format!("/accounts/{}/factors/google", ben.id), None).await.expect(204);
    for (person, enrolled) in [(&ann, &of_ann), (&ben, &of_ben)] {
        assert!(!Service::is_valid(&service.verify("vpn", &person.email, &enrolled.code(&app)).await));
        assert!(!has_google(&app, person).await);
    }
}

/// An order of the panel holds for services too.
async fn what_is_disallowed_is_not_enrolled_and_what_waits_is_not_turned_on(app: TestApp) {
    let service = vpn(&app).await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let waiting = service.enrol("vpn", &ann.email).await;
    let panel = app.dealer().await;
    app.order_all(&panel, json!({ "type": "disallowed" })).await;
    let name = |person: &Person| json!({ "username": person.email });
    let nowhere = Enrolled::scanned(service.post("vpn/enrollment", name(&ben)).await.expect(200).str("qrcode"));
    for (person, enrolled) in [(&ann, &waiting), (&ben, &nowhere)] {
        let verified = service.verify("vpn", &person.email, &enrolled.code(&app)).await;
        assert_eq!((verified.status, &verified.body["attemptsLeft"]), (200, &json!(9)), "counted: {}", verified.text);
        assert!(!has_google(&app, person).await);
    }
    app.past_password(&ann).await.1.expect(202);
}

/// A14: an authenticator that is put aside by an order is deleted all the same, and does not come back.
async fn what_is_suspended_is_deleted_for_good(app: TestApp) {
    policy(&app, json!({ "id": "here", "issuer": "H", "surfaces": ["mfao", "navixy"] })).await;
    let service = vpn(&app).await;
    let ((ann, _), (ben, _)) = (service.person("vpn", "ann").await, service.person("here", "ben").await);
    let panel = app.dealer().await;
    app.order_all(&panel, json!({ "type": "disallowed" })).await;
    app.past_password(&ann).await.1.expect(202);
    service.post("vpn/delete", json!({ "username": ann.email })).await.expect(200);
    app.order_all(&panel, json!({ "type": "allowed", "factor_types": ["google"] })).await;
    app.past_password(&ann).await.1.expect(202);
    // The other one was never carried along in between, and is still on.
    assert_eq!(app.past_password(&ben).await.1.expect(200).workflow(), "2fa_google_auth");
}

/// A17: an order may leave out authenticators, for all or for whoever comes; nobody is told of whom there is to be ordered.
async fn an_order_does_not_tell_who_has_an_account(app: TestApp) {
    let panel = app.dealer().await;
    app.order_all(&panel, json!({ "type": "allowed", "factor_types": ["email"] })).await;
    unknown_names_look_like_known_ones(&app).await;
}

/// A policy that makes accounts makes none that could have no authenticator, and says at once what nobody can be called.
async fn no_account_is_made_in_vain(app: TestApp) {
    let body = json!({ "id": "vpn", "issuer": "V", "createsAccounts": true, "emailDomain": "corp.example" });
    policy(&app, body).await;
    let service = Service::of(&app).await;
    let refused = service.post("vpn/enrollment", json!({ "username": "weird name!" })).await;
    assert!(refused.refused(400, "invalid_request").body["errors"]["username"].is_array());
    let panel = app.dealer().await;
    let default = json!({ "settings": { "type": "allowed", "factor_types": ["email"] } });
    app.at_panel(&panel, "/user/mfa/settings/default/update", &default).await.expect(200);
    for _ in 0..2 {
        service.post("vpn/enrollment", json!({ "username": "newcomer" })).await.expect(200);
    }
    let made = admin(&app, "GET", "/accounts?username=newcomer", None).await.expect(200);
    assert_eq!(made.body["data"], json!([]), "{}", made.text);
}

/// A17: to be named by a service carries nothing out that was ordered; a write does.
async fn to_be_named_carries_no_order_out(app: TestApp) {
    let service = vpn(&app).await;
    let (ann, panel) = (app.person("ann").await, app.dealer().await);
    let lines = async || {
        let changes = app.engine.store.changes(stepgate::identity::AccountId(ann.id)).await.unwrap();
        changes.iter().map(|change| change.provider.to_string()).collect::<Vec<String>>()
    };
    let both = json!({ "type": "allowed", "factor_types": ["email", "google"] });
    app.order_all(&panel, both).await;
    for (operation, trips) in [("verify", 3), ("delete", 4)] {
        for name in [ann.email.as_str(), "nobody@example.com"] {
            let body = json!({ "username": name, "otp": "123456", "verbose": true });
            let answer = service.post(&format!("vpn/{operation}"), body).await.expect(200);
            assert_eq!(answer.body["metrics"]["storeRoundTrips"], trips, "{operation} {name}");
        }
    }
    assert_eq!(lines().await, [""; 0]);
    let enrolled = service.enrol("vpn", &ann.email).await;
    assert_eq!(lines().await, ["email"]);
    app.order_all(&panel, json!({ "type": "allowed", "factor_types": ["google"] })).await;
    assert!(Service::is_valid(&service.verify("vpn", &ann.email, &enrolled.code(&app)).await));
    assert_eq!(lines().await, ["email", "google"]);
}

/// A9: whatever hash, length and period the policy says, the picture is an address whose codes `oathtool` computes too.
async fn an_image_yields_the_codes_of_another_implementation(app: TestApp) {
    let service = Service::of(&app).await;
    for algorithm in ["SHA1", "SHA256", "SHA512"] {
        for digits in [6, 8] {
            for period in [30, 60] {
                let id = format!("{}-{digits}-{period}", algorithm.to_lowercase());
                let body = json!({
                    "id": id, "issuer": "Žluťoučký kůň & syn", "algorithm": algorithm, "digits": digits, "period": period,
                });
                policy(&app, body).await;
                let name = app.person(&id).await.email;
                let enrolled = service.enrol(&id, &name).await;
                assert_eq!((enrolled.url.scheme(), enrolled.url.host_str()), ("otpauth", Some("totp")));
                let read = (enrolled.totp.algorithm.as_str(), enrolled.totp.digits, enrolled.totp.period);
                assert_eq!(read, (algorithm, digits, period));
                let issuer = enrolled.url.query_pairs().find(|(member, _)| member == "issuer").unwrap().1.into_owned();
                assert_eq!(issuer, "Žluťoučký kůň & syn");
                assert_eq!(data_encoding::BASE32_NOPAD.decode(enrolled.key.as_bytes()).unwrap().len(), 20);
                let otp = oathtool(&enrolled, app.clock.unix());
                assert_eq!(otp.len(), usize::from(digits));
                assert!(Service::is_valid(&service.verify(&id, &name, &otp).await), "{id}");
            }
        }
    }
}

/// The code that another implementation computes. A machine without the program fails the run.
fn oathtool(enrolled: &Enrolled, unix: u64) -> String {
    let run = std::process::Command::new("oathtool")
        .arg(format!("--totp={}", enrolled.totp.algorithm.as_str().to_lowercase()))
        .args(["--base32", "--now", &format!("@{unix}"), "--digits", &enrolled.totp.digits.to_string()])
        .args(["--time-step-size", &format!("{}s", enrolled.totp.period), &enrolled.key])
        .output()
        .expect("the program oathtool must be installed");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap().trim().to_owned()
}

async fn an_authenticator_is_on_only_with_its_first_right_code(app: TestApp) {
    let service = vpn(&app).await;
    let person = app.person("ann").await;
    let enrolled = service.enrol("vpn", &person.email).await;
    app.past_password(&person).await.1.expect(202);
    let wrong = service.verify("vpn", &person.email, &enrolled.wrong(&app)).await.expect(200);
    assert_eq!(wrong.body, json!({ "username": person.email, "valid": false, "attemptsLeft": 9 }));
    assert!(!has_google(&app, &person).await);
    app.past_password(&person).await.1.expect(202);
    assert!(Service::is_valid(&service.verify("vpn", &person.email, &enrolled.code(&app)).await));
    assert!(has_google(&app, &person).await);
    assert_eq!(app.past_password(&person).await.1.expect(200).workflow(), "2fa_google_auth");
    assert_eq!(app.notices(&person.email).await, ["factor_enabled"]);
    app.engine.errands.idle().await;
    let events = admin(&app, "GET", &format!("/events?type=factor_enabled&account={}", person.id), None).await;
    let event = &events.body["data"][0];
    assert_eq!(event["details"], json!({ "by": "client gateway", "surface": "mfao" }));
    assert_eq!((&event["method"], &event["actor"]), (&json!("google"), &json!("operator")));
}

/// A3, A8: on this surface, on the wizards, and across both.
async fn a_code_is_right_once(app: TestApp) {
    let service = vpn(&app).await;
    let (person, enrolled) = service.person("vpn", "ann").await;
    let code = enrolled.code(&app);
    assert!(Service::is_valid(&service.verify("vpn", &person.email, &code).await));
    assert!(!Service::is_valid(&service.verify("vpn", &person.email, &code).await));
    let (uuid, _) = app.past_password(&person).await;
    app.code("google", &uuid, &code).await.refused(422, "code_used");
    app.clock.advance(30);
    let code = enrolled.code(&app);
    let (uuid, _) = app.past_password(&person).await;
    app.code("google", &uuid, &code).await.expect(202);
    assert!(!Service::is_valid(&service.verify("vpn", &person.email, &code).await));
    // The step before the spent one is dead, the one after it is not, and one further is not looked at yet.
    let at = |offset: i64| enrolled.at(app.clock.unix().checked_add_signed(offset * 30).unwrap());
    for (offset, valid) in [(-1, false), (2, false), (1, true)] {
        let answer = service.verify("vpn", &person.email, &at(offset)).await;
        assert_eq!(Service::is_valid(&answer), valid, "{offset}");
    }
}

/// A10, X13: also the very first one, which turns the authenticator on.
async fn of_fifty_at_once_one_code_is_right_once(app: TestApp) {
    let service = vpn(&app).await;
    let person = app.person("ann").await;
    let enrolled = service.enrol("vpn", &person.email).await;
    for round in 0..2 {
        let code = enrolled.code(&app);
        let all = (0..50).map(|_| service.verify("vpn", &person.email, &code));
        let answers = futures_util::future::join_all(all).await;
        let valid = answers.iter().filter(|answer| answer.status == 200 && Service::is_valid(answer)).count();
        assert_eq!(valid, 1, "{round}");
        for answer in &answers {
            assert!(matches!(answer.status, 200 | 429), "{}", answer.text);
        }
        admin(&app, "DELETE", &format!("/accounts/{}/lock", person.id), None).await.expect(204);
        app.clock.advance(30);
    }
    let token = second_factor(&app, &person, &enrolled).await;
    let changes = app.call("GET", "/api/v2/my/2fa/changes").bearer(&token).send().await.expect(200);
    assert_eq!(changes.body["total"], json!(1));
}

/// The access token of a sign-in by a code of the authenticator; the next code is fresh.
async fn second_factor(app: &TestApp, person: &Person, enrolled: &Enrolled) -> String {
    let (uuid, _) = app.past_password(person).await;
    let done = app.code("google", &uuid, &enrolled.code(app)).await.expect(202);
    app.clock.advance(i64::try_from(enrolled.totp.period).unwrap());
    done.str("/data/accessToken/token").to_owned()
}

async fn fewer_attempts_may_be_asked_for_and_never_more(app: TestApp) {
    let service = vpn(&app).await;
    policy(&app, json!({ "id": "strict", "issuer": "Strict", "attempts": 3 })).await;
    policy(&app, json!({ "id": "lax", "issuer": "Lax", "attempts": 20 })).await;
    let (person, enrolled) = service.person("vpn", "ann").await;
    let answer = service.verify("lax", &person.email, &enrolled.wrong(&app)).await;
    assert_eq!(answer.body["attemptsLeft"], json!(9));
    let answer = service.verify("strict", &person.email, &enrolled.wrong(&app)).await;
    assert_eq!(answer.body["attemptsLeft"], json!(1));
    let answer = service.verify("strict", &person.email, &enrolled.wrong(&app)).await;
    assert_eq!(answer.body["attemptsLeft"], json!(0));
    service.verify("lax", &person.email, &enrolled.code(&app)).await.refused(429, "account_locked");
    // What waits is judged by the policy just the same.
    let person = app.person("bob").await;
    let enrolled = service.enrol("strict", &person.email).await;
    let answer = service.verify("strict", &person.email, &enrolled.wrong(&app)).await;
    assert_eq!(answer.body["attemptsLeft"], json!(2));
}

/// A16, A23: by another hand than the owner's, so their sessions end.
async fn a_deletion_is_in_the_change_log_and_the_owner_is_told(app: TestApp) {
    let service = vpn(&app).await;
    let (person, enrolled) = service.person("vpn", "ann").await;
    let token = second_factor(&app, &person, &enrolled).await;
    service.post("vpn/delete", json!({ "username": person.email })).await.expect(200);
    assert!(!has_google(&app, &person).await);
    app.call("GET", "/api/v2/my/sessions").bearer(&token).send().await.refused(401, "unauthorized");
    let token = app.sign_in(&person).await;
    let changes = app.call("GET", "/api/v2/my/2fa/changes?sort_order=asc").bearer(&token).send().await.expect(200);
    let told: Vec<(&Value, &Value)> =
        changes.body["data"].as_array().unwrap().iter().map(|line| (&line["provider"], &line["isEnabled"])).collect();
    assert_eq!(told.len(), 2);
    assert_eq!(told.iter().map(|line| line.1.as_bool().unwrap()).collect::<BTreeSet<_>>(), [false, true].into());
    assert_eq!(app.notices(&person.email).await, ["factor_enabled", "factor_reset"]);
    // There is none any more, and no code is right.
    assert!(!Service::is_valid(&service.verify("vpn", &person.email, &enrolled.code(&app)).await));
    // What only waits goes silently.
    let waiting = service.enrol("vpn", &person.email).await;
    service.post("vpn/delete", json!({ "username": person.email })).await.expect(200);
    assert!(!Service::is_valid(&service.verify("vpn", &person.email, &waiting.code(&app)).await));
    assert_eq!(app.notices(&person.email).await.len(), 2);
    app.call("GET", "/api/v2/my/sessions").bearer(&token).send().await.expect(200);
}

/// The wizards ask for what the policy has made of the account's authenticator.
async fn eight_digits_are_demanded_and_taken_at_sign_in(app: TestApp) {
    policy(&app, json!({ "id": "long", "issuer": "L", "digits": 8, "algorithm": "SHA256", "period": 60 })).await;
    let service = Service::of(&app).await;
    let (person, enrolled) = service.person("long", "ann").await;
    let (uuid, answer) = app.past_password(&person).await;
    let asked = answer.expect(200);
    assert_eq!(asked.workflow(), "2fa_google_auth");
    let fields = asked.body["next"]["fields"].as_array().unwrap();
    let code = fields.iter().find(|field| field["name"] == "code").unwrap();
    assert_eq!((&code["pattern"], &code["maxLength"]), (&json!("^[0-9]{8}$"), &json!(8)));
    app.code("google", &uuid, "123456").await.refused(422, "invalid_code");
    app.code("google", &uuid, &enrolled.code(&app)).await.expect(202);
}

/// Whatever policy is named, and wherever it was enrolled: with its own digits and its own period.
async fn what_was_enrolled_elsewhere_verifies_here_and_goes_off_here(app: TestApp) {
    policy(&app, json!({ "id": "long", "issuer": "L", "digits": 8, "period": 60 })).await;
    let service = Service::of(&app).await;
    let person = app.person_with_google("ann").await;
    let key = person.key.clone().unwrap();
    assert!(Service::is_valid(&service.verify("long", &person.email, &app.totp(&key)).await));
    // Of another length, and so of no worth; but counted.
    let answer = service.verify("long", &person.email, "12345678").await;
    assert_eq!((Service::is_valid(&answer), &answer.body["attemptsLeft"]), (false, &json!(9)));
    // A recovery code is no code of an authenticator.
    service.verify("long", &person.email, "ABCDE-FGHIJ").await.refused(422, "invalid_code");
    let refused = service.post("long/enrollment", json!({ "username": person.email })).await;
    refused.refused(409, "method_already_enabled");
    service.post("long/delete", json!({ "username": person.email })).await.expect(200);
    app.past_password(&person).await.1.expect(202);
}

async fn a_further_enrolment_replaces_what_waits_and_not_what_is_on(app: TestApp) {
    let service = vpn(&app).await;
    let person = app.person("ann").await;
    let first = service.enrol("vpn", &person.email).await;
    let second = service.enrol("vpn", &person.email).await;
    assert_ne!(first.key, second.key);
    assert!(!Service::is_valid(&service.verify("vpn", &person.email, &first.code(&app)).await));
    assert!(Service::is_valid(&service.verify("vpn", &person.email, &second.code(&app)).await));
    app.clock.advance(30);
    let refused = service.post("vpn/enrollment", json!({ "username": person.email })).await;
    refused.refused(409, "method_already_enabled");
    assert!(Service::is_valid(&service.verify("vpn", &person.email, &second.code(&app)).await));
    // What waits is forgotten when another one comes on elsewhere.
    let mut other = app.person("bob").await;
    let waiting = service.enrol("vpn", &other.email).await;
    let token = app.sign_in(&other).await;
    app.enable_google(&token, &mut other).await;
    assert!(!Service::is_valid(&service.verify("vpn", &other.email, &waiting.code(&app)).await));
    assert!(Service::is_valid(&service.verify("vpn", &other.email, &app.totp(other.key.as_ref().unwrap())).await));
}

async fn what_waits_lapses_after_an_hour(app: TestApp) {
    let service = vpn(&app).await;
    let (ann, bob) = (app.person("ann").await, app.person("bob").await);
    let early = service.enrol("vpn", &ann.email).await;
    let late = service.enrol("vpn", &bob.email).await;
    app.clock.advance(3_599);
    assert!(Service::is_valid(&service.verify("vpn", &ann.email, &early.code(&app)).await));
    app.clock.advance(1);
    assert!(!Service::is_valid(&service.verify("vpn", &bob.email, &late.code(&app)).await));
    assert!(!has_google(&app, &bob).await);
}

/// A22: what waits is sealed, and sealed anew with the rest when the keys turn over.
async fn what_waits_survives_a_new_key(app: TestApp) {
    let service = vpn(&app).await;
    let person = app.person("ann").await;
    let enrolled = service.enrol("vpn", &person.email).await;
    let account = app.engine.account_named(&person.email).await.unwrap().unwrap();
    assert!(!serde_json::to_string(&account).unwrap().contains(&enrolled.key));
    let turned = admin(&app, "POST", "/keys/rotate", Some(json!({ "sealing": true }))).await.expect(202);
    app.engine.errands.idle().await;
    let under: Vec<String> = app.engine.sealed_accounts().await.unwrap().into_keys().collect();
    assert_eq!(under, [turned.str("sealing")]);
    assert!(Service::is_valid(&service.verify("vpn", &person.email, &enrolled.code(&app)).await));
}

async fn only_the_keys_of_a_client_or_a_permitted_account_open_it(app: TestApp) {
    let service = vpn(&app).await;
    let other = Service::of(&app).await;
    let person = app.person("ann").await;
    let (right, access) = (service.api_key.as_str(), service.access_key.as_str());
    let longer = format!("{access}A");
    for (api_key, access_key) in [
        (None, None),
        (Some(right), None),
        (None, Some(access)),
        (Some(access), Some(right)),
        (Some(right), Some(other.access_key.as_str())),
        (Some(other.api_key.as_str()), Some(access)),
        (Some(right), Some("")),
        (Some(right), Some(longer.as_str())),
        (Some(ADMIN_KEY), Some(ADMIN_KEY)),
    ] {
        for operation in ["enrollment", "verify", "delete"] {
            // Whatever else is wrong with the call, nothing of it is told.
            for (policy, body) in [("vpn", json!({ "username": person.email, "otp": "123456" })), ("no", json!([]))] {
                let mut call = app.call("POST", &format!("/api/totp/{policy}/{operation}")).json(&body);
                for (name, key) in [("api-key", api_key), ("access-key", access_key)] {
                    call = key.into_iter().fold(call, |call, key| call.header(name, key));
                }
                let answer = call.send().await;
                let readable = policy == "vpn" || api_key.is_none() || access_key.is_none();
                if readable {
                    answer.refused(401, "unauthorized");
                }
            }
        }
    }
    // Nothing was counted on anybody.
    let enrolled = service.enrol("vpn", &person.email).await;
    let answer = service.verify("vpn", &person.email, &enrolled.wrong(&app)).await;
    assert_eq!(answer.body["attemptsLeft"], json!(9));
    // An account needs the permission, and only that one will do.
    let by = async |permissions: Value| {
        let name = format!("{}@example.com", permissions.as_array().unwrap().len());
        let body = json!({ "email": name, "password": PASSWORD, "permissions": permissions });
        let id = app.account(body).await;
        let staff = Person { id, email: name, phone: String::new(), key: None };
        let token = app.sign_in(&staff).await;
        let body = json!({ "username": person.email });
        (id, app.call("POST", "/api/totp/vpn/enrollment").bearer(&token).json(&body).send().await)
    };
    by(json!([])).await.1.refused(403, "forbidden");
    by(json!(["users:read"])).await.1.refused(403, "forbidden");
    let (id, enrolled) = by(json!(["users:read", "users:update"])).await;
    let enrolled = Enrolled::scanned(enrolled.expect(200).str("qrcode"));
    assert!(Service::is_valid(&service.verify("vpn", &person.email, &enrolled.code(&app)).await));
    app.engine.errands.idle().await;
    assert_ne!(id, person.id);
    for key in [ADMIN_KEY, access, "x"] {
        let call = app.call("POST", "/api/totp/vpn/delete").bearer(key).json(&json!({ "username": person.email }));
        call.send().await.refused(401, "unauthorized");
    }
}

/// A15, X3, X5: the uuid and the key of a sign-in that waits for a code, and a success token.
async fn nothing_pending_is_a_key(app: TestApp) {
    let service = vpn(&app).await;
    let person = app.person_with_google("ann").await;
    let started = app.get("/api/v2/my/signin/wizard").await;
    let (uuid, key) = (started.uuid(), started.header("x-wizard-key").unwrap().to_owned());
    app.password(&uuid, &person, PASSWORD).await;
    for pending in [uuid, key] {
        let body = json!({ "username": person.email });
        let call = || app.call("POST", "/api/totp/vpn/delete").json(&body);
        call().bearer(&pending).send().await.refused(401, "unauthorized");
        call().header("authorization", &format!("Basic {pending}")).send().await.refused(401, "unauthorized");
        let call = call().header("api-key", &service.api_key).header("access-key", &pending);
        call.send().await.refused(401, "unauthorized");
    }
    assert!(has_google(&app, &person).await);
}

async fn a_deleted_client_is_refused_at_once(app: TestApp) {
    let service = vpn(&app).await;
    service.post("vpn/delete", json!({ "username": "nobody" })).await.expect(200);
    let list = admin(&app, "GET", "/clients", None).await.expect(200);
    let id = list.body["data"][0]["id"].as_u64().unwrap();
    admin(&app, "DELETE", &format!("/clients/{id}"), None).await.expect(204);
    service.post("vpn/delete", json!({ "username": "nobody" })).await.refused(401, "unauthorized");
}

async fn a_policy_that_does_not_exist_is_not_found(app: TestApp) {
    let service = vpn(&app).await;
    let body = json!({ "username": "ann@example.com", "otp": "123456" });
    for policy in ["no", "VPN", "vpn%20", "vpn%00", "%2e%2e", &"x".repeat(65)] {
        for operation in ["enrollment", "verify", "delete"] {
            let refused = service.post(&format!("{policy}/{operation}"), body.clone()).await;
            refused.refused(404, "not_found");
        }
    }
    service.post("vpn/enrol", body.clone()).await.refused(404, "not_found");
    admin(&app, "DELETE", "/policies/vpn", None).await.expect(204);
    service.post("vpn/verify", body).await.refused(404, "not_found");
}

async fn a_policy_of_the_configuration_works_and_cannot_be_changed(app: TestApp) {
    let configured =
        r#"[{ id = "vpn", issuer = "Configured", digits = 8, attempts = 2, surfaces = ["mfao", "wizard"] }]"#;
    let app = with(app, &[("STEPGATE_MFAO__POLICIES", configured)]).await;
    let seen = json!({
        "id": "vpn", "issuer": "Configured", "algorithm": "SHA1", "digits": 8, "period": 30, "skew": 1, "attempts": 2,
        "surfaces": ["wizard", "mfao"], "createsAccounts": false, "emailDomain": null, "source": "configuration",
    });
    assert_eq!(admin(&app, "GET", "/policies/vpn", None).await.expect(200).body, seen);
    policy(&app, json!({ "id": "a", "issuer": "A" })).await;
    let list = admin(&app, "GET", "/policies", None).await.expect(200);
    assert_eq!((&list.body["data"][0], &list.body["data"][1]["id"]), (&seen, &json!("a")));
    let taken = admin(&app, "POST", "/policies", Some(json!({ "id": "vpn", "issuer": "Mine" }))).await;
    taken.refused(409, "already_exists");
    admin(&app, "PATCH", "/policies/vpn", Some(json!({ "digits": 6 }))).await.refused(409, "read_only");
    admin(&app, "DELETE", "/policies/vpn", None).await.refused(409, "read_only");
    let service = Service::of(&app).await;
    let (_, enrolled) = service.person("vpn", "ann").await;
    assert_eq!(enrolled.totp.digits, 8);
}

async fn a_policy_may_keep_a_surface_from_its_authenticators(app: TestApp) {
    let service = vpn(&app).await;
    policy(&app, json!({ "id": "elsewhere", "issuer": "E", "surfaces": ["wizard"] })).await;
    policy(&app, json!({ "id": "here", "issuer": "H", "surfaces": ["mfao"] })).await;
    let person = app.person("bob").await;
    for name in [person.email.as_str(), "nobody@example.com"] {
        let refused = service.post("elsewhere/enrollment", json!({ "username": name })).await;
        refused.refused(403, "mfa_disallowed");
    }
    let (person, enrolled) = service.person("here", "ann").await;
    // Its codes are asked for and taken everywhere.
    second_factor(&app, &person, &enrolled).await;
    service.post("vpn/delete", json!({ "username": person.email })).await.expect(200);
    // One that was enrolled before the policy shut this surface out stays what it was; one after it cannot be.
    admin(&app, "PATCH", "/policies/here", Some(json!({ "surfaces": ["wizard"] }))).await.expect(200);
    let refused = service.post("here/enrollment", json!({ "username": person.email })).await;
    refused.refused(403, "mfa_disallowed");
}

async fn metrics_are_of_the_work_that_was_done(app: TestApp) {
    let service = vpn(&app).await;
    let person = app.person("ann").await;
    // The server looks after its keys first, which is a round trip of its own once a minute.
    service.post("vpn/delete", json!({ "username": "nobody" })).await.expect(200);
    let measured = async |path: &str, body: Value| {
        let before = app.engine.store.round_trips();
        let call = service.call(path).header("x-request-id", "measured-1").json(&body);
        let answer = call.send().await.expect(200);
        let metrics = answer.body["metrics"].clone();
        assert_eq!(metrics["storeRoundTrips"], json!(app.engine.store.round_trips() - before), "{path}");
        assert_eq!((&metrics["requestId"], &metrics["policy"]), (&json!("measured-1"), &json!("vpn")));
        let phases = metrics["phases"].as_object().unwrap();
        assert!(phases.values().all(Value::is_u64), "{metrics}");
        let names: Vec<String> = phases.keys().cloned().collect();
        let known = |name: &str| metrics.get(name).cloned().unwrap_or(Value::Null);
        (metrics["storeRoundTrips"].as_u64().unwrap(), names, known("attemptsLeft"), known("stepOffset"))
    };
    let say = |otp: Option<String>| json!({ "username": person.email, "otp": otp, "verbose": true });
    let (trips, phases, left, offset) = measured("vpn/enrollment", say(None)).await;
    assert_eq!((trips, phases), (4, vec!["lookup".to_owned(), "qr".to_owned(), "write".to_owned()]));
    assert_eq!((left, offset), (Value::Null, Value::Null));
    let enrolled = service.enrol("vpn", &person.email).await;
    let (trips, phases, left, offset) = measured("vpn/verify", say(Some(enrolled.wrong(&app)))).await;
    assert_eq!((trips, phases), (3, vec!["judge".to_owned(), "lookup".to_owned()]));
    assert_eq!((left, offset), (json!(9), Value::Null));
    let (trips, _, left, offset) = measured("vpn/verify", say(Some(enrolled.code(&app)))).await;
    assert_eq!((trips, left, offset), (4, Value::Null, json!(0)), "it came on, and the copies by name follow");
    let next = enrolled.at(app.clock.unix() + 30);
    let (trips, _, left, offset) = measured("vpn/verify", say(Some(next))).await;
    assert_eq!((trips, left, offset), (3, json!(10), json!(1)));
    app.clock.advance(59);
    let verbose = json!({ "username": person.email, "otp": enrolled.at(app.clock.unix()), "verbose": "true" });
    let (_, _, _, offset) = measured("vpn/verify", verbose).await;
    assert_eq!(offset, json!(0));
    let (trips, phases, ..) = measured("vpn/delete", say(None)).await;
    assert_eq!((trips, phases), (4, vec!["lookup".to_owned(), "write".to_owned()]));
    // Nobody asked.
    for verbose in [json!(false), json!("false")] {
        let body = json!({ "username": person.email, "verbose": verbose });
        assert_eq!(service.post("vpn/delete", body).await.expect(200).body.get("metrics"), None);
    }
}

/// A17: status, shape, work and the lock are the same; of the accounts that have no authenticator on, an enrolment tells
/// none from nobody.
async fn an_unknown_name_is_answered_like_a_known_one(app: TestApp) {
    unknown_names_look_like_known_ones(&app).await;
}

async fn unknown_names_look_like_known_ones(app: &TestApp) {
    let service = vpn(app).await;
    let plain = app.person("plain").await.email;
    let texts = app.person_with_sms("texts").await.email;
    app.account(json!({ "email": "named@example.com", "username": "named", "locale": "ru" })).await;
    let mut courses = Vec::new();
    for name in [plain.as_str(), texts.as_str(), "named", "nobody@example.com", "nobody", "ｎobody 2", "a\"b\\c"] {
        // The server looks after its keys first.
        app.clock.advance(61);
        service.verify("no", name, "123456").await.refused(404, "not_found");
        let seen = async |operation: &str, body: Value| {
            let before = app.engine.store.round_trips();
            let answer = service.post(&format!("vpn/{operation}"), body).await;
            let trips = app.engine.store.round_trips() - before;
            let written = serde_json::to_string(name).unwrap();
            let qr = answer.body["qrcode"].as_str().unwrap_or("none").to_owned();
            let url = answer.body["otpauthUrl"].as_str().unwrap_or("none").to_owned();
            if answer.body["qrcode"].is_string() {
                let scanned = Enrolled::scanned(&qr);
                let label = scanned.url.path_segments().unwrap().next_back().unwrap().to_owned();
                let label = percent_decoded(&label);
                assert_eq!(label, format!("Example VPN:{name}"));
            }
            let mut shape = shape_of(&answer, &[(&written, "NAME"), (&qr, "QR"), (&url, "URL")]);
            // The picture is of another size for a name of another length.
            shape.1.retain(|(header, _)| header != "content-length");
            (shape, trips)
        };
        let mut course = Vec::new();
        for _ in 0..2 {
            course.push(seen("delete", json!({ "username": name })).await);
            course.push(seen("enrollment", json!({ "username": name })).await);
        }
        course.push(seen("delete", json!({ "username": name })).await);
        // Up to the lock, into it, and out of it again.
        for _ in 0..12 {
            course.push(seen("verify", json!({ "username": name, "otp": "123456" })).await);
        }
        course.push(seen("verify", json!({ "username": name, "otp": "12345" })).await);
        course.push(seen("enrollment", json!({ "username": name })).await);
        course.push(seen("delete", json!({ "username": name })).await);
        app.clock.advance(901);
        service.verify("no", name, "123456").await.refused(404, "not_found");
        course.push(seen("verify", json!({ "username": name, "otp": "123456" })).await);
        courses.push((name.to_owned(), course));
    }
    let statuses: Vec<u16> = courses[0].1.iter().map(|(shape, _)| shape.0).collect();
    assert_eq!(statuses[5..18], [200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 429, 429, 422]);
    for (name, course) in &courses[1..] {
        for (at, (known, other)) in courses[0].1.iter().zip(course).enumerate() {
            assert_eq!(known, other, "{name}, call {at}");
        }
    }
}

fn percent_decoded(text: &str) -> String {
    let pair = format!("x={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(pair.as_bytes()).next().unwrap().1.into_owned()
}

/// X22, X24: one authenticator and one budget, however the name is written.
async fn spellings_of_a_name_are_one_name(app: TestApp) {
    let app = with(app, &[("STEPGATE_NAMES__IGNORE_DOTS_FOR", r#"["example.com"]"#)]).await;
    let service = vpn(&app).await;
    let body = json!({ "email": "ann.lee@example.com", "username": "Ann", "password": PASSWORD });
    app.account(body).await;
    let spellings = [" ANN.LEE@example.com", "annlee@EXAMPLE.com", "ａｎｎ.lee@example.com", "ann", "ＡＮＮ", "Ann "];
    let enrolled = service.enrol("vpn", spellings[0]).await;
    for (number, name) in spellings.into_iter().enumerate() {
        let answer = service.verify("vpn", name, &enrolled.wrong(&app)).await.expect(200);
        assert_eq!(answer.body, json!({ "username": name, "valid": false, "attemptsLeft": 9 - number }));
    }
    assert!(Service::is_valid(&service.verify("vpn", "aNN", &enrolled.code(&app)).await));
    for name in spellings {
        service.post("vpn/enrollment", json!({ "username": name })).await.refused(409, "method_already_enabled");
    }
    // And so for a name that nobody has.
    for (number, name) in ["Nobody", " nobody", "ｎobody", "NOBODY"].into_iter().enumerate() {
        let answer = service.verify("vpn", name, "123456").await;
        assert_eq!(answer.body["attemptsLeft"], json!(9 - number), "{name}");
    }
}

async fn an_account_is_made_where_the_policy_says_so(app: TestApp) {
    let service = vpn(&app).await;
    policy(&app, json!({ "id": "open", "issuer": "O", "createsAccounts": true })).await;
    let body = json!({ "id": "corp", "issuer": "C", "createsAccounts": true, "emailDomain": "corp.example" });
    policy(&app, body).await;
    let found = async |query: &str| {
        let list = admin(&app, "GET", &format!("/accounts?{query}"), None).await.expect(200);
        list.body["data"].as_array().unwrap().first().cloned()
    };
    service.enrol("vpn", "new@example.com").await;
    assert_eq!(found("email=new@example.com").await, None);
    let enrolled = service.enrol("open", "new@example.com").await;
    let made = found("email=new@example.com").await.unwrap();
    assert_eq!((&made["username"], &made["hasPassword"], &made["factors"]), (&Value::Null, &json!(false), &json!([])));
    assert!(Service::is_valid(&service.verify("open", "new@example.com", &enrolled.code(&app)).await));
    // A user name needs a domain for its mail.
    service.enrol("open", "john").await;
    assert_eq!(found("username=john").await, None);
    let enrolled = service.enrol("corp", "John").await;
    let made = found("username=john").await.unwrap();
    assert_eq!((&made["username"], &made["email"]), (&json!("John"), &json!("John@corp.example")));
    assert!(Service::is_valid(&service.verify("corp", "john", &enrolled.code(&app)).await));
    // Verifying and deleting make nobody.
    service.verify("corp", "jim", "123456").await.expect(200);
    service.post("corp/delete", json!({ "username": "jim" })).await.expect(200);
    assert_eq!(found("username=jim").await, None);
    // An address that another one has is not taken from them.
    app.account(json!({ "email": "kim@corp.example" })).await;
    let refused = service.post("corp/enrollment", json!({ "username": "kim" })).await.refused(409, "already_taken");
    assert!(refused.body["errors"]["username"].is_array());
    // Many at once make one.
    let all = (0..8).map(|_| service.post("corp/enrollment", json!({ "username": "lee" })));
    for answer in futures_util::future::join_all(all).await {
        answer.expect(200);
    }
    assert!(found("username=lee").await.is_some());
    app.engine.errands.idle().await;
    let events = admin(&app, "GET", "/events?type=account_created", None).await.expect(200);
    let by: Vec<&Value> = events.body["data"].as_array().unwrap().iter().map(|event| &event["details"]).collect();
    let mine = json!({ "by": "client gateway", "policy": "corp", "surface": "mfao" });
    assert_eq!(by.iter().filter(|details| ***details == mine).count(), 2);
}

/// A11, X8, X30, X31: named, and no attempt.
async fn what_is_malformed_is_named_and_counts_nothing(app: TestApp) {
    let service = vpn(&app).await;
    let (person, enrolled) = service.person("vpn", "ann").await;
    let name = person.email.as_str();
    let code = enrolled.code(&app);
    for otp in
        ["", "12345", "123456789", " 123456", "123456 ", "+12345", "12345a", "１２３４５６", "1234567\n", "-123456"]
    {
        let refused = service.verify("vpn", name, otp).await.refused(422, "invalid_code");
        assert_eq!(refused.body["errors"], json!({ "otp": ["Must be 6 to 8 digits."] }), "{otp:?}");
        assert_eq!(refused.body["restart"], Value::Null);
    }
    for (body, field) in [
        (json!({ "username": name }), "otp"),
        (json!({ "username": name, "otp": null }), "otp"),
        (json!({ "username": name, "otp": 123_456 }), "otp"),
        (json!({ "username": name, "otp": [code] }), "otp"),
        (json!({ "username": name, "otp": { "code": code } }), "otp"),
        (json!({ "otp": code }), "username"),
        (json!({ "username": [name], "otp": code }), "username"),
        (json!({ "username": "", "otp": code }), "username"),
        (json!({ "username": "   ", "otp": code }), "username"),
        (json!({ "username": "x".repeat(1_025), "otp": code }), "username"),
        (json!({ "username": name, "otp": code, "verbose": 1 }), "verbose"),
        (json!({ "username": name, "otp": code, "verbose": "yes" }), "verbose"),
    ] {
        let refused = service.post("vpn/verify", body.clone()).await.refused(400, "invalid_request");
        assert_eq!(refused.body["errors"].as_object().unwrap().keys().collect::<Vec<_>>(), [field], "{body}");
    }
    let twice = format!(r#"{{"username":"{name}","otp":"000000","otp":"{code}"}}"#);
    let refused = service.call("vpn/verify").text("application/json", twice).send().await;
    assert!(refused.refused(400, "invalid_request").body["errors"]["otp"].is_array());
    let both = service.post("vpn/verify?otp=000000", json!({ "username": name, "otp": code })).await;
    assert!(both.refused(400, "invalid_request").body["errors"]["otp"].is_array());
    let null = service.post(&format!("vpn/verify?otp={code}"), json!({ "username": name, "otp": null })).await;
    assert!(null.refused(400, "invalid_request").body["errors"]["otp"].is_array());
    let doubled = service.post(&format!("vpn/verify?otp=000000&otp={code}"), json!({ "username": name })).await;
    doubled.refused(400, "invalid_request");
    for body in ["", "[]", "null", "\"x\"", "{"] {
        let refused = service.call("vpn/delete").text("application/json", body).send().await;
        refused.refused(400, "malformed_body");
    }
    service.call("vpn/delete").text("text/plain", "{}").send().await.refused(415, "unsupported_media_type");
    // What nobody asked for does nothing.
    let body = json!({ "username": name, "otp": enrolled.wrong(&app), "valid": true, "attemptsLeft": 99 });
    let answer = service.post("vpn/verify", body).await;
    assert_eq!((Service::is_valid(&answer), &answer.body["attemptsLeft"]), (false, &json!(9)), "the first that counts");
    assert!(Service::is_valid(&service.verify("vpn", name, &code).await));
}

async fn a_change_of_a_policy_reaches_later_enrolments_only(app: TestApp) {
    let service = vpn(&app).await;
    let (person, enrolled) = service.person("vpn", "ann").await;
    let other = app.person("bob").await;
    let waiting = service.enrol("vpn", &other.email).await;
    let changed = json!({ "digits": 8, "algorithm": "SHA512", "period": 60 });
    admin(&app, "PATCH", "/policies/vpn", Some(changed)).await.expect(200);
    assert!(Service::is_valid(&service.verify("vpn", &person.email, &enrolled.code(&app)).await));
    assert!(Service::is_valid(&service.verify("vpn", &other.email, &waiting.code(&app)).await));
    service.post("vpn/delete", json!({ "username": other.email })).await.expect(200);
    app.clock.advance(120);
    let later = service.enrol("vpn", &other.email).await;
    assert_eq!((later.totp.digits, later.totp.period), (8, 60));
    assert!(Service::is_valid(&service.verify("vpn", &other.email, &later.code(&app)).await));
}

/// What the operator's second-factor policies do not allow, a service cannot turn on either.
async fn a_refused_group_cannot_be_enrolled(app: TestApp) {
    let policies = r#"[{ groups = ["texts"], allowed = ["sms"] }]"#;
    let app = with(app, &[("STEPGATE_MFA__POLICIES", policies)]).await;
    let service = vpn(&app).await;
    app.account(json!({ "email": "ann@example.com", "password": PASSWORD, "groups": ["texts"] })).await;
    let enrolled = service.enrol("vpn", "ann@example.com").await;
    assert!(!Service::is_valid(&service.verify("vpn", "ann@example.com", &enrolled.code(&app)).await));
    let seen = admin(&app, "GET", "/accounts?email=ann@example.com", None).await.expect(200);
    assert_eq!(seen.body["data"][0]["factors"], json!([]), "{}", seen.text);
}

/// A prefix of the operator's own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_surface_moves() {
    let setup = Setup::on(Backend::Embedded).with("STEPGATE_MFAO__PREFIX", "/otp");
    let app = setup.start().await;
    let service = vpn(&app).await;
    let body = json!({ "username": "ann@example.com" });
    service.post("vpn/delete", body.clone()).await.refused(404, "not_found");
    let moved = app.call("POST", "/otp/vpn/delete").header("api-key", &service.api_key);
    moved.header("access-key", &service.access_key).json(&body).send().await.expect(200);
}
