//! Email by SMTP submission.
//!
//! Always: one message, one recipient, one transaction; with required TLS neither a name, a password nor a message is
//! sent before it stands; whatever becomes part of a header or a command is free of control characters.

mod letter;
mod session;

use std::sync::Arc;

use async_trait::async_trait;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, TlsParameters, TlsParametersBuilder};
use lettre::transport::smtp::extension::ClientId;

use self::session::{Encryption, Session};
use super::provider::{Deadline, Failure, Provider};
use super::{SetupError, Wording};
use crate::engine::ports::{Clock, Message};
use crate::identity::{Email, Secret};

/// How the connection to a relay is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// Never encrypted: for a relay on the same machine or in the same cluster.
    None,
    /// STARTTLS if it is offered. Whoever can change the traffic can also remove the offer.
    Opportunistic,
    /// STARTTLS, or nothing is sent (RFC 3207).
    Required,
    /// TLS from the first byte (RFC 8314 §3).
    Implicit,
}

/// A name and a password at a relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    pub user: String,
    pub password: Secret,
}

/// A mail server that takes messages for delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay {
    /// A host name or an IP address; also the name that its certificate must show.
    pub host: String,
    pub port: u16,
    pub security: Security,
    pub login: Option<Login>,
    /// What we call ourselves in EHLO; the machine's host name unless set.
    pub hello: Option<String>,
}

/// Whom messages come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    name: Option<String>,
    address: Email,
}

/// The name of a sender holds a control character.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the sender's name must not hold control characters")]
pub struct SenderError;

impl Sender {
    /// # Errors
    /// When the name could break out of its header.
    pub fn new(name: Option<String>, address: Email) -> Result<Self, SenderError> {
        match name {
            Some(name) if !letter::one_line(&name) => Err(SenderError),
            name => Ok(Sender { name, address }),
        }
    }
}

#[derive(Debug, Clone)]
pub struct SmtpSettings {
    pub relay: Relay,
    pub from: Sender,
    /// Certificates (PEM) that are trusted beside the public ones.
    pub ca: Option<Vec<u8>>,
}

/// Sends email through one relay, over a connection per message.
pub struct Smtp {
    relay: Relay,
    encryption: Encryption,
    hello: ClientId,
    credentials: Option<Credentials>,
    from: Sender,
    clock: Arc<dyn Clock>,
    wording: Arc<Wording>,
}

impl Smtp {
    /// # Errors
    /// When the certificates are not PEM, TLS cannot be set up, or a field cannot be part of an SMTP command.
    pub fn new(settings: SmtpSettings, clock: Arc<dyn Clock>, wording: Arc<Wording>) -> Result<Self, SetupError> {
        let SmtpSettings { relay, from, ca } = settings;
        let encryption = match relay.security {
            Security::None => Encryption::None,
            Security::Opportunistic => Encryption::IfOffered(tls(&relay.host, ca.as_deref())?),
            Security::Required => Encryption::Required(tls(&relay.host, ca.as_deref())?),
            Security::Implicit => Encryption::Implicit(tls(&relay.host, ca.as_deref())?),
        };
        let hello = hello(relay.hello.as_deref())?;
        let credentials =
            relay.login.as_ref().map(|login| Credentials::new(login.user.clone(), login.password.expose().to_owned()));
        Ok(Smtp { relay, encryption, hello, credentials, from, clock, wording })
    }
}

#[async_trait]
impl Provider for Smtp {
    fn name(&self) -> &'static str {
        "smtp"
    }

    async fn send(&self, message: &Message, time: &Deadline) -> Result<(), Failure> {
        let posted = letter::compose(message, &self.from, &self.wording, self.clock.now())?;
        let session = Session {
            server: (self.relay.host.as_str(), self.relay.port),
            encryption: &self.encryption,
            hello: &self.hello,
            credentials: self.credentials.as_ref(),
        };
        session.post(&posted, time).await
    }
}

fn tls(host: &str, ca: Option<&[u8]>) -> Result<TlsParameters, SetupError> {
    let failed = |problem: String| SetupError { provider: "smtp", problem };
    let mut builder = TlsParametersBuilder::new(host.to_owned());
    if let Some(pem) = ca {
        let certificates = Certificate::from_pem(pem).map_err(|error| failed(format!("ca_file: {error}")))?;
        builder = builder.add_root_certificate(certificates);
    }
    builder.build().map_err(|error| failed(error.to_string()))
}

fn hello(configured: Option<&str>) -> Result<ClientId, SetupError> {
    let plain = |name: &str| {
        let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
        !name.is_empty() && name.len() <= 255 && name.chars().all(letter)
    };
    match configured {
        Some(name) if plain(name) => Ok(ClientId::Domain(name.to_owned())),
        Some(_) => Err(SetupError { provider: "smtp", problem: "the EHLO name must be a host name".to_owned() }),
        None => Ok(match ClientId::default() {
            ClientId::Domain(name) if !plain(&name) => ClientId::Ipv4(std::net::Ipv4Addr::LOCALHOST),
            id => id,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e3_a_sender_and_an_ehlo_name_cannot_carry_a_line_break() {
        let address = Email::parse("no-reply@example.com").unwrap();
        for bad in ["a\r\nBcc: x@y.example", "a\nb", "a\0b", "a\u{85}b", "a\u{2028}b"] {
            assert_eq!(Sender::new(Some(bad.into()), address.clone()), Err(SenderError), "{bad:?}");
            assert!(hello(Some(bad)).is_err(), "{bad:?}");
        }
        assert!(Sender::new(Some("Žluťoučký".into()), address).is_ok());
        assert!(hello(Some("mail.example.com")).is_ok());
    }
}
