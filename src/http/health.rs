//! Whether this instance lives, whether it can serve, and the keys that verify its tokens.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use serde_json::{Value, json as value};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::answer::json;
use super::surface::Surface;

pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(live).service(ready);
}

/// The keys that verify tokens.
pub fn keys(config: &mut ServiceConfig<'_>) {
    config.service(jwks);
}

#[derive(Serialize, ToSchema)]
pub struct Live {
    #[schema(example = "ok")]
    status: &'static str,
}

/// Whether the process answers
#[utoipa::path(tag = "operations", responses((status = 200, body = Live)))]
#[get("/health/live")]
pub async fn live() -> HttpResponse {
    json(StatusCode::OK, &Live { status: "ok" })
}

/// Whether requests can be served, and what the store promises.
#[derive(Serialize, ToSchema)]
pub struct Ready {
    /// `ok` or `unavailable`.
    status: &'static str,
    /// The back end, and the durability that its server really gives.
    #[schema(value_type = Object)]
    store: Value,
}

/// Whether requests can be served
///
/// Asks the store; shows the durability settings that the server behind it really runs with.
#[utoipa::path(tag = "operations", responses((status = 200, body = Ready), (status = 503, body = Ready)))]
#[get("/health/ready")]
pub async fn ready(surface: web::Data<Surface>) -> HttpResponse {
    match surface.engine.store.health().await {
        Ok(health) => {
            let settings: serde_json::Map<String, Value> =
                health.durability.settings.into_iter().map(|(name, set)| (name, set.into())).collect();
            let durability = value!({
                "level": health.durability.level,
                "settings": settings,
                "warning": health.durability.warning,
            });
            let store = value!({ "backend": health.backend, "durability": durability });
            json(StatusCode::OK, &Ready { status: "ok", store })
        }
        Err(error) => {
            tracing::warn!(%error, "not ready");
            json(StatusCode::SERVICE_UNAVAILABLE, &Ready { status: "unavailable", store: Value::Null })
        }
    }
}

/// The public keys of the access tokens
///
/// A JSON Web Key Set (RFC 7517 §5), so that other services can verify tokens by themselves.
#[utoipa::path(tag = "operations", responses((status = 200, description = "A JSON Web Key Set.")))]
#[get("/.well-known/jwks.json")]
pub async fn jwks(surface: web::Data<Surface>) -> HttpResponse {
    json(StatusCode::OK, &surface.engine.published_keys().await)
}
