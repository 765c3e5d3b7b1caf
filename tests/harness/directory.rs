//! An operator's directory as `docs/directory.md` wants it, over real HTTP on loopback: it checks who asks and when, and
//! knows people by their address, user name and further names.

#![allow(dead_code, reason = "each test uses its own part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::webhook::{Received, read};

pub const SECRET: &str = "a directory's secret";

/// How far the clocks of the two sides may be apart, in seconds.
const TOLERANCE: u64 = 300;

struct Member {
    /// As it is told.
    person: Value,
    /// A further name to sign in by, which is not told.
    alias: Option<String>,
    password: String,
}

#[derive(Default)]
struct State {
    members: Mutex<Vec<Member>>,
    questions: Mutex<Vec<Received>>,
    /// What the next yes waits for, once it is known.
    held: Mutex<Option<oneshot::Receiver<()>>>,
}

type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

pub struct DirectoryService {
    pub url: String,
    state: Arc<State>,
    server: tokio::task::JoinHandle<()>,
}

impl DirectoryService {
    /// `now` is in Unix seconds.
    pub fn start(now: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port on loopback");
        listener.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let url = format!("http://{}/check", listener.local_addr().unwrap());
        let state = Arc::new(State::default());
        let server = tokio::spawn(serve(listener, Arc::clone(&state), Arc::new(now)));
        DirectoryService { url, state, server }
    }

    /// Adds somebody, or replaces whoever has this id.
    pub fn put(&self, person: Value, password: &str) {
        self.remove(person["id"].as_str().expect("an id"));
        let member = Member { person, alias: None, password: password.to_owned() };
        self.state.members.lock().unwrap().push(member);
    }

    /// Another name that somebody may sign in by.
    pub fn alias(&self, id: &str, alias: &str) {
        let mut members = self.state.members.lock().unwrap();
        members.iter_mut().find(|member| member.person["id"] == id).unwrap().alias = Some(alias.to_owned());
    }

    pub fn remove(&self, id: &str) {
        self.state.members.lock().unwrap().retain(|member| member.person["id"] != id);
    }

    /// What it was asked, however it was answered.
    pub fn questions(&self) -> Vec<Received> {
        self.state.questions.lock().unwrap().clone()
    }

    /// The next yes is said only when this is used or dropped.
    pub fn hold(&self) -> oneshot::Sender<()> {
        let (release, held) = oneshot::channel();
        *self.state.held.lock().unwrap() = Some(held);
        release
    }
}

impl Drop for DirectoryService {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, state: Arc<State>, now: Clock) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(converse(stream, Arc::clone(&state), Arc::clone(&now)));
    }
}

async fn converse(mut stream: TcpStream, state: Arc<State>, now: Clock) {
    while let Some(question) = read(&mut stream).await {
        let (status, body) = answer(&question, &state, now());
        state.questions.lock().unwrap().push(question);
        let held = if status == 200 { state.held.lock().unwrap().take() } else { None };
        if let Some(held) = held {
            let _ = held.await;
        }
        let length = body.len();
        let head =
            format!("HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n");
        if stream.write_all(format!("{head}{body}").as_bytes()).await.is_err() {
            return;
        }
    }
}

fn answer(question: &Received, state: &State, now: u64) -> (u16, String) {
    let signed = question.signed_at(SECRET).and_then(|at| u64::try_from(at).ok());
    if signed.is_none_or(|at| at.abs_diff(now) > TOLERANCE) {
        // Never 401 or 403: that would be a wrong password.
        return (400, json!({ "error": "bad signature" }).to_string());
    }
    let asked = question.json();
    let (login, password) = (asked["login"].as_str().unwrap(), asked["password"].as_str().unwrap());
    let members = state.members.lock().unwrap();
    let is_called = |member: &&Member| {
        let told = ["email", "username"].into_iter().filter_map(|name| member.person[name].as_str());
        told.chain(member.alias.as_deref()).any(|name| name.to_lowercase() == login)
    };
    match members.iter().find(is_called).filter(|member| member.password == password) {
        Some(member) => (200, member.person.to_string()),
        None => (401, String::new()),
    }
}
