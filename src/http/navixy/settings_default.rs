use actix_web::http::StatusCode;
use actix_web::{HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::answer::json;
use crate::http::body::object;
use crate::http::surface::Surface;
use crate::identity::Permission;

use super::answer::{PanelError, PanelRefusals, Success, done};
use super::body::Signed;
use super::caller::PanelCaller;
use super::settings::Settings;

#[derive(Serialize, ToSchema)]
pub struct DefaultSettings {
    success: bool,
    /// Absent until somebody has set it.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Settings>,
}

/// See what new users begin with
///
/// Needs the permission `users:read` or `users:update`.
#[utoipa::path(
    tag = "navixy",
    operation_id = "read_default_mfa_settings",
    security(("panel" = [])),
    responses((status = 200, body = DefaultSettings), PanelRefusals)
)]
#[post("/user/mfa/settings/default/read")]
pub async fn read(surface: web::Data<Surface>, caller: PanelCaller) -> Result<HttpResponse, PanelError> {
    caller.permit(Permission::UsersRead)?;
    let value = surface.engine.default_mfa().as_ref().map(Settings::of);
    Ok(json(StatusCode::OK, &DefaultSettings { success: true, value }))
}

#[derive(Deserialize, ToSchema)]
pub struct UpdateDefault {
    #[serde(deserialize_with = "object")]
    settings: Settings,
}

/// Set what new users begin with
///
/// For users that are made from now on, in whatever way. Needs the permission `users:update`.
#[utoipa::path(
    tag = "navixy",
    operation_id = "update_default_mfa_settings",
    security(("panel" = [])),
    request_body = UpdateDefault,
    responses((status = 200, body = Success), PanelRefusals)
)]
#[post("/user/mfa/settings/default/update")]
pub async fn update(surface: web::Data<Surface>, signed: Signed<UpdateDefault>) -> Result<HttpResponse, PanelError> {
    let Signed { caller, body } = signed;
    caller.permit(Permission::UsersUpdate)?;
    let setting = body.settings.parse(&caller)?;
    let set = surface.engine.set_default_mfa(&caller.call, &caller.caller, &setting).await;
    set.map(|()| done()).map_err(|refused| caller.error(refused))
}
