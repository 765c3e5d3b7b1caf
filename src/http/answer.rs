use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;

/// A JSON answer.
pub fn json(status: StatusCode, body: &impl Serialize) -> HttpResponse {
    HttpResponse::build(status).content_type("application/json").json(body)
}

/// 204, no body.
pub fn empty() -> HttpResponse {
    HttpResponse::NoContent().finish()
}
