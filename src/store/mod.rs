//! What outlives a request: the back ends of the [`Store`](crate::engine::ports::Store) port.
//!
//! Always: each gives the same answers, as `tests/store_contract.rs` holds them to. Whatever a method is asked to do is
//! wholly done or not at all, what was acknowledged is as durable as `health` says, and a repeated request has one
//! effect. Times come from the caller, never from a server.
//! Never here: rules about people or wizards beyond those that the port spells out; delivery, HTTP. The back ends know
//! nothing of each other.

pub mod embedded;
mod heard;
pub mod redis;
