//! A real HTTP server on loopback that plays an SMS gateway: records every request, checks signatures, and answers as
//! told, or not at all.

#![allow(dead_code, reason = "each test binary uses its own part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the sink does with one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    Status(u16),
    /// A status with a body.
    Body(u16, String),
    /// A status with one more header.
    With(u16, &'static str, String),
    /// Reads the request and never answers.
    HangAfterReading,
    /// Takes the connection and never reads.
    HangBeforeReading,
    /// Reads the request and closes without an answer.
    CloseAfterReading,
    /// Closes as soon as the connection stands.
    CloseEarly,
    /// Answers 200 with a body that never ends.
    EndlessBody,
}

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Received {
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a JSON body")
    }

    /// The time in `X-Stepgate-Signature`, if the signature is that of the body under `secret`.
    pub fn signed_at(&self, secret: &str) -> Option<i64> {
        let (time, tag) = self.header("x-stepgate-signature")?.strip_prefix("t=")?.split_once(",v1=")?;
        let tag = data_encoding::HEXLOWER.decode(tag.as_bytes()).ok()?;
        let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(secret.as_bytes()).ok()?;
        mac.update(format!("{time}.{}", self.body).as_bytes());
        mac.verify_slice(&tag).ok()?;
        time.parse().ok()
    }
}

#[derive(Default)]
struct State {
    replies: Mutex<VecDeque<Reply>>,
    requests: Mutex<Vec<Received>>,
    connections: Mutex<usize>,
}

pub struct WebhookSink {
    pub url: String,
    state: Arc<State>,
    heard: watch::Receiver<usize>,
    server: tokio::task::JoinHandle<()>,
}

impl WebhookSink {
    /// Answers with `replies` in turn; the last one holds for all further requests.
    pub async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port on loopback");
        let url = format!("http://{}/sms", listener.local_addr().expect("an address"));
        let state = Arc::new(State { replies: Mutex::new(replies.into_iter().collect()), ..State::default() });
        let (tell, heard) = watch::channel(0);
        let server = tokio::spawn(serve(listener, Arc::clone(&state), Arc::new(tell)));
        WebhookSink { url, state, heard, server }
    }

    pub fn requests(&self) -> Vec<Received> {
        self.state.requests.lock().unwrap().clone()
    }

    pub fn connections(&self) -> usize {
        *self.state.connections.lock().unwrap()
    }

    /// What comes next, from now on.
    pub fn answer(&self, replies: impl IntoIterator<Item = Reply>) {
        *self.state.replies.lock().unwrap() = replies.into_iter().collect();
    }

    /// Waits until `count` requests were read.
    pub async fn received(&self, count: usize) -> Vec<Received> {
        let mut heard = self.heard.clone();
        let enough = heard.wait_for(|heard| *heard >= count);
        tokio::time::timeout(Duration::from_secs(20), enough).await.expect("the requests in time").expect("a server");
        self.requests()
    }
}

impl Drop for WebhookSink {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, state: Arc<State>, tell: Arc<watch::Sender<usize>>) {
    while let Ok((stream, _)) = listener.accept().await {
        *state.connections.lock().unwrap() += 1;
        tokio::spawn(converse(stream, Arc::clone(&state), Arc::clone(&tell)));
    }
}

fn next(state: &State) -> Reply {
    let mut replies = state.replies.lock().unwrap();
    if replies.len() > 1 { replies.pop_front() } else { replies.front().cloned() }.unwrap_or(Reply::Status(200))
}

/// The reply that comes before any request is read, if that is what is next. Only then is it taken from the list: a
/// connection that is kept open must not use up the reply to somebody else's request.
fn next_at_once(state: &State) -> Option<Reply> {
    let at_once = matches!(state.replies.lock().unwrap().front(), Some(Reply::CloseEarly | Reply::HangBeforeReading));
    at_once.then(|| next(state))
}

async fn converse(mut stream: TcpStream, state: Arc<State>, tell: Arc<watch::Sender<usize>>) {
    match next_at_once(&state) {
        Some(Reply::HangBeforeReading) => std::future::pending::<()>().await,
        Some(_) => return,
        None => {}
    }
    loop {
        let Some(request) = read(&mut stream).await else { return };
        let reply = next(&state);
        state.requests.lock().unwrap().push(request);
        tell.send_modify(|heard| *heard += 1);
        let head = match reply {
            Reply::HangAfterReading => return std::future::pending().await,
            Reply::CloseAfterReading | Reply::CloseEarly | Reply::HangBeforeReading => return,
            Reply::Status(status) => format!("HTTP/1.1 {status} Told\r\nContent-Length: 2\r\n\r\nok"),
            Reply::Body(status, body) => {
                format!("HTTP/1.1 {status} Told\r\nContent-Length: {}\r\n\r\n{body}", body.len())
            }
            Reply::With(status, name, value) => {
                format!("HTTP/1.1 {status} Told\r\n{name}: {value}\r\nContent-Length: 0\r\n\r\n")
            }
            Reply::EndlessBody => return endless(stream).await,
        };
        if stream.write_all(head.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn endless(mut stream: TcpStream) {
    let mut open = stream.write_all(b"HTTP/1.1 200 Told\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    while open.is_ok() {
        open = stream.write_all(chunk.as_bytes()).await;
    }
}

/// One request with a `Content-Length`, or `None` when the other side is gone.
pub async fn read(stream: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        more(stream, &mut bytes).await?;
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let mut lines = head.trim_end().split("\r\n");
    let line = lines.next()?.to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect();
    let mut received = Received { line, headers, body: String::new() };
    let length: usize = received.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    while bytes.len() < head_end + length {
        more(stream, &mut bytes).await?;
    }
    received.body = String::from_utf8_lossy(&bytes[head_end..head_end + length]).into_owned();
    Some(received)
}

async fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    let mut part = [0; 4_096];
    match stream.read(&mut part).await {
        Ok(0) | Err(_) => None,
        Ok(count) => {
            bytes.extend_from_slice(&part[..count]);
            Some(())
        }
    }
}
