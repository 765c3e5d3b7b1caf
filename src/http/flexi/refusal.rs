use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpRequest, HttpResponse, ResponseError};

use super::envelope::Envelope;
use super::reply::Reply;
use super::table::{Why, row};
use super::wording::message;

/// The header that a code which was sent comes back with.
pub const MFA_TOKEN: HeaderName = HeaderName::from_static("mfa-token");

/// How whoever is not let in may try again (RFC 7617 §2.1).
const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"Stepgate\", charset=\"UTF-8\"");

/// A refusal on its way out.
pub struct Refusal {
    reply: Reply,
    why: Why,
}

impl Refusal {
    pub fn new(reply: Reply, why: Why) -> Self {
        Refusal { reply, why }
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (status, words) = row(&self.why);
        write!(f, "Refusal({status} {words:?})")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(row(&self.why).0).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        let mut response = HttpResponse::build(status);
        if status == StatusCode::UNAUTHORIZED {
            response.insert_header((WWW_AUTHENTICATE, CHALLENGE));
        }
        if let Why::CodeSent(token) = &self.why {
            response.insert_header((MFA_TOKEN, token.expose()));
        }
        if let Why::AtTheDoor(refused) | Why::Refused(refused) = &self.why
            && let Some(seconds) = refused.retry_after
        {
            response.insert_header((RETRY_AFTER, HeaderValue::from(seconds)));
        }
        Envelope::of(false, message(self.reply.locale, &self.why)).send(response, self.reply)
    }
}

/// What is answered below the prefix where there is no call, or not by this method.
pub async fn no_such_call(req: HttpRequest) -> Refusal {
    Refusal::new(Reply::of(&req), Why::NoSuchCall)
}

impl actix_web::Responder for Refusal {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        self.error_response()
    }
}
