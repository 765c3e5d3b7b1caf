use crate::engine::{
    Asking, Data, DeviceGrant, Engine, Enrolment, Reason, Refused, SendReceipt, Standing, Success, Tokens,
};
use crate::identity::{Account, Factor, Recipient};
use crate::workflow::{Ask, Fact, Grant, Outstanding, Step, TotpOf, Wait, Wizard, Workflow};

/// What only the answer that grants it has.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub tokens: Option<Tokens>,
    pub success: Option<Success>,
    pub device: Option<DeviceGrant>,
}

impl Engine {
    /// Where the wizard stands, as a surface shows it. What is `shown` stands in the answer that grants it and never again.
    pub(super) fn standing(&self, wizard: &Wizard, workflow: &Workflow, shown: Shown) -> Result<Standing, Refused> {
        let (data, done) = match workflow.step(&wizard.step) {
            Some(Step::Wait(wait)) => (self.data(wizard, wait)?, false),
            Some(Step::End(end)) => match end.grants {
                Grant::Session => (shown.tokens.map_or(Data::Nothing, Data::Tokens), true),
                Grant::SuccessToken => (shown.success.map_or(Data::Nothing, Data::Success), true),
                Grant::FactorChange => (Data::Changed, true),
                Grant::Nothing => (Data::Nothing, false),
            },
            Some(Step::Auto(_) | Step::Route(_)) | None => return Err(Refused::new(Reason::Internal)),
        };
        Ok(Standing {
            id: wizard.id,
            workflow: workflow.name.clone(),
            step: wizard.step.clone(),
            shows: workflow.shows(&wizard.step).to_owned(),
            purpose: workflow.purpose,
            asks: workflow.waiting(&wizard.step).map(|wait| self.asking(wizard, workflow, wait)),
            done,
            data,
            receipt: wizard.sends.outstanding.as_ref().and_then(|outstanding| receipt(wizard, outstanding)),
            expires_at: wizard.expires_at,
            device: shown.device,
        })
    }

    fn asking(&self, wizard: &Wizard, workflow: &Workflow, wait: &Wait) -> Asking {
        let digits = match wait.ask {
            Ask::CheckTotp(of) => self.totp_of(of, wizard.account.as_ref()).digits,
            Ask::CheckCode(_)
            | Ask::CheckPassword
            | Ask::CheckRecoveryCode
            | Ask::ChooseMethod
            | Ask::ChooseEnrolment
            | Ask::EnterPhone => self.policy.code_digits,
        };
        let account = wizard.account.as_ref();
        // Whoever has no recovery codes is not asked for one.
        let has_codes = account.and_then(|account| account.recovery.as_ref()).is_some_and(|codes| codes.left() > 0);
        let offered = wait.switch.iter().filter_map(|name| workflow.waiting(name)).map(|wait| wait.ask);
        Asking {
            ask: wait.ask,
            digits,
            resend: wait.resend.is_some(),
            switch: offered.filter(|ask| *ask != Ask::CheckRecoveryCode || has_codes).collect(),
            methods: account.map(Account::second_factors).unwrap_or_default(),
            enrolments: self.due(wizard),
        }
    }

    /// The factors of which the policy wants one turned on.
    fn due(&self, wizard: &Wizard) -> Vec<Factor> {
        let account = wizard.account.as_ref().filter(|_| wizard.facts.holds(Fact::MustEnrol));
        let mut due = account.map(|account| self.policy.due_factors(account, self.clock.now())).unwrap_or_default();
        due.retain(|factor| account.and_then(|account| account.stood_in) != Some(*factor));
        due
    }

    fn data(&self, wizard: &Wizard, wait: &Wait) -> Result<Data, Refused> {
        Ok(match wait.ask {
            Ask::CheckPassword => Data::SignIn { password_recovery: self.directory.is_none() },
            Ask::ChooseMethod => {
                Data::Methods(wizard.account.as_ref().map(Account::second_factors).unwrap_or_default())
            }
            Ask::ChooseEnrolment => Data::Methods(self.due(wizard)),
            Ask::CheckTotp(TotpOf::New) => self.enrolment(wizard)?.map_or(Data::Nothing, Data::Enrolment),
            Ask::CheckCode(_) if !wizard.chosen => Data::Receipt,
            Ask::CheckTotp(TotpOf::Enrolled) | Ask::CheckCode(_) | Ask::CheckRecoveryCode | Ask::EnterPhone => {
                Data::Nothing
            }
        })
    }

    fn enrolment(&self, wizard: &Wizard) -> Result<Option<Enrolment>, Refused> {
        let (Some(secret), Some(account)) = (self.pending_secret(wizard)?, &wizard.account) else { return Ok(None) };
        Ok(Some(self.own_enrolment(account, &secret)))
    }
}

fn receipt(wizard: &Wizard, outstanding: &Outstanding) -> Option<SendReceipt> {
    // Whoever is not signed in is shown the address that was typed, whether or not an account has it.
    let typed = wizard.challenge.as_ref().and_then(|challenge| challenge.email.as_ref());
    let account = wizard.account.as_ref();
    let shown = match outstanding.recipient {
        Recipient::Phone => account?.factors.sms.as_ref()?.phone.masked(),
        Recipient::Email => typed.or_else(|| account.map(|account| &account.email))?.masked(),
        // Typed a moment ago by the very person who reads it.
        Recipient::NewPhone => wizard.pending.phone.as_ref()?.as_str().to_owned(),
    };
    Some(SendReceipt {
        accepted: !outstanding.unconfirmed,
        sent: wizard.sends.count,
        sent_at: outstanding.sent_at,
        expires_at: outstanding.expires_at,
        recipient: outstanding.recipient,
        shown,
    })
}
