use std::path::{Path, PathBuf};
use std::time::Duration;

use super::key::{Fallback, Key, Kind};
use super::reader::{Reader, Setting};
use super::sms::web_address;
use crate::delivery::WebhookSettings;
use crate::identity::Secret;

/// How long one try at the webhook may take.
const TIMEOUT: Duration = Duration::from_secs(10);

pub(super) const KEYS: &[Key] = &[
    Key::new(
        "events.keep",
        Kind::Integer(1_000, 100_000_000),
        Fallback::Value("1000000"),
        "Events that the store keeps; beyond that the oldest go.",
    ),
    Key::new(
        "events.file",
        Kind::Text("a file in a folder that exists, or `-` for standard output"),
        Fallback::Unset,
        "Where each event is written as one line of JSON; made anew when it was moved away.",
    ),
    Key::new(
        "events.webhook.url",
        Kind::Text("an address that begins with `https://` or `http://`"),
        Fallback::Unset,
        "Where events are posted. Needs `events.webhook.secret`.",
    )
    .secret(),
    Key::new(
        "events.webhook.secret",
        Kind::Text("at least 1 character; 32 random ones are wise"),
        Fallback::Unset,
        "The key that signs what is posted. Needs `events.webhook.url`.",
    )
    .secret(),
];

/// What has happened, for those who have to be able to tell afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Events {
    pub keep: u64,
    pub file: Option<EventsFile>,
    pub webhook: Option<WebhookSettings>,
}

/// Where events are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventsFile {
    Output,
    Path(PathBuf),
}

impl Events {
    pub(super) fn warn(&self, warnings: &mut Vec<String>) {
        let Some(webhook) = &self.webhook else { return };
        if webhook.url.expose().starts_with("http:") {
            warnings.push("events.webhook.url is not https: events go out in clear".to_owned());
        }
        if webhook.secret.expose().len() < 16 {
            warnings.push("events.webhook.secret is shorter than 16 bytes: it can be guessed".to_owned());
        }
    }
}

pub(super) fn read(reader: &mut Reader) -> Option<Events> {
    let keep = reader.required("events.keep", Setting::number);
    let file = reader.optional("events.file", file);
    let url = reader.optional("events.webhook.url", web_address);
    let secret = reader.optional("events.webhook.secret", Setting::text).map(Secret::new);
    for (path, other) in
        [("events.webhook.url", "events.webhook.secret"), ("events.webhook.secret", "events.webhook.url")]
    {
        if reader.is_set(other) && !reader.is_set(path) {
            reader.fail(path, format!("must be set when `{other}` is"));
        }
    }
    let webhook = url.zip(secret).map(|(url, secret)| WebhookSettings { url, secret, timeout: TIMEOUT });
    Some(Events { keep: keep?, file, webhook })
}

fn file(setting: &Setting) -> Result<EventsFile, String> {
    let text = setting.text()?;
    if text == "-" {
        return Ok(EventsFile::Output);
    }
    let path = PathBuf::from(text);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.is_dir() || !folder.is_dir() {
        return Err(format!("{} is no file in a folder that exists", setting.shown()));
    }
    Ok(EventsFile::Path(path))
}
