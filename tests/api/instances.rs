//! Many servers over one store: any of them takes the next step, restarts and rollouts strand nobody, and an operator's
//! own workflow files are served over HTTP as they are written.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{ADMIN_KEY, Backend, PASSWORD, Setup, TestApp};

/// Makes one test per behaviour and store of `async fn(Backend)`s.
macro_rules! on {
    ($store:ident $backend:ident: $($behaviour:ident),+ $(,)?) => {
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

on!(embedded Embedded:
    wizards_wait_out_a_restart,
    a_waiting_wizard_finishes_by_the_file_that_it_began_with,
    a_switched_off_workflow_lets_no_one_in_and_everybody_out,
    an_operators_file_is_served,
    guards_are_obeyed,
);
on!(redis Redis:
    wizards_wait_out_a_restart,
    a_waiting_wizard_finishes_by_the_file_that_it_began_with,
    a_switched_off_workflow_lets_no_one_in_and_everybody_out,
    an_operators_file_is_served,
    guards_are_obeyed,
    either_of_two_servers_takes_the_next_step,
    a_server_that_never_saw_the_file_finishes_the_wizard,
);
on!(cluster Cluster:
    wizards_wait_out_a_restart,
    a_waiting_wizard_finishes_by_the_file_that_it_began_with,
    a_switched_off_workflow_lets_no_one_in_and_everybody_out,
    an_operators_file_is_served,
    guards_are_obeyed,
    either_of_two_servers_takes_the_next_step,
    a_server_that_never_saw_the_file_finishes_the_wizard,
);

const SIGN_IN: &str = include_str!("../../workflows/signin.toml");
const GUARDED: &str = include_str!("../workflows/valid/guarded.toml");

/// A folder with one workflow file, that may be written anew.
fn folder(name: &str, text: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(name), text).unwrap();
    folder
}

fn reading(setup: Setup, folder: &Path) -> Setup {
    setup.with("STEPGATE_WORKFLOWS", &folder.display().to_string())
}

/// The shipped sign-in under other labels: what it shows tells which file a wizard walks.
fn relabelled() -> String {
    let text =
        SIGN_IN.replace("2fa_google_auth", "app_code").replace("[step.login]", "[step.login]\nshows = \"entry\"");
    assert_ne!(text, SIGN_IN);
    text
}

async fn either_of_two_servers_takes_the_next_step(backend: Backend) {
    let a = Setup::on(backend).start().await;
    let b = a.sibling().await;
    let mut person = a.person("ann").await;
    // Every step of an enrolment on the other server than the one before.
    let token = b.sign_in(&person).await;
    let started = a.start_factor(&token, "google", "enable").await.expect(200);
    let (uuid, key) = (started.uuid(), started.str("/data/key").to_owned());
    let body = json!({ "uuid": uuid, "action": "code", "code": b.totp(&key), "key": key });
    b.factor_step(&token, body).await.expect(202);
    person.key = Some(key.clone());
    a.clock.advance(30);
    // And of a sign-in.
    let uuid = a.wizard().await;
    assert_eq!(b.password(&uuid, &person, PASSWORD).await.expect(200).workflow(), "2fa_google_auth");
    assert_eq!(a.get(&format!("/api/v2/my/wizard/{uuid}")).await.expect(200).workflow(), "2fa_google_auth");
    let code = a.totp(&key);
    let done = a.code("google", &uuid, &code).await.expect(202);
    // A3: spent on one is spent on the other.
    let (other, _) = b.past_password(&person).await;
    b.code("google", &other, &code).await.refused(422, "code_used");
    // A session is everybody's, and ends everywhere.
    let token = done.str("/data/accessToken/token");
    b.call("GET", "/api/v2/my/2fa").bearer(token).send().await.expect(200);
    b.call("POST", "/api/v2/my/signout").bearer(token).send().await.expect(204);
    a.call("GET", "/api/v2/my/2fa").bearer(token).send().await.refused(401, "unauthorized");
    // A4: failures add up over servers.
    let (uuid, _) = a.past_password(&person).await;
    let wrong = format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000);
    let mut left = Vec::new();
    for app in [&a, &b, &a, &b] {
        left.push(app.code("google", &uuid, &wrong).await.refused(422, "invalid_code").body["attemptsLeft"].clone());
    }
    assert_eq!(left, [json!(8), json!(7), json!(6), json!(5)], "and the spent code was the first failure");
}

async fn wizards_wait_out_a_restart(backend: Backend) {
    let app = Setup::on(backend).start().await;
    let person = app.person_with_google("ann").await;
    let other = app.person("bob").await;
    let token = app.sign_in(&other).await;
    let (at_code, _) = app.past_password(&person).await;
    let at_login = app.wizard().await;
    let change = app.start_factor(&token, "google", "enable").await.expect(200);
    let before = app.get(&format!("/api/v2/my/wizard/{at_code}")).await.expect(200);
    let app = app.stop().await.start().await;
    let after = app.get(&format!("/api/v2/my/wizard/{at_code}")).await.expect(200);
    assert_eq!(before.body, after.body);
    app.code("google", &at_code, &app.totp(person.key.as_deref().unwrap())).await.expect(202);
    assert_eq!(app.password(&at_login, &person, PASSWORD).await.expect(200).workflow(), "2fa_google_auth");
    // Sessions and the secret of a half-done enrolment are there as well.
    let (uuid, key) = (change.uuid(), change.str("/data/key"));
    app.factor_step(&token, json!({ "uuid": uuid, "action": "code", "code": app.totp(key) })).await.expect(202);
}

/// A wizard pins the digest of its file, and the file is published under it: the new file is for new wizards.
async fn a_waiting_wizard_finishes_by_the_file_that_it_began_with(backend: Backend) {
    let folder = folder("signin.toml", SIGN_IN);
    let app = reading(Setup::on(backend), folder.path()).start().await;
    let person = app.person_with_google("ann").await;
    let (waiting, _) = app.past_password(&person).await;
    let at_login = app.wizard().await;
    std::fs::write(folder.path().join("signin.toml"), relabelled()).unwrap();
    let app = app.stop().await.start().await;
    // The new file has no step of the name at which these two wait or will wait.
    let look = app.get(&format!("/api/v2/my/wizard/{waiting}")).await.expect(200);
    assert_eq!(look.workflow(), "2fa_google_auth");
    assert_eq!(app.password(&at_login, &person, PASSWORD).await.expect(200).workflow(), "2fa_google_auth");
    let key = person.key.as_deref().unwrap();
    app.code("google", &waiting, &app.totp(key)).await.expect(202);
    app.clock.advance(30);
    app.code("google", &at_login, &app.totp(key)).await.expect(202);
    let fresh = app.get("/api/v2/my/signin/wizard").await.expect(200);
    assert_eq!(fresh.workflow(), "entry");
    let answer = app.password(&fresh.uuid(), &person, PASSWORD).await.expect(200);
    assert_eq!(answer.workflow(), "app_code");
}

/// A rolling deployment: old and new servers side by side, each with its own file, and wizards that meet both.
async fn a_server_that_never_saw_the_file_finishes_the_wizard(backend: Backend) {
    let folder = folder("signin.toml", &relabelled());
    let old = Setup::on(backend).start().await;
    let new = reading(old.setup().clone(), folder.path()).start().await;
    let person = old.person_with_google("ann").await;
    let key = person.key.as_deref().unwrap();
    for (begins, ends, label) in [(&old, &new, "2fa_google_auth"), (&new, &old, "app_code")] {
        let uuid = begins.wizard().await;
        assert_eq!(ends.password(&uuid, &person, PASSWORD).await.expect(200).workflow(), label);
        ends.code("google", &uuid, &ends.totp(key)).await.expect(202);
        ends.clock.advance(30);
    }
    assert_eq!(new.get("/api/v2/my/signin/wizard").await.expect(200).workflow(), "entry");
    assert_eq!(old.get("/api/v2/my/signin/wizard").await.expect(200).workflow(), "login");
}

async fn a_switched_off_workflow_lets_no_one_in_and_everybody_out(backend: Backend) {
    let folder = folder("signin.toml", SIGN_IN);
    let app = reading(Setup::on(backend), folder.path()).start().await;
    let person = app.person_with_google("ann").await;
    let token = {
        let (uuid, _) = app.past_password(&person).await;
        let done = app.code("google", &uuid, &app.totp(person.key.as_deref().unwrap())).await.expect(202);
        app.clock.advance(30);
        done.str("/data/accessToken/token").to_owned()
    };
    let (waiting, _) = app.past_password(&person).await;
    let enabling = app.start_factor(&token, "sms", "enable").await.expect(200).uuid();
    let off = |text: &str| text.replace("schema   = 1\n", "schema   = 1\nenabled  = false\n");
    let sms = include_str!("../../workflows/sms-enable.toml");
    assert!(off(SIGN_IN) != SIGN_IN && off(sms) != sms);
    std::fs::write(folder.path().join("signin.toml"), off(SIGN_IN)).unwrap();
    std::fs::write(folder.path().join("sms-enable.toml"), off(sms)).unwrap();
    let app = app.stop().await.start().await;
    app.get("/api/v2/my/signin/wizard").await.refused(403, "workflow_disabled");
    app.start_factor(&token, "sms", "enable").await.refused(403, "workflow_disabled");
    app.start_factor(&token, "email", "enable").await.expect(200);
    app.code("google", &waiting, &app.totp(person.key.as_deref().unwrap())).await.expect(202);
    app.factor_step(&token, json!({ "uuid": enabling, "phone": person.phone })).await.expect(200);
    let code = app.last_code(&person.phone).await;
    app.factor_step(&token, json!({ "uuid": enabling, "action": "code", "code": code })).await.expect(202);
    let list = app.call("GET", "/admin/v1/workflows").bearer(ADMIN_KEY).send().await.expect(200);
    let disabled: Vec<&Value> = list.body["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["enabled"] == false)
        .map(|one| &one["name"])
        .collect();
    assert_eq!(disabled, ["signin", "sms-enable"]);
}

/// One file replaces the shipped one of its name; all others stay as shipped.
async fn an_operators_file_is_served(backend: Backend) {
    let short = relabelled().replace("lifetime = \"15m\"", "lifetime = \"2m\"");
    let folder = folder("signin.toml", &short);
    std::fs::write(folder.path().join("README.md"), "not a workflow").unwrap();
    let app = reading(Setup::on(backend), folder.path()).start().await;
    let person = app.person_with_google("ann").await;
    let started = app.get("/api/v2/my/signin/wizard").await.expect(200);
    assert_eq!(started.workflow(), "entry");
    let look = app.get(&format!("/api/v2/my/wizard/{}", started.uuid())).await.expect(200);
    assert_eq!(look.str("expiresAt"), "2026-01-15T12:02:35+00:00");
    let answer = app.password(&started.uuid(), &person, PASSWORD).await.expect(200);
    assert_eq!(answer.workflow(), "app_code");
    assert_eq!(answer.str("/next/href"), "/api/v2/my/2fa/google");
    let key = person.key.as_deref().unwrap();
    app.clock.advance(119);
    app.code("google", &started.uuid(), &app.totp(key)).await.expect(202);
    let uuid = app.wizard().await;
    app.clock.advance(120);
    app.password(&uuid, &person, PASSWORD).await.refused(404, "wizard_not_found");
}

/// Groups, client kinds and phone prefixes route people; whom a guard turns away is told so and gets nothing.
async fn guards_are_obeyed(backend: Backend) {
    let folder = folder("signin.toml", GUARDED);
    let app = reading(Setup::on(backend), folder.path()).start().await;
    let staff = app.person("staff").await;
    let contractor = app.person("contractor").await;
    let path = format!("/admin/v1/accounts/{}", contractor.id);
    let groups = json!({ "groups": ["contractors", "others"] });
    app.call("PATCH", &path).bearer(ADMIN_KEY).json(&groups).send().await.expect(200);
    let begin = async |kind: Option<&str>| {
        let call = app.call("GET", "/api/v2/my/signin/wizard");
        let call = if let Some(kind) = kind { call.header("X-Client-Kind", kind) } else { call };
        call.send().await.expect(200).uuid()
    };
    for (person, kind, status) in [
        (&staff, None, 202),
        (&staff, Some("web"), 202),
        (&contractor, Some("ios"), 202),
        (&contractor, Some("android"), 202),
        (&contractor, Some("web"), 200),
        (&contractor, None, 200),
    ] {
        let uuid = begin(kind).await;
        let answer = app.password(&uuid, person, PASSWORD).await.expect(status);
        if status == 200 {
            turned_away(&app, &uuid, &answer.body).await;
        }
    }
    // What a client says later does not change what it said at the start.
    let uuid = begin(Some("web")).await;
    let body = json!({ "uuid": uuid, "email": contractor.email, "password": PASSWORD });
    let answer = app.call("POST", "/api/v2/my/signin").header("X-Client-Kind", "ios").json(&body).send().await;
    turned_away(&app, &uuid, &answer.expect(200).body).await;
    // Codes by SMS go home only.
    let mut abroad = app.person("abroad").await;
    let mut at_home = app.person("home").await;
    (abroad.phone, at_home.phone) = ("+79994445561".to_owned(), "+420601123456".to_owned());
    for (person, home) in [(&abroad, false), (&at_home, true)] {
        let token = app.sign_in(person).await;
        app.enable_sms(&token, person).await;
        let sent = app.outbox(&person.phone).await.len();
        let (uuid, answer) = app.past_password(person).await;
        let answer = answer.expect(200);
        if home {
            assert_eq!(answer.workflow(), "2fa_sms_auth");
            app.code("sms", &uuid, &app.last_code(&person.phone).await).await.expect(202);
        } else {
            turned_away(&app, &uuid, &answer.body).await;
            assert_eq!(app.outbox(&person.phone).await.len(), sent);
        }
    }
}

/// The wizard is at an end that grants nothing: no tokens, nothing to do next, and nothing moves it any more.
async fn turned_away(app: &TestApp, uuid: &str, body: &Value) {
    let expected = json!({
        "code": 200, "data": null, "done": false, "uuid": uuid, "workflow": "refused", "next": null,
    });
    assert_eq!(*body, expected);
    let mut look = app.get(&format!("/api/v2/my/wizard/{uuid}")).await.expect(200).body;
    look.as_object_mut().unwrap().remove("expiresAt");
    assert_eq!(look, expected, "a reload shows the same");
    let again = json!({ "uuid": uuid, "email": "staff@example.com", "password": PASSWORD });
    app.post("/api/v2/my/signin", again).await.refused(409, "step_not_allowed");
    app.code("google", uuid, "123456").await.refused(409, "step_not_allowed");
}
