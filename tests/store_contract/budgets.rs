//! How many codes may be sent.

use std::sync::Arc;

use stepgate::engine::ports::{SendBudget, Store, Subject, Verdict};
use stepgate::identity::Factor;
use tokio::task::JoinSet;

use crate::fixtures::*;

contract!(
    sends_are_refused_until_the_window_has_room,
    every_window_counts_on_its_own,
    channels_count_apart,
    accounts_have_budgets_of_their_own,
    a_refused_send_uses_nothing,
    a_refund_gives_one_send_back,
    a_repeated_refund_gives_one_send_back,
    a_refund_of_what_was_not_sent_gives_nothing,
    a_repeated_send_is_counted_once,
    of_fifty_parallel_sends_the_budget_goes_out,
);

/// Two in a minute, three in ten.
fn usual() -> SendBudget {
    budget(Factor::Sms, &[(60, 2), (600, 3)])
}

async fn sends_are_refused_until_the_window_has_room(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let minute = budget(Factor::Sms, &[(60, 2)]);
    for _ in 0..2 {
        assert_eq!(judge(&store, sending(0, &account, &minute)).await, Verdict::Accepted);
    }
    assert_eq!(judge(&store, sending(0, &account, &minute)).await, over(60));
    assert_eq!(judge(&store, sending(59, &account, &minute)).await, over(60));
    assert_eq!(judge(&store, sending(60, &account, &minute)).await, Verdict::Accepted);
}

async fn every_window_counts_on_its_own(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    for now in [0, 0] {
        assert_eq!(judge(&store, sending(now, &account, &usual())).await, Verdict::Accepted);
    }
    assert_eq!(judge(&store, sending(30, &account, &usual())).await, over(60));
    assert_eq!(judge(&store, sending(60, &account, &usual())).await, Verdict::Accepted);
    assert_eq!(judge(&store, sending(120, &account, &usual())).await, over(600));
    assert_eq!(judge(&store, sending(600, &account, &usual())).await, Verdict::Accepted);
}

async fn channels_count_apart(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let (sms, email) = (budget(Factor::Sms, &[(60, 1)]), budget(Factor::Email, &[(60, 1)]));
    assert_eq!(judge(&store, sending(0, &account, &sms)).await, Verdict::Accepted);
    assert_eq!(judge(&store, sending(0, &account, &sms)).await, over(60));
    assert_eq!(judge(&store, sending(0, &account, &email)).await, Verdict::Accepted);
}

async fn accounts_have_budgets_of_their_own(store: Arc<dyn Store>) {
    let (anna, ben) = (registered(&store, "anna").await, registered(&store, "ben").await);
    let one = budget(Factor::Sms, &[(60, 1)]);
    assert_eq!(judge(&store, sending(0, &anna, &one)).await, Verdict::Accepted);
    assert_eq!(judge(&store, sending(0, &ben, &one)).await, Verdict::Accepted);
}

async fn a_refused_send_uses_nothing(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    for _ in 0..2 {
        judge(&store, sending(0, &account, &usual())).await;
    }
    for now in [10, 20, 30] {
        assert_eq!(judge(&store, sending(now, &account, &usual())).await, over(60));
    }
    // Had one of them been counted, the longer window would be full.
    assert_eq!(judge(&store, sending(60, &account, &usual())).await, Verdict::Accepted);
}

async fn a_refund_gives_one_send_back(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let usual = usual();
    for _ in 0..2 {
        judge(&store, sending(0, &account, &usual)).await;
    }
    assert_eq!(judge(&store, sending(1, &account, &usual)).await, over(60));
    store.refund_send(&request(), &Subject::Account(account.id), &usual, at(0)).await.unwrap();
    assert_eq!(judge(&store, sending(1, &account, &usual)).await, Verdict::Accepted);
    assert_eq!(judge(&store, sending(1, &account, &usual)).await, over(60));
    // It was given back in every window.
    assert_eq!(judge(&store, sending(61, &account, &usual)).await, Verdict::Accepted);
    assert_eq!(judge(&store, sending(61, &account, &usual)).await, over(600));
}

async fn a_repeated_refund_gives_one_send_back(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let (usual, asked) = (usual(), request());
    for _ in 0..2 {
        judge(&store, sending(0, &account, &usual)).await;
    }
    for _ in 0..3 {
        store.refund_send(&asked, &Subject::Account(account.id), &usual, at(0)).await.unwrap();
    }
    assert_eq!(judge(&store, sending(0, &account, &usual)).await, Verdict::Accepted);
    assert_eq!(judge(&store, sending(0, &account, &usual)).await, over(60));
}

async fn a_refund_of_what_was_not_sent_gives_nothing(store: Arc<dyn Store>) {
    let (account, other) = (registered(&store, "anna").await, registered(&store, "ben").await);
    let one = budget(Factor::Sms, &[(60, 1)]);
    store.refund_send(&request(), &Subject::Account(account.id), &one, at(0)).await.unwrap();
    assert_eq!(judge(&store, sending(0, &account, &one)).await, Verdict::Accepted);
    store.refund_send(&request(), &Subject::Account(other.id), &one, at(0)).await.unwrap();
    store
        .refund_send(&request(), &Subject::Account(account.id), &budget(Factor::Email, &[(60, 1)]), at(0))
        .await
        .unwrap();
    assert_eq!(judge(&store, sending(0, &account, &one)).await, over(60));
}

async fn a_repeated_send_is_counted_once(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let attempt = sending(0, &account, &usual());
    for _ in 0..4 {
        assert_eq!(judge(&store, attempt.clone()).await, Verdict::Accepted);
    }
    assert_eq!(judge(&store, sending(0, &account, &usual())).await, Verdict::Accepted);
    assert_eq!(judge(&store, sending(0, &account, &usual())).await, over(60));
}

async fn of_fifty_parallel_sends_the_budget_goes_out(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let seven = budget(Factor::Email, &[(60, 7)]);
    let mut sends = JoinSet::new();
    for _ in 0..50 {
        let (store, attempt) = (Arc::clone(&store), sending(0, &account, &seven));
        sends.spawn(async move { judge(&store, attempt).await });
    }
    let verdicts = sends.join_all().await;
    let sent = verdicts.iter().filter(|verdict| **verdict == Verdict::Accepted).count();
    assert_eq!((sent, verdicts.iter().filter(|verdict| **verdict == over(60)).count()), (7, 43));
}
