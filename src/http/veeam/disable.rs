use actix_web::{HttpResponse, post, web};

use crate::http::context::Context;
use crate::http::docs::{Counted, Success};
use crate::http::problem::Problem;
use crate::http::surface::Surface;
use crate::identity::Permission;

use super::responses::Refusals;
use super::target::{caller, target};

/// Turn MFA off
///
/// Every factor of the account goes off. One's own: each must have been proved a short while ago, in the session or by
/// `X-Success-Token`, or a recovery code in its place. With the permission `users:update` anybody's: their sessions end.
#[utoipa::path(
    tag = "veeam",
    security(("bearer" = [])),
    params(("id" = u64, Path, description = "The account."), Success),
    responses((status = 200, description = "Off; no body."), Refusals, Counted)
)]
#[post("/v1/users/{id}/disableMfa")]
pub async fn disable(
    surface: web::Data<Surface>,
    context: Context,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let caller = caller(&surface, &context).await?;
    let target = target(&context, &caller, &id, Permission::UsersUpdate)?;
    let call = context.call(None, None);
    let off = surface.engine.turn_off_all(&call, &caller, target, context.success_token()).await;
    off.map_err(|refused| context.problem(refused))?;
    Ok(HttpResponse::Ok().finish())
}
