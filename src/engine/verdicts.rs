use chrono::{DateTime, Utc};

use super::ports::Verdict;
use super::{Reason, Refused};

/// The refusal for a verdict other than accepted, at a door for codes; `wrong` is the reason for a wrong one.
pub(super) fn refused(verdict: &Verdict, wrong: Reason, now: DateTime<Utc>) -> Refused {
    match verdict {
        Verdict::Wrong { left, .. } => Refused::new(wrong).attempts_left(*left),
        Verdict::Spent { left, .. } => Refused::new(Reason::CodeUsed).attempts_left(*left),
        Verdict::Blocked { until } => Refused::new(Reason::AccountLocked).until(*until, now),
        Verdict::Exhausted => Refused::new(Reason::TooManyAttempts),
        Verdict::OverBudget { until } => Refused::new(Reason::TooManySends).until(*until, now),
        Verdict::Accepted | Verdict::Stale(_) | Verdict::Gone => Refused::new(Reason::WizardChanged),
    }
}
