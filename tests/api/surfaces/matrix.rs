//! One engine behind every surface: what is done through one holds at all of them.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use serde_json::json;
use stepgate::identity::SurfaceName;

use super::through::{Entry, Navixy, Outcome, Through, all, one_of};
use crate::enumeration::with;
use crate::harness::{PASSWORD, Person, TestApp};

on_every_store!(
    what_each_turns_on_all_ask_for_and_what_each_turns_off_none_does,
    what_the_panel_allows_all_ask_for_and_what_it_disallows_none_does,
    a_code_that_one_has_taken_is_spent_for_all,
    the_code_that_turned_it_on_is_spent_for_all,
    wrong_passwords_count_at_all_together_whether_or_not_the_name_is_known,
    ten_failures_through_any_lock_all,
    two_failures_through_each_lock_all,
    of_many_posts_of_one_code_everywhere_one_is_taken,
    what_is_no_code_is_taken_by_none_and_counted_by_none,
    no_spelling_of_a_name_dodges_the_code_anywhere,
);

/// Whether it asks for a code where it asks for a password, and takes the right one.
async fn demands(app: &TestApp, surface: &dyn Through, person: &Person) -> bool {
    let asks = surface.password(app, &person.email, PASSWORD).await.is_none_or(|entry| entry == Entry::Asked);
    app.clock.advance(30);
    asks && surface.code(app, person, &app.totp(person.key())).await == Outcome::Taken
}

/// A15: every way on with every way off; the change log has a line for each, and the event names the surface.
async fn what_each_turns_on_all_ask_for_and_what_each_turns_off_none_does(app: TestApp) {
    let surfaces = all(&app).await;
    let (mut ways_on, mut ways_off) = (BTreeMap::new(), BTreeMap::new());
    for on in &surfaces {
        for off in &surfaces {
            let pair = format!("{}-{}", on.name(), off.name());
            let mut person = app.person(&pair).await;
            if on.turn_on(&app, &mut person).await.is_none() {
                continue;
            }
            *ways_on.entry(on.name()).or_insert(0) += 1;
            // Once for each way on is enough to ask all of them: where it goes off as it went on.
            let asked = if off.name() == on.name() { &surfaces[..] } else { &surfaces[..1] };
            for surface in asked {
                assert!(demands(&app, &**surface, &person).await, "on by {pair}: {}", surface.name());
            }
            app.clock.advance(30);
            off.turn_off(&app, &person).await;
            *ways_off.entry(off.name()).or_insert(0) += 1;
            app.clock.advance(30);
            for surface in &surfaces {
                match surface.password(&app, &person.email, PASSWORD).await {
                    Some(entry) => assert_eq!(entry, Entry::LetIn, "off by {pair}: {}", surface.name()),
                    None => {
                        let code = app.totp(person.key());
                        assert_eq!(surface.code(&app, &person, &code).await, Outcome::Refused, "off by {pair}");
                    }
                }
            }
            let token = app.sign_in(&person).await;
            let lines = [("google".to_owned(), true), ("google".to_owned(), false)];
            assert_eq!(app.log(&token).await, lines, "{pair}");
        }
    }
    // The panel turns no authenticator on: see below for what it does.
    let all_but_the_panel = SurfaceName::ALL.into_iter().filter(|name| *name != SurfaceName::Navixy);
    assert_eq!(ways_on, all_but_the_panel.map(|name| (name, 5)).collect());
    assert_eq!(ways_off, SurfaceName::ALL.map(|name| (name, 4)).into_iter().collect());
}

/// A15: email needs no enrolment; an authenticator that is disallowed comes back with its secret when it is allowed.
async fn what_the_panel_allows_all_ask_for_and_what_it_disallows_none_does(app: TestApp) {
    let (surfaces, panel) = (all(&app).await, Navixy::operated_by(&app, "chief").await);
    let (ann, ben) = (app.person("ann").await, app.person_with_google("ben").await);
    let everywhere = async |person: &Person, expected: Entry| {
        for surface in &surfaces {
            let entry = surface.password(&app, &person.email, PASSWORD).await;
            assert!(entry.is_none_or(|entry| entry == expected), "{} at {}: {entry:?}", person.email, surface.name());
        }
    };
    for (person, factor) in [(&ann, "email"), (&ben, "google")] {
        panel.setting(&app, person, json!({ "type": "allowed", "factor_types": [factor] })).await;
        everywhere(person, Entry::Asked).await;
        panel.setting(&app, person, json!({ "type": "disallowed" })).await;
        everywhere(person, Entry::LetIn).await;
        panel.setting(&app, person, json!({ "type": "allowed", "factor_types": [factor] })).await;
        everywhere(person, Entry::Asked).await;
    }
    for surface in &surfaces {
        assert!(demands(&app, &**surface, &ben).await, "{}", surface.name());
    }
    app.clock.advance(30);
    let token = app.by_google(&ben).await;
    assert_eq!(app.log(&token).await, [true, false, true].map(|on| ("google".to_owned(), on)));
    let uuid = app.waiting(&ann).await;
    let token = app.code("email", &uuid, &app.last_code(&ann.email).await).await.expect(202).access();
    assert_eq!(app.log(&token).await, [true, false, true].map(|on| ("email".to_owned(), on)));
}

/// A3: once, ever, on all surfaces together.
async fn a_code_that_one_has_taken_is_spent_for_all(app: TestApp) {
    let surfaces = all(&app).await;
    let person = app.person_with_google("ann").await;
    for first in &surfaces {
        let code = app.totp(person.key());
        assert_eq!(first.code(&app, &person, &code).await, Outcome::Taken, "{}", first.name());
        for again in &surfaces {
            let outcome = again.code(&app, &person, &code).await;
            assert_eq!(outcome, Outcome::Refused, "{} after {}", again.name(), first.name());
        }
        app.clock.advance(30);
    }
}

/// A3: the code that confirmed an enrolment was used for that.
async fn the_code_that_turned_it_on_is_spent_for_all(app: TestApp) {
    let surfaces = all(&app).await;
    for on in &surfaces {
        let mut person = app.person(on.name().as_str()).await;
        let Some(code) = on.turn_on(&app, &mut person).await else { continue };
        for again in &surfaces {
            let outcome = again.code(&app, &person, &code).await;
            assert_eq!(outcome, Outcome::Refused, "{} after {}", again.name(), on.name());
        }
        app.clock.advance(30);
    }
}

/// Whether all refuse even the right code.
async fn all_locked(app: &TestApp, surfaces: &[Box<dyn Through>], person: &Person, by: &str) {
    for surface in surfaces {
        let outcome = surface.code(app, person, &app.totp(person.key())).await;
        assert_eq!(outcome, Outcome::Locked, "{} after {by}", surface.name());
    }
}

/// A4, X16: the tally is the account's, whichever surface fills it.
async fn ten_failures_through_any_lock_all(app: TestApp) {
    let surfaces = all(&app).await;
    for guessed in &surfaces {
        let person = app.person_with_google(guessed.name().as_str()).await;
        for _ in 0..10 {
            let wrong = app.wrong_totp(person.key());
            assert_eq!(guessed.code(&app, &person, &wrong).await, Outcome::Refused, "{}", guessed.name());
        }
        all_locked(&app, &surfaces, &person, guessed.name().as_str()).await;
    }
}

/// A4, X17: no surface has a tally of its own.
async fn two_failures_through_each_lock_all(app: TestApp) {
    let surfaces = all(&app).await;
    let person = app.person_with_google("ann").await;
    for surface in surfaces.iter().chain(&surfaces) {
        let wrong = app.wrong_totp(person.key());
        assert_eq!(surface.code(&app, &person, &wrong).await, Outcome::Refused, "{}", surface.name());
    }
    all_locked(&app, &surfaces, &person, "all").await;
    app.clock.advance(900);
    for surface in &surfaces {
        assert!(demands(&app, &**surface, &person).await, "{}", surface.name());
    }
}

/// A10, X13: at all of them at once.
async fn of_many_posts_of_one_code_everywhere_one_is_taken(app: TestApp) {
    let app = with(app, &[("STEPGATE_LIMITS__SECOND_FACTOR__FAILURES", "100")]).await;
    let surfaces = all(&app).await;
    for name in ["ann", "ben", "cyd"] {
        let person = app.person_with_google(name).await;
        let code = app.totp(person.key());
        // The pool of password checks is bounded: no more at once than it queues.
        let posts = surfaces.iter().chain(&surfaces).map(|surface| surface.code(&app, &person, &code));
        let outcomes = join_all(posts).await;
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Taken).count(), 1, "{outcomes:?}");
        assert!(!outcomes.contains(&Outcome::Locked), "{outcomes:?}");
        app.clock.advance(30);
    }
}

/// A4, A17, X16: five, wherever they are given; and a name that nobody has runs into the same.
async fn wrong_passwords_count_at_all_together_whether_or_not_the_name_is_known(app: TestApp) {
    let app = with(app, &[("STEPGATE_LIMITS__ADDRESS__FAILURES", "1000")]).await;
    let surfaces = all(&app).await;
    let person = app.person("ann").await;
    for (name, right) in [(person.email.as_str(), Entry::LetIn), ("nobody@example.com", Entry::Refused)] {
        for round in 0..2 {
            for surface in &surfaces {
                let entry = surface.password(&app, name, PASSWORD).await;
                assert!(entry.is_none_or(|entry| entry == right), "{round}: {name} at {}: {entry:?}", surface.name());
                app.clock.advance(61);
            }
        }
        let asking = async |password: &str| {
            let mut entries = Vec::new();
            for surface in &surfaces {
                entries.extend(surface.password(&app, name, password).await);
            }
            entries
        };
        assert_eq!(asking("not the password").await, [Entry::Refused; 4], "{name}");
        assert_eq!(asking("not the password").await, [Entry::Refused, Entry::Locked, Entry::Locked, Entry::Locked]);
        assert_eq!(asking(PASSWORD).await, [Entry::Locked; 4], "{name}");
        app.clock.advance(700);
    }
}

/// A11: spaces, signs, other digits and other lengths.
async fn what_is_no_code_is_taken_by_none_and_counted_by_none(app: TestApp) {
    let surfaces = all(&app).await;
    for surface in &surfaces {
        let person = app.person_with_google(surface.name().as_str()).await;
        let code = app.totp(person.key());
        let wide: String = code.chars().map(|digit| char::from_u32(digit as u32 - 0x30 + 0xff10).unwrap()).collect();
        let bad = [
            format!(" {code}"),
            format!("+{code}"),
            format!("{code} "),
            wide,
            code[1..].to_owned(),
            format!("0{code}"),
        ];
        for bad in bad.iter().chain(&bad) {
            let outcome = surface.code(&app, &person, bad).await;
            assert_eq!(outcome, Outcome::Refused, "{bad:?} at {}", surface.name());
        }
        assert_eq!(surface.code(&app, &person, &code).await, Outcome::Taken, "{}", surface.name());
        app.clock.advance(30);
    }
}

/// X22, X24: every spelling is the account's, and is asked for the account's code.
async fn no_spelling_of_a_name_dodges_the_code_anywhere(app: TestApp) {
    let surfaces = all(&app).await;
    let mut person = app.person_with_google("ann").await;
    for name in ["ANN@example.com", "Ann@Example.Com", "\u{ff41}nn@example.com", " ann@example.com "] {
        for surface in &surfaces {
            let entry = surface.password(&app, name, PASSWORD).await;
            assert!(entry.is_none_or(|entry| entry == Entry::Asked), "{name:?} at {}: {entry:?}", surface.name());
        }
    }
    // Where there is no password, a code under one spelling is spent for the others.
    let mfao = one_of(&surfaces, SurfaceName::Mfao);
    let code = app.totp(person.key());
    assert_eq!(mfao.code(&app, &person, &code).await, Outcome::Taken);
    for name in ["ANN@example.com", "\u{ff41}nn@example.com"] {
        person.email = name.to_owned();
        assert_eq!(mfao.code(&app, &person, &code).await, Outcome::Refused, "{name:?}");
    }
}
