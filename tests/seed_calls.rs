//! Keeps `docs/seed-calls.md` true: what every published call is answered with here, and by which test it is sent, read off
//! the comments of the tests that send it.
//!
//! A row is a line `/// - GET `/2fa`: what it answers` above a test, with as many lines after it as it needs.
//! `STEPGATE_BLESS=1` rewrites the table.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

/// A published API: where it is at home, its calls in their order, and the tests that send them.
struct Api {
    title: &'static str,
    base: &'static str,
    calls: &'static [&'static str],
    source: &'static str,
    /// What the tests are listed under that are run.
    run_by: &'static str,
}

const APIS: [Api; 5] = [
    Api {
        title: "The wizard API",
        base: "/api/v2/my",
        calls: &[
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
        ],
        source: "tests/api/seed.rs",
        run_by: "on_every_store_and_with_a_directory!(",
    },
    Api {
        title: "ABRA Flexi",
        base: "/u",
        calls: &[
            "PUT `/{user}/enable-2fa`",
            "PUT `/{user}/disable-2fa`",
            "PUT `/disable-2fa`",
            "GET `/{user}/qrcode-2fa`",
        ],
        source: "tests/api/flexi.rs",
        run_by: "on_every_store!(",
    },
    Api {
        title: "Veeam",
        base: "/api",
        calls: &["POST `/v1/users/{id}/enableMfa`"],
        source: "tests/api/veeam/mod.rs",
        run_by: "on_every_store!(",
    },
    Api {
        title: "Navixy",
        base: "/v2/panel",
        calls: &[
            "POST `/user/mfa/settings/update`",
            "POST `/user/mfa/settings/default/read`",
            "POST `/user/mfa/settings/default/update`",
        ],
        source: "tests/api/mfa_settings.rs",
        run_by: "on_every_store!(",
    },
    Api {
        title: "Authfy MFAO",
        base: "/api/totp",
        calls: &["POST `/{policyId}/enrollment`", "POST `/{policyId}/verify`", "POST `/{policyId}/delete`"],
        source: "tests/api/mfao.rs",
        run_by: "on_every_store!(",
    },
];

const INTRO: &str = "\
# What the published calls are answered with

Every call that the five published APIs print, sent as it is printed there, on every store. Where a published text and its
example differ, [wizard-api.md](wizard-api.md) and [surfaces.md](surfaces.md) say which holds. The tables are generated from
the comments above the tests (`STEPGATE_BLESS=1 cargo test --test seed_calls` rewrites them), and a call without a test
fails the run.
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
    let mut table = INTRO.to_owned();
    for api in &APIS {
        let source = fs::read_to_string(root.join(api.source)).unwrap();
        let module = api.source.trim_start_matches("tests/api/").trim_end_matches(".rs").trim_end_matches("/mod");
        let (title, base) = (api.title, api.base);
        table.push_str(&format!("\n## {title}: `{base}`\n\nRun them with `cargo test --test api {module}::`.\n\n"));
        table.push_str("| call | answer | test |\n|---|---|---|\n");
        table.push_str(&lines_of(api, &source));
    }
    let path = root.join("docs/seed-calls.md");
    if std::env::var_os("STEPGATE_BLESS").is_some() {
        fs::write(&path, &table).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == table, "docs/seed-calls.md is stale: STEPGATE_BLESS=1 cargo test --test seed_calls");
}

fn lines_of(api: &Api, source: &str) -> String {
    let rows = rows(source);
    let run = source.split(api.run_by).nth(1).unwrap().split(')').next().unwrap();
    for row in &rows {
        assert!(api.calls.contains(&row.call.as_str()), "no published call: {row:?}");
        assert!(run.split(',').any(|name| name.trim() == row.test), "{} is never run", row.test);
    }
    let mut lines = String::new();
    for call in api.calls {
        let own: Vec<&Row> = rows.iter().filter(|row| row.call == *call).collect();
        assert!(!own.is_empty(), "no test sends {call}");
        for Row { call, answer, test } in own {
            lines.push_str(&format!("| {call} | {answer} | `{test}` |\n"));
        }
    }
    lines
}

#[test]
fn every_published_call_is_a_route() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = fs::read_to_string(root.join("docs/openapi.json")).unwrap();
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    for (api, call) in APIS.iter().flat_map(|api| api.calls.iter().map(move |call| (api, call))) {
        let (method, path) = call.split_once(' ').unwrap();
        let path = format!("{}{}", api.base, path.trim_matches('`'));
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
