//! From raw members to checked types; an error names the member.

use crate::engine::{FieldProblem, Reason, Refused};
use crate::http::context::Context;
use crate::http::problem::Problem;
use crate::identity::{Factor, Phone};
use crate::workflow::WizardId;

pub fn uuid(context: &Context, text: &str) -> Result<WizardId, Problem> {
    text.parse().map_err(|_| invalid(context, "uuid", FieldProblem::Uuid))
}

pub fn factor(context: &Context, name: &str, text: &str) -> Result<Factor, Problem> {
    text.parse().map_err(|_| invalid(context, name, FieldProblem::Factor))
}

pub fn phone(context: &Context, text: &str) -> Result<Phone, Problem> {
    let refused = || Refused::new(Reason::InvalidPhone).field("phone", FieldProblem::Phone);
    Phone::parse(text).map_err(|_| context.problem(refused()))
}

pub fn invalid(context: &Context, field: &str, what: FieldProblem) -> Problem {
    context.problem(Refused::new(Reason::Invalid).field(field, what))
}
