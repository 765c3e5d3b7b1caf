use actix_web::{HttpResponse, delete, web};

use crate::engine::{Gate, Reason, Refused};
use crate::http::answer::empty;
use crate::http::context::Context;
use crate::http::docs::Refusals;
use crate::http::problem::Problem;
use crate::http::surface::Surface;

/// Cancel a wizard
///
/// From then on there is no such wizard.
#[utoipa::path(tag = "wizard", params(("uuid" = String, Path)), responses((status = 204), Refusals))]
#[delete("/wizard/{uuid}")]
pub async fn cancel(
    surface: web::Data<Surface>,
    context: Context,
    uuid: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = uuid.parse().map_err(|_| context.problem(Refused::new(Reason::WizardNotFound)))?;
    let gate = Gate::Own(context.bearer_if_any());
    let cancelled = surface.engine.cancel(&context.call(Some(id), None), id, gate).await;
    cancelled.map(|()| empty()).map_err(|refused| context.problem(refused))
}
