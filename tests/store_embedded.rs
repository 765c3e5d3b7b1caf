//! What only the store in one file promises: its file, its lock, its commits, and its life after `kill -9`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "store_contract/fixtures.rs"]
#[allow(dead_code, reason = "the contract uses all of it")]
mod fixtures;

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use fixtures::*;
use stepgate::engine::ports::{Commit, Store, StoreError, Verdict};
use stepgate::identity::Session;
use stepgate::store::embedded::EmbeddedStore;
use stepgate::workflow::{Wizard, WizardId};
use tokio::task::JoinSet;

/// Where the child process of the crash test keeps its store; only a child has it.
const CHILD: &str = "STEPGATE_TEST_WRITER";

fn open(dir: &Path) -> Arc<EmbeddedStore> {
    Arc::new(EmbeddedStore::open(dir).expect("the store opens"))
}

#[tokio::test]
async fn the_file_and_its_directory_are_the_owners_alone() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("deep/store");
    drop(open(&dir));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&dir), mode(&dir.join("stepgate.redb"))), (0o700, 0o600));
}

#[tokio::test]
async fn a_second_opening_is_refused_with_the_name_of_the_file() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path());
    let Err(StoreError::Unavailable(why)) = EmbeddedStore::open(home.path()) else { panic!("it opened twice") };
    assert!(why.contains("another process") && why.contains("stepgate.redb"), "{why}");
    drop(store);
    open(home.path());
}

#[tokio::test]
async fn garbage_is_an_error_that_names_the_file() {
    let noise: Vec<u8> = (0..100_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for content in [&b"no database"[..], &[0; 4_096], &noise] {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("stepgate.redb"), content).unwrap();
        let error = EmbeddedStore::open(home.path()).err().expect("garbage is refused");
        assert!(matches!(error, StoreError::Damaged(_)), "{error}");
        assert!(error.to_string().contains("stepgate.redb"), "{error}");
    }
}

#[tokio::test]
async fn a_cut_or_scratched_file_is_an_error_or_whole_and_never_a_panic() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path());
    let (dynamic, mut accounts): (Arc<dyn Store>, _) = (store.clone(), Vec::new());
    for number in 0..40 {
        accounts.push(registered(&dynamic, &format!("person{number}")).await);
    }
    drop((dynamic, store));
    let whole = fs::read(home.path().join("stepgate.redb")).unwrap();
    let cut = |share: usize| whole[..whole.len() * share / 100].to_vec();
    let scratched = |from: usize, length: usize| {
        let mut bytes = whole.clone();
        bytes[from..from + length].fill(0xa5);
        bytes
    };
    let mut cases: Vec<Vec<u8>> = [1, 10, 33, 50, 75, 99].map(cut).to_vec();
    cases.extend((0..16).map(|page| scratched(page * 4_096, 4_096)));
    cases.extend([0, 9, 16, 64, 128, 192, 256].map(|at| scratched(at, 4)));
    for bytes in cases {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("stepgate.redb"), bytes).unwrap();
        match EmbeddedStore::open(home.path()) {
            Err(error) => assert!(error.to_string().contains("stepgate.redb"), "{error}"),
            // The damage was where nothing lies; then nothing is missing.
            Ok(store) => assert_eq!(store.accounts(None, 100).await.unwrap(), accounts),
        }
    }
}

#[tokio::test]
async fn everything_is_there_after_opening_again() {
    let home = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = open(home.path());
    let account = registered(&store, "anna").await;
    judge(&store, wrong(&account)).await;
    let wizard = wizard_in_full();
    store.create_wizard(&wizard).await.unwrap();
    drop(store);
    let store: Arc<dyn Store> = open(home.path());
    assert_eq!(store.account_by_name(&names_of(&account)[0]).await.unwrap(), Some(account.clone()));
    assert_eq!(store.wizard(wizard.id).await.unwrap(), Some(wizard));
    assert_eq!(failures(&store, &account, 0).await, 1);
    assert!(registered(&store, "ben").await.id > account.id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_come_together_share_commits() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path());
    let (writes, commits) = (store.writes(), store.commits());
    let mut calls = JoinSet::new();
    for _ in 0..500 {
        let store = Arc::clone(&store);
        calls.spawn(async move { store.create_wizard(&wizard()).await.unwrap() });
    }
    calls.join_all().await;
    let (writes, commits) = (store.writes() - writes, store.commits() - commits);
    assert_eq!(writes, 500);
    assert!(0 < commits && commits < writes / 2, "{commits} commits for {writes} writes");
}

#[tokio::test]
async fn a_call_that_changes_nothing_needs_no_commit() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path());
    let lost = store.commit_wizard(&request(), &stepped(&wizard(), "nowhere")).await.unwrap();
    assert_eq!((lost, store.commits()), (Commit::Lost(None), 0));
}

#[tokio::test]
async fn the_dead_are_swept_and_the_living_stay() {
    let home = tempfile::tempdir().unwrap();
    let own = open(home.path());
    let store: Arc<dyn Store> = own.clone();
    let account = registered(&store, "anna").await;
    let mut dead = Vec::new();
    for _ in 0..50 {
        let wizard = wizard();
        store.create_wizard(&wizard).await.unwrap();
        let session = session(&account);
        let write = stepgate::engine::ports::AccountWrite {
            open_session: Some(session),
            send: Some(stepgate::engine::ports::SendBudget {
                channel: stepgate::identity::Factor::Sms,
                windows: vec![(60, 1_000)],
            }),
            ..Default::default()
        };
        let attempt = spending(code(&wizard.id.to_string()), writing(write, right(&account)));
        assert_eq!(judge(&store, attempt).await, Verdict::Accepted);
        judge(&store, guessing_in(wizard.id, 5, wrong(&account))).await;
        judge(&store, right(&account)).await;
        dead.push(wizard.id);
    }
    assert_eq!(own.swept(), 0, "nothing has died yet");
    let (day, living) = (86_400, Wizard { expires_at: at(200_000), ..wizard() });
    store.create_wizard(&living).await.unwrap();
    let long = Session { expires_at: at(200_000), ..session(&account) };
    let write = stepgate::engine::ports::AccountWrite { open_session: Some(long.clone()), ..Default::default() };
    assert_eq!(judge(&store, writing(write, right(&account))).await, Verdict::Accepted);
    // Later writes sweep, a few entries each: 50 wizards, sessions, codes and guesses, and one log of sends.
    for _ in 0..40 {
        judge(&store, later(day, wrong(&account))).await;
        judge(&store, later(day, right(&account))).await;
    }
    assert_eq!(own.swept(), 4 * 50 + 1);
    for id in dead {
        assert_eq!(store.wizard(id).await.unwrap(), None);
    }
    assert_eq!(store.sessions(account.id, at(0)).await.unwrap(), [long]);
    assert_eq!(store.wizard(living.id).await.unwrap(), Some(living));
    assert_eq!(store.account(account.id).await.unwrap(), Some(account));
}

#[tokio::test]
async fn the_file_does_not_grow_with_what_has_died() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path());
    let size = || fs::metadata(home.path().join("stepgate.redb")).unwrap().len();
    let round = |round: i64| {
        let store = Arc::clone(&store);
        async move {
            let now = round * 10_000;
            let mut calls = JoinSet::new();
            for _ in 0..300 {
                let wizard = Wizard { created_at: at(now), expires_at: at(now + 900), ..wizard_in_full() };
                let store = Arc::clone(&store);
                calls.spawn(async move { store.create_wizard(&wizard).await.unwrap() });
            }
            calls.join_all().await;
        }
    };
    for number in 0..3 {
        round(number).await;
    }
    let settled = size();
    for number in 3..10 {
        round(number).await;
    }
    assert!(size() <= 2 * settled, "{settled} bytes became {}", size());
}

/// The child of the crash test: writes, and says so of every write that was acknowledged, until it is killed.
#[allow(clippy::print_stderr, reason = "this is how the child tells its parent")]
async fn write_until_killed(dir: &str) {
    let store: Arc<dyn Store> = open(Path::new(dir));
    let account = registered(&store, "anna").await;
    let mut writers = JoinSet::new();
    for lane in 0..8_u8 {
        let (store, account) = (Arc::clone(&store), account.clone());
        writers.spawn(async move {
            for number in 0_u64.. {
                let mut id = [lane; 16];
                id[8..].copy_from_slice(&number.to_be_bytes());
                let wizard = Wizard { id: WizardId::from_bytes(id), ..wizard() };
                store.create_wizard(&wizard).await.unwrap();
                let next = stepped(&wizard, "acknowledged");
                assert_eq!(store.commit_wizard(&request(), &next).await.unwrap(), Commit::Done);
                let spend = code(&wizard.id.to_string());
                assert_eq!(judge(&store, spending(spend, right(&account))).await, Verdict::Accepted);
                eprintln!("acknowledged {}", wizard.id);
            }
        });
    }
    writers.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_in_mid_load_loses_no_acknowledged_write() {
    if let Ok(dir) = std::env::var(CHILD) {
        return write_until_killed(&dir).await;
    }
    let home = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill_9_in_mid_load_loses_no_acknowledged_write", "--nocapture"])
        .env(CHILD, home.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let named = |line: String| line.strip_prefix("acknowledged ").and_then(|id| id.parse::<WizardId>().ok());
    let mut acknowledged: Vec<WizardId> = lines.by_ref().filter_map(named).take(200).collect();
    child.kill().unwrap();
    acknowledged.extend(lines.filter_map(named));
    child.wait().unwrap();
    assert!(acknowledged.len() >= 200, "the child wrote {} times", acknowledged.len());

    let store: Arc<dyn Store> = open(home.path());
    let account = store.account_by_name(&name("anna@example.com")).await.unwrap().unwrap();
    for (place, id) in acknowledged.iter().enumerate() {
        let wizard = store.wizard(*id).await.unwrap().expect("an acknowledged wizard");
        assert_eq!((wizard.revision, wizard.step.as_str()), (2, "acknowledged"), "{place}");
        let verdict = judge(&store, spending(code(&id.to_string()), right(&account))).await;
        assert!(matches!(verdict, Verdict::Spent { .. } | Verdict::Blocked { .. }), "{verdict:?}");
        if matches!(verdict, Verdict::Blocked { .. }) {
            break;
        }
    }
    for id in acknowledged {
        assert_eq!(store.wizard(id).await.unwrap().map(|wizard| wizard.revision), Some(2));
    }
}

#[tokio::test]
async fn all_of_a_name_is_forgotten_in_time() {
    let home = tempfile::tempdir().unwrap();
    let own = open(home.path());
    let store: Arc<dyn Store> = own.clone();
    let account = registered(&store, "anna").await;
    let day = budget(stepgate::identity::Factor::Email, &[(60, 50), (86_400, 50)]);
    let named = |attempt| on_name("digest", attempt);
    judge(&store, guessing_in(wizard_id(), 5, named(wrong(&account)))).await;
    judge(&store, named(spending(code("a"), sending(0, &account, &day)))).await;
    // The ladder's memory: an hour and a day, a minute's window before it and a minute's grace behind it.
    let long = 86_400 + 3_600 + 60 + 60;
    for _ in 0..3 {
        judge(&store, later(long - 1, wrong(&account))).await;
    }
    assert_eq!(own.swept(), 3, "a spent code, a guess and the log of sends");
    store.unlock(account.id).await.unwrap();
    for _ in 0..3 {
        judge(&store, later(long, wrong(&account))).await;
    }
    assert_eq!(own.swept(), 4, "and the failures");
}
