use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

use futures_util::future::try_join_all;
use redis::{RedisError, RedisResult};
use tokio::runtime::{Handle, Id};
use tokio::time::{Instant, sleep, timeout_at};

use crate::engine::ports::StoreError;
use crate::telemetry::round_trip;

use super::call::{Call, Reply};
use super::connect::{Connection, Target, is_damage, is_refusal};

/// More than any server has workers; what is beyond belongs to threads that are gone.
const SEATS: usize = 512;
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// The way to the servers: a connection for each thread that calls, and repeating until the deadline.
///
/// A connection is driven by the runtime that opened it, and sharing one between two workers costs more than a second
/// one; so each worker has its own, opened when it first calls.
pub(super) struct Link {
    target: Target,
    timeout: Duration,
    seats: Mutex<HashMap<(ThreadId, Id), Arc<Seat>>>,
    opened: AtomicU64,
    trips: AtomicU64,
}

/// Where a thread keeps its connection.
#[derive(Default)]
struct Seat {
    open: Mutex<Option<Open>>,
    /// Held while a connection is being opened, so that a worker opens one at a time.
    opening: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct Open {
    number: u64,
    connection: Connection,
}

impl Link {
    pub(super) fn new(target: Target, timeout: Duration) -> Self {
        Link { target, timeout, seats: Mutex::default(), opened: AtomicU64::new(0), trips: AtomicU64::new(0) }
    }

    pub(super) fn round_trips(&self) -> u64 {
        self.trips.load(Ordering::Relaxed)
    }

    pub(super) async fn call(&self, call: Call) -> Result<Reply, StoreError> {
        let [reply] = self.flight([call]).await?;
        Ok(reply)
    }

    pub(super) async fn flight<const N: usize>(&self, calls: [Call; N]) -> Result<[Reply; N], StoreError> {
        let replies = self.flight_of(&calls).await?;
        replies.try_into().map_err(|_| StoreError::Damaged("replies are missing".to_owned()))
    }

    /// Sends all calls at once and waits for every reply. When the connection or the server fails, the connection is
    /// dropped and the same calls go out again on a new one, as long as there is time.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] once the deadline has passed, or at once when the server refuses;
    /// [`StoreError::Damaged`] when a script cannot read what is stored.
    pub(super) async fn flight_of(&self, calls: &[Call]) -> Result<Vec<Reply>, StoreError> {
        let deadline = Instant::now() + self.timeout;
        let seat = self.seat()?;
        let mut pause = FIRST_PAUSE;
        loop {
            // The first try leaves time for a second one: a connection may be dead without anybody having said so.
            let half = (Instant::now() + self.timeout / 2).min(deadline);
            let error = match self.attempt(&seat, calls, half).await {
                Ok(replies) => return Ok(replies),
                Err(error) if is_damage(&error) => return Err(StoreError::Damaged(error.to_string())),
                Err(error) if is_refusal(&error) => {
                    return Err(StoreError::Unavailable(format!("Redis refuses: {error}")));
                }
                Err(error) => error,
            };
            if Instant::now() + pause >= deadline {
                return Err(StoreError::Unavailable(format!("no answer from Redis in time: {error}")));
            }
            // Not for its own sake: a server that is starting, or a failover, is asked again at a decent pace.
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn attempt(&self, seat: &Seat, calls: &[Call], deadline: Instant) -> RedisResult<Vec<Reply>> {
        let open = within(deadline, self.connection(seat)).await?;
        let count = || {
            if !calls.iter().all(Call::is_behind) {
                self.trips.fetch_add(1, Ordering::Relaxed);
                round_trip();
            }
        };
        count();
        let sent = calls.iter().map(|call| open.connection.run(call, count));
        let answer = within(deadline, try_join_all(sent)).await;
        match answer {
            Ok(values) => Ok(values.into_iter().map(Reply).collect()),
            Err(error) => {
                if !is_refusal(&error) {
                    seat.leave(open.number);
                }
                Err(error)
            }
        }
    }

    /// The calling worker's seat. The runtime is part of its name, since a thread may outlive one.
    fn seat(&self) -> Result<Arc<Seat>, StoreError> {
        let runtime = Handle::try_current().map_err(|error| StoreError::Unavailable(error.to_string()))?.id();
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        if seats.len() >= SEATS {
            // Calls that are under way keep what they hold.
            seats.clear();
        }
        Ok(Arc::clone(seats.entry((std::thread::current().id(), runtime)).or_default()))
    }

    async fn connection(&self, seat: &Seat) -> RedisResult<Open> {
        if let Some(open) = seat.current() {
            return Ok(open);
        }
        let _opening = seat.opening.lock().await;
        if let Some(open) = seat.current() {
            return Ok(open);
        }
        let connection = self.target.connect().await?;
        let open = Open { number: self.opened.fetch_add(1, Ordering::Relaxed), connection };
        *seat.place() = Some(open.clone());
        Ok(open)
    }
}

impl Seat {
    fn place(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn current(&self) -> Option<Open> {
        self.place().clone()
    }

    /// Leaves the seat empty, unless somebody else has put a newer connection there.
    fn leave(&self, number: u64) {
        let mut place = self.place();
        if place.as_ref().is_some_and(|open| open.number == number) {
            *place = None;
        }
    }
}

async fn within<T>(deadline: Instant, work: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    timeout_at(deadline, work).await.unwrap_or_else(|_| Err(late()))
}

fn late() -> RedisError {
    std::io::Error::new(std::io::ErrorKind::TimedOut, "timed out").into()
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}
