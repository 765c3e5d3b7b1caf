use super::key::{Fallback, Key, Kind};
use super::reader::{Reader, Setting};
use super::server::short_name;
use crate::identity::Totp;

pub(super) const KEYS: &[Key] = &[
    Key::new(
        "totp.issuer",
        Kind::Text("1 to 40 characters without a colon"),
        Fallback::Computed("`product`, with spaces for colons"),
        "The name that authenticator apps show.",
    ),
    Key::new(
        "totp.skew",
        Kind::Integer(0, 2),
        Fallback::Value("1"),
        "Steps of 30 s before and after the present one whose codes are accepted (RFC 6238 §5.2).",
    ),
];

pub(super) struct TotpSection {
    pub issuer: String,
    pub totp: Totp,
}

pub(super) fn read(reader: &mut Reader, product: Option<&str>) -> Option<TotpSection> {
    let issuer = reader.optional("totp.issuer", |setting| {
        let text = short_name(&setting.text()?)?;
        if text.contains(':') { Err("holds a colon".to_owned()) } else { Ok(text) }
    });
    let skew = reader.required("totp.skew", Setting::number);
    let issuer = issuer.or_else(|| product.map(|product| product.replace(':', " ")));
    Some(TotpSection { issuer: issuer?, totp: Totp { skew: skew?, ..Totp::default() } })
}
