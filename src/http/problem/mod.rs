//! Refusals on the wire: `application/problem+json` (RFC 9457).
//!
//! Always: the machine-readable `code` never changes with the language; nothing of the inside is told, and a 500 has no
//! detail but its request id.

mod table;
mod wording;

use std::collections::BTreeMap;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::engine::{Reason, Refused};
use crate::identity::Locale;

pub use table::{Kind, kind_of};
pub use wording::{caption, text, words};

use super::context::locale;

/// A refused request.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProblemBody {
    /// A URN for the code.
    #[serde(rename = "type")]
    #[schema(example = "urn:stepgate:problem:invalid_code")]
    pub kind: String,
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Stable, for programs.
    #[schema(example = "invalid_code")]
    pub code: String,
    /// What is wrong with which field.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, Vec<String>>,
    /// The wizard that refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// Where that wizard stands now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    #[serde(rename = "attemptsLeft", skip_serializing_if = "Option::is_none")]
    pub attempts_left: Option<u32>,
    /// Seconds; also the `Retry-After` header.
    #[serde(rename = "retryAfter", skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// How to begin again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart: Option<Restart>,
    /// How to get the success token that is missing, which is then sent as `X-Success-Token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Restart>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Restart {
    pub method: String,
    pub href: String,
}

/// Why a body could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyFault {
    MediaType,
    TooLarge { limit: usize },
    Slow,
    Broken,
    Malformed,
    Missing { field: String },
    Twice { field: String },
    WrongType { field: String, expected: String },
}

/// A refusal on its way out.
pub struct Problem {
    locale: Locale,
    kind: Kind,
    /// The key of the message that `detail` is, or would be.
    said: String,
    /// Whether the request showed an access token.
    with_token: bool,
    body: Box<ProblemBody>,
}

impl Problem {
    pub fn new(locale: Locale, refused: Refused) -> Self {
        let mut problem = Self::plain(locale, kind_of(refused.reason));
        let body = &mut problem.body;
        body.attempts_left = refused.attempts_left;
        body.retry_after = refused.retry_after;
        if let Some((id, shows)) = refused.at {
            body.uuid = Some(id.to_string());
            body.workflow = Some(shows);
        }
        for (field, what) in &refused.fields {
            body.errors.insert(field.clone(), vec![words(locale, what)]);
        }
        let over = matches!(refused.reason, Reason::WizardNotFound | Reason::TooManyAttempts | Reason::AccountLocked);
        if over || refused.restart {
            body.restart = Some(Restart { method: "GET".into(), href: "/api/v2/my/signin/wizard".into() });
        }
        if refused.reason == Reason::StepUpRequired {
            problem.body.next = Some(Restart { method: "GET".into(), href: "/api/v2/my/2fa/challenge".into() });
        }
        problem
    }

    /// The refusal, with another way to begin again than a sign-in.
    #[must_use]
    pub fn restart_at(mut self, href: &str) -> Self {
        if let Some(restart) = &mut self.body.restart {
            restart.href = href.to_owned();
        }
        self
    }

    pub fn body(locale: Locale, fault: BodyFault) -> Self {
        let kind = match &fault {
            BodyFault::MediaType => Kind::MEDIA_TYPE,
            BodyFault::TooLarge { .. } => Kind::TOO_LARGE,
            BodyFault::Slow => Kind::TOO_SLOW,
            BodyFault::Broken | BodyFault::Malformed => Kind::MALFORMED,
            BodyFault::Missing { .. } | BodyFault::Twice { .. } | BodyFault::WrongType { .. } => Kind::INVALID,
        };
        let mut problem = Self::plain(locale, kind);
        let said = match fault {
            BodyFault::Missing { field } => Some((field, wording::field(locale, "missing", ""))),
            BodyFault::Twice { field } => Some((field, wording::field(locale, "twice", ""))),
            BodyFault::WrongType { field, expected } => Some((field, wording::field(locale, "type", &expected))),
            BodyFault::MediaType
            | BodyFault::TooLarge { .. }
            | BodyFault::Slow
            | BodyFault::Broken
            | BodyFault::Malformed => None,
        };
        if let Some((field, words)) = said {
            problem.body.errors.insert(field, vec![words]);
        }
        problem
    }

    /// A header whose value cannot be used.
    pub fn header(locale: Locale, name: &str) -> Self {
        let mut problem = Self::plain(locale, Kind::INVALID);
        problem.body.errors.insert(name.to_owned(), vec![wording::field(locale, "invalid", "")]);
        problem
    }

    /// A refusal of the surface's own.
    pub fn of_kind(locale: Locale, kind: Kind) -> Self {
        Self::plain(locale, kind)
    }

    /// The refusal under another status, where a standard names it.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.kind.status = status;
        self.body.status = status;
        self
    }

    /// The refusal in words of the surface's own: the key of a message.
    #[must_use]
    pub fn saying(mut self, message: &str) -> Self {
        self.body.detail = Some(text(self.locale, message));
        self.said = message.to_owned();
        self
    }

    /// The detail, or the title where there is none, for what no language changes.
    pub fn in_english(&self) -> String {
        let said = if self.body.detail.is_some() { &self.said } else { self.kind.code };
        text(Locale::En, said)
    }

    /// The refusal of a request that showed an access token, if it did.
    #[must_use]
    pub fn with_token(mut self, shown: bool) -> Self {
        self.with_token = shown;
        self
    }

    /// The refusal without the ways on, which are the wizard surface's own.
    #[must_use]
    pub fn without_way_on(mut self) -> Self {
        self.body.restart = None;
        self.body.next = None;
        self
    }

    pub fn content(&self) -> &ProblemBody {
        &self.body
    }

    /// The answer with `body`, which holds at least the problem's own.
    pub fn answer(&self, body: &impl Serialize) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.content_type("application/problem+json");
        response.insert_header(("Content-Language", self.locale.as_str()));
        if let Some(seconds) = self.body.retry_after {
            response.insert_header((RETRY_AFTER, HeaderValue::from(seconds)));
        }
        if self.kind.status == 401 {
            // RFC 6750 §3.1: an error only where something was shown.
            let challenge = if self.with_token {
                r#"Bearer realm="Stepgate", error="invalid_token""#
            } else {
                r#"Bearer realm="Stepgate""#
            };
            response.insert_header((WWW_AUTHENTICATE, HeaderValue::from_static(challenge)));
        }
        response.json(body)
    }

    fn plain(locale: Locale, kind: Kind) -> Self {
        let (title, detail) = wording::of(locale, kind.code);
        let body = ProblemBody {
            kind: format!("urn:stepgate:problem:{}", kind.code),
            title,
            status: kind.status,
            // What went wrong inside is nobody's business outside.
            detail: (kind.status != 500).then_some(detail),
            code: kind.code.to_owned(),
            errors: BTreeMap::new(),
            uuid: None,
            workflow: None,
            attempts_left: None,
            retry_after: None,
            restart: None,
            next: None,
        };
        Problem { locale, kind, said: format!("{}.detail", kind.code), with_token: false, body: Box::new(body) }
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Problem({} {})", self.kind.status, self.kind.code)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.code)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.kind.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        self.answer(&self.body)
    }
}

/// What is answered where there is no route.
pub async fn no_such_route(req: HttpRequest) -> Problem {
    Problem::new(locale(&req), Refused::new(Reason::NotFound))
}

/// What is answered to a query that cannot be read, such as one that gives a parameter twice.
pub fn bad_query(error: actix_web::error::QueryPayloadError, req: &HttpRequest) -> actix_web::Error {
    // Serde names the parameter as this server spells it.
    let said = error.to_string();
    let twice = said.contains("duplicate field").then(|| said.split('`').nth(1)).flatten();
    let problem = match twice {
        Some(field) => Problem::body(locale(req), BodyFault::Twice { field: field.to_owned() }),
        None => Problem::new(locale(req), Refused::new(Reason::Invalid)),
    };
    problem.into()
}

impl actix_web::Responder for Problem {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        self.error_response()
    }
}
