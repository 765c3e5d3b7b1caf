use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, try_join_all};
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
    target: Arc<Target>,
    timeout: Duration,
    seats: Mutex<HashMap<(ThreadId, Id), Arc<Seat>>>,
    trips: AtomicU64,
}

/// Where a thread keeps its connection.
#[derive(Default)]
struct Seat {
    place: Mutex<Place>,
}

#[derive(Default)]
struct Place {
    open: Option<Open>,
    /// The number of the connection that was opened last.
    last_number: u64,
    /// The connection that is being opened: one at a time, in a task of its own, so that a call which has no more time
    /// leaves it to the next.
    opening: Option<Opening>,
}

type Opening = Shared<BoxFuture<'static, RedisResult<Open>>>;

/// A connection under a number that the next one at the same seat does not have.
#[derive(Clone)]
struct Open {
    number: u64,
    connection: Connection,
}

impl Link {
    pub(super) fn new(target: Target, timeout: Duration) -> Self {
        Link { target: Arc::new(target), timeout, seats: Mutex::default(), trips: AtomicU64::new(0) }
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

    /// Sends all calls at once and waits for every reply. When the connection or the server fails, another connection is
    /// opened and the same calls go out again, as long as there is time.
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

    async fn attempt(&self, seat: &Arc<Seat>, calls: &[Call], deadline: Instant) -> RedisResult<Vec<Reply>> {
        let open = within(deadline, seat.connection(&self.target)).await?;
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
                    seat.give_up(&open, &self.target);
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
}

impl Seat {
    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn connection(self: &Arc<Self>, target: &Arc<Target>) -> RedisResult<Open> {
        let opening = {
            let mut place = self.place();
            match &place.open {
                Some(open) => return Ok(open.clone()),
                None => self.open_another(&mut place, target),
            }
        };
        opening.await
    }

    /// Has another connection opened after a call on this one failed, unless somebody else has had it.
    fn give_up(self: &Arc<Self>, worn: &Open, target: &Arc<Target>) {
        let mut place = self.place();
        if place.open.as_ref().is_some_and(|open| open.number == worn.number) {
            if worn.connection.is_lost() {
                place.open = None;
            }
            drop(self.open_another(&mut place, target));
        }
    }

    /// Opens a connection, or waits for the one that is being opened.
    fn open_another(self: &Arc<Self>, place: &mut Place, target: &Arc<Target>) -> Opening {
        if let Some(under_way) = place.opening.as_ref().filter(|opening| opening.peek().is_none()) {
            return under_way.clone();
        }
        let (seat, target) = (Arc::clone(self), Arc::clone(target));
        let task = tokio::spawn(async move {
            let connected = target.connect().await;
            let mut place = seat.place();
            place.opening = None;
            Ok(place.take(connected?))
        });
        let opening = task.map(|ended| ended.unwrap_or_else(|error| Err(std::io::Error::other(error).into())));
        let opening = opening.boxed().shared();
        place.opening = Some(opening.clone());
        opening
    }
}

impl Place {
    /// Keeps the better of two connections: what was here, if anything, and a new one.
    fn take(&mut self, connection: Connection) -> Open {
        match &self.open {
            Some(older) if !connection.replaces(&older.connection) => older.clone(),
            _ => {
                self.last_number += 1;
                self.open.insert(Open { number: self.last_number, connection }).clone()
            }
        }
    }
}

pub(super) async fn within<T>(deadline: Instant, work: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
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
