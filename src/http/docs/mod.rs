//! The OpenAPI document, made from the handlers' own types.

mod finish;
mod params;
mod responses;

use actix_web::http::header::ContentType;
use actix_web::{App, HttpResponse, get, web};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Server};
use utoipa_actix_web::AppExt;
use utoipa_actix_web::service_config::ServiceConfig;

use super::mounts::{self, Mount, Mounts};

pub use params::Success;
pub use responses::{Counted, Limited, Refusals, problems, refusals, waiting, with_headers};

pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(openapi);
}

/// The document as it is served: made once, for it does not change while the server runs.
pub struct Document(web::Bytes);

impl Document {
    /// Of a server that has these surfaces beside the wizards.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub fn of(surfaces: &[Mount]) -> serde_json::Result<Self> {
        Ok(Document(serde_json::to_vec(&document(surfaces))?.into()))
    }
}

/// The whole document (OpenAPI 3.1) of a server that has these surfaces beside the wizards, without the routes that
/// only a developer's machine has.
pub fn document(surfaces: &[Mount]) -> OpenApi {
    let main = Mounts::Main { surfaces: Vec::new(), dev: false };
    let mut document = frame();
    document.merge(collected(|config| mounts::routes(config, &main)));
    for mount in surfaces {
        document.merge(part(mount));
    }
    if let Some(components) = &mut document.components {
        components.schemas.extend(responses::problem_schema());
    }
    finish::finish(&mut document);
    document
}

/// What one surface adds.
fn part(mount: &Mount) -> OpenApi {
    let mut part = collected(|config| mount.routes(config));
    if let Some(url) = &mount.server {
        let server = Server::builder().url(url).description(Some("A listener of its own.")).build();
        part.paths.paths.values_mut().for_each(|item| item.servers = Some(vec![server.clone()]));
    }
    part
}

fn collected(routes: impl FnOnce(&mut ServiceConfig<'_>)) -> OpenApi {
    App::new().into_utoipa_app().configure(routes).split_for_parts().1
}

fn frame() -> OpenApi {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("The access token that a sign-in ends with."))
        .build();
    let basic = HttpBuilder::new()
        .scheme(HttpAuthScheme::Basic)
        .description(Some("User name or email address, and password (RFC 7617), in UTF-8."))
        .build();
    let operator = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The operator's key, `STEPGATE_ADMIN_KEY`."))
        .build();
    let wizard_key = ApiKeyValue::with_description(
        "X-Wizard-Key",
        "The key that the start of a wizard has answered with; also taken from its cookie.",
    );
    let api_key =
        ApiKeyValue::with_description("api-key", "The first key of a client that the operator has registered.");
    let access_key = ApiKeyValue::with_description("access-key", "The second key of that client.");
    let panel = ApiKeyValue::with_description(
        "Authorization",
        "`NVX` and the hash that the panel's sign-in has answered with.",
    );
    let components = ComponentsBuilder::new()
        .security_scheme("bearer", SecurityScheme::Http(bearer))
        .security_scheme("basic", SecurityScheme::Http(basic))
        .security_scheme("operator", SecurityScheme::Http(operator))
        .security_scheme("panel", SecurityScheme::ApiKey(ApiKey::Header(panel)))
        .security_scheme("wizard_key", SecurityScheme::ApiKey(ApiKey::Header(wizard_key)))
        .security_scheme("api_key", SecurityScheme::ApiKey(ApiKey::Header(api_key)))
        .security_scheme("access_key", SecurityScheme::ApiKey(ApiKey::Header(access_key)))
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
pub async fn openapi(document: web::Data<Document>) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(document.0.clone())
}
