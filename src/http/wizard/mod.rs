//! The wizard surface: `/api/v2/my`.

mod cancel;
mod changes;
mod choose;
mod code;
mod envelope;
mod factor_wizard;
mod factors;
mod look;
mod next;
mod parse;
mod refresh;
mod sessions;
mod sign_in;
mod sign_out;

use actix_web::HttpResponse;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::StatusCode;
use utoipa_actix_web::scope;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::engine::{Standing, Started};

use super::answer::json;
use super::context::cookie_name;
use super::surface::Surface;
use envelope::Envelope;

/// Where the surface lives.
pub const BASE: &str = "/api/v2/my";

pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(
        scope::scope("/api/v2/my")
            .service(sign_in::start)
            .service(sign_in::sign_in)
            .service(choose::choose)
            .service(code::google)
            .service(code::sms)
            .service(code::email)
            .service(look::look)
            .service(cancel::cancel)
            .service(refresh::refresh)
            .service(sign_out::sign_out)
            .service(sessions::list)
            .service(sessions::end)
            .service(sessions::end_others)
            // The fixed paths before `/2fa/{type}`, which would take them for a type.
            .service(factor_wizard::step)
            .service(changes::list)
            .service(changes::one)
            .service(factors::list)
            .service(factors::one)
            .service(factor_wizard::enable)
            .service(factor_wizard::disable),
    );
}

/// The answer to a step.
fn answer(standing: &Standing) -> HttpResponse {
    let envelope = Envelope::of(standing);
    json(StatusCode::from_u16(envelope.code).unwrap_or(StatusCode::OK), &envelope)
}

/// The answer to a start: with the wizard's key, as a header and as a cookie of this wizard alone.
fn begun(surface: &Surface, started: &Started) -> HttpResponse {
    let mut response = answer(&started.standing);
    let lifetime = started.standing.expires_at - surface.engine.clock.now();
    let cookie = Cookie::build(cookie_name(started.standing.id), started.key.expose())
        .path(BASE)
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(surface.secure_cookies)
        .max_age(Duration::seconds(lifetime.num_seconds()))
        .finish();
    if let Ok(value) = started.key.expose().parse() {
        response.headers_mut().insert(actix_web::http::header::HeaderName::from_static("x-wizard-key"), value);
    }
    // A cookie that cannot be written is no reason to fail: the header carries the same key.
    let _ = response.add_cookie(&cookie);
    response
}
