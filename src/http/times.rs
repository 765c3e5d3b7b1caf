//! The two ways in which times are written; each seed example keeps its own.

use chrono::{DateTime, Utc};

/// `2022-01-01T00:00:00+00:00`: `createdAt`, `expiresAt`, `time`.
pub fn seconds(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

/// `2022-12-28T13:00:58.000000Z`: `sentAt`, `expiredAt`.
pub fn micros(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_as_the_seed_shows_them() {
        let time = DateTime::parse_from_rfc3339("2022-12-28T13:00:58Z").unwrap().to_utc();
        assert_eq!(seconds(time), "2022-12-28T13:00:58+00:00");
        assert_eq!(micros(time), "2022-12-28T13:00:58.000000Z");
    }
}
