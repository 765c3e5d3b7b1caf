use std::path::PathBuf;
use std::time::Duration;

use super::key::{Fallback, Key, Kind};
use super::reader::{Reader, Setting};

pub(super) const KEYS: &[Key] = &[
    Key::new(
        "redis.prefix",
        Kind::Text("0 to 32 letters, digits and `:._-`"),
        Fallback::Value("stepgate:"),
        "What every key in Redis begins with, so that several installations can share a server.",
    ),
    Key::new("redis.timeout", Kind::Duration("10ms", "30s"), Fallback::Value("1s"), "How long one command may take."),
    Key::new(
        "redis.connect_timeout",
        Kind::Duration("10ms", "30s"),
        Fallback::Value("2s"),
        "How long a connection may take to stand, TLS included; to a node of a cluster no more than a quarter of `redis.timeout`.",
    ),
    Key::new(
        "redis.ca_file",
        Kind::Text("a file in PEM form that exists"),
        Fallback::Unset,
        "Certificates that are trusted for Redis beside the public ones.",
    ),
    Key::new(
        "redis.allow_eviction",
        Kind::Flag,
        Fallback::Value("false"),
        "Start on a Redis that may evict keys and so forget lockouts, sessions and accounts.",
    ),
];

/// How Redis is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redis {
    pub prefix: String,
    pub timeout: Duration,
    pub connect_timeout: Duration,
    pub ca_file: Option<PathBuf>,
    pub allow_eviction: bool,
}

pub(super) fn read(reader: &mut Reader) -> Option<Redis> {
    let prefix = reader.required("redis.prefix", prefix);
    let timeout = reader.required("redis.timeout", Setting::duration);
    let connect_timeout = reader.required("redis.connect_timeout", Setting::duration);
    let ca_file = reader.optional("redis.ca_file", Setting::file);
    let allow_eviction = reader.required("redis.allow_eviction", Setting::flag);
    Some(Redis {
        prefix: prefix?,
        timeout: timeout?,
        connect_timeout: connect_timeout?,
        ca_file,
        allow_eviction: allow_eviction?,
    })
}

/// No braces: they would move the hash slot.
fn prefix(setting: &Setting) -> Result<String, String> {
    let text = setting.text()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '.' | '_' | '-');
    if text.len() <= 32 && text.chars().all(plain) {
        Ok(text)
    } else {
        Err(format!("{} does not fit", setting.shown()))
    }
}
