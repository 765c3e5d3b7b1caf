//! The account service: offer, enrol, verify and turn off, for surfaces whose clients walk no wizard, and the parts of it
//! that the wizards are made of.
//!
//! Always: a code is judged where the account's counters live, in the same atomic call that writes what it leads to; what
//! is turned on or off is in the change log, in the events and in a mail to the owner.
//! Never here: who somebody is, and which permission they need. A surface finds that out before (a sign-in, a key), and
//! says whose account it is about; what must have been proved for it is in `proof.rs`.

mod enrol;
mod off;
mod offer;
mod proof;
mod secret;
mod target;
mod verify;
mod waiting;

pub use enrol::{Enrolling, TurnedOn};
pub use offer::Offered;
pub use target::Target;
pub use verify::Verified;

use crate::engine::ports::{EventKind, Notice};
use crate::engine::{Call, Engine, Happening};
use crate::identity::{Account, AccountId, Factor, SessionId};

/// Whose doing a change is.
#[derive(Debug, Clone, Copy)]
pub enum Hand<'a> {
    /// The owner's own, in a session if there is one.
    Owner(Option<&'a SessionId>),
    /// Another account's, which has the permission.
    Account(AccountId),
    /// That of a service which the operator has registered under this name.
    Client(&'a str),
}

impl Engine {
    /// A factor went on or off: that is noted, and its owner told.
    fn tell_of_factor(&self, call: &Call, account: &Account, factor: Factor, enabled: bool, hand: Hand<'_>) {
        let kind = if enabled { EventKind::FactorEnabled } else { EventKind::FactorDisabled };
        self.note(self.by(hand, self.happening(kind).to(account.id).in_call(call).method(factor)));
        let notice = match (enabled, hand) {
            (true, _) => Notice::FactorEnabled(factor),
            (false, Hand::Owner(_)) => Notice::FactorDisabled(factor),
            (false, Hand::Account(_) | Hand::Client(_)) => Notice::FactorReset(factor),
        };
        self.tell_owner(account, notice);
    }

    /// The event with the hand that did it.
    pub(super) fn by(&self, hand: Hand<'_>, event: Happening) -> Happening {
        match hand {
            Hand::Owner(Some(session)) => event.session(session),
            Hand::Owner(None) => event,
            Hand::Account(id) => event.by_operator().detail("by", format!("account {id}")),
            Hand::Client(name) => event.by_operator().detail("by", format!("client {name}")),
        }
    }
}
