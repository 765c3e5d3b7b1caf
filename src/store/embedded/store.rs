use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::engine::ports::{
    AccountWrite, AddressFailure, AddressKey, Attempt, Change, Commit, Event, EventRange, Health, Locks, NameTaken,
    RequestId, SendBudget, Store, StoreError, StoredEvent, Subject, Verdict,
};
use crate::identity::{Account, AccountId, Ladder, LoginName, MfaOrders, Sealed, Session, SessionId};
use crate::workflow::{Digest, Wizard, WizardId};

use super::EmbeddedStore;
use super::batch::Batch;
use super::layout::{FOREVER, KEPT, encode};
use super::view::View;
use super::{accounts, events, judge, orders, sends, sessions, shared, wizards};

/// Each method runs a function of the file that bears its subject's name, on a snapshot or in a batch.
#[async_trait]
impl Store for EmbeddedStore {
    async fn create_wizard(&self, wizard: &Wizard) -> Result<(), StoreError> {
        let wizard = wizard.clone();
        self.write(move |batch| wizards::create(batch, &wizard)).await
    }

    async fn wizard(&self, id: WizardId) -> Result<Option<Wizard>, StoreError> {
        self.read(move |view| wizards::load(view, id)).await
    }

    async fn commit_wizard(&self, request: &RequestId, next: &Wizard) -> Result<Commit, StoreError> {
        let next = next.clone();
        self.write_once(request, None, move |batch| wizards::commit(batch, &next)).await
    }

    async fn open_sign_in(
        &self,
        id: WizardId,
        name: &LoginName,
        address: &AddressKey,
        now: DateTime<Utc>,
    ) -> Result<(Option<Wizard>, Option<Account>, Option<DateTime<Utc>>), StoreError> {
        let (name, address) = (name.clone(), address.clone());
        self.read(move |view| {
            let wizard = wizards::load(view, id)?;
            let account = accounts::load_by_name(view, &name)?;
            Ok((wizard, account, shared::address_block(view, &address, now)?))
        })
        .await
    }

    async fn judge(&self, attempt: &Attempt) -> Result<Verdict, StoreError> {
        let attempt = attempt.clone();
        let (request, now) = (attempt.request.clone(), attempt.now);
        self.write_once(&request, Some(now), move |batch| judge::judge(batch, &attempt)).await
    }

    async fn write_account(
        &self,
        request: &RequestId,
        id: AccountId,
        revision: u64,
        write: &AccountWrite,
        now: DateTime<Utc>,
    ) -> Result<Verdict, StoreError> {
        let write = write.clone();
        let work = move |batch: &mut Batch| judge::write(batch, id, revision, &write, now);
        self.write_once(request, Some(now), work).await
    }

    async fn refund_send(
        &self,
        request: &RequestId,
        subject: &Subject,
        budget: &SendBudget,
        sent_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let (subject, budget) = (subject.clone(), budget.clone());
        let work = move |batch: &mut Batch| sends::refund(batch, &subject, &budget, sent_at);
        self.write_once(request, Some(sent_at), work).await
    }

    async fn address_block(
        &self,
        address: &AddressKey,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        let address = address.clone();
        self.read(move |view| shared::address_block(view, &address, now)).await
    }

    async fn fail_address(
        &self,
        request: &RequestId,
        address: &AddressKey,
        ladder: &Ladder,
        now: DateTime<Utc>,
    ) -> Result<AddressFailure, StoreError> {
        let (address, ladder) = (address.clone(), *ladder);
        let work = move |batch: &mut Batch| shared::fail_address(batch, &address, &ladder, now);
        self.write_once(request, Some(now), work).await
    }

    async fn locks(&self, account: AccountId, now: DateTime<Utc>) -> Result<Locks, StoreError> {
        self.read(move |view| accounts::locks(view, account, now)).await
    }

    async fn unlock(&self, account: AccountId) -> Result<(), StoreError> {
        self.write(move |batch| accounts::unlock(batch, account)).await
    }

    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.read(move |view| accounts::load(view, id)).await
    }

    async fn account_by_name(&self, name: &LoginName) -> Result<Option<Account>, StoreError> {
        let name = name.clone();
        self.read(move |view| accounts::load_by_name(view, &name)).await
    }

    async fn create_account(
        &self,
        account: Account,
        names: &[LoginName],
    ) -> Result<Result<Account, NameTaken>, StoreError> {
        let names = names.to_vec();
        self.write(move |batch| accounts::create(batch, account, &names)).await
    }

    async fn replace_account(
        &self,
        next: &Account,
        old_names: &[LoginName],
        names: &[LoginName],
    ) -> Result<Result<bool, NameTaken>, StoreError> {
        let (next, old_names, names) = (next.clone(), old_names.to_vec(), names.to_vec());
        self.write(move |batch| accounts::replace(batch, &next, &old_names, &names)).await
    }

    /// Nothing to do: a name leads to the account itself, which is never a step behind.
    async fn refresh_names(&self, _account: &Account, _names: &[LoginName]) -> Result<(), StoreError> {
        self.count();
        Ok(())
    }

    async fn delete_account(&self, id: AccountId, names: &[LoginName]) -> Result<bool, StoreError> {
        let names = names.to_vec();
        self.write(move |batch| accounts::delete(batch, id, &names)).await
    }

    async fn accounts(&self, after: Option<AccountId>, limit: usize) -> Result<Vec<Account>, StoreError> {
        self.read(move |view| accounts::list(view, after, limit)).await
    }

    fn orders(&self) -> Arc<MfaOrders> {
        self.heard.orders()
    }

    async fn change_orders(&self, request: &RequestId, before: u64, next: &MfaOrders) -> Result<bool, StoreError> {
        let next = next.clone();
        let work = move |batch: &mut Batch| orders::change(batch, before, next);
        let (done, orders) = self.write_once(request, None, work).await?;
        self.heard.learn(&encode(FOREVER, &orders)?, |_| Ok(orders.clone()))?;
        Ok(done)
    }

    async fn session(
        &self,
        account: AccountId,
        id: &SessionId,
        now: DateTime<Utc>,
    ) -> Result<Option<(Account, Session)>, StoreError> {
        let id = id.clone();
        self.read(move |view| sessions::load_with_account(view, account, &id, now)).await
    }

    async fn sessions(&self, account: AccountId, now: DateTime<Utc>) -> Result<Vec<Session>, StoreError> {
        self.read(move |view| sessions::list(view, account, now)).await
    }

    async fn replace_session(&self, request: &RequestId, next: &Session) -> Result<bool, StoreError> {
        let next = next.clone();
        self.write_once(request, None, move |batch| sessions::replace(batch, &next)).await
    }

    async fn end_session(&self, account: AccountId, id: &SessionId) -> Result<bool, StoreError> {
        let id = id.clone();
        self.write(move |batch| sessions::end(batch, account, &id)).await
    }

    async fn end_other_sessions(&self, account: AccountId, keep: &SessionId) -> Result<(), StoreError> {
        let keep = keep.clone();
        self.write(move |batch| sessions::end_others(batch, account, Some(&keep))).await
    }

    async fn changes(&self, account: AccountId) -> Result<Vec<Change>, StoreError> {
        self.read(move |view| accounts::changes(view, account)).await
    }

    async fn append_events(&self, request: &RequestId, events: &[Event]) -> Result<(), StoreError> {
        if events.is_empty() {
            return Ok(());
        }
        let (request, events, kept) = (request.clone(), events.to_vec(), self.events_kept);
        self.write_behind(move |batch| batch.once(&request, None, |batch| events::append(batch, &events, kept))).await
    }

    async fn events(&self, range: &EventRange) -> Result<Vec<StoredEvent>, StoreError> {
        let range = range.clone();
        self.read(move |view| events::range(view, &range)).await
    }

    async fn publish(&self, digest: &Digest, source: &str) -> Result<(), StoreError> {
        let (digest, source) = (digest.clone(), source.to_owned());
        self.write(move |batch| shared::publish(batch, &digest, &source)).await
    }

    async fn published(&self, digest: &Digest) -> Result<Option<String>, StoreError> {
        let digest = digest.clone();
        self.read(move |view| shared::published(view, &digest)).await
    }

    async fn keep(&self, name: &str, value: &Sealed) -> Result<Sealed, StoreError> {
        let (name, value) = (name.to_owned(), value.clone());
        self.write(move |batch| shared::keep(batch, &name, value)).await
    }

    async fn kept(&self, name: &str) -> Result<Option<Sealed>, StoreError> {
        let name = name.to_owned();
        self.read(move |view| view.find(&KEPT, &name)).await
    }

    async fn swap_kept(&self, name: &str, old: Option<&Sealed>, new: &Sealed) -> Result<bool, StoreError> {
        let (name, old, new) = (name.to_owned(), old.cloned(), new.clone());
        self.write(move |batch| shared::swap_kept(batch, &name, old.as_ref(), &new)).await
    }

    async fn health(&self) -> Result<Health, StoreError> {
        // As a write that changes nothing: it waits for the writing thread, and opens the file anew after a fault.
        self.write(|batch| shared::health(batch)).await
    }

    fn round_trips(&self) -> u64 {
        self.round_trips.load(Ordering::Relaxed)
    }
}
