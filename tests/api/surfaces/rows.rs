//! What nobody may learn, send or smuggle in, at every surface.

use futures_util::future::join_all;
use quick_xml::events::Event;
use serde_json::{Map, Value, json};
use stepgate::identity::SurfaceName;

use super::calls::{Call, World, basic};
use super::through::{Entry, Outcome, Through, all, by_password, one_of};
use crate::bypass::many_names;
use crate::enumeration::{Shape, everybody, shape_of, with};
use crate::harness::{ADMIN_KEY, Answer, PASSWORD, Person, TestApp};

on_every_store!(
    a_known_name_is_answered_like_an_unknown_one_everywhere,
    a_wrong_password_has_no_code_sent_anywhere,
    a_name_in_another_form_finds_the_same_account_and_no_other,
    what_is_no_text_is_named_by_every_call_and_counted_by_none,
    what_nobody_asked_for_changes_nothing_anywhere,
    no_field_of_any_call_breaks_its_envelope_or_its_headers,
);

with_a_directory!(a_known_name_is_answered_like_an_unknown_one_everywhere);

/// Room for the guesses of one address, so that the account's own tally is what is seen.
pub const ROOM: (&str, &str) = ("STEPGATE_LIMITS__ADDRESS__FAILURES", "1000");

/// An answer without what differs between two requests, and the work behind it: store round trips, and password hashes or
/// questions to the directory.
async fn watched(app: &TestApp, surface: &dyn Through, name: &str, password: &str, code: Option<&str>) -> Seen {
    let asked = || app.directory().map_or(0, |directory| directory.questions().len() as u64);
    app.engine.errands.idle().await;
    let before = (app.engine.store.round_trips(), app.engine.passwords.computed() + asked());
    let answer = surface.named(app, name, password, code).await;
    app.engine.errands.idle().await;
    let after = (app.engine.store.round_trips(), app.engine.passwords.computed() + asked());
    Seen { shape: shape(&answer, name), round_trips: after.0 - before.0, hashes: after.1 - before.1 }
}

#[derive(Debug, PartialEq)]
struct Seen {
    shape: Shape,
    round_trips: u64,
    hashes: u64,
}

fn shape(answer: &Answer, name: &str) -> Shape {
    let uuid = answer.body["uuid"].as_str().unwrap_or("no uuid");
    // The service surface says whose code it has looked at.
    let named = format!("\"username\":{}", json!(name));
    let mut shape = shape_of(answer, &[(uuid, "UUID"), (&named, "NAME")]);
    let is_named = answer.text.contains(&named);
    shape.1.retain(|(header, _)| !is_named || header != "content-length");
    shape
}

/// A17: wrong passwords, wrong codes and what is no code up to the lock and in it, and the right password in it: the same
/// answer and the same work for every kind of account and for names that nobody has, at every surface that takes a name.
async fn a_known_name_is_answered_like_an_unknown_one_everywhere(app: TestApp) {
    let app = with(app, &[ROOM]).await;
    let (names, surfaces) = (everybody(&app).await, all(&app).await);
    for surface in &surfaces {
        // The password's lock comes after five, the code's after ten.
        let failures = if surface.asks_password() { 5 } else { 10 };
        app.clock.advance(7_200);
        // Time has passed: the server looks after its keys first.
        app.get("/api/v2/my/wizard/00000000-0000-4000-8000-000000000000").await.refused(404, "wizard_not_found");
        let course = async |name: &str| {
            let mut seen = Vec::new();
            for guess in 0..failures + 2 {
                let code = [None, Some("123456"), Some("1")][if guess > 2 { guess % 2 } else { guess }];
                seen.push(watched(&app, &**surface, name, "not the password", code).await);
            }
            seen.push(watched(&app, &**surface, name, PASSWORD, None).await);
            seen
        };
        let expected = course("nobody@example.com").await;
        // The name, the verdict and the event behind the answer, after the start of a wizard or a question to a directory.
        let before = u64::from(surface.name() == SurfaceName::Wizard);
        let asked = u64::from(app.directory().is_some() && surface.asks_password());
        let work = (expected[0].round_trips, expected[0].hashes);
        assert_eq!(work, (3 + before + asked, u64::from(surface.asks_password())), "{}", surface.name());
        // What is no code is not counted where a code may come along.
        let mut counted: Vec<u16> = expected.iter().map(|seen| seen.shape.0).collect();
        if counted[2] != counted[1] {
            assert!([400, 422].contains(&counted.remove(2)), "{}", surface.name());
        }
        let (wrong, locked) = counted.split_at(failures);
        assert!(wrong.iter().all(|status| *status == wrong[0] && *status != 429), "{}: {counted:?}", surface.name());
        assert!(locked.len() > 1 && locked.iter().all(|status| *status == 429), "{}: {counted:?}", surface.name());
        for name in names.iter().map(String::as_str).chain(["nobody"]) {
            for (place, (seen, expected)) in course(name).await.iter().zip(&expected).enumerate() {
                assert_eq!(seen, expected, "{}: {name}, call {place}", surface.name());
            }
        }
    }
}

async fn sent(app: &TestApp) -> usize {
    app.engine.errands.idle().await;
    app.get("/dev/outbox").await.expect(200).body["data"].as_array().unwrap().len()
}

/// X21: what has a code sent tells nothing about the password: a wrong one sends nothing, hands out no token, and is
/// answered like a name that nobody has; while locked, so is the right one.
async fn a_wrong_password_has_no_code_sent_anywhere(app: TestApp) {
    let app = with(app, &[ROOM]).await;
    let people = [app.person_with_sms("ann").await, app.person_with_email("ben").await];
    let surfaces = all(&app).await;
    for surface in by_password(&surfaces) {
        app.clock.advance(7_200);
        let nobody = format!("nobody-{}@example.com", surface.name());
        let codes = [None, Some("123456"), Some("ABCDE-FGHIJ"), None, Some("000000"), None];
        for right_one in [3, codes.len()] {
            let guesses = &codes[..right_one];
            let mut unknown = Vec::new();
            for (number, code) in guesses.iter().enumerate() {
                let answer = surface.named(&app, &nobody, "not the password", *code).await;
                unknown.push(shape(&answer, &nobody));
                surface.refused(answer, if number < 5 { "invalid_credentials" } else { "too_many_attempts" });
            }
            for person in &people {
                let before = sent(&app).await;
                for (code, unknown) in guesses.iter().zip(&unknown) {
                    let answer = surface.named(&app, &person.email, "not the password", *code).await;
                    assert_eq!(shape(&answer, &person.email), *unknown, "{} {code:?}", surface.name());
                    assert!(
                        answer.header("mfa-token").is_none() && !answer.text.contains("token\""),
                        "{}",
                        answer.text
                    );
                }
                assert_eq!(sent(&app).await, before, "{}", surface.name());
                let locked = right_one == codes.len();
                let entry = surface.password(&app, &person.email, PASSWORD).await;
                assert_eq!(entry, Some(if locked { Entry::Locked } else { Entry::Asked }), "{}", surface.name());
                assert_eq!(sent(&app).await, before + usize::from(!locked), "{}", surface.name());
            }
            app.clock.advance(7_200);
        }
    }
}

/// X23: every form of a name leads to its account, whose password alone lets in and whose code alone is taken; what only
/// looks like it leads to another account or to none. Watches `LoginName::of_typed` at every surface.
async fn a_name_in_another_form_finds_the_same_account_and_no_other(app: TestApp) {
    let (app, mut person, spellings) = many_names(app).await;
    let surfaces = all(&app).await;
    let others = ["annlee@example.org", "ann-lee@example.com", "ann.lee+x@example.com", "annl\u{e9}e@example.com"];
    for (number, email) in others.iter().enumerate() {
        let username = ["annlee", "ann_lee", "ann-lee2", "anna-lee"][number];
        app.account(json!({ "email": email, "username": username, "password": "the other's own password" })).await;
    }
    let lookalikes = ["\u{430}nn-lee", "ann-lee@", "ann lee", "\u{430}nn.lee@example.com", "ann.lee@example.com.evil"];
    let id = person.id.to_string();
    let strangers = || others.iter().copied().chain(["annlee", "ann_lee", id.as_str()]).chain(lookalikes);
    // Nothing with a control character in it goes through a header.
    let forms: Vec<&str> = spellings.into_iter().filter(|name| !name.contains('\t')).collect();
    for surface in &surfaces {
        for name in &forms {
            let entry = surface.password(&app, name, PASSWORD).await;
            assert!(entry.is_none_or(|entry| entry == Entry::LetIn), "{name:?} at {}: {entry:?}", surface.name());
        }
        for name in strangers() {
            let entry = surface.password(&app, name, PASSWORD).await;
            assert!(entry.is_none_or(|entry| entry == Entry::Refused), "{name:?} at {}: {entry:?}", surface.name());
        }
        app.clock.advance(1_000);
    }
    let mfao = one_of(&surfaces, SurfaceName::Mfao);
    assert!(mfao.turn_on(&app, &mut person).await.is_some());
    for name in forms {
        app.clock.advance(30);
        let named = Person { email: name.to_owned(), ..person.clone() };
        assert_eq!(mfao.code(&app, &named, &app.totp(person.key())).await, Outcome::Taken, "{name:?}");
    }
    app.clock.advance(30);
    for name in strangers() {
        let named = Person { email: name.to_owned(), ..person.clone() };
        assert_eq!(mfao.code(&app, &named, &app.totp(person.key())).await, Outcome::Refused, "{name:?}");
    }
    assert_eq!(mfao.code(&app, &person, &app.totp(person.key())).await, Outcome::Taken);
}

/// What the operator sees of everybody, and what the panel has set for newcomers.
async fn state(app: &TestApp) -> Vec<Value> {
    let accounts = app.call("GET", "/admin/v1/accounts?limit=100").bearer(ADMIN_KEY).send().await.expect(200);
    let mut state = accounts.body["data"].as_array().unwrap().clone();
    state.push(json!(format!("{:?}", app.engine.default_mfa())));
    state
}

/// What does not belong where this is.
fn others_than(value: &Value) -> Vec<Value> {
    let text = json!("x");
    let (list, object) = (json!([value]), json!({ "$ne": value }));
    match value {
        Value::Bool(_) => vec![text, json!(1), list, object, json!("")],
        Value::Array(_) => vec![text, json!(7), json!(true), object, json!([["x"]]), json!([{ "$ne": 1 }])],
        Value::Object(members) => {
            vec![text, json!(7), json!(true), json!([]), list, Value::Array(members.values().cloned().collect())]
        }
        _ => vec![list, json!([]), object, json!({}), json!(7), json!(-1.5), json!(true)],
    }
}

/// X30, A11: lists, objects, numbers, truth values and members or parameters that are given twice, at every place of every
/// body and query: refused by name, in the surface's own envelope, and neither counted nor heeded.
async fn what_is_no_text_is_named_by_every_call_and_counted_by_none(app: TestApp) {
    let app = with(app, &[ROOM]).await;
    let world = World::of(&app).await;
    let (before, sent_before) = (state(&app).await, sent(&app).await);
    let mut tried = 0;
    for call in world.calls(&app).await {
        for (place, value) in call.places() {
            let field = place.join(".");
            for other in others_than(&value) {
                let answer = call.with(&place, other.clone()).send(&app).await;
                call.names(answer, &field, &other.to_string());
                tried += 1;
            }
            let answer = call.send_text(&app, "application/json", twice(call.body.as_ref().unwrap(), &place)).await;
            call.names(answer, &field, "twice");
            if let [name] = &place[..] {
                let form = format!("{name}=x&{name}=y");
                let answer = call.send_text(&app, "application/x-www-form-urlencoded", form).await;
                call.names(answer, &field, "twice in a form");
            }
        }
        for (name, value) in &call.query {
            let encoded: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
            let mut queries = vec![format!("{encoded}={value}&{encoded}={value}"), format!("{encoded}=x&{encoded}=")];
            if call.surface == SurfaceName::Flexi {
                let ends = ["[]", "[0]", ".x"];
                queries.extend(ends.map(|end| format!("{encoded}{end}={value}")));
                queries.push(format!("{encoded}={value}&{encoded}[]={value}"));
            }
            for query in queries {
                call.names(call.send_query(&app, &query).await, name, &query);
                tried += 1;
            }
        }
    }
    assert!(tried > 300, "only {tried} were tried");
    assert_eq!((state(&app).await, sent(&app).await), (before, sent_before));
    // Not one of them was counted: as many guesses are left as there are.
    let uuid = app.wizard().await;
    for _ in 0..4 {
        let wrong = app.name_and_password(&uuid, &world.ann.email, "not the password").await;
        wrong.refused(422, "invalid_credentials");
    }
    app.name_and_password(&uuid, &world.ann.email, PASSWORD).await.expect(202);
    let uuid = app.waiting(&world.ben).await;
    let wrong = app.code("google", &uuid, &app.wrong_totp(world.ben.key())).await;
    assert_eq!(wrong.refused(422, "invalid_code").body["attemptsLeft"], json!(9));
}

/// The body as text, with the member at this place given twice.
fn twice(body: &Map<String, Value>, place: &[String]) -> String {
    let inner = |members: &Map<String, Value>, name: &str| {
        let own = Value::Object(members.clone()).to_string();
        format!("{{{}:{},{}", json!(name), members[name], &own[1..])
    };
    let [name] = place else {
        let members = body[&place[0]].as_object().unwrap();
        let mut body = body.clone();
        body[&place[0]] = json!("THE INNER ONE");
        return Value::Object(body).to_string().replace("\"THE INNER ONE\"", &twice(members, &place[1..]));
    };
    inner(body, name)
}

/// X31: members and parameters that would say how it ends, whose it is or what somebody may, in every body and every query
/// of every surface: each call does what it does without them, for whom it does it.
async fn what_nobody_asked_for_changes_nothing_anywhere(app: TestApp) {
    let app = with(app, &[ROOM, ("STEPGATE_LIMITS__SECOND_FACTOR__FAILURES", "100")]).await;
    let world = World::of(&app).await;
    let calls: Vec<Call> = world.calls(&app).await.into_iter().filter(Call::says_anything).collect();
    let extra = [
        ("verified", json!(true)),
        ("isEnabled", json!(true)),
        ("mfaEnabled", json!(true)),
        ("permissions", json!(["users:read", "users:update", "password:update"])),
        ("id", json!(world.ben.id)),
        ("userId", json!(world.ben.id)),
        ("account", json!(world.ben.id)),
        ("opens", json!("tokens")),
        ("surface", json!("wizard")),
        ("success", json!(true)),
        ("valid", json!(true)),
        ("attemptsLeft", json!(99)),
    ];
    let said = async || {
        let mut said = Vec::new();
        for call in &calls {
            // Nothing that was sent a moment ago is in the way.
            app.clock.advance(61);
            let answer = call.send(&app).await;
            said.push((call.name(), answer.status, answer.body["code"].clone(), answer.body["status"].clone()));
        }
        said
    };
    // What an order changes, the first round has.
    said().await;
    let (plainly, before) = (said().await, state(&app).await);
    app.meddle(&extra);
    let meddled = said().await;
    app.meddle(&[]);
    assert_eq!(meddled, plainly);
    assert_eq!(without_times(state(&app).await), without_times(before));
    for surface in world.surfaces() {
        let mut person = app.person(surface.name().as_str()).await;
        let bystanders = without_times(state(&app).await);
        app.meddle(&extra);
        let wrong = surface.password(&app, &person.email, "not the password").await;
        assert!(wrong.is_none_or(|entry| entry == Entry::Refused), "{}", surface.name());
        if surface.turn_on(&app, &mut person).await.is_some() {
            app.clock.advance(30);
            let wrong = app.wrong_totp(person.key());
            assert_eq!(surface.code(&app, &person, &wrong).await, Outcome::Refused, "{}", surface.name());
            assert_eq!(surface.code(&app, &person, &app.totp(person.key())).await, Outcome::Taken);
            app.clock.advance(30);
            surface.turn_off(&app, &person).await;
        }
        app.meddle(&[]);
        let own = app.account_at(&person.email).await;
        assert_eq!((&own["id"], &own["permissions"]), (&json!(person.id), &json!([])), "{}", surface.name());
        assert_eq!(without_times(state(&app).await), bystanders, "{}", surface.name());
    }
}

fn without_times(state: Vec<Value>) -> Vec<Value> {
    let without = |mut account: Value| {
        if let Some(members) = account.as_object_mut() {
            members.retain(|name, _| !name.ends_with("At") && name != "revision");
        }
        account
    };
    state.into_iter().map(without).collect()
}

/// Long enough to be told from chance: an answer's id is sixteen random letters.
const EVIL: [&str; 9] = [
    "x\r\nX-Evildoer: 1\r\n\r\nevildoer",
    "x\nX-Evildoer: 1",
    "x\0evildoer",
    "]]></message><success>true</success><!--",
    "&evildoer;<!DOCTYPE x [<!ENTITY evildoer SYSTEM \"file:///etc/passwd\">]>",
    "\"},\"success\":true,\"evildoer\":{\"x\":\"",
    "<script>evildoer()</script>",
    "\u{1b}[31m\u{7}\u{85}\u{2028}\u{202e}evildoer",
    "evildoer\u{fffe}\u{d7ff}\u{10ffff}\\u0000%00%0d%0aX-Evildoer:%201",
];

/// X36, X37: line ends, NUL, markup and 64 KiB at every place of every body, in every parameter, path and credential: no
/// header comes of it, no envelope breaks, and no call fails inside.
async fn no_field_of_any_call_breaks_its_envelope_or_its_headers(app: TestApp) {
    let app = with(app, &[ROOM, ("STEPGATE_LIMITS__SECOND_FACTOR__FAILURES", "100")]).await;
    let world = World::of(&app).await;
    let (large, whole) = ("x".repeat(60_000), "<".repeat(65_536));
    let texts: Vec<&str> = EVIL.into_iter().chain([large.as_str(), whole.as_str()]).collect();
    for call in world.calls(&app).await {
        for (number, text) in texts.iter().enumerate() {
            let mut attacks: Vec<Call> = Vec::new();
            for (place, value) in call.places() {
                if value.is_string() {
                    attacks.push(call.about(&place[0]).with(&place, json!(text)));
                }
            }
            // What cannot be sent in a URL, no client sends there: 64 KiB.
            let short: String = text.chars().take(20_000).collect();
            for place in 0..call.query.len() {
                let mut attack = call.clone();
                attack.query[place].1.clone_from(&short);
                attacks.push(attack);
            }
            for place in 0..call.path.len() {
                let mut attack = call.clone();
                attack.path[place].1.clone_from(&short);
                attacks.push(attack);
            }
            if call.surface == SurfaceName::Flexi {
                for credential in [basic(text, PASSWORD), basic(&world.ann.email, text)] {
                    let mut attack = call.clone();
                    attack.headers = vec![("Authorization".to_owned(), credential)];
                    attacks.push(attack);
                }
            }
            let accept = if number % 2 == 0 { "application/xml" } else { "application/json" };
            for attack in &mut attacks {
                attack.headers.push(("Accept".to_owned(), accept.to_owned()));
            }
            let answers = join_all(attacks.iter().map(|attack| attack.send(&app))).await;
            for answer in answers {
                whole_envelope(&call, text, &answer);
            }
        }
        // Nobody is locked out of the next one.
        app.clock.advance(61);
    }
}

#[track_caller]
fn whole_envelope(call: &Call, text: &str, answer: &Answer) {
    let short: String = text.chars().take(40).collect();
    let told = format!("{} with {short:?}: {} {:?} {}", call.name(), answer.status, answer.headers, answer.text);
    assert!(answer.status < 500, "{told}");
    for (name, value) in &answer.headers {
        let is_clean = !value.as_bytes().windows(8).any(|bytes| bytes.eq_ignore_ascii_case(b"evildoer"));
        assert!(name != "x-evildoer" && is_clean, "{told}");
    }
    assert!(!answer.text.chars().any(|c| c.is_ascii_control() && c != '\n'), "{told}");
    match answer.header("content-type") {
        None => assert!(answer.text.is_empty(), "{told}"),
        Some("image/png") => {}
        Some("application/xml; charset=utf-8") => {
            assert_eq!(xml(&answer.text), ["winstrom", "success", "message"], "{told}")
        }
        Some("application/json" | "application/problem+json") => {
            assert!(answer.body.is_object(), "{told}");
            assert!(answer.body.get("evildoer").is_none(), "{told}");
            let is_refused = answer.status >= 400;
            assert!(!(is_refused && answer.body["success"] == json!(true)), "{told}");
        }
        Some(_) => panic!("{told}"),
    }
}

/// The elements of a document that is well formed, in their order.
#[track_caller]
fn xml(text: &str) -> Vec<String> {
    let mut reader = quick_xml::Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    let mut names = Vec::new();
    loop {
        match reader.read_event().unwrap_or_else(|error| panic!("{error}: {text}")) {
            Event::Start(element) | Event::Empty(element) => {
                names.push(element.name().as_ref().to_owned());
            }
            Event::Eof => return names,
            Event::Text(_) | Event::End(_) | Event::GeneralRef(_) => {}
            other => panic!("{other:?} in {text}"),
        }
    }
}
