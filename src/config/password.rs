use super::key::{Fallback, Key, Kind};
use super::reader::{Reader, Setting};

pub(super) const KEYS: &[Key] = &[
    Key::new(
        "password.concurrency",
        Kind::Integer(1, 256),
        Fallback::Computed("one for each processor core"),
        "Passwords that are verified at the same time, each with 19 MiB of memory.",
    ),
    Key::new(
        "password.queue",
        Kind::Integer(0, 10_000),
        Fallback::Value("64"),
        "Passwords that may wait for that; beyond it the answer is 503 with `Retry-After`.",
    ),
];

/// The bounded pool that verifies passwords.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Password {
    pub concurrency: usize,
    pub queue: usize,
}

pub(super) fn read(reader: &mut Reader) -> Option<Password> {
    let concurrency = reader.optional("password.concurrency", Setting::number);
    let queue = reader.required("password.queue", Setting::number);
    Some(Password { concurrency: concurrency.unwrap_or_else(cores), queue: queue? })
}

/// Processor cores that this process may use, at most 256.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(256)
}
