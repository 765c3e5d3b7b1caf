use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Account, Factor, Policy};

/// What the operator asks of some accounts' second factors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MfaPolicy {
    /// The groups that it is for; empty: every account.
    pub groups: BTreeSet<String>,
    /// At least one of these must be on; empty: none needs to be.
    pub required: Vec<Factor>,
    /// Those that may be turned on. What is on already stays on, and is asked for.
    pub allowed: Vec<Factor>,
    /// Seconds after the account was made (or after `since`, if that is later) in which `required` is not enforced.
    pub grace: u64,
    /// When the policy came into force.
    pub since: Option<DateTime<Utc>>,
    /// Seconds that a device is remembered; 0: never.
    pub remember: u64,
}

impl MfaPolicy {
    fn is_for(&self, account: &Account) -> bool {
        self.groups.is_empty() || !self.groups.is_disjoint(&account.groups)
    }

    fn is_met(&self, account: &Account, fresh: &[Factor], now: DateTime<Utc>) -> bool {
        let start = self.since.map_or(account.created_at, |since| since.max(account.created_at));
        let grace = TimeDelta::seconds(i64::try_from(self.grace).unwrap_or(i64::MAX / 1_000));
        let is_on = |factor: &Factor| account.has(*factor) || fresh.contains(factor);
        self.required.is_empty() || self.required.iter().any(is_on) || now < start + grace
    }
}

/// How long a device is remembered where no policy says otherwise: 30 days, in seconds.
pub const REMEMBER: u64 = 30 * 86_400;

impl Policy {
    fn mfa_for<'a>(&'a self, account: &'a Account) -> impl Iterator<Item = &'a MfaPolicy> {
        self.mfa.iter().filter(|policy| policy.is_for(account))
    }

    /// The factors that the account may turn on: those that every policy of its groups allows.
    pub fn allowed_factors(&self, account: &Account) -> Vec<Factor> {
        let allowed = |factor: &Factor| self.mfa_for(account).all(|policy| policy.allowed.contains(factor));
        Factor::ALL.into_iter().filter(allowed).collect()
    }

    /// The factors of which the account must turn one on before it is let in; empty when it need not. Each policy is
    /// to be met, one after the other.
    pub fn due_factors(&self, account: &Account, now: DateTime<Utc>) -> Vec<Factor> {
        self.due_beside(account, &[], now)
    }

    /// As [`Self::due_factors`], once the `fresh` ones will have been turned on.
    pub fn due_beside(&self, account: &Account, fresh: &[Factor], now: DateTime<Utc>) -> Vec<Factor> {
        let allowed = self.allowed_factors(account);
        let unmet = self.mfa_for(account).find(|policy| !policy.is_met(account, fresh, now));
        let Some(unmet) = unmet else { return Vec::new() };
        let due: Vec<Factor> = allowed.into_iter().filter(|factor| unmet.required.contains(factor)).collect();
        // Policies that contradict each other must not open the door: what is required then counts as allowed.
        if due.is_empty() { unmet.required.clone() } else { due }
    }

    /// Seconds that the account's devices are remembered: the shortest time of its policies.
    pub fn remember_for(&self, account: &Account) -> u64 {
        self.mfa_for(account).map(|policy| policy.remember).min().unwrap_or(REMEMBER)
    }
}
