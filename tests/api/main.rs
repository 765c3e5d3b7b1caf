//! HTTP behaviour, over HTTP, on every store: real files, a real Redis server, a real cluster. A server that is missing
//! fails the run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "the harness serves all rooms")]

/// Makes one test per behaviour and store of the `async fn(TestApp)`s that it names, each on a fresh, empty store.
macro_rules! on_every_store {
    ($($behaviour:ident),+ $(,)?) => {
        mod embedded {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $behaviour() {
                    super::$behaviour(crate::harness::Setup::on(crate::harness::Backend::Embedded).start().await).await;
                }
            )+
        }
        mod redis {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $behaviour() {
                    super::$behaviour(crate::harness::Setup::on(crate::harness::Backend::Redis).start().await).await;
                }
            )+
        }
        mod cluster {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $behaviour() {
                    super::$behaviour(crate::harness::Setup::on(crate::harness::Backend::Cluster).start().await).await;
                }
            )+
        }
    };
}

/// Makes one test per behaviour of the same kind, on an embedded store and with a directory that knows the passwords.
macro_rules! with_a_directory {
    ($($behaviour:ident),+ $(,)?) => {
        mod with_a_directory {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $behaviour() {
                    let setup = crate::harness::Setup::on(crate::harness::Backend::Embedded).with_directory();
                    super::$behaviour(setup.start().await).await;
                }
            )+
        }
    };
}

/// Both.
macro_rules! on_every_store_and_with_a_directory {
    ($($behaviour:ident),+ $(,)?) => {
        on_every_store!($($behaviour),+);
        with_a_directory!($($behaviour),+);
    };
}

mod accounts;
mod behind;
mod bypass;
mod challenge;
mod changes;
mod codes;
mod confirm_password;
mod crowds;
mod delivery;
mod desk;
mod devices;
mod directory;
#[path = "../harness/directory.rs"]
mod directory_service;
mod doors;
mod enrolment;
mod enumeration;
mod event_sinks;
mod events;
mod factors;
mod flexi;
mod flexi_door;
mod guesses;
mod harness;
mod headers;
mod idempotency;
mod import;
mod imported_hashes;
mod input;
mod instances;
mod keys;
mod limits;
mod lost_phone;
mod mfa_many;
mod mfa_settings;
mod mfao;
mod oauth;
mod operations;
mod outages;
mod owners;
mod panel;
mod password;
mod qa;
mod recovery;
#[path = "../harness/redis.rs"]
mod redis;
mod registry;
mod replays;
mod round_trips;
mod secrets;
mod seed;
mod sign_in;
#[path = "../harness/smtp.rs"]
mod smtp;
mod step_up;
mod steps_in_order;
mod success_tokens;
mod surfaces;
mod tokens;
mod veeam;
mod way_back;
#[path = "../harness/webhook.rs"]
mod webhook;
mod workflows;
