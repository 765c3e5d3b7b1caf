use actix_web::http::StatusCode;
use actix_web::{HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::answer::json;
use crate::http::body::Body;
use crate::http::context::Context;
use crate::http::docs::Success;
use crate::http::flag::Flag;
use crate::http::problem::Problem;
use crate::http::surface::Surface;
use crate::telemetry::{Phases, counted};

use super::caller::{Caller, name, problem};
use super::metrics::Metrics;
use super::responses::Refusals;

/// Whose authenticator it is about.
#[derive(Deserialize, ToSchema)]
pub struct Named {
    /// An email address or a user name, in any spelling.
    #[schema(example = "john")]
    pub username: String,
    /// Whether to tell what the request has cost.
    #[serde(default)]
    #[schema(value_type = bool)]
    pub verbose: Flag,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Enrolled {
    username: String,
    /// The image to scan: a PNG in base64.
    qrcode: String,
    /// What the image says, for apps on the same machine.
    otpauth_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics: Option<Metrics>,
}

/// Enrol an authenticator
///
/// It is on with the first right code, which `verify` takes; until then, and for an hour at most, it waits. Enrolling
/// again forgets the one that waits. 409 `method_already_enabled` when one is on.
///
/// A name that nobody has gets an account if the policy makes one, and else an image that leads nowhere.
#[utoipa::path(
    tag = "mfao",
    security(("api_key" = [], "access_key" = []), ("bearer" = [])),
    params(("policyId" = String, Path), Success),
    request_body = Named,
    responses((status = 200, body = Enrolled), Refusals)
)]
#[post("/{policyId}/enrollment")]
pub async fn enrol(
    surface: web::Data<Surface>,
    caller: Caller,
    context: Context,
    policy: web::Path<String>,
    body: Body<Named>,
) -> Result<HttpResponse, Problem> {
    let Named { username, verbose } = body.value;
    let (call, phases) = (context.call(None, None), Phases::default());
    let asked = caller.asks(&call, &policy, name(&context, &username)?, &phases);
    let (enrolled, trips) = counted(surface.engine.enrol_by_policy(&asked)).await;
    let enrolment = enrolled.map_err(|refused| problem(&context, refused))?;
    let metrics = verbose.0.then(|| Metrics::of(&call.request_id, &policy, trips, &phases));
    let qrcode = data_encoding::BASE64.encode(&enrolment.qr);
    Ok(json(StatusCode::OK, &Enrolled { username, qrcode, otpauth_url: enrolment.otpauth_url, metrics }))
}
