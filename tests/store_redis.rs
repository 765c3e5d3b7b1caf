//! What is special to Redis: lost replies, frozen and killed servers, durability, memory, slots, TLS, Sentinel.
//! What every store must do is in `store_contract`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "may only fail the test")]

mod harness;

#[path = "store_redis/claims.rs"]
mod claims;
#[path = "store_redis/failures.rs"]
mod failures;
#[path = "store_redis/fixtures.rs"]
mod fixtures;
#[path = "store_redis/promises.rs"]
mod promises;
#[path = "store_redis/replies.rs"]
mod replies;
#[path = "store_redis/topologies.rs"]
mod topologies;
