//! Generated from the shipped workflows: at every place of every workflow, every call of every kind of wizard that the
//! graph does not have there is refused and changes nothing.

use futures_util::future::join_all;
use serde_json::{Value, json};
use stepgate::identity::{Factor, Phone, Recipient};
use stepgate::workflow::{Ask, Catalogue, Event, Grant, Purpose, Step, TotpOf, Workflow};

use crate::guesses::other_than;
use crate::harness::{ADMIN_KEY, Answer, PASSWORD, Person, TestApp};

on_every_store_and_with_a_directory!(what_the_graph_does_not_have_is_refused_everywhere);

/// A number that no account here has.
const PHONE_OF_NOBODY: &str = "+79994449999";

/// The group that must have a second factor, and is asked for one when it signs in.
const FORCED: &str = "forced";
pub const POLICIES: &str = r#"[{"groups":["forced"],"required":["google","sms","email"]}]"#;

/// The calls that serve one kind of wizard; to those of another kind there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    SignIn,
    Factor,
    Challenge,
}

impl Door {
    const ALL: [Door; 3] = [Door::SignIn, Door::Factor, Door::Challenge];

    fn of(purpose: Purpose) -> Self {
        match purpose {
            Purpose::SignIn => Door::SignIn,
            Purpose::Enable(_) | Purpose::Disable(_) => Door::Factor,
            Purpose::Challenge | Purpose::Recover => Door::Challenge,
        }
    }
}

/// A wizard that stands at a place, and all that could be shown to it there.
#[derive(Clone)]
struct Stand {
    place: String,
    uuid: String,
    person: Person,
    /// A session of the person, which has started the wizard where it is one of a session's.
    token: String,
    purpose: Purpose,
    /// The right code for the place, or for the one before it.
    code: String,
    /// A recovery code of the person's; of nobody's, if they have none.
    recovery: String,
}

impl Stand {
    /// The bearer token that the wizard itself asks for.
    fn own_token(&self) -> Option<&str> {
        (!matches!(self.purpose, Purpose::SignIn | Purpose::Recover)).then_some(&self.token)
    }
}

/// A call on a wizard and what it means to the workflow; the codes and passwords in it are right ones.
struct Call {
    name: String,
    path: &'static str,
    body: Value,
    event: Event,
}

impl Call {
    fn new(name: &str, path: &'static str, body: Value, event: Event) -> Self {
        Call { name: format!("{name} by {path}"), path, body, event }
    }
}

fn calls(stand: &Stand, door: Door) -> Vec<Call> {
    match door {
        Door::SignIn => calls_of_a_sign_in(stand),
        Door::Factor => calls_of_a_factor(stand),
        Door::Challenge => calls_of_a_challenge(stand),
    }
}

fn calls_of_a_sign_in(stand: &Stand) -> Vec<Call> {
    let Stand { uuid, code, recovery, .. } = stand;
    let password = json!({ "uuid": uuid, "email": stand.person.email, "password": PASSWORD });
    let recovery = json!({ "uuid": uuid, "code": recovery });
    let mut calls = vec![
        Call::new("a password", "/api/v2/my/signin", password, Event::Password),
        Call::new("a recovery code", "/api/v2/my/2fa/recovery", recovery, Event::Recovery),
    ];
    for factor in Factor::ALL {
        let choice = json!({ "uuid": uuid, "type": factor.as_str() });
        calls.push(Call::new(factor.as_str(), "/api/v2/my/signin/2fa", choice, Event::Choose(factor)));
        let enrolment = json!({ "uuid": uuid, "type": factor.as_str(), "phone": PHONE_OF_NOBODY });
        let event = Event::Enrol(factor, Some(Phone::parse(PHONE_OF_NOBODY).unwrap()));
        calls.push(Call::new(factor.as_str(), "/api/v2/my/signin/2fa/enroll", enrolment, event));
        let path = match factor {
            Factor::Google => "/api/v2/my/2fa/google",
            Factor::Sms => "/api/v2/my/2fa/sms",
            Factor::Email => "/api/v2/my/2fa/email",
        };
        let body = json!({ "uuid": uuid, "code": code });
        calls.push(Call::new("a code", path, body, Event::Code(Some(factor))));
    }
    calls
}

fn calls_of_a_factor(stand: &Stand) -> Vec<Call> {
    let Stand { uuid, code, recovery, .. } = stand;
    let phone = Event::Phone(Phone::parse(PHONE_OF_NOBODY).unwrap());
    let steps = [
        ("a phone", json!({ "phone": PHONE_OF_NOBODY }), phone),
        ("a code", json!({ "action": "code", "code": code }), Event::Code(None)),
        ("a resend", json!({ "action": "resend" }), Event::Resend),
        ("a recovery code", json!({ "action": "recovery", "code": recovery }), Event::Recovery),
        ("a password", json!({ "action": "password", "password": PASSWORD }), Event::Password),
        ("a choice", json!({ "action": "choose", "type": "sms" }), Event::Choose(Factor::Sms)),
    ];
    let call = |(name, mut body, event): (&str, Value, Event)| {
        body["uuid"] = json!(uuid);
        Call::new(name, "/api/v2/my/2fa/wizard", body, event)
    };
    steps.into_iter().map(call).collect()
}

fn calls_of_a_challenge(stand: &Stand) -> Vec<Call> {
    let Stand { uuid, code, recovery, .. } = stand;
    let path = "/api/v2/my/2fa/challenge";
    vec![
        Call::new("a code", path, json!({ "token": uuid, "code": code }), Event::Code(None)),
        Call::new("a recovery code", path, json!({ "token": uuid, "code": recovery }), Event::Recovery),
        Call::new("a resend", path, json!({ "token": uuid, "action": "resend" }), Event::Resend),
    ]
}

/// Whether the graph has an edge for the event at this place.
fn is_in_the_graph(workflow: &Workflow, place: &str, event: &Event) -> bool {
    match (event, workflow.step(place)) {
        (Event::Resend, Some(Step::Wait(wait))) => wait.resend.is_some(),
        (_, Some(Step::Wait(_))) => workflow.answered_by(place, event).is_some(),
        _ => false,
    }
}

/// Whether a wizard can come to wait at `place`. Where nothing but `switch` leads, a right answer goes through in one
/// call, and a wrong one leaves the wizard where it was.
pub fn is_waited_at(workflow: &Workflow, place: &str) -> bool {
    let leads = |step: &Step| step.edges().iter().any(|(edge, to)| *edge != "switch" && *to == place);
    place == workflow.start || workflow.steps.iter().any(|(name, step)| name != place && leads(step))
}

/// The waiting places that offer `place` by `switch`.
fn offering<'a>(workflow: &'a Workflow, place: &str) -> Vec<(&'a str, Ask)> {
    let offers = workflow.steps.iter().filter_map(|(name, step)| match step {
        Step::Wait(wait) if wait.switch.iter().any(|offered| offered == place) => Some((name.as_str(), wait.ask)),
        _ => None,
    });
    offers.collect()
}

/// Whether the place belongs to turning a factor on within a sign-in.
fn is_enrolment(workflow: &Workflow, place: &str) -> bool {
    let asks = |name: &str| matches!(workflow.step(name), Some(Step::Wait(wait)) if wait.ask == Ask::ChooseEnrolment);
    let Some(Step::Wait(wait)) = workflow.step(place) else { return false };
    asks(place) || wait.switch.iter().any(|offered| asks(offered))
}

/// What the wizard, the person and the outside world look like.
async fn picture(app: &TestApp, stand: &Stand) -> Value {
    let look = app.look(stand.own_token(), &stand.uuid).await;
    let of_account = |path: &'static str| app.call("GET", path).bearer(&stand.token).send();
    let paths = [
        "/api/v2/my/2fa",
        "/api/v2/my/2fa/changes",
        "/api/v2/my/2fa/recovery-codes",
        "/api/v2/my/devices",
        "/api/v2/my/sessions",
    ];
    let account = join_all(paths.map(of_account)).await.into_iter().map(|answer| answer.expect(200).body);
    let sent = [&stand.person.email, &stand.person.phone, PHONE_OF_NOBODY].map(|to| app.outbox(to));
    json!({
        "status": look.status,
        "look": look.body,
        "account": account.collect::<Vec<Value>>(),
        "sent": join_all(sent).await,
    })
}

/// Makes the policy want a second factor of somebody who has none.
pub async fn force(app: &TestApp, person: &Person) {
    match app.directory() {
        Some(directory) => {
            let id = format!("id of {}", person.email);
            directory.put(json!({ "id": id, "email": person.email, "groups": [FORCED] }), PASSWORD);
        }
        None => {
            let call = app.call("PATCH", &format!("/admin/v1/accounts/{}", person.id)).bearer(ADMIN_KEY);
            call.json(&json!({ "groups": [FORCED] })).send().await.expect(200);
        }
    }
}

pub async fn recovery_codes(app: &TestApp, token: &str) -> Vec<String> {
    let call = app.call("POST", "/api/v2/my/2fa/recovery-codes").bearer(token).json(&json!({}));
    let made = call.send().await.expect(200);
    serde_json::from_value(made.body["codes"].clone()).unwrap()
}

async fn recovering(app: &TestApp, person: &Person) -> String {
    let started = app.get(&format!("/api/v2/my/2fa/unauthorized/challenge?email={}", person.email)).await;
    started.expect(200).str("/token").to_owned()
}

/// Somebody whose only factor has already stood in for the password, which was set anew with a code by email; a session
/// of theirs and their recovery codes.
pub async fn stood_in(app: &TestApp, name: &str) -> (Person, String, Vec<String>) {
    let person = app.person(name).await;
    let token = app.sign_in(&person).await;
    app.enable_email(&token, &person).await;
    let mut recovery = recovery_codes(app, &token).await;
    let uuid = recovering(app, &person).await;
    let code = app.last_code(&person.email).await;
    let confirmed = app.post("/api/v2/my/2fa/challenge", json!({ "token": uuid, "code": code })).await;
    let success = confirmed.expect(200).str("/successToken").to_owned();
    let reset = json!({ "successToken": success, "password": PASSWORD, "passwordConfirmation": PASSWORD });
    app.post("/api/v2/my/signin/password/reset", reset).await.expect(204);
    // That has ended the session.
    let uuid = app.waiting(&person).await;
    let signed_in = app.code("recovery", &uuid, &recovery.remove(0)).await.expect(202);
    (person, signed_in.str("/data/accessToken/token").to_owned(), recovery)
}

struct World<'a> {
    app: &'a TestApp,
    people: std::cell::Cell<u32>,
}

impl World<'_> {
    fn name(&self) -> String {
        self.people.set(self.people.get() + 1);
        format!("person{}", self.people.get())
    }

    /// Whether wizards can get to this place here: where a directory knows the passwords, none can be set anew.
    fn is_within_reach(&self, workflow: &Workflow, ask: Ask) -> bool {
        let by_a_new_password = workflow.purpose == Purpose::SignIn && ask == Ask::CheckRecoveryCode;
        self.app.directory().is_none() || (workflow.purpose != Purpose::Recover && !by_a_new_password)
    }

    /// Somebody with these factors, a session and, if there is a factor, a recovery code.
    async fn person(&self, factors: &[Factor]) -> (Person, String, String) {
        let mut person = self.app.person(&self.name()).await;
        let token = self.app.sign_in(&person).await;
        for factor in factors {
            match factor {
                Factor::Google => self.app.enable_google(&token, &mut person).await,
                Factor::Sms => self.app.enable_sms(&token, &person).await,
                Factor::Email => self.app.enable_email(&token, &person).await,
            }
        }
        let recovery = match factors {
            [] => "ABCDE-FGHIJ".to_owned(),
            _ => recovery_codes(self.app, &token).await.remove(0),
        };
        (person, token, recovery)
    }

    /// A wizard that waits at `place`, the only way there is to get there.
    async fn stand_at(&self, workflow: &Workflow, place: &str, ask: Ask) -> Stand {
        let purpose = workflow.purpose;
        let stand = match purpose {
            Purpose::SignIn if is_enrolment(workflow, place) => self.stand_enrolling(ask).await,
            Purpose::SignIn => self.stand_signing_in(ask).await,
            Purpose::Enable(factor) => self.stand_enabling(factor, ask).await,
            Purpose::Disable(factor) => {
                let (person, token, recovery) = self.person(&[factor]).await;
                let uuid = self.app.start_factor(&token, factor.as_str(), "disable").await.expect(200).uuid();
                let code = self.code_for(&person, ask).await;
                Stand { place: String::new(), uuid, person, token, purpose, code, recovery }
            }
            Purpose::Challenge => self.stand_confirming(ask).await,
            Purpose::Recover => {
                let (person, token, recovery) = self.person(&[]).await;
                let uuid = recovering(self.app, &person).await;
                let code = self.code_for(&person, ask).await;
                Stand { place: String::new(), uuid, person, token, purpose, code, recovery }
            }
        };
        let look = self.app.look(stand.own_token(), &stand.uuid).await.expect(200);
        assert_eq!(look.workflow(), workflow.shows(place), "{}: this is not the way to {place}", workflow.name);
        Stand { place: place.to_owned(), ..stand }
    }

    async fn stand_signing_in(&self, ask: Ask) -> Stand {
        let (person, token, recovery) = match ask {
            Ask::CheckPassword => self.person(&[]).await,
            Ask::ChooseMethod => self.person(&[Factor::Sms, Factor::Google]).await,
            Ask::CheckTotp(_) => self.person(&[Factor::Google]).await,
            Ask::CheckCode(recipient) => self.person(&[recipient.factor()]).await,
            Ask::CheckRecoveryCode => {
                let (person, token, mut recovery) = stood_in(self.app, &self.name()).await;
                (person, token, recovery.remove(0))
            }
            Ask::EnterPhone | Ask::ChooseEnrolment => panic!("a sign-in asks for it: say here how to get there"),
        };
        let uuid = match ask {
            Ask::CheckPassword => self.app.wizard().await,
            _ => self.app.waiting(&person).await,
        };
        let code = self.code_for(&person, ask).await;
        Stand { place: String::new(), uuid, person, token, purpose: Purpose::SignIn, code, recovery }
    }

    async fn stand_enrolling(&self, ask: Ask) -> Stand {
        let (mut person, token, recovery) = self.person(&[]).await;
        force(self.app, &person).await;
        let uuid = self.app.waiting(&person).await;
        let factor = match ask {
            Ask::CheckTotp(_) => Some(Factor::Google),
            Ask::CheckCode(recipient) => Some(recipient.factor()),
            _ => None,
        };
        if let Some(factor) = factor {
            let body = json!({ "uuid": uuid, "type": factor.as_str(), "phone": person.phone });
            let chosen = self.app.post("/api/v2/my/signin/2fa/enroll", body).await.expect(200);
            person.key = chosen.body.pointer("/data/key").map(|key| key.as_str().unwrap().to_owned());
        }
        let code = self.code_for(&person, ask).await;
        Stand { place: String::new(), uuid, person, token, purpose: Purpose::SignIn, code, recovery }
    }

    async fn stand_enabling(&self, factor: Factor, ask: Ask) -> Stand {
        let (mut person, token, recovery) = self.person(&[]).await;
        let started = self.app.start_factor(&token, factor.as_str(), "enable").await.expect(200);
        let uuid = started.uuid();
        if ask == Ask::CheckCode(Recipient::NewPhone) {
            self.app.factor_step(&token, json!({ "uuid": uuid, "phone": person.phone })).await.expect(200);
        }
        if ask == Ask::CheckTotp(TotpOf::New) {
            person.key = Some(started.str("/data/key").to_owned());
        }
        let code = self.code_for(&person, ask).await;
        Stand { place: String::new(), uuid, person, token, purpose: Purpose::Enable(factor), code, recovery }
    }

    async fn stand_confirming(&self, ask: Ask) -> Stand {
        let (person, token, recovery) = match ask {
            Ask::CheckTotp(_) => self.person(&[Factor::Google]).await,
            Ask::CheckCode(recipient) => self.person(&[recipient.factor()]).await,
            _ => panic!("a challenge asks for {ask:?}: say here how to get there"),
        };
        let started = self.app.call("GET", "/api/v2/my/2fa/challenge").bearer(&token).send().await.expect(200);
        let uuid = started.str("/token").to_owned();
        let code = self.code_for(&person, ask).await;
        Stand { place: String::new(), uuid, person, token, purpose: Purpose::Challenge, code, recovery }
    }

    async fn code_for(&self, person: &Person, ask: Ask) -> String {
        match ask {
            Ask::CheckTotp(_) | Ask::ChooseMethod => self.app.totp(person.key()),
            Ask::CheckCode(Recipient::Email) => self.app.last_code(&person.email).await,
            Ask::CheckCode(Recipient::Phone | Recipient::NewPhone) => self.app.last_code(&person.phone).await,
            Ask::CheckPassword | Ask::EnterPhone | Ask::CheckRecoveryCode | Ask::ChooseEnrolment => "123456".to_owned(),
        }
    }

    /// The code that the place asks for.
    async fn give_code(&self, stand: &Stand, ask: Ask, code: &str) -> Answer {
        let Stand { uuid, token, .. } = stand;
        match (stand.purpose, ask) {
            (Purpose::SignIn, Ask::CheckRecoveryCode) => self.app.code("recovery", uuid, code).await,
            (Purpose::SignIn, Ask::CheckTotp(_)) => self.app.code("google", uuid, code).await,
            (Purpose::SignIn, Ask::CheckCode(Recipient::Email)) => self.app.code("email", uuid, code).await,
            (Purpose::SignIn, _) => self.app.code("sms", uuid, code).await,
            (Purpose::Challenge | Purpose::Recover, _) => {
                let call = self.app.call("POST", "/api/v2/my/2fa/challenge").bearer(token);
                call.json(&json!({ "token": uuid, "code": code })).send().await
            }
            (Purpose::Enable(_) | Purpose::Disable(_), Ask::CheckRecoveryCode) => {
                self.app.factor_step(token, json!({ "uuid": uuid, "action": "recovery", "code": code })).await
            }
            (Purpose::Enable(_) | Purpose::Disable(_), _) => self.app.factor_code(token, uuid, code).await,
        }
    }

    /// Tries every call that the graph does not have at the place; how many there were. The wizard's own calls are
    /// refused with `status`, the others see none.
    async fn try_all(&self, workflow: &Workflow, stand: &Stand, status: u16) -> usize {
        let before = picture(self.app, stand).await;
        let mut tried = 0;
        for door in Door::ALL {
            let is_own = door == Door::of(stand.purpose);
            for call in calls(stand, door) {
                if is_own && is_in_the_graph(workflow, &stand.place, &call.event) {
                    continue;
                }
                let post = self.app.call("POST", call.path).json(&call.body).bearer(&stand.token);
                let answer = post.send().await;
                let what = format!("{} at {} of {}", call.name, stand.place, workflow.name);
                assert_eq!(answer.status, if is_own { status } else { 404 }, "{what}: {}", answer.text);
                assert_eq!(picture(self.app, stand).await, before, "{what} changed something");
                tried += 1;
            }
        }
        tried
    }
}

/// A12, A13: watches `Workflow::answered_by`, the gates of the routes and the refusals of a wizard that is over. After
/// all the refusals the wizard still goes on with the very code that was offered in the wrong places: nothing was spent,
/// nothing was counted.
async fn what_the_graph_does_not_have_is_refused_everywhere(app: TestApp) {
    // Guesses at ways back count on the client's address, which is the same for all of them here.
    let patient = app.stop().await.with("STEPGATE_LIMITS__ADDRESS__FAILURES", "1000");
    let app = patient.with("STEPGATE_MFA__POLICIES", POLICIES).start().await;
    let world = World { app: &app, people: Default::default() };
    let catalogue = Catalogue::shipped().unwrap();
    let mut tried = 0;
    for workflow in catalogue.iter() {
        for (place, step) in &workflow.steps {
            match step {
                Step::Wait(wait) if !world.is_within_reach(workflow, wait.ask) => cannot_begin(&world).await,
                Step::End(_) if workflow.purpose == Purpose::Recover && app.directory().is_some() => {}
                Step::Wait(wait) if is_waited_at(workflow, place) => {
                    let stand = world.stand_at(workflow, place, wait.ask).await;
                    tried += world.try_all(workflow, &stand, 409).await;
                    goes_on(&world, &stand, wait.ask).await;
                }
                Step::Wait(wait) => goes_through(&world, workflow, place, wait.ask).await,
                Step::End(end) => tried += at_the_end(&world, workflow, place, end.grants).await,
                Step::Auto(_) | Step::Route(_) => {}
            }
        }
    }
    assert!(tried > 500, "only {tried} calls were tried");
}

/// The way to a place that needs a password of ours to be set anew, where there is none.
async fn cannot_begin(world: &World<'_>) {
    let (person, ..) = world.person(&[]).await;
    let path = format!("/api/v2/my/2fa/unauthorized/challenge?email={}", person.email);
    assert_eq!(world.app.get(&path).await.status, 403);
}

/// A code that is none of the person's, and how many guesses are left after it.
fn wrong_code(world: &World<'_>, stand: &Stand, ask: Ask) -> (String, u32) {
    match ask {
        Ask::CheckTotp(_) => (world.app.wrong_totp(stand.person.key()), 9),
        Ask::CheckRecoveryCode => ("ABCDE-FGHIJ".to_owned(), 9),
        _ => (other_than(&stand.code), 4),
    }
}

/// The refusals were no guesses: all but one are still there; and the right code is still worth what it was.
async fn takes_a_code(world: &World<'_>, stand: &Stand, ask: Ask) {
    let (wrong, left) = wrong_code(world, stand, ask);
    let refused = world.give_code(stand, ask, &wrong).await.refused(422, "invalid_code");
    assert_eq!(refused.body["attemptsLeft"], json!(left), "{}", stand.place);
    let right = if ask == Ask::CheckRecoveryCode { &stand.recovery } else { &stand.code };
    let status = if Door::of(stand.purpose) == Door::Challenge { 200 } else { 202 };
    world.give_code(stand, ask, right).await.expect(status);
}

/// The wizard takes the step that its place asks for.
async fn goes_on(world: &World<'_>, stand: &Stand, ask: Ask) {
    let app = world.app;
    match ask {
        Ask::CheckPassword => drop(app.password(&stand.uuid, &stand.person, PASSWORD).await.expect(202)),
        Ask::ChooseMethod => {
            app.choose(&stand.uuid, "google").await.expect(200);
            app.code("google", &stand.uuid, &stand.code).await.expect(202);
        }
        Ask::ChooseEnrolment => {
            let body = json!({ "uuid": stand.uuid, "type": "google" });
            let chosen = app.post("/api/v2/my/signin/2fa/enroll", body).await.expect(200);
            app.code("google", &stand.uuid, &app.totp(chosen.str("/data/key"))).await.expect(202);
        }
        Ask::EnterPhone => {
            let body = json!({ "uuid": stand.uuid, "phone": stand.person.phone });
            app.factor_step(&stand.token, body).await.expect(200);
        }
        Ask::CheckTotp(_) | Ask::CheckCode(_) | Ask::CheckRecoveryCode => takes_a_code(world, stand, ask).await,
    }
}

/// From every place that offers `place`, a wrong answer to it leaves the wizard where it is, and a right one ends it.
async fn goes_through(world: &World<'_>, workflow: &Workflow, place: &str, ask: Ask) {
    for (from, asks) in offering(workflow, place) {
        let stand = world.stand_at(workflow, from, asks).await;
        let (wrong, _) = wrong_code(world, &stand, ask);
        world.give_code(&stand, ask, &wrong).await.refused(422, "invalid_code");
        let look = world.app.look(stand.own_token(), &stand.uuid).await.expect(200);
        assert_eq!(look.workflow(), workflow.shows(from), "{}: nobody waits at {place}", workflow.name);
        let stand = world.stand_at(workflow, from, asks).await;
        takes_a_code(world, &stand, ask).await;
    }
}

/// The place that asks for a code first.
fn asking_for_a_code(workflow: &Workflow) -> (&str, Ask) {
    let mut asking = workflow.steps.iter().filter_map(|(name, step)| match step {
        Step::Wait(wait) if matches!(wait.ask, Ask::CheckTotp(_) | Ask::CheckCode(_)) => {
            Some((name.as_str(), wait.ask))
        }
        _ => None,
    });
    asking.next().expect("every shipped workflow asks for a code")
}

/// What was granted is granted once, what was locked stays locked, what was cancelled is gone.
async fn at_the_end(world: &World<'_>, workflow: &Workflow, place: &str, grants: Grant) -> usize {
    let (before, ask) = asking_for_a_code(workflow);
    let stand = world.stand_at(workflow, before, ask).await;
    let status = if place == workflow.cancel {
        let call = world.app.call("DELETE", &format!("/api/v2/my/wizard/{}", stand.uuid)).bearer(&stand.token);
        call.send().await.expect(204);
        404
    } else if grants == Grant::Nothing {
        let (wrong, _) = wrong_code(world, &stand, ask);
        while world.give_code(&stand, ask, &wrong).await.status == 422 {}
        429
    } else {
        takes_a_code(world, &stand, ask).await;
        409
    };
    let stand = Stand { place: place.to_owned(), ..stand };
    let tried = world.try_all(workflow, &stand, status).await;
    assert_eq!(tried, Door::ALL.iter().map(|door| calls(&stand, *door).len()).sum::<usize>());
    tried
}
