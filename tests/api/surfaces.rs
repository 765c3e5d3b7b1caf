//! Switches and places: which surface answers where.

mod calls;
mod matrix;
mod rows;
pub mod through;

use std::net::TcpStream;

use serde_json::{Value, json};
use stepgate::identity::SurfaceName;

use crate::harness::{ADMIN_KEY, Answer, Backend, PASSWORD, Setup, TestApp};

/// A loopback address that is not the main listener's; the port is a free one.
const ELSEWHERE: &str = "127.0.0.2:0";

fn setup() -> Setup {
    Setup::on(Backend::Embedded)
}

/// A sign-in to the panel below this URL.
async fn panel(app: &TestApp, base: &str) -> Answer {
    let credentials = json!({ "login": "ann@example.com", "password": PASSWORD });
    app.call_url("POST", &format!("{base}/account/auth")).json(&credentials).send().await
}

/// A sign-in at the token endpoint below this URL.
async fn token(app: &TestApp, base: &str) -> Answer {
    let form = format!("grant_type=Password&username=ann%40example.com&password={}", PASSWORD.replace(' ', "+"));
    let call = app.call_url("POST", &format!("{base}/oauth2/token"));
    call.text("application/x-www-form-urlencoded", form).send().await
}

async fn wizard(app: &TestApp, base: &str) -> Answer {
    app.call_url("GET", &format!("{base}/api/v2/my/signin/wizard")).send().await
}

/// Nobody has heard of it: not the surface's own kind of refusal, but the server's.
#[track_caller]
fn nowhere(answer: Answer) {
    answer.refused(404, "not_found");
}

fn url(app: &TestApp, surface: SurfaceName) -> String {
    app.place(surface).unwrap_or_else(|| panic!("{surface} is off")).to_owned()
}

async fn document(app: &TestApp) -> Value {
    app.get("/openapi.json").await.expect(200).body
}

/// The paths of the document that carry this tag.
fn paths<'a>(document: &'a Value, tag: &str) -> Vec<(&'a str, &'a Value)> {
    let all = document["paths"].as_object().unwrap().iter();
    let is_of = |item: &Value| item.as_object().unwrap().values().any(|operation| operation["tags"][0] == tag);
    all.filter(|(_, item)| is_of(item)).map(|(path, item)| (path.as_str(), item)).collect()
}

/// Prefixes lie within each other and every call finds its surface: `/api`, `/api/totp`, `/api/v2/my`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_answer_where_their_clients_expect_them() {
    let app = setup().start().await;
    app.person("ann").await;
    panel(&app, &format!("{}/v2/panel", app.url)).await.expect(200);
    token(&app, &format!("{}/api", app.url)).await.expect(200);
    wizard(&app, &app.url).await.expect(200);
    let usual = SurfaceName::MOVABLE.map(|surface| format!("{}{}", app.url, surface.usual_prefix()));
    assert_eq!(SurfaceName::MOVABLE.map(|surface| url(&app, surface)), usual);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prefixes_may_lie_within_each_other_in_any_order() {
    let moved = [("STEPGATE_VEEAM__PREFIX", "/api/v2"), ("STEPGATE_NAVIXY__PREFIX", "/api/v2/panel")];
    let app = moved.iter().fold(setup(), |setup, (name, value)| setup.with(name, value)).start().await;
    app.person("ann").await;
    panel(&app, &format!("{}/api/v2/panel", app.url)).await.expect(200);
    token(&app, &format!("{}/api/v2", app.url)).await.expect(200);
    wizard(&app, &app.url).await.expect(200);
    nowhere(token(&app, &format!("{}/api", app.url)).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_surface_that_is_off_is_nowhere() {
    let off = SurfaceName::MOVABLE.map(|surface| format!("STEPGATE_{}__ENABLED", surface.as_str().to_uppercase()));
    let app = off.iter().fold(setup(), |setup, name| setup.with(name, "false")).start().await;
    app.person("ann").await;
    let whole = stepgate::http::document(&stepgate::http::Mount::usual());
    let all: Vec<&String> = whole.paths.paths.keys().collect();
    let (document, mut gone) = (document(&app).await, 0);
    for path in all.into_iter().filter(|path| document["paths"].get(path.as_str()).is_none()) {
        gone += 1;
        for method in ["GET", "PUT", "POST", "DELETE"] {
            nowhere(app.call(method, &path.replace(['{', '}'], "")).send().await);
        }
    }
    assert!(gone >= 2, "{document}");
    for surface in SurfaceName::MOVABLE {
        assert_eq!(app.place(surface), None);
        assert!(paths(&document, surface.as_str()).is_empty());
    }
    wizard(&app, &app.url).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_off_takes_no_other_along() {
    let app = setup().with("STEPGATE_NAVIXY__ENABLED", "false").start().await;
    app.person("ann").await;
    nowhere(panel(&app, &format!("{}/v2/panel", app.url)).await);
    token(&app, &format!("{}/api", app.url)).await.expect(200);
    let document = document(&app).await;
    assert!(paths(&document, "navixy").is_empty() && !paths(&document, "veeam").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moved_prefix_answers_there_and_nowhere_else() {
    let app = setup().with("STEPGATE_NAVIXY__PREFIX", "/operators/panel-1").start().await;
    app.person("ann").await;
    let moved = format!("{}/operators/panel-1", app.url);
    assert_eq!(url(&app, SurfaceName::Navixy), moved);
    panel(&app, &moved).await.expect(200);
    nowhere(panel(&app, &format!("{}/v2/panel", app.url)).await);
    nowhere(panel(&app, &format!("{}/operators", app.url)).await);
    nowhere(panel(&app, &format!("{moved}s")).await);
    let document = document(&app).await;
    let paths = paths(&document, "navixy");
    assert!(!paths.is_empty() && paths.iter().all(|(path, _)| path.starts_with("/operators/panel-1/")), "{paths:?}");
}

/// Two surfaces on one listener of their own: there and not on the main one; of the main one nothing but health.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_of_its_own_serves_its_surfaces_alone() {
    let own = setup().with("STEPGATE_NAVIXY__LISTEN", ELSEWHERE).with("STEPGATE_VEEAM__LISTEN", ELSEWHERE);
    let app = own.start().await;
    app.person("ann").await;
    let (navixy, veeam) = (url(&app, SurfaceName::Navixy), url(&app, SurfaceName::Veeam));
    let extra = navixy.strip_suffix("/v2/panel").unwrap();
    assert!(extra.starts_with("http://127.0.0.2:") && veeam == format!("{extra}/api"), "{navixy} {veeam}");
    assert_eq!(url(&app, SurfaceName::Flexi), format!("{}/u", app.url));

    panel(&app, &navixy).await.expect(200);
    let signed_in = token(&app, &veeam).await.expect(200);
    nowhere(panel(&app, &format!("{}/v2/panel", app.url)).await);
    nowhere(token(&app, &format!("{}/api", app.url)).await);

    for health in ["/health/live", "/health/ready"] {
        app.call_url("GET", &format!("{extra}{health}")).send().await.expect(200);
    }
    nowhere(wizard(&app, extra).await);
    for path in ["/", "/openapi.json", "/.well-known/jwks.json", "/dev/outbox", "/dev/clock", "/admin/v1/accounts"] {
        nowhere(app.call_url("GET", &format!("{extra}{path}")).bearer(ADMIN_KEY).send().await);
    }
    // The same server all the same: what one listener gave, the other takes.
    app.call("GET", "/api/v2/my/sessions").bearer(signed_in.str("access_token")).send().await.expect(200);

    let document = document(&app).await;
    for (tag, server) in [("navixy", json!(extra)), ("veeam", json!(extra)), ("wizard", Value::Null)] {
        let paths = paths(&document, tag);
        assert!(!paths.is_empty() && paths.iter().all(|(_, item)| item["servers"][0]["url"] == server), "{paths:?}");
    }
}

/// What every answer carries, it carries at every listener.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_listener_answers_in_the_same_frame() {
    let app = setup().with("STEPGATE_NAVIXY__LISTEN", ELSEWHERE).start().await;
    app.person("ann").await;
    let answer = panel(&app, &url(&app, SurfaceName::Navixy)).await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.header("x-request-id").is_some_and(|id| !id.is_empty()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_listeners_end_together() {
    let each = [("STEPGATE_NAVIXY__LISTEN", ELSEWHERE), ("STEPGATE_FLEXI__LISTEN", "127.0.0.3:0")];
    let app = each.iter().fold(setup(), |setup, (name, value)| setup.with(name, value)).start().await;
    let urls = [app.url.clone(), url(&app, SurfaceName::Navixy), url(&app, SurfaceName::Flexi)];
    let addresses = urls.map(|url| url["http://".len()..].split('/').next().unwrap().to_owned());
    for address in &addresses {
        TcpStream::connect(address).expect(address);
    }
    app.stop().await;
    for address in &addresses {
        assert!(TcpStream::connect(address).is_err(), "{address} still answers");
    }
}
