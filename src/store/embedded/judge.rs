//! The judgement on an attempt, by the rules and in the order that [`Attempt`] gives.

use chrono::{DateTime, Utc};

use crate::engine::ports::{AccountWrite, Attempt, Door, EndSessions, Spend, StoreError, Subject, Verdict};
use crate::identity::{AccountId, Tally};

use super::batch::Batch;
use super::layout::{
    self, Doors, FOREVER, SPENT_CODES, SpentStep, TALLIES, TOTP_STEPS, TRIES, deadline_of, decode, millis, time,
};
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
    let is_token = matches!(attempt.spend, Some(Spend::Token { .. }));
    if let Some(until) = { bench.doors }.at(attempt.door).blocked(bench.now).filter(|_| !is_token) {
        return Ok(Verdict::Blocked { until: time(until) });
    }
    if attempt.tries.as_ref().is_some_and(|tries| bench.tried >= tries.limit) {
        return Ok(Verdict::Exhausted);
    }
    if let Some(account) = account.filter(|account| attempt.revision.is_some_and(|seen| seen != account.revision)) {
        return Ok(Verdict::Stale(Box::new(account)));
    }
    if attempt.right == Some(false) {
        return bench.wrong(batch, attempt);
    }
    if bench.spent == Spent::ByAnother && is_token {
        return Ok(Verdict::Spent { left: 0, blocked_until: None });
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
    bench.accept(batch, attempt)?;
    Ok(Verdict::Accepted)
}

/// Does `write` on the account as it was decided upon, whatever is counted on it.
pub fn write(
    batch: &mut Batch,
    id: AccountId,
    revision: u64,
    write: &AccountWrite,
    now: DateTime<Utc>,
) -> Result<Verdict, StoreError> {
    match accounts::load(batch, id)? {
        None => Ok(Verdict::Gone),
        Some(account) if account.revision != revision => Ok(Verdict::Stale(Box::new(account))),
        Some(_) => apply(batch, &Subject::Account(id), write, now).map(|()| Verdict::Accepted),
    }
}

/// What an attempt is judged by.
struct Bench {
    now: u64,
    doors: Doors,
    /// When the failures of a name may be forgotten, in Unix milliseconds; those of an account never.
    kept: u64,
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
        let found = view.bytes(TALLIES.table(), &layout::subject(&attempt.subject))?;
        let kept = match (&attempt.subject, &found) {
            (Subject::Account(_), _) => FOREVER,
            (Subject::Name(_), Some(found)) => deadline_of(found),
            (Subject::Name(_), None) => 0,
        };
        let doors = found.map(|found| decode(TALLIES.name, &found)).transpose()?.unwrap_or_default();
        let tried = match &attempt.tries {
            Some(tries) => view.find_living(&TRIES, &layout::tries(&attempt.subject, tries.wizard), now)?.unwrap_or(0),
            None => 0,
        };
        Ok(Bench { now, doors, kept, tried, spent: spent(view, attempt, now)? })
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
        let kept = self.kept.max(forget_at(tally, &attempt.ladder, self.now));
        batch.put_until(&TALLIES, &layout::subject(&attempt.subject), &self.doors, kept)?;
        let blocked_until = allowance.blocked_until.map(time);
        let Some(tries) = &attempt.tries else {
            return Ok(Counted { left: allowance.left, blocked_until, exhausted: false });
        };
        let (tried, until) = (self.tried.saturating_add(1), seconds_on(attempt.now, tries.keep));
        batch.put_until(&TRIES, &layout::tries(&attempt.subject, tries.wizard), &tried, until)?;
        let guesses = tries.limit.saturating_sub(tried);
        Ok(Counted { left: allowance.left.min(guesses), blocked_until, exhausted: guesses == 0 })
    }

    fn accept(mut self, batch: &mut Batch, attempt: &Attempt) -> Result<(), StoreError> {
        let tally = self.doors.at(attempt.door);
        if attempt.right == Some(true) && *tally != Tally::default() {
            tally.succeed();
            batch.put_until(&TALLIES, &layout::subject(&attempt.subject), &self.doors, self.kept)?;
        }
        if let Some(spend) = &attempt.spend {
            use_up(batch, attempt, spend)?;
        }
        apply(batch, &attempt.subject, &attempt.write, attempt.now)
    }
}

struct Counted {
    left: u32,
    blocked_until: Option<DateTime<Utc>>,
    exhausted: bool,
}

fn spent(view: &impl View, attempt: &Attempt, now: u64) -> Result<Spent, StoreError> {
    let (spent, by_this) = match &attempt.spend {
        None => (false, false),
        Some(Spend::Code { digest, .. } | Spend::Token { digest, .. }) => {
            let by = view.find_living(&SPENT_CODES, &layout::spent_code(&attempt.subject, digest), now)?;
            (by.is_some(), by.is_some_and(|operation| operation == attempt.operation))
        }
        Some(Spend::TotpStep(step)) => {
            let by = view.find(&TOTP_STEPS, &layout::subject(&attempt.subject))?.unwrap_or_default();
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

fn use_up(batch: &mut Batch, attempt: &Attempt, spend: &Spend) -> Result<(), StoreError> {
    match spend {
        Spend::Code { digest, keep } | Spend::Token { digest, keep } => {
            let until = seconds_on(attempt.now, *keep);
            batch.put_until(&SPENT_CODES, &layout::spent_code(&attempt.subject, digest), &attempt.operation, until)
        }
        Spend::TotpStep(step) => {
            let key = layout::subject(&attempt.subject);
            let mut steps = batch.find(&TOTP_STEPS, &key)?.unwrap_or_default();
            steps.insert(0, SpentStep { step: *step, operation: attempt.operation.clone() });
            steps.truncate(2);
            batch.put(&TOTP_STEPS, &key, &steps)
        }
    }
}

/// Does what an accepted attempt changes. A name has no record; what it can have is sends.
fn apply(batch: &mut Batch, of: &Subject, write: &AccountWrite, now: DateTime<Utc>) -> Result<(), StoreError> {
    if let Subject::Account(id) = of {
        apply_to_account(batch, *id, write, now)?;
    }
    match &write.send {
        Some(budget) => sends::count(batch, of, budget, millis(now)),
        None => Ok(()),
    }
}

fn apply_to_account(
    batch: &mut Batch,
    id: AccountId,
    write: &AccountWrite,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if let Some(account) = &write.account {
        accounts::write(batch, account)?;
    }
    for change in &write.changes {
        accounts::add_change(batch, id, change)?;
    }
    if let Some(session) = &write.open_session {
        sessions::open(batch, session)?;
    }
    if let Some((session, factor)) = &write.proved {
        sessions::prove(batch, id, session, *factor, now)?;
    }
    match &write.end_sessions {
        Some(EndSessions::AllBut(keep)) => sessions::end_others(batch, id, Some(keep)),
        Some(EndSessions::All) => sessions::end_others(batch, id, None),
        None => Ok(()),
    }
}

fn seconds_on(now: DateTime<Utc>, seconds: u64) -> u64 {
    millis(now).saturating_add(seconds.saturating_mul(1_000))
}
