use chrono::{DateTime, TimeDelta, Utc};

use crate::engine::ports::{AccountWrite, Address, Message, Notice};
use crate::engine::{Client, DeviceGrant, Engine, Happening, Reason, Refused, Success};
use crate::identity::{Account, Device, DeviceToken, Factor, Method, Phone, Recipient, RecoveryCodes, Switched};
use crate::workflow::{Effect, Event, Pending, Place, Sends, Transition, Wizard, WizardId};

use super::session::Opening;

/// A transition in the terms of the store and the courier: nothing of it has happened yet.
#[derive(Debug)]
pub(super) struct Plan {
    pub wizard: Wizard,
    pub write: AccountWrite,
    /// A code to be sent.
    pub message: Option<Message>,
    pub opened: Option<Opening>,
    pub device: Option<DeviceGrant>,
    pub success: Option<Success>,
    /// What is to be noted, and what the owner is to be told, once it is true.
    pub news: News,
}

/// What a plan will have to tell.
#[derive(Debug, Default)]
pub(super) struct News {
    pub events: Vec<Happening>,
    pub notices: Vec<Notice>,
}

/// What a transition is lowered with: what happened, who did it, and what was found out.
pub(super) struct Scene<'a> {
    pub event: Option<&'a Event>,
    pub account: Option<&'a Account>,
    pub client: &'a Client,
    pub found: Found,
    /// Whether the device is to be remembered if this step signs in.
    pub remember: bool,
    pub now: DateTime<Utc>,
}

/// What looking at a password or code has found beside its being right.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    /// What was proved.
    pub method: Option<Method>,
    /// The devices after this use, and the token for the next one.
    pub devices: Option<(Vec<Device>, DeviceToken)>,
    /// The recovery codes that are left.
    pub codes: Option<RecoveryCodes>,
    /// A copy of a remembered device's token was shown.
    pub stolen: bool,
    /// The hash to keep from now on, where the stored one was made otherwise.
    pub renewed: Option<String>,
    /// What an order has switched on the account that is decided upon, which is to be written so.
    pub ordered: Option<Switched>,
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
    pub(super) fn lower(&self, wizard: &Wizard, transition: &Transition, scene: &Scene<'_>) -> Result<Plan, Refused> {
        let mut next = wizard.clone();
        next.revision += 1;
        next.step = transition.to.name().to_owned();
        next.facts = transition.facts;
        next.account = scene.account.cloned();
        next.answered = None;
        next.chosen = matches!(scene.event, Some(Event::Choose(_)));
        if let Some(Event::Phone(phone) | Event::Enrol(Factor::Sms, Some(phone))) = scene.event {
            next.pending.phone = Some(phone.clone());
        }
        let mut plan = Plan::of(next);
        self.plan_findings(&mut plan, scene)?;
        for effect in &transition.effects {
            match effect {
                Effect::SendCode(recipient) => self.plan_send(&mut plan, *recipient, scene.now)?,
                Effect::CreateSecret => self.plan_secret(&mut plan),
                Effect::Enable(factor) => self.plan_change(&mut plan, *factor, true, scene.now)?,
                Effect::Disable(factor) => self.plan_change(&mut plan, *factor, false, scene.now)?,
                Effect::OpenSession => self.plan_session(&mut plan, wizard, scene)?,
                Effect::UseDevice => plan_device(&mut plan, scene)?,
                Effect::UseRecoveryCode => self.plan_recovery(&mut plan, scene)?,
                Effect::IssueSuccessToken => self.plan_success(&mut plan, scene)?,
            }
        }
        if scene.remember && plan.opened.is_some() && scene.found.method.is_some() {
            self.plan_remembering(&mut plan, wizard, scene)?;
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
}

impl Plan {
    fn of(wizard: Wizard) -> Self {
        Plan {
            wizard,
            write: AccountWrite::default(),
            message: None,
            opened: None,
            device: None,
            success: None,
            news: News::default(),
        }
    }

    /// Changes the account that is to be written; however much one step changes, it is one revision.
    pub(super) fn edit(&mut self, now: DateTime<Utc>, edit: impl FnOnce(&mut Account)) -> Result<(), Refused> {
        let mut account = match self.write.account.take() {
            Some(account) => account,
            None => {
                let mut account = self.wizard.account.clone().ok_or_else(missing)?;
                account.changed(now);
                account
            }
        };
        edit(&mut account);
        self.wizard.account = Some(account.clone());
        self.write.account = Some(account);
        Ok(())
    }
}

fn plan_device(plan: &mut Plan, scene: &Scene<'_>) -> Result<(), Refused> {
    let (devices, token) = scene.found.devices.clone().ok_or_else(missing)?;
    let device = devices.iter().find(|device| device.series == token.series).ok_or_else(missing)?;
    plan.device = Some(DeviceGrant { token: token.expose().to_owned(), expires_at: device.expires_at });
    plan.edit(scene.now, |account| account.devices = devices)
}

/// Where a code for this recipient goes as things stand now.
pub(super) fn address(recipient: Recipient, account: &Account, pending: Option<&Phone>) -> Option<Address> {
    match recipient {
        Recipient::Email => Some(Address::Email(account.email.clone())),
        Recipient::Phone => account.factors.sms.as_ref().map(|sms| Address::Phone(sms.phone.clone())),
        Recipient::NewPhone => pending.cloned().map(Address::Phone),
    }
}

/// The facts say that it is there, and it is not: the account has changed under the wizard.
pub(super) fn missing() -> Refused {
    Refused::new(Reason::StepNotAllowed)
}

pub(super) fn seconds(seconds: u64) -> TimeDelta {
    TimeDelta::seconds(i64::try_from(seconds).unwrap_or(i64::MAX / 1_000))
}
