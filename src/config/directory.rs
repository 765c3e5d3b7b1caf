use super::key::{Fallback, Key, Kind};
use super::reader::{Reader, Setting};
use super::sms::web_address;
use crate::directory::DirectorySettings;
use crate::identity::Secret;

pub(super) const KEYS: &[Key] = &[
    Key::new(
        "directory.url",
        Kind::Text("an address that begins with `https://` or `http://`"),
        Fallback::Unset,
        "Where names and passwords are posted to be checked; unset checks them against the hashes of the accounts.",
    )
    .secret(),
    Key::new(
        "directory.secret",
        Kind::Text("at least 1 character; 32 random ones are wise"),
        Fallback::Unset,
        "The key that signs what is posted. Needed with `directory.url`.",
    )
    .secret(),
    Key::new(
        "directory.timeout",
        Kind::Duration("100ms", "30s"),
        Fallback::Value("3s"),
        "How long one question may take, all in all; the person waits for it.",
    ),
];

/// `None` when there is no directory, and after an error, which is then remembered.
pub(super) fn read(reader: &mut Reader) -> Option<DirectorySettings> {
    let url = reader.optional("directory.url", web_address);
    let secret = reader.optional("directory.secret", Setting::text).map(Secret::new);
    let timeout = reader.required("directory.timeout", Setting::duration);
    for (path, other) in [("directory.url", "directory.secret"), ("directory.secret", "directory.url")] {
        if reader.is_set(other) && !reader.is_set(path) {
            reader.fail(path, format!("must be set when `{other}` is"));
        }
    }
    Some(DirectorySettings { url: url?, secret: secret?, timeout: timeout? })
}

pub(super) fn warn(directory: &DirectorySettings, warnings: &mut Vec<String>) {
    if url::Url::parse(directory.url.expose()).is_ok_and(|url| url.scheme() == "http" && !is_loopback(&url)) {
        warnings.push("directory.url is not https: passwords go out in clear".to_owned());
    }
    if directory.secret.expose().len() < 16 {
        warnings.push("directory.secret is shorter than 16 bytes: it can be guessed".to_owned());
    }
}

fn is_loopback(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
