use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::engine::ports::{Address, Message};

/// Somebody who takes messages from us: an SMS gateway, a mail relay, the outbox of dev mode.
#[async_trait]
pub trait Provider: Send + Sync {
    /// The name in the configuration and in the logs.
    fn name(&self) -> &'static str;

    /// Hands `message` over, once.
    ///
    /// # Errors
    /// [`Failure`], which tells the three cases apart that lead to different things.
    async fn send(&self, message: &Message, time: &Deadline) -> Result<(), Failure>;
}

/// The two ends that one try has.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    /// A try whose request is not out by now is given up as not accepted, so that the next provider has time left.
    pub start_by: Instant,
    /// An answer that is not here by now makes the outcome unknown.
    pub end_by: Instant,
}

/// Why a provider did not confirm a message. The text is for the log: it holds no code and no whole address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It certainly did not take the message and may do so later: no connection, no TLS, 429, most of 5xx.
    #[error("not accepted: {reason}")]
    NotAccepted { reason: String, retry_after: Option<Duration> },
    /// It certainly did not take the message and never will.
    #[error("refused for good: {reason}")]
    Permanent { reason: String },
    /// The request went out and no answer told what became of it.
    #[error("outcome unknown: {reason}")]
    Unknown { reason: String },
}

impl Failure {
    pub fn not_accepted(reason: impl Into<String>) -> Self {
        Failure::NotAccepted { reason: reason.into(), retry_after: None }
    }

    pub fn permanent(reason: impl Into<String>) -> Self {
        Failure::Permanent { reason: reason.into() }
    }

    pub fn unknown(reason: impl Into<String>) -> Self {
        Failure::Unknown { reason: reason.into() }
    }
}

/// The address as a log may show it.
pub fn masked(to: &Address) -> String {
    match to {
        Address::Phone(phone) => phone.masked(),
        Address::Email(email) => email.masked(),
    }
}
