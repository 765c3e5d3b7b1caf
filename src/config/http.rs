use std::time::Duration;

use super::key::{Fallback, Key, Kind};
use super::password::cores;
use super::reader::{Reader, Setting};

pub(super) const KEYS: &[Key] = &[
    Key::new(
        "http.body_limit",
        Kind::Integer(1_024, 1_048_576),
        Fallback::Value("65536"),
        "Bytes in a request's body; beyond them the answer is 413.",
    ),
    Key::new(
        "http.request_timeout",
        Kind::Duration("1s", "2m"),
        Fallback::Value("15s"),
        "How long a client may take to send a request's head, and again to send its body.",
    ),
    Key::new(
        "http.keep_alive",
        Kind::Duration("0s", "10m"),
        Fallback::Value("75s"),
        "How long an idle connection stays open; `0s` closes it after each answer.",
    ),
    Key::new(
        "http.workers",
        Kind::Integer(1, 1_024),
        Fallback::Computed("one for each processor core"),
        "Threads that serve requests, at each address that is listened on.",
    ),
    Key::new(
        "http.drain_timeout",
        Kind::Duration("0s", "10m"),
        Fallback::Value("20s"),
        "How long requests in flight may take to end when the server is told to stop.",
    ),
];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// In bytes.
    pub body_limit: usize,
    pub request_timeout: Duration,
    pub keep_alive: Duration,
    pub workers: usize,
    pub drain_timeout: Duration,
}

pub(super) fn read(reader: &mut Reader) -> Option<Http> {
    let body_limit = reader.required("http.body_limit", Setting::number);
    let request_timeout = reader.required("http.request_timeout", Setting::duration);
    let keep_alive = reader.required("http.keep_alive", Setting::duration);
    let workers = reader.optional("http.workers", Setting::number);
    let drain_timeout = reader.required("http.drain_timeout", Setting::duration);
    Some(Http {
        body_limit: body_limit?,
        request_timeout: request_timeout?,
        keep_alive: keep_alive?,
        workers: workers.unwrap_or_else(cores),
        drain_timeout: drain_timeout?,
    })
}
