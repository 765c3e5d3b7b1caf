use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, post, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::answer::json;
use crate::http::surface::Surface;

use super::answer::{PanelError, PanelRefusals, Success, done};
use super::caller::{self, PanelCaller};

#[derive(Serialize, ToSchema)]
pub struct Permissions {
    success: bool,
    permissions: BTreeMap<String, Vec<String>>,
}

/// The permissions of the account that is signed in
#[utoipa::path(tag = "navixy", security(("panel" = [])), responses((status = 200, body = Permissions), PanelRefusals))]
#[post("/account/get_permissions")]
pub async fn permissions(caller: PanelCaller) -> HttpResponse {
    let permissions = caller::permissions(&caller.caller.account);
    json(StatusCode::OK, &Permissions { success: true, permissions })
}

/// Sign out of the panel
///
/// The hash is of no use any more.
#[utoipa::path(tag = "navixy", security(("panel" = [])), responses((status = 200, body = Success), PanelRefusals))]
#[post("/account/logout")]
pub async fn log_out(surface: web::Data<Surface>, caller: PanelCaller) -> Result<HttpResponse, PanelError> {
    let ended = surface.engine.end_own_session(&caller.call, &caller.caller).await;
    ended.map(|()| done()).map_err(|refused| caller.error(refused))
}
