use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::body::object;
use crate::http::surface::Surface;
use crate::identity::Permission;

use super::answer::{PanelError, PanelRefusals, Success, done};
use super::body::Signed;
use super::settings::{Settings, Target};

#[derive(Deserialize, ToSchema)]
pub struct Update {
    #[serde(deserialize_with = "object")]
    target: Target,
    #[serde(deserialize_with = "object")]
    settings: Settings,
}

/// Allow or disallow second factors
///
/// To `all` users that there are, or to selected ones. What is disallowed is not asked for and cannot be turned on, but
/// kept: it comes back when it is allowed again. Needs the permission `users:update`. One unknown id, and nobody is
/// changed (201).
#[utoipa::path(
    tag = "navixy",
    operation_id = "update_mfa_settings",
    security(("panel" = [])),
    request_body = Update,
    responses((status = 200, body = Success), PanelRefusals)
)]
#[post("/user/mfa/settings/update")]
pub async fn update(surface: web::Data<Surface>, signed: Signed<Update>) -> Result<HttpResponse, PanelError> {
    let Signed { caller, body } = signed;
    caller.permit(Permission::UsersUpdate)?;
    let (target, setting) = (body.target.parse(&caller)?, body.settings.parse(&caller)?);
    let given = surface.engine.set_mfa(&caller.call, &caller.caller, &target, &setting).await;
    given.map(|()| done()).map_err(|refused| caller.error(refused))
}
