//! One write transaction, and the calls that share it.

use chrono::{DateTime, Utc};
use redb::{ReadableTable, TableDefinition, WriteTransaction};
use serde::Serialize;

use crate::engine::ports::{RequestId, StoreError};

use super::answers::Answers;
use super::disk::trouble;
use super::layout::{COMMIT_NUMBER, DEADLINES, FOREVER, NUMBERS, Records, deadline, deadline_of, due, encode, millis};
use super::view::View;

/// Entries that one write transaction sweeps at most, beside two for each record that it writes: more than it adds, so
/// that the dead do not pile up, and few enough not to be felt.
const SWEPT_AT_LEAST: u64 = 16;
/// An entry is swept this long after its deadline, in milliseconds, for callers whose times cross.
const GRACE: u64 = 60_000;

/// A write transaction that is under way. Nothing of it is on the disk, or seen by a read, before [`Batch::commit`].
pub struct Batch {
    transaction: WriteTransaction,
    answers: Answers,
    /// The latest time that a caller gave, in Unix milliseconds; 0 when none did.
    now: u64,
    changes: u64,
}

/// What became of a batch that was committed.
pub struct Committed {
    pub answers: Answers,
    pub swept: u64,
    pub outcome: Result<(), StoreError>,
}

impl Batch {
    pub fn new(transaction: WriteTransaction, answers: Answers) -> Self {
        Batch { transaction, answers, now: 0, changes: 0 }
    }

    pub fn transaction(&self) -> &WriteTransaction {
        &self.transaction
    }

    /// Records written and removed so far.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Notes the time of a caller, by which the dead are swept.
    pub fn at(&mut self, now: DateTime<Utc>) {
        self.now = self.now.max(millis(now));
    }

    /// Runs `work`, or gives the answer that `request` got before.
    pub fn once<T: Clone + Send + 'static>(
        &mut self,
        request: &RequestId,
        now: Option<DateTime<Utc>>,
        work: impl FnOnce(&mut Batch) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if let Some(answer) = self.answers.get(&request.0) {
            return Ok(answer);
        }
        if let Some(now) = now {
            self.at(now);
        }
        let answer = work(self)?;
        self.answers.remember(&request.0, now.map(millis), answer.clone());
        Ok(answer)
    }

    /// Writes a record that has no deadline.
    pub fn put<T: Serialize>(&mut self, records: &Records<T>, key: &str, value: &T) -> Result<(), StoreError> {
        self.put_until(records, key, value, FOREVER)
    }

    /// Writes a record that is swept some time after `until`, in Unix milliseconds.
    pub fn put_until<T: Serialize>(
        &mut self,
        records: &Records<T>,
        key: &str,
        value: &T,
        until: u64,
    ) -> Result<(), StoreError> {
        let bytes = encode(until, value)?;
        self.changes += 1;
        let before = {
            let mut table = self.transaction.open_table(records.table()).map_err(trouble)?;
            let before = table.insert(key, bytes.as_slice()).map_err(trouble)?;
            before.map_or(FOREVER, |guard| deadline_of(guard.value()))
        };
        self.move_deadline(records.name, key, before, until)
    }

    /// Removes a record; whether there was one.
    pub fn remove<T>(&mut self, records: &Records<T>, key: &str) -> Result<bool, StoreError> {
        let before = {
            let mut table = self.transaction.open_table(records.table()).map_err(trouble)?;
            let before = table.remove(key).map_err(trouble)?;
            before.map(|guard| deadline_of(guard.value()))
        };
        let Some(before) = before else { return Ok(false) };
        self.changes += 1;
        self.move_deadline(records.name, key, before, FOREVER)?;
        Ok(true)
    }

    /// Removes every record whose key begins with `prefix`.
    pub fn remove_all<T>(&mut self, records: &Records<T>, prefix: &str) -> Result<(), StoreError> {
        let found = self.span(records.table(), prefix, usize::MAX, &|key| key.starts_with(prefix))?;
        found.into_iter().try_for_each(|(key, _)| self.remove(records, &key).map(drop))
    }

    /// Sweeps, numbers the commit `number`, and brings everything to the disk.
    pub fn commit(mut self, number: u64) -> Committed {
        let swept = self.sweep();
        let outcome = swept.clone().and_then(|_| self.put(&NUMBERS, COMMIT_NUMBER, &number));
        let Batch { transaction, answers, .. } = self;
        let outcome = match outcome {
            Ok(()) => transaction.commit().map_err(trouble),
            Err(error) => Err(transaction.abort().map_err(trouble).err().unwrap_or(error)),
        };
        Committed { answers, swept: swept.unwrap_or(0), outcome }
    }

    /// Lets go of everything that was written; the callers' times and answers remain.
    pub fn abandon(self) -> (Answers, Result<(), StoreError>) {
        let Batch { transaction, answers, .. } = self;
        (answers, transaction.abort().map_err(trouble))
    }

    pub fn latest(&self) -> u64 {
        self.now
    }

    fn move_deadline(&self, table: &str, key: &str, before: u64, until: u64) -> Result<(), StoreError> {
        if before == until {
            return Ok(());
        }
        let mut deadlines = self.transaction.open_table(DEADLINES).map_err(trouble)?;
        if before != FOREVER {
            deadlines.remove(deadline(before, table, key).as_str()).map_err(trouble)?;
        }
        if until != FOREVER {
            deadlines.insert(deadline(until, table, key).as_str(), ()).map_err(trouble)?;
        }
        Ok(())
    }

    /// Removes what has been dead for a while by the latest caller's time, the longest dead first.
    fn sweep(&self) -> Result<u64, StoreError> {
        let mut swept = 0;
        let mut deadlines = self.transaction.open_table(DEADLINES).map_err(trouble)?;
        for _ in 0..SWEPT_AT_LEAST + 2 * self.changes {
            let first = deadlines.first().map_err(trouble)?.map(|(line, _)| line.value().to_owned());
            let Some(line) = first.filter(|line| self.is_dead(line)) else { break };
            deadlines.remove(line.as_str()).map_err(trouble)?;
            let Some((table, key)) = due(&line) else { continue };
            let table = TableDefinition::<&str, &[u8]>::new(table);
            self.transaction.open_table(table).map_err(trouble)?.remove(key).map_err(trouble)?;
            swept += 1;
        }
        Ok(swept)
    }

    fn is_dead(&self, line: &str) -> bool {
        let at = line.get(..20).and_then(|digits| digits.parse::<u64>().ok());
        at.is_none_or(|at| at.saturating_add(GRACE) <= self.now)
    }
}
