use chrono::{DateTime, Utc};

use crate::engine::{FieldProblem, Reason, Refused};
use crate::identity::Account;
use crate::workflow::Rejection;

/// Whether the account has changed so that a sign-in which is rejected like this leads nowhere any more.
pub(super) fn leads_nowhere(rejection: &Rejection, account: Option<&Account>) -> bool {
    match rejection {
        Rejection::Unproved { .. } | Rejection::MethodAlreadyEnabled(_) => true,
        // Nothing is asked for by now.
        Rejection::MethodNotEnabled(_) => account.is_some_and(|account| account.enabled().is_empty()),
        Rejection::Expired
        | Rejection::Over
        | Rejection::NotHere
        | Rejection::MethodNotAllowed(_)
        | Rejection::PhoneMissing
        | Rejection::PhoneNotAllowed
        | Rejection::ResendTooSoon { .. }
        | Rejection::TooManySends
        | Rejection::Broken { .. } => false,
    }
}

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
