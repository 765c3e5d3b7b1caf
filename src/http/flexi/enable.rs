use actix_web::{HttpResponse, put, web};

use crate::http::surface::Surface;
use crate::identity::TotpSecret;

use super::ask::Ask;
use super::door::let_in;
use super::envelope::{Envelope, Winstrom};
use super::query::required;
use super::refusal::Refusal;
use super::responses::Refusals;
use super::table::{Fault, Why};

/// Turn the authenticator on
///
/// `otp` is its own code, from the very secret that is given. From now on every call of this account needs one.
#[utoipa::path(
    path = "/{user}/enable-2fa",
    tag = "flexi",
    security(("basic" = [])),
    params(
        ("user" = String, Path, description = "The caller's own user name or email address."),
        ("secret" = String, Query, description = "Base32 (RFC 4648 §6) of 16 to 64 bytes, in letters of either case."),
        ("otp" = String, Query, description = "The code that the authenticator shows."),
    ),
    responses(
        (status = 200, content((Winstrom = "application/xml"), (Envelope = "application/json"))),
        Refusals,
    )
)]
#[put("/{user}/enable-2fa{ending:(?:\\.xml|\\.json)?}")]
pub async fn enable(surface: web::Data<Surface>, ask: Ask) -> Result<HttpResponse, Refusal> {
    let engine = &surface.engine;
    let secret = secret(&ask).map_err(|why| ask.refuse(why))?;
    let account = let_in(engine, &ask).await?.account;
    ask.names(&account, &engine.policy.names)?;
    engine.may_enrol_first(&account).map_err(|refused| ask.refused(refused))?;
    let secret = required("secret", secret).map_err(|why| ask.refuse(why))?;
    let otp = required("otp", ask.otp.as_ref()).map_err(|why| ask.refuse(why))?;
    let enrolled = engine.enrol_first(&ask.call, &account, secret, otp.expose()).await;
    enrolled.map(|_| ask.done("enabled")).map_err(|refused| ask.refused(refused))
}

fn secret(ask: &Ask) -> Result<Option<TotpSecret>, Why> {
    let Some(text) = ask.query.text("secret")? else { return Ok(None) };
    TotpSecret::parse(text).map(Some).map_err(|_| Why::Parameter("secret", Fault::Secret))
}
