use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use lettre::transport::smtp::response::Response;
use tokio::time::timeout_at;

use super::letter::Posted;
use crate::delivery::provider::{Deadline, Failure};

pub(super) enum Encryption {
    None,
    IfOffered(TlsParameters),
    Required(TlsParameters),
    Implicit(TlsParameters),
}

/// One connection and one transaction on it.
///
/// lettre's own `send` cannot say whether the message had gone out when it failed, and that decides whether it may be
/// sent again; so its commands are called one by one.
pub(super) struct Session<'a> {
    pub server: (&'a str, u16),
    pub encryption: &'a Encryption,
    pub hello: &'a ClientId,
    pub credentials: Option<&'a Credentials>,
}

impl Session<'_> {
    /// Up to and including the answer to DATA nothing has been taken; from the first byte of the message on, only an
    /// answer tells (RFC 5321 §4.1.1.4).
    pub async fn post(&self, posted: &Posted, time: &Deadline) -> Result<(), Failure> {
        let mut connection = match timeout_at(time.start_by, self.prepare(posted)).await {
            Ok(prepared) => prepared?,
            Err(_) => return Err(Failure::not_accepted("the server was too slow to take a message")),
        };
        match timeout_at(time.end_by, connection.message(&posted.bytes)).await {
            Err(_) => Err(Failure::unknown("no answer to the message in time")),
            Ok(Err(error)) => Err(answered(&error).unwrap_or_else(|| Failure::unknown(said(&error)))),
            Ok(Ok(_)) => {
                take_leave(connection);
                Ok(())
            }
        }
    }

    /// Everything before the message itself.
    async fn prepare(&self, posted: &Posted) -> Result<AsyncSmtpConnection, Failure> {
        let mut connection = self.connect().await.map_err(|error| before(&error))?;
        self.encrypt(&mut connection).await?;
        if let Some(credentials) = self.credentials {
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            connection.auth(&mechanisms, credentials).await.map_err(|error| before(&error))?;
        }
        let options = mail_options(&connection, posted)?;
        let mail = Mail::new(posted.envelope.from().cloned(), options);
        connection.command(mail).await.map_err(|error| before(&error))?;
        for recipient in posted.envelope.to() {
            let rcpt = Rcpt::new(recipient.clone(), Vec::new());
            connection.command(rcpt).await.map_err(|error| before(&error))?;
        }
        let go_ahead = connection.command(Data).await.map_err(|error| before(&error))?;
        expect_354(&go_ahead)?;
        Ok(connection)
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let implicit = match self.encryption {
            Encryption::Implicit(tls) => Some(tls.clone()),
            Encryption::None | Encryption::IfOffered(_) | Encryption::Required(_) => None,
        };
        AsyncSmtpConnection::connect_tokio1(self.server, None, self.hello, implicit, None).await
    }

    async fn encrypt(&self, connection: &mut AsyncSmtpConnection) -> Result<(), Failure> {
        let (tls, required) = match self.encryption {
            Encryption::None | Encryption::Implicit(_) => return Ok(()),
            Encryption::IfOffered(tls) => (tls, false),
            Encryption::Required(tls) => (tls, true),
        };
        if connection.can_starttls() {
            return connection.starttls(tls.clone(), self.hello).await.map_err(|error| before(&error));
        }
        if required {
            return Err(Failure::permanent("STARTTLS is required and the server does not offer it"));
        }
        Ok(())
    }
}

/// A server that is out of step answers DATA with somebody else's 250: an answer slipped in before TLS stood, say.
fn expect_354(answer: &Response) -> Result<(), Failure> {
    if answer.has_code(354) { Ok(()) } else { Err(Failure::not_accepted("DATA was not answered with 354")) }
}

fn mail_options(connection: &AsyncSmtpConnection, posted: &Posted) -> Result<Vec<MailParameter>, Failure> {
    let ascii = |address: &lettre::Address| AsRef::<str>::as_ref(address).is_ascii();
    if posted.envelope.to().iter().chain(posted.envelope.from()).all(ascii) {
        return Ok(Vec::new());
    }
    if connection.server_info().supports_feature(Extension::SmtpUtfEight) {
        Ok(vec![MailParameter::SmtpUtfEight])
    } else {
        Err(Failure::permanent("the address is not ASCII and the server does not take such (SMTPUTF8)"))
    }
}

/// An error from before the message went out.
fn before(error: &Error) -> Failure {
    if let Some(failure) = answered(error) {
        return failure;
    }
    // "Client" errors are the server's lack of what we need: a mechanism, an extension.
    if error.is_client() { Failure::permanent(said(error)) } else { Failure::not_accepted(said(error)) }
}

/// What the server itself said about it: 4yz "not now", 5yz "never" (RFC 5321 §4.2.1).
fn answered(error: &Error) -> Option<Failure> {
    if error.is_transient() {
        Some(Failure::not_accepted(said(error)))
    } else if error.is_permanent() {
        Some(Failure::permanent(said(error)))
    } else {
        None
    }
}

/// What may be logged of an error: of a server's answer only its code, for servers quote addresses and messages.
fn said(error: &Error) -> String {
    match error.status() {
        Some(code) => format!("the server answered {code}"),
        None => crate::telemetry::sane(&error.to_string()).into_owned(),
    }
}

/// QUIT after the message is taken: polite, and nobody waits for it.
fn take_leave(mut connection: AsyncSmtpConnection) {
    tokio::spawn(async move {
        let _ = tokio::time::timeout(Duration::from_secs(1), connection.quit()).await;
    });
}
