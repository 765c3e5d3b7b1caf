use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::engine::ports::{Entropy, Event, EventSink};

/// Events that may wait; beyond them new ones are dropped.
const ROOM: usize = 10_000;

/// Events that are delivered together.
const BATCH: usize = 100;

/// What the first retry waits at most; each further one may wait twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The longest wait between two tries, and that of a server that is stopping.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
const LAST_WAIT: Duration = Duration::from_millis(500);

/// Somewhere that takes events, one batch at a time.
#[async_trait]
pub trait Outlet: Send + Sync + 'static {
    /// The name in the logs.
    fn name(&self) -> &'static str;

    /// Hands a batch over, whole and in order. A batch that failed comes again unchanged.
    ///
    /// # Errors
    /// In words for the log, without secrets.
    async fn deliver(&mut self, batch: &[Event]) -> Result<(), String>;
}

/// A sink that takes events at once and delivers them in its own time.
pub struct Queued {
    name: &'static str,
    waiting: Arc<Mutex<VecDeque<Event>>>,
    state: Arc<watch::Sender<State>>,
    worker: JoinHandle<()>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct State {
    /// Events that are not delivered yet.
    left: usize,
    /// The server stops: nobody waits for long any more.
    stopping: bool,
}

impl Queued {
    /// To be called on the runtime that delivers.
    pub fn new(outlet: impl Outlet, entropy: Arc<dyn Entropy>) -> Self {
        let (name, waiting, state) = (outlet.name(), Arc::default(), Arc::new(watch::Sender::default()));
        let deliverer = Deliverer { outlet, entropy, waiting: Arc::clone(&waiting), state: Arc::clone(&state) };
        Queued { name, waiting, state, worker: tokio::spawn(deliverer.run()) }
    }
}

#[async_trait]
impl EventSink for Queued {
    async fn take(&self, events: &[Event]) {
        let dropped = {
            let mut waiting = lock(&self.waiting);
            let room = ROOM.saturating_sub(waiting.len()).min(events.len());
            waiting.extend(events[..room].iter().cloned());
            self.state.send_modify(|state| state.left = waiting.len());
            events.len() - room
        };
        if dropped > 0 {
            tracing::error!(sink = self.name, dropped, "too many events wait to be delivered; dropped");
        }
    }

    async fn finish(&self) {
        self.state.send_modify(|state| state.stopping = true);
        // Fails only when the worker is gone, and then there is nothing to wait for.
        let _ = self.state.subscribe().wait_for(|state| state.left == 0).await;
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        let left = lock(&self.waiting).len();
        if left > 0 {
            tracing::error!(sink = self.name, left, "the server stops with events that were not delivered");
        }
        self.worker.abort();
    }
}

struct Deliverer<O> {
    outlet: O,
    entropy: Arc<dyn Entropy>,
    waiting: Arc<Mutex<VecDeque<Event>>>,
    state: Arc<watch::Sender<State>>,
}

impl<O: Outlet> Deliverer<O> {
    async fn run(mut self) {
        let mut news = self.state.subscribe();
        while news.wait_for(|state| state.left > 0).await.is_ok() {
            let batch: Vec<Event> = lock(&self.waiting).iter().take(BATCH).cloned().collect();
            self.deliver(&batch).await;
            // Only now: until it is delivered a batch takes up room.
            let mut waiting = lock(&self.waiting);
            waiting.drain(..batch.len());
            self.state.send_modify(|state| state.left = waiting.len());
        }
    }

    /// Tries until it works.
    async fn deliver(&mut self, batch: &[Event]) {
        let mut longest = FIRST_WAIT;
        let mut tried = 1;
        while let Err(why) = self.outlet.deliver(batch).await {
            let wait = self.jittered(longest);
            let (sink, events, seconds) = (self.outlet.name(), batch.len(), wait.as_secs_f32());
            tracing::warn!(sink, events, tried, why, "events could not be delivered; again in {seconds:.1} s");
            self.wait(wait).await;
            (longest, tried) = ((longest * 2).min(LONGEST_WAIT), tried + 1);
        }
    }

    /// Waits, but not for long when the server stops.
    async fn wait(&self, wait: Duration) {
        let mut news = self.state.subscribe();
        let began = Instant::now();
        let stopping = tokio::time::timeout_at(began + wait, news.wait_for(|state| state.stopping)).await.is_ok();
        if stopping {
            tokio::time::sleep_until((began + wait).min(Instant::now() + LAST_WAIT)).await;
        }
    }

    /// Between half and all of `longest`, so that many instances do not return at once to a receiver that recovers.
    fn jittered(&self, longest: Duration) -> Duration {
        let [byte] = self.entropy.bytes::<1>();
        longest.mul_f64(0.5 + f64::from(byte) / 510.0)
    }
}

fn lock(waiting: &Mutex<VecDeque<Event>>) -> MutexGuard<'_, VecDeque<Event>> {
    // A push or a drain that panicked half-way leaves the queue whole.
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;
    use crate::delivery::events::tests::event;

    struct Fixed;
    impl Entropy for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(255);
        }
    }

    /// Refuses so many times, then passes every batch on, with the time since its first try.
    struct Stubborn {
        refusals: usize,
        began: Option<Instant>,
        batches: mpsc::UnboundedSender<(Vec<String>, Duration)>,
    }

    #[async_trait]
    impl Outlet for Stubborn {
        fn name(&self) -> &'static str {
            "stubborn"
        }
        async fn deliver(&mut self, batch: &[Event]) -> Result<(), String> {
            let began = *self.began.get_or_insert_with(Instant::now);
            if self.refusals > 0 {
                self.refusals -= 1;
                return Err("not now".to_owned());
            }
            let ids = batch.iter().map(|event| event.id.clone()).collect();
            self.batches.send((ids, Instant::now() - began)).map_err(|_| "nobody listens".to_owned())
        }
    }

    fn queued(refusals: usize) -> (Queued, mpsc::UnboundedReceiver<(Vec<String>, Duration)>) {
        let (batches, delivered) = mpsc::unbounded_channel();
        (Queued::new(Stubborn { refusals, began: None, batches }, Arc::new(Fixed)), delivered)
    }

    fn events(ids: std::ops::Range<usize>) -> Vec<Event> {
        ids.map(|id| event(&id.to_string())).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn events_keep_their_order_in_batches_of_a_hundred() {
        let (sink, mut delivered) = queued(0);
        sink.take(&events(0..250)).await;
        sink.finish().await;
        let mut seen = Vec::new();
        while let Ok((batch, _)) = delivered.try_recv() {
            assert!(batch.len() <= BATCH);
            seen.extend(batch);
        }
        assert_eq!(seen, (0..250).map(|id| id.to_string()).collect::<Vec<_>>());
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_that_fails_comes_again_unchanged_and_ever_later() {
        let (sink, mut delivered) = queued(4);
        sink.take(&events(0..1)).await;
        let (first, after) = delivered.recv().await.unwrap();
        assert_eq!((first, after.as_secs()), (vec!["0".to_owned()], 1 + 2 + 4 + 8));
        let (sink, mut delivered) = queued(20);
        sink.take(&events(0..1)).await;
        let (_, after) = delivered.recv().await.unwrap();
        assert_eq!(after.as_secs(), 511 + 11 * LONGEST_WAIT.as_secs(), "1 + 2 + … + 256, then the longest wait");
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_drops_what_is_new() {
        let (sink, mut delivered) = queued(1);
        sink.take(&events(0..ROOM)).await;
        sink.take(&events(ROOM..ROOM + 5)).await;
        sink.finish().await;
        let mut seen = 0;
        while let Ok((batch, _)) = delivered.try_recv() {
            seen += batch.len();
        }
        assert_eq!(seen, ROOM);
        sink.take(&events(ROOM + 5..ROOM + 6)).await;
        assert_eq!(delivered.recv().await.unwrap().0, [(ROOM + 5).to_string()], "there is room again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_stops_does_not_wait_out_a_long_retry() {
        let (sink, _delivered) = queued(10);
        sink.take(&events(0..1)).await;
        // Somewhere in a wait of four minutes.
        tokio::time::sleep(Duration::from_secs(300)).await;
        let began = Instant::now();
        sink.finish().await;
        assert!(Instant::now() - began <= 2 * LAST_WAIT, "{:?}", Instant::now() - began);
    }
}
