use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{AccountId, Factor, Phone, PolicyId, Sealed, SurfaceName, Totp, TotpPolicy};

/// The second factors that are on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Factors {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub google: Option<TotpFactor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sms: Option<SmsFactor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<EmailFactor>,
}

impl Factors {
    pub fn has(&self, factor: Factor) -> bool {
        match factor {
            Factor::Google => self.google.is_some(),
            Factor::Sms => self.sms.is_some(),
            Factor::Email => self.email.is_some(),
        }
    }

    /// Moves what there is of the factor to `place`.
    pub(super) fn take(&mut self, factor: Factor, place: &mut Factors) {
        match factor {
            Factor::Google => place.google = self.google.take(),
            Factor::Sms => place.sms = self.sms.take(),
            Factor::Email => place.email = self.email.take(),
        }
    }
}

/// An authenticator app: its secret, sealed for this account (see [`TotpFactor::context`]).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TotpFactor {
    pub secret: Sealed,
    pub since: DateTime<Utc>,
    /// How its codes are computed, where it was enrolled under a policy of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<TotpScheme>,
}

/// An authenticator that a service of the operator's has enrolled and nobody has confirmed yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WaitingTotp {
    /// Sealed for this account and this use, see [`WaitingTotp::context`].
    pub secret: Sealed,
    pub scheme: TotpScheme,
    /// From when on no code confirms it any more.
    pub until: DateTime<Utc>,
}

impl WaitingTotp {
    /// What its secret is sealed with as associated data.
    pub fn context(id: AccountId) -> [String; 2] {
        [id.to_string(), "enrolling".to_owned()]
    }
}

/// What an authenticator that was enrolled under a named policy keeps of it: a later change of the policy does not reach
/// the apps that are out there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TotpScheme {
    /// The name of the policy.
    pub policy: String,
    pub totp: Totp,
    /// Through which surfaces it may be turned on and off. Its codes are taken, and asked for, by all.
    pub surfaces: BTreeSet<SurfaceName>,
}

impl TotpScheme {
    /// Whether a policy could say so.
    pub fn is_sound(&self) -> bool {
        let Totp { algorithm: _, digits, period, skew } = self.totp;
        PolicyId::parse(&self.policy).is_some()
            && TotpPolicy::DIGITS.contains(&u64::from(digits))
            && TotpPolicy::PERIOD.contains(&period)
            && TotpPolicy::SKEW.contains(&u64::from(skew))
    }
}

impl TotpFactor {
    /// What the secret of an account is sealed with as associated data, so that it opens in no other record.
    pub fn context(id: AccountId) -> [String; 2] {
        [id.to_string(), "google".to_owned()]
    }

    /// How its codes are computed; `usual` where no policy of its own says otherwise.
    pub fn totp(&self, usual: Totp) -> Totp {
        self.scheme.as_ref().map_or(usual, |scheme| scheme.totp)
    }

    /// Whether it may be turned on and off through this surface.
    pub fn is_open_to(&self, surface: SurfaceName) -> bool {
        self.scheme.as_ref().is_none_or(|scheme| scheme.surfaces.contains(&surface))
    }
}

/// Codes by SMS, to the number that was confirmed when the factor was turned on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SmsFactor {
    pub phone: Phone,
    pub since: DateTime<Utc>,
}

/// Codes by email, to the account's own address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EmailFactor {
    pub since: DateTime<Utc>,
    /// Whether an order has turned it on, and not the owner.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_order: bool,
}

impl EmailFactor {
    /// As the owner turns it on.
    pub fn since(since: DateTime<Utc>) -> Self {
        EmailFactor { since, by_order: false }
    }
}

/// A factor that has just been confirmed by its own code.
#[derive(Debug, Clone, PartialEq)]
pub enum Enrolled {
    Google(TotpFactor),
    Sms(SmsFactor),
    Email(EmailFactor),
}

impl Enrolled {
    pub fn factor(&self) -> Factor {
        match self {
            Enrolled::Google(_) => Factor::Google,
            Enrolled::Sms(_) => Factor::Sms,
            Enrolled::Email(_) => Factor::Email,
        }
    }

    pub(super) fn since(&self) -> DateTime<Utc> {
        match self {
            Enrolled::Google(google) => google.since,
            Enrolled::Sms(sms) => sms.since,
            Enrolled::Email(email) => email.since,
        }
    }
}
