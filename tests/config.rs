//! The configuration as an operator meets it: a file, variables, and what is said when they are wrong.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "config/surfaces.rs"]
mod surfaces;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use stepgate::config::{
    Algorithm, Binding, Config, ConfigErrors, EmailProvider, Events, EventsFile, Fallback, LogFormat, Origin,
    SmsProvider, StoreAddress, json_schema, keys, reference,
};
use stepgate::identity::{Factor, MfaPolicy, Policy, Secret};

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn load(file: Option<&Path>, env: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    Config::load(file, env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

fn env(env: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    load(None, env)
}

fn errors(env: &[(&str, &str)]) -> Vec<String> {
    self::env(env).expect_err("a refusal").iter().map(ToString::to_string).collect()
}

fn toml(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stepgate.toml");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

/// The least that production needs, with `more` on top of it.
fn production<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut env = vec![
        ("STEPGATE_DEV", "false"),
        ("STEPGATE_MASTER_KEY", KEY),
        ("STEPGATE_SMS__PROVIDERS", "[\"webhook\"]"),
        ("STEPGATE_SMS__WEBHOOK__URL", "https://sms.example/send"),
        ("STEPGATE_SMS__WEBHOOK__SECRET", "0123456789abcdef"),
        ("STEPGATE_EMAIL__PROVIDERS", "[\"smtp\"]"),
        ("STEPGATE_EMAIL__SMTP__URL", "smtps://u:p@mail.example"),
        ("STEPGATE_EMAIL__FROM", "Stepgate <no-reply@example.com>"),
        ("STEPGATE_ADMIN_KEY", "0123456789abcdef"),
    ];
    env.extend(more);
    env
}

#[test]
fn no_configuration_at_all_is_dev_mode_on_loopback() {
    let config = env(&[]).unwrap();
    assert!(config.dev);
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.store, StoreAddress::Embedded("data".into()));
    assert_eq!(config.sms.providers, [SmsProvider::Outbox]);
    assert_eq!(config.email.providers, [EmailProvider::Outbox]);
    assert_eq!((config.master_key, config.admin_key, config.workflows), (None, None, None));
    assert_eq!(config.tokens.access_ttl, Duration::from_secs(10 * 3_600));
    assert_eq!(config.tokens.refresh_ttl, Duration::from_secs(30 * 86_400));
    assert_eq!(config.tokens.algorithm, Algorithm::Es256);
    assert_eq!(config.wizard.binding, Binding::Relaxed);
    assert_eq!((config.http.body_limit, config.password.queue), (65_536, 64));
    assert_eq!((config.password.min_score, config.password.list), (3, None));
    assert!(config.trusted_proxies.is_empty() && config.cors.origins.is_empty());
}

#[test]
fn the_default_policy_is_the_one_of_the_domain() {
    assert_eq!(env(&[]).unwrap().policy, Policy::default());
}

#[test]
fn production_needs_its_parts_and_then_starts_without_a_warning() {
    let config = env(&production(&[("STEPGATE_LISTEN", "0.0.0.0:80")])).unwrap();
    assert!(!config.dev);
    assert_eq!(config.warnings(), [""; 0]);
    assert_eq!(config.master_key.unwrap().expose()[31], 31);
    let relay = config.email.smtp.unwrap();
    assert_eq!(
        (relay.host.as_str(), relay.port, relay.security),
        ("mail.example", 465, stepgate::delivery::Security::Implicit)
    );
    let address = stepgate::identity::Email::parse("no-reply@example.com").unwrap();
    let from = stepgate::delivery::Sender::new(Some("Stepgate".to_owned()), address).unwrap();
    assert_eq!(config.email.from, Some(from));
}

#[test]
fn an_address_that_others_reach_turns_dev_mode_off() {
    for listen in ["0.0.0.0:8080", "[::]:8080", "192.0.2.1:8080"] {
        let found = errors(&[("STEPGATE_LISTEN", listen)]);
        for key in ["master_key", "sms.providers", "email.providers"] {
            assert!(found.iter().any(|line| line.starts_with(key)), "{key} in {found:?}");
        }
        let found = errors(&[("STEPGATE_LISTEN", listen), ("STEPGATE_DEV", "true")]);
        assert!(found.iter().any(|line| line.starts_with("dev (from STEPGATE_DEV)")), "{found:?}");
    }
    for listen in ["[::1]:0", "127.0.0.2:1", "[::ffff:127.0.0.1]:1"] {
        assert!(env(&[("STEPGATE_LISTEN", listen)]).unwrap().dev, "{listen}");
    }
    let behind_a_proxy = errors(&[("STEPGATE_TRUSTED_PROXIES", "[\"127.0.0.1\"]")]);
    assert!(behind_a_proxy.iter().any(|line| line.starts_with("master_key")), "{behind_a_proxy:?}");
}

#[test]
fn every_bad_value_is_reported_at_once_with_its_key_and_its_source() {
    let (_folder, path) = toml(
        "listen = \"everywhere\"\n[http]\nworkers = 0\nbody_limit = \"big\"\n[tokens]\naccess_ttl = \"10\"\n\
         [limits]\ncode_digits = 3\nresend_after = [\"30s\", \"soon\"]\n[log]\nlevel = \"loud\"\n",
    );
    let env = [
        ("STEPGATE_TOKENS__ALGORITHM", "HS256"),
        ("STEPGATE_CORS__ORIGINS", "*"),
        ("STEPGATE_TRUSTED_PROXIES", "[\"10.0.0.0/8\", \"10.0.0.0/99\"]"),
        ("STEPGATE_SMS__PROVIDERS", "[\"twilio\"]"),
        ("STEPGATE_WIZARD__BINDING", "tight"),
        ("STEPGATE_DEV", "perhaps"),
    ];
    let refused = load(Some(&path), &env).expect_err("a refusal");
    let found: BTreeMap<String, &stepgate::config::ConfigError> =
        refused.iter().map(|error| (error.key.clone(), error)).collect();
    let from_file = [
        "listen",
        "http.workers",
        "http.body_limit",
        "tokens.access_ttl",
        "limits.code_digits",
        "limits.resend_after",
        "log.level",
    ];
    for key in from_file {
        assert_eq!(found[key].origin, Origin::File(path.clone()), "{key}");
    }
    for (key, name) in [
        ("tokens.algorithm", "STEPGATE_TOKENS__ALGORITHM"),
        ("cors.origins", "STEPGATE_CORS__ORIGINS"),
        ("trusted_proxies", "STEPGATE_TRUSTED_PROXIES"),
        ("sms.providers", "STEPGATE_SMS__PROVIDERS"),
        ("wizard.binding", "STEPGATE_WIZARD__BINDING"),
        ("dev", "STEPGATE_DEV"),
    ] {
        assert_eq!(found[key].origin, Origin::Environment(name.into()), "{key}");
    }
    assert_eq!(refused.0.len(), from_file.len() + env.len(), "{refused}");
    assert!(refused.iter().all(|error| !error.problem.is_empty() && !error.accepted.is_empty()), "{refused}");
    assert!(found["sms.providers"].problem.contains("twilio is not built into this version"), "{refused}");
    assert!(found["trusted_proxies"].problem.starts_with("entry 2"), "{refused}");
}

#[test]
fn a_typo_is_an_error_that_names_the_nearest_key() {
    let (_folder, path) =
        toml("lisen = \"127.0.0.1:1\"\n[sms.webhok]\nurl = \"x\"\n[tokens]\nttl_of_access = \"1h\"\n");
    let refused =
        load(Some(&path), &[("STEPGATE_EMAIL__PROVIDER", "[]"), ("STEPGATE_SMS", "x")]).expect_err("a refusal");
    let all = refused.to_string();
    for said in [
        "lisen (in ",
        "did you mean listen (STEPGATE_LISTEN)?",
        "sms (from STEPGATE_SMS): is a section",
        "tokens.ttl_of_access (in ",
        "email.provider (from STEPGATE_EMAIL__PROVIDER): is not known; did you mean email.providers",
    ] {
        assert!(all.contains(said), "{said:?} in {all}");
    }
    let (_folder, path) = toml("[sms.webhok]\nurl = \"x\"\n");
    let all = load(Some(&path), &[]).expect_err("a refusal").to_string();
    assert!(all.contains("did you mean sms.webhook.url"), "{all}");
}

#[test]
fn variables_that_are_no_settings_are_left_alone() {
    let foreign = [
        ("STEPGATE_SERVICE_HOST", "10.0.0.1"),
        ("STEPGATE_PORT", "tcp://10.0.0.1:80"),
        ("STEPGATE_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("STEPGATE_TEST_PYTHON", "python3"),
        ("STEPGATE_BLESS", "1"),
        ("STEPGATE_CONFIG", "x.toml"),
        ("PATH", "/bin"),
        ("STEPGATE_LISTEN", ""),
    ];
    assert!(env(&foreign).unwrap().dev);
    let unbuilt = errors(&[("STEPGATE_SMS__TWILIO__ACCOUNT_SID", "AC1")]);
    assert!(unbuilt[0].contains("twilio is not built into this version"), "{unbuilt:?}");
}

#[test]
fn the_environment_wins_over_the_file() {
    let (_folder, path) = toml("listen = \"127.0.0.1:1\"\nproduct = \"From file\"\n[log]\nformat = \"text\"\n");
    let config = load(Some(&path), &[("STEPGATE_LISTEN", "127.0.0.1:2"), ("STEPGATE_LOG__FORMAT", "json")]).unwrap();
    assert_eq!(config.listen.port(), 2);
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.product, "From file");
    assert_eq!(config.policy.issuer, "From file", "authenticator apps show the product unless told otherwise");
}

#[test]
fn lists_are_taken_as_toml_or_json_arrays() {
    for list in ["[\"+420\", \"+7\"]", "['+420', '+7']", "[\"\\u002b420\",\"+7\"]"] {
        let config = env(&[("STEPGATE_SMS__ALLOWED_PREFIXES", list)]).unwrap();
        assert_eq!(config.sms.allowed_prefixes, ["+420", "+7"]);
        assert_eq!(config.policy.allowed_prefixes, ["+420", "+7"]);
    }
    for list in ["+420", "+420,+7", "[\"+420\"", "{}", "[1]", "[\"+420\"]\nx = 1"] {
        let found = errors(&[("STEPGATE_SMS__ALLOWED_PREFIXES", list)]);
        assert!(found[0].starts_with("sms.allowed_prefixes"), "{list}: {found:?}");
    }
}

#[test]
fn a_text_that_looks_like_a_number_stays_text() {
    let config = env(&[("STEPGATE_ADMIN_KEY", "12345678901234567890"), ("STEPGATE_TOKENS__ISSUER", "1e5")]).unwrap();
    assert_eq!(config.admin_key, Some(Secret::new("12345678901234567890")));
    assert_eq!(config.tokens.issuer, "1e5");
}

#[test]
fn the_policy_is_built_from_its_keys() {
    let (_folder, path) = toml(
        "[limits]\ncode_digits = 8\ncode_lifetime = \"2m\"\ncode_tries = 3\nsends_per_wizard = 2\n\
         resend_after = [\"10s\"]\nsends_per_account = [\"3/10m\"]\n\
         [limits.second_factor]\nfailures = 4\nwindow = \"1h\"\nblock = \"1m\"\nlongest = \"2m\"\n\
         [totp]\nissuer = \"Example\"\nskew = 2\n[names]\nignore_dots_for = [\"example.com\"]\n",
    );
    let policy = load(Some(&path), &[]).unwrap().policy;
    assert_eq!((policy.code_digits, policy.code_lifetime, policy.code_tries), (8, 120, 3));
    assert_eq!((policy.sends_per_wizard, policy.resend_after), (2, vec![10]));
    assert_eq!(policy.sends_per_account, [(600, 3)]);
    let ladder = policy.second_factor;
    assert_eq!((ladder.limit, ladder.window, ladder.block, ladder.longest), (4, 3_600_000, 60_000, 120_000));
    assert_eq!((policy.issuer.as_str(), policy.totp.skew), ("Example", 2));
    assert_eq!(policy.names.dotless_domains, ["example.com"]);
}

#[test]
fn values_that_do_not_fit_together_are_refused() {
    for (more, key) in [
        (vec![("STEPGATE_SMS__WEBHOOK__URL", "")], "sms.webhook.url"),
        (vec![("STEPGATE_SMS__WEBHOOK__SECRET", "")], "sms.webhook.secret"),
        (vec![("STEPGATE_EMAIL__SMTP__URL", "")], "email.smtp.url"),
        (vec![("STEPGATE_EMAIL__FROM", "")], "email.from"),
        (vec![("STEPGATE_SMS__PROVIDERS", "[]")], "sms.providers"),
        (vec![("STEPGATE_EMAIL__PROVIDERS", "[]")], "email.providers"),
        (vec![("STEPGATE_SMS__PROVIDERS", "[\"webhook\", \"webhook\"]")], "sms.providers"),
        (vec![("STEPGATE_MASTER_KEY", "")], "master_key"),
        (vec![("STEPGATE_MASTER_KEY", "AAAA")], "master_key"),
        (vec![("STEPGATE_ADMIN_KEY", "short")], "admin_key"),
        (vec![("STEPGATE_TOKENS__REFRESH_TTL", "1h")], "tokens.refresh_ttl"),
        (vec![("STEPGATE_LIMITS__SIGN_IN__LONGEST", "1m")], "limits.sign_in.longest"),
        (vec![("STEPGATE_WORKFLOWS", "no/such/folder")], "workflows"),
        (vec![("STEPGATE_EMAIL__SMTP__CA_FILE", "no-such-file.pem")], "email.smtp.ca_file"),
        (vec![("STEPGATE_REDIS__PREFIX", "{x}")], "redis.prefix"),
        (vec![("STEPGATE_PRODUCT", "a\r\nBcc: x@y.example")], "product"),
        (vec![("STEPGATE_DIRECTORY__URL", "https://people.example/")], "directory.secret"),
        (vec![("STEPGATE_DIRECTORY__SECRET", "0123456789abcdef")], "directory.url"),
        (vec![("STEPGATE_DIRECTORY__TIMEOUT", "31s")], "directory.timeout"),
        (vec![("STEPGATE_EMAIL__FROM", "a\r\nBcc: x@y.example <a@b.example>")], "email.from"),
    ] {
        let mut env: BTreeMap<&str, &str> = production(&[]).into_iter().collect();
        env.extend(more.clone());
        let refused = self::env(&env.into_iter().collect::<Vec<_>>()).expect_err(key);
        assert_eq!(refused.0.iter().map(|error| error.key.as_str()).collect::<Vec<_>>(), [key], "{more:?}: {refused}");
    }
}

#[test]
fn policies_are_read_from_tables_and_from_json() {
    let json = r#"[{"groups":["staff"],"required":["google","sms"],"allowed":["google","sms"],"grace":"7d",
        "since":"2026-01-01T00:00:00Z","remember":"30d"},{"remember":"0s"}]"#;
    let (_folder, path) = toml(
        "[mfa]\nstep_up = \"5m\"\n[[mfa.policies]]\ngroups = [\"staff\"]\nrequired = [\"google\", \"sms\"]\n\
         allowed = [\"google\", \"sms\"]\ngrace = \"7d\"\nsince = \"2026-01-01T01:00:00+01:00\"\n\
         [[mfa.policies]]\nremember = \"0s\"\n",
    );
    let staff = MfaPolicy {
        groups: ["staff".to_owned()].into(),
        required: vec![Factor::Google, Factor::Sms],
        allowed: vec![Factor::Google, Factor::Sms],
        grace: 7 * 86_400,
        since: Some(chrono::DateTime::from_timestamp(1_767_225_600, 0).unwrap()),
        remember: 30 * 86_400,
    };
    let everybody = MfaPolicy {
        groups: [].into(),
        required: vec![],
        allowed: Factor::ALL.to_vec(),
        grace: 0,
        since: None,
        remember: 0,
    };
    for (config, step_up) in [(env(&[("STEPGATE_MFA__POLICIES", json)]), 900), (load(Some(&path), &[]), 300)] {
        let policy = config.unwrap().policy;
        assert_eq!((&policy.mfa[..], policy.step_up), (&[staff.clone(), everybody.clone()][..], step_up));
    }
}

#[test]
fn a_bad_entry_is_named_with_its_member_and_all_are_looked_at() {
    let json = r#"[{"required":["google"]},{"required":["pigeon"],"grace":"9y","remember":5},{"groups":["x"]},
        {"required":["sms"],"allowed":["google"]},{"required":["sms"],"since":"yesterday"},
        {"remember":"1d","colour":"red"},{"allowed":["sms","sms"]},{"allowed":"sms"},{"groups":[" "],"remember":"1d"}]"#;
    let said = errors(&[("STEPGATE_MFA__POLICIES", json), ("STEPGATE_MFA__STEP_UP", "13h")]);
    let wanted = [
        "entry 2: required: entry 1: \"pigeon\" is no factor; accepted: an array of: `google`, `sms`, `email`",
        "entry 2: grace: \"9y\" is out of bounds; accepted: a duration from 0s to 365d",
        "entry 2: remember: must be a duration in quotes",
        "entry 3: sets none of required, allowed and remember",
        "entry 4: required: sms is not allowed by `allowed`",
        "entry 5: since: \"yesterday\" is no such time",
        "entry 6: \"colour\" is not known; accepted: an array of tables with `groups`, `required`",
        "entry 7: allowed: names a factor twice",
        "entry 8: allowed: must be an array",
        "entry 9: groups: entry 1: is empty",
        "mfa.step_up (from STEPGATE_MFA__STEP_UP): \"13h\" is out of bounds",
    ];
    for part in wanted {
        assert_eq!(said.iter().filter(|line| line.contains(part)).count(), 1, "{part} in {said:#?}");
    }
    assert_eq!(said.len(), wanted.len(), "{said:#?}");
    for bad in ["[1]", "[[]]", "{}", "x"] {
        let said = errors(&[("STEPGATE_MFA__POLICIES", bad)]);
        assert!(
            said.len() == 1 && said[0].starts_with("mfa.policies (from STEPGATE_MFA__POLICIES)"),
            "{bad}: {said:?}"
        );
    }
}

#[test]
fn testers_are_for_dev_mode_only_and_have_codes_of_the_right_length() {
    let good = r#"[{"to":"+420 601 000 000","code":"123456","until":"2026-12-31"},
        {"to":"qa@example.com","code":"000000","until":"2026-06-30"}]"#;
    let testers = env(&[("STEPGATE_TESTERS", good)]).unwrap().policy.testers;
    assert_eq!(testers.len(), 2);
    assert_eq!((testers[0].to.as_str(), testers[0].code.expose()), ("+420601000000", "123456"));
    assert_eq!(testers[0].until.to_rfc3339(), "2027-01-01T00:00:00+00:00", "the last day counts");
    let said = errors(&production(&[("STEPGATE_TESTERS", good)]));
    assert!(said.len() == 1 && said[0].contains("fixed codes are for dev mode only"), "{said:?}");
    let bad = r#"[{"to":"nobody","code":"c4n4ry","until":"soon"},{"to":"a@example.com","code":123456},{"x":1}]"#;
    let said = errors(&[("STEPGATE_TESTERS", bad)]);
    for part in [
        "entry 1: to: \"nobody\" is neither a phone number nor an email address",
        "entry 1: code: must be exactly 6 digits",
        "entry 1: until: \"soon\" is no day",
        "entry 2: code: must be text: digits in quotes",
        "entry 2: until: must be set; accepted: a day in quotes",
        "entry 3: \"x\" is not known",
    ] {
        assert_eq!(said.iter().filter(|line| line.contains(part)).count(), 1, "{part} in {said:#?}");
    }
    assert!(!said.join("\n").contains("c4n4ry"), "{said:?}");
    let said = errors(&[("STEPGATE_TESTERS", good), ("STEPGATE_LIMITS__CODE_DIGITS", "8")]);
    assert!(said.iter().all(|line| line.contains("code: must be exactly 8 digits")) && said.len() == 2, "{said:?}");
}

#[test]
fn events_go_where_they_can() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let config = env(&[("STEPGATE_EVENTS__FILE", path.to_str().unwrap())]).unwrap();
    assert_eq!(config.events.file, Some(EventsFile::Path(path.clone())));
    assert_eq!(env(&[("STEPGATE_EVENTS__FILE", "-")]).unwrap().events.file, Some(EventsFile::Output));
    assert_eq!(env(&[]).unwrap().events, Events { keep: 1_000_000, file: None, webhook: None });
    let said = errors(&[
        ("STEPGATE_EVENTS__FILE", folder.path().join("no/such.jsonl").to_str().unwrap()),
        ("STEPGATE_EVENTS__WEBHOOK__URL", "https://example.com/?token=c4n4ry"),
    ]);
    assert!(said.iter().any(|line| line.starts_with("events.file") && line.contains("folder that exists")), "{said:?}");
    assert!(said.iter().any(|line| line.starts_with("events.webhook.secret (not set")), "{said:?}");
    assert!(said.len() == 2 && !said.join("").contains("c4n4ry"), "{said:?}");
}

#[test]
fn the_schema_takes_tables_as_the_reader_does() {
    let validator = jsonschema::draft202012::new(&json_schema()).unwrap();
    let file = |policies: &str| serde_json::from_str(&format!("{{\"mfa\":{{\"policies\":{policies}}}}}")).unwrap();
    assert!(validator.is_valid(&file(r#"[{"required":["sms"],"grace":"7d"}]"#)));
    assert!(!validator.is_valid(&file(r#"[{"required":"sms"}]"#)));
    assert!(!validator.is_valid(&file(r#"[{"colour":"red"}]"#)));
    assert!(!validator.is_valid(&serde_json::from_str(r#"{"testers":[{"to":"+420601000000"}]}"#).unwrap()));
}

#[test]
fn no_secret_is_ever_printed() {
    let canary = "c4n4ry";
    let bad = errors(&[
        ("STEPGATE_MASTER_KEY", "c4n4ry!"),
        ("STEPGATE_MASTER_KEY_PREVIOUS", "[\"c4n4ry!\"]"),
        ("STEPGATE_ADMIN_KEY", "c4n4ry"),
        ("STEPGATE_STORE", "redis-sentinel://u:c4n4ry@h:1"),
        ("STEPGATE_SMS__WEBHOOK__URL", "ftp://u:c4n4ry@h/"),
        ("STEPGATE_SMS__WEBHOOK__SECRET", "c4n4ry\n"),
        ("STEPGATE_EMAIL__SMTP__URL", "smtp://u:c4n4ry@h?tls=x"),
        ("STEPGATE_DIRECTORY__URL", "ldap://u:c4n4ry@h/"),
        ("STEPGATE_DIRECTORY__SECRET", "c4n4ry\n"),
    ]);
    assert_eq!(bad.len(), 9, "{bad:?}");
    let (_folder, path) = toml("[sms.webhook]\nsecret = \"c4n4ry\n");
    let broken = load(Some(&path), &[]).expect_err("a refusal");
    assert!(broken.to_string().contains("line 2 is not TOML"), "{broken}");
    let good = env(&[
        ("STEPGATE_ADMIN_KEY", "c4n4ry c4n4ry c4n4ry"),
        ("STEPGATE_STORE", "redis://:c4n4ry@127.0.0.1"),
        ("STEPGATE_SMS__WEBHOOK__URL", "https://h/?token=c4n4ry"),
        ("STEPGATE_SMS__WEBHOOK__SECRET", "c4n4ry"),
        ("STEPGATE_EMAIL__SMTP__URL", "smtp://u:c4n4ry@h"),
        ("STEPGATE_DIRECTORY__URL", "https://u:c4n4ry@h/?token=c4n4ry"),
        ("STEPGATE_DIRECTORY__SECRET", "c4n4ry"),
    ])
    .unwrap();
    for text in [bad.join("\n"), format!("{broken} {broken:?}"), format!("{good:?}")] {
        assert!(!text.contains(canary), "{text}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named_and_the_environment_still_checked() {
    let refused = load(Some(Path::new("no-such.toml")), &[("STEPGATE_LISTEN", "x")]).expect_err("a refusal");
    let all = refused.to_string();
    assert!(all.contains("no-such.toml: cannot be read") && all.contains("STEPGATE_LISTEN"), "{all}");
}

#[test]
fn what_is_allowed_but_unwise_is_said() {
    let env = production(&[
        ("STEPGATE_SMS__PROVIDERS", "[\"outbox\", \"webhook\"]"),
        ("STEPGATE_SMS__WEBHOOK__URL", "http://gateway:9000/"),
        ("STEPGATE_SMS__WEBHOOK__SECRET", "short"),
        ("STEPGATE_EMAIL__SMTP__URL", "smtp://relay:25"),
    ]);
    let env: BTreeMap<&str, &str> = env.into_iter().collect();
    let config = self::env(&env.into_iter().collect::<Vec<_>>()).unwrap();
    let said = config.warnings().join("\n");
    for part in ["sms.providers has outbox", "sms.webhook.url is not https", "sms.webhook.secret", "email.smtp.url"] {
        assert!(said.contains(part), "{part} in {said}");
    }
}

#[test]
fn a_directory_in_clear_is_for_this_machine_only() {
    let said = |url: &str, secret: &str| {
        let more = [("STEPGATE_DIRECTORY__URL", url), ("STEPGATE_DIRECTORY__SECRET", secret)];
        env(&production(&more)).unwrap().warnings().join("\n")
    };
    let long = "0123456789abcdef";
    for url in ["https://people.example/", "http://127.0.0.1:8000/", "http://[::1]/", "http://localhost/check"] {
        assert_eq!(said(url, long), "", "{url}");
    }
    for url in ["http://people.example/", "http://10.0.0.1/", "http://localhost.example/"] {
        assert_eq!(said(url, long), "directory.url is not https: passwords go out in clear", "{url}");
    }
    assert!(said("https://people.example/", "short").starts_with("directory.secret"));
    let config = env(&[("STEPGATE_DIRECTORY__URL", "http://127.0.0.1/"), ("STEPGATE_DIRECTORY__SECRET", long)]);
    assert_eq!(config.unwrap().directory.unwrap().timeout, Duration::from_secs(3));
    assert_eq!(env(&[]).unwrap().directory, None);
}

/// A bad value for each key must be noticed: a key that is listed but never read would go unnoticed.
#[test]
fn every_listed_key_is_read() {
    for key in keys() {
        let name = key.variable();
        let refused = env(&[(name.as_str(), "\u{1}")]).expect_err(key.path);
        assert!(refused.iter().any(|error| error.key == key.path), "{}: {refused}", key.path);
    }
}

#[test]
fn every_key_is_listed_once_and_explained() {
    let mut paths: Vec<&str> = keys().map(|key| key.path).collect();
    paths.sort_unstable();
    let count = paths.len();
    paths.dedup();
    assert_eq!(paths.len(), count);
    for key in keys() {
        assert!(key.meaning.ends_with('.') && !key.accepted().is_empty(), "{}", key.path);
        assert!(!(key.secret && matches!(key.fallback, Fallback::Value(text) if text.len() > 20)), "{}", key.path);
    }
}

/// Compares a committed file with what the code would write; `STEPGATE_BLESS=1` writes it.
fn fresh(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    if std::env::var_os("STEPGATE_BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(committed, text, "docs/{name} is stale; run STEPGATE_BLESS=1 cargo test --test config");
}

#[test]
fn the_reference_is_fresh_and_has_a_row_for_each_key() {
    let page = reference();
    let rows: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert_eq!(rows, keys().map(|key| key.path).collect::<Vec<_>>());
    fresh("configuration.md", &page);
}

#[test]
fn the_schema_is_fresh_and_knows_each_key() {
    let schema = json_schema();
    for key in keys() {
        let pointer = format!("/properties/{}", key.path.replace('.', "/properties/"));
        assert!(schema.pointer(&pointer).is_some_and(|found| found.get("description").is_some()), "{}", key.path);
    }
    fresh("stepgate.schema.json", &format!("{}\n", serde_json::to_string_pretty(&schema).unwrap()));
}

#[test]
fn policies_for_other_services_are_read_and_their_faults_named() {
    let policies = |text: &str| env(&[("STEPGATE_MFAO__POLICIES", text)]).unwrap().mfao_policies;
    assert_eq!(env(&[]).unwrap().mfao_policies, []);
    let read = policies(r#"[{ id = "vpn", issuer = "VPN" }]"#);
    assert_eq!((read[0].id.as_str(), read[0].totp, read[0].attempts), ("vpn", stepgate::identity::Totp::default(), 10));
    assert_eq!((read[0].surfaces.len(), read[0].creates_accounts, &read[0].email_domain), (5, false, &None));
    let read = policies(
        r#"[{"id": "a", "issuer": "A", "algorithm": "SHA512", "digits": 8, "period": 60, "skew": 0, "attempts": 3,
             "surfaces": ["mfao"], "creates_accounts": true, "email_domain": "Corp.Example"}]"#,
    );
    assert_eq!((read[0].totp.digits, read[0].totp.period, read[0].totp.skew), (8, 60, 0));
    assert_eq!(read[0].email_domain.as_deref(), Some("corp.example"));
    for (text, said) in [
        (r#"[{ issuer = "A" }]"#, "entry 1: id: must be set"),
        (r#"[{ id = "A", issuer = "A" }]"#, "entry 1: id: \"A\" cannot be taken"),
        (r#"[{ id = "a" }]"#, "entry 1: issuer: must be set"),
        (r#"[{ id = "a", issuer = "a:b" }]"#, "entry 1: issuer: \"a:b\" cannot be taken"),
        (r#"[{ id = "a", issuer = "A", digits = 9 }]"#, "entry 1: digits: 9 is out of bounds"),
        (r#"[{ id = "a", issuer = "A", period = 29 }]"#, "entry 1: period: 29 is out of bounds"),
        (r#"[{ id = "a", issuer = "A", attempts = 21 }]"#, "entry 1: attempts: 21 is out of bounds"),
        (r#"[{ id = "a", issuer = "A", algorithm = "MD5" }]"#, "entry 1: algorithm: \"MD5\" is none of them"),
        (r#"[{ id = "a", issuer = "A", surfaces = [] }]"#, "entry 1: surfaces: is empty"),
        (r#"[{ id = "a", issuer = "A", surfaces = ["ftp"] }]"#, "entry 1: surfaces: entry 1: \"ftp\" is no surface"),
        (r#"[{ id = "a", issuer = "A", email_domain = "a@b" }]"#, "entry 1: email_domain: \"a@b\" cannot be taken"),
        (r#"[{ id = "a", issuer = "A" }, { id = "a", issuer = "B" }]"#, "two entries have the id a"),
    ] {
        let found = errors(&[("STEPGATE_MFAO__POLICIES", text)]);
        assert!(found.len() == 1 && found[0].contains(said), "{text}: {found:?}");
    }
}
