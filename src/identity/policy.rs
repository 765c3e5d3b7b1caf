use chrono::{DateTime, TimeDelta, Utc};

use super::{Code, Ladder, MfaPolicy, NameRules, Totp};

/// The numbers that every decision about a person is made with. All of them come from the configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Digits in an SMS or email code, 4 to 9.
    pub code_digits: u8,
    /// Seconds that an SMS or email code lives.
    pub code_lifetime: u64,
    /// Wrong guesses at codes that one wizard is given, over all its resends.
    pub code_tries: u32,
    /// Codes that one wizard may send.
    pub sends_per_wizard: u32,
    /// Seconds to wait before each resend; the last one holds for all further ones.
    pub resend_after: Vec<u64>,
    /// Codes that may be sent for one account on one channel: (seconds, sends), each window on its own.
    pub sends_per_account: Vec<(u64, u32)>,
    /// Failed passwords, per account.
    pub first_factor: Ladder,
    /// Failed codes of any kind, per account, on all surfaces together.
    pub second_factor: Ladder,
    /// Failed passwords, per client address.
    pub address: Ladder,
    /// Phone prefixes that SMS may go to, such as `+420`; empty allows all.
    pub allowed_prefixes: Vec<String>,
    pub totp: Totp,
    /// The issuer that authenticator apps show.
    pub issuer: String,
    pub names: NameRules,
    /// What is asked of the second factors, by account group.
    pub mfa: Vec<MfaPolicy>,
    /// Seconds after which a factor that was proved in a session does not count as fresh any more.
    pub step_up: u64,
    /// Numbers and addresses of testers, whose code is fixed and never sent; in dev mode only.
    pub testers: Vec<Tester>,
}

/// A number or an address whose codes are fixed, until a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tester {
    /// A phone number in E.164, or an email address, as accounts hold it.
    pub to: String,
    pub code: super::Secret,
    /// The moment from which it is over; at most a year ahead, before it does not hold either.
    pub until: DateTime<Utc>,
}

impl Tester {
    /// The longest that a fixed code can hold.
    const LONGEST: TimeDelta = TimeDelta::days(366);

    fn holds(&self, now: DateTime<Utc>) -> bool {
        now < self.until && self.until - now <= Tester::LONGEST
    }
}

impl Default for Policy {
    fn default() -> Self {
        const MINUTE: u64 = 60_000;
        Policy {
            code_digits: 6,
            code_lifetime: 300,
            code_tries: 5,
            sends_per_wizard: 5,
            resend_after: vec![30, 60, 120, 240],
            sends_per_account: vec![(3_600, 20), (86_400, 60)],
            first_factor: Ladder { limit: 5, window: MINUTE, block: 10 * MINUTE, longest: 60 * MINUTE },
            second_factor: Ladder { limit: 10, window: 0, block: 15 * MINUTE, longest: 24 * 60 * MINUTE },
            address: Ladder { limit: 5, window: MINUTE, block: 10 * MINUTE, longest: 60 * MINUTE },
            allowed_prefixes: Vec::new(),
            totp: Totp::default(),
            issuer: "Stepgate".to_owned(),
            names: NameRules::default(),
            mfa: Vec::new(),
            step_up: 900,
            testers: Vec::new(),
        }
    }
}

impl Policy {
    /// Seconds to wait after the `sent`th code of a wizard (1 and up) before the next one may be sent.
    pub fn cooldown(&self, sent: u32) -> u64 {
        let rung = (sent.max(1) as usize - 1).min(self.resend_after.len().saturating_sub(1));
        self.resend_after.get(rung).copied().unwrap_or(0)
    }

    /// The fixed code of this number or address, if it has one that holds now.
    pub fn fixed_code(&self, to: &str, now: DateTime<Utc>) -> Option<Code> {
        let tester = self.testers.iter().find(|tester| tester.to == to && tester.holds(now))?;
        Code::parse(tester.code.expose(), self.code_digits).ok()
    }

    /// Whether an SMS may go to this number at all.
    pub fn allows_phone(&self, phone: &super::Phone) -> bool {
        self.allowed_prefixes.is_empty()
            || self.allowed_prefixes.iter().any(|prefix| phone.as_str().starts_with(prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resend_ladder_ends_on_its_last_rung() {
        let policy = Policy::default();
        let waits: Vec<u64> = (1..=6).map(|sent| policy.cooldown(sent)).collect();
        assert_eq!(waits, [30, 60, 120, 240, 240, 240]);
    }

    #[test]
    fn a_fixed_code_holds_for_its_recipient_and_until_its_day_is_over() {
        let until = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let tester = Tester { to: "+420601000000".into(), code: super::super::Secret::new("123456"), until };
        let policy = Policy { testers: vec![tester], ..Policy::default() };
        let fixed = |to: &str, now| policy.fixed_code(to, now).map(|code| code.expose().to_owned());
        let now = until - TimeDelta::seconds(1);
        assert_eq!(fixed("+420601000000", now).as_deref(), Some("123456"));
        assert_eq!(fixed("+420601000001", now), None);
        assert_eq!(fixed("+420601000000", until), None);
        assert_eq!(fixed("+420601000000", until - TimeDelta::days(367)), None, "more than a year ahead");
    }
}
