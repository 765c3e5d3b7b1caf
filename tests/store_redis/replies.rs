//! A reply that is lost after the server did the work: the call is answered all the same, and has had one effect.

use stepgate::engine::ports::AddressFailure::Counted;
use stepgate::engine::ports::{
    AccountWrite, AddressKey, Attempt, Commit, EventRange, NewChange, SendBudget, Spend, Store, Subject, Verdict,
};
use stepgate::identity::{Account, AccountId, Factor, Keys, MfaOrders, MfaSetting, Session};
use stepgate::store::redis::RedisStore;

use crate::fixtures::*;
use crate::harness::redis::{Proxy, single};

/// A store whose replies can be lost, warmed up so that the next request is a call's own.
async fn behind_a_proxy() -> (RedisStore, Proxy) {
    let proxy = Proxy::before(single().port);
    let store = open(&proxy.url()).await;
    store.health().await.unwrap();
    (store, proxy)
}

/// Runs the call with the reply to its request number `$spared` lost, and makes sure that it was.
macro_rules! losing_reply {
    ($proxy:ident, $spared:expr, $call:expr) => {{
        let lost = $proxy.lost();
        $proxy.lose_reply_after($spared);
        let answer = $call.await.unwrap();
        assert_eq!($proxy.lost(), lost + 1, "no reply was lost");
        answer
    }};
}

#[tokio::test]
async fn a_failure_is_counted_once() {
    let (store, proxy) = behind_a_proxy().await;
    let account = registered(&store, "anna").await;
    assert_eq!(losing_reply!(proxy, 0, store.judge(&wrong(&account))), counted(4));
    assert_eq!(store.judge(&wrong(&account)).await.unwrap(), counted(3));
}

#[tokio::test]
async fn an_accepted_attempt_is_done_once() {
    for spend in [None, Some(Spend::TotpStep(100))] {
        accepted_once(spend).await;
    }
}

async fn accepted_once(spend: Option<Spend>) {
    let (store, proxy) = behind_a_proxy().await;
    let account = registered(&store, "anna").await;
    let change = NewChange { provider: Factor::Email, is_enabled: true, time: at(0) };
    let budget = SendBudget { channel: Factor::Sms, windows: vec![(60, 2)] };
    let write = AccountWrite {
        account: Some(changed(&account)),
        changes: vec![change],
        open_session: Some(session(&account)),
        send: Some(budget),
        ..AccountWrite::default()
    };
    let attempt = Attempt { write: write.clone(), spend, ..right(&account) };
    assert_eq!(losing_reply!(proxy, 0, store.judge(&attempt)), Verdict::Accepted);
    assert_eq!(store.account(account.id).await.unwrap().unwrap().revision, 2);
    assert_eq!(store.changes(account.id).await.unwrap().len(), 1);
    assert_eq!(store.sessions(account.id, at(0)).await.unwrap().len(), 1);
    let send = AccountWrite { send: write.send, ..AccountWrite::default() };
    let sending = || Attempt { right: None, write: send.clone(), ..right(&changed(&account)) };
    assert_eq!(store.judge(&sending()).await.unwrap(), Verdict::Accepted, "one send was counted, not two");
    assert_eq!(store.judge(&sending()).await.unwrap(), Verdict::OverBudget { until: at(60) });
}

#[tokio::test]
async fn a_wizard_is_created_and_moves_once() {
    let (store, proxy) = behind_a_proxy().await;
    let first = wizard();
    losing_reply!(proxy, 0, store.create_wizard(&first));
    assert_eq!(store.wizard(first.id).await.unwrap(), Some(first.clone()));
    let second = stepped(&first, "2fa");
    assert_eq!(losing_reply!(proxy, 0, store.commit_wizard(&request(), &second)), Commit::Done);
    assert_eq!(store.wizard(first.id).await.unwrap(), Some(second.clone()));
    store.create_wizard(&first).await.unwrap();
    assert_eq!(
        store.wizard(first.id).await.unwrap(),
        Some(second),
        "a late copy of its creation moved the wizard back"
    );
}

#[tokio::test]
async fn an_account_is_created_once_whichever_reply_is_lost() {
    for spared in 0..4 {
        let (store, proxy) = behind_a_proxy().await;
        let names = names_of(&person("anna"));
        let created = losing_reply!(proxy, spared, store.create_account(person("anna"), &names)).unwrap();
        assert_eq!(store.account_by_name(&names[0]).await.unwrap().as_ref(), Some(&created));
        assert_eq!(store.accounts(None, 10).await.unwrap(), [created]);
        assert!(store.create_account(person("anna"), &names).await.unwrap().is_err());
    }
}

#[tokio::test]
async fn an_account_is_replaced_and_deleted_once_whichever_reply_is_lost() {
    for spared in 0..3 {
        let (store, proxy) = behind_a_proxy().await;
        let account = registered(&store, "anna").await;
        let next = Account { email: person("beth").email, ..changed(&account) };
        let (old, new) = (names_of(&account), names_of(&next));
        assert_eq!(losing_reply!(proxy, spared, store.replace_account(&next, &old, &new)), Ok(true));
        assert_eq!(store.account_by_name(&new[0]).await.unwrap(), Some(next));
        assert_eq!(store.account_by_name(&old[0]).await.unwrap(), None);
        registered(&store, "anna").await;
    }
    for spared in 0..2 {
        let (store, proxy) = behind_a_proxy().await;
        let account = registered(&store, "anna").await;
        assert!(losing_reply!(proxy, spared, store.delete_account(account.id, &names_of(&account))));
        assert!(!store.delete_account(account.id, &names_of(&account)).await.unwrap());
        registered(&store, "anna").await;
    }
}

#[tokio::test]
async fn an_address_fails_once() {
    let (store, proxy) = behind_a_proxy().await;
    let address = AddressKey("192.0.2.1".to_owned());
    for _ in 0..3 {
        assert_eq!(losing_reply!(proxy, 0, store.fail_address(&request(), &address, &LADDER, at(0))), Counted(None));
    }
    assert_eq!(store.fail_address(&request(), &address, &LADDER, at(0)).await.unwrap(), Counted(None));
    let blocking = losing_reply!(proxy, 0, store.fail_address(&request(), &address, &LADDER, at(0)));
    assert_eq!(blocking, Counted(Some(at(600))));
}

#[tokio::test]
async fn a_send_is_refunded_once() {
    let (store, proxy) = behind_a_proxy().await;
    let account = registered(&store, "anna").await;
    let budget = SendBudget { channel: Factor::Sms, windows: vec![(60, 2)] };
    let send = || {
        let write = AccountWrite { send: Some(budget.clone()), ..AccountWrite::default() };
        Attempt { right: None, write, ..right(&account) }
    };
    for _ in 0..2 {
        assert_eq!(store.judge(&send()).await.unwrap(), Verdict::Accepted);
    }
    losing_reply!(proxy, 0, store.refund_send(&request(), &Subject::Account(account.id), &budget, at(0)));
    assert_eq!(store.judge(&send()).await.unwrap(), Verdict::Accepted);
    assert_eq!(store.judge(&send()).await.unwrap(), Verdict::OverBudget { until: at(60) });
}

#[tokio::test]
async fn a_session_changes_and_ends_once() {
    let (store, proxy) = behind_a_proxy().await;
    let account = registered(&store, "anna").await;
    let first = session(&account);
    let write = AccountWrite { open_session: Some(first.clone()), ..AccountWrite::default() };
    assert_eq!(store.judge(&Attempt { write, ..right(&account) }).await.unwrap(), Verdict::Accepted);
    let second = Session { revision: 2, live: vec!["another".to_owned()], ..first.clone() };
    assert!(losing_reply!(proxy, 0, store.replace_session(&request(), &second)));
    assert!(!store.replace_session(&request(), &second).await.unwrap());
    assert_eq!(store.sessions(account.id, at(0)).await.unwrap(), [second]);
    assert!(losing_reply!(proxy, 0, store.end_session(account.id, &first.id)));
    assert!(!store.end_session(account.id, &first.id).await.unwrap());
}

#[tokio::test]
async fn events_are_added_and_an_account_is_unlocked_once() {
    let (store, proxy) = behind_a_proxy().await;
    let batch = [event("one"), event("two")];
    losing_reply!(proxy, 0, store.append_events(&request(), &batch));
    let stored = store.events(&EventRange { beyond: None, newest_first: false, limit: 10 }).await.unwrap();
    assert_eq!(stored.into_iter().map(|stored| stored.event).collect::<Vec<_>>(), batch);
    let account = registered(&store, "anna").await;
    store.judge(&wrong(&account)).await.unwrap();
    losing_reply!(proxy, 0, store.unlock(account.id));
    assert_eq!(store.judge(&wrong(&account)).await.unwrap(), counted(4));
}

#[tokio::test]
async fn what_is_decided_without_an_attempt_is_written_once() {
    let (store, proxy) = behind_a_proxy().await;
    let account = registered(&store, "anna").await;
    let change = NewChange { provider: Factor::Sms, is_enabled: false, time: at(0) };
    let write = AccountWrite { account: Some(changed(&account)), changes: vec![change], ..AccountWrite::default() };
    let revision = account.revision;
    let written = losing_reply!(proxy, 0, store.write_account(&request(), account.id, revision, &write, at(0)));
    assert_eq!(written, Verdict::Accepted);
    assert_eq!(store.changes(account.id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_kept_value_is_swapped_once() {
    let (store, proxy) = behind_a_proxy().await;
    let sealed = |text: &str| Keys::from_master([1; 32]).seal(text.as_bytes(), &[], [1; 24]);
    let one = store.keep("key", &sealed("one")).await.unwrap();
    assert!(losing_reply!(proxy, 0, store.swap_kept("key", Some(&one), &sealed("two"))));
    assert_eq!(store.kept("key").await.unwrap(), Some(sealed("two")));
}

#[tokio::test]
async fn an_order_is_given_once() {
    let (store, proxy) = behind_a_proxy().await;
    let first = MfaOrders::default().for_all(AccountId(7), MfaSetting::Disallowed, at(0));
    assert!(losing_reply!(proxy, 0, store.change_orders(&request(), 0, &first)), "it is in, and known to be");
    let second = first.for_all(AccountId(7), MfaSetting::Disallowed, at(1));
    assert!(store.change_orders(&request(), first.serial, &second).await.unwrap());
}
