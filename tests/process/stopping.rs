//! SIGTERM: what is in flight is finished, then the process ends well.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::harness::{ADMIN_KEY, MASTER_KEY, Stepgate, run};
use crate::redis::free_port;

/// An SMS gateway that tells when it was asked, and answers when it is told to.
struct Gateway {
    url: String,
    asked: mpsc::Receiver<()>,
    answer: mpsc::Sender<()>,
}

impl Gateway {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/sms", listener.local_addr().unwrap());
        let ((tell, asked), (answer, told)) = (mpsc::channel(), mpsc::channel());
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let _ = stream.read(&mut [0; 8_192]).unwrap();
                tell.send(()).unwrap();
                if told.recv().is_err() {
                    return;
                }
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
            }
        });
        Gateway { url, asked, answer }
    }
}

/// A request that waits for a gateway is answered whole after SIGTERM, though a second listener has nothing to wait for;
/// new connections are not taken at either; the code that it sent can be used after the next start.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_in_flight_is_finished() {
    let home = tempfile::tempdir().unwrap();
    let gateway = Gateway::start();
    let other = format!("127.0.0.1:{}", free_port());
    let settings = [
        ("STEPGATE_FLEXI__LISTEN", other.as_str()),
        ("STEPGATE_SMS__PROVIDERS", r#"["webhook"]"#),
        ("STEPGATE_SMS__WEBHOOK__URL", gateway.url.as_str()),
        ("STEPGATE_SMS__WEBHOOK__SECRET", "a secret of some length"),
        ("STEPGATE_SMS__WEBHOOK__TIMEOUT", "30s"),
        ("STEPGATE_SMS__DEADLINE", "30s"),
        ("STEPGATE_HTTP__DRAIN_TIMEOUT", "30s"),
    ];
    let mut server = Stepgate::start(home.path(), &settings);
    let web = server.client();
    web.person("ann@example.com").await;
    let token = web.sign_in("ann@example.com").await;
    let (_, begun) = web.get("/api/v2/my/2fa/sms/enable/wizard", &token).await.unwrap();
    let body = json!({ "uuid": begun["uuid"], "phone": "+79994445561" });
    let mut step = tokio::spawn({
        let (web, token) = (web.clone(), token.clone());
        async move { web.post("/api/v2/my/2fa/wizard", &token, body).await }
    });
    let Gateway { asked, answer, .. } = gateway;
    tokio::task::spawn_blocking(move || asked.recv().unwrap()).await.unwrap();
    TcpStream::connect(&other).expect("the second listener answers");
    server.terminate();
    for address in [server.url.strip_prefix("http://").unwrap(), &other] {
        while TcpStream::connect(address).is_ok() {
            tokio::task::yield_now().await;
        }
    }
    let cut_off = tokio::time::timeout(Duration::from_secs(1), &mut step).await;
    assert!(cut_off.is_err(), "the other listener's end cuts nothing off: {cut_off:?}");
    assert!(server.is_running(), "it waits for the request");
    answer.send(()).unwrap();
    let (status, sent) = step.await.unwrap().expect("a whole answer");
    assert_eq!((status, &sent["workflow"]), (200, &json!("phone")), "{sent}");
    drop(web);
    assert!(server.ended().success(), "{}", server.log());

    let server = Stepgate::start(home.path(), &settings);
    let path = format!("/api/v2/my/wizard/{}", begun["uuid"].as_str().unwrap());
    let (status, stands) = server.client().get(&path, &token).await.unwrap();
    assert_eq!((status, &stands["workflow"]), (200, &json!("phone")), "{stands}");
}

/// Without anything to wait for it ends at once and well, and leaves a store that can be opened.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_server_ends_well() {
    let home = tempfile::tempdir().unwrap();
    let mut server = Stepgate::start(home.path(), &[]);
    server.client().person("ann@example.com").await;
    server.terminate();
    assert!(server.ended().success(), "{}", server.log());
    let listed = run(home.path(), &["account", "list"], &[("STEPGATE_MASTER_KEY", MASTER_KEY)], "");
    assert!(listed.out.contains("ann@example.com"), "{listed:?}");
}

/// A client that keeps its connection open without using it does not hold up the end: the drain is set longer than the
/// test waits.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_does_not_hold_up_the_end() {
    let home = tempfile::tempdir().unwrap();
    let mut server = Stepgate::start(home.path(), &[("STEPGATE_HTTP__DRAIN_TIMEOUT", "5m")]);
    let web = server.client();
    assert_eq!(web.get("/admin/v1/accounts", ADMIN_KEY).await.unwrap().0, 200);
    let address = server.url.strip_prefix("http://").unwrap();
    let mut idle = TcpStream::connect(address).unwrap();
    idle.write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    assert!(idle.read(&mut [0; 8_192]).unwrap() > 0);
    server.terminate();
    assert!(server.ended().success(), "{}", server.log());
    drop((web, idle));
}

/// Whoever does not want to wait asks again: the request that holds it up is cut off.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_waits_for_nothing() {
    let home = tempfile::tempdir().unwrap();
    let gateway = Gateway::start();
    let settings = [
        ("STEPGATE_SMS__PROVIDERS", r#"["webhook"]"#),
        ("STEPGATE_SMS__WEBHOOK__URL", gateway.url.as_str()),
        ("STEPGATE_SMS__WEBHOOK__SECRET", "a secret of some length"),
        ("STEPGATE_SMS__WEBHOOK__TIMEOUT", "30s"),
        ("STEPGATE_SMS__DEADLINE", "30s"),
        ("STEPGATE_HTTP__DRAIN_TIMEOUT", "5m"),
    ];
    let mut server = Stepgate::start(home.path(), &settings);
    let web = server.client();
    web.person("ann@example.com").await;
    let token = web.sign_in("ann@example.com").await;
    let (_, begun) = web.get("/api/v2/my/2fa/sms/enable/wizard", &token).await.unwrap();
    let body = json!({ "uuid": begun["uuid"], "phone": "+79994445561" });
    let step = tokio::spawn(async move { web.post("/api/v2/my/2fa/wizard", &token, body).await });
    let Gateway { asked, answer, .. } = gateway;
    tokio::task::spawn_blocking(move || asked.recv().unwrap()).await.unwrap();
    server.interrupt();
    let address = server.url.strip_prefix("http://").unwrap();
    while TcpStream::connect(address).is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(server.is_running(), "it waits for the request");
    server.interrupt();
    assert!(server.ended().success(), "{}", server.log());
    assert_eq!(step.await.unwrap(), None);
    drop(answer);
}
