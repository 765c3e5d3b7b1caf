//! Wizards: start, step, look, cancel.

mod challenge;
mod check;
mod deliver;
mod effects;
mod failures;
mod lower;
mod open;
mod refusals;
mod replay;
mod settle;
mod start;
mod step;
mod view;
mod vouch;

pub use open::Gate;
pub use start::Started;
