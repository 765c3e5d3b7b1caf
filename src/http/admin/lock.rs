use actix_web::{HttpResponse, delete, web};

use crate::http::answer::empty;
use crate::http::context::Context;
use crate::http::docs::Refusals;
use crate::http::problem::Problem;
use crate::http::surface::Surface;

use super::fields::number;
use super::guard::Operator;

/// Lift the blocks of an account
///
/// Its failures are forgotten as well, of passwords and of codes. Blocks of client addresses stay.
#[utoipa::path(
    tag = "operator",
    security(("operator" = [])),
    params(("id" = u64, Path)),
    responses((status = 204), Refusals)
)]
#[delete("/accounts/{id}/lock")]
pub async fn lift(
    surface: web::Data<Surface>,
    _operator: Operator,
    context: Context,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let lifted = surface.engine.unlock(number(&context, &id)?, Some(&context.call(None, None))).await;
    lifted.map(|()| empty()).map_err(|refused| context.problem(refused))
}
