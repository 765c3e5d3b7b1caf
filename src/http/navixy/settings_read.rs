use actix_web::http::StatusCode;
use actix_web::{HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::answer::json;
use crate::http::surface::Surface;
use crate::identity::{Factor, Permission};

use super::answer::{PanelError, PanelRefusals};
use super::body::Signed;
use super::settings::{Settings, accounts};

#[derive(Deserialize, ToSchema)]
pub struct Which {
    /// 1 to 1000 different ids of users.
    #[schema(example = json!([7]))]
    ids: Vec<u64>,
}

#[derive(Serialize, ToSchema)]
pub struct UserSettingsList {
    success: bool,
    /// By id.
    list: Vec<UserSettings>,
}

#[derive(Serialize, ToSchema)]
pub struct UserSettings {
    id: u64,
    /// Absent where nobody has ordered anything yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Settings>,
    /// The factors that are on, strongest first.
    #[schema(value_type = Vec<String>)]
    enabled_factor_types: Vec<Factor>,
}

/// See the settings of users
///
/// Needs the permission `users:read` or `users:update`. One unknown id, and none is shown (201).
#[utoipa::path(
    tag = "navixy",
    operation_id = "read_mfa_settings",
    security(("panel" = [])),
    request_body = Which,
    responses((status = 200, body = UserSettingsList), PanelRefusals)
)]
#[post("/user/mfa/settings/read")]
pub async fn read(surface: web::Data<Surface>, signed: Signed<Which>) -> Result<HttpResponse, PanelError> {
    let Signed { caller, body } = signed;
    caller.permit(Permission::UsersRead)?;
    let selection = accounts(body.ids, "ids", &caller)?;
    let states = surface.engine.mfa_of(&selection).await.map_err(|refused| caller.error(refused))?;
    let list = states.into_iter().map(|state| UserSettings {
        id: state.id.0,
        value: state.setting.as_ref().map(Settings::of),
        enabled_factor_types: state.enabled,
    });
    Ok(json(StatusCode::OK, &UserSettingsList { success: true, list: list.collect() }))
}
