use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::entry::Entry;
use super::key::{Fallback, Key, Kind};
use super::reader::{Reader, Setting};
use crate::identity::{Factor, MfaPolicy};

const FACTORS: Kind = Kind::List("`google`, `sms`, `email`");

const POLICY: &[Key] = &[
    Key::new(
        "groups",
        Kind::List("names of groups"),
        Fallback::Value("[]"),
        "The account groups that it is for; empty: every account.",
    ),
    Key::new(
        "required",
        FACTORS,
        Fallback::Value("[]"),
        "Factors of which an account must have one; who has none enrols while signing in. Each must be allowed.",
    ),
    Key::new(
        "allowed",
        FACTORS,
        Fallback::Value("[\"google\", \"sms\", \"email\"]"),
        "Factors that may be turned on. What is on already stays on.",
    ),
    Key::new(
        "grace",
        Kind::Duration("0s", "365d"),
        Fallback::Value("0s"),
        "How long after an account was made, or after `since` if that is later, it may do without a required factor.",
    ),
    Key::new(
        "since",
        Kind::Text("a time in quotes (RFC 3339), such as `2026-01-01T00:00:00Z`"),
        Fallback::Unset,
        "When the policy came into force.",
    ),
    Key::new(
        "remember",
        Kind::Duration("0s", "365d"),
        Fallback::Value("30d"),
        "How long a device is remembered; `0s`: never.",
    ),
];

pub(super) const KEYS: &[Key] = &[
    Key::new(
        "mfa.policies",
        Kind::Tables(POLICY),
        Fallback::Value("[]"),
        "What is asked of second factors, by account group. All policies of an account's groups hold: each is to be met, \
         what is allowed is what all of them allow, and the shortest time to remember a device counts. An entry sets at \
         least one of `required`, `allowed` and `remember`.",
    ),
    Key::new(
        "mfa.step_up",
        Kind::Duration("1m", "12h"),
        Fallback::Value("15m"),
        "How long a factor that was proved in a session counts as fresh.",
    ),
];

pub(super) struct Mfa {
    pub policies: Vec<MfaPolicy>,
    /// In seconds.
    pub step_up: u64,
}

pub(super) fn read(reader: &mut Reader) -> Option<Mfa> {
    let policies = reader.tables("mfa.policies", policy);
    let step_up = reader.required("mfa.step_up", seconds);
    Some(Mfa { policies: policies?, step_up: step_up? })
}

fn policy(entry: &mut Entry<'_>) -> Option<MfaPolicy> {
    let groups = entry.required("groups", |setting| setting.each(group));
    let required = entry.required("required", factors);
    let allowed = entry.required("allowed", factors);
    let (grace, remember) = (entry.required("grace", seconds), entry.required("remember", seconds));
    let since = entry.optional("since", time);
    let (required, allowed) = (required?, allowed?);
    if let Some(factor) = required.iter().find(|factor| !allowed.contains(factor)) {
        entry.fail("required", format!("{factor} is not allowed by `allowed`"));
        return None;
    }
    if !["required", "allowed", "remember"].into_iter().any(|name| entry.is_set(name)) {
        entry.fail("", "sets none of required, allowed and remember");
        return None;
    }
    let since = if entry.is_set("since") { Some(since?) } else { None };
    Some(MfaPolicy {
        groups: groups?.into_iter().collect(),
        required,
        allowed,
        grace: grace?,
        since,
        remember: remember?,
    })
}

fn factors(setting: &Setting) -> Result<Vec<Factor>, String> {
    let factors = setting.each(|text| Factor::from_str(text).map_err(|_| format!("{text:?} is no factor")))?;
    let distinct: BTreeSet<&Factor> = factors.iter().collect();
    if distinct.len() == factors.len() { Ok(factors) } else { Err("names a factor twice".to_owned()) }
}

fn group(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("is empty".to_owned()) } else { Ok(text.to_owned()) }
}

fn seconds(setting: &Setting) -> Result<u64, String> {
    setting.duration().as_ref().map(Duration::as_secs).map_err(Clone::clone)
}

fn time(setting: &Setting) -> Result<DateTime<Utc>, String> {
    let text = setting.text()?;
    let time = DateTime::parse_from_rfc3339(&text).map_err(|_| format!("{} is no such time", setting.shown()))?;
    Ok(time.to_utc())
}
