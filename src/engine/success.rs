use crate::engine::ports::{AccountWrite, Attempt, Door, EventKind, Spend, Subject, Verdict};
use crate::engine::{Call, Engine, Reason, Refused};
use crate::identity::{Account, Method, SuccessToken};

/// What another service learns of a success token that it has redeemed.
#[derive(Debug, Clone, PartialEq)]
pub struct Redeemed {
    pub account: Account,
    pub method: Method,
    pub purpose: String,
}

impl Engine {
    /// The token in `text`, if it is good for `purpose`, and for `account` where one is given.
    ///
    /// # Errors
    /// [`Reason::InvalidSuccessToken`] for every other one; all look the same.
    pub(super) fn success_token(
        &self,
        text: &str,
        purpose: &str,
        account: Option<&Account>,
    ) -> Result<SuccessToken, Refused> {
        let token = SuccessToken::parse(&self.keys, text).filter(|token| {
            let own = account.is_none_or(|account| token.account == account.id && token.epoch == account.epoch);
            own && token.purpose == purpose && self.clock.now() < token.expires_at
        });
        token.ok_or_else(|| Refused::new(Reason::InvalidSuccessToken))
    }

    pub(super) fn spend_of(token: &SuccessToken) -> Spend {
        Spend::Token { digest: token.digest(), keep: SuccessToken::LIFETIME + 60 }
    }

    /// Uses the token up, if one is needed, and writes what it was for: one atomic call.
    ///
    /// # Errors
    /// [`Reason::InvalidSuccessToken`] when it was used before, [`Reason::AccountLocked`], [`Reason::WizardChanged`]
    /// when the account was changed in between.
    pub(super) async fn accept(
        &self,
        account: &Account,
        token: Option<&SuccessToken>,
        write: AccountWrite,
    ) -> Result<(), Refused> {
        let (request, now) = (self.request(), self.clock.now());
        let attempt = Attempt {
            // Another use is another operation, however alike the two are.
            operation: format!("success:{}", request.0),
            request,
            now,
            subject: Subject::Account(account.id),
            revision: Some(account.revision),
            door: Door::Second,
            ladder: self.policy.second_factor,
            right: None,
            spend: token.map(Self::spend_of),
            tries: None,
            write,
        };
        match self.store.judge(&attempt).await? {
            Verdict::Accepted => Ok(()),
            Verdict::Blocked { until } => Err(Refused::new(Reason::AccountLocked).until(until, now)),
            Verdict::Spent { .. } | Verdict::Gone => Err(Refused::new(Reason::InvalidSuccessToken)),
            Verdict::Stale(_) | Verdict::Wrong { .. } | Verdict::Exhausted | Verdict::OverBudget { .. } => {
                Err(Refused::new(Reason::WizardChanged))
            }
        }
    }

    /// Uses a success token up for a service of the operator's. Two round trips.
    ///
    /// # Errors
    /// [`Reason::InvalidSuccessToken`] for every token that is not good for `purpose`; [`Reason::AccountLocked`].
    pub async fn redeem(&self, call: &Call, text: &str, purpose: &str) -> Result<Redeemed, Refused> {
        let token = self.success_token(text, purpose, None)?;
        let account = self.store.account(token.account).await?;
        let account = account.ok_or_else(|| Refused::new(Reason::InvalidSuccessToken))?;
        let token = self.success_token(text, purpose, Some(&account))?;
        self.accept(&account, Some(&token), AccountWrite::default()).await?;
        let event = self.happening(EventKind::SuccessTokenRedeemed).to(account.id).by_operator().in_call(call);
        self.note(event.method(token.method).detail("purpose", purpose));
        Ok(Redeemed { account, method: token.method, purpose: token.purpose })
    }
}
