//! The shape of the tree, held to what `docs/ARCHITECTURE.md` promises: which part may import which, how long a file
//! may be, and that the documents name what there is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "architecture/paths.rs"]
mod paths;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A part of the crate, and the other parts that it may import.
const LAYERS: [(&str, &[&str]); 12] = [
    ("identity", &[]),
    ("telemetry", &[]),
    ("workflow", &["identity"]),
    ("engine", &["identity", "workflow", "telemetry"]),
    ("store", &["identity", "workflow", "engine", "telemetry"]),
    ("delivery", &["identity", "workflow", "engine", "telemetry"]),
    ("directory", &["identity", "workflow", "engine", "telemetry"]),
    ("http", &["identity", "workflow", "engine", "telemetry"]),
    ("config", &["identity"]),
    ("app", &["identity", "workflow", "engine", "store", "delivery", "directory", "http", "config", "telemetry"]),
    ("cli", &["identity", "workflow", "engine", "http", "config", "telemetry", "app"]),
    ("main", &["cli"]),
];

/// What configuration may know of the adapters: the checked types that they take, and nothing that acts.
const SETTINGS: [&str; 7] = [
    "store::redis::RedisAddress",
    "delivery::Login",
    "delivery::Relay",
    "delivery::Security",
    "delivery::Sender",
    "delivery::WebhookSettings",
    "directory::DirectorySettings",
];

/// Siblings within a part that know nothing of each other.
const STRANGERS: [(&str, &[&str]); 2] =
    [("store", &["embedded", "redis"]), ("http", &["admin", "dev", "flexi", "mfao", "navixy", "veeam", "wizard"])];

/// What the pure parts and the core may not touch: the outside world reaches them through ports only.
const OUTSIDE: [&str; 10] = [
    "actix_web",
    "actix_cors",
    "figment",
    "lettre",
    "redb",
    "redis",
    "reqwest",
    "rustls",
    "tracing_subscriber",
    "clap",
];
const IMPURE: [&str; 8] =
    ["tokio", "std::fs", "std::net", "std::process", "std::thread", "std::env", "tracing", "async_trait"];

/// Lines of a source file, its tests aside.
const LONGEST: usize = 300;

const FORBIDDEN: [&str; 5] = ["todo!", "unimplemented!", "dbg!", "FIXME", "XXX"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a folder, as paths from the root of the repository.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "rs")
}

fn read(path: &Path) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// The module that a file of `src` is, such as `["http", "wizard", "next"]`; the crate's root is empty.
fn module(path: &Path) -> Vec<String> {
    let mut parts: Vec<String> =
        path.with_extension("").iter().skip(1).map(|part| part.to_string_lossy().into_owned()).collect();
    if parts.last().is_some_and(|last| last == "mod" || last == "lib") {
        parts.pop();
    }
    parts
}

/// What is wrong with the imports of one file.
fn wrong_imports(path: &Path, source: &str) -> Vec<String> {
    let module = module(path);
    // The crate's root names every part: that is what it is for.
    let Some(part) = module.first() else { return vec![] };
    let mut wrong = Vec::new();
    for named in paths::named(&module, source) {
        let said = |why: &str| format!("{}: {} {why}", path.display(), named.join("::"));
        match named.first().map(String::as_str) {
            Some("crate" | "stepgate") => {
                let (Some(other), third) = (named.get(1), named.get(2)) else { continue };
                let is_part = LAYERS.iter().any(|(name, _)| name == other);
                let is_setting = part == "config" && SETTINGS.contains(&named[1..].join("::").as_str());
                if is_part && other != part && !is_setting && !may_import(part, other) {
                    wrong.push(said(&format!("runs the wrong way: {part} may not know {other}")));
                }
                if other == part && are_strangers(part, module.get(1), third) {
                    wrong.push(said("reaches into a neighbour"));
                }
            }
            _ => {
                let starts = |with: &&str| {
                    let with: Vec<&str> = with.split("::").collect();
                    named.len() >= with.len() && named.iter().zip(&with).all(|(a, b)| a == b)
                };
                let pure = matches!(part.as_str(), "identity" | "workflow");
                let core = pure || part == "engine";
                if (core && OUTSIDE.iter().any(&starts)) || (pure && IMPURE.iter().any(starts)) {
                    wrong.push(said(&format!("is of the outside, which {part} may not touch")));
                }
            }
        }
    }
    wrong
}

fn may_import(part: &str, other: &str) -> bool {
    LAYERS.iter().any(|(name, allowed)| *name == part && allowed.contains(&other))
}

fn are_strangers(part: &str, own: Option<&String>, other: Option<&String>) -> bool {
    let (Some(own), Some(other)) = (own, other) else { return false };
    let is_one = |names: &[&str], name: &String| names.contains(&name.as_str());
    STRANGERS.iter().any(|(name, them)| *name == part && own != other && is_one(them, own) && is_one(them, other))
}

/// The lines of a file up to its tests.
fn lines_that_count(source: &str) -> usize {
    source.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default().lines().count()
}

#[test]
fn every_import_runs_the_right_way() {
    let sources: Vec<PathBuf> = files("src").into_iter().filter(|path| is_rust(path)).collect();
    assert!(sources.len() > 100, "only {} files were looked at", sources.len());
    let wrong: Vec<String> = sources.iter().flat_map(|path| wrong_imports(path, &read(path))).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_part_has_its_layer() {
    let parts: BTreeSet<String> = fs::read_dir(root().join("src"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|name| name != "lib")
        .collect();
    let layers: BTreeSet<String> = LAYERS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(parts, layers);
}

#[test]
fn a_made_up_bad_import_is_caught() {
    for (path, source) in [
        ("src/identity/code.rs", "use crate::workflow::Wizard;"),
        ("src/workflow/rules.rs", "use crate::{identity::Factor, engine::Engine};"),
        ("src/engine/call.rs", "fn f() { crate::store::embedded::EmbeddedStore::open(); }"),
        ("src/engine/call.rs", "use redis::Client;"),
        ("src/engine/wizards/step.rs", "use super::super::super::http::Surface;"),
        ("src/engine/wizards/step.rs", "mod tests { use super::super::super::super::http::Surface; }"),
        ("src/store/mod.rs", "use super::delivery::Outbox;"),
        ("src/store/redis/link.rs", "use super::super::embedded::EmbeddedStore;"),
        ("src/directory/http.rs", "use crate::delivery::Webhook;"),
        ("src/delivery/chain.rs", "pub use crate::{engine::{ports::{Clock, Store}}, http::Surface};"),
        ("src/http/admin/view.rs", "use crate::http::wizard::BASE;"),
        ("src/config/sms.rs", "use crate::delivery::Chain;"),
        ("src/config/store.rs", "use crate::store::redis::RedisStore;"),
        ("src/telemetry/sane.rs", "use crate::identity::Code;"),
        ("src/identity/totp.rs", "fn now() { std::thread::yield_now() }"),
        ("src/workflow/load/mod.rs", "use std::{collections::BTreeMap, fs};"),
        ("src/app/mod.rs", "use crate::cli::run;"),
        ("src/cli/serve.rs", "use stepgate::store::embedded::EmbeddedStore;"),
    ] {
        assert_eq!(wrong_imports(Path::new(path), source).len(), 1, "{path}: {source}");
    }
}

#[test]
fn good_imports_are_let_through() {
    for (path, source) in [
        ("src/engine/call.rs", "use crate::identity::Account; // crate::http is not for here"),
        ("src/engine/call.rs", "/// See [`Surface`](crate::http::Surface).\nconst A: &str = \"crate::http::Surface\";"),
        ("src/engine/call.rs", "/* crate::http::Surface */ const QUOTE: char = '\"'; use crate::workflow::Fact;"),
        ("src/config/sms.rs", "mod tests { use super::super::store::StoreAddress; }"),
        ("src/config/sms.rs", "use super::store::StoreAddress;"),
        ("src/config/sms.rs", "use crate::delivery::{Sender, WebhookSettings};"),
        ("src/http/dev/page.rs", "use crate::http::surface::Surface;"),
        ("src/store/redis/link.rs", "use redis::Client; use tokio::time;"),
        ("src/engine/passwords/mod.rs", "fn f() { tokio::task::spawn_blocking(std::thread::yield_now); }"),
        ("src/lib.rs", "pub mod http;"),
    ] {
        assert_eq!(wrong_imports(Path::new(path), source), Vec::<String>::new(), "{path}: {source}");
    }
}

#[test]
fn no_file_is_too_long() {
    let long: Vec<String> = files("src")
        .iter()
        // A list of words is no source.
        .filter(|path| path.extension().is_none_or(|ending| ending != "txt"))
        .map(|path| (path, lines_that_count(&read(path))))
        .filter(|(_, lines)| *lines > LONGEST)
        .map(|(path, lines)| format!("{}: {lines} lines", path.display()))
        .collect();
    assert!(long.is_empty(), "more than {LONGEST} lines:\n{}", long.join("\n"));
}

#[test]
fn tests_at_the_foot_of_a_file_do_not_count() {
    assert_eq!(lines_that_count("a\nb\n\n#[cfg(test)]\nmod tests {\n    c\n}\n"), 2);
    assert_eq!(lines_that_count("a\n#[cfg(test)]\nuse b;\nc\n"), 4);
}

#[test]
fn nothing_is_left_to_do() {
    let found: Vec<String> = files("src")
        .iter()
        .flat_map(|path| {
            let source = read(path);
            let words = FORBIDDEN.iter().filter(|word| source.contains(**word));
            words.map(|word| format!("{}: {word}", path.display())).collect::<Vec<_>>()
        })
        .collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn the_architecture_names_every_folder() {
    let text = read(Path::new("docs/ARCHITECTURE.md"));
    let mut folders: BTreeSet<String> =
        ["benches", "docker", "docs", "src", "tests", "workflows"].map(|top| format!("{top}/")).into();
    for path in files("src") {
        // Texts and pages are inside a module; they are no module.
        let module = path.ancestors().skip(1).filter(|folder| is_module(folder));
        folders.extend(module.map(|folder| format!("{}/", folder.display())));
    }
    let missing: Vec<&String> = folders.iter().filter(|folder| !text.contains(&format!("`{folder}`"))).collect();
    assert!(missing.is_empty(), "docs/ARCHITECTURE.md says nothing of {missing:?}");
}

fn is_module(folder: &Path) -> bool {
    !folder.as_os_str().is_empty() && (folder == Path::new("src") || root().join(folder).join("mod.rs").exists())
}

#[test]
fn every_path_in_a_document_exists() {
    let mut wrong = Vec::new();
    let mut looked_at = 0;
    for document in documents() {
        let text = read(&document);
        let text = if is_rust(&document) { paths::comments(&text) } else { text };
        let folder = document.parent().unwrap_or(Path::new(""));
        for (path, from) in
            paths_in(&text).map(|path| (path, Path::new(""))).chain(links_in(&text).map(|it| (it, folder)))
        {
            looked_at += 1;
            if !root().join(from).join(&path).exists() {
                wrong.push(format!("{} names {path}", document.display()));
            }
        }
    }
    assert!(looked_at > 50, "only {looked_at} paths were looked at");
    assert!(wrong.is_empty(), "there is no such file:\n{}", wrong.join("\n"));
}

fn documents() -> Vec<PathBuf> {
    let mut documents: Vec<PathBuf> = files("docs");
    documents.retain(|path| path.extension().is_some_and(|ending| ending == "md"));
    documents.extend(["README.md", "CHANGELOG.md"].map(PathBuf::from));
    documents.extend(files("src").into_iter().chain(files("tests")).filter(|path| is_rust(path)));
    // This one makes up paths.
    documents.retain(|path| path != Path::new("tests/architecture.rs"));
    documents
}

/// Words that begin like a path of this repository. One with a placeholder or a wildcard names no one file.
fn paths_in(text: &str) -> impl Iterator<Item = String> {
    const TOPS: [&str; 7] = ["src/", "tests/", "docs/", "docker/", "benches/", "workflows/", ".ci/"];
    let is_path = |c: char| c.is_ascii_alphanumeric() || "_-./*{}<>,".contains(c);
    text.split(move |c: char| !is_path(c))
        .map(|word| word.trim_end_matches(['.', ',', '-']))
        .filter(|word| TOPS.iter().any(|top| word.starts_with(top)))
        .filter(|word| !word.contains(['*', '{', '<']))
        .map(str::to_owned)
}

/// Targets of Markdown links within the repository.
fn links_in(text: &str) -> impl Iterator<Item = String> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.split('#').next().unwrap_or_default())
        .filter(|target| target.contains(['/', '.']) && !target.contains("::") && !target.contains(':'))
        .map(str::to_owned)
}

#[test]
fn made_up_paths_are_found_in_a_text() {
    let text = "See `src/nowhere.rs`, [this](docs/none.md#part), tests/api/*.rs and https://example.com/src/x.";
    assert_eq!(paths_in(text).collect::<Vec<_>>(), ["src/nowhere.rs", "docs/none.md"]);
    assert_eq!(links_in(text).collect::<Vec<_>>(), ["docs/none.md"]);
}
