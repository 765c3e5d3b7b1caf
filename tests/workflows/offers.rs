//! Which of the steps that stand open an answer is for.

use std::sync::LazyLock;

use proptest::prelude::*;
use stepgate::identity::{Factor, Phone};
use stepgate::workflow::{Ask, Catalogue, Event, Step, Workflow};

use crate::people::PHONES;

/// Any workflow will do: its steps are replaced.
static BLANK: LazyLock<Workflow> =
    LazyLock::new(|| (**Catalogue::shipped().unwrap().get("google-enable").unwrap()).clone());

fn ask() -> impl Strategy<Value = Ask> {
    prop::sample::select(Ask::ALL.to_vec())
}

fn event() -> impl Strategy<Value = Event> {
    let mut events = vec![Event::Password, Event::Resend, Event::Code(None), Event::Recovery];
    events.push(Event::Phone(Phone::parse(PHONES[0]).unwrap()));
    for factor in Factor::ALL {
        events.extend([Event::Choose(factor), Event::Code(Some(factor)), Event::Enrol(factor, None)]);
    }
    prop::sample::select(events)
}

/// A workflow with a step `here` that asks for `first` and offers `offered`, called `a`, `b` and so on.
fn offering(first: Ask, offered: &[Ask]) -> Workflow {
    let mut workflow = BLANK.clone();
    let Some(Step::Wait(blank)) = workflow.steps.get("2fa_google").cloned() else { panic!("it waits") };
    let names: Vec<String> = ('a'..='z').take(offered.len()).map(String::from).collect();
    workflow.steps.clear();
    for (name, ask) in names.iter().zip(offered) {
        let mut wait = blank.clone();
        (wait.ask, wait.switch) = (*ask, vec!["here".to_owned()]);
        workflow.steps.insert(name.clone(), Step::Wait(wait));
    }
    let mut here = blank;
    (here.ask, here.switch) = (first, names);
    workflow.steps.insert("here".to_owned(), Step::Wait(here));
    workflow
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_answer_is_for_the_first_that_takes_it(
        first in ask(),
        offered in prop::collection::vec(ask(), 0..5),
        event in event(),
    ) {
        let workflow = offering(first, &offered);
        let answered = workflow.answered_by("here", &event).map(|(name, wait)| (name.to_owned(), wait.ask));
        let names = ["here"].map(String::from).into_iter().chain(('a'..='z').map(String::from));
        let open = names.zip([vec![first], offered].concat());
        let expected = open.into_iter().find(|(_, ask)| ask.takes(&event));
        prop_assert_eq!(answered, expected);
    }

    /// What an offered step offers in its turn is not open yet.
    #[test]
    fn nothing_is_offered_at_second_hand(event in event()) {
        let workflow = offering(Ask::EnterPhone, &[Ask::CheckPassword]);
        prop_assert_eq!(workflow.answered_by("nowhere", &event), None);
        let answered = workflow.answered_by("a", &event).map(|(name, _)| name);
        let expected = match event {
            Event::Password => Some("a"),
            Event::Phone(_) => Some("here"),
            _ => None,
        };
        prop_assert_eq!(answered, expected);
    }
}

#[test]
fn at_a_second_factor_another_one_and_a_recovery_code_stand_open() {
    let catalogue = Catalogue::shipped().unwrap();
    let workflow = catalogue.get("signin").unwrap();
    let at = |event: Event| workflow.answered_by("2fa_google_auth", &event).map(|(name, _)| name);
    assert_eq!(at(Event::Code(None)), Some("2fa_google_auth"));
    assert_eq!(at(Event::Code(Some(Factor::Google))), Some("2fa_google_auth"));
    assert_eq!(at(Event::Choose(Factor::Sms)), Some("2fa_choose"));
    assert_eq!(at(Event::Recovery), Some("2fa_recovery"));
    for closed in [Event::Password, Event::Resend, Event::Code(Some(Factor::Sms)), Event::Enrol(Factor::Google, None)] {
        assert_eq!(at(closed.clone()), None, "{closed:?}");
    }
}
