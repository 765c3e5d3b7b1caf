use super::key::{Fallback, Key, Kind};
use super::reader::{Reader, Setting};

pub(super) const KEYS: &[Key] = &[Key::new(
    "events.keep",
    Kind::Integer(1_000, 100_000_000),
    Fallback::Value("1000000"),
    "Events that the store keeps; beyond that the oldest go.",
)];

/// What has happened, for those who have to be able to tell afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Events {
    pub keep: u64,
}

pub(super) fn read(reader: &mut Reader) -> Option<Events> {
    let keep = reader.required("events.keep", Setting::number);
    Some(Events { keep: keep? })
}
