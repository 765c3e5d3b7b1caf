use chrono::{DateTime, Utc};

use crate::engine::ports::StoreError;
use crate::identity::{Account, AccountId, Method, Session, SessionId};

use super::accounts;
use super::batch::Batch;
use super::layout::{self, SESSIONS, millis};
use super::view::View;

pub fn load_with_account(
    view: &impl View,
    account: AccountId,
    id: &SessionId,
    now: DateTime<Utc>,
) -> Result<Option<(Account, Session)>, StoreError> {
    let session = load(view, account, id)?.filter(|session| session.is_live(now));
    Ok(accounts::load(view, account)?.zip(session))
}

pub fn list(view: &impl View, account: AccountId, now: DateTime<Utc>) -> Result<Vec<Session>, StoreError> {
    let found = view.find_all(&SESSIONS, &layout::of_account(account))?;
    let mut living: Vec<Session> =
        found.into_iter().map(|(_, session)| session).filter(|session| session.is_live(now)).collect();
    living.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    Ok(living)
}

pub fn replace(batch: &mut Batch, next: &Session) -> Result<bool, StoreError> {
    let stored = load(batch, next.account, &next.id)?;
    let follows = stored.is_some_and(|stored| stored.revision.checked_add(1) == Some(next.revision));
    if follows {
        write(batch, next)?;
    }
    Ok(follows)
}

pub fn end(batch: &mut Batch, account: AccountId, id: &SessionId) -> Result<bool, StoreError> {
    batch.remove(&SESSIONS, &layout::session(account, id))
}

/// Ends all sessions of the account but `keep`.
pub fn end_others(batch: &mut Batch, account: AccountId, keep: Option<&SessionId>) -> Result<(), StoreError> {
    let kept = keep.map(|keep| layout::session(account, keep));
    let found = batch.span(SESSIONS.table(), &layout::of_account(account), usize::MAX, &|key| {
        key.starts_with(&layout::of_account(account))
    })?;
    let others = found.into_iter().filter(|(key, _)| kept.as_ref() != Some(key));
    others.into_iter().try_for_each(|(key, _)| batch.remove(&SESSIONS, &key).map(drop))
}

/// Opens a session unless there is one of its name.
pub fn open(batch: &mut Batch, session: &Session) -> Result<(), StoreError> {
    match load(batch, session.account, &session.id)? {
        Some(_) => Ok(()),
        None => write(batch, session),
    }
}

/// Notes that the second factor was proved in this session at `now`; nothing when it has ended.
pub fn prove(
    batch: &mut Batch,
    account: AccountId,
    id: &SessionId,
    method: Method,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let Some(mut session) = load(batch, account, id)? else { return Ok(()) };
    session.factor = Some((method, now));
    session.revision += 1;
    write(batch, &session)
}

fn load(view: &impl View, account: AccountId, id: &SessionId) -> Result<Option<Session>, StoreError> {
    view.find(&SESSIONS, &layout::session(account, id))
}

fn write(batch: &mut Batch, session: &Session) -> Result<(), StoreError> {
    let key = layout::session(session.account, &session.id);
    batch.put_until(&SESSIONS, &key, session, millis(session.expires_at))
}
