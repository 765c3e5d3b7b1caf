//! What the engine asks of the outside. Each adapter implements one of these and imports no other adapter.

mod clock;
mod courier;
mod store;

pub use clock::{Clock, Entropy};
pub use courier::{Address, Channel, Courier, Message, MessageKind, Receipt, SendFailure};
pub use store::{
    AccountWrite, AddressKey, Attempt, Change, Commit, Door, Durability, Health, NameTaken, NewChange, RequestId,
    SendBudget, Spend, Store, StoreError, Subject, Tries, Verdict,
};
