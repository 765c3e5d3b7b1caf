use crate::engine::{FieldProblem, Refused};
use crate::http::problem::{text, words};
use crate::identity::Locale;

use super::table::{Fault, Why, Words, row};

/// A message of this surface's own.
pub fn own(locale: Locale, id: &str) -> String {
    text(locale, &format!("flexi-{id}"))
}

/// What a refusal says. What is wrong with a parameter begins with its name.
pub fn message(locale: Locale, why: &Why) -> String {
    match (why, row(why).1) {
        (Why::Parameter(name, fault), _) => format!("{name}: {}", self::fault(locale, *fault)),
        (Why::AtTheDoor(refused) | Why::Refused(refused), _) if !refused.fields.is_empty() => fields(locale, refused),
        (_, Words::Own(id)) => own(locale, id),
        (_, Words::Door(id)) => text(locale, &format!("door-{id}")),
        (_, Words::Problem(code)) => text(locale, &format!("{code}.detail")),
    }
}

fn fault(locale: Locale, fault: Fault) -> String {
    match fault {
        Fault::Missing => text(locale, "field-missing"),
        Fault::Twice => text(locale, "field-twice"),
        Fault::Unusable => text(locale, "field-invalid"),
        Fault::Otp => own(locale, "otp-form"),
        Fault::Secret => own(locale, "secret-form"),
    }
}

fn fields(locale: Locale, refused: &Refused) -> String {
    // What the engine calls a code is `otp` here.
    let name = |field: &str| if field == "code" { "otp".to_owned() } else { field.to_owned() };
    let said = |(field, what): (&String, &FieldProblem)| format!("{}: {}", name(field), words(locale, what));
    refused.fields.iter().map(said).collect::<Vec<String>>().join(" ")
}

#[cfg(test)]
mod tests {
    use crate::engine::Reason;

    use super::*;

    #[test]
    fn every_row_of_the_table_has_words() {
        let all = [
            Why::NoCredentials,
            Why::CodeMissing,
            Why::CodeSent(crate::identity::Secret::new("x")),
            Why::StrangeToken,
            Why::NotTheCaller,
            Why::Refused(Refused::new(Reason::MethodAlreadyEnabled)),
            Why::Refused(Refused::new(Reason::MethodNotEnabled)),
            Why::Refused(Refused::new(Reason::StepUpRequired)),
            Why::OwnName,
            Why::NoSuchUser,
            Why::NoSuchCall,
            Why::Parameter("secret", Fault::Secret),
            Why::Parameter("secret", Fault::Missing),
            Why::Parameter("secret", Fault::Unusable),
            Why::Parameter("otp", Fault::Twice),
            Why::Parameter("otp", Fault::Otp),
            Why::AtTheDoor(Refused::new(Reason::InvalidCredentials)),
            Why::AtTheDoor(Refused::new(Reason::WizardChanged)),
            Why::AtTheDoor(Refused::new(Reason::CodeExpired)),
            Why::AtTheDoor(Refused::new(Reason::DeliveryFailed)),
            Why::Refused(Refused::new(Reason::WizardChanged)),
            Why::Refused(Refused::new(Reason::Invalid)),
            Why::Refused(Refused::new(Reason::Unavailable)),
        ];
        for locale in Locale::ALL {
            let said = all
                .iter()
                .map(|why| message(locale, why))
                .chain(["enabled", "disabled", "disabled-one"].map(|id| own(locale, id)));
            for said in said {
                assert!(!said.is_empty() && !said.contains("Unknown localization"), "{locale:?}: {said}");
            }
        }
    }

    /// They are part of the published interface.
    #[test]
    fn the_printed_messages_are_the_printed_ones() {
        assert_eq!(own(Locale::Cs, "enabled"), "Dvoufázové ověření bylo úspěšně nastaveno.");
        assert_eq!(own(Locale::Cs, "disabled"), "Dvoufázové ověření bylo úspěšně vypnuto.");
    }

    #[test]
    fn what_is_wrong_with_a_code_is_said_of_otp() {
        let refused = Refused::new(Reason::InvalidCode).field("code", FieldProblem::Digits(6));
        assert_eq!(message(Locale::En, &Why::Refused(refused)), "otp: Must be exactly 6 digits.");
    }
}
