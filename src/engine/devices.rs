use crate::engine::ports::{AccountWrite, EventKind};
use crate::engine::{Call, Caller, Engine, Reason, Refused};
use crate::identity::{Device, DeviceToken};

/// How often an account may change under one call before the call gives up.
const PATIENCE: usize = 5;

/// The remembered devices of an account, and the one that asks.
#[derive(Debug, Clone)]
pub struct Devices {
    /// Newest use first.
    pub all: Vec<Device>,
    /// The series of the device whose token was shown.
    pub current: Option<String>,
}

impl Engine {
    /// The caller's remembered devices. One round trip.
    ///
    /// # Errors
    /// As [`Engine::authenticate`].
    pub async fn devices(&self, call: &Call, token: &str) -> Result<Devices, Refused> {
        let Caller { account, .. } = self.authenticate(token).await?;
        let now = self.clock.now();
        let mut all: Vec<Device> = self.policy.devices(&account, now).cloned().collect();
        all.sort_by_key(|device| std::cmp::Reverse(device.used_at));
        let shown = call.device.as_ref().and_then(|token| DeviceToken::parse(&self.keys, token.expose()));
        let current = shown.filter(|token| token.account == account.id).map(|token| token.series);
        Ok(Devices { all, current })
    }

    /// Forgets one of the caller's devices, or all of them.
    ///
    /// # Errors
    /// [`Reason::NotFound`] when there is no such device; as [`Engine::authenticate`].
    pub async fn forget_devices(&self, call: &Call, token: &str, series: Option<&str>) -> Result<(), Refused> {
        for _ in 0..PATIENCE {
            let caller = self.authenticate(token).await?;
            let now = self.clock.now();
            let mut account = caller.account.clone();
            account.devices.retain(|device| series.is_some_and(|series| device.series != series));
            let gone = caller.account.devices.len() - account.devices.len();
            if gone == 0 {
                return if series.is_some() { Err(Refused::new(Reason::NotFound)) } else { Ok(()) };
            }
            account.changed(now);
            let write = AccountWrite { account: Some(account.clone()), ..AccountWrite::default() };
            match self.write_account(&caller.account, None, write).await {
                Err(refused) if refused.reason == Reason::WizardChanged => {}
                done => {
                    done?;
                    let event = self.happening(EventKind::DeviceForgotten).to(account.id).in_call(call);
                    self.note(event.session(&caller.session.id).detail("devices", gone.to_string()));
                    return Ok(());
                }
            }
        }
        Err(Refused::new(Reason::WizardChanged))
    }
}
