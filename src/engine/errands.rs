use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

/// What is done behind an answer: events that are noted, and messages whose sending must not be felt by whoever waits
/// for the answer.
///
/// On the server's own runtime, so that a worker that stops takes nothing with it; a bounded number at a time; and
/// waited for when the server stops. A killed process loses what had not been done yet, which is never anything that
/// was promised to a client.
#[derive(Clone)]
pub struct Errands {
    runtime: Handle,
    tracker: TaskTracker,
    room: Arc<Semaphore>,
}

impl Errands {
    /// Errands that may wait or run at a time; beyond them a new one is dropped, and the log says so.
    const MOST: usize = 4_096;

    /// To be called on the runtime that errands are to run on.
    pub fn new() -> Self {
        Errands { runtime: Handle::current(), tracker: TaskTracker::new(), room: Arc::new(Semaphore::new(Self::MOST)) }
    }

    /// Runs `errand` by and by; `what` names it in the log if there is no room for it.
    pub fn run(&self, what: &'static str, errand: impl Future<Output = ()> + Send + 'static) {
        let Ok(room) = Arc::clone(&self.room).try_acquire_owned() else {
            tracing::error!(what, "too much is waiting to be done; dropped");
            return;
        };
        let errand = async move {
            errand.await;
            drop(room);
        };
        self.tracker.spawn_on(errand, &self.runtime);
    }

    /// Returns when everything that was under way has been done.
    pub async fn idle(&self) {
        self.tracker.close();
        self.tracker.wait().await;
        self.tracker.reopen();
    }

    /// As [`Self::idle`], but no longer than this; whether all was done.
    pub async fn finish(&self, within: Duration) -> bool {
        tokio::time::timeout(within, self.idle()).await.is_ok()
    }
}

impl Default for Errands {
    fn default() -> Self {
        Self::new()
    }
}
