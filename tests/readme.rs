//! What the README and the other documents tell people to do is done here, word for word.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use stepgate::app::SystemClock;
use stepgate::config::Config;
use stepgate::engine::ports::Clock as _;
use stepgate::identity::{Secret, signature};

fn document(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The fenced blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("\n```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

struct Server {
    process: Child,
    greeting: String,
}

impl Server {
    /// The real binary, in dev mode and a folder of its own.
    fn start(folder: &Path) -> Self {
        Server::start_with(folder, &[], "/2fa/google")
    }

    /// The same with settings; its greeting is read up to the line that holds `last`.
    fn start_with(folder: &Path, settings: &[(&str, &str)], last: &str) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_stepgate"))
            .current_dir(folder)
            .env("STEPGATE_LISTEN", "127.0.0.1:0")
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut greeting = String::new();
        let lines = BufReader::new(process.stdout.as_mut().unwrap()).lines();
        for line in lines.map_while(Result::ok) {
            greeting.push_str(&line);
            greeting.push('\n');
            if line.contains(last) {
                break;
            }
        }
        Server { process, greeting }
    }

    /// The word that follows `label` in the greeting.
    fn told(&self, label: &str) -> &str {
        let after = self.greeting.split(label).nth(1).unwrap_or_else(|| panic!("no {label:?} in {}", self.greeting));
        after.split_whitespace().next().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn bash(script: &str) -> String {
    let mut shell = Command::new("bash")
        .args(["-euo", "pipefail", "-c", script])
        .stdout(Stdio::piped())
        .spawn()
        .expect("bash, curl and oathtool are needed");
    let mut said = String::new();
    shell.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(shell.wait().unwrap().success(), "{said}");
    said
}

/// Each part is said, after the one before.
fn in_order(said: &str, parts: &[&str]) {
    let mut rest = said;
    for part in parts {
        rest = rest.split_once(part).unwrap_or_else(|| panic!("no {part} in its place in {said}")).1;
    }
}

#[test]
fn the_commands_of_the_readme_sign_in_and_turn_sms_on() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let script = blocks(&document("README.md"), "bash").join("\n");
    let script = script
        .replace("PASSWORD=as-printed", &format!("PASSWORD={}", server.told("PASSWORD=")))
        .replace("SECRET=AS-PRINTED", &format!("SECRET={}", server.told("SECRET=")))
        .replace("127.0.0.1:8080", server.told("http://"));
    let said = bash(&script);
    assert!(said.contains(r#""workflow":"2fa_google_auth""#), "{said}");
    assert!(said.contains(r#""code":202"#), "{said}");
    assert!(said.contains(r#"{"caption":"SMS Confirmation","isEnabled":true,"name":"sms"}"#), "{said}");
}

#[test]
fn the_commands_of_the_guide_for_qa_do_what_they_say() {
    let folder = tempfile::tempdir().unwrap();
    let until = (SystemClock.now() + chrono::TimeDelta::days(30)).format("%F");
    let testers = format!(r#"[{{"to":"+420601000000","code":"123456","until":"{until}"}}]"#);
    let settings = [("STEPGATE_ADMIN_KEY", "an-admin-key-for-qa"), ("STEPGATE_TESTERS", &testers)];
    let server = Server::start_with(folder.path(), &settings, "/2fa/google");
    let script = blocks(&document("docs/qa.md"), "bash").join("\n");
    let said = bash(&script.replace("127.0.0.1:8080", server.told("http://")));
    assert_eq!(said.matches(r#""code":202"#).count(), 3, "{said}");
    for part in
        [r#""code":"code_expired""#, r#""offset":360"#, r#""code":"delivery_failed""#, r#"{"total":0,"data":[]}"#]
    {
        assert_eq!(said.matches(part).count(), 1, "{part} in {said}");
    }
}

#[test]
fn the_three_ways_back_of_the_guide_for_lost_phones_lead_back() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [("STEPGATE_ADMIN_KEY", "an-admin-key-for-recovery")];
    let server = Server::start_with(folder.path(), &settings, "/2fa/google");
    let script = blocks(&document("docs/recovery.md"), "bash").join("\n");
    let said = bash(&script.replace("127.0.0.1:8080", server.told("http://")));
    // Three phones, a second method, two that were taken off, three new phones; what a token comes with is not printed.
    assert_eq!(said.matches(r#""code":202"#).count(), 9, "{said}");
    assert!(said.contains("204\n") && said.contains(r#""code":"unauthorized""#), "{said}");
    assert_eq!(said.matches(r#""total":10"#).count(), 1, "{said}");
    assert!(!said.contains("invalid"), "{said}");
}

#[test]
fn the_commands_of_the_guide_for_frontends_enrol_recover_and_remember() {
    let folder = tempfile::tempdir().unwrap();
    let policies = r#"[{"groups":["staff"],"required":["sms"]}]"#;
    let settings = [("STEPGATE_ADMIN_KEY", "an-admin-key-for-the-guide"), ("STEPGATE_MFA__POLICIES", policies)];
    let server = Server::start_with(folder.path(), &settings, "/2fa/google");
    let script = blocks(&document("docs/wizard-api.md"), "bash").join("\n");
    let said = bash(&script.replace("127.0.0.1:8080", server.told("http://")));
    let steps = ["2fa_enroll", "phone", "2fa_sms_auth"].map(|step| format!(r#""workflow":"{step}""#));
    let expected = [&steps[0], &steps[1], r#""left":10"#, "202\n", &steps[2], "202\n", r#""left":9"#, r#""total":1,"#];
    in_order(&said, &expected);
}

/// In front of the walks: nobody waits for `sleep`, the server's clock goes ahead and the authenticator with it.
const AHEAD: &str = r#"
OFFSET=0
sleep() {
  curl -s -o /dev/null http://127.0.0.1:8080/dev/clock -H 'Content-Type: application/json' -d "{\"advance\":$1}"
  OFFSET=$((OFFSET + $1))
}
oathtool() { command oathtool -N "@$(($(date +%s) + OFFSET))" "$@"; }
"#;

#[test]
fn the_commands_of_the_guide_for_surfaces_do_what_they_say() {
    let folder = tempfile::tempdir().unwrap();
    let key = "an-admin-key-for-surfaces";
    let server = Server::start_with(folder.path(), &[("STEPGATE_ADMIN_KEY", key)], "/2fa/google");
    let walks = format!("{AHEAD}{}", blocks(&document("docs/surfaces.md"), "bash").join("\n"));
    let walks = walks.replace("127.0.0.1:8080", server.told("http://"));
    let said = bash(&format!("cd '{}'\nexport STEPGATE_ADMIN_KEY={key}\n{walks}", folder.path().display()));
    let flexi = ["úspěšně nastaveno", "401\n", "úspěšně vypnuto", "<message>Two-factor authentication is not on"];
    let veeam = [
        "200\n",
        r#""mfaEnabled":true"#,
        r#""mfa_type":"google""#,
        r#""token_type":"bearer""#,
        "200\n",
        r#""code":"method_not_enabled""#,
    ];
    let mfao = [
        r#""id":"vpn""#,
        "otpauth://totp/Example%20VPN:john?",
        r#""valid":true,"metrics":{"#,
        r#""valid":false"#,
        r#""valid":true}"#,
        r#""deleted":true"#,
    ];
    let navixy = [
        r#"{"success":true}{"success":true}"#,
        r#""enabled_factor_types":["email"]},{"#,
        r#""enabled_factor_types":["email"]}]}"#,
        r#"{"success":true}"#,
        r#""value":{"type":"disallowed"},"enabled_factor_types":[]"#,
        r#""type":"email","types":["email"]"#,
        r#""hash":""#,
    ];
    in_order(&said, &[&flexi[..], &veeam, &mfao, &navixy].concat());
}

#[test]
fn the_commands_that_the_server_prints_sign_in() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let script = server.greeting.split("another shell:").nth(1).unwrap();
    let said = bash(script);
    assert!(said.contains(r#""code":202"#) && said.contains("accessToken"), "{said}");
}

/// The example for production holds with the secrets that stand below it, and with nothing else.
#[test]
fn the_configuration_of_the_readme_is_a_good_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stepgate.toml");
    std::fs::write(&file, &blocks(&document("README.md"), "toml")[0]).unwrap();
    let secrets = [
        ("STEPGATE_MASTER_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
        ("STEPGATE_ADMIN_KEY", "0123456789abcdef0123456789abcdef"),
        ("STEPGATE_SMS__WEBHOOK__SECRET", "0123456789abcdef0123456789abcdef"),
    ];
    let secrets = secrets.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = Config::load(Some(&file), secrets.into_iter()).unwrap();
    assert!(!config.dev);
    assert_eq!(config.warnings(), &[] as &[String]);
}

/// The policies in the guide for operators load.
#[test]
fn the_policies_of_the_guide_are_good_ones() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stepgate.toml");
    let examples = blocks(&document("docs/operations.md"), "toml");
    let policies = examples.iter().find(|text| text.contains("mfa.policies")).unwrap();
    std::fs::write(&file, policies).unwrap();
    assert_eq!(Config::load(Some(&file), std::iter::empty()).unwrap().policy.mfa.len(), 2);
}

/// The whole files in the guide to workflows are proved, one by one.
#[test]
fn the_workflows_of_the_guide_are_proved() {
    let examples = blocks(&document("docs/workflows.md"), "toml");
    let whole: Vec<&String> = examples.iter().filter(|text| text.contains("schema")).collect();
    assert!(!whole.is_empty());
    for source in whole {
        let report = stepgate::workflow::check(&[("signin.toml".to_owned(), source.clone())]);
        assert!(report.is_sound(), "{report}");
    }
}

/// The service of the guide to directories, with a secret and a port of its own.
struct Directory {
    process: Child,
    port: String,
}

impl Directory {
    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn start() -> Self {
        let source = blocks(&document("docs/directory.md"), "python")[0].replace("8000", "0");
        let mut process = Command::new("python3")
            .args(["-c", &source])
            .env("STEPGATE_DIRECTORY__SECRET", Directory::SECRET)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("python3 is needed");
        let said = BufReader::new(process.stdout.as_mut().unwrap()).lines().next().unwrap().unwrap();
        let port = said.rsplit(' ').next().unwrap().to_owned();
        Directory { process, port }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The exchange that the guide shows is what this server sends and takes.
#[test]
fn the_exchange_of_the_guide_to_directories_holds() {
    let shown = blocks(&document("docs/directory.md"), "http");
    let (head, body) = shown[0].trim_end().split_once("\n\n").unwrap();
    let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap();
    let signed = header("x-stepgate-signature");
    let time = signed.strip_prefix("t=").unwrap().split(',').next().unwrap().parse().unwrap();
    assert_eq!(signature(&Secret::new(Directory::SECRET), time, body), signed);
    assert_eq!(header("content-length"), body.len().to_string());
    let (head, body) = shown[1].trim_end().split_once("\n\n").unwrap();
    assert!(head.ends_with(&format!("content-length: {}", body.len())), "{head}");
}

#[test]
fn the_directory_of_the_guide_is_asked_as_it_says_and_signs_ann_in() {
    let directory = Directory::start();
    let secret = format!("export STEPGATE_DIRECTORY__SECRET={}\n", Directory::SECRET);
    let question = blocks(&document("docs/directory.md"), "bash")[0].replace("8000", &directory.port);
    let said = bash(&format!("{secret}{question}"));
    assert!(said.contains(r#""email": "ann@example.com""#), "{said}");
    assert_eq!(bash(&format!("{secret}{}", question.replace("t=$NOW", "t=1$NOW"))), "{}", "a bad signature");

    let folder = tempfile::tempdir().unwrap();
    let url = format!("http://127.0.0.1:{}/", directory.port);
    let settings = [("STEPGATE_DIRECTORY__URL", url.as_str()), ("STEPGATE_DIRECTORY__SECRET", Directory::SECRET)];
    let server = Server::start_with(folder.path(), &settings, "listens on");
    let said = bash(&format!(
        r#"API=http://{}/api/v2/my
           for PASSWORD in "not the password" "correct horse battery staple"; do
               WIZARD=$(curl -s $API/signin/wizard | sed 's/.*"uuid":"\([^"]*\)".*/\1/')
               curl -s $API/signin -d "{{\"uuid\":\"$WIZARD\",\"email\":\"Ann@example.com\",\"password\":\"$PASSWORD\"}}" \
                   -H 'Content-Type: application/json'
           done"#,
        server.told("http://")
    ));
    assert!(said.contains("invalid_credentials") && said.contains(r#""code":202"#), "{said}");
}
