//! Send budgets: a log of the times of sends, of which each window sees what is recent enough for it.

use chrono::{DateTime, Utc};

use crate::engine::ports::{SendBudget, StoreError, Subject};

use super::batch::Batch;
use super::layout::{self, SENDS, millis};
use super::view::View;

/// When every window of the budget has room again, in Unix milliseconds, if one has none at `now`.
pub fn used_up(view: &impl View, of: &Subject, budget: &SendBudget, now: u64) -> Result<Option<u64>, StoreError> {
    let sends = load(view, of, budget)?;
    let full = budget.windows.iter().filter_map(|(seconds, limit)| {
        let (window, limit) = (seconds.saturating_mul(1_000), *limit as usize);
        let within: Vec<u64> = sends.iter().copied().filter(|at| at.saturating_add(window) > now).collect();
        // The send whose leaving makes room; with a limit of nothing there is never room.
        let leaves = within.len().checked_sub(limit).map(|place| within.get(place).copied().unwrap_or(now));
        leaves.map(|at| at.saturating_add(window))
    });
    Ok(full.max())
}

/// Notes a send at `now`.
pub fn count(batch: &mut Batch, of: &Subject, budget: &SendBudget, now: u64) -> Result<(), StoreError> {
    let longest = longest(budget);
    let mut sends = load(batch, of, budget)?;
    sends.retain(|at| at.saturating_add(longest) > now);
    sends.push(now);
    sends.sort_unstable();
    write(batch, of, budget, &sends)
}

/// Takes the send at `sent_at` off the log.
pub fn refund(batch: &mut Batch, of: &Subject, budget: &SendBudget, sent_at: DateTime<Utc>) -> Result<(), StoreError> {
    let mut sends = load(batch, of, budget)?;
    let Some(place) = sends.iter().position(|at| *at == millis(sent_at)) else { return Ok(()) };
    sends.remove(place);
    write(batch, of, budget, &sends)
}

fn longest(budget: &SendBudget) -> u64 {
    budget.windows.iter().map(|(seconds, _)| seconds.saturating_mul(1_000)).max().unwrap_or(0)
}

fn load(view: &impl View, of: &Subject, budget: &SendBudget) -> Result<Vec<u64>, StoreError> {
    Ok(view.find(&SENDS, &layout::sends(of, budget.channel))?.unwrap_or_default())
}

fn write(batch: &mut Batch, of: &Subject, budget: &SendBudget, sends: &Vec<u64>) -> Result<(), StoreError> {
    let key = layout::sends(of, budget.channel);
    match sends.last() {
        Some(last) => batch.put_until(&SENDS, &key, sends, last.saturating_add(longest(budget))),
        None => batch.remove(&SENDS, &key).map(drop),
    }
}
