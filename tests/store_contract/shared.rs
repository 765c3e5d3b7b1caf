//! What instances share, and the state of the store.

use std::sync::Arc;

use stepgate::engine::ports::Store;
use stepgate::workflow::Digest;
use tokio::task::JoinSet;

use crate::fixtures::*;

contract!(
    a_published_file_is_known_by_its_digest,
    the_first_kept_value_stays,
    of_fifty_parallel_values_all_get_the_same,
    a_kept_value_is_swapped_for_the_one_before_only,
    of_fifty_parallel_swaps_one_is_done,
    the_store_says_what_it_promises,
    round_trips_are_counted,
);

async fn a_published_file_is_known_by_its_digest(store: Arc<dyn Store>) {
    let source = "title = \"Sign in \u{1f511}\"\n[step.login]\n";
    let digest = Digest::of(source);
    assert_eq!(store.published(&digest).await.unwrap(), None);
    for _ in 0..2 {
        store.publish(&digest, source).await.unwrap();
    }
    store.publish(&Digest::of("another"), "another").await.unwrap();
    assert_eq!(store.published(&digest).await.unwrap().as_deref(), Some(source));
    assert_eq!(store.published(&Digest::of("another")).await.unwrap().as_deref(), Some("another"));
}

async fn the_first_kept_value_stays(store: Arc<dyn Store>) {
    let (one, other) = (sealed("one"), sealed("other"));
    assert_eq!(store.keep("signing key", &one).await.unwrap(), one);
    assert_eq!(store.keep("signing key", &other).await.unwrap(), one);
    assert_eq!(store.keep("another key", &other).await.unwrap(), other);
}

async fn of_fifty_parallel_values_all_get_the_same(store: Arc<dyn Store>) {
    let mut racing = JoinSet::new();
    for racer in 0..50 {
        let store = Arc::clone(&store);
        racing.spawn(async move { store.keep("key", &sealed(&format!("value {racer}"))).await.unwrap() });
    }
    let kept = racing.join_all().await;
    assert!(kept.iter().all(|value| *value == kept[0]));
}

async fn a_kept_value_is_swapped_for_the_one_before_only(store: Arc<dyn Store>) {
    let [one, two, three] = ["one", "two", "three"].map(sealed);
    assert_eq!(store.kept("key").await.unwrap(), None);
    assert!(!store.swap_kept("key", Some(&one), &two).await.unwrap());
    assert_eq!(store.kept("key").await.unwrap(), None);
    assert!(store.swap_kept("key", None, &one).await.unwrap());
    assert!(!store.swap_kept("key", None, &two).await.unwrap());
    assert_eq!(store.kept("key").await.unwrap(), Some(one.clone()));
    for _ in 0..2 {
        assert!(store.swap_kept("key", Some(&one), &two).await.unwrap());
    }
    assert!(!store.swap_kept("key", Some(&one), &three).await.unwrap());
    assert_eq!(store.kept("key").await.unwrap(), Some(two.clone()));
    assert_eq!(store.keep("key", &three).await.unwrap(), two);
    assert_eq!(store.kept("another key").await.unwrap(), None);
}

async fn of_fifty_parallel_swaps_one_is_done(store: Arc<dyn Store>) {
    let before = store.keep("key", &sealed("before")).await.unwrap();
    let mut racing = JoinSet::new();
    for racer in 0..50 {
        let (store, before, own) = (Arc::clone(&store), before.clone(), sealed(&format!("value {racer}")));
        racing.spawn(async move { (store.swap_kept("key", Some(&before), &own).await.unwrap(), own) });
    }
    let won: Vec<_> = racing.join_all().await.into_iter().filter(|(swapped, _)| *swapped).collect();
    assert_eq!(won.len(), 1);
    assert_eq!(store.kept("key").await.unwrap().as_ref(), Some(&won[0].1));
}

async fn the_store_says_what_it_promises(store: Arc<dyn Store>) {
    let health = store.health().await.unwrap();
    assert!(["embedded", "redis", "redis-cluster"].contains(&health.backend), "{health:?}");
    let levels = ["every_write", "every_second", "snapshots", "none", "unknown"];
    assert!(levels.contains(&health.durability.level), "{health:?}");
    assert!(!health.durability.settings.is_empty());
    // Anything short of every write is worth a word to the operator.
    assert!(health.durability.level == "every_write" || health.durability.warning.is_some(), "{health:?}");
}

async fn round_trips_are_counted(store: Arc<dyn Store>) {
    let wizard = wizard();
    let account = registered(&store, "anna").await;
    let count = |before: u64| store.round_trips() - before;
    let before = store.round_trips();
    store.create_wizard(&wizard).await.unwrap();
    assert_eq!(count(before), 1, "creating a wizard");
    store.wizard(wizard.id).await.unwrap();
    assert_eq!(count(before), 2, "reading a wizard");
    judge(&store, right(&account)).await;
    store.commit_wizard(&request(), &stepped(&wizard, "next")).await.unwrap();
    assert_eq!(count(before), 4, "a step: an attempt and a commit");
    let address = stepgate::engine::ports::AddressKey("192.0.2.1".to_owned());
    store.open_sign_in(wizard.id, &names_of(&account)[0], &address, at(0)).await.unwrap();
    assert_eq!(count(before), 5, "opening a sign-in, all three at once");
    let reading = async {
        store.wizard(wizard.id).await.unwrap();
        store.account(account.id).await.unwrap();
    };
    assert_eq!(stepgate::telemetry::counted(reading).await.1, 2, "as the request itself counts");
    assert_eq!(count(before), 7);
}
