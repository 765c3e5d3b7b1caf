use chrono::{DateTime, Utc};

use crate::engine::ports::{AccountWrite, EventKind, Notice};
use crate::engine::{Call, Caller, Engine, Reason, Refused};
use crate::identity::{RecoveryCode, RecoveryCodes, SuccessToken};

/// How many recovery codes are left, and since when there are any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecoveryLeft {
    pub left: usize,
    /// How many there were; without a set, how many a fresh one would have.
    pub total: usize,
    pub made_at: Option<DateTime<Utc>>,
}

impl Engine {
    /// How many recovery codes the caller has left. One round trip.
    ///
    /// # Errors
    /// As [`Engine::authenticate`].
    pub async fn recovery_left(&self, token: &str) -> Result<RecoveryLeft, Refused> {
        let Caller { account, .. } = self.authenticate(token).await?;
        let codes = account.recovery.as_ref();
        Ok(RecoveryLeft {
            left: codes.map_or(0, RecoveryCodes::left),
            total: codes.map_or(RecoveryCode::SET, |codes| codes.total),
            made_at: codes.map(|codes| codes.made_at),
        })
    }

    /// Makes a new set of recovery codes, which are told this once; those before are worth nothing any more.
    ///
    /// # Errors
    /// [`Reason::MethodNotEnabled`] when no factor is on that they could stand in for; [`Reason::StepUpRequired`]
    /// without a fresh proof or a success token; [`Reason::InvalidSuccessToken`]; as [`Engine::authenticate`].
    pub async fn make_recovery_codes(
        &self,
        call: &Call,
        token: &str,
        success: Option<&str>,
    ) -> Result<Vec<RecoveryCode>, Refused> {
        let caller = self.authenticate(token).await?;
        if caller.account.enabled().is_empty() {
            return Err(Refused::new(Reason::MethodNotEnabled));
        }
        let success = match success {
            Some(text) => Some(self.success_token(text, SuccessToken::STEP_UP, Some(&caller.account))?),
            None => self.step_up(&caller, None).map(|_| None)?,
        };
        let now = self.clock.now();
        let codes: Vec<RecoveryCode> =
            (0..RecoveryCode::SET).map(|_| RecoveryCode::from_random(self.entropy.bytes())).collect();
        let mut account = caller.account.clone();
        account.recovery = Some(RecoveryCodes::of(&codes, &self.keys, account.id, now));
        account.changed(now);
        let write = AccountWrite { account: Some(account.clone()), ..AccountWrite::default() };
        self.write_account(&caller.account, success.as_ref(), write).await?;
        let event = self.happening(EventKind::RecoveryCodesMade).to(account.id).in_call(call);
        self.note(event.session(&caller.session.id));
        self.tell_owner(&account, Notice::RecoveryCodesMade);
        Ok(codes)
    }
}
