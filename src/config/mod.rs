//! What an operator can set: a file (`stepgate.toml`), overridden by the environment (`STEPGATE_<SECTION>__<KEY>`).
//!
//! Always: every bad value is reported at once, with its key, where it came from, what is wrong and what is accepted;
//! an unknown key is an error; no secret is ever printed. Each key stands once, in its section's `KEYS`, and the
//! reference, the JSON schema and the loader all read it there.
//! Never here: what the values are used for. This part imports `identity` and the settings that the adapters take, and
//! does no I/O but reading its file and looking whether the files that it names exist.

mod cors;
mod directory;
mod email;
mod entry;
mod error;
mod events;
mod http;
mod key;
mod limits;
mod log;
mod mfa;
mod mfao;
mod names;
mod password;
mod reader;
mod redis;
mod reference;
mod server;
mod sms;
mod source;
mod store;
mod surfaces;
mod testers;
mod tokens;
mod totp;
mod wizard;

use std::path::{Path, PathBuf};

use ipnet::IpNet;

pub use cors::Cors;
pub use email::{Email, EmailProvider};
pub use error::{ConfigError, ConfigErrors, Origin};
pub use events::{Events, EventsFile};
pub use http::Http;
pub use key::{Fallback, Key, Kind};
pub use log::{Log, LogFormat, LogLevel};
pub use password::Password;
pub use redis::Redis;
pub use reference::{json_schema, reference};
pub use server::MasterKey;
pub use sms::{Sms, SmsProvider};
pub use store::StoreAddress;
pub use surfaces::{Listener, Place};
pub use tokens::{Algorithm, Tokens};
pub use wizard::{Binding, Wizard};

use crate::directory::DirectorySettings;
use crate::identity::{Policy, Secret, TotpPolicy};
use reader::Reader;

/// A group of keys. The first one has no name: its keys stand at the top of the file.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    pub name: &'static str,
    pub about: &'static str,
    pub keys: &'static [Key],
}

/// Every key that there is, by section, in the order of the reference.
pub const KEYS: &[Section] = &[
    Section { name: "", about: "The server as a whole.", keys: server::KEYS },
    Section { name: "redis", about: "How Redis is used, when `store` names one.", keys: redis::KEYS },
    Section { name: "sms", about: "How text messages go out.", keys: sms::KEYS },
    Section { name: "email", about: "How email goes out.", keys: email::KEYS },
    Section { name: "tokens", about: "Access and refresh tokens.", keys: tokens::KEYS },
    Section {
        name: "password",
        about: "The bounded pool that verifies passwords, and how strong they must be.",
        keys: password::KEYS,
    },
    Section {
        name: "directory",
        about: "A service of the operator's that checks passwords instead; see [directory.md](directory.md).",
        keys: directory::KEYS,
    },
    Section { name: "wizard", about: "Wizards as such.", keys: wizard::KEYS },
    Section { name: "limits", about: "Codes, tries, sends, and how failures are punished.", keys: limits::KEYS },
    Section { name: "totp", about: "Authenticator apps.", keys: totp::KEYS },
    Section {
        name: "mfa",
        about: "Second factors: who must have which, and for how long one counts.",
        keys: mfa::KEYS,
    },
    Section { name: "names", about: "Which spellings of a name are the same.", keys: names::KEYS },
    Section { name: "http", about: "The HTTP server.", keys: http::KEYS },
    Section { name: "cors", about: "Browsers on other origins.", keys: cors::KEYS },
    Section { name: "events", about: "What has happened: signing in, changes, failures.", keys: events::KEYS },
    Section { name: "log", about: "The log, on standard error.", keys: log::KEYS },
    Section { name: "flexi", about: "The ABRA Flexi API; see [surfaces.md](surfaces.md).", keys: surfaces::FLEXI },
    Section { name: "veeam", about: "The Veeam API.", keys: surfaces::VEEAM },
    Section { name: "navixy", about: "The Navixy API.", keys: surfaces::NAVIXY },
    Section { name: "mfao", about: "The Authfy MFAO API.", keys: mfao::KEYS },
    Section { name: "testers", about: "Test identities, on a developer's machine.", keys: testers::KEYS },
];

/// Every key of every section.
pub fn keys() -> impl Iterator<Item = &'static Key> {
    KEYS.iter().flat_map(|section| section.keys)
}

/// A configuration in which every value is valid and all of them fit together.
#[derive(Debug, Clone)]
pub struct Config {
    /// The name that people know this service by.
    pub product: String,
    pub listen: std::net::SocketAddr,
    /// Demo account, demo pages and the readable outbox; only ever on a loopback address.
    pub dev: bool,
    pub store: StoreAddress,
    pub redis: Redis,
    /// Always there when `dev` is off.
    pub master_key: Option<MasterKey>,
    /// Those that the store may have been sealed under before.
    pub master_key_previous: Vec<MasterKey>,
    pub admin_key: Option<Secret>,
    /// A folder with workflow files; the built-in ones when `None`.
    pub workflows: Option<PathBuf>,
    pub trusted_proxies: Vec<IpNet>,
    pub sms: Sms,
    pub email: Email,
    pub tokens: Tokens,
    pub password: Password,
    /// Who checks passwords in place of the accounts' own hashes.
    pub directory: Option<DirectorySettings>,
    pub wizard: Wizard,
    /// The APIs that are on beside the wizards'.
    pub surfaces: Vec<Place>,
    pub http: Http,
    pub cors: Cors,
    pub events: Events,
    pub log: Log,
    /// The numbers of `[limits]`, `[totp]`, `[names]`, `[mfa]`, `[[testers]]` and `sms.allowed_prefixes`.
    pub policy: Policy,
    /// What authenticators are like that other services enrol.
    pub mfao_policies: Vec<TotpPolicy>,
    warnings: Vec<String>,
}

impl Config {
    /// Reads the file, if there is one, and what of `env` begins with `STEPGATE_`. Empty variables count as unset.
    ///
    /// # Errors
    /// [`ConfigErrors`] with everything that is wrong, at once.
    pub fn load(file: Option<&Path>, env: impl Iterator<Item = (String, String)>) -> Result<Config, ConfigErrors> {
        let mut reader = Reader::open(file, env);
        let config = Config::read(&mut reader);
        let errors = reader.finish();
        match config {
            Some(config) if errors.is_empty() => Ok(config),
            _ => Err(errors),
        }
    }

    /// What is allowed but unwise, for the log at start. No line holds a secret.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Reads every section before it gives up on any, so that all errors are found in one go.
    fn read(reader: &mut Reader) -> Option<Config> {
        let (server, dev) = server::read(reader);
        let (redis, sms, email) = (redis::read(reader), sms::read(reader, dev), email::read(reader, dev));
        let (tokens, password, wizard) = (tokens::read(reader), password::read(reader), wizard::read(reader));
        let directory = directory::read(reader);
        let surfaces = surfaces::read(reader, server.as_ref().map(|server| server.listen), dev);
        let (http, cors) = (http::read(reader), cors::read(reader));
        let (events, log) = (events::read(reader), log::read(reader));
        let (limits, names, mfa) = (limits::read(reader), names::read(reader), mfa::read(reader));
        let mfao_policies = mfao::read(reader);
        let testers = testers::read(reader, dev, limits.as_ref().map(|limits| limits.code_digits));
        let totp = totp::read(reader, server.as_ref().map(|server| server.product.as_str()));
        let (server, limits, totp, sms, mfa) = (server?, limits?, totp?, sms?, mfa?);
        let policy = Policy {
            allowed_prefixes: sms.allowed_prefixes.clone(),
            totp: totp.totp,
            issuer: totp.issuer,
            names: names?,
            mfa: mfa.policies,
            step_up: mfa.step_up,
            testers: testers?,
            ..limits
        };
        let mut config = Config {
            product: server.product,
            listen: server.listen,
            dev: dev?,
            store: server.store,
            redis: redis?,
            master_key: server.master_key,
            master_key_previous: server.master_key_previous,
            admin_key: server.admin_key,
            workflows: server.workflows,
            trusted_proxies: server.trusted_proxies,
            sms,
            email: email?,
            tokens: tokens?,
            password: password?,
            directory,
            wizard: wizard?,
            surfaces: surfaces?,
            http: http?,
            cors: cors?,
            events: events?,
            log: log?,
            policy,
            mfao_policies: mfao_policies?,
            warnings: Vec::new(),
        };
        config.warnings = config.unwise();
        Some(config)
    }

    /// Where the server listens: every address once, its own first.
    pub fn listeners(&self) -> Vec<Listener> {
        Listener::all(self.listen, &self.surfaces)
    }

    fn unwise(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(directory) = &self.directory {
            directory::warn(directory, &mut warnings);
        }
        if !self.dev {
            self.sms.warn(&mut warnings);
            self.email.warn(&mut warnings);
            self.events.warn(&mut warnings);
            if self.admin_key.is_none() {
                warnings.push("admin_key is not set: the operator's API answers nobody".to_owned());
            }
        }
        warnings
    }
}
