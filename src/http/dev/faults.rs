use actix_web::http::StatusCode;
use actix_web::{HttpResponse, get, post, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::engine::{FieldProblem, Reason, Refused};
use crate::http::answer::json;
use crate::http::body::Body;
use crate::http::context::Context;
use crate::http::problem::Problem;
use crate::http::surface::{DevFaults, FaultSwitch, Surface};

#[derive(Serialize, ToSchema)]
pub struct FaultList {
    data: Vec<FaultSwitch>,
}

/// See what is made to go wrong
///
/// On a developer's machine only.
#[utoipa::path(tag = "dev", responses((status = 200, body = FaultList)))]
#[get("/dev/faults")]
pub async fn list(surface: web::Data<Surface>, context: Context) -> Result<HttpResponse, Problem> {
    Ok(told(faults(&surface, &context)?))
}

/// Make the messages of a channel go wrong
///
/// All of them, or the next `times`. On a developer's machine only.
#[utoipa::path(tag = "dev", request_body = FaultSwitch, responses((status = 200, body = FaultList)))]
#[post("/dev/faults")]
pub async fn set(
    surface: web::Data<Surface>,
    context: Context,
    body: Body<FaultSwitch>,
) -> Result<HttpResponse, Problem> {
    let faults = faults(&surface, &context)?;
    if body.value.times == Some(0) {
        let problem = FieldProblem::OutOfRange(1, u32::MAX.into());
        return Err(context.problem(Refused::new(Reason::Invalid).field("times", problem)));
    }
    faults.set(body.value);
    Ok(told(faults))
}

fn faults<'a>(surface: &'a Surface, context: &Context) -> Result<&'a dyn DevFaults, Problem> {
    surface.faults.as_deref().ok_or_else(|| context.problem(Refused::new(Reason::NotFound)))
}

fn told(faults: &dyn DevFaults) -> HttpResponse {
    json(StatusCode::OK, &FaultList { data: faults.all() })
}
