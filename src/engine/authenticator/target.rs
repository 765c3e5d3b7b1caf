//! What somebody who is signed in does to an account: to their own by what they have proved of it, to another's by a
//! permission and a proof of their own.

#[cfg(doc)]
use crate::engine::Reason;
use crate::engine::{Call, Caller, Engine, Refused};
use crate::identity::{Account, AccountId, Factor};

use super::{Hand, Offered, TurnedOn};

/// Whose account a caller speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Own,
    /// Another's, which the caller has a permission for. Whether there is such an account is not known yet.
    Other(AccountId),
}

impl Engine {
    /// Offers the account an authenticator, with a set of scratch codes and a token that is good for ten minutes and until
    /// anything of the account's credentials changes. To the caller's own once what is on has been proved of late, to
    /// another's once something of the caller's own has. A success token that is shown is used up.
    ///
    /// # Errors
    /// [`Reason::MethodNotAllowed`], also when the policy of one that is on does not let this surface;
    /// [`Reason::MethodAlreadyEnabled`] where one is on that may not be replaced; [`Reason::NotFound`],
    /// [`Reason::StepUpRequired`], [`Reason::WizardChanged`].
    pub async fn offer_to(
        &self,
        call: &Call,
        caller: &Caller,
        target: Target,
        success: Option<&str>,
        replaces: bool,
    ) -> Result<(AccountId, Offered), Refused> {
        match target {
            Target::Own => {
                // Before a success token is used up; the offer looks again.
                self.may_be_offered(call, &caller.account, replaces)?;
                self.confirm_addition(caller, success).await?;
                Ok((caller.account.id, self.offer(call, caller, &caller.account, replaces)?))
            }
            Target::Other(id) => {
                self.confirm_authority(caller, success).await?;
                Ok((id, self.offer(call, caller, &self.account(id).await?, replaces)?))
            }
        }
    }

    /// Turns on what the caller was given to offer under this token, if `code` is its own or one of its scratch
    /// codes. A wrong one is counted on the account like any other.
    ///
    /// # Errors
    /// [`Reason::InvalidCode`], [`Reason::CodeUsed`], [`Reason::AccountLocked`]; [`Reason::MethodAlreadyEnabled`],
    /// [`Reason::MethodNotAllowed`]; [`Reason::WizardChanged`]; [`Reason::InvalidSuccessToken`] for an offer that is
    /// not good, or not any more; [`Reason::NotFound`].
    pub async fn accept_offer(
        &self,
        call: &Call,
        caller: &Caller,
        target: Target,
        token: &str,
        code: &str,
    ) -> Result<TurnedOn, Refused> {
        let (account, enrolling, hand) = match target {
            Target::Own => {
                let enrolling = self.offered(caller, &caller.account, token).await?;
                (caller.account.clone(), enrolling, Hand::Owner(Some(&caller.session.id)))
            }
            Target::Other(id) => {
                let enrolling = self.offered(caller, &self.account(id).await?, token).await?;
                // Only what is theirs to change carries out what was ordered before.
                (self.obeyed(id).await?, enrolling, Hand::Account(caller.account.id))
            }
        };
        self.enrol(call, &account, &enrolling, code, hand, self.policy.second_factor).await
    }

    /// Turns every factor of the account off. Of the caller's own each must have been proved of late, or a recovery code
    /// in its place; for another's, one of the caller's own, and what an order has put aside goes as well.
    ///
    /// # Errors
    /// [`Reason::MethodNotEnabled`] when none is on;
    /// [`Reason::StepUpRequired`];
    /// [`Reason::MethodNotAllowed`] when the authenticator's policy does not let
    /// this surface; [`Reason::AccountLocked`];
    /// [`Reason::NotFound`];
    /// [`Reason::WizardChanged`].
    pub async fn turn_off_all(
        &self,
        call: &Call,
        caller: &Caller,
        target: Target,
        success: Option<&str>,
    ) -> Result<Account, Refused> {
        match target {
            Target::Own => self.turn_all_off(call, caller, success).await,
            Target::Other(id) => {
                self.confirm_authority(caller, success).await?;
                let off = self.turn_off(call, id, &Factor::ALL, Hand::Account(caller.account.id)).await;
                off.map(|(account, _)| account)
            }
        }
    }
}
