use std::cell::Cell;
use std::future::Future;

tokio::task_local! {
    static TRIPS: Cell<u64>;
}

/// What `work` comes to, and how often it went to the store and back. Whatever other tasks do meanwhile is not in it,
/// nor is what `work` itself hands to another task.
pub async fn counted<T>(work: impl Future<Output = T>) -> (T, u64) {
    let counting = async {
        let done = work.await;
        (done, TRIPS.with(Cell::get))
    };
    let (done, trips) = TRIPS.scope(Cell::new(0), counting).await;
    add(trips);
    (done, trips)
}

/// Says that a round trip to the store begins; a store does, each time. Costs next to nothing where nobody counts.
pub fn round_trip() {
    add(1);
}

fn add(trips: u64) {
    // Nobody counts: that is no error.
    let _ = TRIPS.try_with(|count| count.set(count.get() + trips));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_task_counts_its_own() {
        let trips = |most: u64| async move {
            for _ in 0..most {
                round_trip();
                tokio::task::yield_now().await;
            }
            most
        };
        assert_eq!(tokio::join!(counted(trips(3)), counted(trips(5))), ((3, 3), (5, 5)));
    }

    #[tokio::test]
    async fn a_count_within_a_count_is_in_both() {
        let (within, all) = counted(async {
            round_trip();
            counted(async { round_trip() }).await.1
        })
        .await;
        assert_eq!((within, all), (1, 2));
    }

    #[test]
    fn where_nobody_counts_nothing_happens() {
        round_trip();
    }
}
