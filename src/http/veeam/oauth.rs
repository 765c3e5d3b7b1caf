use std::collections::BTreeMap;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::openapi::{RefOr, Response};
use utoipa::{IntoResponses, ToSchema};

use crate::engine::{Reason, Refused};
use crate::http::docs::problems;
use crate::http::problem::{BodyFault, Kind, Problem, ProblemBody};
use crate::identity::Locale;

/// A refusal of the token endpoint: a problem like any other, with the members of RFC 6749 §5.2 beside its own.
#[derive(Debug)]
pub struct OAuthError {
    error: &'static str,
    problem: Problem,
}

#[derive(Serialize, ToSchema)]
pub struct OAuthProblem<'a> {
    #[serde(flatten)]
    problem: &'a ProblemBody,
    /// `invalid_request`, `invalid_grant`, `unsupported_grant_type` and their like.
    #[schema(example = "invalid_grant")]
    error: &'a str,
    /// In English: RFC 6749 §5.2 has no letters but those of ASCII for it. `detail` says it in the language asked for.
    #[schema(example = "The email and the password do not belong together.")]
    error_description: String,
}

/// The refusals of the token endpoint, but for those that RFC 6749 has words for.
pub struct OAuthRefusals;

impl IntoResponses for OAuthRefusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let list = [
            ("403", "A factor must be enrolled at a sign-in first, or sign-in is switched off."),
            ("408", "The body did not arrive in time."),
            ("413", "The body is larger than this server reads."),
            ("415", "The body is neither a form nor JSON."),
            ("429", "Limited or locked; `Retry-After` says for how long."),
            ("500", "Something went wrong inside; `X-Request-Id` names it."),
            ("502", "The code could not be sent; it may be asked for again at once."),
            ("503", "The store does not answer, or too many passwords are being checked; see `Retry-After`."),
        ];
        problems(OAuthProblem::name(), &list)
    }
}

/// The word for a reason, and whether the standard wants it under 400: what it calls an invalid grant, it does. Limits
/// and failures of our own keep their status, for which it has no word; those are of the registry that it began.
fn word_of(reason: Reason) -> (&'static str, bool) {
    match reason {
        Reason::Invalid => ("invalid_request", true),
        Reason::InvalidCredentials
        | Reason::InvalidCode
        | Reason::CodeExpired
        | Reason::CodeUsed
        | Reason::Unauthorized
        | Reason::WizardNotFound
        | Reason::StepNotAllowed
        | Reason::WizardChanged
        | Reason::MethodNotEnabled
        | Reason::MethodAlreadyEnabled => ("invalid_grant", true),
        Reason::EnrolmentRequired => ("interaction_required", false),
        Reason::WorkflowDisabled => ("unauthorized_client", false),
        Reason::TooManyAttempts
        | Reason::AccountLocked
        | Reason::ResendTooSoon
        | Reason::TooManySends
        | Reason::DeliveryFailed
        | Reason::Unavailable
        | Reason::Overloaded => ("temporarily_unavailable", false),
        Reason::Internal => ("server_error", false),
        Reason::NotFound
        | Reason::Forbidden
        | Reason::InvalidPhone
        | Reason::MethodNotAllowed
        | Reason::StepUpRequired
        | Reason::InvalidSuccessToken
        | Reason::PasswordRefused
        | Reason::PasswordElsewhere
        | Reason::IdempotencyKeyReused
        | Reason::Taken
        | Reason::Exists
        | Reason::ReadOnly
        | Reason::Full => ("access_denied", false),
    }
}

impl OAuthError {
    pub fn new(locale: Locale, refused: Refused) -> Self {
        let (reason, (error, is_400)) = (refused.reason, word_of(refused.reason));
        // Nothing of the wizard surface: this one begins again by its own first call.
        let problem = Problem::new(locale, refused).without_way_on();
        let problem = match reason {
            Reason::WizardNotFound | Reason::StepNotAllowed | Reason::WizardChanged => {
                problem.saying("oauth-mfa-token")
            }
            Reason::Unauthorized => problem.saying("oauth-refresh-token"),
            Reason::CodeExpired => problem.saying("door-code-expired"),
            Reason::DeliveryFailed => problem.saying("door-code-unsent"),
            _ => problem,
        };
        OAuthError { error, problem: if is_400 { problem.with_status(400) } else { problem } }
    }

    pub fn body(locale: Locale, fault: BodyFault) -> Self {
        OAuthError { error: "invalid_request", problem: Problem::body(locale, fault) }
    }

    pub fn grant_type(locale: Locale) -> Self {
        OAuthError { error: "unsupported_grant_type", problem: Problem::of_kind(locale, Kind::GRANT_TYPE) }
    }
}

impl fmt::Display for OAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.error)
    }
}

impl ResponseError for OAuthError {
    fn status_code(&self) -> StatusCode {
        self.problem.status_code()
    }

    fn error_response(&self) -> HttpResponse {
        let problem = self.problem.content();
        let error_description = self.problem.in_english();
        self.problem.answer(&OAuthProblem { problem, error: self.error, error_description })
    }
}
