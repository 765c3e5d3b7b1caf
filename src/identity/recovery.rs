use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::{AccountId, Code, Keys, Secret};

/// A recovery code as a person types it: ten characters of base32 (RFC 4648 §6), which are 50 bits. Small letters,
/// spaces and hyphens are as good, for it is read off paper. A scratch code, which is what one surface's clients are made
/// for, is eight digits instead.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCode(Secret);

/// The text cannot be a recovery code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a recovery code such as ABCDE-FGHIJ, or eight digits")]
pub struct RecoveryCodeError;

impl RecoveryCode {
    /// Characters of a code, without the hyphen.
    pub const LENGTH: usize = 10;
    /// Random bytes that one code is made of; 50 of their bits are used.
    pub const BYTES: usize = 7;
    /// Codes in a set.
    pub const SET: usize = 10;

    pub fn from_random(bytes: [u8; Self::BYTES]) -> Self {
        let mut text = data_encoding::BASE32_NOPAD.encode(&bytes);
        text.truncate(Self::LENGTH);
        RecoveryCode(Secret::new(text))
    }

    /// Digits of a scratch code.
    pub const SCRATCH_LENGTH: u8 = 8;
    /// Scratch codes in a set.
    pub const SCRATCH_SET: usize = 5;

    /// A scratch code from 64 random bits.
    pub fn scratch_from_random(bits: u64) -> Self {
        RecoveryCode(Secret::new(Code::from_random(bits, Self::SCRATCH_LENGTH).expose()))
    }

    /// # Errors
    /// When the text, without spaces and hyphens, is neither ten characters of base32 nor eight digits.
    pub fn parse(text: &str) -> Result<Self, RecoveryCodeError> {
        if text.len() > 64 {
            return Err(RecoveryCodeError);
        }
        let code: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).map(|c| c.to_ascii_uppercase()).collect();
        let known = |c: u8| c.is_ascii_uppercase() || (b'2'..=b'7').contains(&c);
        let whole = code.len() == Self::LENGTH && code.bytes().all(known);
        let scratch = Code::parse(&code, Self::SCRATCH_LENGTH).is_ok();
        if whole || scratch { Ok(RecoveryCode(Secret::new(code))) } else { Err(RecoveryCodeError) }
    }

    /// As it is shown: two groups of five; a scratch code as it is.
    pub fn show(&self) -> String {
        match self.0.expose().split_at_checked(Self::LENGTH / 2) {
            Some((front, back)) if self.0.expose().len() == Self::LENGTH => format!("{front}-{back}"),
            _ => self.0.expose().to_owned(),
        }
    }

    /// What is stored in its place: half of an HMAC-SHA256 under the server's key, for this account alone.
    pub fn digest(&self, keys: &Keys, account: AccountId) -> String {
        let mut digest = keys.mac("recovery-code", &[&account.to_string(), self.0.expose()]);
        digest.truncate(22);
        digest
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[recovery code]")
    }
}

/// The codes of a set that are left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecoveryCodes {
    pub made_at: DateTime<Utc>,
    /// How many there were.
    #[serde(default = "usual")]
    pub total: usize,
    left: Vec<String>,
}

fn usual() -> usize {
    RecoveryCode::SET
}

impl RecoveryCodes {
    pub fn of(codes: &[RecoveryCode], keys: &Keys, account: AccountId, now: DateTime<Utc>) -> Self {
        let left: Vec<String> = codes.iter().map(|code| code.digest(keys, account)).collect();
        RecoveryCodes { made_at: now, total: left.len(), left }
    }

    pub fn left(&self) -> usize {
        self.left.len()
    }

    /// The set without `code`; `None` when it is not of it.
    pub fn without(&self, code: &RecoveryCode, keys: &Keys, account: AccountId) -> Option<Self> {
        let digest = code.digest(keys, account);
        // Every one is compared, so that the time tells nothing of the place.
        let matches: Vec<bool> = self.left.iter().map(|kept| kept.as_bytes().ct_eq(digest.as_bytes()).into()).collect();
        let place = matches.iter().position(|matched| *matched)?;
        let mut rest = self.clone();
        rest.left.remove(place);
        Some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_used_once_and_is_of_its_account() {
        let keys = Keys::from_master([7; 32]);
        let codes: Vec<RecoveryCode> = (0..10).map(|n| RecoveryCode::from_random([n; 7])).collect();
        let set = RecoveryCodes::of(&codes, &keys, AccountId(1), DateTime::UNIX_EPOCH);
        let typed = RecoveryCode::parse(&format!(" {} ", codes[3].show().to_lowercase())).unwrap();
        let rest = set.without(&typed, &keys, AccountId(1)).unwrap();
        assert_eq!((set.left(), rest.left()), (10, 9));
        assert_eq!(rest.without(&typed, &keys, AccountId(1)), None);
        assert_eq!(set.without(&typed, &keys, AccountId(2)), None);
    }

    #[test]
    fn a_scratch_code_is_eight_digits_and_shown_as_it_is() {
        let code = RecoveryCode::scratch_from_random(1_234_567);
        assert_eq!(code.show(), "01234567");
        assert_eq!(RecoveryCode::parse("0123 4567"), Ok(code));
        for bad in ["0123456", "012345678", "0123456A", "０1234567"] {
            assert!(RecoveryCode::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_shown_has_fifty_bits_and_is_read_back() {
        let code = RecoveryCode::from_random([0xff; 7]);
        assert_eq!(code.show(), "77777-77777");
        assert_eq!(RecoveryCode::parse("77777 77777"), Ok(code));
        for bad in ["", "77777-7777", "77777-777777", "01890-77777", "７7777-77777"] {
            assert!(RecoveryCode::parse(bad).is_err(), "{bad}");
        }
    }
}
