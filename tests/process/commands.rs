//! `stepgate account`, `stepgate workflows`, `stepgate openapi`.

use std::path::Path;

use crate::harness::{ADMIN_KEY, PASSWORD, Stepgate, Told, run};

fn stepgate(folder: &Path, arguments: &[&str], input: &str) -> Told {
    run(folder, arguments, &[("STEPGATE_STORE", "embedded:data")], input)
}

#[track_caller]
fn succeeded(told: Told) -> String {
    assert!(told.status.success(), "{told:?}");
    told.out
}

#[track_caller]
fn failed(told: Told) -> String {
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    assert!(told.out.is_empty(), "{told:?}");
    told.err
}

/// An account made on the command line is listed, and can sign in to the server that is then started on the store.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_added_listed_and_used() {
    let home = tempfile::tempdir().unwrap();
    let add =
        ["account", "add", "ann@example.com", "--username", "ann", "--phone", "+7 999 444 55 61", "--locale", "cs"];
    let made = succeeded(stepgate(home.path(), &add, &format!("{PASSWORD}\n")));
    assert_eq!(made, "1\tann@example.com\tann\t-\n");
    let bob = ["account", "add", "bob@example.com", "--no-password", "--permission", "users:read"];
    assert_eq!(succeeded(stepgate(home.path(), &bob, "")), "2\tbob@example.com\t-\t-\n");
    let listed = succeeded(stepgate(home.path(), &["account", "list"], ""));
    assert_eq!(listed, "1\tann@example.com\tann\t-\n2\tbob@example.com\t-\t-\n");

    // Under the key that the commands made beside the store.
    let server = Stepgate::start(home.path(), &[("STEPGATE_MASTER_KEY", "")]);
    let web = server.client();
    web.sign_in("ann@example.com").await;
    let uuid = web.wizard().await.unwrap();
    assert_eq!(web.password(&uuid, "bob@example.com").await.unwrap().0, 422);
}

/// What is wrong with an account is said by name, and nothing is made; the password is never an argument.
#[test]
fn a_wrong_account_is_refused_by_name() {
    let home = tempfile::tempdir().unwrap();
    let add = |arguments: &[&str], input: &str| {
        let all: Vec<&str> = ["account", "add"].iter().chain(arguments).copied().collect();
        failed(stepgate(home.path(), &all, input))
    };
    assert!(add(&["nobody", "--no-password"], "").starts_with("email:"));
    assert!(add(&["a@b.example\r\nBcc: c@d.example", "--no-password"], "").starts_with("email:"));
    assert!(add(&["a@b.example", "--phone", "123", "--no-password"], "").starts_with("--phone:"));
    assert!(add(&["a@b.example", "--username", "a b", "--no-password"], "").starts_with("--username:"));
    assert!(add(&["a@b.example", "--locale", "xx", "--no-password"], "").starts_with("--locale:"));
    assert!(add(&["a@b.example"], "short\n").contains("password"));
    assert!(add(&["a@b.example"], "").contains("password"));
    assert_eq!(succeeded(stepgate(home.path(), &["account", "list"], "")), "");
    succeeded(stepgate(home.path(), &["account", "add", "a@b.example", "--no-password"], ""));
    assert!(add(&["A@B.example", "--no-password"], "").contains("email"));
    let told = stepgate(home.path(), &["account", "add", "c@b.example", "--password", PASSWORD], "");
    assert_eq!(told.status.code(), Some(2), "{told:?}");
}

/// A help desk without HTTP: whoever has lost a factor, or is locked out, is let back in from the command line.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_reset_and_unlocked() {
    let home = tempfile::tempdir().unwrap();
    let add = ["account", "add", "ann@example.com", "--username", "ann"];
    succeeded(stepgate(home.path(), &add, &format!("{PASSWORD}\n")));
    let account = |arguments: &[&str]| {
        let all: Vec<&str> = ["account"].iter().chain(arguments).copied().collect();
        stepgate(home.path(), &all, "")
    };
    for who in ["1", "ann@example.com", "ANN"] {
        assert_eq!(succeeded(account(&["unlock", who])), "1\tann@example.com\tunlocked\n");
        assert_eq!(failed(account(&["reset", who])), "Account 1 has no factor on.\n");
        assert_eq!(failed(account(&["reset", who, "--factor", "sms"])), "Account 1 has no sms on.\n");
    }
    for who in ["2", "0", "-", "bob", "bob@example.com"] {
        assert_eq!(failed(account(&["unlock", who])), format!("There is no account \"{who}\".\n"));
        assert_eq!(failed(account(&["reset", who])), format!("There is no account \"{who}\".\n"));
    }
    let told = account(&["reset", "ann", "--factor", "phone"]);
    assert_eq!(told.status.code(), Some(2), "{told:?}");
    assert!(told.err.contains("google, sms, email, recovery, all"), "{told:?}");

    let server = Stepgate::start(home.path(), &[("STEPGATE_MASTER_KEY", "")]);
    let web = server.client();
    web.enable_google(&web.sign_in("ann@example.com").await).await;
    drop(server);
    let reset = succeeded(account(&["reset", "ann@example.com", "--factor", "google"]));
    assert_eq!(reset, "1\tann@example.com\tgoogle taken off\n1\tann@example.com\tsessions ended, devices forgotten\n");
    assert!(succeeded(account(&["list"])).starts_with("1\tann@example.com\tann\t-\n"));
    assert_eq!(failed(account(&["reset", "ann@example.com", "--factor", "google"])), "Account 1 has no google on.\n");

    // What was done is in the stream.
    let server = Stepgate::start(home.path(), &[("STEPGATE_MASTER_KEY", "")]);
    let path = "/admin/v1/events?order=asc&account=1&limit=100";
    let (_, events) = server.client().get(path, ADMIN_KEY).await.unwrap();
    let doings: Vec<&str> = events["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["actor"] == "operator")
        .map(|event| event["type"].as_str().unwrap())
        .collect();
    assert_eq!(doings, ["account_created", "unlocked", "unlocked", "unlocked", "factor_disabled"]);
}

#[test]
fn the_shipped_workflows_pass_their_own_check() {
    let home = tempfile::tempdir().unwrap();
    let report = succeeded(run(home.path(), &["workflows", "check"], &[], ""));
    assert!(report.contains("signin"), "{report}");
}

/// `workflows check` names file, step and the path that is unsafe, and exits with 1.
#[test]
fn an_unsafe_workflow_is_refused_with_its_path() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("flows")).unwrap();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/workflows/invalid/skips_the_second_factor.toml");
    std::fs::copy(file, home.path().join("flows/signin.toml")).unwrap();
    let told = run(home.path(), &["workflows", "check", "flows"], &[], "");
    let said = failed(told);
    assert!(said.contains("signin.toml, step policy"), "{said}");
    assert!(said.contains("path: login -right-> second_factor -google-> policy"), "{said}");
    for folder in ["nowhere", "flows/signin.toml"] {
        let said = failed(run(home.path(), &["workflows", "check", folder], &[], ""));
        assert!(said.contains(folder), "{said}");
    }
    std::fs::create_dir(home.path().join("empty")).unwrap();
    failed(run(home.path(), &["workflows", "check", "empty"], &[], ""));
}

#[test]
fn a_workflow_is_drawn() {
    let home = tempfile::tempdir().unwrap();
    let mermaid = succeeded(run(home.path(), &["workflows", "graph", "signin"], &[], ""));
    assert!(mermaid.contains("flowchart") && mermaid.contains("2fa_google_auth"), "{mermaid}");
    let dot = succeeded(run(home.path(), &["workflows", "graph", "signin", "--format", "dot"], &[], ""));
    assert!(dot.contains("digraph") && dot.contains("2fa_google_auth"), "{dot}");
    let said = failed(run(home.path(), &["workflows", "graph", "nothing"], &[], ""));
    assert!(said.contains("nothing") && said.contains("signin"), "{said}");
}

#[test]
fn the_openapi_document_is_printed_without_a_configuration() {
    let home = tempfile::tempdir().unwrap();
    let printed = succeeded(run(home.path(), &["openapi"], &[("STEPGATE_LISTEN", "nonsense")], ""));
    let document: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert!(document["paths"]["/api/v2/my/signin"]["post"].is_object());
}
