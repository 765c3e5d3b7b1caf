//! Stepgate: sign-in and two-factor wizards, one proved step at a time.
//!
//! `identity` ← `workflow` ← `engine` ← {`store`, `delivery`, `directory`, `http`} ← `app` ← `main`. The first two are pure; the
//! four adapters never import each other. `tests/architecture.rs` holds the arrows to that.

pub mod app;
pub mod config;
pub mod delivery;
pub mod directory;
pub mod engine;
pub mod http;
pub mod identity;
pub mod store;
pub mod telemetry;
pub mod workflow;
