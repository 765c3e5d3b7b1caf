use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};

use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use futures_util::future::{join_all, select_all};
use tokio::signal::unix::{SignalKind, signal};
use utoipa_actix_web::AppExt;

use super::StartError;
use crate::config::{Config, Listener};
use crate::http::{self, Document, Mount, Mounts, Surface};
use crate::identity::SurfaceName;

/// Ports that are held and do not answer yet: all of them before any is served.
pub struct Bound {
    ports: Vec<(Listener, TcpListener, SocketAddr)>,
    main: SocketAddr,
}

impl Bound {
    /// # Errors
    /// [`StartError::Listen`], with the key of the address that cannot be had.
    pub fn of(config: &Config) -> Result<Self, StartError> {
        let bind = |listener: Listener| -> Result<_, StartError> {
            let refused = |why| StartError::Listen {
                key: listener.key.clone(),
                variable: listener.variable(),
                address: listener.address,
                why,
            };
            let socket = TcpListener::bind(listener.address).map_err(refused)?;
            let address = socket.local_addr().map_err(refused)?;
            Ok((listener, socket, address))
        };
        let ports = config.listeners().into_iter().map(bind).collect::<Result<Vec<_>, _>>()?;
        let main = ports.first().map_or(config.listen, |(_, _, address)| *address);
        Ok(Bound { ports, main })
    }

    /// # Errors
    /// When a port cannot be served after all.
    pub fn serve(self, config: &Config, surface: &web::Data<Surface>) -> io::Result<Servers> {
        let places = self.ports.iter().flat_map(|(listener, _, address)| {
            listener.surfaces.iter().map(|place| (place.surface, *address, place.prefix.clone()))
        });
        let places: Vec<(SurfaceName, SocketAddr, String)> = places.collect();
        let addresses = self.ports.iter().map(|(_, _, address)| *address).collect();
        let main = self.main;
        let at = |only: SocketAddr| {
            let here = places.iter().filter(move |(_, address, _)| *address == only);
            here.map(|place| mount(place, main)).collect::<Vec<_>>()
        };
        let all: Vec<Mount> = places.iter().map(|place| mount(place, main)).collect();
        let document = web::Data::new(Document::of(&all)?);
        let serve = |(_, socket, address): (Listener, TcpListener, SocketAddr)| {
            let surfaces = at(address);
            let mounts = match address == main {
                true => Mounts::Main { surfaces, dev: config.dev },
                false => Mounts::Extra { surfaces },
            };
            server(config, socket, mounts, surface.clone(), document.clone())
        };
        let servers = self.ports.into_iter().map(serve).collect::<io::Result<_>>()?;
        Ok(Servers { servers, main, addresses, places })
    }
}

fn mount((surface, address, prefix): &(SurfaceName, SocketAddr, String), main: SocketAddr) -> Mount {
    let server = (*address != main).then(|| format!("http://{address}"));
    Mount { surface: *surface, prefix: prefix.clone(), server }
}

fn server(
    config: &Config,
    socket: TcpListener,
    mounts: Mounts,
    surface: web::Data<Surface>,
    document: web::Data<Document>,
) -> io::Result<Server> {
    let origins = config.cors.origins.clone();
    let factory = move || {
        App::new()
            .into_utoipa_app()
            .app_data(surface.clone())
            .app_data(document.clone())
            .configure(|config| http::routes(config, &mounts))
            .into_app()
            .wrap(http::cors(&origins))
            .wrap(from_fn(http::frame))
    };
    let server = HttpServer::new(factory)
        .workers(config.http.workers)
        .keep_alive(config.http.keep_alive)
        .client_request_timeout(config.http.request_timeout)
        .shutdown_timeout(config.http.drain_timeout.as_secs())
        // A server that hears a signal itself ends its whole runtime when it is done, and with it what others still
        // have in flight.
        .disable_signals()
        .listen(socket)?;
    Ok(server.run())
}

/// A server for each listener, the main one first.
pub struct Servers {
    servers: Vec<Server>,
    main: SocketAddr,
    addresses: Vec<SocketAddr>,
    places: Vec<(SurfaceName, SocketAddr, String)>,
}

/// Stops all servers.
#[derive(Clone)]
pub struct Handle(Vec<ServerHandle>);

impl Handle {
    /// Tells them at once; the future is for whoever wants to know when they have ended. `graceful` finishes what is in
    /// flight.
    pub fn stop(&self, graceful: bool) -> impl Future<Output = ()> + use<> {
        let stopping: Vec<_> = self.0.iter().map(|server| server.stop(graceful)).collect();
        async {
            join_all(stopping).await;
        }
    }
}

impl Servers {
    /// Where the main one listens; the port is the real one.
    pub fn main(&self) -> SocketAddr {
        self.main
    }

    /// Where each listens, the main one first.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where the surface is, if it is on: its address, and what its paths begin with.
    pub fn place(&self, surface: SurfaceName) -> Option<(SocketAddr, &str)> {
        let place = self.places.iter().find(|(name, ..)| *name == surface);
        place.map(|(_, address, prefix)| (*address, prefix.as_str()))
    }

    pub fn handle(&self) -> Handle {
        Handle(self.servers.iter().map(Server::handle).collect())
    }

    /// Answers until the process is told to stop or one of them ends: all end together. What is in flight ends first,
    /// unless it was SIGQUIT, or a second signal says that it was waited for long enough.
    ///
    /// # Errors
    /// When a server cannot go on, or signals cannot be heard.
    pub async fn run(self) -> io::Result<()> {
        let (handle, mut signals) = (self.handle(), Signals::new()?);
        let all = async {
            let (ended, _, others) = select_all(self.servers).await;
            drop(handle.stop(true));
            let ended = std::iter::once(ended).chain(join_all(others).await);
            ended.collect::<io::Result<()>>()
        };
        tokio::pin!(all);
        let graceful = tokio::select! {
            ended = &mut all => return ended,
            graceful = signals.heard() => graceful,
        };
        drop(handle.stop(graceful));
        tokio::select! {
            ended = &mut all => ended,
            _ = signals.heard() => Ok(()),
        }
    }
}

/// The signals that stop a process.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    quit: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
        })
    }

    /// Waits for one of them; whether what is in flight may end.
    async fn heard(&mut self) -> bool {
        tokio::select! {
            _ = self.terminate.recv() => true,
            _ = self.interrupt.recv() => true,
            _ = self.quit.recv() => false,
        }
    }
}
