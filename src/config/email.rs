use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use url::{Host, Url};

use super::key::{Fallback, Key, Kind};
use super::reader::{Reader, Setting};
use super::sms::distinct;
use crate::delivery::{Login, Relay, Security, Sender};
use crate::identity::Secret;

pub(super) const KEYS: &[Key] = &[
    Key::new(
        "email.providers",
        Kind::List("`smtp`, `outbox`, each at most once"),
        Fallback::Computed("`[\"outbox\"]` in dev mode; needed when `dev` is off"),
        "Who takes email, in the order in which they are asked.",
    ),
    Key::new(
        "email.from",
        Kind::Text("an email address, or a name and an address as in `Stepgate <no-reply@example.com>`"),
        Fallback::Unset,
        "Whom email comes from. Needed when `email.providers` has `smtp`.",
    ),
    Key::new(
        "email.deadline",
        Kind::Duration("1s", "60s"),
        Fallback::Value("8s"),
        "How long one email may take over all providers and retries; the person waits for it.",
    ),
    Key::new(
        "email.smtp.url",
        Kind::Text(
            "`smtps://USER:PASSWORD@HOST:PORT` (TLS), or `smtp://…` with `?tls=required` (STARTTLS or nothing), \
             `?tls=opportunistic` or nothing (never encrypted); USER and PASSWORD percent-encoded; `/NAME` after the \
             port is the EHLO name; ports 465 and 587 unless given",
        ),
        Fallback::Unset,
        "The mail relay. Needed when `email.providers` has `smtp`.",
    )
    .secret(),
    Key::new(
        "email.smtp.ca_file",
        Kind::Text("a file in PEM form that exists"),
        Fallback::Unset,
        "Certificates that are trusted for the relay beside the public ones.",
    ),
];

/// Who can take email.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailProvider {
    Smtp,
    Outbox,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    pub providers: Vec<EmailProvider>,
    /// Always there, as is `smtp`, when `providers` has [`EmailProvider::Smtp`].
    pub from: Option<Sender>,
    pub deadline: Duration,
    pub smtp: Option<Relay>,
    pub ca_file: Option<PathBuf>,
}

impl Email {
    pub(super) fn warn(&self, warnings: &mut Vec<String>) {
        if self.providers.contains(&EmailProvider::Outbox) {
            warnings.push("email.providers has outbox: what it takes reaches nobody".to_owned());
        }
        match self.smtp.as_ref().map(|relay| relay.security) {
            Some(Security::None) => warnings.push("email.smtp.url has no TLS: codes go out in clear".to_owned()),
            Some(Security::Opportunistic) => {
                warnings.push("email.smtp.url has tls=opportunistic: who can change the traffic can read it".to_owned())
            }
            Some(Security::Required | Security::Implicit) | None => {}
        }
    }
}

pub(super) fn read(reader: &mut Reader, dev: Option<bool>) -> Option<Email> {
    let providers = read_providers(reader, dev);
    let from = reader.optional("email.from", |setting| mailbox(&setting.text()?));
    let deadline = reader.required("email.deadline", Setting::duration);
    let smtp = reader.optional("email.smtp.url", |setting| relay(&setting.text()?));
    let ca_file = reader.optional("email.smtp.ca_file", Setting::file);
    if providers.as_ref().is_some_and(|list| list.contains(&EmailProvider::Smtp)) {
        for path in ["email.smtp.url", "email.from"] {
            if !reader.is_set(path) {
                reader.fail(path, "must be set when `email.providers` has `smtp`");
            }
        }
    }
    Some(Email { providers: providers?, from, deadline: deadline?, smtp, ca_file })
}

fn read_providers(reader: &mut Reader, dev: Option<bool>) -> Option<Vec<EmailProvider>> {
    let provider = |name: &str| match name {
        "smtp" => Ok(EmailProvider::Smtp),
        "outbox" => Ok(EmailProvider::Outbox),
        _ => Err(format!("{name:?} is no provider")),
    };
    let listed = reader.optional("email.providers", |setting| distinct(setting.each(provider)?));
    if listed.is_none() && reader.is_set("email.providers") {
        return None;
    }
    let providers = listed.unwrap_or_else(|| if dev == Some(true) { vec![EmailProvider::Outbox] } else { Vec::new() });
    if providers.is_empty() && dev == Some(false) {
        reader.fail("email.providers", "must name at least one provider when `dev` is off");
    }
    Some(providers)
}

fn mailbox(text: &str) -> Result<Sender, String> {
    let (name, address) = match text.trim().strip_suffix('>').and_then(|text| text.split_once('<')) {
        Some((name, address)) => (name.trim().trim_matches('"').trim(), address),
        None => ("", text),
    };
    if name.chars().count() > 100 || name.contains(['<', '>', '"', '\u{2028}', '\u{2029}']) {
        return Err("has a name of more than 100 characters, or one with quotes or angle brackets".to_owned());
    }
    let address = crate::identity::Email::parse(address).map_err(|error| format!("the address {error}"))?;
    Sender::new((!name.is_empty()).then(|| name.to_owned()), address).map_err(|error| error.to_string())
}

/// No problem quotes the URL: it may hold a password.
fn relay(text: &str) -> Result<Relay, String> {
    let url = Url::parse(text).map_err(|error| format!("is no URL: {error}"))?;
    let security = security(&url)?;
    let host = match url.host() {
        Some(Host::Domain(name)) if !name.is_empty() => decoded(name)?,
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        Some(Host::Domain(_)) | None => return Err("names no host".to_owned()),
    };
    let port = url.port().unwrap_or(if security == Security::Implicit { 465 } else { 587 });
    let (user, password) = (decoded(url.username())?, url.password().map(decoded).transpose()?);
    let login = match (user.is_empty(), password) {
        (false, Some(password)) => Some(Login { user, password: Secret::new(password) }),
        (true, None) => None,
        (true, Some(_)) | (false, None) => return Err("needs both a user and a password, or neither".to_owned()),
    };
    let hello = match url.path().trim_matches('/') {
        "" => None,
        name if name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')) => {
            Some(name.to_owned())
        }
        _ => return Err("has an EHLO name that is no host name".to_owned()),
    };
    Ok(Relay { host, port, security, login, hello })
}

fn security(url: &Url) -> Result<Security, String> {
    let mut tls = None;
    for (name, value) in url.query_pairs() {
        match name.as_ref() {
            "tls" => tls = Some(value.into_owned()),
            _ => return Err("has a parameter other than `tls`".to_owned()),
        }
    }
    match (url.scheme(), tls.as_deref()) {
        ("smtps", None) => Ok(Security::Implicit),
        ("smtps", Some(_)) => Err("is encrypted from the start with smtps, so `tls` says nothing".to_owned()),
        ("smtp", None) => Ok(Security::None),
        ("smtp", Some("required")) => Ok(Security::Required),
        ("smtp", Some("opportunistic")) => Ok(Security::Opportunistic),
        ("smtp", Some(_)) => Err("has a `tls` that is neither `required` nor `opportunistic`".to_owned()),
        _ => Err("is neither an smtps nor an smtp address".to_owned()),
    }
}

fn decoded(text: &str) -> Result<String, String> {
    match percent_decode_str(text).decode_utf8() {
        Ok(text) if !text.chars().any(char::is_control) => Ok(text.into_owned()),
        _ => Err("holds an escape that is a control character or not UTF-8".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_is_read_from_its_url() {
        let plain = |port, security| Relay { host: "h.example".into(), port, security, login: None, hello: None };
        assert_eq!(relay("smtp://h.example"), Ok(plain(587, Security::None)));
        assert_eq!(relay("smtps://h.example"), Ok(plain(465, Security::Implicit)));
        assert_eq!(relay("smtp://h.example:25?tls=required"), Ok(plain(25, Security::Required)));
        assert_eq!(relay("smtp://h.example?tls=opportunistic"), Ok(plain(587, Security::Opportunistic)));
        let login = Some(Login { user: "a@b.example".into(), password: Secret::new("p:/?#[]@ %") });
        assert_eq!(
            relay("smtps://a%40b.example:p%3A%2F%3F%23%5B%5D%40%20%25@[::1]:2525/client.example"),
            Ok(Relay {
                host: "::1".into(),
                port: 2525,
                security: Security::Implicit,
                login,
                hello: Some("client.example".into())
            })
        );
    }

    #[test]
    fn a_wrong_relay_is_refused_and_its_password_not_shown() {
        for url in [
            "smtp://",
            "http://u:hunter2@h",
            "smtp://u@h",
            "smtp://:hunter2@h",
            "smtp://u:hunter2@h?tls=maybe",
            "smtp://u:hunter2@h?tls=required&x=1",
            "smtps://u:hunter2@h?tls=required",
            "smtp://u:hunter2%0d%0a@h",
            "smtp://u:hunter2@h/a%0d%0ab",
            "smtp://u:hunter2@h:99999",
        ] {
            let problem = relay(url).expect_err(url);
            assert!(!problem.contains("hunter2"), "{problem}");
        }
    }

    #[test]
    fn a_sender_has_an_address_and_maybe_a_name() {
        let address = || crate::identity::Email::parse("no-reply@example.com").unwrap();
        assert_eq!(mailbox("no-reply@example.com"), Ok(Sender::new(None, address()).unwrap()));
        for text in ["Step gate <no-reply@example.com>", "\"Step gate\" <no-reply@example.com>"] {
            assert_eq!(
                mailbox(text),
                Sender::new(Some("Step gate".into()), address()).map_err(|error| error.to_string())
            );
        }
        for text in ["", "x", "a <b", "a <b@c.example> <d@e.example>", "a@b.example, c@d.example"] {
            assert!(mailbox(text).is_err(), "{text}");
        }
    }
}
