//! The program itself, as an operator meets it: started, told wrong things, killed, asked to stop, its log read.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "harness/process.rs"]
mod harness;
#[path = "harness/redis.rs"]
mod redis;

#[path = "process/commands.rs"]
mod commands;
#[path = "process/crashes.rs"]
mod crashes;
#[path = "process/keys.rs"]
mod keys;
#[path = "process/logs.rs"]
mod logs;
#[path = "process/memory.rs"]
mod memory;
#[path = "process/starting.rs"]
mod starting;
#[path = "process/stopping.rs"]
mod stopping;
