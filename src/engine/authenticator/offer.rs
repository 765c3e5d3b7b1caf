use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::engine::{Call, Caller, Engine, Enrolment, Reason, Refused};
use crate::identity::{Account, AccountId, RecoveryCode, RecoveryCodes, Sealed, Secret, TotpSecret};

use super::Enrolling;
use super::enrol::may_take_its_place;

/// A secret that is offered and nothing more: all of it is in the hands of the client until it comes back confirmed.
pub struct Offered {
    pub enrolment: Enrolment,
    /// The recovery codes that the account will have.
    pub codes: Vec<RecoveryCode>,
    /// What brings the secret back: see [`Engine::accept_offer`].
    pub token: Secret,
}

/// What the token of an offer says, under a seal.
#[derive(Serialize, Deserialize)]
struct Offer {
    secret: Vec<u8>,
    codes: RecoveryCodes,
    /// The account's epoch: any change of password, factor or address ends the offer.
    epoch: u32,
    /// Who has made it, and their epoch: who acts for somebody else has proved what was theirs then.
    by: AccountId,
    by_epoch: u32,
    replaces: bool,
    expires_at: DateTime<Utc>,
}

/// How long an offer is good for.
const LIFETIME: TimeDelta = TimeDelta::minutes(10);

fn context(account: AccountId) -> [String; 2] {
    [account.to_string(), "offer".to_owned()]
}

impl Engine {
    /// A fresh secret as an app reads it, under the server's own issuer and scheme, for an account that may turn its first
    /// factor on. Nothing is kept.
    ///
    /// # Errors
    /// As [`Self::may_enrol_first`]; [`Reason::Internal`] when no image could be drawn.
    pub fn fresh_enrolment(&self, account: &Account) -> Result<Enrolment, Refused> {
        self.may_enrol_first(account)?;
        let enrolment = self.own_enrolment(account, &self.fresh_secret());
        if enrolment.qr.is_empty() {
            return Err(Refused::new(Reason::Internal));
        }
        Ok(enrolment)
    }

    /// The secret as an app reads it, under the server's own issuer and scheme.
    pub(in crate::engine) fn own_enrolment(&self, account: &Account, secret: &TotpSecret) -> Enrolment {
        self.enrolment_of(secret, self.policy.totp, &self.policy.issuer, account.email.as_str())
    }

    /// Whether it may be offered an authenticator here at all.
    pub(super) fn may_be_offered(&self, call: &Call, account: &Account, replaces: bool) -> Result<(), Refused> {
        self.may_enrol_authenticator(account, replaces)?;
        may_take_its_place(account.factors.google.as_ref(), call.surface)
    }

    /// Offers a fresh secret with a set of scratch codes, and a token that is good for ten minutes and until anything of
    /// the account's credentials changes. `replaces`: whether it may take the place of an authenticator that is on.
    ///
    /// # Errors
    /// [`Reason::MethodNotAllowed`], also when the policy of one that is on does not let this surface;
    /// [`Reason::MethodAlreadyEnabled`].
    pub(super) fn offer(
        &self,
        call: &Call,
        by: &Caller,
        account: &Account,
        replaces: bool,
    ) -> Result<Offered, Refused> {
        self.may_be_offered(call, account, replaces)?;
        let (secret, now) = (self.fresh_secret(), self.clock.now());
        let codes: Vec<RecoveryCode> = (0..RecoveryCode::SCRATCH_SET)
            .map(|_| RecoveryCode::scratch_from_random(u64::from_le_bytes(self.entropy.bytes())))
            .collect();
        let offer = Offer {
            secret: secret.as_bytes().to_vec(),
            codes: RecoveryCodes::of(&codes, &self.keys, account.id, now),
            epoch: account.epoch,
            by: by.account.id,
            by_epoch: by.account.epoch,
            replaces,
            expires_at: now + LIFETIME,
        };
        let plain = zeroize::Zeroizing::new(serde_json::to_vec(&offer).map_err(|_| Refused::new(Reason::Internal))?);
        let context = context(account.id);
        let sealed = self.keys.seal(&plain, &[&context[0], &context[1]], self.entropy.bytes());
        let token = Secret::new(data_encoding::BASE64.encode(sealed.as_str().as_bytes()));
        Ok(Offered { enrolment: self.own_enrolment(account, &secret), codes, token })
    }

    /// What `by` was given to offer `account` under this token.
    ///
    /// # Errors
    /// [`Reason::InvalidSuccessToken`] for every token that is not good, or not any more; all look the same.
    pub(super) async fn offered(&self, by: &Caller, account: &Account, token: &str) -> Result<Enrolling, Refused> {
        let offer = self.open_offer(account.id, token).await.filter(|offer| {
            let is_theirs = (offer.by, offer.by_epoch) == (by.account.id, by.account.epoch);
            is_theirs && offer.epoch == account.epoch && self.clock.now() < offer.expires_at
        });
        let offer = offer.ok_or_else(|| Refused::new(Reason::InvalidSuccessToken))?;
        Ok(Enrolling {
            secret: TotpSecret::new(offer.secret),
            scheme: None,
            codes: Some(offer.codes),
            replaces: offer.replaces,
            waits: false,
        })
    }

    async fn open_offer(&self, account: AccountId, token: &str) -> Option<Offer> {
        let text = data_encoding::BASE64.decode(token.as_bytes()).ok()?;
        let sealed = Sealed::of_text(std::str::from_utf8(&text).ok()?);
        self.meet_sealed(&sealed, self.clock.now()).await;
        let context = context(account);
        let plain = self.keys.open(&sealed, &[&context[0], &context[1]]).ok()?;
        serde_json::from_slice(&plain).ok()
    }
}
