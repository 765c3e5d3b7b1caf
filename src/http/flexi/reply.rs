use std::cmp::Ordering;

use actix_web::HttpRequest;
use actix_web::http::header::ACCEPT;

use crate::http::context::wanted_locale;
use crate::identity::Locale;

/// The two ways in which a `winstrom` is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Xml,
    Json,
}

/// How a call is to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    pub format: Format,
    pub locale: Locale,
}

impl Reply {
    /// The ending of the path decides about the format, else `Accept`; Czech is spoken to whoever asks for no language
    /// that we speak.
    pub fn of(req: &HttpRequest) -> Self {
        let locale = wanted_locale(req).unwrap_or(Locale::Cs);
        Reply { format: by_ending(req.path()).unwrap_or_else(|| by_accept(req)), locale }
    }
}

fn by_ending(path: &str) -> Option<Format> {
    match path.rsplit_once('.')?.1 {
        "xml" => Some(Format::Xml),
        "json" => Some(Format::Json),
        _ => None,
    }
}

/// JSON where it is liked better than XML (RFC 9110 §12.5.1), or as well and named more closely. Who takes neither gets
/// XML all the same: an answer that says something is of more use than a 406.
fn by_accept(req: &HttpRequest) -> Format {
    let lines: Vec<&str> = req.headers().get_all(ACCEPT).filter_map(|line| line.to_str().ok()).collect();
    let ranges: Vec<Range> = lines.iter().flat_map(|line| line.split(',')).filter_map(Range::parse).collect();
    let liked = |name| Liked::of(&ranges, name);
    let (json, xml) = (liked(("application", "json")), liked(("application", "xml")).or_better(liked(("text", "xml"))));
    if json.quality > 0.0 && json.compare(&xml) == Ordering::Greater { Format::Json } else { Format::Xml }
}

/// A media range and how much it is liked.
struct Range {
    kind: String,
    subtype: String,
    quality: f32,
}

impl Range {
    fn parse(item: &str) -> Option<Self> {
        let mut parts = item.split(';').map(str::trim);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let quality = weight.map_or(Some(1.0), |q| q.parse().ok())?;
        Some(Range { kind: kind.to_ascii_lowercase(), subtype: subtype.to_ascii_lowercase(), quality })
    }

    /// 0 where it does not hold `name`; else the more, the closer it names it.
    fn nearness(&self, name: (&str, &str)) -> u8 {
        match (self.kind.as_str(), self.subtype.as_str()) {
            (kind, subtype) if (kind, subtype) == name => 3,
            (kind, "*") if kind == name.0 => 2,
            ("*", "*") => 1,
            _ => 0,
        }
    }
}

/// What the range says that names a type most closely, and how closely it names it.
struct Liked {
    quality: f32,
    nearness: u8,
}

impl Liked {
    fn of(ranges: &[Range], name: (&str, &str)) -> Self {
        let all = ranges.iter().map(|range| Liked { quality: range.quality, nearness: range.nearness(name) });
        let near = all.filter(|liked| liked.nearness > 0);
        let nearest = near.max_by(|one, other| one.nearness.cmp(&other.nearness).then(one.compare(other)));
        nearest.unwrap_or(Liked { quality: 0.0, nearness: 0 })
    }

    /// By quality, then by nearness.
    fn compare(&self, other: &Self) -> Ordering {
        self.quality.total_cmp(&other.quality).then(self.nearness.cmp(&other.nearness))
    }

    fn or_better(self, other: Self) -> Self {
        if self.compare(&other) == Ordering::Less { other } else { self }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn format(path: &str, accept: &str) -> Format {
        Reply::of(&TestRequest::with_uri(path).insert_header((ACCEPT, accept)).to_http_request()).format
    }

    #[test]
    fn the_ending_comes_before_the_header() {
        assert_eq!(format("/u/ann/disable-2fa.json", "application/xml"), Format::Json);
        assert_eq!(format("/u/ann/disable-2fa.xml", "application/json"), Format::Xml);
        assert_eq!(format("/u/ann.json/disable-2fa", "*/*"), Format::Xml);
        assert_eq!(format("/u/ann/qrcode-2fa.png", "application/json"), Format::Json);
    }

    #[test]
    fn the_header_decides_by_quality_and_closeness() {
        for (accept, expected) in [
            ("", Format::Xml),
            ("*/*", Format::Xml),
            ("application/*", Format::Xml),
            ("text/html", Format::Xml),
            ("application/json", Format::Json),
            ("Application/JSON; charset=utf-8", Format::Json),
            ("application/json, application/xml", Format::Xml),
            ("application/json, application/xml;q=0.9", Format::Json),
            ("application/json;q=0.5, text/xml;q=0.6", Format::Xml),
            ("application/json, */*;q=0.1", Format::Json),
            ("application/json;q=0.1, */*", Format::Xml),
            ("application/json;q=0", Format::Xml),
            ("application/xml;q=0, */*", Format::Xml),
            ("text/xml;q=0, application/xml;q=0, application/*", Format::Json),
            ("application/json;q=zero", Format::Xml),
            ("image/png, application/json;q=0.2", Format::Json),
            ("/, ;, json", Format::Xml),
            // The nearer name decides between equals: the first is axios' own.
            ("application/json, text/plain, */*", Format::Json),
            ("application/json,*/*", Format::Json),
            ("application/json;q=0.8, */*;q=0.8", Format::Json),
            ("application/json, application/*", Format::Json),
            ("application/json, text/xml;q=0.5, */*", Format::Json),
            ("application/*, */*", Format::Xml),
            ("text/xml, application/*", Format::Xml),
            ("application/json, text/xml, */*", Format::Xml),
            ("application/json;q=0, application/xml;q=0, text/xml;q=0", Format::Xml),
        ] {
            assert_eq!(format("/u/ann/disable-2fa", accept), expected, "{accept}");
        }
    }

    #[test]
    fn czech_is_spoken_unless_another_language_is_wanted() {
        let locale = |wanted: &str| {
            let req = TestRequest::default().insert_header(("Accept-Language", wanted)).to_http_request();
            Reply::of(&req).locale
        };
        for (wanted, expected) in
            [("", Locale::Cs), ("de, ja;q=0.5", Locale::Cs), ("en-GB", Locale::En), ("cs;q=0.1, ru", Locale::Ru)]
        {
            assert_eq!(locale(wanted), expected, "{wanted}");
        }
    }
}
