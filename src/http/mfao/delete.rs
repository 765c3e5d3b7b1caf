use actix_web::http::StatusCode;
use actix_web::{HttpResponse, post, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::answer::json;
use crate::http::body::Body;
use crate::http::context::Context;
use crate::http::docs::Success;
use crate::http::problem::Problem;
use crate::http::surface::Surface;
use crate::telemetry::{Phases, counted};

use super::caller::{Caller, name, problem};
use super::enrollment::Named;
use super::metrics::Metrics;
use super::responses::Refusals;

#[derive(Serialize, ToSchema)]
pub struct Deleted {
    username: String,
    /// Always `true`: there is none any more.
    deleted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics: Option<Metrics>,
}

/// Delete an authenticator
///
/// On or waiting; whoever has none is answered alike. When one was on, the account's sessions end, its owner is told, and
/// the change log has a line. 403 `mfa_disallowed` when it was enrolled under a policy that keeps this surface from it.
#[utoipa::path(
    tag = "mfao",
    security(("api_key" = [], "access_key" = []), ("bearer" = [])),
    params(("policyId" = String, Path), Success),
    request_body = Named,
    responses((status = 200, body = Deleted), Refusals)
)]
#[post("/{policyId}/delete")]
pub async fn delete(
    surface: web::Data<Surface>,
    caller: Caller,
    context: Context,
    policy: web::Path<String>,
    body: Body<Named>,
) -> Result<HttpResponse, Problem> {
    let Named { username, verbose } = body.value;
    let (call, phases) = (context.call(None, None), Phases::default());
    let asked = caller.asks(&call, &policy, name(&context, &username)?, &phases);
    let (deleted, trips) = counted(surface.engine.delete_by_policy(&asked)).await;
    deleted.map_err(|refused| problem(&context, refused))?;
    let metrics = verbose.0.then(|| Metrics::of(&call.request_id, &policy, trips, &phases));
    Ok(json(StatusCode::OK, &Deleted { username, deleted: true, metrics }))
}
