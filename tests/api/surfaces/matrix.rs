//! One engine behind every surface: what is done through one holds at all of them.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use serde_json::json;
use stepgate::identity::SurfaceName;

use super::rows::ROOM;
use super::through::{Entry, Navixy, Outcome, Through, all, by_password, one_of};
use crate::bypass::many_names;
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
    of_fifty_posts_of_one_code_for_one_sign_in_one_is_taken,
    what_is_no_code_is_taken_by_none_and_counted_by_none,
    all_spellings_of_a_name_share_one_budget_everywhere,
    no_spelling_of_a_name_dodges_the_code_anywhere,
);

with_a_directory!(wrong_passwords_count_at_all_together_whether_or_not_the_name_is_known);

/// Room for guesses of a code that are not what is watched.
const MANY_CODES: (&str, &str) = ("STEPGATE_LIMITS__SECOND_FACTOR__FAILURES", "200");

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

/// A3, X13: once, ever, on all surfaces together: neither a sign-in that waited before the code was spent takes it again,
/// nor one that begins afterwards.
async fn a_code_that_one_has_taken_is_spent_for_all(app: TestApp) {
    let surfaces = all(&app).await;
    let person = app.person_with_google("ann").await;
    for (first, waits) in surfaces.iter().flat_map(|first| [(first, true), (first, false)]) {
        let waiting = begun_everywhere(&app, &surfaces, &person).await;
        let code = app.totp(person.key());
        assert_eq!(first.code(&app, &person, &code).await, Outcome::Taken, "{}", first.name());
        for (again, waiting) in surfaces.iter().zip(waiting) {
            let begun = if waits { waiting } else { again.begun(&app, &person).await };
            again.refused(again.finished(&app, &person, &begun, &code).await, "code_used");
        }
        app.clock.advance(30);
    }
}

/// A sign-in at each that waits for a code.
async fn begun_everywhere(app: &TestApp, surfaces: &[Box<dyn Through>], person: &Person) -> Vec<String> {
    let mut begun = Vec::new();
    for surface in surfaces {
        begun.push(surface.begun(app, person).await);
    }
    begun
}

/// A3: the code that confirmed an enrolment was used for that.
async fn the_code_that_turned_it_on_is_spent_for_all(app: TestApp) {
    let surfaces = all(&app).await;
    for on in &surfaces {
        let mut person = app.person(on.name().as_str()).await;
        let Some(code) = on.turn_on(&app, &mut person).await else { continue };
        for again in &surfaces {
            again.refused(again.coded(&app, &person, &code).await, "code_used");
        }
        app.clock.advance(30);
    }
}

/// A wrong code, which must be refused as one and leave so many more where that is told.
async fn guess(app: &TestApp, surface: &dyn Through, person: &Person, left: usize) {
    let answer = surface.coded(app, person, &app.wrong_totp(person.key())).await;
    let refused = surface.refused(answer, "invalid_code");
    if surface.counts_down() {
        assert_eq!(refused.body["attemptsLeft"], json!(left), "{}", surface.name());
    }
}

/// All must refuse even the right code, as they refuse a wrong one, and say for how long.
async fn all_locked(app: &TestApp, surfaces: &[Box<dyn Through>], person: &Person) {
    for surface in surfaces {
        for code in [app.totp(person.key()), app.wrong_totp(person.key())] {
            surface.locked(surface.coded(app, person, &code).await, "account_locked", 900);
        }
    }
}

/// A4, A7, X16: the tally is the account's, whichever surface fills it; a sign-in that waited before is locked as well.
async fn ten_failures_through_any_lock_all(app: TestApp) {
    let surfaces = all(&app).await;
    for guessed in &surfaces {
        let person = app.person_with_google(guessed.name().as_str()).await;
        let waiting = begun_everywhere(&app, &surfaces, &person).await;
        for left in (0..10).rev() {
            guess(&app, &**guessed, &person, left).await;
        }
        for (surface, begun) in surfaces.iter().zip(waiting) {
            let answer = surface.finished(&app, &person, &begun, &app.totp(person.key())).await;
            surface.locked(answer, "account_locked", 900);
        }
        all_locked(&app, &surfaces, &person).await;
    }
}

/// A4, X16, X17: no surface has a tally of its own, and all are open again when the time is over that they told.
async fn two_failures_through_each_lock_all(app: TestApp) {
    let surfaces = all(&app).await;
    let person = app.person_with_google("ann").await;
    for (surface, left) in surfaces.iter().chain(&surfaces).zip((0..10).rev()) {
        guess(&app, &**surface, &person, left).await;
    }
    all_locked(&app, &surfaces, &person).await;
    app.clock.advance(900);
    for surface in &surfaces {
        assert!(demands(&app, &**surface, &person).await, "{}", surface.name());
    }
}

/// A10, X13: at all of them at once.
async fn of_many_posts_of_one_code_everywhere_one_is_taken(app: TestApp) {
    let app = with(app, &[MANY_CODES]).await;
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

/// A10, X13: watches the one compare-and-set at the end: fifty at once for what waits, or fifty calls where nothing does.
async fn of_fifty_posts_of_one_code_for_one_sign_in_one_is_taken(app: TestApp) {
    let app = with(app, &[ROOM, MANY_CODES, ("STEPGATE_PASSWORD__QUEUE", "200")]).await;
    let surfaces = all(&app).await;
    let person = app.person_with_google("ann").await;
    for surface in &surfaces {
        let (begun, code) = (surface.begun(&app, &person).await, app.totp(person.key()));
        let answers = join_all((0..50).map(|_| surface.finished(&app, &person, &begun, &code))).await;
        let taken = answers.iter().filter(|answer| surface.took(answer)).count();
        assert_eq!(taken, 1, "{}: {answers:?}", surface.name());
        assert!(answers.iter().all(|answer| answer.status < 500), "{}: {answers:?}", surface.name());
        app.clock.advance(30);
    }
}

/// A4, A17, X16: five, wherever they are given; and a name that nobody has runs into the same.
async fn wrong_passwords_count_at_all_together_whether_or_not_the_name_is_known(app: TestApp) {
    let app = with(app, &[ROOM]).await;
    let surfaces = all(&app).await;
    let (doors, person) = (by_password(&surfaces), app.person("ann").await);
    for (name, right) in [(person.email.as_str(), Entry::LetIn), ("nobody@example.com", Entry::Refused)] {
        for round in 0..2 {
            for door in &doors {
                let entry = door.password(&app, name, PASSWORD).await;
                assert_eq!(entry, Some(right), "{round}: {name} at {}", door.name());
                app.clock.advance(61);
            }
        }
        for (failures, door) in doors.iter().chain(&doors).enumerate() {
            let answer = door.named(&app, name, "not the password", None).await;
            if failures < 5 {
                door.refused(answer, "invalid_credentials");
            } else {
                door.locked(answer, "too_many_attempts", 600);
            }
        }
        for door in &doors {
            door.locked(door.named(&app, name, PASSWORD, None).await, "too_many_attempts", 600);
        }
        app.clock.advance(600);
        for door in &doors {
            assert_eq!(door.password(&app, name, PASSWORD).await, Some(right), "{name} at {}", door.name());
        }
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

/// A person with many names and an authenticator, and those of the names that go through a header.
async fn many_names_and_google(app: TestApp) -> (TestApp, Person, Vec<&'static str>) {
    let (app, mut person, spellings) = many_names(app).await;
    let token = app.sign_in(&person).await;
    app.enable_google(&token, &mut person).await;
    // Nothing with a control character in it does.
    (app, person, spellings.into_iter().filter(|name| !name.contains('\t')).collect())
}

fn spelled(person: &Person, name: &str) -> Person {
    Person { email: name.to_owned(), ..person.clone() }
}

/// X22: watches that names are folded before they are counted: five wrong passwords under five spellings block them all,
/// and so do ten wrong codes where nobody is asked for a password.
async fn all_spellings_of_a_name_share_one_budget_everywhere(app: TestApp) {
    let (app, person, spellings) = many_names_and_google(app).await;
    let surfaces = all(&app).await;
    for guessed in by_password(&surfaces) {
        // The one before has opened again, and is forgotten.
        app.clock.advance(7_200);
        for name in &spellings[..5] {
            guessed.refused(guessed.named(&app, name, "not the password", None).await, "invalid_credentials");
        }
        for door in by_password(&surfaces) {
            for name in &spellings {
                let entry = door.password(&app, name, PASSWORD).await;
                assert_eq!(entry, Some(Entry::Locked), "{name:?} at {} after {}", door.name(), guessed.name());
            }
        }
    }
    app.clock.advance(7_200);
    let mfao = one_of(&surfaces, SurfaceName::Mfao);
    for (name, left) in spellings.iter().cycle().zip((0..10).rev()) {
        guess(&app, mfao, &spelled(&person, name), left).await;
    }
    for name in &spellings {
        assert_eq!(
            mfao.code(&app, &spelled(&person, name), &app.totp(person.key())).await,
            Outcome::Locked,
            "{name:?}"
        );
    }
    all_locked(&app, &surfaces, &person).await;
}

/// X24: every spelling is the account's, and is asked for the account's code.
async fn no_spelling_of_a_name_dodges_the_code_anywhere(app: TestApp) {
    let (app, person, spellings) = many_names_and_google(app).await;
    let surfaces = all(&app).await;
    for name in &spellings {
        for door in by_password(&surfaces) {
            let entry = door.password(&app, name, PASSWORD).await;
            assert_eq!(entry, Some(Entry::Asked), "{name:?} at {}", door.name());
        }
    }
    // Where there is no password, a code under one spelling is spent for the others.
    let mfao = one_of(&surfaces, SurfaceName::Mfao);
    let code = app.totp(person.key());
    assert_eq!(mfao.code(&app, &person, &code).await, Outcome::Taken);
    for name in &spellings {
        mfao.refused(mfao.coded(&app, &spelled(&person, name), &code).await, "code_used");
    }
}
