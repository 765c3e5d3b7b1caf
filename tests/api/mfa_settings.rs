//! The panel's settings of second factors: what is ordered of all, of some, of whoever comes later.

use futures_util::future::join_all;
use serde_json::{Value, json};
use stepgate::identity::{Account, AccountId};

use crate::accounts::admin;
use crate::doors::Door;
use crate::harness::{Answer, Backend, PASSWORD, Person, Setup, TestApp};

on_every_store!(
    every_call_of_the_seed_is_answered_as_printed,
    what_is_disallowed_is_not_asked_for_and_comes_back,
    email_that_is_allowed_is_on_at_once,
    of_selected_users_all_must_exist,
    the_newest_order_counts,
    newcomers_of_every_kind_begin_with_the_default,
    what_cannot_be_ordered_is_named,
    only_who_may_gives_orders,
    a_look_changes_nothing,
    a_wrong_guess_carries_nothing_out,
    a_session_hears_of_an_order_at_its_next_call,
    a_sign_in_that_waits_for_what_is_disallowed_begins_again,
    a_sign_in_goes_on_with_what_stays,
    an_enrolment_ends_as_it_would_have_begun,
    a_device_is_forgotten_with_the_order,
    the_configuration_is_not_weakened,
    a_mailbox_is_no_way_around_an_authenticator,
    a_help_desk_takes_off_what_is_suspended,
    a_new_address_takes_the_suspended_codes_with_it,
    what_is_suspended_is_sealed_anew,
    what_is_suspended_moves_with_its_account,
    sign_ins_and_orders_at_once_end_well,
    an_order_costs_the_same_for_few_and_for_many,
    an_order_is_carried_out_at_the_cost_that_the_table_says,
    the_panel_itself_obeys,
    an_authenticator_may_be_kept_from_the_panel,
    what_another_hand_carries_out_is_logged_too,
    nobody_orders_their_own_authenticator_off_by_an_old_proof,
    nobody_orders_their_own_email_off_by_an_old_proof,
    nobody_orders_off_what_others_have_ordered,
    what_is_put_aside_goes_off_by_another_hand,
    an_order_to_some_is_told_by_its_number,
);

const ALL: &str = "/user/mfa/settings/update";
const READ: &str = "/user/mfa/settings/read";
const DEFAULT: &str = "/user/mfa/settings/default/read";
const SET_DEFAULT: &str = "/user/mfa/settings/default/update";

/// Somebody at the panel.
pub struct Panel {
    pub id: u64,
    pub hash: String,
}

impl TestApp {
    pub async fn panel(&self, name: &str, permissions: &[&str]) -> Panel {
        let email = format!("{name}@example.com");
        let id = self.account(json!({ "email": email, "password": PASSWORD, "permissions": permissions })).await;
        let login = json!({ "login": email, "password": PASSWORD });
        let answer = self.post("/v2/panel/account/auth", login).await.expect(200);
        Panel { id, hash: answer.str("hash").to_owned() }
    }

    /// Somebody who may do everything there.
    pub async fn dealer(&self) -> Panel {
        self.panel("dealer", &["users:read", "users:update"]).await
    }

    pub async fn at_panel(&self, panel: &Panel, path: &str, body: &Value) -> Answer {
        let call = self.call("POST", &format!("/v2/panel{path}"));
        call.header("Authorization", &format!("NVX {}", panel.hash)).json(body).send().await
    }

    pub async fn order_all(&self, panel: &Panel, settings: Value) {
        let body = json!({ "target": { "type": "all" }, "settings": settings });
        let answer = self.at_panel(panel, ALL, &body).await.expect(200);
        assert_eq!(answer.body, json!({ "success": true }));
    }

    pub async fn order(&self, panel: &Panel, ids: &[u64], settings: Value) -> Answer {
        let body = json!({ "target": { "type": "selected", "ids": ids }, "settings": settings });
        self.at_panel(panel, ALL, &body).await
    }

    /// Round trips of an order to all: those of the panel's session, and one.
    pub async fn cost_of_an_order(&self, panel: &Panel) -> u64 {
        let mut least = u64::MAX;
        // A script that a connection has yet to learn costs one more, once.
        for _ in 0..3 {
            self.engine.errands.idle().await;
            let before = self.engine.store.round_trips();
            self.order_all(panel, allowed(&["email"])).await;
            least = least.min(self.engine.store.round_trips() - before);
            // The panel's own account is one of all, and is carried along.
            self.at_panel(panel, DEFAULT, &json!({})).await.expect(200);
        }
        least
    }

    async fn stored(&self, id: u64) -> Account {
        self.engine.store.account(AccountId(id)).await.unwrap().unwrap()
    }

    /// The change log, oldest first.
    async fn lines_of(&self, id: u64) -> Vec<String> {
        let changes = self.engine.store.changes(AccountId(id)).await.unwrap();
        let line = |on: bool| if on { "on" } else { "off" };
        changes.iter().map(|change| format!("{} {}", change.provider, line(change.is_enabled))).collect()
    }

    /// What is shown once the password was given.
    pub async fn shown(&self, person: &Person) -> String {
        let (_, answer) = self.past_password(person).await;
        if answer.status == 202 { "in".to_owned() } else { answer.expect(200).workflow().to_owned() }
    }
}

pub fn disallowed() -> Value {
    json!({ "type": "disallowed" })
}

pub fn allowed(factors: &[&str]) -> Value {
    json!({ "type": "allowed", "factor_types": factors })
}

#[track_caller]
fn refused(answer: &Answer, status: u16, code: u16) -> String {
    let found = (answer.status, &answer.body["success"], &answer.body["status"]["code"]);
    assert_eq!(found, (status, &json!(false), &json!(code)), "{}", answer.text);
    answer.str("/status/description").to_owned()
}

/// The requests as printed; `value` is left out until a default was set, as the printed text has it.
///
/// - POST `/user/mfa/settings/update`: 200, `{"success": true}`
/// - POST `/user/mfa/settings/default/read`: 200, as printed
/// - POST `/user/mfa/settings/default/update`: 200, `{"success": true}`
async fn every_call_of_the_seed_is_answered_as_printed(app: TestApp) {
    let panel = app.dealer().await;
    let printed = |path: &str, body: Option<&'static str>| {
        let call = app.call("POST", path).header("Authorization", &format!("NVX {}", panel.hash));
        match body {
            Some(body) => call.text("application/json", body),
            None => call,
        }
    };
    let done = r#"{"success":true}"#;
    let unset = printed("/v2/panel/user/mfa/settings/default/read", None).send().await.expect(200);
    assert_eq!(unset.text, done, "the value is optional");
    let all = r#"{ "target": { "type": "all" }, "settings": { "type": "disallowed" } }"#;
    let answer = printed("/v2/panel/user/mfa/settings/update", Some(all)).send().await.expect(200);
    assert_eq!(answer.text, done);
    let default = r#"{ "settings": { "type": "disallowed" } }"#;
    let answer = printed("/v2/panel/user/mfa/settings/default/update", Some(default)).send().await.expect(200);
    assert_eq!(answer.text, done);
    let set = printed("/v2/panel/user/mfa/settings/default/read", None).send().await.expect(200);
    assert_eq!(set.text, r#"{"success":true,"value":{"type":"disallowed"}}"#);
    let settings = json!({ "settings": { "type": "allowed", "factor_types": ["email"] } });
    app.at_panel(&panel, SET_DEFAULT, &settings).await.expect(200);
    let set = app.at_panel(&panel, DEFAULT, &json!({})).await.expect(200);
    assert_eq!(set.text, r#"{"success":true,"value":{"type":"allowed","factor_types":["email"]}}"#);
}

/// A23: each factor that an order turns on or off is in the change log, in the events, and in a letter.
async fn what_is_disallowed_is_not_asked_for_and_comes_back(app: TestApp) {
    let panel = app.dealer().await;
    let mut person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    app.enable_email(&token, &person).await;
    app.enable_google(&token, &mut person).await;
    let codes = app.codes(&token).await;
    app.order_all(&panel, disallowed()).await;
    let before = app.notices(&person.email).await.len();
    assert_eq!(app.shown(&person).await, "in");
    assert_eq!(app.notices(&person.email).await[before..], ["factor_disabled", "factor_disabled"]);
    let listed = app.bearing("GET", "/2fa", &token).await.expect(200);
    assert!(listed.body["data"].as_array().unwrap().iter().all(|factor| factor["isEnabled"] == false));
    assert_eq!(app.codes_left(&token).await, 0);
    for factor in ["google", "sms", "email"] {
        app.start_factor(&token, factor, "enable").await.refused(403, "mfa_disallowed");
    }
    app.order_all(&panel, allowed(&["google"])).await;
    assert_eq!(app.shown(&person).await, "2fa_google_auth");
    let token = app.by_google(&person).await;
    assert_eq!(app.codes_left(&token).await, 10);
    app.order_all(&panel, allowed(&["email"])).await;
    assert_eq!(app.shown(&person).await, "2fa_choose", "and what is on stays on");
    let (uuid, _) = app.past_password(&person).await;
    app.recover(&uuid, &codes[0]).await.expect(202);
    let log = ["email on", "google on", "google off", "email off", "google on", "email on"];
    assert_eq!(app.lines_of(person.id).await, log);
    let changes = app.bearing("GET", "/2fa/changes?sort_by=time&sort_order=desc", &token).await.expect(200);
    assert_eq!(changes.body["total"], 6);
    app.engine.errands.idle().await;
    let path = format!("/events?order=asc&account={}&type=factor_disabled", person.id);
    let told = admin(&app, "GET", &path, None).await.expect(200);
    let told = &told.body["data"][0];
    assert_eq!((&told["actor"], &told["method"]), (&json!("operator"), &json!("google")));
    let given = admin(&app, "GET", "/events?order=asc&type=mfa_ordered", None).await.expect(200);
    let given = &given.body["data"][0]["details"];
    assert_eq!(told["details"]["order"], given["order"], "which order it was");
    let by = json!({
        "by": panel.id.to_string(), "target": "all", "setting": "disallowed", "surface": "navixy", "order": given["order"],
    });
    assert_eq!(*given, by);
}

async fn email_that_is_allowed_is_on_at_once(app: TestApp) {
    let panel = app.dealer().await;
    let person = app.person("ann").await;
    app.order_all(&panel, allowed(&["email"])).await;
    assert_eq!(app.lines_of(person.id).await, [""; 0], "nobody was written");
    let (uuid, asked) = app.past_password(&person).await;
    assert_eq!(asked.expect(200).workflow(), "2fa_email_auth");
    assert_eq!(app.lines_of(person.id).await, ["email on"]);
    let code = app.last_code(&person.email).await;
    let token = app.code("email", &uuid, &code).await.expect(202).access();
    for factor in ["google", "sms"] {
        app.start_factor(&token, factor, "enable").await.refused(403, "mfa_disallowed");
    }
    let uuid = app.start_factor(&token, "email", "disable").await.expect(200).uuid();
    let code = app.last_code(&person.email).await;
    app.factor_step(&token, json!({ "uuid": uuid, "action": "code", "code": code })).await.expect(202);
    assert_eq!(app.shown(&person).await, "in", "what the owner turns off stays off");
    app.start_factor(&token, "email", "enable").await.expect(200);
    app.order_all(&panel, allowed(&["sms", "google"])).await;
    app.start_factor(&token, "google", "enable").await.expect(200);
    app.start_factor(&token, "email", "enable").await.refused(403, "mfa_disallowed");
}

async fn of_selected_users_all_must_exist(app: TestApp) {
    let panel = app.dealer().await;
    let (ann, bob) = (app.person("ann").await, app.person("bob").await);
    let missing = app.order(&panel, &[ann.id, 987_654], allowed(&["email"])).await;
    refused(&missing, 400, 201);
    assert_eq!(app.shown(&ann).await, "in", "nobody was changed");
    assert_eq!(app.stored(ann.id).await.order, None);
    app.order(&panel, &[ann.id, ann.id], allowed(&["email"])).await.expect(200);
    assert_eq!((app.shown(&ann).await.as_str(), app.shown(&bob).await.as_str()), ("2fa_email_auth", "in"));
    assert_eq!(app.lines_of(ann.id).await, ["email on"]);
    let states = app.at_panel(&panel, READ, &json!({ "ids": [bob.id, ann.id] })).await.expect(200);
    let expected = json!({ "success": true, "list": [
        { "id": ann.id, "value": allowed(&["email"]), "enabled_factor_types": ["email"] },
        { "id": bob.id, "enabled_factor_types": [] },
    ]});
    assert_eq!(states.body, expected);
    refused(&app.at_panel(&panel, READ, &json!({ "ids": [ann.id, 987_654] })).await, 400, 201);
    app.engine.errands.idle().await;
    let given = admin(&app, "GET", &format!("/events?type=mfa_ordered&account={}", ann.id), None).await.expect(200);
    let details = &given.body["data"][0]["details"];
    let expected = (json!(panel.id.to_string()), json!("selected"), json!("email"));
    assert_eq!((&details["by"], &details["target"], &details["factors"]), (&expected.0, &expected.1, &expected.2));
}

async fn the_newest_order_counts(app: TestApp) {
    let panel = app.dealer().await;
    let (ann, bob) = (app.person("ann").await, app.person("bob").await);
    app.order_all(&panel, disallowed()).await;
    app.order(&panel, &[ann.id], allowed(&["email"])).await.expect(200);
    assert_eq!((app.shown(&ann).await.as_str(), app.shown(&bob).await.as_str()), ("2fa_email_auth", "in"));
    app.order_all(&panel, allowed(&["email"])).await;
    app.order(&panel, &[bob.id], disallowed()).await.expect(200);
    assert_eq!((app.shown(&ann).await.as_str(), app.shown(&bob).await.as_str()), ("2fa_email_auth", "in"));
    app.order_all(&panel, disallowed()).await;
    assert_eq!((app.shown(&ann).await.as_str(), app.shown(&bob).await.as_str()), ("in", "in"));
    let late = app.person("carl").await;
    assert_eq!(app.stored(late.id).await.order.map(|order| order.setting), Some(None), "orders to all were before");
    let token = app.sign_in(&late).await;
    app.start_factor(&token, "google", "enable").await.expect(200);
}

async fn newcomers_of_every_kind_begin_with_the_default(app: TestApp) {
    let panel = app.dealer().await;
    let old = app.person("old").await;
    app.at_panel(&panel, SET_DEFAULT, &json!({ "settings": allowed(&["email"]) })).await.expect(200);
    let made = app.person("made").await;
    let body = json!({ "email": "seen@example.com", "password": PASSWORD });
    let seen = admin(&app, "POST", "/accounts", Some(body)).await.expect(201);
    assert_eq!(seen.body["factors"], json!(["email"]), "shown as ordered from the first answer on");
    let line = |name: &str| json!({ "email": format!("{name}@example.com"), "password": PASSWORD }).to_string();
    let import = app.call("POST", "/admin/v1/accounts/import").bearer(crate::harness::ADMIN_KEY);
    import.text("application/x-ndjson", line("imported")).send().await.expect(200);
    // As the command line does it.
    let line = stepgate::engine::Line::of_json(&line("moved"), &app.engine.policy).unwrap();
    app.engine.import(line, stepgate::engine::Order::Create).await.unwrap();
    assert_eq!(app.shown(&old).await, "in");
    for name in ["made", "imported", "moved"] {
        let person = Person { email: format!("{name}@example.com"), ..made.clone() };
        assert_eq!(app.shown(&person).await, "2fa_email_auth", "{name}");
        assert_eq!(app.account_at(&person.email).await["factors"], json!(["email"]), "{name}");
    }
    app.at_panel(&panel, SET_DEFAULT, &json!({ "settings": disallowed() })).await.expect(200);
    let token = app.sign_in(&app.person("later").await).await;
    app.start_factor(&token, "email", "enable").await.refused(403, "mfa_disallowed");
    assert_eq!(app.shown(&made).await, "2fa_email_auth", "the default is for newcomers");
}

/// X8, X30: what is no setting, no target and no list of ids is refused by name, and changes nothing.
async fn what_cannot_be_ordered_is_named(app: TestApp) {
    let panel = app.dealer().await;
    let person = app.person("ann").await;
    let all = |settings: &str| format!(r#"{{"target":{{"type":"all"}},"settings":{settings}}}"#);
    let some = |ids: &str| format!(r#"{{"target":{{"type":"selected"{ids}}},"settings":{{"type":"disallowed"}}}}"#);
    let many = (1..=1_001).map(|id| id.to_string()).collect::<Vec<_>>().join(",");
    let of = |factors: &str| all(&format!(r#"{{"type":"allowed","factor_types":{factors}}}"#));
    let cases = [
        ("{}".to_owned(), "target"),
        (r#"{"target":{"type":"all"}}"#.to_owned(), "settings"),
        (r#"{"target":"all","settings":{"type":"disallowed"}}"#.to_owned(), "target"),
        (r#"{"target":{"type":"dealers"},"settings":{"type":"disallowed"}}"#.to_owned(), "target.type"),
        (all(r#"{"type":"forbidden"}"#), "settings.type"),
        (all(r#"{"type":1}"#), "settings.type"),
        (all("{}"), "type"),
        (all(r#"{"type":"allowed"}"#), "settings.factor_types"),
        (of("null"), "settings.factor_types"),
        (of("[]"), "settings.factor_types"),
        (of(r#""email""#), "settings.factor_types"),
        (of(r#"["pigeon"]"#), "settings.factor_types"),
        (of(r#"["email","email"]"#), "settings.factor_types"),
        (of("[1]"), "settings.factor_types"),
        (r#"{"target":{"type":"all","ids":[]},"settings":{"type":"disallowed"}}"#.to_owned(), "target.ids"),
        (some(""), "target.ids"),
        (some(r#","ids":null"#), "target.ids"),
        (some(r#","ids":[]"#), "target.ids"),
        (some(r#","ids":[0]"#), "target.ids"),
        (some(r#","ids":[-1]"#), "target.ids[0]: Must be a positive integer."),
        (some(r#","ids":[1.0]"#), "target.ids"),
        (some(r#","ids":["1"]"#), "target.ids"),
        (some(r#","ids":1"#), "target.ids"),
        (some(&format!(r#","ids":[{many}]"#)), "target.ids"),
        (some(r#","ids":[99999999999999999999]"#), "target.ids"),
    ];
    for (body, field) in cases {
        let call = app.call("POST", &format!("/v2/panel{ALL}"));
        let call = call.header("Authorization", &format!("NVX {}", panel.hash)).text("application/json", body.clone());
        let words = refused(&call.send().await, 400, 7);
        assert!(words.contains(field), "{body}: {words}");
    }
    for body in [json!({}), json!({ "ids": [] }), json!({ "ids": ["1"] }), json!({ "ids": [0] }), json!({ "ids": {} })]
    {
        assert!(refused(&app.at_panel(&panel, READ, &body).await, 400, 7).contains("ids"), "{body}");
    }
    for path in [ALL, READ, SET_DEFAULT] {
        let call =
            app.call("POST", &format!("/v2/panel{path}")).header("Authorization", &format!("NVX {}", panel.hash));
        let words = refused(&call.text("text/plain", "{}").send().await, 415, 5);
        assert_eq!(words, "Wrong format of the request: send JSON.", "{path}");
    }
    let wrong = app.at_panel(&panel, SET_DEFAULT, &json!({ "settings": { "type": "allowed" } })).await;
    assert!(refused(&wrong, 400, 7).contains("settings.factor_types"));
    assert_eq!((app.shown(&person).await.as_str(), app.engine.store.orders().serial), ("in", 0));
}

async fn only_who_may_gives_orders(app: TestApp) {
    let (reader, writer) = (app.panel("reader", &["users:read"]).await, app.panel("writer", &["users:update"]).await);
    let settings = json!({ "settings": disallowed() });
    let all = json!({ "target": { "type": "all" }, "settings": disallowed() });
    let ids = json!({ "ids": [reader.id] });
    let calls = [(ALL, &all, false), (SET_DEFAULT, &settings, false), (DEFAULT, &ids, true), (READ, &ids, true)];
    let other = app.panel("other", &["password:update"]).await;
    for (path, body, reads) in calls {
        // Who may give orders sees what is ordered.
        for (panel, may) in [(&reader, reads), (&writer, true), (&other, false)] {
            let answer = app.at_panel(panel, path, body).await;
            if may { drop(answer.expect(200)) } else { drop(refused(&answer, 403, 13)) }
        }
        let nobody = app.post(&format!("/v2/panel{path}"), body.clone()).await;
        refused(&nobody, 403, 4);
        let nobody = Panel { id: 0, hash: "22eac1c27af4be7b9d04da2ce1af111b".to_owned() };
        refused(&app.at_panel(&nobody, path, body).await, 403, 4);
    }
}

async fn a_look_changes_nothing(app: TestApp) {
    let panel = app.dealer().await;
    let person = app.person_with_google("ann").await;
    app.order_all(&panel, disallowed()).await;
    let seen = app.account_at(&person.email).await;
    assert_eq!((&seen["factors"], &seen["suspended"]), (&json!([]), &json!(["google"])));
    let list = admin(&app, "GET", "/accounts", None).await.expect(200);
    assert!(list.body["data"].as_array().unwrap().iter().all(|account| account["factors"] == json!([])));
    let state = app.at_panel(&panel, READ, &json!({ "ids": [person.id] })).await.expect(200);
    assert_eq!(state.body["list"][0]["enabled_factor_types"], json!([]));
    assert_eq!(app.lines_of(person.id).await, ["google on"]);
    assert!(app.stored(person.id).await.factors.google.is_some());
    // Written for another reason, it is written as ordered.
    admin(&app, "DELETE", &format!("/accounts/{}/sessions", person.id), None).await.expect(204);
    assert_eq!(app.lines_of(person.id).await, ["google on", "google off"]);
    assert!(app.stored(person.id).await.factors.google.is_none());
}

/// A17: what was ordered of an account is not carried out by whoever does not know its password.
async fn a_wrong_guess_carries_nothing_out(app: TestApp) {
    let panel = app.dealer().await;
    let mut person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    app.enable_sms(&token, &person).await;
    app.enable_google(&token, &mut person).await;
    let (waiting, _) = app.past_password(&person).await;
    app.order_all(&panel, allowed(&["email"])).await;
    let before = app.stored(person.id).await;
    let uuid = app.wizard().await;
    app.password(&uuid, &person, "not the password").await.refused(422, "invalid_credentials");
    app.code("google", &waiting, "000000").await;
    assert_eq!(app.stored(person.id).await, before);
    let (uuid, _) = app.past_password(&person).await;
    assert_eq!(app.lines_of(person.id).await.last().unwrap(), "email on");
    app.code("google", &uuid, "000000").await;
}

async fn a_session_hears_of_an_order_at_its_next_call(app: TestApp) {
    let panel = app.dealer().await;
    let person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    app.order_all(&panel, allowed(&["email"])).await;
    let shown = app.bearing("GET", "/2fa/email", &token).await.expect(200);
    assert_eq!(shown.body["isEnabled"], true);
    assert_eq!(app.lines_of(person.id).await, ["email on"]);
    assert_eq!(app.notices(&person.email).await, ["factor_enabled"]);
    let before = app.engine.store.round_trips();
    app.bearing("GET", "/2fa/email", &token).await.expect(200);
    assert_eq!(app.engine.store.round_trips() - before, 1, "once, and never again");
    assert_eq!(app.lines_of(person.id).await, ["email on"]);
}

async fn a_sign_in_that_waits_for_what_is_disallowed_begins_again(app: TestApp) {
    let panel = app.dealer().await;
    let person = app.person_with_email("ann").await;
    app.clock.advance(60);
    let (uuid, asked) = app.past_password(&person).await;
    assert_eq!(asked.workflow(), "2fa_email_auth");
    let code = app.last_code(&person.email).await;
    app.order_all(&panel, disallowed()).await;
    let answer = app.code("email", &uuid, &code).await.refused(422, "method_not_enabled");
    assert_eq!(answer.str("/restart/href"), "/api/v2/my/signin/wizard");
    app.clock.advance(60);
    app.post("/api/v2/my/signin/2fa", json!({ "uuid": uuid, "type": "email" }))
        .await
        .refused(422, "method_not_enabled");
    assert_eq!(app.shown(&person).await, "in");
}

async fn a_sign_in_goes_on_with_what_stays(app: TestApp) {
    let panel = app.dealer().await;
    let person = app.person_with_google("ann").await;
    let (uuid, asked) = app.past_password(&person).await;
    assert_eq!(asked.workflow(), "2fa_google_auth");
    app.order_all(&panel, allowed(&["email"])).await;
    app.code("google", &uuid, &app.totp(person.key())).await.expect(202);
    assert_eq!(app.lines_of(person.id).await, ["google on", "email on"]);
    // And one that was ordered about while it waits may choose what has come.
    let (uuid, _) = app.past_password(&person).await;
    app.order(&panel, &[person.id], disallowed()).await.expect(200);
    app.order(&panel, &[person.id], allowed(&["google", "email"])).await.expect(200);
    let sent = app.post("/api/v2/my/signin/2fa", json!({ "uuid": uuid, "type": "email" })).await.expect(200);
    assert_eq!(sent.workflow(), "2fa_email_auth");
    let code = app.last_code(&person.email).await;
    app.code("email", &uuid, &code).await.expect(202);
}

/// A14: an order that comes while somebody enrols is asked as if it had come before.
async fn an_enrolment_ends_as_it_would_have_begun(app: TestApp) {
    let panel = app.dealer().await;
    let begin = async |name: &str| {
        let person = app.person(name).await;
        let token = app.sign_in(&person).await;
        let started = app.start_factor(&token, "google", "enable").await.expect(200);
        let (uuid, key) = (started.uuid(), started.str("/data/key").to_owned());
        (person, token, json!({ "uuid": uuid, "action": "code", "code": app.totp(&key), "key": key }))
    };
    let (ann, ann_token, ann_code) = begin("ann").await;
    let (bob, bob_token, bob_code) = begin("bob").await;
    app.order_all(&panel, disallowed()).await;
    app.factor_step(&ann_token, ann_code.clone()).await.refused(403, "mfa_disallowed");
    app.order(&panel, &[bob.id], allowed(&["email", "google"])).await.expect(200);
    app.factor_step(&bob_token, bob_code).await.refused(403, "step_up_required");
    app.order_all(&panel, allowed(&["google"])).await;
    app.factor_step(&ann_token, ann_code).await.expect(202);
    assert_eq!(
        (app.lines_of(ann.id).await, app.lines_of(bob.id).await),
        (vec!["google on".to_owned()], vec!["email on".to_owned()])
    );
}

/// X18: a device that was remembered before a factor came on by order opens nothing.
async fn a_device_is_forgotten_with_the_order(app: TestApp) {
    let panel = app.dealer().await;
    let person = app.person_with_google("ann").await;
    let device = app.device(&person).await;
    app.order_all(&panel, allowed(&["email"])).await;
    assert_eq!(app.on_device(&person, &device).await.expect(200).workflow(), "2fa_choose");
    let device = app.device(&person).await;
    app.order_all(&panel, allowed(&["email", "google"])).await;
    let done = app.on_device(&person, &device).await.expect(202);
    assert!(done.header("x-device-token").is_some(), "an order that switches nothing forgets nothing");
}

/// X32: what the configuration requires is asked for, whatever the panel says.
async fn the_configuration_is_not_weakened(app: TestApp) {
    let app = app.with_policies(json!([{ "groups": ["staff"], "required": ["google"] }])).await;
    let panel = app.dealer().await;
    let mut person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    app.enable_email(&token, &person).await;
    app.enable_google(&token, &mut person).await;
    let suspended = app.person_with_google("bob").await;
    app.order_all(&panel, disallowed()).await;
    assert_eq!(app.shown(&suspended).await, "in");
    for id in [person.id, suspended.id] {
        admin(&app, "PATCH", &format!("/accounts/{id}"), Some(json!({ "groups": ["staff"] }))).await.expect(200);
    }
    assert_eq!(app.shown(&person).await, "2fa_google_auth");
    assert_eq!(app.shown(&suspended).await, "2fa_google_auth", "rather than enrolled anew by whoever has the password");
    assert_eq!(app.lines_of(suspended.id).await, ["google on", "google off", "google on"]);
    let bare = app.account(json!({ "email": "carl@example.com", "password": PASSWORD, "groups": ["staff"] })).await;
    app.order(&panel, &[bare], disallowed()).await.expect(200);
    let bare = Person { id: bare, email: "carl@example.com".to_owned(), phone: String::new(), key: None };
    assert_eq!(app.shown(&bare).await, "2fa_enroll");
}

/// A19: an order that turns codes by email on does not let a mailbox, which has just set the password, stand in for the
/// authenticator.
async fn a_mailbox_is_no_way_around_an_authenticator(app: TestApp) {
    let panel = app.dealer().await;
    let person = app.person_with_google("ann").await;
    let reset = async || {
        app.clock.advance(600);
        app.post("/api/v2/my/signin/password/restore", json!({ "email": person.email })).await.expect(200);
        app.engine.errands.idle().await;
        let started = app.get(&format!("/api/v2/my/2fa/unauthorized/challenge?email={}", person.email)).await;
        let token = started.expect(200).str("/token").to_owned();
        app.engine.errands.idle().await;
        let given = json!({ "token": token, "code": app.last_code(&person.email).await });
        let confirmed = app.post("/api/v2/my/2fa/challenge", given).await.expect(200);
        let success = confirmed.str("/successToken").to_owned();
        let new = json!({ "successToken": success, "password": PASSWORD, "passwordConfirmation": PASSWORD });
        app.post("/api/v2/my/signin/password/reset", new).await.expect(204);
    };
    reset().await;
    app.order_all(&panel, allowed(&["email"])).await;
    assert_eq!(app.shown(&person).await, "2fa_google_auth");
    assert_eq!(app.lines_of(person.id).await, ["google on", "email on"]);
    app.order_all(&panel, disallowed()).await;
    assert_eq!(app.shown(&person).await, "in");
    reset().await;
    app.order_all(&panel, allowed(&["email"])).await;
    assert_eq!(app.shown(&person).await, "2fa_recovery", "the authenticator is kept, and its owner may come back");
    app.order_all(&panel, allowed(&["email", "google"])).await;
    assert_eq!(app.shown(&person).await, "2fa_google_auth", "nor one that was set while nothing was asked");
}

/// By the policy that it was enrolled under.
async fn an_authenticator_may_be_kept_from_the_panel(app: TestApp) {
    let policy = json!({ "id": "kept", "issuer": "Kept", "surfaces": ["mfao"] });
    admin(&app, "POST", "/policies", Some(policy)).await.expect(201);
    let made = admin(&app, "POST", "/clients", Some(json!({ "name": "gateway" }))).await.expect(201);
    let mut person = app.person("ann").await;
    let call = async |operation: &str, body: Value| {
        let call = app.call("POST", &format!("/api/totp/kept/{operation}")).json(&body);
        call.header("api-key", made.str("apiKey")).header("access-key", made.str("accessKey")).send().await.expect(200)
    };
    let enrolled = call("enrollment", json!({ "username": person.email })).await;
    let address = url::Url::parse(enrolled.str("otpauthUrl")).unwrap();
    let key = address.query_pairs().find(|(name, _)| name == "secret").unwrap().1.into_owned();
    call("verify", json!({ "username": person.email, "otp": app.totp(&key) })).await;
    person.key = Some(key);
    let panel = app.dealer().await;
    app.order_all(&panel, disallowed()).await;
    assert_eq!(app.shown(&person).await, "2fa_google_auth");
    assert_eq!(app.lines_of(person.id).await, ["google on"]);
}

/// A14: by an order to oneself, or to all.
async fn nobody_orders_their_own_authenticator_off_by_an_old_proof(app: TestApp) {
    let mut panel = app.dealer().await;
    let mut boss = Person { id: panel.id, email: "dealer@example.com".to_owned(), phone: String::new(), key: None };
    let token = app.sign_in(&boss).await;
    app.enable_google(&token, &mut boss).await;
    let all = json!({ "target": { "type": "all" }, "settings": disallowed() });
    let ann = app.person("ann").await;
    // A hash from before there was a factor has proved a password, and orders nothing any more.
    let everybody = json!({ "target": { "type": "all" }, "settings": allowed(&["google"]) });
    for refusal in [
        app.order(&panel, &[boss.id], disallowed()).await,
        app.order(&panel, &[boss.id], allowed(&["email", "google"])).await,
        app.order(&panel, &[ann.id], disallowed()).await,
        app.at_panel(&panel, ALL, &all).await,
        app.at_panel(&panel, ALL, &everybody).await,
        app.at_panel(&panel, SET_DEFAULT, &json!({ "settings": disallowed() })).await,
    ] {
        let said = refused(&refusal, 403, 13);
        assert!(said.contains("Sign in again"), "{said}");
    }
    assert_eq!(app.shown(&boss).await, "2fa_google_auth");
    app.clock.advance(30);
    let asked = Door::Navixy.asked(&app, &boss).await;
    panel.hash = Door::Navixy.credential(Door::Navixy.code(&app, &asked.token, &app.totp(boss.key())).await);
    let fresh = panel.hash.clone();
    // One that has proved it is good for its day, unless it would switch factors of one's own.
    app.clock.advance(crate::owners::FRESH);
    app.order(&panel, &[ann.id], disallowed()).await.expect(200);
    app.order_all(&panel, allowed(&["google"])).await;
    for setting in [disallowed(), allowed(&["email", "google"])] {
        refused(&app.order(&panel, &[boss.id], setting).await, 403, 13);
    }
    let asked = Door::Navixy.asked(&app, &boss).await;
    panel.hash = Door::Navixy.credential(Door::Navixy.code(&app, &asked.token, &app.totp(boss.key())).await);
    assert_ne!(panel.hash, fresh);
    app.order_all(&panel, disallowed()).await;
    assert_eq!(app.shown(&boss).await, "in");
}

/// A14: codes by email that the owner has turned on are the owner's as well.
async fn nobody_orders_their_own_email_off_by_an_old_proof(app: TestApp) {
    let boss = app.person_with_email("boss").await;
    let permissions = json!({ "permissions": ["users:update"] });
    admin(&app, "PATCH", &format!("/accounts/{}", boss.id), Some(permissions)).await.expect(200);
    app.clock.advance(60);
    let asked = Door::Navixy.asked(&app, &boss).await;
    let code = app.last_code(&boss.email).await;
    let hash = Door::Navixy.credential(Door::Navixy.code(&app, &asked.token, &code).await);
    let panel = Panel { id: boss.id, hash };
    app.clock.advance(crate::owners::FRESH);
    refused(&app.order(&panel, &[boss.id], disallowed()).await, 403, 13);
    let ann = app.person("ann").await;
    app.order(&panel, &[ann.id], disallowed()).await.expect(200);
}

/// A14: codes by email that somebody else's order has turned on are asked for as well.
async fn nobody_orders_off_what_others_have_ordered(app: TestApp) {
    let (panel, other) = (app.dealer().await, app.panel("other", &["users:update"]).await);
    let mut boss = Person { id: other.id, email: "other@example.com".to_owned(), phone: String::new(), key: None };
    app.order(&panel, &[boss.id], allowed(&["email"])).await.expect(200);
    // A hash that has proved a password only gives no orders any more.
    let ann = app.person("ann").await;
    for ids in [&[boss.id][..], &[ann.id]] {
        refused(&app.order(&other, ids, disallowed()).await, 403, 13);
    }
    let asked = Door::Navixy.asked(&app, &boss).await;
    let code = app.last_code(&boss.email).await;
    let hash = Door::Navixy.credential(Door::Navixy.code(&app, &asked.token, &code).await);
    boss.id = other.id;
    let proved = Panel { id: boss.id, hash };
    app.order(&proved, &[ann.id], disallowed()).await.expect(200);
    app.clock.advance(crate::owners::FRESH);
    refused(&app.order(&proved, &[boss.id], disallowed()).await, 403, 13);
    app.order(&proved, &[ann.id], allowed(&["email"])).await.expect(200);
    // What one's own order has turned on, one may take back.
    app.order_all(&panel, allowed(&["email"])).await;
    app.order_all(&panel, disallowed()).await;
}

/// A14: a help desk that takes all factors off takes those that an order has put aside as well.
async fn what_is_put_aside_goes_off_by_another_hand(app: TestApp) {
    let panel = app.dealer().await;
    let (boss, token) = app.somebody_who_may("boss", &["users:update", "password:update"]).await;
    for (name, still_on) in [("ann", allowed(&["email"])), ("ben", disallowed())] {
        for by_veeam in [true, false] {
            let person = app.person_with_google(&format!("{name}{by_veeam}")).await;
            app.order(&panel, &[person.id], disallowed()).await.expect(200);
            app.order(&panel, &[person.id], still_on.clone()).await.expect(200);
            if by_veeam {
                app.disable_mfa(&token, person.id, None).await.expect(200);
            } else {
                let path = format!("/disable-2fa?username={}", person.email);
                app.flexi("PUT", &path, &boss.email, PASSWORD).send().await.expect(200);
            }
            app.order(&panel, &[person.id], allowed(&["google"])).await.expect(200);
            assert_eq!(app.shown(&person).await, "in", "{name}, {by_veeam}");
            app.engine.errands.idle().await;
            let path = format!("/events?account={}&type=factor_disabled", person.id);
            let told = admin(&app, "GET", &path, None).await.expect(200);
            let google =
                told.body["data"].as_array().unwrap().iter().filter(|event| event["method"] == json!("google"));
            assert_eq!(google.count(), 2, "by the order, and for good: {}", told.text);
        }
    }
}

/// An order to some goes by a number of its own, which what it switches repeats.
async fn an_order_to_some_is_told_by_its_number(app: TestApp) {
    let panel = app.dealer().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    app.order_all(&panel, allowed(&["google"])).await;
    app.clock.advance(1);
    app.order(&panel, &[ann.id, ben.id], allowed(&["email"])).await.expect(200);
    app.engine.errands.idle().await;
    let given = admin(&app, "GET", "/events?order=asc&type=mfa_ordered", None).await.expect(200);
    let numbers: Vec<&Value> =
        given.body["data"].as_array().unwrap().iter().map(|event| &event["details"]["order"]).collect();
    assert!(numbers.len() == 3 && numbers[0] != numbers[1] && numbers[1] == numbers[2], "{}", given.text);
    for person in [&ann, &ben] {
        let path = format!("/events?account={}&type=factor_enabled", person.id);
        let told = admin(&app, "GET", &path, None).await.expect(200);
        assert_eq!(&told.body["data"][0]["details"]["order"], numbers[1]);
    }
    // It is no order to everybody.
    let mixed = json!({ "target": { "type": "all", "ids": [ann.id] }, "settings": disallowed() });
    assert!(refused(&app.at_panel(&panel, ALL, &mixed).await, 400, 7).contains("target.ids"));
}

/// Whoever changes the account, what was ordered before is told as well.
async fn what_another_hand_carries_out_is_logged_too(app: TestApp) {
    let panel = app.dealer().await;
    let (boss, token) = app.somebody_who_may("boss", &["users:update"]).await;
    let person = app.person("ann").await;
    app.order(&panel, &[person.id], allowed(&["google"])).await.expect(200);
    let offer = app.offer(&token, person.id).await;
    app.order_all(&panel, allowed(&["email", "google"])).await;
    // The order has turned email on since, so the offer is over, and says so.
    let code = app.totp(&offer.key);
    let by_code = app.accept_mfa(&token, person.id, &code, &offer.token).await;
    by_code.refused(422, "invalid_success_token");
    assert_eq!(app.lines_of(person.id).await, [""; 0], "and what comes to nothing carries nothing out");
    // What nobody has carried out yet is logged before what is turned off along with it.
    let person = app.person_with_google("ben").await;
    app.order_all(&panel, allowed(&["email", "google"])).await;
    app.order(&panel, &[boss.id], disallowed()).await.expect(200);
    app.disable_mfa(&token, person.id, None).await.expect(200);
    assert_eq!(app.lines_of(person.id).await, ["google on", "email on", "google off", "email off"]);
}

async fn a_help_desk_takes_off_what_is_suspended(app: TestApp) {
    let panel = app.dealer().await;
    let mut person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    app.enable_sms(&token, &person).await;
    app.enable_google(&token, &mut person).await;
    app.codes(&token).await;
    app.order_all(&panel, disallowed()).await;
    admin(&app, "DELETE", &format!("/accounts/{}/factors/google", person.id), None).await.expect(204);
    app.order_all(&panel, allowed(&["google", "sms"])).await;
    assert_eq!(app.shown(&person).await, "2fa_sms_auth");
    assert_eq!(app.lines_of(person.id).await, ["sms on", "google on", "google off", "sms off", "sms on"]);
    app.order_all(&panel, disallowed()).await;
    admin(&app, "DELETE", &format!("/accounts/{}/factors/all", person.id), None).await.expect(204);
    app.order_all(&panel, allowed(&["google", "sms"])).await;
    assert_eq!(app.shown(&person).await, "in");
    assert_eq!(app.stored(person.id).await.suspended, None);
}

async fn a_new_address_takes_the_suspended_codes_with_it(app: TestApp) {
    let panel = app.dealer().await;
    let person = app.person_with_email("ann").await;
    app.order_all(&panel, disallowed()).await;
    assert_eq!(app.shown(&person).await, "in");
    let moved = json!({ "email": "ann@elsewhere.example" });
    admin(&app, "PATCH", &format!("/accounts/{}", person.id), Some(moved)).await.expect(200);
    assert_eq!(app.stored(person.id).await.suspended, None);
}

async fn what_is_suspended_is_sealed_anew(app: TestApp) {
    let panel = app.dealer().await;
    let person = app.person_with_google("ann").await;
    app.order_all(&panel, disallowed()).await;
    assert_eq!(app.shown(&person).await, "in");
    let key = |account: &Account| account.authenticator().unwrap().secret.key_id().map(str::to_owned);
    let before = key(&app.stored(person.id).await);
    let body = json!({ "sealing": true, "signing": false });
    admin(&app, "POST", "/keys/rotate", Some(body)).await.expect(202);
    app.engine.errands.idle().await;
    let after = app.stored(person.id).await;
    assert!(after.factors.google.is_none() && key(&after) != before);
    app.order_all(&panel, allowed(&["google"])).await;
    app.by_google(&person).await;
}

async fn what_is_suspended_moves_with_its_account(app: TestApp) {
    let panel = app.dealer().await;
    let mut person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    app.enable_sms(&token, &person).await;
    app.enable_google(&token, &mut person).await;
    app.order_all(&panel, disallowed()).await;
    let account = app.engine.account(AccountId(person.id)).await.unwrap();
    let open = stepgate::engine::Exporting { hashes: true, secrets: true };
    let shut = stepgate::engine::Exporting { hashes: true, secrets: false };
    let secretless = app.engine.exported(&account, shut).unwrap();
    assert!(!secretless.contains("totpSecret") && secretless.contains(r#""suspended":["sms"]"#), "{secretless}");
    let line = app.engine.exported(&account, open).unwrap();
    assert!(line.contains(&format!(r#""totpSecret":"{}""#, person.key())), "{line}");
    admin(&app, "DELETE", &format!("/accounts/{}", person.id), None).await.expect(204);
    let import = app.call("POST", "/admin/v1/accounts/import").bearer(crate::harness::ADMIN_KEY);
    import.text("application/x-ndjson", line.clone()).send().await.expect(200);
    assert_eq!(app.shown(&person).await, "in");
    let moved = app.engine.account_named(&person.email).await.unwrap().unwrap();
    assert_eq!(app.engine.exported(&moved, open).unwrap(), line);
    app.order_all(&panel, allowed(&["google"])).await;
    app.by_google(&person).await;
}

/// X13: however many sign in while orders come, each order is carried out once, and nobody is turned away by it.
async fn sign_ins_and_orders_at_once_end_well(app: TestApp) {
    let panel = app.dealer().await;
    let person = app.person("ann").await;
    for round in 0..3 {
        let settings = if round % 2 == 0 { allowed(&["email"]) } else { disallowed() };
        app.order_all(&panel, settings).await;
        let ways = join_all((0..5).map(|_| app.shown(&person))).await;
        let expected = if round % 2 == 0 { "2fa_email_auth" } else { "in" };
        assert_eq!(ways, [expected; 5], "round {round}");
    }
    assert_eq!(app.lines_of(person.id).await, ["email on", "email off", "email on"]);
    let orders = (0..8).map(|turn| app.order_all(&panel, if turn == 7 { disallowed() } else { allowed(&["sms"]) }));
    let (_, ways) = tokio::join!(join_all(orders), join_all((0..5).map(|_| app.shown(&person))));
    assert!(ways.iter().all(|way| ["in", "2fa_email_auth"].contains(&way.as_str())), "{ways:?}");
}

async fn an_order_costs_the_same_for_few_and_for_many(app: TestApp) {
    let panel = app.dealer().await;
    for number in 0..8 {
        app.person(&format!("person{number}")).await;
    }
    let few = app.cost_of_an_order(&panel).await;
    for number in 8..40 {
        app.account(json!({ "email": format!("person{number}@example.com") })).await;
    }
    assert_eq!((few, app.cost_of_an_order(&panel).await), (2, 2));
}

async fn an_order_is_carried_out_at_the_cost_that_the_table_says(app: TestApp) {
    let panel = app.dealer().await;
    let (plain, person) = (app.person("plain").await, app.person_with_google("ann").await);
    let token = app.sign_in(&plain).await;
    let mut least = [u64::MAX; 3];
    let spent = async |call: std::pin::Pin<Box<dyn Future<Output = Answer> + '_>>| {
        app.engine.errands.idle().await;
        let before = app.engine.store.round_trips();
        (call.await, app.engine.store.round_trips() - before)
    };
    for _ in 0..3 {
        // Nothing is switched by it, and each account is written all the same.
        let order = || app.order_all(&panel, allowed(&["sms"]));
        let (uuid, _) = app.past_password(&person).await;
        order().await;
        let (listed, session) = spent(Box::pin(app.bearing("GET", "/2fa", &token))).await;
        listed.expect(200);
        let code = app.totp(person.key());
        let (done, wizard) = spent(Box::pin(app.code("google", &uuid, &code))).await;
        done.expect(202);
        order().await;
        let uuid = app.wizard().await;
        let (done, password) = spent(Box::pin(app.password(&uuid, &plain, PASSWORD))).await;
        done.expect(202);
        least = [least[0].min(session), least[1].min(wizard), least[2].min(password)];
        app.clock.advance(90);
    }
    assert_eq!(least, [3, 5, 4]);
}

async fn the_panel_itself_obeys(app: TestApp) {
    let panel = app.dealer().await;
    app.order_all(&panel, allowed(&["email"])).await;
    app.at_panel(&panel, DEFAULT, &json!({})).await.expect(200);
    assert_eq!(app.lines_of(panel.id).await, ["email on"]);
    let login = json!({ "login": "dealer@example.com", "password": PASSWORD });
    let asked = app.post("/v2/panel/account/auth", login).await;
    refused(&asked, 403, 11);
    assert_eq!(asked.str("/mfa/type"), "email");
}

/// An order that is given through one instance holds at once on another.
async fn holds_everywhere(backend: Backend) {
    let here = Setup::on(backend).start().await;
    let there = here.sibling().await;
    let panel = here.dealer().await;
    let person = here.person("ann").await;
    for round in 0..4 {
        let on = round % 2 == 0;
        here.order_all(&panel, if on { allowed(&["email"]) } else { disallowed() }).await;
        assert_eq!(there.shown(&person).await, if on { "2fa_email_auth" } else { "in" }, "round {round}");
    }
    here.at_panel(&panel, SET_DEFAULT, &json!({ "settings": allowed(&["email"]) })).await.expect(200);
    let late = there.person("bob").await;
    assert_eq!(here.shown(&late).await, "2fa_email_auth", "made on the other");
    let set = there.at_panel(&panel, DEFAULT, &json!({})).await.expect(200);
    assert_eq!(set.body["value"], allowed(&["email"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_redis_an_order_holds_everywhere() {
    holds_everywhere(Backend::Redis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_cluster_an_order_holds_everywhere() {
    holds_everywhere(Backend::Cluster).await;
}
