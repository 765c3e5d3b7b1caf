use std::borrow::Cow;

/// The most characters of a client's text that one log field shows.
const LONGEST: usize = 256;

/// A client's text as a log may show it: control characters, line separators and the marks that turn writing around
/// are escaped, and what goes beyond 256 characters is cut off (shown by `…`).
pub fn sane(text: &str) -> Cow<'_, str> {
    if text.chars().count() <= LONGEST && !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len().min(LONGEST * 2));
    for c in text.chars().take(LONGEST) {
        if is_unsafe(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    Cow::Owned(shown)
}

fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_borrowed() {
        assert!(matches!(sane("Žluťoučký kůň"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_text_cannot_start_a_new_line_or_drive_a_terminal() {
        assert_eq!(sane("a\r\nINFO ok"), "a\\r\\nINFO ok");
        assert_eq!(sane("\u{1b}[31m\0\u{85}"), "\\u{1b}[31m\\u{0}\\u{85}");
        assert_eq!(sane("a\u{2028}b\u{202e}c"), "a\\u{2028}b\\u{202e}c");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let cut = sane(&"é".repeat(300)).into_owned();
        assert_eq!(cut.chars().count(), 257);
        assert!(cut.ends_with('…'));
    }
}
