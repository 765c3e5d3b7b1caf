use crate::identity::Locale;

/// An email without its addresses.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// One line.
    pub subject: String,
    pub text: String,
    /// The same as `text`, with every value escaped.
    pub html: String,
}

impl Letter {
    pub(super) fn of(locale: Locale, subject: String, paragraphs: &[String]) -> Self {
        let text = format!("{}\n", paragraphs.join("\n\n"));
        Letter { html: page(locale, &subject, &html(paragraphs)), subject, text }
    }

    /// A letter in which a code stands out between what it is for and what else there is to say.
    pub(super) fn with_code(locale: Locale, subject: String, lead: &str, code: &str, after: &[String]) -> Self {
        let text = format!("{lead}\n\n    {code}\n\n{}\n", after.join("\n\n"));
        let body = format!(
            "<p>{lead}</p>\n\
             <p style=\"font-size:1.8em;letter-spacing:0.15em\"><strong>{code}</strong></p>\n\
             {after}",
            lead = escaped(lead),
            code = escaped(code),
            after = html(after),
        );
        Letter { html: page(locale, &subject, &body), subject, text }
    }
}

fn html(paragraphs: &[String]) -> String {
    paragraphs.iter().map(|paragraph| format!("<p>{}</p>\n", escaped(paragraph))).collect()
}

/// `body` is HTML already.
fn page(locale: Locale, title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"{lang}\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\n\
         <body style=\"font-family:sans-serif\">\n{body}</body></html>\n",
        lang = locale.as_str(),
        title = escaped(title),
    )
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

    #[test]
    fn a_code_stands_alone_on_its_line() {
        let letter =
            Letter::with_code(Locale::En, "A & B".into(), "For <you>:", "012345", &["One.".into(), "Two.".into()]);
        assert_eq!(letter.text, "For <you>:\n\n    012345\n\nOne.\n\nTwo.\n");
        assert_eq!(
            letter.html,
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>A &amp; B</title></head>\n\
             <body style=\"font-family:sans-serif\">\n<p>For &lt;you&gt;:</p>\n\
             <p style=\"font-size:1.8em;letter-spacing:0.15em\"><strong>012345</strong></p>\n\
             <p>One.</p>\n<p>Two.</p>\n</body></html>\n"
        );
    }

    #[test]
    fn paragraphs_are_kept_apart() {
        let letter = Letter::of(Locale::Cs, "S".into(), &["'One'".into(), "Two".into()]);
        assert_eq!(letter.text, "'One'\n\nTwo\n");
        assert!(letter.html.contains("<p>&#39;One&#39;</p>\n<p>Two</p>\n</body>"), "{}", letter.html);
    }
}
