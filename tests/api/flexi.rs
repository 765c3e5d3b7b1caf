//! The ABRA Flexi surface: its published calls as they are printed, what they do to an account, and how they are answered.

use data_encoding::BASE64;
use serde_json::json;

use crate::factors::{oathtool, scanned_picture};
use crate::guesses::other_than;
use crate::harness::{ADMIN_KEY, Answer, PASSWORD, Person, Request, TestApp};

on_every_store!(
    turning_it_on_as_printed,
    turning_it_off_as_printed,
    the_picture_as_printed,
    enabled_at_a_wizard_it_is_asked_for_here,
    a_sent_code_comes_back_with_its_token,
    the_code_that_opens_the_door_is_what_goes_off,
    a_factor_is_not_turned_on_twice,
    turning_it_off_by_an_administrator_as_printed,
    the_path_names_the_caller,
    an_administrator_needs_the_permission_and_a_name,
    what_is_done_here_is_logged_and_told,
    a_secret_of_the_clients_own_is_taken,
    a_required_factor_is_enrolled_elsewhere,
    the_ending_and_the_header_choose_the_format,
    every_language_is_spoken_and_czech_by_default,
    a_parameter_that_cannot_be_used_is_named,
    what_is_no_call_is_refused_in_the_envelope,
);
with_a_directory!(
    turning_it_on_as_printed,
    turning_it_off_as_printed,
    the_picture_as_printed,
    enabled_at_a_wizard_it_is_asked_for_here,
    a_sent_code_comes_back_with_its_token,
    the_code_that_opens_the_door_is_what_goes_off,
    a_factor_is_not_turned_on_twice,
);

pub const ENABLED: &str = "Dvoufázové ověření bylo úspěšně nastaveno.";
pub const DISABLED: &str = "Dvoufázové ověření bylo úspěšně vypnuto.";

/// A secret as an authenticator app would show it: 20 bytes.
pub const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

impl TestApp {
    /// A call of this surface by name and password.
    pub fn flexi<'a>(&'a self, method: &str, target: &str, name: &str, password: &str) -> Request<'a> {
        let basic = BASE64.encode(format!("{name}:{password}").as_bytes());
        self.call(method, &format!("/u{target}")).header("Authorization", &format!("Basic {basic}"))
    }

    /// The same by the person whom the path names as `{}`, with the right password.
    pub async fn flexi_put(&self, target: &str, person: &Person) -> Answer {
        self.flexi("PUT", &target.replace("{}", &person.email), &person.email, PASSWORD).send().await
    }

    /// An account whose authenticator was turned on here.
    pub async fn person_with_flexi(&self, name: &str) -> Person {
        let mut person = self.person(name).await;
        let otp = self.totp(SECRET);
        self.flexi_put(&format!("/{{}}/enable-2fa?secret={SECRET}&otp={otp}"), &person).await.says(200, ENABLED);
        person.key = Some(SECRET.to_owned());
        self.clock.advance(30);
        person
    }

    async fn with_permission(&self, name: &str, permissions: &[&str]) -> Person {
        let person = self.person(name).await;
        let patch = json!({ "permissions": permissions });
        let path = format!("/admin/v1/accounts/{}", person.id);
        self.call("PATCH", &path).bearer(ADMIN_KEY).json(&patch).send().await.expect(200);
        person
    }
}

impl Answer {
    /// Whether it says that it was done, and the message: read off the one form or the other.
    #[track_caller]
    pub fn winstrom(&self) -> (bool, String) {
        let kind = self.header("content-type").unwrap();
        let (success, message) = if kind == "application/json" {
            (self.str("/winstrom/success").to_owned(), self.str("/winstrom/message").to_owned())
        } else {
            assert_eq!(kind, "application/xml; charset=utf-8", "{}", self.text);
            let inner = self.text.strip_prefix("<winstrom version=\"1.0\">\n  <success>").expect(&self.text);
            let inner = inner.strip_suffix("</message>\n</winstrom>").expect(&self.text);
            let (success, message) = inner.split_once("</success>\n  <message>").expect(&self.text);
            assert!(!message.contains(['<', '>']), "{}", self.text);
            (success.to_owned(), message.to_owned())
        };
        assert!(["true", "false"].contains(&success.as_str()) && !message.is_empty(), "{}", self.text);
        (success == "true", message)
    }

    /// The answer, which must have this status and this message, and a `success` that goes with the status.
    #[track_caller]
    pub fn says(self, status: u16, message: &str) -> Self {
        assert_eq!((self.status, self.winstrom()), (status, (status == 200, message.to_owned())), "{}", self.text);
        self.framed()
    }

    /// The answer, which must be a refusal of this status.
    #[track_caller]
    pub fn fails(self, status: u16) -> Self {
        assert_eq!((self.status, self.winstrom().0), (status, false), "{}", self.text);
        self.framed()
    }

    /// Only whoever is not let in is told how to come in, and never by a bearer token.
    #[track_caller]
    fn framed(self) -> Self {
        let challenge = (self.status == 401).then_some("Basic realm=\"Stepgate\", charset=\"UTF-8\"");
        assert_eq!(self.header("www-authenticate"), challenge, "{}", self.text);
        assert_eq!(self.header("cache-control"), Some("no-store"));
        self
    }
}

/// An answer without the white space between its elements or members, as a printed one is compared.
fn squeezed(text: &str) -> String {
    text.lines().map(str::trim).collect()
}

const DISABLED_XML: &str = r#"<winstrom version="1.0">
  <success>true</success>
  <message>Dvoufázové ověření bylo úspěšně vypnuto.</message>
</winstrom>"#;

/// The answer is printed as JSON; and then the wizards ask for it, and so does this surface.
///
/// - PUT `/{user}/enable-2fa`: 200, as printed; JSON by `Accept` or by the ending `.json`
async fn turning_it_on_as_printed(app: TestApp) {
    let printed = r#"{
 "winstrom": {
  "@version": "1.0",
  "success": "true",
  "message": "Dvoufázové ověření bylo úspěšně nastaveno."
 }
}"#;
    let person = app.person("ann").await;
    let target = format!("/{}/enable-2fa?secret={SECRET}&otp={}", person.email, app.totp(SECRET));
    let call = app.flexi("PUT", &target, &person.email, PASSWORD).header("Accept", "application/json");
    let done = call.send().await.expect(200);
    let printed: String = printed.lines().map(|line| line.trim().replacen(": ", ":", 1)).collect();
    assert_eq!(squeezed(&done.text), printed);
    assert_eq!(done.header("content-type"), Some("application/json"));
    app.clock.advance(30);
    let (uuid, asked) = app.past_password(&person).await;
    assert_eq!(asked.expect(200).workflow(), "2fa_google_auth");
    app.code("google", &uuid, &oathtool(SECRET, app.clock.unix())).await.expect(202);
    app.flexi_put("/{}/disable-2fa", &person).await.fails(401);
}

/// The answer is printed as XML; and then nobody asks any more.
///
/// - PUT `/{user}/disable-2fa`: 200, as printed, in XML; 403 where no second factor is on
async fn turning_it_off_as_printed(app: TestApp) {
    let person = app.person_with_flexi("ann").await;
    let otp = app.totp(SECRET);
    let done = app.flexi_put(&format!("/{{}}/disable-2fa?otp={otp}"), &person).await.expect(200);
    assert_eq!(done.text, DISABLED_XML);
    assert_eq!(done.header("content-type"), Some("application/xml; charset=utf-8"));
    app.sign_in(&person).await;
    app.flexi_put("/{}/disable-2fa", &person).await.says(403, "Dvoufázové ověření není zapnuté.");
}

/// By somebody with the permission.
///
/// - PUT `/disable-2fa`: 200, as printed; all second factors of that user are off
async fn turning_it_off_by_an_administrator_as_printed(app: TestApp) {
    let boss = app.with_permission("boss", &["password:update"]).await;
    let person = app.person_with_flexi("ann").await;
    let path = format!("/disable-2fa?username={}", person.email);
    assert_eq!(squeezed(&app.flexi_put(&path, &boss).await.expect(200).text), squeezed(DISABLED_XML));
    app.sign_in(&person).await;
}

/// The header `Secret` of a picture, and what a camera reads from the picture.
async fn pictured(app: &TestApp, person: &Person, ending: &str) -> (String, String) {
    let url = format!("{}/u/{}/qrcode-2fa{ending}", app.url, person.email);
    let answer = app.http.get(url).basic_auth(&person.email, Some(PASSWORD)).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["content-type"]), (200, &"image/png".parse().unwrap()));
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let secret = answer.headers()["secret"].to_str().unwrap().to_owned();
    (secret, scanned_picture(&answer.bytes().await.unwrap()))
}

/// A9: 20 bytes, another secret at every call, the same in the header as in the picture; the codes are those of another
/// implementation. Nothing is kept of it.
///
/// - GET `/{user}/qrcode-2fa`: 200 with the PNG and the header `Secret`; 403 while a second factor is on
async fn the_picture_as_printed(app: TestApp) {
    let person = app.person("ann").await;
    let (first, _) = pictured(&app, &person, "").await;
    let (secret, url) = pictured(&app, &person, ".png").await;
    assert_ne!(first, secret);
    assert_eq!(data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).unwrap().len(), 20);
    let url = url::Url::parse(&url).unwrap();
    assert_eq!((url.scheme(), url.host_str()), ("otpauth", Some("totp")));
    let read = url.query_pairs().find(|(name, _)| name == "secret").unwrap().1.into_owned();
    assert_eq!(read, secret);
    app.sign_in(&person).await;
    let otp = oathtool(&read, app.clock.unix());
    let target = format!("/{{}}/enable-2fa?secret={secret}&otp={otp}");
    app.flexi_put(&target, &person).await.says(200, ENABLED);
    app.clock.advance(30);
    let target = format!("/{}/qrcode-2fa?otp={}", person.email, oathtool(&secret, app.clock.unix()));
    let refused = app.flexi("GET", &target, &person.email, PASSWORD).send().await;
    let refused = refused.says(403, "Dvoufázové ověření je již zapnuté.");
    assert!(refused.header("secret").is_none());
}

/// An account with a factor has to give a code at every call, whatever it asks for, and none of them works twice.
async fn enabled_at_a_wizard_it_is_asked_for_here(app: TestApp) {
    let person = app.person_with_google("ann").await;
    let asked = "Uživatel má zapnuté dvoufázové ověření. Doplňte parametr otp s jednorázovým heslem.";
    let (key, name) = (person.key(), &person.email);
    for (method, target) in [
        ("PUT", format!("/{name}/enable-2fa?secret={SECRET}")),
        ("PUT", format!("/{name}/disable-2fa")),
        ("PUT", format!("/disable-2fa?username={name}")),
        ("GET", format!("/{name}/qrcode-2fa")),
    ] {
        let bare = app.flexi(method, &target, name, PASSWORD).send().await.says(401, asked);
        assert!(bare.header("mfa-token").is_none());
        let mark = if target.contains('?') { '&' } else { '?' };
        let with = |otp: &str| app.flexi(method, &format!("{target}{mark}otp={otp}"), name, PASSWORD).send();
        with(&app.wrong_totp(key)).await.says(401, "Zadaný kód není správný.");
    }
    let otp = app.totp(key);
    let target = format!("/{name}/qrcode-2fa?otp={otp}");
    app.flexi("GET", &target, name, PASSWORD).send().await.fails(403);
    app.flexi("GET", &target, name, PASSWORD).send().await.fails(401);
    app.clock.advance(30);
    app.flexi_put(&format!("/{{}}/disable-2fa?otp={}", app.totp(key)), &person).await.says(200, DISABLED);
}

/// A code by SMS or email is sent at the first call, and comes back in the second with the token of the first answer.
async fn a_sent_code_comes_back_with_its_token(app: TestApp) {
    for person in [app.person_with_sms("ann").await, app.person_with_email("ben").await] {
        let to = if app.outbox(&person.phone).await.is_empty() { &person.email } else { &person.phone };
        let target = format!("/{}/disable-2fa", person.email);
        let sent = app.outbox(to).await.len();
        let asked = app.flexi("PUT", &target, &person.email, PASSWORD).send().await.fails(401);
        let token = asked.header("mfa-token").expect("a token").to_owned();
        assert!(asked.winstrom().1.contains("Mfa-Token"), "{}", asked.text);
        assert_eq!(app.outbox(to).await.len(), sent + 1);
        let code = app.last_code(to).await;
        let give = |otp: &str, password: &str, token: &str| {
            let call = app.flexi("PUT", &format!("{target}?otp={otp}"), &person.email, password);
            call.header("Mfa-Token", token).send()
        };
        let strange = "Hlavička Mfa-Token neplatí. Zopakujte požadavek bez ní a bez parametru otp.";
        give(&code, "not the password", &token).await.says(401, strange);
        give(&code, PASSWORD, &format!("{token}x")).await.says(401, strange);
        give(&code, PASSWORD, "").await.says(401, strange);
        give(&other_than(&code), PASSWORD, &token).await.says(401, "Zadaný kód není správný.");
        give(&code, PASSWORD, &token).await.says(200, DISABLED);
        give(&code, PASSWORD, &token).await.says(401, strange);
        app.sign_in(&person).await;
    }
}

/// A14: a code turns off what it is a code of, and nothing else; a recovery code stands in for all. Watches `proved`.
async fn the_code_that_opens_the_door_is_what_goes_off(app: TestApp) {
    let one = "Tento způsob ověření byl vypnut. Další způsob zůstává zapnutý a jednorázové heslo bude dál vyžadováno.";
    let (mut person, token) = app.sms_and_token("ann").await;
    app.enable_google(&token, &mut person).await;
    app.flexi_put(&format!("/{{}}/disable-2fa?otp={}", app.totp(person.key())), &person).await.says(200, one);
    assert!(!app.is_enabled(&token, "google").await && app.is_enabled(&token, "sms").await);
    let (mut person, token) = app.sms_and_token("ben").await;
    app.enable_google(&token, &mut person).await;
    let paper = app.codes(&token).await[0].to_lowercase();
    app.flexi_put(&format!("/{{}}/disable-2fa?otp={paper}"), &person).await.says(200, DISABLED);
    assert!(!app.is_enabled(&token, "google").await && !app.is_enabled(&token, "sms").await);
    app.sign_in(&person).await;
}

/// 403 while any factor is on, and the one that is on stays as it is.
async fn a_factor_is_not_turned_on_twice(app: TestApp) {
    let person = app.person_with_flexi("ann").await;
    let other = data_encoding::BASE32_NOPAD.encode(&[7; 20]);
    let target = format!("/{{}}/enable-2fa?secret={other}&otp={}", app.totp(SECRET));
    app.flexi_put(&target, &person).await.says(403, "Dvoufázové ověření je již zapnuté.");
    let target = format!("/{{}}/enable-2fa?secret={other}&otp={}", app.totp(&other));
    app.flexi_put(&target, &person).await.fails(401);
    app.clock.advance(30);
    app.by_google(&person).await;
    let mailed = app.person_with_email("ben").await;
    let target = format!("/{}/enable-2fa?secret={SECRET}", mailed.email);
    let asked = app.flexi("PUT", &target, &mailed.email, PASSWORD).send().await.fails(401);
    let code = app.last_code(&mailed.email).await;
    let call = app.flexi("PUT", &format!("{target}&otp={code}"), &mailed.email, PASSWORD);
    let call = call.header("Mfa-Token", asked.header("mfa-token").unwrap());
    call.send().await.says(403, "Dvoufázové ověření je již zapnuté.");
    app.clock.advance(60);
    let target = format!("/{}/qrcode-2fa", mailed.email);
    let asked = app.flexi("GET", &target, &mailed.email, PASSWORD).send().await.fails(401);
    let code = app.last_code(&mailed.email).await;
    let call = app.flexi("GET", &format!("{target}?otp={code}"), &mailed.email, PASSWORD);
    let refused = call.header("Mfa-Token", asked.header("mfa-token").unwrap()).send().await;
    assert!(refused.says(403, "Dvoufázové ověření je již zapnuté.").header("secret").is_none());
}

/// Everybody calls for themselves, under any of their names in any spelling; nobody for anybody else. Watches
/// `Ask::names`.
async fn the_path_names_the_caller(app: TestApp) {
    let id = app.account(json!({ "email": "ann@example.com", "username": "Ann.Lee", "password": PASSWORD })).await;
    let victim = app.person_with_google("ben").await;
    let somebody = "user: Musí to být právě přihlášený uživatel.";
    for user in ["ann@example.com", "ANN%40EXAMPLE.COM", "ann.lee", "ANN.LEE", "%EF%BD%81%EF%BD%8E%EF%BD%8E.lee"] {
        app.flexi("GET", &format!("/{user}/qrcode-2fa"), "ann.lee", PASSWORD).send().await.expect(200);
    }
    let id = id.to_string();
    let strangers = [victim.email.as_str(), "nobody", &id, "%FF", "ann.lee%00", "ann.lee%2F..", "ann%0d%0aSecret:%20x"];
    for user in strangers {
        for (method, call) in
            [("GET", "qrcode-2fa"), ("PUT", "disable-2fa"), ("PUT", &format!("enable-2fa?secret={SECRET}&otp=000000"))]
        {
            let target = format!("/{user}/{call}");
            let refused = app.flexi(method, &target, "ann.lee", PASSWORD).send().await.says(403, somebody);
            assert!(refused.header("secret").is_none());
        }
    }
    app.by_google(&victim).await;
}

/// Watches the permission, which is looked at before any name is, and that nobody takes this way around their own code.
async fn an_administrator_needs_the_permission_and_a_name(app: TestApp) {
    let boss = app.with_permission("boss", &["password:update"]).await;
    let other = app.with_permission("clerk", &["users:read", "users:update", "password:updates"]).await;
    let id = app.account(json!({ "email": "cyd@example.com", "username": "Cyd", "password": PASSWORD })).await;
    let person = Person { id, email: "cyd@example.com".into(), phone: "+79994440099".into(), key: None };
    let token = app.sign_in(&person).await;
    app.enable_sms(&token, &person).await;
    let reset = |caller: &Person, query: &str| {
        app.flexi("PUT", &format!("/disable-2fa{query}"), &caller.email, PASSWORD).send()
    };
    let forbidden = "K této akci nemáte oprávnění.";
    for query in ["", "?username=cyd", "?username=nobody", "?username=clerk@example.com"] {
        reset(&other, query).await.says(403, forbidden);
    }
    reset(&boss, "").await.says(400, "username: Povinný údaj.");
    reset(&boss, "?username=nobody").await.says(404, "Uživatel tohoto jména neexistuje.");
    reset(&boss, "?username=clerk@example.com").await.says(403, "Dvoufázové ověření není zapnuté.");
    reset(&boss, "?username=BOSS@example.com").await.fails(403);
    assert!(app.is_enabled(&token, "sms").await);
    let anybody = app.flexi("PUT", "/disable-2fa?username=cyd", "boss@example.com", "not the password").send().await;
    anybody.fails(401);
    reset(&boss, "?username=%20C%EF%BD%99D").await.says(200, DISABLED);
    // By another hand than the owner's: their sessions are over.
    app.call("GET", "/api/v2/my/2fa").bearer(&token).send().await.refused(401, "unauthorized");
    app.sign_in(&person).await;
}

/// A23: the change log, the stream of events and the owner's mailbox know of what was done here, and by whom.
async fn what_is_done_here_is_logged_and_told(app: TestApp) {
    let boss = app.with_permission("boss", &["password:update"]).await;
    let person = app.person_with_flexi("ann").await;
    app.flexi_put(&format!("/{{}}/disable-2fa?otp={}", app.totp(SECRET)), &person).await.says(200, DISABLED);
    app.clock.advance(30);
    let target = format!("/{{}}/enable-2fa?secret={SECRET}&otp={}", app.totp(SECRET));
    app.flexi_put(&target, &person).await.says(200, ENABLED);
    app.flexi_put(&format!("/disable-2fa?username={}", person.email), &boss).await.says(200, DISABLED);
    assert_eq!(
        app.notices(&person.email).await,
        ["factor_enabled", "factor_disabled", "factor_enabled", "factor_reset"]
    );
    let token = app.sign_in(&person).await;
    let changes = app.bearing("GET", "/2fa/changes?sort_order=asc", &token).await.expect(200);
    let lines: Vec<(&str, bool)> = changes.body["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| (line["provider"].as_str().unwrap(), line["isEnabled"].as_bool().unwrap()))
        .collect();
    assert_eq!(lines, [("google", true), ("google", false), ("google", true), ("google", false)]);
    let path = format!("/admin/v1/events?order=asc&account={}", person.id);
    let events = app.call("GET", &path).bearer(ADMIN_KEY).send().await.expect(200);
    let turned = |event: &&serde_json::Value| event["type"].as_str().unwrap().starts_with("factor_");
    let events: Vec<&serde_json::Value> = events.body["data"].as_array().unwrap().iter().filter(turned).collect();
    assert_eq!(events.len(), 4, "{events:#?}");
    assert!(events.iter().all(|event| event["details"]["surface"] == "flexi"), "{events:#?}");
    assert_eq!(events[3]["details"]["by"], format!("account {}", boss.id));
}

/// Any base32 of 16 to 64 bytes, in either case and with its padding or without, and the code of that very secret.
async fn a_secret_of_the_clients_own_is_taken(app: TestApp) {
    for (place, length) in [16, 20, 32, 64].into_iter().enumerate() {
        let person = app.person(&format!("ann{place}")).await;
        let bytes = vec![u8::try_from(length).unwrap(); length];
        let bare = data_encoding::BASE32_NOPAD.encode(&bytes);
        let padded = data_encoding::BASE32.encode(&bytes).to_lowercase().replace('=', "%3D");
        let otp = oathtool(&bare, app.clock.unix());
        let target = format!("/{{}}/enable-2fa?secret={padded}&otp={otp}");
        app.flexi_put(&target, &person).await.says(200, ENABLED);
        app.clock.advance(30);
        let otp = oathtool(&bare, app.clock.unix());
        app.flexi_put(&format!("/{{}}/disable-2fa?otp={otp}"), &person).await.says(200, DISABLED);
    }
}

/// Where a policy wants a factor before anybody is let in, it is turned on at a sign-in, not here.
async fn a_required_factor_is_enrolled_elsewhere(app: TestApp) {
    let app = app.with_policies(json!([{ "required": ["google"] }])).await;
    let person = app.person("ann").await;
    for target in ["/{}/disable-2fa", &format!("/{{}}/enable-2fa?secret={SECRET}&otp={}", app.totp(SECRET))] {
        app.flexi_put(target, &person).await.fails(403);
    }
}

async fn the_ending_and_the_header_choose_the_format(app: TestApp) {
    let person = app.person("ann").await;
    for (ending, accept, json) in [
        ("", None, false),
        ("", Some("*/*"), false),
        ("", Some("application/json"), true),
        ("", Some("text/html, application/json;q=0.4, */*;q=0.1"), true),
        ("", Some("application/json;q=0.4, application/xml"), false),
        ("", Some("image/webp"), false),
        (".json", Some("application/xml"), true),
        (".xml", Some("application/json"), false),
        (".json", None, true),
    ] {
        for target in [
            format!("/{}/disable-2fa{ending}", person.email),
            format!("/{}/enable-2fa{ending}", person.email),
            format!("/disable-2fa{ending}"),
            format!("/{}/qrcode-2fa{ending}?otp=x", person.email),
            format!("/nothing{ending}"),
        ] {
            let method = if target.contains("qrcode") { "GET" } else { "PUT" };
            let mut call = app.flexi(method, &target, &person.email, PASSWORD);
            if let Some(accept) = accept {
                call = call.header("Accept", accept);
            }
            let answer = call.send().await;
            assert!(!answer.winstrom().0);
            let kind = if json { "application/json" } else { "application/xml; charset=utf-8" };
            assert_eq!(answer.header("content-type"), Some(kind), "{target} {accept:?}");
        }
    }
}

async fn every_language_is_spoken_and_czech_by_default(app: TestApp) {
    let person = app.person("ann").await;
    for (wanted, tag, message) in [
        ("", "cs", "Dvoufázové ověření není zapnuté."),
        ("ja, de;q=0.5", "cs", "Dvoufázové ověření není zapnuté."),
        ("cs-CZ", "cs", "Dvoufázové ověření není zapnuté."),
        ("en", "en", "Two-factor authentication is not on."),
        ("pt", "pt-BR", "A autenticação em dois fatores não está ativada."),
        ("ru, en;q=0.9", "ru", "Двухфакторная аутентификация не включена."),
    ] {
        let target = format!("/{}/disable-2fa", person.email);
        let call = app.flexi("PUT", &target, &person.email, PASSWORD).header("Accept-Language", wanted);
        let answer = call.send().await.says(403, message);
        assert_eq!(answer.header("content-language"), Some(tag), "{wanted}");
    }
}

/// X30, A11: whatever is given twice, as an array, empty, with control characters or in another form is refused by name, and is
/// neither looked at nor counted, whoever asks. Watches `Query::text` and `otp::of`.
async fn a_parameter_that_cannot_be_used_is_named(app: TestApp) {
    let person = app.person_with_google("ann").await;
    let (name, right) = (&person.email, app.totp(person.key()));
    let bad_otps = [
        format!("otp={right}&otp={right}"),
        format!("otp={right}&otp=000000"),
        format!("otp[]={right}"),
        format!("otp={right}&otp[]=000000"),
        "otp=".to_owned(),
        "otp".to_owned(),
        format!("otp=%20{right}"),
        format!("otp=%2B{right}"),
        format!("otp={right}%00"),
        format!("otp={right}%0d%0aX: y"),
        format!("otp={}", right.chars().map(|c| char::from_u32(c as u32 - 0x30 + 0xFF10).unwrap()).collect::<String>()),
        "otp=abcdef".to_owned(),
        format!("otp={}", "1".repeat(2_000)),
        // As many digits as no authenticator of this server has.
        format!("otp=0{right}"),
    ];
    for query in &bad_otps {
        let answer = app.flexi_put(&format!("/{{}}/disable-2fa?{query}"), &person).await.fails(400);
        assert!(answer.winstrom().1.starts_with("otp: "), "{query}: {}", answer.text);
    }
    let plain = app.person("ben").await;
    let good = app.totp(SECRET);
    for (query, named) in [
        (format!("secret={SECRET}"), "otp: "),
        (format!("otp={good}"), "secret: "),
        (format!("secret=&otp={good}"), "secret: "),
        (format!("secret={SECRET}&secret={SECRET}&otp={good}"), "secret: "),
        (format!("secret[]={SECRET}&otp={good}"), "secret: "),
        (format!("secret=GEZDGNBVGY3TQOJQGEZDGNBV&otp={good}"), "secret: "),
        (format!("secret={SECRET}1&otp={good}"), "secret: "),
        (format!("secret=%00{SECRET}&otp={good}"), "secret: "),
        (format!("secret={SECRET}&otp=0{good}"), "otp: "),
    ] {
        let answer = app.flexi_put(&format!("/{{}}/enable-2fa?{query}"), &plain).await.fails(400);
        assert!(answer.winstrom().1.starts_with(named), "{query}: {}", answer.text);
    }
    let boss = app.with_permission("boss", &["password:update"]).await;
    for query in [format!("username={name}&username={name}"), format!("username[]={name}"), "username=".to_owned()] {
        let answer = app.flexi_put(&format!("/disable-2fa?{query}"), &boss).await.fails(400);
        assert!(answer.winstrom().1.starts_with("username: "), "{query}: {}", answer.text);
    }
    // A body is no place for parameters.
    let call = app.flexi("PUT", &format!("/{name}/disable-2fa"), name, PASSWORD);
    call.text("application/x-www-form-urlencoded", format!("otp={right}")).send().await.fails(401);
    // None of it was counted: nine wrong ones are left before the tenth locks.
    for _ in 0..9 {
        let otp = app.wrong_totp(person.key());
        app.flexi_put(&format!("/{{}}/disable-2fa?otp={otp}"), &person).await.fails(401);
    }
    app.flexi_put(&format!("/{{}}/disable-2fa?otp={right}"), &person).await.says(200, DISABLED);
}

/// X37: other paths, other methods and bodies that are too large are refused in this surface's own form.
async fn what_is_no_call_is_refused_in_the_envelope(app: TestApp) {
    let person = app.person("ann").await;
    for (method, target) in [
        ("GET", "/"),
        ("GET", "/ann@example.com/disable-2fa"),
        ("POST", "/ann@example.com/enable-2fa"),
        ("DELETE", "/disable-2fa"),
        ("PUT", "/ann@example.com/qrcode-2fa"),
        ("PUT", "/ann@example.com/disable-2fa.png"),
        ("PUT", "/ann@example.com/disable-2fajson"),
        ("PUT", "/ann@example.com/enable-2fa/x"),
    ] {
        app.flexi(method, target, &person.email, PASSWORD).send().await.says(404, "Tady nic není.");
    }
    let call = app.flexi("PUT", "/ann@example.com/disable-2fa", &person.email, PASSWORD);
    call.text("application/json", "x".repeat(70_000)).send().await.fails(413);
    // A header that these calls have no use for is not looked at.
    let call = app.flexi("PUT", "/ann@example.com/disable-2fa", &person.email, PASSWORD);
    call.header("Idempotency-Key", &"x".repeat(300)).send().await.fails(403);
}
