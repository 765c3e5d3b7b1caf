use chrono::{DateTime, Utc};

use crate::engine::ports::{Address, EventKind, Message, MessageKind, NewChange, Notice, SendBudget};
use crate::engine::{DeviceGrant, Engine, Refused, Success};
use crate::identity::{
    Code, Device, DeviceToken, EmailFactor, Enrolled, Factor, Method, Recipient, SmsFactor, SuccessToken,
};
use crate::workflow::{Outstanding, Wizard};

use super::lower::{Plan, Scene, address, missing, pending_context, seconds};

impl Engine {
    pub(super) fn plan_send(&self, plan: &mut Plan, recipient: Recipient, now: DateTime<Utc>) -> Result<(), Refused> {
        let id = data_encoding::BASE64URL_NOPAD.encode(&self.entropy.bytes::<16>());
        let to = self.recipient(plan, recipient)?;
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
        // Nobody has the address that was typed: everything is as if somebody had, but nothing is sent.
        let Some(account) = &plan.wizard.account else { return Ok(()) };
        let kind = MessageKind::Code { code, minutes: self.policy.code_lifetime.div_ceil(60) };
        // A tester knows the code already.
        plan.message = (!is_tester).then(|| Message { id, to, locale: account.locale, kind });
        Ok(())
    }

    fn recipient(&self, plan: &Plan, recipient: Recipient) -> Result<Address, Refused> {
        match (&plan.wizard.account, &plan.wizard.challenge) {
            (Some(account), _) => address(recipient, account, plan.wizard.pending.phone.as_ref()).ok_or_else(missing),
            (None, Some(challenge)) => challenge.email.clone().map(Address::Email).ok_or_else(missing),
            (None, None) => Err(missing()),
        }
    }

    pub(super) fn plan_secret(&self, plan: &mut Plan) {
        let secret = self.fresh_secret();
        let context = pending_context(plan.wizard.id);
        let sealed = self.keys.seal(secret.as_bytes(), &[&context[0], &context[1]], self.entropy.bytes());
        plan.wizard.pending.secret = Some(sealed);
    }

    pub(super) fn plan_change(
        &self,
        plan: &mut Plan,
        factor: Factor,
        enabled: bool,
        now: DateTime<Utc>,
    ) -> Result<(), Refused> {
        let secret = self.pending_secret(&plan.wizard)?;
        let phone = plan.wizard.pending.phone.clone();
        let mut found = Ok(());
        plan.edit(now, |account| match (factor, enabled, secret, phone) {
            (Factor::Google, true, Some(secret), _) => {
                let google = self.authenticator(account, &secret, None, now);
                account.turn_on(Enrolled::Google(google));
            }
            (Factor::Sms, true, _, Some(phone)) => account.turn_on(Enrolled::Sms(SmsFactor { phone, since: now })),
            (Factor::Email, true, ..) => account.turn_on(Enrolled::Email(EmailFactor::since(now))),
            (Factor::Google | Factor::Sms, true, ..) => found = Err(missing()),
            (factor, false, ..) => account.turn_off(factor, now),
        })?;
        found?;
        plan.write.changes.push(NewChange { provider: factor, is_enabled: enabled, time: now });
        let (kind, notice) = match enabled {
            true => (EventKind::FactorEnabled, Notice::FactorEnabled(factor)),
            false => (EventKind::FactorDisabled, Notice::FactorDisabled(factor)),
        };
        plan.news.events.push(self.happening(kind).method(factor));
        plan.news.notices.push(notice);
        Ok(())
    }

    /// Remembers the device that a sign-in was completed on, unless the policy is against it.
    pub(super) fn plan_remembering(&self, plan: &mut Plan, from: &Wizard, scene: &Scene<'_>) -> Result<(), Refused> {
        let account = plan.wizard.account.as_ref().ok_or_else(missing)?;
        let lifetime = self.policy.remember_for(account);
        if lifetime == 0 || account.enabled().is_empty() {
            return Ok(());
        }
        let series = data_encoding::BASE64URL_NOPAD.encode(&self.derived(from, account, "device-series"));
        let (now, expires_at) = (scene.now, scene.now + seconds(lifetime));
        let name = scene.client.agent.clone();
        let token = DeviceToken::mint(&self.keys, account.id, &series, 0);
        let device = Device { series, counter: 0, created_at: now, used_at: now, expires_at, name };
        plan.edit(now, |account| account.devices = Device::remember(&account.devices, device, now))?;
        plan.device = Some(DeviceGrant { token: token.expose().to_owned(), expires_at });
        plan.news.events.push(self.happening(EventKind::DeviceRemembered));
        plan.news.notices.push(Notice::DeviceRemembered);
        Ok(())
    }

    /// What a right password has brought to light, and what was ordered of the account meanwhile.
    pub(super) fn plan_findings(&self, plan: &mut Plan, scene: &Scene<'_>) -> Result<(), Refused> {
        if let Some(switched) = &scene.found.ordered {
            // It is decided upon as ordered already.
            plan.edit(scene.now, |_| {})?;
            plan.write.changes.extend(self.switches(switched));
            let news = plan.write.account.iter().flat_map(|account| self.news_of(account, switched));
            let (events, notices): (Vec<_>, Vec<_>) = news.unzip();
            plan.news.events.extend(events);
            plan.news.notices.extend(notices);
        }
        if let Some(hash) = scene.found.renewed.clone() {
            plan.edit(scene.now, |account| account.password_hash = Some(hash))?;
        }
        if scene.found.stolen {
            plan.edit(scene.now, |account| account.devices.clear())?;
            plan.news.events.push(self.happening(EventKind::DeviceStolen));
            plan.news.notices.push(Notice::DeviceStolen);
        }
        Ok(())
    }

    pub(super) fn plan_recovery(&self, plan: &mut Plan, scene: &Scene<'_>) -> Result<(), Refused> {
        let rest = scene.found.codes.clone().ok_or_else(missing)?;
        let left = rest.left();
        plan.edit(scene.now, |account| account.recovery = Some(rest))?;
        let event = self.happening(EventKind::RecoveryCodeUsed).detail("left", left.to_string());
        plan.news.events.push(event);
        plan.news.notices.push(Notice::RecoveryCodeUsed(left));
        Ok(())
    }

    pub(super) fn plan_success(&self, plan: &mut Plan, scene: &Scene<'_>) -> Result<(), Refused> {
        let account = plan.wizard.account.as_ref().ok_or_else(missing)?;
        let purpose = plan.wizard.challenge.as_ref().map(|challenge| challenge.purpose.clone()).ok_or_else(missing)?;
        let method: Method = scene.found.method.ok_or_else(missing)?;
        let expires_at = scene.now + seconds(SuccessToken::LIFETIME);
        let owner = (account.id, account.epoch);
        let token = SuccessToken::mint(&self.keys, owner, method, &purpose, expires_at, &self.entropy.bytes());
        plan.success = Some(Success { token: token.expose().to_owned(), expires_at: token.expires_at });
        plan.news.events.push(self.happening(EventKind::ChallengePassed).method(method).detail("purpose", purpose));
        Ok(())
    }
}
