//! A real SMTP server on loopback: takes mail, and misbehaves as told. It records every line that it hears.

#![allow(dead_code, reason = "each test binary uses its own part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use data_encoding::BASE64;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// Where in a conversation something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    Greeting,
    Ehlo,
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    /// The whole message has been read.
    Message,
}

/// What the server does at one stage instead of what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Never answers.
    Stall,
    /// Closes the connection.
    Cut,
    /// Answers with this line.
    Say(&'static str),
}

#[derive(Debug, Clone, Default)]
pub struct Behaviour {
    /// Offers STARTTLS.
    pub starttls: bool,
    /// Speaks TLS from the first byte.
    pub implicit: bool,
    /// Offers AUTH PLAIN and accepts only this name and password.
    pub login: Option<(&'static str, &'static str)>,
    pub faults: BTreeMap<Stage, Fault>,
}

impl Behaviour {
    pub fn with(mut self, stage: Stage, fault: Fault) -> Self {
        self.faults.insert(stage, fault);
        self
    }
}

/// One accepted message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mailed {
    pub from: String,
    pub recipients: Vec<String>,
    pub data: String,
    pub encrypted: bool,
    pub user: Option<String>,
}

#[derive(Default)]
struct State {
    mails: Mutex<Vec<Mailed>>,
    lines: Mutex<Vec<String>>,
    bodies: Mutex<usize>,
}

pub struct SmtpSink {
    pub port: u16,
    /// The certificate that signs for this server (`localhost` and 127.0.0.1).
    pub ca: String,
    state: Arc<State>,
    server: tokio::task::JoinHandle<()>,
}

impl SmtpSink {
    pub async fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port on loopback");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::new(State::default());
        let (tls, ca) = certificate();
        let server = tokio::spawn(serve(listener, tls, behaviour, Arc::clone(&state)));
        SmtpSink { port, ca, state, server }
    }

    /// What was accepted.
    pub fn mails(&self) -> Vec<Mailed> {
        self.state.mails.lock().unwrap().clone()
    }

    /// Every command line that was heard, encrypted or not.
    pub fn lines(&self) -> Vec<String> {
        self.state.lines.lock().unwrap().clone()
    }

    /// Messages that were read to their end, whatever was answered then.
    pub fn bodies(&self) -> usize {
        *self.state.bodies.lock().unwrap()
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A fresh certificate and key, as PEM.
pub fn pem_pair() -> (String, String) {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
    (made.cert.pem(), made.signing_key.serialize_pem())
}

fn certificate() -> (TlsAcceptor, String) {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("TLS versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a TLS configuration");
    (TlsAcceptor::from(Arc::new(config)), made.cert.pem())
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, behaviour: Behaviour, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, behaviour, state) = (tls.clone(), behaviour.clone(), Arc::clone(&state));
        tokio::spawn(async move {
            // A client that leaves in the middle is no fault of the server's.
            let _ = connection(stream, tls, behaviour, state).await;
        });
    }
}

async fn connection(
    stream: TcpStream,
    tls: TlsAcceptor,
    behaviour: Behaviour,
    state: Arc<State>,
) -> std::io::Result<()> {
    let mut talk = Talk { behaviour, state, encrypted: false, user: None };
    if talk.behaviour.implicit {
        talk.encrypted = true;
        return talk.run(&mut BufReader::new(tls.accept(stream).await?), true).await.map(drop);
    }
    let mut plain = BufReader::new(stream);
    if talk.run(&mut plain, true).await? == Next::Encrypt {
        talk.encrypted = true;
        talk.run(&mut BufReader::new(tls.accept(plain.into_inner()).await?), false).await?;
    }
    Ok(())
}

#[derive(PartialEq, Eq)]
enum Next {
    Close,
    Encrypt,
}

struct Talk {
    behaviour: Behaviour,
    state: Arc<State>,
    encrypted: bool,
    user: Option<String>,
}

impl Talk {
    /// Says what belongs to the stage, or does what it was told instead; `false` ends the conversation.
    async fn say<S: AsyncWrite + Unpin>(&self, to: &mut S, stage: Stage, line: &str) -> std::io::Result<bool> {
        let line = match self.behaviour.faults.get(&stage) {
            Some(Fault::Stall) => std::future::pending().await,
            Some(Fault::Cut) => return Ok(false),
            Some(Fault::Say(line)) => line,
            None => line,
        };
        to.write_all(format!("{line}\r\n").as_bytes()).await?;
        to.flush().await?;
        Ok(true)
    }

    async fn run<S>(&mut self, stream: &mut BufReader<S>, greet: bool) -> std::io::Result<Next>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        if greet && !self.say(stream.get_mut(), Stage::Greeting, "220 sink ESMTP").await? {
            return Ok(Next::Close);
        }
        let mut mail = Mailed::default();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(Next::Close);
            }
            let line = line.trim_end_matches(['\r', '\n']).to_owned();
            self.state.lines.lock().unwrap().push(line.clone());
            let verb: String = line.chars().take(4).collect::<String>().to_ascii_uppercase();
            let (stage, answer) = match verb.as_str() {
                "EHLO" => (Stage::Ehlo, self.extensions()),
                "STAR" if self.behaviour.starttls && !self.encrypted => (Stage::StartTls, "220 go ahead".to_owned()),
                "AUTH" => (Stage::Auth, self.check_login(&line)),
                "MAIL" => {
                    mail = Mailed { from: angled(&line), ..Mailed::default() };
                    (Stage::Mail, "250 ok".to_owned())
                }
                "RCPT" => {
                    mail.recipients.push(angled(&line));
                    (Stage::Rcpt, "250 ok".to_owned())
                }
                "DATA" => (Stage::Data, "354 go on".to_owned()),
                "QUIT" => {
                    stream.write_all(b"221 bye\r\n").await?;
                    return Ok(Next::Close);
                }
                _ => {
                    stream.write_all(b"502 unknown\r\n").await?;
                    continue;
                }
            };
            if !self.say(stream.get_mut(), stage, &answer).await? {
                return Ok(Next::Close);
            }
            match stage {
                Stage::StartTls => return Ok(Next::Encrypt),
                Stage::Data if self.behaviour.faults.contains_key(&Stage::Data) => {}
                Stage::Data if !self.take(stream, &mut mail).await? => return Ok(Next::Close),
                _ => {}
            }
        }
    }

    /// Reads a message up to its dot and answers; `false` ends the conversation.
    async fn take<S>(&self, stream: &mut BufReader<S>, mail: &mut Mailed) -> std::io::Result<bool>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut data = Vec::new();
        while !data.ends_with(b"\r\n.\r\n") {
            data.push(stream.read_u8().await?);
        }
        *self.state.bodies.lock().unwrap() += 1;
        if !self.behaviour.faults.contains_key(&Stage::Message) {
            let data = String::from_utf8_lossy(&data).into_owned();
            let accepted = Mailed { data, encrypted: self.encrypted, user: self.user.clone(), ..mail.clone() };
            self.state.mails.lock().unwrap().push(accepted);
        }
        self.say(stream.get_mut(), Stage::Message, "250 taken").await
    }

    fn extensions(&self) -> String {
        let mut names = vec!["sink"];
        if self.behaviour.starttls && !self.encrypted {
            names.push("STARTTLS");
        }
        if self.behaviour.login.is_some() {
            names.push("AUTH PLAIN");
        }
        let last = names.len() - 1;
        let line = |(at, name): (usize, &&str)| format!("250{}{name}", if at == last { ' ' } else { '-' });
        names.iter().enumerate().map(line).collect::<Vec<_>>().join("\r\n")
    }

    fn check_login(&mut self, line: &str) -> String {
        let given = line.rsplit(' ').next().and_then(|text| BASE64.decode(text.as_bytes()).ok()).unwrap_or_default();
        match self.behaviour.login {
            Some((user, password)) if given == format!("\0{user}\0{password}").as_bytes() => {
                self.user = Some(user.to_owned());
                "235 welcome".to_owned()
            }
            _ => "535 no".to_owned(),
        }
    }
}

fn angled(line: &str) -> String {
    line.split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'))
        .map_or_else(String::new, |(text, _)| text.to_owned())
}
