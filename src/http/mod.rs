//! The HTTP surfaces: parse, call the engine, render.
//!
//! Always: a handler holds no state, counts nothing and invents no status: refusals become problems by one table
//! (`problem/table.rs`). Every answer carries `X-Request-Id` and `Cache-Control: no-store`.
//! Never here: decisions about people. No surface knows another; no store, no courier.

mod admin;
mod answer;
mod body;
mod context;
mod dev;
mod docs;
mod flag;
mod flexi;
mod frame;
mod head;
mod health;
mod mfao;
mod mounts;
mod navixy;
mod problem;
mod surface;
mod times;
mod unread;
mod veeam;
mod wizard;

pub use docs::{Document, document};
pub use frame::{cors, frame};
pub use mounts::{Mount, Mounts, routes};
pub use problem::words;
pub use surface::{DevClock, DevFaults, DevOutbox, FaultName, FaultSwitch, SentMessage, Surface, Via};
