use std::error::Error as _;
use std::time::Duration;

use data_encoding::HEXLOWER;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::identity::Secret;
use crate::telemetry::sane;

/// The header that proves who has posted a body.
pub const SIGNATURE: &str = "X-Stepgate-Signature";

/// The longest that a connection may take to stand, TLS included.
const CONNECT: Duration = Duration::from_secs(2);

/// A client that posts to an address of the operator's: no redirects, no proxies of the environment, no retries.
///
/// # Errors
/// When TLS cannot be set up.
pub fn client(timeout: Duration) -> Result<reqwest::Client, String> {
    reqwest::Client::builder()
        .user_agent(concat!("stepgate/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        // A kept connection that the other side has just closed would look like an unknown outcome.
        .pool_max_idle_per_host(0)
        // Well before the whole try ends, so that a server that does not answer at all is known not to have accepted.
        .connect_timeout(CONNECT.min(timeout / 2))
        .build()
        .map_err(|error| error.to_string())
}

/// `t=<Unix seconds>,v1=<hex HMAC-SHA256 of "t.body">`.
pub fn signature(secret: &Secret, time: i64, body: &str) -> String {
    format!("t={time},v1={}", sign(secret.expose(), time, body))
}

/// Why a request failed, without its URL, which may hold a token: what lies under the error does not name it.
pub fn cause(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(std::error::Error::source) {
        cause = Some(deeper);
    }
    cause.map_or_else(|| "request failed".to_owned(), |cause| sane(&cause.to_string()).into_owned())
}

/// Hex HMAC-SHA256 of `<time>.<body>`.
fn sign(secret: &str, time: i64, body: &str) -> String {
    #[allow(clippy::expect_used, reason = "HMAC takes a key of any length")]
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(secret.as_bytes()).expect("any length");
    mac.update(format!("{time}.").as_bytes());
    mac.update(body.as_bytes());
    HEXLOWER.encode(&mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with `printf '1700000000.{}' | openssl dgst -sha256 -hmac key`.
    #[test]
    fn the_signature_is_what_openssl_computes() {
        assert_eq!(
            sign("key", 1_700_000_000, "{}"),
            "9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae"
        );
    }
}
