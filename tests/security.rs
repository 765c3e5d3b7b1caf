//! Keeps `docs/security.md` true: which requirement is watched by which tests, read off the tests' own comments.
//!
//! A test that watches requirements says so in the first line of its doc comment: `/// A5, X16: what must hold`.
//! `STEPGATE_BLESS=1` rewrites the table.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What must hold, in the order of the table.
const ROWS: &[(&str, &str)] = &[
    ("A1", "Codes have six digits from a cryptographic generator; leading zeros stay."),
    ("A2", "A code is refused after its lifetime, even when its record lingers."),
    ("A3", "Every code is accepted once, ever, wherever it is shown."),
    ("A4", "Failures are capped per account, over all wizards."),
    ("A5", "Asking for another code brings no fresh guesses, and the old code dies."),
    ("A6", "Success clears only the counter of what was proved."),
    ("A7", "Waiting times grow, and `Retry-After` never shrinks."),
    ("A8", "One step of clock skew either way, no more; a step before a used one is dead."),
    ("A9", "Authenticator secrets have 20 bytes, in base32 without padding."),
    ("A10", "Of many posts of one right code, exactly one succeeds."),
    ("A11", "A code is exactly its digits in ASCII; nothing else is looked at."),
    ("A12", "A step that does not fit is a 409, and changes nothing."),
    ("A13", "A code belongs to its wizard and its purpose."),
    (
        "A14",
        "A factor goes off with its own code or a recovery code; a further one needs a fresh proof in this session.",
    ),
    ("A15", "Nothing that is handed out before the end works as a session, on any route."),
    ("A16", "A new password and a factor that is taken off end sessions as promised."),
    ("A17", "A known and an unknown account are answered alike."),
    ("A18", "A password reset neither signs in nor drops the second factor."),
    ("A19", "One factor twice is not two factors."),
    ("A21", "Recovery codes have 50 bits, are hashed, are shown once and work once."),
    ("A22", "No code, password, secret or token in clear in the store, the logs or an error."),
    ("A23", "The owner is told by mail of every change of a factor or a password."),
    ("A24", "Forged, foreign and outdated access tokens are refused."),
    ("A25", "A refresh token works once; its late reuse ends the family; an honest race does not."),
    ("A26", "A lock ends the wizard, and does not tell whether the code was right."),
    ("X1", "The account cannot be swapped in the middle of a wizard."),
    ("X2", "One account's session cannot step another account's wizard."),
    ("X3", "What is pending is no session."),
    ("X4", "What is pending is no Basic credential."),
    ("X5", "What is pending is no bearer token."),
    ("X6", "An expired wizard cannot be resumed."),
    ("X7", "A success token is good for its account and its purpose only."),
    ("X8", "Missing, null and mistyped codes never pass."),
    ("X9", "A success token works once, within ten minutes, and dies with what it was confirmed for."),
    ("X10", "A finished wizard cannot be replayed."),
    ("X11", "A copied, foreign or forged token of a remembered device opens nothing."),
    ("X12", "A recovery code works once, also at fifty places at once."),
    ("X13", "Two sign-ins at once cannot share one code."),
    ("X14", "Nor can two sign-ins of several methods."),
    ("X15", "Of 200 guesses at once, no more are looked at than the budget holds."),
    ("X16", "Starting again does not end a block."),
    ("X17", "A hundred wizards at once share one budget."),
    ("X18", "A remembered device is no step-up, and is forgotten with any change and in its time."),
    ("X19", "A way back in for one address changes no other account."),
    (
        "X20",
        "Turning a factor on or off, confirming and getting back in are limited like signing in, and lock no stranger out.",
    ),
    ("X21", "Asking for a code tells nothing about the password."),
    ("X22", "All spellings of a name share one budget."),
    ("X23", "A name in another form finds the same account, and no other."),
    ("X24", "No spelling of a name gets around the second factor."),
    ("X27", "The embedded store holds every limit."),
    ("X28", "Expiry needs no cleaner."),
    ("X30", "Arrays and repeated members where a string belongs are refused by name."),
    ("X31", "Members that nobody asked for change nothing."),
    ("X32", "Enrolment at sign-in cannot be skipped, and nothing is enrolled that is not wanted."),
    ("X33", "Enrolment at sign-in does not get around a factor that is on."),
    ("X34", "No code is sent while locked."),
    ("X35", "Spoofed `Host` and `X-Forwarded-*` change no link and no limit."),
    ("X36", "No field can inject headers or log lines."),
    ("X37", "Large, deep and slow bodies are refused."),
    ("E3", "No field of a message can add a recipient or a header."),
    ("R1", "The durability that the store's server really gives is read and shown."),
    ("R2", "Killing the server or Redis loses no acknowledged step."),
    ("R8", "No script crosses hash slots."),
    ("R10", "A dropped reply leads to one transition."),
    ("R11", "A frozen Redis means bounded 503s, and recovery without a restart."),
];

const INTRO: &str = "\
# What is watched by which test

Each requirement below is held by the tests named beside it, which are there to fail when its guard is taken out; where two
guards stand one behind the other (names and messages are checked twice), both have to go. The table is generated from the tests' own comments (`STEPGATE_BLESS=1 cargo test --test security` rewrites it), and a requirement
without a test fails the run.

Run one with `cargo test NAME`.

| | must hold | tests |
|---|---|---|
";

#[test]
fn every_requirement_has_a_test_and_the_table_is_fresh() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let watched = watched(root);
    let missing: Vec<&str> = ROWS.iter().map(|(id, _)| *id).filter(|id| !watched.contains_key(*id)).collect();
    assert!(missing.is_empty(), "no test says that it watches {}", missing.join(", "));
    let mut table = INTRO.to_owned();
    for (id, holds) in ROWS {
        let tests: Vec<String> = watched[*id].iter().map(|(file, name)| format!("`{name}` ({file})")).collect();
        table.push_str(&format!("| {id} | {holds} | {} |\n", tests.join(", ")));
    }
    let path = root.join("docs/security.md");
    if std::env::var_os("STEPGATE_BLESS").is_some() {
        fs::write(&path, &table).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == table, "docs/security.md is stale: STEPGATE_BLESS=1 cargo test --test security");
}

#[test]
fn a_comment_is_read_with_its_rows_and_its_function() {
    let source =
        "/// A5, X16: the guard\n/// and more\n#[test]\nasync fn it_holds(app: TestApp) {\n/// Nothing.\nfn other() {}";
    assert_eq!(claims(source), [(vec!["A5".to_owned(), "X16".to_owned()], "it_holds".to_owned())]);
}

/// Requirement → the tests that claim to watch it, as file and name.
fn watched(root: &Path) -> BTreeMap<String, Vec<(String, String)>> {
    let mut watched: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for file in sources(&root.join("tests")).into_iter().chain(sources(&root.join("src"))) {
        let shown = file.strip_prefix(root).unwrap().display().to_string();
        for (rows, name) in claims(&fs::read_to_string(&file).unwrap()) {
            for row in rows {
                watched.entry(row).or_default().push((shown.clone(), name.clone()));
            }
        }
    }
    watched
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    files
}

/// The rows that a source claims, each list with the function below it.
fn claims(source: &str) -> Vec<(Vec<String>, String)> {
    let (mut found, mut pending, mut inside) = (Vec::new(), Vec::new(), false);
    for line in source.lines().map(str::trim) {
        if let Some(comment) = line.strip_prefix("///") {
            if !inside {
                pending = rows(comment.trim());
            }
            inside = true;
        } else if let Some(name) = function(line) {
            if !pending.is_empty() {
                found.push((std::mem::take(&mut pending), name));
            }
            inside = false;
        } else if !line.starts_with("#[") && !line.starts_with(")]") {
            inside = false;
            if line.is_empty() || line.ends_with('}') {
                pending.clear();
            }
        }
    }
    found
}

/// `A5, X16` in front of a colon.
fn rows(comment: &str) -> Vec<String> {
    let Some((list, _)) = comment.split_once(':') else { return vec![] };
    let rows: Vec<String> = list.split([',', '+']).map(|row| row.trim().to_owned()).collect();
    let is_row = |row: &String| {
        let (letter, number) = row.split_at(row.len().min(1));
        "AXSERI".contains(letter)
            && !letter.is_empty()
            && !number.is_empty()
            && number.bytes().all(|b| b.is_ascii_digit())
    };
    if rows.iter().all(is_row) { rows } else { vec![] }
}

fn function(line: &str) -> Option<String> {
    let rest = line.strip_prefix("pub ").unwrap_or(line);
    let rest = rest.strip_prefix("async ").unwrap_or(rest).strip_prefix("fn ")?;
    Some(rest.split(['(', '<']).next()?.to_owned())
}
