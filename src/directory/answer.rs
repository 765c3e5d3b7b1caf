use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer};

use crate::engine::ports::Person;
use crate::identity::{Email, Phone, Username};

/// Characters that a directory's own name for a person may have.
const LONGEST_ID: usize = 128;

#[derive(Deserialize)]
struct Raw {
    id: String,
    email: String,
    #[serde(default, deserialize_with = "given")]
    username: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    phone: Option<Option<String>>,
    locale: Option<String>,
    groups: Option<BTreeSet<String>>,
    permissions: Option<BTreeSet<String>>,
}

/// Tells a member that is `null` from one that is not there.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// The person that a body describes. A user name, phone or language that cannot be one is left out, for nobody should
/// be kept from signing in by it.
///
/// # Errors
/// What is wrong, without anything of the body.
pub(super) fn parse(body: &[u8]) -> Result<Person, &'static str> {
    // What serde says may quote the body.
    let raw: Raw = serde_json::from_slice(body).map_err(|_| "the body is not the JSON that was agreed on")?;
    let printable = !raw.id.chars().any(char::is_control);
    if !printable || !(1..=LONGEST_ID).contains(&raw.id.chars().count()) {
        return Err("id is not 1 to 128 printable characters");
    }
    Ok(Person {
        email: Email::parse(&raw.email).map_err(|_| "email is no email address")?,
        username: usable("username", raw.username, |text| Username::parse(text).ok()),
        phone: usable("phone", raw.phone, |text| Phone::parse(text).ok()),
        locale: usable("locale", raw.locale.map(Some), |text| text.parse().ok()).flatten(),
        groups: raw.groups,
        permissions: raw.permissions,
        id: raw.id,
    })
}

fn usable<T>(
    field: &'static str,
    given: Option<Option<String>>,
    parse: impl Fn(&str) -> Option<T>,
) -> Option<Option<T>> {
    let Some(text) = given? else { return Some(None) };
    let parsed = parse(&text);
    if parsed.is_none() {
        tracing::warn!(field, "the directory describes somebody by what cannot be used; left as it was");
    }
    parsed.map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Locale;

    #[test]
    fn all_of_a_person_is_read() {
        let person = parse(
            br#"{"id":"cn=Ann Lee","email":"ann@example.com","username":"ann","phone":"+420 601 123 456",
                "locale":"pt-br","groups":["staff"],"permissions":[],"extra":{}}"#,
        )
        .unwrap();
        assert_eq!((person.id.as_str(), person.email.as_str()), ("cn=Ann Lee", "ann@example.com"));
        assert_eq!(person.username.unwrap().unwrap().as_str(), "ann");
        assert_eq!(person.phone.unwrap().unwrap().as_str(), "+420601123456");
        assert_eq!(person.locale, Some(Locale::PtBr));
        assert_eq!((person.groups, person.permissions), (Some(["staff".to_owned()].into()), Some([].into())));
    }

    #[test]
    fn null_takes_away_and_silence_leaves() {
        let person = parse(br#"{"id":"7","email":"a@example.com","username":null,"locale":null}"#).unwrap();
        assert_eq!((person.username, person.phone, person.locale), (Some(None), None, None));
        let person = parse(br#"{"id":"7","email":"a@example.com","username":"a b","phone":"601","locale":"xx"}"#);
        let person = person.unwrap();
        assert_eq!((person.username, person.phone, person.locale), (None, None, None));
    }

    #[test]
    fn what_is_not_a_person_is_none() {
        let long = format!(r#"{{"id":"{}","email":"a@example.com"}}"#, "x".repeat(129));
        for body in [
            "",
            "{}",
            "[]",
            "null",
            r#"{"id":7,"email":"a@example.com"}"#,
            r#"{"id":"","email":"a@example.com"}"#,
            r#"{"id":"a\nb","email":"a@example.com"}"#,
            r#"{"id":"7","email":"nobody"}"#,
            r#"{"id":"7"}"#,
            r#"{"id":"7","email":"a@example.com","groups":"staff"}"#,
            r#"{"id":"7","email":"a@example.com","id":"8"}"#,
            &long,
        ] {
            assert!(parse(body.as_bytes()).is_err(), "{body}");
        }
    }
}
