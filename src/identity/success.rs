use std::fmt;

use chrono::{DateTime, Utc};

use super::{AccountId, Keys, Method, Secret};

/// Proof that the owner of an account has just confirmed something, for one purpose and one use.
///
/// It says itself what it is good for, under a seal that only this server makes: nothing is stored when it is made, and
/// its digest when it is used. The account's epoch is in it, so that it dies with any change of password or factor.
#[derive(Clone, PartialEq, Eq)]
pub struct SuccessToken {
    pub account: AccountId,
    pub epoch: u32,
    /// What the confirmation was made with.
    pub method: Method,
    pub purpose: String,
    pub expires_at: DateTime<Utc>,
    text: Secret,
}

impl SuccessToken {
    /// Seconds that a token is good for.
    pub const LIFETIME: u64 = 600;
    /// The purpose of a signed-in confirmation that names no other: what Stepgate itself asks for.
    pub const STEP_UP: &'static str = "step_up";
    /// The purpose of a way back in.
    pub const PASSWORD_RESET: &'static str = "password_reset";

    /// `random` must be fresh random bytes.
    pub fn mint(
        keys: &Keys,
        account: (AccountId, u32),
        method: Method,
        purpose: &str,
        expires_at: DateTime<Utc>,
        random: &[u8; 32],
    ) -> Self {
        let ((account, epoch), until) = (account, expires_at.timestamp());
        let random = data_encoding::BASE64URL_NOPAD.encode(random);
        let body = format!("{account}.{epoch}.{method}.{purpose}.{until}.{random}");
        let text = Secret::new(format!("{body}.{}", keys.mac("success", &[&body])));
        SuccessToken { account, epoch, method, purpose: purpose.to_owned(), expires_at, text }
    }

    /// The token in `text`, or `None` when this server never made it.
    pub fn parse(keys: &Keys, text: &str) -> Option<Self> {
        let (body, seal) = text.rsplit_once('.')?;
        let genuine = subtle::ConstantTimeEq::ct_eq(keys.mac("success", &[body]).as_bytes(), seal.as_bytes());
        if !bool::from(genuine) {
            return None;
        }
        let mut parts = body.split('.');
        let (account, epoch) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let method = parts.next()?;
        let method = Method::ALL.into_iter().find(|known| known.as_str() == method)?;
        let purpose = parts.next()?.to_owned();
        let expires_at = DateTime::from_timestamp(parts.next()?.parse().ok()?, 0)?;
        Some(SuccessToken { account, epoch, method, purpose, expires_at, text: Secret::new(text) })
    }

    /// Whether `text` may be a purpose: 1 to 64 small letters, digits, underscores or hyphens.
    pub fn is_purpose(text: &str) -> bool {
        let letter = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_' || c == b'-';
        (1..=64).contains(&text.len()) && text.bytes().all(letter)
    }

    pub fn expose(&self) -> &str {
        self.text.expose()
    }

    /// What is stored once it is used.
    pub fn digest(&self) -> String {
        Keys::token_digest(self.text.expose())
    }
}

impl fmt::Debug for SuccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SuccessToken({}/{})", self.account, self.purpose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_what_it_is_for_and_cannot_be_rewritten() {
        let (keys, until) = (Keys::from_master([1; 32]), DateTime::from_timestamp(1_700_000_000, 0).unwrap());
        let token = SuccessToken::mint(&keys, (AccountId(7), 3), Method::Sms, "pay_out", until, &[9; 32]);
        assert_eq!(SuccessToken::parse(&keys, token.expose()).unwrap(), token);
        for (from, to) in [("7.3", "8.3"), (".sms.", ".google."), ("pay_out", "step_up"), ("17000", "18000")] {
            assert_eq!(SuccessToken::parse(&keys, &token.expose().replacen(from, to, 1)), None, "{from}");
        }
        assert_eq!(SuccessToken::parse(&Keys::from_master([2; 32]), token.expose()), None);
    }

    #[test]
    fn a_purpose_is_a_short_word() {
        assert!(SuccessToken::is_purpose("pay-out_2"));
        for bad in ["", "Pay", "pay.out", "pay out", &"x".repeat(65)] {
            assert!(!SuccessToken::is_purpose(bad), "{bad}");
        }
    }
}
