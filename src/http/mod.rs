//! The HTTP surfaces: parse, call the engine, render.
//!
//! Always: a handler holds no state, counts nothing and invents no status: refusals become problems by one table
//! (`problem/table.rs`). Every answer carries `X-Request-Id` and `Cache-Control: no-store`.
//! Never here: decisions about people. No surface knows another; no store, no courier.

mod admin;
mod answer;
mod body;
mod context;
mod dev;
mod docs;
mod frame;
mod health;
mod problem;
mod surface;
mod times;
mod unread;
mod veeam;
mod wizard;

use actix_web::web;
use utoipa_actix_web::service_config::ServiceConfig;

pub use docs::document;
pub use frame::{cors, frame};
pub use problem::words;
pub use surface::{DevClock, DevFaults, DevOutbox, FaultName, FaultSwitch, SentMessage, Surface, Via};

/// Puts every route into `config`. `dev` adds what only a developer's machine may have.
pub fn routes(config: &mut ServiceConfig<'_>, dev: bool) {
    wizard::routes(config);
    admin::routes(config);
    health::routes(config);
    docs::routes(config);
    veeam::routes(config, "/api");
    if dev {
        dev::routes(config);
    }
    config.app_data(web::QueryConfig::default().error_handler(problem::bad_query));
    config.default_service(web::to(problem::no_such_route));
}
