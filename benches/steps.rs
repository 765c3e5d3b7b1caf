//! How fast single steps are, measured at the real server with a real Redis: `cargo bench --bench steps -- --seconds 6`.
//!
//! Load generator, server and Redis share the machine, so absolute numbers say little. What carries over is the ratio
//! to a bare actix handler that runs one Redis script, measured by the same generator in the same run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a measurement fails by panicking")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it reports to people")]

#[path = "support/accounts.rs"]
mod accounts;
#[path = "support/bare.rs"]
mod bare;
#[path = "support/load.rs"]
mod load;
#[path = "../tests/harness/redis.rs"]
mod servers;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use load::{Client, Request, median, parallel};

pub const ADMIN_KEY: &str = "the-key-of-the-operator";
/// Connections at a time.
const CLIENTS: usize = 32;
const ROUNDS: u32 = 3;

struct Options {
    seconds: f64,
    accounts: usize,
    durable: bool,
}

impl Options {
    fn read() -> Self {
        let mut options = Options { seconds: 6.0, accounts: 2_000, durable: false };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut number = || words.next().and_then(|text| text.parse::<f64>().ok()).expect("a number");
            match word.as_str() {
                "--seconds" => options.seconds = number(),
                "--accounts" => options.accounts = number() as usize,
                "--durable" => options.durable = true,
                // What cargo adds.
                "--bench" => {}
                other => panic!("unknown: {other}; there are --seconds N, --accounts N, --durable"),
            }
        }
        options
    }
}

/// A process that listens, and is gone with this one.
struct Server {
    process: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Server {
    fn stepgate(store: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stepgate"));
        command.env("STEPGATE_STORE", store).env("STEPGATE_LISTEN", "127.0.0.1:0").env("STEPGATE_ADMIN_KEY", ADMIN_KEY);
        Self::start(command.env("STEPGATE_LOG__LEVEL", "error"))
    }

    fn bare(redis: &str) -> Self {
        Self::start(Command::new(std::env::current_exe().unwrap()).args(["--bare", redis]))
    }

    fn start(command: &mut Command) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut process = command.current_dir(folder.path()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let first = lines.next().expect("a server says where it listens").unwrap();
        // Reads on, or the server would block on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let address = first.split("http://").nth(1).expect("an address").to_owned();
        Server { process, address, _folder: folder }
    }

    /// Resident memory in MiB.
    fn memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|word| word == "--bare") {
        return bare::serve(&arguments[at + 1]);
    }
    let options = Options::read();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(measure(&options));
}

async fn measure(options: &Options) {
    let settings: &[&str] = match options.durable {
        true => &["--appendonly", "yes", "--appendfsync", "always"],
        false => &["--save", ""],
    };
    let redis = servers::Server::start(settings);
    println!("redis-server {}", settings.join(" "));
    start_times(&redis).await;

    let (server, bare) = (Server::stepgate(&redis.url()), Server::bare(&redis.url()));
    println!("resident memory of the idle server: {:.1} MiB", server.memory());
    let people = accounts::made(&server.address, options.accounts, CLIENTS).await;
    sizes(&redis, &server, &people).await;

    let slice = Duration::from_secs_f64(options.seconds / f64::from(ROUNDS));
    let mut table = Table::default();
    for _ in 0..ROUNDS {
        table.add("a bare handler, one script", timed(&bare.address, slice, |_| Request::get("/")).await);
        let begin = |_: usize| Request::get("/api/v2/my/signin/wizard");
        table.add("GET /signin/wizard (create)", timed(&server.address, slice, begin).await);
        let look = |i: usize| Request::get(&format!("/api/v2/my/wizard/{}", people[i].wizard));
        table.add("GET /wizard/{uuid} (read)", timed(&server.address, slice, look).await);
        let choose = |i: usize| {
            Request::post("/api/v2/my/signin/2fa", &format!(r#"{{"uuid":"{}","type":"google"}}"#, people[i].wizard))
        };
        table.add("POST /signin/2fa (a step)", timed(&server.address, slice, choose).await);
    }
    table.add("POST /2fa/google (the last step)", finish(&server.address, &people).await);
    table.print();
    println!("resident memory after that: {:.1} MiB", server.memory());
}

/// Calls per second of one request for each client, over and over.
async fn timed(address: &str, slice: Duration, request: impl Fn(usize) -> Request) -> f64 {
    let begun = Instant::now();
    let each = (0..CLIENTS).map(|i| {
        let (address, request) = (address.to_owned(), request(i));
        async move {
            let mut client = Client::connect(&address).await;
            let mut done = 0_u64;
            while begun.elapsed() < slice {
                let (status, body) = client.send(&request).await;
                assert_eq!(status, 200, "{body}");
                done += 1;
            }
            done
        }
    });
    let done: u64 = parallel(each).await.into_iter().sum();
    done as f64 / begun.elapsed().as_secs_f64()
}

/// The right code of everybody, once.
async fn finish(address: &str, people: &[accounts::Person]) -> f64 {
    let begun = Instant::now();
    let share = people.len().div_ceil(CLIENTS);
    let each = people.chunks(share).map(|people| {
        let (address, people) = (address.to_owned(), people.to_vec());
        async move {
            let mut client = Client::connect(&address).await;
            for person in people {
                let (status, body) = client.send(&person.last_step()).await;
                assert_eq!(status, 202, "{body}");
            }
        }
    });
    parallel(each).await;
    people.len() as f64 / begun.elapsed().as_secs_f64()
}

async fn start_times(redis: &servers::Server) {
    let folder = tempfile::tempdir().unwrap();
    let embedded = format!("embedded:{}", folder.path().display());
    for (name, store) in [("embedded", embedded.as_str()), ("redis", redis.url().as_str())] {
        // The first start makes the demo account and its keys; the second one finds them.
        for which in ["first", "second"] {
            let begun = Instant::now();
            let server = Server::stepgate(store);
            let (status, _) = Client::connect(&server.address).await.send(&Request::get("/health/live")).await;
            assert_eq!(status, 200);
            println!("{which} start to the first answer, {name}: {} ms", begun.elapsed().as_millis());
        }
    }
}

/// Bytes of a waiting wizard in Redis, by Redis's own account.
async fn sizes(redis: &servers::Server, server: &Server, people: &[accounts::Person]) {
    let mut client = Client::connect(&server.address).await;
    let mut fresh = Vec::new();
    for _ in 0..1_000 {
        let (_, body) = client.send(&Request::get("/api/v2/my/signin/wizard")).await;
        fresh.push(accounts::member(&body, "uuid"));
    }
    let usage = |uuid: &String| redis.ask::<u64>(&["MEMORY", "USAGE", &format!("stepgate:{{w:{uuid}}}")]) as f64;
    let average = |sizes: Vec<f64>| sizes.iter().sum::<f64>() / sizes.len() as f64;
    println!("bytes of a wizard at login: {:.0}", average(fresh.iter().map(usage).collect()));
    let later = people.iter().take(1_000).map(|person| usage(&person.wizard));
    println!("bytes of a wizard at 2fa_google_auth: {:.0}", average(later.collect()));
}

#[derive(Default)]
struct Table(Vec<(&'static str, Vec<f64>)>);

impl Table {
    fn add(&mut self, name: &'static str, rate: f64) {
        match self.0.iter_mut().find(|(own, _)| *own == name) {
            Some((_, rates)) => rates.push(rate),
            None => self.0.push((name, vec![rate])),
        }
    }

    fn print(&self) {
        println!("\n| call | calls/s, median | lowest to highest | to the bare handler |\n|---|---|---|---|");
        let bare = median(&self.0[0].1);
        for (name, rates) in &self.0 {
            let (low, high) = rates.iter().fold((f64::MAX, 0.0_f64), |(l, h), rate| (l.min(*rate), h.max(*rate)));
            let middle = median(rates);
            println!("| {name} | {middle:.0} | {low:.0} to {high:.0} | {:.2} |", middle / bare);
        }
        println!();
    }
}
