use actix_web::{HttpResponse, post, web};

use crate::http::answer::empty;
use crate::http::context::Context;
use crate::http::docs::Refusals;
use crate::http::problem::Problem;
use crate::http::surface::Surface;

/// Sign out
///
/// Ends this session and its refresh tokens.
#[utoipa::path(tag = "session", security(("bearer" = [])), responses((status = 204), Refusals))]
#[post("/signout")]
pub async fn sign_out(surface: web::Data<Surface>, context: Context) -> Result<HttpResponse, Problem> {
    let done = surface.engine.sign_out(&context.call(None, None), context.bearer()?).await;
    done.map(|()| empty()).map_err(|refused| context.problem(refused))
}
