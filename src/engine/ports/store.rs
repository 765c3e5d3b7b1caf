use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::identity::{Account, AccountId, Factor, Ladder, LoginName, MfaOrders, Sealed, Session, SessionId};
use crate::workflow::{Digest, Wizard, WizardId};

use super::attempt::{AccountWrite, Attempt, SendBudget, Subject, Verdict};
use super::event::{Event, EventRange, StoredEvent};

/// Names one call to the store: a repeat after a dropped reply is answered with the stored answer and has no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(pub String);

/// Why the store gave no answer. Whatever was asked is wholly in or wholly out.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Not reachable, not answering within the deadline, or refusing writes.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// A record that this server cannot read.
    #[error("a stored record is damaged: {0}")]
    Damaged(String),
}

/// How a compare-and-set of a wizard ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Commit {
    Done,
    /// Another step came first; this is the wizard now (`None` when it is gone). Nothing was written.
    Lost(Option<Box<Wizard>>),
}

/// A line of an account's change log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// 1 and up within the account, in the order in which the changes were made.
    pub id: u64,
    pub provider: Factor,
    pub is_enabled: bool,
    pub time: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewChange {
    pub provider: Factor,
    pub is_enabled: bool,
    pub time: DateTime<Utc>,
}

/// A client address as limits see it: an IPv4 address, or an IPv6 /64.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AddressKey(pub String);

/// Another account has this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameTaken(pub LoginName);

/// Until when an account's doors are blocked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Locks {
    /// No password is looked at before then.
    pub first: Option<DateTime<Utc>>,
    /// No code is looked at before then.
    pub second: Option<DateTime<Utc>>,
}

/// What became of a failure that was to be counted on a client address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressFailure {
    /// It counts; with the end of the block that it has begun, if it has begun one.
    Counted(Option<DateTime<Utc>>),
    /// The address was blocked before, until then. Nothing is counted behind a block.
    Blocked(DateTime<Utc>),
}

/// What the server behind the store really promises for a write it has acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Durability {
    /// `every_write`, `every_second`, `snapshots`, `none` or `unknown`.
    pub level: &'static str,
    /// The settings that say so, as the server gave them.
    pub settings: Vec<(String, String)>,
    /// What an operator should change, if anything.
    pub warning: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Health {
    /// `embedded`, `redis` or `redis-cluster`.
    pub backend: &'static str,
    pub durability: Durability,
}

/// Everything that outlives a request. One trait, three back ends, one contract suite.
///
/// Every method is one round trip to the back end (calls that go to several nodes or keys at once count as one), unless
/// it says otherwise. Times come from the caller: an entry past its time is gone whether or not anybody has cleaned up.
#[async_trait]
pub trait Store: Send + Sync {
    // Wizards

    /// Writes a new wizard. Its `revision` is 1.
    async fn create_wizard(&self, wizard: &Wizard) -> Result<(), StoreError>;

    async fn wizard(&self, id: WizardId) -> Result<Option<Wizard>, StoreError>;

    /// Replaces the wizard if its stored revision is `next.revision - 1`.
    async fn commit_wizard(&self, request: &RequestId, next: &Wizard) -> Result<Commit, StoreError>;

    /// The wizard, the account that `name` belongs to, and the end of the address's block if it is blocked at `now`:
    /// what a sign-in needs to begin with, fetched at once. The account may be a step behind; [`Verdict::Stale`] tells.
    async fn open_sign_in(
        &self,
        id: WizardId,
        name: &LoginName,
        address: &AddressKey,
        now: DateTime<Utc>,
    ) -> Result<(Option<Wizard>, Option<Account>, Option<DateTime<Utc>>), StoreError>;

    // Attempts

    /// See [`Attempt`].
    async fn judge(&self, attempt: &Attempt) -> Result<Verdict, StoreError>;

    /// Does `write` on the account as it was at `revision`, though its doors be blocked: nobody is guessing, somebody who
    /// may has decided. [`Verdict::Accepted`], [`Verdict::Stale`] or [`Verdict::Gone`].
    async fn write_account(
        &self,
        request: &RequestId,
        id: AccountId,
        revision: u64,
        write: &AccountWrite,
        now: DateTime<Utc>,
    ) -> Result<Verdict, StoreError>;

    /// Gives a send back that no provider took.
    async fn refund_send(
        &self,
        request: &RequestId,
        subject: &Subject,
        budget: &SendBudget,
        sent_at: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// The end of a client address's block, if it is blocked at `now`.
    async fn address_block(
        &self,
        address: &AddressKey,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, StoreError>;

    /// Counts a failure on a client address.
    async fn fail_address(
        &self,
        request: &RequestId,
        address: &AddressKey,
        ladder: &Ladder,
        now: DateTime<Utc>,
    ) -> Result<AddressFailure, StoreError>;

    /// Whether the account's doors are blocked at `now`.
    async fn locks(&self, account: AccountId, now: DateTime<Utc>) -> Result<Locks, StoreError>;

    /// Forgets the account's failures and ends its blocks.
    async fn unlock(&self, account: AccountId) -> Result<(), StoreError>;

    // Accounts

    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError>;

    /// The account as it is, not a copy under the name that may be behind. Two round trips.
    async fn account_by_name(&self, name: &LoginName) -> Result<Option<Account>, StoreError>;

    /// Gives `account` the next number and writes it under all of `names`; its `id` and `revision` are set here, and the
    /// `order` that newcomers are under at this moment.
    /// A name whose owner never came to be (a crash between the two) is taken over. A few round trips.
    async fn create_account(
        &self,
        account: Account,
        names: &[LoginName],
    ) -> Result<Result<Account, NameTaken>, StoreError>;

    /// Replaces the account if its stored revision is `next.revision - 1`, moving it from `old_names` to `names`.
    /// `Ok(Ok(false))`: it was changed or deleted in between, nothing was written. A few round trips.
    async fn replace_account(
        &self,
        next: &Account,
        old_names: &[LoginName],
        names: &[LoginName],
    ) -> Result<Result<bool, NameTaken>, StoreError>;

    /// Copies the account to where [`Store::open_sign_in`] finds it by name. Called after an attempt changed it; when it is
    /// not, the next sign-in finds it stale and goes on.
    async fn refresh_names(&self, account: &Account, names: &[LoginName]) -> Result<(), StoreError>;

    /// Deletes the account with everything of its own, sessions included. `false` when there was none.
    async fn delete_account(&self, id: AccountId, names: &[LoginName]) -> Result<bool, StoreError>;

    /// Up to `limit` accounts with a number above `after`, in order. Two round trips.
    async fn accounts(&self, after: Option<AccountId>, limit: usize) -> Result<Vec<Account>, StoreError>;

    // Orders

    /// What was ordered of everybody, as of this store's last read of a wizard, a session or an account: each of those
    /// brings it along. No round trip.
    fn orders(&self) -> Arc<MfaOrders>;

    /// Replaces the orders if the stored ones have the serial `before`, 0 where there are none. `false`: others came
    /// first, nothing was written, and [`Store::orders`] tells them.
    async fn change_orders(&self, request: &RequestId, before: u64, next: &MfaOrders) -> Result<bool, StoreError>;

    // Sessions

    /// The session, if it lives at `now`, and its account.
    async fn session(
        &self,
        account: AccountId,
        id: &SessionId,
        now: DateTime<Utc>,
    ) -> Result<Option<(Account, Session)>, StoreError>;

    /// The account's living sessions, oldest first. Two round trips.
    async fn sessions(&self, account: AccountId, now: DateTime<Utc>) -> Result<Vec<Session>, StoreError>;

    /// Replaces the session if its stored revision is `next.revision - 1`. `false`: it was changed or ended in between.
    async fn replace_session(&self, request: &RequestId, next: &Session) -> Result<bool, StoreError>;

    /// Ends one session; `false` when there was none.
    async fn end_session(&self, account: AccountId, id: &SessionId) -> Result<bool, StoreError>;

    /// Ends all sessions of the account but `keep`.
    async fn end_other_sessions(&self, account: AccountId, keep: &SessionId) -> Result<(), StoreError>;

    // Change log

    /// All changes of the account, oldest first.
    async fn changes(&self, account: AccountId) -> Result<Vec<Change>, StoreError>;

    // Events

    /// Adds events to the end of the one stream, in their order, all or none. The oldest ones go when there are more
    /// than the store was told to keep. Written behind the answer, so it does not count as a round trip.
    async fn append_events(&self, request: &RequestId, events: &[Event]) -> Result<(), StoreError>;

    /// A stretch of the stream. A cursor that cannot be one is answered as if nothing lay beyond it.
    async fn events(&self, range: &EventRange) -> Result<Vec<StoredEvent>, StoreError>;

    // What instances share

    /// Makes a workflow file known to every instance.
    async fn publish(&self, digest: &Digest, source: &str) -> Result<(), StoreError>;

    /// The source of a workflow file that some instance has published.
    async fn published(&self, digest: &Digest) -> Result<Option<String>, StoreError>;

    /// Keeps `value` under `name` unless something is kept there; what is kept now.
    async fn keep(&self, name: &str, value: &Sealed) -> Result<Sealed, StoreError>;

    /// What is kept under `name`.
    async fn kept(&self, name: &str) -> Result<Option<Sealed>, StoreError>;

    /// Puts `new` in the place of `old`; `false`: something else is kept there now, nothing was written. A repeat finds
    /// its own value and is answered `true`.
    async fn swap_kept(&self, name: &str, old: Option<&Sealed>, new: &Sealed) -> Result<bool, StoreError>;

    /// Whether the store answers, and what it promises.
    async fn health(&self) -> Result<Health, StoreError>;

    /// Round trips made so far, for tests and metrics.
    fn round_trips(&self) -> u64;
}
