//! Remembered devices: what stands in for the second factor, how a copy is noticed, and when all are forgotten.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::enumeration::with;
use crate::guesses::with_status;
use crate::harness::{ADMIN_KEY, Backend, PASSWORD, Person, Setup, TestApp};
use crate::owners::FRESH;

on_every_store!(
    a_device_is_asked_for_the_password_only,
    each_use_hands_out_the_next_token,
    a_copy_is_noticed_and_every_device_forgotten,
    two_tabs_within_ten_seconds_are_no_theft,
    a_copy_without_the_password_harms_nobody,
    a_foreign_or_forged_token_is_nothing,
    a_remembered_device_is_no_step_up,
    any_change_of_a_factor_forgets_all_devices,
    a_new_password_forgets_all_devices,
    a_device_is_forgotten_after_the_policys_time,
    a_policy_that_became_shorter_holds_for_devices_of_before,
    no_device_is_remembered_against_the_policy,
    the_least_recently_used_of_ten_makes_room,
    devices_are_listed_and_forgotten,
    a_device_of_another_account_is_neither_seen_nor_forgotten,
    the_owner_is_told_of_a_device,
    the_cookie_is_for_the_server_alone,
    a_device_of_six_tabs_at_once_stays_remembered,
    families_of_refresh_tokens_live_and_die_apart,
    nothing_is_remembered_where_no_factor_is_on,
);

async fn listed(app: &TestApp, token: &str) -> Vec<Value> {
    app.bearing("GET", "/devices", token).await.expect(200).body["data"].as_array().unwrap().clone()
}

/// Whether the account is asked for its second factor on this device.
async fn is_asked(app: &TestApp, person: &Person, device: &str) -> bool {
    app.on_device(person, device).await.status == 200
}

async fn a_device_is_asked_for_the_password_only(app: TestApp) {
    let (person, _) = app.google_and_token("ann").await;
    let done = app.remembering(&person).await;
    let again = app.on_device(&person, &done.device()).await.expect(202);
    assert_eq!((again.workflow(), &again.body["done"]), ("login", &json!(true)));
    // The cookie is as good as the header.
    let body = json!({ "uuid": app.wizard().await, "email": person.email, "password": PASSWORD });
    let cookie = format!("other=1; stepgate_device={}", again.device());
    app.call("POST", "/api/v2/my/signin").header("Cookie", &cookie).json(&body).send().await.expect(202);
    // It stands in for the second factor, not for the password.
    let body = json!({ "uuid": app.wizard().await, "email": person.email, "password": "not the password" });
    let call = app.call("POST", "/api/v2/my/signin").header("X-Device-Token", &again.device()).json(&body);
    call.send().await.refused(422, "invalid_credentials");
    assert_eq!(app.past_password(&person).await.1.expect(200).workflow(), "2fa_google_auth", "nowhere else");
}

/// X11: watches that the counter moves with every use, and only with a use.
async fn each_use_hands_out_the_next_token(app: TestApp) {
    let (person, _) = app.google_and_token("ann").await;
    let mut token = app.device(&person).await;
    for _ in 0..4 {
        app.clock.advance(3_600);
        let next = app.on_device(&person, &token).await.expect(202).device();
        assert_ne!(next, token);
        token = next;
    }
}

/// X11, A23: a token that was used before, shown again later than two tabs explain, is a copy: all devices are
/// forgotten, the second factor is asked for, the owner is told. Watches `DeviceOutcome::Stolen`.
async fn a_copy_is_noticed_and_every_device_forgotten(app: TestApp) {
    let (person, session) = app.google_and_token("ann").await;
    let (copied, other) = (app.device(&person).await, app.device(&person).await);
    let next = app.on_device(&person, &copied).await.expect(202).device();
    app.clock.advance(11);
    let refused = app.on_device(&person, &copied).await.expect(200);
    assert_eq!((refused.workflow(), refused.header("x-device-token")), ("2fa_google_auth", None));
    assert_eq!(listed(&app, &session).await.len(), 0);
    for token in [&next, &other, &copied] {
        assert!(is_asked(&app, &person, token).await);
    }
    let told = app.notices(&person.email).await;
    assert_eq!(told.iter().filter(|name| *name == "device_stolen").count(), 1, "{told:?}");
    let path = format!("/admin/v1/events?account={}&type=device_stolen", person.id);
    let events = app.call("GET", &path).bearer(ADMIN_KEY).send().await.expect(200);
    assert_eq!(events.body["data"].as_array().unwrap().len(), 1);
}

/// X11: watches `Device::RACE`; both tabs hold the same next token.
async fn two_tabs_within_ten_seconds_are_no_theft(app: TestApp) {
    let (person, session) = app.google_and_token("ann").await;
    let token = app.device(&person).await;
    let one = app.on_device(&person, &token).await.expect(202).device();
    app.clock.advance(10);
    let other = app.on_device(&person, &token).await.expect(202).device();
    assert_eq!(one, other);
    app.clock.advance(3_600);
    app.on_device(&person, &one).await.expect(202);
    assert_eq!(listed(&app, &session).await.len(), 1);
}

/// X11: whoever holds an old copy and not the password can neither sign in nor have the owner's devices forgotten.
async fn a_copy_without_the_password_harms_nobody(app: TestApp) {
    let (person, session) = app.google_and_token("ann").await;
    let old = app.device(&person).await;
    let new = app.on_device(&person, &old).await.expect(202).device();
    app.clock.advance(3_600);
    let body = json!({ "uuid": app.wizard().await, "email": person.email, "password": "not the password" });
    let call = app.call("POST", "/api/v2/my/signin").header("X-Device-Token", &old).json(&body);
    call.send().await.refused(422, "invalid_credentials");
    assert_eq!(listed(&app, &session).await.len(), 1);
    assert!(!is_asked(&app, &person, &new).await);
}

/// X11: watches the seal, the account in the token, and that what is nothing changes nothing.
async fn a_foreign_or_forged_token_is_nothing(app: TestApp) {
    let (person, session) = app.google_and_token("ann").await;
    let (ben, _) = app.google_and_token("ben").await;
    let (anns, bens) = (app.device(&person).await, app.device(&ben).await);
    let parts: Vec<&str> = anns.split('.').collect();
    let [account, series, _, seal] = parts[..] else { panic!("{anns}") };
    let other = if seal.starts_with('A') { "B" } else { "A" };
    let forged = [
        bens.clone(),
        format!("{account}.{series}.7.{seal}"),
        format!("{}.{series}.0.{seal}", ben.id),
        format!("{account}.{series}.0.{other}{}", &seal[1..]),
        format!("{account}.{series}.0"),
        format!("{account}.{series}.0."),
        format!("{anns}.{seal}"),
        "...".to_owned(),
        anns.to_uppercase(),
        "x".repeat(600),
    ];
    for token in &forged {
        assert!(is_asked(&app, &person, token).await, "{token}");
    }
    assert_eq!(listed(&app, &session).await.len(), 1, "nothing was forgotten");
    assert!(!is_asked(&app, &person, &anns).await);
    assert!(!is_asked(&app, &ben, &bens).await);
    // An access token is no device, nor a device an access token.
    assert!(is_asked(&app, &person, &session).await);
    app.bearing("GET", "/sessions", &bens).await.refused(401, "unauthorized");
}

/// X18, A14: a session that a device opened has proved no factor: it turns nothing further on and makes no codes.
async fn a_remembered_device_is_no_step_up(app: TestApp) {
    let (person, _) = app.google_and_token("ann").await;
    let device = app.device(&person).await;
    let token = app.on_device(&person, &device).await.expect(202).access();
    for factor in ["sms", "email"] {
        app.start_factor(&token, factor, "enable").await.refused(403, "step_up_required");
    }
    app.start_factor(&token, "google", "disable").await.refused(403, "step_up_required");
    app.make_codes(&token, None).await.refused(403, "step_up_required");
    let success = app.confirmed_by(&token, async |app| app.totp(person.key())).await;
    app.make_codes(&token, Some(&success)).await.expect(200);
}

/// X18: on and off, by the owner and by the help desk.
async fn any_change_of_a_factor_forgets_all_devices(app: TestApp) {
    let (person, token) = app.google_and_token("ann").await;
    let device = app.device(&person).await;
    app.enable_sms(&token, &person).await;
    assert!(is_asked(&app, &person, &device).await, "turned on");
    let device = app.device(&person).await;
    app.clock.advance(60);
    let off = app.start_factor(&token, "sms", "disable").await.expect(200).uuid();
    app.factor_code(&token, &off, &app.last_code(&person.phone).await).await.expect(202);
    assert!(is_asked(&app, &person, &device).await, "turned off");
    app.enable_email(&token, &person).await;
    let device = app.device(&person).await;
    let path = format!("/admin/v1/accounts/{}/factors/email", person.id);
    app.call("DELETE", &path).bearer(ADMIN_KEY).send().await.expect(204);
    assert!(is_asked(&app, &person, &device).await, "reset");
}

/// X18, A16: changed, and reset with a code by email.
async fn a_new_password_forgets_all_devices(app: TestApp) {
    let new = "another long and winding password";
    let (person, _) = app.google_and_token("ann").await;
    let sign_in = async |device: &str| {
        let body = json!({ "uuid": app.wizard().await, "email": person.email, "password": new });
        app.call("POST", "/api/v2/my/signin").header("X-Device-Token", device).json(&body).send().await
    };
    let done = app.remembering(&person).await;
    let (device, token) = (done.device(), done.access());
    let success = app.confirmed_by(&token, async |app| app.totp(person.key())).await;
    let body = json!({ "successToken": success, "password": new, "passwordConfirmation": new });
    app.call("PUT", "/api/v2/my/password").bearer(&token).json(&body).send().await.expect(204);
    assert_eq!(sign_in(&device).await.expect(200).workflow(), "2fa_google_auth");

    let begun = app.post("/api/v2/my/signin/password/restore", json!({ "email": person.email })).await.expect(200);
    let body = json!({ "token": begun.str("token"), "code": app.last_code(&person.email).await });
    let confirmed = app.post("/api/v2/my/2fa/challenge", body).await.expect(200);
    // Remembered between the code and the new password.
    app.clock.advance(30);
    let uuid = sign_in("none").await.expect(200).uuid();
    let body = json!({ "uuid": uuid, "code": app.totp(person.key()), "rememberDevice": true });
    let device = app.post("/api/v2/my/2fa/google", body).await.expect(202).device();
    assert_eq!(sign_in(&device).await.status, 202);
    let body = json!({ "successToken": confirmed.str("successToken"), "password": PASSWORD, "passwordConfirmation": PASSWORD });
    app.post("/api/v2/my/signin/password/reset", body).await.expect(204);
    assert!(is_asked(&app, &person, &device).await);
}

/// X18: to the second, however often the device was used in between; a used one gets no new lease.
async fn a_device_is_forgotten_after_the_policys_time(app: TestApp) {
    let app = app.with_policies(json!([{ "remember": "7d" }, { "remember": "20d" }])).await;
    let (person, _) = app.google_and_token("ann").await;
    let uuid = app.waiting(&person).await;
    let body = json!({ "uuid": uuid, "code": app.totp(person.key()), "rememberDevice": true });
    let mut device = app.post("/api/v2/my/2fa/google", body).await.expect(202).device();
    for _ in 0..6 {
        app.clock.advance(86_400);
        let done = app.on_device(&person, &device).await.expect(202);
        device = done.device();
    }
    app.clock.advance(86_399);
    let last = app.on_device(&person, &device).await.expect(202);
    assert_eq!(listed(&app, &last.access()).await.len(), 1);
    app.clock.advance(1);
    assert_eq!(listed(&app, &last.access()).await.len(), 0);
    let refused = app.on_device(&person, &last.device()).await.expect(200);
    assert_eq!(refused.workflow(), "2fa_google_auth");
    assert!(!app.notices(&person.email).await.contains(&"device_stolen".to_owned()), "late is not stolen");
}

/// X18: an operator who no longer wants devices remembered does not wait for those of before.
async fn a_policy_that_became_shorter_holds_for_devices_of_before(app: TestApp) {
    let (person, _) = app.google_and_token("ann").await;
    let device = app.device(&person).await;
    app.clock.advance(86_400);
    let device = app.on_device(&person, &device).await.expect(202).device();
    let shorter = |remember: &str| json!([{ "remember": remember }]).to_string();
    let app = app.stop().await.with("STEPGATE_MFA__POLICIES", &shorter("2d")).start().await;
    let device = app.on_device(&person, &device).await.expect(202).device();
    let app = app.stop().await.with("STEPGATE_MFA__POLICIES", &shorter("1d")).start().await;
    assert!(is_asked(&app, &person, &device).await);
    let session = app.by_google(&person).await;
    assert_eq!(listed(&app, &session).await.len(), 0);
    let app = app.stop().await.with("STEPGATE_MFA__POLICIES", &shorter("0s")).start().await;
    assert!(is_asked(&app, &person, &device).await);
}

async fn no_device_is_remembered_against_the_policy(app: TestApp) {
    let app = app.with_policies(json!([{ "groups": ["staff"], "remember": "0s" }])).await;
    let (guest, _) = app.google_and_token("guest").await;
    app.device(&guest).await;
    let staff = json!({ "groups": ["staff"] });
    let path = format!("/admin/v1/accounts/{}", guest.id);
    app.call("PATCH", &path).bearer(ADMIN_KEY).json(&staff).send().await.expect(200);
    let done = app.remembering(&guest).await;
    assert_eq!((done.header("x-device-token"), done.header("set-cookie")), (None, None));
    assert_eq!(app.notices(&guest.email).await.iter().filter(|name| *name == "device_remembered").count(), 1);
}

/// X18: ten at most; the one that was used longest ago goes.
async fn the_least_recently_used_of_ten_makes_room(app: TestApp) {
    let (person, _) = app.google_and_token("ann").await;
    let mut devices = Vec::new();
    for _ in 0..10 {
        devices.push(app.device(&person).await);
    }
    devices[0] = app.on_device(&person, &devices[0]).await.expect(202).device();
    app.clock.advance(30);
    let eleventh = app.remembering(&person).await;
    assert_eq!(listed(&app, &eleventh.access()).await.len(), 10);
    assert!(is_asked(&app, &person, &devices[1]).await, "used longest ago");
    for device in [&devices[0], &devices[2], &devices[9], &eleventh.device()] {
        assert!(!is_asked(&app, &person, device).await);
    }
}

async fn devices_are_listed_and_forgotten(app: TestApp) {
    let (person, token) = app.google_and_token("ann").await;
    let mut devices = Vec::new();
    for agent in ["Phone/1", "Laptop/2", "Tablet/3"] {
        let uuid = app.waiting(&person).await;
        let body = json!({ "uuid": uuid, "code": app.totp(person.key()), "rememberDevice": true });
        let call = app.call("POST", "/api/v2/my/2fa/google").header("User-Agent", agent).json(&body);
        devices.push(call.send().await.expect(202).device());
        app.clock.advance(60);
    }
    app.on_device(&person, &devices[1]).await.expect(202);
    let call = app.call("GET", "/api/v2/my/devices").bearer(&token).header("X-Device-Token", &devices[0]);
    let list = call.send().await.expect(200);
    assert_eq!(list.body["total"], json!(3));
    let data = list.body["data"].as_array().unwrap();
    let seen: Vec<(&str, bool)> =
        data.iter().map(|one| (one["name"].as_str().unwrap(), one["current"].as_bool().unwrap())).collect();
    assert_eq!(seen, [("Laptop/2", false), ("Tablet/3", false), ("Phone/1", true)], "the last used first");
    assert_eq!(data[2]["createdAt"], data[2]["lastUsedAt"]);
    assert_ne!(data[0]["createdAt"], data[0]["lastUsedAt"]);
    assert!(devices.iter().all(|device| !list.text.contains(device.as_str())), "its name is not its token");

    let path = format!("/devices/{}", data[2]["id"].as_str().unwrap());
    app.bearing("DELETE", &path, &token).await.expect(204);
    app.bearing("DELETE", &path, &token).await.refused(404, "not_found");
    assert!(is_asked(&app, &person, &devices[0]).await);
    assert!(!is_asked(&app, &person, &devices[2]).await);
    for odd in ["x", "..", "%00", "%2e%2e%2f", &"y".repeat(500)] {
        app.bearing("DELETE", &format!("/devices/{odd}"), &token).await.expect(404);
    }
    app.bearing("DELETE", "/devices", &token).await.expect(204);
    app.bearing("DELETE", "/devices", &token).await.expect(204);
    assert_eq!(listed(&app, &token).await.len(), 0);
    app.get("/api/v2/my/devices").await.refused(401, "unauthorized");
    app.call("DELETE", "/api/v2/my/devices").send().await.refused(401, "unauthorized");
}

async fn a_device_of_another_account_is_neither_seen_nor_forgotten(app: TestApp) {
    let (ann, anns) = app.google_and_token("ann").await;
    let (_, bens) = app.google_and_token("ben").await;
    let device = app.device(&ann).await;
    let id = listed(&app, &anns).await[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(listed(&app, &bens).await.len(), 0);
    app.bearing("DELETE", &format!("/devices/{id}"), &bens).await.refused(404, "not_found");
    app.bearing("DELETE", "/devices", &bens).await.expect(204);
    assert!(!is_asked(&app, &ann, &device).await);
}

/// A23: watches the notice of a device that is remembered; signing in on it is told to nobody.
async fn the_owner_is_told_of_a_device(app: TestApp) {
    let (person, _) = app.google_and_token("ann").await;
    let device = app.device(&person).await;
    app.on_device(&person, &device).await.expect(202);
    assert_eq!(app.notices(&person.email).await, ["factor_enabled", "device_remembered"]);
}

/// X11: watches the attributes of the cookie: no script reads it, no other site sends it, no other path gets it.
async fn the_cookie_is_for_the_server_alone(app: TestApp) {
    let (person, _) = app.google_and_token("ann").await;
    let cookie = app.remembering(&person).await.header("set-cookie").unwrap().to_owned();
    for part in ["stepgate_device=", "HttpOnly", "SameSite=Strict", "Path=/api/v2/my", "Max-Age=2592000"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    assert!(!cookie.contains("Secure") && !cookie.contains("Domain"), "a developer's machine: {cookie}");
}

/// X11: many tabs of one browser that start at once are no theft, and leave one device.
async fn a_device_of_six_tabs_at_once_stays_remembered(app: TestApp) {
    let (person, session) = app.google_and_token("ann").await;
    let token = app.device(&person).await;
    let answers = join_all((0..6).map(|_| app.on_device(&person, &token))).await;
    assert!(with_status(&answers, 202) >= 1);
    // Whoever lost against all the others may be asked to do it again, and for nothing else.
    assert_eq!(with_status(&answers, 202) + with_status(&answers, 409), 6);
    let next = answers.iter().find(|answer| answer.status == 202).unwrap().device();
    app.clock.advance(60);
    app.on_device(&person, &next).await.expect(202);
    assert_eq!(listed(&app, &session).await.len(), 1);
}

/// A25: each device has a family of its own; reuse of one's old token ends that one, whether a code or a remembered
/// device opened it, and forgets no device.
async fn families_of_refresh_tokens_live_and_die_apart(app: TestApp) {
    let (person, _) = app.google_and_token("ann").await;
    let by_code = app.remembering(&person).await;
    let by_device = app.on_device(&person, &by_code.device()).await.expect(202);
    let elsewhere = app.remembering(&person).await;
    let refresh = async |token: &str| app.post("/api/v2/my/refresh", json!({ "refreshToken": token })).await;
    let next = refresh(&by_code.refresh()).await.expect(200);
    app.clock.advance(11);
    refresh(&by_code.refresh()).await.refused(401, "unauthorized");
    for dead in [by_code.access(), next.str("/accessToken/token").to_owned()] {
        app.bearing("GET", "/sessions", &dead).await.refused(401, "unauthorized");
    }
    refresh(next.str("/refreshToken/token")).await.refused(401, "unauthorized");
    for alive in [&by_device, &elsewhere] {
        let pair = refresh(&alive.refresh()).await.expect(200);
        app.bearing("GET", "/sessions", pair.str("/accessToken/token")).await.expect(200);
    }
    let listed = listed(&app, &elsewhere.access()).await;
    assert_eq!(listed.len(), 2);
    app.on_device(&person, &by_device.device()).await.expect(202);
}

async fn nothing_is_remembered_where_no_factor_is_on(app: TestApp) {
    let person = app.person("ann").await;
    let body =
        json!({ "uuid": app.wizard().await, "email": person.email, "password": PASSWORD, "rememberDevice": true });
    let done = app.post("/api/v2/my/signin", body).await.expect(202);
    assert_eq!(done.header("x-device-token"), None);
    // Within a wizard that only says so at the password, the code decides.
    let (ben, token) = app.google_and_token("ben").await;
    for remember in [json!(false), json!(null)] {
        let uuid = app.waiting(&ben).await;
        let body = json!({ "uuid": uuid, "code": app.totp(ben.key()), "rememberDevice": remember });
        let done = app.post("/api/v2/my/2fa/google", body).await.expect(202);
        assert_eq!(done.header("x-device-token"), None);
        app.clock.advance(30);
    }
    assert_eq!(listed(&app, &token).await.len(), 0);
    let uuid = app.waiting(&ben).await;
    let body = json!({ "uuid": uuid, "code": app.wrong_totp(ben.key()), "rememberDevice": true });
    let refused = app.post("/api/v2/my/2fa/google", body).await.refused(422, "invalid_code");
    assert_eq!(refused.header("x-device-token"), None);
}

/// X11: watches `Secure` outside of dev mode.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outside_of_dev_mode_the_cookie_is_secure() {
    let setup = Setup::on(Backend::Embedded);
    let app = setup.start().await;
    let (person, _) = app.google_and_token("ann").await;
    let settings = app.stop().await.with("STEPGATE_DEV", "false");
    let settings =
        settings.with("STEPGATE_SMS__PROVIDERS", r#"["outbox"]"#).with("STEPGATE_EMAIL__PROVIDERS", r#"["outbox"]"#);
    let app = settings.start().await;
    let cookie = app.remembering(&person).await.header("set-cookie").unwrap().to_owned();
    assert!(cookie.contains("; Secure"), "{cookie}");
}

/// X11: a page of another origin that may call may show the token and is shown the next one; no other page may.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_may_call_may_use_the_headers() {
    let app = Setup::on(Backend::Embedded).start().await;
    let app = with(app, &[("STEPGATE_CORS__ORIGINS", r#"["https://app.example.com"]"#)]).await;
    let asked = "x-device-token,x-success-token,idempotency-key,x-wizard-key";
    let preflight = app.call("OPTIONS", "/api/v2/my/signin").header("Origin", "https://app.example.com");
    let preflight = preflight.header("Access-Control-Request-Method", "POST");
    let allowed = preflight.header("Access-Control-Request-Headers", asked).send().await.expect(200);
    let names = allowed.header("access-control-allow-headers").unwrap().to_lowercase();
    assert!(asked.split(',').all(|name| names.contains(name)), "{names}");
    let call = app.call("GET", "/api/v2/my/signin/wizard").header("Origin", "https://app.example.com");
    let shown = call.send().await.expect(200).header("access-control-expose-headers").unwrap().to_lowercase();
    assert!(shown.contains("x-device-token"), "{shown}");
}

/// X11, X18: a device that one server remembers is known to another, and a copy is noticed at either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_know_the_same_devices() {
    for backend in [Backend::Redis, Backend::Cluster] {
        let one = Setup::on(backend).start().await;
        let other = one.sibling().await;
        let (person, _) = one.google_and_token("ann").await;
        let first = one.device(&person).await;
        let second = other.on_device(&person, &first).await.expect(202).device();
        one.clock.advance(FRESH);
        other.on_device(&person, &first).await.expect(200);
        one.on_device(&person, &second).await.expect(200);
    }
}
