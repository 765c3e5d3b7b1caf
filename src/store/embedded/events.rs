//! The events, by their number in the stream; its 20 digits are the cursor.

use redb::{ReadTransaction, ReadableTable};

use crate::engine::ports::{Event, EventRange, StoreError, StoredEvent};

use super::batch::Batch;
use super::disk::trouble;
use super::layout::{self, EVENT_NUMBER, EVENTS, NUMBERS, decode};
use super::view::View;

/// Old events that one call removes at most, beside one for each that it adds: enough to catch up when fewer are to be
/// kept than before, and few enough not to be felt.
const REMOVED: usize = 1_000;

/// Adds events to the end and lets go of the oldest ones, of which `kept` are to stay.
pub fn append(batch: &mut Batch, events: &[Event], kept: u64) -> Result<(), StoreError> {
    let mut last = batch.find(&NUMBERS, EVENT_NUMBER)?.unwrap_or(0);
    let end = last.saturating_add(events.len() as u64);
    let first = layout::event(end.saturating_sub(kept).saturating_add(1));
    let old = batch.span(EVENTS.table(), "", REMOVED + events.len(), &|key| key < first.as_str())?;
    for event in events {
        last += 1;
        batch.put(&EVENTS, &layout::event(last), event)?;
    }
    batch.put(&NUMBERS, EVENT_NUMBER, &last)?;
    old.iter().try_for_each(|(key, _)| batch.remove(&EVENTS, key).map(drop))
}

pub fn range(view: &ReadTransaction, range: &EventRange) -> Result<Vec<StoredEvent>, StoreError> {
    let beyond = match range.beyond.as_deref() {
        Some(cursor) if !is_cursor(cursor) => return Ok(Vec::new()),
        beyond => beyond,
    };
    let table = view.open_table(EVENTS.table()).map_err(trouble)?;
    let found: Vec<_> = match (beyond, range.newest_first) {
        (None, false) => table.iter().map_err(trouble)?.take(range.limit).collect(),
        (None, true) => table.iter().map_err(trouble)?.rev().take(range.limit).collect(),
        (Some(cursor), false) => {
            // The first key after the cursor's own is the one with anything behind it.
            let start = format!("{cursor}\0");
            table.range(start.as_str()..).map_err(trouble)?.take(range.limit).collect()
        }
        (Some(cursor), true) => table.range(..cursor).map_err(trouble)?.rev().take(range.limit).collect(),
    };
    let stored = |(key, value): (redb::AccessGuard<'_, &str>, redb::AccessGuard<'_, &[u8]>)| {
        Ok(StoredEvent { cursor: key.value().to_owned(), event: decode(EVENTS.name, value.value())? })
    };
    found.into_iter().map(|entry| entry.map_err(trouble).and_then(stored)).collect()
}

fn is_cursor(text: &str) -> bool {
    text.len() == 20 && text.bytes().all(|byte| byte.is_ascii_digit())
}
