//! A workflow of the operator's own: the password once more before an authenticator is turned off.

use std::fs;

use serde_json::json;

use crate::harness::{Backend, PASSWORD, Setup};

/// The file that `tests/workflows.rs` holds to be valid, as an operator would put it into a folder.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/workflows/valid/password_before_disable.toml");
    fs::copy(source, folder.path().join("google-disable.toml")).unwrap();
    folder
}

/// A session's wizard takes the session's own password, counts wrong ones, and goes on only after the right one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_confirms_its_own_password() {
    confirming(Setup::on(Backend::Embedded)).await;
}

/// The same where a directory knows it; it is asked by the account's own address, and its word on anybody else's
/// password is none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_confirms_the_password_that_a_directory_knows() {
    confirming(Setup::on(Backend::Embedded).with_directory()).await;
}

async fn confirming(setup: Setup) {
    let folder = folder();
    let app = setup.with("STEPGATE_WORKFLOWS", folder.path().to_str().unwrap()).start().await;
    let mut person = app.person("ann").await;
    let token = app.sign_in(&person).await;
    app.enable_google(&token, &mut person).await;

    let started = app.start_factor(&token, "google", "disable").await.expect(200);
    assert_eq!(started.workflow(), "confirm_password");
    assert_eq!(started.str("/next/href"), "/api/v2/my/2fa/wizard");
    let uuid = started.uuid();
    let password = |text: &str| json!({ "uuid": uuid, "action": "password", "password": text });
    let wrong = app.factor_step(&token, password("not the password")).await.refused(422, "invalid_credentials");
    assert_eq!((wrong.workflow(), &wrong.body["attemptsLeft"]), ("confirm_password", &json!(4)));
    let code = json!({ "uuid": uuid, "action": "code", "code": app.totp(person.key.as_deref().unwrap()) });
    app.factor_step(&token, code.clone()).await.refused(409, "step_not_allowed");
    if let Some(directory) = app.directory() {
        directory.remove("id of ann@example.com");
        directory.put(json!({ "id": "8", "email": "ben@example.com", "username": "ann@example.com" }), PASSWORD);
        app.factor_step(&token, password(PASSWORD)).await.refused(422, "invalid_credentials");
        directory.remove("8");
        directory.put(json!({ "id": "id of ann@example.com", "email": "ann@example.com" }), PASSWORD);
    }
    app.factor_step(&token, password(PASSWORD)).await.expect(200);
    app.factor_step(&token, code).await.expect(202);
}
