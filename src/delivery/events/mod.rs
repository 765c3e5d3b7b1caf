//! Where events go beside the store's stream: a file or standard output, and an address of the operator's.
//!
//! Always: taking an event waits for nothing; what was taken is delivered in order, at least once, while the process
//! lives; what there is no room for is dropped, and the log says how much.
//! Never here: which events there are, and what they hold.

mod file;
mod queue;
mod webhook;

pub use file::EventFile;
pub use queue::Queued;
pub use webhook::EventWebhook;

#[cfg(test)]
mod tests {
    use crate::engine::ports::{Actor, Event, EventKind};
    use crate::identity::AccountId;

    pub fn event(id: &str) -> Event {
        Event {
            id: id.to_owned(),
            time: chrono::DateTime::UNIX_EPOCH,
            kind: EventKind::SignedIn,
            account: Some(AccountId(7)),
            actor: Actor::Person,
            request_id: None,
            address: None,
            client: None,
            session: None,
            wizard: None,
            method: None,
            details: std::collections::BTreeMap::new(),
        }
    }
}
