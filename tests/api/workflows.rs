//! A client that knows nothing: it reads `next`, fills in the fields by their names and patterns, and takes the step.
//! That must lead it through every shipped wizard, by every edge that is offered, to the end.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use stepgate::workflow::{Catalogue, Purpose, Step};

use crate::harness::{Answer, PASSWORD, Person, TestApp};
use crate::steps_in_order::{POLICIES, force, is_waited_at, recovery_codes, stood_in};

on_every_store_and_with_a_directory!(
    next_leads_to_the_end_of_every_sign_in,
    next_leads_to_the_end_of_every_change,
    next_leads_to_the_end_of_every_challenge,
    every_alternative_is_a_call_that_works,
    every_wizard_can_be_cancelled_where_it_is_offered,
    a_look_shows_the_same_next,
    the_operator_sees_the_loaded_workflows,
);

/// What a person has at hand; the client asks for it by the names of fields.
struct Hands<'a> {
    app: &'a TestApp,
    person: Person,
    token: Option<String>,
    /// Which of several offered values is taken.
    pick: usize,
    phones: Vec<&'static str>,
    recovery: Vec<String>,
    /// What the client saw as `workflow` on its way.
    seen: BTreeSet<String>,
}

impl Hands<'_> {
    async fn call(&self, method: &str, href: &str, body: Option<&Value>) -> Answer {
        let mut call = self.app.call(method, href);
        if let Some(token) = &self.token {
            call = call.bearer(token);
        }
        if let Some(body) = body {
            call = call.json(body);
        }
        call.send().await
    }

    async fn start(&mut self, href: &str) -> Answer {
        let answer = self.call("GET", href, None).await.expect(200);
        self.seen.insert(answer.workflow().to_owned());
        answer
    }

    /// Takes the call that `offer` describes, which is `next` or one of its alternatives.
    async fn take(&mut self, answer: &Answer, offer: &Value) -> Answer {
        let mut body = serde_json::Map::new();
        for field in offer["fields"].as_array().expect("fields") {
            let name = field["name"].as_str().unwrap();
            // A number is needed to turn SMS on, and only then.
            let needed = name == "phone" && body.get("type") == Some(&json!("sms"));
            if field["required"] == json!(true) || needed {
                assert_eq!(field["type"], json!("string"), "{field}");
                let value = self.value(answer, name, field["pattern"].as_str()).await;
                let longest = field["maxLength"].as_u64().unwrap_or(u64::MAX);
                assert!(u64::try_from(value.chars().count()).unwrap() <= longest, "{field}: {value}");
                body.insert(name.to_owned(), json!(value));
            }
        }
        let (method, href) = (offer["method"].as_str().unwrap(), offer["href"].as_str().unwrap());
        let body = Value::Object(body);
        let taken = self.call(method, href, (method == "POST").then_some(&body)).await;
        if let Some(shows) = taken.body.get("workflow").and_then(Value::as_str) {
            self.seen.insert(shows.to_owned());
        }
        taken
    }

    async fn value(&mut self, answer: &Answer, name: &str, pattern: Option<&str>) -> String {
        // A pattern of plain words leaves nothing to ask for.
        let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        if let Some(inner) = pattern.and_then(|pattern| pattern.strip_prefix('^')?.strip_suffix('$')) {
            if plain(inner) {
                return inner.to_owned();
            }
            let group = inner.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or_default();
            let words: Vec<&str> = group.split('|').collect();
            if words.iter().all(|word| !word.is_empty() && plain(word)) {
                return words[self.pick.min(words.len() - 1)].to_owned();
            }
        }
        match name {
            "uuid" => answer.uuid(),
            "email" => self.person.email.clone(),
            "password" => PASSWORD.to_owned(),
            "phone" => self.phones.remove(0).to_owned(),
            // Letters are in no code but a recovery code.
            "code" if pattern.is_some_and(|pattern| pattern.contains("A-Z")) => self.recovery.remove(0),
            "code" => self.code(answer).await,
            other => panic!("nobody knows what {other} is: {}", answer.text),
        }
    }

    /// A code is in the mail or on the phone if a receipt says so, else in the authenticator.
    async fn code(&self, answer: &Answer) -> String {
        match answer.body.pointer("/next/receipt/recipient/method").and_then(Value::as_str) {
            Some("email") => self.app.last_code(&self.person.email).await,
            Some(_) => {
                let shown = answer.str("/next/receipt/recipient/phone").to_owned();
                let whole = if shown.contains('*') { self.person.phone.clone() } else { shown };
                self.app.last_code(&whole).await
            }
            None => {
                let fresh = answer.body.pointer("/data/key").and_then(Value::as_str);
                let key = fresh.or(self.person.key.as_deref()).expect("a key");
                self.app.totp(key)
            }
        }
    }

    /// Takes `next` until there is none.
    async fn walk(&mut self, mut answer: Answer) -> Answer {
        for _ in 0..10 {
            let next = answer.body["next"].clone();
            if next.is_null() {
                assert_eq!((answer.status, &answer.body["done"]), (202, &json!(true)), "{}", answer.text);
                return answer;
            }
            assert_eq!((answer.status, &answer.body["done"]), (200, &json!(false)), "{}", answer.text);
            let taken = self.take(&answer, &next).await;
            assert!(matches!(taken.status, 200 | 202), "{next} led to {}", taken.text);
            answer = taken;
        }
        panic!("no end in sight: {}", answer.text);
    }
}

/// An account with these methods on, and a token of it.
async fn with(app: &TestApp, factors: &[&str]) -> (Person, String) {
    let mut person = app.person(&format!("ann-{}", factors.join("-"))).await;
    let token = app.sign_in(&person).await;
    for factor in factors {
        match *factor {
            "google" => app.enable_google(&token, &mut person).await,
            "sms" => app.enable_sms(&token, &person).await,
            _ => app.enable_email(&token, &person).await,
        }
    }
    (person, token)
}

fn hands(app: &TestApp, person: Person, token: Option<String>) -> Hands<'_> {
    let phones = vec!["+79994440301", "+79994440302", "+79994440303", "+79994440304"];
    Hands { app, person, token, pick: 0, phones, recovery: vec![], seen: BTreeSet::new() }
}

const SIGN_IN: &str = "/api/v2/my/signin/wizard";

const SETS: [&[&str]; 8] = [
    &[],
    &["google"],
    &["sms"],
    &["email"],
    &["sms", "email"],
    &["google", "sms"],
    &["google", "email"],
    &["google", "sms", "email"],
];

/// What every step of the shipped workflows for these purposes shows that a wizard can come to wait at.
fn shown(is_meant: fn(Purpose) -> bool) -> BTreeSet<String> {
    let catalogue = Catalogue::shipped().unwrap();
    let workflows = catalogue.iter().filter(|workflow| is_meant(workflow.purpose));
    let mut shown = BTreeSet::new();
    for workflow in workflows {
        for (name, step) in &workflow.steps {
            if matches!(step, Step::Wait(_)) && is_waited_at(workflow, name) {
                shown.insert(workflow.shows(name).to_owned());
            }
        }
    }
    shown
}

async fn next_leads_to_the_end_of_every_sign_in(app: TestApp) {
    let app = app.stop().await.with("STEPGATE_MFA__POLICIES", POLICIES).start().await;
    let mut seen = BTreeSet::new();
    for factors in SETS {
        let (person, _) = with(&app, factors).await;
        for pick in 0..factors.len().max(1) {
            let mut hands = hands(&app, person.clone(), None);
            hands.pick = pick;
            let started = hands.start(SIGN_IN).await;
            let done = hands.walk(started).await;
            assert!(done.str("/data/accessToken/token").starts_with("ey"), "{}", done.text);
            seen.extend(hands.seen);
            // Another authenticator code, another address budget.
            app.clock.advance(61);
        }
    }
    // Whoever must turn a method on first.
    for pick in 0..3 {
        let person = app.person(&format!("forced-{pick}")).await;
        force(&app, &person).await;
        let mut hands = hands(&app, person, None);
        hands.pick = pick;
        let started = hands.start(SIGN_IN).await;
        let done = hands.walk(started).await;
        assert!(done.str("/data/accessToken/token").starts_with("ey"), "{}", done.text);
        seen.extend(hands.seen);
    }
    let mut expected = shown(|purpose| purpose == Purpose::SignIn);
    // Whoever has only a recovery code beside the new password; a directory's passwords are not set here.
    if app.directory().is_some() {
        expected.remove("2fa_recovery");
    } else {
        let (person, _, recovery) = stood_in(&app, "stood-in").await;
        let mut hands = hands(&app, person, None);
        hands.recovery = recovery;
        let started = hands.start(SIGN_IN).await;
        hands.walk(started).await;
        seen.extend(hands.seen);
    }
    assert_eq!(seen, expected, "every step of a sign-in was met, and no other");
}

async fn next_leads_to_the_end_of_every_change(app: TestApp) {
    let (person, token) = with(&app, &[]).await;
    let mut hands = hands(&app, person, Some(token.clone()));
    let label = r"B2B\TCA\Wizards\Workflow\TerminateWorkflow".to_owned();
    for way in ["enable", "disable"] {
        for factor in ["google", "sms", "email"] {
            let started = hands.start(&format!("/api/v2/my/2fa/{factor}/{way}/wizard")).await;
            if let Some(key) = started.body.pointer("/data/key").and_then(Value::as_str) {
                hands.person.key = Some(key.to_owned());
            }
            let done = hands.walk(started).await;
            assert_eq!((done.workflow(), &done.body["data"]), (label.as_str(), &json!([])));
            if factor == "sms" {
                hands.person.phone = "+79994440301".to_owned();
            }
            let one = app.call("GET", &format!("/api/v2/my/2fa/{factor}")).bearer(&token).send().await.expect(200);
            assert_eq!(one.body["isEnabled"], json!(way == "enable"), "{factor} {way}");
            app.clock.advance(61);
        }
    }
    let mut expected = shown(|purpose| matches!(purpose, Purpose::Enable(_) | Purpose::Disable(_)));
    expected.insert(label);
    assert_eq!(hands.seen, expected);
}

/// A challenge is named by a token and is not answered with `next`; whoever looks finds it.
async fn next_leads_to_the_end_of_every_challenge(app: TestApp) {
    let mut seen = BTreeSet::new();
    for factors in [&[][..], &["google"], &["sms"], &["email"]] {
        let (person, token) = with(&app, factors).await;
        let named = format!("/api/v2/my/2fa/unauthorized/challenge?email={}", person.email);
        for start in ["/api/v2/my/2fa/challenge", &named] {
            if start == named && app.directory().is_some() {
                continue;
            }
            let mut hands = hands(&app, person.clone(), Some(token.clone()));
            let started = hands.call("GET", start, None).await.expect(200);
            let look =
                hands.call("GET", &format!("/api/v2/my/wizard/{}", started.str("/token")), None).await.expect(200);
            seen.insert(look.workflow().to_owned());
            let confirmed = hands.take(&look, &look.body["next"]).await.expect(200);
            assert!(!confirmed.str("/successToken").is_empty());
            // Another code to the same address may be asked for by now.
            app.clock.advance(61);
        }
    }
    let mut expected = shown(|purpose| matches!(purpose, Purpose::Challenge | Purpose::Recover));
    if app.directory().is_some() {
        expected.remove("recover_email");
    }
    assert_eq!(seen, expected);
}

/// At every step of every wizard each alternative but `cancel` is taken once, after the wait that is asked for; the walk
/// then goes on to its end.
async fn every_alternative_is_a_call_that_works(app: TestApp) {
    let mut taken: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let (mut person, token) = with(&app, &[]).await;
    let mut recovery = Vec::new();
    for (start, signed_in, pick) in [
        ("/api/v2/my/2fa/sms/enable/wizard", true, 0),
        ("/api/v2/my/2fa/email/enable/wizard", true, 0),
        // A recovery code ends a sign-in wherever it is given: once at each of three places.
        (SIGN_IN, false, 0),
        (SIGN_IN, false, 0),
        (SIGN_IN, false, 1),
        ("/api/v2/my/2fa/sms/disable/wizard", true, 0),
        ("/api/v2/my/2fa/email/disable/wizard", true, 0),
    ] {
        if start == SIGN_IN && recovery.is_empty() {
            recovery = recovery_codes(&app, &token).await;
        }
        let mut hands = hands(&app, person.clone(), signed_in.then(|| token.clone()));
        hands.pick = pick;
        hands.recovery = recovery.clone();
        let mut answer = hands.start(start).await;
        while !answer.body["next"].is_null() {
            let place = answer.workflow().to_owned();
            let known = taken.entry(place.clone()).or_default().clone();
            let offers = answer.body["next"]["alternatives"].as_array().unwrap().clone();
            let fresh = |offer: &&Value| offer["rel"] != "cancel" && !known.contains(offer["rel"].as_str().unwrap());
            let offer = match offers.iter().find(fresh) {
                Some(offer) => {
                    taken.entry(place.clone()).or_default().insert(offer["rel"].as_str().unwrap().to_owned());
                    offer.clone()
                }
                None => answer.body["next"].clone(),
            };
            let mut next = hands.take(&answer, &offer).await;
            if let (429, Some(seconds)) = (next.status, next.body["retryAfter"].as_i64()) {
                app.clock.advance(seconds);
                next = hands.take(&answer, &offer).await;
            }
            assert!(matches!(next.status, 200 | 202), "{offer} at {place} led to {}", next.text);
            let typed = next.body.pointer("/data/recipient/phone").and_then(Value::as_str);
            if let Some(phone) = typed.filter(|phone| !phone.contains('*')) {
                person.phone = phone.to_owned();
            }
            hands.person.phone = person.phone.clone();
            answer = next;
        }
        recovery = hands.recovery;
    }
    let places: Vec<(&str, Vec<&str>)> = taken
        .iter()
        .filter(|(_, rels)| !rels.is_empty())
        .map(|(place, rels)| (place.as_str(), rels.iter().map(String::as_str).collect()))
        .collect();
    assert_eq!(
        places,
        [
            ("2fa_choose", vec!["recovery"]),
            ("2fa_email", vec!["recovery", "resend"]),
            ("2fa_email_auth", vec!["choose", "recovery", "resend"]),
            ("2fa_sms", vec!["recovery", "resend"]),
            ("2fa_sms_auth", vec!["choose", "recovery", "resend"]),
            ("phone", vec!["change_phone", "resend"]),
        ]
    );
}

async fn every_wizard_can_be_cancelled_where_it_is_offered(app: TestApp) {
    let (person, token) = with(&app, &["sms", "google"]).await;
    for (start, steps) in [
        (SIGN_IN, 3),
        ("/api/v2/my/2fa/email/enable/wizard", 1),
        ("/api/v2/my/2fa/sms/disable/wizard", 1),
        ("/api/v2/my/2fa/google/disable/wizard", 1),
    ] {
        for at in 0..steps {
            let mut hands = hands(&app, person.clone(), (start != SIGN_IN).then(|| token.clone()));
            let mut answer = hands.start(start).await;
            for _ in 0..at {
                answer = hands.take(&answer, &answer.body["next"].clone()).await.expect(200);
            }
            let offers = answer.body["next"]["alternatives"].as_array().unwrap();
            let cancel = offers.iter().find(|offer| offer["rel"] == "cancel").expect("a way out").clone();
            assert_eq!((&cancel["method"], &cancel["fields"]), (&json!("DELETE"), &json!([])));
            hands.take(&answer, &cancel).await.expect(204);
            hands.take(&answer, &answer.body["next"].clone()).await.refused(404, "wizard_not_found");
            hands.take(&answer, &cancel).await.refused(404, "wizard_not_found");
            app.clock.advance(61);
        }
    }
}

/// A reload finds the same offers as the answer before it, so that a second tab can go on.
async fn a_look_shows_the_same_next(app: TestApp) {
    let (person, _) = with(&app, &["google", "sms"]).await;
    let mut hands = hands(&app, person, None);
    hands.pick = 1;
    let mut answer = hands.start(SIGN_IN).await;
    loop {
        let look = app.get(&format!("/api/v2/my/wizard/{}", answer.uuid())).await.expect(answer.status);
        let mut expected = answer.body.clone();
        if answer.body["done"] == json!(true) {
            // Tokens are shown once.
            expected["data"] = Value::Null;
        }
        expected["expiresAt"] = json!("2026-01-15T12:15:35+00:00");
        assert_eq!(look.body, expected);
        if answer.body["next"].is_null() {
            break;
        }
        answer = hands.take(&answer, &answer.body["next"].clone()).await;
    }
}

async fn the_operator_sees_the_loaded_workflows(app: TestApp) {
    let list = app.call("GET", "/admin/v1/workflows").bearer(crate::harness::ADMIN_KEY).send().await.expect(200);
    let listed: Vec<(String, String, bool)> = list.body["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let text = |name: &str| one[name].as_str().unwrap().to_owned();
            (text("name"), text("digest"), one["enabled"].as_bool().unwrap())
        })
        .collect();
    let catalogue = Catalogue::shipped().unwrap();
    let shipped: Vec<(String, String, bool)> =
        catalogue.iter().map(|one| (one.name.clone(), one.digest.to_string(), true)).collect();
    assert_eq!(listed, shipped);
}
