use super::key::{Fallback, Key, Kind};
use super::reader::Reader;

pub(super) const KEYS: &[Key] = &[Key::new(
    "cors.origins",
    Kind::List("origins such as `https://app.example.com`, without a path; `*` is refused, for wizards set cookies"),
    Fallback::Value("[]"),
    "Origins whose pages may call this server with credentials.",
)];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cors {
    /// As browsers write them in `Origin`: scheme, host, and a port unless it is the scheme's own.
    pub origins: Vec<String>,
}

pub(super) fn read(reader: &mut Reader) -> Option<Cors> {
    Some(Cors { origins: reader.required("cors.origins", |setting| setting.each(origin))? })
}

fn origin(text: &str) -> Result<String, String> {
    let url = url::Url::parse(text).map_err(|_| format!("{text:?} is no origin"))?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    match url.scheme() {
        "http" | "https" if bare && url.password().is_none() => Ok(url.origin().ascii_serialization()),
        _ => Err(format!("{text:?} is no origin")),
    }
}
