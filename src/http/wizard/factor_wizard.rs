use actix_web::{HttpResponse, get, post, web};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::engine::{CodeInput, FieldProblem, Gate, Input, Reason, Refused};
use crate::http::body::Body;
use crate::http::context::Context;
use crate::http::docs::{Limited, Refusals, Success};
use crate::http::head::is_get;
use crate::http::problem::Problem;
use crate::http::surface::Surface;
use crate::identity::{Factor, LONGEST_TYPED, Secret};

use super::envelope::Envelope;
use super::{BASE, answer, begun, parse};

/// Start turning a method on
#[utoipa::path(
    tag = "factors",
    security(("bearer" = [])),
    params(("type" = String, Path, description = "google, sms or email"), Success),
    responses((status = 200, body = Envelope), Refusals, Limited)
)]
#[get("/2fa/{type}/enable/wizard", guard = "is_get")]
pub async fn enable(
    surface: web::Data<Surface>,
    context: Context,
    kind: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (token, factor) = (context.bearer()?, known(&context, &kind)?);
    let started = surface.engine.start_enable(&context.call(None, None), token, factor, context.success_token()).await;
    started.map(|started| begun(&surface, &started)).map_err(|refused| context.problem(refused))
}

/// Start turning a method off
#[utoipa::path(
    tag = "factors",
    security(("bearer" = [])),
    params(("type" = String, Path, description = "google, sms or email"), Success),
    responses((status = 200, body = Envelope), Refusals, Limited)
)]
#[get("/2fa/{type}/disable/wizard", guard = "is_get")]
pub async fn disable(
    surface: web::Data<Surface>,
    context: Context,
    kind: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (token, factor) = (context.bearer()?, known(&context, &kind)?);
    let started = surface.engine.start_disable(&context.call(None, None), token, factor, context.success_token()).await;
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
    /// `code` or `resend`; not needed with `phone`. `recovery`: `code` is a recovery code, which stands in for a method
    /// that was lost when it is turned off. `password` and `choose` where an operator's workflow asks for them.
    action: Option<String>,
    #[schema(example = "+79994445561")]
    phone: Option<String>,
    #[schema(example = "123456")]
    code: Option<String>,
    /// The account's password, with `action` `password`.
    #[schema(value_type = Option<String>, max_length = 1024)]
    password: Option<Secret>,
    /// The method, with `action` `choose`.
    #[serde(rename = "type")]
    kind: Option<String>,
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
        .map(|standing| answer(&surface, &standing))
        .map_err(|refused| context.problem(refused).restart_at(&format!("{BASE}/2fa")))
}

fn input(context: &Context, given: FactorStep) -> Result<Input, Problem> {
    let expected = |field: &str, what: &str| parse::invalid(context, field, FieldProblem::Invalid(what.to_owned()));
    let end_other_sessions = given.end_other_sessions.unwrap_or(false);
    match (given.action.as_deref(), given.phone) {
        (None | Some("phone"), Some(phone)) => Ok(Input::Phone(parse::phone(context, &phone)?)),
        (Some("phone"), None) => Err(expected("phone", "a string")),
        (Some("resend"), _) => Ok(Input::Resend),
        (Some("recovery"), _) => {
            let code = given.code.ok_or_else(|| expected("code", "a string"))?;
            Ok(Input::Recovery { code: Secret::new(code), end_other_sessions, remember: false })
        }
        (Some("choose"), _) => {
            let kind = given.kind.ok_or_else(|| expected("type", "a string"))?;
            Ok(Input::Choose(parse::factor(context, "type", &kind)?))
        }
        (Some("password"), _) => {
            let password = given.password.filter(|password| password.expose().len() <= LONGEST_TYPED);
            let wanted = format!("a string of at most {LONGEST_TYPED} bytes");
            let password = password.ok_or_else(|| expected("password", &wanted))?;
            Ok(Input::Password { name: String::new(), password })
        }
        (Some("code") | None, _) => {
            let code = given.code.ok_or_else(|| expected("code", "a string"))?;
            Ok(Input::Code(CodeInput { factor: None, code, key: given.key, end_other_sessions, remember: false }))
        }
        (Some(_), _) => Err(expected("action", "one of code, resend, recovery, phone, password, choose")),
    }
}
