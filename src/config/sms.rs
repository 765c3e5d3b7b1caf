use std::time::Duration;

use super::key::{Fallback, Key, Kind};
use super::reader::{Reader, Setting};
use crate::delivery::WebhookSettings;
use crate::identity::Secret;

pub(super) const KEYS: &[Key] = &[
    Key::new(
        "sms.providers",
        Kind::List("`webhook`, `outbox`, each at most once"),
        Fallback::Computed("`[\"outbox\"]` in dev mode; needed when `dev` is off"),
        "Who takes text messages, in the order in which they are asked.",
    ),
    Key::new(
        "sms.allowed_prefixes",
        Kind::List("`+` and 1 to 15 digits"),
        Fallback::Value("[]"),
        "The prefixes of the numbers that text messages may go to; empty allows all.",
    ),
    Key::new(
        "sms.deadline",
        Kind::Duration("1s", "60s"),
        Fallback::Value("8s"),
        "How long one text message may take over all providers and retries; the person waits for it.",
    ),
    Key::new(
        "sms.webhook.url",
        Kind::Text("an address that begins with `https://` or `http://`"),
        Fallback::Unset,
        "Where text messages are posted. Needed when `sms.providers` has `webhook`.",
    )
    .secret(),
    Key::new(
        "sms.webhook.secret",
        Kind::Text("at least 1 character; 32 random ones are wise"),
        Fallback::Unset,
        "The key that signs what is posted. Needed when `sms.providers` has `webhook`.",
    )
    .secret(),
    Key::new(
        "sms.webhook.timeout",
        Kind::Duration("100ms", "60s"),
        Fallback::Value("5s"),
        "How long one try may take, within `sms.deadline`.",
    ),
];

/// Who can take text messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmsProvider {
    Webhook,
    Outbox,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sms {
    pub providers: Vec<SmsProvider>,
    pub allowed_prefixes: Vec<String>,
    pub deadline: Duration,
    /// Always there when `providers` has [`SmsProvider::Webhook`].
    pub webhook: Option<WebhookSettings>,
}

impl Sms {
    pub(super) fn warn(&self, warnings: &mut Vec<String>) {
        if self.providers.contains(&SmsProvider::Outbox) {
            warnings.push("sms.providers has outbox: what it takes reaches nobody".to_owned());
        }
        let Some(webhook) = &self.webhook else { return };
        if webhook.url.expose().starts_with("http:") {
            warnings.push("sms.webhook.url is not https: codes go out in clear".to_owned());
        }
        if webhook.secret.expose().len() < 16 {
            warnings.push("sms.webhook.secret is shorter than 16 bytes: it can be guessed".to_owned());
        }
    }
}

pub(super) fn read(reader: &mut Reader, dev: Option<bool>) -> Option<Sms> {
    let providers = read_providers(reader, dev);
    let allowed_prefixes = reader.required("sms.allowed_prefixes", |setting| setting.each(dialling_prefix));
    let deadline = reader.required("sms.deadline", Setting::duration);
    let webhook = read_webhook(reader, providers.as_ref().is_some_and(|list| list.contains(&SmsProvider::Webhook)));
    Some(Sms { providers: providers?, allowed_prefixes: allowed_prefixes?, deadline: deadline?, webhook })
}

fn read_providers(reader: &mut Reader, dev: Option<bool>) -> Option<Vec<SmsProvider>> {
    let listed = reader.optional("sms.providers", |setting| distinct(setting.each(provider)?));
    if listed.is_none() && reader.is_set("sms.providers") {
        return None;
    }
    let providers = listed.unwrap_or_else(|| if dev == Some(true) { vec![SmsProvider::Outbox] } else { Vec::new() });
    if providers.is_empty() && dev == Some(false) {
        reader.fail("sms.providers", "must name at least one provider when `dev` is off");
    }
    Some(providers)
}

fn provider(name: &str) -> Result<SmsProvider, String> {
    match name {
        "webhook" => Ok(SmsProvider::Webhook),
        "outbox" => Ok(SmsProvider::Outbox),
        "twilio" | "vonage" => Err(format!("{name} is not built into this version; use `webhook`")),
        _ => Err(format!("{name:?} is no provider")),
    }
}

/// A provider twice in one list would send twice.
pub(super) fn distinct<T: PartialEq>(list: Vec<T>) -> Result<Vec<T>, String> {
    let repeated = list.iter().enumerate().any(|(at, item)| list[..at].contains(item));
    if repeated { Err("names a provider twice".to_owned()) } else { Ok(list) }
}

fn read_webhook(reader: &mut Reader, listed: bool) -> Option<WebhookSettings> {
    let url = reader.optional("sms.webhook.url", web_address);
    let secret = reader.optional("sms.webhook.secret", Setting::text).map(Secret::new);
    let timeout = reader.required("sms.webhook.timeout", Setting::duration);
    for path in ["sms.webhook.url", "sms.webhook.secret"] {
        if listed && !reader.is_set(path) {
            reader.fail(path, "must be set when `sms.providers` has `webhook`");
        }
    }
    Some(WebhookSettings { url: url?, secret: secret?, timeout: timeout? })
}

pub(super) fn web_address(setting: &Setting) -> Result<Secret, String> {
    let text = setting.text()?;
    let url = url::Url::parse(&text).map_err(|error| format!("is no URL: {error}"))?;
    match url.scheme() {
        "http" | "https" => Ok(Secret::new(text)),
        _ => Err("is neither an https nor an http address".to_owned()),
    }
}

fn dialling_prefix(text: &str) -> Result<String, String> {
    let digits = text.strip_prefix('+').unwrap_or_default();
    let fits = (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if fits { Ok(text.to_owned()) } else { Err(format!("{text:?} is no prefix")) }
}
