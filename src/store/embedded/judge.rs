//! The judgement on an attempt, by the rules and in the order that [`Attempt`] gives.

use chrono::{DateTime, Utc};

use crate::engine::ports::{AccountWrite, Attempt, Door, EndSessions, Spend, StoreError, Subject, Verdict};
use crate::identity::{Account, AccountId, Tally};

use super::batch::Batch;
use super::layout::{self, Doors, SPENT_CODES, SpentStep, TALLIES, TOTP_STEPS, TRIES, millis, time};
use super::shared::forget_at;
use super::view::View;
use super::{accounts, sends, sessions};

/// Rules 2 to 11; the first is [`Batch::once`].
pub fn judge(batch: &mut Batch, attempt: &Attempt) -> Result<Verdict, StoreError> {
    let account = match attempt.subject {
        Subject::Account(id) => match accounts::load(batch, id)? {
            Some(account) => Some(account),
            None => return Ok(Verdict::Gone),
        },
        Subject::Name(_) => None,
    };
    let bench = Bench::load(batch, attempt)?;
    if bench.spent == Spent::ByThis {
        return Ok(Verdict::Accepted);
    }
    if let Some(until) = { bench.doors }.at(attempt.door).blocked(bench.now) {
        return Ok(Verdict::Blocked { until: time(until) });
    }
    if attempt.tries.as_ref().is_some_and(|tries| bench.tried >= tries.limit) {
        return Ok(Verdict::Exhausted);
    }
    if attempt.right == Some(false) {
        return bench.wrong(batch, attempt);
    }
    let Some(account) = account else { return Ok(Verdict::Accepted) };
    if attempt.revision.is_some_and(|revision| revision != account.revision) {
        return Ok(Verdict::Stale(Box::new(account)));
    }
    if bench.spent == Spent::ByAnother {
        return bench.spent(batch, attempt);
    }
    if let Some(budget) = &attempt.write.send {
        if let Some(until) = { bench.doors }.at(Door::Second).blocked(bench.now) {
            return Ok(Verdict::Blocked { until: time(until) });
        }
        if let Some(until) = sends::used_up(batch, &attempt.subject, budget, bench.now)? {
            return Ok(Verdict::OverBudget { until: time(until) });
        }
    }
    bench.accept(batch, attempt, &account)?;
    Ok(Verdict::Accepted)
}

/// What an attempt is judged by.
struct Bench {
    now: u64,
    doors: Doors,
    /// Wrong guesses that the wizard has made.
    tried: u32,
    spent: Spent,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Spent {
    No,
    ByThis,
    ByAnother,
}

impl Bench {
    fn load(view: &impl View, attempt: &Attempt) -> Result<Bench, StoreError> {
        let now = millis(attempt.now);
        let doors = view.find(&TALLIES, &layout::subject(&attempt.subject))?.unwrap_or_default();
        let tried = match &attempt.tries {
            Some(tries) => view.find_living(&TRIES, &layout::tries(&attempt.subject, tries.wizard), now)?.unwrap_or(0),
            None => 0,
        };
        Ok(Bench { now, doors, tried, spent: spent(view, attempt, now)? })
    }

    fn wrong(self, batch: &mut Batch, attempt: &Attempt) -> Result<Verdict, StoreError> {
        let Counted { left, blocked_until, exhausted } = self.fail(batch, attempt)?;
        Ok(Verdict::Wrong { left, blocked_until, exhausted })
    }

    fn spent(self, batch: &mut Batch, attempt: &Attempt) -> Result<Verdict, StoreError> {
        let Counted { left, blocked_until, .. } = self.fail(batch, attempt)?;
        Ok(Verdict::Spent { left, blocked_until })
    }

    /// Counts a failure on the door and on the wizard's guesses.
    fn fail(mut self, batch: &mut Batch, attempt: &Attempt) -> Result<Counted, StoreError> {
        let tally = self.doors.at(attempt.door);
        let allowance = tally.fail(&attempt.ladder, self.now);
        let forget = forget_at(tally, &attempt.ladder, self.now);
        let key = layout::subject(&attempt.subject);
        match attempt.subject {
            Subject::Account(_) => batch.put(&TALLIES, &key, &self.doors)?,
            Subject::Name(_) => batch.put_until(&TALLIES, &key, &self.doors, forget)?,
        }
        let blocked_until = allowance.blocked_until.map(time);
        let Some(tries) = &attempt.tries else {
            return Ok(Counted { left: allowance.left, blocked_until, exhausted: false });
        };
        let (tried, until) = (self.tried.saturating_add(1), seconds_on(attempt.now, tries.keep));
        batch.put_until(&TRIES, &layout::tries(&attempt.subject, tries.wizard), &tried, until)?;
        let guesses = tries.limit.saturating_sub(tried);
        Ok(Counted { left: allowance.left.min(guesses), blocked_until, exhausted: guesses == 0 })
    }

    fn accept(mut self, batch: &mut Batch, attempt: &Attempt, account: &Account) -> Result<(), StoreError> {
        let tally = self.doors.at(attempt.door);
        if attempt.right == Some(true) && *tally != Tally::default() {
            tally.succeed();
            batch.put(&TALLIES, &layout::account(account.id), &self.doors)?;
        }
        if let Some(spend) = &attempt.spend {
            use_up(batch, attempt, account.id, spend)?;
        }
        apply(batch, account.id, &attempt.write, attempt.now)
    }
}

struct Counted {
    left: u32,
    blocked_until: Option<DateTime<Utc>>,
    exhausted: bool,
}

fn spent(view: &impl View, attempt: &Attempt, now: u64) -> Result<Spent, StoreError> {
    let Subject::Account(id) = attempt.subject else { return Ok(Spent::No) };
    let (spent, by_this) = match &attempt.spend {
        None => (false, false),
        Some(Spend::Code { digest, .. }) => {
            let by = view.find_living(&SPENT_CODES, &layout::spent_code(id, digest), now)?;
            (by.is_some(), by.is_some_and(|operation| operation == attempt.operation))
        }
        Some(Spend::TotpStep(step)) => {
            let by = view.find(&TOTP_STEPS, &layout::account(id))?.unwrap_or_default();
            let this = |spent: &SpentStep| spent.step == *step && spent.operation == attempt.operation;
            (by.iter().any(|spent| *step <= spent.step), by.iter().any(this))
        }
    };
    Ok(match (spent, by_this) {
        (false, _) => Spent::No,
        (true, true) => Spent::ByThis,
        (true, false) => Spent::ByAnother,
    })
}

fn use_up(batch: &mut Batch, attempt: &Attempt, id: AccountId, spend: &Spend) -> Result<(), StoreError> {
    match spend {
        Spend::Code { digest, keep } => {
            let until = seconds_on(attempt.now, *keep);
            batch.put_until(&SPENT_CODES, &layout::spent_code(id, digest), &attempt.operation, until)
        }
        Spend::TotpStep(step) => {
            let key = layout::account(id);
            let mut steps = batch.find(&TOTP_STEPS, &key)?.unwrap_or_default();
            steps.insert(0, SpentStep { step: *step, operation: attempt.operation.clone() });
            steps.truncate(2);
            batch.put(&TOTP_STEPS, &key, &steps)
        }
    }
}

/// Does what an accepted attempt changes.
fn apply(batch: &mut Batch, id: AccountId, write: &AccountWrite, now: DateTime<Utc>) -> Result<(), StoreError> {
    if let Some(account) = &write.account {
        accounts::write(batch, account)?;
    }
    if let Some(change) = &write.change {
        accounts::add_change(batch, id, change)?;
    }
    if let Some(session) = &write.open_session {
        sessions::open(batch, session)?;
    }
    if let Some((session, factor)) = &write.proved {
        sessions::prove(batch, id, session, *factor, now)?;
    }
    match &write.end_sessions {
        Some(EndSessions::AllBut(keep)) => sessions::end_others(batch, id, Some(keep))?,
        Some(EndSessions::All) => sessions::end_others(batch, id, None)?,
        None => {}
    }
    match &write.send {
        Some(budget) => sends::count(batch, &Subject::Account(id), budget, millis(now)),
        None => Ok(()),
    }
}

fn seconds_on(now: DateTime<Utc>, seconds: u64) -> u64 {
    millis(now).saturating_add(seconds.saturating_mul(1_000))
}
