//! Every place of every workflow with every event: what the graph does not have is `NotHere`, and changes nothing.

use chrono::TimeDelta;
use stepgate::identity::{Factor, Phone, Policy};
use stepgate::workflow::{Ask, Catalogue, Event, Evidence, Fact, Facts, Known, Rejection, Step, Workflow, decide};

use crate::people::{PHONES, account, time, wizard};
use crate::sources;

fn events() -> Vec<Event> {
    let mut events = vec![Event::Password, Event::Resend, Event::Code(None), Event::Recovery];
    events.push(Event::Phone(Phone::parse(PHONES[0]).unwrap()));
    events.extend(Factor::ALL.map(Event::Choose));
    events.extend(Factor::ALL.map(|factor| Event::Enrol(factor, None)));
    events.extend(Factor::ALL.map(|factor| Event::Code(Some(factor))));
    events
}

/// What a step takes, written down a second time: by its action's name in the file.
fn takes(ask: Ask, event: &Event) -> bool {
    let spelling = ask.spelling();
    match (spelling.word, spelling.attribute.map(|(_, value)| value), event) {
        ("check_password", _, Event::Password) => true,
        ("choose_method", _, Event::Choose(_)) => true,
        ("choose_enrolment", _, Event::Enrol(..)) => true,
        ("check_recovery_code", _, Event::Recovery) => true,
        ("enter_phone", _, Event::Phone(_)) => true,
        ("check_totp" | "check_code", _, Event::Code(None)) => true,
        ("check_totp", _, Event::Code(Some(factor))) => *factor == Factor::Google,
        ("check_code", Some("phone" | "new_phone"), Event::Code(Some(factor))) => *factor == Factor::Sms,
        ("check_code", Some("email"), Event::Code(Some(factor))) => *factor == Factor::Email,
        _ => false,
    }
}

fn all() -> Vec<Workflow> {
    let shipped = Catalogue::shipped().unwrap();
    let valid = sources("tests/workflows/valid").into_iter();
    let valid = valid.map(|(name, source)| Workflow::load(&name.replace('_', "-"), &source).unwrap());
    shipped.iter().map(|workflow| (**workflow).clone()).chain(valid).collect()
}

#[test]
fn whatever_is_outside_the_graph_is_not_here() {
    let (mut inside, mut outside) = (0, 0);
    let everybody = account(1, &Factor::ALL);
    let policy = Policy::default();
    for workflow in all() {
        for (name, step) in &workflow.steps {
            let Step::Wait(wait) = step else { continue };
            let mut wizard = wizard(&workflow);
            wizard.step = name.clone();
            wizard.facts = Facts::of(&Fact::ALL);
            wizard.account = Some(everybody.clone());
            for event in events() {
                let offered: Vec<Ask> =
                    wait.switch.iter().filter_map(|offered| workflow.waiting(offered)).map(|wait| wait.ask).collect();
                let expected = match event {
                    Event::Resend => wait.resend.is_some(),
                    _ => takes(wait.ask, &event) || offered.iter().any(|offered| takes(*offered, &event)),
                };
                for known in [Known::Right, Known::Wrong, Known::Locked] {
                    let evidence = Evidence { account: Some(&everybody), known, device: false, policy: &policy };
                    let answer = decide(&workflow, &wizard, &event, evidence, time());
                    let not_here = answer == Err(Rejection::NotHere);
                    assert_eq!(not_here, !expected, "{} at {name}, {event:?}: {answer:?}", workflow.name);
                }
                inside += usize::from(expected);
                outside += usize::from(!expected);
            }
        }
    }
    assert!(inside >= 50 && outside >= 150, "{inside} inside, {outside} outside");
}

#[test]
fn nothing_is_here_once_a_wizard_is_over() {
    let everybody = account(1, &Factor::ALL);
    let policy = Policy::default();
    let evidence = Evidence { account: Some(&everybody), known: Known::Right, device: false, policy: &policy };
    for workflow in all() {
        for (name, step) in &workflow.steps {
            let mut wizard = wizard(&workflow);
            wizard.step = name.clone();
            wizard.facts = Facts::of(&Fact::ALL);
            wizard.account = Some(everybody.clone());
            for event in events() {
                wizard.ended = false;
                let late = time() + TimeDelta::seconds(i64::from(workflow.lifetime));
                assert_eq!(decide(&workflow, &wizard, &event, evidence, late), Err(Rejection::Expired));
                wizard.ended = true;
                assert_eq!(decide(&workflow, &wizard, &event, evidence, time()), Err(Rejection::Over));
                if !matches!(step, Step::Wait(_)) {
                    wizard.ended = false;
                    let answer = decide(&workflow, &wizard, &event, evidence, time());
                    assert_eq!(answer, Err(Rejection::Broken { step: name.clone() }));
                }
            }
        }
    }
}

#[test]
fn a_lifetime_is_in_seconds() {
    let lifetimes: Vec<u32> = Catalogue::shipped().unwrap().iter().map(|workflow| workflow.lifetime).collect();
    assert_eq!(lifetimes, [900; 9]);
}
