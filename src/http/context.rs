use std::future::{Ready, ready};
use std::net::IpAddr;

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderName};
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};

use crate::engine::ports::AddressKey;
use crate::engine::{Call, Client, Idempotency, Reason, Refused};
use crate::identity::{Locale, Secret, SurfaceName};
use crate::workflow::WizardId;

use super::problem::Problem;
use super::surface::{Surface, client_address};

/// What the head of a request tells.
pub struct Context {
    pub locale: Locale,
    call: Call,
    bearer: Option<String>,
    success: Option<String>,
    cookies: Vec<(String, String)>,
    path: String,
    idempotency_key: Option<String>,
}

/// The name of this request in the answer and in the logs; set by the frame around all handlers.
#[derive(Clone)]
pub struct RequestName(pub String);

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const WIZARD_KEY: HeaderName = HeaderName::from_static("x-wizard-key");
const DEVICE: HeaderName = HeaderName::from_static("x-device-token");
const SUCCESS: HeaderName = HeaderName::from_static("x-success-token");
const CLIENT_KIND: HeaderName = HeaderName::from_static("x-client-kind");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

impl Context {
    /// Without an `Idempotency-Key`, for calls that have no use for one.
    pub fn of(req: &HttpRequest) -> Self {
        let locale = locale(req);
        let text = |name: HeaderName| req.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let surface = req.app_data::<web::Data<Surface>>();
        let peer = req.peer_addr().map(|peer| peer.ip());
        let proxies = surface.map_or(&[][..], |surface| &surface.trusted_proxies);
        let address = client_address(proxies, peer, forwarded_for(req).as_deref());
        let client = Client {
            address: address.map(|address| address.to_string()),
            agent: text(header::USER_AGENT).map(|agent| agent.chars().take(200).collect()),
            kind: text(CLIENT_KIND).filter(|kind| kind.len() <= 32),
        };
        let cookies = req.cookies().map(|jar| jar.clone()).unwrap_or_default();
        let cookies: Vec<(String, String)> =
            cookies.iter().map(|cookie| (cookie.name().to_owned(), cookie.value().to_owned())).collect();
        let device = text(DEVICE)
            .or_else(|| cookies.iter().find(|(name, _)| name == DEVICE_COOKIE).map(|(_, value)| value.clone()));
        let call = Call {
            request_id: req.extensions().get::<RequestName>().map(|name| name.0.clone()).unwrap_or_default(),
            surface: req.app_data::<SurfaceName>().copied().unwrap_or_default(),
            address: AddressKey(address.map(limit_key).unwrap_or_default()),
            client,
            wizard_key: text(WIZARD_KEY).map(Secret::new),
            device: device.filter(|token| token.len() <= 512).map(Secret::new),
            idempotency: None,
        };
        let success = text(SUCCESS);
        let bearer = text(header::AUTHORIZATION).as_deref().and_then(bearer_token).map(str::to_owned);
        let path = format!("{} {}", req.method(), req.path());
        Context { locale, call, bearer, success, cookies, path, idempotency_key: None }
    }

    /// The call as the engine wants it, for a wizard and with the fingerprint of its body.
    pub fn call(&self, wizard: Option<WizardId>, body: Option<&str>) -> Call {
        let mut call = self.call.clone();
        if let Some(id) = wizard.filter(|_| call.wizard_key.is_none()) {
            let name = cookie_name(id);
            call.wizard_key =
                self.cookies.iter().find(|(own, _)| *own == name).map(|(_, value)| Secret::new(value.clone()));
        }
        call.idempotency = self
            .idempotency_key
            .as_ref()
            .zip(body)
            .map(|(key, body)| Idempotency { key: key.clone(), request: format!("{} {body}", self.path) });
        call
    }

    /// The access token.
    ///
    /// # Errors
    /// When the request carries none.
    pub fn bearer(&self) -> Result<&str, Problem> {
        self.bearer.as_deref().ok_or_else(|| self.problem(Refused::new(Reason::Unauthorized)))
    }

    pub fn bearer_if_any(&self) -> Option<&str> {
        self.bearer.as_deref()
    }

    /// The success token that is shown beside the access token.
    pub fn success_token(&self) -> Option<&str> {
        self.success.as_deref()
    }

    pub fn problem(&self, refused: Refused) -> Problem {
        Problem::new(self.locale, refused).with_token(self.bearer.is_some())
    }
}

impl FromRequest for Context {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let context = Context::of(req);
        ready(idempotency_key(req, context.locale).map(|key| Context { idempotency_key: key, ..context }))
    }
}

fn idempotency_key(req: &HttpRequest, locale: Locale) -> Result<Option<String>, Problem> {
    let Some(value) = req.headers().get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| !key.is_empty() && key.len() <= 255);
    key.map(|key| Some(key.to_owned())).ok_or_else(|| Problem::header(locale, "Idempotency-Key"))
}

/// The cookie that holds the token of a remembered device.
pub const DEVICE_COOKIE: &str = "stepgate_device";

/// The cookie that holds the key of one wizard, so that two tabs do not overwrite each other's.
pub fn cookie_name(id: WizardId) -> String {
    format!("wizard_key_{}", id.to_string().replace('-', ""))
}

/// The language to answer in: see [`wanted_locale`]; else English.
pub fn locale(req: &HttpRequest) -> Locale {
    wanted_locale(req).unwrap_or_default()
}

/// The best language of `Accept-Language` that we speak (RFC 9110 §12.5.4).
pub fn wanted_locale(req: &HttpRequest) -> Option<Locale> {
    let wanted = req.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut ranked: Vec<(Locale, f32)> = wanted.split(',').filter_map(preference).collect();
    ranked.sort_by(|one, other| other.1.total_cmp(&one.1));
    ranked.first().map(|(locale, _)| *locale)
}

fn preference(item: &str) -> Option<(Locale, f32)> {
    let mut parts = item.split(';').map(str::trim);
    let tag = parts.next()?;
    let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse().ok())?;
    let primary = tag.split('-').next()?;
    let locale = Locale::ALL.into_iter().find(|locale| {
        let own = locale.as_str().split('-').next().unwrap_or_default();
        own.eq_ignore_ascii_case(primary)
    })?;
    (quality > 0.0).then_some((locale, quality))
}

fn bearer_token(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty()).then(|| token.trim())
}

fn forwarded_for(req: &HttpRequest) -> Option<String> {
    // Several lines of one header are one list (RFC 9110 §5.3).
    let lines: Vec<&str> = req.headers().get_all(FORWARDED_FOR).filter_map(|value| value.to_str().ok()).collect();
    (!lines.is_empty()).then(|| lines.join(","))
}

/// Whoever has one IPv6 address has its whole /64.
fn limit_key(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_best_language_that_we_speak() {
        let of = |wanted: &str| {
            locale(&TestRequest::default().insert_header((header::ACCEPT_LANGUAGE, wanted)).to_http_request())
        };
        assert_eq!(of("de, cs;q=0.8, en;q=0.5"), Locale::Cs);
        assert_eq!(of("pt"), Locale::PtBr);
        assert_eq!(of("en;q=0.1, ru-RU"), Locale::Ru);
        assert_eq!(of("de, cs;q=0"), Locale::En);
        assert_eq!(of(""), Locale::En);
    }

    #[test]
    fn the_scheme_is_taken_in_any_case() {
        assert_eq!(bearer_token("bearer abc"), Some("abc"));
        assert_eq!(bearer_token("Basic abc"), None);
        assert_eq!(bearer_token("Bearer "), None);
    }
}
