use crate::engine::ports::{NameTaken, StoreError};
use crate::identity::{AccountId, LoginName};

use super::batch::Batch;
use super::layout::{self, ACCOUNTS, NAMES};
use super::view::View;

/// The first of `names` that belongs to a living account other than `own`.
pub fn taken(view: &impl View, names: &[LoginName], own: Option<AccountId>) -> Result<Option<NameTaken>, StoreError> {
    for name in names {
        let Some(owner) = view.find(&NAMES, &layout::name(name))? else { continue };
        let lives = || view.find(&ACCOUNTS, &layout::account(owner)).map(|account| account.is_some());
        if Some(owner) != own && lives()? {
            return Ok(Some(NameTaken(name.clone())));
        }
    }
    Ok(None)
}

/// Lets `names` lead to the account. They must not be [`taken`].
pub fn claim(batch: &mut Batch, names: &[LoginName], id: AccountId) -> Result<(), StoreError> {
    names.iter().try_for_each(|name| batch.put(&NAMES, &layout::name(name), &id))
}

/// Frees those of `names` that lead to the account.
pub fn release(batch: &mut Batch, names: &[LoginName], id: AccountId) -> Result<(), StoreError> {
    for name in names {
        let key = layout::name(name);
        if batch.find(&NAMES, &key)? == Some(id) {
            batch.remove(&NAMES, &key)?;
        }
    }
    Ok(())
}
