//! Reading records, the same way from a snapshot and from within a write.

use redb::{ReadTransaction, ReadableTable, TableDefinition};
use serde::de::DeserializeOwned;

use crate::engine::ports::StoreError;

use super::batch::Batch;
use super::disk::trouble;
use super::layout::{Records, deadline_of, decode};

type Bytes = TableDefinition<'static, &'static str, &'static [u8]>;

/// A record's key in its table, and the record.
pub type Entry<T> = (String, T);

/// Something to read records from.
pub trait View {
    /// The bytes under `key`.
    fn bytes(&self, table: Bytes, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Up to `limit` keys and values, in order, from `start` on while `wanted` says so of the key.
    fn span(
        &self,
        table: Bytes,
        start: &str,
        limit: usize,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<(String, Vec<u8>)>, StoreError>;

    fn find<T: DeserializeOwned>(&self, records: &Records<T>, key: &str) -> Result<Option<T>, StoreError> {
        self.bytes(records.table(), key)?.map(|bytes| decode(records.name, &bytes)).transpose()
    }

    /// The record, unless its deadline has come at `now`.
    fn find_living<T: DeserializeOwned>(
        &self,
        records: &Records<T>,
        key: &str,
        now: u64,
    ) -> Result<Option<T>, StoreError> {
        let Some(bytes) = self.bytes(records.table(), key)? else { return Ok(None) };
        if deadline_of(&bytes) <= now {
            return Ok(None);
        }
        decode(records.name, &bytes).map(Some)
    }

    /// Every record whose key begins with `prefix`, in order.
    fn find_all<T: DeserializeOwned>(&self, records: &Records<T>, prefix: &str) -> Result<Vec<Entry<T>>, StoreError> {
        self.span(records.table(), prefix, usize::MAX, &|key| key.starts_with(prefix))?
            .into_iter()
            .map(|(key, bytes)| Ok((key, decode(records.name, &bytes)?)))
            .collect()
    }
}

impl View for ReadTransaction {
    fn bytes(&self, table: Bytes, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        bytes(&self.open_table(table).map_err(trouble)?, key)
    }

    fn span(
        &self,
        table: Bytes,
        start: &str,
        limit: usize,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        span(&self.open_table(table).map_err(trouble)?, start, limit, wanted)
    }
}

impl View for Batch {
    fn bytes(&self, table: Bytes, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        bytes(&self.transaction().open_table(table).map_err(trouble)?, key)
    }

    fn span(
        &self,
        table: Bytes,
        start: &str,
        limit: usize,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        span(&self.transaction().open_table(table).map_err(trouble)?, start, limit, wanted)
    }
}

fn bytes(table: &impl ReadableTable<&'static str, &'static [u8]>, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(table.get(key).map_err(trouble)?.map(|guard| guard.value().to_vec()))
}

fn span(
    table: &impl ReadableTable<&'static str, &'static [u8]>,
    start: &str,
    limit: usize,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let mut found = Vec::new();
    for entry in table.range(start..).map_err(trouble)? {
        let (key, value) = entry.map_err(trouble)?;
        if found.len() >= limit || !wanted(key.value()) {
            break;
        }
        found.push((key.value().to_owned(), value.value().to_vec()));
    }
    Ok(found)
}
