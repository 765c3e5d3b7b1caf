//! Attacks that no single edge shows: accounts that change, or are exchanged, while a wizard waits.

use stepgate::identity::{Account, Factor, Policy};
use stepgate::workflow::{
    Catalogue, Effect, Event, Evidence, Fact, Facts, Known, Place, Purpose, Rejection, Transition, Wizard, Workflow,
    begin, decide,
};

use crate::people::{account, time, toggle, wizard};
use crate::sources;

fn shipped(purpose: Purpose) -> Workflow {
    (**Catalogue::shipped().unwrap().by_purpose(purpose).unwrap()).clone()
}

fn valid(name: &str) -> Workflow {
    let (_, source) = sources("tests/workflows/valid").into_iter().find(|(file, _)| file == name).unwrap();
    Workflow::load(&name.replace('_', "-"), &source).unwrap()
}

fn step(
    workflow: &Workflow,
    wizard: &Wizard,
    event: Event,
    account: Option<&Account>,
    known: Known,
) -> Result<Transition, Rejection> {
    decide(workflow, wizard, &event, Evidence { account, known, device: false, policy: &Policy::default() }, time())
}

/// Takes a step that must succeed.
fn take(workflow: &Workflow, wizard: &mut Wizard, event: Event, account: &Account) -> Transition {
    let signs_in = event == Event::Password;
    let transition = step(workflow, wizard, event, Some(account), Known::Right).unwrap();
    wizard.step = transition.to.name().to_owned();
    wizard.ended = matches!(transition.to, Place::Ended(_));
    wizard.facts = transition.facts;
    if signs_in {
        wizard.account = Some(account.clone());
    }
    transition
}

#[test]
fn a_factor_that_was_turned_off_meanwhile_proves_nothing() {
    let workflow = shipped(Purpose::SignIn);
    let mut person = account(1, &[Factor::Sms]);
    let mut wizard = wizard(&workflow);
    let sent = take(&workflow, &mut wizard, Event::Password, &person);
    assert_eq!(sent.effects.len(), 1);
    toggle(&mut person, Factor::Sms);
    toggle(&mut person, Factor::Google);
    for event in [Event::Code(None), Event::Resend, Event::Choose(Factor::Sms)] {
        let answer = step(&workflow, &wizard, event, Some(&person), Known::Right);
        assert_eq!(answer, Err(Rejection::MethodNotEnabled(Factor::Sms)));
    }
    let chosen = take(&workflow, &mut wizard, Event::Choose(Factor::Google), &person);
    assert_eq!(chosen.to, Place::Waiting("2fa_google_auth".to_owned()));
    assert_eq!(take(&workflow, &mut wizard, Event::Code(None), &person).effects, [Effect::OpenSession]);
}

#[test]
fn what_was_proved_must_be_on_when_the_session_is_granted() {
    let workflow = valid("both_factors.toml");
    let mut person = account(1, &[Factor::Google, Factor::Sms]);
    let mut wizard = wizard(&workflow);
    take(&workflow, &mut wizard, Event::Password, &person);
    take(&workflow, &mut wizard, Event::Choose(Factor::Google), &person);
    take(&workflow, &mut wizard, Event::Code(None), &person);
    assert!(wizard.facts.holds(Fact::GoogleVerified));
    // As if the rest of the way had led past the second check.
    let shortcut = shortcut(&workflow);
    let epoch = person.epoch;
    toggle(&mut person, Factor::Google);
    let refused =
        |person: &Account| match step(&shortcut, &wizard, Event::Choose(Factor::Sms), Some(person), Known::Right) {
            Err(Rejection::Unproved { step, needs }) => (step, needs),
            other => panic!("{other:?}"),
        };
    // The change alone makes void what was proved before it.
    let (step, needs) = refused(&person);
    assert!(
        step == "policy" && needs.contains(&Fact::GoogleVerified) && needs.contains(&Fact::SmsVerified),
        "{needs:?}"
    );
    // Were that not so, what is on now would still be asked for.
    person.epoch = epoch;
    assert_eq!(refused(&person), ("signed_in".to_owned(), vec![Fact::SmsVerified]));
}

/// A14: a factor that was replaced is another one, whose own code nobody has given.
#[test]
fn a_factor_that_was_replaced_meanwhile_is_not_proved_by_the_one_before() {
    let workflow = valid("password_after_code.toml");
    let mut person = account(1, &[Factor::Google]);
    let mut wizard = wizard(&workflow);
    wizard.account = Some(person.clone());
    wizard.facts = workflow.purpose.at_start();
    take(&workflow, &mut wizard, Event::Code(None), &person);
    assert_eq!(
        take(&workflow, &mut wizard.clone(), Event::Password, &person).effects,
        [Effect::Disable(Factor::Google)]
    );
    toggle(&mut person, Factor::Google);
    toggle(&mut person, Factor::Google);
    let answer = step(&workflow, &wizard, Event::Password, Some(&person), Known::Right);
    let needs = vec![Fact::GoogleVerified, Fact::RecoveryVerified];
    assert_eq!(answer, Err(Rejection::Unproved { step: "turn_off".to_owned(), needs }));
}

fn shortcut(workflow: &Workflow) -> Workflow {
    let mut workflow = workflow.clone();
    if let Some(stepgate::workflow::Step::Wait(wait)) = workflow.steps.get_mut("2fa_also") {
        wait.edges.values_mut().for_each(|target| *target = "policy".to_owned());
    }
    workflow
}

#[test]
fn a_second_sign_in_forgets_what_the_first_one_proved() {
    let workflow = valid("back_to_login.toml");
    let (first, second) = (account(1, &[Factor::Google]), account(2, &[Factor::Google]));
    let mut wizard = wizard(&workflow);
    take(&workflow, &mut wizard, Event::Password, &first);
    assert_eq!(wizard.step, "2fa_google_auth");
    wizard.facts = wizard.facts.with(Fact::GoogleVerified);
    take(&workflow, &mut wizard, Event::Password, &second);
    assert_eq!(wizard.step, "2fa_google_auth");
    assert_eq!(wizard.facts, Facts::of(&[Fact::PasswordVerified, Fact::LastAnswerRight, Fact::HasGoogle]));
}

#[test]
fn a_wrong_password_takes_the_right_one_back() {
    let workflow = valid("back_to_login.toml");
    let person = account(1, &[Factor::Google]);
    let mut wizard = wizard(&workflow);
    take(&workflow, &mut wizard, Event::Password, &person);
    let wrong = step(&workflow, &wizard, Event::Password, Some(&person), Known::Wrong).unwrap();
    assert_eq!((wrong.to.name(), wrong.facts), ("login", Facts::none()));
}

#[test]
fn a_session_takes_passwords_of_its_own_account_alone() {
    let workflow = valid("password_before_disable.toml");
    let (owner, other) = (account(1, &[Factor::Google]), account(2, &[Factor::Google]));
    let mut wizard = wizard(&workflow);
    wizard.account = Some(owner.clone());
    wizard.facts = workflow.purpose.at_start();
    wizard.step = "confirm".to_owned();
    let foreign = step(&workflow, &wizard, Event::Password, Some(&other), Known::Right).unwrap();
    assert_eq!(foreign.to, Place::Waiting("confirm".to_owned()));
    let own = step(&workflow, &wizard, Event::Password, Some(&owner), Known::Right).unwrap();
    assert_eq!(own.to, Place::Waiting("2fa_google".to_owned()));
}

#[test]
fn evidence_about_another_account_counts_for_nothing() {
    let workflow = shipped(Purpose::SignIn);
    let (owner, other) = (account(1, &[Factor::Google, Factor::Sms]), account(2, &[]));
    let mut wizard = wizard(&workflow);
    take(&workflow, &mut wizard, Event::Password, &owner);
    for account in [Some(&other), None] {
        let answer = step(&workflow, &wizard, Event::Choose(Factor::Google), account, Known::Right);
        assert_eq!(answer, Err(Rejection::MethodNotEnabled(Factor::Google)));
    }
}

#[test]
fn a_right_password_of_nobody_is_a_wrong_one() {
    let workflow = shipped(Purpose::SignIn);
    let wizard = wizard(&workflow);
    let answer = step(&workflow, &wizard, Event::Password, None, Known::Right).unwrap();
    assert_eq!(answer.to, Place::Waiting("login".to_owned()));
    assert_eq!(answer.facts, Facts::none());
}

#[test]
fn a_wizard_begins_with_what_its_purpose_says() {
    let policy = Policy::default();
    let workflow = shipped(Purpose::Disable(Factor::Google));
    let mut wizard = wizard(&workflow);
    wizard.facts = Facts::of(&Fact::ALL);
    let with = |account| Evidence { account, known: Known::Right, device: false, policy: &policy };
    let (on, off) = (account(1, &[Factor::Google]), account(1, &[Factor::Sms]));
    let begun = begin(&workflow, &wizard, with(Some(&on)), time()).unwrap();
    assert_eq!(begun.facts, Facts::of(&[Fact::SessionPresent, Fact::HasGoogle]));
    let refused = begin(&workflow, &wizard, with(Some(&off)), time());
    assert_eq!(refused, Err(Rejection::MethodNotEnabled(Factor::Google)));
    let nobody = begin(&workflow, &wizard, with(None), time());
    assert!(matches!(nobody, Err(Rejection::Unproved { .. })), "{nobody:?}");
}
