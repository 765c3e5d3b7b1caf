//! Every surface behind the same few verbs, so that what holds for one is asked of all.

use async_trait::async_trait;
use serde_json::{Value, json};
use stepgate::identity::SurfaceName;

use crate::accounts::admin;
use crate::doors::Door;
use crate::flexi::SECRET;
use crate::harness::{Answer, PASSWORD, Person, TestApp};

/// What became of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Right, and spent.
    Taken,
    /// Wrong, or spent before.
    Refused,
    /// Nobody looked at it.
    Locked,
}

/// What a name and a password are answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    LetIn,
    /// Right, and a code is asked for.
    Asked,
    Refused,
    /// Nobody looked at it.
    Locked,
}

/// A surface as somebody with an authenticator meets it. To have another one in the matrix, say how it does these.
#[async_trait(?Send)]
pub trait Through {
    fn name(&self) -> SurfaceName;

    /// Whether anybody is asked for a password.
    fn asks_password(&self) -> bool {
        true
    }

    /// Whether the refusal of a code says how many more may be tried.
    fn counts_down(&self) -> bool {
        true
    }

    /// A name and a password, and no code; `None` where nobody is asked for them.
    async fn password(&self, app: &TestApp, name: &str, password: &str) -> Option<Entry>;

    /// The same as it is answered, with a code beside it where one may come along; a code of this name where nobody is
    /// asked for a password.
    async fn named(&self, app: &TestApp, name: &str, password: &str, code: Option<&str>) -> Answer;

    /// The right password, up to where a code is waited for, and what goes on from there; nothing where a code comes
    /// along with all the rest.
    async fn begun(&self, _: &TestApp, _: &Person) -> String {
        String::new()
    }

    /// A code of the authenticator for what was begun.
    async fn finished(&self, app: &TestApp, person: &Person, begun: &str, code: &str) -> Answer;

    /// Whether the code was right, and is spent.
    fn took(&self, answer: &Answer) -> bool;

    /// The answer, which must refuse for what the wizards call by this code, in the surface's own words.
    fn refused(&self, answer: Answer, code: &str) -> Answer;

    /// A code of the authenticator, after the password where one is asked for, as it is answered.
    async fn coded(&self, app: &TestApp, person: &Person, code: &str) -> Answer {
        let begun = self.begun(app, person).await;
        self.finished(app, person, &begun, code).await
    }

    /// What became of it.
    async fn code(&self, app: &TestApp, person: &Person, code: &str) -> Outcome {
        let answer = self.coded(app, person, code).await;
        match answer.status {
            429 => Outcome::Locked,
            _ if self.took(&answer) => Outcome::Taken,
            400 | 401 | 422 => Outcome::Refused,
            200 if answer.body["valid"] == json!(false) => Outcome::Refused,
            _ => panic!("{}: {}", answer.status, answer.text),
        }
    }

    /// The answer must refuse to look at anything, and say for how many seconds.
    #[track_caller]
    fn locked(&self, answer: Answer, code: &str, seconds: u64) {
        let refused = self.refused(answer, code);
        assert_eq!(refused.header("retry-after"), Some(seconds.to_string().as_str()), "{}", self.name());
        let said = refused.body.get("retryAfter");
        assert!(said.is_none_or(|said| *said == json!(seconds)), "{}: {}", self.name(), refused.text);
    }

    /// Turns an authenticator on for somebody who has none, and gives the code that confirmed it; `None` where that
    /// cannot be done. The person has the key from then on.
    async fn turn_on(&self, app: &TestApp, person: &mut Person) -> Option<String>;

    /// Turns the authenticator off, by its present code if one is asked for.
    async fn turn_off(&self, app: &TestApp, person: &Person);
}

/// All of them, for one server.
pub async fn all(app: &TestApp) -> Vec<Box<dyn Through>> {
    over(Navixy::operated_by(app, "operator").await, Mfao::registered(app).await)
}

/// All of them, by an operator and a client that there are.
pub fn over(navixy: Navixy, mfao: Mfao) -> Vec<Box<dyn Through>> {
    vec![Box::new(Wizard), Box::new(Flexi), Box::new(Veeam), Box::new(navixy), Box::new(mfao)]
}

/// The one of this name.
pub fn one_of(surfaces: &[Box<dyn Through>], name: SurfaceName) -> &dyn Through {
    &**surfaces.iter().find(|surface| surface.name() == name).unwrap()
}

/// Those that ask for a password.
pub fn by_password(surfaces: &[Box<dyn Through>]) -> Vec<&dyn Through> {
    surfaces.iter().map(|surface| &**surface).filter(|surface| surface.asks_password()).collect()
}

/// Whether a refusal of this code is for a time.
fn is_for_now(code: &str) -> bool {
    ["too_many_attempts", "account_locked"].contains(&code)
}

/// What a status says of a password, by the status of what lets in and of what asks for a code.
#[track_caller]
fn entry(answer: &Answer, let_in: u16, asked: u16) -> Entry {
    match answer.status {
        429 => Entry::Locked,
        status if status == let_in => Entry::LetIn,
        status if status == asked => Entry::Asked,
        400 | 422 => Entry::Refused,
        _ => panic!("{}: {}", answer.status, answer.text),
    }
}

struct Wizard;

#[async_trait(?Send)]
impl Through for Wizard {
    fn name(&self) -> SurfaceName {
        SurfaceName::Wizard
    }

    async fn password(&self, app: &TestApp, name: &str, password: &str) -> Option<Entry> {
        Some(entry(&self.named(app, name, password, None).await, 202, 200))
    }

    async fn named(&self, app: &TestApp, name: &str, password: &str, _: Option<&str>) -> Answer {
        let uuid = app.wizard().await;
        app.name_and_password(&uuid, name, password).await
    }

    async fn begun(&self, app: &TestApp, person: &Person) -> String {
        app.waiting(person).await
    }

    async fn finished(&self, app: &TestApp, _: &Person, begun: &str, code: &str) -> Answer {
        app.code("google", begun, code).await
    }

    fn took(&self, answer: &Answer) -> bool {
        answer.status == 202
    }

    #[track_caller]
    fn refused(&self, answer: Answer, code: &str) -> Answer {
        answer.refused(if is_for_now(code) { 429 } else { 422 }, code)
    }

    async fn turn_on(&self, app: &TestApp, person: &mut Person) -> Option<String> {
        let token = app.sign_in(person).await;
        let started = app.start_factor(&token, "google", "enable").await.expect(200);
        let key = started.str("/data/key").to_owned();
        let code = app.totp(&key);
        app.factor_code(&token, &started.uuid(), &code).await.expect(202);
        person.key = Some(key);
        Some(code)
    }

    async fn turn_off(&self, app: &TestApp, person: &Person) {
        let token = app.by_google(person).await;
        let uuid = app.start_factor(&token, "google", "disable").await.expect(200).uuid();
        app.factor_code(&token, &uuid, &app.totp(person.key())).await.expect(202);
    }
}

struct Flexi;

impl Flexi {
    /// A call that is refused behind the door while a factor is on, and changes nothing.
    async fn knock(app: &TestApp, name: &str, password: &str, otp: Option<&str>) -> Answer {
        let encoded = |otp: &str| url::form_urlencoded::byte_serialize(otp.as_bytes()).collect::<String>();
        let otp = otp.map(|otp| format!("?otp={}", encoded(otp))).unwrap_or_default();
        app.flexi("GET", &format!("/{}/qrcode-2fa{otp}", name.trim()), name, password).send().await
    }
}

#[async_trait(?Send)]
impl Through for Flexi {
    fn name(&self) -> SurfaceName {
        SurfaceName::Flexi
    }

    fn counts_down(&self) -> bool {
        false
    }

    async fn password(&self, app: &TestApp, name: &str, password: &str) -> Option<Entry> {
        let answer = Flexi::knock(app, name, password, None).await;
        // Both are 401; only whoever is past the password hears of the parameter.
        let is_asked = answer.status == 401 && answer.text.contains(" otp ");
        // Nor does anybody else hear that there may be no picture for them.
        let is_behind = answer.status == 403 && answer.text.contains("nelze u tohoto účtu zapnout");
        Some(match answer.status {
            403 if is_behind => Entry::LetIn,
            401 if is_asked => Entry::Asked,
            401 => Entry::Refused,
            _ => entry(&answer, 200, 0),
        })
    }

    async fn named(&self, app: &TestApp, name: &str, password: &str, code: Option<&str>) -> Answer {
        Flexi::knock(app, name, password, code).await
    }

    async fn finished(&self, app: &TestApp, person: &Person, _: &str, code: &str) -> Answer {
        Flexi::knock(app, &person.email, PASSWORD, Some(code)).await
    }

    fn took(&self, answer: &Answer) -> bool {
        answer.status == 403
    }

    #[track_caller]
    fn refused(&self, answer: Answer, code: &str) -> Answer {
        match code {
            "invalid_credentials" => answer.says(401, "Uživatelské jméno nebo heslo není správné."),
            "invalid_code" => answer.says(401, "Zadaný kód není správný."),
            "code_used" => answer.says(401, "Každý kód lze použít jen jednou. Počkejte na další."),
            code if is_for_now(code) => answer.fails(429),
            other => panic!("no words for {other}"),
        }
    }

    async fn turn_on(&self, app: &TestApp, person: &mut Person) -> Option<String> {
        let code = app.totp(SECRET);
        app.flexi_put(&format!("/{{}}/enable-2fa?secret={SECRET}&otp={code}"), person).await.expect(200);
        person.key = Some(SECRET.to_owned());
        Some(code)
    }

    async fn turn_off(&self, app: &TestApp, person: &Person) {
        let code = app.totp(person.key());
        app.flexi_put(&format!("/{{}}/disable-2fa?otp={code}"), person).await.expect(200);
    }
}

struct Veeam;

#[async_trait(?Send)]
impl Through for Veeam {
    fn name(&self) -> SurfaceName {
        SurfaceName::Veeam
    }

    async fn password(&self, app: &TestApp, name: &str, password: &str) -> Option<Entry> {
        let answer = self.named(app, name, password, None).await;
        Some(match answer.body.get("mfa_token") {
            Some(_) => Entry::Asked,
            None => entry(&answer, 200, 0),
        })
    }

    async fn named(&self, app: &TestApp, name: &str, password: &str, _: Option<&str>) -> Answer {
        Door::Veeam.password(app, name, password).await
    }

    async fn begun(&self, app: &TestApp, person: &Person) -> String {
        Door::Veeam.asked(app, person).await.token
    }

    async fn finished(&self, app: &TestApp, _: &Person, begun: &str, code: &str) -> Answer {
        Door::Veeam.code(app, begun, code).await
    }

    fn took(&self, answer: &Answer) -> bool {
        answer.status == 200
    }

    #[track_caller]
    fn refused(&self, answer: Answer, code: &str) -> Answer {
        Door::Veeam.refused(answer, code)
    }

    async fn turn_on(&self, app: &TestApp, person: &mut Person) -> Option<String> {
        let token = Door::Veeam.credential(Door::Veeam.password(app, &person.email, PASSWORD).await);
        let offer = app.offer(&token, person.id).await;
        let code = app.totp(&offer.key);
        app.accept_mfa(&token, person.id, &code, &offer.token).await.expect(200);
        person.key = Some(offer.key);
        Some(code)
    }

    async fn turn_off(&self, app: &TestApp, person: &Person) {
        let asked = Door::Veeam.asked(app, person).await;
        let code = app.totp(person.key());
        let token = Door::Veeam.credential(Door::Veeam.code(app, &asked.token, &code).await);
        app.disable_mfa(&token, person.id, None).await.expect(200);
    }
}

/// The panel, and somebody at it who may change everybody's settings.
#[derive(Clone)]
pub struct Navixy {
    pub hash: String,
}

impl Navixy {
    pub async fn operated_by(app: &TestApp, name: &str) -> Self {
        let (operator, _) = app.somebody_who_may(name, &["users:update"]).await;
        Navixy { hash: Door::Navixy.credential(Door::Navixy.password(app, &operator.email, PASSWORD).await) }
    }

    /// Sets what one person may have.
    pub async fn setting(&self, app: &TestApp, person: &Person, settings: Value) {
        let target = json!({ "type": "selected", "ids": [person.id] });
        let order = json!({ "target": target, "settings": settings });
        self.call(app, "user/mfa/settings/update", &order).await.expect(200);
    }

    pub async fn call(&self, app: &TestApp, path: &str, body: &Value) -> Answer {
        let call = app.call("POST", &format!("/v2/panel/{path}"));
        call.header("Authorization", &format!("NVX {}", self.hash)).json(body).send().await
    }
}

#[async_trait(?Send)]
impl Through for Navixy {
    fn name(&self) -> SurfaceName {
        SurfaceName::Navixy
    }

    fn counts_down(&self) -> bool {
        false
    }

    async fn password(&self, app: &TestApp, name: &str, password: &str) -> Option<Entry> {
        Some(entry(&self.named(app, name, password, None).await, 200, 403))
    }

    async fn named(&self, app: &TestApp, name: &str, password: &str, _: Option<&str>) -> Answer {
        Door::Navixy.password(app, name, password).await
    }

    async fn begun(&self, app: &TestApp, person: &Person) -> String {
        Door::Navixy.asked(app, person).await.token
    }

    async fn finished(&self, app: &TestApp, _: &Person, begun: &str, code: &str) -> Answer {
        Door::Navixy.code(app, begun, code).await
    }

    fn took(&self, answer: &Answer) -> bool {
        answer.status == 200
    }

    #[track_caller]
    fn refused(&self, answer: Answer, code: &str) -> Answer {
        Door::Navixy.refused(answer, code)
    }

    /// The panel says who may have which factor. An authenticator is enrolled elsewhere.
    async fn turn_on(&self, _: &TestApp, _: &mut Person) -> Option<String> {
        None
    }

    async fn turn_off(&self, app: &TestApp, person: &Person) {
        self.setting(app, person, json!({ "type": "disallowed" })).await;
    }
}

/// A client of the service surface, and a policy of its own.
#[derive(Clone)]
pub struct Mfao {
    pub api_key: String,
    pub access_key: String,
}

impl Mfao {
    pub async fn registered(app: &TestApp) -> Self {
        let policy = json!({ "id": "matrix", "issuer": "Matrix" });
        admin(app, "POST", "/policies", Some(policy)).await.expect(201);
        let made = admin(app, "POST", "/clients", Some(json!({ "name": "matrix" }))).await.expect(201);
        Mfao { api_key: made.str("apiKey").to_owned(), access_key: made.str("accessKey").to_owned() }
    }

    pub async fn call(&self, app: &TestApp, call: &str, body: Value) -> Answer {
        let request = app.call("POST", &format!("/api/totp/matrix/{call}")).json(&body);
        request.header("api-key", &self.api_key).header("access-key", &self.access_key).send().await
    }
}

#[async_trait(?Send)]
impl Through for Mfao {
    fn name(&self) -> SurfaceName {
        SurfaceName::Mfao
    }

    fn asks_password(&self) -> bool {
        false
    }

    async fn password(&self, _: &TestApp, _: &str, _: &str) -> Option<Entry> {
        None
    }

    async fn named(&self, app: &TestApp, name: &str, _: &str, code: Option<&str>) -> Answer {
        self.call(app, "verify", json!({ "username": name, "otp": code.unwrap_or("000000") })).await
    }

    async fn finished(&self, app: &TestApp, person: &Person, _: &str, code: &str) -> Answer {
        self.named(app, &person.email, "", Some(code)).await
    }

    fn took(&self, answer: &Answer) -> bool {
        answer.status == 200 && answer.body["valid"] == json!(true)
    }

    #[track_caller]
    fn refused(&self, answer: Answer, code: &str) -> Answer {
        if !is_for_now(code) {
            assert_eq!((answer.status, &answer.body["valid"]), (200, &json!(false)), "{}", answer.text);
            return answer;
        }
        let refused = answer.refused(429, code);
        assert_eq!(refused.body["restart"], Value::Null, "{}", refused.text);
        refused
    }

    async fn turn_on(&self, app: &TestApp, person: &mut Person) -> Option<String> {
        let enrolled = self.call(app, "enrollment", json!({ "username": person.email })).await.expect(200);
        let address = url::Url::parse(enrolled.str("otpauthUrl")).unwrap();
        let key = address.query_pairs().find(|(name, _)| name == "secret").unwrap().1.into_owned();
        let code = app.totp(&key);
        person.key = Some(key);
        assert_eq!(self.code(app, person, &code).await, Outcome::Taken);
        Some(code)
    }

    async fn turn_off(&self, app: &TestApp, person: &Person) {
        self.call(app, "delete", json!({ "username": person.email })).await.expect(200);
    }
}
