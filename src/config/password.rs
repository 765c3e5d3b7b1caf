use std::path::PathBuf;

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
    Key::new(
        "password.min_score",
        Kind::Integer(0, 4),
        Fallback::Value("3"),
        "The least strength of a password that a person chooses, as zxcvbn scores it: 3 withstands 10⁸ guesses, 4 10¹⁰; 0 takes any that is long enough and not common.",
    ),
    Key::new(
        "password.list",
        Kind::Text("a file"),
        Fallback::Computed("the built-in list"),
        "Passwords that nobody may choose: one per line, or one SHA-1 digest in hexadecimal per line as lists of breached passwords come (`:count` after it is passed over). At most 20,000,000 lines; each takes 8 bytes of memory.",
    ),
];

/// The bounded pool that verifies passwords, and how strong they must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Password {
    pub concurrency: usize,
    pub queue: usize,
    /// 0 to 4.
    pub min_score: u8,
    /// The built-in list when `None`.
    pub list: Option<PathBuf>,
}

pub(super) fn read(reader: &mut Reader) -> Option<Password> {
    let concurrency = reader.optional("password.concurrency", Setting::number);
    let queue = reader.required("password.queue", Setting::number);
    let (min_score, list) =
        (reader.required("password.min_score", Setting::number), reader.optional("password.list", Setting::file));
    Some(Password { concurrency: concurrency.unwrap_or_else(cores), queue: queue?, min_score: min_score?, list })
}

/// Processor cores that this process may use, at most 256.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(256)
}
