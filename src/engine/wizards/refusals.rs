use chrono::{DateTime, Utc};

use crate::engine::{FieldProblem, Reason, Refused};
use crate::workflow::Rejection;

/// What a caller is told about a rejected event.
pub(super) fn refusal(rejection: &Rejection, now: DateTime<Utc>) -> Refused {
    match rejection {
        Rejection::Expired => Refused::new(Reason::WizardNotFound),
        Rejection::Over | Rejection::NotHere => Refused::new(Reason::StepNotAllowed),
        Rejection::MethodNotEnabled(_) => Refused::new(Reason::MethodNotEnabled),
        Rejection::MethodAlreadyEnabled(_) => Refused::new(Reason::MethodAlreadyEnabled),
        Rejection::MethodNotAllowed(_) => Refused::new(Reason::MethodNotAllowed),
        Rejection::PhoneMissing => Refused::new(Reason::InvalidPhone).field("phone", FieldProblem::Phone),
        Rejection::PhoneNotAllowed => Refused::new(Reason::InvalidPhone).field("phone", FieldProblem::PhoneNotAllowed),
        Rejection::ResendTooSoon { not_before } => Refused::new(Reason::ResendTooSoon).until(*not_before, now),
        Rejection::TooManySends => Refused::new(Reason::TooManySends),
        Rejection::Unproved { step, needs } => {
            tracing::warn!(step, ?needs, "a wizard reached a step whose facts do not hold any more");
            Refused::new(Reason::StepNotAllowed)
        }
        Rejection::Broken { step } => {
            tracing::error!(step, "a wizard stands at a step that its workflow does not have");
            Refused::new(Reason::Internal)
        }
    }
}
