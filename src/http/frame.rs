use actix_cors::Cors;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, ResponseError, web};

use super::context::{RequestName, locale};
use super::head;
use super::problem::Problem;
use super::surface::Surface;
use super::unread::{Answer, Reader};
use crate::engine::{Reason, Refused};
use crate::telemetry::{redact_path, sane};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What goes around every handler: the request's name, the headers that every answer has, and one line in the log.
///
/// # Errors
/// Passes on what the handler fails with.
pub async fn frame(
    mut req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let name = request_name(&req);
    req.extensions_mut().insert(RequestName(name.clone()));
    let (method, path) = (req.method().clone(), req.path().to_owned());
    let reader = Reader::of(&mut req);
    let asks_leave = method == Method::OPTIONS && req.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    head::as_get(&mut req);
    let mut response = next.call(req).await?.map_into_boxed_body();
    if asks_leave && response.status() == StatusCode::BAD_REQUEST {
        response = no_leave(response);
    }
    let status = response.status();
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&name) {
        headers.insert(REQUEST_ID, value);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    // The path alone: a query may hold what no log may hold.
    let path = redact_path(&path);
    let path = sane(&path);
    tracing::info!(request = name, %method, %path, status = status.as_u16(), "answered");
    Ok(response.map_body(|_, body| Answer::new(body, reader)))
}

/// What a page hears that may not call, in place of the plain text that the library has for it. Browsers look at nothing
/// but that it is no success.
fn no_leave(response: ServiceResponse) -> ServiceResponse {
    let problem = Problem::new(locale(response.request()), Refused::new(Reason::Forbidden)).saying("cors-refused");
    response.into_response(problem.error_response())
}

/// The client's own name for the request if it is a sane one, else a fresh one.
fn request_name(req: &ServiceRequest) -> String {
    let sane = |name: &&str| {
        (1..=64).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    let shown = req.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(sane);
    match (shown, req.app_data::<web::Data<Surface>>()) {
        (Some(name), _) => name.to_owned(),
        (None, Some(surface)) => data_encoding::BASE64URL_NOPAD.encode(&surface.engine.entropy.bytes::<12>()),
        (None, None) => String::new(),
    }
}

/// Which pages of other origins may call: those that are configured, and no other.
pub fn cors(origins: &[String]) -> Cors {
    let methods = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let exposed = ["mfa-token", "retry-after", "secret", "x-device-token", "x-request-id", "x-wizard-key"];
    let taken = [
        "accept-language",
        "authorization",
        "content-type",
        "idempotency-key",
        "mfa-token",
        "x-client-kind",
        "x-device-token",
        "x-request-id",
        "x-success-token",
        "x-wizard-key",
    ];
    let cors = Cors::default().allowed_methods(methods).allowed_headers(taken).expose_headers(exposed).max_age(600);
    let cors = if origins.is_empty() { cors } else { cors.supports_credentials() };
    origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}
