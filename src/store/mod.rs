//! The back ends of the [`Store`](crate::engine::ports::Store) port.
//!
//! Always: each gives the same answers, as `tests/store_contract.rs` holds them to. Whatever a method is asked to do is
//! wholly done or not at all, and what was acknowledged is as durable as `health` says.
//! Never here: rules about people or wizards beyond those that the port spells out; delivery, HTTP.

pub mod embedded;
