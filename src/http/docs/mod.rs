//! The OpenAPI document, made from the handlers' own types.

mod finish;
mod responses;

use actix_web::http::StatusCode;
use actix_web::{App, HttpResponse, get};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder};
use utoipa_actix_web::AppExt;
use utoipa_actix_web::service_config::ServiceConfig;

use super::answer::json;

pub use responses::{Limited, Refusals};

pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(openapi);
}

/// The whole document (OpenAPI 3.1), without the routes that only a developer's machine has.
pub fn document() -> OpenApi {
    let (_, collected) =
        App::new().into_utoipa_app().configure(|config| super::routes(config, false)).split_for_parts();
    let mut document = frame();
    document.merge(collected);
    if let Some(components) = &mut document.components {
        components.schemas.extend(responses::problem_schema());
    }
    finish::finish(&mut document);
    document
}

fn frame() -> OpenApi {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("The access token that a sign-in ends with."))
        .build();
    let operator = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The operator's key, `STEPGATE_ADMIN_KEY`."))
        .build();
    let wizard_key = ApiKeyValue::with_description(
        "X-Wizard-Key",
        "The key that the start of a wizard has answered with; also taken from its cookie.",
    );
    let components = ComponentsBuilder::new()
        .security_scheme("bearer", SecurityScheme::Http(bearer))
        .security_scheme("operator", SecurityScheme::Http(operator))
        .security_scheme("wizard_key", SecurityScheme::ApiKey(ApiKey::Header(wizard_key)))
        .build();
    let info = InfoBuilder::new()
        .title("Stepgate")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Sign-in and two-factor wizards, one step at a time. Every answer of a wizard says in `next` how to take the \
             next step.",
        ))
        .license(Some(LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build()))
        .build();
    OpenApiBuilder::new().info(info).components(Some(components)).build()
}

/// This document
#[utoipa::path(tag = "operations", responses((status = 200, description = "The OpenAPI 3.1 document.")))]
#[get("/openapi.json")]
pub async fn openapi() -> HttpResponse {
    json(StatusCode::OK, &document())
}
