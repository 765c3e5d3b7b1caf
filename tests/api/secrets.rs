//! That nothing secret lies about in clear: not in the store's files, not in the logs of a real process, not in an error.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use data_encoding::{BASE32_NOPAD, BASE64, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use serde_json::{Value, json};
use stepgate::identity::{Totp, TotpSecret};

use crate::redis;
use crate::webhook::{Reply, WebhookSink};

const ADMIN_KEY: &str = "canary-operator-key-5fd1f0a2c9";
const MASTER_KEY: &str = "Y2FuYXJ5LW1hc3Rlci1rZXktNWZkMWYwYTJjOTMxMDE=";
const PASSWORD: &str = "canary-password-7b1f9e44";
const MISTYPED: &str = "canary-mistyped-password-0c2d";
const BASE: &str = "/api/v2/my";

/// The server as it is run: another process, with logs of its own.
struct Process {
    child: Child,
    url: String,
    log: PathBuf,
    http: reqwest::Client,
    /// Every answer that was an error.
    errors: Mutex<Vec<String>>,
    calls: AtomicU32,
}

impl Process {
    /// Starts the server in this folder, on this store, with logs as fine as they get.
    fn start(folder: &Path, store: &str, format: &str) -> Self {
        Process::start_with(folder, store, format, &[])
    }

    /// The same with more settings.
    fn start_with(folder: &Path, store: &str, format: &str, settings: &[(&str, &str)]) -> Self {
        let log = folder.join(format!("{format}.log"));
        let mut child = Command::new(env!("CARGO_BIN_EXE_stepgate"))
            .current_dir(folder)
            .env_clear()
            .env("STEPGATE_LISTEN", "127.0.0.1:0")
            .env("STEPGATE_DEV", "true")
            .env("STEPGATE_STORE", store)
            .env("STEPGATE_MASTER_KEY", MASTER_KEY)
            .env("STEPGATE_ADMIN_KEY", ADMIN_KEY)
            .env("STEPGATE_LOG__LEVEL", "trace")
            .env("STEPGATE_LOG__FORMAT", format)
            // So long that no code stands in a file by chance.
            .env("STEPGATE_LIMITS__CODE_DIGITS", "9")
            .env("RUST_LOG", "trace")
            .env("RUST_BACKTRACE", "1")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = lines.find_map(|line| line.unwrap().strip_prefix("Stepgate listens on ").map(str::to_owned));
        let url = said.expect("the server starts");
        // Read on, or the server would stop at a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Process { child, url, log, http, errors: Mutex::default(), calls: AtomicU32::new(0) }
    }

    async fn send(&self, method: &str, path: &str, bearer: Option<&str>, body: Option<Value>) -> (u16, Value, String) {
        let mut call = self.http.request(method.parse().unwrap(), format!("{}{path}", self.url));
        let calls = self.calls.fetch_add(1, Ordering::Relaxed);
        call = call.header("Idempotency-Key", format!("call-{calls}"));
        if let Some(token) = bearer {
            call = call.bearer_auth(token);
        }
        if let Some(body) = body {
            call = call.json(&body);
        }
        let response = call.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        if status >= 400 {
            self.errors.lock().unwrap().push(format!("{headers:?} {text}"));
        }
        let key = headers.get("x-wizard-key").map(|key| key.to_str().unwrap().to_owned()).unwrap_or_default();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null), key)
    }

    async fn get(&self, path: &str, bearer: Option<&str>) -> (Value, String) {
        let (status, body, key) = self.send("GET", path, bearer, None).await;
        assert!(status < 300, "GET {path}: {status} {body}");
        (body, key)
    }

    async fn post(&self, path: &str, bearer: Option<&str>, body: Value) -> Value {
        let (status, answer, _) = self.send("POST", path, bearer, Some(body)).await;
        assert!(status < 300, "POST {path}: {status} {answer}");
        answer
    }

    async fn fail(&self, path: &str, bearer: Option<&str>, body: Value) {
        let (status, answer, _) = self.send("POST", path, bearer, Some(body)).await;
        assert!(status >= 400, "POST {path}: {status} {answer}");
    }

    async fn last_code(&self, to: &str) -> String {
        // A notice may have come after it.
        self.last_code_if_any(&to.replace('+', "%2B")).await.expect("a code was sent")
    }

    /// The code that goes out behind the answer: the last one that is not among the `known`.
    async fn sent_code(&self, to: &str, known: &[(String, String)]) -> String {
        for _ in 0..1_000 {
            let code = self.last_code_if_any(to).await;
            if let Some(code) = code.filter(|code| known.iter().all(|(_, known)| known != code)) {
                return code;
            }
        }
        panic!("no code was sent to {to}");
    }

    async fn last_code_if_any(&self, to: &str) -> Option<String> {
        let (sent, _) = self.get(&format!("/dev/outbox?to={to}"), None).await;
        sent["data"].as_array().unwrap().iter().find_map(|sent| sent["code"].as_str().map(str::to_owned))
    }

    /// Stops the process as an operator would, so that it writes whatever it still wants to write.
    fn stop(mut self) -> (String, Vec<String>) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap();
        (std::fs::read_to_string(&self.log).unwrap(), std::mem::take(&mut self.errors.lock().unwrap()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Stopped already, unless the test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What nobody but its owner may read, by name.
#[derive(Default)]
struct Canaries(Vec<(String, String)>);

impl Canaries {
    fn add(&mut self, what: &str, secret: &str) {
        assert!(secret.len() >= 9, "{what} is too short to be told from chance: {secret}");
        self.0.push((what.to_owned(), secret.to_owned()));
    }

    fn tokens(&mut self, data: &Value) -> (String, String) {
        let token = |kind: &str| data[kind]["token"].as_str().unwrap().to_owned();
        let (access, refresh) = (token("accessToken"), token("refreshToken"));
        self.add("an access token", &access);
        self.add("an access token's signature", access.rsplit('.').next().unwrap());
        self.add("a refresh token", &refresh);
        // Account and session stand before it, and are no secrets.
        self.add("a refresh token's secret part", refresh.split('.').nth(2).unwrap());
        (access, refresh)
    }

    /// The canaries that stand in `bytes`, as they are or in a common spelling.
    fn found_in(&self, bytes: &[u8]) -> Vec<&str> {
        let found = |(_, secret): &&(String, String)| spellings(secret).iter().any(|spelling| has(bytes, spelling));
        self.0.iter().filter(found).map(|(what, _)| what.as_str()).collect()
    }
}

fn spellings(secret: &str) -> Vec<Vec<u8>> {
    let plain = secret.as_bytes();
    let mut spellings = vec![
        plain.to_vec(),
        secret.to_lowercase().into_bytes(),
        BASE64.encode(plain).trim_end_matches('=').as_bytes().to_vec(),
        HEXLOWER.encode(plain).into_bytes(),
        HEXUPPER.encode(plain).into_bytes(),
        secret.replace(' ', "+").into_bytes(),
    ];
    // An authenticator's key, or a key in base64, as bytes.
    let raw = [BASE32_NOPAD.decode(plain), BASE64.decode(plain), BASE64URL_NOPAD.decode(plain)];
    for raw in raw.into_iter().flatten().filter(|raw| raw.len() >= 9) {
        spellings.extend([HEXLOWER.encode(&raw).into_bytes(), BASE64.encode(&raw).into_bytes(), raw]);
    }
    spellings
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
    all
}

fn totp(key: &str) -> String {
    let unix = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let secret = TotpSecret::new(BASE32_NOPAD.decode(key.as_bytes()).unwrap());
    Totp::default().code_at(&secret, unix).expose().to_owned()
}

/// The email address that every store must hold in clear: what is searched is really where the data is.
const EMAIL: &str = "canary-owner@example.com";

/// Everything that handles a secret, right and wrong, with every secret remembered.
async fn a_busy_day(server: &Process) -> Canaries {
    let mut canaries = Canaries::default();
    for (what, secret) in [
        ("the operator's key", ADMIN_KEY),
        ("the master key", MASTER_KEY),
        ("the password", PASSWORD),
        ("a mistyped password", MISTYPED),
    ] {
        canaries.add(what, secret);
    }
    let account = json!({ "email": EMAIL, "username": "canary", "password": PASSWORD });
    server.post("/admin/v1/accounts", Some(ADMIN_KEY), account).await;
    let start = async |canaries: &mut Canaries| {
        let (started, key) = server.get(&format!("{BASE}/signin/wizard"), None).await;
        canaries.add("a wizard's key", &key);
        started["uuid"].as_str().unwrap().to_owned()
    };
    let sign_in = |uuid: &str, password: &str| json!({ "uuid": uuid, "email": EMAIL, "password": password });
    let uuid = start(&mut canaries).await;
    server.fail(&format!("{BASE}/signin"), None, sign_in(&uuid, MISTYPED)).await;
    let done = server.post(&format!("{BASE}/signin"), None, sign_in(&uuid, PASSWORD)).await;
    let (access, refresh) = canaries.tokens(&done["data"]);

    let phone = "+79994440042";
    let bearer = Some(access.as_str());
    let step = format!("{BASE}/2fa/wizard");
    let (begun, key) = server.get(&format!("{BASE}/2fa/sms/enable/wizard"), bearer).await;
    canaries.add("an enrolment's key", &key);
    server.post(&step, bearer, json!({ "uuid": begun["uuid"], "phone": phone })).await;
    let code = server.last_code(phone).await;
    canaries.add("a code that enabled SMS", &code);
    server.post(&step, bearer, json!({ "uuid": begun["uuid"], "action": "code", "code": code })).await;
    let (begun, _) = server.get(&format!("{BASE}/2fa/email/enable/wizard"), bearer).await;
    let code = server.last_code(EMAIL).await;
    canaries.add("a code that enabled email", &code);
    server.post(&step, bearer, json!({ "uuid": begun["uuid"], "action": "code", "code": code })).await;
    let (begun, _) = server.get(&format!("{BASE}/2fa/google/enable/wizard"), bearer).await;
    let secret = begun["data"]["key"].as_str().unwrap().to_owned();
    canaries.add("an authenticator's key", &secret);
    let enrolled = json!({ "uuid": begun["uuid"], "action": "code", "code": totp(&secret), "key": secret });
    server.post(&step, bearer, enrolled).await;
    let made = server.post(&format!("{BASE}/2fa/recovery-codes"), bearer, json!({})).await;
    for code in made["codes"].as_array().unwrap().iter().filter_map(Value::as_str) {
        canaries.add("a recovery code", code);
        canaries.add("a recovery code without its hyphen", &code.replace('-', ""));
    }
    let (uuid, used) = (start(&mut canaries).await, made["codes"][0].as_str().unwrap());
    server.post(&format!("{BASE}/signin"), None, sign_in(&uuid, PASSWORD)).await;
    let done = server.post(&format!("{BASE}/2fa/recovery"), None, json!({ "uuid": uuid, "code": used })).await;
    canaries.tokens(&done["data"]);

    let rotated = server.post(&format!("{BASE}/refresh"), None, json!({ "refreshToken": refresh })).await;
    let (_, newer) = canaries.tokens(&rotated);
    // A wizard that is left waiting, with a code on its way and another that was used.
    for (factor, to) in [("sms", phone), ("email", EMAIL)] {
        let uuid = start(&mut canaries).await;
        server.post(&format!("{BASE}/signin"), None, sign_in(&uuid, PASSWORD)).await;
        server.post(&format!("{BASE}/signin/2fa"), None, json!({ "uuid": uuid, "type": factor })).await;
        let code = server.last_code(to).await;
        canaries.add(&format!("a code by {factor}"), &code);
        server.fail(&format!("{BASE}/2fa/{factor}"), None, json!({ "uuid": uuid, "code": "000000000" })).await;
        if factor == "sms" {
            let done = server.post(&format!("{BASE}/2fa/sms"), None, json!({ "uuid": uuid, "code": code })).await;
            canaries.tokens(&done["data"]);
        }
    }
    what_goes_wrong(server, &access, &newer).await;
    new_passwords(server, &access, &mut canaries).await;
    secrets_in_queries(server, &mut canaries).await;
    canaries
}

/// The surface whose clients write secrets and codes into the query and the password into every call.
async fn secrets_in_queries(server: &Process, canaries: &mut Canaries) {
    let name = "second-owner@example.com";
    let account = json!({ "email": name, "password": PASSWORD });
    server.post("/admin/v1/accounts", Some(ADMIN_KEY), account).await;
    let call = async |method: &str, target: &str, password: &str, token: &str| {
        let call = server.http.request(method.parse().unwrap(), format!("{}/u{target}", server.url));
        let mut call = call.basic_auth(name, Some(password));
        if !token.is_empty() {
            call = call.header("Mfa-Token", token);
        }
        let answer = call.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await.unwrap();
        if status >= 400 && !headers.contains_key("mfa-token") {
            server.errors.lock().unwrap().push(format!("{headers:?} {text}"));
        }
        let handed = headers.get("secret").or(headers.get("mfa-token"));
        (status, handed.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default())
    };
    let (started, key) = server.get(&format!("{BASE}/signin/wizard"), None).await;
    canaries.add("a wizard's key", &key);
    let given = json!({ "uuid": started["uuid"], "email": name, "password": PASSWORD });
    let done = server.post(&format!("{BASE}/signin"), None, given).await;
    let (access, _) = canaries.tokens(&done["data"]);
    let (begun, _) = server.get(&format!("{BASE}/2fa/email/enable/wizard"), Some(&access)).await;
    let code = server.sent_code(name, &canaries.0).await;
    canaries.add("a code that enabled email", &code);
    let given = json!({ "uuid": begun["uuid"], "action": "code", "code": code });
    server.post(&format!("{BASE}/2fa/wizard"), Some(&access), given).await;
    let disable = |otp: &str| format!("/{name}/disable-2fa?otp={otp}");
    let (_, token) = call("PUT", &disable("000000000"), PASSWORD, "").await;
    let code = server.sent_code(name, &canaries.0).await;
    canaries.add("a token of a code", &token);
    canaries.add("a code in a query", &code);
    assert_eq!(call("PUT", &disable("000000000"), PASSWORD, &token).await.0, 401);
    assert_eq!(call("PUT", &disable(&code), PASSWORD, &token).await.0, 200);
    let (_, secret) = call("GET", &format!("/{name}/qrcode-2fa"), PASSWORD, "").await;
    canaries.add("a secret in a header", &secret);
    let enable = |secret: &str, otp: &str| format!("/{name}/enable-2fa?secret={secret}&otp={otp}");
    for (target, password, expected) in [
        (enable(&secret, &totp(&secret)), MISTYPED, 401),
        (enable(PASSWORD, PASSWORD), PASSWORD, 400),
        (enable(&format!("{secret}1"), "000000"), PASSWORD, 400),
        (format!("/{name}/disable-2fa?username={secret}&secret={secret}"), PASSWORD, 403),
        (format!("/disable-2fa?username={PASSWORD}"), PASSWORD, 403),
        (format!("/{name}/{name}?secret={secret}&otp={PASSWORD}"), PASSWORD, 404),
        (enable(&secret, &totp(&secret)), PASSWORD, 200),
    ] {
        let answer = call("PUT", &target, password, "").await;
        assert_eq!(answer.0, expected, "{target}");
    }
}

/// Challenges, success tokens and passwords, set and refused, where they belong and where they do not.
async fn new_passwords(server: &Process, access: &str, canaries: &mut Canaries) {
    let confirmed = async |canaries: &mut Canaries, bearer: Option<&str>, start: &str| {
        let (started, key) = server.get(&format!("{BASE}{start}"), bearer).await;
        canaries.add("a challenge's key", &key);
        let code = server.sent_code(EMAIL, &canaries.0).await;
        canaries.add("a challenge's code", &code);
        let challenge = format!("{BASE}/2fa/challenge");
        server.fail(&challenge, bearer, json!({ "token": started["token"], "code": "000000000" })).await;
        let done = server.post(&challenge, bearer, json!({ "token": started["token"], "code": code })).await;
        let token = done["successToken"].as_str().unwrap().to_owned();
        canaries.add("a success token", &token);
        for part in token.split('.').skip(5) {
            canaries.add("a success token's secret part", part);
        }
        token
    };
    let (first, second) = ("canary-changed-4d1e-violet-heron", "canary-reset-77aa-juggling-otter");
    canaries.add("a changed password", first);
    canaries.add("a reset password", second);
    let pair = |success: &str, password: &str| json!({ "successToken": success, "password": password, "passwordConfirmation": password });
    let bearer = Some(access);
    let success = confirmed(canaries, bearer, "/2fa/challenge?type=email&purpose=pay_out").await;
    let redeem = |success: &str| json!({ "token": success, "purpose": "pay_out" });
    server.post("/admin/v1/success-tokens/redeem", Some(ADMIN_KEY), redeem(&success)).await;
    server.fail("/admin/v1/success-tokens/redeem", Some(ADMIN_KEY), redeem(&success)).await;
    let success = confirmed(canaries, bearer, "/2fa/challenge?type=email").await;
    server.fail(&format!("{BASE}/2fa/challenge"), bearer, json!({ "token": success, "code": success })).await;
    server.fail(&format!("{BASE}/signin/password/reset"), None, pair(&success, first)).await;
    let path = format!("{BASE}/password");
    let mut differs = pair(&success, first);
    differs["passwordConfirmation"] = json!(second);
    for body in [differs, json!({ "successToken": [success], "password": first }), json!({ "password": { first: 1 } })]
    {
        assert!(server.send("PUT", &path, bearer, Some(body)).await.0 >= 400);
    }
    assert_eq!(server.send("PUT", &path, bearer, Some(pair(&success, first))).await.0, 204);
    assert_eq!(server.send("PUT", &path, bearer, Some(pair(&success, first))).await.0, 422);
    let success = confirmed(canaries, None, &format!("/2fa/unauthorized/challenge?email={EMAIL}")).await;
    server.fail(&format!("{BASE}/signin/password/restore"), None, json!({ "email": second })).await;
    let path = format!("{BASE}/signin/password/reset");
    assert_eq!(server.send("POST", &path, None, Some(pair(&success, second))).await.0, 204);
    server.fail(&path, None, pair(&success, second)).await;
}

/// Secrets where they do not belong: none may come back, or be logged as the reason.
async fn what_goes_wrong(server: &Process, access: &str, refresh: &str) {
    let uuid = "00000000-0000-4000-8000-000000000000";
    for body in [
        json!({ "uuid": PASSWORD, "email": EMAIL, "password": PASSWORD }),
        json!({ "uuid": uuid, "email": PASSWORD, "password": [PASSWORD] }),
        json!({ "uuid": uuid, "email": { PASSWORD: PASSWORD }, "password": PASSWORD }),
        json!({ "uuid": uuid, "email": EMAIL, "password": PASSWORD, PASSWORD: PASSWORD }),
        json!(PASSWORD),
    ] {
        server.fail(&format!("{BASE}/signin"), None, body).await;
    }
    server.fail(&format!("{BASE}/signin/2fa"), None, json!({ "uuid": uuid, "type": PASSWORD })).await;
    server.fail(&format!("{BASE}/2fa/wizard"), Some(access), json!({ "uuid": uuid, "action": PASSWORD })).await;
    server.fail(&format!("{BASE}/2fa/wizard"), Some(access), json!({ "uuid": uuid, "phone": PASSWORD })).await;
    server.fail(&format!("{BASE}/refresh"), None, json!({ "refreshToken": [refresh] })).await;
    server.fail(&format!("{BASE}/refresh"), None, json!({ "refreshToken": format!("{refresh}x") })).await;
    server.fail("/admin/v1/accounts", Some(ADMIN_KEY), json!({ "email": PASSWORD, "password": PASSWORD })).await;
    server.fail("/admin/v1/accounts", Some(ADMIN_KEY), json!({ "email": EMAIL, "passwordHash": PASSWORD })).await;
    server.fail("/admin/v1/accounts", Some(PASSWORD), json!({ "email": EMAIL })).await;
    for path in [
        format!("{BASE}/sessions?access_token={access}&password={PASSWORD}&otp={PASSWORD}"),
        format!("{BASE}/2fa/changes?filter[timeFrom]={PASSWORD}"),
        format!("{BASE}/2fa/changes?limit={PASSWORD}&limit={PASSWORD}"),
    ] {
        let (status, ..) = server.send("GET", &path, None, None).await;
        assert!(status >= 400, "{path}");
    }
}

fn nothing_in_clear(canaries: &Canaries, log: &str, errors: &[String]) {
    assert!(log.contains("answered") && log.lines().count() > 40, "the log is somewhere else:\n{log}");
    assert!(log.contains("DEBUG") || log.contains("TRACE") || log.contains("INFO"));
    assert_eq!(canaries.found_in(log.as_bytes()), Vec::<&str>::new(), "in the log:\n{log}");
    assert!(errors.len() > 15, "only {} errors were seen", errors.len());
    for error in errors {
        assert_eq!(canaries.found_in(error.as_bytes()), Vec::<&str>::new(), "in the answer {error}");
    }
}

fn nothing_in_files(canaries: &Canaries, files: &[(String, Vec<u8>)]) {
    assert!(files.iter().any(|(_, bytes)| has(bytes, EMAIL.as_bytes())), "the store is somewhere else: {files:?}");
    for (name, bytes) in files {
        assert_eq!(canaries.found_in(bytes), Vec::<&str>::new(), "in {name}");
    }
}

/// A22: after a day of sign-ins, enrolments, refreshes and mistakes, no password, code, authenticator secret, token,
/// wizard key or key of the server stands in the store's file, in the logs at the finest level, or in an error. Watches
/// the digests and seals that stand in their place, `Secret`'s `Debug`, and what `BodyFault` says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_secret_is_in_the_file_or_the_logs() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Process::start(folder.path(), &format!("embedded:{}", data.display()), "text");
    let canaries = a_busy_day(&server).await;
    let (log, errors) = server.stop();
    nothing_in_clear(&canaries, &log, &errors);
    nothing_in_files(&canaries, &files(&data));
}

/// A22: the same of a Redis server's append-only file, its snapshot, and all keys and values.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_secret_is_in_redis_or_the_logs() {
    let options = ["--appendonly", "yes", "--appendfsync", "always", "--rdbcompression", "no", "--save", ""];
    let redis = redis::Server::start(&options);
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), &redis.url(), "json");
    let canaries = a_busy_day(&server).await;
    let (log, errors) = server.stop();
    nothing_in_clear(&canaries, &log, &errors);
    let mut all: Vec<(String, Vec<u8>)> = Vec::new();
    for key in redis.ask::<Vec<Vec<u8>>>(&["KEYS", "*"]) {
        let name = String::from_utf8(key.clone()).unwrap();
        all.push((format!("the name of {name}"), key));
        all.push((format!("the value of {name}"), redis.ask::<Vec<u8>>(&["DUMP", &name])));
    }
    assert!(all.len() > 20);
    nothing_in_files(&canaries, &all);
    redis.ask::<String>(&["SAVE"]);
    let written = files(redis.folder());
    for part in ["aof", "rdb"] {
        let here = written.iter().filter(|(name, _)| name.contains(part));
        assert!(here.clone().any(|(_, bytes)| has(bytes, EMAIL.as_bytes())), "no data in any file of kind {part}");
    }
    nothing_in_files(&canaries, &written);
}

/// A search that finds nothing proves something only if it would have found it.
#[test]
fn the_search_finds_what_it_looks_for() {
    let mut canaries = Canaries::default();
    let key = BASE32_NOPAD.encode(b"twenty bytes of seed");
    canaries.add("an authenticator's key", &key);
    for hiding in
        [key.clone(), key.to_lowercase(), "twenty bytes of seed".to_owned(), HEXLOWER.encode(b"twenty bytes of seed")]
    {
        assert_eq!(canaries.found_in(format!("a{hiding}b").as_bytes()).len(), 1, "{hiding}");
    }
    assert!(canaries.found_in(b"nothing").is_empty());
}

/// A22: what a directory is asked, and where, is in no log, no error and no store, also when it answers with what it
/// was asked. Watches `directory::answer::parse` and `telemetry::cause`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_a_directory_is_asked_is_in_the_file_or_the_logs() {
    let (secret, token) = ("canary-directory-secret-91ab", "canary-directory-token-77c3");
    let echo = format!(r#"{{"id":"7","email":"{EMAIL}","groups":"{PASSWORD}"}}"#);
    let person = format!(r#"{{"id":"7","email":"{EMAIL}","username":"{PASSWORD} x","phone":"{PASSWORD}"}}"#);
    let directory = WebhookSink::start([
        Reply::Status(401),
        Reply::Body(200, echo.clone()),
        Reply::Body(500, echo),
        Reply::With(302, "Location", format!("http://127.0.0.1:9/{PASSWORD}")),
        Reply::HangAfterReading,
        Reply::CloseEarly,
        Reply::Body(200, format!("{{{PASSWORD}")),
        Reply::Body(200, person),
    ])
    .await;
    let url = format!("{}?token={token}", directory.url);
    let settings = [
        ("STEPGATE_DIRECTORY__URL", url.as_str()),
        ("STEPGATE_DIRECTORY__SECRET", secret),
        ("STEPGATE_DIRECTORY__TIMEOUT", "300ms"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Process::start_with(folder.path(), &format!("embedded:{}", data.display()), "text", &settings);
    let mut canaries = Canaries::default();
    for (what, canary) in [
        ("the password", PASSWORD),
        ("a mistyped password", MISTYPED),
        ("the directory's secret", secret),
        ("a token in the directory's address", token),
    ] {
        canaries.add(what, canary);
    }
    let given = async |server: &Process, password: &str| {
        let (wizard, _) = server.get(&format!("{BASE}/signin/wizard"), None).await;
        json!({ "uuid": wizard["uuid"], "email": EMAIL, "password": password })
    };
    server.fail(&format!("{BASE}/signin"), None, given(&server, MISTYPED).await).await;
    // Five times no answer, and the sixth is not asked for.
    for _ in 0..6 {
        server.fail(&format!("{BASE}/signin"), None, given(&server, PASSWORD).await).await;
    }
    let (log, errors) = server.stop();
    assert_eq!(log.matches("the directory has given no answer").count(), 5, "{log}");
    let server = Process::start_with(folder.path(), &format!("embedded:{}", data.display()), "text", &settings);
    server.fail(&format!("{BASE}/signin"), None, given(&server, PASSWORD).await).await;
    let done = server.post(&format!("{BASE}/signin"), None, given(&server, PASSWORD).await).await;
    assert_eq!(done["done"], json!(true));
    let (more, _) = server.stop();
    for text in errors.iter().chain([&log, &more]) {
        assert_eq!(canaries.found_in(text.as_bytes()), Vec::<&str>::new(), "{text}");
    }
    nothing_in_files(&canaries, &files(&data));
}
