use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use serde::Serialize;

use super::queue::Outlet;
use crate::delivery::posting;
use crate::delivery::{SetupError, WebhookSettings};
use crate::engine::ports::{Clock, Event};
use crate::identity::{SIGNATURE_HEADER, Secret, signature};
use crate::telemetry::cause;

/// Posts events as signed JSON, `{"events":[…]}`, to an address of the operator's.
///
/// The header `X-Stepgate-Signature` is that of the SMS webhook. Any 2xx means taken; after anything else, and after no
/// answer, the same events come again: the receiver tells a repeat by an event's `id`.
pub struct EventWebhook {
    client: reqwest::Client,
    url: Url,
    secret: Secret,
    timeout: Duration,
    clock: Arc<dyn Clock>,
}

#[derive(Serialize)]
struct Body<'a> {
    events: &'a [Event],
}

impl EventWebhook {
    /// # Errors
    /// When the address is no URL, or TLS cannot be set up.
    pub fn new(settings: WebhookSettings, clock: Arc<dyn Clock>) -> Result<Self, SetupError> {
        let failed = |problem: String| SetupError { provider: "events.webhook", problem };
        let url = Url::parse(settings.url.expose()).map_err(|error| failed(format!("url: {error}")))?;
        let client = posting::client(settings.timeout).map_err(failed)?;
        Ok(EventWebhook { client, url, secret: settings.secret, timeout: settings.timeout, clock })
    }
}

#[async_trait]
impl Outlet for EventWebhook {
    fn name(&self) -> &'static str {
        "events.webhook"
    }

    async fn deliver(&mut self, batch: &[Event]) -> Result<(), String> {
        let body = serde_json::to_string(&Body { events: batch }).map_err(|error| error.to_string())?;
        let request = self
            .client
            .post(self.url.clone())
            .timeout(self.timeout)
            .header(CONTENT_TYPE, "application/json")
            .header(SIGNATURE_HEADER, signature(&self.secret, self.clock.now().timestamp(), &body))
            .body(body);
        let status = request.send().await.map_err(|error| cause(&error))?.status();
        if status.is_success() { Ok(()) } else { Err(format!("status {}", status.as_u16())) }
    }
}
