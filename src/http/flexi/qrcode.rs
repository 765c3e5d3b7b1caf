use actix_web::http::header::HeaderName;
use actix_web::{HttpResponse, get, web};
use utoipa::ToSchema;

use crate::http::head::is_get;
use crate::http::surface::Surface;

use super::ask::Ask;
use super::door::let_in;
use super::refusal::Refusal;
use super::responses::Refusals;

const SECRET: HeaderName = HeaderName::from_static("secret");

/// An image.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub struct Picture(#[allow(dead_code, reason = "only its name is spoken of")] Vec<u8>);

/// Get a fresh secret as a picture
///
/// For an authenticator app to read; the same secret is in the header `Secret`, in base32. Nothing is kept: it is on only
/// after `enable-2fa` with this secret. 403 while a second factor is on.
#[utoipa::path(
    path = "/{user}/qrcode-2fa",
    tag = "flexi",
    security(("basic" = [])),
    params(
        ("user" = String, Path, description = "The caller's own user name or email address."),
        ("otp" = Option<String>, Query, description = "A code, where a second factor is on; then the answer is 403."),
        ("Mfa-Token" = Option<String>, Header, description = "From the 401 that came when the code was sent."),
    ),
    responses(
        (status = 200, content_type = "image/png", body = Picture, headers(("Secret" = String))),
        Refusals
    )
)]
#[get("/{user}/qrcode-2fa{ending:(?:\\.xml|\\.json|\\.png)?}", guard = "is_get")]
pub async fn qrcode(surface: web::Data<Surface>, ask: Ask) -> Result<HttpResponse, Refusal> {
    let engine = &surface.engine;
    let account = let_in(engine, &ask).await?.account;
    ask.names(&account, &engine.policy.names)?;
    let fresh = engine.fresh_enrolment(&account).map_err(|refused| ask.refused(refused))?;
    Ok(HttpResponse::Ok().content_type("image/png").insert_header((SECRET, fresh.key)).body(fresh.qr))
}
