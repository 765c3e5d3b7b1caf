use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::engine::{FieldProblem, MfaTarget, Reason, Refused, Selection};
use crate::http::problem::BodyFault;
use crate::identity::{AccountId, Factor, MfaSetting};

use super::answer::PanelError;
use super::caller::PanelCaller;

/// What users may do about second factors.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct Settings {
    /// `allowed` or `disallowed`.
    #[serde(rename = "type")]
    #[schema(example = "allowed")]
    kind: String,
    /// Needed with `allowed`: each once, of `email`, `sms`, `google`. A code by email is on at once; the others may be
    /// enrolled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(["email"]))]
    factor_types: Option<Vec<String>>,
}

impl Settings {
    pub fn of(setting: &MfaSetting) -> Self {
        match setting {
            MfaSetting::Disallowed => Settings { kind: "disallowed".to_owned(), factor_types: None },
            MfaSetting::Allowed(factors) => {
                let factor_types = factors.iter().map(ToString::to_string).collect();
                Settings { kind: "allowed".to_owned(), factor_types: Some(factor_types) }
            }
        }
    }

    pub fn parse(self, caller: &PanelCaller) -> Result<MfaSetting, PanelError> {
        match self.kind.as_str() {
            "disallowed" => Ok(MfaSetting::Disallowed),
            "allowed" => allowed(self.factor_types, caller),
            _ => Err(invalid(caller, "settings.type", "allowed or disallowed")),
        }
    }
}

fn allowed(names: Option<Vec<String>>, caller: &PanelCaller) -> Result<MfaSetting, PanelError> {
    const FIELD: &str = "settings.factor_types";
    let names = names.ok_or_else(|| missing(caller, FIELD))?;
    let factors: Option<Vec<Factor>> = names.iter().map(|name| name.parse().ok()).collect();
    let setting = factors.and_then(MfaSetting::allowed);
    setting.ok_or_else(|| invalid(caller, FIELD, "some of email, sms, google, each once"))
}

/// Whom settings are for.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Target {
    /// `all` or `selected`.
    #[serde(rename = "type")]
    #[schema(example = "all")]
    kind: String,
    /// Needed with `selected`: 1 to 1000 different ids of users. Nothing beside `all`, not even an empty list.
    #[serde(default)]
    #[schema(example = json!([7]))]
    ids: Option<Vec<u64>>,
}

impl Target {
    pub fn parse(self, caller: &PanelCaller) -> Result<MfaTarget, PanelError> {
        match self.kind.as_str() {
            // An order to everybody by a slip of one word could not be taken back.
            "all" if self.ids.is_some() => Err(invalid(caller, "target.ids", "nothing, beside all")),
            "all" => Ok(MfaTarget::All),
            "selected" => {
                let ids = self.ids.ok_or_else(|| missing(caller, "target.ids"))?;
                accounts(ids, "target.ids", caller).map(MfaTarget::Selected)
            }
            _ => Err(invalid(caller, "target.type", "all or selected")),
        }
    }
}

/// The accounts of a list of ids, each once.
pub fn accounts(ids: Vec<u64>, field: &str, caller: &PanelCaller) -> Result<Selection, PanelError> {
    let selection = Selection::of(ids.into_iter().map(AccountId));
    selection.ok_or_else(|| invalid(caller, field, &format!("1 to {} positive integers", Selection::MOST)))
}

fn missing(caller: &PanelCaller, field: &str) -> PanelError {
    PanelError::body(caller.locale, BodyFault::Missing { field: field.to_owned() })
}

fn invalid(caller: &PanelCaller, field: &str, expected: &str) -> PanelError {
    let problem = FieldProblem::Invalid(expected.to_owned());
    caller.error(Refused::new(Reason::Invalid).field(field, problem))
}
