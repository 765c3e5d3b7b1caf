//! One door for every password that comes in elsewhere than in a sign-in wizard: a surface without steps gets through an
//! ordinary sign-in at once, or with a code in a second call.
//!
//! Always: a passage is a sign-in wizard like any other, decided by the same file, judged by the same counters. It is
//! stored only once it has to wait for somebody, and goes on only at the surface at which it began.
//! Never here: how a surface words it; remembered devices, which stand in for a factor in a wizard alone.

mod choose;
mod code;
mod enter;
mod token;

use chrono::{DateTime, Utc};

use crate::engine::{SendReceipt, Tokens};
use crate::identity::{Account, Factor, Method, Secret};

/// What came of a password, or of a code after it.
#[derive(Debug, Clone)]
pub enum Passage {
    Entered(Box<Entered>),
    Asked(Pending),
}

/// Somebody who is let in.
#[derive(Debug, Clone)]
pub struct Entered {
    /// As it is after the step that let it in.
    pub account: Account,
    /// What the code proved, if one was asked for.
    pub proved: Option<Method>,
    pub admitted: Admitted,
}

/// What was opened for whoever is let in, shown once.
#[derive(Debug, Clone)]
pub enum Admitted {
    Tokens(Tokens),
    /// The hash of a panel session.
    Panel(Secret),
    Nothing,
}

/// A second factor that is waited for.
#[derive(Debug, Clone)]
pub struct Pending {
    /// What the code is to be brought with: good at this surface only, and for nothing else.
    pub token: Secret,
    /// Which code is wanted; a recovery code is as good.
    pub method: Method,
    /// All that are on, strongest first.
    pub methods: Vec<Factor>,
    /// Digits of the code; `None` for a recovery code.
    pub digits: Option<u8>,
    /// The code that is on its way, if one is.
    pub receipt: Option<SendReceipt>,
    pub expires_at: DateTime<Utc>,
}
