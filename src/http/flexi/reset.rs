use actix_web::{HttpResponse, put, web};

use crate::engine::{Hand, Reason, Refused};
use crate::http::surface::Surface;
use crate::identity::{Factor, Permission};

use super::ask::Ask;
use super::door::let_in;
use super::envelope::{Envelope, Winstrom};
use super::query::required;
use super::refusal::Refusal;
use super::responses::Refusals;
use super::table::Why;

/// Turn another user's second factors off
///
/// All of them. Needs the permission `password:update`. The other user's sessions end, and their owner is told by mail.
#[utoipa::path(
    path = "/disable-2fa",
    tag = "flexi",
    security(("basic" = [])),
    params(
        ("username" = String, Query, description = "The other's user name or email address."),
        ("otp" = Option<String>, Query, description = "The caller's own code, if a second factor of theirs is on."),
        ("Mfa-Token" = Option<String>, Header, description = "From the 401 that came when the code was sent."),
    ),
    responses(
        (status = 200, content((Winstrom = "application/xml"), (Envelope = "application/json"))),
        Refusals,
    )
)]
#[put("/disable-2fa{ending:(?:\\.xml|\\.json)?}")]
pub async fn reset(surface: web::Data<Surface>, ask: Ask) -> Result<HttpResponse, Refusal> {
    let engine = &surface.engine;
    let name = ask.query.text("username").map_err(|why| ask.refuse(why))?;
    let caller = let_in(engine, &ask).await?.account;
    if !caller.may(Permission::PasswordUpdate) {
        return Err(ask.refused(Refused::new(Reason::Forbidden)));
    }
    let name = required("username", name).map_err(|why| ask.refuse(why))?;
    let found = engine.account_named(name).await.map_err(|refused| ask.refused(refused))?;
    let other = found.ok_or_else(|| ask.refuse(Why::NoSuchUser))?;
    if other.id == caller.id {
        return Err(ask.refuse(Why::OwnName));
    }
    let off = engine.turn_off(&ask.call, other.id, &Factor::ALL, Hand::Account(caller.id)).await;
    off.map(|_| ask.done("disabled")).map_err(|refused| ask.refused(refused))
}
