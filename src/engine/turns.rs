use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// No turn was to be had: as many wait as there is room for, or this one has waited for as long as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many wait for their turn")]
pub struct Crowded;

/// A bounded number of turns at a time, and a bounded number of those who wait for one, first come, first served.
///
/// It knows how many turns have ended, so that whoever has read something before its turn can tell whether another turn
/// may have changed it meanwhile.
pub struct Turns {
    running: Arc<Semaphore>,
    room: Arc<Semaphore>,
    ended: Arc<AtomicU64>,
    size: usize,
    patience: Option<Duration>,
}

/// A moment in the course of [`Turns`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(u64);

/// A turn, until its last clone is dropped. Work that goes on by itself holds a clone, so that a client that goes away
/// makes no room for more of it.
#[derive(Clone)]
pub struct Turn {
    seat: Arc<Seat>,
    asked_at: Instant,
}

struct Seat {
    _running: OwnedSemaphorePermit,
    _room: Option<OwnedSemaphorePermit>,
    ended: Arc<AtomicU64>,
}

impl Drop for Seat {
    /// Counted before whoever waits can have the place.
    fn drop(&mut self) {
        self.ended.fetch_add(1, Ordering::SeqCst);
    }
}

impl Turns {
    /// `at_once` turns at a time, at least 1, and `waiting` more who wait.
    pub fn new(at_once: usize, waiting: usize) -> Self {
        let size = at_once + waiting;
        let (running, room) = (Arc::new(Semaphore::new(at_once)), Arc::new(Semaphore::new(size)));
        Turns { running, room, ended: Arc::default(), size, patience: None }
    }

    /// The same, where nobody waits longer than `patience`.
    pub fn within(self, patience: Duration) -> Self {
        Turns { patience: Some(patience), ..self }
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// [`Crowded`], at once when there is no room to wait.
    pub async fn take(&self) -> Result<Turn, Crowded> {
        let asked_at = Instant::now();
        let room = Arc::clone(&self.room).try_acquire_owned().map_err(|_| Crowded)?;
        let running = Arc::clone(&self.running).acquire_owned();
        let running = match self.patience {
            Some(patience) => timeout_at(asked_at + patience, running).await.map_err(|_| Crowded)?,
            None => running.await,
        };
        Ok(self.turn(running.map_err(|_| Crowded)?, Some(room), asked_at))
    }

    /// Waits for a turn for as long as it takes, and beside the queue: never refused for want of room.
    ///
    /// # Errors
    /// [`Crowded`] never, as long as these turns are there.
    pub async fn take_in_time(&self) -> Result<Turn, Crowded> {
        let asked_at = Instant::now();
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(|_| Crowded)?;
        Ok(self.turn(running, None, asked_at))
    }

    fn turn(&self, running: OwnedSemaphorePermit, room: Option<OwnedSemaphorePermit>, asked_at: Instant) -> Turn {
        let seat = Seat { _running: running, _room: room, ended: Arc::clone(&self.ended) };
        Turn { seat: Arc::new(seat), asked_at }
    }

    /// Now.
    pub fn moment(&self) -> Moment {
        Moment(self.ended.load(Ordering::SeqCst))
    }

    /// Those who have a turn or wait for one, beside [`Self::take_in_time`]; for tests.
    pub fn present(&self) -> usize {
        self.size - self.room.available_permits()
    }
}

impl Turn {
    /// Whether a turn has ended since: whoever had to wait is always late. All that had a turn when the first of them
    /// ends can have read the same.
    pub fn is_later_than(&self, moment: Moment) -> bool {
        self.seat.ended.load(Ordering::SeqCst) != moment.0
    }

    /// When the waiting for it began.
    pub fn asked_at(&self) -> Instant {
        self.asked_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_waits_is_late_and_whoever_comes_first_is_not() {
        let turns = Turns::new(2, 1);
        let moment = turns.moment();
        let (first, second) = (turns.take().await.unwrap(), turns.take().await.unwrap());
        assert!(!first.is_later_than(moment) && !second.is_later_than(moment));
        let (third, ()) = tokio::join!(turns.take(), async { drop(first) });
        assert!(third.unwrap().is_later_than(moment));
        assert!(!turns.take().await.unwrap().is_later_than(turns.moment()));
        // A turn had ended before this one was asked for, though it waits for nobody.
        assert!(turns.take().await.unwrap().is_later_than(moment));
    }

    #[tokio::test]
    async fn beyond_the_room_nobody_waits() {
        let turns = Turns::new(1, 1);
        let held = turns.take().await.unwrap();
        let ((), refused) = tokio::join!(async { drop(turns.take().await) }, async {
            assert_eq!(turns.present(), 2);
            let refused = turns.take().await.err();
            drop(held);
            refused
        });
        assert_eq!((refused, turns.present()), (Some(Crowded), 0));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_longer_than_they_have_patience() {
        let turns = Turns::new(1, 1).within(Duration::from_secs(3));
        let _held = turns.take().await.unwrap();
        let begun = Instant::now();
        assert_eq!(turns.take().await.err(), Some(Crowded));
        assert_eq!((begun.elapsed().as_secs(), turns.present()), (3, 1));
    }

    #[tokio::test]
    async fn a_turn_ends_with_its_last_clone() {
        let turns = Turns::new(1, 0);
        let moment = turns.moment();
        let turn = turns.take().await.unwrap();
        let at_work = turn.clone();
        drop(turn);
        assert_eq!((turns.moment(), turns.present()), (moment, 1));
        drop(at_work);
        assert_eq!(turns.present(), 0);
        assert_ne!(turns.moment(), moment);
    }
}
