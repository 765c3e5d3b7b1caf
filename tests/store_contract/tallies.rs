//! What is counted, on whom, and for how long.

use std::sync::Arc;

use stepgate::engine::ports::{Attempt, Door, Locks, Store, Tries, Verdict};
use stepgate::identity::{Account, AccountId, Ladder};
use tokio::task::JoinSet;

use crate::fixtures::*;

contract!(
    failures_block_and_blocks_grow_to_the_longest,
    failures_add_up_within_the_window_only,
    without_a_window_failures_add_up_until_a_success,
    the_two_doors_count_apart,
    accounts_count_apart,
    a_success_clears_its_own_door_only,
    a_success_clears_the_ladder,
    a_code_that_is_only_sent_counts_and_clears_nothing,
    of_two_hundred_parallel_guesses_the_limit_is_counted,
    of_two_hundred_parallel_guesses_in_one_wizard_its_limit_is_counted,
    a_wizards_guesses_outlive_resends_and_successes,
    wizards_have_guesses_of_their_own,
    a_wizards_guesses_are_forgotten_after_their_time,
    the_fewer_of_both_limits_is_what_is_left,
    a_name_that_nobody_has_runs_into_the_same_limits,
    names_that_nobody_has_count_apart,
    a_repeated_failure_is_counted_once,
    the_locks_of_both_doors_are_seen_until_they_end,
    an_unlocked_account_has_failed_nothing,
);

async fn failures_block_and_blocks_grow_to_the_longest(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let mut now = 0;
    for wait in [600, 1_200, 2_400, 3_600, 3_600] {
        assert_eq!(judge(&store, later(now, wrong(&account))).await, counted(2));
        assert_eq!(judge(&store, later(now, wrong(&account))).await, counted(1));
        assert_eq!(judge(&store, later(now, wrong(&account))).await, began_block(now + wait));
        let last_second = later(now + wait - 1, right(&account));
        assert_eq!(judge(&store, last_second).await, Verdict::Blocked { until: at(now + wait) });
        now += wait;
    }
}

async fn failures_add_up_within_the_window_only(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    assert_eq!(judge(&store, later(0, wrong(&account))).await, counted(2));
    assert_eq!(judge(&store, later(59, wrong(&account))).await, counted(1));
    // The window began with the first failure.
    assert_eq!(judge(&store, later(60, wrong(&account))).await, counted(2));
    assert_eq!(judge(&store, later(119, wrong(&account))).await, counted(1));
    assert_eq!(judge(&store, later(119, wrong(&account))).await, began_block(719));
}

async fn without_a_window_failures_add_up_until_a_success(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let failure = |now| {
        let ladder = Ladder { window: 0, ..LADDER };
        Attempt { ladder, ..later(now, wrong(&account)) }
    };
    assert_eq!(judge(&store, failure(0)).await, counted(2));
    assert_eq!(judge(&store, failure(86_400)).await, counted(1));
    assert_eq!(judge(&store, later(86_400, right(&account))).await, Verdict::Accepted);
    assert_eq!(judge(&store, failure(90_000)).await, counted(2));
    assert_eq!(judge(&store, failure(180_000)).await, counted(1));
    assert_eq!(judge(&store, failure(360_000)).await, began_block(360_600));
}

async fn the_two_doors_count_apart(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let until = block(&store, &account).await;
    let first = |attempt| at_door(Door::First, attempt);
    assert_eq!(judge(&store, first(wrong(&account))).await, counted(2));
    assert_eq!(judge(&store, first(right(&account))).await, Verdict::Accepted);
    assert_eq!(judge(&store, right(&account)).await, Verdict::Blocked { until });
}

async fn accounts_count_apart(store: Arc<dyn Store>) {
    let (anna, ben) = (registered(&store, "anna").await, registered(&store, "ben").await);
    block(&store, &anna).await;
    assert_eq!(judge(&store, wrong(&ben)).await, counted(2));
}

async fn a_success_clears_its_own_door_only(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let first = |attempt| at_door(Door::First, attempt);
    assert_eq!(judge(&store, wrong(&account)).await, counted(2));
    assert_eq!(judge(&store, first(wrong(&account))).await, counted(2));
    assert_eq!(judge(&store, first(right(&account))).await, Verdict::Accepted);
    assert_eq!(judge(&store, wrong(&account)).await, counted(1));
    assert_eq!(judge(&store, first(wrong(&account))).await, counted(2));
}

async fn a_success_clears_the_ladder(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    block(&store, &account).await;
    assert_eq!(judge(&store, later(600, right(&account))).await, Verdict::Accepted);
    for verdict in [counted(2), counted(1), began_block(1_200)] {
        assert_eq!(judge(&store, later(600, wrong(&account))).await, verdict);
    }
}

async fn a_code_that_is_only_sent_counts_and_clears_nothing(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    assert_eq!(judge(&store, wrong(&account)).await, counted(2));
    for _ in 0..5 {
        assert_eq!(judge(&store, unchecked(&account)).await, Verdict::Accepted);
    }
    assert_eq!(judge(&store, wrong(&account)).await, counted(1));
    assert_eq!(judge(&store, wrong(&account)).await, began_block(600));
    assert_eq!(judge(&store, unchecked(&account)).await, Verdict::Blocked { until: at(600) });
}

async fn of_two_hundred_parallel_guesses_the_limit_is_counted(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let mut guesses = JoinSet::new();
    for _ in 0..200 {
        let (store, guess) = (Arc::clone(&store), wrong(&account));
        guesses.spawn(async move { judge(&store, guess).await });
    }
    let verdicts = guesses.join_all().await;
    let counted = verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Wrong { .. })).count();
    let refused = verdicts.iter().filter(|verdict| **verdict == Verdict::Blocked { until: at(600) }).count();
    assert_eq!((counted, refused), (3, 197));
}

async fn of_two_hundred_parallel_guesses_in_one_wizard_its_limit_is_counted(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let (wizard, generous) = (wizard_id(), Ladder { limit: 1_000, ..LADDER });
    let mut guesses = JoinSet::new();
    for _ in 0..200 {
        let guess = Attempt { ladder: generous, ..guessing_in(wizard, 5, wrong(&account)) };
        let store = Arc::clone(&store);
        guesses.spawn(async move { judge(&store, guess).await });
    }
    let verdicts = guesses.join_all().await;
    let counted = verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Wrong { .. })).count();
    let refused = verdicts.iter().filter(|verdict| **verdict == Verdict::Exhausted).count();
    assert_eq!((counted, refused), (5, 195));
}

async fn a_wizards_guesses_outlive_resends_and_successes(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let wizard = wizard_id();
    let guess = |attempt| guessing_in(wizard, 2, attempt);
    assert_eq!(judge(&store, guess(wrong(&account))).await, counted(1));
    assert_eq!(judge(&store, guess(unchecked(&account))).await, Verdict::Accepted);
    assert_eq!(judge(&store, guess(right(&account))).await, Verdict::Accepted);
    let last = Verdict::Wrong { left: 0, blocked_until: None, exhausted: true };
    assert_eq!(judge(&store, guess(wrong(&account))).await, last);
    assert_eq!(judge(&store, guess(right(&account))).await, Verdict::Exhausted);
    assert_eq!(judge(&store, guess(unchecked(&account))).await, Verdict::Exhausted);
}

async fn wizards_have_guesses_of_their_own(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let (one, other) = (wizard_id(), wizard_id());
    judge(&store, guessing_in(one, 1, wrong(&account))).await;
    assert_eq!(judge(&store, guessing_in(one, 1, right(&account))).await, Verdict::Exhausted);
    assert_eq!(judge(&store, guessing_in(other, 1, right(&account))).await, Verdict::Accepted);
}

async fn a_wizards_guesses_are_forgotten_after_their_time(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let tries = Some(Tries { wizard: wizard_id(), limit: 1, keep: 100 });
    let guess = |now, attempt| Attempt { tries: tries.clone(), ..later(now, attempt) };
    judge(&store, guess(0, wrong(&account))).await;
    assert_eq!(judge(&store, guess(99, right(&account))).await, Verdict::Exhausted);
    assert_eq!(judge(&store, guess(100, right(&account))).await, Verdict::Accepted);
}

async fn the_fewer_of_both_limits_is_what_is_left(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let wizard = wizard_id();
    assert_eq!(judge(&store, guessing_in(wizard, 2, wrong(&account))).await, counted(1));
    let roomy = wizard_id();
    assert_eq!(judge(&store, guessing_in(roomy, 9, wrong(&account))).await, counted(1));
    let both = Verdict::Wrong { left: 0, blocked_until: Some(at(600)), exhausted: true };
    assert_eq!(judge(&store, guessing_in(wizard, 2, wrong(&account))).await, both);
}

fn nobody(digest: &str, account: &Account) -> Attempt {
    on_name(digest, at_door(Door::First, wrong(account)))
}

async fn a_name_that_nobody_has_runs_into_the_same_limits(store: Arc<dyn Store>) {
    let account = person("unstored");
    let mut now = 0;
    for wait in [600, 1_200] {
        for verdict in [counted(2), counted(1), began_block(now + wait)] {
            assert_eq!(judge(&store, later(now, nobody("x", &account))).await, verdict);
        }
        let blocked = Verdict::Blocked { until: at(now + wait) };
        assert_eq!(judge(&store, later(now + wait - 1, nobody("x", &account))).await, blocked);
        now += wait;
    }
    let tries = |attempt| guessing_in(stepgate::workflow::WizardId::from_bytes([5; 16]), 1, attempt);
    let only = Verdict::Wrong { left: 0, blocked_until: None, exhausted: true };
    assert_eq!(judge(&store, tries(nobody("y", &account))).await, only);
    assert_eq!(judge(&store, tries(nobody("y", &account))).await, Verdict::Exhausted);
}

async fn names_that_nobody_has_count_apart(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let digest = account.id.to_string();
    for _ in 0..3 {
        judge(&store, nobody(&digest, &account)).await;
    }
    assert!(matches!(judge(&store, nobody(&digest, &account)).await, Verdict::Blocked { .. }));
    assert_eq!(judge(&store, nobody("another", &account)).await, counted(2));
    assert_eq!(judge(&store, at_door(Door::First, wrong(&account))).await, counted(2));
    assert_eq!(judge(&store, at_door(Door::Second, nobody(&digest, &account))).await, counted(2));
}

async fn a_repeated_failure_is_counted_once(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let wizard = wizard_id();
    let attempt = guessing_in(wizard, 5, wrong(&account));
    for _ in 0..4 {
        assert_eq!(judge(&store, attempt.clone()).await, counted(2));
    }
    assert_eq!(
        judge(&store, guessing_in(wizard, 2, wrong(&account))).await,
        Verdict::Wrong { left: 0, blocked_until: None, exhausted: true }
    );
    let unknown = nobody("x", &account);
    for _ in 0..4 {
        assert_eq!(judge(&store, unknown.clone()).await, counted(2));
    }
}

async fn the_locks_of_both_doors_are_seen_until_they_end(store: Arc<dyn Store>) {
    let (account, other) = (registered(&store, "anna").await, registered(&store, "ben").await);
    let locks = async |id, now| store.locks(id, at(now)).await.unwrap();
    assert_eq!(locks(account.id, 0).await, Locks::default());
    judge(&store, at_door(Door::First, wrong(&account))).await;
    assert_eq!(locks(account.id, 0).await, Locks::default());
    let second = Some(block(&store, &account).await);
    assert_eq!(locks(account.id, 0).await, Locks { first: None, second });
    for _ in 0..2 {
        judge(&store, later(30, at_door(Door::First, wrong(&account)))).await;
    }
    assert_eq!(locks(account.id, 599).await, Locks { first: Some(at(630)), second });
    assert_eq!(locks(account.id, 600).await, Locks { first: Some(at(630)), second: None });
    assert_eq!(locks(account.id, 630).await, Locks::default());
    assert_eq!(locks(other.id, 0).await, Locks::default());
    assert_eq!(locks(AccountId(other.id.0 + 1_000), 0).await, Locks::default());
}

async fn an_unlocked_account_has_failed_nothing(store: Arc<dyn Store>) {
    let (account, other) = (registered(&store, "anna").await, registered(&store, "ben").await);
    let first = |attempt| at_door(Door::First, attempt);
    block(&store, &account).await;
    block(&store, &other).await;
    judge(&store, first(wrong(&account))).await;
    assert_eq!(judge(&store, spending(code("a"), first(right(&other)))).await, Verdict::Accepted);
    for _ in 0..2 {
        store.unlock(account.id).await.unwrap();
    }
    assert_eq!(store.locks(account.id, at(0)).await.unwrap(), Locks::default());
    assert_eq!(judge(&store, first(wrong(&account))).await, counted(2));
    // The ladder begins anew as well.
    assert_eq!(block(&store, &account).await, at(600));
    // Nobody else is let off, and what was spent stays spent.
    assert_eq!(judge(&store, right(&other)).await, Verdict::Blocked { until: at(600) });
    store.unlock(other.id).await.unwrap();
    assert_eq!(
        judge(&store, spending(code("a"), right(&other))).await,
        Verdict::Spent { left: 2, blocked_until: None }
    );
    store.unlock(AccountId(other.id.0 + 1_000)).await.unwrap();
}
