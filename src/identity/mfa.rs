use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Account, Device, Factor, Policy};

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
        let grace = i64::try_from(self.grace).ok().and_then(TimeDelta::try_seconds);
        let end = grace.and_then(|grace| start.checked_add_signed(grace));
        let is_graced = end.is_none_or(|end| now < end);
        let is_on = |factor: &Factor| account.has(*factor) || fresh.contains(factor);
        self.required.is_empty() || self.required.iter().any(is_on) || is_graced
    }
}

/// How long a device is remembered where no policy says otherwise: 30 days, in seconds.
pub const REMEMBER: u64 = 30 * 86_400;

impl Policy {
    fn mfa_for<'a>(&'a self, account: &'a Account) -> impl Iterator<Item = &'a MfaPolicy> {
        self.mfa.iter().filter(|policy| policy.is_for(account))
    }

    /// The factors that the account may turn on: those that every policy of its groups allows, and that the order which
    /// it is under allows or a policy requires.
    pub fn allowed_factors(&self, account: &Account) -> Vec<Factor> {
        let ordered = |factor| account.is_allowed(factor) || self.requires(account, factor);
        Factor::ALL.into_iter().filter(|factor| self.permits(account, *factor) && ordered(*factor)).collect()
    }

    /// Whether every policy of the account's groups allows the factor.
    pub(super) fn permits(&self, account: &Account, factor: Factor) -> bool {
        self.mfa_for(account).all(|policy| policy.allowed.contains(&factor))
    }

    /// Whether the factor is one of those by which the account meets a policy, in force already or announced.
    pub(super) fn requires(&self, account: &Account, factor: Factor) -> bool {
        self.mfa_for(account).any(|policy| policy.required.contains(&factor))
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

    /// The devices that stand in for the second factor: a policy that has become shorter holds for those of before.
    pub fn devices<'a>(&self, account: &'a Account, now: DateTime<Utc>) -> impl Iterator<Item = &'a Device> {
        let lifetime = TimeDelta::seconds(i64::try_from(self.remember_for(account)).unwrap_or(i64::MAX / 1_000));
        account.devices.iter().filter(move |device| device.is_live(now) && now - device.created_at < lifetime)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{EmailFactor, SmsFactor};

    const DAY: u64 = 86_400;

    fn at(day: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000 + day)
    }

    /// Made on day 0, in these groups.
    fn account(groups: &[&str]) -> Account {
        let account = serde_json::json!({
            "id": 7, "revision": 1, "email": "ann@example.com", "groups": groups, "created_at": at(0), "updated_at": at(0),
        });
        serde_json::from_value(account).unwrap()
    }

    fn requiring(factors: &[Factor]) -> MfaPolicy {
        MfaPolicy {
            groups: BTreeSet::new(),
            required: factors.to_vec(),
            allowed: Factor::ALL.to_vec(),
            grace: 0,
            since: None,
            remember: REMEMBER,
        }
    }

    fn policy(mfa: &[MfaPolicy]) -> Policy {
        Policy { mfa: mfa.to_vec(), ..Policy::default() }
    }

    fn of(groups: &[&str], policy: MfaPolicy) -> MfaPolicy {
        MfaPolicy { groups: groups.iter().map(|group| (*group).to_owned()).collect(), ..policy }
    }

    #[test]
    fn without_a_policy_everything_is_allowed_and_nothing_due() {
        let policy = policy(&[]);
        assert_eq!(policy.allowed_factors(&account(&[])), Factor::ALL);
        assert_eq!(policy.due_factors(&account(&[]), at(0)), []);
        assert_eq!(policy.remember_for(&account(&[])), REMEMBER);
    }

    #[test]
    fn a_policy_is_for_its_groups_or_for_everybody() {
        let staff = policy(&[of(&["staff", "admins"], requiring(&[Factor::Google]))]);
        assert_eq!(staff.due_factors(&account(&["staff", "cooks"]), at(1)), [Factor::Google]);
        assert_eq!(staff.due_factors(&account(&["cooks"]), at(1)), []);
        assert_eq!(staff.due_factors(&account(&[]), at(1)), []);
        let everybody = policy(&[requiring(&[Factor::Google, Factor::Sms])]);
        assert_eq!(everybody.due_factors(&account(&[]), at(1)), [Factor::Google, Factor::Sms]);
    }

    #[test]
    fn one_required_factor_is_enough_and_another_one_is_not() {
        let policy = policy(&[requiring(&[Factor::Google, Factor::Sms])]);
        let mut account = account(&[]);
        account.factors.email = Some(EmailFactor::since(at(0)));
        assert_eq!(policy.due_factors(&account, at(1)), [Factor::Google, Factor::Sms]);
        let phone = crate::identity::Phone::parse("+420601123456").unwrap();
        account.factors.sms = Some(SmsFactor { phone, since: at(0) });
        assert_eq!(policy.due_factors(&account, at(1)), []);
    }

    #[test]
    fn grace_runs_from_the_account_or_from_the_policy_whichever_is_later() {
        let seven = MfaPolicy { grace: 7 * DAY, ..requiring(&[Factor::Google]) };
        let due = |policy: &MfaPolicy, now| self::policy(std::slice::from_ref(policy)).due_factors(&account(&[]), now);
        assert_eq!(due(&seven, at(7) - TimeDelta::seconds(1)), []);
        assert_eq!(due(&seven, at(7)), [Factor::Google], "the last moment is over");
        let later = MfaPolicy { since: Some(at(30)), ..seven.clone() };
        assert_eq!(due(&later, at(36)), []);
        assert_eq!(due(&later, at(37)), [Factor::Google]);
        let long_ago = MfaPolicy { since: Some(at(-300)), ..seven };
        assert_eq!(due(&long_ago, at(6)), [], "an account made after the policy has its own grace");
        assert_eq!(due(&long_ago, at(7)), [Factor::Google]);
        let announced = MfaPolicy { since: Some(at(10)), grace: 0, ..requiring(&[Factor::Google]) };
        assert_eq!(due(&announced, at(9)), [], "not in force yet");
        let endless = MfaPolicy { grace: u64::MAX, ..requiring(&[Factor::Google]) };
        assert_eq!(due(&endless, at(100_000)), []);
    }

    #[test]
    fn several_policies_all_hold() {
        let first = MfaPolicy { allowed: vec![Factor::Google, Factor::Sms], remember: 5, ..requiring(&[Factor::Sms]) };
        let second = MfaPolicy {
            allowed: vec![Factor::Sms, Factor::Google],
            remember: 9,
            ..of(&["staff"], requiring(&[Factor::Google]))
        };
        let policy = policy(&[first, second]);
        let mut staff = account(&["staff"]);
        assert_eq!(policy.allowed_factors(&staff), [Factor::Google, Factor::Sms]);
        assert_eq!(policy.remember_for(&staff), 5);
        assert_eq!(policy.due_factors(&staff, at(1)), [Factor::Sms]);
        let phone = crate::identity::Phone::parse("+420601123456").unwrap();
        staff.factors.sms = Some(SmsFactor { phone, since: at(0) });
        assert_eq!(policy.due_factors(&staff, at(1)), [Factor::Google], "one after the other");
        assert_eq!(policy.due_factors(&account(&[]), at(1)), [Factor::Sms]);
    }

    #[test]
    fn policies_that_contradict_each_other_do_not_open_the_door() {
        let sms = MfaPolicy { allowed: vec![Factor::Sms], ..requiring(&[Factor::Sms]) };
        let google = MfaPolicy { allowed: vec![Factor::Google], ..of(&["staff"], requiring(&[Factor::Google])) };
        let policy = policy(&[sms, google]);
        let staff = account(&["staff"]);
        assert_eq!(policy.allowed_factors(&staff), []);
        assert_eq!(policy.due_factors(&staff, at(1)), [Factor::Sms]);
    }
}
