use std::borrow::Cow;
use std::collections::HashMap;

use fluent_templates::fluent_bundle::FluentValue;
use fluent_templates::{LanguageIdentifier, Loader, langid};

use super::letter::Letter;
use crate::engine::ports::{Message, MessageKind, Notice};
use crate::identity::Locale;

fluent_templates::static_loader! {
    static TEXTS = {
        locales: "./src/delivery/locales",
        fallback_language: "en",
        // Without this, fluent puts U+2068 and U+2069 around every value: a phone shows them as boxes, and a code that
        // is copied with them is wrong.
        customise: |bundle| bundle.set_use_isolating(false),
    };
}

/// Says what a message says, in the person's language.
#[derive(Debug, Clone)]
pub struct Wording {
    product: String,
}

type Values = HashMap<Cow<'static, str>, FluentValue<'static>>;

impl Wording {
    /// `product` is the name that people know this service by.
    pub fn new(product: impl Into<String>) -> Self {
        Wording { product: product.into() }
    }

    /// The text of an SMS. With a code it begins with that, so that a notification shows it.
    pub fn sms(&self, message: &Message) -> String {
        let values = self.values(message);
        match &message.kind {
            MessageKind::Code { .. } => say(message.locale, "sms-code", &values),
            MessageKind::Notice { notice, .. } => say(message.locale, &id(notice), &values),
        }
    }

    pub fn letter(&self, message: &Message) -> Letter {
        let values = self.values(message);
        let say = |id: &str| say(message.locale, id, &values);
        match &message.kind {
            MessageKind::Code { code, .. } => {
                let after = [say("email-lifetime"), say("email-unasked")];
                Letter::with_code(message.locale, say("email-subject"), &say("email-lead"), code.expose(), &after)
            }
            MessageKind::Notice { notice, .. } => {
                let paragraphs = [say(&id(notice)), say(advice(notice))];
                Letter::of(message.locale, say(&format!("{}-subject", id(notice))), &paragraphs)
            }
        }
    }

    fn values(&self, message: &Message) -> Values {
        let mut values = HashMap::from([("product".into(), self.product.clone().into())]);
        match &message.kind {
            MessageKind::Code { code, minutes } => {
                values.insert("code".into(), code.expose().to_owned().into());
                values.insert("minutes".into(), (*minutes).into());
            }
            MessageKind::Notice { notice, at } => {
                // The one way of writing a time that reads the same in every language.
                values.insert("time".into(), at.format("%Y-%m-%d %H:%M:%S UTC").to_string().into());
                match notice {
                    Notice::FactorEnabled(factor) | Notice::FactorDisabled(factor) | Notice::FactorReset(factor) => {
                        values.insert("factor".into(), factor.as_str().into());
                    }
                    Notice::RecoveryCodeUsed(left) => drop(values.insert("left".into(), (*left).into())),
                    Notice::PasswordChanged
                    | Notice::PasswordReset
                    | Notice::PasswordSet
                    | Notice::EmailChanged
                    | Notice::RecoveryCodesMade
                    | Notice::DeviceRemembered
                    | Notice::DeviceStolen
                    | Notice::SessionStolen => {}
                }
            }
        }
        values
    }
}

/// The name of a notice's message.
fn id(notice: &Notice) -> String {
    format!("notice-{}", notice.name().replace('_', "-"))
}

/// What to do if it was somebody else. An address that was changed gets no letters, so that only support can help.
fn advice(notice: &Notice) -> &'static str {
    match notice {
        Notice::FactorEnabled(_) | Notice::FactorDisabled(_) | Notice::RecoveryCodesMade | Notice::DeviceRemembered => {
            "advice-yours"
        }
        Notice::PasswordChanged | Notice::PasswordReset => "advice-lost",
        Notice::FactorReset(_) | Notice::PasswordSet | Notice::EmailChanged => "advice-support",
        Notice::RecoveryCodeUsed(_) => "advice-recovery",
        Notice::DeviceStolen | Notice::SessionStolen => "advice-copied",
    }
}

fn say(locale: Locale, id: &str, values: &Values) -> String {
    TEXTS.lookup_with_args(&language(locale), id, values)
}

fn language(locale: Locale) -> LanguageIdentifier {
    match locale {
        Locale::En => langid!("en"),
        Locale::Cs => langid!("cs"),
        Locale::PtBr => langid!("pt-BR"),
        Locale::Ru => langid!("ru"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::ports::Address;
    use crate::identity::{Code, Factor, Phone};

    fn message(locale: Locale, minutes: u64) -> Message {
        Message {
            id: "m".into(),
            to: Address::Phone(Phone::parse("+420601123456").unwrap()),
            locale,
            kind: MessageKind::Code { code: Code::parse("012345", 6).unwrap(), minutes },
        }
    }

    #[test]
    fn each_language_counts_minutes_its_own_way() {
        let wording = Wording::new("Stepgate");
        let said = |locale, minutes| wording.sms(&message(locale, minutes));
        for (locale, minutes, text) in [
            (Locale::En, 1, "012345 is your Stepgate code. It is valid for 1 minute."),
            (Locale::En, 5, "012345 is your Stepgate code. It is valid for 5 minutes."),
            (Locale::Cs, 1, "012345 je váš kód pro Stepgate. Platí 1 minutu."),
            (Locale::Cs, 3, "012345 je váš kód pro Stepgate. Platí 3 minuty."),
            (Locale::Cs, 5, "012345 je váš kód pro Stepgate. Platí 5 minut."),
            (Locale::PtBr, 1, "012345 é o seu código do Stepgate. Ele vale por 1 minuto."),
            (Locale::PtBr, 5, "012345 é o seu código do Stepgate. Ele vale por 5 minutos."),
            (Locale::Ru, 1, "012345 — ваш код для Stepgate. Он действует 1 минуту."),
            (Locale::Ru, 3, "012345 — ваш код для Stepgate. Он действует 3 минуты."),
            (Locale::Ru, 5, "012345 — ваш код для Stepgate. Он действует 5 минут."),
            (Locale::Ru, 21, "012345 — ваш код для Stepgate. Он действует 21 минуту."),
        ] {
            assert_eq!(said(locale, minutes), text);
        }
    }

    #[test]
    fn every_language_says_every_part_without_isolating_marks() {
        let wording = Wording::new("Stepgate");
        let mut subjects = std::collections::BTreeSet::new();
        for locale in Locale::ALL {
            for minutes in 0..=25 {
                let letter = wording.letter(&message(locale, minutes));
                let whole = format!("{}{}{}", letter.subject, letter.text, letter.html);
                assert!(whole.contains("012345") && whole.contains(&format!("{minutes} ")), "{whole}");
                assert!(!whole.contains(['\u{2068}', '\u{2069}']), "{whole}");
                assert!(!whole.contains("Unknown localization") && !whole.contains('$'), "{whole}");
                subjects.insert(letter.subject);
            }
        }
        assert_eq!(subjects.len(), Locale::ALL.len(), "no language falls back to another: {subjects:?}");
    }

    fn notice(locale: Locale, notice: Notice) -> Message {
        let at = chrono::DateTime::from_timestamp(1_672_232_458, 0).unwrap();
        Message { kind: MessageKind::Notice { notice, at }, ..message(locale, 5) }
    }

    fn notices() -> Vec<Notice> {
        let of_factors = [Notice::FactorEnabled, Notice::FactorDisabled, Notice::FactorReset];
        let mut all: Vec<Notice> = of_factors.iter().flat_map(|of| Factor::ALL.map(of)).collect();
        all.extend([0, 1, 2, 5, 9].map(Notice::RecoveryCodeUsed));
        all.extend([Notice::PasswordChanged, Notice::PasswordReset, Notice::PasswordSet, Notice::EmailChanged]);
        all.extend([Notice::RecoveryCodesMade, Notice::DeviceRemembered, Notice::DeviceStolen, Notice::SessionStolen]);
        all
    }

    /// A23: every notice says in every language what happened, when, and what to do about it.
    #[test]
    fn every_notice_says_what_happened_when_and_what_to_do() {
        let wording = Wording::new("Stepgate");
        let mut texts = std::collections::BTreeSet::new();
        for locale in Locale::ALL {
            for one in notices() {
                let letter = wording.letter(&notice(locale, one.clone()));
                let whole = format!("{}{}{}", letter.subject, letter.text, letter.html);
                assert!(letter.subject.contains("Stepgate"), "{locale:?} {one:?}: {}", letter.subject);
                assert!(letter.text.contains("2022-12-28 13:00:58 UTC"), "{locale:?} {one:?}: {}", letter.text);
                assert_eq!(letter.text.trim().split("\n\n").count(), 2, "{}", letter.text);
                assert!(!whole.contains(['\u{2068}', '\u{2069}', '{', '$']), "{whole}");
                assert!(!whole.contains("Unknown localization") && !whole.contains("http"), "{whole}");
                for paragraph in letter.text.trim().split("\n\n") {
                    assert!(letter.html.contains(&format!("<p>{paragraph}</p>")), "{}", letter.html);
                }
                assert!(texts.insert(letter.text.clone()), "said twice: {}", letter.text);
            }
        }
    }

    #[test]
    fn what_is_left_is_counted_in_each_language() {
        let wording = Wording::new("Stepgate");
        for (locale, left, said) in [
            (Locale::En, 0, "There are none left: make new ones."),
            (Locale::En, 1, "There is 1 left."),
            (Locale::En, 9, "There are 9 left."),
            (Locale::Cs, 0, "Žádný další nezbývá"),
            (Locale::Cs, 3, "Zbývají 3."),
            (Locale::Cs, 9, "Zbývá 9."),
            (Locale::PtBr, 0, "Não resta nenhum"),
            (Locale::PtBr, 1, "Resta 1."),
            (Locale::Ru, 1, "Остался 1 код."),
            (Locale::Ru, 3, "Осталось 3 кода."),
            (Locale::Ru, 9, "Осталось 9 кодов."),
        ] {
            let text = wording.letter(&notice(locale, Notice::RecoveryCodeUsed(left))).text;
            assert!(text.contains(said), "{text}");
        }
        let text = wording.letter(&notice(Locale::En, Notice::FactorDisabled(Factor::Sms))).text;
        assert!(text.starts_with("Codes by SMS were turned off for your Stepgate account on 2022"), "{text}");
    }

    #[test]
    fn every_language_has_every_message_of_its_own() {
        let ids = |source: &str| {
            let names = source.lines().filter(|line| !line.starts_with([' ', '#', '}']));
            names
                .filter_map(|line| Some(line.split_once(" =")?.0.to_owned()))
                .collect::<std::collections::BTreeSet<_>>()
        };
        let english = ids(include_str!("locales/en/messages.ftl"));
        assert!(english.len() > 30, "{english:?}");
        assert_eq!(ids(include_str!("locales/cs/messages.ftl")), english);
        assert_eq!(ids(include_str!("locales/pt-BR/messages.ftl")), english);
        assert_eq!(ids(include_str!("locales/ru/messages.ftl")), english);
    }

    #[test]
    fn e4_a_product_name_is_text_in_html_and_not_markup() {
        let letter = Wording::new("<b>R&D</b> \"x\"").letter(&message(Locale::En, 5));
        assert!(letter.text.contains("<b>R&D</b> \"x\""), "{}", letter.text);
        assert!(letter.html.contains("&lt;b&gt;R&amp;D&lt;/b&gt; &quot;x&quot;"), "{}", letter.html);
        assert!(!letter.html.contains("<b>"), "{}", letter.html);
        assert!(!letter.html.contains("http"), "no link and no remote picture: {}", letter.html);
        let letter = Wording::new("<b>R&D</b>").letter(&notice(Locale::En, Notice::PasswordSet));
        assert!(letter.text.contains("<b>R&D</b>"), "{}", letter.text);
        assert_eq!(letter.html.matches("&lt;b&gt;R&amp;D&lt;/b&gt;").count(), 3, "{}", letter.html);
        assert!(!letter.html.contains("<b>"), "{}", letter.html);
    }
}
