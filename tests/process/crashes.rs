//! R2: `kill -9` in the middle of the load, of the server and of the Redis behind it. What was acknowledged stands: a
//! wizard is where its last answer said, or where the step went that was under way; an accepted code stays spent; the
//! session that it opened lives.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::harness::{Stepgate, Web, code_at, step_now};
use crate::redis::Server;

const CLIENTS: usize = 6;

/// What one client was told.
#[derive(Debug, Default)]
struct Memory {
    email: String,
    key: String,
    /// Wizards, what each showed last, and what it may show if the step that was under way came through.
    wizards: Vec<(String, &'static str, &'static str)>,
    /// Codes that were accepted: their time step, the wizard, and the access token that came for them.
    accepted: Vec<(u64, String, String)>,
    /// Codes that were sent and never answered; they may be spent or not.
    open: Vec<u64>,
}

/// Counts what was acknowledged, and tells when it is enough.
struct Progress {
    acknowledged: AtomicUsize,
    enough: usize,
    reached: Notify,
}

impl Progress {
    fn of(enough: usize) -> Arc<Self> {
        Arc::new(Progress { acknowledged: AtomicUsize::new(0), enough, reached: Notify::new() })
    }

    fn tick(&self) {
        if self.acknowledged.fetch_add(1, Ordering::SeqCst) + 1 == self.enough {
            self.reached.notify_one();
        }
    }
}

/// Accounts with authenticators, so that every sign-in has a wizard that stands somewhere and a code that is spent.
async fn people(web: &Web) -> Vec<Memory> {
    let mut memories = Vec::new();
    for n in 0..CLIENTS {
        let email = format!("person{n}@example.com");
        web.person(&email).await;
        let token = web.sign_in(&email).await;
        let key = web.enable_google(&token).await;
        memories.push(Memory { email, key, ..Memory::default() });
    }
    memories
}

/// Signs in until the server, or its store, is gone. `None` says that it is.
async fn sign_in_on_and_on(web: Web, mut memory: Memory, progress: Arc<Progress>) -> Memory {
    while one_sign_in(&web, &mut memory, &progress).await.is_some() {}
    memory
}

async fn one_sign_in(web: &Web, memory: &mut Memory, progress: &Progress) -> Option<()> {
    let uuid = web.wizard().await?;
    progress.tick();
    memory.wizards.push((uuid.clone(), "login", "2fa_google_auth"));
    let last = memory.wizards.len() - 1;
    let (status, _) = web.password(&uuid, &memory.email).await?;
    if status != 200 {
        return None;
    }
    progress.tick();
    // The code of this time step and the next, each once; the others sign-ins end here.
    let used = memory.accepted.iter().map(|(step, ..)| *step).max();
    let step = used.map_or_else(step_now, |used| used + 1);
    if step > step_now() + 1 {
        memory.wizards[last] = (uuid, "2fa_google_auth", "2fa_google_auth");
        return Some(());
    }
    memory.wizards[last] = (uuid.clone(), "2fa_google_auth", "login");
    memory.open.push(step);
    let body = json!({ "uuid": uuid, "code": code_at(&memory.key, step) });
    let (status, body) = web.post("/api/v2/my/2fa/google", "", body).await?;
    if status != 202 {
        return None;
    }
    progress.tick();
    memory.open.pop();
    memory.wizards[last] = (uuid.clone(), "login", "login");
    memory.accepted.push((step, uuid, body["data"]["accessToken"]["token"].as_str().unwrap().to_owned()));
    Some(())
}

/// Everything that was acknowledged, looked at from outside.
async fn verify(web: &Web, memories: &[Memory]) {
    for memory in memories {
        for (uuid, acknowledged, under_way) in &memory.wizards {
            let (_, stands) = web.get(&format!("/api/v2/my/wizard/{uuid}"), "").await.unwrap();
            let shown = stands["workflow"].as_str().unwrap_or_else(|| panic!("{uuid} is lost: {stands}"));
            assert!(shown == *acknowledged || shown == *under_way, "{uuid} was at {acknowledged}: {stands}");
        }
        for (step, uuid, token) in &memory.accepted {
            let (status, body) = web.get("/api/v2/my/2fa", token).await.unwrap();
            assert_eq!(status, 200, "the session lives: {body}");
            let code = code_at(&memory.key, *step);
            let (status, body) =
                web.post("/api/v2/my/2fa/google", "", json!({ "uuid": uuid, "code": code })).await.unwrap();
            assert_eq!(status, 409, "the wizard is over: {body}");
            replay(web, memory, *step, &code).await;
        }
    }
}

/// A spent code in a new wizard: told to be spent as long as it could be accepted at all.
async fn replay(web: &Web, memory: &Memory, step: u64, code: &str) {
    let uuid = web.wizard().await.unwrap();
    assert_eq!(web.password(&uuid, &memory.email).await.unwrap().0, 200);
    let before = step_now();
    let (status, body) = web.post("/api/v2/my/2fa/google", "", json!({ "uuid": uuid, "code": code })).await.unwrap();
    assert_eq!(status, 422, "accepted twice: {body}");
    if before + 1 >= step && step + 1 >= step_now() {
        assert_eq!(body["code"], json!("code_used"), "{body}");
    }
}

fn accepted(memories: &[Memory]) -> usize {
    memories.iter().map(|memory| memory.accepted.len()).sum()
}

fn signing_in(web: &Web, memories: Vec<Memory>, progress: &Arc<Progress>) -> Vec<tokio::task::JoinHandle<Memory>> {
    let client = |memory| tokio::spawn(sign_in_on_and_on(web.clone(), memory, Arc::clone(progress)));
    memories.into_iter().map(client).collect()
}

async fn joined(clients: Vec<tokio::task::JoinHandle<Memory>>) -> Vec<Memory> {
    let mut memories = Vec::new();
    for client in clients {
        memories.push(client.await.unwrap());
    }
    memories
}

/// Kills the server twice in mid-load, and looks each time at what the next one knows.
async fn survives_kills_of_the_server(settings: &[(&str, &str)]) {
    let home = tempfile::tempdir().unwrap();
    let mut server = Stepgate::start(home.path(), settings);
    let mut memories = people(&server.client()).await;
    for enough in [25, 60] {
        let progress = Progress::of(enough);
        let clients = signing_in(&server.client(), memories, &progress);
        progress.reached.notified().await;
        server.kill();
        memories = joined(clients).await;
        server = Stepgate::start(home.path(), settings);
        verify(&server.client(), &memories).await;
    }
    assert!(accepted(&memories) >= CLIENTS, "the load has spent codes: {memories:?}");
}

/// R2, I1, I2, I6: the guard is the fsync before the answer.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_with_the_server_on_the_embedded_store() {
    survives_kills_of_the_server(&[]).await;
}

/// R2, I1, I2, I6: the server holds nothing of its own.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_with_the_server_on_redis() {
    let redis = Server::start(&["--save", "", "--appendonly", "yes", "--appendfsync", "always"]);
    survives_kills_of_the_server(&[("STEPGATE_STORE", &redis.url())]).await;
}

/// R2, I1, I2, I6: with `appendonly yes` and `appendfsync always`, which is what the server asks for.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_with_redis() {
    let home = tempfile::tempdir().unwrap();
    let redis = Server::start(&["--save", "", "--appendonly", "yes", "--appendfsync", "always"]);
    let (url, timeout) = (redis.url(), "500ms");
    let server = Stepgate::start(home.path(), &[("STEPGATE_STORE", &url), ("STEPGATE_REDIS__TIMEOUT", timeout)]);
    let web = server.client();
    let mut memories = people(&web).await;
    for enough in [25, 60] {
        let progress = Progress::of(enough);
        let clients = signing_in(&web, memories, &progress);
        progress.reached.notified().await;
        redis.kill();
        memories = joined(clients).await;
        redis.restart();
        recovered(&web).await;
        verify(&web, &memories).await;
    }
    assert!(accepted(&memories) >= CLIENTS, "the load has spent codes: {memories:?}");
}

/// Waits until the server has found its store again; each call is bounded by the store's own deadline.
async fn recovered(web: &Web) {
    for _ in 0..100 {
        if let Some((200, ready)) = web.get("/health/ready", "").await {
            assert_ne!(ready["status"], Value::Null);
            return;
        }
    }
    panic!("the server does not find its store again");
}
