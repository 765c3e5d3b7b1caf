//! The order of judgement: each rule beats the ones after it.

use std::sync::Arc;

use stepgate::engine::ports::{AccountWrite, Attempt, Door, SendBudget, Spend, Store, Verdict};
use stepgate::identity::{Account, AccountId, Factor};
use stepgate::workflow::WizardId;

use crate::fixtures::*;

contract!(
    repeat_before_gone,
    repeat_before_blocked,
    repeat_before_stale,
    gone_before_anything_else,
    spent_by_this_operation_before_blocked,
    spent_by_this_operation_before_exhausted,
    spent_by_this_operation_before_wrong,
    spent_by_this_operation_before_stale,
    blocked_before_exhausted,
    blocked_before_wrong,
    blocked_before_stale,
    blocked_before_spent,
    blocked_before_over_budget,
    exhausted_before_wrong,
    exhausted_before_stale,
    exhausted_before_spent,
    exhausted_before_over_budget,
    stale_before_wrong,
    wrong_before_spent,
    wrong_before_over_budget,
    stale_before_spent,
    stale_before_over_budget,
    spent_before_over_budget,
    wrong_and_stale_before_a_send_of_no_use,
    spent_before_a_send_of_no_use,
    a_send_of_no_use_before_over_budget,
    a_send_of_no_use_writes_nothing,
    over_budget_writes_nothing,
);

/// A budget without room.
fn broke() -> AccountWrite {
    AccountWrite { send: Some(SendBudget { channel: Factor::Sms, windows: vec![(60, 0)] }), ..AccountWrite::default() }
}

/// Lets another operation spend the code.
async fn spend(store: &Arc<dyn Store>, account: &Account) -> Spend {
    let spend = code("used");
    assert_eq!(judge(store, spending(spend.clone(), right(account))).await, Verdict::Accepted);
    spend
}

/// Uses up the only guess of a wizard, and clears the door again.
async fn exhaust(store: &Arc<dyn Store>, account: &Account) -> WizardId {
    let wizard = wizard_id();
    let verdict = judge(store, guessing_in(wizard, 1, wrong(account))).await;
    assert_eq!(verdict, Verdict::Wrong { left: 0, blocked_until: None, exhausted: true });
    assert_eq!(judge(store, right(account)).await, Verdict::Accepted);
    wizard
}

fn is_stale(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Stale(_))
}

async fn repeat_before_gone(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let attempt = wrong(&account);
    let verdict = judge(&store, attempt.clone()).await;
    assert_eq!(verdict, Verdict::Wrong { left: 2, blocked_until: None, exhausted: false });
    assert_eq!(judge(&store, attempt).await, verdict);
    assert_eq!(failures(&store, &account, 0).await, 1);
}

async fn repeat_before_blocked(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let attempt = wrong(&account);
    let verdict = judge(&store, attempt.clone()).await;
    for _ in 0..2 {
        judge(&store, wrong(&account)).await;
    }
    assert_eq!(judge(&store, wrong(&account)).await, Verdict::Blocked { until: at(600) });
    assert_eq!(judge(&store, attempt).await, verdict);
}

async fn repeat_before_stale(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let write = AccountWrite {
        account: Some(changed(&account)),
        changes: vec![turned_on(Factor::Email)],
        ..AccountWrite::default()
    };
    let attempt = writing(write, right(&account));
    for _ in 0..3 {
        assert_eq!(judge(&store, attempt.clone()).await, Verdict::Accepted);
    }
    assert_eq!(store.changes(account.id).await.unwrap().len(), 1);
}

async fn gone_before_anything_else(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let stranger = Account { id: AccountId(account.id.0 + 1_000), ..account.clone() };
    let spend = spend(&store, &account).await;
    for attempt in [right(&stranger), wrong(&stranger), unchecked(&stranger), spending(spend, right(&stranger))] {
        assert_eq!(judge(&store, attempt).await, Verdict::Gone);
    }
    block(&store, &account).await;
    assert!(store.delete_account(account.id, &names_of(&account)).await.unwrap());
    assert_eq!(judge(&store, wrong(&account)).await, Verdict::Gone);
    // A name that nobody has cannot be gone.
    assert!(matches!(judge(&store, on_name("digest", wrong(&account))).await, Verdict::Wrong { .. }));
}

async fn spent_by_this_operation_before_blocked(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    for spend in [code("a"), Spend::TotpStep(100)] {
        let attempt = spending(spend, right(&account));
        assert_eq!(judge(&store, attempt.clone()).await, Verdict::Accepted);
        let until = block(&store, &account).await;
        assert_eq!(judge(&store, right(&account)).await, Verdict::Blocked { until });
        assert_eq!(judge(&store, again(&attempt)).await, Verdict::Accepted);
        // It was answered, not judged: the door is as it was.
        assert_eq!(judge(&store, right(&account)).await, Verdict::Blocked { until });
        return_to_zero(&store, &account).await;
    }
}

/// Succeeds after the block.
async fn return_to_zero(store: &Arc<dyn Store>, account: &Account) {
    assert_eq!(judge(store, later(600, right(account))).await, Verdict::Accepted);
}

async fn spent_by_this_operation_before_exhausted(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let wizard = wizard_id();
    let attempt = guessing_in(wizard, 1, spending(code("a"), right(&account)));
    assert_eq!(judge(&store, attempt.clone()).await, Verdict::Accepted);
    judge(&store, guessing_in(wizard, 1, wrong(&account))).await;
    assert_eq!(judge(&store, guessing_in(wizard, 1, right(&account))).await, Verdict::Exhausted);
    assert_eq!(judge(&store, again(&attempt)).await, Verdict::Accepted);
}

async fn spent_by_this_operation_before_wrong(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let attempt = spending(code("a"), right(&account));
    assert_eq!(judge(&store, attempt.clone()).await, Verdict::Accepted);
    let wrong = Attempt { right: Some(false), ..again(&attempt) };
    assert_eq!(judge(&store, wrong).await, Verdict::Accepted);
    assert_eq!(failures(&store, &account, 0).await, 0);
}

async fn spent_by_this_operation_before_stale(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let attempt = spending(code("a"), right(&account));
    assert_eq!(judge(&store, attempt.clone()).await, Verdict::Accepted);
    change(&store, &account).await;
    assert!(is_stale(&judge(&store, right(&account)).await));
    assert_eq!(judge(&store, again(&attempt)).await, Verdict::Accepted);
}

async fn blocked_before_exhausted(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let wizard = exhaust(&store, &account).await;
    assert_eq!(judge(&store, guessing_in(wizard, 1, right(&account))).await, Verdict::Exhausted);
    let until = block(&store, &account).await;
    assert_eq!(judge(&store, guessing_in(wizard, 1, right(&account))).await, Verdict::Blocked { until });
}

async fn blocked_before_wrong(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let until = block(&store, &account).await;
    for _ in 0..5 {
        assert_eq!(judge(&store, later(599, wrong(&account))).await, Verdict::Blocked { until });
    }
    // None of them was counted.
    assert_eq!(failures(&store, &account, 600).await, 0);
}

async fn blocked_before_stale(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let next = change(&store, &account).await;
    let until = block(&store, &next).await;
    assert_eq!(judge(&store, right(&account)).await, Verdict::Blocked { until });
}

async fn blocked_before_spent(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let spend = spend(&store, &account).await;
    let until = block(&store, &account).await;
    assert_eq!(judge(&store, spending(spend, right(&account))).await, Verdict::Blocked { until });
}

async fn blocked_before_over_budget(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let until = block(&store, &account).await;
    assert_eq!(judge(&store, writing(broke(), unchecked(&account))).await, Verdict::Blocked { until });
}

async fn exhausted_before_wrong(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let wizard = exhaust(&store, &account).await;
    for _ in 0..5 {
        assert_eq!(judge(&store, guessing_in(wizard, 1, wrong(&account))).await, Verdict::Exhausted);
    }
    assert_eq!(failures(&store, &account, 0).await, 0);
}

async fn exhausted_before_stale(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let wizard = exhaust(&store, &account).await;
    change(&store, &account).await;
    assert_eq!(judge(&store, guessing_in(wizard, 1, right(&account))).await, Verdict::Exhausted);
}

async fn exhausted_before_spent(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let spend = spend(&store, &account).await;
    let wizard = exhaust(&store, &account).await;
    let attempt = guessing_in(wizard, 1, spending(spend, right(&account)));
    assert_eq!(judge(&store, attempt).await, Verdict::Exhausted);
    assert_eq!(failures(&store, &account, 0).await, 0);
}

async fn exhausted_before_over_budget(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let wizard = exhaust(&store, &account).await;
    let attempt = guessing_in(wizard, 1, writing(broke(), unchecked(&account)));
    assert_eq!(judge(&store, attempt).await, Verdict::Exhausted);
}

async fn stale_before_wrong(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let next = change(&store, &account).await;
    // It may be right by what is new, so nothing is counted before it is judged by that.
    let wizard = wizard_id();
    let verdict = judge(&store, guessing_in(wizard, 1, wrong(&account))).await;
    assert_eq!(verdict, Verdict::Stale(Box::new(next.clone())));
    assert_eq!(failures(&store, &next, 0).await, 0);
    let verdict = judge(&store, guessing_in(wizard, 1, wrong(&next))).await;
    assert_eq!(verdict, Verdict::Wrong { left: 0, blocked_until: None, exhausted: true });
}

async fn wrong_before_spent(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let spend = spend(&store, &account).await;
    let verdict = judge(&store, spending(spend, wrong(&account))).await;
    assert_eq!(verdict, Verdict::Wrong { left: 2, blocked_until: None, exhausted: false });
}

async fn wrong_before_over_budget(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let verdict = judge(&store, writing(broke(), wrong(&account))).await;
    assert_eq!(verdict, Verdict::Wrong { left: 2, blocked_until: None, exhausted: false });
}

async fn stale_before_spent(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let spend = spend(&store, &account).await;
    let next = change(&store, &account).await;
    let verdict = judge(&store, spending(spend, right(&account))).await;
    assert_eq!(verdict, Verdict::Stale(Box::new(next.clone())));
    assert_eq!(failures(&store, &next, 0).await, 0);
}

async fn stale_before_over_budget(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    change(&store, &account).await;
    assert!(is_stale(&judge(&store, writing(broke(), unchecked(&account))).await));
}

async fn spent_before_over_budget(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let spend = spend(&store, &account).await;
    let verdict = judge(&store, spending(spend, writing(broke(), right(&account)))).await;
    assert_eq!(verdict, Verdict::Spent { left: 2, blocked_until: None });
}

/// A right password, upon which a code is to be sent.
fn password_then_code(account: &Account, write: AccountWrite) -> Attempt {
    at_door(Door::First, writing(write, right(account)))
}

fn affordable() -> AccountWrite {
    AccountWrite { send: Some(SendBudget { channel: Factor::Sms, windows: vec![(60, 1)] }), ..AccountWrite::default() }
}

async fn wrong_and_stale_before_a_send_of_no_use(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    block(&store, &account).await;
    let wrong = Attempt { right: Some(false), ..password_then_code(&account, affordable()) };
    let counted = Verdict::Wrong { left: 2, blocked_until: None, exhausted: false };
    assert_eq!(judge(&store, wrong).await, counted);
    let write = AccountWrite { account: Some(changed(&account)), ..AccountWrite::default() };
    assert_eq!(judge(&store, at_door(Door::First, writing(write, right(&account)))).await, Verdict::Accepted);
    assert!(is_stale(&judge(&store, password_then_code(&account, affordable())).await));
}

async fn spent_before_a_send_of_no_use(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let spend = spend(&store, &account).await;
    block(&store, &account).await;
    let verdict = judge(&store, spending(spend, password_then_code(&account, affordable()))).await;
    assert_eq!(verdict, Verdict::Spent { left: 2, blocked_until: None });
}

async fn a_send_of_no_use_before_over_budget(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let until = block(&store, &account).await;
    assert_eq!(judge(&store, password_then_code(&account, broke())).await, Verdict::Blocked { until });
    let broke = later(600, password_then_code(&account, broke()));
    assert_eq!(judge(&store, broke).await, Verdict::OverBudget { until: at(660) });
}

async fn a_send_of_no_use_writes_nothing(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let first = |attempt| at_door(Door::First, attempt);
    judge(&store, first(wrong(&account))).await;
    let until = block(&store, &account).await;
    for _ in 0..3 {
        assert_eq!(judge(&store, password_then_code(&account, affordable())).await, Verdict::Blocked { until });
    }
    // The right password was of no use, so it has cleared nothing and used nothing of the budget.
    let second = Verdict::Wrong { left: 1, blocked_until: None, exhausted: false };
    assert_eq!(judge(&store, first(wrong(&account))).await, second);
    assert_eq!(judge(&store, later(600, password_then_code(&account, affordable()))).await, Verdict::Accepted);
    // A right password that sends nothing is not concerned.
    block_again(&store, &account, 600).await;
    assert_eq!(judge(&store, later(600, first(right(&account)))).await, Verdict::Accepted);
}

/// Fails at the second door until it is blocked.
async fn block_again(store: &Arc<dyn Store>, account: &Account, now: i64) {
    for _ in 0..3 {
        judge(store, later(now, wrong(account))).await;
    }
    assert!(matches!(judge(store, later(now, right(account))).await, Verdict::Blocked { .. }));
}

async fn over_budget_writes_nothing(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    judge(&store, wrong(&account)).await;
    let session = session(&account);
    let write = AccountWrite {
        account: Some(changed(&account)),
        changes: vec![turned_on(Factor::Sms)],
        open_session: Some(session.clone()),
        ..broke()
    };
    let attempt = spending(code("a"), writing(write, right(&account)));
    assert_eq!(judge(&store, attempt).await, Verdict::OverBudget { until: at(60) });
    assert_eq!(store.account(account.id).await.unwrap(), Some(account.clone()));
    assert_eq!(store.changes(account.id).await.unwrap(), []);
    assert_eq!(store.session(account.id, &session.id, at(0)).await.unwrap(), None);
    assert_eq!(failures(&store, &account, 0).await, 1);
    let other = at_door(Door::First, spending(code("a"), right(&account)));
    assert_eq!(judge(&store, other).await, Verdict::Accepted);
}
