use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};

use crate::engine::{Reason, Refused};
use crate::http::context::Context;
use crate::http::problem::Problem;
use crate::http::surface::Surface;

/// Proof that the request shows the operator's key. Where none is configured, nobody can.
pub struct Operator;

impl FromRequest for Operator {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(check(req))
    }
}

fn check(req: &HttpRequest) -> Result<Operator, Problem> {
    let context = Context::of(req);
    let shown = context.bearer()?;
    let surface = req.app_data::<web::Data<Surface>>();
    let admitted = surface.is_some_and(|surface| {
        surface.admin_key.as_ref().is_some_and(|expected| surface.engine.is_same_secret(shown, expected))
    });
    if admitted { Ok(Operator) } else { Err(context.problem(Refused::new(Reason::Unauthorized))) }
}
