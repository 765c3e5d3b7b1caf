//! The store in one file: redb, for a server that is a single process.
//!
//! Always: a write is on the disk (fsync) before it is answered. One thread writes, many calls to a transaction (see
//! `writer`); reads run beside it on snapshots, off the async runtime. A fault of the disk or of the file is a
//! [`StoreError`], never a panic.
//! Never here: another process's file. The file is locked for as long as the store is open.

mod accounts;
mod answers;
mod batch;
mod disk;
#[cfg(test)]
mod faults;
mod judge;
mod layout;
mod names;
mod overlay;
mod sends;
mod sessions;
mod shared;
mod view;
mod wizards;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use redb::ReadTransaction;

use crate::engine::ports::{
    AddressKey, Attempt, Change, Commit, Health, NameTaken, RequestId, SendBudget, Store, StoreError, Subject, Verdict,
};
use crate::identity::{Account, AccountId, Ladder, LoginName, Sealed, Session, SessionId};
use crate::workflow::{Digest, Wizard, WizardId};

use batch::Batch;
use disk::Disk;
use writer::Writer;

/// How long a call may take, the disk's stalls included. A write that has not begun by then is never done; one that
/// has may still come through, and a repeat of its request is then answered with its answer.
const DEADLINE: Duration = Duration::from_secs(5);

/// The store of a server that is one process: the file `stepgate.redb` in a directory of its own.
pub struct EmbeddedStore {
    disk: Arc<Disk>,
    writer: Writer,
    round_trips: AtomicU64,
}

impl EmbeddedStore {
    /// Opens the store in `dir`; makes the directory (mode 0700) and the file (mode 0600) if need be, and repairs the
    /// file after a crash. Reads the whole file once to be sure of it. Blocks meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when another process has the file, or the disk refuses; [`StoreError::Damaged`] when
    /// the file is not a store, is damaged, or was written by a newer version. Each names the file.
    pub fn open(dir: &Path) -> Result<EmbeddedStore, StoreError> {
        let disk = Arc::new(Disk::open(dir)?);
        let writer = Writer::start(Arc::clone(&disk))?;
        Ok(EmbeddedStore { disk, writer, round_trips: AtomicU64::new(0) })
    }

    /// Transactions that reached the disk so far. Fewer than [`Self::writes`] when calls were written together.
    pub fn commits(&self) -> u64 {
        self.writer.counts().commits()
    }

    /// Calls so far that asked for a write.
    pub fn writes(&self) -> u64 {
        self.writer.counts().writes()
    }

    /// Entries past their time that were removed so far.
    pub fn swept(&self) -> u64 {
        self.writer.counts().swept()
    }

    fn count(&self) {
        self.round_trips.fetch_add(1, Ordering::Relaxed);
    }

    /// Runs `work` on a snapshot, where blocking does not hold up the runtime.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&ReadTransaction) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.count();
        let disk = Arc::clone(&self.disk);
        let done = tokio::task::spawn_blocking(move || disk.read(work));
        match tokio::time::timeout(DEADLINE, done).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(StoreError::Unavailable("reading failed midway".to_owned())),
            Err(_) => Err(StoreError::Unavailable("the disk did not answer in time".to_owned())),
        }
    }

    /// Runs `work` in the next write transaction; the answer is given once it is on the disk. `work` looks first and
    /// writes last, so that its own errors leave nothing behind.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Batch) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.count();
        match tokio::time::timeout(DEADLINE, self.writer.run(work)).await {
            Ok(answer) => answer,
            Err(_) => Err(StoreError::Unavailable("the disk did not answer in time".to_owned())),
        }
    }

    /// As [`Self::write`], but a repeat of `request` is answered with the stored answer and not run again. `now` is the
    /// caller's time, if the call has one.
    async fn write_once<T: Clone + Send + 'static>(
        &self,
        request: &RequestId,
        now: Option<DateTime<Utc>>,
        work: impl FnOnce(&mut Batch) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let request = request.clone();
        self.write(move |batch| batch.once(&request, now, work)).await
    }
}

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

    async fn fail_address(
        &self,
        request: &RequestId,
        address: &AddressKey,
        ladder: &Ladder,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        let (address, ladder) = (address.clone(), *ladder);
        let work = move |batch: &mut Batch| shared::fail_address(batch, &address, &ladder, now);
        self.write_once(request, Some(now), work).await
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
        self.read(move |view| shared::kept(view, &name)).await
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
