//! What the engine asks of the outside. Each adapter implements one of these and imports no other adapter.

mod attempt;
mod clock;
mod courier;
mod store;

pub use attempt::{AccountWrite, Attempt, Door, SendBudget, Spend, Subject, Tries, Verdict};
pub use clock::{Clock, Entropy};
pub use courier::{Address, Channel, Courier, Message, MessageKind, Receipt, SendFailure};
pub use store::{AddressKey, Change, Commit, Durability, Health, NameTaken, NewChange, RequestId, Store, StoreError};
