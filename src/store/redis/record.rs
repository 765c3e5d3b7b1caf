//! What stands under the keys: a few plain fields for the scripts, then a document that only Rust reads.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::engine::ports::StoreError;
use crate::identity::{Account, LoginName, Method, MfaOrders, Session, Tally};
use crate::workflow::Wizard;

use super::keys::name_digest;

/// A Redis key outlives what it holds by this long, in milliseconds: an entry ends when the caller's clock says so, and
/// Redis only sweeps up behind it.
const SWEEP: u64 = 60_000;

pub(super) fn millis(time: DateTime<Utc>) -> u64 {
    u64::try_from(time.timestamp_millis()).unwrap_or(0)
}

pub(super) fn time(millis: u64) -> Result<DateTime<Utc>, StoreError> {
    let time = i64::try_from(millis).ok().and_then(DateTime::from_timestamp_millis);
    time.ok_or_else(|| damaged("a time"))
}

/// How long a key that is written at `from` for something that ends at `to` is kept, in milliseconds.
pub(super) fn life(from: DateTime<Utc>, to: DateTime<Utc>) -> u64 {
    millis(to).saturating_sub(millis(from)) + SWEEP
}

pub(super) fn damaged(what: &str) -> StoreError {
    StoreError::Damaged(format!("{what} is not in the form that this server writes"))
}

pub(super) fn to_json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Damaged(error.to_string()))
}

pub(super) fn from_json<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, StoreError> {
    // The place of the fault is said, its text is not: it may be a secret.
    serde_json::from_str(text)
        .map_err(|error| StoreError::Damaged(format!("{what}: line {} column {}", error.line(), error.column())))
}

pub(super) fn wizard(wizard: &Wizard, request: &str) -> Result<String, StoreError> {
    let expires = millis(wizard.expires_at);
    Ok(format!("{} {expires} {request} {}", wizard.revision, to_json(wizard)?))
}

pub(super) fn read_wizard(record: &str) -> Result<Wizard, StoreError> {
    let document = record.splitn(4, ' ').nth(3).ok_or_else(|| damaged("a wizard"))?;
    from_json("a wizard", document)
}

pub(super) fn account(account: &Account, names: &[LoginName]) -> Result<String, StoreError> {
    let names: Vec<String> = names.iter().map(name_digest).collect();
    Ok(format!("{} {} {}", account.revision, names.join(","), to_json(account)?))
}

pub(super) fn read_account(record: &str) -> Result<Account, StoreError> {
    let document = record.splitn(3, ' ').nth(2).ok_or_else(|| damaged("an account"))?;
    from_json("an account", document)
}

pub(super) fn orders(orders: &MfaOrders) -> Result<String, StoreError> {
    Ok(format!("{} {}", orders.serial, to_json(orders)?))
}

pub(super) fn read_orders(record: &str) -> Result<MfaOrders, StoreError> {
    let (_, document) = record.split_once(' ').ok_or_else(|| damaged("the orders"))?;
    from_json("the orders", document)
}

/// Whether an account's record says that it has this name.
pub(super) fn has_name(record: &str, name: &LoginName) -> bool {
    let names = record.split(' ').nth(1).unwrap_or_default();
    names.split(',').any(|held| held == name_digest(name))
}

/// The fields of a session that scripts change; they overrule the same ones in the document.
pub(super) fn session_head(revision: u64, factor: Option<(Method, DateTime<Utc>)>) -> Result<String, StoreError> {
    Ok(format!("{revision} {}", to_json(&factor)?))
}

pub(super) fn session(session: &Session) -> Result<String, StoreError> {
    Ok(format!("{} {}", session_head(session.revision, session.factor)?, to_json(session)?))
}

pub(super) fn read_session(record: &str) -> Result<Session, StoreError> {
    let mut parts = record.splitn(3, ' ');
    let mut part = || parts.next().ok_or_else(|| damaged("a session"));
    let (revision, factor, document) = (part()?, part()?, part()?);
    let session: Session = from_json("a session", document)?;
    let revision = revision.parse().map_err(|_| damaged("a session"))?;
    Ok(Session { revision, factor: from_json("a session", factor)?, ..session })
}

pub(super) fn read_tally(text: &str) -> Result<Tally, StoreError> {
    let numbers: Option<Vec<u64>> = text.split(' ').map(|number| number.parse().ok()).collect();
    match numbers.as_deref() {
        Some([failures, since, blocked_until, blocks]) => Ok(Tally {
            failures: u32::try_from(*failures).unwrap_or(u32::MAX),
            since: *since,
            blocked_until: *blocked_until,
            blocks: u32::try_from(*blocks).unwrap_or(u32::MAX),
        }),
        _ => Err(damaged("a tally")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{AccountId, NameRules, SessionId};

    fn session_of(account: u64) -> Session {
        Session {
            id: SessionId::from_bytes([1; 16]),
            account: AccountId(account),
            revision: 3,
            created_at: DateTime::UNIX_EPOCH,
            refreshed_at: DateTime::UNIX_EPOCH,
            expires_at: DateTime::UNIX_EPOCH,
            client: Some("a browser | with spaces".to_owned()),
            address: None,
            factor: Some((Method::Sms, DateTime::UNIX_EPOCH)),
            live: vec!["a".to_owned()],
            used: vec![],
        }
    }

    #[test]
    fn what_a_script_changed_on_a_session_overrules_its_document() {
        let before = session_of(7);
        let record = session(&before).unwrap();
        assert_eq!(read_session(&record).unwrap(), before);
        let document = record.splitn(3, ' ').nth(2).unwrap();
        let head = session_head(4, Some((Method::Google, DateTime::UNIX_EPOCH))).unwrap();
        let after = read_session(&format!("{head} {document}")).unwrap();
        let factor = Some((Method::Google, DateTime::UNIX_EPOCH));
        assert_eq!(after, Session { revision: 4, factor, ..before });
    }

    #[test]
    fn a_damaged_record_is_told_without_its_text() {
        for error in [
            read_session("1 null {\"secret\":").unwrap_err(),
            read_account("1  {\"secret\":1}").unwrap_err(),
            read_wizard("nonsense secret").unwrap_err(),
            read_tally("1 2 secret 4").unwrap_err(),
            read_orders("7 {\"secret\":").unwrap_err(),
        ] {
            assert!(matches!(&error, StoreError::Damaged(text) if !text.contains("secret")), "{error}");
        }
    }

    #[test]
    fn an_account_without_a_name_has_no_name() {
        let name = LoginName::of_typed("", &NameRules::default());
        assert!(!has_name("1  {}", &name));
        assert!(has_name(&format!("1 x,{} {{}}", name_digest(&name)), &name));
    }
}
