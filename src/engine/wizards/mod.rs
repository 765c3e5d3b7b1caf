//! Wizards: start, step, look, cancel.

mod challenge;
mod check;
mod deliver;
mod effects;
mod failures;
mod lower;
mod obey;
mod open;
mod passage;
mod refusals;
mod replay;
mod session;
mod settle;
mod start;
mod step;
mod turn;
mod view;
mod vouch;

pub use open::Gate;
pub use passage::{Admitted, Entered, Passage, Pending};
pub use start::Started;
