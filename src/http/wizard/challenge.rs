use actix_web::http::StatusCode;
use actix_web::{HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::engine::{CodeInput, Data, FieldProblem, Gate, Input, Standing};
use crate::http::answer::json;
use crate::http::body::Body;
use crate::http::context::Context;
use crate::http::docs::{Limited, Refusals};
use crate::http::head::is_get;
use crate::http::problem::Problem;
use crate::http::surface::Surface;
use crate::http::times::{micros, seconds};
use crate::identity::{Email, RecoveryCode, Secret};
use crate::workflow::{Ask, WizardId};

use super::envelope::receipt;
use super::{keyed, parse};

/// What is to be confirmed, and where the code went.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Challenge {
    /// Names the challenge: to be sent back with the code.
    #[schema(example = "893f59c2-5905-436c-8ee2-643c4a69555f")]
    token: String,
    /// `google`, `sms` or `email`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// When the code was sent; `null` for an authenticator app.
    sent_at: Option<String>,
    /// When the code, or the challenge, expires.
    expired_at: String,
    /// Who the code was sent to, masked; `null` for an authenticator app.
    #[schema(value_type = Object, nullable = true)]
    recipient: Value,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// `google`, `sms` or `email`; must be on. The strongest one without it.
    #[serde(rename = "type")]
    kind: Option<String>,
    /// What the success token is for, where another service will redeem it: 1 to 64 small letters, digits, underscores
    /// or hyphens, and not `password_reset`. `step_up` without it, which is what this API asks for.
    purpose: Option<String>,
}

/// Start confirming that it is you
///
/// A code by the account's strongest method, or by email when it has none. It ends in a success token.
#[utoipa::path(
    tag = "challenge",
    security(("bearer" = [])),
    params(Wanted),
    responses((status = 200, body = Challenge), Refusals, Limited)
)]
#[get("/2fa/challenge", guard = "is_get")]
pub async fn start(
    surface: web::Data<Surface>,
    context: Context,
    wanted: web::Query<Wanted>,
) -> Result<HttpResponse, Problem> {
    let token = context.bearer()?;
    let given =
        |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let pick = given(&wanted.kind).map(|kind| parse::factor(&context, "type", &kind)).transpose()?;
    let purpose = given(&wanted.purpose);
    let started = surface.engine.start_challenge(&context.call(None, None), token, pick, purpose.as_deref()).await;
    let started = started.map_err(|refused| context.problem(refused))?;
    Ok(keyed(&surface, &started, json(StatusCode::OK, &challenge(&started.standing))))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Named {
    email: Option<String>,
}

/// Start getting back in
///
/// A code to this address, if an account has it; the answer is the same if none has. It ends in a success token for
/// POST `/signin/password/reset`.
#[utoipa::path(
    tag = "challenge",
    params(Named),
    responses((status = 200, body = Challenge), Refusals, Limited)
)]
#[get("/2fa/unauthorized/challenge", guard = "is_get")]
pub async fn start_signed_out(
    surface: web::Data<Surface>,
    context: Context,
    named: web::Query<Named>,
) -> Result<HttpResponse, Problem> {
    // A plus sign that was not percent-encoded arrives as a space.
    let email = named.email.as_deref().unwrap_or_default().trim().replace(' ', "+");
    recover(&surface, &context, &email).await
}

/// Starts getting back in with `email`.
pub async fn recover(surface: &Surface, context: &Context, email: &str) -> Result<HttpResponse, Problem> {
    let email = Email::parse(email).map_err(|_| parse::invalid(context, "email", FieldProblem::Email))?;
    let started = surface.engine.start_recovery(&context.call(None, None), email).await;
    let started = started.map_err(|refused| context.problem(refused))?;
    Ok(keyed(surface, &started, json(StatusCode::OK, &challenge(&started.standing))))
}

#[derive(Deserialize, ToSchema)]
pub struct Complete {
    /// As the challenge was answered with.
    token: String,
    /// The code; or one of the account's recovery codes, if it is signed in.
    #[schema(value_type = Option<String>, example = "123456")]
    code: Option<Secret>,
    /// `resend` for another code, in place of `code`.
    action: Option<String>,
}

/// What the confirmation is worth.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Completed {
    /// Good for one use, within ten minutes, for the purpose that was asked for.
    token: String,
    #[schema(example = "2022-01-01T00:00:00+00:00")]
    expires_at: String,
    /// The same as `token`.
    success_token: String,
}

/// Give the code of a challenge
///
/// With the access token if the challenge was started with one.
#[utoipa::path(
    tag = "challenge",
    request_body = Complete,
    responses((status = 200, body = Completed), Refusals, Limited)
)]
#[post("/2fa/challenge")]
pub async fn complete(
    surface: web::Data<Surface>,
    context: Context,
    body: Body<Complete>,
) -> Result<HttpResponse, Problem> {
    let id: WizardId = body.value.token.parse().map_err(|_| parse::invalid(&context, "token", FieldProblem::Uuid))?;
    let expected = |field: &str, what: &str| parse::invalid(&context, field, FieldProblem::Invalid(what.to_owned()));
    let input = match (body.value.action.as_deref(), &body.value.code) {
        (Some("resend"), _) => Input::Resend,
        (None | Some("code"), Some(code)) => given(code),
        (None | Some("code"), None) => return Err(expected("code", "a string")),
        (Some(_), _) => return Err(expected("action", "code or resend")),
    };
    let (call, gate) = (context.call(Some(id), Some(&body.fingerprint)), Gate::Challenge(context.bearer_if_any()));
    let standing = surface.engine.step(&call, id, gate, input).await;
    let standing =
        standing.map_err(|refused| context.problem(refused).restart_at(&format!("{}/2fa/challenge", super::BASE)))?;
    Ok(match &standing.data {
        Data::Success(success) => json(
            StatusCode::OK,
            &Completed {
                token: success.token.clone(),
                expires_at: seconds(success.expires_at),
                success_token: success.token.clone(),
            },
        ),
        _ => json(StatusCode::OK, &challenge(&standing)),
    })
}

/// A recovery code has another length than any other code, so it needs no word of its own.
fn given(code: &Secret) -> Input {
    if RecoveryCode::parse(code.expose()).is_ok() {
        return Input::Recovery { code: code.clone(), end_other_sessions: false, remember: false };
    }
    let code = code.expose().to_owned();
    Input::Code(CodeInput { factor: None, code, key: None, end_other_sessions: false, remember: false })
}

fn challenge(standing: &Standing) -> Challenge {
    let kind = match standing.asks.as_ref().map(|asking| asking.ask) {
        Some(Ask::CheckCode(recipient)) => recipient.factor().as_str(),
        Some(Ask::CheckRecoveryCode) => "recovery",
        _ => "google",
    };
    let receipt = standing.receipt.as_ref();
    Challenge {
        token: standing.id.to_string(),
        kind,
        sent_at: receipt.map(|receipt| micros(receipt.sent_at)),
        expired_at: micros(receipt.map_or(standing.expires_at, |receipt| receipt.expires_at)),
        recipient: receipt.map_or(Value::Null, |sent| self::receipt(sent)["recipient"].take()),
    }
}
