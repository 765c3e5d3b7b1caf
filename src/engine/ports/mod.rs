//! What the engine asks of the outside. Each adapter implements one of these and imports no other adapter.

mod attempt;
mod clock;
mod courier;
mod directory;
mod event;
mod store;

pub use attempt::{AccountWrite, Attempt, Door, EndSessions, SendBudget, Spend, Subject, Tries, Verdict};
pub use clock::{Clock, Entropy};
pub use courier::{Address, Channel, Courier, Message, MessageKind, Notice, Receipt, SendFailure};
pub use directory::{Directory, DirectoryError, Person};
pub use event::{Actor, Event, EventKind, EventRange, EventSink, StoredEvent};
pub use store::{
    AddressFailure, AddressKey, Change, Commit, Durability, Health, Locks, NameTaken, NewChange, RequestId, Store,
    StoreError,
};
