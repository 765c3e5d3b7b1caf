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
mod events;
#[cfg(test)]
mod faults;
mod judge;
mod layout;
mod names;
mod orders;
mod overlay;
mod sends;
mod sessions;
mod shared;
mod store;
mod view;
mod wizards;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use redb::ReadTransaction;

use crate::engine::ports::{RequestId, StoreError};
use crate::store::heard::Heard;
use crate::telemetry::round_trip;

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
    heard: Arc<Heard>,
    round_trips: AtomicU64,
    events_kept: u64,
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
        let heard = Arc::default();
        Ok(EmbeddedStore { disk, writer, heard, round_trips: AtomicU64::new(0), events_kept: 1_000_000 })
    }

    /// Keeps so many events, in place of a million.
    #[must_use]
    pub fn keeping_events(self, most: u64) -> EmbeddedStore {
        EmbeddedStore { events_kept: most, ..self }
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
        round_trip();
    }

    /// Runs `work` on a snapshot, where blocking does not hold up the runtime. The orders of that snapshot are heard along
    /// with it.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&ReadTransaction) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.count();
        let (disk, heard) = (Arc::clone(&self.disk), Arc::clone(&self.heard));
        let work = move |view: &ReadTransaction| orders::hear(view, &heard).and_then(|()| work(view));
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
        self.write_behind(work).await
    }

    /// As [`Self::write`], for what nobody waits for: it is no round trip of anybody's.
    async fn write_behind<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Batch) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
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
