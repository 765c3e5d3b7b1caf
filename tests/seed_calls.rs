//! Keeps `docs/seed-calls.md` true: what every published call is answered with here, and by which test it is sent, read off
//! the comments of `tests/api/seed.rs`.
//!
//! A row is a line `/// - GET `/2fa`: what it answers` above a test, with as many lines after it as it needs.
//! `STEPGATE_BLESS=1` rewrites the table.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

/// Every call of the published two-factor API, in its order.
const CALLS: [&str; 13] = [
    "POST `/signin/2fa`",
    "POST `/2fa/google`",
    "POST `/2fa/sms`",
    "GET `/2fa/challenge`",
    "GET `/2fa/unauthorized/challenge`",
    "POST `/2fa/challenge`",
    "GET `/2fa`",
    "GET `/2fa/{type}`",
    "GET `/2fa/{type}/enable/wizard`",
    "GET `/2fa/{type}/disable/wizard`",
    "POST `/2fa/wizard`",
    "GET `/2fa/changes`",
    "GET `/2fa/changes/{changeId}`",
];

const INTRO: &str = "\
# What the published calls are answered with

Every call of the published two-factor API under `/api/v2/my`, sent byte for byte as it is printed there, on every store. Where
the published text and its example differ, [wizard-api.md](wizard-api.md) says which holds. The table is generated from the
comments in `tests/api/seed.rs` (`STEPGATE_BLESS=1 cargo test --test seed_calls` rewrites it), and a call without a test
fails the run.

Run one with `cargo test --test api seed::`.

| call | answer | test |
|---|---|---|
";

#[derive(Debug, PartialEq)]
struct Row {
    call: String,
    answer: String,
    test: String,
}

#[test]
fn every_published_call_has_a_test_and_the_table_is_fresh() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = fs::read_to_string(root.join("tests/api/seed.rs")).unwrap();
    let rows = rows(&source);
    let run = source.split("on_every_store_and_with_a_directory!(").nth(1).unwrap().split(')').next().unwrap();
    for row in &rows {
        assert!(CALLS.contains(&row.call.as_str()), "no published call: {row:?}");
        assert!(run.split(',').any(|name| name.trim() == row.test), "{} is never run", row.test);
    }
    let mut table = INTRO.to_owned();
    for call in CALLS {
        let own: Vec<&Row> = rows.iter().filter(|row| row.call == call).collect();
        assert!(!own.is_empty(), "no test sends {call}");
        for Row { call, answer, test } in own {
            table.push_str(&format!("| {call} | {answer} | `{test}` |\n"));
        }
    }
    let path = root.join("docs/seed-calls.md");
    if std::env::var_os("STEPGATE_BLESS").is_some() {
        fs::write(&path, &table).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == table, "docs/seed-calls.md is stale: STEPGATE_BLESS=1 cargo test --test seed_calls");
}

#[test]
fn every_published_call_is_a_route() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = fs::read_to_string(root.join("docs/openapi.json")).unwrap();
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    for call in CALLS {
        let (method, path) = call.split_once(' ').unwrap();
        let path = format!("/api/v2/my{}", path.trim_matches('`'));
        let route = &document["paths"][&path][method.to_lowercase()];
        assert!(route.is_object(), "{call} is no route");
    }
}

#[test]
fn a_comment_is_read_with_its_calls_and_its_test() {
    let source = "/// Text.\n///\n/// - GET `/a`: 200,\n///   as printed.\n/// - POST `/b`: 422\nasync fn it(app: TestApp) {\n\
                  /// - no row\nfn other() {}\nfn third() {}";
    let row = |call: &str, answer: &str| Row { call: call.into(), answer: answer.into(), test: "it".into() };
    assert_eq!(rows(source), [row("GET `/a`", "200, as printed"), row("POST `/b`", "422")]);
}

fn rows(source: &str) -> Vec<Row> {
    let (mut found, mut items): (Vec<Row>, Vec<String>) = (Vec::new(), Vec::new());
    for line in source.lines() {
        if let Some(comment) = line.strip_prefix("/// ") {
            match (comment.strip_prefix("- "), comment.strip_prefix("  "), items.last_mut()) {
                (Some(item), ..) => items.push(item.to_owned()),
                (None, Some(rest), Some(item)) => *item = format!("{item} {}", rest.trim()),
                _ => {}
            }
        } else if let Some(name) = line.strip_prefix("async fn ").or_else(|| line.strip_prefix("fn ")) {
            let test = name.split('(').next().unwrap();
            for item in items.drain(..) {
                if let Some((call, answer)) = item.split_once("`: ") {
                    let answer = answer.trim_end_matches('.').to_owned();
                    found.push(Row { call: format!("{call}`"), answer, test: test.to_owned() });
                }
            }
        }
    }
    found
}
