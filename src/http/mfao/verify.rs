use actix_web::http::StatusCode;
use actix_web::{HttpResponse, post, web};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::engine::{FieldProblem, Reason, Refused};
use crate::http::answer::json;
use crate::http::body::Body;
use crate::http::context::Context;
use crate::http::docs::{Counted, Success};
use crate::http::flag::Flag;
use crate::http::problem::Problem;
use crate::http::surface::Surface;
use crate::identity::Secret;
use crate::telemetry::{Phases, counted};

use super::caller::{Caller, name, problem};
use super::metrics::Metrics;
use super::responses::Refusals;

#[derive(Deserialize, ToSchema)]
pub struct Verify {
    /// An email address or a user name, in any spelling.
    #[schema(example = "john")]
    username: String,
    /// What the app shows; may come in the query instead.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false, example = "123456")]
    otp: Option<Secret>,
    /// Whether to tell what the request has cost.
    #[serde(default)]
    #[schema(value_type = bool)]
    verbose: Flag,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Otp {
    /// What the app shows, where the body has none, or the same as there.
    #[param(value_type = Option<String>)]
    otp: Option<Secret>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    username: String,
    valid: bool,
    /// Wrong codes that are left before the account is blocked; beside a wrong one only.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts_left: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics: Option<Metrics>,
}

/// Verify a code
///
/// Of the account's authenticator, wherever it was enrolled; each code is right once. The first right code after an
/// enrolment turns the authenticator on. A name that nobody has has no right code. Too many wrong ones block the account
/// on every surface: 429 `account_locked`.
#[utoipa::path(
    tag = "mfao",
    security(("api_key" = [], "access_key" = []), ("bearer" = [])),
    params(("policyId" = String, Path), Otp, Success),
    request_body = Verify,
    responses((status = 200, body = Verified), Refusals, Counted)
)]
#[post("/{policyId}/verify")]
pub async fn verify(
    surface: web::Data<Surface>,
    caller: Caller,
    context: Context,
    policy: web::Path<String>,
    query: web::Query<Otp>,
    body: Body<Verify>,
) -> Result<HttpResponse, Problem> {
    let Verify { username, otp, verbose } = body.value;
    let otp = one(otp, query.into_inner().otp)
        .map_err(|problem| context.problem(Refused::new(Reason::Invalid).field("otp", problem)))?;
    let (call, phases) = (context.call(None, None), Phases::default());
    let asked = caller.asks(&call, &policy, name(&context, &username)?, &phases);
    let (judged, trips) = counted(surface.engine.verify_by_policy(&asked, otp.expose())).await;
    let judged = judged.map_err(|refused| problem(&context, refused).without_way_on())?;
    let measured = || Metrics::of(&call.request_id, &policy, trips, &phases).judged(&judged);
    let metrics = verbose.0.then(measured);
    let attempts_left = judged.attempts_left.filter(|_| !judged.valid);
    Ok(json(StatusCode::OK, &Verified { username, valid: judged.valid, attempts_left, metrics }))
}

/// What is there is a text: `null` is none.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    Secret::deserialize(deserializer).map(Some)
}

/// The one code that was given; the same in both places is one. An empty query parameter is none.
fn one(body: Option<Secret>, query: Option<Secret>) -> Result<Secret, FieldProblem> {
    match (body, query.filter(|otp| !otp.expose().is_empty())) {
        (Some(otp), None) | (None, Some(otp)) => Ok(otp),
        (Some(otp), Some(same)) if otp.expose() == same.expose() => Ok(otp),
        (None, None) => Err(FieldProblem::Missing),
        (Some(_), Some(_)) => Err(FieldProblem::Twice),
    }
}
