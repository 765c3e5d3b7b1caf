//! What each word of the vocabulary needs to be known before, and what is known after it. The proof walks by these
//! rules and [`super::decide`] by the very same.

use crate::identity::{Factor, Recipient};

use super::{Action, Ask, Fact, Facts, Grant, Outcome, Purpose, Question, TotpOf};

impl Purpose {
    /// The facts that hold before the first step.
    pub fn at_start(self) -> Facts {
        match self {
            Purpose::SignIn => Facts::none(),
            Purpose::Recover => Facts::of(&[Fact::Named]),
            Purpose::Enable(_) | Purpose::Challenge => Facts::of(&[Fact::SessionPresent]),
            Purpose::Disable(factor) => Facts::of(&[Fact::SessionPresent, Fact::has(factor)]),
        }
    }
}

/// What lets an account in beside its password.
const SECOND: [Fact; 6] = [
    Fact::GoogleVerified,
    Fact::SmsVerified,
    Fact::EmailVerified,
    Fact::RecoveryVerified,
    Fact::DeviceRemembered,
    Fact::NoFactorEnrolled,
];

/// No code is on its way that would be accepted.
fn nothing_sent(facts: Facts) -> Facts {
    Recipient::ALL.into_iter().fold(facts, |facts, recipient| facts.without(Fact::sent_to(recipient)))
}

/// Nothing that was shown so far turns a factor on.
fn nothing_enrolled(facts: Facts) -> Facts {
    [Fact::NewSecretVerified, Fact::NewPhoneVerified, Fact::AddressVerified].into_iter().fold(facts, Facts::without)
}

/// What must be known before: each group needs one of its facts.
pub type Needs = Vec<Vec<Fact>>;

impl Ask {
    pub fn needs(self) -> Needs {
        match self {
            Ask::CheckPassword => vec![],
            Ask::ChooseMethod => vec![vec![Fact::PasswordVerified]],
            Ask::CheckTotp(TotpOf::Enrolled) => vec![vec![Fact::HasGoogle]],
            Ask::CheckTotp(TotpOf::New) => vec![vec![Fact::SecretCreated]],
            Ask::CheckCode(recipient) => vec![vec![Fact::sent_to(recipient)]],
            Ask::EnterPhone => vec![vec![Fact::SessionPresent, Fact::MustEnrol]],
            Ask::CheckRecoveryCode => vec![vec![Fact::PasswordVerified, Fact::SessionPresent]],
            Ask::ChooseEnrolment => vec![vec![Fact::MustEnrol]],
        }
    }

    /// What is known after `outcome`, given what was known before.
    pub fn after(self, outcome: Outcome, facts: Facts) -> Facts {
        match outcome {
            Outcome::Right => self.proved(facts).with(Fact::LastAnswerRight),
            Outcome::Wrong | Outcome::Locked => self.refuted(facts).without(Fact::LastAnswerRight),
            _ => match (self, outcome.factor()) {
                (Ask::ChooseMethod, Some(factor)) => facts.with(Fact::has(factor)),
                // What was proved of an address before is no answer to a code that is sent for enrolling it.
                (Ask::ChooseEnrolment, Some(Factor::Email)) => {
                    facts.without(Fact::AddressVerified).without(Fact::SentToEmail)
                }
                (Ask::EnterPhone, _) | (Ask::ChooseEnrolment, Some(Factor::Sms)) => {
                    facts.without(Fact::NewPhoneVerified).without(Fact::SentToNewPhone).with(Fact::PhoneEntered)
                }
                _ => facts,
            },
        }
    }

    fn proved(self, facts: Facts) -> Facts {
        match self {
            Ask::CheckPassword => self.refuted(facts).with(Fact::PasswordVerified),
            Ask::CheckTotp(TotpOf::Enrolled) => facts.with(Fact::GoogleVerified),
            Ask::CheckTotp(TotpOf::New) => facts.with(Fact::NewSecretVerified),
            // A code is good for one answer.
            Ask::CheckCode(recipient) => {
                let facts = facts.without(Fact::sent_to(recipient)).with(Fact::verified_at(recipient));
                let enrols = facts.holds(Fact::SessionPresent) || facts.holds(Fact::MustEnrol);
                if recipient == Recipient::Email && enrols { facts.with(Fact::AddressVerified) } else { facts }
            }
            Ask::CheckRecoveryCode => facts.with(Fact::RecoveryVerified),
            Ask::ChooseMethod | Ask::ChooseEnrolment | Ask::EnterPhone => facts,
        }
    }

    fn refuted(self, facts: Facts) -> Facts {
        match self {
            // A session belongs to one account, and a password of another account is a wrong one (see `decide`).
            Ask::CheckPassword if facts.holds(Fact::SessionPresent) => facts.without(Fact::PasswordVerified),
            // Another password may be another account: nothing known of the one before may survive.
            Ask::CheckPassword => Facts::none(),
            Ask::CheckTotp(_)
            | Ask::CheckCode(_)
            | Ask::CheckRecoveryCode
            | Ask::ChooseMethod
            | Ask::ChooseEnrolment
            | Ask::EnterPhone => facts,
        }
    }
}

impl Action {
    pub fn needs(self) -> Needs {
        match self {
            Action::SendCode(Recipient::Phone) => vec![vec![Fact::HasSms]],
            Action::SendCode(Recipient::NewPhone) => vec![vec![Fact::PhoneEntered]],
            Action::SendCode(Recipient::Email) => {
                vec![vec![Fact::HasEmail, Fact::SessionPresent, Fact::MustEnrol, Fact::Named]]
            }
            Action::CreateSecret => vec![vec![Fact::SessionPresent, Fact::MustEnrol]],
            Action::EnableFactor(factor) => {
                let proved = match factor {
                    Factor::Google => Fact::NewSecretVerified,
                    Factor::Sms => Fact::NewPhoneVerified,
                    Factor::Email => Fact::AddressVerified,
                };
                vec![vec![Fact::SessionPresent, Fact::MustEnrol], vec![proved], vec![Fact::LastAnswerRight]]
            }
            Action::DisableFactor(factor) => vec![
                vec![Fact::SessionPresent],
                vec![Fact::verified(factor), Fact::RecoveryVerified],
                vec![Fact::LastAnswerRight],
            ],
        }
    }

    pub fn after(self, facts: Facts) -> Facts {
        match self {
            // One code is outstanding at a time: a new one lets the others die.
            Action::SendCode(recipient) => nothing_sent(facts).with(Fact::sent_to(recipient)),
            Action::CreateSecret => facts.without(Fact::NewSecretVerified).with(Fact::SecretCreated),
            // At a sign-in the code that confirmed the enrolment is a second factor like any other, and enrols once.
            Action::EnableFactor(factor) if facts.holds(Fact::MustEnrol) => nothing_enrolled(facts)
                .without(Fact::MustEnrol)
                .without(Fact::NoFactorEnrolled)
                .with(Fact::has(factor))
                .with(Fact::verified(factor)),
            Action::EnableFactor(factor) => {
                facts.without(Fact::NoFactorEnrolled).with(Fact::has(factor)).with(Fact::FactorChanged)
            }
            Action::DisableFactor(factor) => facts.without(Fact::has(factor)).with(Fact::FactorChanged),
        }
    }
}

impl Question {
    pub fn needs(&self) -> Needs {
        match self {
            Question::EnrolledFactors | Question::AccountGroup(_) | Question::PhonePrefix(_) => {
                vec![vec![Fact::PasswordVerified, Fact::SessionPresent]]
            }
            Question::ClientKind(_) => vec![],
            Question::RememberedDevice => vec![vec![Fact::PasswordVerified]],
            Question::StepUpFactor => vec![vec![Fact::SessionPresent]],
            Question::MfaRequired => vec![vec![Fact::PasswordVerified], SECOND.to_vec()],
        }
    }

    pub fn after(&self, outcome: Outcome, facts: Facts) -> Facts {
        match (self, outcome) {
            (Question::EnrolledFactors, outcome) => {
                let none = Factor::ALL.into_iter().fold(facts, |facts, factor| facts.without(Fact::has(factor)));
                match outcome.factor() {
                    Some(factor) => none.without(Fact::NoFactorEnrolled).with(Fact::has(factor)),
                    None if outcome == Outcome::None => none.with(Fact::NoFactorEnrolled),
                    // Several: which ones is learnt when one is chosen; what was known of single ones stands.
                    None => facts.without(Fact::NoFactorEnrolled),
                }
            }
            (Question::StepUpFactor, outcome) => match outcome.factor() {
                Some(factor @ (Factor::Google | Factor::Sms)) => facts.with(Fact::has(factor)),
                // The address serves whoever is signed in, whether or not the factor is on.
                Some(Factor::Email) | None => facts,
            },
            // Whoever enrols begins from here. A remembered device has proved too little for that.
            (Question::MfaRequired, Outcome::Required) => {
                let facts = nothing_enrolled(nothing_sent(facts))
                    .without(Fact::PolicyMet)
                    .without(Fact::DeviceRemembered)
                    .without(Fact::MustEnrol);
                if facts.missing(&[SECOND.to_vec()]).is_none() { facts.with(Fact::MustEnrol) } else { facts }
            }
            (Question::MfaRequired, _) => facts.without(Fact::MustEnrol).with(Fact::PolicyMet),
            (Question::RememberedDevice, Outcome::Remembered) => facts.with(Fact::DeviceRemembered),
            (
                Question::RememberedDevice
                | Question::AccountGroup(_)
                | Question::PhonePrefix(_)
                | Question::ClientKind(_),
                _,
            ) => facts,
        }
    }
}

impl Grant {
    pub fn needs(self) -> Needs {
        match self {
            Grant::Session => {
                vec![vec![Fact::PasswordVerified], SECOND.to_vec(), vec![Fact::PolicyMet], vec![Fact::LastAnswerRight]]
            }
            Grant::SuccessToken => vec![
                vec![Fact::SessionPresent, Fact::Named],
                vec![Fact::GoogleVerified, Fact::SmsVerified, Fact::EmailVerified, Fact::RecoveryVerified],
                vec![Fact::LastAnswerRight],
            ],
            Grant::FactorChange => vec![vec![Fact::FactorChanged], vec![Fact::LastAnswerRight]],
            Grant::Nothing => vec![],
        }
    }
}
