use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::identity::{Factor, Recipient};

/// Something that a wizard has established about the person stepping through it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Fact {
    /// A living session of this account started the wizard.
    SessionPresent,
    /// Somebody gave an email address to get back in with; an account may have it or not.
    Named,
    PasswordVerified,
    /// The account was asked for its factors during this very walk, and has none on. Gone once the client is waited
    /// for ([`Facts::lasting`]): another wizard may turn a factor on meanwhile.
    NoFactorEnrolled,
    HasGoogle,
    HasSms,
    HasEmail,
    SecretCreated,
    PhoneEntered,
    /// A code is on its way to the enrolled phone, and no other was sent since.
    SentToPhone,
    SentToNewPhone,
    SentToEmail,
    GoogleVerified,
    SmsVerified,
    EmailVerified,
    NewSecretVerified,
    NewPhoneVerified,
    FactorChanged,
    /// The last password or code that was looked at was right. Every wrong one ends it.
    LastAnswerRight,
    RecoveryVerified,
    /// During this very walk a device was recognised on which a factor had been proved. Gone once the client is waited
    /// for.
    DeviceRemembered,
    /// The policy wants a factor turned on, and whoever is asked has proved what the account has: a remembered device is
    /// not enough for that.
    MustEnrol,
    /// During this very walk it was seen that the policy wants no further factor. Gone once the client is waited for.
    PolicyMet,
    /// A right code to the account's address, given to enrol it.
    AddressVerified,
}

impl Fact {
    pub const ALL: [Fact; 24] = [
        Fact::SessionPresent,
        Fact::Named,
        Fact::PasswordVerified,
        Fact::NoFactorEnrolled,
        Fact::HasGoogle,
        Fact::HasSms,
        Fact::HasEmail,
        Fact::SecretCreated,
        Fact::PhoneEntered,
        Fact::SentToPhone,
        Fact::SentToNewPhone,
        Fact::SentToEmail,
        Fact::GoogleVerified,
        Fact::SmsVerified,
        Fact::EmailVerified,
        Fact::NewSecretVerified,
        Fact::NewPhoneVerified,
        Fact::FactorChanged,
        Fact::LastAnswerRight,
        Fact::RecoveryVerified,
        Fact::DeviceRemembered,
        Fact::MustEnrol,
        Fact::PolicyMet,
        Fact::AddressVerified,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Fact::SessionPresent => "session_present",
            Fact::Named => "named",
            Fact::PasswordVerified => "password_verified",
            Fact::NoFactorEnrolled => "no_factor_enrolled",
            Fact::HasGoogle => "has_google",
            Fact::HasSms => "has_sms",
            Fact::HasEmail => "has_email",
            Fact::SecretCreated => "secret_created",
            Fact::PhoneEntered => "phone_entered",
            Fact::SentToPhone => "sent_to_phone",
            Fact::SentToNewPhone => "sent_to_new_phone",
            Fact::SentToEmail => "sent_to_email",
            Fact::GoogleVerified => "google_verified",
            Fact::SmsVerified => "sms_verified",
            Fact::EmailVerified => "email_verified",
            Fact::NewSecretVerified => "new_secret_verified",
            Fact::NewPhoneVerified => "new_phone_verified",
            Fact::FactorChanged => "factor_changed",
            Fact::LastAnswerRight => "last_answer_right",
            Fact::RecoveryVerified => "recovery_verified",
            Fact::DeviceRemembered => "device_remembered",
            Fact::MustEnrol => "must_enrol",
            Fact::PolicyMet => "policy_met",
            Fact::AddressVerified => "address_verified",
        }
    }

    pub fn has(factor: Factor) -> Self {
        match factor {
            Factor::Google => Fact::HasGoogle,
            Factor::Sms => Fact::HasSms,
            Factor::Email => Fact::HasEmail,
        }
    }

    pub fn verified(factor: Factor) -> Self {
        match factor {
            Factor::Google => Fact::GoogleVerified,
            Factor::Sms => Fact::SmsVerified,
            Factor::Email => Fact::EmailVerified,
        }
    }

    pub fn sent_to(recipient: Recipient) -> Self {
        match recipient {
            Recipient::Phone => Fact::SentToPhone,
            Recipient::NewPhone => Fact::SentToNewPhone,
            Recipient::Email => Fact::SentToEmail,
        }
    }

    /// What a right code from this recipient proves.
    pub fn verified_at(recipient: Recipient) -> Self {
        match recipient {
            Recipient::Phone => Fact::SmsVerified,
            Recipient::NewPhone => Fact::NewPhoneVerified,
            Recipient::Email => Fact::EmailVerified,
        }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of facts.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Facts(u32);

impl Facts {
    pub const fn none() -> Self {
        Facts(0)
    }

    pub fn of(facts: &[Fact]) -> Self {
        facts.iter().fold(Facts(0), |set, fact| set.with(*fact))
    }

    #[must_use]
    pub fn with(self, fact: Fact) -> Self {
        Facts(self.0 | 1 << fact as u8)
    }

    #[must_use]
    pub fn without(self, fact: Fact) -> Self {
        Facts(self.0 & !(1 << fact as u8))
    }

    #[must_use]
    pub fn intersect(self, other: Facts) -> Self {
        Facts(self.0 & other.0)
    }

    /// What still holds when the client comes back after a wait.
    #[must_use]
    pub fn lasting(self) -> Self {
        self.without(Fact::NoFactorEnrolled).without(Fact::DeviceRemembered).without(Fact::PolicyMet)
    }

    /// What still holds when a factor or the password of the account has changed since it was proved.
    #[must_use]
    pub fn of_another_epoch(self) -> Self {
        [Fact::GoogleVerified, Fact::SmsVerified, Fact::EmailVerified, Fact::RecoveryVerified]
            .into_iter()
            .fold(self, Facts::without)
    }

    pub fn holds(self, fact: Fact) -> bool {
        self.0 & 1 << fact as u8 != 0
    }

    pub fn iter(self) -> impl Iterator<Item = Fact> {
        Fact::ALL.into_iter().filter(move |fact| self.holds(*fact))
    }

    /// The first group of `needs` of which no fact holds.
    pub fn missing(self, needs: &[Vec<Fact>]) -> Option<&[Fact]> {
        needs.iter().find(|group| !group.iter().any(|fact| self.holds(*fact))).map(Vec::as_slice)
    }
}

impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for Facts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Facts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Facts;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of facts")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Facts, A::Error> {
                let mut facts = Facts::none();
                while let Some(fact) = list.next_element::<Fact>()? {
                    facts = facts.with(fact);
                }
                Ok(facts)
            }
        }
        deserializer.deserialize_seq(Collect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_survives_json() {
        let facts = Facts::of(&[Fact::PasswordVerified, Fact::FactorChanged]);
        let json = serde_json::to_string(&facts).unwrap();
        assert_eq!(json, r#"["password_verified","factor_changed"]"#);
        assert_eq!(serde_json::from_str::<Facts>(&json).unwrap(), facts);
    }

    #[test]
    fn the_missing_group_is_named() {
        let needs = vec![vec![Fact::PasswordVerified], vec![Fact::GoogleVerified, Fact::NoFactorEnrolled]];
        let facts = Facts::of(&[Fact::PasswordVerified]);
        assert_eq!(facts.missing(&needs), Some(&[Fact::GoogleVerified, Fact::NoFactorEnrolled][..]));
        assert_eq!(facts.with(Fact::NoFactorEnrolled).missing(&needs), None);
    }
}
