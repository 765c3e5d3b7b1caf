use actix_web::http::StatusCode;
use actix_web::{HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::answer::json;
use crate::http::body::Body;
use crate::http::context::Context;
use crate::http::docs::{Limited, Refusals, Success};
use crate::http::problem::Problem;
use crate::http::surface::Surface;
use crate::http::times::seconds;
use crate::identity::{RecoveryCode, Secret};

/// How many recovery codes are left.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Left {
    left: usize,
    /// Codes that the set had; those of a fresh one where there is none.
    total: usize,
    created_at: Option<String>,
}

/// See how many recovery codes are left
#[utoipa::path(tag = "factors", security(("bearer" = [])), responses((status = 200, body = Left), Refusals))]
#[get("/2fa/recovery-codes")]
pub async fn left(surface: web::Data<Surface>, context: Context) -> Result<HttpResponse, Problem> {
    let left = surface.engine.recovery_left(context.bearer()?).await.map_err(|refused| context.problem(refused))?;
    let created_at = left.made_at.map(seconds);
    Ok(json(StatusCode::OK, &Left { left: left.left, total: left.total, created_at }))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Make {
    /// From a challenge; not needed within a quarter of an hour of proving a second factor in this session. Also taken
    /// from `X-Success-Token`.
    #[schema(value_type = Option<String>)]
    success_token: Option<Secret>,
}

/// A fresh set. It is never shown again.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Made {
    #[schema(example = json!(["ABCDE-FGHIJ"]))]
    codes: Vec<String>,
    total: usize,
}

/// Make a new set of recovery codes
///
/// Ten codes, each good for one sign-in in place of a second factor. Those before are worth nothing any more.
#[utoipa::path(
    tag = "factors",
    security(("bearer" = [])),
    params(Success),
    request_body = Make,
    responses((status = 200, body = Made), Refusals, Limited)
)]
#[post("/2fa/recovery-codes")]
pub async fn make(surface: web::Data<Surface>, context: Context, body: Body<Make>) -> Result<HttpResponse, Problem> {
    let token = context.bearer()?;
    let success = body.value.success_token.as_ref().map(Secret::expose).or(context.success_token());
    let made = surface.engine.make_recovery_codes(&context.call(None, None), token, success).await;
    let codes: Vec<String> = made.map_err(|refused| context.problem(refused))?.iter().map(RecoveryCode::show).collect();
    Ok(json(StatusCode::OK, &Made { total: codes.len(), codes }))
}
