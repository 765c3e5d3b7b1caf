//! Servers for tests, each real and each gone with the test process.

pub mod redis;
