use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::engine::ports::{
    AccountWrite, AddressFailure, AddressKey, Attempt, Change, Commit, Event, EventRange, Health, Locks, NameTaken,
    RequestId, SendBudget, Store, StoreError, StoredEvent, Subject, Verdict,
};
use crate::identity::{Account, AccountId, Ladder, LoginName, MfaOrders, Sealed, Session, SessionId};
use crate::workflow::{Digest, Wizard, WizardId};

use super::RedisStore;

/// The work is in the files that bear the names of these methods' subjects.
#[async_trait]
impl Store for RedisStore {
    async fn create_wizard(&self, wizard: &Wizard) -> Result<(), StoreError> {
        RedisStore::create_wizard(self, wizard).await
    }

    async fn wizard(&self, id: WizardId) -> Result<Option<Wizard>, StoreError> {
        RedisStore::wizard(self, id).await
    }

    async fn commit_wizard(&self, request: &RequestId, next: &Wizard) -> Result<Commit, StoreError> {
        RedisStore::commit_wizard(self, request, next).await
    }

    async fn open_sign_in(
        &self,
        id: WizardId,
        name: &LoginName,
        address: &AddressKey,
        now: DateTime<Utc>,
    ) -> Result<(Option<Wizard>, Option<Account>, Option<DateTime<Utc>>), StoreError> {
        RedisStore::open_sign_in(self, id, name, address, now).await
    }

    async fn judge(&self, attempt: &Attempt) -> Result<Verdict, StoreError> {
        RedisStore::judge(self, attempt).await
    }

    async fn write_account(
        &self,
        request: &RequestId,
        id: AccountId,
        revision: u64,
        write: &AccountWrite,
        now: DateTime<Utc>,
    ) -> Result<Verdict, StoreError> {
        RedisStore::write_account(self, request, id, revision, write, now).await
    }

    async fn refund_send(
        &self,
        request: &RequestId,
        subject: &Subject,
        budget: &SendBudget,
        sent_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        RedisStore::refund_send(self, request, subject, budget, sent_at).await
    }

    async fn address_block(
        &self,
        address: &AddressKey,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        RedisStore::address_block(self, address, now).await
    }

    async fn fail_address(
        &self,
        request: &RequestId,
        address: &AddressKey,
        ladder: &Ladder,
        now: DateTime<Utc>,
    ) -> Result<AddressFailure, StoreError> {
        RedisStore::fail_address(self, request, address, ladder, now).await
    }

    async fn locks(&self, account: AccountId, now: DateTime<Utc>) -> Result<Locks, StoreError> {
        RedisStore::locks(self, account, now).await
    }

    async fn unlock(&self, account: AccountId) -> Result<(), StoreError> {
        RedisStore::unlock(self, account).await
    }

    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        RedisStore::account(self, id).await
    }

    async fn account_by_name(&self, name: &LoginName) -> Result<Option<Account>, StoreError> {
        RedisStore::account_by_name(self, name).await
    }

    async fn create_account(
        &self,
        account: Account,
        names: &[LoginName],
    ) -> Result<Result<Account, NameTaken>, StoreError> {
        RedisStore::create_account(self, account, names).await
    }

    async fn replace_account(
        &self,
        next: &Account,
        old_names: &[LoginName],
        names: &[LoginName],
    ) -> Result<Result<bool, NameTaken>, StoreError> {
        RedisStore::replace_account(self, next, old_names, names).await
    }

    async fn refresh_names(&self, account: &Account, names: &[LoginName]) -> Result<(), StoreError> {
        RedisStore::refresh_names(self, account, names).await
    }

    async fn delete_account(&self, id: AccountId, names: &[LoginName]) -> Result<bool, StoreError> {
        RedisStore::delete_account(self, id, names).await
    }

    async fn accounts(&self, after: Option<AccountId>, limit: usize) -> Result<Vec<Account>, StoreError> {
        RedisStore::accounts(self, after, limit).await
    }

    fn orders(&self) -> Arc<MfaOrders> {
        RedisStore::orders(self)
    }

    async fn change_orders(&self, request: &RequestId, before: u64, next: &MfaOrders) -> Result<bool, StoreError> {
        RedisStore::change_orders(self, request, before, next).await
    }

    async fn session(
        &self,
        account: AccountId,
        id: &SessionId,
        now: DateTime<Utc>,
    ) -> Result<Option<(Account, Session)>, StoreError> {
        RedisStore::session(self, account, id, now).await
    }

    async fn sessions(&self, account: AccountId, now: DateTime<Utc>) -> Result<Vec<Session>, StoreError> {
        RedisStore::sessions(self, account, now).await
    }

    async fn replace_session(&self, request: &RequestId, next: &Session) -> Result<bool, StoreError> {
        RedisStore::replace_session(self, request, next).await
    }

    async fn end_session(&self, account: AccountId, id: &SessionId) -> Result<bool, StoreError> {
        RedisStore::end_session(self, account, id).await
    }

    async fn end_other_sessions(&self, account: AccountId, keep: &SessionId) -> Result<(), StoreError> {
        RedisStore::end_other_sessions(self, account, keep).await
    }

    async fn changes(&self, account: AccountId) -> Result<Vec<Change>, StoreError> {
        RedisStore::changes(self, account).await
    }

    async fn append_events(&self, request: &RequestId, events: &[Event]) -> Result<(), StoreError> {
        RedisStore::append_events(self, request, events).await
    }

    async fn events(&self, range: &EventRange) -> Result<Vec<StoredEvent>, StoreError> {
        RedisStore::events(self, range).await
    }

    async fn publish(&self, digest: &Digest, source: &str) -> Result<(), StoreError> {
        RedisStore::publish(self, digest, source).await
    }

    async fn published(&self, digest: &Digest) -> Result<Option<String>, StoreError> {
        RedisStore::published(self, digest).await
    }

    async fn keep(&self, name: &str, value: &Sealed) -> Result<Sealed, StoreError> {
        RedisStore::keep(self, name, value).await
    }

    async fn kept(&self, name: &str) -> Result<Option<Sealed>, StoreError> {
        RedisStore::kept(self, name).await
    }

    async fn swap_kept(&self, name: &str, old: Option<&Sealed>, new: &Sealed) -> Result<bool, StoreError> {
        RedisStore::swap_kept(self, name, old, new).await
    }

    async fn health(&self) -> Result<Health, StoreError> {
        RedisStore::health(self).await
    }

    fn round_trips(&self) -> u64 {
        self.link.round_trips()
    }
}
