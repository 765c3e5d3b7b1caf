use chrono::{DateTime, Utc};

use crate::engine::ports::{SendBudget, StoreError};
use crate::identity::AccountId;

use super::batch::Batch;
use super::layout::{self, SENDS, Window, millis};
use super::view::View;

/// The end, in Unix milliseconds, of the last of the budget's windows that are used up at `now`.
pub fn used_up(view: &impl View, account: AccountId, budget: &SendBudget, now: u64) -> Result<Option<u64>, StoreError> {
    let windows = load(view, account, budget)?;
    let full = budget.windows.iter().filter_map(|(seconds, limit)| {
        let window = windows.iter().find(|window| window.seconds == *seconds && now < end(window));
        let sent = window.map_or(0, |window| window.sent);
        (sent >= *limit).then(|| window.map_or(now + seconds * 1_000, end))
    });
    Ok(full.max())
}

/// Counts one send in every window of the budget.
pub fn count(batch: &mut Batch, account: AccountId, budget: &SendBudget, now: u64) -> Result<(), StoreError> {
    let mut windows = load(batch, account, budget)?;
    windows.retain(|window| now < end(window));
    for (seconds, _) in &budget.windows {
        match windows.iter_mut().find(|window| window.seconds == *seconds) {
            Some(window) => window.sent += 1,
            None => windows.push(Window { seconds: *seconds, since: now, sent: 1 }),
        }
    }
    write(batch, account, budget, &windows)
}

/// Takes a send at `sent_at` out of the windows that it was counted in, as far as they have not ended since.
pub fn refund(
    batch: &mut Batch,
    account: AccountId,
    budget: &SendBudget,
    sent_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let sent_at = millis(sent_at);
    let mut windows = load(batch, account, budget)?;
    for (seconds, _) in &budget.windows {
        let counted = |window: &&mut Window| window.since <= sent_at && sent_at < end(window);
        if let Some(window) = windows.iter_mut().filter(counted).find(|window| window.seconds == *seconds) {
            window.sent = window.sent.saturating_sub(1);
        }
    }
    write(batch, account, budget, &windows)
}

fn end(window: &Window) -> u64 {
    window.since + window.seconds * 1_000
}

fn load(view: &impl View, account: AccountId, budget: &SendBudget) -> Result<Vec<Window>, StoreError> {
    Ok(view.find(&SENDS, &layout::sends(account, budget.channel))?.unwrap_or_default())
}

fn write(batch: &mut Batch, account: AccountId, budget: &SendBudget, windows: &Vec<Window>) -> Result<(), StoreError> {
    let key = layout::sends(account, budget.channel);
    match windows.iter().map(end).max() {
        Some(last) => batch.put_until(&SENDS, &key, windows, last),
        None => batch.remove(&SENDS, &key).map(drop),
    }
}
