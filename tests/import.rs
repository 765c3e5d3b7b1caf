//! Moving a user base in and out by the command line: real processes, killed and run again, on real stores.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "harness/process.rs"]
mod harness;
#[path = "harness/redis.rs"]
mod redis;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use harness::{MASTER_KEY, PASSWORD, Stepgate, Told, code_at, command, run, step_now};
use serde_json::{Value, json};

/// [`PASSWORD`], as libxcrypt hashes it.
const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG";
/// Accounts that are under way at a time.
const CONCURRENCY: u64 = 256;
/// How long a run may take on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(600);

fn settings(store: &str) -> [(&'static str, &str); 2] {
    [("STEPGATE_STORE", store), ("STEPGATE_MASTER_KEY", MASTER_KEY)]
}

fn stepgate(folder: &Path, arguments: &[&str]) -> Told {
    run(folder, arguments, &settings("embedded:data"), "")
}

/// What the summary of a run says: created, already there, refused.
#[track_caller]
fn counted(out: &str) -> [u64; 3] {
    let numbers: Vec<u64> =
        out.lines().filter_map(|line| line.rsplit_once(": ").and_then(|(_, number)| number.parse().ok())).collect();
    numbers.try_into().unwrap_or_else(|_| panic!("{out}"))
}

#[track_caller]
fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Accounts that differ in their address only, as lines.
fn generate(path: &Path, count: usize) {
    let mut text = String::new();
    for number in 0..count {
        writeln!(text, r#"{{"email":"person{number}@example.com","passwordHash":"{BCRYPT}","groups":["moved"]}}"#)
            .unwrap();
    }
    fs::write(path, text).unwrap();
}

/// Starts an import that nobody reads the progress of.
fn import(folder: &Path, store: &str) -> Child {
    let concurrency = CONCURRENCY.to_string();
    let arguments = ["account", "import", "people.jsonl", "--concurrency", &concurrency];
    command(folder, &arguments, &settings(store)).stderr(Stdio::null()).spawn().expect("setpriv is there")
}

/// The line that a run says it has come to.
fn reached(folder: &Path) -> u64 {
    let kept = fs::read_to_string(folder.join("people.jsonl.progress")).unwrap_or_default();
    serde_json::from_str::<Value>(&kept).ok().and_then(|kept| kept["line"].as_u64()).unwrap_or(0)
}

fn ended(child: &mut Child) -> ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(begun.elapsed() < PATIENCE, "the import does not end");
        thread::park_timeout(Duration::from_millis(20));
    }
}

/// Runs an import of `count` accounts, kills it half-way, runs it again, and counts.
async fn killed_half_way(store: &str, count: usize) {
    let home = tempfile::tempdir().unwrap();
    generate(&home.path().join("people.jsonl"), count);
    let half = count as u64 / 2;
    let mut first = import(home.path(), store);
    let begun = Instant::now();
    while reached(home.path()) < half {
        assert!(first.try_wait().unwrap().is_none(), "the import was over before it could be killed");
        assert!(begun.elapsed() < PATIENCE, "the import does not get on");
        thread::park_timeout(Duration::from_millis(5));
    }
    first.kill().unwrap();
    first.wait().unwrap();

    let second = import(home.path(), store);
    let told = second.wait_with_output().unwrap();
    assert!(told.status.success(), "{told:?}");
    let [created, already_there, refused] = counted(&String::from_utf8(told.stdout).unwrap());
    assert_eq!((created + already_there, refused), (count as u64, 0));
    // The line that was reached had others before it that were still under way.
    assert!(already_there + CONCURRENCY >= half, "{already_there} of {half} were told apart from new ones");
    assert!(created > 0, "nothing was left to do: the kill came too late");

    let mut export = command(home.path(), &["account", "export", "out.jsonl"], &settings(store)).spawn().unwrap();
    assert!(ended(&mut export).success());
    let out = fs::read_to_string(home.path().join("out.jsonl")).unwrap();
    let exported: BTreeSet<&str> =
        out.lines().map(|line| line.split('"').nth(3).expect("an address comes first")).collect();
    assert_eq!(out.lines().count(), count, "each once");
    assert_eq!(exported.len(), count);

    let server = Stepgate::start(home.path(), &settings(store));
    for number in [0, count / 2, count - 1] {
        server.client().sign_in(&format!("person{number}@example.com")).await;
    }
}

/// 100,000 accounts, `kill -9` half-way, and again.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_into_a_file_that_is_killed_ends_with_each_account_once() {
    killed_half_way("embedded:data", 100_000).await;
}

/// The same on Redis, where a creation is several round trips and a kill may fall between any two of them.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_into_redis_that_is_killed_ends_with_each_account_once() {
    let server = redis::Server::start(&["--save", ""]);
    killed_half_way(&server.url(), 15_000).await;
}

/// Refused lines are told by number and field, the others are made, and the process says so by its exit code.
#[test]
fn refused_lines_are_reported_and_the_others_made() {
    let home = tempfile::tempdir().unwrap();
    let people = home.path().join("people.csv");
    fs::write(
        &people,
        "email,username,passwordHash,groups,age\n\
         ann@example.com,ann,,staff;admins,7\n\
         nobody,,md5:abc,,\n\
         ANN@example.com,,,,\n\
         bob@example.com,ann,,,\n\
         too,few\n\
         cid@example.com,,,,\n",
    )
    .unwrap();
    let told = stepgate(home.path(), &["account", "import", "people.csv", "--report", "why.jsonl"]);
    assert_eq!(told.status.code(), Some(2), "{told:?}");
    assert!(told.err.contains("passed over: age"), "{told:?}");
    assert!(told.out.contains("Created: 2\nAlready there: 0\nRefused: 4\n"), "{told:?}");
    let mut report = lines(&fs::read_to_string(home.path().join("why.jsonl")).unwrap());
    report.sort_by_key(|refused| refused["line"].as_u64());
    let named: Vec<(u64, Vec<&str>)> = report
        .iter()
        .map(|refused| {
            let fields = refused["errors"].as_object().unwrap().keys().map(String::as_str).collect();
            (refused["line"].as_u64().unwrap(), fields)
        })
        .collect();
    assert_eq!(
        named,
        [(3, vec!["email", "passwordHash"]), (4, vec!["email"]), (5, vec!["username"]), (6, vec!["line"])]
    );
    assert!(!fs::read_to_string(home.path().join("why.jsonl")).unwrap().contains("md5:abc"));
    // Mended and run again: what is there is there, and the report of last time is gone.
    fs::write(&people, "email,username,passwordHash,groups\nann@example.com,ann,,admins;staff\ndan@example.com,,,\n")
        .unwrap();
    let told = stepgate(home.path(), &["account", "import", "people.csv", "--report", "why.jsonl"]);
    assert!(told.status.success(), "{told:?}");
    assert_eq!(counted(&told.out), [1, 1, 0]);
    assert!(!home.path().join("why.jsonl").exists());
}

/// The hint of an earlier run is never believed: with another store, or none left, every account is made all the same.
#[test]
fn what_is_kept_of_a_run_is_a_hint_only() {
    let home = tempfile::tempdir().unwrap();
    generate(&home.path().join("people.jsonl"), 50);
    let import = ["account", "import", "people.jsonl"];
    assert_eq!(counted(&stepgate(home.path(), &import).out), [50, 0, 0]);
    assert_eq!(reached(home.path()), 50);
    assert_eq!(counted(&stepgate(home.path(), &import).out), [0, 50, 0]);
    fs::remove_file(home.path().join("people.jsonl.progress")).unwrap();
    assert_eq!(counted(&stepgate(home.path(), &import).out), [0, 50, 0]);
    fs::remove_dir_all(home.path().join("data")).unwrap();
    assert_eq!(counted(&stepgate(home.path(), &import).out), [50, 0, 0]);
}

#[test]
fn a_dry_run_makes_nothing() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("people.jsonl"), "{\"email\":\"ann@example.com\"}\n\n{\"email\":\"bob\"}\n").unwrap();
    let told = stepgate(home.path(), &["account", "import", "people.jsonl", "--dry-run"]);
    assert_eq!(told.status.code(), Some(2), "{told:?}");
    assert!(told.out.starts_with("To be created: 1\nAlready there: 0\nRefused: 1\n"), "{told:?}");
    let report = lines(&fs::read_to_string(home.path().join("people.jsonl.refused")).unwrap());
    assert_eq!(report[0]["line"], json!(3));
    assert!(!home.path().join("people.jsonl.progress").exists());
    assert_eq!(stepgate(home.path(), &["account", "list"]).out, "");
    for (arguments, said) in [
        (vec!["account", "import", "nowhere.jsonl"], "nowhere.jsonl"),
        (vec!["account", "import", "people.jsonl", "--concurrency", "0"], "--concurrency"),
    ] {
        let told = stepgate(home.path(), &arguments);
        assert!(!told.status.success() && told.err.contains(said), "{told:?}");
    }
}

/// What was exported with everything is the same user base elsewhere: passwords and authenticators go along.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_an_import_elsewhere() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let key = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    let people = [
        json!({ "email": "ann@example.com", "username": "ann", "passwordHash": BCRYPT, "totpSecret": key,
                "locale": "cs", "groups": ["a", "b"], "permissions": ["users:read"] }),
        json!({ "email": "bob@example.com", "password": PASSWORD, "smsPhone": "+79994445561", "emailFactor": true }),
    ];
    let text: String = people.iter().map(|person| format!("{person}\n")).collect();
    fs::write(here.path().join("people.jsonl"), text).unwrap();
    let told = stepgate(here.path(), &["account", "import", "people.jsonl"]);
    assert_eq!(counted(&told.out), [2, 0, 0], "{told:?}");
    assert!(told.err.contains("passwords in clear"), "{told:?}");

    let bare = stepgate(here.path(), &["account", "export"]).out;
    assert!(!bare.contains("$2b$") && !bare.contains("$argon2") && !bare.contains(key), "{bare}");
    assert_eq!(lines(&bare)[1]["smsPhone"], json!("+79994445561"));
    let all = ["account", "export", "all.jsonl", "--with-hashes", "--with-secrets"];
    assert!(stepgate(here.path(), &all).status.success());
    let file = here.path().join("all.jsonl");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(stepgate(here.path(), &all).status.code(), Some(1), "no file is overwritten");

    fs::copy(&file, there.path().join("all.jsonl")).unwrap();
    assert_eq!(counted(&stepgate(there.path(), &["account", "import", "all.jsonl"]).out), [2, 0, 0]);
    let again = stepgate(there.path(), &["account", "export", "--with-hashes", "--with-secrets"]).out;
    assert_eq!(again, fs::read_to_string(&file).unwrap());

    let server = Stepgate::start(there.path(), &settings("embedded:data"));
    let web = server.client();
    let uuid = web.wizard().await.unwrap();
    let (_, asked) = web.password(&uuid, "ann@example.com").await.unwrap();
    assert_eq!(asked["workflow"], json!("2fa_google_auth"), "{asked}");
    let code = json!({ "uuid": uuid, "code": code_at(key, step_now()) });
    assert_eq!(web.post("/api/v2/my/2fa/google", "", code).await.unwrap().0, 202);
    let (_, asked) = web.password(&web.wizard().await.unwrap(), "bob@example.com").await.unwrap();
    assert_eq!(asked["workflow"], json!("2fa_choose"), "{asked}");
}
