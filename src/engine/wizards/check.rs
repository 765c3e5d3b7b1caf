use crate::engine::ports::{Address, Spend, Subject, Tries};
use crate::engine::{CodeInput, Engine, FieldProblem, Input, Reason, Refused};
use crate::identity::{Account, Code, CodeDigest, Factor, LoginName, Phone, Recipient, Secret, TotpFactor, TotpSecret};
use crate::workflow::{Ask, Event, Known, TotpOf, Wizard};

use super::lower::pending_context;
use super::open::Opened;

/// What looking at a password or code has found, before the account's counters have been asked.
#[derive(Debug, Clone)]
pub(super) enum Checked {
    /// There was nothing to check.
    Nothing,
    Password {
        right: bool,
        subject: Subject,
    },
    Code {
        right: bool,
        factor: Factor,
        /// Whether that factor is on already, and not only being turned on.
        enrolled: bool,
        spend: Option<Spend>,
        tries: Option<Tries>,
    },
}

impl Checked {
    pub(super) fn right(&self) -> Option<bool> {
        match self {
            Checked::Nothing => None,
            Checked::Password { right, .. } | Checked::Code { right, .. } => Some(*right),
        }
    }

    pub(super) fn known(&self) -> Known {
        if self.right() == Some(false) { Known::Wrong } else { Known::Right }
    }
}

impl Engine {
    /// Looks at the password or code in `input`. Nothing is counted here.
    pub(super) async fn check(&self, opened: &Opened, event: &Event, input: &Input) -> Result<Checked, Refused> {
        self.meet_keys(&opened.wizard, opened.account.as_ref()).await;
        match input {
            Input::Password { name: _, password } => self.check_password(opened, password).await,
            Input::Code(code) => self.check_code(opened, event, code),
            Input::Choose(_) | Input::Phone(_) | Input::Resend => Ok(Checked::Nothing),
        }
    }

    async fn check_password(&self, opened: &Opened, password: &Secret) -> Result<Checked, Refused> {
        let name = opened.name.as_ref().map(LoginName::as_str);
        // The account that was found may have given the name away since; a session's own account needs no name.
        let named = |account: &&Account| name.is_none_or(|name| self.is_called(account, name));
        let account = opened.account.as_ref().filter(named);
        let stored = account.and_then(|account| account.password_hash.clone());
        let right = self.passwords.verify(password.clone(), stored).await?;
        let subject = match account {
            Some(account) => Subject::Account(account.id),
            None => Subject::Name(self.keys.mac("nobody", &[name.unwrap_or_default()])),
        };
        Ok(Checked::Password { right, subject })
    }

    fn is_called(&self, account: &Account, name: &str) -> bool {
        account.login_names(&self.policy.names).iter().any(|own| own.as_str() == name)
    }

    fn check_code(&self, opened: &Opened, event: &Event, input: &CodeInput) -> Result<Checked, Refused> {
        let answered = opened.workflow.answered_by(&opened.wizard.step, event);
        match answered.map(|(_, wait)| wait.ask) {
            Some(Ask::CheckTotp(of)) => self.check_totp(opened, of, input),
            Some(Ask::CheckCode(recipient)) => self.check_sent(opened, recipient, input),
            Some(Ask::CheckPassword | Ask::ChooseMethod | Ask::EnterPhone) | None => {
                Err(opened.refuse(Refused::new(Reason::StepNotAllowed)))
            }
        }
    }

    fn parse(&self, opened: &Opened, text: &str, digits: u8) -> Result<Code, Refused> {
        Code::parse(text, digits)
            .map_err(|_| opened.refuse(Refused::new(Reason::InvalidCode).field("code", FieldProblem::Digits(digits))))
    }

    fn check_totp(&self, opened: &Opened, of: TotpOf, input: &CodeInput) -> Result<Checked, Refused> {
        let code = self.parse(opened, &input.code, self.policy.totp.digits)?;
        let secret = match of {
            TotpOf::Enrolled => self.enrolled_secret(opened.account.as_ref())?,
            TotpOf::New => self.pending_secret(&opened.wizard)?,
        };
        if let (TotpOf::New, Some(key), Some(secret)) = (of, &input.key, &secret)
            && *key != secret.base32()
        {
            return Err(opened.refuse(Refused::new(Reason::InvalidCode).field("key", FieldProblem::Key)));
        }
        let unix = opened.now.timestamp().unsigned_abs();
        let step = secret.and_then(|secret| self.policy.totp.matching_step(&secret, &code, unix));
        Ok(Checked::Code {
            right: step.is_some(),
            factor: Factor::Google,
            enrolled: of == TotpOf::Enrolled,
            spend: step.map(Spend::TotpStep),
            tries: None,
        })
    }

    fn check_sent(&self, opened: &Opened, recipient: Recipient, input: &CodeInput) -> Result<Checked, Refused> {
        let code = self.parse(opened, &input.code, self.policy.code_digits)?;
        let outstanding = opened.wizard.sends.outstanding.as_ref();
        let live = outstanding.filter(|sent| sent.recipient == recipient && opened.now < sent.expires_at);
        let Some(live) = live else {
            return Err(opened.refuse(Refused::new(Reason::CodeExpired)));
        };
        // An address that was replaced since proves nothing of the one that is there now.
        let pending = opened.wizard.pending.phone.as_ref();
        let to = opened.account.as_ref().and_then(|account| address(recipient, account, pending));
        let digest = to.map(|to| self.code_digest(&opened.wizard, &code, recipient, &to));
        let spent = digest.filter(|digest| *digest == live.digest);
        let right = spent.is_some();
        let is_on = opened.account.as_ref().is_some_and(|account| account.has(recipient.factor()));
        let keep = self.policy.code_lifetime.saturating_mul(2).max(60);
        Ok(Checked::Code {
            right,
            factor: recipient.factor(),
            enrolled: is_on && recipient != Recipient::NewPhone,
            spend: spent.map(|digest| Spend::Code { digest: digest.as_str().to_owned(), keep }),
            tries: Some(Tries {
                wizard: opened.wizard.id,
                limit: self.policy.code_tries,
                keep: u64::from(opened.workflow.lifetime).saturating_add(60),
            }),
        })
    }

    /// What is stored of a code: it belongs to this wizard, this purpose and this address.
    pub(super) fn code_digest(&self, wizard: &Wizard, code: &Code, recipient: Recipient, to: &Address) -> CodeDigest {
        let to = match to {
            Address::Phone(phone) => phone.as_str(),
            Address::Email(email) => email.as_str(),
        };
        code.digest(&self.keys, &wizard.id.to_string(), &format!("{}:{to}", recipient.as_str()))
    }

    fn enrolled_secret(&self, account: Option<&Account>) -> Result<Option<TotpSecret>, Refused> {
        let Some((account, factor)) = account.and_then(|a| a.factors.google.as_ref().map(|factor| (a, factor))) else {
            return Ok(None);
        };
        let context = TotpFactor::context(account.id);
        self.unseal(&factor.secret, &[&context[0], &context[1]]).map(Some)
    }

    /// The secret that this wizard made, if it has made one.
    pub(super) fn pending_secret(&self, wizard: &Wizard) -> Result<Option<TotpSecret>, Refused> {
        let Some(sealed) = &wizard.pending.secret else { return Ok(None) };
        let context = pending_context(wizard.id);
        self.unseal(sealed, &[&context[0], &context[1]]).map(Some)
    }

    fn unseal(&self, sealed: &crate::identity::Sealed, context: &[&str]) -> Result<TotpSecret, Refused> {
        let bytes = self.keys.open(sealed, context).map_err(|error| {
            tracing::error!(%error, "an authenticator secret cannot be opened");
            Refused::new(Reason::Internal)
        })?;
        Ok(TotpSecret::new(bytes.to_vec()))
    }
}

/// Where a code for this recipient goes as things stand now.
pub(super) fn address(recipient: Recipient, account: &Account, pending: Option<&Phone>) -> Option<Address> {
    match recipient {
        Recipient::Email => Some(Address::Email(account.email.clone())),
        Recipient::Phone => account.factors.sms.as_ref().map(|sms| Address::Phone(sms.phone.clone())),
        Recipient::NewPhone => pending.cloned().map(Address::Phone),
    }
}
