//! Events on their way out of a whole server: to a file, to an address of the operator's, and to the end when it stops.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use stepgate::engine::ports::EventKind;

use crate::harness::{Backend, Setup, TestApp};
use crate::webhook::{Reply, WebhookSink};

const SECRET: &str = "a-secret-for-events";

fn note(app: &TestApp, count: usize) {
    for number in 0..count {
        let happening = app.engine.happening(EventKind::SignedIn);
        app.engine.note(happening.detail("number", number.to_string()));
    }
}

fn numbers<'a>(events: impl IntoIterator<Item = &'a Value>) -> Vec<usize> {
    let number = |event: &Value| event["details"]["number"].as_str()?.parse().ok();
    events.into_iter().filter_map(number).collect()
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn posted(sink: &WebhookSink) -> Vec<Value> {
    let events = |request: &crate::webhook::Received| request.json()["events"].as_array().unwrap().clone();
    sink.requests().iter().flat_map(events).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happened_is_in_the_file_and_at_the_webhook_when_the_server_has_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let sink = WebhookSink::start([Reply::Status(503), Reply::Status(204)]).await;
    let app = Setup::on(Backend::Embedded)
        .with("STEPGATE_EVENTS__FILE", path.to_str().unwrap())
        .with("STEPGATE_EVENTS__WEBHOOK__URL", &sink.url)
        .with("STEPGATE_EVENTS__WEBHOOK__SECRET", SECRET)
        .start()
        .await;
    note(&app, 250);
    app.stop().await;
    let all: Vec<usize> = (0..250).collect();
    assert_eq!(numbers(&lines(&path)), all);
    let requests = sink.requests();
    assert_eq!(requests[0].body, requests[1].body, "what was refused came again, unchanged");
    for request in &requests {
        assert!(request.signed_at(SECRET).is_some(), "signed");
        assert!(request.json()["events"].as_array().unwrap().len() <= 100);
    }
    let first = requests[0].json()["events"].as_array().unwrap().len();
    assert_eq!(numbers(&posted(&sink)[first..]), all, "in order, and none missing");
    let event = &lines(&path)[0];
    assert_eq!((&event["type"], &event["actor"]), (&"signed_in".into(), &"person".into()));
    assert_eq!((event["id"].as_str().unwrap().len(), &event["time"]), (22, &"2026-01-15T12:00:05Z".into()));
}

/// A receiver that never answers costs nobody anything while the server runs, and the drain time when it stops.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_hangs_holds_up_neither_answers_nor_the_end() {
    let sink = WebhookSink::start([Reply::HangAfterReading]).await;
    let app = Setup::on(Backend::Embedded)
        .with("STEPGATE_HTTP__DRAIN_TIMEOUT", "1s")
        .with("STEPGATE_EVENTS__WEBHOOK__URL", &sink.url)
        .with("STEPGATE_EVENTS__WEBHOOK__SECRET", SECRET)
        .start()
        .await;
    note(&app, 3);
    sink.received(1).await;
    note(&app, 3);
    app.person("ann").await;
    assert!(
        app.engine.errands.finish(Duration::from_secs(5)).await,
        "what is done behind answers does not wait for it"
    );
    let (sixth, stopped) = (posted(&sink).len(), tokio::time::timeout(Duration::from_secs(10), app.stop()).await);
    assert!(stopped.is_ok() && sixth <= 3, "the first batch is still under way");
}
