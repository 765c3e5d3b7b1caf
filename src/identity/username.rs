use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use super::Email;

/// Bytes of a name, a password or a code as it is typed: what is longer could not be right, and is not worth a look.
pub const LONGEST_TYPED: usize = 1_024;

/// A user name: NFKC, 1 to 64 characters, letters, digits and `._-`, no `@`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Username(String);

/// The text is not a user name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 letters, digits, dots, underscores or hyphens")]
pub struct UsernameError;

impl Username {
    /// # Errors
    /// When the text, trimmed and in NFKC, has another character or another length.
    pub fn parse(text: &str) -> Result<Self, UsernameError> {
        let text: String = text.trim().nfkc().collect();
        let length = text.chars().count();
        let allowed = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
        if (1..=64).contains(&length) && text.chars().all(allowed) { Ok(Username(text)) } else { Err(UsernameError) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Username {
    type Error = UsernameError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Username::parse(&text)
    }
}

impl From<Username> for String {
    fn from(name: Username) -> Self {
        name.0
    }
}

/// How spellings of one name are told to be the same, beyond letter case and NFKC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameRules {
    /// Mail domains in which dots before the `@` mean nothing, in lower case.
    pub dotless_domains: Vec<String>,
}

/// The one key under which all spellings of a name are looked up and counted: NFKC, lower case, dots as configured.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LoginName(String);

impl LoginName {
    pub fn of_email(email: &Email, rules: &NameRules) -> Self {
        Self::fold(email.as_str(), rules)
    }

    pub fn of_username(name: &Username) -> Self {
        Self::fold(name.as_str(), &NameRules::default())
    }

    /// The key of whatever somebody typed at sign-in; every text has one, also one that is nobody's name.
    pub fn of_typed(text: &str, rules: &NameRules) -> Self {
        Self::fold(text.trim(), rules)
    }

    /// The key of the name that the operator's own directory has for an account. Nobody can type it: whatever is typed
    /// becomes lower case.
    pub fn of_external(id: &str) -> Self {
        LoginName(format!("ID:{id}"))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether an account can be called so: by an email address or a user name.
    pub fn can_be_given(&self) -> bool {
        Email::parse(&self.0).is_ok() || Username::parse(&self.0).is_ok()
    }

    fn fold(text: &str, rules: &NameRules) -> Self {
        // NFKC again after lower-casing: a lower-case form may compose anew.
        let folded: String = text.nfkc().flat_map(char::to_lowercase).nfkc().collect();
        match folded.rsplit_once('@') {
            Some((local, domain)) if rules.dotless_domains.iter().any(|d| d == domain) => {
                LoginName(format!("{}@{domain}", local.replace('.', "")))
            }
            _ => LoginName(folded),
        }
    }
}

impl fmt::Display for LoginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_share_a_key() {
        let rules = NameRules { dotless_domains: vec!["example.com".into()] };
        let key = LoginName::of_typed("demo@example.com", &rules);
        for text in [" Demo@Example.COM ", "ｄｅｍｏ@example.com", "de.mo@example.com"] {
            assert_eq!(LoginName::of_typed(text, &rules), key, "{text}");
        }
        assert_ne!(LoginName::of_typed("de.mo@example.com", &NameRules::default()), key);
    }

    /// Else a typed text could find an account past its names.
    #[test]
    fn nothing_that_is_typed_is_an_external_name() {
        let rules = NameRules::default();
        assert_ne!(LoginName::of_typed("ID:7", &rules), LoginName::of_external("7"));
        assert_ne!(LoginName::of_external("a"), LoginName::of_external("A"));
        for c in char::MIN..=char::MAX {
            let typed = LoginName::of_typed(&c.to_string(), &rules);
            assert!(!typed.as_str().contains(|c: char| c.is_ascii_uppercase()), "{c:?}");
        }
    }

    #[test]
    fn a_user_name_has_no_room_for_an_address() {
        assert!(Username::parse("john.doe-2").is_ok());
        for text in ["", "a@b", "a b", "a\nb", &"x".repeat(65)] {
            assert_eq!(Username::parse(text), Err(UsernameError), "{text:?}");
        }
    }
}
