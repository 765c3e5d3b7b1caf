//! The Veeam surface, `/api` unless the operator has moved it: users, their MFA, and an OAuth 2.0 token endpoint.

mod accept;
mod disable;
mod enable;
mod oauth;
mod responses;
mod target;
mod token;
mod users;

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa_actix_web::scope;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::identity::SurfaceName;

pub fn routes(config: &mut ServiceConfig<'_>, prefix: &str) {
    config.service(
        scope::scope(prefix)
            .app_data(SurfaceName::Veeam)
            .service(users::list)
            .service(users::one)
            .service(enable::enable)
            .service(accept::accept)
            .service(disable::disable)
            .service(token::token),
    );
}

/// A 200 in JSON, with the charset that the published API names.
fn json(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json; charset=utf-8").json(body)
}
