use actix_web::{HttpResponse, put, web};

use crate::http::surface::Surface;

use super::ask::Ask;
use super::door::let_in;
use super::envelope::{Envelope, Winstrom};
use super::refusal::Refusal;
use super::responses::Refusals;

/// Turn the own second factor off
///
/// The one that `otp` is a code of; all of them with a recovery code.
#[utoipa::path(
    path = "/{user}/disable-2fa",
    tag = "flexi",
    security(("basic" = [])),
    params(
        ("user" = String, Path, description = "The caller's own user name or email address."),
        ("otp" = Option<String>, Query, description = "A code of the factor that is to go off, or a recovery code; \
         without it, one is sent where the strongest factor takes that."),
        ("Mfa-Token" = Option<String>, Header, description = "From the 401 that came when the code was sent."),
    ),
    responses(
        (status = 200, content((Winstrom = "application/xml"), (Envelope = "application/json"))),
        Refusals,
    )
)]
#[put("/{user}/disable-2fa{ending:(?:\\.xml|\\.json)?}")]
pub async fn disable(surface: web::Data<Surface>, ask: Ask) -> Result<HttpResponse, Refusal> {
    let engine = &surface.engine;
    let entered = let_in(engine, &ask).await?;
    ask.names(&entered.account, &engine.policy.names)?;
    let off = engine.turn_off_proved(&ask.call, *entered).await;
    let account = off.map_err(|refused| ask.refused(refused))?;
    Ok(ask.done(if account.enabled().is_empty() { "disabled" } else { "disabled-one" }))
}
