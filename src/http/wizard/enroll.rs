use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::engine::{Gate, Input};
use crate::http::body::Body;
use crate::http::context::Context;
use crate::http::docs::{Limited, Refusals};
use crate::http::problem::Problem;
use crate::http::surface::Surface;

use super::envelope::Envelope;
use super::{answer, parse};

#[derive(Deserialize, ToSchema)]
pub struct Enroll {
    uuid: String,
    /// One of `data.methods`.
    #[serde(rename = "type")]
    #[schema(example = "sms")]
    kind: String,
    /// The number to enrol; needed once with `sms`.
    #[schema(example = "+79994445561")]
    phone: Option<String>,
}

/// Choose the method to turn on before being let in
///
/// Where the operator's policy wants a second factor and the account has none that will do. Its code is then given as at
/// any sign-in, by POST `/2fa/{type}`, and answered with tokens. Asked again with the same type, it sends another code.
#[utoipa::path(tag = "wizard", request_body = Enroll, responses((status = 200, body = Envelope), Refusals, Limited))]
#[post("/signin/2fa/enroll")]
pub async fn enroll(
    surface: web::Data<Surface>,
    context: Context,
    body: Body<Enroll>,
) -> Result<HttpResponse, Problem> {
    let id = parse::uuid(&context, &body.value.uuid)?;
    let factor = parse::factor(&context, "type", &body.value.kind)?;
    let phone = body.value.phone.as_deref().map(|phone| parse::phone(&context, phone)).transpose()?;
    let call = context.call(Some(id), Some(&body.fingerprint));
    let standing = surface.engine.step(&call, id, Gate::SignIn, Input::Enrol { factor, phone }).await;
    standing.map(|standing| answer(&surface, &standing)).map_err(|refused| context.problem(refused))
}
