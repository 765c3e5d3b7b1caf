//! What was ordered of everybody: one record, known wherever something is read.

use std::sync::Arc;

use stepgate::engine::ports::{AddressKey, Store};
use stepgate::identity::{AccountId, AccountOrder, Factor, MfaOrders, MfaSetting, SessionId};
use tokio::task::JoinSet;

use crate::fixtures::*;
use crate::stores::{self, Host};

contract!(
    orders_replace_those_before_only,
    of_fifty_parallel_orders_one_is_given,
    a_repeated_order_is_given_once,
    accounts_begin_with_the_default_of_their_time,
    orders_cost_no_round_trip,
);

fn allowed(factor: Factor) -> MfaSetting {
    MfaSetting::Allowed(vec![factor])
}

async fn orders_replace_those_before_only(store: Arc<dyn Store>) {
    assert_eq!(*store.orders(), MfaOrders::default());
    let first = MfaOrders::default().for_all(AccountId(7), MfaSetting::Disallowed, at(0));
    assert!(!store.change_orders(&request(), 7, &first).await.unwrap());
    assert_eq!(*store.orders(), MfaOrders::default());
    assert!(store.change_orders(&request(), 0, &first).await.unwrap());
    assert_eq!(*store.orders(), first);
    let second = first.for_newcomers(allowed(Factor::Email), at(1));
    assert!(!store.change_orders(&request(), 0, &second).await.unwrap());
    assert_eq!(*store.orders(), first);
    assert!(store.change_orders(&request(), first.serial, &second).await.unwrap());
    assert_eq!(*store.orders(), second);
    store.wizard(wizard_id()).await.unwrap();
    assert_eq!(*store.orders(), second, "as it was written, so it is read");
}

async fn of_fifty_parallel_orders_one_is_given(store: Arc<dyn Store>) {
    let mut racing = JoinSet::new();
    for racer in 0..50 {
        let store = Arc::clone(&store);
        let own = MfaOrders::default().for_all(AccountId(7), MfaSetting::Disallowed, at(racer));
        racing.spawn(async move { (store.change_orders(&request(), 0, &own).await.unwrap(), own) });
    }
    let won: Vec<_> = racing.join_all().await.into_iter().filter(|(given, _)| *given).collect();
    assert_eq!(won.len(), 1);
    store.wizard(wizard_id()).await.unwrap();
    assert_eq!(*store.orders(), won[0].1);
}

async fn a_repeated_order_is_given_once(store: Arc<dyn Store>) {
    let (asked, first) = (request(), MfaOrders::default().for_all(AccountId(7), MfaSetting::Disallowed, at(0)));
    assert!(store.change_orders(&asked, 0, &first).await.unwrap());
    let second = first.for_all(AccountId(7), allowed(Factor::Email), at(1));
    assert!(store.change_orders(&request(), first.serial, &second).await.unwrap());
    assert!(store.change_orders(&asked, 0, &first).await.unwrap(), "the same answer again");
    store.wizard(wizard_id()).await.unwrap();
    assert_eq!(*store.orders(), second, "and no effect");
}

async fn accounts_begin_with_the_default_of_their_time(store: Arc<dyn Store>) {
    assert_eq!(registered(&store, "anna").await.order, None);
    let all = MfaOrders::default().for_all(AccountId(7), MfaSetting::Disallowed, at(0));
    assert!(store.change_orders(&request(), 0, &all).await.unwrap());
    let late = registered(&store, "bert").await;
    assert_eq!(
        late.order,
        Some(AccountOrder { serial: all.serial, number: None, by: None, setting: None, carried_out: true })
    );
    let newcomers = all.for_newcomers(allowed(Factor::Email), at(1));
    assert!(store.change_orders(&request(), all.serial, &newcomers).await.unwrap());
    let newcomer = registered(&store, "carl").await;
    let order = AccountOrder {
        serial: newcomers.serial,
        number: None,
        by: None,
        setting: newcomers.default.clone(),
        carried_out: false,
    };
    assert_eq!(newcomer.order, Some(order));
    assert_eq!(store.account(newcomer.id).await.unwrap().as_ref(), Some(&newcomer));
}

async fn orders_cost_no_round_trip(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let address = AddressKey("192.0.2.1".to_owned());
    let first = MfaOrders::default().for_all(AccountId(7), MfaSetting::Disallowed, at(0));
    assert!(store.change_orders(&request(), 0, &first).await.unwrap());
    let before = store.round_trips();
    store.wizard(wizard_id()).await.unwrap();
    store.account(account.id).await.unwrap();
    store.session(account.id, &SessionId::from_bytes([1; 16]), at(0)).await.unwrap();
    store.open_sign_in(wizard_id(), &names_of(&account)[0], &address, at(0)).await.unwrap();
    assert_eq!(*store.orders(), first);
    assert_eq!(store.round_trips() - before, 4);
}

/// An order that is given through one instance is known to the other at its very next read, whatever it reads.
async fn holds_on_the_other([here, there]: [Host; 2]) {
    let (here, there) = (here.store(), there.store());
    let account = registered(&here, "anna").await;
    let address = AddressKey("192.0.2.1".to_owned());
    let mut orders = MfaOrders::default();
    for read in 0..6 {
        let next = orders.for_newcomers(allowed(Factor::Email), at(read));
        assert!(here.change_orders(&request(), orders.serial, &next).await.unwrap());
        assert_eq!(*there.orders(), orders, "nothing was read yet");
        let name = &names_of(&account)[0];
        match read {
            0 => drop(there.wizard(wizard_id()).await.unwrap()),
            1 => drop(there.account(account.id).await.unwrap()),
            2 => drop(there.account_by_name(name).await.unwrap()),
            3 => drop(there.session(account.id, &SessionId::from_bytes([1; 16]), at(0)).await.unwrap()),
            4 => drop(there.open_sign_in(wizard_id(), name, &address, at(0)).await.unwrap()),
            _ => drop(there.accounts(None, 10).await.unwrap()),
        }
        assert_eq!(*there.orders(), next, "read {read}");
        orders = next;
    }
    let newer = orders.for_newcomers(allowed(Factor::Sms), at(100));
    assert!(here.change_orders(&request(), orders.serial, &newer).await.unwrap());
    assert_eq!(registered(&there, "bert").await.order, newer.of_newcomer(), "nor is anybody made who has not heard");
    let newest = newer.for_all(AccountId(7), MfaSetting::Disallowed, at(101));
    assert!(here.change_orders(&request(), newer.serial, &newest).await.unwrap());
    assert!(!there.change_orders(&request(), newer.serial, &newer).await.unwrap());
    assert_eq!(*there.orders(), newest, "a lost race tells who won it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_redis_an_order_holds_on_every_instance_at_once() {
    holds_on_the_other(stores::two_on_redis().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_cluster_an_order_holds_on_every_instance_at_once() {
    holds_on_the_other(stores::two_on_redis_cluster().await).await;
}
