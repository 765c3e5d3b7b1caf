use chrono::{DateTime, TimeDelta, Utc};

use crate::engine::ports::AccountWrite;
use crate::engine::{Engine, Reason, Refused};
use crate::identity::{Account, Factor, TotpScheme, TotpSecret, WaitingTotp};

use super::Enrolling;

/// How long an authenticator waits for its first right code.
const LIFETIME: TimeDelta = TimeDelta::hours(1);

/// How often an account is read again when its copy by name was behind.
const PATIENCE: usize = 3;

impl Engine {
    /// Keeps a fresh secret on the account until its first right code comes, for an hour at most. Another one that waits
    /// there is forgotten. Two round trips.
    ///
    /// # Errors
    /// As [`Self::may_enrol_authenticator`].
    pub(in crate::engine) async fn keep_waiting(
        &self,
        account: Account,
        secret: &TotpSecret,
        scheme: &TotpScheme,
    ) -> Result<(), Refused> {
        let (id, now) = (account.id, self.clock.now());
        let plan = |account: &Account| {
            self.may_enrol_authenticator(account, false)?;
            let mut next = account.clone();
            next.enrolling = Some(self.waiting(account, secret, scheme, now));
            next.changed(now);
            Ok(AccountWrite { account: Some(next), ..AccountWrite::default() })
        };
        let mut done = self.revise_from(account, plan).await;
        for _ in 0..PATIENCE {
            match &done {
                // The copy that was found by name may be behind, and others may enrol the account in this moment.
                Err(refused) if refused.reason == Reason::MethodAlreadyEnabled => {
                    done = self.revise(id, plan).await;
                }
                Ok(_) | Err(_) => break,
            }
        }
        done.map(drop)
    }

    fn waiting(&self, account: &Account, secret: &TotpSecret, scheme: &TotpScheme, now: DateTime<Utc>) -> WaitingTotp {
        let context = WaitingTotp::context(account.id);
        let secret = self.keys.seal(secret.as_bytes(), &[&context[0], &context[1]], self.entropy.bytes());
        WaitingTotp { secret, scheme: scheme.clone(), until: now + LIFETIME }
    }

    /// Forgets the authenticator that waits on the account.
    ///
    /// # Errors
    /// [`Reason::MethodAlreadyEnabled`] when it has come on meanwhile; [`Reason::NotFound`].
    pub(in crate::engine) async fn forget_waiting(&self, account: Account) -> Result<(), Refused> {
        let now = self.clock.now();
        self.revise_from(account, |account| {
            if account.has(Factor::Google) {
                return Err(Refused::new(Reason::MethodAlreadyEnabled));
            }
            let mut next = account.clone();
            next.enrolling = None;
            next.changed(now);
            Ok(AccountWrite { account: Some(next), ..AccountWrite::default() })
        })
        .await
        .map(drop)
    }

    /// The authenticator that waits on the account, if its time is not over.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(in crate::engine) fn waiting_on(&self, account: &Account) -> Result<Option<Enrolling>, Refused> {
        let Some(waiting) = account.enrolling.as_ref().filter(|waiting| self.clock.now() < waiting.until) else {
            return Ok(None);
        };
        let context = WaitingTotp::context(account.id);
        let secret = self.unseal(&waiting.secret, &[&context[0], &context[1]])?;
        let scheme = Some(waiting.scheme.clone());
        Ok(Some(Enrolling { secret, scheme, codes: None, replaces: false, waits: true }))
    }
}
