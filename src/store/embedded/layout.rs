//! Where everything lies in the file: the tables, and the keys and values of each.
//!
//! A key is text whose order is the order of listing; account numbers are padded to 20 digits for that. A value is a
//! deadline (8 bytes, big-endian, Unix milliseconds; [`FOREVER`] when it has none) and JSON. Whatever has a deadline
//! also has a line in [`DEADLINES`], from which it is swept.

use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use redb::TableDefinition;
use serde::{Deserialize, Serialize};

use crate::engine::ports::{AddressKey, Change, Door, Event, StoreError, Subject};
use crate::identity::{Account, AccountId, Factor, LoginName, MfaOrders, Sealed, Session, SessionId, Tally};
use crate::workflow::{Digest, Wizard, WizardId};

/// A table of values of type `T`.
pub struct Records<T> {
    pub name: &'static str,
    value: PhantomData<fn() -> T>,
}

impl<T> Records<T> {
    const fn named(name: &'static str) -> Self {
        Records { name, value: PhantomData }
    }

    pub fn table(&self) -> TableDefinition<'static, &'static str, &'static [u8]> {
        TableDefinition::new(self.name)
    }
}

pub const WIZARDS: Records<Wizard> = Records::named("wizards");
pub const ACCOUNTS: Records<Account> = Records::named("accounts");
/// Name → number of the account.
pub const NAMES: Records<AccountId> = Records::named("names");
pub const TALLIES: Records<Doors> = Records::named("tallies");
pub const TRIES: Records<u32> = Records::named("tries");
/// Spent code → the operation that spent it.
pub const SPENT_CODES: Records<String> = Records::named("spent_codes");
/// The last step that was spent and the one before it, newest first.
pub const TOTP_STEPS: Records<Vec<SpentStep>> = Records::named("totp_steps");
/// The times of the sends that still count, in Unix milliseconds, oldest first.
pub const SENDS: Records<Vec<u64>> = Records::named("sends");
pub const SESSIONS: Records<Session> = Records::named("sessions");
pub const CHANGES: Records<Change> = Records::named("changes");
pub const EVENTS: Records<Event> = Records::named("events");
pub const ADDRESSES: Records<Tally> = Records::named("addresses");
pub const WORKFLOWS: Records<String> = Records::named("workflows");
/// What was ordered of everybody: one record, under [`EVERYBODY`].
pub const ORDERS: Records<MfaOrders> = Records::named("orders");
pub const KEPT: Records<Sealed> = Records::named("kept");
/// The numbers of the file itself, by the `*_NUMBER` keys.
pub const NUMBERS: Records<u64> = Records::named("numbers");

/// Every table of records.
pub const TABLES: [&str; 16] = [
    WIZARDS.name,
    ACCOUNTS.name,
    NAMES.name,
    TALLIES.name,
    TRIES.name,
    SPENT_CODES.name,
    TOTP_STEPS.name,
    SENDS.name,
    SESSIONS.name,
    CHANGES.name,
    EVENTS.name,
    ADDRESSES.name,
    WORKFLOWS.name,
    ORDERS.name,
    KEPT.name,
    NUMBERS.name,
];

/// What is to be swept when: deadline (20 digits), table and key, parted by [`PART`].
pub const DEADLINES: TableDefinition<'static, &'static str, ()> = TableDefinition::new("deadlines");

/// The layout described here. A file with a higher number was written by a newer version.
pub const LAYOUT: u64 = 1;
pub const LAYOUT_NUMBER: &str = "layout";
/// The highest account number given out.
pub const ACCOUNT_NUMBER: &str = "account";
/// The number of the last event.
pub const EVENT_NUMBER: &str = "event";
/// Commits made to the file since it was created.
pub const COMMIT_NUMBER: &str = "commit";

/// The key of [`ORDERS`].
pub const EVERYBODY: &str = "everybody";

/// Between the parts of a key. No part holds it: names, digests and ids are free of control characters.
pub const PART: char = '\u{1f}';

/// The deadline of what has none.
pub const FOREVER: u64 = u64::MAX;

/// The failures counted on an account or a name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doors {
    first: Tally,
    second: Tally,
}

impl Doors {
    pub fn at(&mut self, door: Door) -> &mut Tally {
        match door {
            Door::First => &mut self.first,
            Door::Second => &mut self.second,
        }
    }
}

/// A step of the authenticator app that was accepted, and the operation that spent it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpentStep {
    pub step: u64,
    pub operation: String,
}

pub fn wizard(id: WizardId) -> String {
    id.to_string()
}

pub fn account(id: AccountId) -> String {
    format!("{:020}", id.0)
}

/// Opens every key of something that belongs to this account.
pub fn of_account(id: AccountId) -> String {
    format!("{:020}{PART}", id.0)
}

pub fn name(name: &LoginName) -> String {
    name.as_str().to_owned()
}

pub fn subject(subject: &Subject) -> String {
    match subject {
        Subject::Account(id) => account(*id),
        Subject::Name(digest) => format!("name{PART}{digest}"),
    }
}

pub fn tries(of: &Subject, wizard: WizardId) -> String {
    format!("{}{PART}{wizard}", subject(of))
}

pub fn spent_code(of: &Subject, digest: &str) -> String {
    format!("{}{PART}{digest}", subject(of))
}

pub fn sends(of: &Subject, channel: Factor) -> String {
    format!("{}{PART}{channel}", subject(of))
}

pub fn session(account: AccountId, id: &SessionId) -> String {
    format!("{}{id}", of_account(account))
}

pub fn change(account: AccountId, id: u64) -> String {
    format!("{}{id:020}", of_account(account))
}

pub fn event(number: u64) -> String {
    format!("{number:020}")
}

pub fn address(address: &AddressKey) -> String {
    address.0.clone()
}

pub fn workflow(digest: &Digest) -> String {
    digest.as_str().to_owned()
}

/// A line of [`DEADLINES`].
pub fn deadline(at: u64, table: &str, key: &str) -> String {
    format!("{at:020}{PART}{table}{PART}{key}")
}

/// The table and the key that a line of [`DEADLINES`] names.
pub fn due(line: &str) -> Option<(&str, &str)> {
    line.split_once(PART)?.1.split_once(PART)
}

/// The caller's time in Unix milliseconds.
pub fn millis(time: DateTime<Utc>) -> u64 {
    u64::try_from(time.timestamp_millis()).unwrap_or(0)
}

/// The time of `millis` since the epoch; the end of time when there is no such time.
pub fn time(millis: u64) -> DateTime<Utc> {
    let millis = i64::try_from(millis).unwrap_or(i64::MAX);
    DateTime::from_timestamp_millis(millis).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

pub fn encode<T: Serialize>(deadline: u64, value: &T) -> Result<Vec<u8>, StoreError> {
    let mut bytes = deadline.to_be_bytes().to_vec();
    serde_json::to_writer(&mut bytes, value).map_err(|error| StoreError::Damaged(error.to_string()))?;
    Ok(bytes)
}

pub fn decode<T: serde::de::DeserializeOwned>(table: &str, bytes: &[u8]) -> Result<T, StoreError> {
    let json = bytes.get(8..).unwrap_or_default();
    serde_json::from_slice(json).map_err(|error| StoreError::Damaged(format!("in {table}: {error}")))
}

/// The deadline that stands before a value.
pub fn deadline_of(bytes: &[u8]) -> u64 {
    bytes.first_chunk::<8>().map_or(FOREVER, |first| u64::from_be_bytes(*first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_numbers_do() {
        assert!(account(AccountId(9)) < account(AccountId(10)));
        assert!(change(AccountId(1), 99) < change(AccountId(1), 100));
        assert!(deadline(999, "wizards", "b") < deadline(1_000, "wizards", "a"));
    }

    #[test]
    fn a_deadline_names_its_record() {
        let key = session(AccountId(7), &SessionId::from_bytes([1; 16]));
        assert_eq!(due(&deadline(5, SESSIONS.name, &key)), Some((SESSIONS.name, key.as_str())));
    }

    #[test]
    fn a_value_carries_its_deadline() {
        let bytes = encode(42, &"x".to_owned()).unwrap();
        assert_eq!((deadline_of(&bytes), decode::<String>("kept", &bytes).unwrap()), (42, "x".to_owned()));
        assert!(matches!(decode::<String>("kept", b"short"), Err(StoreError::Damaged(_))));
    }
}
