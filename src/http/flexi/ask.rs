use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, HttpResponse};

use crate::engine::{Call, Refused};
use crate::http::body;
use crate::http::context::Context;
use crate::identity::{Account, LoginName, NameRules, Secret};

use super::basic::Credentials;
use super::envelope::Envelope;
use super::otp;
use super::query::Query;
use super::refusal::{MFA_TOKEN, Refusal};
use super::reply::Reply;
use super::table::Why;
use super::wording::own;

/// A call, read in full and not yet let in.
pub struct Ask {
    pub reply: Reply,
    pub call: Call,
    pub credentials: Credentials,
    pub otp: Option<Secret>,
    /// What an earlier answer gave along with a code that was sent.
    pub mfa_token: Option<Secret>,
    pub query: Query,
    /// Whom the path names.
    user: Option<String>,
}

impl Ask {
    fn of(req: &HttpRequest) -> Result<Self, Why> {
        let credentials = Credentials::of(req).ok_or(Why::NoCredentials)?;
        let context = Context::of(req);
        let query = Query::of(req);
        let otp = otp::of(&query)?;
        let mfa_token = req.headers().get(MFA_TOKEN).and_then(|value| value.to_str().ok()).map(Secret::new);
        let user = req.match_info().get("user");
        let user = user.and_then(|user| percent_encoding::percent_decode_str(user).decode_utf8().ok());
        let user = user.map(std::borrow::Cow::into_owned);
        Ok(Ask { reply: Reply::of(req), call: context.call(None, None), credentials, otp, mfa_token, query, user })
    }

    /// Whether the path names the caller, in whatever spelling.
    pub fn names(&self, account: &Account, rules: &NameRules) -> Result<(), Refusal> {
        let named = self.user.as_deref().map(|user| LoginName::of_typed(user, rules));
        match named.is_some_and(|named| account.login_names(rules).contains(&named)) {
            true => Ok(()),
            false => Err(self.refuse(Why::NotTheCaller)),
        }
    }

    pub fn refuse(&self, why: Why) -> Refusal {
        Refusal::new(self.reply, why)
    }

    pub fn refused(&self, refused: Refused) -> Refusal {
        self.refuse(Why::Refused(refused))
    }

    /// That it is done, in words.
    pub fn done(&self, message: &str) -> HttpResponse {
        Envelope::of(true, own(self.reply.locale, message)).send(HttpResponse::build(StatusCode::OK), self.reply)
    }
}

impl FromRequest for Ask {
    type Error = Refusal;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Refusal>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (req, payload) = (req.clone(), payload.take());
        Box::pin(async move {
            // These calls have no body; whatever comes along is read like any other, and let lie.
            let read = body::read(&req, payload, None).await.map_err(Why::Body);
            read.and_then(|_| Ask::of(&req)).map_err(|why| Refusal::new(Reply::of(&req), why))
        })
    }
}
