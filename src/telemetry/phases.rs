use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A stopwatch for the parts of one request. Of elapsed time only: what time it is, the `Clock` port says.
#[derive(Debug, Default)]
pub struct Phases(Mutex<Vec<(&'static str, Duration)>>);

impl Phases {
    /// Does `work`, and adds the time until it was done to the phase of this name.
    pub async fn measure<T>(&self, name: &'static str, work: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let done = work.await;
        self.add(name, began.elapsed());
        done
    }

    /// Each phase once, in the order in which they first ended.
    pub fn measured(&self) -> Vec<(&'static str, Duration)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, name: &'static str, took: Duration) {
        let mut phases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match phases.iter_mut().find(|(own, _)| *own == name) {
            Some((_, sum)) => *sum += took,
            None => phases.push((name, took)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_that_comes_twice_is_one() {
        let phases = Phases::default();
        for (name, took) in [("store", 3), ("hash", 5), ("store", 4)] {
            phases.add(name, Duration::from_micros(took));
        }
        assert_eq!(phases.measured(), [("store", Duration::from_micros(7)), ("hash", Duration::from_micros(5))]);
    }

    #[tokio::test]
    async fn what_was_done_comes_back_with_its_time() {
        let phases = Phases::default();
        let outer = async { phases.measure("inner", async { tokio::task::yield_now().await }).await };
        assert_eq!(
            phases
                .measure("outer", async {
                    outer.await;
                    7
                })
                .await,
            7
        );
        let measured = phases.measured();
        assert_eq!(measured.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["inner", "outer"]);
        assert!(measured[1].1 >= measured[0].1, "{measured:?}");
    }
}
