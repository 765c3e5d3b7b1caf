use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{StatusCode, Url};
use serde::Serialize;

use super::posting;
use super::provider::{Deadline, Failure, Provider};
use super::{SetupError, Wording};
use crate::engine::ports::{Address, Clock, Message, MessageKind};
use crate::identity::{SIGNATURE_HEADER, Secret, signature};
use crate::telemetry::cause;

/// Where SMS are posted, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookSettings {
    /// `http://` or `https://`.
    pub url: Secret,
    /// The key of the signature.
    pub secret: Secret,
    /// How long one try may take, from the connection to the answer's status.
    pub timeout: Duration,
}

/// Posts each SMS as signed JSON to an address of the operator's.
///
/// The header is `X-Stepgate-Signature: t=<Unix seconds>,v1=<hex HMAC-SHA256 of "t.body">`. Any 2xx means accepted; the
/// body of the answer is not read. 408, 429 and 5xx mean not accepted; 504 is a gateway that gave up waiting for
/// somebody who may have taken it, so its outcome is unknown. Everything else is refused for good. Redirects are not
/// followed and proxies of the environment are not used.
pub struct Webhook {
    client: reqwest::Client,
    url: Url,
    secret: Secret,
    timeout: Duration,
    clock: Arc<dyn Clock>,
    wording: Arc<Wording>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    to: &'a str,
    text: &'a str,
    code: &'a str,
    template: &'static str,
    locale: &'static str,
    message_id: &'a str,
}

impl Webhook {
    /// # Errors
    /// When the address is no URL, or TLS cannot be set up.
    pub fn new(settings: WebhookSettings, clock: Arc<dyn Clock>, wording: Arc<Wording>) -> Result<Self, SetupError> {
        let failed = |problem: String| SetupError { provider: "webhook", problem };
        let url = Url::parse(settings.url.expose()).map_err(|error| failed(format!("url: {error}")))?;
        let client = posting::client(settings.timeout).map_err(failed)?;
        Ok(Webhook { client, url, secret: settings.secret, timeout: settings.timeout, clock, wording })
    }

    fn body(&self, message: &Message) -> Result<String, Failure> {
        let Address::Phone(phone) = &message.to else {
            return Err(Failure::permanent("the SMS webhook takes phone numbers only"));
        };
        let MessageKind::Code { code, .. } = &message.kind else {
            return Err(Failure::permanent("the SMS webhook takes codes only"));
        };
        let body = Body {
            to: phone.as_str(),
            text: &self.wording.sms(message),
            code: code.expose(),
            template: "code",
            locale: message.locale.as_str(),
            message_id: &message.id,
        };
        serde_json::to_string(&body).map_err(|error| Failure::permanent(error.to_string()))
    }
}

#[async_trait]
impl Provider for Webhook {
    fn name(&self) -> &'static str {
        "webhook"
    }

    async fn send(&self, message: &Message, time: &Deadline) -> Result<(), Failure> {
        let body = self.body(message)?;
        let signed = signature(&self.secret, self.clock.now().timestamp(), &body);
        let left = time.end_by.saturating_duration_since(tokio::time::Instant::now());
        let request = self
            .client
            .post(self.url.clone())
            .timeout(self.timeout.min(left))
            .header(CONTENT_TYPE, "application/json")
            .header(SIGNATURE_HEADER, signed)
            .body(body);
        match request.send().await {
            Ok(response) => judge(response.status(), response.headers()),
            Err(error) => Err(failure(&error)),
        }
    }
}

fn judge(status: StatusCode, headers: &HeaderMap) -> Result<(), Failure> {
    let reason = format!("status {}", status.as_u16());
    match status {
        _ if status.is_success() => Ok(()),
        StatusCode::GATEWAY_TIMEOUT => Err(Failure::Unknown { reason }),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
            Err(Failure::NotAccepted { reason, retry_after: retry_after(headers) })
        }
        _ if status.is_server_error() => Err(Failure::NotAccepted { reason, retry_after: retry_after(headers) }),
        _ => Err(Failure::Permanent { reason }),
    }
}

/// `Retry-After` in seconds (RFC 9110 §10.2.3); a date is taken as no hint.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// Only an error from before there was a connection is certain; everything later may have been read.
fn failure(error: &reqwest::Error) -> Failure {
    let reason = cause(error);
    if error.is_connect() {
        Failure::not_accepted(reason)
    } else if error.is_builder() {
        Failure::permanent(reason)
    } else {
        Failure::unknown(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_lead_where_the_documentation_says() {
        let kind = |code: u16| match judge(StatusCode::from_u16(code).unwrap(), &HeaderMap::new()) {
            Ok(()) => "accepted",
            Err(Failure::NotAccepted { .. }) => "again",
            Err(Failure::Permanent { .. }) => "never",
            Err(Failure::Unknown { .. }) => "unknown",
        };
        for (code, expected) in [
            (200, "accepted"),
            (202, "accepted"),
            (301, "never"),
            (400, "never"),
            (401, "never"),
            (408, "again"),
            (429, "again"),
            (500, "again"),
            (503, "again"),
            (504, "unknown"),
        ] {
            assert_eq!(kind(code), expected, "{code}");
        }
    }
}
