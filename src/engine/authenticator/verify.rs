use crate::engine::ports::{AccountWrite, Attempt, Door, EventKind, Spend, Subject, Verdict};
use crate::engine::verdicts::refused;
use crate::engine::{Call, Engine, FieldProblem, Reason, Refused};
use crate::identity::{Account, AccountId, Code, Ladder, Method};

/// How often an account may change under one check before it gives up.
const PATIENCE: usize = 3;

/// A right code of the account's authenticator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// The step that it was of, less the present one.
    pub offset: i64,
}

impl Engine {
    /// Checks a code of the account's authenticator, and uses it up. One round trip.
    ///
    /// # Errors
    /// [`Reason::InvalidCode`], [`Reason::CodeUsed`], [`Reason::AccountLocked`]; [`Reason::MethodNotEnabled`].
    pub async fn verify(
        &self,
        call: &Call,
        account: &Account,
        code: &str,
        ladder: Ladder,
    ) -> Result<Verified, Refused> {
        let (now, mut account) = (self.clock.now(), account.clone());
        let unix = now.timestamp().unsigned_abs();
        for _ in 0..PATIENCE {
            let factor = account.factors.google.as_ref().ok_or_else(|| Refused::new(Reason::MethodNotEnabled))?;
            let totp = factor.totp(self.policy.totp);
            let problem = FieldProblem::Digits(totp.digits);
            let code =
                Code::parse(code, totp.digits).map_err(|_| Refused::new(Reason::InvalidCode).field("code", problem))?;
            let secret = self.enrolled_secret(&account)?;
            let step = secret.and_then(|secret| totp.matching_step(&secret, &code, unix));
            let request = self.request();
            let attempt = Attempt {
                operation: format!("verify:{}", request.0),
                request,
                now,
                subject: Subject::Account(account.id),
                revision: Some(account.revision),
                door: Door::Second,
                ladder,
                right: Some(step.is_some()),
                spend: step.map(|step| Spend::TotpStep(totp.spent_as(step))),
                tries: None,
                write: AccountWrite::default(),
            };
            match (self.store.judge(&attempt).await?, step) {
                (Verdict::Accepted, Some(step)) => {
                    return Ok(Verified { offset: step.cast_signed() - totp.step_at(unix).cast_signed() });
                }
                (Verdict::Stale(now), _) => account = self.as_ordered(*now),
                (verdict, _) => {
                    self.note_wrong_code(call, account.id, Method::Google, &verdict);
                    return Err(refused(&verdict, Reason::InvalidCode, now));
                }
            }
        }
        Err(Refused::new(Reason::WizardChanged))
    }

    /// Counts a code that there is nothing to compare with, just as a wrong one; the refusal. One round trip.
    ///
    /// # Errors
    /// When the store gives no answer.
    pub(in crate::engine) async fn miss(
        &self,
        call: &Call,
        subject: Subject,
        revision: Option<u64>,
        ladder: Ladder,
    ) -> Result<Refused, Refused> {
        let (now, request) = (self.clock.now(), self.request());
        let account = match subject {
            Subject::Account(id) => Some(id),
            Subject::Name(_) => None,
        };
        let attempt = Attempt {
            operation: format!("verify:{}", request.0),
            request,
            now,
            subject,
            revision,
            door: Door::Second,
            ladder,
            right: Some(false),
            spend: None,
            tries: None,
            write: AccountWrite::default(),
        };
        let verdict = self.store.judge(&attempt).await?;
        self.note_wrong_code(call, account, Method::Google, &verdict);
        Ok(refused(&verdict, Reason::InvalidCode, now))
    }

    /// Notes a code that did not do, and the lock that it began.
    pub(super) fn note_wrong_code(
        &self,
        call: &Call,
        account: impl Into<Option<AccountId>>,
        method: Method,
        verdict: &Verdict,
    ) {
        let (Verdict::Wrong { blocked_until, .. } | Verdict::Spent { blocked_until, .. }) = verdict else { return };
        let account = account.into();
        let about = |kind| {
            let event = self.happening(kind).in_call(call).method(method);
            account.map_or(event.clone(), |account| event.to(account))
        };
        self.note(about(EventKind::CodeFailed));
        if let Some(until) = blocked_until {
            self.note(about(EventKind::Locked).detail("door", "code").detail("until", until.to_rfc3339()));
        }
    }
}
