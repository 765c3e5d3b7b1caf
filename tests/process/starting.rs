//! Whatever is wrong is said before the port opens.

use std::net::TcpListener;

use crate::harness::{MASTER_KEY, Stepgate, run};
use crate::redis::{Cluster, Server, free_port};

/// All bad values and unknown keys at once, by name, with a code other than zero, and no value that may be a secret.
#[test]
fn a_bad_configuration_is_reported_whole() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("stepgate.toml"), "listten = \"x\"\n[sms]\nproviders = [\"pigeon\"]\n").unwrap();
    let port = free_port().to_string();
    let listen = format!("127.0.0.1:{port}");
    let told = run(
        home.path(),
        &["serve"],
        &[
            ("STEPGATE_LISTEN", &listen),
            ("STEPGATE_STORE", "mysql://u:hunter2@h"),
            ("STEPGATE_MASTER_KEY", "aHVudGVyMg=="),
            ("STEPGATE_ADMIN_KEY", "hunter2"),
            ("STEPGATE_WORKFLOWS", "/nowhere"),
            ("STEPGATE_LIMITS__CODE_DIGITS", "99"),
            ("STEPGATE_TOKENS__ALGORITHM", "none"),
            ("STEPGATE_HTTP__REQUEST_TIMEOUT", "soon"),
            ("STEPGATE_NO_SUCH_KEY", "1"),
        ],
        "",
    );
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    for name in [
        "listten",
        "sms.providers",
        "store",
        "master_key",
        "admin_key",
        "workflows",
        "limits.code_digits",
        "tokens.algorithm",
        "http.request_timeout",
        "NO_SUCH_KEY",
    ] {
        assert!(told.err.to_ascii_lowercase().contains(&name.to_ascii_lowercase()), "{name} in {}", told.err);
    }
    assert!(!told.err.contains("hunter2") && !told.err.contains("aHVudGVyMg"), "{}", told.err);
    assert!(told.out.is_empty(), "it has not listened: {}", told.out);
    TcpListener::bind(listen).expect("the port is free");
    assert!(!home.path().join("data").exists(), "nothing was made");
}

/// A list of common passwords that is missing, or is no list, is said by its key: without it anything would pass.
#[test]
fn a_list_of_passwords_that_cannot_be_read_ends_the_start() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("empty.txt"), "\n").unwrap();
    std::fs::write(home.path().join("binary.txt"), [b'x'; 10_000]).unwrap();
    for list in ["nowhere.txt", ".", "empty.txt", "binary.txt"] {
        let told = run(home.path(), &[], &[("STEPGATE_PASSWORD__LIST", list), ("STEPGATE_LISTEN", "127.0.0.1:0")], "");
        assert!(!told.status.success() && told.err.contains("password.list"), "{list}: {told:?}");
        assert!(told.out.is_empty(), "it has not listened: {}", told.out);
    }
}

/// Dev mode, which shows every code to everybody, is for loopback only, and without it a master key is needed.
#[test]
fn an_open_address_needs_a_real_configuration() {
    let home = tempfile::tempdir().unwrap();
    let told = run(home.path(), &[], &[("STEPGATE_LISTEN", "0.0.0.0:0"), ("STEPGATE_DEV", "true")], "");
    assert!(!told.status.success() && told.err.contains("dev"), "{told:?}");
    let told = run(home.path(), &[], &[("STEPGATE_LISTEN", "0.0.0.0:0")], "");
    assert!(
        !told.status.success() && told.err.contains("master_key") && told.err.contains("sms.providers"),
        "{told:?}"
    );
}

/// An unsafe or unreadable workflow folder stops the start, and is named.
#[test]
fn an_unsafe_workflow_folder_stops_the_start() {
    let home = tempfile::tempdir().unwrap();
    let flows = home.path().join("flows");
    std::fs::create_dir(&flows).unwrap();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/workflows/invalid/skips_the_second_factor.toml");
    std::fs::copy(file, flows.join("signin.toml")).unwrap();
    let port = free_port().to_string();
    let listen = format!("127.0.0.1:{port}");
    let settings = [("STEPGATE_WORKFLOWS", "flows"), ("STEPGATE_LISTEN", listen.as_str())];
    let told = run(home.path(), &[], &settings, "");
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    assert!(told.err.contains("signin.toml") && told.err.contains("-google-> policy"), "{}", told.err);
    assert!(told.out.is_empty() && !home.path().join("data/stepgate.redb").exists());

    std::fs::write(flows.join("signin.toml"), b"\xff\xfe").unwrap();
    let told = run(home.path(), &[], &settings, "");
    assert!(told.status.code() == Some(1) && told.err.contains("signin.toml"), "{told:?}");
    std::fs::remove_file(flows.join("signin.toml")).unwrap();
    std::fs::create_dir(flows.join("signin.toml")).unwrap();
    let told = run(home.path(), &[], &settings, "");
    assert!(told.status.code() == Some(1) && told.err.contains("signin.toml"), "{told:?}");
}

#[test]
fn a_port_in_use_is_named() {
    let home = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let told = run(home.path(), &[], &[("STEPGATE_LISTEN", &listen)], "");
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    assert!(told.err.contains(&listen) && told.err.contains("STEPGATE_LISTEN"), "{}", told.err);
    // A surface's own port as well, and then the main one answers nobody either.
    let settings = [("STEPGATE_LISTEN", "127.0.0.1:0"), ("STEPGATE_MFAO__LISTEN", listen.as_str())];
    let told = run(home.path(), &[], &settings, "");
    assert_eq!((told.status.code(), told.out.as_str()), (Some(1), ""), "{told:?}");
    assert!(told.err.contains(&listen) && told.err.contains("STEPGATE_MFAO__LISTEN"), "{}", told.err);
}

/// Two processes never share an embedded store; the second one says whose folder it is, and the first one goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_one_folder_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let first = Stepgate::start(home.path(), &[]);
    for arguments in [&["serve"][..], &["account", "list"]] {
        let told = run(home.path(), arguments, &[("STEPGATE_LISTEN", "127.0.0.1:0")], "");
        assert_eq!(told.status.code(), Some(1), "{told:?}");
        assert!(told.err.contains("stepgate.redb"), "{}", told.err);
        assert!(!told.err.contains("panicked"), "{}", told.err);
    }
    assert!(first.client().wizard().await.is_some());
}

/// A store that is not there, or not one, stops the start.
#[test]
fn a_store_that_is_not_there_is_named() {
    let home = tempfile::tempdir().unwrap();
    let nowhere = format!("redis://127.0.0.1:{}", free_port());
    std::fs::write(home.path().join("file"), "not a folder").unwrap();
    std::fs::create_dir(home.path().join("odd")).unwrap();
    std::fs::write(home.path().join("odd/stepgate.redb"), "not a store").unwrap();
    for store in [nowhere.as_str(), "embedded:file", "embedded:odd"] {
        let settings =
            [("STEPGATE_LISTEN", "127.0.0.1:0"), ("STEPGATE_STORE", store), ("STEPGATE_MASTER_KEY", MASTER_KEY)];
        let told = run(home.path(), &[], &settings, "");
        assert_eq!(told.status.code(), Some(1), "{told:?}");
        assert!(told.err.starts_with("store: ") && !told.err.contains("panicked") && told.out.is_empty(), "{told:?}");
    }
    assert_eq!(std::fs::read_to_string(home.path().join("odd/stepgate.redb")).unwrap(), "not a store");
}

/// The login in the store's address is used, for a cluster as well, and shows up neither in the log nor in a refusal.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_to_the_store_is_used_and_not_shown() {
    let home = tempfile::tempdir().unwrap();
    let (single, cluster) = (Server::start(&["--save", ""]), Cluster::start());
    for server in cluster.nodes.iter().chain([&single]) {
        server.ask::<()>(&["CONFIG", "SET", "requirepass", "p@ss/w0rd"]);
    }
    for url in [single.url(), cluster.url()] {
        let with = |password: &str| url.replacen("://", &format!("://:{password}@"), 1);
        let mut server = Stepgate::start(home.path(), &[("STEPGATE_STORE", &with("p%40ss%2Fw0rd"))]);
        assert!(server.client().wizard().await.is_some());
        server.terminate();
        server.ended();
        assert!(!server.log().contains("w0rd"), "{}", server.log());
        for refused in [url.clone(), with("wr0ng")] {
            let settings = [("STEPGATE_LISTEN", "127.0.0.1:0"), ("STEPGATE_STORE", refused.as_str())];
            let told = run(home.path(), &[], &settings, "");
            assert_eq!(told.status.code(), Some(1), "{told:?}");
            assert!(told.err.contains("store: ") && !told.err.contains("wr0ng"), "{told:?}");
        }
    }
}

/// A store that was written under another master key is not served.
#[test]
fn another_master_key_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let mut first = Stepgate::start(home.path(), &[]);
    first.kill();
    let other = data_encoding::BASE64.encode(&[8; 32]);
    let settings =
        [("STEPGATE_LISTEN", "127.0.0.1:0"), ("STEPGATE_STORE", "embedded:data"), ("STEPGATE_MASTER_KEY", &other)];
    let told = run(home.path(), &[], &settings, "");
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    assert!(told.err.contains("STEPGATE_MASTER_KEY") && !told.err.contains(&other), "{told:?}");
}

/// R1: what the store really promises is in the log, as a warning when it is less than every acknowledged write.
#[test]
fn the_real_durability_is_in_the_log() {
    let home = tempfile::tempdir().unwrap();
    let redis = Server::start(&["--save", ""]);
    for (appendonly, expected) in
        [("no", ["WARN", "durability=\"none\""]), ("yes", ["INFO", "durability=\"every_write\""])]
    {
        redis.ask::<()>(&["CONFIG", "SET", "appendfsync", "always"]);
        redis.ask::<()>(&["CONFIG", "SET", "appendonly", appendonly]);
        let mut server = Stepgate::start(home.path(), &[("STEPGATE_STORE", &redis.url())]);
        server.terminate();
        server.ended();
        let log = server.log();
        let told = log.lines().any(|line| expected.iter().all(|part| line.contains(part)));
        assert!(told, "{expected:?} in {log}");
    }
    let evicting = Server::start(&["--save", "", "--maxmemory-policy", "allkeys-lru"]);
    let told = run(home.path(), &[], &[("STEPGATE_LISTEN", "127.0.0.1:0"), ("STEPGATE_STORE", &evicting.url())], "");
    assert!(told.status.code() == Some(1) && told.err.contains("maxmemory-policy"), "{told:?}");
}
