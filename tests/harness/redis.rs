//! Real Redis servers for tests: started on free loopback ports in temporary folders, gone with the test process.
//!
//! [`single`] and [`cluster`] are shared by all tests of a process, which keep apart by [`prefix`]. Whoever stops,
//! freezes or fills a server starts one of their own.
#![allow(dead_code, reason = "each test binary uses a part of this")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a harness may only fail the test")]

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long a server may take to come up, elect or replicate.
const PATIENCE: Duration = Duration::from_secs(30);
const READY: &str = "Ready to accept connections";

/// A server that is shared by all tests of this process; it keeps nothing on disk.
pub fn single() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start(&["--save", ""]))
}

/// A cluster of three masters that is shared by all tests of this process.
pub fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(Cluster::start)
}

/// A key prefix that no other test has.
pub fn prefix() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("t{}-{}:", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A process that ends with this one, however this one ends: the kernel kills it when the thread that started it is
/// gone, so that thread does nothing else and lives as long as the process.
fn spawn(mut command: Command) -> Child {
    type Order = (Command, Sender<std::io::Result<Child>>);
    static SPAWNER: OnceLock<Mutex<Sender<Order>>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (orders, inbox) = mpsc::channel::<Order>();
        thread::Builder::new()
            .name("spawner".to_owned())
            .spawn(move || inbox.iter().for_each(|(mut command, reply)| drop(reply.send(command.spawn()))))
            .unwrap();
        Mutex::new(orders)
    });
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let (reply, child) = mpsc::channel();
    locked(spawner).send((command, reply)).unwrap();
    child.recv().unwrap().expect("setpriv (package util-linux) starts redis-server and is missing")
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// One `redis-server`.
pub struct Server {
    pub port: u16,
    options: Vec<String>,
    folder: tempfile::TempDir,
    process: Mutex<Option<Process>>,
}

struct Process {
    child: Child,
    lines: Receiver<String>,
}

impl Server {
    /// Starts a server with the given command line options on top of a free port and a folder of its own.
    pub fn start(options: &[&str]) -> Self {
        // Somebody else may take a free port before the server does.
        (0..5).find_map(|_| Self::start_at(free_port(), options)).expect("no port stays free")
    }

    /// `None` when the server ended before it was ready.
    fn start_at(port: u16, options: &[&str]) -> Option<Self> {
        let own = ["--port", &port.to_string(), "--bind", "127.0.0.1"].map(str::to_owned);
        let options = own.into_iter().chain(options.iter().map(|option| (*option).to_owned())).collect();
        let folder = tempfile::tempdir().unwrap();
        let server = Server { port, options, folder, process: Mutex::new(None) };
        server.launch();
        let ready = locked(&server.process).as_ref().is_some_and(|process| process.says(READY).is_ok());
        ready.then_some(server)
    }

    /// Starts the stopped server again, on the same port and folder.
    pub fn restart(&self) {
        self.launch();
        self.wait_for(READY);
    }

    fn launch(&self) {
        let mut place = locked(&self.process);
        assert!(place.is_none(), "the server is still running");
        *place = Some(Process::start(self.folder.path(), &self.options));
    }

    /// Has another node join this one's cluster.
    fn meets(&self, other: &Server) {
        let bus = self.options.iter().skip_while(|option| *option != "--cluster-port").nth(1).unwrap();
        other.ask::<()>(&["CLUSTER", "MEET", "127.0.0.1", &self.port.to_string(), bus]);
    }

    /// Waits for a line of the server's log.
    pub fn wait_for(&self, text: &str) {
        let place = locked(&self.process);
        place.as_ref().expect("the server was stopped").says(text).unwrap_or_else(|error| panic!("{error}"));
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// `kill -9`: no chance to write anything.
    pub fn kill(&self) {
        if let Some(mut process) = locked(&self.process).take() {
            process.child.kill().unwrap();
            process.child.wait().unwrap();
        }
    }

    /// Stops the process without ending it: its sockets stay open and nothing answers.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let id = locked(&self.process).as_ref().expect("the server was stopped").child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// A command of the test's own, past the store.
    pub fn ask<T: redis::FromRedisValue>(&self, command: &[&str]) -> T {
        let mut connection = redis::Client::open(self.url()).unwrap().get_connection().unwrap();
        let (name, arguments) = command.split_first().unwrap();
        redis::cmd(name).arg(arguments).query(&mut connection).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Process {
    fn start(folder: &Path, options: &[String]) -> Self {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "redis-server"]).args(options).current_dir(folder);
        assert!(
            Command::new("redis-server").arg("--version").output().is_ok(),
            "these tests need redis-server 7 or newer: apt-get install redis-server"
        );
        let mut child = spawn(command);
        let log = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        // Reads on for ever, or the server would block on a full pipe.
        thread::spawn(move || log.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line))));
        Process { child, lines }
    }

    fn says(&self, text: &str) -> Result<(), String> {
        let mut log = String::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(text) => return Ok(()),
                Ok(line) => writeln!(log, "{line}").unwrap(),
                Err(error) => return Err(format!("redis-server never said {text:?} ({error}); it said:\n{log}")),
            }
        }
    }
}

/// Three masters that share the slots.
pub struct Cluster {
    pub nodes: Vec<Server>,
}

fn cluster_node() -> Server {
    let bus = free_port().to_string();
    Server::start(&["--cluster-enabled", "yes", "--cluster-port", &bus, "--save", ""])
}

impl Cluster {
    pub fn start() -> Self {
        let nodes: Vec<Server> = (0..3).map(|_| cluster_node()).collect();
        for (node, [first, last]) in nodes.iter().zip([["0", "5460"], ["5461", "10922"], ["10923", "16383"]]) {
            node.ask::<()>(&["CLUSTER", "ADDSLOTSRANGE", first, last]);
        }
        for node in &nodes[1..] {
            nodes[0].meets(node);
        }
        for node in &nodes {
            node.wait_for("Cluster state changed: ok");
        }
        Cluster { nodes }
    }

    /// Another server, with a copy of what a node holds.
    pub fn replica_of(&self, node: usize) -> Server {
        let replica = cluster_node();
        self.nodes[0].meets(&replica);
        replica.wait_for("Cluster state changed: ok");
        let id: String = self.nodes[node].ask(&["CLUSTER", "MYID"]);
        replica.ask::<()>(&["CLUSTER", "REPLICATE", &id]);
        replica.wait_for("Finished with success");
        replica
    }

    pub fn url(&self) -> String {
        let hosts: Vec<String> = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
        format!("redis-cluster://{}", hosts.join(","))
    }
}

/// A master, a replica, and one sentinel that watches them.
pub struct Sentinel {
    pub master: Server,
    pub replica: Server,
    sentinel: Server,
}

impl Sentinel {
    pub fn start(options: &[&str]) -> Self {
        let master = Server::start(options);
        let port = master.port.to_string();
        let replica = Server::start(&[options, &["--replicaof", "127.0.0.1", &port]].concat());
        replica.wait_for("Finished with success");
        let folder = tempfile::tempdir().unwrap();
        let sentinel_port = free_port();
        let settings = format!(
            "port {sentinel_port}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 {port} 1\n\
             sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 5000\n"
        );
        let file = folder.path().join("sentinel.conf");
        std::fs::write(&file, settings).unwrap();
        let options = vec![file.display().to_string(), "--sentinel".to_owned()];
        let sentinel = Server { port: sentinel_port, options, folder, process: Mutex::new(None) };
        sentinel.launch();
        sentinel.wait_for("+slave slave");
        Sentinel { master, replica, sentinel }
    }

    pub fn url(&self) -> String {
        format!("redis-sentinel://127.0.0.1:{}/main", self.sentinel.port)
    }

    /// Waits until the sentinel has moved the master.
    pub fn wait_for_switch(&self) {
        self.sentinel.wait_for("+switch-master");
    }

    /// Has the sentinel move the master although nothing is wrong: nobody's connection breaks by a crash.
    pub fn fail_over(&self) {
        let mut sentinel = redis::Client::open(self.sentinel.url()).unwrap().get_connection().unwrap();
        let begun = Instant::now();
        // Refused until the sentinel has looked at the replica, which it does at times of its own.
        while let Err(error) = redis::cmd("SENTINEL").arg("FAILOVER").arg("main").exec(&mut sentinel) {
            assert!(begun.elapsed() < PATIENCE, "the sentinel does not move the master: {error}");
            thread::park_timeout(Duration::from_millis(50));
        }
        self.wait_for_switch();
    }
}

/// A server that speaks TLS only, and the certificate authority that its certificate is from.
pub struct TlsServer {
    pub ca_file: PathBuf,
    port: u16,
    _certificates: tempfile::TempDir,
    _server: Server,
}

impl TlsServer {
    pub fn start() -> Self {
        use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: String| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let authority_key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::new(vec![]).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = authority.self_signed(&authority_key).unwrap();
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate().unwrap();
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
        let ca_file = write("ca.pem", root.pem());
        let (key, certificate) = (write("key.pem", key.serialize_pem()), write("cert.pem", certificate.pem()));
        let port = free_port();
        let server = Server::start_at(
            0,
            &[
                "--tls-port",
                &port.to_string(),
                "--tls-cert-file",
                certificate.to_str().unwrap(),
                "--tls-key-file",
                key.to_str().unwrap(),
                "--tls-ca-cert-file",
                ca_file.to_str().unwrap(),
                "--tls-auth-clients",
                "no",
                "--save",
                "",
            ],
        )
        .expect("the port was taken");
        TlsServer { ca_file, port, _certificates: folder, _server: server }
    }

    pub fn url(&self) -> String {
        format!("rediss://127.0.0.1:{}", self.port)
    }
}

/// Forwards connections to a server, and loses or holds up what the server says.
///
/// What a client sends at once arrives at once over loopback, and counts as one request.
pub struct Proxy {
    pub port: u16,
    weather: Arc<Mutex<Weather>>,
}

#[derive(Default)]
struct Weather {
    fate: Option<Fate>,
    /// Requests to let through and have answered before that.
    spared: usize,
    /// Replies that were swallowed so far.
    lost: usize,
    refusing: bool,
    holding: bool,
    connections: Vec<Connection>,
}

#[derive(Clone, Copy, PartialEq)]
enum Fate {
    LoseReply,
    CutForGood,
    Hold,
    Mute,
}

/// Both ends of a forwarded connection.
struct Connection {
    ends: [TcpStream; 2],
    /// Replies are neither passed on nor is the connection closed.
    stalled: Arc<AtomicBool>,
}

impl Proxy {
    pub fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Proxy { port: listener.local_addr().unwrap().port(), weather: Arc::default() };
        let weather = Arc::clone(&proxy.weather);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if locked(&weather).refusing {
                    continue;
                }
                if let Ok(server) = TcpStream::connect(("127.0.0.1", port)) {
                    forward(client, server, &weather);
                }
            }
        });
        proxy
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Lets `spared` requests through and answered; the one after it reaches the server, its reply is swallowed, and
    /// the connection is cut.
    pub fn lose_reply_after(&self, spared: usize) {
        let mut weather = locked(&self.weather);
        (weather.fate, weather.spared) = (Some(Fate::LoseReply), spared);
    }

    /// Replies that were swallowed so far.
    pub fn lost(&self) -> usize {
        locked(&self.weather).lost
    }

    /// Lets `spared` requests through and answered; the one after it never reaches the server, nor does any other
    /// until [`Proxy::clear`].
    pub fn cut_after(&self, spared: usize) {
        let mut weather = locked(&self.weather);
        (weather.fate, weather.spared) = (Some(Fate::CutForGood), spared);
    }

    /// Lets `spared` requests through and answered, and keeps the one after it until [`Proxy::clear`].
    pub fn hold_after(&self, spared: usize) {
        let mut weather = locked(&self.weather);
        (weather.fate, weather.spared) = (Some(Fate::Hold), spared);
    }

    /// Lets `spared` requests through and answered. The connection of the one after it stays open, and nothing the
    /// server says comes through there any more.
    pub fn mute_after(&self, spared: usize) {
        let mut weather = locked(&self.weather);
        (weather.fate, weather.spared) = (Some(Fate::Mute), spared);
    }

    /// Whether a request is being kept.
    pub fn is_holding(&self) -> bool {
        locked(&self.weather).holding
    }

    /// The connections that are open now stay open, and nothing the server says comes through; new ones work.
    pub fn stall(&self) {
        locked(&self.weather)
            .connections
            .iter()
            .for_each(|connection| connection.stalled.store(true, Ordering::SeqCst));
    }

    /// Cuts all connections and accepts no new one.
    pub fn refuse(&self) {
        locked(&self.weather).refuse();
    }

    /// New connections go through again, and so does the request that was kept.
    pub fn clear(&self) {
        let mut weather = locked(&self.weather);
        (weather.refusing, weather.holding, weather.fate) = (false, false, None);
    }
}

impl Weather {
    fn refuse(&mut self) {
        self.refusing = true;
        for connection in self.connections.drain(..) {
            connection.ends.iter().for_each(|end| drop(end.shutdown(Shutdown::Both)));
        }
    }

    /// What becomes of the request that has just come in.
    fn next(&mut self) -> Option<Fate> {
        if self.fate.is_some() && self.spared > 0 {
            self.spared -= 1;
            return None;
        }
        self.fate.take()
    }
}

fn forward(client: TcpStream, server: TcpStream, weather: &Arc<Mutex<Weather>>) {
    let ends = [client.try_clone().unwrap(), server.try_clone().unwrap()];
    let (stalled, losing) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    locked(weather).connections.push(Connection { ends, stalled: Arc::clone(&stalled) });
    let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let (mark, muted, sky) = (Arc::clone(&losing), Arc::clone(&stalled), Arc::clone(weather));
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 20];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let mut weather = locked(&sky);
            match weather.next() {
                Some(Fate::LoseReply) => mark.store(true, Ordering::SeqCst),
                Some(Fate::CutForGood) => return weather.refuse(),
                Some(Fate::Hold) => weather.holding = true,
                Some(Fate::Mute) => muted.store(true, Ordering::SeqCst),
                None => {}
            }
            while weather.holding {
                drop(weather);
                thread::park_timeout(Duration::from_millis(5));
                weather = locked(&sky);
            }
            drop(weather);
            if to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        drop(to.shutdown(Shutdown::Both));
    });
    let (mut from, mut to, sky) = (server, client, Arc::clone(weather));
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 20];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            if losing.load(Ordering::SeqCst) {
                locked(&sky).lost += 1;
                break;
            }
            if stalled.load(Ordering::SeqCst) {
                continue;
            }
            if to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        drop(to.shutdown(Shutdown::Both));
        drop(from.shutdown(Shutdown::Both));
    });
}
