//! Failures of client addresses.

use std::sync::Arc;

use stepgate::engine::ports::AddressFailure::{Blocked, Counted};
use stepgate::engine::ports::{AddressFailure, AddressKey, Store};
use tokio::task::JoinSet;

use crate::fixtures::*;

contract!(
    an_address_is_blocked_by_its_last_failure_and_told_so_until_the_end,
    the_blocks_of_an_address_grow,
    addresses_count_apart,
    a_repeated_failure_of_an_address_is_counted_once,
    of_fifty_parallel_failures_the_limit_is_counted,
);

fn address(text: &str) -> AddressKey {
    AddressKey(text.to_owned())
}

async fn fail(store: &Arc<dyn Store>, text: &str, now: i64) -> AddressFailure {
    store.fail_address(&request(), &address(text), &LADDER, at(now)).await.unwrap()
}

async fn an_address_is_blocked_by_its_last_failure_and_told_so_until_the_end(store: Arc<dyn Store>) {
    let (here, until) = (address("192.0.2.1"), at(600));
    for expected in [Counted(None), Counted(None), Counted(Some(until)), Blocked(until)] {
        assert_eq!(fail(&store, "192.0.2.1", 0).await, expected);
        let blocked = Some(until).filter(|_| expected != Counted(None));
        assert_eq!(store.address_block(&here, at(599)).await.unwrap(), blocked);
    }
    assert_eq!(fail(&store, "192.0.2.1", 599).await, Blocked(until));
    assert_eq!(store.address_block(&here, until).await.unwrap(), None);
    assert_eq!(fail(&store, "192.0.2.1", 600).await, Counted(None));
}

async fn the_blocks_of_an_address_grow(store: Arc<dyn Store>) {
    let mut now = 0;
    for wait in [600, 1_200, 2_400, 3_600, 3_600] {
        for expected in [Counted(None), Counted(None), Counted(Some(at(now + wait)))] {
            assert_eq!(fail(&store, "192.0.2.1", now).await, expected);
        }
        now += wait;
    }
}

async fn addresses_count_apart(store: Arc<dyn Store>) {
    for _ in 0..3 {
        fail(&store, "192.0.2.1", 0).await;
    }
    assert_eq!(fail(&store, "2001:db8::/64", 0).await, Counted(None));
    assert_eq!(store.address_block(&address("2001:db8::/64"), at(0)).await.unwrap(), None);
    let name = name("nobody@example.com");
    let open = store.open_sign_in(wizard_id(), &name, &address("2001:db8::/64"), at(0)).await.unwrap();
    assert_eq!(open, (None, None, None));
}

async fn a_repeated_failure_of_an_address_is_counted_once(store: Arc<dyn Store>) {
    let (asked, here) = (request(), address("192.0.2.1"));
    for _ in 0..4 {
        assert_eq!(store.fail_address(&asked, &here, &LADDER, at(0)).await.unwrap(), Counted(None));
    }
    assert_eq!(fail(&store, "192.0.2.1", 0).await, Counted(None));
    let last = request();
    for _ in 0..2 {
        assert_eq!(store.fail_address(&last, &here, &LADDER, at(0)).await.unwrap(), Counted(Some(at(600))));
    }
    // The repeat of a failure that began no block says so even now.
    assert_eq!(store.fail_address(&asked, &here, &LADDER, at(0)).await.unwrap(), Counted(None));
}

async fn of_fifty_parallel_failures_the_limit_is_counted(store: Arc<dyn Store>) {
    let mut failures = JoinSet::new();
    for _ in 0..50 {
        let store = Arc::clone(&store);
        failures.spawn(async move { fail(&store, "192.0.2.1", 0).await });
    }
    let answers = failures.join_all().await;
    let like = |expected| answers.iter().filter(|answer| **answer == expected).count();
    assert_eq!((like(Counted(None)), like(Counted(Some(at(600)))), like(Blocked(at(600)))), (2, 1, 47));
}
