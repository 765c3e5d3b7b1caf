//! What can be used once.

use std::sync::Arc;

use stepgate::engine::ports::{AccountWrite, Attempt, Spend, Store, Verdict};
use stepgate::identity::Factor;
use tokio::task::JoinSet;

use crate::fixtures::*;

contract!(
    a_code_is_accepted_once,
    a_spent_code_counts_as_a_failure_and_blocks,
    a_spent_code_counts_as_a_guess_of_the_wizard,
    a_code_is_spent_for_its_time,
    a_code_is_spent_for_one_account,
    a_step_and_all_before_it_are_accepted_once,
    the_step_before_still_knows_its_operation,
    of_fifty_parallel_uses_of_one_code_one_is_accepted,
    of_fifty_parallel_uses_of_one_step_one_is_accepted,
    the_same_operation_is_accepted_again_without_a_second_write,
    a_code_that_proves_nothing_yet_is_spent_and_clears_nothing,
    a_wrong_or_stale_attempt_spends_nothing,
    a_repeated_use_is_counted_once,
    a_token_is_used_once_and_counts_as_no_guess,
);

async fn a_code_is_accepted_once(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    assert_eq!(judge(&store, spending(code("a"), right(&account))).await, Verdict::Accepted);
    let used = Verdict::Spent { left: 2, blocked_until: None };
    assert_eq!(judge(&store, spending(code("a"), right(&account))).await, used);
    assert_eq!(judge(&store, spending(code("b"), right(&account))).await, Verdict::Accepted);
}

async fn a_spent_code_counts_as_a_failure_and_blocks(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    assert_eq!(judge(&store, spending(code("a"), right(&account))).await, Verdict::Accepted);
    for (left, blocked_until) in [(2, None), (1, None), (0, Some(at(600)))] {
        let verdict = judge(&store, spending(code("a"), right(&account))).await;
        assert_eq!(verdict, Verdict::Spent { left, blocked_until });
    }
    assert_eq!(judge(&store, right(&account)).await, Verdict::Blocked { until: at(600) });
}

async fn a_spent_code_counts_as_a_guess_of_the_wizard(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    assert_eq!(judge(&store, spending(code("a"), right(&account))).await, Verdict::Accepted);
    let wizard = wizard_id();
    let verdict = judge(&store, guessing_in(wizard, 1, spending(code("a"), right(&account)))).await;
    assert_eq!(verdict, Verdict::Spent { left: 0, blocked_until: None });
    assert_eq!(judge(&store, guessing_in(wizard, 1, right(&account))).await, Verdict::Exhausted);
}

async fn a_code_is_spent_for_its_time(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let operation = "the same".to_owned();
    let use_at = |now, operation: &str| {
        let attempt = spending(code("a"), later(now, right(&account)));
        Attempt { operation: operation.to_owned(), ..attempt }
    };
    assert_eq!(judge(&store, use_at(0, &operation)).await, Verdict::Accepted);
    let used = Verdict::Spent { left: 2, blocked_until: None };
    assert_eq!(judge(&store, use_at(599, "another")).await, used);
    assert_eq!(judge(&store, use_at(600, "another")).await, Verdict::Accepted);
}

async fn a_code_is_spent_for_one_account(store: Arc<dyn Store>) {
    let (anna, ben) = (registered(&store, "anna").await, registered(&store, "ben").await);
    for spend in [code("a"), Spend::TotpStep(7)] {
        assert_eq!(judge(&store, spending(spend.clone(), right(&anna))).await, Verdict::Accepted);
        assert_eq!(judge(&store, spending(spend, right(&ben))).await, Verdict::Accepted);
    }
}

async fn a_step_and_all_before_it_are_accepted_once(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    assert_eq!(judge(&store, spending(Spend::TotpStep(100), right(&account))).await, Verdict::Accepted);
    for (step, left) in [(100, 2), (99, 1)] {
        let verdict = judge(&store, spending(Spend::TotpStep(step), right(&account))).await;
        assert_eq!(verdict, Verdict::Spent { left, blocked_until: None });
    }
    assert_eq!(judge(&store, spending(Spend::TotpStep(101), right(&account))).await, Verdict::Accepted);
    // Time does not bring a step back.
    let verdict = judge(&store, spending(Spend::TotpStep(101), later(10_000_000, right(&account)))).await;
    assert_eq!(verdict, Verdict::Spent { left: 2, blocked_until: None });
}

async fn the_step_before_still_knows_its_operation(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let first = spending(Spend::TotpStep(100), right(&account));
    assert_eq!(judge(&store, first.clone()).await, Verdict::Accepted);
    assert_eq!(judge(&store, spending(Spend::TotpStep(101), right(&account))).await, Verdict::Accepted);
    assert_eq!(judge(&store, again(&first)).await, Verdict::Accepted);
    assert_eq!(failures(&store, &account, 0).await, 0);
}

async fn race(store: &Arc<dyn Store>, spend: Spend) {
    let account = registered(store, "racer").await;
    let mut uses = JoinSet::new();
    for _ in 0..50 {
        let (store, attempt) = (Arc::clone(store), spending(spend.clone(), right(&account)));
        uses.spawn(async move { judge(&store, attempt).await });
    }
    let verdicts = uses.join_all().await;
    let accepted = verdicts.iter().filter(|verdict| **verdict == Verdict::Accepted).count();
    let refused = verdicts.iter().filter(|v| matches!(v, Verdict::Spent { .. } | Verdict::Blocked { .. })).count();
    assert_eq!((accepted, refused), (1, 49));
}

async fn of_fifty_parallel_uses_of_one_code_one_is_accepted(store: Arc<dyn Store>) {
    race(&store, code("a")).await;
}

async fn of_fifty_parallel_uses_of_one_step_one_is_accepted(store: Arc<dyn Store>) {
    race(&store, Spend::TotpStep(55)).await;
}

async fn the_same_operation_is_accepted_again_without_a_second_write(store: Arc<dyn Store>) {
    let mut account = registered(&store, "anna").await;
    for spend in [code("a"), Spend::TotpStep(100)] {
        let session = session(&account);
        let next = changed(&account);
        let write = AccountWrite {
            account: Some(next.clone()),
            changes: vec![turned_on(Factor::Google)],
            open_session: Some(session.clone()),
            ..AccountWrite::default()
        };
        let attempt = spending(spend, writing(write, right(&account)));
        let lines = store.changes(account.id).await.unwrap().len();
        assert_eq!(judge(&store, attempt.clone()).await, Verdict::Accepted);
        // In between the session ends; the repeat must not open it again.
        assert!(store.end_session(account.id, &session.id).await.unwrap());
        for _ in 0..3 {
            assert_eq!(judge(&store, again(&attempt)).await, Verdict::Accepted);
        }
        assert_eq!(store.changes(account.id).await.unwrap().len(), lines + 1);
        assert_eq!(store.sessions(account.id, at(0)).await.unwrap(), []);
        assert_eq!(store.account(account.id).await.unwrap(), Some(next.clone()));
        account = next;
    }
}

async fn a_code_that_proves_nothing_yet_is_spent_and_clears_nothing(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    for spend in [code("a"), Spend::TotpStep(100)] {
        judge(&store, wrong(&account)).await;
        assert_eq!(judge(&store, spending(spend.clone(), unchecked(&account))).await, Verdict::Accepted);
        let used = Verdict::Spent { left: 1, blocked_until: None };
        assert_eq!(judge(&store, spending(spend, unchecked(&account))).await, used);
        assert_eq!(judge(&store, right(&account)).await, Verdict::Accepted);
    }
}

async fn a_wrong_or_stale_attempt_spends_nothing(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    judge(&store, spending(code("a"), wrong(&account))).await;
    let next = change(&store, &account).await;
    assert!(matches!(judge(&store, spending(code("a"), right(&account))).await, Verdict::Stale(_)));
    assert_eq!(judge(&store, spending(code("a"), right(&next))).await, Verdict::Accepted);
}

async fn a_repeated_use_is_counted_once(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    assert_eq!(judge(&store, spending(code("a"), right(&account))).await, Verdict::Accepted);
    let late = spending(code("a"), right(&account));
    for _ in 0..4 {
        assert_eq!(judge(&store, late.clone()).await, Verdict::Spent { left: 2, blocked_until: None });
    }
    assert_eq!(failures(&store, &account, 0).await, 1);
}

/// X9, X20: a used token is refused without being counted, and a fresh one passes a blocked door; but no code is sent
/// there.
async fn a_token_is_used_once_and_counts_as_no_guess(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let token = |digest: &str| Spend::Token { digest: digest.to_owned(), keep: 600 };
    let using = |digest: &str| Attempt { right: None, ..spending(token(digest), right(&account)) };
    assert_eq!(judge(&store, using("a")).await, Verdict::Accepted);
    for _ in 0..5 {
        assert_eq!(judge(&store, using("a")).await, Verdict::Spent { left: 0, blocked_until: None });
    }
    assert_eq!(judge(&store, wrong(&account)).await, Verdict::Wrong { left: 2, blocked_until: None, exhausted: false });
    for _ in 0..2 {
        judge(&store, wrong(&account)).await;
    }
    assert_eq!(judge(&store, right(&account)).await, Verdict::Blocked { until: at(600) });
    assert_eq!(judge(&store, using("a")).await, Verdict::Spent { left: 0, blocked_until: None });
    assert_eq!(judge(&store, using("b")).await, Verdict::Accepted);
    assert_eq!(judge(&store, right(&account)).await, Verdict::Blocked { until: at(600) }, "it clears nothing either");
    let ben = registered(&store, "ben").await;
    let others = Attempt { right: None, ..spending(token("b"), right(&ben)) };
    assert_eq!(judge(&store, others).await, Verdict::Accepted, "spent for one account");
}
