use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::engine::{CodeInput, Gate, Input};
use crate::http::body::Body;
use crate::http::context::Context;
use crate::http::docs::{Limited, Refusals};
use crate::http::problem::Problem;
use crate::http::surface::Surface;
use crate::identity::Factor;

use super::envelope::Envelope;
use super::{answer, parse};

#[derive(Deserialize, ToSchema)]
pub struct Code {
    uuid: String,
    /// Exactly six ASCII digits, as a string.
    #[schema(example = "123456")]
    code: String,
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

async fn give(
    surface: &Surface,
    context: &Context,
    body: &Body<Code>,
    factor: Factor,
) -> Result<HttpResponse, Problem> {
    let id = parse::uuid(context, &body.value.uuid)?;
    let call = context.call(Some(id), Some(&body.fingerprint));
    let code = body.value.code.clone();
    let input = Input::Code(CodeInput { factor: Some(factor), code, key: None, end_other_sessions: false });
    let standing = surface.engine.step(&call, id, Gate::SignIn, input).await;
    standing.map(|standing| answer(&standing)).map_err(|refused| context.problem(refused))
}
