use actix_web::{HttpResponse, get, post, web};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::engine::{FieldProblem, Gate, Input};
use crate::http::body::Body;
use crate::http::context::Context;
use crate::http::docs::{Limited, Refusals};
use crate::http::head::is_get;
use crate::http::problem::Problem;
use crate::http::surface::Surface;
use crate::identity::{LONGEST_TYPED, Secret};

use super::envelope::Envelope;
use super::{answer, begun, parse};

/// Start a sign-in
///
/// Answers with the wizard's uuid, and with its key in `X-Wizard-Key` and a cookie.
#[utoipa::path(tag = "wizard", responses((status = 200, body = Envelope), Refusals))]
#[get("/signin/wizard", guard = "is_get")]
pub async fn start(surface: web::Data<Surface>, context: Context) -> Result<HttpResponse, Problem> {
    let started = surface.engine.start_sign_in(&context.call(None, None)).await;
    started.map(|started| begun(&surface, &started)).map_err(|refused| context.problem(refused))
}

/// A name and a password.
#[derive(Deserialize, ToSchema)]
pub struct SignIn {
    uuid: String,
    /// The email address, or the user name.
    email: String,
    #[schema(value_type = String, max_length = 1024)]
    password: Secret,
}

/// Give the password
///
/// 202 with tokens when the account has no second factor; else 200 with the step of its factor, for which a code has
/// been sent where it needs one, or `2fa_choose` when it has several.
#[utoipa::path(
    tag = "wizard",
    request_body = SignIn,
    responses((status = 200, body = Envelope), (status = 202, body = Envelope), Refusals, Limited)
)]
#[post("/signin")]
pub async fn sign_in(
    surface: web::Data<Surface>,
    context: Context,
    body: Body<SignIn>,
) -> Result<HttpResponse, Problem> {
    let SignIn { uuid, email, password } = body.value;
    let id = parse::uuid(&context, &uuid)?;
    let given = [("email", email.len()), ("password", password.expose().len())];
    if let Some((field, _)) = given.iter().find(|(_, length)| *length > LONGEST_TYPED) {
        let problem = FieldProblem::Invalid(format!("at most {LONGEST_TYPED} bytes"));
        return Err(parse::invalid(&context, field, problem));
    }
    let call = context.call(Some(id), Some(&body.fingerprint));
    let input = Input::Password { name: email, password };
    let standing = surface.engine.step(&call, id, Gate::SignIn, input).await;
    standing.map(|standing| answer(&surface, &standing)).map_err(|refused| context.problem(refused))
}
