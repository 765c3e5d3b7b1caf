use std::collections::BTreeSet;

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::times::seconds;
use crate::identity::{Account, Factor};

/// An account as an operator sees it: never a hash, never a secret.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountView {
    id: u64,
    email: String,
    username: Option<String>,
    phone: Option<String>,
    #[schema(example = "en")]
    locale: &'static str,
    groups: BTreeSet<String>,
    permissions: BTreeSet<String>,
    /// The second factors that are on.
    #[schema(value_type = Vec<String>)]
    factors: Vec<Factor>,
    /// Those that are kept, but off by an administrator's order.
    #[schema(value_type = Vec<String>)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suspended: Vec<Factor>,
    /// Whether the account can sign in by password.
    has_password: bool,
    created_at: String,
    updated_at: String,
}

impl AccountView {
    pub fn of(account: &Account) -> Self {
        AccountView {
            id: account.id.0,
            email: account.email.to_string(),
            username: account.username.as_ref().map(|name| name.as_str().to_owned()),
            phone: account.phone.as_ref().map(ToString::to_string),
            locale: account.locale.as_str(),
            groups: account.groups.clone(),
            permissions: account.permissions.clone(),
            factors: account.enabled(),
            suspended: Factor::ALL.into_iter().filter(|factor| account.is_suspended(*factor)).collect(),
            has_password: account.password_hash.is_some(),
            created_at: seconds(account.created_at),
            updated_at: seconds(account.updated_at),
        }
    }
}
