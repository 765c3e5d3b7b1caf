use chrono::{DateTime, Utc};

use crate::engine::{Engine, Enrolment, Reason, Refused};
use crate::identity::{Account, Sealed, Totp, TotpFactor, TotpScheme, TotpSecret};

impl Engine {
    /// A secret that nobody has yet.
    pub fn fresh_secret(&self) -> TotpSecret {
        TotpSecret::new(self.entropy.bytes::<{ TotpSecret::BYTES }>())
    }

    /// The account's authenticator with this secret, sealed for it alone.
    pub(in crate::engine) fn authenticator(
        &self,
        account: &Account,
        secret: &TotpSecret,
        scheme: Option<TotpScheme>,
        now: DateTime<Utc>,
    ) -> TotpFactor {
        let context = TotpFactor::context(account.id);
        let secret = self.keys.seal(secret.as_bytes(), &[&context[0], &context[1]], self.entropy.bytes());
        TotpFactor { secret, since: now, scheme }
    }

    /// The secret of the account's authenticator, if one is on.
    pub(in crate::engine) fn enrolled_secret(&self, account: &Account) -> Result<Option<TotpSecret>, Refused> {
        let Some(factor) = &account.factors.google else { return Ok(None) };
        let context = TotpFactor::context(account.id);
        self.unseal(&factor.secret, &[&context[0], &context[1]]).map(Some)
    }

    pub(in crate::engine) fn unseal(&self, sealed: &Sealed, context: &[&str]) -> Result<TotpSecret, Refused> {
        let bytes = self.keys.open(sealed, context).map_err(|error| {
            tracing::error!(%error, "an authenticator secret cannot be opened");
            Refused::new(Reason::Internal)
        })?;
        Ok(TotpSecret::new(bytes.to_vec()))
    }

    /// What an app is given to read: the secret as text, as an address, and as an image of the address.
    pub(in crate::engine) fn enrolment_of(
        &self,
        secret: &TotpSecret,
        totp: Totp,
        issuer: &str,
        account: &str,
    ) -> Enrolment {
        let qr = totp.qr_png(secret, issuer, account).unwrap_or_default();
        Enrolment { key: secret.base32(), otpauth_url: totp.otpauth_url(secret, issuer, account), qr }
    }
}
