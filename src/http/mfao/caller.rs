use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::HeaderName;
use actix_web::{FromRequest, HttpRequest};

use crate::engine::{Asked, Call, Credentials, FieldProblem, Reason, Refused};
use crate::http::context::Context;
use crate::http::problem::Problem;
use crate::identity::{ClientKeys, LONGEST_TYPED, Secret};
use crate::telemetry::Phases;

const API_KEY: HeaderName = HeaderName::from_static("api-key");
const ACCESS_KEY: HeaderName = HeaderName::from_static("access-key");

/// What a service shows for itself; whether it is good, the engine says.
pub struct Caller {
    credentials: Credentials,
    success: Option<String>,
}

impl Caller {
    /// What is asked of the engine.
    pub fn asks<'a>(&'a self, call: &'a Call, policy: &'a str, name: &'a str, phases: &'a Phases) -> Asked<'a> {
        Asked { call, credentials: &self.credentials, policy, name, success: self.success.as_deref(), phases }
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(shown(req))
    }
}

fn shown(req: &HttpRequest) -> Result<Caller, Problem> {
    let context = Context::of(req);
    let header = |name: HeaderName| req.headers().get(name).and_then(|value| value.to_str().ok()).map(Secret::new);
    let credentials = match (header(API_KEY), header(ACCESS_KEY)) {
        (Some(api_key), Some(access_key)) => Credentials::Client(ClientKeys { api_key, access_key }),
        (None, None) => match context.bearer_if_any() {
            Some(token) => Credentials::Bearer(token.to_owned()),
            None => return Err(problem(&context, Refused::new(Reason::Unauthorized))),
        },
        // Half of a client is nobody.
        (Some(_), None) | (None, Some(_)) => return Err(problem(&context, Refused::new(Reason::Unauthorized))),
    };
    Ok(Caller { credentials, success: context.success_token().map(str::to_owned) })
}

/// The refusal; where nobody is known by what was shown, with the headers that a client shows.
pub fn problem(context: &Context, refused: Refused) -> Problem {
    match refused.reason {
        Reason::Unauthorized => {
            let refused = refused.field("api-key", FieldProblem::ClientKey);
            context.problem(refused.field("access-key", FieldProblem::ClientKey)).saying("client-unknown")
        }
        _ => context.problem(refused),
    }
}

/// The name, if it is worth a look.
pub fn name<'a>(context: &Context, text: &'a str) -> Result<&'a str, Problem> {
    if (1..=LONGEST_TYPED).contains(&text.trim().len()) {
        return Ok(text);
    }
    let problem = FieldProblem::Invalid(format!("1 to {LONGEST_TYPED} bytes"));
    Err(context.problem(Refused::new(Reason::Invalid).field("username", problem)))
}
