use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Bytes, BytesMut, Data};
use actix_web::{FromRequest, HttpRequest};
use futures_util::StreamExt;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::context::locale;
use super::problem::{BodyFault, Problem};
use super::surface::Surface;

/// A request body, read in full: JSON, or a form.
///
/// The published clients send JSON under curl's default `application/x-www-form-urlencoded`, so a form that begins with
/// a brace is JSON; and some of their examples end an object with a comma, which is let pass. Unknown members are
/// ignored; a member given twice, or of another type, is an error that names it.
pub struct Body<T> {
    pub value: T,
    /// A digest of the bytes, for `Idempotency-Key`.
    pub fingerprint: String,
}

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (req, payload) = (req.clone(), payload.take());
        Box::pin(async move { receive(&req, payload).await.map_err(|fault| Problem::body(locale(&req), fault)) })
    }
}

/// The body, for whoever words its faults otherwise.
///
/// # Errors
/// [`BodyFault`]
pub async fn receive<T: DeserializeOwned>(req: &HttpRequest, payload: Payload) -> Result<Body<T>, BodyFault> {
    let (value, bytes) = taken(req, payload, b"").await?;
    Ok(Body { value, fingerprint: fingerprint(&bytes) })
}

/// A [`Body`] that may be left out: nothing at all is as good as `{}`.
pub struct OptionalBody<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for OptionalBody<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (req, payload) = (req.clone(), payload.take());
        Box::pin(async move {
            let taken = taken(&req, payload, b"{}").await;
            taken.map(|(value, _)| OptionalBody(value)).map_err(|fault| Problem::body(locale(&req), fault))
        })
    }
}

/// The body and its bytes; `blank` stands in for no bytes.
async fn taken<T: DeserializeOwned>(
    req: &HttpRequest,
    payload: Payload,
    blank: &'static [u8],
) -> Result<(T, Bytes), BodyFault> {
    let kind = kind(req)?;
    let bytes = read(req, payload, None).await?;
    let bytes = if bytes.is_empty() { Bytes::from_static(blank) } else { bytes };
    Ok((parse(kind, &bytes)?, bytes))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Json,
    Form,
}

fn kind(req: &HttpRequest) -> Result<Kind, BodyFault> {
    let Some(value) = req.headers().get(CONTENT_TYPE) else { return Ok(Kind::Json) };
    let value = value.to_str().unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/json" => Ok(Kind::Json),
        "application/x-www-form-urlencoded" => Ok(Kind::Form),
        other if other.starts_with("application/") && other.ends_with("+json") => Ok(Kind::Json),
        _ => Err(BodyFault::MediaType),
    }
}

/// The whole body, up to `limit` bytes, or what all bodies may have.
pub async fn read(req: &HttpRequest, mut payload: Payload, limit: Option<usize>) -> Result<Bytes, BodyFault> {
    let surface = req.app_data::<Data<Surface>>().ok_or(BodyFault::Broken)?;
    let limit = limit.unwrap_or(surface.body_limit);
    let mut bytes = BytesMut::new();
    let all = async {
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| BodyFault::Broken)?;
            if bytes.len() + chunk.len() > limit {
                return Err(BodyFault::TooLarge { limit });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(())
    };
    tokio::time::timeout(surface.body_timeout, all).await.map_err(|_| BodyFault::Slow)??;
    Ok(bytes.freeze())
}

fn parse<T: DeserializeOwned>(kind: Kind, bytes: &[u8]) -> Result<T, BodyFault> {
    let begins_with_brace = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    if kind == Kind::Form && !begins_with_brace {
        return parse_form(bytes);
    }
    if !begins_with_brace {
        // An array would be taken for an object's members in order.
        return Err(BodyFault::Malformed);
    }
    parse_json(bytes).or_else(|fault| match fault {
        BodyFault::Malformed => parse_json(&without_trailing_commas(bytes)),
        fault => Err(fault),
    })
}

fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BodyFault> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| fault(&error))?;
    json.end().map_err(|_| BodyFault::Malformed)?;
    Ok(value)
}

fn parse_form<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BodyFault> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(bytes).map_err(|_| BodyFault::Malformed)?;
    let mut object = serde_json::Map::new();
    for (name, value) in pairs {
        if object.insert(name.clone(), serde_json::Value::String(value)).is_some() {
            return Err(BodyFault::Twice { field: name });
        }
    }
    serde_path_to_error::deserialize(serde_json::Value::Object(object)).map_err(|error| fault(&error))
}

fn fault(error: &serde_path_to_error::Error<serde_json::Error>) -> BodyFault {
    let (path, inner) = (error.path().to_string(), error.inner());
    if inner.is_syntax() || inner.is_eof() || inner.is_io() {
        return BodyFault::Malformed;
    }
    let message = inner.to_string();
    // The field that serde names in backticks, where the path ends above it.
    let named = || {
        let name = message.split('`').nth(1).unwrap_or_default();
        if path == "." { name.to_owned() } else { format!("{path}.{name}") }
    };
    if message.starts_with("missing field") {
        BodyFault::Missing { field: named() }
    } else if message.starts_with("duplicate field") {
        BodyFault::Twice { field: named() }
    } else if path == "." {
        BodyFault::Malformed
    } else {
        BodyFault::WrongType { field: path, expected: expected(&message) }
    }
}

/// What serde expected, without what it found: that would be the client's own text.
fn expected(message: &str) -> String {
    let expected = message.split(", expected ").nth(1).unwrap_or("another type");
    let expected = expected.split(" at line ").next().unwrap_or(expected);
    // The client's words and not the server's.
    match expected {
        "a sequence" => "an array",
        "a map" => "an object",
        "u8" | "u16" | "u32" | "u64" | "usize" | "i64" => "a whole number",
        "a borrowed string" | "string or map" => "a string",
        own if own.starts_with("struct ") || own.starts_with("internally tagged enum ") => "an object",
        other => other,
    }
    .to_owned()
}

/// An object inside of a body. Serde would take an array for its members in order.
///
/// # Errors
/// When it is anything else.
pub fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct Members<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
            T::deserialize(MapAccessDeserializer::new(members))
        }
    }
    deserializer.deserialize_map(Members(PhantomData))
}

fn fingerprint(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    data_encoding::BASE64URL_NOPAD.encode(&sha2::Sha256::digest(bytes))
}

/// The text without commas that stand before a closing brace or bracket, outside of strings.
fn without_trailing_commas(bytes: &[u8]) -> Vec<u8> {
    let (mut kept, mut in_string, mut escaped) = (Vec::with_capacity(bytes.len()), false, false);
    for &byte in bytes {
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = byte == b'\\' && !escaped;
        } else if byte == b'"' {
            in_string = true;
        } else if matches!(byte, b'}' | b']') {
            let last = kept.iter().rposition(|kept: &u8| !kept.is_ascii_whitespace());
            if let Some(place) = last.filter(|place| kept[*place] == b',') {
                kept.remove(place);
            }
        }
        kept.push(byte);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Code {
        uuid: String,
        code: String,
    }

    fn json(text: &str) -> Result<Code, BodyFault> {
        parse(Kind::Json, text.as_bytes())
    }

    #[test]
    fn the_published_examples_are_taken_as_printed() {
        let body = "{\n\"uuid\": \"36f5\",\n\"code\": \"84,}112\",\n}";
        assert_eq!(parse::<Code>(Kind::Form, body.as_bytes()).unwrap().code, "84,}112");
        assert_eq!(parse::<Code>(Kind::Form, b"uuid=36f5&code=84112").unwrap().code, "84112");
    }

    #[test]
    fn what_is_expected_is_said_in_the_words_of_json() {
        #[derive(Debug, Deserialize)]
        #[allow(dead_code, reason = "only read from JSON")]
        struct Order {
            target: Code,
            ids: Vec<u64>,
        }
        let fault = |text: &str| parse::<Order>(Kind::Json, text.as_bytes()).unwrap_err();
        let wrong =
            |field: &str, expected: &str| BodyFault::WrongType { field: field.into(), expected: expected.into() };
        assert_eq!(fault(r#"{"target":"all"}"#), wrong("target", "an object"));
        assert_eq!(fault(r#"{"ids":"7"}"#), wrong("ids", "an array"));
        assert_eq!(fault(r#"{"ids":[-1]}"#), wrong("ids[0]", "a whole number"));
    }

    #[test]
    fn errors_name_the_field() {
        let wrong = |field: &str| BodyFault::WrongType { field: field.into(), expected: "a string".into() };
        assert_eq!(json(r#"{"uuid":"x","code":123456}"#), Err(wrong("code")));
        assert_eq!(json(r#"{"uuid":"x","code":["123456"]}"#), Err(wrong("code")));
        assert_eq!(json(r#"{"uuid":null,"code":"1"}"#), Err(wrong("uuid")));
        assert_eq!(json(r#"{"uuid":"x"}"#), Err(BodyFault::Missing { field: "code".into() }));
        assert_eq!(json(r#"{"uuid":"x","code":"1","code":"2"}"#), Err(BodyFault::Twice { field: "code".into() }));
        assert_eq!(parse::<Code>(Kind::Form, b"uuid=x&code=1&code=2"), Err(BodyFault::Twice { field: "code".into() }));
    }

    #[test]
    fn errors_name_the_field_of_an_inner_object_by_its_path() {
        #[derive(Debug, Deserialize)]
        struct Outer {
            #[serde(rename = "inner")]
            _inner: Code,
        }
        let fault = |text: &str| parse::<Outer>(Kind::Json, text.as_bytes()).unwrap_err();
        assert_eq!(fault(r#"{"inner":{"uuid":"x"}}"#), BodyFault::Missing { field: "inner.code".into() });
        let twice = r#"{"inner":{"uuid":"x","code":"1","code":"2"}}"#;
        assert_eq!(fault(twice), BodyFault::Twice { field: "inner.code".into() });
    }

    #[test]
    fn anything_else_is_malformed() {
        for text in
            ["", "{", "[]", "[\"x\",\"123456\"]", "null", "\"x\"", "{\"uuid\":\"x\",,\"code\":\"1\"}", "{} trailing"]
        {
            assert!(json(text).is_err(), "{text}");
        }
        let deep = format!("{}{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
        assert_eq!(json(&deep), Err(BodyFault::Malformed));
    }
}
