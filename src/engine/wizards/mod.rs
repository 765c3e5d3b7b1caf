//! Wizards: start, step, look, cancel.

mod check;
mod deliver;
mod lower;
mod open;
mod replay;
mod settle;
mod start;
mod step;
mod view;
mod vouch;

pub use open::Gate;
pub use start::Started;
