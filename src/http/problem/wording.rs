use std::borrow::Cow;
use std::collections::HashMap;

use fluent_templates::fluent_bundle::FluentValue;
use fluent_templates::{LanguageIdentifier, Loader, langid};

use crate::engine::FieldProblem;
use crate::identity::{Factor, Locale};

fluent_templates::static_loader! {
    static WORDS = {
        locales: "./src/http/problem/locales",
        fallback_language: "en",
        customise: |bundle| bundle.set_use_isolating(false),
    };
}

static EN: LanguageIdentifier = langid!("en");
static CS: LanguageIdentifier = langid!("cs");
static PT_BR: LanguageIdentifier = langid!("pt-BR");
static RU: LanguageIdentifier = langid!("ru");

fn language(locale: Locale) -> &'static LanguageIdentifier {
    match locale {
        Locale::En => &EN,
        Locale::Cs => &CS,
        Locale::PtBr => &PT_BR,
        Locale::Ru => &RU,
    }
}

/// Title and detail of a problem code.
pub fn of(locale: Locale, code: &str) -> (String, String) {
    let language = language(locale);
    (WORDS.lookup(language, code), WORDS.lookup(language, &format!("{code}.detail")))
}

/// What is wrong with a field; `expected` fills the message where it asks for it.
pub fn field(locale: Locale, what: &str, expected: &str) -> String {
    with(locale, &format!("field-{what}"), &[("expected", expected.to_owned().into())])
}

/// The words for what the engine found wrong with a field.
pub fn words(locale: Locale, what: &FieldProblem) -> String {
    let plain = |name: &str| field(locale, name, "");
    match what {
        FieldProblem::Missing => plain("missing"),
        FieldProblem::Twice => plain("twice"),
        FieldProblem::Digits(digits) => with(locale, "field-digits", &[("digits", (*digits).into())]),
        FieldProblem::SomeDigits(least, most) => {
            with(locale, "field-some-digits", &[("least", (*least).into()), ("most", (*most).into())])
        }
        FieldProblem::OutOfRange(least, most) => {
            with(locale, "field-range", &[("least", (*least).into()), ("most", (*most).into())])
        }
        FieldProblem::Email => plain("email"),
        FieldProblem::Username => plain("username"),
        FieldProblem::Phone => plain("phone"),
        FieldProblem::PhoneNotAllowed => plain("phone-not-allowed"),
        FieldProblem::Uuid => plain("uuid"),
        FieldProblem::Factor => plain("factor"),
        FieldProblem::Taken => plain("taken"),
        FieldProblem::Exists => plain("exists"),
        FieldProblem::Key => plain("key"),
        FieldProblem::PasswordHash => plain("password-hash"),
        FieldProblem::PasswordLength => plain("password-length"),
        FieldProblem::PasswordWeak => plain("password-weak"),
        FieldProblem::PasswordCommon => plain("password-common"),
        FieldProblem::PasswordsDiffer => plain("passwords-differ"),
        FieldProblem::RecoveryCode => plain("recovery-code"),
        FieldProblem::Purpose => plain("purpose"),
        FieldProblem::Locale => plain("locale"),
        FieldProblem::ClientKey => plain("client-key"),
        FieldProblem::Unknown => plain("unknown"),
        FieldProblem::Time => plain("time"),
        FieldProblem::PolicyId => plain("policy-id"),
        FieldProblem::Issuer => plain("issuer"),
        FieldProblem::Domain => plain("domain"),
        FieldProblem::Name => plain("name"),
        FieldProblem::OneOf(words) => field(locale, "one-of", words),
        FieldProblem::Invalid(expected) => field(locale, "type", expected),
    }
}

/// A message that stands by itself, or the detail of a code as `code.detail`.
pub fn text(locale: Locale, id: &str) -> String {
    WORDS.lookup(language(locale), id)
}

/// What a method is called in lists.
pub fn caption(locale: Locale, factor: Factor) -> String {
    WORDS.lookup(language(locale), &format!("caption-{factor}"))
}

fn with(locale: Locale, id: &str, args: &[(&'static str, FluentValue<'static>)]) -> String {
    let args: HashMap<Cow<'static, str>, FluentValue<'static>> =
        args.iter().map(|(name, value)| (Cow::Borrowed(*name), value.clone())).collect();
    WORDS.lookup_with_args(language(locale), id, &args)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every message of the English file, with its attributes.
    fn ids() -> Vec<String> {
        let (mut ids, mut message) = (Vec::new(), String::new());
        for line in include_str!("locales/en/problems.ftl").lines() {
            if let Some((name, _)) = line.split_once(" =").filter(|(name, _)| !name.contains([' ', '#'])) {
                message = name.to_owned();
                ids.push(message.clone());
            } else if let Some((name, _)) = line.trim().strip_prefix('.').and_then(|rest| rest.split_once(" =")) {
                ids.push(format!("{message}.{name}"));
            }
        }
        ids
    }

    #[test]
    fn every_language_has_every_message_of_its_own() {
        let ids = ids();
        assert!(ids.len() > 60, "{}", ids.len());
        for (tag, source) in [
            ("cs", include_str!("locales/cs/problems.ftl")),
            ("pt-BR", include_str!("locales/pt-BR/problems.ftl")),
            ("ru", include_str!("locales/ru/problems.ftl")),
        ] {
            for id in &ids {
                let message = id.split('.').next().unwrap();
                let has = source.lines().any(|line| line.starts_with(&format!("{message} =")));
                assert!(has, "{tag} lacks {id}");
            }
            let details = |text: &str| text.matches(".detail =").count();
            assert_eq!(details(source), details(include_str!("locales/en/problems.ftl")), "{tag}");
        }
    }

    /// RFC 6749 §5.2 has `error_description` of these characters only, and it is taken from here.
    #[test]
    fn english_is_said_in_plain_characters() {
        for line in include_str!("locales/en/problems.ftl").lines() {
            assert!(line.chars().all(|c| matches!(c, ' '..='!' | '#'..='[' | ']'..='~')), "{line}");
        }
    }

    #[test]
    fn every_code_has_words() {
        use crate::http::problem::Kind;
        for code in [Kind::MALFORMED.code, Kind::INVALID.code, "invalid_code", "account_locked", "overloaded"] {
            for locale in Locale::ALL {
                let (title, detail) = of(locale, code);
                assert!(!title.contains("Unknown localization") && !detail.contains("Unknown localization"), "{code}");
            }
        }
    }

    #[test]
    fn no_invisible_characters_around_what_is_filled_in() {
        assert_eq!(words(Locale::En, &FieldProblem::Digits(6)), "Must be exactly 6 digits.");
    }
}
