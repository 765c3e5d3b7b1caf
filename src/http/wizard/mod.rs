//! The wizard surface: `/api/v2/my`.

mod cancel;
mod challenge;
mod changes;
mod choose;
mod code;
mod devices;
mod enroll;
mod envelope;
mod factor_wizard;
mod factors;
mod look;
mod next;
mod parse;
mod password;
mod recovery_codes;
mod refresh;
mod sessions;
mod sign_in;
mod sign_out;

use actix_web::HttpResponse;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderName;
use chrono::{DateTime, Utc};
use utoipa_actix_web::scope;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::engine::{Standing, Started};

use super::answer::json;
use super::context::{DEVICE_COOKIE, cookie_name};
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
            .service(code::recovery)
            .service(enroll::enroll)
            .service(look::look)
            .service(cancel::cancel)
            .service(refresh::refresh)
            .service(sign_out::sign_out)
            .service(sessions::list)
            .service(sessions::end)
            .service(sessions::end_others)
            .service(password::change)
            .service(password::restore)
            .service(password::reset)
            .service(devices::list)
            .service(devices::forget)
            .service(devices::forget_all)
            // The fixed paths before `/2fa/{type}`, which would take them for a type.
            .service(factor_wizard::step)
            .service(challenge::start)
            .service(challenge::start_signed_out)
            .service(challenge::complete)
            .service(recovery_codes::left)
            .service(recovery_codes::make)
            .service(changes::list)
            .service(changes::one)
            .service(factors::list)
            .service(factors::one)
            .service(factor_wizard::enable)
            .service(factor_wizard::disable),
    );
}

/// The answer to a step; with the next token of a device that is remembered.
fn answer(surface: &Surface, standing: &Standing) -> HttpResponse {
    let envelope = Envelope::of(standing);
    let mut response = json(StatusCode::from_u16(envelope.code).unwrap_or(StatusCode::OK), &envelope);
    if let Some(device) = &standing.device {
        keep(surface, &mut response, "x-device-token", DEVICE_COOKIE, &device.token, device.expires_at);
    }
    response
}

/// The answer to a start: with the wizard's key, as a header and as a cookie of this wizard alone.
fn begun(surface: &Surface, started: &Started) -> HttpResponse {
    keyed(surface, started, answer(surface, &started.standing))
}

/// Gives the wizard's key along with `response`.
fn keyed(surface: &Surface, started: &Started, mut response: HttpResponse) -> HttpResponse {
    let Started { standing, key } = started;
    keep(surface, &mut response, "x-wizard-key", &cookie_name(standing.id), key.expose(), standing.expires_at);
    response
}

/// Hands out something that only this client may have: as a header, and as a cookie that no script can read.
fn keep(
    surface: &Surface,
    response: &mut HttpResponse,
    header: &'static str,
    cookie: &str,
    value: &str,
    until: DateTime<Utc>,
) {
    let lifetime = until - surface.engine.clock.now();
    let cookie = Cookie::build(cookie, value)
        .path(BASE)
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(surface.secure_cookies)
        .max_age(Duration::seconds(lifetime.num_seconds()))
        .finish();
    if let Ok(value) = value.parse() {
        response.headers_mut().insert(HeaderName::from_static(header), value);
    }
    // A cookie that cannot be written is no reason to fail: the header carries the same.
    let _ = response.add_cookie(&cookie);
}
