//! The one thread that writes: whatever calls have gathered while the disk was busy share the next transaction.
//!
//! Always: a call is answered after its transaction is on the disk. A call that fails has written nothing. When a commit
//! fails the file is opened anew, and the number of its last commit says whether the batch is in; until that works,
//! writes are refused.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use crate::engine::ports::StoreError;

use super::answers::Answers;
use super::batch::Batch;
use super::disk::Disk;

/// Calls that share one transaction at most.
const BATCH: usize = 256;
/// Calls that may wait. Beyond that the disk is too slow for them, and they are refused at once.
const QUEUE: usize = 8_192;

/// Tells a caller the outcome, once it is known whether the batch is on the disk.
type Reply = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// A call: runs in a batch, and gives its reply and whether it failed. `None` when nobody waits for it any more, or when
/// it has been refused.
type Job = Box<dyn FnOnce(Result<&mut Batch, StoreError>) -> Option<(Reply, bool)> + Send>;

/// Numbers for metrics.
#[derive(Debug, Default)]
pub struct Counts {
    commits: AtomicU64,
    writes: AtomicU64,
    swept: AtomicU64,
}

impl Counts {
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    pub fn swept(&self) -> u64 {
        self.swept.load(Ordering::Relaxed)
    }
}

/// The way to the writing thread. Dropping it waits for the writes under way.
pub struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    counts: Arc<Counts>,
}

impl Writer {
    pub fn start(disk: Arc<Disk>) -> Result<Writer, StoreError> {
        let (jobs, waiting) = mpsc::channel(QUEUE);
        let counts = Arc::new(Counts::default());
        let last = disk.last_commit()?;
        let desk = Desk { disk, counts: Arc::clone(&counts), last, sound: true };
        let thread = std::thread::Builder::new()
            .name("stepgate-writer".to_owned())
            .spawn(move || desk.serve(waiting))
            .map_err(|error| StoreError::Unavailable(format!("no thread to write with: {error}")))?;
        Ok(Writer { jobs: Some(jobs), thread: Some(thread), counts })
    }

    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Runs `work` in the next batch and gives its answer once that is on the disk.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Batch) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (sender, answer) = oneshot::channel();
        let job: Job = Box::new(move |batch| {
            if sender.is_closed() {
                return None;
            }
            let done = match batch {
                Ok(batch) => work(batch),
                Err(refusal) => {
                    let _ = sender.send(Err(refusal));
                    return None;
                }
            };
            let failed = done.is_err();
            let reply: Reply = Box::new(move |written| drop(sender.send(done.and_then(|done| written.map(|()| done)))));
            Some((reply, failed))
        });
        self.counts.writes.fetch_add(1, Ordering::Relaxed);
        let jobs = self.jobs.as_ref().ok_or_else(stopped)?;
        jobs.try_send(job).map_err(|_| StoreError::Unavailable("too many writes are waiting".to_owned()))?;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // It has no caller left whom a panic could be told to.
            let _ = thread.join();
        }
    }
}

fn stopped() -> StoreError {
    StoreError::Unavailable("writing failed midway".to_owned())
}

/// The writing thread's own things.
struct Desk {
    disk: Arc<Disk>,
    counts: Arc<Counts>,
    /// The number of the last commit.
    last: u64,
    /// Whether `last` is known and the last commit went well.
    sound: bool,
}

impl Desk {
    fn serve(mut self, mut waiting: mpsc::Receiver<Job>) {
        let mut answers = Answers::default();
        let mut jobs = Vec::with_capacity(BATCH);
        while waiting.blocking_recv_many(&mut jobs, BATCH) > 0 {
            answers = self.write(answers, jobs.drain(..));
        }
    }

    /// Writes a batch and answers its callers.
    fn write(&mut self, answers: Answers, jobs: impl Iterator<Item = Job>) -> Answers {
        let transaction = match self.recover().and_then(|()| self.disk.begin()) {
            Ok(transaction) => transaction,
            Err(error) => {
                self.sound = false;
                for job in jobs {
                    job(Err(error.clone()));
                }
                return answers;
            }
        };
        let mut replies = Vec::new();
        let batch = Batch::new(transaction, answers);
        let number = self.last + 1;
        // redb panics on some damage. Whoever is in the batch hears of it by the dropped reply.
        let done = catch_unwind(AssertUnwindSafe(|| run(batch, jobs, &mut replies, number)));
        let Ok(done) = done else {
            self.sound = false;
            return Answers::default();
        };
        self.settle(done, replies)
    }

    fn settle(&mut self, done: Done, replies: Vec<Reply>) -> Answers {
        let Done { mut answers, now, swept, outcome } = done;
        let outcome = match outcome {
            Ok(false) => Ok(()),
            Ok(true) => {
                self.last += 1;
                self.counts.commits.fetch_add(1, Ordering::Relaxed);
                self.counts.swept.fetch_add(swept, Ordering::Relaxed);
                Ok(())
            }
            Err(error) => self.look_into(error),
        };
        match &outcome {
            Ok(()) => answers.settle(now),
            Err(_) => answers.forget_unsettled(),
        }
        for reply in replies {
            reply(outcome.clone());
        }
        answers
    }

    /// A commit failed: the batch may be on the disk all the same. Its number there says so.
    fn look_into(&mut self, error: StoreError) -> Result<(), StoreError> {
        let expected = self.last + 1;
        tracing::error!(%error, "a write failed; the store is opened anew");
        self.sound = false;
        match self.recover() {
            Ok(()) if self.last == expected => Ok(()),
            _ => Err(error),
        }
    }

    /// Opens the file anew if the last commit failed.
    fn recover(&mut self) -> Result<(), StoreError> {
        if self.sound {
            return Ok(());
        }
        self.disk.reopen()?;
        self.last = self.disk.last_commit()?;
        self.sound = true;
        Ok(())
    }
}

/// A batch after its end.
struct Done {
    answers: Answers,
    now: u64,
    swept: u64,
    /// Whether anything was written.
    outcome: Result<bool, StoreError>,
}

fn run(mut batch: Batch, jobs: impl Iterator<Item = Job>, replies: &mut Vec<Reply>, number: u64) -> Done {
    let mut spoilt = false;
    for job in jobs {
        let before = batch.changes();
        if let Some((reply, failed)) = job(Ok(&mut batch)) {
            // Calls write last, so only a fault of the disk can do this.
            spoilt |= failed && batch.changes() > before;
            replies.push(reply);
        }
    }
    let now = batch.latest();
    if spoilt || batch.changes() == 0 {
        let (answers, aborted) = batch.abandon();
        let spoilt = if spoilt { Err(stopped()) } else { Ok(false) };
        return Done { answers, now, swept: 0, outcome: aborted.and(spoilt) };
    }
    let done = batch.commit(number);
    Done { answers: done.answers, now, swept: done.swept, outcome: done.outcome.map(|()| true) }
}
