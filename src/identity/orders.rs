use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Account, AccountId, EmailFactor, Factor, Factors, Policy, RecoveryCodes, SurfaceName, TotpFactor};

/// What an administrator lets accounts do about second factors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MfaSetting {
    /// These may be turned on; an email code, which needs no enrolment, is on at once. At least one, each once: see
    /// [`MfaSetting::allowed`].
    Allowed(Vec<Factor>),
    /// None is asked for, and none may be turned on.
    Disallowed,
}

impl MfaSetting {
    /// These factors, if there is one at least, and each once.
    pub fn allowed(factors: Vec<Factor>) -> Option<Self> {
        let different: BTreeSet<&Factor> = factors.iter().collect();
        (!factors.is_empty() && different.len() == factors.len()).then_some(MfaSetting::Allowed(factors))
    }

    fn allows(&self, factor: Factor) -> bool {
        match self {
            MfaSetting::Allowed(factors) => factors.contains(&factor),
            MfaSetting::Disallowed => false,
        }
    }
}

/// What administrators have ordered of everybody: one small record, however many accounts there are. An account that is
/// behind it is carried along when it is next touched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MfaOrders {
    /// Grows with every order.
    pub serial: u64,
    /// The last order to every account that there was then, and its serial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all: Option<(u64, MfaSetting)>,
    /// Who gave that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<AccountId>,
    /// What accounts begin with that are made from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<MfaSetting>,
}

/// The last order that an account has heard of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountOrder {
    /// Of the order, or of the last one to all before it.
    pub serial: u64,
    /// What an order to selected accounts goes by, which has no serial of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// Who gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<AccountId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setting: Option<MfaSetting>,
    /// Whether its factors are as ordered: that is seen to once, and what the owner does afterwards stands.
    pub carried_out: bool,
}

/// What was on when it was disallowed, kept for the day when it is allowed again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Suspended {
    #[serde(default)]
    pub factors: Factors,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<RecoveryCodes>,
}

/// Factors that went on (`true`) or off.
pub type Switched = Vec<(Factor, bool)>;

impl MfaOrders {
    /// An order to every account that there is.
    #[must_use]
    pub fn for_all(&self, by: AccountId, setting: MfaSetting, now: DateTime<Utc>) -> Self {
        let serial = self.next_serial(now);
        MfaOrders { serial, all: Some((serial, setting)), by: Some(by), default: self.default.clone() }
    }

    /// An order for the accounts that are made from now on.
    #[must_use]
    pub fn for_newcomers(&self, setting: MfaSetting, now: DateTime<Utc>) -> Self {
        MfaOrders { serial: self.next_serial(now), default: Some(setting), ..self.clone() }
    }

    /// The milliseconds of its time, as long as they grow: a serial that a failover has lost is not given out again.
    fn next_serial(&self, now: DateTime<Utc>) -> u64 {
        (self.serial + 1).max(u64::try_from(now.timestamp_millis()).unwrap_or(0))
    }

    /// What an account begins with that is made now: orders to all were to those before it.
    pub fn of_newcomer(&self) -> Option<AccountOrder> {
        let (serial, setting) = (self.serial, self.default.clone());
        let carried_out = setting.is_none();
        (serial > 0).then_some(AccountOrder { serial, number: None, by: None, setting, carried_out })
    }

    /// An order to selected accounts, newer than any that they may have heard of.
    pub fn to_some(&self, by: AccountId, number: u64, setting: MfaSetting) -> AccountOrder {
        let (number, by) = (Some(number), Some(by));
        AccountOrder { serial: self.serial, number, by, setting: Some(setting), carried_out: false }
    }

    /// The order that counts for the account: the newer one of its own and the one to all.
    pub fn in_force(&self, account: &Account) -> Option<AccountOrder> {
        let heard = account.order.as_ref().map_or(0, |order| order.serial);
        match &self.all {
            Some((serial, setting)) if *serial > heard => {
                let setting = Some(setting.clone());
                Some(AccountOrder { serial: *serial, number: None, by: self.by, setting, carried_out: false })
            }
            _ => account.order.clone(),
        }
    }

    /// The account as ordered, with the factors that go on and off by it; `None` when it is so already. A new revision
    /// is for the caller to begin.
    pub fn carried_out(&self, account: &Account, policy: &Policy, now: DateTime<Utc>) -> Option<(Account, Switched)> {
        let order = self.in_force(account);
        let is_news = order.as_ref().is_some_and(|order| !order.carried_out);
        if !is_news && account.suspended.is_none() {
            return None;
        }
        let mut next = account.clone();
        if let (true, Some(order)) = (is_news, &order) {
            match &order.setting {
                Some(MfaSetting::Disallowed) => {
                    next.suspend(|factor| !policy.requires(account, factor) && account.may_be_ordered_off(factor));
                }
                Some(MfaSetting::Allowed(factors)) => {
                    next.restore(|factor| factors.contains(&factor));
                    let email = factors.contains(&Factor::Email) && policy.permits(account, Factor::Email);
                    if email && !next.has(Factor::Email) {
                        next.mail_codes(now);
                    }
                }
                None => {}
            }
            next.order = Some(AccountOrder { carried_out: true, ..order.clone() });
        }
        // No panel weakens the configuration: what that asks for by now comes back, rather than being enrolled anew.
        next.restore(|factor| policy.requires(account, factor));
        let was = |factor: &Factor| account.has(*factor) != next.has(*factor);
        let switched: Switched = Factor::ALL.into_iter().filter(was).map(|factor| (factor, next.has(factor))).collect();
        if !switched.is_empty() {
            next.factors_since = Some(now);
            next.begin_epoch();
        }
        (next != *account).then_some((next, switched))
    }
}

impl AccountOrder {
    /// What the order goes by in events.
    pub fn shown(&self) -> String {
        self.number.unwrap_or(self.serial).to_string()
    }
}

impl Account {
    /// Whether nothing is on but codes by email that an order of the account's own has turned on.
    pub fn is_bare_but_for_its_own_order(&self) -> bool {
        let ordered = self.factors.email.as_ref().is_none_or(|email| email.by_order);
        let by_itself = self.order.as_ref().is_some_and(|order| order.by == Some(self.id));
        ordered && by_itself && !self.has(Factor::Google) && !self.has(Factor::Sms)
    }

    /// Whether the order that the account is under lets it turn the factor on.
    pub(super) fn is_allowed(&self, factor: Factor) -> bool {
        let setting = self.order.as_ref().and_then(|order| order.setting.as_ref());
        setting.is_none_or(|setting| setting.allows(factor))
    }

    /// Whether an order may put the factor aside: an authenticator's own policy may keep the panel from it.
    fn may_be_ordered_off(&self, factor: Factor) -> bool {
        let google = self.factors.google.as_ref().filter(|_| factor == Factor::Google);
        google.is_none_or(|google| google.is_open_to(SurfaceName::Navixy))
    }

    /// Whether the factor is kept, but off by order.
    pub fn is_suspended(&self, factor: Factor) -> bool {
        self.suspended.as_ref().is_some_and(|suspended| suspended.factors.has(factor))
    }

    /// The authenticator that the account keeps a secret of, be it on or suspended; never both.
    pub fn authenticator(&self) -> Option<&TotpFactor> {
        let suspended = || self.suspended.as_ref().and_then(|suspended| suspended.factors.google.as_ref());
        self.factors.google.as_ref().or_else(suspended)
    }

    /// As [`Self::authenticator`], to be sealed anew.
    pub fn authenticator_mut(&mut self) -> Option<&mut TotpFactor> {
        let suspended = self.suspended.as_mut().and_then(|suspended| suspended.factors.google.as_mut());
        self.factors.google.as_mut().or(suspended)
    }

    /// Puts what is on of these factors aside, as it was where the account comes from.
    pub fn put_aside(&mut self, factors: &[Factor]) {
        self.suspend(|factor| factors.contains(&factor));
    }

    /// Forgets what is suspended of the factor; with the last one, the recovery codes.
    pub fn forget_suspended(&mut self, factor: Factor) {
        if let Some(mut suspended) = self.suspended.take() {
            suspended.factors.take(factor, &mut Factors::default());
            self.suspended = Some(suspended).filter(|suspended| suspended.factors != Factors::default());
        }
    }

    /// Puts the factors that are on and `wanted` aside, and, with the last one, the recovery codes. What stood in for the
    /// password still does when they come back.
    fn suspend(&mut self, wanted: impl Fn(Factor) -> bool) {
        let on: Vec<Factor> = self.enabled().into_iter().filter(|factor| wanted(*factor)).collect();
        if on.is_empty() {
            return;
        }
        let mut suspended = self.suspended.take().unwrap_or_default();
        on.into_iter().for_each(|factor| self.factors.take(factor, &mut suspended.factors));
        if self.enabled().is_empty() {
            suspended.recovery = self.recovery.take().or(suspended.recovery);
        }
        self.suspended = Some(suspended);
    }

    /// Turns the suspended factors on again that are `wanted`.
    fn restore(&mut self, wanted: impl Fn(Factor) -> bool) {
        let Some(mut suspended) = self.suspended.take() else { return };
        for factor in Factor::ALL {
            if suspended.factors.has(factor) && wanted(factor) {
                suspended.factors.take(factor, &mut self.factors);
            }
        }
        self.suspended = Some(suspended);
        self.recover_codes();
    }

    /// The recovery codes that were put aside come back as soon as they can stand in for something.
    fn recover_codes(&mut self) {
        let is_on = !self.enabled().is_empty();
        if let Some(mut suspended) = self.suspended.take() {
            if is_on && self.recovery.is_none() {
                self.recovery = suspended.recovery.take();
            }
            self.suspended = Some(suspended).filter(|suspended| suspended.factors != Factors::default());
        }
    }

    /// Codes by email are on from now on, by order. A password that was set by such a code stays so, unless nothing else
    /// would be left to sign in with.
    fn mail_codes(&mut self, now: DateTime<Utc>) {
        let bare = self.enabled().is_empty() && self.suspended.is_none();
        if bare && self.stood_in == Some(Factor::Email) {
            self.stood_in = None;
        }
        self.factors.email = Some(EmailFactor { since: now, by_order: true });
        self.recover_codes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{Device, Enrolled, Keys, MfaPolicy, Phone, REMEMBER, RecoveryCode, SmsFactor};

    const ALLOWED: fn(&[Factor]) -> MfaSetting = |factors| MfaSetting::allowed(factors.to_vec()).unwrap();

    #[test]
    fn what_is_allowed_is_something_and_each_once() {
        assert_eq!(MfaSetting::allowed(vec![Factor::Sms]), Some(MfaSetting::Allowed(vec![Factor::Sms])));
        for none in [vec![], vec![Factor::Sms, Factor::Email, Factor::Sms]] {
            assert_eq!(MfaSetting::allowed(none), None);
        }
    }

    fn now() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + chrono::TimeDelta::days(20_000)
    }

    fn bare() -> Account {
        let account = serde_json::json!({
            "id": 7, "revision": 1, "email": "ann@example.com", "created_at": now(), "updated_at": now(),
        });
        serde_json::from_value(account).unwrap()
    }

    /// With these on, recovery codes, and a remembered device.
    fn with(factors: &[Factor]) -> Account {
        let keys = Keys::from_master([1; 32]);
        let mut account = bare();
        for factor in factors {
            account.turn_on(match factor {
                Factor::Google => {
                    let secret = keys.seal(b"seed", &["test"], [7; 24]);
                    Enrolled::Google(TotpFactor { secret, since: now(), scheme: None })
                }
                Factor::Sms => Enrolled::Sms(SmsFactor { phone: Phone::parse("+420601123456").unwrap(), since: now() }),
                Factor::Email => Enrolled::Email(EmailFactor::since(now())),
            });
        }
        let codes = [RecoveryCode::from_random([1; 7])];
        account.recovery = Some(RecoveryCodes::of(&codes, &keys, AccountId(7), now()));
        account.devices = vec![Device {
            series: "s".to_owned(),
            counter: 0,
            created_at: now(),
            used_at: now(),
            expires_at: now() + chrono::TimeDelta::days(1),
            name: None,
        }];
        account
    }

    fn requiring(factors: &[Factor]) -> Policy {
        let policy = MfaPolicy {
            groups: BTreeSet::new(),
            required: factors.to_vec(),
            allowed: Factor::ALL.to_vec(),
            grace: 0,
            since: None,
            remember: REMEMBER,
        };
        Policy { mfa: vec![policy], ..Policy::default() }
    }

    /// What becomes of the account under one more order to all, and what goes on and off.
    fn after(orders: &mut MfaOrders, account: &Account, setting: MfaSetting, policy: &Policy) -> (Account, Switched) {
        *orders = orders.for_all(AccountId(7), setting, now());
        let (next, switched) = orders.carried_out(account, policy, now()).unwrap();
        assert_eq!(orders.carried_out(&next, policy, now()), None, "once");
        (next, switched)
    }

    #[test]
    fn nobody_is_behind_before_there_is_an_order() {
        assert_eq!(MfaOrders::default().carried_out(&with(&Factor::ALL), &Policy::default(), now()), None);
        assert_eq!(MfaOrders::default().of_newcomer(), None);
    }

    #[test]
    fn what_is_disallowed_is_off_and_comes_back_as_it_was() {
        let (mut orders, policy, before) = (MfaOrders::default(), Policy::default(), with(&Factor::ALL));
        let (off, switched) = after(&mut orders, &before, MfaSetting::Disallowed, &policy);
        assert_eq!(switched, Factor::ALL.map(|factor| (factor, false)));
        assert_eq!((off.enabled(), &off.recovery, off.devices.len()), (vec![], &None, 0));
        assert_eq!(off.epoch, before.epoch + 1);
        assert_eq!(policy.allowed_factors(&off), []);
        assert_eq!(policy.due_factors(&off, now()), []);
        let (on, switched) = after(&mut orders, &off, ALLOWED(&Factor::ALL), &policy);
        assert_eq!(switched, Factor::ALL.map(|factor| (factor, true)));
        assert_eq!((&on.factors, &on.recovery, &on.suspended), (&before.factors, &before.recovery, &None));
        assert_eq!(on.epoch, before.epoch + 2, "what was proved before counts no more");
    }

    #[test]
    fn only_what_is_listed_comes_back_and_may_be_turned_on() {
        let (mut orders, policy) = (MfaOrders::default(), Policy::default());
        let (off, _) = after(&mut orders, &with(&[Factor::Google, Factor::Sms]), MfaSetting::Disallowed, &policy);
        let (on, switched) = after(&mut orders, &off, ALLOWED(&[Factor::Sms]), &policy);
        assert_eq!(switched, [(Factor::Sms, true)]);
        assert!(on.is_suspended(Factor::Google) && on.recovery.is_some());
        assert_eq!(policy.allowed_factors(&on), [Factor::Sms]);
        let (all, switched) = after(&mut orders, &on, ALLOWED(&[Factor::Google]), &policy);
        assert_eq!(switched, [(Factor::Google, true)], "what is on and not listed stays on");
        assert_eq!((all.enabled(), all.suspended), (vec![Factor::Google, Factor::Sms], None));
    }

    #[test]
    fn email_goes_on_at_once_and_what_the_owner_turns_off_stays_off() {
        let (mut orders, policy) = (MfaOrders::default(), Policy::default());
        let (mut on, switched) = after(&mut orders, &bare(), ALLOWED(&[Factor::Email]), &policy);
        assert_eq!((on.enabled(), switched), (vec![Factor::Email], vec![(Factor::Email, true)]));
        assert_eq!(on.factors.email, Some(EmailFactor { since: now(), by_order: true }));
        on.turn_off(Factor::Email, now());
        assert_eq!(orders.carried_out(&on, &policy, now()), None);
        let (_, switched) = after(&mut orders, &on, ALLOWED(&[Factor::Email]), &policy);
        assert_eq!(switched, [(Factor::Email, true)], "said once more, it is done once more");
        let strict = MfaPolicy { allowed: vec![Factor::Google], ..requiring(&[]).mfa.remove(0) };
        let strict = Policy { mfa: vec![strict], ..Policy::default() };
        let (on, switched) = after(&mut orders, &bare(), ALLOWED(&Factor::ALL), &strict);
        assert_eq!((switched, strict.allowed_factors(&on)), (vec![], vec![Factor::Google]));
    }

    #[test]
    fn the_newer_one_of_the_own_order_and_the_one_to_all_counts() {
        let policy = Policy::default();
        let first = MfaOrders::default().for_all(AccountId(7), MfaSetting::Disallowed, now());
        let own = Account { order: Some(first.to_some(AccountId(1), 1, ALLOWED(&[Factor::Email]))), ..bare() };
        let (own, _) = first.carried_out(&own, &policy, now()).unwrap();
        assert_eq!(own.enabled(), [Factor::Email]);
        let second = first.for_all(AccountId(7), MfaSetting::Disallowed, now());
        assert!(second.serial > first.serial);
        assert_eq!(second.carried_out(&own, &policy, now()).unwrap().0.enabled(), []);
        let late = Account { order: first.of_newcomer(), ..bare() };
        assert_eq!(first.carried_out(&late, &policy, now()), None, "made after the order to all");
    }

    #[test]
    fn newcomers_begin_as_the_default_says() {
        let orders = MfaOrders::default().for_newcomers(ALLOWED(&[Factor::Email]), now());
        let policy = Policy::default();
        assert_eq!(orders.carried_out(&bare(), &policy, now()), None, "not for those who are there");
        let newcomer = Account { order: orders.of_newcomer(), ..bare() };
        assert_eq!(orders.carried_out(&newcomer, &policy, now()).unwrap().0.enabled(), [Factor::Email]);
        let all = orders.for_all(AccountId(7), MfaSetting::Disallowed, now());
        assert_eq!(all.default, orders.default);
        assert_eq!(all.carried_out(&newcomer, &policy, now()).unwrap().0.enabled(), []);
    }

    #[test]
    fn an_order_does_not_weaken_the_configuration() {
        let policy = requiring(&[Factor::Google]);
        let mut orders = MfaOrders::default();
        let (on, switched) = after(&mut orders, &with(&Factor::ALL), MfaSetting::Disallowed, &policy);
        assert_eq!(switched, [(Factor::Sms, false), (Factor::Email, false)]);
        assert!(on.has(Factor::Google) && on.recovery.is_some());
        let (none, _) = after(&mut orders, &bare(), MfaSetting::Disallowed, &policy);
        assert_eq!(policy.due_factors(&none, now()), [Factor::Google]);
        assert_eq!(policy.allowed_factors(&none), [Factor::Google]);
    }

    #[test]
    fn what_the_configuration_asks_for_later_comes_back() {
        let mut orders = MfaOrders::default();
        let (off, _) =
            after(&mut orders, &with(&[Factor::Google, Factor::Sms]), MfaSetting::Disallowed, &Policy::default());
        let (on, switched) = orders.carried_out(&off, &requiring(&[Factor::Google]), now()).unwrap();
        assert_eq!(switched, [(Factor::Google, true)]);
        assert!(on.recovery.is_some() && on.is_suspended(Factor::Sms));
    }

    #[test]
    fn what_stood_in_for_the_password_is_no_second_factor_by_order() {
        let (mut orders, policy) = (MfaOrders::default(), Policy::default());
        let reset = |factors: &[Factor]| Account { stood_in: Some(Factor::Email), ..with(factors) };
        let (off, _) = after(&mut orders, &reset(&[Factor::Email]), MfaSetting::Disallowed, &policy);
        let (on, _) = after(&mut orders, &off, ALLOWED(&[Factor::Email]), &policy);
        assert_eq!(on.second_factors(), [], "off and on again is not enrolled anew");
        let (beside, _) = after(&mut orders, &reset(&[Factor::Google]), ALLOWED(&[Factor::Email]), &policy);
        assert_eq!(beside.second_factors(), [Factor::Google], "no way around the authenticator");
        let (alone, _) = after(&mut orders, &reset(&[]), ALLOWED(&[Factor::Email]), &policy);
        assert_eq!(alone.second_factors(), [Factor::Email], "nobody is locked out");
    }

    #[test]
    fn what_is_enrolled_anew_or_reset_is_not_kept() {
        let (mut orders, policy) = (MfaOrders::default(), Policy::default());
        let (off, _) = after(&mut orders, &with(&[Factor::Sms, Factor::Email]), MfaSetting::Disallowed, &policy);
        let mut anew = off.clone();
        anew.turn_on(Enrolled::Email(EmailFactor::since(now())));
        assert!(anew.is_suspended(Factor::Sms) && !anew.is_suspended(Factor::Email));
        let mut reset = off;
        reset.turn_off(Factor::Sms, now());
        assert!(!reset.is_suspended(Factor::Sms) && reset.suspended.as_ref().unwrap().recovery.is_some());
        reset.turn_off(Factor::Email, now());
        assert_eq!(reset.suspended, None, "no recovery code stands in for nothing");
    }

    #[test]
    fn a_serial_is_never_given_twice() {
        let orders = MfaOrders { serial: u64::MAX / 2, ..MfaOrders::default() };
        assert_eq!(orders.for_all(AccountId(7), MfaSetting::Disallowed, now()).serial, orders.serial + 1);
        let lost = MfaOrders::default().for_all(AccountId(7), MfaSetting::Disallowed, now());
        let later =
            MfaOrders::default().for_all(AccountId(7), MfaSetting::Disallowed, now() + chrono::TimeDelta::seconds(1));
        assert!(later.serial > lost.serial);
    }

    #[test]
    fn an_order_is_kept_in_the_words_of_its_record() {
        let orders = MfaOrders {
            serial: 7,
            all: Some((7, MfaSetting::Disallowed)),
            by: None,
            default: Some(ALLOWED(&[Factor::Email])),
        };
        let json = r#"{"serial":7,"all":[7,"disallowed"],"default":{"allowed":["email"]}}"#;
        assert_eq!(serde_json::to_string(&orders).unwrap(), json);
        assert_eq!(serde_json::from_str::<MfaOrders>(json).unwrap(), orders);
    }
}
