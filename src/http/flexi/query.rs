use actix_web::HttpRequest;

use crate::identity::LONGEST_TYPED;

use super::table::{Fault, Why};

/// The parameters of a call. They may be secrets, so there is no `Debug`.
pub struct Query(Vec<(String, String)>);

impl Query {
    pub fn of(req: &HttpRequest) -> Self {
        Query(url::form_urlencoded::parse(req.query_string().as_bytes()).into_owned().collect())
    }

    /// The parameter of this name, if it is given: once, as plain text.
    ///
    /// # Errors
    /// When it is given twice, as an array, empty, too long, or with control characters in it.
    pub fn text(&self, name: &'static str) -> Result<Option<&str>, Why> {
        let fault = |fault| Err(Why::Parameter(name, fault));
        let mut values = self.0.iter().filter(|(own, _)| same(own, name)).map(|(own, value)| (own == name, value));
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(_), Some(_)) => fault(Fault::Twice),
            (Some((false, _)), None) => fault(Fault::Unusable),
            (Some((true, value)), None) if value.is_empty() => fault(Fault::Missing),
            (Some((true, value)), None) if value.len() > LONGEST_TYPED || value.chars().any(char::is_control) => {
                fault(Fault::Unusable)
            }
            (Some((true, value)), None) => Ok(Some(value)),
        }
    }
}

/// Whether a reader of forms could take `own` for `name`, or for a part of it: `otp[]`, `otp[0]`, `otp.x`.
fn same(own: &str, name: &str) -> bool {
    own.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '.']))
}

/// A parameter that the call cannot do without.
///
/// # Errors
/// When it is not there.
pub fn required<T>(name: &'static str, value: Option<T>) -> Result<T, Why> {
    value.ok_or(Why::Parameter(name, Fault::Missing))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_parameter_is_given_once_as_plain_text() {
        let of = |query: &str| Query::of(&TestRequest::with_uri(&format!("/?{query}")).to_http_request());
        let taken = |query: &str| of(query).text("otp").ok().flatten().map(str::to_owned);
        assert_eq!(taken("otp=123456&x=1&x=2").as_deref(), Some("123456"));
        assert_eq!(taken("%6ftp=123456").as_deref(), Some("123456"));
        assert!(matches!(of("secret=x").text("otp"), Ok(None)));
        assert!(matches!(of("OTP=1&otpx=1").text("otp"), Ok(None)));
        for bad in
            ["otp=1&otp=1", "otp=1&otp[]=2", "otp[]=1", "otp[0]=1", "otp.x=1", "otp=", "otp", "otp=1%00", "otp=%0d%0a1"]
        {
            assert!(of(bad).text("otp").is_err(), "{bad}");
        }
        assert!(of(&format!("otp={}", "1".repeat(1_025))).text("otp").is_err());
    }
}
