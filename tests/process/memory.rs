//! What the server keeps of the machine's memory.

use futures_util::future::join_all;
use serde_json::json;

use crate::harness::Stepgate;

/// Sign-ins at once, all of them admitted to the queue.
const CROWD: usize = 120;
/// In MiB: a server in debug mode, and four times the 19 MiB of a hash; what the allocator keeps of each hash that is
/// freed makes several times as much.
const ENOUGH: u64 = 400;

/// A crowd whose passwords are looked at leaves no more behind than as many hashes as run at once need.
#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_of_sign_ins_leaves_no_memory_behind() {
    let home = tempfile::tempdir().unwrap();
    let settings = [
        ("STEPGATE_PASSWORD__CONCURRENCY", "4"),
        ("STEPGATE_PASSWORD__QUEUE", "200"),
        ("STEPGATE_LIMITS__ADDRESS__FAILURES", "1000"),
    ];
    let server = Stepgate::start(home.path(), &settings);
    let web = server.client();
    let idle = server.resident();
    let strangers = (0..CROWD).map(|number| {
        let web = web.clone();
        async move {
            let uuid = web.wizard().await.unwrap();
            let body = json!({ "uuid": uuid, "email": format!("nobody-{number}@example.com"), "password": "x" });
            web.post("/api/v2/my/signin", "", body).await.unwrap()
        }
    });
    for (status, body) in join_all(strangers).await {
        assert_eq!(status, 422, "{body}");
    }
    let after = server.resident();
    assert!(after < ENOUGH, "{after} MiB after {CROWD} sign-ins, {idle} MiB before");
}
