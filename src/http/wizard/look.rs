use actix_web::http::StatusCode;
use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::engine::{Gate, Reason, Refused};
use crate::http::answer::json;
use crate::http::context::Context;
use crate::http::docs::Refusals;
use crate::http::problem::Problem;
use crate::http::surface::Surface;
use crate::http::times::seconds;

use super::envelope::Envelope;

/// Where a wizard stands, and until when.
#[derive(Serialize, ToSchema)]
pub struct Look {
    #[serde(flatten)]
    envelope: Envelope,
    #[serde(rename = "expiresAt")]
    expires_at: String,
}

/// See where a wizard stands
///
/// No side effect: a reload or a second tab resumes here. A wizard that a signed-in account started wants its access
/// token. Tokens are never shown again.
#[utoipa::path(
    tag = "wizard",
    params(("uuid" = String, Path)),
    responses((status = 200, body = Look), (status = 202, body = Look), Refusals)
)]
#[get("/wizard/{uuid}")]
pub async fn look(
    surface: web::Data<Surface>,
    context: Context,
    uuid: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = uuid.parse().map_err(|_| context.problem(Refused::new(Reason::WizardNotFound)))?;
    let gate = Gate::Own(context.bearer_if_any());
    let standing = surface.engine.look(&context.call(Some(id), None), id, gate).await;
    let standing = standing.map_err(|refused| context.problem(refused))?;
    let look = Look { envelope: Envelope::of(&standing), expires_at: seconds(standing.expires_at) };
    Ok(json(StatusCode::from_u16(look.envelope.code).unwrap_or(StatusCode::OK), &look))
}
