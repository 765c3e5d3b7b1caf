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
pub struct Choose {
    uuid: String,
    /// `google`, `sms` or `email`; must be on for the account.
    #[serde(rename = "type")]
    #[schema(example = "google")]
    kind: String,
}

/// Choose or switch the method
///
/// Choosing the method whose code is on its way asks for another code, under the cooldown. `data` is always `null`; the
/// receipt of a code that was sent is in `next.receipt`.
#[utoipa::path(tag = "wizard", request_body = Choose, responses((status = 200, body = Envelope), Refusals, Limited))]
#[post("/signin/2fa")]
pub async fn choose(
    surface: web::Data<Surface>,
    context: Context,
    body: Body<Choose>,
) -> Result<HttpResponse, Problem> {
    let id = parse::uuid(&context, &body.value.uuid)?;
    let factor = parse::factor(&context, "type", &body.value.kind)?;
    let call = context.call(Some(id), Some(&body.fingerprint));
    let standing = surface.engine.step(&call, id, Gate::SignIn, Input::Choose(factor)).await;
    standing.map(|standing| answer(&surface, &standing)).map_err(|refused| context.problem(refused))
}
