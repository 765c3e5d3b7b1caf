use std::collections::BTreeMap;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};

use crate::engine::{Call, Caller, Reason, Refused};
use crate::http::context::{Context, locale};
use crate::http::surface::Surface;
use crate::identity::{Account, Locale, Permission};

use super::answer::{PanelCode, PanelError};

/// Whoever a panel hash speaks for: `Authorization: NVX <hash>`. One round trip.
pub struct PanelCaller {
    pub caller: Caller,
    pub call: Call,
    pub locale: Locale,
}

impl PanelCaller {
    /// # Errors
    /// When the account lacks this permission.
    pub fn permit(&self, permission: Permission) -> Result<(), PanelError> {
        match self.caller.account.may(permission) {
            true => Ok(()),
            false => Err(PanelError::of_code(self.locale, PanelCode::NOT_PERMITTED)),
        }
    }

    pub fn error(&self, refused: Refused) -> PanelError {
        PanelError::new(self.locale, refused)
    }
}

impl FromRequest for PanelCaller {
    type Error = PanelError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, PanelError>>>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let req = req.clone();
        Box::pin(async move {
            let locale = locale(&req);
            let refused = |reason| PanelError::new(locale, Refused::new(reason));
            let surface = req.app_data::<Data<Surface>>().ok_or_else(|| refused(Reason::Internal))?;
            let call = call(&req);
            let shown = req.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
            let hash = shown.and_then(panel_hash).ok_or_else(|| refused(Reason::Unauthorized))?;
            let caller = surface.engine.panel_caller(hash).await;
            let caller = caller.map_err(|refused| PanelError::new(locale, refused))?;
            Ok(PanelCaller { caller, call, locale })
        })
    }
}

/// What is known of a call beside its body.
pub fn call(req: &HttpRequest) -> Call {
    Context::of(req).call(None, None)
}

fn panel_hash(value: &str) -> Option<&str> {
    let (scheme, hash) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("nvx").then(|| hash.trim())
}

/// The account's permissions as the panel shows them: `users:read` becomes `{"users": ["read"]}`.
pub fn permissions(account: &Account) -> BTreeMap<String, Vec<String>> {
    let mut shown: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for permission in &account.permissions {
        let (category, right) = permission.split_once(':').unwrap_or((permission, ""));
        let rights = shown.entry(category.to_owned()).or_default();
        if !right.is_empty() {
            rights.push(right.to_owned());
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_is_taken_in_any_case_and_no_other_one_is() {
        assert_eq!(panel_hash("NVX abc"), Some("abc"));
        assert_eq!(panel_hash("nvx  abc "), Some("abc"));
        for other in ["Bearer abc", "Basic abc", "abc", "NVXabc"] {
            assert_eq!(panel_hash(other), None, "{other}");
        }
    }

    #[test]
    fn permissions_are_shown_by_category() {
        let account = serde_json::json!({
            "id": 7, "revision": 1, "email": "ann@example.com", "permissions": ["users:read", "root", "users:update"],
            "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
        });
        let shown = serde_json::to_value(permissions(&serde_json::from_value(account).unwrap())).unwrap();
        assert_eq!(shown, serde_json::json!({ "root": [], "users": ["read", "update"] }));
    }
}
