use std::borrow::Cow;
use std::collections::HashMap;

use fluent_templates::fluent_bundle::FluentValue;
use fluent_templates::{LanguageIdentifier, Loader, langid};

use crate::engine::ports::{Message, MessageKind};
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

/// An email without its addresses.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// One line.
    pub subject: String,
    pub text: String,
    /// The same as `text`, with every value escaped.
    pub html: String,
}

type Values = HashMap<Cow<'static, str>, FluentValue<'static>>;

impl Wording {
    /// `product` is the name that people know this service by.
    pub fn new(product: impl Into<String>) -> Self {
        Wording { product: product.into() }
    }

    /// The text of an SMS, which begins with the code so that a notification shows it.
    pub fn sms(&self, message: &Message) -> String {
        say(message.locale, "sms-code", &self.values(message))
    }

    pub fn letter(&self, message: &Message) -> Letter {
        let values = self.values(message);
        let say = |id| say(message.locale, id, &values);
        let code = match &message.kind {
            MessageKind::Code { code, .. } => code,
            MessageKind::Notice { .. } => {
                let text = say("notice");
                return Letter { subject: say("notice-subject"), html: escaped(&text), text };
            }
        };
        let (lead, lifetime, unasked) = (say("email-lead"), say("email-lifetime"), say("email-unasked"));
        let text = format!("{lead}\n\n    {}\n\n{lifetime}\n\n{unasked}\n", code.expose());
        let html = format!(
            "<!doctype html>\n<html lang=\"{lang}\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\n\
             <body style=\"font-family:sans-serif\">\n<p>{lead}</p>\n\
             <p style=\"font-size:1.8em;letter-spacing:0.15em\"><strong>{code}</strong></p>\n\
             <p>{lifetime}</p>\n<p>{unasked}</p>\n</body></html>\n",
            lang = message.locale.as_str(),
            title = escaped(&say("email-subject")),
            lead = escaped(&lead),
            code = escaped(code.expose()),
            lifetime = escaped(&lifetime),
            unasked = escaped(&unasked),
        );
        Letter { subject: say("email-subject"), text, html }
    }

    fn values(&self, message: &Message) -> Values {
        let mut values = HashMap::from([("product".into(), self.product.clone().into())]);
        if let MessageKind::Code { code, minutes } = &message.kind {
            values.insert("code".into(), code.expose().to_owned().into());
            values.insert("minutes".into(), (*minutes).into());
        }
        values
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

/// Text as HTML that shows exactly it, in an element or in a quoted attribute.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            _ => html.push(c),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::ports::Address;
    use crate::identity::{Code, Phone};

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

    #[test]
    fn e4_a_product_name_is_text_in_html_and_not_markup() {
        let letter = Wording::new("<b>R&D</b> \"x\"").letter(&message(Locale::En, 5));
        assert!(letter.text.contains("<b>R&D</b> \"x\""), "{}", letter.text);
        assert!(letter.html.contains("&lt;b&gt;R&amp;D&lt;/b&gt; &quot;x&quot;"), "{}", letter.html);
        assert!(!letter.html.contains("<b>"), "{}", letter.html);
        assert!(!letter.html.contains("http"), "no link and no remote picture: {}", letter.html);
    }
}
