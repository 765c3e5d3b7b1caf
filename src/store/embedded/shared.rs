//! What is nobody's own: client addresses, published workflows, kept values, and the state of the store.

use chrono::{DateTime, Utc};

use crate::engine::ports::{AddressFailure, AddressKey, Durability, Health, StoreError};
use crate::identity::{Ladder, Sealed, Tally};
use crate::workflow::Digest;

use super::batch::Batch;
use super::disk::FILE;
use super::layout::{self, ADDRESSES, KEPT, NUMBERS, WORKFLOWS, millis, time};
use super::view::View;

/// When the tally of an address or a name may be swept, in Unix milliseconds: not before waiting for it is worth less than
/// waiting for the blocks, and some day, so that typing invented names does not fill the disk.
pub fn forget_at(tally: &Tally, ladder: &Ladder, now: u64) -> u64 {
    now.saturating_add(ladder.window).max(tally.blocked_until).saturating_add(ladder.memory())
}

pub fn address_block(
    view: &impl View,
    address: &AddressKey,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let tally = view.find(&ADDRESSES, &layout::address(address))?.unwrap_or_default();
    Ok(tally.blocked(millis(now)).map(time))
}

pub fn fail_address(
    batch: &mut Batch,
    address: &AddressKey,
    ladder: &Ladder,
    now: DateTime<Utc>,
) -> Result<AddressFailure, StoreError> {
    let (key, now) = (layout::address(address), millis(now));
    let mut tally = batch.find(&ADDRESSES, &key)?.unwrap_or_default();
    if let Some(until) = tally.blocked(now) {
        return Ok(AddressFailure::Blocked(time(until)));
    }
    let allowance = tally.fail(ladder, now);
    batch.put_until(&ADDRESSES, &key, &tally, forget_at(&tally, ladder, now))?;
    Ok(AddressFailure::Counted(allowance.blocked_until.map(time)))
}

pub fn publish(batch: &mut Batch, digest: &Digest, source: &str) -> Result<(), StoreError> {
    batch.put(&WORKFLOWS, &layout::workflow(digest), &source.to_owned())
}

pub fn published(view: &impl View, digest: &Digest) -> Result<Option<String>, StoreError> {
    view.find(&WORKFLOWS, &layout::workflow(digest))
}

pub fn keep(batch: &mut Batch, name: &str, value: Sealed) -> Result<Sealed, StoreError> {
    if let Some(kept) = batch.find(&KEPT, name)? {
        return Ok(kept);
    }
    batch.put(&KEPT, name, &value)?;
    Ok(value)
}

/// Puts `new` in the place of `old`; whether `new` is kept now.
pub fn swap_kept(batch: &mut Batch, name: &str, old: Option<&Sealed>, new: &Sealed) -> Result<bool, StoreError> {
    let kept = batch.find(&KEPT, name)?;
    if kept.as_ref() == Some(new) {
        return Ok(true);
    }
    if kept.as_ref() != old {
        return Ok(false);
    }
    batch.put(&KEPT, name, new)?;
    Ok(true)
}

/// What the store promises, once it has shown that it answers.
pub fn health(view: &impl View) -> Result<Health, StoreError> {
    view.find(&NUMBERS, layout::LAYOUT_NUMBER)?;
    let settings = [("file", FILE), ("fsync", "every commit"), ("processes", "one")];
    Ok(Health {
        backend: "embedded",
        durability: Durability {
            level: "every_write",
            settings: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            warning: None,
        },
    })
}
