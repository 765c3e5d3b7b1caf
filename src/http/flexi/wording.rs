use fluent_templates::{LanguageIdentifier, Loader, langid};

use crate::engine::{FieldProblem, Refused};
use crate::http::problem;
use crate::identity::Locale;

use super::table::{Fault, Why, Words, row};

fluent_templates::static_loader! {
    static WORDS = {
        locales: "./src/http/flexi/locales",
        fallback_language: "cs",
        customise: |bundle| bundle.set_use_isolating(false),
    };
}

static EN: LanguageIdentifier = langid!("en");
static CS: LanguageIdentifier = langid!("cs");
static PT_BR: LanguageIdentifier = langid!("pt-BR");
static RU: LanguageIdentifier = langid!("ru");

/// A message of this surface's own.
pub fn own(locale: Locale, id: &str) -> String {
    let language = match locale {
        Locale::En => &EN,
        Locale::Cs => &CS,
        Locale::PtBr => &PT_BR,
        Locale::Ru => &RU,
    };
    WORDS.lookup(language, id)
}

/// What a refusal says. What is wrong with a parameter begins with its name.
pub fn message(locale: Locale, why: &Why) -> String {
    let said = match row(why).1 {
        Words::Own(id) => own(locale, id),
        Words::Problem(code) => problem::detail(locale, code),
    };
    match why {
        Why::Parameter(name, fault) => format!("{name}: {}", self::fault(locale, *fault)),
        Why::AtTheDoor(refused) | Why::Refused(refused) if !refused.fields.is_empty() => fields(locale, refused),
        _ => said,
    }
}

fn fault(locale: Locale, fault: Fault) -> String {
    match fault {
        Fault::Missing => problem::field(locale, "missing", ""),
        Fault::Twice => problem::field(locale, "twice", ""),
        Fault::Unusable => problem::field(locale, "invalid", ""),
        Fault::Otp => own(locale, "otp-form"),
        Fault::Secret => own(locale, "secret-form"),
    }
}

fn fields(locale: Locale, refused: &Refused) -> String {
    // What the engine calls a code is `otp` here.
    let name = |field: &str| if field == "code" { "otp".to_owned() } else { field.to_owned() };
    let said = |(field, what): (&String, &FieldProblem)| format!("{}: {}", name(field), problem::words(locale, what));
    refused.fields.iter().map(said).collect::<Vec<String>>().join(" ")
}

#[cfg(test)]
mod tests {
    use crate::engine::Reason;

    use super::*;

    const FILES: [(Locale, &str); 4] = [
        (Locale::Cs, include_str!("locales/cs/flexi.ftl")),
        (Locale::En, include_str!("locales/en/flexi.ftl")),
        (Locale::PtBr, include_str!("locales/pt-BR/flexi.ftl")),
        (Locale::Ru, include_str!("locales/ru/flexi.ftl")),
    ];

    fn ids(source: &str) -> Vec<&str> {
        source
            .lines()
            .filter_map(|line| line.split_once(" = "))
            .map(|(id, _)| id)
            .filter(|id| !id.contains('#'))
            .collect()
    }

    #[test]
    fn every_language_has_every_message_of_its_own() {
        let wanted = ids(FILES[0].1);
        assert!(wanted.len() > 15, "{wanted:?}");
        for (locale, source) in FILES {
            assert_eq!(ids(source), wanted, "{locale:?}");
        }
        for id in wanted {
            let said: std::collections::BTreeSet<String> = Locale::ALL.map(|locale| own(locale, id)).into();
            assert_eq!(said.len(), Locale::ALL.len(), "{id}: {said:?}");
        }
    }

    #[test]
    fn every_row_of_the_table_has_words() {
        let plain = [
            Why::NoCredentials,
            Why::CodeMissing,
            Why::StrangeToken,
            Why::NotTheCaller,
            Why::AlreadyOn,
            Why::NotOn,
            Why::NotProved,
            Why::OwnName,
            Why::NoSuchUser,
            Why::NoSuchCall,
            Why::Header,
            Why::Parameter("secret", Fault::Secret),
            Why::Parameter("otp", Fault::Otp),
            Why::AtTheDoor(Refused::new(Reason::InvalidCredentials)),
            Why::AtTheDoor(Refused::new(Reason::WizardChanged)),
            Why::Refused(Refused::new(Reason::WizardChanged)),
            Why::Refused(Refused::new(Reason::Invalid)),
            Why::Refused(Refused::new(Reason::Unavailable)),
        ];
        for why in &plain {
            for locale in Locale::ALL {
                let said = message(locale, why);
                assert!(!said.is_empty() && !said.contains("Unknown localization"), "{said}");
            }
        }
    }

    #[test]
    fn what_is_wrong_with_a_code_is_said_of_otp() {
        let refused = Refused::new(Reason::InvalidCode).field("code", FieldProblem::Digits(6));
        assert_eq!(message(Locale::En, &Why::Refused(refused)), "otp: Must be exactly 6 digits.");
    }
}
