//! The real `stepgate` process: started on a free loopback port with nothing but the given settings, its standard error
//! read, and gone with the test.

#![allow(dead_code, reason = "each room uses its own part of it")]
#![allow(clippy::print_stdout, reason = "a failure shows the log of its server")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stepgate::app::SystemClock;
use stepgate::engine::ports::Clock;
use stepgate::identity::{Totp, TotpSecret};

pub const ADMIN_KEY: &str = "an-operators-key-of-some-length";
pub const PASSWORD: &str = "correct horse battery staple";
pub const MASTER_KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
/// How long a process may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(40);

/// `stepgate` with these arguments and settings and no others, in `folder`. It dies with the thread that starts it.
pub fn command(folder: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", env!("CARGO_BIN_EXE_stepgate")]).args(arguments);
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.current_dir(folder).env_clear().env("PATH", path).envs(settings.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a command says and how it ends. It must end by itself.
pub fn run(folder: &Path, arguments: &[&str], settings: &[(&str, &str)], input: &str) -> Told {
    let mut command = command(folder, arguments, settings);
    let mut child = command.stdin(Stdio::piped()).spawn().expect("setpriv (package util-linux) is there");
    // A process that ends without reading is no fault of the test's.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let out = thread::spawn(move || read(&mut out));
    let err = thread::spawn(move || read(&mut err));
    let status = ended(&mut child);
    Told { status, out: out.join().unwrap(), err: err.join().unwrap() }
}

/// How a command ended, and what it has said.
#[derive(Debug)]
pub struct Told {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
}

fn read(from: &mut impl Read) -> String {
    let mut text = Vec::new();
    from.read_to_end(&mut text).unwrap();
    String::from_utf8_lossy(&text).into_owned()
}

fn ended(child: &mut Child) -> ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if begun.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("the process does not end");
        }
        thread::park_timeout(Duration::from_millis(10));
    }
}

/// A running server.
pub struct Stepgate {
    pub url: String,
    child: Child,
    log: Arc<Mutex<Vec<u8>>>,
    readers: Vec<JoinHandle<()>>,
}

impl Stepgate {
    /// Starts a server in dev mode with a store in `folder`, unless the settings say otherwise.
    pub fn start(folder: &Path, settings: &[(&str, &str)]) -> Self {
        let own = [
            ("STEPGATE_LISTEN", "127.0.0.1:0"),
            ("STEPGATE_STORE", "embedded:data"),
            ("STEPGATE_DEV", "true"),
            ("STEPGATE_MASTER_KEY", MASTER_KEY),
            ("STEPGATE_ADMIN_KEY", ADMIN_KEY),
            ("STEPGATE_HTTP__WORKERS", "2"),
            // Under the load of a whole test run a machine may take longer than a production one may.
            ("STEPGATE_REDIS__TIMEOUT", "20s"),
            ("STEPGATE_REDIS__CONNECT_TIMEOUT", "10s"),
        ];
        let all: Vec<(&str, &str)> = own.into_iter().chain(settings.iter().copied()).collect();
        let mut child = command(folder, &[], &all).spawn().expect("setpriv (package util-linux) is there");
        let log = Arc::<Mutex<Vec<u8>>>::default();
        let (mut err, kept) = (child.stderr.take().unwrap(), Arc::clone(&log));
        let errors = thread::spawn(move || {
            let mut part = [0; 8_192];
            while let Ok(length @ 1..) = err.read(&mut part) {
                kept.lock().unwrap().extend_from_slice(&part[..length]);
            }
        });
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut url = None;
        let mut line = String::new();
        while url.is_none() && out.read_line(&mut line).unwrap() > 0 {
            url = line.split_once("listens on ").map(|(_, url)| url.trim().to_owned());
            line.clear();
        }
        let Some(url) = url else {
            ended(&mut child);
            errors.join().unwrap();
            panic!("the server does not start: {}", String::from_utf8_lossy(&log.lock().unwrap()));
        };
        // Reads on, or the server would block on a full pipe.
        let rest = thread::spawn(move || drop(out.read_to_end(&mut Vec::new())));
        Stepgate { url, child, log, readers: vec![errors, rest] }
    }

    /// What it has said on standard error so far.
    pub fn log(&self) -> String {
        String::from_utf8(self.log.lock().unwrap().clone()).expect("a log in UTF-8")
    }

    /// `kill -9`: no chance to write anything.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop.
    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    /// The same from a terminal.
    pub fn interrupt(&self) {
        self.signal("-INT");
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap().success());
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end; its log is then whole.
    pub fn ended(&mut self) -> ExitStatus {
        let status = ended(&mut self.child);
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
        status
    }

    /// Its resident memory, in MiB.
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let told = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a resident process");
        told.trim().trim_end_matches(" kB").parse::<u64>().expect("a number of KiB") / 1_024
    }

    pub fn client(&self) -> Web {
        Web { url: self.url.clone(), http: reqwest::Client::builder().no_proxy().build().unwrap() }
    }
}

impl Drop for Stepgate {
    fn drop(&mut self) {
        if thread::panicking() {
            // `println` and not `eprintln`: the test runner shows it with the failure, and only then.
            println!("{}", String::from_utf8_lossy(&self.log.lock().unwrap_or_else(PoisonError::into_inner)));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client of a server that may be gone at any moment.
#[derive(Clone)]
pub struct Web {
    pub url: String,
    pub http: reqwest::Client,
}

/// What came back: status and body.
pub type Heard = (u16, Value);

impl Web {
    /// `None` when there was no whole answer.
    pub async fn call(&self, method: &str, path: &str, token: &str, body: Value) -> Option<Heard> {
        let request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.url)).bearer_auth(token);
        let request = if body.is_null() { request } else { request.json(&body) };
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        let text = response.text().await.ok()?;
        Some((status, serde_json::from_str(&text).unwrap_or(Value::Null)))
    }

    pub async fn get(&self, path: &str, token: &str) -> Option<Heard> {
        self.call("GET", path, token, Value::Null).await
    }

    pub async fn post(&self, path: &str, token: &str, body: Value) -> Option<Heard> {
        self.call("POST", path, token, body).await
    }

    /// An account without a second factor.
    pub async fn person(&self, email: &str) {
        let made = self.post("/admin/v1/accounts", ADMIN_KEY, json!({ "email": email, "password": PASSWORD })).await;
        assert_eq!(made.unwrap().0, 201);
    }

    /// A fresh sign-in wizard.
    pub async fn wizard(&self) -> Option<String> {
        let (status, body) = self.get("/api/v2/my/signin/wizard", "").await?;
        (status == 200).then(|| body["uuid"].as_str().unwrap().to_owned())
    }

    pub async fn password(&self, uuid: &str, email: &str) -> Option<Heard> {
        self.post("/api/v2/my/signin", "", json!({ "uuid": uuid, "email": email, "password": PASSWORD })).await
    }

    /// The access token of a sign-in that needs no second factor.
    pub async fn sign_in(&self, email: &str) -> String {
        let uuid = self.wizard().await.unwrap();
        let (status, body) = self.password(&uuid, email).await.unwrap();
        assert_eq!(status, 202, "{body}");
        body["data"]["accessToken"]["token"].as_str().unwrap().to_owned()
    }

    /// Turns the authenticator on with the code of the step before this one; the key.
    pub async fn enable_google(&self, token: &str) -> String {
        let (_, begun) = self.get("/api/v2/my/2fa/google/enable/wizard", token).await.unwrap();
        let key = begun["data"]["key"].as_str().unwrap().to_owned();
        let code = code_at(&key, step_now() - 1);
        let body = json!({ "uuid": begun["uuid"], "action": "code", "code": code });
        let (status, body) = self.post("/api/v2/my/2fa/wizard", token, body).await.unwrap();
        assert_eq!(status, 202, "{body}");
        key
    }
}

/// The present time step of an authenticator.
pub fn step_now() -> u64 {
    SystemClock.now().timestamp().unsigned_abs() / 30
}

pub fn code_at(key: &str, step: u64) -> String {
    let secret = TotpSecret::new(data_encoding::BASE32_NOPAD.decode(key.as_bytes()).unwrap());
    Totp::default().code_at(&secret, step * 30).expose().to_owned()
}
