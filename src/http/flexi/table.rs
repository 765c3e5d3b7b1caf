use crate::engine::{Reason, Refused};
use crate::http::problem::{BodyFault, kind_of};
use crate::identity::Secret;

/// Why a call is refused.
pub enum Why {
    /// No name and password as RFC 7617 wants them.
    NoCredentials,
    /// A second factor is on, and the call has no one-time password.
    CodeMissing,
    /// A one-time password was sent just now; it is to come back along with this token.
    CodeSent(Secret),
    /// The token does not belong to this name and password, or is over.
    StrangeToken,
    /// The path names somebody else.
    NotTheCaller,
    /// Somebody wants to turn their own off by name, without its code.
    OwnName,
    NoSuchUser,
    Parameter(&'static str, Fault),
    Body(BodyFault),
    /// There is no such call, or not by this method.
    NoSuchCall,
    /// The engine lets nobody in.
    AtTheDoor(Refused),
    /// The engine does not do it.
    Refused(Refused),
}

/// What is wrong with a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Missing,
    Twice,
    Unusable,
    Otp,
    Secret,
}

/// Where the words of a message are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Words {
    /// This surface's own.
    Own(&'static str),
    /// Those of a problem code.
    Problem(&'static str),
    /// Those of all surfaces where a code belongs to a sign-in.
    Door(&'static str),
}

/// The one table from what went wrong to a status and words.
pub fn row(why: &Why) -> (u16, Words) {
    use Words::{Own, Problem};
    match why {
        Why::NoCredentials => (401, Own("credentials-missing")),
        Why::CodeMissing => (401, Own("code-missing")),
        Why::CodeSent(_) => (401, Own("code-sent")),
        Why::StrangeToken => (401, Own("token-strange")),
        Why::NotTheCaller => (403, Own("not-the-caller")),
        Why::OwnName => (403, Own("own-name")),
        Why::NoSuchUser => (404, Own("no-such-user")),
        Why::NoSuchCall => (404, Problem("not_found")),
        Why::Parameter(..) => (400, Own("unusable")),
        Why::Body(BodyFault::TooLarge { .. }) => (413, Problem("body_too_large")),
        Why::Body(BodyFault::Slow) => (408, Problem("body_too_slow")),
        Why::Body(_) => (400, Own("unusable")),
        Why::AtTheDoor(refused) => at_the_door(refused),
        Why::Refused(refused) => of_the_engine(refused.reason),
    }
}

/// Whoever is not let in hears 401, unless it is for another reason than what was shown.
fn at_the_door(refused: &Refused) -> (u16, Words) {
    match refused.reason {
        Reason::InvalidCredentials => (401, Words::Own("credentials-wrong")),
        Reason::WizardNotFound | Reason::WizardChanged | Reason::StepNotAllowed => (401, Words::Own("token-strange")),
        Reason::InvalidCode if !refused.fields.is_empty() => (400, Words::Own("unusable")),
        Reason::CodeExpired => (401, Words::Door("code-expired")),
        reason @ (Reason::InvalidCode | Reason::CodeUsed) => (401, Words::Problem(kind_of(reason).code)),
        Reason::DeliveryFailed => (502, Words::Door("code-unsent")),
        reason => of_the_engine(reason),
    }
}

/// This surface knows neither 409 nor 422: what is on already, or is not, is refused by 403, the rest by 400.
fn of_the_engine(reason: Reason) -> (u16, Words) {
    match (reason, kind_of(reason)) {
        (Reason::MethodAlreadyEnabled, _) => (403, Words::Own("already-on")),
        (Reason::MethodNotEnabled, _) => (403, Words::Own("not-on")),
        (Reason::StepUpRequired, _) => (403, Words::Own("not-proved")),
        (Reason::WizardChanged, _) => (400, Words::Own("changed")),
        (Reason::Invalid, _) => (400, Words::Own("unusable")),
        (_, kind) if matches!(kind.status, 409 | 422) => (400, Words::Problem(kind.code)),
        (_, kind) => (kind.status, Words::Problem(kind.code)),
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::FieldProblem;

    use super::*;

    #[test]
    fn a_code_that_opens_no_door_is_another_thing_than_one_that_confirms_nothing() {
        for reason in [Reason::InvalidCode, Reason::CodeUsed, Reason::CodeExpired] {
            assert_eq!(row(&Why::AtTheDoor(Refused::new(reason))).0, 401, "{reason:?}");
            assert_eq!(row(&Why::Refused(Refused::new(reason))).0, 400, "{reason:?}");
        }
        let malformed = Refused::new(Reason::InvalidCode).field("code", FieldProblem::Digits(6));
        assert_eq!(row(&Why::AtTheDoor(malformed)).0, 400);
    }

    #[test]
    fn limits_and_faults_keep_their_status_on_either_side_of_the_door() {
        for (reason, status) in [
            (Reason::AccountLocked, 429),
            (Reason::TooManyAttempts, 429),
            (Reason::TooManySends, 429),
            (Reason::Internal, 500),
            (Reason::DeliveryFailed, 502),
            (Reason::Unavailable, 503),
            (Reason::Overloaded, 503),
            (Reason::Forbidden, 403),
            (Reason::EnrolmentRequired, 403),
        ] {
            assert_eq!(row(&Why::AtTheDoor(Refused::new(reason))).0, status, "{reason:?}");
            assert_eq!(row(&Why::Refused(Refused::new(reason))).0, status, "{reason:?}");
        }
    }
}
