//! What was ordered of everybody.

use crate::engine::ports::StoreError;
use crate::identity::MfaOrders;
use crate::store::heard::Heard;

use super::batch::Batch;
use super::layout::{EVERYBODY, ORDERS, decode};
use super::view::View;

pub fn load(view: &impl View) -> Result<MfaOrders, StoreError> {
    Ok(view.find(&ORDERS, EVERYBODY)?.unwrap_or_default())
}

/// Takes note of the orders that `view` shows.
pub fn hear(view: &impl View, heard: &Heard) -> Result<(), StoreError> {
    match view.bytes(ORDERS.table(), EVERYBODY)? {
        Some(bytes) => heard.learn(&bytes, |bytes| decode(ORDERS.name, bytes)),
        None => Ok(()),
    }
}

/// Puts `next` in the place of the orders with the serial `before`; whether that was so, and the orders afterwards.
pub fn change(batch: &mut Batch, before: u64, next: MfaOrders) -> Result<(bool, MfaOrders), StoreError> {
    let stored = load(batch)?;
    if stored.serial != before {
        return Ok((false, stored));
    }
    batch.put(&ORDERS, EVERYBODY, &next)?;
    Ok((true, next))
}
