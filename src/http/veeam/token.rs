use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderValue, PRAGMA};
use actix_web::{FromRequest, HttpRequest, HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::engine::{Admitted, FieldProblem, Passage, Pending, Reason, Refused, Tokens};
use crate::http::body::receive;
use crate::http::context::{Context, locale};
use crate::http::problem::BodyFault;
use crate::http::surface::Surface;
use crate::identity::{Factor, LONGEST_TYPED, Locale, Method, Secret};
use crate::workflow::Opens;

use super::json;
use super::oauth::{OAuthError, OAuthProblem, OAuthRefusals};

/// What is given for tokens (RFC 6749 §4.3.2, §6).
#[derive(Deserialize, ToSchema)]
pub struct TokenRequest {
    /// `Password`, `Mfa` or `Refresh_token`, in any letter case.
    #[schema(value_type = String, example = "Password")]
    grant_type: Option<String>,
    /// With `Password`: the email address, or the user name.
    #[serde(alias = "Username")]
    #[schema(value_type = Option<String>)]
    username: Option<Secret>,
    #[serde(alias = "Password")]
    #[schema(value_type = Option<String>, max_length = 1024)]
    password: Option<Secret>,
    /// With `Mfa`: what the password was answered with.
    #[schema(value_type = Option<String>)]
    mfa_token: Option<Secret>,
    /// With `Mfa`: the code that was asked for, or a recovery code.
    #[schema(value_type = Option<String>, example = "123456")]
    mfa_code: Option<Secret>,
    /// With `Refresh_token`.
    #[schema(value_type = Option<String>)]
    refresh_token: Option<Secret>,
}

/// Tokens (RFC 6749 §5.1).
#[derive(Serialize, ToSchema)]
pub struct TokenResponse {
    access_token: String,
    #[schema(example = "bearer")]
    token_type: &'static str,
    refresh_token: String,
    /// Seconds that the access token is good for.
    expires_in: i64,
}

/// The password is right, and a second factor is on.
#[derive(Serialize, ToSchema)]
pub struct MfaResponse {
    /// For `grant_type=Mfa`, together with the code.
    mfa_token: String,
    /// Which code is wanted; a recovery code is as good.
    #[schema(value_type = String, example = "google")]
    mfa_type: Method,
    /// The factors that are on, strongest first.
    #[schema(value_type = Vec<String>)]
    mfa_types: Vec<Factor>,
    /// Where the code was sent, masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    mfa_recipient: Option<String>,
    /// Seconds that the MFA token is good for.
    expires_in: i64,
}

/// One of the two.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum TokenAnswer {
    Tokens(TokenResponse),
    Mfa(MfaResponse),
}

/// Get tokens
///
/// `Password` is answered with tokens, or, where a second factor is on, with an MFA token; `Mfa` takes that and the code.
/// `Refresh_token` exchanges a refresh token for a new pair: each works once.
#[utoipa::path(
    tag = "veeam",
    request_body(content((TokenRequest = "application/x-www-form-urlencoded"), (TokenRequest = "application/json"))),
    responses(
        (
            status = 200,
            body = TokenAnswer,
            headers(("Pragma" = String, description = "`no-cache`, for caches of HTTP/1.0 (RFC 6749 §5.1)."))
        ),
        OAuthRefusals,
        (
            status = 400,
            description = "What RFC 6749 calls an invalid request or grant; `code` says which, `errors` names the parameter.",
            body = OAuthProblem<'static>,
            content_type = "application/problem+json",
            headers(("Content-Language" = String, description = "Of `title`, `detail` and `errors`."))
        )
    )
)]
#[post("/oauth2/token")]
pub async fn token(surface: web::Data<Surface>, asked: Asked) -> Result<HttpResponse, OAuthError> {
    let Asked { context, locale, request } = asked;
    let (engine, call, fail) = (&surface.engine, context.call(None, None), |refused| OAuthError::new(locale, refused));
    let grant = given(locale, "grant_type", request.grant_type.map(Secret::new))?;
    let passage = match grant.expose().to_ascii_lowercase().as_str() {
        "password" => {
            let name = short(locale, "username", given(locale, "username", request.username)?)?;
            let password = short(locale, "password", given(locale, "password", request.password)?)?;
            engine.enter(&call, name.expose(), password, Opens::Tokens).await
        }
        "mfa" => {
            let token = given(locale, "mfa_token", request.mfa_token)?;
            let code = given(locale, "mfa_code", request.mfa_code)?;
            let passage = engine.enter_with_code(&call, token.expose(), code.expose(), Opens::Tokens).await;
            // What the engine calls a code has a longer name here.
            passage.map_err(|refused| refused.renamed("code", "mfa_code"))
        }
        "refresh_token" => {
            let token = given(locale, "refresh_token", request.refresh_token)?;
            return engine.refresh(&call, token.expose()).await.map(|tokens| issued(&tokens)).map_err(fail);
        }
        _ => return Err(OAuthError::grant_type(locale)),
    };
    match passage.map_err(fail)? {
        Passage::Asked(pending) => Ok(wanted(&surface, pending)),
        Passage::Entered(entered) => match &entered.admitted {
            Admitted::Tokens(tokens) => Ok(issued(tokens)),
            Admitted::Panel { .. } | Admitted::Nothing => Err(fail(Refused::new(Reason::Internal))),
        },
    }
}

/// A parameter without a value counts as one that was not sent (RFC 6749 §3.2).
fn given(locale: Locale, name: &str, value: Option<Secret>) -> Result<Secret, OAuthError> {
    let value = value.filter(|value| !value.expose().is_empty());
    value.ok_or_else(|| OAuthError::body(locale, BodyFault::Missing { field: name.to_owned() }))
}

fn short(locale: Locale, name: &str, value: Secret) -> Result<Secret, OAuthError> {
    if value.expose().len() <= LONGEST_TYPED {
        return Ok(value);
    }
    let problem = FieldProblem::Invalid(format!("at most {LONGEST_TYPED} bytes"));
    Err(OAuthError::new(locale, Refused::new(Reason::Invalid).field(name, problem)))
}

fn issued(tokens: &Tokens) -> HttpResponse {
    let body = TokenAnswer::Tokens(TokenResponse {
        access_token: tokens.access.token.clone(),
        token_type: "bearer",
        refresh_token: tokens.refresh.token.clone(),
        expires_in: (tokens.access.expires_at - tokens.access.created_at).num_seconds(),
    });
    uncached(json(&body))
}

fn wanted(surface: &Surface, pending: Pending) -> HttpResponse {
    let body = TokenAnswer::Mfa(MfaResponse {
        mfa_token: pending.token.expose().to_owned(),
        mfa_type: pending.method,
        mfa_types: pending.methods,
        mfa_recipient: pending.receipt.map(|receipt| receipt.shown),
        expires_in: (pending.expires_at - surface.engine.clock.now()).num_seconds(),
    });
    uncached(json(&body))
}

/// For caches of HTTP/1.0 (RFC 6749 §5.1); every answer tells the others.
fn uncached(mut response: HttpResponse) -> HttpResponse {
    response.headers_mut().insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// A request for tokens, whose faults are told as RFC 6749 §5.2 wants it.
pub struct Asked {
    context: Context,
    locale: Locale,
    request: TokenRequest,
}

impl FromRequest for Asked {
    type Error = OAuthError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, OAuthError>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (req, payload) = (req.clone(), payload.take());
        Box::pin(async move {
            let locale = locale(&req);
            let body = receive(&req, payload).await.map_err(|fault| OAuthError::body(locale, fault))?;
            Ok(Asked { context: Context::of(&req), locale, request: body.value })
        })
    }
}
