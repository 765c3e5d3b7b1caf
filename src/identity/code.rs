use std::fmt;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::{Keys, Secret};

/// A one-time code as a person typed it: exactly `digits` ASCII digits, leading zeros kept.
///
/// Spaces, signs and full-width digits are refused rather than cleaned up, so that no two spellings of one code exist.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(Secret);

/// Why a text is no code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be exactly {digits} digits")]
pub struct CodeError {
    pub digits: u8,
}

impl Code {
    /// # Errors
    /// When `text` is not exactly `digits` characters, each `0` to `9`.
    pub fn parse(text: &str, digits: u8) -> Result<Self, CodeError> {
        let exact = text.len() == usize::from(digits) && text.bytes().all(|b| b.is_ascii_digit());
        if exact { Ok(Code(Secret::new(text))) } else { Err(CodeError { digits }) }
    }

    /// A code of `digits` digits (1 to 9) from 64 random bits. The remainder is biased by less than 2⁻³⁴.
    pub fn from_random(bits: u64, digits: u8) -> Self {
        let modulus = 10_u64.pow(u32::from(digits.clamp(1, 9)));
        let width = usize::from(digits);
        Code(Secret::new(format!("{:0width$}", bits % modulus)))
    }

    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// What is stored in place of the code: an HMAC-SHA256 under the server's key over the wizard, the purpose and the
    /// code, so that neither the store nor another wizard can be used to guess it.
    pub fn digest(&self, keys: &Keys, wizard: &str, purpose: &str) -> CodeDigest {
        CodeDigest(keys.mac("code", &[wizard, purpose, self.expose()]))
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[code]")
    }
}

/// The stored form of a code. Two digests compare in constant time.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CodeDigest(String);

impl CodeDigest {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for CodeDigest {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for CodeDigest {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exact_ascii_digits_are_a_code() {
        assert!(Code::parse("012345", 6).is_ok());
        for text in ["12345", "1234567", " 123456", "+12345", "１２３４５６", "12345\n", "12345a", ""] {
            assert_eq!(Code::parse(text, 6), Err(CodeError { digits: 6 }), "{text:?}");
        }
    }

    #[test]
    fn leading_zeros_are_kept() {
        assert_eq!(Code::from_random(42, 6).expose(), "000042");
    }

    #[test]
    fn a_digest_belongs_to_its_wizard_and_purpose() {
        let keys = Keys::from_master([7; 32]);
        let code = Code::parse("123456", 6).unwrap();
        let digest = code.digest(&keys, "w1", "sms");
        assert_eq!(digest, code.digest(&keys, "w1", "sms"));
        assert_ne!(digest, code.digest(&keys, "w2", "sms"));
        assert_ne!(digest, code.digest(&keys, "w1", "email"));
    }
}
