//! How messages reach people: an ordered list of providers per channel, each behind one private trait.
//!
//! Always: a message is handed over within its channel's deadline; a provider that certainly did not take it is
//! followed by the next one; after an unknown outcome nothing is sent again by itself; no code and no whole address is
//! ever logged; no field of a message can add a recipient or a header.
//! Never here: who may be sent to, how often, and what the code means. Those were decided before this part is called.

mod chain;
mod events;
mod faults;
mod letter;
mod outbox;
mod posting;
mod provider;
mod smtp;
mod webhook;
mod wording;

pub use chain::Chain;
pub use events::{EventFile, EventWebhook, Queued};
pub use faults::{Fault, Faults, Switch};
pub use letter::Letter;
pub use outbox::{Outbox, OutboxMessage};
pub use smtp::{Login, Relay, Security, Sender, SenderError, Smtp, SmtpSettings};
pub use webhook::{Webhook, WebhookSettings};
pub use wording::Wording;

/// A provider cannot be set up as configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{provider}: {problem}")]
pub struct SetupError {
    /// The provider, as named in the configuration.
    pub provider: &'static str,
    pub problem: String,
}
