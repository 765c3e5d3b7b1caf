use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::engine::{Admitted, Entered, FieldProblem, Passage, Pending, Reason, Refused};
use crate::http::answer::json;
use crate::http::context::locale;
use crate::http::problem::BodyFault;
use crate::http::surface::Surface;
use crate::http::times::seconds;
use crate::identity::{Factor, LONGEST_TYPED, Locale, Method, Secret};
use crate::workflow::Opens;

use super::answer::{Failure, PanelCode, PanelError, PanelRefusals};
use super::body::PanelBody;
use super::caller::{call, permissions};

/// A login and a password; or, after those, the code of a second factor. What is empty or `null` counts as not sent.
#[derive(Deserialize, ToSchema)]
pub struct Auth {
    /// The email address, or the user name.
    login: Option<String>,
    #[schema(value_type = Option<String>, max_length = 1024)]
    password: Option<Secret>,
    /// What a first call was answered with in `mfa`.
    #[schema(value_type = Option<String>)]
    token: Option<Secret>,
    /// The code that was asked for, or a recovery code.
    #[schema(value_type = Option<String>, example = "123456")]
    code: Option<Secret>,
}

/// A panel session.
#[derive(Serialize, ToSchema)]
pub struct PanelSession {
    success: bool,
    /// For `Authorization: NVX …`; good for 24 hours.
    #[schema(example = "22eac1c27af4be7b9d04da2ce1af111b")]
    hash: String,
    /// By category, such as `{"users": ["read", "update"]}`.
    permissions: BTreeMap<String, Vec<String>>,
}

/// The refusal of a password that is right, and not enough.
#[derive(Serialize, ToSchema)]
pub struct SecondFactorWanted {
    #[serde(flatten)]
    failure: Failure,
    /// Not there when the refusal is another one.
    #[schema(required = false)]
    mfa: Wanted,
}

/// The code that is waited for.
#[derive(Serialize, ToSchema)]
pub struct Wanted {
    /// To be sent with the code, to this very call.
    token: String,
    /// Which code is wanted; a recovery code is as good.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "google")]
    kind: Method,
    /// The factors that are on, strongest first.
    #[schema(value_type = Vec<String>)]
    types: Vec<Factor>,
    /// Of the code; a recovery code is no number.
    #[serde(skip_serializing_if = "Option::is_none")]
    digits: Option<u8>,
    /// When the token is over.
    expires_at: String,
    /// Where a code was sent, and until when it is good.
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<Sent>,
}

#[derive(Serialize, ToSchema)]
pub struct Sent {
    /// Masked.
    #[schema(example = "a***@example.com")]
    recipient: String,
    sent_at: String,
    expires_at: String,
    /// Whether a provider has taken it; otherwise it may still arrive.
    accepted: bool,
}

/// Sign in to the panel
///
/// An account with a second factor on is answered 403 with `mfa`: its code then goes to the same call with
/// `{"token", "code"}`.
#[utoipa::path(
    tag = "navixy",
    request_body(content((Auth = "application/json"), (Auth = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, body = PanelSession),
        PanelRefusals,
        (
            status = 403,
            description = "A code is wanted, as `mfa` says, or a factor must be enrolled at a sign-in first (11); or the \
                           token is unknown or over (4).",
            body = SecondFactorWanted
        )
    )
)]
#[post("/account/auth")]
pub async fn auth(
    req: HttpRequest,
    surface: web::Data<Surface>,
    body: PanelBody<Auth>,
) -> Result<HttpResponse, PanelError> {
    let locale = locale(&req);
    let (call, body) = (call(&req), body.0);
    let sent = |value: &Option<Secret>| value.as_ref().is_some_and(|value| !value.expose().is_empty());
    let passage = if sent(&body.token) || sent(&body.code) {
        // Beside a code an empty token is one that nobody was given.
        let token = body.token.ok_or_else(|| missing(locale, "token"))?;
        let code = given(locale, "code", body.code)?;
        surface.engine.enter_with_code(&call, token.expose(), code.expose(), Opens::Panel).await
    } else {
        let login = short(locale, "login", given(locale, "login", body.login.map(Secret::new))?)?;
        let password = short(locale, "password", given(locale, "password", body.password)?)?;
        surface.engine.enter(&call, login.expose(), password, Opens::Panel).await
    };
    match passage.map_err(|refused| PanelError::new(locale, refused))? {
        Passage::Entered(entered) => entered_answer(locale, &entered),
        Passage::Asked(pending) => Ok(wanted_answer(locale, pending)),
    }
}

fn missing(locale: Locale, name: &str) -> PanelError {
    PanelError::body(locale, BodyFault::Missing { field: name.to_owned() })
}

/// A form sends an empty field for one that was not filled in.
fn given(locale: Locale, name: &str, value: Option<Secret>) -> Result<Secret, PanelError> {
    value.filter(|value| !value.expose().is_empty()).ok_or_else(|| missing(locale, name))
}

fn short(locale: Locale, name: &str, value: Secret) -> Result<Secret, PanelError> {
    if value.expose().len() <= LONGEST_TYPED {
        return Ok(value);
    }
    let problem = FieldProblem::Invalid(format!("at most {LONGEST_TYPED} bytes"));
    Err(PanelError::new(locale, Refused::new(Reason::Invalid).field(name, problem)))
}

fn entered_answer(locale: Locale, entered: &Entered) -> Result<HttpResponse, PanelError> {
    let Admitted::Panel(hash) = &entered.admitted else {
        return Err(PanelError::new(locale, Refused::new(Reason::Internal)));
    };
    let (hash, permissions) = (hash.expose().to_owned(), permissions(&entered.account));
    Ok(json(StatusCode::OK, &PanelSession { success: true, hash, permissions }))
}

fn wanted_answer(locale: Locale, pending: Pending) -> HttpResponse {
    let receipt = pending.receipt.map(|receipt| Sent {
        recipient: receipt.shown,
        sent_at: seconds(receipt.sent_at),
        expires_at: seconds(receipt.expires_at),
        accepted: receipt.accepted,
    });
    let mfa = Wanted {
        token: pending.token.expose().to_owned(),
        kind: pending.method,
        types: pending.methods,
        digits: pending.digits,
        expires_at: seconds(pending.expires_at),
        receipt,
    };
    let failure = PanelError::of_code(locale, PanelCode::ACCESS_DENIED).failure();
    json(StatusCode::FORBIDDEN, &SecondFactorWanted { failure, mfa })
}
