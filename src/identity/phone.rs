use std::fmt;

use serde::{Deserialize, Serialize};

/// A phone number in E.164: `+`, then 7 to 15 digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Phone(String);

/// The text is not a phone number that exists in its country's plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a valid phone number in international form, such as +420601123456")]
pub struct PhoneError;

impl Phone {
    /// Takes `+`, digits, and the spaces, dots, hyphens and brackets that people put between them; nothing else, so
    /// that parameters such as `;phone-context=` or `;ext=` never reach the parser.
    ///
    /// # Errors
    /// When the text has another character, no leading `+`, or no such number can exist.
    pub fn parse(text: &str) -> Result<Self, PhoneError> {
        let text = text.trim();
        let written = |c: char| c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '.' | '(' | ')');
        if !text.starts_with('+') || text.matches('+').count() > 1 || text.len() > 32 || !text.chars().all(written) {
            return Err(PhoneError);
        }
        let number = phonenumber::parse(None, text).map_err(|_| PhoneError)?;
        if !phonenumber::is_valid(&number) {
            return Err(PhoneError);
        }
        Ok(Phone(number.format().mode(phonenumber::Mode::E164).to_string()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What may be shown to somebody who has not proved the number yet: the first digit and the last four.
    pub fn masked(&self) -> String {
        let (head, rest) = self.0.split_at(2.min(self.0.len()));
        let (hidden, tail) = rest.split_at(rest.len().saturating_sub(4));
        format!("{head}{}{tail}", "*".repeat(hidden.len()))
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Phone {
    type Error = PhoneError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Phone::parse(&text)
    }
}

impl From<Phone> for String {
    fn from(phone: Phone) -> Self {
        phone.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_normalised_and_masked() {
        let phone = Phone::parse("+7 (999) 444-55-61").unwrap();
        assert_eq!(phone.as_str(), "+79994445561");
        assert_eq!(phone.masked(), "+7******5561");
    }

    #[test]
    fn anything_else_is_refused_without_a_panic() {
        for text in [
            "",
            "+",
            "123",
            "79994445561",
            "+7999444556a",
            ".;phone-context=",
            "+7;phone-context=x",
            "+79994445561;ext=1",
            "+79994445561\r\n",
            "tel:+79994445561",
            "+999999999999999999999999999999999",
            "+1234",
            "++79994445561",
        ] {
            let accepted = Phone::parse(text).is_ok();
            assert!(!accepted || text.trim() == "+79994445561", "{text:?}");
        }
    }
}
