use crate::engine::{Asking, Data, Engine, Enrolment, Reason, Refused, SendReceipt, Standing, Tokens};
use crate::identity::{Account, Recipient};
use crate::workflow::{Ask, Grant, Outstanding, Step, TotpOf, Wait, Wizard, Workflow};

impl Engine {
    /// Where the wizard stands, as a surface shows it. `tokens` are shown on the answer that grants them and never again.
    pub(super) fn standing(
        &self,
        wizard: &Wizard,
        workflow: &Workflow,
        tokens: Option<Tokens>,
    ) -> Result<Standing, Refused> {
        let (data, done) = match workflow.step(&wizard.step) {
            Some(Step::Wait(wait)) => (self.data(wizard, wait)?, false),
            Some(Step::End(end)) => match end.grants {
                Grant::Session => (tokens.map_or(Data::Nothing, Data::Tokens), true),
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
        })
    }

    fn asking(&self, wizard: &Wizard, workflow: &Workflow, wait: &Wait) -> Asking {
        let digits = match wait.ask {
            Ask::CheckTotp(_) => self.policy.totp.digits,
            Ask::CheckCode(_) | Ask::CheckPassword | Ask::ChooseMethod | Ask::EnterPhone => self.policy.code_digits,
        };
        let switch = wait.switch.as_deref().and_then(|name| workflow.waiting(name)).map(|wait| wait.ask);
        let methods = wizard.account.as_ref().map(Account::enabled).unwrap_or_default();
        Asking { ask: wait.ask, digits, resend: wait.resend.is_some(), switch, methods }
    }

    fn data(&self, wizard: &Wizard, wait: &Wait) -> Result<Data, Refused> {
        Ok(match wait.ask {
            Ask::CheckPassword => Data::SignIn { password_recovery: self.directory.is_none() },
            Ask::ChooseMethod => Data::Methods(wizard.account.as_ref().map(Account::enabled).unwrap_or_default()),
            Ask::CheckTotp(TotpOf::New) => self.enrolment(wizard)?.map_or(Data::Nothing, Data::Enrolment),
            Ask::CheckCode(_) if !wizard.chosen => Data::Receipt,
            Ask::CheckTotp(TotpOf::Enrolled) | Ask::CheckCode(_) | Ask::EnterPhone => Data::Nothing,
        })
    }

    fn enrolment(&self, wizard: &Wizard) -> Result<Option<Enrolment>, Refused> {
        let (Some(secret), Some(account)) = (self.pending_secret(wizard)?, &wizard.account) else { return Ok(None) };
        let (totp, issuer, name) = (self.policy.totp, &self.policy.issuer, account.email.as_str());
        let qr = totp.qr_png(&secret, issuer, name).unwrap_or_default();
        Ok(Some(Enrolment { key: secret.base32(), otpauth_url: totp.otpauth_url(&secret, issuer, name), qr }))
    }
}

fn receipt(wizard: &Wizard, outstanding: &Outstanding) -> Option<SendReceipt> {
    let account = wizard.account.as_ref()?;
    let shown = match outstanding.recipient {
        Recipient::Phone => account.factors.sms.as_ref()?.phone.masked(),
        Recipient::Email => account.email.masked(),
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
