use crate::engine::authenticator::Enrolling;
use crate::engine::ports::EventKind;
use crate::engine::{Engine, Enrolment, FieldProblem, NewAccount, Reason, Refused};
use crate::identity::{Account, Factor, Locale, Totp, TotpPolicy, TotpSecret};

use super::door::{Admitted, Asked};

/// How often an account may change under one check before it gives up.
const PATIENCE: usize = 3;

/// Characters of the name that an app shows under the issuer; an image holds no more with certainty.
const LABEL: usize = 64;

/// What became of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
    pub valid: bool,
    /// Failures before the next block, where they are known.
    pub attempts_left: Option<u32>,
    /// The step that a right code was of, less the present one.
    pub step_offset: Option<i64>,
}

impl Engine {
    /// Gives the name an authenticator by the policy, which waits an hour for its first right code. A name that nobody has
    /// gets an account where the policy makes one, and else an image that leads nowhere.
    ///
    /// # Errors
    /// As the other two: [`Reason::Unauthorized`], [`Reason::Forbidden`], [`Reason::NotFound`] for the policy. Besides
    /// [`Reason::MethodAlreadyEnabled`]; [`Reason::MethodNotAllowed`] where the policy is not for this surface;
    /// [`Reason::Taken`] when the account that is to be made would have another one's address; [`Reason::Invalid`] for
    /// what nobody can be called where the policy makes accounts. Who may not have an authenticator, by an order or by the
    /// configuration, is answered like a name that nobody has.
    pub async fn enrol_by_policy(&self, asked: &Asked<'_>) -> Result<Enrolment, Refused> {
        let admitted = self.admit(asked).await?;
        let policy = &admitted.policy;
        if !policy.is_open_to(asked.call.surface) {
            return Err(Refused::new(Reason::MethodNotAllowed));
        }
        if policy.creates_accounts && !admitted.name.can_be_given() {
            return Err(Refused::new(Reason::Invalid).field("username", FieldProblem::Username));
        }
        self.may_change(asked, &admitted).await?;
        let secret = self.fresh_secret();
        let keep = self.kept_waiting(asked, &admitted, &secret);
        asked.phases.measure("write", keep).await?;
        // The name as it was typed, so that it does not tell whose address it is.
        let label: String = asked.name.trim().chars().take(LABEL).collect();
        let draw = async { self.enrolment_of(&secret, policy.totp, &policy.issuer, &label) };
        Ok(asked.phases.measure("qr", draw).await)
    }

    /// Keeps the secret on the account of the name, or does as if.
    async fn kept_waiting(&self, asked: &Asked<'_>, admitted: &Admitted, secret: &TotpSecret) -> Result<(), Refused> {
        let mut found = admitted.account.clone();
        for _ in 0..PATIENCE {
            let Some(account) = self.account_for(asked, admitted, found).await? else {
                return self.as_if_written(admitted, None).await;
            };
            match self.keep_waiting(account, secret, &admitted.policy.scheme()).await {
                // Deleted in this moment: nobody has the name any more.
                Err(refused) if refused.reason == Reason::NotFound => found = None,
                Err(refused) if refused.reason == Reason::MethodNotAllowed => {
                    return self.as_if_written(admitted, None).await;
                }
                kept => return kept,
            }
        }
        Err(Refused::new(Reason::WizardChanged))
    }

    /// The account of the name; a new one where the policy makes it, and it may have an authenticator.
    async fn account_for(
        &self,
        asked: &Asked<'_>,
        admitted: &Admitted,
        found: Option<Account>,
    ) -> Result<Option<Account>, Refused> {
        if found.is_some() {
            return Ok(found);
        }
        let Some((email, username)) = admitted.policy.names_for(asked.name) else { return Ok(None) };
        let new = NewAccount {
            email,
            username,
            password: None,
            phone: None,
            locale: Locale::default(),
            groups: Default::default(),
            permissions: Default::default(),
        };
        let newcomer = Account { order: self.store.orders().of_newcomer(), ..self.drafted(new.clone()).await? };
        if self.may_enrol_authenticator(&newcomer, false).is_err() {
            return Ok(None);
        }
        match self.create_account(new).await {
            Ok(account) => {
                let event = self.happening(EventKind::AccountCreated).to(account.id).in_call(asked.call);
                self.note(self.by(admitted.hand(), event).detail("policy", admitted.policy.id.as_str()));
                Ok(Some(account))
            }
            // Another call may have made it a moment ago.
            Err(refused) if refused.reason == Reason::Taken => match self.account_named(asked.name).await? {
                Some(account) => Ok(Some(self.stored(account.id).await?)),
                None => Err(Refused::new(Reason::Taken).field("username", FieldProblem::Taken)),
            },
            Err(refused) => Err(refused),
        }
    }

    /// Whether this is a code of the name's authenticator that was not used before. One that waits for its first right
    /// code comes on by it. Three calls of the store, whoever is asked about, two of them in a row; one more for a code
    /// that turns the authenticator on.
    ///
    /// # Errors
    /// [`Reason::InvalidCode`] for what cannot be a code of any authenticator; [`Reason::AccountLocked`]. For an account
    /// that asks: [`Reason::Forbidden`] about itself, and [`Reason::StepUpRequired`] for a code that would turn one on,
    /// without a factor of its own that was proved of late.
    pub async fn verify_by_policy(&self, asked: &Asked<'_>, otp: &str) -> Result<Judged, Refused> {
        let admitted = self.admit(asked).await?;
        self.is_about_another(&admitted)?;
        let bounds = TotpPolicy::DIGITS;
        if !bounds.contains(&(otp.len() as u64)) || !otp.bytes().all(|byte| byte.is_ascii_digit()) {
            let problem = FieldProblem::SomeDigits(*bounds.start(), *bounds.end());
            return Err(Refused::new(Reason::InvalidCode).field("otp", problem));
        }
        match asked.phases.measure("judge", self.judged(asked, &admitted, otp)).await {
            // Wrong and used are one answer; what is counted is the same.
            Err(refused) if matches!(refused.reason, Reason::InvalidCode | Reason::CodeUsed) => {
                Ok(Judged { valid: false, attempts_left: refused.attempts_left, step_offset: None })
            }
            judged => judged,
        }
    }

    async fn judged(&self, asked: &Asked<'_>, admitted: &Admitted, otp: &str) -> Result<Judged, Refused> {
        let mut account = admitted.account.clone();
        for _ in 0..PATIENCE {
            let judged = match &account {
                Some(account) => self.judged_as(asked, admitted, account, otp).await,
                None => self.missed(asked, admitted, None).await,
            };
            match judged {
                // It came on, went off or was changed otherwise in this moment: looked at again as it is now.
                Err(refused) if is_behind(refused.reason) => account = self.present(account).await?,
                judged => return judged,
            }
        }
        Err(Refused::new(Reason::WizardChanged))
    }

    /// The account as it is now; `None` if it is gone, and nobody has the name any more.
    async fn present(&self, account: Option<Account>) -> Result<Option<Account>, Refused> {
        let Some(account) = account else { return Ok(None) };
        match self.stored(account.id).await {
            Ok(present) => Ok(Some(present)),
            Err(refused) if refused.reason == Reason::NotFound => Ok(None),
            Err(refused) => Err(refused),
        }
    }

    /// Judges a code by the authenticator of the account as it was read. One that cannot be of it by its length, and one
    /// for which there is none, or none allowed, is a miss like any other.
    async fn judged_as(
        &self,
        asked: &Asked<'_>,
        admitted: &Admitted,
        stored: &Account,
        otp: &str,
    ) -> Result<Judged, Refused> {
        // What an order is about to switch, nothing waits beside; so what is written from here on switches nothing else.
        let fits = |totp: Totp| usize::from(totp.digits) == otp.len();
        let (usual, account) = (self.policy.totp, self.as_ordered(stored.clone()));
        let waiting = self.waiting_on(&account)?.filter(|_| self.may_enrol_authenticator(&account, false).is_ok());
        match (&account.factors.google, waiting) {
            (Some(google), _) if fits(google.totp(usual)) => self.verified(asked, admitted, &account, otp).await,
            (None, Some(waiting)) if fits(waiting.totp(usual)) => {
                self.confirmed(asked, admitted, &account, &waiting, otp).await
            }
            (Some(_), _) | (None, _) => self.missed(asked, admitted, Some(&account)).await,
        }
    }

    async fn missed(
        &self,
        asked: &Asked<'_>,
        admitted: &Admitted,
        account: Option<&Account>,
    ) -> Result<Judged, Refused> {
        let (subject, revision) = self.subject_of(admitted, account);
        let ladder = admitted.ladder(self.policy.second_factor);
        Err(self.miss(asked.call, subject, revision, ladder).await?)
    }

    /// Uses a code of the authenticator up that is on.
    async fn verified(
        &self,
        asked: &Asked<'_>,
        admitted: &Admitted,
        account: &Account,
        otp: &str,
    ) -> Result<Judged, Refused> {
        let ladder = admitted.ladder(self.policy.second_factor);
        let verified = self.verify(asked.call, account, otp, ladder).await?;
        let event = self.happening(EventKind::ChallengePassed).to(account.id).in_call(asked.call);
        let event = event.method(Factor::Google).detail("policy", admitted.policy.id.as_str());
        self.note(self.by(admitted.hand(), event));
        Ok(judged_right(Some(verified.offset), Some(ladder.limit)))
    }

    /// Turns the waiting authenticator on if the code is its own.
    async fn confirmed(
        &self,
        asked: &Asked<'_>,
        admitted: &Admitted,
        account: &Account,
        enrolling: &Enrolling,
        otp: &str,
    ) -> Result<Judged, Refused> {
        self.may_change(asked, admitted).await?;
        let ladder = admitted.ladder(self.policy.second_factor);
        let turned_on = self.enrol(asked.call, account, enrolling, otp, admitted.hand(), ladder).await?;
        // What it proves is new to the account, so nothing that was counted is forgotten, nor known here.
        Ok(judged_right(turned_on.offset, None))
    }

    /// Takes the name's authenticator away, be it on, waiting or suspended; sessions of the account end if it was on.
    ///
    /// # Errors
    /// [`Reason::MethodNotAllowed`] when it was enrolled under a policy that keeps this surface from it.
    pub async fn delete_by_policy(&self, asked: &Asked<'_>) -> Result<(), Refused> {
        let admitted = self.admit(asked).await?;
        self.may_change(asked, &admitted).await?;
        asked.phases.measure("write", self.taken_away(asked, &admitted)).await
    }

    async fn taken_away(&self, asked: &Asked<'_>, admitted: &Admitted) -> Result<(), Refused> {
        let mut account = admitted.account.clone();
        for _ in 0..PATIENCE {
            let Some(found) = account.take() else { return self.as_if_written(admitted, None).await };
            let off = self.turn_off_from(asked.call, found.clone(), &[Factor::Google], admitted.hand()).await;
            let done = match off {
                Err(refused) if refused.reason == Reason::MethodNotEnabled => match found.enrolling {
                    Some(_) => self.forget_waiting(found.clone()).await,
                    None => self.as_if_written(admitted, Some(&found)).await,
                },
                done => done.map(drop),
            };
            match done {
                // It came on or went in this moment, or its copy by name was behind: looked at again as it is now.
                Err(refused) if is_changed(refused.reason) => account = self.present(Some(found)).await?,
                done => return done,
            }
        }
        Err(Refused::new(Reason::WizardChanged))
    }
}

fn judged_right(step_offset: Option<i64>, attempts_left: Option<u32>) -> Judged {
    Judged { valid: true, attempts_left, step_offset }
}

/// Whether the account was not what it was taken for.
fn is_behind(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::WizardChanged | Reason::MethodAlreadyEnabled | Reason::MethodNotEnabled | Reason::MethodNotAllowed
    )
}

/// Whether the account was changed, or is gone, under a call that takes something away.
fn is_changed(reason: Reason) -> bool {
    matches!(reason, Reason::WizardChanged | Reason::MethodAlreadyEnabled | Reason::NotFound)
}
