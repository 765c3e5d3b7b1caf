use crate::engine::ports::{Address, Spend, Subject, Tries};
use crate::engine::{Call, CodeInput, Engine, FieldProblem, Input, Reason, Refused, Turn};
use crate::identity::{
    Account, Code, CodeDigest, Device, DeviceOutcome, DeviceToken, LoginName, Method, Recipient, RecoveryCode,
    RecoveryCodes, Secret, Totp, TotpSecret,
};
use crate::workflow::{Ask, Event, Known, TotpOf, Wizard};

use super::lower::{Found, address, missing, pending_context};
use super::open::Opened;

/// What looking at a password or code has found, before the account's counters have been asked.
#[derive(Debug, Clone)]
pub(super) enum Checked {
    /// There was nothing to check.
    Nothing,
    Password {
        right: bool,
        subject: Subject,
        /// What the token of a remembered device is worth, if one was shown.
        device: Option<DeviceOutcome>,
        /// The hash to keep from now on, where the stored one was made otherwise.
        renewed: Option<String>,
    },
    Code {
        right: bool,
        method: Method,
        /// Whether that is on already, and not only being turned on.
        enrolled: bool,
        spend: Option<Spend>,
        tries: Option<Tries>,
        /// The recovery codes that are left when the code was one of them.
        rest: Option<RecoveryCodes>,
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

    /// Whether a remembered device stands in for the second factor.
    pub(super) fn device(&self) -> bool {
        matches!(self, Checked::Password { right: true, device: Some(DeviceOutcome::Remembered(..)), .. })
    }

    pub(super) fn found(&self) -> Found {
        match self {
            Checked::Code { right: true, method, rest, .. } => {
                Found { method: Some(*method), codes: rest.clone(), ..Found::default() }
            }
            Checked::Password { right: true, device, renewed, .. } => {
                let (devices, stolen) = match device {
                    Some(DeviceOutcome::Remembered(devices, token)) => (Some((devices.clone(), token.clone())), false),
                    Some(DeviceOutcome::Stolen) => (None, true),
                    Some(DeviceOutcome::Unknown) | None => (None, false),
                };
                Found { devices, stolen, renewed: renewed.clone(), ..Found::default() }
            }
            Checked::Nothing | Checked::Password { .. } | Checked::Code { .. } => Found::default(),
        }
    }
}

impl Engine {
    /// Looks at the password or code in `input`, at a password within `turn`. Nothing is counted here.
    pub(super) async fn check(
        &self,
        call: &Call,
        opened: &Opened,
        event: &Event,
        input: &Input,
        turn: Option<&Turn>,
    ) -> Result<Checked, Refused> {
        self.meet_keys(&opened.wizard, opened.account.as_ref()).await;
        match input {
            Input::Password { name: _, password } => self.check_password(call, opened, password, turn).await,
            Input::Code(code) => self.check_code(opened, event, code),
            Input::Recovery { code, .. } => self.check_recovery(opened, code),
            Input::Choose(_) | Input::Enrol { .. } | Input::Phone(_) | Input::Resend => Ok(Checked::Nothing),
        }
    }

    async fn check_password(
        &self,
        call: &Call,
        opened: &Opened,
        password: &Secret,
        turn: Option<&Turn>,
    ) -> Result<Checked, Refused> {
        if let Some(vouched) = &opened.vouched {
            return Ok(self.vouched(call, opened, vouched));
        }
        let account = self.named(opened);
        let stored = account.and_then(|account| account.password_hash.clone());
        let turn = turn.ok_or_else(missing)?;
        let looked = self.passwords.look(turn, password.clone(), stored, self.entropy.bytes()).await?;
        let device = account.and_then(|account| self.shown_device(call, opened, account));
        Ok(Checked::Password { right: looked.right, subject: self.suspect(opened), device, renewed: looked.renewed })
    }

    /// What the token of a remembered device is worth to `account`, if one was shown.
    pub(super) fn shown_device(&self, call: &Call, opened: &Opened, account: &Account) -> Option<DeviceOutcome> {
        let (token, now) = (DeviceToken::parse(&self.keys, call.device.as_ref()?.expose())?, opened.now);
        // An order that switches factors ends what was remembered before it, like any other change of them.
        let ordered = opened.orders.carried_out(account, &self.policy, now).map(|(ordered, _)| ordered);
        let account = ordered.as_ref().unwrap_or(account);
        let devices: Vec<Device> = self.policy.devices(account, now).cloned().collect();
        Some(Device::present(&devices, &token, account.id, &self.keys, now))
    }

    /// The account that a password is given for.
    fn named<'a>(&self, opened: &'a Opened) -> Option<&'a Account> {
        let name = opened.name.as_ref().map(LoginName::as_str);
        // The account that was found may have given the name away since; a session's own account needs no name.
        let named = |account: &&Account| name.is_none_or(|name| self.is_called(account, name));
        opened.account.as_ref().filter(named)
    }

    /// Whom a wrong password counts on.
    pub(super) fn suspect(&self, opened: &Opened) -> Subject {
        match self.named(opened) {
            Some(account) => Subject::Account(account.id),
            None => {
                let name = opened.name.as_ref().map(LoginName::as_str);
                self.nobody(name.unwrap_or_default())
            }
        }
    }

    /// The subject that stands for a name which nobody has.
    pub(in crate::engine) fn nobody(&self, name: &str) -> Subject {
        Subject::Name(self.keys.mac("nobody", &[name]))
    }

    pub(in crate::engine) fn is_called(&self, account: &Account, name: &str) -> bool {
        account.login_names(&self.policy.names).iter().any(|own| own.as_str() == name)
    }

    fn check_code(&self, opened: &Opened, event: &Event, input: &CodeInput) -> Result<Checked, Refused> {
        let answered = opened.workflow.answered_by(&opened.wizard.step, event);
        match answered.map(|(_, wait)| wait.ask) {
            Some(Ask::CheckTotp(of)) => self.check_totp(opened, of, input),
            Some(Ask::CheckCode(recipient)) => self.check_sent(opened, recipient, input),
            Some(
                Ask::CheckPassword
                | Ask::CheckRecoveryCode
                | Ask::ChooseMethod
                | Ask::ChooseEnrolment
                | Ask::EnterPhone,
            )
            | None => Err(opened.refuse(Refused::new(Reason::StepNotAllowed))),
        }
    }

    fn parse(&self, opened: &Opened, text: &str, digits: u8) -> Result<Code, Refused> {
        Code::parse(text, digits)
            .map_err(|_| opened.refuse(Refused::new(Reason::InvalidCode).field("code", FieldProblem::Digits(digits))))
    }

    fn check_totp(&self, opened: &Opened, of: TotpOf, input: &CodeInput) -> Result<Checked, Refused> {
        let totp = self.totp_of(of, opened.account.as_ref());
        let code = self.parse(opened, &input.code, totp.digits)?;
        let secret = match of {
            TotpOf::Enrolled => match &opened.account {
                Some(account) => self.enrolled_secret(account)?,
                None => None,
            },
            TotpOf::New => self.pending_secret(&opened.wizard)?,
        };
        if let (TotpOf::New, Some(key), Some(secret)) = (of, &input.key, &secret)
            && *key != secret.base32()
        {
            return Err(opened.refuse(Refused::new(Reason::InvalidCode).field("key", FieldProblem::Key)));
        }
        let unix = opened.now.timestamp().unsigned_abs();
        let step = secret.and_then(|secret| totp.matching_step(&secret, &code, unix));
        Ok(Checked::Code {
            right: step.is_some(),
            method: Method::Google,
            enrolled: of == TotpOf::Enrolled,
            spend: step.map(|step| Spend::TotpStep(totp.spent_as(step))),
            tries: None,
            rest: None,
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
            method: recipient.factor().into(),
            enrolled: is_on && recipient != Recipient::NewPhone,
            spend: spent.map(|digest| Spend::Code { digest: digest.as_str().to_owned(), keep }),
            tries: Some(Tries {
                wizard: opened.wizard.id,
                limit: self.policy.code_tries,
                keep: u64::from(opened.workflow.lifetime).saturating_add(60),
            }),
            rest: None,
        })
    }

    fn check_recovery(&self, opened: &Opened, code: &Secret) -> Result<Checked, Refused> {
        let malformed = || Refused::new(Reason::InvalidCode).field("code", FieldProblem::RecoveryCode);
        let code = RecoveryCode::parse(code.expose()).map_err(|_| opened.refuse(malformed()))?;
        let own =
            opened.account.as_ref().and_then(|account| account.recovery.as_ref().map(|codes| (account.id, codes)));
        let rest = own.and_then(|(id, codes)| codes.without(&code, &self.keys, id));
        // It is out of the set for good; for as long as its wizard may be asked again, whose step took it out is known.
        let keep = u64::from(opened.workflow.lifetime).saturating_add(60);
        let spend = own.filter(|_| rest.is_some()).map(|(id, _)| code.digest(&self.keys, id));
        let spend = spend.map(|digest| Spend::Code { digest, keep });
        Ok(Checked::Code { right: rest.is_some(), method: Method::Recovery, enrolled: true, spend, tries: None, rest })
    }

    /// What is stored of a code: it belongs to this wizard, this purpose and this address.
    pub(super) fn code_digest(&self, wizard: &Wizard, code: &Code, recipient: Recipient, to: &Address) -> CodeDigest {
        let to = match to {
            Address::Phone(phone) => phone.as_str(),
            Address::Email(email) => email.as_str(),
        };
        code.digest(&self.keys, &wizard.id.to_string(), &format!("{}:{to}", recipient.as_str()))
    }

    /// How the codes that are asked for are computed.
    pub(super) fn totp_of(&self, of: TotpOf, account: Option<&Account>) -> Totp {
        let usual = self.policy.totp;
        match (of, account.and_then(|account| account.factors.google.as_ref())) {
            (TotpOf::Enrolled, Some(factor)) => factor.totp(usual),
            (TotpOf::Enrolled, None) | (TotpOf::New, _) => usual,
        }
    }

    /// The secret that this wizard made, if it has made one.
    pub(super) fn pending_secret(&self, wizard: &Wizard) -> Result<Option<TotpSecret>, Refused> {
        let Some(sealed) = &wizard.pending.secret else { return Ok(None) };
        let context = pending_context(wizard.id);
        self.unseal(sealed, &[&context[0], &context[1]]).map(Some)
    }
}
