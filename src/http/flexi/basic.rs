use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;

use crate::identity::{LONGEST_TYPED, Secret};

/// A name and a password by HTTP Basic.
pub struct Credentials {
    pub name: String,
    pub password: Secret,
}

impl Credentials {
    /// What the one `Authorization` header of a request says, if it says it as RFC 7617 §2 wants: in UTF-8, without
    /// control characters.
    pub fn of(req: &HttpRequest) -> Option<Self> {
        let mut headers = req.headers().get_all(AUTHORIZATION);
        let (header, None) = (headers.next()?, headers.next()) else { return None };
        let (scheme, encoded) = header.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let plain = zeroize::Zeroizing::new(data_encoding::BASE64.decode(encoded.trim().as_bytes()).ok()?);
        let (name, password) = std::str::from_utf8(&plain).ok()?.split_once(':')?;
        let usable = |text: &str| text.len() <= LONGEST_TYPED && !text.chars().any(char::is_control);
        let given = !name.is_empty() && usable(name) && usable(password);
        given.then(|| Credentials { name: name.to_owned(), password: Secret::new(password) })
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn of(header: &str) -> Option<(String, String)> {
        let req = TestRequest::default().insert_header((AUTHORIZATION, header)).to_http_request();
        Credentials::of(&req).map(|given| (given.name, given.password.expose().to_owned()))
    }

    fn basic(plain: &[u8]) -> String {
        format!("Basic {}", data_encoding::BASE64.encode(plain))
    }

    #[test]
    fn the_examples_of_the_standard() {
        let given = |name: &str, password: &str| Some((name.to_owned(), password.to_owned()));
        assert_eq!(of("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), given("Aladdin", "open sesame"));
        assert_eq!(of("Basic dGVzdDoxMjPCow=="), given("test", "123£"));
        assert_eq!(of("bAsIc  QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), given("Aladdin", "open sesame"));
        assert_eq!(of(&basic(b"ann:a:b")), given("ann", "a:b"));
    }

    #[test]
    fn anything_else_is_no_credential() {
        for header in ["Basic", "Basic ", "Basic !!!!", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ", "Bearer QWxhZGRpbjo="] {
            assert_eq!(of(header), None, "{header}");
        }
        let long = format!("{}:x", "a".repeat(1_025));
        for plain in [&b"no colon"[..], b":x", b"ann:\xff", b"a\0nn:x", b"ann:x\r\n", b"ann\x7f:x", long.as_bytes()] {
            assert_eq!(of(&basic(plain)), None, "{plain:?}");
        }
    }

    #[test]
    fn two_headers_are_one_too_many() {
        let header = (AUTHORIZATION, basic(b"ann:x"));
        let req = TestRequest::default().append_header(header.clone()).append_header(header).to_http_request();
        assert!(Credentials::of(&req).is_none());
    }
}
