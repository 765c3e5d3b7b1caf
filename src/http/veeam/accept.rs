use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::body::Body;
use crate::http::context::Context;
use crate::http::docs::Counted;
use crate::http::problem::Problem;
use crate::http::surface::Surface;
use crate::identity::{Permission, Secret};

use super::responses::Refusals;
use super::target::{caller, target};

#[derive(Deserialize, ToSchema)]
pub struct AcceptMfa {
    /// A code of the authenticator, or one of the scratch codes, which is then used up.
    #[schema(value_type = String, example = "123456")]
    code: Secret,
    /// From `enableMfa`.
    #[schema(value_type = String)]
    token: Secret,
}

/// Turn MFA on
///
/// The authenticator is on from now on, in place of the one before if there was one, and the scratch codes are the
/// account's recovery codes. A wrong code is counted on the account like any other.
#[utoipa::path(
    tag = "veeam",
    security(("bearer" = [])),
    params(("id" = u64, Path, description = "The account.")),
    request_body = AcceptMfa,
    responses((status = 200, description = "On; no body."), Refusals, Counted)
)]
#[post("/v1/users/{id}/acceptMfa")]
pub async fn accept(
    surface: web::Data<Surface>,
    context: Context,
    id: web::Path<String>,
    body: Body<AcceptMfa>,
) -> Result<HttpResponse, Problem> {
    let caller = caller(&surface, &context).await?;
    let target = target(&context, &caller, &id, Permission::UsersUpdate)?;
    let (call, AcceptMfa { code, token }) = (context.call(None, None), &body.value);
    let accepted = surface.engine.accept_offer(&call, &caller, target, token.expose(), code.expose()).await;
    accepted.map_err(|refused| context.problem(refused))?;
    Ok(HttpResponse::Ok().finish())
}
