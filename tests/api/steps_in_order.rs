//! Generated from the shipped workflows: at every place of every workflow, every call that the graph does not have there
//! is refused and changes nothing.

use futures_util::future::join_all;
use serde_json::{Value, json};
use stepgate::identity::{Factor, Phone, Recipient};
use stepgate::workflow::{Ask, Catalogue, Event, Grant, Purpose, Step, TotpOf, Workflow};

use crate::guesses::other_than;
use crate::harness::{Answer, PASSWORD, Person, TestApp};

on_every_store_and_with_a_directory!(what_the_graph_does_not_have_is_refused_everywhere);

/// A number that no account here has.
const PHONE_OF_NOBODY: &str = "+79994449999";

/// A wizard that stands at a place, and all that could be shown to it there.
#[derive(Clone)]
struct Stand {
    place: String,
    uuid: String,
    person: Person,
    /// A session of the person, which has started the wizard where it is one for a factor.
    token: String,
    purpose: Purpose,
    /// The right code for the place, or for the one before it.
    code: String,
}

/// A call on a wizard and what it means to the workflow; the codes and passwords in it are right ones.
struct Call {
    name: String,
    path: &'static str,
    body: Value,
    event: Event,
}

fn calls(stand: &Stand) -> Vec<Call> {
    let call = |name: &str, path, body, event| Call { name: name.to_owned(), path, body, event };
    let (uuid, code) = (&stand.uuid, &stand.code);
    if stand.purpose != Purpose::SignIn {
        let path = "/api/v2/my/2fa/wizard";
        let phone = Phone::parse(PHONE_OF_NOBODY).unwrap();
        return vec![
            call("phone", path, json!({ "uuid": uuid, "phone": PHONE_OF_NOBODY }), Event::Phone(phone)),
            call("code", path, json!({ "uuid": uuid, "action": "code", "code": code }), Event::Code(None)),
            call("resend", path, json!({ "uuid": uuid, "action": "resend" }), Event::Resend),
        ];
    }
    let password = json!({ "uuid": uuid, "email": stand.person.email, "password": PASSWORD });
    let mut calls = vec![call("password", "/api/v2/my/signin", password, Event::Password)];
    for factor in Factor::ALL {
        let body = json!({ "uuid": uuid, "type": factor.as_str() });
        calls.push(call(&format!("choose {factor}"), "/api/v2/my/signin/2fa", body, Event::Choose(factor)));
        let path = match factor {
            Factor::Google => "/api/v2/my/2fa/google",
            Factor::Sms => "/api/v2/my/2fa/sms",
            Factor::Email => "/api/v2/my/2fa/email",
        };
        let body = json!({ "uuid": uuid, "code": code });
        calls.push(call(&format!("code {factor}"), path, body, Event::Code(Some(factor))));
    }
    calls
}

/// Whether the graph has an edge for the event at this place.
fn is_in_the_graph(workflow: &Workflow, place: &str, event: &Event) -> bool {
    match (event, workflow.step(place)) {
        (Event::Resend, Some(Step::Wait(wait))) => wait.resend.is_some(),
        (_, Some(Step::Wait(_))) => workflow.answered_by(place, event).is_some(),
        _ => false,
    }
}

/// What the wizard, the person and the outside world look like.
async fn picture(app: &TestApp, stand: &Stand) -> Value {
    let signs_in = stand.purpose == Purpose::SignIn;
    let look = app.look((!signs_in).then_some(&stand.token), &stand.uuid).await;
    let of_account = |path: &'static str| app.call("GET", path).bearer(&stand.token).send();
    let paths = ["/api/v2/my/2fa", "/api/v2/my/2fa/changes", "/api/v2/my/sessions"];
    let account: Vec<Value> = join_all(paths.map(of_account)).await.into_iter().map(|answer| answer.body).collect();
    let mut sent = Vec::new();
    for to in [&stand.person.email, &stand.person.phone, &PHONE_OF_NOBODY.to_owned()] {
        sent.push(app.outbox(to).await);
    }
    json!({ "status": look.status, "look": look.body, "account": account, "sent": sent })
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

    /// Somebody with these factors and a session.
    async fn person(&self, factors: &[Factor]) -> (Person, String) {
        let mut person = self.app.person(&self.name()).await;
        let token = self.app.sign_in(&person).await;
        for factor in factors {
            match factor {
                Factor::Google => self.app.enable_google(&token, &mut person).await,
                Factor::Sms => self.app.enable_sms(&token, &person).await,
                Factor::Email => self.app.enable_email(&token, &person).await,
            }
        }
        (person, token)
    }

    /// A wizard that waits at `place`, the only way there is to get there.
    async fn stand_at(&self, workflow: &Workflow, place: &str, ask: Ask) -> Stand {
        let purpose = workflow.purpose;
        let stand = match purpose {
            Purpose::SignIn => self.stand_signing_in(ask).await,
            Purpose::Enable(factor) => self.stand_enabling(factor, ask).await,
            Purpose::Challenge | Purpose::Recover => panic!("say here how to get there"),
            Purpose::Disable(factor) => {
                let (person, token) = self.person(&[factor]).await;
                let uuid = self.app.start_factor(&token, factor.as_str(), "disable").await.expect(200).uuid();
                let code = self.code_for(&person, ask).await;
                Stand { place: String::new(), uuid, person, token, purpose, code }
            }
        };
        let token = (purpose != Purpose::SignIn).then_some(stand.token.as_str());
        let look = self.app.look(token, &stand.uuid).await.expect(200);
        assert_eq!(look.workflow(), workflow.shows(place), "{}: this is not the way to {place}", workflow.name);
        Stand { place: place.to_owned(), ..stand }
    }

    async fn stand_signing_in(&self, ask: Ask) -> Stand {
        let factors: &[Factor] = match ask {
            Ask::CheckPassword => &[],
            Ask::ChooseMethod => &[Factor::Sms, Factor::Google],
            Ask::CheckTotp(_) => &[Factor::Google],
            Ask::CheckCode(recipient) => match recipient.factor() {
                Factor::Sms => &[Factor::Sms],
                _ => &[Factor::Email],
            },
            Ask::CheckRecoveryCode | Ask::ChooseEnrolment => panic!("say here how to get there"),
            Ask::EnterPhone => panic!("a sign-in asks for a phone: say here how to get there"),
        };
        let (person, token) = self.person(factors).await;
        let uuid = match ask {
            Ask::CheckPassword => self.app.wizard().await,
            _ => self.app.waiting(&person).await,
        };
        let code = self.code_for(&person, ask).await;
        Stand { place: String::new(), uuid, person, token, purpose: Purpose::SignIn, code }
    }

    async fn stand_enabling(&self, factor: Factor, ask: Ask) -> Stand {
        let (mut person, token) = self.person(&[]).await;
        let started = self.app.start_factor(&token, factor.as_str(), "enable").await.expect(200);
        let uuid = started.uuid();
        if ask == Ask::CheckCode(Recipient::NewPhone) {
            self.app.factor_step(&token, json!({ "uuid": uuid, "phone": person.phone })).await.expect(200);
        }
        if ask == Ask::CheckTotp(TotpOf::New) {
            person.key = Some(started.str("/data/key").to_owned());
        }
        let code = self.code_for(&person, ask).await;
        Stand { place: String::new(), uuid, person, token, purpose: Purpose::Enable(factor), code }
    }

    async fn code_for(&self, person: &Person, ask: Ask) -> String {
        match ask {
            Ask::CheckTotp(_) => self.app.totp(person.key()),
            Ask::CheckCode(Recipient::Email) => self.app.last_code(&person.email).await,
            Ask::CheckCode(Recipient::Phone | Recipient::NewPhone) => self.app.last_code(&person.phone).await,
            Ask::ChooseMethod => self.app.totp(person.key()),
            Ask::CheckPassword | Ask::EnterPhone | Ask::CheckRecoveryCode | Ask::ChooseEnrolment => "123456".to_owned(),
        }
    }

    /// The code that the place asks for.
    async fn give_code(&self, stand: &Stand, ask: Ask, code: &str) -> Answer {
        match (stand.purpose, ask) {
            (Purpose::SignIn, Ask::CheckTotp(_)) => self.app.code("google", &stand.uuid, code).await,
            (Purpose::SignIn, Ask::CheckCode(Recipient::Email)) => self.app.code("email", &stand.uuid, code).await,
            (Purpose::SignIn, _) => self.app.code("sms", &stand.uuid, code).await,
            _ => self.app.factor_code(&stand.token, &stand.uuid, code).await,
        }
    }

    /// Tries every call that the graph does not have at the place; how many there were.
    async fn try_all(&self, workflow: &Workflow, stand: &Stand, status: u16) -> usize {
        let before = picture(self.app, stand).await;
        let mut tried = 0;
        for call in calls(stand) {
            if is_in_the_graph(workflow, &stand.place, &call.event) {
                continue;
            }
            let post = self.app.call("POST", call.path).json(&call.body).bearer(&stand.token);
            let answer = post.send().await;
            let what = format!("{} at {} of {}", call.name, stand.place, workflow.name);
            assert_eq!(answer.status, status, "{what}: {}", answer.text);
            assert_eq!(picture(self.app, stand).await, before, "{what} changed something");
            tried += 1;
        }
        tried
    }
}

/// A12: watches `Workflow::answered_by` and the refusals of a wizard that is over. After all the refusals the wizard
/// still goes on with the very code that was offered in the wrong places: nothing was spent, nothing was counted.
async fn what_the_graph_does_not_have_is_refused_everywhere(app: TestApp) {
    let world = World { app: &app, people: Default::default() };
    let catalogue = Catalogue::shipped().unwrap();
    let (mut places, mut tried) = (0, 0);
    for workflow in catalogue.iter() {
        for (place, step) in &workflow.steps {
            match step {
                Step::Wait(wait) => {
                    let stand = world.stand_at(workflow, place, wait.ask).await;
                    tried += world.try_all(workflow, &stand, 409).await;
                    goes_on(&world, &stand, wait.ask).await;
                }
                Step::End(end) => tried += at_the_end(&world, workflow, place, end.grants).await,
                Step::Auto(_) | Step::Route(_) => continue,
            }
            places += 1;
        }
    }
    let expected: usize = catalogue.iter().flat_map(|workflow| workflow.steps.values()).filter(|s| is_place(s)).count();
    assert_eq!(places, expected);
    assert!(tried > 100, "only {tried} calls were tried");
}

fn is_place(step: &Step) -> bool {
    matches!(step, Step::Wait(_) | Step::End(_))
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
        Ask::CheckRecoveryCode | Ask::ChooseEnrolment => {}
        Ask::EnterPhone => {
            let body = json!({ "uuid": stand.uuid, "phone": stand.person.phone });
            app.factor_step(&stand.token, body).await.expect(200);
        }
        Ask::CheckTotp(_) | Ask::CheckCode(_) => {
            // The refusals were no guesses: all but one are still there.
            let wrong = match ask {
                Ask::CheckTotp(_) => app.wrong_totp(stand.person.key()),
                _ => other_than(&stand.code),
            };
            let limit = if matches!(ask, Ask::CheckTotp(_)) { 10 } else { 5 };
            let refused = world.give_code(stand, ask, &wrong).await.refused(422, "invalid_code");
            assert_eq!(refused.body["attemptsLeft"], json!(limit - 1), "{}", stand.place);
            world.give_code(stand, ask, &stand.code).await.expect(202);
        }
    }
}

/// The place that asks for a code last.
fn last_asking(workflow: &Workflow) -> (&str, Ask) {
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
    let (before, ask) = last_asking(workflow);
    let stand = world.stand_at(workflow, before, ask).await;
    let status = if place == workflow.cancel {
        let call = world.app.call("DELETE", &format!("/api/v2/my/wizard/{}", stand.uuid)).bearer(&stand.token);
        call.send().await.expect(204);
        404
    } else if grants == Grant::Nothing {
        let wrong = match ask {
            Ask::CheckTotp(_) => world.app.wrong_totp(stand.person.key()),
            _ => other_than(&stand.code),
        };
        while world.give_code(&stand, ask, &wrong).await.status == 422 {}
        429
    } else {
        world.give_code(&stand, ask, &stand.code).await.expect(202);
        409
    };
    let stand = Stand { place: place.to_owned(), ..stand };
    let tried = world.try_all(workflow, &stand, status).await;
    assert_eq!(tried, calls(&stand).len());
    tried
}

/// A12, A13: a wizard for a factor is none to the calls of a sign-in, and the reverse: they see nothing there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_calls_of_another_purpose_see_no_wizard() {
    let app = crate::harness::Setup::on(crate::harness::Backend::Embedded).start().await;
    let world = World { app: &app, people: Default::default() };
    for workflow in Catalogue::shipped().unwrap().iter() {
        for (place, step) in &workflow.steps {
            let Step::Wait(wait) = step else { continue };
            let stand = world.stand_at(workflow, place, wait.ask).await;
            let before = picture(&app, &stand).await;
            let purpose = match stand.purpose {
                Purpose::SignIn => Purpose::Enable(Factor::Sms),
                _ => Purpose::SignIn,
            };
            let foreign = Stand { purpose, ..stand.clone() };
            for call in calls(&foreign) {
                let answer = app.call("POST", call.path).json(&call.body).bearer(&stand.token).send().await;
                answer.refused(404, "wizard_not_found");
                assert_eq!(picture(&app, &stand).await, before, "{} at {place} of {}", call.name, workflow.name);
            }
            goes_on(&world, &stand, wait.ask).await;
        }
    }
}
