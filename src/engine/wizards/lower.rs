use chrono::{DateTime, TimeDelta, Utc};

use crate::engine::ports::{AccountWrite, Message, MessageKind, NewChange, SendBudget};
use crate::engine::{Client, Engine, Reason, Refused};
use crate::identity::{
    Account, Code, EmailFactor, Factor, Recipient, RefreshToken, Session, SessionId, SmsFactor, TotpFactor, TotpSecret,
};
use crate::workflow::{Effect, Event, Outstanding, Pending, Place, Sends, Transition, Wizard, WizardId};

use super::check::address;

/// A transition in the terms of the store and the courier: nothing of it has happened yet.
#[derive(Debug)]
pub(super) struct Plan {
    pub wizard: Wizard,
    pub write: AccountWrite,
    pub message: Option<Message>,
    pub opened: Option<Opening>,
}

/// A session about to be opened, and the refresh token that only the client will have.
#[derive(Debug)]
pub(super) struct Opening {
    pub session: Session,
    pub refresh: RefreshToken,
}

/// What a wizard's own secret is sealed with as associated data.
pub(super) fn pending_context(id: WizardId) -> [String; 2] {
    [id.to_string(), "pending".to_owned()]
}

/// Who spends a code: the same for each repeat of the same step, so that a retry after a crash ends the same way.
pub(super) fn operation(wizard: &Wizard) -> String {
    format!("{}:{}", wizard.id, wizard.revision)
}

impl Engine {
    /// Turns a transition of `wizard` into writes.
    pub(super) fn lower(
        &self,
        wizard: &Wizard,
        event: Option<&Event>,
        transition: &Transition,
        account: Option<&Account>,
        client: &Client,
        now: DateTime<Utc>,
    ) -> Result<Plan, Refused> {
        let mut next = wizard.clone();
        next.revision += 1;
        next.step = transition.to.name().to_owned();
        next.facts = transition.facts;
        next.account = account.cloned();
        next.answered = None;
        next.chosen = matches!(event, Some(Event::Choose(_)));
        if let Some(Event::Phone(phone)) = event {
            next.pending.phone = Some(phone.clone());
        }
        let mut plan = Plan { wizard: next, write: AccountWrite::default(), message: None, opened: None };
        for effect in &transition.effects {
            match effect {
                Effect::SendCode(recipient) => self.plan_send(&mut plan, *recipient, now)?,
                Effect::CreateSecret => self.plan_secret(&mut plan),
                Effect::Enable(factor) => self.plan_change(&mut plan, *factor, true, now)?,
                Effect::Disable(factor) => self.plan_change(&mut plan, *factor, false, now)?,
                Effect::OpenSession => self.plan_session(&mut plan, wizard, client, now)?,
            }
        }
        if let Place::Ended(_) = transition.to {
            // A wizard that is over keeps nothing that could be of use to anybody.
            plan.wizard.ended = true;
            plan.wizard.pending = Pending::default();
            plan.wizard.sends = Sends::default();
            plan.wizard.account = None;
        }
        Ok(plan)
    }

    fn plan_send(&self, plan: &mut Plan, recipient: Recipient, now: DateTime<Utc>) -> Result<(), Refused> {
        let account = plan.wizard.account.as_ref().ok_or_else(missing)?;
        let to = address(recipient, account, plan.wizard.pending.phone.as_ref()).ok_or_else(missing)?;
        let fixed = self.policy.fixed_code(to.as_str(), now);
        let is_tester = fixed.is_some();
        let random = || Code::from_random(u64::from_le_bytes(self.entropy.bytes()), self.policy.code_digits);
        let code = fixed.unwrap_or_else(random);
        let digest = self.code_digest(&plan.wizard, &code, recipient, &to);
        let sends = &mut plan.wizard.sends;
        sends.count += 1;
        sends.not_before.insert(recipient, now + seconds(self.policy.cooldown(sends.count)));
        let expires_at = now + seconds(self.policy.code_lifetime);
        sends.outstanding = Some(Outstanding { recipient, digest, sent_at: now, expires_at, unconfirmed: false });
        let windows = self.policy.sends_per_account.clone();
        plan.write.send = Some(SendBudget { channel: recipient.factor(), windows });
        // A tester knows the code already.
        plan.message = (!is_tester).then(|| Message {
            id: data_encoding::BASE64URL_NOPAD.encode(&self.entropy.bytes::<16>()),
            to,
            locale: account.locale,
            kind: MessageKind::Code { code, minutes: self.policy.code_lifetime.div_ceil(60) },
        });
        Ok(())
    }

    fn plan_secret(&self, plan: &mut Plan) {
        let secret = self.entropy.bytes::<{ TotpSecret::BYTES }>();
        let context = pending_context(plan.wizard.id);
        let sealed = self.keys.seal(&secret, &[&context[0], &context[1]], self.entropy.bytes());
        plan.wizard.pending.secret = Some(sealed);
    }

    fn plan_change(&self, plan: &mut Plan, factor: Factor, enabled: bool, now: DateTime<Utc>) -> Result<(), Refused> {
        let mut account = plan.wizard.account.clone().ok_or_else(missing)?;
        match (factor, enabled) {
            (Factor::Google, true) => {
                let secret = self.pending_secret(&plan.wizard)?.ok_or_else(missing)?;
                let context = TotpFactor::context(account.id);
                let secret = self.keys.seal(secret.as_bytes(), &[&context[0], &context[1]], self.entropy.bytes());
                account.factors.google = Some(TotpFactor { secret, since: now });
            }
            (Factor::Sms, true) => {
                let phone = plan.wizard.pending.phone.clone().ok_or_else(missing)?;
                account.phone.get_or_insert_with(|| phone.clone());
                account.factors.sms = Some(SmsFactor { phone, since: now });
            }
            (Factor::Email, true) => account.factors.email = Some(EmailFactor { since: now }),
            (Factor::Google, false) => account.factors.google = None,
            (Factor::Sms, false) => account.factors.sms = None,
            (Factor::Email, false) => account.factors.email = None,
        }
        account.revision += 1;
        account.updated_at = now;
        plan.write.account = Some(account.clone());
        plan.write.change = Some(NewChange { provider: factor, is_enabled: enabled, time: now });
        plan.wizard.account = Some(account);
        Ok(())
    }

    /// Session and refresh token follow from the step and the account: a retry after a crash opens the same session, and
    /// of two accounts that race for one wizard each has a session of its own, so that the loser's can be ended.
    fn plan_session(&self, plan: &mut Plan, from: &Wizard, client: &Client, now: DateTime<Utc>) -> Result<(), Refused> {
        let account = plan.wizard.account.as_ref().ok_or_else(missing)?;
        let (operation, owner) = (operation(from), account.id.to_string());
        let mut id = [0; 16];
        id.copy_from_slice(&self.keys.derive("session", &[&operation, &owner])[..16]);
        let id = SessionId::from_bytes(id);
        let random = self.keys.derive("refresh-random", &[&operation, &owner]);
        let refresh = RefreshToken::mint(&self.keys, account.id, &id, &random);
        let session = Session {
            id: id.clone(),
            account: account.id,
            revision: 1,
            created_at: now,
            refreshed_at: now,
            expires_at: now + self.settings.refresh_ttl,
            client: client.agent.clone(),
            address: client.address.clone(),
            factor: None,
            live: vec![refresh.digest()],
            used: vec![],
        };
        plan.wizard.session = Some(id);
        plan.write.open_session = Some(session.clone());
        plan.opened = Some(Opening { session, refresh });
        Ok(())
    }
}

/// The facts say that it is there, and it is not: the account has changed under the wizard.
fn missing() -> Refused {
    Refused::new(Reason::StepNotAllowed)
}

pub(super) fn seconds(seconds: u64) -> TimeDelta {
    TimeDelta::seconds(i64::try_from(seconds).unwrap_or(i64::MAX / 1_000))
}
