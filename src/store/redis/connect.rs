use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join_all, select_ok};
use redis::aio::MultiplexedConnection;
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::cluster_async::ClusterConnection;
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ErrorKind, IntoConnectionInfo, RedisConnectionInfo, RedisError,
    RedisResult, ServerErrorKind, TlsCertificates, Value,
};
use tokio::time::Instant;

use crate::engine::ports::StoreError;

use super::RedisSettings;
use super::address::Kind;
use super::call::{Call, Script};
use super::link::within;
use super::reach::{Reach, ask_all_masters};

/// Everything that is needed to open a connection.
#[derive(Debug)]
pub(super) struct Target {
    topology: Topology,
    connect_timeout: Duration,
    /// For all that is said on a connection before it is used; it may die in the middle.
    greeting_timeout: Duration,
}

#[derive(Debug)]
enum Topology {
    Single(Client),
    Sentinel { sentinels: Vec<Client>, master: String, nodes: Nodes },
    Cluster(Box<ClusterClient>),
}

/// How a data server is spoken to.
#[derive(Debug, Clone)]
struct Nodes {
    tls: Option<TlsCertificates>,
    login: RedisConnectionInfo,
}

/// An open connection; clones share it.
#[derive(Clone)]
pub(super) enum Connection {
    Node(MultiplexedConnection),
    Cluster(ClusterConnection, Arc<Reach>),
}

impl Target {
    pub(super) fn new(settings: &RedisSettings) -> Result<Self, StoreError> {
        let topology = Topology::new(settings)
            .map_err(|error| StoreError::Unavailable(format!("the Redis address cannot be used: {error}")))?;
        Ok(Target {
            topology,
            connect_timeout: settings.connect_timeout,
            greeting_timeout: settings.connect_timeout + settings.timeout,
        })
    }

    /// Opens a connection, driven by the runtime that this is called in, and makes the scripts known to its servers.
    pub(super) async fn connect(&self) -> RedisResult<Connection> {
        within(Instant::now() + self.greeting_timeout, self.greet()).await
    }

    async fn greet(&self) -> RedisResult<Connection> {
        let connection = match &self.topology {
            Topology::Single(client) => Connection::Node(self.open(client).await?),
            Topology::Sentinel { sentinels, master, nodes } => {
                // All at once: a sentinel that is frozen, or still believes in the old master, holds nobody up.
                let asked = sentinels.iter().map(|sentinel| Box::pin(self.through(sentinel, master, nodes)));
                Connection::Node(select_ok(asked).await?.0)
            }
            Topology::Cluster(client) => {
                let cluster = client.get_async_connection().await?;
                let reach = Reach::of(&cluster).await;
                Connection::Cluster(cluster, Arc::new(reach))
            }
        };
        let load = Script::ALL.map(|script| {
            let mut command = redis::cmd("SCRIPT");
            command.arg("LOAD").arg(script.source());
            command
        });
        let loaded = join_all(load.iter().map(|command| connection.send(command))).await;
        match connection {
            // A node of a cluster that is away at the moment is told when it first misses a script.
            Connection::Cluster(..) => {}
            Connection::Node(_) => loaded.into_iter().collect::<RedisResult<Vec<_>>>().map(drop)?,
        }
        Ok(connection)
    }

    async fn open(&self, client: &Client) -> RedisResult<MultiplexedConnection> {
        // Replies are waited for under the deadline of the call, which also knows what to do when it has passed.
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(self.connect_timeout)).set_response_timeout(None);
        client.get_multiplexed_async_connection_with_config(&config).await
    }

    async fn through(&self, sentinel: &Client, master: &str, nodes: &Nodes) -> RedisResult<MultiplexedConnection> {
        let mut sentinel = self.open(sentinel).await?;
        let mut ask = redis::cmd("SENTINEL");
        ask.arg("GET-MASTER-ADDR-BY-NAME").arg(master);
        let found: Option<(String, u16)> = ask.query_async(&mut sentinel).await?;
        let (host, port) = found.ok_or((
            ErrorKind::MasterNameNotFoundBySentinel,
            "the sentinel knows no such master",
            master.to_owned(),
        ))?;
        let mut connection = self.open(&nodes.client(&host, port)?).await?;
        // A sentinel may lag behind the server's own idea of what it is.
        let role: Vec<Value> = redis::cmd("ROLE").query_async(&mut connection).await?;
        match role.first() {
            Some(Value::BulkString(role)) if role == b"master" => Ok(connection),
            _ => Err((ErrorKind::Io, "the server that the sentinel named is no master").into()),
        }
    }
}

impl Topology {
    fn new(settings: &RedisSettings) -> RedisResult<Self> {
        let address = &settings.address;
        let nodes = Nodes::new(settings)?;
        match &address.kind {
            Kind::Single => {
                let (host, port) = &address.hosts[0];
                Ok(Topology::Single(nodes.client(host, *port)?))
            }
            Kind::Sentinel { master } => {
                // The credentials and the database are those of the data servers.
                let plain = Nodes { login: RedisConnectionInfo::default(), ..nodes.clone() };
                let sentinels = address.hosts.iter().map(|(host, port)| plain.client(host, *port));
                Ok(Topology::Sentinel {
                    sentinels: sentinels.collect::<RedisResult<_>>()?,
                    master: master.clone(),
                    nodes,
                })
            }
            Kind::Cluster => Ok(Topology::Cluster(Box::new(cluster(settings, &nodes)?))),
        }
    }
}

fn cluster(settings: &RedisSettings, nodes: &Nodes) -> RedisResult<ClusterClient> {
    let hosts = settings.address.hosts.iter().map(|(host, port)| nodes.info(host, *port));
    // The client repeats by itself what it cannot tell apart from a redirection; request ids make that harmless. It is
    // kept to a few quick tries, since the link does the same under the deadline of the call.
    let builder = ClusterClientBuilder::new(hosts.collect::<RedisResult<Vec<_>>>()?)
        // Looking for a node that is away holds up the calls to all others.
        .connection_timeout(settings.connect_timeout.min(settings.timeout / 4))
        .response_timeout(settings.timeout / 2)
        .overall_response_timeout(None)
        .retries(3)
        .min_retry_wait(5)
        .max_retry_wait(100)
        .tcp_settings(TcpSettings::default().set_nodelay(true));
    match &nodes.tls {
        Some(certificates) => builder.certs(certificates.clone()).build(),
        None => builder.build(),
    }
}

impl Nodes {
    fn new(settings: &RedisSettings) -> RedisResult<Self> {
        let address = &settings.address;
        let mut login = RedisConnectionInfo::default().set_db(address.database);
        if let Some(user) = &address.user {
            login = login.set_username(user);
        }
        if let Some(password) = &address.password {
            login = login.set_password(password.expose());
        }
        let root_cert = settings.ca_file.as_ref().map(std::fs::read).transpose()?;
        let tls = address.tls.then_some(TlsCertificates { client_tls: None, root_cert });
        if tls.is_some() {
            // Already chosen when this fails, which is as good.
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        }
        Ok(Nodes { tls, login })
    }

    fn info(&self, host: &str, port: u16) -> RedisResult<redis::ConnectionInfo> {
        let host = host.to_owned();
        let address = match &self.tls {
            Some(_) => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
            None => ConnectionAddr::Tcp(host, port),
        };
        let info = address.into_connection_info()?.set_redis_settings(self.login.clone());
        Ok(info.set_tcp_settings(TcpSettings::default().set_nodelay(true)))
    }

    fn client(&self, host: &str, port: u16) -> RedisResult<Client> {
        let info = self.info(host, port)?;
        match &self.tls {
            Some(certificates) => Client::build_with_tls(info, certificates.clone()),
            None => Client::open(info),
        }
    }
}

impl Connection {
    /// Whether a call that failed has shown that this connection is of no use.
    ///
    /// That to a cluster may still reach all nodes but one, and looks after each of them by itself.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self, Connection::Node(_))
    }

    /// Whether this one, opened after a call on `older` failed, is to take its place.
    pub(super) fn replaces(&self, older: &Connection) -> bool {
        match (self, older) {
            (Connection::Cluster(_, new), Connection::Cluster(_, old)) => new.may_replace(old),
            _ => true,
        }
    }

    /// Sends one command. Several at once share one flight of packets.
    pub(super) async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        match self.clone() {
            Connection::Node(mut node) => command.query_async(&mut node).await,
            Connection::Cluster(mut cluster, _) => command.query_async(&mut cluster).await,
        }
    }

    /// Runs a call; `trips` is told of each flight beyond the first.
    pub(super) async fn run(&self, call: &Call, again: impl Fn()) -> RedisResult<Value> {
        let answer = match (self.clone(), call.is_everywhere()) {
            (Connection::Cluster(cluster, _), true) => {
                ask_all_masters(&cluster, call.as_command().clone()).await.map(each_of)
            }
            (_, true) => self.send(call.as_command()).await.map(|value| Value::Array(vec![value])),
            (_, false) => self.send(call.as_command()).await,
        };
        match (answer, call.with_source()) {
            (Err(error), Some(whole)) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                again();
                self.send(&whole).await
            }
            (Err(error), _) if call.is_optional() && is_refusal(&error) => Ok(Value::Nil),
            (answer, _) => answer,
        }
    }
}

/// The replies of several nodes without their addresses. A node that refuses has none.
fn each_of(answers: Value) -> Value {
    match answers {
        Value::Map(answers) => {
            Value::Array(answers.into_iter().map(|(_, value)| value.extract_error().unwrap_or(Value::Nil)).collect())
        }
        other => other,
    }
}

/// Whether a script, or the server itself, stumbled over what is stored.
pub(super) fn is_damage(error: &RedisError) -> bool {
    let in_script = error.detail().is_some_and(|detail| detail.contains("user_script"));
    error.code() == Some("WRONGTYPE") || (error.code() == Some("ERR") && in_script)
}

/// Whether the server itself said no, for good.
pub(super) fn is_refusal(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Server(kind) => matches!(
            kind,
            ServerErrorKind::ResponseError
                | ServerErrorKind::ExecAbort
                | ServerErrorKind::CrossSlot
                | ServerErrorKind::NoPerm
                | ServerErrorKind::NoScript
        ),
        // A long script of somebody else's, replicas that are missing, a password that was changed under way: passing.
        ErrorKind::Extension => !matches!(error.code(), Some("BUSY" | "NOREPLICAS" | "NOAUTH")),
        ErrorKind::AuthenticationFailed | ErrorKind::InvalidClientConfig | ErrorKind::UnexpectedReturnType => true,
        _ => false,
    }
}
