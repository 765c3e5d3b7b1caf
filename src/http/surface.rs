use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

use crate::engine::Engine;
use crate::identity::Secret;

/// What all handlers share.
pub struct Surface {
    pub engine: Arc<Engine>,
    /// The operator's key; without one there is no operator surface.
    pub admin_key: Option<Secret>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Bytes of the largest body that is read.
    pub body_limit: usize,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// Whether cookies are for HTTPS only.
    pub secure_cookies: bool,
    /// What was "sent" on a developer's machine.
    pub outbox: Option<Arc<dyn DevOutbox>>,
    /// The clock of a developer's machine.
    pub clock: Option<Arc<dyn DevClock>>,
    /// What can be made to go wrong on a developer's machine.
    pub faults: Option<Arc<dyn DevFaults>>,
}

/// The dev outbox as the dev routes see it.
pub trait DevOutbox: Send + Sync {
    /// Newest first; those to `to` only, if given.
    fn messages(&self, to: Option<&str>) -> Vec<SentMessage>;

    fn clear(&self);
}

/// A clock that can be put forward, as the dev routes see it.
pub trait DevClock: Send + Sync {
    fn now(&self) -> DateTime<Utc>;

    /// Seconds that it is ahead of the real time.
    fn ahead(&self) -> u64;

    /// # Errors
    /// The most seconds that it could go forward, when these are more.
    fn advance(&self, seconds: u64) -> Result<(), u64>;

    /// Back to the real time.
    fn reset(&self);
}

/// The faults of the providers, as the dev routes see them.
pub trait DevFaults: Send + Sync {
    fn set(&self, switch: FaultSwitch);

    /// One for each channel.
    fn all(&self) -> Vec<FaultSwitch>;
}

/// What goes wrong with the messages of a channel.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
pub struct FaultSwitch {
    pub channel: Via,
    pub fault: FaultName,
    /// For how many further messages; for all when it is not there.
    #[serde(default)]
    pub times: Option<u32>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    Sms,
    Email,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultName {
    None,
    /// No provider takes the message: 502 `delivery_failed`.
    Refuse,
    /// The provider never answers: nothing arrives, and the receipt's status is 1.
    Hang,
    /// The provider's answer is lost: the message arrives, and the receipt's status is 1.
    Unknown,
}

/// A message that a developer's machine kept instead of sending it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SentMessage {
    pub id: String,
    /// `sms` or `email`.
    pub channel: String,
    pub to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    pub text: String,
    /// `code` or `notice`.
    pub kind: String,
    pub code: Option<String>,
    /// The stable name of a notice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
    pub locale: String,
    #[serde(serialize_with = "written")]
    #[schema(value_type = String, format = DateTime)]
    pub sent_at: DateTime<Utc>,
}

fn written<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&super::times::micros(*time))
}

/// The address that limits count: the peer's, or, when the peer is a trusted proxy, the last address in
/// `X-Forwarded-For` that is not one.
pub fn client_address(proxies: &[IpNet], peer: Option<IpAddr>, forwarded_for: Option<&str>) -> Option<IpAddr> {
    let trusted = |address: IpAddr| proxies.iter().any(|net| net.contains(&address));
    let peer = peer?.to_canonical();
    if !trusted(peer) {
        return Some(peer);
    }
    for hop in forwarded_for.unwrap_or_default().rsplit(',') {
        match hop.trim().parse::<IpAddr>().map(|address| address.to_canonical()) {
            Ok(address) if trusted(address) => {}
            Ok(address) => return Some(address),
            // Whatever stands left of something unreadable was not written by a proxy of ours.
            Err(_) => break,
        }
    }
    Some(peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(proxies: &[&str], peer: &str, forwarded_for: &str) -> String {
        let proxies: Vec<IpNet> = proxies.iter().map(|net| net.parse().unwrap()).collect();
        client_address(&proxies, peer.parse().ok(), Some(forwarded_for)).unwrap().to_string()
    }

    #[test]
    fn a_header_counts_only_behind_a_trusted_proxy() {
        assert_eq!(seen(&[], "10.0.0.1", "1.2.3.4"), "10.0.0.1");
        assert_eq!(seen(&["10.0.0.0/8"], "10.0.0.1", "1.2.3.4"), "1.2.3.4");
        assert_eq!(seen(&["10.0.0.0/8"], "::ffff:10.0.0.1", "1.2.3.4"), "1.2.3.4");
    }

    #[test]
    fn only_what_a_trusted_proxy_wrote_is_believed() {
        assert_eq!(seen(&["10.0.0.0/8"], "10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2"), "1.2.3.4");
        assert_eq!(seen(&["10.0.0.0/8"], "10.0.0.1", "1.2.3.4, nonsense"), "10.0.0.1");
        assert_eq!(seen(&["10.0.0.0/8"], "10.0.0.1", ""), "10.0.0.1");
    }
}
