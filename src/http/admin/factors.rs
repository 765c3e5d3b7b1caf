use actix_web::{HttpResponse, delete, web};

use crate::engine::{FieldProblem, Reason, Refused, Reset};
use crate::http::answer::empty;
use crate::http::context::Context;
use crate::http::docs::Refusals;
use crate::http::problem::Problem;
use crate::http::surface::Surface;

use super::fields::number;
use super::guard::Operator;

/// Reset a factor
///
/// For somebody who has lost it: `google`, `sms`, `email`, `recovery` for the recovery codes, or `all`. All sessions of
/// the account end, its remembered devices are forgotten, and its owner is told. Blocks stay as they are.
#[utoipa::path(
    tag = "operator",
    security(("operator" = [])),
    params(("id" = u64, Path), ("type" = String, Path)),
    responses((status = 204), Refusals)
)]
#[delete("/accounts/{id}/factors/{type}")]
pub async fn reset(
    surface: web::Data<Surface>,
    _operator: Operator,
    context: Context,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (id, what) = path.into_inner();
    let what = what.parse::<Reset>().map_err(|_| {
        let expected = FieldProblem::Invalid("one of google, sms, email, recovery, all".to_owned());
        context.problem(Refused::new(Reason::Invalid).field("type", expected))
    })?;
    let reset = surface.engine.reset(number(&context, &id)?, what, Some(&context.call(None, None))).await;
    reset.map(|_| empty()).map_err(|refused| context.problem(refused))
}
