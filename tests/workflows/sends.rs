//! Codes under the cooldown and the budget of a wizard.

use chrono::TimeDelta;
use stepgate::identity::{Account, Factor, Policy, Recipient};
use stepgate::workflow::{
    Catalogue, Effect, Event, Evidence, Known, Place, Purpose, Rejection, Transition, Wizard, decide,
};

use crate::people::{account, time, wizard};

/// A sign-in that waits for a code sent by SMS, with the next one allowed in half a minute.
fn waiting(person: &Account) -> Wizard {
    let workflow = Catalogue::shipped().unwrap().by_purpose(Purpose::SignIn).unwrap().clone();
    let policy = Policy::default();
    let evidence = Evidence { account: Some(person), known: Known::Right, device: false, policy: &policy };
    let mut wizard = wizard(&workflow);
    let sent = decide(&workflow, &wizard, &Event::Password, evidence, time()).unwrap();
    assert_eq!(sent.effects, [Effect::SendCode(Recipient::Phone)]);
    wizard.step = sent.to.name().to_owned();
    wizard.facts = sent.facts;
    wizard.account = Some(person.clone());
    wizard.sends.count = 1;
    wizard.sends.not_before.insert(Recipient::Phone, time() + TimeDelta::seconds(30));
    wizard
}

fn after(wizard: &Wizard, person: &Account, event: Event, seconds: i64) -> Result<Transition, Rejection> {
    let workflow = Catalogue::shipped().unwrap().by_purpose(Purpose::SignIn).unwrap().clone();
    let policy = Policy::default();
    let evidence = Evidence { account: Some(person), known: Known::Right, device: false, policy: &policy };
    decide(&workflow, wizard, &event, evidence, time() + TimeDelta::seconds(seconds))
}

#[test]
fn another_code_waits_for_the_cooldown_however_it_is_asked_for() {
    let person = account(1, &[Factor::Sms]);
    let wizard = waiting(&person);
    let not_before = time() + TimeDelta::seconds(30);
    for event in [Event::Resend, Event::Choose(Factor::Sms)] {
        let early = after(&wizard, &person, event.clone(), 29);
        assert_eq!(early, Err(Rejection::ResendTooSoon { not_before }));
        let sent = after(&wizard, &person, event, 30).unwrap();
        assert_eq!(sent.to, Place::Waiting("2fa_sms_auth".to_owned()));
        assert_eq!(sent.effects, [Effect::SendCode(Recipient::Phone)]);
    }
}

#[test]
fn the_cooldown_of_one_recipient_does_not_hold_up_another() {
    let person = account(1, &[Factor::Sms, Factor::Email]);
    let mut wizard = waiting(&account(1, &[Factor::Sms]));
    wizard.account = Some(person.clone());
    let sent = after(&wizard, &person, Event::Choose(Factor::Email), 1).unwrap();
    assert_eq!(sent.effects, [Effect::SendCode(Recipient::Email)]);
}

#[test]
fn a_wizard_sends_so_many_codes_and_no_more() {
    let person = account(1, &[Factor::Sms]);
    let mut wizard = waiting(&person);
    wizard.sends.count = Policy::default().sends_per_wizard;
    assert_eq!(after(&wizard, &person, Event::Resend, 300), Err(Rejection::TooManySends));
    // The code that is out is still good.
    assert_eq!(after(&wizard, &person, Event::Code(None), 31).unwrap().effects, [Effect::OpenSession]);
}
