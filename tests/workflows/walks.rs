//! Random walks: long ones, with accounts that change under way.

use proptest::prelude::*;
use stepgate::identity::Factor;
use stepgate::workflow::{Catalogue, Rejection, Workflow};

use crate::moves::{Move, Typed};
use crate::oracle::{Desk, Person, Played, World};
use crate::people::PHONES;
use crate::sources;

fn factor() -> impl Strategy<Value = Factor> {
    prop::sample::select(Factor::ALL.to_vec())
}

fn any_move() -> impl Strategy<Value = Move> {
    let account = 0..2_usize;
    let typed = prop_oneof![4 => Just(Typed::Genuine), 2 => Just(Typed::Guessed), 1 => Just(Typed::TooLate)];
    prop_oneof![
        4 => (account.clone(), prop::bool::weighted(0.8), prop::bool::weighted(0.2))
            .prop_map(|(account, right, device)| Move::Password { account, right, device }),
        3 => factor().prop_map(Move::Choose),
        6 => (prop::option::of(factor()), typed.clone()).prop_map(|(of, typed)| Move::Code { of, typed }),
        2 => typed.prop_map(Move::Recovery),
        2 => (0..PHONES.len()).prop_map(Move::Phone),
        3 => (factor(), prop::option::of(0..PHONES.len())).prop_map(|(factor, phone)| Move::Enrol { factor, phone }),
        2 => Just(Move::Resend),
        1 => (account, factor()).prop_map(|(account, factor)| Move::Toggle { account, factor }),
    ]
}

fn person() -> impl Strategy<Value = Person> {
    let on = prop::sample::subsequence(Factor::ALL.to_vec(), 0..=3);
    (on, prop::option::weighted(0.2, factor())).prop_map(|(on, stood_in)| Person { on, stood_in })
}

fn world() -> impl Strategy<Value = World> {
    let required = prop::collection::vec(prop::sample::subsequence(Factor::ALL.to_vec(), 1..=3), 0..=2);
    (person(), person(), required, prop::option::of(factor()), prop::bool::weighted(0.2))
        .prop_map(|(first, second, required, pick, nobody)| World { people: [first, second], required, pick, nobody })
}

fn workflows() -> Vec<Workflow> {
    let shipped = Catalogue::shipped().unwrap();
    let mut workflows: Vec<Workflow> = shipped.iter().map(|workflow| (**workflow).clone()).collect();
    for (name, source) in sources("tests/workflows/valid") {
        workflows.push(Workflow::load(&name.replace('_', "-"), &source).unwrap());
    }
    workflows
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_walk_reaches_what_was_not_earned(
        world in world(),
        moves in prop::collection::vec(any_move(), 1..40),
    ) {
        for workflow in workflows() {
            let opened = Desk::open(&workflow, &world).map_err(TestCaseError::fail)?;
            let Ok(mut desk) = opened else { continue };
            let mut stood_still = true;
            for play in &moves {
                let before = desk.wizard.clone();
                match desk.play(*play).map_err(|promise| TestCaseError::fail(format!("{}: {promise}", workflow.name)))? {
                    Played::Elsewhere => stood_still = false,
                    Played::Moved(_) => prop_assert!(!before.ended, "{} goes on after its end", workflow.name),
                    Played::Refused(rejection) => {
                        prop_assert_eq!(&before.step, &desk.wizard.step);
                        let broken = matches!(rejection, Rejection::Broken { .. });
                        let unproved = matches!(rejection, Rejection::Unproved { .. });
                        let sound = !(broken || (unproved && stood_still));
                        prop_assert!(sound, "{}: {:?}", workflow.name, rejection);
                    }
                }
            }
        }
    }
}
