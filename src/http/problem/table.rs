use crate::engine::Reason;

/// A status and the stable code that goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    pub status: u16,
    pub code: &'static str,
}

impl Kind {
    pub const MALFORMED: Kind = Kind { status: 400, code: "malformed_body" };
    pub const INVALID: Kind = Kind { status: 400, code: "invalid_request" };
    pub const GRANT_TYPE: Kind = Kind { status: 400, code: "unsupported_grant_type" };
    pub const TOO_SLOW: Kind = Kind { status: 408, code: "body_too_slow" };
    pub const TOO_LARGE: Kind = Kind { status: 413, code: "body_too_large" };
    pub const MEDIA_TYPE: Kind = Kind { status: 415, code: "unsupported_media_type" };

    const fn new(status: u16, code: &'static str) -> Self {
        Kind { status, code }
    }
}

/// The one table from reasons to what clients see.
pub fn kind_of(reason: Reason) -> Kind {
    match reason {
        Reason::Invalid => Kind::INVALID,
        Reason::Unauthorized => Kind::new(401, "unauthorized"),
        Reason::Forbidden => Kind::new(403, "forbidden"),
        Reason::WorkflowDisabled => Kind::new(403, "workflow_disabled"),
        Reason::WizardNotFound => Kind::new(404, "wizard_not_found"),
        Reason::NotFound => Kind::new(404, "not_found"),
        Reason::StepNotAllowed => Kind::new(409, "step_not_allowed"),
        Reason::WizardChanged => Kind::new(409, "wizard_changed"),
        Reason::MethodAlreadyEnabled => Kind::new(409, "method_already_enabled"),
        Reason::MethodNotEnabled => Kind::new(422, "method_not_enabled"),
        Reason::MethodNotAllowed => Kind::new(403, "mfa_disallowed"),
        Reason::EnrolmentRequired => Kind::new(403, "enrolment_required"),
        Reason::StepUpRequired => Kind::new(403, "step_up_required"),
        Reason::InvalidSuccessToken => Kind::new(422, "invalid_success_token"),
        Reason::PasswordRefused => Kind::new(422, "invalid_password"),
        Reason::PasswordElsewhere => Kind::new(403, "password_kept_elsewhere"),
        Reason::Taken => Kind::new(409, "already_taken"),
        Reason::Exists => Kind::new(409, "already_exists"),
        Reason::ReadOnly => Kind::new(409, "read_only"),
        Reason::Full => Kind::new(409, "too_many_entries"),
        Reason::InvalidCredentials => Kind::new(422, "invalid_credentials"),
        Reason::InvalidCode => Kind::new(422, "invalid_code"),
        Reason::CodeExpired => Kind::new(422, "code_expired"),
        Reason::CodeUsed => Kind::new(422, "code_used"),
        Reason::InvalidPhone => Kind::new(422, "invalid_phone"),
        Reason::IdempotencyKeyReused => Kind::new(422, "idempotency_key_reused"),
        Reason::TooManyAttempts => Kind::new(429, "too_many_attempts"),
        Reason::AccountLocked => Kind::new(429, "account_locked"),
        Reason::ResendTooSoon => Kind::new(429, "resend_too_soon"),
        Reason::TooManySends => Kind::new(429, "too_many_sends"),
        Reason::Internal => Kind::new(500, "internal"),
        Reason::DeliveryFailed => Kind::new(502, "delivery_failed"),
        Reason::Unavailable => Kind::new(503, "unavailable"),
        Reason::Overloaded => Kind::new(503, "overloaded"),
    }
}
