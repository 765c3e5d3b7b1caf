use std::collections::BTreeMap;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::IntoResponses;
use utoipa::ToSchema;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

use crate::engine::{Reason, Refused};
use crate::http::answer::json;
use crate::http::docs::{waiting, with_headers};
use crate::http::problem::{BodyFault, Problem, text};
use crate::identity::Locale;

/// What every call answers that has nothing else to tell.
#[derive(Debug, Serialize, ToSchema)]
pub struct Success {
    pub success: bool,
}

/// `{"success": true}`
pub fn done() -> HttpResponse {
    json(StatusCode::OK, &Success { success: true })
}

/// A refused call.
#[derive(Debug, Serialize, ToSchema)]
pub struct Failure {
    pub success: bool,
    pub status: FailureStatus,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct FailureStatus {
    /// One of the panel's own numbers.
    #[schema(example = 201)]
    pub code: u16,
    pub description: String,
}

/// A number that the panel's clients know, and the status that goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PanelCode {
    pub status: u16,
    pub code: u16,
}

impl PanelCode {
    pub const NO_SUCH_KEY: PanelCode = PanelCode { status: 403, code: 4 };
    pub const FORMAT: PanelCode = PanelCode { status: 415, code: 5 };
    pub const PARAMETERS: PanelCode = PanelCode { status: 400, code: 7 };
    pub const TOO_LARGE: PanelCode = PanelCode { status: 413, code: 9 };
    /// Of the sign-in: the password is right, and not enough.
    pub const ACCESS_DENIED: PanelCode = PanelCode { status: 403, code: 11 };
    pub const NOT_PERMITTED: PanelCode = PanelCode { status: 403, code: 13 };

    const fn new(status: u16, code: u16) -> Self {
        PanelCode { status, code }
    }
}

/// The one table from reasons to the panel's numbers.
fn code_of(reason: Reason) -> PanelCode {
    match reason {
        Reason::Invalid | Reason::InvalidPhone | Reason::PasswordRefused => PanelCode::PARAMETERS,
        // Somebody else's step, or a change of the account, has overtaken the sign-in: its token is of no use any more.
        Reason::Unauthorized
        | Reason::WizardNotFound
        | Reason::StepNotAllowed
        | Reason::WizardChanged
        | Reason::MethodNotEnabled
        | Reason::MethodAlreadyEnabled => PanelCode::NO_SUCH_KEY,
        Reason::EnrolmentRequired => PanelCode::ACCESS_DENIED,
        Reason::Forbidden
        | Reason::WorkflowDisabled
        | Reason::MethodNotAllowed
        | Reason::StepUpRequired
        | Reason::InvalidSuccessToken
        | Reason::PasswordElsewhere
        | Reason::IdempotencyKeyReused
        | Reason::Taken
        | Reason::Exists
        | Reason::ReadOnly
        | Reason::Full => PanelCode::NOT_PERMITTED,
        Reason::NotFound => PanelCode::new(400, 201),
        Reason::InvalidCredentials => PanelCode::new(400, 102),
        Reason::InvalidCode | Reason::CodeExpired | Reason::CodeUsed => PanelCode::new(400, 282),
        Reason::TooManyAttempts | Reason::AccountLocked | Reason::ResendTooSoon | Reason::TooManySends => {
            PanelCode::new(429, 15)
        }
        Reason::Internal => PanelCode::new(500, 6),
        Reason::DeliveryFailed => PanelCode::new(502, 215),
        Reason::Unavailable => PanelCode::new(503, 14),
        Reason::Overloaded => PanelCode::new(503, 8),
    }
}

/// A refusal on its way to the panel.
#[derive(Debug)]
pub struct PanelError {
    code: PanelCode,
    description: String,
    retry_after: Option<u64>,
}

impl PanelError {
    /// The refusal in the words of its number.
    pub fn of_code(locale: Locale, code: PanelCode) -> Self {
        PanelError { code, description: text(locale, &format!("panel-{}", code.code)), retry_after: None }
    }

    pub fn new(locale: Locale, refused: Refused) -> Self {
        let reason = refused.reason;
        let problem = Problem::new(locale, refused);
        // A code that cannot be one was not looked at.
        let unreadable = reason == Reason::InvalidCode && !problem.content().errors.is_empty();
        let code = if unreadable { PanelCode::PARAMETERS } else { code_of(reason) };
        let mut error = Self::of_code(locale, code).naming(&problem.content().errors);
        match reason {
            Reason::EnrolmentRequired | Reason::CodeUsed => {
                error.description = problem.content().detail.clone().unwrap_or_default();
            }
            Reason::CodeExpired => error.description = text(locale, "door-code-expired"),
            Reason::StepUpRequired => error.description = text(locale, "panel-step-up"),
            _ => {}
        }
        error.retry_after = problem.content().retry_after;
        error
    }

    pub fn body(locale: Locale, fault: BodyFault) -> Self {
        let code = match &fault {
            BodyFault::MediaType => PanelCode::FORMAT,
            BodyFault::TooLarge { .. } => PanelCode::TOO_LARGE,
            BodyFault::Slow => PanelCode { status: 408, ..PanelCode::FORMAT },
            BodyFault::Broken
            | BodyFault::Malformed
            | BodyFault::Missing { .. }
            | BodyFault::Twice { .. }
            | BodyFault::WrongType { .. } => PanelCode::PARAMETERS,
        };
        let unreadable = matches!(fault, BodyFault::Broken | BodyFault::Malformed);
        let problem = Problem::body(locale, fault);
        let mut error = Self::of_code(locale, code).naming(&problem.content().errors);
        if let (true, Some(detail)) = (unreadable, &problem.content().detail) {
            error.description.push_str(&format!(" {detail}"));
        }
        error
    }

    /// The refusal of a call that no form can carry.
    pub fn of_json_alone(mut self, locale: Locale) -> Self {
        if self.code == PanelCode::FORMAT {
            self.description = text(locale, "panel-5-json");
        }
        self
    }

    /// What is wrong with which field, behind what is said of all.
    fn naming(mut self, errors: &BTreeMap<String, Vec<String>>) -> Self {
        for (field, words) in errors {
            self.description.push_str(&format!(" {field}: {}", words.join(" ")));
        }
        self
    }

    pub fn failure(&self) -> Failure {
        let status = FailureStatus { code: self.code.code, description: self.description.clone() };
        Failure { success: false, status }
    }
}

impl fmt::Display for PanelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "panel error {}", self.code.code)
    }
}

impl ResponseError for PanelError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = json(self.status_code(), &self.failure());
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// The refusals that every call of the panel may answer with.
pub struct PanelRefusals;

impl IntoResponses for PanelRefusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let content = || ContentBuilder::new().schema(Some(Ref::from_schema_name(Failure::name()))).build();
        let list = [
            ("400", "Invalid parameters (7), a wrong login or password (102), not found (201), or a wrong code (282)."),
            ("403", "No such user or session key (4), access denied (11), or not permitted (13)."),
            ("408", "The body did not arrive in time (5)."),
            ("413", "The body is larger than this server reads (9)."),
            ("415", "The body is of no kind that this call reads (5)."),
            ("429", "Limited or locked (15); `Retry-After` says for how long."),
            ("500", "Something went wrong inside (6)."),
            ("502", "A code could not be sent (215)."),
            ("503", "The store does not answer (14), or too many passwords are being checked (8)."),
        ];
        let response = |status: &str, what: &str| {
            let response = ResponseBuilder::new().description(what).content("application/json", content());
            with_headers(response, waiting(status)).build()
        };
        list.iter().map(|(status, what)| ((*status).to_owned(), response(status, what).into())).collect()
    }
}
