use std::time::Duration;

use super::key::{Fallback, Key, Kind};
use super::reader::{Reader, Setting, within};
use crate::identity::{Ladder, Policy};

const FAILURES: &str = "Failures that start a block.";
const WINDOW: &str =
    "Failures count only within this long of the first one; `0s` counts every one since the last success.";
const BLOCK: &str = "How long the first block lasts; each further one lasts twice as long.";
const LONGEST: &str = "The longest block; at least as long as the first one.";

/// The four keys of one ladder.
macro_rules! ladder {
    ($path:literal, $failures:literal, $window:literal, $block:literal, $longest:literal) => {
        [
            Key::new(concat!($path, ".failures"), Kind::Integer(1, 1_000), Fallback::Value($failures), FAILURES),
            Key::new(concat!($path, ".window"), Kind::Duration("0s", "30d"), Fallback::Value($window), WINDOW),
            Key::new(concat!($path, ".block"), Kind::Duration("1s", "30d"), Fallback::Value($block), BLOCK),
            Key::new(concat!($path, ".longest"), Kind::Duration("1s", "30d"), Fallback::Value($longest), LONGEST),
        ]
    };
}

const SIGN_IN: [Key; 4] = ladder!("limits.sign_in", "5", "60s", "10m", "1h");
const SECOND_FACTOR: [Key; 4] = ladder!("limits.second_factor", "10", "0s", "15m", "24h");
const ADDRESS: [Key; 4] = ladder!("limits.address", "5", "60s", "10m", "1h");

pub(super) const KEYS: &[Key] = &[
    Key::new("limits.code_digits", Kind::Integer(4, 9), Fallback::Value("6"), "Digits in an SMS or email code."),
    Key::new(
        "limits.code_lifetime",
        Kind::Duration("30s", "1h"),
        Fallback::Value("5m"),
        "How long an SMS or email code can be used.",
    ),
    Key::new(
        "limits.code_tries",
        Kind::Integer(1, 50),
        Fallback::Value("5"),
        "Wrong guesses at codes that one wizard is given, over all its resends.",
    ),
    Key::new("limits.sends_per_wizard", Kind::Integer(1, 50), Fallback::Value("5"), "Codes that one wizard may send."),
    Key::new(
        "limits.resend_after",
        Kind::List("1 to 16 durations from 0s to 1h"),
        Fallback::Value("[\"30s\", \"1m\", \"2m\", \"4m\"]"),
        "The wait before each resend; the last one holds for all further ones.",
    ),
    Key::new(
        "limits.sends_per_account",
        Kind::List("up to 8 of `SENDS/WINDOW`, with 1 to 100000 sends and a window from 1s to 30d, such as `20/1h`"),
        Fallback::Value("[\"20/1h\", \"60/1d\"]"),
        "Codes that may be sent for one account on one channel, each window on its own.",
    ),
    SIGN_IN[0],
    SIGN_IN[1],
    SIGN_IN[2],
    SIGN_IN[3],
    SECOND_FACTOR[0],
    SECOND_FACTOR[1],
    SECOND_FACTOR[2],
    SECOND_FACTOR[3],
    ADDRESS[0],
    ADDRESS[1],
    ADDRESS[2],
    ADDRESS[3],
];

/// A policy in which the limits are set and everything else is as by default.
pub(super) fn read(reader: &mut Reader) -> Option<Policy> {
    let code_digits = reader.required("limits.code_digits", Setting::number);
    let code_lifetime = reader.required("limits.code_lifetime", Setting::duration);
    let code_tries = reader.required("limits.code_tries", Setting::number);
    let sends_per_wizard = reader.required("limits.sends_per_wizard", Setting::number);
    let resend_after = reader.required("limits.resend_after", resend_after);
    let sends_per_account = reader.required("limits.sends_per_account", sends_per_account);
    let first_factor = ladder(reader, SIGN_IN);
    let second_factor = ladder(reader, SECOND_FACTOR);
    let address = ladder(reader, ADDRESS);
    Some(Policy {
        code_digits: code_digits?,
        code_lifetime: code_lifetime?.as_secs(),
        code_tries: code_tries?,
        sends_per_wizard: sends_per_wizard?,
        resend_after: resend_after?,
        sends_per_account: sends_per_account?,
        first_factor: first_factor?,
        second_factor: second_factor?,
        address: address?,
        ..Policy::default()
    })
}

fn ladder(reader: &mut Reader, [failures, window, block, longest]: [Key; 4]) -> Option<Ladder> {
    let limit = reader.required(failures.path, Setting::number);
    let window = reader.required(window.path, Setting::duration);
    let first = reader.required(block.path, Setting::duration);
    let last = reader.required(longest.path, Setting::duration);
    if first.zip(last).is_some_and(|(first, last)| last < first) {
        reader.fail(longest.path, format!("is shorter than `{}`", block.path));
    }
    Some(Ladder { limit: limit?, window: millis(window?), block: millis(first?), longest: millis(last?) })
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn resend_after(setting: &Setting) -> Result<Vec<u64>, String> {
    let waits = setting.each(|text| within(text, "0s", "1h").map(|wait| wait.as_secs()))?;
    if (1..=16).contains(&waits.len()) { Ok(waits) } else { Err("does not have 1 to 16 entries".to_owned()) }
}

fn sends_per_account(setting: &Setting) -> Result<Vec<(u64, u32)>, String> {
    let windows = setting.each(|text| {
        let (sends, window) = text.split_once('/').ok_or_else(|| format!("{text:?} is not `SENDS/WINDOW`"))?;
        let sends = sends.trim().parse().ok().filter(|sends| (1..=100_000).contains(sends));
        let sends = sends.ok_or_else(|| format!("{text:?} does not begin with 1 to 100000"))?;
        Ok((within(window, "1s", "30d")?.as_secs(), sends))
    })?;
    if windows.len() <= 8 { Ok(windows) } else { Err("has more than 8 entries".to_owned()) }
}
