use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, StatusCode, Url};
use serde::Serialize;
use tokio::time::timeout_at;

use super::answer;
use super::breaker::Breaker;
use crate::engine::ports::{Clock, Directory, DirectoryError, Person};
use crate::engine::{Turn, Turns};
use crate::identity::{SIGNATURE_HEADER, Secret, signature};
use crate::telemetry::cause;

/// Questions at a time, and how many more may wait.
const AT_ONCE: usize = 32;
const WAITING: usize = 64;
/// The longest body that is read, in bytes.
const LARGEST: usize = 64 * 1024;

/// Where the directory is asked, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectorySettings {
    /// `http://` or `https://`.
    pub url: Secret,
    /// The key of the signature.
    pub secret: Secret,
    /// How long one question may take, from waiting its turn to the last byte of the answer.
    pub timeout: Duration,
}

/// The directory cannot be set up as configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SetupError(String);

/// Posts name and password as signed JSON to a service of the operator's. `docs/directory.md` is the contract.
///
/// 200 is a yes, 401, 403, 404 and 422 are a no, and everything else is no answer. A question is asked once: again only
/// if the connection was refused, so that nobody can have read it. Redirects are not followed and proxies of the
/// environment are not used.
pub struct HttpDirectory {
    client: reqwest::Client,
    url: Url,
    secret: Secret,
    timeout: Duration,
    clock: Arc<dyn Clock>,
    breaker: Breaker,
    turns: Turns,
}

#[derive(Serialize)]
struct Question<'a> {
    login: &'a str,
    password: &'a str,
}

impl HttpDirectory {
    /// # Errors
    /// When the address is no URL, or TLS cannot be set up.
    pub fn new(settings: DirectorySettings, clock: Arc<dyn Clock>) -> Result<Self, SetupError> {
        let url = Url::parse(settings.url.expose()).map_err(|error| SetupError(format!("url: {error}")))?;
        let client = reqwest::Client::builder()
            .user_agent(concat!("stepgate/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            // A kept connection that the other side has just closed would fail somebody's sign-in.
            .pool_max_idle_per_host(0)
            .build()
            .map_err(|error| SetupError(error.to_string()))?;
        Ok(HttpDirectory {
            client,
            url,
            secret: settings.secret,
            timeout: settings.timeout,
            clock,
            breaker: Breaker::default(),
            turns: Turns::new(AT_ONCE, WAITING).within(settings.timeout),
        })
    }

    async fn ask(&self, request_id: &str, login: &str, password: &Secret) -> Result<Option<Person>, String> {
        let question = Question { login, password: password.expose() };
        // Two texts always become JSON; what would be said of it could quote them.
        let body = serde_json::to_string(&question).map_err(|_| "the question cannot be written".to_owned())?;
        let mut response = match self.post(request_id, body.clone()).await {
            Err(error) if was_refused(&error) => self.post(request_id, body).await,
            other => other,
        }
        .map_err(|error| cause(&error))?;
        match response.status() {
            StatusCode::OK => answer::parse(&whole(&mut response).await?).map(Some).map_err(str::to_owned),
            StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::NOT_FOUND
            | StatusCode::UNPROCESSABLE_ENTITY => Ok(None),
            status => Err(format!("status {}", status.as_u16())),
        }
    }

    async fn post(&self, request_id: &str, body: String) -> reqwest::Result<Response> {
        let signed = signature(&self.secret, self.clock.now().timestamp(), &body);
        self.client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(SIGNATURE_HEADER, signed)
            .header("X-Stepgate-Request-Id", request_id)
            .body(body)
            .send()
            .await
    }
}

#[async_trait]
impl Directory for HttpDirectory {
    fn turns(&self) -> &Turns {
        &self.turns
    }

    async fn check(
        &self,
        turn: &Turn,
        request_id: &str,
        login: &str,
        password: &Secret,
    ) -> Result<Option<Person>, DirectoryError> {
        let unavailable = |retry_after| DirectoryError::Unavailable { retry_after };
        let leave = self.breaker.admit(self.clock.now()).map_err(unavailable)?;
        let asked = timeout_at(turn.asked_at() + self.timeout, self.ask(request_id, login, password)).await;
        match asked.unwrap_or_else(|_| Err("no answer in time".to_owned())) {
            Ok(person) => {
                leave.answered();
                Ok(person)
            }
            Err(why) => {
                tracing::warn!(request = request_id, why, "the directory has given no answer");
                Err(unavailable(leave.failed(self.clock.now())))
            }
        }
    }
}

/// Whether nothing listened at the other end.
fn was_refused(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        let io = error.downcast_ref::<std::io::Error>();
        if io.is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused) {
            return true;
        }
        cause = error.source();
    }
    false
}

async fn whole(response: &mut Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|error| cause(&error))? {
        if body.len() + part.len() > LARGEST {
            return Err("the body is longer than 64 KiB".to_owned());
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpListener};
    use std::sync::atomic::{AtomicU32, Ordering};

    use chrono::{DateTime, Utc};

    use super::*;

    /// Looked at once before the first question, once to sign each of them, and once after a failure; at the `opens`-th
    /// time the service is there.
    struct Opening {
        address: SocketAddr,
        looked: AtomicU32,
        opens: u32,
    }

    impl Clock for Opening {
        fn now(&self) -> DateTime<Utc> {
            if self.looked.fetch_add(1, Ordering::Relaxed) + 1 == self.opens {
                let listener = TcpListener::bind(self.address).unwrap();
                std::thread::spawn(move || {
                    let (mut stream, _) = listener.accept().unwrap();
                    let _ = stream.read(&mut [0; 4_096]).unwrap();
                    stream.write_all(b"HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n").unwrap();
                });
            }
            DateTime::UNIX_EPOCH
        }
    }

    #[tokio::test]
    async fn a_refused_connection_is_tried_once_more_and_no_oftener() {
        let unavailable = Err(DirectoryError::Unavailable { retry_after: 1 });
        for (opens, expected, looks) in [(2, Ok(None), 2), (3, Ok(None), 3), (9, unavailable, 4)] {
            let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let clock = Arc::new(Opening { address, looked: AtomicU32::new(0), opens });
            let settings = DirectorySettings {
                url: Secret::new(format!("http://{address}/")),
                secret: Secret::new("key"),
                timeout: Duration::from_secs(20),
            };
            let directory = HttpDirectory::new(settings, Arc::clone(&clock) as Arc<dyn Clock>).unwrap();
            let turn = directory.turns().take().await.unwrap();
            assert_eq!(directory.check(&turn, "r", "ann", &Secret::new("x")).await, expected);
            assert_eq!(clock.looked.load(Ordering::Relaxed), looks, "{opens}");
        }
    }
}
