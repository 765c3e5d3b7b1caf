use chrono::{DateTime, Utc};

use crate::engine::ports::{
    AccountWrite, Attempt, Door, EndSessions, EventKind, NewChange, Notice, Spend, Subject, Verdict,
};
use crate::engine::verdicts::refused;
use crate::engine::{Call, Engine, FieldProblem, Reason, Refused};
use crate::identity::{
    Account, Code, Enrolled, Factor, Ladder, Method, RecoveryCode, RecoveryCodes, SurfaceName, Totp, TotpFactor,
    TotpScheme, TotpSecret,
};

use super::Hand;

/// How often an account may change under one enrolment before it gives up.
const PATIENCE: usize = 3;

/// An authenticator that waits for the code that proves somebody has it.
#[derive(Debug, Clone)]
pub struct Enrolling {
    pub secret: TotpSecret,
    /// How its codes are computed, where that is not the server's usual way.
    pub scheme: Option<TotpScheme>,
    /// The recovery codes that come with it. One of them is as good a confirmation: whoever has it has the offer.
    pub codes: Option<RecoveryCodes>,
    /// Whether it may take the place of one that is on.
    pub replaces: bool,
    /// Whether it waits on the account: then it is good for as long as it waits there.
    pub waits: bool,
}

impl Enrolling {
    /// How its codes are computed.
    pub fn totp(&self, usual: Totp) -> Totp {
        self.scheme.as_ref().map_or(usual, |scheme| scheme.totp)
    }
}

/// An authenticator that came on.
pub struct TurnedOn {
    /// The account that it is on.
    pub account: Account,
    /// The step that its code was of, less the present one; `None` when a recovery code confirmed it.
    pub offset: Option<i64>,
}

/// What the confirming code turned out to be.
struct Confirmation {
    right: bool,
    spend: Option<Spend>,
    /// The recovery codes that the account will have.
    codes: Option<RecoveryCodes>,
    /// The step of the authenticator itself that the code is of, less the present one.
    offset: Option<i64>,
}

impl Engine {
    /// Turns the authenticator on, if `code` is its own (or one of the recovery codes that come with it). A wrong one is
    /// counted on the account like any other, and a right one proves nothing of what is on already. By another hand than
    /// the owner's, the account's sessions end when one that was on is replaced. Wrong codes count by `ladder`. Two round
    /// trips.
    ///
    /// # Errors
    /// [`Reason::InvalidCode`], [`Reason::CodeUsed`], [`Reason::AccountLocked`]; [`Reason::MethodAlreadyEnabled`],
    /// [`Reason::MethodNotAllowed`]; [`Reason::WizardChanged`] when password or factors were changed in between.
    pub(in crate::engine) async fn enrol(
        &self,
        call: &Call,
        account: &Account,
        enrolling: &Enrolling,
        code: &str,
        hand: Hand<'_>,
        ladder: Ladder,
    ) -> Result<TurnedOn, Refused> {
        let (now, mut before) = (self.clock.now(), account.clone());
        for _ in 0..PATIENCE {
            self.may_enrol_authenticator(&before, enrolling.replaces)?;
            may_take_its_place(before.factors.google.as_ref(), call.surface)?;
            let confirmation = self.confirmation(&before, enrolling, code, now)?;
            let right = if confirmation.right { None } else { Some(false) };
            let write = if confirmation.right {
                self.turning_on(&before, enrolling, &confirmation, hand, now)
            } else {
                AccountWrite::default()
            };
            let request = self.request();
            let attempt = Attempt {
                operation: format!("enrol:{}", request.0),
                request,
                now,
                subject: Subject::Account(before.id),
                revision: Some(before.revision),
                door: Door::Second,
                ladder,
                right,
                spend: confirmation.spend.clone(),
                tries: None,
                write,
            };
            let verdict = self.store.judge(&attempt).await?;
            match (verdict, attempt.write.account) {
                (Verdict::Accepted, Some(next)) => {
                    self.copy_names(&next).await;
                    self.tell_of_factor(call, &next, Factor::Google, true, hand);
                    if enrolling.codes.is_some() {
                        self.note(
                            self.by(hand, self.happening(EventKind::RecoveryCodesMade).to(next.id).in_call(call)),
                        );
                        self.tell_owner(&next, Notice::RecoveryCodesMade);
                    }
                    return Ok(TurnedOn { account: next, offset: confirmation.offset });
                }
                (Verdict::Stale(now), _) => {
                    before = self.obey(*now).await?;
                    let is_gone = enrolling.waits && before.enrolling != account.enrolling;
                    if before.epoch != account.epoch || is_gone {
                        return Err(Refused::new(Reason::WizardChanged));
                    }
                }
                (verdict, _) => {
                    self.note_wrong_code(call, before.id, Method::Google, &verdict);
                    return Err(refused(&verdict, Reason::InvalidCode, now));
                }
            }
        }
        Err(Refused::new(Reason::WizardChanged))
    }

    /// Turns an authenticator on whose secret its owner brings along, as the first factor of the account.
    ///
    /// # Errors
    /// As [`Self::may_enrol_first`]; [`Reason::InvalidCode`], [`Reason::CodeUsed`], [`Reason::AccountLocked`];
    /// [`Reason::WizardChanged`] when password or factors were changed in between.
    pub async fn enrol_first(
        &self,
        call: &Call,
        account: &Account,
        secret: TotpSecret,
        code: &str,
    ) -> Result<TurnedOn, Refused> {
        self.may_enrol_first(account)?;
        let enrolling = Enrolling { secret, scheme: None, codes: None, replaces: false, waits: false };
        self.enrol(call, account, &enrolling, code, Hand::Owner(None), self.policy.second_factor).await
    }

    /// Whether the account may turn an authenticator on as its first factor: where one is on already, another one is not
    /// added by whoever has proved nothing of it.
    ///
    /// # Errors
    /// [`Reason::MethodAlreadyEnabled`] when any factor is on; [`Reason::MethodNotAllowed`].
    pub fn may_enrol_first(&self, account: &Account) -> Result<(), Refused> {
        if !account.enabled().is_empty() {
            return Err(Refused::new(Reason::MethodAlreadyEnabled));
        }
        self.may_enrol_authenticator(account, false)
    }

    /// Whether the account may turn an authenticator on at all.
    ///
    /// # Errors
    /// [`Reason::MethodNotAllowed`]; [`Reason::MethodAlreadyEnabled`].
    pub(in crate::engine) fn may_enrol_authenticator(&self, account: &Account, replaces: bool) -> Result<(), Refused> {
        if account.has(Factor::Google) && !replaces {
            return Err(Refused::new(Reason::MethodAlreadyEnabled));
        }
        if !self.policy.allowed_factors(account).contains(&Factor::Google) {
            return Err(Refused::new(Reason::MethodNotAllowed));
        }
        Ok(())
    }

    fn confirmation(
        &self,
        account: &Account,
        enrolling: &Enrolling,
        code: &str,
        now: DateTime<Utc>,
    ) -> Result<Confirmation, Refused> {
        let (totp, unix) = (enrolling.totp(self.policy.totp), now.timestamp().unsigned_abs());
        let scratch = enrolling.codes.as_ref().zip(RecoveryCode::parse(code).ok());
        if let Some((codes, code)) = scratch
            && let Some(rest) = codes.without(&code, &self.keys, account.id)
        {
            let spend = Spend::Code { digest: code.digest(&self.keys, account.id), keep: 3_600 };
            return Ok(Confirmation { right: true, spend: Some(spend), codes: Some(rest), offset: None });
        }
        let parsed = Code::parse(code, totp.digits);
        let problem = match &enrolling.codes {
            Some(_) => FieldProblem::SomeDigits(totp.digits.into(), RecoveryCode::SCRATCH_LENGTH.into()),
            None => FieldProblem::Digits(totp.digits),
        };
        let step = match (parsed, enrolling.codes.is_some() && RecoveryCode::parse(code).is_ok()) {
            (Ok(code), _) => totp.matching_step(&enrolling.secret, &code, unix),
            // The form of a scratch code, and none of these: a guess like any other.
            (Err(_), true) => None,
            (Err(_), false) => return Err(Refused::new(Reason::InvalidCode).field("code", problem)),
        };
        let spend = step.map(|step| Spend::TotpStep(totp.spent_as(step)));
        let offset = step.map(|step| step.cast_signed() - totp.step_at(unix).cast_signed());
        Ok(Confirmation { right: step.is_some(), spend, codes: enrolling.codes.clone(), offset })
    }

    /// What a right code writes.
    fn turning_on(
        &self,
        account: &Account,
        enrolling: &Enrolling,
        confirmation: &Confirmation,
        hand: Hand<'_>,
        now: DateTime<Utc>,
    ) -> AccountWrite {
        // A code of the authenticator itself is as good a proof as one that is asked for.
        let session = match hand {
            Hand::Owner(session) => session.filter(|_| confirmation.offset.is_some()),
            Hand::Account(_) | Hand::Client(_) => None,
        };
        let mut next = account.clone();
        let google = self.authenticator(account, &enrolling.secret, enrolling.scheme.clone(), now);
        next.turn_on(Enrolled::Google(google));
        if let Some(codes) = &confirmation.codes {
            next.recovery = Some(codes.clone());
        }
        next.changed(now);
        AccountWrite {
            account: Some(next),
            changes: vec![NewChange { provider: Factor::Google, is_enabled: true, time: now }],
            proved: session.map(|session| (session.clone(), Method::Google)),
            end_sessions: is_taken_away(account, hand).then_some(EndSessions::All),
            ..AccountWrite::default()
        }
    }
}

/// Whether one that is on is replaced by somebody else than its owner.
fn is_taken_away(account: &Account, hand: Hand<'_>) -> bool {
    account.has(Factor::Google) && !matches!(hand, Hand::Owner(_))
}

/// Whether the authenticator that there is, if there is one, may be replaced or taken away through this surface.
pub(super) fn may_take_its_place(present: Option<&TotpFactor>, surface: SurfaceName) -> Result<(), Refused> {
    match present {
        Some(google) if !google.is_open_to(surface) => Err(Refused::new(Reason::MethodNotAllowed)),
        Some(_) | None => Ok(()),
    }
}
