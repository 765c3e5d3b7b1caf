use std::fmt;

use totp_rs::{Algorithm, Builder};
use zeroize::Zeroizing;

use super::Code;

/// The shared secret of an authenticator app: 20 random bytes, the length that RFC 4226 §4 recommends for SHA-1.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpSecret(Zeroizing<Vec<u8>>);

impl TotpSecret {
    pub const BYTES: usize = 20;

    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        TotpSecret(Zeroizing::new(bytes.into()))
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

/// How one-time passwords are computed (RFC 6238): SHA-1, 6 digits, 30 seconds a step, one step of skew either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totp {
    pub digits: u8,
    /// Seconds in one step.
    pub period: u64,
    /// Steps before and after the present one that are accepted (RFC 6238 §5.2).
    pub skew: u16,
}

impl Default for Totp {
    fn default() -> Self {
        Totp { digits: 6, period: 30, skew: 1 }
    }
}

impl Totp {
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
            .with_algorithm(Algorithm::SHA1)
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
    fn the_address_carries_the_secret_unpadded() {
        let url = Totp::default().otpauth_url(&TotpSecret::new([3; 20]), "Stepgate", "demo@example.com");
        assert!(url.starts_with("otpauth://totp/Stepgate:demo%40example.com?"), "{url}");
        assert!(url.contains("secret=AMBQGAYDAMBQGAYDAMBQGAYDAMBQGAYD"), "{url}");
    }
}
