use crate::engine::ports::{AccountWrite, EndSessions, NewChange};
use crate::engine::{Call, Caller, Engine, Entered, Reason, Refused};
use crate::identity::{Account, AccountId, Factor, SurfaceName};

use super::Hand;
use super::enrol::may_take_its_place;
use super::proof::{Proofs, not_again};

impl Engine {
    /// Turns every factor of the caller's own off. Each must have been proved of late, or a recovery code in its place.
    ///
    /// # Errors
    /// [`Reason::MethodNotEnabled`] when none is on; [`Reason::StepUpRequired`]; [`Reason::MethodNotAllowed`] when the
    /// authenticator's policy does not let this surface; [`Reason::AccountLocked`]; [`Reason::WizardChanged`].
    pub(super) async fn turn_all_off(
        &self,
        call: &Call,
        caller: &Caller,
        success: Option<&str>,
    ) -> Result<Account, Refused> {
        let proofs = self.proofs(caller, success)?;
        let factors = caller.account.enabled();
        if factors.is_empty() {
            return Err(Refused::new(Reason::MethodNotEnabled));
        }
        if !factors.iter().all(|factor| proofs.cover(*factor)) {
            return Err(Refused::new(Reason::StepUpRequired));
        }
        let write = self.without(&caller.account, &factors, &[], call.surface)?;
        let next = write.account.clone().unwrap_or_else(|| caller.account.clone());
        self.write_account(&caller.account, proofs.token.as_ref(), write).await.map_err(not_again)?;
        for factor in factors {
            self.tell_of_factor(call, &next, factor, false, Hand::Owner(Some(&caller.session.id)));
        }
        Ok(next)
    }

    /// Turns off what the code that let its owner in was of; all that is on, if it was a recovery code.
    ///
    /// # Errors
    /// [`Reason::MethodNotEnabled`] when none is on; [`Reason::StepUpRequired`] when none of them was proved;
    /// [`Reason::MethodNotAllowed`] when the authenticator's policy does not let this surface;
    /// [`Reason::WizardChanged`] when password or factors were changed in between.
    pub async fn turn_off_proved(&self, call: &Call, entered: Entered) -> Result<Account, Refused> {
        let (proofs, mut factors) = (Proofs::of_code(entered.proved), entered.account.enabled());
        if factors.is_empty() {
            return Err(Refused::new(Reason::MethodNotEnabled));
        }
        factors.retain(|factor| proofs.cover(*factor));
        if factors.is_empty() {
            return Err(Refused::new(Reason::StepUpRequired));
        }
        let (account, _) = self.turn_off_from(call, entered.account, &factors, Hand::Owner(None)).await?;
        Ok(account)
    }

    /// Turns the factors off, of those given, that are on: by somebody who may (see [`Hand`]). Blocks do not stand in the
    /// way. By another hand than the owner's, the account's sessions end as well, and what an order has put aside is
    /// forgotten. Those that were turned off or forgotten.
    ///
    /// # Errors
    /// [`Reason::NotFound`]; [`Reason::MethodNotEnabled`] when none of them is on; [`Reason::MethodNotAllowed`] when the
    /// authenticator's policy does not let this surface.
    pub async fn turn_off(
        &self,
        call: &Call,
        id: AccountId,
        factors: &[Factor],
        hand: Hand<'_>,
    ) -> Result<(Account, Vec<Factor>), Refused> {
        let account = self.stored(id).await?;
        self.turn_off_from(call, account, factors, hand).await
    }

    /// As [`Self::turn_off`], for an account as it was a moment ago: what its owner has proved then holds only while
    /// password and factors are the same.
    ///
    /// # Errors
    /// Also [`Reason::WizardChanged`] when they are not.
    pub(in crate::engine) async fn turn_off_from(
        &self,
        call: &Call,
        account: Account,
        factors: &[Factor],
        hand: Hand<'_>,
    ) -> Result<(Account, Vec<Factor>), Refused> {
        let (epoch, by_owner) = (account.epoch, matches!(hand, Hand::Owner(_)));
        // Only an owner who proves it could let go of what is put aside, and nothing asks for that.
        let aside = |account: &Account| match by_owner {
            true => Vec::new(),
            false => factors.iter().copied().filter(|factor| account.is_suspended(*factor)).collect(),
        };
        let mut off = aside(&self.as_ordered(account.clone()));
        let (next, changes) = self
            .revise_from(account, |account| {
                if by_owner && account.epoch != epoch {
                    return Err(Refused::new(Reason::WizardChanged));
                }
                let mut write = self.without(account, factors, &aside(account), call.surface)?;
                if !by_owner {
                    write.end_sessions = Some(EndSessions::All);
                }
                Ok(write)
            })
            .await?;
        off.extend(changes.iter().map(|change| change.provider));
        for factor in &off {
            self.tell_of_factor(call, &next, *factor, false, hand);
        }
        Ok((next, off))
    }

    /// The account without these factors that are on, and these that are put `aside`.
    fn without(
        &self,
        account: &Account,
        factors: &[Factor],
        aside: &[Factor],
        surface: SurfaceName,
    ) -> Result<AccountWrite, Refused> {
        let now = self.clock.now();
        let on: Vec<Factor> = account.enabled().into_iter().filter(|factor| factors.contains(factor)).collect();
        if on.is_empty() && aside.is_empty() {
            return Err(Refused::new(Reason::MethodNotEnabled));
        }
        if on.iter().chain(aside).any(|factor| *factor == Factor::Google) {
            may_take_its_place(account.authenticator(), surface)?;
        }
        let mut next = account.clone();
        for factor in on.iter().chain(aside) {
            next.turn_off(*factor, now);
        }
        next.changed(now);
        let changes = on.iter().map(|factor| NewChange { provider: *factor, is_enabled: false, time: now }).collect();
        Ok(AccountWrite { account: Some(next), changes, ..AccountWrite::default() })
    }
}
