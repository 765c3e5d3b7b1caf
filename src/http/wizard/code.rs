use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::engine::{CodeInput, Gate, Input};
use crate::http::body::Body;
use crate::http::context::Context;
use crate::http::docs::{Limited, Refusals};
use crate::http::problem::Problem;
use crate::http::surface::Surface;
use crate::identity::{Factor, Secret};

use super::envelope::Envelope;
use super::{answer, parse};

#[derive(Deserialize, ToSchema)]
pub struct Code {
    uuid: String,
    /// Exactly six ASCII digits, as a string.
    #[schema(example = "123456")]
    code: String,
    /// Whether this device is to stand in for the second factor from now on, for as long as the policy says. Its token
    /// comes as `X-Device-Token` and as a cookie, and is shown at the next POST /signin.
    #[serde(rename = "rememberDevice", default)]
    remember_device: Option<bool>,
}

/// Give the code of an authenticator app
#[utoipa::path(tag = "wizard", request_body = Code, responses((status = 202, body = Envelope), Refusals, Limited))]
#[post("/2fa/google")]
pub async fn google(surface: web::Data<Surface>, context: Context, body: Body<Code>) -> Result<HttpResponse, Problem> {
    give(&surface, &context, &body, Factor::Google).await
}

/// Give the code that came by SMS
#[utoipa::path(tag = "wizard", request_body = Code, responses((status = 202, body = Envelope), Refusals, Limited))]
#[post("/2fa/sms")]
pub async fn sms(surface: web::Data<Surface>, context: Context, body: Body<Code>) -> Result<HttpResponse, Problem> {
    give(&surface, &context, &body, Factor::Sms).await
}

/// Give the code that came by email
#[utoipa::path(tag = "wizard", request_body = Code, responses((status = 202, body = Envelope), Refusals, Limited))]
#[post("/2fa/email")]
pub async fn email(surface: web::Data<Surface>, context: Context, body: Body<Code>) -> Result<HttpResponse, Problem> {
    give(&surface, &context, &body, Factor::Email).await
}

/// A recovery code.
#[derive(Deserialize, ToSchema)]
pub struct Recovery {
    uuid: String,
    /// Ten letters and digits; case, spaces and hyphens do not matter.
    #[schema(value_type = String, example = "ABCDE-FGHIJ")]
    code: Secret,
    #[serde(rename = "rememberDevice", default)]
    remember_device: Option<bool>,
}

/// Give a recovery code
///
/// Each works once.
#[utoipa::path(tag = "wizard", request_body = Recovery, responses((status = 202, body = Envelope), Refusals, Limited))]
#[post("/2fa/recovery")]
pub async fn recovery(
    surface: web::Data<Surface>,
    context: Context,
    body: Body<Recovery>,
) -> Result<HttpResponse, Problem> {
    let id = parse::uuid(&context, &body.value.uuid)?;
    let call = context.call(Some(id), Some(&body.fingerprint));
    let remember = body.value.remember_device.unwrap_or(false);
    let input = Input::Recovery { code: body.value.code.clone(), end_other_sessions: false, remember };
    let standing = surface.engine.step(&call, id, Gate::SignIn, input).await;
    standing.map(|standing| answer(&surface, &standing)).map_err(|refused| context.problem(refused))
}

async fn give(
    surface: &Surface,
    context: &Context,
    body: &Body<Code>,
    factor: Factor,
) -> Result<HttpResponse, Problem> {
    let id = parse::uuid(context, &body.value.uuid)?;
    let call = context.call(Some(id), Some(&body.fingerprint));
    let (code, remember) = (body.value.code.clone(), body.value.remember_device.unwrap_or(false));
    let input = Input::Code(CodeInput { factor: Some(factor), code, key: None, end_other_sessions: false, remember });
    let standing = surface.engine.step(&call, id, Gate::SignIn, input).await;
    standing.map(|standing| answer(surface, &standing)).map_err(|refused| context.problem(refused))
}
