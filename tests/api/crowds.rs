//! Many sign-ins at once from one client address: how many are looked at before its block holds them all.

use std::sync::Arc;

use futures_util::future::join_all;
use stepgate::engine::{Engine, Turns};

use crate::guesses::{count, with_status};
use crate::harness::{Answer, PASSWORD, Person, TestApp};

on_every_store_and_with_a_directory!(
    of_fifty_at_once_from_one_address_the_limit_is_told_that_they_are_wrong,
    whoever_waits_while_the_block_begins_is_not_looked_at,
);

/// Failures that block an address.
const LIMIT: usize = 5;
const WRONG: usize = 45;
const RIGHT: usize = 5;
const WAIT: u64 = 600;

/// The server, where two passwords are looked at at a time, or 32 where a directory does it; three people, and how many
/// those are.
async fn prepared(app: TestApp) -> (TestApp, Vec<Person>, usize) {
    let app = app.stop().await.with("STEPGATE_PASSWORD__CONCURRENCY", "2").start().await;
    let mut people = Vec::new();
    for name in ["ann", "ben", "cyd"] {
        people.push(app.person(name).await);
    }
    let at_once = if app.directory().is_some() { 32 } else { 2 };
    (app, people, at_once)
}

fn turns(engine: &Engine) -> &Turns {
    engine.directory.as_ref().map_or(engine.passwords.turns(), |directory| directory.turns())
}

/// Passwords looked at so far.
fn looked_at(app: &TestApp) -> usize {
    let asked = app.directory().map_or(0, |directory| directory.questions().len());
    asked + usize::try_from(app.engine.passwords.computed()).unwrap()
}

async fn wizards(app: &TestApp) -> Vec<String> {
    let mut uuids = Vec::new();
    for _ in 0..WRONG + RIGHT {
        uuids.push(app.wizard().await);
    }
    uuids
}

async fn wrong(app: &TestApp, uuid: &str, number: usize) -> Answer {
    app.name_and_password(uuid, &format!("nobody-{number}@example.com"), "not the password").await
}

/// The address's block, and nothing of what was given.
fn is_block(answer: &Answer) -> bool {
    let told = (answer.status, answer.code(), answer.retry_after(), answer.workflow());
    told == (429, "too_many_attempts", WAIT, "login") && answer.body.get("attemptsLeft").is_none()
}

async fn until(holds: impl Fn() -> bool) {
    let patience = std::time::Duration::from_secs(60);
    let held = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(patience, held).await.expect("it comes to that");
}

/// A7, X15: watches `AddressFailure::Blocked` and `take_turn`. As many as the limit are told that they are wrong, and of
/// the others only those are looked at who had their turns when the block began.
async fn of_fifty_at_once_from_one_address_the_limit_is_told_that_they_are_wrong(app: TestApp) {
    let (app, people, at_once) = prepared(app).await;
    let (uuids, before) = (wizards(&app).await, looked_at(&app));
    let all = uuids.iter().enumerate().map(|(number, uuid)| {
        let (app, people) = (&app, &people);
        async move {
            match number % 10 {
                7 => app.password(uuid, &people[number % 3], PASSWORD).await,
                _ => wrong(app, uuid, number).await,
            }
        }
    });
    let answers = join_all(all).await;
    let let_in = with_status(&answers, 202);
    assert_eq!(count(&answers, 422, "invalid_credentials"), LIMIT);
    let blocked: Vec<&Answer> = answers.iter().filter(|answer| ![202, 422].contains(&answer.status)).collect();
    assert!(blocked.iter().all(|answer| is_block(answer)), "{blocked:?}");
    let looked_at = looked_at(&app) - before;
    assert!(looked_at < LIMIT + let_in + at_once, "{looked_at} looked at, {let_in} let in");
    assert!(is_block(&app.right_password(&people[0]).await));
}

/// A7, X15: the same, where all have found the address open and then wait for their turns: the right ones, who come last,
/// are not let in. Watches `Turn::is_later_than`.
async fn whoever_waits_while_the_block_begins_is_not_looked_at(app: TestApp) {
    let (app, people, at_once) = prepared(app).await;
    let (uuids, before) = (wizards(&app).await, looked_at(&app));
    let engine = Arc::clone(&app.engine);
    let turns = turns(&engine);
    let mut held = Vec::new();
    for _ in 0..at_once {
        held.push(turns.take().await.unwrap());
    }
    let guesses = uuids.iter().take(WRONG).enumerate().map(|(number, uuid)| wrong(&app, uuid, number));
    let owners = async {
        until(|| turns.present() == at_once + WRONG).await;
        let owners = uuids.iter().skip(WRONG).zip(people.iter().cycle());
        let owners = join_all(owners.map(|(uuid, person)| app.password(uuid, person, PASSWORD)));
        let all_wait = async {
            until(|| turns.present() == at_once + WRONG + RIGHT).await;
            drop(held);
        };
        tokio::join!(owners, all_wait).0
    };
    let (guesses, owners) = tokio::join!(join_all(guesses), owners);
    assert_eq!((count(&guesses, 422, "invalid_credentials"), with_status(&guesses, 429)), (LIMIT, WRONG - LIMIT));
    let mut refused = guesses.iter().filter(|answer| answer.status == 429).chain(&owners);
    assert!(refused.all(is_block), "{guesses:?} {owners:?}");
    let looked_at = looked_at(&app) - before;
    assert!(looked_at < LIMIT + at_once, "{looked_at} looked at");
}
