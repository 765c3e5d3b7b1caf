use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use argon2::Block;
use tokio::sync::oneshot;

use super::PasswordError;
use super::stored;
use crate::engine::Turn;

type Job = Box<dyn FnOnce(&mut Memory) + Send>;

/// Threads of their own for what is computed of passwords. Each keeps the memory that a hash of our own works in, so
/// that no hash allocates it anew: what is freed on many threads stays with the allocator of each of them.
pub(super) struct Pool {
    jobs: Sender<Job>,
    made: Arc<AtomicUsize>,
}

/// What one hash at a time works in: 19 MiB from the first one on.
///
/// It is not wiped after a hash, as the crate does not wipe what it frees: the next one writes over all of it.
pub(super) struct Memory {
    blocks: Vec<Block>,
    made: Arc<AtomicUsize>,
}

impl Memory {
    pub(super) fn new() -> Self {
        Memory { blocks: Vec::new(), made: Arc::default() }
    }

    /// As many blocks as a hash with our own parameters needs.
    ///
    /// # Errors
    /// [`PasswordError::Failed`] when the machine has no memory left.
    pub(super) fn blocks(&mut self) -> Result<&mut [Block], PasswordError> {
        if self.blocks.is_empty() {
            let count = stored::block_count();
            self.blocks.try_reserve_exact(count).map_err(|_| PasswordError::Failed)?;
            self.blocks.resize(count, Block::new());
            self.made.fetch_add(1, Ordering::Relaxed);
        }
        Ok(&mut self.blocks)
    }
}

impl Pool {
    /// `size` threads, at least 1, one of which has the memory that is there already. They end with the pool.
    ///
    /// # Errors
    /// [`PasswordError::Failed`] when they cannot be started.
    pub(super) fn start(size: usize, first: Memory) -> Result<Self, PasswordError> {
        let (jobs, queue) = channel::<Job>();
        let (queue, made) = (Arc::new(Mutex::new(queue)), Arc::clone(&first.made));
        let mut first = Some(first);
        for number in 0..size {
            let another = || Memory { blocks: Vec::new(), made: Arc::clone(&made) };
            let (queue, memory) = (Arc::clone(&queue), first.take().unwrap_or_else(another));
            let thread = thread::Builder::new().name(format!("passwords-{number}"));
            thread.spawn(move || work(&queue, memory)).map_err(|_| PasswordError::Failed)?;
        }
        Ok(Pool { jobs, made })
    }

    /// Has `work` done on one of the threads, within `turn`, which lasts until then though nobody waits for the outcome.
    ///
    /// # Errors
    /// [`PasswordError::Failed`] when it does not come to an end.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        turn: Turn,
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let (tell, told) = oneshot::channel();
        let job = move |memory: &mut Memory| {
            let outcome = work(memory);
            // Before anybody hears of it: the next one must not find this turn still taken.
            drop(turn);
            let _ = tell.send(outcome);
        };
        self.jobs.send(Box::new(job)).map_err(|_| PasswordError::Failed)?;
        told.await.map_err(|_| PasswordError::Failed)
    }

    /// Memories made so far.
    pub(super) fn made(&self) -> usize {
        self.made.load(Ordering::Relaxed)
    }
}

fn work(queue: &Mutex<Receiver<Job>>, mut memory: Memory) {
    loop {
        // One of the idle threads waits for a job, the others for its place.
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        if catch_unwind(AssertUnwindSafe(|| job(&mut memory))).is_err() {
            tracing::error!("a computation on a password has panicked");
        }
    }
}
