//! What is counted on a name: all that is counted on an account.

use std::sync::Arc;

use stepgate::engine::ports::{Attempt, Door, Store, Subject, Verdict};
use stepgate::identity::{Account, Factor, Ladder};
use tokio::task::JoinSet;

use crate::fixtures::*;

contract!(
    a_name_spends_a_code_once,
    of_fifty_parallel_uses_of_one_code_by_a_name_one_is_accepted,
    a_name_that_was_right_has_failed_nothing_at_that_door,
    a_name_has_a_send_budget,
    a_send_to_a_name_is_refunded,
    no_code_is_sent_to_a_name_that_could_not_use_it,
    of_fifty_parallel_sends_to_a_name_the_budget_goes_out,
    a_name_is_no_account_of_the_same_spelling,
    a_names_doors_are_remembered_as_long_as_either_needs,
);

fn named(attempt: Attempt) -> Attempt {
    on_name("digest", attempt)
}

/// What attempts are made with; it is not in the store.
fn anybody() -> Account {
    person("anybody")
}

async fn a_name_spends_a_code_once(store: Arc<dyn Store>) {
    let first = named(spending(code("a"), right(&anybody())));
    assert_eq!(judge(&store, first.clone()).await, Verdict::Accepted);
    let another = spending(code("a"), right(&anybody()));
    let used = Verdict::Spent { left: 2, blocked_until: None };
    assert_eq!(judge(&store, named(another)).await, used);
    // The one who spent it hears the same again, whatever else is counted.
    assert_eq!(judge(&store, again(&first)).await, Verdict::Accepted);
    let unchecked = named(spending(code("a"), unchecked(&anybody())));
    assert_eq!(judge(&store, unchecked).await, Verdict::Spent { left: 1, blocked_until: None });
    let wizard = wizard_id();
    let last = guessing_in(wizard, 1, named(spending(code("a"), right(&anybody()))));
    assert_eq!(judge(&store, last).await, Verdict::Spent { left: 0, blocked_until: Some(at(600)) });
    assert_eq!(judge(&store, again(&first)).await, Verdict::Accepted);
    let later = later(600, guessing_in(wizard, 1, named(spending(code("b"), right(&anybody())))));
    assert_eq!(judge(&store, later).await, Verdict::Exhausted);
    // Each name has its own, and each is forgotten in time.
    assert_eq!(judge(&store, on_name("other", spending(code("a"), right(&anybody())))).await, Verdict::Accepted);
    let long_after = Attempt { now: at(600), ..named(spending(code("a"), right(&anybody()))) };
    assert_eq!(judge(&store, long_after).await, Verdict::Accepted);
}

async fn of_fifty_parallel_uses_of_one_code_by_a_name_one_is_accepted(store: Arc<dyn Store>) {
    let generous = Ladder { limit: 1_000, ..LADDER };
    let mut racing = JoinSet::new();
    for _ in 0..50 {
        let attempt = Attempt { ladder: generous, ..named(spending(code("a"), right(&anybody()))) };
        let store = Arc::clone(&store);
        racing.spawn(async move { judge(&store, attempt).await });
    }
    let verdicts = racing.join_all().await;
    assert_eq!(verdicts.iter().filter(|verdict| **verdict == Verdict::Accepted).count(), 1);
    assert!(verdicts.iter().all(|verdict| matches!(verdict, Verdict::Accepted | Verdict::Spent { .. })));
}

async fn a_name_that_was_right_has_failed_nothing_at_that_door(store: Arc<dyn Store>) {
    let first = |attempt| at_door(Door::First, named(attempt));
    for left in [2, 1] {
        assert_eq!(judge(&store, named(wrong(&anybody()))).await, counted(left));
        assert_eq!(judge(&store, first(wrong(&anybody()))).await, counted(left));
    }
    assert_eq!(judge(&store, named(unchecked(&anybody()))).await, Verdict::Accepted);
    assert_eq!(judge(&store, first(right(&anybody()))).await, Verdict::Accepted);
    assert_eq!(judge(&store, first(wrong(&anybody()))).await, counted(2));
    assert_eq!(judge(&store, named(wrong(&anybody()))).await, began_block(600));
    assert_eq!(judge(&store, named(right(&anybody()))).await, Verdict::Blocked { until: at(600) });
    assert_eq!(judge(&store, later(600, named(right(&anybody())))).await, Verdict::Accepted);
    // The ladder went with it.
    for verdict in [counted(2), counted(1), began_block(1_200)] {
        assert_eq!(judge(&store, later(600, named(wrong(&anybody())))).await, verdict);
    }
}

async fn a_name_has_a_send_budget(store: Arc<dyn Store>) {
    let windows = budget(Factor::Email, &[(60, 2), (600, 3)]);
    let send = |now| named(sending(now, &anybody(), &windows));
    let repeated = send(0);
    for _ in 0..3 {
        assert_eq!(judge(&store, repeated.clone()).await, Verdict::Accepted);
    }
    assert_eq!(judge(&store, send(0)).await, Verdict::Accepted);
    assert_eq!(judge(&store, send(59)).await, over(60));
    assert_eq!(judge(&store, send(60)).await, Verdict::Accepted);
    assert_eq!(judge(&store, send(120)).await, over(600));
    let other = budget(Factor::Sms, &[(60, 1)]);
    assert_eq!(judge(&store, named(sending(120, &anybody(), &other))).await, Verdict::Accepted);
    assert_eq!(judge(&store, on_name("other", sending(120, &anybody(), &windows))).await, Verdict::Accepted);
    // Failures, and a success, leave it as it is.
    judge(&store, later(120, named(wrong(&anybody())))).await;
    judge(&store, later(120, named(right(&anybody())))).await;
    assert_eq!(judge(&store, send(599)).await, over(600));
    assert_eq!(judge(&store, send(600)).await, Verdict::Accepted);
}

async fn a_send_to_a_name_is_refunded(store: Arc<dyn Store>) {
    let one = budget(Factor::Email, &[(60, 1)]);
    let send = |now| named(sending(now, &anybody(), &one));
    assert_eq!(judge(&store, send(0)).await, Verdict::Accepted);
    assert_eq!(judge(&store, send(1)).await, over(60));
    let (name, asked) = (Subject::Name("digest".to_owned()), request());
    store.refund_send(&request(), &Subject::Name("other".to_owned()), &one, at(0)).await.unwrap();
    assert_eq!(judge(&store, send(1)).await, over(60));
    for _ in 0..2 {
        store.refund_send(&asked, &name, &one, at(0)).await.unwrap();
    }
    assert_eq!(judge(&store, send(1)).await, Verdict::Accepted);
    store.refund_send(&asked, &name, &one, at(1)).await.unwrap();
    assert_eq!(judge(&store, send(1)).await, over(61));
}

async fn no_code_is_sent_to_a_name_that_could_not_use_it(store: Arc<dyn Store>) {
    let one = budget(Factor::Email, &[(60, 1)]);
    for _ in 0..3 {
        judge(&store, named(wrong(&anybody()))).await;
    }
    let send = |now| at_door(Door::First, named(sending(now, &anybody(), &one)));
    assert_eq!(judge(&store, send(599)).await, Verdict::Blocked { until: at(600) });
    assert_eq!(judge(&store, send(600)).await, Verdict::Accepted);
    assert_eq!(judge(&store, send(600)).await, over(660));
}

async fn of_fifty_parallel_sends_to_a_name_the_budget_goes_out(store: Arc<dyn Store>) {
    let seven = budget(Factor::Email, &[(60, 7)]);
    let mut sends = JoinSet::new();
    for _ in 0..50 {
        let (store, attempt) = (Arc::clone(&store), named(sending(0, &anybody(), &seven)));
        sends.spawn(async move { judge(&store, attempt).await });
    }
    let verdicts = sends.join_all().await;
    let sent = verdicts.iter().filter(|verdict| **verdict == Verdict::Accepted).count();
    assert_eq!((sent, verdicts.iter().filter(|verdict| **verdict == over(60)).count()), (7, 43));
}

async fn a_name_is_no_account_of_the_same_spelling(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let spelt = account.id.to_string();
    let one = budget(Factor::Email, &[(60, 1)]);
    assert_eq!(judge(&store, on_name(&spelt, spending(code("a"), right(&account)))).await, Verdict::Accepted);
    assert_eq!(judge(&store, on_name(&spelt, sending(0, &account, &one))).await, Verdict::Accepted);
    assert_eq!(judge(&store, spending(code("a"), right(&account))).await, Verdict::Accepted);
    assert_eq!(judge(&store, sending(0, &account, &one)).await, Verdict::Accepted);
}

async fn a_names_doors_are_remembered_as_long_as_either_needs(store: Arc<dyn Store>) {
    let strict = Ladder { limit: 1, window: 0, block: 864_000_000, longest: 864_000_000 };
    let long = Attempt { ladder: strict, ..named(wrong(&anybody())) };
    assert_eq!(judge(&store, long).await, began_block(864_000));
    // What is counted at the other door, and forgotten sooner, does not take this with it.
    let first = |attempt| at_door(Door::First, named(attempt));
    assert_eq!(judge(&store, first(wrong(&anybody()))).await, counted(2));
    assert_eq!(judge(&store, first(right(&anybody()))).await, Verdict::Accepted);
    let sweeping = registered(&store, "anna").await;
    for _ in 0..3 {
        judge(&store, later(863_000, right(&sweeping))).await;
        judge(&store, later(863_000, wrong(&sweeping))).await;
    }
    let still = later(863_999, named(right(&anybody())));
    assert_eq!(judge(&store, still).await, Verdict::Blocked { until: at(864_000) });
}
