//! The operator's own directory of people, asked over HTTP whether a password is right and whose it is.
//!
//! Always: a bounded number of questions at a time, each under a deadline and asked once; whatever is not a plain yes or
//! no is no answer at all, and never a no; no password, name or address reaches a log.
//! Never here: what an answer means for an account, and how wrong ones are counted.

mod answer;
mod breaker;
mod http;

pub use http::{DirectorySettings, HttpDirectory, SetupError};
