use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};

use super::entry::Entry;
use super::key::{Fallback, Key, Kind};
use super::reader::{Reader, Setting};
use crate::identity::{Code, Email, Phone, Secret, Tester};

const TESTER: &[Key] = &[
    Key::new(
        "to",
        Kind::Text("a phone number in international form, or an email address"),
        Fallback::Needed,
        "Whose codes are fixed.",
    ),
    Key::new(
        "code",
        Kind::Text("exactly `limits.code_digits` digits"),
        Fallback::Needed,
        "The code that is always right.",
    )
    .secret(),
    Key::new(
        "until",
        Kind::Text("a day in quotes, such as `2026-12-31`"),
        Fallback::Needed,
        "The last day of it, in UTC. It begins to count a year before.",
    ),
];

pub(super) const KEYS: &[Key] = &[Key::new(
    "testers",
    Kind::Tables(TESTER),
    Fallback::Value("[]"),
    "Numbers and addresses with a fixed code, which is not sent. In dev mode only; refused when `dev` is off.",
)];

/// `digits` is what a code must have; `None` when that is not known for an error elsewhere.
pub(super) fn read(reader: &mut Reader, dev: Option<bool>, digits: Option<u8>) -> Option<Vec<Tester>> {
    let testers = reader.tables("testers", |entry| tester(entry, digits));
    if dev == Some(false) && reader.is_set("testers") {
        reader.fail("testers", "fixed codes are for dev mode only, and `dev` is off");
        return None;
    }
    testers
}

fn tester(entry: &mut Entry<'_>, digits: Option<u8>) -> Option<Tester> {
    let to = entry.required("to", recipient);
    let code = entry.required("code", |setting| code(setting, digits));
    let until = entry.required("until", end_of_day);
    Some(Tester { to: to?, code: code?, until: until? })
}

/// As accounts hold it.
fn recipient(setting: &Setting) -> Result<String, String> {
    let text = setting.text()?;
    let phone = Phone::parse(&text).map(|phone| phone.to_string()).ok();
    let email = || Email::parse(&text).map(|email| email.to_string()).ok();
    phone.or_else(email).ok_or_else(|| format!("{} is neither a phone number nor an email address", setting.shown()))
}

fn code(setting: &Setting, digits: Option<u8>) -> Result<Secret, String> {
    let text = setting.text().map_err(|_| "must be text: digits in quotes".to_owned())?;
    if let Some(digits) = digits {
        Code::parse(&text, digits).map_err(|error| error.to_string())?;
    }
    Ok(Secret::new(text))
}

/// The first moment after the day.
fn end_of_day(setting: &Setting) -> Result<DateTime<Utc>, String> {
    let text = setting.text()?;
    let day = NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok().and_then(|day| day.checked_add_days(Days::new(1)));
    let day = day.ok_or_else(|| format!("{} is no day", setting.shown()))?;
    Ok(day.and_time(NaiveTime::MIN).and_utc())
}
