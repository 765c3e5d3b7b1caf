//! What somebody must have proved before an account's factors are touched.

use std::collections::BTreeSet;

use crate::engine::ports::AccountWrite;
use crate::engine::{Caller, Engine, Reason, Refused};
use crate::identity::{Factor, Method, SuccessToken};

/// What a caller has proved a moment ago, and the success token that says so, which is used up with what it is for.
#[derive(Debug, Default)]
pub(in crate::engine) struct Proofs {
    pub(super) methods: BTreeSet<Method>,
    pub(super) token: Option<SuccessToken>,
}

impl Proofs {
    /// What one code has proved, if there was one.
    pub(super) fn of_code(proved: Option<Method>) -> Self {
        Proofs { methods: proved.into_iter().collect(), token: None }
    }

    /// Whether they do for this factor: its own code, or a recovery code in its place.
    pub(super) fn cover(&self, factor: Factor) -> bool {
        self.methods.contains(&Method::Recovery) || self.methods.contains(&Method::from(factor))
    }
}

impl Engine {
    /// What the caller has proved of late: in the session, and by a success token if one is shown.
    ///
    /// # Errors
    /// [`Reason::StepUpRequired`] for a token that is no good.
    pub(super) fn proofs(&self, caller: &Caller, success: Option<&str>) -> Result<Proofs, Refused> {
        let fresh = caller.session.factor.filter(|_| self.is_fresh(caller)).map(|(method, _)| method);
        let token = success
            .map(|text| self.success_token(text, SuccessToken::STEP_UP, Some(&caller.account)))
            .transpose()
            .map_err(|_| Refused::new(Reason::StepUpRequired))?;
        let methods = fresh.into_iter().chain(token.as_ref().map(|token| token.method)).collect();
        Ok(Proofs { methods, token })
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
    pub(in crate::engine) async fn confirm_authority(
        &self,
        caller: &Caller,
        success: Option<&str>,
    ) -> Result<(), Refused> {
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
}

/// A success token that was used before is none.
pub(super) fn not_again(refused: Refused) -> Refused {
    match refused.reason {
        Reason::InvalidSuccessToken => Refused::new(Reason::StepUpRequired),
        _ => refused,
    }
}
