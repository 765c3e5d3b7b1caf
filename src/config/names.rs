use super::key::{Fallback, Key, Kind};
use super::reader::Reader;
use crate::identity::NameRules;

pub(super) const KEYS: &[Key] = &[Key::new(
    "names.ignore_dots_for",
    Kind::List("mail domains in lower case"),
    Fallback::Value("[]"),
    "Mail domains in which dots before the `@` mean nothing, so that `a.b@` and `ab@` are one account.",
)];

pub(super) fn read(reader: &mut Reader) -> Option<NameRules> {
    let dotless_domains = reader.required("names.ignore_dots_for", |setting| setting.each(domain));
    Some(NameRules { dotless_domains: dotless_domains? })
}

fn domain(text: &str) -> Result<String, String> {
    let plain = |c: char| !c.is_uppercase() && (c.is_alphanumeric() || matches!(c, '.' | '-'));
    let fits = (1..=253).contains(&text.len()) && text.chars().all(plain);
    if fits { Ok(text.to_owned()) } else { Err(format!("{text:?} is no domain in lower case")) }
}
