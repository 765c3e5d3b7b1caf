use std::collections::BTreeSet;

use super::entry::Entry;
use super::key::{Fallback, Key, Kind};
use super::reader::{Reader, Setting};
use super::surfaces::place;
use crate::identity::{PolicyId, SurfaceName, Totp, TotpPolicy};

const POLICY: &[Key] = &[
    Key::new("id", Kind::Text("1 to 64 of `a-z`, `0-9`, `.`, `_` and `-`"), Fallback::Needed, "What calls name it by."),
    Key::new(
        "issuer",
        Kind::Text("1 to 40 characters without a colon"),
        Fallback::Needed,
        "The name that authenticator apps show.",
    ),
    Key::new(
        "algorithm",
        Kind::Choice(&["SHA1", "SHA256", "SHA512"]),
        Fallback::Value("SHA1"),
        "The hash of its codes. Some apps know SHA1 only, and take it whatever they read.",
    ),
    Key::new("digits", Kind::within(&TotpPolicy::DIGITS), Fallback::Value("6"), "Digits of its codes."),
    Key::new("period", Kind::within(&TotpPolicy::PERIOD), Fallback::Value("30"), "Seconds in a step."),
    Key::new(
        "skew",
        Kind::within(&TotpPolicy::SKEW),
        Fallback::Value("1"),
        "Steps before and after the present one whose codes are accepted.",
    ),
    Key::new(
        "attempts",
        Kind::within(&TotpPolicy::ATTEMPTS),
        Fallback::Value("10"),
        "Failures before codes that are judged through it block the account; at most as many as `[limits]` has.",
    ),
    Key::new(
        "surfaces",
        Kind::List("`wizard`, `flexi`, `veeam`, `navixy`, `mfao`"),
        Fallback::Value("[\"wizard\", \"flexi\", \"veeam\", \"navixy\", \"mfao\"]"),
        "Through which its authenticators may be turned on and off; at least one.",
    ),
    Key::new(
        "creates_accounts",
        Kind::Flag,
        Fallback::Value("false"),
        "Whether enrolling a name that nobody has makes an account.",
    ),
    Key::new(
        "email_domain",
        Kind::Text("a mail domain such as `example.com`"),
        Fallback::Unset,
        "Where the mail of such an account goes when the name is no address; unset: only an address makes one.",
    ),
];

const POLICIES: Key = Key::new(
    "mfao.policies",
    Kind::Tables(POLICY),
    Fallback::Value("[]"),
    "What authenticators are like that other services enrol, by name. The operator's API shows these beside its own, and \
     cannot change them.",
);

pub(super) const KEYS: &[Key] = &{
    let [enabled, prefix, listen] = place(SurfaceName::Mfao, ["mfao.enabled", "mfao.prefix", "mfao.listen"]);
    [enabled, prefix, listen, POLICIES]
};

/// The policies; `None` after an error, which is then remembered.
pub(super) fn read(reader: &mut Reader) -> Option<Vec<TotpPolicy>> {
    let policies = reader.tables("mfao.policies", policy)?;
    let mut ids = BTreeSet::new();
    match policies.iter().find(|policy| !ids.insert(&policy.id)) {
        Some(twice) => {
            reader.fail("mfao.policies", format!("two entries have the id {}", twice.id));
            None
        }
        None => Some(policies),
    }
}

fn policy(entry: &mut Entry<'_>) -> Option<TotpPolicy> {
    let id = entry.required("id", |setting| checked(setting, PolicyId::parse));
    let issuer = entry.required("issuer", |setting| checked(setting, TotpPolicy::issuer));
    let algorithm = entry.required("algorithm", |setting| setting.choice()?.parse().map_err(str::to_owned));
    let digits = entry.required("digits", Setting::number);
    let period = entry.required("period", Setting::number);
    let skew = entry.required("skew", Setting::number);
    let attempts = entry.required("attempts", Setting::number);
    let surfaces = entry.required("surfaces", surfaces);
    let creates_accounts = entry.required("creates_accounts", Setting::flag);
    let email_domain = entry.optional("email_domain", |setting| checked(setting, TotpPolicy::domain));
    if email_domain.is_none() && entry.is_set("email_domain") {
        return None;
    }
    Some(TotpPolicy {
        id: id?,
        issuer: issuer?,
        totp: Totp { algorithm: algorithm?, digits: digits?, period: period?, skew: skew? },
        attempts: attempts?,
        surfaces: surfaces?,
        creates_accounts: creates_accounts?,
        email_domain,
    })
}

fn checked<T>(setting: &Setting, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, String> {
    parse(&setting.text()?).ok_or_else(|| format!("{} cannot be taken", setting.shown()))
}

fn surfaces(setting: &Setting) -> Result<BTreeSet<SurfaceName>, String> {
    let named = setting.each(|text| text.parse().map_err(|_| format!("{text:?} is no surface")))?;
    if named.is_empty() { Err("is empty".to_owned()) } else { Ok(named.into_iter().collect()) }
}
