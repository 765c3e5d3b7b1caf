//! The state machines: what the files in `workflows/` mean, the proof that they are safe, and the next step.
//!
//! Always: pure. [`decide`] is a function of the workflow, the wizard, the event, what is known, and the time; the same
//! facts that the proof counts on every path are kept in the wizard and checked again whenever something is granted.
//! Never here: stores, delivery, HTTP. Only `identity` is imported.

mod catalogue;
mod decide;
mod definition;
mod diagram;
mod fact;
mod load;
mod proof;
mod refusal;
mod report;
mod rules;
mod schema;
mod spelling;
mod vocabulary;
mod wizard;

pub use catalogue::Catalogue;
pub use decide::{Effect, Event, Evidence, Known, Place, Rejection, Transition, begin, decide};
pub use definition::{Auto, Digest, End, Route, Step, Wait, Workflow};
pub use diagram::Format;
pub use fact::{Fact, Facts};
pub use refusal::Refusal;
pub use report::{Report, check};
pub use schema::schema;
pub use spelling::Spelling;
pub use vocabulary::{Action, Ask, Grant, Outcome, Purpose, Question, TotpOf};
pub use wizard::{Answered, Challenge, Opens, Outstanding, Pending, Sends, Wizard, WizardId};
