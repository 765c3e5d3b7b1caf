use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::engine::{FieldProblem, Reason, Refused};
use crate::http::answer::json;
use crate::http::body::Body;
use crate::http::context::Context;
use crate::http::problem::Problem;
use crate::http::surface::{DevClock, Surface};
use crate::http::times;

#[derive(Serialize, ToSchema)]
pub struct Time {
    #[schema(format = DateTime)]
    now: String,
    /// Seconds that the server is ahead of the real time.
    offset: u64,
}

#[derive(Deserialize, ToSchema)]
pub struct Move {
    advance: Option<Advance>,
    /// Back to the real time. At most one of `advance` and `reset`.
    reset: Option<bool>,
}

#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
enum Advance {
    Seconds(u64),
    /// A duration such as `90s` or `15m`.
    Written(String),
}

/// See what time it is for the server
///
/// On a developer's machine only.
#[utoipa::path(tag = "dev", responses((status = 200, body = Time)))]
#[get("/dev/clock")]
pub async fn read(surface: web::Data<Surface>, context: Context) -> Result<HttpResponse, Problem> {
    Ok(told(clock(&surface, &context)?))
}

/// Put the server's clock forward, or back to the real time
///
/// At most 400 days ahead. On a developer's machine only.
#[utoipa::path(tag = "dev", request_body = Move, responses((status = 200, body = Time)))]
#[post("/dev/clock")]
pub async fn set(surface: web::Data<Surface>, context: Context, body: Body<Move>) -> Result<HttpResponse, Problem> {
    let clock = clock(&surface, &context)?;
    let refuse = |field: &str, problem| context.problem(Refused::new(Reason::Invalid).field(field, problem));
    let neither = || refuse("advance", FieldProblem::Invalid("a duration such as `90s`, or `reset`".to_owned()));
    match (body.value.advance, body.value.reset) {
        (Some(advance), None | Some(false)) => {
            let seconds = seconds(&advance).ok_or_else(neither)?;
            clock.advance(seconds).map_err(|most| refuse("advance", FieldProblem::OutOfRange(0, most)))?;
        }
        (None, Some(true)) => clock.reset(),
        _ => return Err(neither()),
    }
    Ok(told(clock))
}

fn clock<'a>(surface: &'a Surface, context: &Context) -> Result<&'a dyn DevClock, Problem> {
    surface.clock.as_deref().ok_or_else(|| context.problem(Refused::new(Reason::NotFound)))
}

fn seconds(advance: &Advance) -> Option<u64> {
    match advance {
        Advance::Seconds(seconds) => Some(*seconds),
        Advance::Written(text) => humantime::parse_duration(text.trim()).ok().map(|time: Duration| time.as_secs()),
    }
}

fn told(clock: &dyn DevClock) -> HttpResponse {
    json(StatusCode::OK, &Time { now: times::micros(clock.now()), offset: clock.ahead() })
}
