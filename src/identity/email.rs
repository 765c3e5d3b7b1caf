use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// An email address: Unicode NFKC, no control characters, at most 254 characters (RFC 5321 §4.5.3.1.3).
///
/// The spelling is kept for showing and sending; [`super::LoginName`] is what two spellings share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

/// The text is not an email address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be an email address of at most 254 characters")]
pub struct EmailError;

impl Email {
    /// # Errors
    /// When the text, trimmed and in NFKC, is no address of the form `local@domain`.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        let text: String = text.trim().nfkc().collect();
        let plain = text.len() <= 254 && !text.chars().any(|c| c.is_control() || c == '"' || c == '<' || c == '>');
        match email_address::EmailAddress::from_str(&text) {
            Ok(_) if plain => Ok(Email(text)),
            _ => Err(EmailError),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What may be shown to somebody who has not proved the address yet: `j***@example.com`.
    pub fn masked(&self) -> String {
        let (local, domain) = self.0.rsplit_once('@').unwrap_or((&self.0, ""));
        let first: String = local.chars().take(1).collect();
        format!("{first}***@{domain}")
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Email {
    type Error = EmailError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Email::parse(&text)
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_display_names_are_refused() {
        for text in ["", "demo", "a@b\r\nBcc: c@d", "a\0@b.example", "\"a b\"@c.example", "A <a@b.example>"] {
            assert_eq!(Email::parse(text), Err(EmailError), "{text:?}");
        }
    }

    #[test]
    fn full_width_letters_become_plain_ones() {
        assert_eq!(Email::parse("ｄｅｍｏ@example.com").unwrap().as_str(), "demo@example.com");
    }

    #[test]
    fn a_masked_address_keeps_one_letter_and_the_domain() {
        assert_eq!(Email::parse("john@example.com").unwrap().masked(), "j***@example.com");
    }
}
