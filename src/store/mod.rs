//! What outlives a request: the back ends of [`crate::engine::ports::Store`].
//!
//! Always: an answer is given only for what the server behind it has acknowledged; a repeated request has one effect;
//! times come from the caller, never from a server. Every back end passes the same contract suite.
//! Never here: decisions about a person, HTTP, delivery. The back ends know nothing of each other.

pub mod redis;
