use chrono::{DateTime, Utc};

use crate::identity::{Account, Factor, Phone, Policy, Recipient};
use crate::workflow::{Ask, Fact, Facts};

/// What a client did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Gave a name and a password.
    Password,
    /// Chose a method.
    Choose(Factor),
    /// Gave a code: for this factor, or for whatever the step asks.
    Code(Option<Factor>),
    /// Gave a phone number to enrol.
    Phone(Phone),
    /// Asked for another code.
    Resend,
    /// Gave a recovery code.
    Recovery,
    /// Chose a method to turn on; for SMS with the phone number, which counts for nothing with any other.
    Enrol(Factor, Option<Phone>),
}

/// How the check of a password or code turned out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    Right,
    Wrong,
    Locked,
}

/// What is known beside the wizard itself.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The account as last seen; for a password, the one that the name belongs to.
    pub account: Option<&'a Account>,
    /// The verdict on the password or code in the event; ignored for other events.
    pub known: Known,
    /// Whether the client showed the token of a device that the account remembers.
    pub device: bool,
    pub policy: &'a Policy,
}

/// Where a transition leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Waiting(String),
    Ended(String),
}

impl Place {
    pub fn name(&self) -> &str {
        match self {
            Place::Waiting(name) | Place::Ended(name) => name,
        }
    }
}

/// Something that must happen for a transition to be true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    SendCode(Recipient),
    CreateSecret,
    Enable(Factor),
    Disable(Factor),
    OpenSession,
    /// The remembered device stands in for the second factor once more.
    UseDevice,
    /// One of the recovery codes is used up.
    UseRecoveryCode,
    IssueSuccessToken,
}

/// The next place of a wizard, and what must happen for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    pub to: Place,
    pub facts: Facts,
    pub effects: Vec<Effect>,
    /// The steps that were passed, each with the edge that was taken out of it.
    pub trail: Vec<(String, &'static str)>,
}

/// Why an event leads nowhere. The wizard stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    Expired,
    /// The wizard has ended.
    Over,
    /// The step asks for something else.
    NotHere,
    MethodNotEnabled(Factor),
    MethodAlreadyEnabled(Factor),
    /// The policy does not let this account turn it on here.
    MethodNotAllowed(Factor),
    PhoneMissing,
    PhoneNotAllowed,
    ResendTooSoon {
        not_before: DateTime<Utc>,
    },
    TooManySends,
    /// A fact that the step or end requires does not hold. The proof makes this impossible for a sound wizard.
    Unproved {
        step: String,
        needs: Vec<Fact>,
    },
    /// The workflow has no such step, or turns in a circle.
    Broken {
        step: String,
    },
}

impl Ask {
    /// Whether a step with this ask is what the event answers.
    pub fn takes(self, event: &Event) -> bool {
        match (self, event) {
            (Ask::CheckPassword, Event::Password)
            | (Ask::CheckRecoveryCode, Event::Recovery)
            | (Ask::ChooseEnrolment, Event::Enrol(..))
            | (Ask::ChooseMethod, Event::Choose(_))
            | (Ask::EnterPhone, Event::Phone(_))
            | (Ask::CheckTotp(_) | Ask::CheckCode(_), Event::Code(None)) => true,
            (Ask::CheckTotp(_), Event::Code(Some(factor))) => *factor == Factor::Google,
            (Ask::CheckCode(recipient), Event::Code(Some(factor))) => *factor == recipient.factor(),
            (
                Ask::CheckPassword
                | Ask::ChooseMethod
                | Ask::ChooseEnrolment
                | Ask::CheckTotp(_)
                | Ask::CheckCode(_)
                | Ask::CheckRecoveryCode
                | Ask::EnterPhone,
                Event::Password
                | Event::Choose(_)
                | Event::Enrol(..)
                | Event::Code(_)
                | Event::Recovery
                | Event::Phone(_)
                | Event::Resend,
            ) => false,
        }
    }
}
