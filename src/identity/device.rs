use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{AccountId, Keys, Secret};

/// A device on which the second factor was proved, and which stands in for it for a while.
///
/// Its token is a series and a counter: every use hands out the next one, so that a stolen copy is noticed as soon as
/// both the thief and the owner have used it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Device {
    /// 128 bits as 22 characters; also its name in the API.
    pub series: String,
    pub counter: u32,
    pub created_at: DateTime<Utc>,
    pub used_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    /// The client's `User-Agent` when it was remembered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What presenting a device's token leads to.
#[derive(Debug, Clone, PartialEq)]
pub enum DeviceOutcome {
    /// It is remembered; the devices as they are after this use, and the token for the next.
    Remembered(Vec<Device>, DeviceToken),
    /// The account does not know it, or not any more.
    Unknown,
    /// It was genuine once and has been used since: somebody has a copy. All devices are to be forgotten.
    Stolen,
}

impl Device {
    /// Devices that one account may have; the least recently used goes first.
    pub const MOST: usize = 10;
    /// Two tabs may present the same token within this long.
    pub const RACE: TimeDelta = TimeDelta::seconds(10);

    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        now < self.expires_at
    }

    /// A use of `token` of account `id` at `now`.
    pub fn present(
        devices: &[Device],
        token: &DeviceToken,
        id: AccountId,
        keys: &Keys,
        now: DateTime<Utc>,
    ) -> DeviceOutcome {
        if token.account != id {
            return DeviceOutcome::Unknown;
        }
        let mut devices: Vec<Device> = devices.to_vec();
        let known = devices.iter_mut().find(|device| device.series == token.series);
        let Some(device) = known.filter(|device| device.is_live(now)) else { return DeviceOutcome::Unknown };
        let raced = token.counter.checked_add(1) == Some(device.counter) && now - device.used_at <= Self::RACE;
        if token.counter == device.counter {
            device.counter = device.counter.saturating_add(1);
            device.used_at = now;
        } else if !raced {
            return DeviceOutcome::Stolen;
        }
        let next = DeviceToken::mint(keys, id, &device.series, device.counter);
        DeviceOutcome::Remembered(devices, next)
    }

    /// `devices` with one more, without those whose time is over.
    pub fn remember(devices: &[Device], new: Device, now: DateTime<Utc>) -> Vec<Device> {
        let mut kept: Vec<Device> = devices.iter().filter(|device| device.is_live(now)).cloned().collect();
        kept.sort_by_key(|device| device.used_at);
        let surplus = (kept.len() + 1).saturating_sub(Self::MOST);
        kept.drain(..surplus);
        kept.push(new);
        kept
    }
}

/// What a remembered device shows: its account, series and counter, and a seal that only this server makes.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceToken {
    pub account: AccountId,
    pub series: String,
    pub counter: u32,
    text: Secret,
}

impl DeviceToken {
    pub fn mint(keys: &Keys, account: AccountId, series: &str, counter: u32) -> Self {
        let body = format!("{account}.{series}.{counter}");
        let text = Secret::new(format!("{body}.{}", keys.mac("device", &[&body])));
        DeviceToken { account, series: series.to_owned(), counter, text }
    }

    /// The token in `text`, or `None` when this server never made it.
    pub fn parse(keys: &Keys, text: &str) -> Option<Self> {
        let (body, seal) = text.rsplit_once('.')?;
        let genuine = subtle::ConstantTimeEq::ct_eq(keys.mac("device", &[body]).as_bytes(), seal.as_bytes());
        if !bool::from(genuine) {
            return None;
        }
        let mut parts = body.split('.');
        let account = parts.next()?.parse().ok()?;
        let series = parts.next()?.to_owned();
        let counter = parts.next()?.parse().ok()?;
        Some(DeviceToken { account, series, counter, text: Secret::new(text) })
    }

    pub fn expose(&self) -> &str {
        self.text.expose()
    }
}

impl fmt::Debug for DeviceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceToken({}/{})", self.account, self.series)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(series: &str, used_at: DateTime<Utc>) -> Device {
        let expires_at = used_at + TimeDelta::days(30);
        Device { series: series.into(), counter: 0, created_at: used_at, used_at, expires_at, name: None }
    }

    #[test]
    fn each_use_hands_out_the_next_token_and_an_old_one_is_a_theft() {
        let (keys, id, now) = (Keys::from_master([1; 32]), AccountId(7), DateTime::UNIX_EPOCH);
        let first = DeviceToken::mint(&keys, id, "s", 0);
        let DeviceOutcome::Remembered(devices, second) = Device::present(&[device("s", now)], &first, id, &keys, now)
        else {
            panic!("not remembered")
        };
        assert_eq!(second.counter, 1);
        // The other tab of the same browser.
        let within = now + Device::RACE;
        assert!(
            matches!(Device::present(&devices, &first, id, &keys, within), DeviceOutcome::Remembered(_, token) if token.counter == 1)
        );
        let late = within + TimeDelta::seconds(1);
        assert_eq!(Device::present(&devices, &first, id, &keys, late), DeviceOutcome::Stolen);
        assert!(matches!(Device::present(&devices, &second, id, &keys, late), DeviceOutcome::Remembered(..)));
        assert_eq!(Device::present(&devices, &second, AccountId(8), &keys, late), DeviceOutcome::Unknown);
        assert_eq!(Device::present(&devices, &second, id, &keys, now + TimeDelta::days(30)), DeviceOutcome::Unknown);
    }

    #[test]
    fn a_forged_token_is_none() {
        let keys = Keys::from_master([1; 32]);
        let token = DeviceToken::mint(&keys, AccountId(7), "s", 3);
        assert_eq!(DeviceToken::parse(&keys, token.expose()).unwrap(), token);
        assert_eq!(DeviceToken::parse(&keys, &token.expose().replacen(".3.", ".4.", 1)), None);
        assert_eq!(DeviceToken::parse(&Keys::from_master([2; 32]), token.expose()), None);
    }

    #[test]
    fn the_least_recently_used_makes_room() {
        let now = DateTime::UNIX_EPOCH;
        let mut devices = Vec::new();
        for n in 0..12 {
            devices = Device::remember(&devices, device(&n.to_string(), now + TimeDelta::seconds(n)), now);
        }
        let names: Vec<&str> = devices.iter().map(|device| device.series.as_str()).collect();
        assert_eq!(names, ["2", "3", "4", "5", "6", "7", "8", "9", "10", "11"]);
    }
}
