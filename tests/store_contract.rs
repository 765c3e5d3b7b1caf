//! What every store must do, run against each back end on real files and real servers. A server that is missing fails
//! the run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

/// Makes one test per behaviour and back end of the `async fn(Arc<dyn Store>)`s that it names.
macro_rules! contract {
    ($($behaviour:ident),+ $(,)?) => {
        contract!(on embedded: $($behaviour),+);
        contract!(on redis: $($behaviour),+);
        contract!(on redis_cluster: $($behaviour),+);
    };
    (on $back_end:ident: $($behaviour:ident),+) => {
        mod $back_end {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $behaviour() {
                    let host = crate::stores::$back_end().await;
                    super::$behaviour(host.store()).await;
                }
            )+
        }
    };
}

mod harness;

#[path = "store_contract/accounts.rs"]
mod accounts;
#[path = "store_contract/addresses.rs"]
mod addresses;
#[path = "store_contract/budgets.rs"]
mod budgets;
#[path = "store_contract/differential.rs"]
mod differential;
#[path = "store_contract/events.rs"]
mod events;
#[path = "store_contract/fixtures.rs"]
mod fixtures;
#[path = "store_contract/mfa_orders.rs"]
mod mfa_orders;
#[path = "store_contract/names.rs"]
mod names;
#[path = "store_contract/order.rs"]
mod order;
#[path = "store_contract/sessions.rs"]
mod sessions;
#[path = "store_contract/shared.rs"]
mod shared;
#[path = "store_contract/spending.rs"]
mod spending;
#[path = "store_contract/stores.rs"]
mod stores;
#[path = "store_contract/tallies.rs"]
mod tallies;
#[path = "store_contract/wizards.rs"]
mod wizards;
#[path = "store_contract/writes.rs"]
mod writes;
