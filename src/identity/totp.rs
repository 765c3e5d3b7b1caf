use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use totp_rs::Builder;
use zeroize::Zeroizing;

use super::Code;

/// The shared secret of an authenticator app: 20 random bytes, the length that RFC 4226 §4 recommends for SHA-1; or 16 to
/// 64 that were made elsewhere.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpSecret(Zeroizing<Vec<u8>>);

/// The text is no shared secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be base32 of 16 to 64 bytes")]
pub struct TotpSecretError;

impl TotpSecret {
    pub const BYTES: usize = 20;

    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        TotpSecret(Zeroizing::new(bytes.into()))
    }

    /// Bytes of a secret that was made elsewhere: no fewer than RFC 4226 §4 (R6) asks for, and no more than SHA-1 takes
    /// without hashing them first.
    const TAKEN: std::ops::RangeInclusive<usize> = 16..=64;

    /// A secret that was made elsewhere: base32 (RFC 4648 §6) in letters of either case, with its padding or without.
    ///
    /// # Errors
    /// When it is anything else, or of fewer than 16 or more than 64 bytes.
    pub fn parse(text: &str) -> Result<Self, TotpSecretError> {
        let text = Zeroizing::new(text.to_ascii_uppercase());
        let padded = text.contains('=');
        let base32 = if padded { data_encoding::BASE32 } else { data_encoding::BASE32_NOPAD };
        let bytes = Zeroizing::new(base32.decode(text.as_bytes()).map_err(|_| TotpSecretError)?);
        if Self::TAKEN.contains(&bytes.len()) { Ok(TotpSecret(bytes)) } else { Err(TotpSecretError) }
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Base32 without padding (RFC 4648 §6), as authenticator apps take it by hand.
    pub fn base32(&self) -> String {
        data_encoding::BASE32_NOPAD.encode(&self.0)
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[totp secret]")
    }
}

/// The hash under a one-time password (RFC 6238 §1.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TotpAlgorithm {
    #[default]
    SHA1,
    SHA256,
    SHA512,
}

impl TotpAlgorithm {
    pub const ALL: [TotpAlgorithm; 3] = [TotpAlgorithm::SHA1, TotpAlgorithm::SHA256, TotpAlgorithm::SHA512];

    pub fn as_str(self) -> &'static str {
        match self {
            TotpAlgorithm::SHA1 => "SHA1",
            TotpAlgorithm::SHA256 => "SHA256",
            TotpAlgorithm::SHA512 => "SHA512",
        }
    }
}

impl FromStr for TotpAlgorithm {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = TotpAlgorithm::ALL.into_iter().find(|algorithm| algorithm.as_str() == text);
        named.ok_or("must be one of SHA1, SHA256, SHA512")
    }
}

/// How one-time passwords are computed (RFC 6238): SHA-1, 6 digits, 30 seconds a step, one step of skew either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totp {
    #[serde(default)]
    pub algorithm: TotpAlgorithm,
    /// 6 to 8.
    pub digits: u8,
    /// Seconds in one step, at least 30.
    pub period: u64,
    /// Steps before and after the present one that are accepted (RFC 6238 §5.2).
    pub skew: u16,
}

impl Default for Totp {
    fn default() -> Self {
        Totp { algorithm: TotpAlgorithm::SHA1, digits: 6, period: Self::PERIOD, skew: 1 }
    }
}

impl Totp {
    /// Seconds in a step where nothing else is said.
    const PERIOD: u64 = 30;

    /// What a step of this period is spent as: the number of the 30 s step in which it begins. So an account's spent
    /// codes stay in order when an authenticator of another period takes the place of the one before.
    pub fn spent_as(&self, step: u64) -> u64 {
        step.saturating_mul(self.period) / Self::PERIOD
    }

    /// The step that holds `unix` (seconds).
    pub fn step_at(&self, unix: u64) -> u64 {
        unix / self.period.max(1)
    }

    /// The step whose code this is, compared in constant time, or `None`. `unix` is in seconds.
    pub fn matching_step(&self, secret: &TotpSecret, code: &Code, unix: u64) -> Option<u64> {
        self.generator(secret, "", "").check(code.expose(), unix)
    }

    /// The code of the step that holds `unix` (seconds).
    pub fn code_at(&self, secret: &TotpSecret, unix: u64) -> Code {
        let token = self.generator(secret, "", "").generate(unix).to_string();
        Code::parse(&token, self.digits).unwrap_or_else(|_| Code::from_random(0, self.digits))
    }

    /// The `otpauth://totp/…` address that an app reads from the QR image (Key URI format).
    pub fn otpauth_url(&self, secret: &TotpSecret, issuer: &str, account: &str) -> String {
        self.generator(secret, issuer, account).to_url().unwrap_or_default()
    }

    /// The QR image of [`Self::otpauth_url`] as a PNG, or `None` when the address is too long for one.
    pub fn qr_png(&self, secret: &TotpSecret, issuer: &str, account: &str) -> Option<Vec<u8>> {
        self.generator(secret, issuer, account).to_qr_png().ok()
    }

    fn generator(&self, secret: &TotpSecret, issuer: &str, account: &str) -> totp_rs::Totp {
        Builder::new()
            .with_algorithm(match self.algorithm {
                TotpAlgorithm::SHA1 => totp_rs::Algorithm::SHA1,
                TotpAlgorithm::SHA256 => totp_rs::Algorithm::SHA256,
                TotpAlgorithm::SHA512 => totp_rs::Algorithm::SHA512,
            })
            .with_digits(self.digits)
            .with_skew(self.skew)
            .with_step_duration(self.period)
            .with_secret(totp_rs::Secret::from(secret.as_bytes().to_vec()))
            // A colon separates issuer and account in the address, so neither may hold one.
            .with_account_name(account.replace(':', " "))
            .with_issuer((!issuer.is_empty()).then(|| issuer.replace(':', " ")))
            .build_noncompliant()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238 appendix B, SHA-1 column, cut to six digits.
    #[test]
    fn the_standard_test_vectors() {
        let secret = TotpSecret::new(*b"12345678901234567890");
        for (unix, code) in [(59, "287082"), (1_111_111_109, "081804"), (2_000_000_000, "279037")] {
            assert_eq!(Totp::default().code_at(&secret, unix).expose(), code);
        }
    }

    /// RFC 6238 appendix B, the other columns; each hash has a key of its own length.
    #[test]
    fn the_standard_test_vectors_of_the_longer_hashes() {
        let long = |length: usize| TotpSecret::new(b"1234567890".repeat(7)[..length].to_vec());
        for (algorithm, secret, code) in [
            (TotpAlgorithm::SHA1, long(20), "94287082"),
            (TotpAlgorithm::SHA256, long(32), "46119246"),
            (TotpAlgorithm::SHA512, long(64), "90693936"),
        ] {
            let totp = Totp { algorithm, digits: 8, ..Totp::default() };
            assert_eq!(totp.code_at(&secret, 59).expose(), code, "{algorithm:?}");
        }
    }

    #[test]
    fn steps_of_any_period_are_spent_in_the_order_of_time() {
        for period in [30, 31, 45, 60, 300] {
            let totp = Totp { period, ..Totp::default() };
            let spent: Vec<u64> = (1_000..1_100).map(|step| totp.spent_as(step)).collect();
            assert!(spent.windows(2).all(|pair| pair[0] < pair[1]), "{period}");
        }
        let minute = Totp { period: 60, ..Totp::default() };
        assert!(minute.spent_as(minute.step_at(1_700_000_000)).abs_diff(1_700_000_000 / 30) <= 1);
    }

    #[test]
    fn one_step_either_way_is_accepted_and_two_are_not() {
        let (totp, secret) = (Totp::default(), TotpSecret::new([3; 20]));
        let now = 1_700_000_000_u64;
        for (offset, accepted) in [(-60_i64, false), (-30, true), (0, true), (30, true), (60, false)] {
            let code = totp.code_at(&secret, now.checked_add_signed(offset).unwrap());
            assert_eq!(totp.matching_step(&secret, &code, now).is_some(), accepted, "{offset}");
        }
    }

    #[test]
    fn a_secret_made_elsewhere_is_base32_of_16_to_64_bytes() {
        for length in [16, 17, 18, 19, 20, 32, 63, 64] {
            let secret = TotpSecret::new(vec![0xA7; length]);
            let (bare, padded) = (secret.base32(), data_encoding::BASE32.encode(secret.as_bytes()));
            for text in [bare.clone(), bare.to_lowercase(), padded.clone(), padded.to_lowercase()] {
                assert_eq!(TotpSecret::parse(&text), Ok(secret.clone()), "{length}");
            }
        }
        let good = TotpSecret::new([3; 20]).base32();
        for text in [
            String::new(),
            "=".repeat(32),
            TotpSecret::new([3; 15]).base32(),
            TotpSecret::new([3; 65]).base32(),
            format!("{good}="),
            format!(" {good}"),
            format!("{}1", &good[1..]),
            format!("{}é", &good[2..]),
            "ｇ".repeat(32),
        ] {
            assert_eq!(TotpSecret::parse(&text), Err(TotpSecretError), "{text}");
        }
    }

    #[test]
    fn the_address_carries_the_secret_unpadded() {
        let url = Totp::default().otpauth_url(&TotpSecret::new([3; 20]), "Stepgate", "demo@example.com");
        assert!(url.starts_with("otpauth://totp/Stepgate:demo%40example.com?"), "{url}");
        assert!(url.contains("secret=AMBQGAYDAMBQGAYDAMBQGAYDAMBQGAYD"), "{url}");
    }
}
