use actix_web::{HttpResponse, post, web};

use crate::engine::{Call, Caller, Hand, Refused};
use crate::http::context::Context;
use crate::http::docs::{Counted, Refusals, Success};
use crate::http::problem::Problem;
use crate::http::surface::Surface;
use crate::identity::{Factor, Permission};

use super::target::{Target, caller, target};

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
    let off = turn_off(&surface, &context.call(None, None), &caller, target, context.success_token()).await;
    off.map_err(|refused| context.problem(refused))?;
    Ok(HttpResponse::Ok().finish())
}

async fn turn_off(
    surface: &Surface,
    call: &Call,
    caller: &Caller,
    target: Target,
    success: Option<&str>,
) -> Result<(), Refused> {
    let engine = &surface.engine;
    match target {
        Target::Own => engine.turn_all_off(call, caller, engine.proofs(caller, success)?).await.map(drop),
        Target::Other(id) => {
            engine.confirm_authority(caller, success).await?;
            engine.turn_off(call, id, &Factor::ALL, Hand::Account(caller.account.id)).await.map(drop)
        }
    }
}
