use serde::Serialize;

use crate::engine::{Engine, Reason, Refused};
use crate::identity::{Account, Factor, TotpFactor, TotpScheme, TotpSecret};

/// What of an account is written out beside what everybody who administers it may see.
#[derive(Debug, Clone, Copy, Default)]
pub struct Exporting {
    pub hashes: bool,
    /// The secrets of authenticators.
    pub secrets: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    email: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_hash: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<&'a str>,
    locale: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    groups: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    permissions: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    totp_secret: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    totp_scheme: Option<&'a TotpScheme>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sms_phone: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    email_factor: bool,
    /// Those of the factors that are kept, but off.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suspended: Vec<Factor>,
}

impl Engine {
    /// The account as a line that an import takes.
    ///
    /// # Errors
    /// [`Reason::Internal`] when its authenticator's secret cannot be opened.
    pub fn exported(&self, account: &Account, what: Exporting) -> Result<String, Refused> {
        let google = account.authenticator().filter(|_| what.secrets);
        let sms = account.factors.sms.as_ref();
        let kept = account.suspended.as_ref().map(|suspended| &suspended.factors);
        let written = |factor: &Factor| *factor != Factor::Google || google.is_some();
        let suspended = Factor::ALL.into_iter().filter(|factor| account.is_suspended(*factor) && written(factor));
        let written = Written {
            email: account.email.as_str(),
            username: account.username.as_ref().map(|name| name.as_str()),
            password_hash: account.password_hash.as_deref().filter(|_| what.hashes),
            phone: account.phone.as_ref().map(|phone| phone.as_str()),
            locale: account.locale.as_str(),
            groups: account.groups.iter().map(String::as_str).collect(),
            permissions: account.permissions.iter().map(String::as_str).collect(),
            totp_secret: google.map(|factor| self.opened(account, factor)).transpose()?,
            totp_scheme: google.and_then(|factor| factor.scheme.as_ref()),
            sms_phone: sms.or(kept.and_then(|kept| kept.sms.as_ref())).map(|sms| sms.phone.as_str()),
            email_factor: account.has(Factor::Email) || account.is_suspended(Factor::Email),
            suspended: suspended.collect(),
        };
        serde_json::to_string(&written).map_err(|_| Refused::new(Reason::Internal))
    }

    fn opened(&self, account: &Account, factor: &TotpFactor) -> Result<String, Refused> {
        let context = TotpFactor::context(account.id);
        let bytes = self.keys.open(&factor.secret, &[&context[0], &context[1]]).map_err(|error| {
            tracing::error!(%error, account = %account.id, "an authenticator secret cannot be opened");
            Refused::new(Reason::Internal)
        })?;
        Ok(TotpSecret::new(bytes.to_vec()).base32())
    }
}
