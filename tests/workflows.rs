//! The workflow files: what loads, what is refused and how, what is drawn; and that no way leads astray.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed expectation is a failed test")]

#[path = "workflows/cases.rs"]
mod cases;
#[path = "workflows/exploration.rs"]
mod exploration;
#[path = "workflows/generated.rs"]
mod generated;
#[path = "workflows/moves.rs"]
mod moves;
#[path = "workflows/mutants.rs"]
mod mutants;
#[path = "workflows/offers.rs"]
mod offers;
#[path = "workflows/oracle.rs"]
mod oracle;
#[path = "workflows/people.rs"]
mod people;
#[path = "workflows/places.rs"]
mod places;
#[path = "workflows/sends.rs"]
mod sends;
#[path = "workflows/stale_accounts.rs"]
mod stale_accounts;
#[path = "workflows/truth.rs"]
mod truth;
#[path = "workflows/walks.rs"]
mod walks;

use std::fs;
use std::path::{Path, PathBuf};

/// Whether expected files are to be written rather than compared.
fn blessing() -> bool {
    std::env::var_os("STEPGATE_BLESS").is_some_and(|value| value == "1")
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The workflow files of a folder, by name.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut sources: Vec<(String, String)> = fs::read_dir(root().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap()))
        .collect();
    sources.sort();
    assert!(!sources.is_empty(), "{folder} is empty");
    sources
}

/// Compares what was made with what is committed; writes it instead when blessing.
fn expect(path: &Path, made: &str) -> Result<(), String> {
    if blessing() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, made).unwrap();
    }
    let committed = fs::read_to_string(path).unwrap_or_default();
    let shown = path.strip_prefix(root()).unwrap().display();
    if committed == made {
        Ok(())
    } else {
        Err(format!("{shown} is stale (STEPGATE_BLESS=1 rewrites it); it should be:\n{made}"))
    }
}
