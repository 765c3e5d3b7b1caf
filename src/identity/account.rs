use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    AccountOrder, Device, Email, Enrolled, Factor, Factors, Locale, LoginName, NameRules, Phone, RecoveryCodes, Sealed,
    Suspended, Username, WaitingTotp,
};

/// The number of an account: 1 and up, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(pub u64);

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for AccountId {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse::<u64>() {
            Ok(id) if id > 0 => Ok(AccountId(id)),
            _ => Err("must be a positive whole number"),
        }
    }
}

/// Somebody who can sign in.
///
/// `revision` grows by one with every change; a decision that was made on an older one is made again. Counters, locks
/// and sessions are not in here: they change with every attempt and live beside the account in the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Account {
    pub id: AccountId,
    pub revision: u64,
    pub email: Email,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<Username>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Phone>,
    #[serde(default)]
    pub locale: Locale,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub permissions: BTreeSet<String>,
    /// A PHC string (or a bcrypt hash that was imported); `None` for an account that cannot sign in by password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<String>,
    #[serde(default)]
    pub factors: Factors,
    /// Grows whenever the password, a factor or the address changes: what was proved before counts no more after.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub epoch: u32,
    /// When a factor last went on or off: a session's proof from before is of something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factors_since: Option<DateTime<Utc>>,
    /// The factor whose code the password was set with, which is no second factor beside that password. A factor that
    /// is enrolled anew, or a password that was set otherwise, ends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stood_in: Option<Factor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<RecoveryCodes>,
    /// An authenticator that waits for its first right code, beside any wizard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrolling: Option<WaitingTotp>,
    /// The last order of an administrator's that was heard of here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<AccountOrder>,
    /// What is off by order, and not forgotten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended: Option<Suspended>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<Device>,
    /// The name that the operator's own directory knows the account by, if it comes from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// A keyed digest of the line that the account was imported from: the same line again is the same account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Account {
    /// A factor is on from now on. A new revision is for the caller to begin, however much one write changes.
    pub fn turn_on(&mut self, enrolled: Enrolled) {
        let (factor, since) = (enrolled.factor(), enrolled.since());
        match enrolled {
            Enrolled::Google(google) => self.factors.google = Some(google),
            Enrolled::Sms(sms) => {
                self.phone.get_or_insert_with(|| sms.phone.clone());
                self.factors.sms = Some(sms);
            }
            Enrolled::Email(email) => self.factors.email = Some(email),
        }
        self.factor_changed(factor, since);
    }

    /// A factor is off from now on, and what it was is forgotten. A new revision is for the caller to begin.
    pub fn turn_off(&mut self, factor: Factor, now: DateTime<Utc>) {
        match factor {
            Factor::Google => self.factors.google = None,
            Factor::Sms => self.factors.sms = None,
            Factor::Email => self.factors.email = None,
        }
        self.factor_changed(factor, now);
    }

    fn factor_changed(&mut self, factor: Factor, now: DateTime<Utc>) {
        self.factors_since = Some(now);
        // Enrolled anew or gone, it does not stand in for the password any more.
        if self.stood_in == Some(factor) {
            self.stood_in = None;
        }
        self.forget_suspended(factor);
        self.begin_epoch();
    }

    /// One more revision, after the password or a factor has changed.
    pub fn credentials_changed(&mut self, now: DateTime<Utc>) {
        self.begin_epoch();
        self.changed(now);
    }

    /// The password, a factor or the address has changed: nothing that was proved before counts, no device is remembered,
    /// no authenticator waits for its first code, and where no factor is left there is nothing that a recovery code could stand in for.
    pub fn begin_epoch(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
        self.devices.clear();
        self.enrolling = None;
        if self.enabled().is_empty() {
            self.recovery = None;
        }
    }

    /// One more revision.
    pub fn changed(&mut self, now: DateTime<Utc>) {
        self.revision += 1;
        self.updated_at = now;
    }

    /// The factors that count beside the password, strongest first: all that are on but the one that stood in for it.
    pub fn second_factors(&self) -> Vec<Factor> {
        self.enabled().into_iter().filter(|factor| self.stood_in != Some(*factor)).collect()
    }

    /// The factors that are on, strongest first.
    pub fn enabled(&self) -> Vec<Factor> {
        Factor::ALL.into_iter().filter(|factor| self.has(*factor)).collect()
    }

    pub fn has(&self, factor: Factor) -> bool {
        self.factors.has(factor)
    }

    /// Everything of it that is sealed under a key of the ring.
    pub fn sealed(&self) -> impl Iterator<Item = &Sealed> {
        let enrolled = self.authenticator().map(|factor| &factor.secret);
        enrolled.into_iter().chain(self.enrolling.as_ref().map(|waiting| &waiting.secret))
    }

    /// Every name that finds this account: those that can be typed, and the directory's own.
    pub fn login_names(&self, rules: &NameRules) -> Vec<LoginName> {
        let mut names = vec![LoginName::of_email(&self.email, rules)];
        names.extend(self.username.as_ref().map(LoginName::of_username));
        names.extend(self.external_id.as_deref().map(LoginName::of_external));
        names
    }
}
