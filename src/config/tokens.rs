use std::time::Duration;

use super::key::{Fallback, Key, Kind};
use super::reader::{Reader, Setting};

pub(super) const KEYS: &[Key] = &[
    Key::new(
        "tokens.issuer",
        Kind::Text("1 to 200 characters, best a URL"),
        Fallback::Value("stepgate"),
        "`iss` of every access token (RFC 7519 §4.1.1).",
    ),
    Key::new(
        "tokens.audience",
        Kind::Text("1 to 200 characters"),
        Fallback::Value("stepgate"),
        "`aud` of every access token (RFC 7519 §4.1.3).",
    ),
    Key::new(
        "tokens.algorithm",
        Kind::Choice(&["ES256", "RS256", "EdDSA"]),
        Fallback::Value("ES256"),
        "What access tokens are signed with.",
    ),
    Key::new(
        "tokens.access_ttl",
        Kind::Duration("1m", "7d"),
        Fallback::Value("10h"),
        "How long an access token holds.",
    ),
    Key::new(
        "tokens.refresh_ttl",
        Kind::Duration("1h", "365d"),
        Fallback::Value("30d"),
        "How long a refresh token holds; at least as long as an access token.",
    ),
    Key::new(
        "tokens.key_overlap",
        Kind::Duration("2m", "7d"),
        Fallback::Value("10m"),
        "How long a new signing key is published before it signs; as long as others keep the key set at least.",
    ),
];

/// A signature algorithm (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    Es256,
    Rs256,
    EdDsa,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    pub issuer: String,
    pub audience: String,
    pub algorithm: Algorithm,
    pub access_ttl: Duration,
    pub refresh_ttl: Duration,
    pub key_overlap: Duration,
}

pub(super) fn read(reader: &mut Reader) -> Option<Tokens> {
    let issuer = reader.required("tokens.issuer", name);
    let audience = reader.required("tokens.audience", name);
    let algorithm = reader.required("tokens.algorithm", |setting| {
        Ok(match setting.choice()? {
            "RS256" => Algorithm::Rs256,
            "EdDSA" => Algorithm::EdDsa,
            _ => Algorithm::Es256,
        })
    });
    let access_ttl = reader.required("tokens.access_ttl", Setting::duration);
    let refresh_ttl = reader.required("tokens.refresh_ttl", Setting::duration);
    let key_overlap = reader.required("tokens.key_overlap", Setting::duration);
    if access_ttl.zip(refresh_ttl).is_some_and(|(access, refresh)| refresh < access) {
        reader.fail("tokens.refresh_ttl", "is shorter than `tokens.access_ttl`");
    }
    Some(Tokens {
        issuer: issuer?,
        audience: audience?,
        algorithm: algorithm?,
        access_ttl: access_ttl?,
        refresh_ttl: refresh_ttl?,
        key_overlap: key_overlap?,
    })
}

fn name(setting: &Setting) -> Result<String, String> {
    let text = setting.text()?;
    if (1..=200).contains(&text.chars().count()) { Ok(text) } else { Err("is not 1 to 200 characters long".to_owned()) }
}
