use std::time::Duration;

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
