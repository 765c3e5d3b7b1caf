use chrono::{DateTime, Utc};

use crate::engine::ports::{Change, Door, Locks, NameTaken, NewChange, StoreError};
use crate::identity::{Account, AccountId, LoginName};

use super::batch::Batch;
use super::layout::{
    self, ACCOUNT_NUMBER, ACCOUNTS, CHANGES, NAMES, NUMBERS, SENDS, SESSIONS, SPENT_CODES, TALLIES, TOTP_STEPS, TRIES,
    decode, millis, time,
};
use super::view::View;
use super::{names, orders};

pub fn load(view: &impl View, id: AccountId) -> Result<Option<Account>, StoreError> {
    view.find(&ACCOUNTS, &layout::account(id))
}

pub fn load_by_name(view: &impl View, name: &LoginName) -> Result<Option<Account>, StoreError> {
    match view.find(&NAMES, &layout::name(name))? {
        Some(id) => load(view, id),
        None => Ok(None),
    }
}

pub fn create(
    batch: &mut Batch,
    mut account: Account,
    own: &[LoginName],
) -> Result<Result<Account, NameTaken>, StoreError> {
    if let Some(taken) = names::taken(batch, own, None)? {
        return Ok(Err(taken));
    }
    let number = batch.find(&NUMBERS, ACCOUNT_NUMBER)?.unwrap_or(0) + 1;
    account.id = AccountId(number);
    account.revision = 1;
    account.order = orders::load(batch)?.of_newcomer();
    batch.put(&NUMBERS, ACCOUNT_NUMBER, &number)?;
    batch.put(&ACCOUNTS, &layout::account(account.id), &account)?;
    names::claim(batch, own, account.id)?;
    Ok(Ok(account))
}

pub fn replace(
    batch: &mut Batch,
    next: &Account,
    old_names: &[LoginName],
    own: &[LoginName],
) -> Result<Result<bool, NameTaken>, StoreError> {
    if load(batch, next.id)?.is_none_or(|stored| stored.revision.checked_add(1) != Some(next.revision)) {
        return Ok(Ok(false));
    }
    if let Some(taken) = names::taken(batch, own, Some(next.id))? {
        return Ok(Err(taken));
    }
    write(batch, next)?;
    names::release(batch, old_names, next.id)?;
    names::claim(batch, own, next.id)?;
    Ok(Ok(true))
}

pub fn write(batch: &mut Batch, account: &Account) -> Result<(), StoreError> {
    batch.put(&ACCOUNTS, &layout::account(account.id), account)
}

pub fn delete(batch: &mut Batch, id: AccountId, own: &[LoginName]) -> Result<bool, StoreError> {
    let key = layout::account(id);
    let existed = batch.remove(&ACCOUNTS, &key)?;
    names::release(batch, own, id)?;
    batch.remove(&TALLIES, &key)?;
    batch.remove(&TOTP_STEPS, &key)?;
    let owned = layout::of_account(id);
    batch.remove_all(&SESSIONS, &owned)?;
    batch.remove_all(&CHANGES, &owned)?;
    batch.remove_all(&SPENT_CODES, &owned)?;
    batch.remove_all(&TRIES, &owned)?;
    batch.remove_all(&SENDS, &owned)?;
    Ok(existed)
}

/// Until when the account's doors are blocked.
pub fn locks(view: &impl View, id: AccountId, now: DateTime<Utc>) -> Result<Locks, StoreError> {
    let mut doors = view.find(&TALLIES, &layout::account(id))?.unwrap_or_default();
    let mut until = |door| doors.at(door).blocked(millis(now)).map(time);
    Ok(Locks { first: until(Door::First), second: until(Door::Second) })
}

pub fn unlock(batch: &mut Batch, id: AccountId) -> Result<(), StoreError> {
    batch.remove(&TALLIES, &layout::account(id)).map(drop)
}

pub fn list(view: &impl View, after: Option<AccountId>, limit: usize) -> Result<Vec<Account>, StoreError> {
    // The first key after an account's own is the one with anything behind it.
    let start = after.map(layout::of_account).unwrap_or_default();
    let found = view.span(ACCOUNTS.table(), &start, limit, &|_| true)?;
    found.iter().map(|(_, bytes)| decode(ACCOUNTS.name, bytes)).collect()
}

pub fn changes(view: &impl View, id: AccountId) -> Result<Vec<Change>, StoreError> {
    let found = view.find_all(&CHANGES, &layout::of_account(id))?;
    Ok(found.into_iter().map(|(_, change)| change).collect())
}

pub fn add_change(batch: &mut Batch, account: AccountId, new: &NewChange) -> Result<(), StoreError> {
    let id = changes(batch, account)?.last().map_or(1, |last| last.id + 1);
    let change = Change { id, provider: new.provider, is_enabled: new.is_enabled, time: new.time };
    batch.put(&CHANGES, &layout::change(account, id), &change)
}
