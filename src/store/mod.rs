//! What outlives a request: the back ends of [`crate::engine::ports::Store`].
//!
//! Always: an answer is given only for what the back end has made as durable as its `health` says; whatever is asked is
//! wholly done or not at all; a repeated request has one effect; times come from the caller, never from a server. Every
//! back end passes the same contract suite, `tests/store_contract.rs`.
//! Never here: decisions about a person, HTTP, delivery. The back ends know nothing of each other.

pub mod embedded;
pub mod redis;
