use std::collections::BTreeSet;

use crate::engine::ports::{AccountWrite, EndSessions, NewChange};
use crate::engine::{Call, Caller, Engine, Reason, Refused};
use crate::identity::{Account, AccountId, Factor, Method, SuccessToken, SurfaceName};

use super::Hand;
use super::enrol::may_take_its_place;

/// What a caller has proved a moment ago, and the success token that says so, which is used up with what it is for.
#[derive(Debug, Default)]
pub struct Proofs {
    methods: BTreeSet<Method>,
    token: Option<SuccessToken>,
}

impl Proofs {
    /// Whether they do for this factor: its own code, or a recovery code in its place.
    fn cover(&self, factor: Factor) -> bool {
        self.methods.contains(&Method::Recovery) || self.methods.contains(&Method::from(factor))
    }
}

impl Engine {
    /// What the caller has proved of late: in the session, and by a success token if one is shown.
    ///
    /// # Errors
    /// [`Reason::StepUpRequired`] for a token that is no good.
    pub fn proofs(&self, caller: &Caller, success: Option<&str>) -> Result<Proofs, Refused> {
        let fresh = caller.session.factor.filter(|_| self.is_fresh(caller)).map(|(method, _)| method);
        let token = success
            .map(|text| self.success_token(text, SuccessToken::STEP_UP, Some(&caller.account)))
            .transpose()
            .map_err(|_| Refused::new(Reason::StepUpRequired))?;
        let methods = fresh.into_iter().chain(token.as_ref().map(|token| token.method)).collect();
        Ok(Proofs { methods, token })
    }

    /// Turns every factor of the caller's own off. Each must have been proved of late, or a recovery code in its place.
    ///
    /// # Errors
    /// [`Reason::MethodNotEnabled`] when none is on; [`Reason::StepUpRequired`]; [`Reason::MethodNotAllowed`] when the
    /// authenticator's policy does not let this surface; [`Reason::AccountLocked`]; [`Reason::WizardChanged`].
    pub async fn turn_all_off(&self, call: &Call, caller: &Caller, proofs: Proofs) -> Result<Account, Refused> {
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

    /// What the caller must prove before an authenticator goes on beside what is on, or in its place: any factor that is
    /// on, or that very authenticator. The first of all needs nothing. A success token that is shown is used up.
    pub(super) async fn confirm_addition(&self, caller: &Caller, success: Option<&str>) -> Result<(), Refused> {
        let account = &caller.account;
        if account.enabled().is_empty() {
            return Ok(());
        }
        let proofs = self.proofs(caller, success)?;
        let enough = match account.has(Factor::Google) {
            true => proofs.cover(Factor::Google),
            false => !proofs.methods.is_empty(),
        };
        self.use_up(caller, proofs, enough).await
    }

    /// Whoever acts on another's account has proved one of their own factors of late, if any is on. A success token that
    /// is shown is used up.
    ///
    /// # Errors
    /// [`Reason::StepUpRequired`]; [`Reason::WizardChanged`].
    pub async fn confirm_authority(&self, caller: &Caller, success: Option<&str>) -> Result<(), Refused> {
        if caller.account.enabled().is_empty() {
            return Ok(());
        }
        let proofs = self.proofs(caller, success)?;
        let enough = !proofs.methods.is_empty();
        self.use_up(caller, proofs, enough).await
    }

    async fn use_up(&self, caller: &Caller, proofs: Proofs, enough: bool) -> Result<(), Refused> {
        if !enough {
            return Err(Refused::new(Reason::StepUpRequired));
        }
        match &proofs.token {
            Some(token) => self.accept(&caller.account, Some(token), AccountWrite::default()).await.map_err(not_again),
            None => Ok(()),
        }
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
    pub async fn turn_off_from(
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
        for factor in aside {
            next.forget_suspended(*factor);
            next.begin_epoch();
        }
        for factor in &on {
            next.turn_off(*factor, now);
        }
        next.changed(now);
        let changes = on.iter().map(|factor| NewChange { provider: *factor, is_enabled: false, time: now }).collect();
        Ok(AccountWrite { account: Some(next), changes, ..AccountWrite::default() })
    }
}

/// A success token that was used before is none.
fn not_again(refused: Refused) -> Refused {
    match refused.reason {
        Reason::InvalidSuccessToken => Refused::new(Reason::StepUpRequired),
        _ => refused,
    }
}
