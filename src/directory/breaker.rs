use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

/// Failures in a row after which nothing is asked for a while.
const FAILURES: u32 = 5;
/// How long nothing is asked then, in seconds; twice as long after each probe that fails, up to the longest.
const PAUSE: i64 = 10;
const LONGEST: i64 = 60;

/// Keeps questions from a service that does not answer, so that nobody waits for it and it is left to recover. After
/// the pause one question goes through; its outcome decides for all.
#[derive(Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Default)]
struct State {
    /// In a row.
    failures: u32,
    pause: Option<Pause>,
}

struct Pause {
    until: DateTime<Utc>,
    seconds: i64,
    /// Whether the one question is under way.
    probing: bool,
}

impl Breaker {
    /// Leave to ask at `now`.
    ///
    /// # Errors
    /// The seconds to wait, at least 1, while it is open.
    pub(super) fn admit(&self, now: DateTime<Utc>) -> Result<Leave<'_>, u64> {
        let mut state = self.state();
        let probe = match &mut state.pause {
            None => false,
            Some(pause) if now < pause.until => return Err(seconds(pause.until - now)),
            Some(pause) if pause.probing => return Err(1),
            Some(pause) => {
                pause.probing = true;
                true
            }
        };
        Ok(Leave { breaker: self, probe, told: false })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leave to ask once. Dropped without a word (the client has gone away), it counts for nothing.
#[must_use]
pub(super) struct Leave<'a> {
    breaker: &'a Breaker,
    probe: bool,
    told: bool,
}

impl Leave<'_> {
    /// There was an answer.
    pub(super) fn answered(mut self) {
        self.told = true;
        let mut state = self.breaker.state();
        if self.probe {
            tracing::info!("the directory answers again");
            *state = State::default();
        } else if state.pause.is_none() {
            state.failures = 0;
        }
    }

    /// There was none; the seconds after which another try makes sense, at least 1.
    pub(super) fn failed(mut self, now: DateTime<Utc>) -> u64 {
        self.told = true;
        let mut state = self.breaker.state();
        let next = match &state.pause {
            Some(pause) if self.probe => (pause.seconds * 2).min(LONGEST),
            // Asked before the pause began: it is not longer for that.
            Some(pause) => return seconds(pause.until - now),
            None => {
                state.failures += 1;
                if state.failures < FAILURES {
                    return 1;
                }
                PAUSE
            }
        };
        tracing::error!(seconds = next, "the directory does not answer, and is not asked for a while");
        state.pause = Some(Pause { until: now + TimeDelta::seconds(next), seconds: next, probing: false });
        seconds(TimeDelta::seconds(next))
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if self.probe
            && !self.told
            && let Some(pause) = &mut self.breaker.state().pause
        {
            pause.probing = false;
        }
    }
}

/// Whole seconds, at least 1.
fn seconds(time: TimeDelta) -> u64 {
    time.num_milliseconds().max(1).unsigned_abs().div_ceil(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    fn broken() -> Breaker {
        let breaker = Breaker::default();
        let waits: Vec<u64> = (0..5).map(|_| breaker.admit(at(0)).unwrap().failed(at(0))).collect();
        assert_eq!(waits, [1, 1, 1, 1, 10]);
        breaker
    }

    #[test]
    fn failures_must_be_in_a_row() {
        let breaker = Breaker::default();
        for _ in 0..20 {
            for _ in 0..4 {
                assert_eq!(breaker.admit(at(0)).unwrap().failed(at(0)), 1);
            }
            breaker.admit(at(0)).unwrap().answered();
        }
    }

    #[test]
    fn it_opens_for_longer_and_longer_and_one_answer_closes_it() {
        let breaker = broken();
        let (mut now, mut pauses) = (0, Vec::new());
        for _ in 0..5 {
            let wait = breaker.admit(at(now)).err().unwrap();
            pauses.push(wait);
            assert_eq!(breaker.admit(at(now + wait.cast_signed() - 1)).err(), Some(1));
            now += wait.cast_signed();
            breaker.admit(at(now)).unwrap().failed(at(now));
        }
        assert_eq!(pauses, [10, 20, 40, 60, 60]);
        now += 60;
        breaker.admit(at(now)).unwrap().answered();
        let waits: Vec<u64> = (0..5).map(|_| breaker.admit(at(now)).unwrap().failed(at(now))).collect();
        assert_eq!(waits, [1, 1, 1, 1, 10]);
    }

    #[test]
    fn one_probe_at_a_time_and_an_abandoned_one_makes_room() {
        let breaker = broken();
        let probe = breaker.admit(at(10)).unwrap();
        assert_eq!(breaker.admit(at(10)).err(), Some(1));
        drop(probe);
        breaker.admit(at(10)).unwrap().answered();
        assert!(breaker.admit(at(10)).is_ok());
    }

    #[test]
    fn what_was_asked_before_the_pause_does_not_change_it() {
        let breaker = Breaker::default();
        let (late, later) = (breaker.admit(at(0)).unwrap(), breaker.admit(at(0)).unwrap());
        for _ in 0..5 {
            breaker.admit(at(0)).unwrap().failed(at(0));
        }
        assert_eq!(late.failed(at(3)), 7);
        later.answered();
        assert_eq!(breaker.admit(at(3)).err(), Some(7));
    }
}
