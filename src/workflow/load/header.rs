//! The keys before the first table: what the workflow is for, how long it lives, where it starts and is cancelled.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::identity::Factor;
use crate::workflow::Purpose;
use crate::workflow::refusal::{Refusals, any_of};

use super::grammar::Kind;

/// The version of the format that this server reads.
pub const SCHEMA: i64 = 1;

const KEYS: [&str; 8] = ["schema", "title", "purpose", "factor", "lifetime", "enabled", "start", "cancel"];
const SHORTEST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// What could be read; whatever could not was refused.
pub struct Header {
    pub title: Option<String>,
    pub purpose: Option<Purpose>,
    pub lifetime: Option<u32>,
    pub enabled: Option<bool>,
}

pub fn read(file: &toml::Table, refusals: &mut Refusals) -> Header {
    for key in file.keys().filter(|key| !KEYS.contains(&key.as_str())) {
        if Kind::ALL.iter().all(|kind| kind.table() != key.as_str()) {
            let change = format!(
                "remove it; the keys are {} and the tables step, do, route and end",
                KEYS.map(|key| format!("`{key}`")).join(", ")
            );
            refusals.file(format!("has the unknown key `{key}`"), change);
        }
    }
    match file.get("schema") {
        Some(toml::Value::Integer(SCHEMA)) => {}
        Some(_) => {
            refusals.file("has a `schema` that this server does not read", format!("write `schema = {SCHEMA}`"));
        }
        None => refusals.file("does not say its `schema`", format!("write `schema = {SCHEMA}`")),
    }
    Header {
        title: text(file, "title", "a few words for people, such as \"Sign in\"", refusals).map(str::to_owned),
        purpose: purpose(file, refusals),
        lifetime: lifetime(file, refusals),
        enabled: enabled(file, refusals),
    }
}

/// The step that `key` (`start` or `cancel`) names, if there is one of that name.
pub fn place(file: &toml::Table, key: &str, names: &BTreeMap<String, Kind>, refusals: &mut Refusals) -> Option<String> {
    let place = text(file, key, "the name of a step", refusals)?;
    if names.contains_key(place) {
        return Some(place.to_owned());
    }
    refusals.file(
        format!("`{key}` names `{place}`, and there is no such step"),
        "name a step that exists, or add this one",
    );
    None
}

fn text<'a>(file: &'a toml::Table, key: &str, what: &str, refusals: &mut Refusals) -> Option<&'a str> {
    match file.get(key) {
        Some(toml::Value::String(text)) if !text.trim().is_empty() => Some(text),
        Some(_) => {
            refusals.file(format!("`{key}` is not a text, or an empty one"), format!("write {what}, in quotes"));
            None
        }
        None => {
            refusals.file(format!("does not say its `{key}`"), format!("add `{key}`: {what}, in quotes"));
            None
        }
    }
}

fn purpose(file: &toml::Table, refusals: &mut Refusals) -> Option<Purpose> {
    let words = Purpose::WORDS.map(|word| format!("\"{word}\""));
    let factors = Factor::ALL.map(|factor| format!("\"{factor}\""));
    let word = text(file, "purpose", &any_of(&words), refusals)?;
    let factor = || file.get("factor").and_then(toml::Value::as_str).and_then(|text| text.parse::<Factor>().ok());
    match (word, file.get("factor")) {
        ("signin", None) => Some(Purpose::SignIn),
        ("challenge", None) => Some(Purpose::Challenge),
        ("recover", None) => Some(Purpose::Recover),
        ("signin", Some(_)) => {
            refusals.file("says a `factor`, but signing in is not about one", "remove `factor`");
            None
        }
        ("challenge" | "recover", Some(_)) => {
            refusals.file(format!("says a `factor`, but a workflow to \"{word}\" is not about one"), "remove `factor`");
            None
        }
        ("enable" | "disable", _) => {
            let Some(factor) = factor() else {
                let problem = format!("is to {word} a factor, but does not say which");
                refusals.file(problem, format!("set `factor` to {}", any_of(&factors)));
                return None;
            };
            Some(if word == "enable" { Purpose::Enable(factor) } else { Purpose::Disable(factor) })
        }
        (other, _) => {
            refusals.file(format!("has the unknown purpose `{other}`"), format!("set `purpose` to {}", any_of(&words)));
            None
        }
    }
}

fn lifetime(file: &toml::Table, refusals: &mut Refusals) -> Option<u32> {
    let text = text(file, "lifetime", "a time from 1m to 24h, such as \"15m\"", refusals)?;
    match humantime::parse_duration(text) {
        Ok(time) if (SHORTEST..=LONGEST).contains(&time) && time.subsec_nanos() == 0 => {
            u32::try_from(time.as_secs()).ok()
        }
        _ => {
            let problem = format!("has the lifetime \"{text}\", which is no time from one minute to 24 hours");
            refusals.file(problem, "write a time such as \"15m\", in whole seconds");
            None
        }
    }
}

fn enabled(file: &toml::Table, refusals: &mut Refusals) -> Option<bool> {
    match file.get("enabled") {
        None => Some(true),
        Some(toml::Value::Boolean(enabled)) => Some(*enabled),
        Some(_) => {
            refusals.file("`enabled` is neither true nor false", "write `enabled = true` or `enabled = false`");
            None
        }
    }
}
