use actix_web::{HttpResponse, post, put, web};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::engine::PasswordPair;
use crate::http::answer::empty;
use crate::http::body::Body;
use crate::http::context::Context;
use crate::http::docs::{Limited, Refusals};
use crate::http::problem::Problem;
use crate::http::surface::Surface;
use crate::identity::Secret;

use super::challenge;

/// A new password, typed twice: 8 to 128 characters that are not easy to guess.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewPassword {
    /// From a challenge.
    #[schema(value_type = String)]
    success_token: Secret,
    #[schema(value_type = String, min_length = 8, max_length = 128)]
    password: Secret,
    #[schema(value_type = String)]
    password_confirmation: Secret,
}

impl NewPassword {
    fn pair(&self) -> PasswordPair {
        PasswordPair { password: self.password.clone(), confirmation: self.password_confirmation.clone() }
    }
}

/// Change the password
///
/// Every other session ends and no device is remembered any more; second factors stay.
#[utoipa::path(
    tag = "password",
    security(("bearer" = [])),
    request_body = NewPassword,
    responses((status = 204), Refusals, Limited)
)]
#[put("/password")]
pub async fn change(
    surface: web::Data<Surface>,
    context: Context,
    body: Body<NewPassword>,
) -> Result<HttpResponse, Problem> {
    let (call, success) = (context.call(None, None), body.value.success_token.expose());
    let changed = surface.engine.change_password(&call, context.bearer()?, success, body.value.pair()).await;
    changed.map(|()| empty()).map_err(|refused| context.problem(refused))
}

#[derive(Deserialize, ToSchema)]
pub struct Restore {
    email: String,
}

/// Start getting back in
///
/// The same as GET `/2fa/unauthorized/challenge`: a code to this address, if an account has it.
#[utoipa::path(
    tag = "password",
    request_body = Restore,
    responses((status = 200, body = challenge::Challenge), Refusals, Limited)
)]
#[post("/signin/password/restore")]
pub async fn restore(
    surface: web::Data<Surface>,
    context: Context,
    body: Body<Restore>,
) -> Result<HttpResponse, Problem> {
    challenge::recover(&surface, &context, &body.value.email).await
}

/// Set a new password after a confirmed address
///
/// All sessions end. It signs nobody in, and second factors stay on; a code to that address is none of them beside a
/// password that was set with one.
#[utoipa::path(
    tag = "password",
    request_body = NewPassword,
    responses((status = 204), Refusals, Limited)
)]
#[post("/signin/password/reset")]
pub async fn reset(
    surface: web::Data<Surface>,
    context: Context,
    body: Body<NewPassword>,
) -> Result<HttpResponse, Problem> {
    let (call, success) = (context.call(None, None), body.value.success_token.expose());
    let reset = surface.engine.reset_password(&call, success, body.value.pair()).await;
    reset.map(|()| empty()).map_err(|refused| context.problem(refused))
}
