//! A whole server in this process, on a free port, with a clock that the test moves; spoken to over HTTP only.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use stepgate::app::{Application, Handle, SystemEntropy, World};
use stepgate::config::Config;
use stepgate::engine::Engine;
use stepgate::engine::ports::Clock;
use stepgate::identity::{SurfaceName, Totp, TotpSecret};

use crate::directory_service::DirectoryService;
use crate::redis;

pub const ADMIN_KEY: &str = "an-operators-key-of-some-length";
pub const PASSWORD: &str = "correct horse battery staple";
const MASTER_KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

/// Where a server keeps its things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Embedded,
    Redis,
    Cluster,
}

impl Backend {
    pub const ALL: [Backend; 3] = [Backend::Embedded, Backend::Redis, Backend::Cluster];
}

/// A clock that stands still until it is moved.
#[derive(Debug, Clone)]
pub struct TestClock(Arc<Mutex<DateTime<Utc>>>);

impl TestClock {
    pub fn new() -> Self {
        let start = DateTime::parse_from_rfc3339("2026-01-15T12:00:05Z").unwrap();
        TestClock(Arc::new(Mutex::new(start.to_utc())))
    }

    pub fn advance(&self, seconds: i64) {
        *self.0.lock().unwrap() += TimeDelta::seconds(seconds);
    }

    pub fn unix(&self) -> u64 {
        self.now().timestamp().unsigned_abs()
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

/// What a server is started with; several servers may share one.
#[derive(Clone)]
pub struct Setup {
    pub clock: TestClock,
    settings: BTreeMap<String, String>,
    /// Who knows the passwords, if it is not the server itself.
    directory: Option<Arc<DirectoryService>>,
    _home: Option<Arc<dyn Any + Send + Sync>>,
}

impl Setup {
    /// A fresh, empty store of this kind.
    pub fn on(backend: Backend) -> Self {
        let mut setup = Setup { clock: TestClock::new(), settings: BTreeMap::new(), directory: None, _home: None };
        let store = match backend {
            Backend::Embedded => {
                let home = tempfile::tempdir().unwrap();
                let address = format!("embedded:{}", home.path().display());
                setup._home = Some(Arc::new(home));
                address
            }
            Backend::Redis => redis::single().url(),
            Backend::Cluster => redis::cluster().url(),
        };
        setup
            .with("STEPGATE_STORE", &store)
            .with("STEPGATE_REDIS__PREFIX", &redis::prefix())
            .with("STEPGATE_LISTEN", "127.0.0.1:0")
            .with("STEPGATE_DEV", "true")
            .with("STEPGATE_MASTER_KEY", MASTER_KEY)
            .with("STEPGATE_ADMIN_KEY", ADMIN_KEY)
            .with("STEPGATE_HTTP__WORKERS", "2")
            // Under the load of a whole test run a machine may take longer than a production one may.
            .with("STEPGATE_REDIS__TIMEOUT", "20s")
            .with("STEPGATE_REDIS__CONNECT_TIMEOUT", "10s")
            .with("STEPGATE_DIRECTORY__TIMEOUT", "20s")
    }

    /// With a directory, empty as yet, that is asked about passwords.
    pub fn with_directory(mut self) -> Self {
        let clock = self.clock.clone();
        let directory = DirectoryService::start(move || clock.unix());
        self.directory = Some(Arc::new(directory));
        let url = self.directory.as_ref().unwrap().url.clone();
        self.with_directory_at(&url)
    }

    /// With a directory at this address.
    pub fn with_directory_at(self, url: &str) -> Self {
        let secret = crate::directory_service::SECRET;
        self.with("STEPGATE_DIRECTORY__URL", url).with("STEPGATE_DIRECTORY__SECRET", secret)
    }

    /// Sets a configuration variable.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.to_owned(), value.to_owned());
        self
    }

    pub async fn start(&self) -> TestApp {
        TestApp::start(self.clone()).await
    }

    /// What a command of `stepgate` works with: an engine, and no server around it.
    pub async fn engine(&self) -> Engine {
        let config = Config::load(None, self.settings.clone().into_iter()).expect("a valid configuration");
        let world = World { clock: Arc::new(self.clock.clone()), entropy: Arc::new(SystemEntropy) };
        stepgate::app::engine(&config, &world).await.expect("the store opens").0
    }
}

/// A running server.
pub struct TestApp {
    pub url: String,
    pub clock: TestClock,
    pub http: reqwest::Client,
    /// For counting round trips and for looking into the store; never for getting around HTTP.
    pub engine: Arc<Engine>,
    /// Where each surface that is on is, with its prefix.
    places: BTreeMap<SurfaceName, String>,
    /// Members that every JSON body and every query gets on top of its own.
    extra: Mutex<Vec<(String, Value)>>,
    setup: Setup,
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

impl TestApp {
    async fn start(setup: Setup) -> Self {
        let config = Config::load(None, setup.settings.clone().into_iter()).expect("a valid configuration");
        let world = World { clock: Arc::new(setup.clock.clone()), entropy: Arc::new(SystemEntropy) };
        let (tell, told) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let application = Application::build(&config, world).await.expect("the server starts");
                let place = |surface| Some((surface, application.place(surface)?));
                let places = SurfaceName::MOVABLE.into_iter().filter_map(place);
                let places = places.map(|(surface, (address, prefix))| (surface, format!("http://{address}{prefix}")));
                let told = (application.address(), places.collect(), application.engine(), application.handle());
                tell.send(told).unwrap();
                application.run_until_stopped().await.expect("the server runs");
            });
        });
        let (address, places, engine, handle) =
            tokio::task::spawn_blocking(move || told.recv().expect("the server starts")).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        TestApp {
            url: format!("http://{address}"),
            clock: setup.clock.clone(),
            http,
            engine,
            places,
            extra: Mutex::default(),
            setup,
            handle,
            thread: Some(thread),
        }
    }

    /// Another server over the same store, clock and settings.
    pub async fn sibling(&self) -> TestApp {
        self.setup.start().await
    }

    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    pub fn directory(&self) -> Option<&DirectoryService> {
        self.setup.directory.as_deref()
    }

    /// Stops the server, and gives back what another one may be started with.
    pub async fn stop(mut self) -> Setup {
        self.handle.stop(true).await;
        let thread = self.thread.take().unwrap();
        let (setup, engine) = (self.setup.clone(), Arc::clone(&self.engine));
        drop(self);
        tokio::task::spawn_blocking(move || thread.join().unwrap()).await.unwrap();
        // The engine holds the store's file open, and the server's threads let go of it in their own time.
        let alone = async {
            while Arc::strong_count(&engine) > 1 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(30), alone)
            .await
            .expect("the server lets go of its engine");
        tokio::task::spawn_blocking(move || drop(engine)).await.unwrap();
        setup
    }

    pub fn call(&self, method: &str, path: &str) -> Request<'_> {
        let method = method.parse().unwrap();
        let mut url = format!("{}{path}", self.url);
        for (name, value) in self.extra.lock().unwrap().iter() {
            let value: String = url::form_urlencoded::byte_serialize(value.to_string().as_bytes()).collect();
            url.push_str(&format!("{}{name}={value}", if url.contains('?') { '&' } else { '?' }));
        }
        Request { app: self, request: self.http.request(method, url) }
    }

    /// Has these members put into every JSON body and every query from now on, where they are not there already.
    pub fn meddle(&self, extra: &[(&str, Value)]) {
        let extra = extra.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        *self.extra.lock().unwrap() = extra.collect();
    }

    /// A call to another of its listeners, by the whole URL.
    pub fn call_url(&self, method: &str, url: &str) -> Request<'_> {
        Request { app: self, request: self.http.request(method.parse().unwrap(), url) }
    }

    /// The URL of a surface, with its prefix; `None` when it is off.
    pub fn place(&self, surface: SurfaceName) -> Option<&str> {
        self.places.get(&surface).map(String::as_str)
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call("GET", path).send().await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path).json(&body).send().await
    }

    /// What was sent to this address or number, newest first.
    pub async fn outbox(&self, to: &str) -> Vec<Value> {
        let to = to.replace('+', "%2B");
        let answer = self.get(&format!("/dev/outbox?to={to}")).await;
        answer.body["data"].as_array().unwrap().clone()
    }

    /// The code that was sent last.
    pub async fn last_code(&self, to: &str) -> String {
        self.outbox(to).await.iter().find_map(|sent| sent["code"].as_str()).expect("a code was sent").to_owned()
    }

    /// The present code of an authenticator whose key is given in base32.
    pub fn totp(&self, key: &str) -> String {
        self.totp_at(key, 0)
    }

    /// The code of the step `offset` steps from now.
    pub fn totp_at(&self, key: &str, offset: i64) -> String {
        let secret = TotpSecret::new(data_encoding::BASE32_NOPAD.decode(key.as_bytes()).unwrap());
        let unix = self.clock.unix().checked_add_signed(offset * 30).unwrap();
        Totp::default().code_at(&secret, unix).expose().to_owned()
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        // Not graceful: a test that panics must not wait for itself.
        drop(self.handle.stop(false));
    }
}

/// A request being put together.
pub struct Request<'a> {
    app: &'a TestApp,
    request: reqwest::RequestBuilder,
}

impl Request<'_> {
    pub fn json(mut self, body: &Value) -> Self {
        let mut body = body.clone();
        if let Value::Object(members) = &mut body {
            for (name, value) in self.app.extra.lock().unwrap().iter() {
                members.entry(name).or_insert_with(|| value.clone());
            }
        }
        self.request = self.request.json(&body);
        self
    }

    pub fn text(mut self, kind: &str, body: impl Into<reqwest::Body>) -> Self {
        self.request = self.request.header("Content-Type", kind).body(body);
        self
    }

    /// A body, and nothing that says of what kind it is.
    pub fn body(mut self, body: impl Into<reqwest::Body>) -> Self {
        self.request = self.request.body(body);
        self
    }

    pub fn bearer(mut self, token: &str) -> Self {
        self.request = self.request.bearer_auth(token);
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub async fn send(self) -> Answer {
        let response = self.request.send().await.expect("the server answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("a whole body");
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::Null) };
        Answer { status, headers, body, text }
    }
}

#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
    pub text: String,
}

impl Answer {
    /// The answer, which must have this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// The answer, which must be a problem of this status and code.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status, self.str("code")), (status, code), "{}", self.text);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        self
    }

    #[track_caller]
    pub fn str(&self, pointer: &str) -> &str {
        let value = if pointer.starts_with('/') { self.body.pointer(pointer) } else { self.body.get(pointer) };
        value.and_then(Value::as_str).unwrap_or_else(|| panic!("no text at {pointer} in {}", self.text))
    }

    pub fn uuid(&self) -> String {
        self.str("uuid").to_owned()
    }

    pub fn workflow(&self) -> &str {
        self.str("workflow")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// An account made for a test, and what its owner knows.
#[derive(Debug, Clone)]
pub struct Person {
    pub id: u64,
    pub email: String,
    pub phone: String,
    /// The key of the authenticator, once one was enrolled.
    pub key: Option<String>,
}

impl TestApp {
    /// An account with a password and no second factor.
    pub async fn person(&self, name: &str) -> Person {
        let email = format!("{name}@example.com");
        let id = self.account(json!({ "email": email, "password": PASSWORD })).await;
        Person { id, email, phone: format!("+7999444{:04}", id % 10_000), key: None }
    }

    /// An account as the operator's API takes it, and its number. Where a directory knows the passwords, somebody with
    /// one is put there instead, and their first sign-in makes the account.
    pub async fn account(&self, mut body: Value) -> u64 {
        let password = body["password"].as_str().map(str::to_owned);
        let (Some(directory), Some(password)) = (self.directory(), password) else {
            let made = self.call("POST", "/admin/v1/accounts").bearer(ADMIN_KEY).json(&body).send().await.expect(201);
            return made.body["id"].as_u64().unwrap();
        };
        let email = body["email"].as_str().unwrap().to_owned();
        body.as_object_mut().unwrap().remove("password");
        body["id"] = json!(format!("id of {email}"));
        directory.put(body, &password);
        let wizard = self.get("/api/v2/my/signin/wizard").await.expect(200);
        let given = json!({ "uuid": wizard.uuid(), "email": email, "password": password });
        let call =
            self.call("POST", "/api/v2/my/signin").header("X-Wizard-Key", wizard.header("x-wizard-key").unwrap());
        let done = call.json(&given).send().await.expect(202);
        let token = done.str("/data/accessToken/token");
        self.call("POST", "/api/v2/my/signout").bearer(token).send().await.expect(204);
        self.account_at(&email).await["id"].as_u64().unwrap()
    }

    /// The account with this address, as the operator sees it.
    pub async fn account_at(&self, email: &str) -> Value {
        let call = self.call("GET", &format!("/admin/v1/accounts?email={}", email.replace('+', "%2B")));
        call.bearer(ADMIN_KEY).send().await.expect(200).body["data"][0].clone()
    }

    /// A fresh sign-in wizard.
    pub async fn wizard(&self) -> String {
        self.get("/api/v2/my/signin/wizard").await.expect(200).uuid()
    }

    pub async fn password(&self, uuid: &str, person: &Person, password: &str) -> Answer {
        self.post("/api/v2/my/signin", json!({ "uuid": uuid, "email": person.email, "password": password })).await
    }

    /// A wizard in which the right password was given, and what that was answered with.
    pub async fn past_password(&self, person: &Person) -> (String, Answer) {
        let uuid = self.wizard().await;
        let answer = self.password(&uuid, person, PASSWORD).await;
        (uuid, answer)
    }

    pub async fn code(&self, factor: &str, uuid: &str, code: &str) -> Answer {
        self.post(&format!("/api/v2/my/2fa/{factor}"), json!({ "uuid": uuid, "code": code })).await
    }

    /// The access token of a sign-in without a second factor.
    pub async fn sign_in(&self, person: &Person) -> String {
        let (_, answer) = self.past_password(person).await;
        answer.expect(202).str("/data/accessToken/token").to_owned()
    }

    /// A step of an enable or disable wizard.
    pub async fn factor_step(&self, token: &str, body: Value) -> Answer {
        self.call("POST", "/api/v2/my/2fa/wizard").bearer(token).json(&body).send().await
    }

    pub async fn start_factor(&self, token: &str, factor: &str, way: &str) -> Answer {
        self.call("GET", &format!("/api/v2/my/2fa/{factor}/{way}/wizard")).bearer(token).send().await
    }

    /// Turns the authenticator on, and moves on to a step whose code is not spent.
    pub async fn enable_google(&self, token: &str, person: &mut Person) {
        let started = self.start_factor(token, "google", "enable").await.expect(200);
        let (uuid, key) = (started.uuid(), started.str("/data/key").to_owned());
        let body = json!({ "uuid": uuid, "action": "code", "code": self.totp(&key), "key": key });
        self.factor_step(token, body).await.expect(202);
        person.key = Some(key);
        self.clock.advance(30);
    }

    pub async fn enable_sms(&self, token: &str, person: &Person) {
        let uuid = self.start_factor(token, "sms", "enable").await.expect(200).uuid();
        self.factor_step(token, json!({ "uuid": uuid, "phone": person.phone })).await.expect(200);
        let code = self.last_code(&person.phone).await;
        self.factor_step(token, json!({ "uuid": uuid, "action": "code", "code": code })).await.expect(202);
    }

    pub async fn enable_email(&self, token: &str, person: &Person) {
        let uuid = self.start_factor(token, "email", "enable").await.expect(200).uuid();
        let code = self.last_code(&person.email).await;
        self.factor_step(token, json!({ "uuid": uuid, "action": "code", "code": code })).await.expect(202);
    }

    /// An account with an authenticator.
    pub async fn person_with_google(&self, name: &str) -> Person {
        let mut person = self.person(name).await;
        let token = self.sign_in(&person).await;
        self.enable_google(&token, &mut person).await;
        person
    }

    /// An account with a phone for codes.
    pub async fn person_with_sms(&self, name: &str) -> Person {
        let person = self.person(name).await;
        let token = self.sign_in(&person).await;
        self.enable_sms(&token, &person).await;
        person
    }

    /// An account with codes by email.
    pub async fn person_with_email(&self, name: &str) -> Person {
        let person = self.person(name).await;
        let token = self.sign_in(&person).await;
        self.enable_email(&token, &person).await;
        person
    }
}
