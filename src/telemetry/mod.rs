//! Logs: where they go, what they look like, and what must never be in them. And what a request has cost, for whoever
//! asks: round trips to the store, and time by phase.
//!
//! Always: whatever a client wrote passes through [`sane`] before it reaches a log line, and every query string
//! through [`redact_query`]; libraries below us log warnings only, for their finer levels print what they carry; and no
//! client can have an error logged by sending what is no request.
//! Never here: any other part of the crate. This module imports none.

mod cause;
mod phases;
mod redact;
mod sane;
mod trips;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

pub use cause::cause;
pub use phases::Phases;
pub use redact::{redact_path, redact_query};
pub use sane::sane;
pub use trips::{counted, round_trip};

/// What a log line looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// Logs are already being written by somebody else in this process.
#[derive(Debug, thiserror::Error)]
#[error("logging is already set up: {0}")]
pub struct AlreadySetUp(String);

/// Writes this crate's events from `level` on, and the warnings of all others, to standard error.
///
/// # Errors
/// When called a second time in one process.
pub fn init(format: Format, level: tracing::Level) -> Result<(), AlreadySetUp> {
    let builder = tracing_subscriber::fmt().with_env_filter(filter(level)).with_writer(std::io::stderr);
    match format {
        Format::Text => builder.with_ansi(false).finish().try_init(),
        Format::Json => builder.json().flatten_event(true).finish().try_init(),
    }
    .map_err(|error| AlreadySetUp(error.to_string()))
}

/// What reads requests off a connection. It calls it an error of the server that a client sent none, or went away.
const READERS: [&str; 2] = ["actix_http::h1::dispatcher", "actix_http::h1::decoder"];

fn filter(level: tracing::Level) -> EnvFilter {
    let others = level.min(tracing::Level::WARN);
    let silent: String = READERS.map(|target| format!(",{target}=off")).concat();
    EnvFilter::new(format!("{others},stepgate={level}{silent}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_never_log_more_than_warnings() {
        let silent = "actix_http::h1::dispatcher=off,actix_http::h1::decoder=off";
        assert_eq!(filter(tracing::Level::TRACE).to_string(), format!("{silent},stepgate=trace,warn"));
        assert_eq!(filter(tracing::Level::ERROR).to_string(), format!("{silent},stepgate=error,error"));
    }
}
