//! Puts the parts together: configuration in, a listening server out.
//!
//! Always: everything that can be wrong at start is found before the port opens.
//! Here, and nowhere else, the machine's own clock and generator come in.

mod courier;
mod demo;
mod dev;
mod directory;
mod files;
mod servers;
mod signing;
mod sinks;
mod stores;
mod system;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
use chrono::TimeDelta;

pub use demo::{Demo, walk_through};
pub use dev::Hand;
pub use files::{WorkflowError, catalogue, workflow_sources};
pub use servers::Handle;
pub use system::{SystemClock, SystemEntropy};

use crate::config::{Algorithm, Binding, Config, MasterKey};
use crate::engine::ports::{Clock, Entropy, Store, StoreError};
use crate::engine::{
    Audit, Definitions, Engine, Errands, KeyDesk, KeyTrouble, ListError, Passwords, Refused, RegistryDesk, Settings,
};
use crate::http::{self, Surface};
use crate::identity::{AccessTokens, Keys, SurfaceName, TokenAlgorithm};
use servers::{Bound, Servers};
use sinks::Output;

/// Time and chance, as the server gets them.
#[derive(Clone)]
pub struct World {
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
}

impl Default for World {
    fn default() -> Self {
        World { clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy) }
    }
}

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("{0}")]
    Workflows(#[from] WorkflowError),
    #[error("store: {0}")]
    Store(#[from] StoreError),
    #[error("delivery: {0}")]
    Delivery(String),
    #[error("directory: {0}")]
    Directory(String),
    #[error("master_key (STEPGATE_MASTER_KEY): the store was written under another master key: {0}")]
    MasterKey(String),
    #[error("{0}")]
    Events(String),
    #[error("{0}")]
    KeyFile(String),
    #[error("keys: {0}")]
    Keys(String),
    #[error("the password hash cannot be computed on this machine")]
    Passwords,
    #[error("password.list (STEPGATE_PASSWORD__LIST): {path}: {why}")]
    PasswordList { path: PathBuf, why: ListError },
    #[error("{key} ({variable}): {address}: {why}")]
    Listen { key: String, variable: String, address: SocketAddr, why: std::io::Error },
    #[error("the server: {0}")]
    Serve(#[from] std::io::Error),
    #[error("demo account: {0:?}")]
    Demo(Box<Refused>),
}

impl From<KeyTrouble> for StartError {
    fn from(trouble: KeyTrouble) -> Self {
        match trouble {
            KeyTrouble::Store(error) => StartError::Store(error),
            KeyTrouble::Sealed(error) => StartError::MasterKey(error.to_string()),
            trouble => StartError::Keys(trouble.to_string()),
        }
    }
}

/// A server that listens, and does not answer before it is run.
pub struct Application {
    servers: Servers,
    surface: web::Data<Surface>,
    demo: Option<Demo>,
    /// How long what is under way may take when the server stops.
    drain: Duration,
}

impl Application {
    /// Reads workflows, opens the store, and listens.
    ///
    /// # Errors
    /// [`StartError`], before any port answers wherever that can be.
    pub async fn build(config: &Config, world: World) -> Result<Self, StartError> {
        let engine = assembled(config, &world, Output::Free).await?;
        engine.0.provide_signer().await?;
        engine.0.definitions.publish(&*engine.0.store).await?;
        // A directory would not know the demo account's password.
        let demo = match config.dev && config.directory.is_none() {
            true => Some(demo::account(&engine.0).await.map_err(|refused| StartError::Demo(Box::new(refused)))?),
            false => None,
        };
        let bound = Bound::of(config)?;
        let surface = web::Data::new(surface(config, engine));
        let servers = bound.serve(config, &surface)?;
        Ok(Application { servers, surface, demo, drain: config.http.drain_timeout })
    }

    /// Where the server listens; the port is the real one when 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.servers.main()
    }

    /// Every address that is listened on, the main one first.
    pub fn addresses(&self) -> &[SocketAddr] {
        self.servers.addresses()
    }

    /// Where a surface listens, and what its paths begin with; `None` when it is off.
    pub fn place(&self, surface: SurfaceName) -> Option<(SocketAddr, &str)> {
        self.servers.place(surface)
    }

    pub fn engine(&self) -> Arc<Engine> {
        Arc::clone(&self.surface.engine)
    }

    /// The demo account, in dev mode; its secrets only when it was made just now.
    pub fn demo(&self) -> Option<&Demo> {
        self.demo.as_ref()
    }

    /// What stops all of it.
    pub fn handle(&self) -> Handle {
        self.servers.handle()
    }

    /// Answers until the process is told to stop (SIGTERM, SIGINT), then finishes what is in flight.
    ///
    /// # Errors
    /// When the server cannot go on.
    pub async fn run_until_stopped(self) -> std::io::Result<()> {
        let (engine, within) = (self.engine(), self.drain);
        self.servers.run().await?;
        if !engine.finish(within).await {
            tracing::error!("the server stops with work undone");
        }
        Ok(())
    }
}

/// The engine as the configuration wants it, for a command whose output is its own; and what a tester can take hold of.
///
/// # Errors
/// [`StartError`].
pub async fn engine(config: &Config, world: &World) -> Result<(Engine, Hand), StartError> {
    assembled(config, world, Output::Taken).await
}

async fn assembled(config: &Config, world: &World, output: Output) -> Result<(Engine, Hand), StartError> {
    let catalogue = files::catalogue(config.workflows.as_deref())?;
    let mut hand = Hand::default();
    let world = &if config.dev { hand.with_clock(world) } else { world.clone() };
    let (mut courier, outbox) = courier::courier(config, world).map_err(StartError::Delivery)?;
    if config.dev {
        hand.outbox = outbox;
        courier = hand.with_faults(courier, config.sms.deadline, config.email.deadline);
    }
    let directory = directory::directory(config, world).map_err(StartError::Directory)?;
    let master = files::master_key(config, &*world.entropy).map_err(StartError::KeyFile)?;
    let previous: Vec<[u8; 32]> = config.master_key_previous.iter().map(MasterKey::expose).collect();
    let keys = Keys::with_previous(master, &previous);
    let store: Arc<dyn Store> = stores::open(config).await?;
    let algorithm = match config.tokens.algorithm {
        Algorithm::Es256 => TokenAlgorithm::ES256,
        Algorithm::Rs256 => TokenAlgorithm::RS256,
        Algorithm::EdDsa => TokenAlgorithm::EdDSA,
    };
    let tokens = AccessTokens::new(algorithm, config.tokens.issuer.clone(), config.tokens.audience.clone());
    let (pool, strength) = (&config.password, files::strength(config)?);
    let passwords = Passwords::new(pool.concurrency, pool.queue, world.entropy.bytes(), strength)
        .map_err(|_| StartError::Passwords)?;
    let days = |ttl: Duration| TimeDelta::from_std(ttl).unwrap_or(TimeDelta::MAX);
    let settings = Settings {
        access_ttl: days(config.tokens.access_ttl),
        refresh_ttl: days(config.tokens.refresh_ttl),
        strict_binding: config.wizard.binding == Binding::Strict,
    };
    let audit = Audit::new(sinks::sinks(config, world, output).map_err(StartError::Events)?);
    let engine = Engine {
        store,
        courier,
        clock: Arc::clone(&world.clock),
        entropy: Arc::clone(&world.entropy),
        keys,
        tokens,
        key_desk: KeyDesk::new(signing::fresh_pair, days(config.tokens.key_overlap)),
        registry_desk: RegistryDesk::new(config.mfao_policies.clone()),
        policy: config.policy.clone(),
        passwords,
        directory,
        definitions: Definitions::new(catalogue),
        settings,
        errands: Errands::new(),
        audit,
    };
    engine.open_keys().await?;
    Ok((engine, hand))
}

fn surface(config: &Config, (engine, hand): (Engine, Hand)) -> Surface {
    Surface {
        engine: Arc::new(engine),
        admin_key: config.admin_key.clone(),
        trusted_proxies: config.trusted_proxies.clone(),
        body_limit: config.http.body_limit,
        body_timeout: config.http.request_timeout,
        secure_cookies: !config.dev,
        outbox: hand.outbox.map(|outbox| Arc::new(outbox) as Arc<dyn http::DevOutbox>),
        clock: hand.clock.map(|clock| clock as Arc<dyn http::DevClock>),
        faults: hand.faults.map(|faults| faults as Arc<dyn http::DevFaults>),
    }
}
