use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::identity::{Account, AccountId, Factor, Ladder, Method, Session, SessionId};
use crate::workflow::WizardId;

use super::store::{NewChange, RequestId};

/// Who an attempt is counted on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    Account(AccountId),
    /// A name, by the keyed digest of its [`LoginName`](crate::identity::LoginName): one that nobody has, so that it runs
    /// into the same limits as a known one; or one that somebody has, where an answer must not tell which. It has doors,
    /// tries, spent codes and send budgets like an account, and no record that could be written. All of it is forgotten
    /// in time.
    Name(String),
}

/// Which of an account's two counters an attempt belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// Passwords.
    First,
    /// Codes of every kind, on every surface.
    Second,
}

/// Something to be judged where the counters live: one atomic call.
///
/// The order is part of the contract: 1. a repeated `request` → the stored answer; 2. no such account (and the subject is
/// no name) → `Gone`;
/// 3. `spend` already spent by the same `operation` → `Accepted`, without doing `write` again; 4. blocked, and `spend` is
/// no token → `Blocked`;
/// 5. `tries` used up → `Exhausted`; 6. `revision` not the account's → `Stale`, nothing counted: what is wrong for an
/// account as it was may be right for it as it is; 7. wrong → counted on the door and on `tries`, `Wrong`; 8. `spend` spent by another operation → `Spent`, counted as a failure
/// unless it is a token;
/// 9. a code is to be sent and the second door is blocked → `Blocked`, nothing written: nobody could use the code;
/// 10. a send budget used up → `OverBudget`, nothing written; 11. `Accepted`: the door's tally is cleared when `right`
/// is `Some(true)`, the code is spent, `write` is done.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub request: RequestId,
    pub now: DateTime<Utc>,
    pub subject: Subject,
    /// The revision of the account that was decided upon; `None` for [`Subject::Name`].
    pub revision: Option<u64>,
    pub door: Door,
    pub ladder: Ladder,
    /// Whether the password or code is right; `None` when nothing is being checked (a code is only sent), or when what
    /// is right proves nothing that the account has on: then nothing is cleared, but a block still refuses, and `spend`
    /// still counts when it was spent.
    pub right: Option<bool>,
    /// What a right code uses up.
    pub spend: Option<Spend>,
    /// Who spends it: the same for every repeat of the same step of the same wizard.
    pub operation: String,
    /// The guesses that one wizard is given.
    pub tries: Option<Tries>,
    pub write: AccountWrite,
}

/// What can be used once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spend {
    /// A sent code, by its digest. Remembered for `keep` seconds, longer than it could be accepted.
    Code { digest: String, keep: u64 },
    /// A step of the account's authenticator app: it and all before it are spent (RFC 6238 §5.2).
    TotpStep(u64),
    /// A success token, by its digest; remembered likewise. Nobody guesses one: a used one is refused and not counted,
    /// and a blocked door does not refuse a fresh one, for then whoever knows a password could keep its owner from
    /// setting another by guessing codes.
    Token { digest: String, keep: u64 },
}

/// Wrong guesses made in one wizard; counted on the account, under the wizard's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tries {
    pub wizard: WizardId,
    pub limit: u32,
    /// Seconds to remember them, longer than the wizard lives.
    pub keep: u64,
}

/// What an accepted attempt changes on the account; all of it or nothing.
#[derive(Debug, Clone, Default)]
pub struct AccountWrite {
    /// The account as it shall be; its `revision` is one more than the attempt's.
    pub account: Option<Account>,
    /// Lines for the change log, in their order; their numbers are given by the store.
    pub changes: Vec<NewChange>,
    /// A session to open, unless one of this name exists.
    pub open_session: Option<Session>,
    /// The second factor was just proved in this session: noted with the time.
    pub proved: Option<(SessionId, Method)>,
    pub end_sessions: Option<EndSessions>,
    /// A code is about to be sent.
    pub send: Option<SendBudget>,
}

/// Which of an account's sessions are to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndSessions {
    All,
    AllBut(SessionId),
}

/// How many codes may be sent for an account on a channel: each window (seconds, sends) on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendBudget {
    pub channel: Factor,
    pub windows: Vec<(u64, u32)>,
}

/// The judgement on an [`Attempt`].
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    Accepted,
    /// Wrong, and counted. `left`: failures before the next block, or guesses left in this wizard if fewer.
    /// `blocked_until`: the end of the block that this failure began. `exhausted`: this wizard has none left.
    Wrong {
        left: u32,
        blocked_until: Option<DateTime<Utc>>,
        exhausted: bool,
    },
    /// Not looked at: the door is blocked until then. Or right, but of no use before then: a code would have to be sent,
    /// and the second door is blocked.
    Blocked {
        until: DateTime<Utc>,
    },
    /// Not looked at: this wizard has no guesses left.
    Exhausted,
    /// Right, but already used. Counted as a failure.
    Spent {
        left: u32,
        blocked_until: Option<DateTime<Utc>>,
    },
    /// The account has changed since; this is how it stands. To be decided again.
    Stale(Box<Account>),
    /// The account is gone.
    Gone,
    /// No further code may be sent on this channel before then.
    OverBudget {
        until: DateTime<Utc>,
    },
}
