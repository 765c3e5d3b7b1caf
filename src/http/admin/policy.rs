use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::engine::{FieldProblem, PolicyPatch, SourcedPolicy};
use crate::identity::{SurfaceName, TotpAlgorithm, TotpPolicy};

use super::fields::Errors;

/// What authenticators are like that are enrolled under this name.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyView {
    #[schema(example = "vpn")]
    id: String,
    /// What authenticator apps show.
    issuer: String,
    /// `SHA1`, `SHA256` or `SHA512`.
    algorithm: &'static str,
    digits: u8,
    /// Seconds in a step.
    period: u64,
    /// Steps before and after the present one whose codes are accepted.
    skew: u16,
    /// Failures before codes that are judged through it block the account; at most `limits.second_factor.failures`.
    attempts: u32,
    /// `wizard`, `flexi`, `veeam`, `navixy`, `mfao`: through which its authenticators may be turned on and off.
    surfaces: Vec<&'static str>,
    /// Whether enrolling a name that nobody has makes an account.
    creates_accounts: bool,
    /// Where the mail of such an account goes when the name is no address.
    email_domain: Option<String>,
    /// `configuration`, where alone it can be changed, or `registry`.
    source: &'static str,
}

impl PolicyView {
    pub fn of(SourcedPolicy { policy, source }: SourcedPolicy) -> Self {
        PolicyView {
            id: policy.id.to_string(),
            issuer: policy.issuer,
            algorithm: policy.totp.algorithm.as_str(),
            digits: policy.totp.digits,
            period: policy.totp.period,
            skew: policy.totp.skew,
            attempts: policy.attempts,
            surfaces: policy.surfaces.iter().map(|surface| surface.as_str()).collect(),
            creates_accounts: policy.creates_accounts,
            email_domain: policy.email_domain,
            source: source.as_str(),
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewPolicy {
    /// 1 to 64 of `a-z`, `0-9`, `.`, `_` and `-`.
    #[schema(example = "vpn")]
    pub id: String,
    /// 1 to 40 characters without a colon.
    #[schema(example = "Example VPN")]
    issuer: String,
    /// `SHA1`, `SHA256` or `SHA512`; `SHA1` without it.
    algorithm: Option<String>,
    /// 6 to 8; 6 without it.
    digits: Option<u64>,
    /// 30 to 300 seconds; 30 without it.
    period: Option<u64>,
    /// 0 to 2; 1 without it.
    skew: Option<u64>,
    /// 1 to 20; 10 without it.
    attempts: Option<u64>,
    /// At least one of `wizard`, `flexi`, `veeam`, `navixy`, `mfao`; all of them without it.
    surfaces: Option<Vec<String>>,
    /// `false` without it.
    creates_accounts: Option<bool>,
    /// Without it, only an email address makes an account.
    #[schema(example = "example.com")]
    email_domain: Option<String>,
}

impl NewPolicy {
    pub fn fields(self) -> ChangedPolicy {
        ChangedPolicy {
            issuer: Some(self.issuer),
            algorithm: self.algorithm,
            digits: self.digits,
            period: self.period,
            skew: self.skew,
            attempts: self.attempts,
            surfaces: self.surfaces,
            creates_accounts: self.creates_accounts,
            email_domain: self.email_domain.map(Some),
        }
    }
}

/// What to change, within the same bounds; what is not given stays, `null` clears.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangedPolicy {
    issuer: Option<String>,
    algorithm: Option<String>,
    digits: Option<u64>,
    period: Option<u64>,
    skew: Option<u64>,
    attempts: Option<u64>,
    surfaces: Option<Vec<String>>,
    creates_accounts: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    email_domain: Option<Option<String>>,
}

/// Tells a member that is `null` from one that is not there.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl ChangedPolicy {
    pub fn patch(self, errors: &mut Errors) -> PolicyPatch {
        let issuer =
            self.issuer.and_then(|text| errors.take("issuer", TotpPolicy::issuer(&text), FieldProblem::Issuer));
        let words = || FieldProblem::OneOf(TotpAlgorithm::ALL.map(TotpAlgorithm::as_str).join(", "));
        let algorithm = self.algorithm.and_then(|text| errors.take("algorithm", text.parse().ok(), words()));
        PolicyPatch {
            issuer,
            algorithm,
            digits: number("digits", self.digits, TotpPolicy::DIGITS, errors),
            period: number("period", self.period, TotpPolicy::PERIOD, errors),
            skew: number("skew", self.skew, TotpPolicy::SKEW, errors),
            attempts: number("attempts", self.attempts, TotpPolicy::ATTEMPTS, errors),
            surfaces: self.surfaces.and_then(|names| surfaces(&names, errors)),
            creates_accounts: self.creates_accounts,
            email_domain: self.email_domain.map(|text| {
                text.and_then(|text| errors.take("emailDomain", TotpPolicy::domain(&text), FieldProblem::Domain))
            }),
        }
    }
}

fn number<T: TryFrom<u64>>(
    field: &'static str,
    number: Option<u64>,
    bounds: RangeInclusive<u64>,
    errors: &mut Errors,
) -> Option<T> {
    let within = |number: u64| T::try_from(number).ok().filter(|_| bounds.contains(&number));
    number
        .and_then(|number| errors.take(field, within(number), FieldProblem::OutOfRange(*bounds.start(), *bounds.end())))
}

fn surfaces(names: &[String], errors: &mut Errors) -> Option<BTreeSet<SurfaceName>> {
    let named: Option<BTreeSet<SurfaceName>> = names.iter().map(|name| name.parse().ok()).collect();
    let words = SurfaceName::ALL.map(SurfaceName::as_str).join(", ");
    errors.take("surfaces", named.filter(|named| !named.is_empty()), FieldProblem::OneOf(words))
}
