use actix_web::{HttpResponse, get, post, web};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::engine::{CodeInput, FieldProblem, Gate, Input, Reason, Refused};
use crate::http::body::Body;
use crate::http::context::Context;
use crate::http::docs::{Limited, Refusals};
use crate::http::problem::Problem;
use crate::http::surface::Surface;
use crate::identity::Factor;

use super::envelope::Envelope;
use super::{BASE, answer, begun, parse};

/// Start turning a method on
#[utoipa::path(
    tag = "factors",
    security(("bearer" = [])),
    params(("type" = String, Path, description = "google, sms or email")),
    responses((status = 200, body = Envelope), Refusals, Limited)
)]
#[get("/2fa/{type}/enable/wizard")]
pub async fn enable(
    surface: web::Data<Surface>,
    context: Context,
    kind: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (token, factor) = (context.bearer()?, known(&context, &kind)?);
    let started = surface.engine.start_enable(&context.call(None, None), token, factor).await;
    started.map(|started| begun(&surface, &started)).map_err(|refused| context.problem(refused))
}

/// Start turning a method off
#[utoipa::path(
    tag = "factors",
    security(("bearer" = [])),
    params(("type" = String, Path, description = "google, sms or email")),
    responses((status = 200, body = Envelope), Refusals, Limited)
)]
#[get("/2fa/{type}/disable/wizard")]
pub async fn disable(
    surface: web::Data<Surface>,
    context: Context,
    kind: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (token, factor) = (context.bearer()?, known(&context, &kind)?);
    let started = surface.engine.start_disable(&context.call(None, None), token, factor).await;
    started.map(|started| begun(&surface, &started)).map_err(|refused| context.problem(refused))
}

fn known(context: &Context, kind: &str) -> Result<Factor, Problem> {
    kind.parse().map_err(|_| context.problem(Refused::new(Reason::NotFound)))
}

/// One step of turning a method on or off: `phone` to give the number, else `action`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FactorStep {
    uuid: String,
    /// `code` or `resend`; not needed with `phone`.
    action: Option<String>,
    #[schema(example = "+79994445561")]
    phone: Option<String>,
    #[schema(example = "123456")]
    code: Option<String>,
    /// The key that the start of an authenticator enrolment has shown; checked if given.
    key: Option<String>,
    /// Whether turning the method on or off ends all other sessions of the account.
    end_other_sessions: Option<bool>,
}

/// Take a step of turning a method on or off
#[utoipa::path(
    tag = "factors",
    security(("bearer" = [])),
    request_body = FactorStep,
    responses((status = 200, body = Envelope), (status = 202, body = Envelope), Refusals, Limited)
)]
#[post("/2fa/wizard")]
pub async fn step(
    surface: web::Data<Surface>,
    context: Context,
    body: Body<FactorStep>,
) -> Result<HttpResponse, Problem> {
    let token = context.bearer()?;
    let id = parse::uuid(&context, &body.value.uuid)?;
    let call = context.call(Some(id), Some(&body.fingerprint));
    let input = input(&context, body.value)?;
    let standing = surface.engine.step(&call, id, Gate::Bearer(token), input).await;
    standing
        .map(|standing| answer(&standing))
        .map_err(|refused| context.problem(refused).restart_at(&format!("{BASE}/2fa")))
}

fn input(context: &Context, given: FactorStep) -> Result<Input, Problem> {
    let expected = |what: &str| FieldProblem::Invalid(what.to_owned());
    match (given.action.as_deref(), given.phone) {
        (None | Some("phone"), Some(phone)) => Ok(Input::Phone(parse::phone(context, &phone)?)),
        (Some("resend"), _) => Ok(Input::Resend),
        (Some("code"), _) | (None, None) => {
            let code = given.code.ok_or_else(|| parse::invalid(context, "code", expected("a string")))?;
            let end_other_sessions = given.end_other_sessions.unwrap_or(false);
            Ok(Input::Code(CodeInput { factor: None, code, key: given.key, end_other_sessions }))
        }
        (Some(_), _) => Err(parse::invalid(context, "action", expected("code or resend"))),
    }
}
