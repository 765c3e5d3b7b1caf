use actix_web::http::StatusCode;
use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::answer::json;
use crate::http::context::Context;
use crate::http::docs::Refusals;
use crate::http::problem::Problem;
use crate::http::surface::Surface;
use crate::http::times::seconds;
use crate::identity::RecoveryCodes;

use super::fields::number;
use super::guard::Operator;
use super::view::AccountView;

/// An account, and what a help desk wants to know of it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountDetails {
    #[serde(flatten)]
    account: AccountView,
    locked_until: LockedUntil,
    recovery_codes_left: usize,
    /// Remembered devices.
    devices: usize,
}

/// When blocks end; `null` where there is none.
#[derive(Serialize, ToSchema)]
pub struct LockedUntil {
    /// No password is looked at before then.
    password: Option<String>,
    /// No code is looked at before then.
    code: Option<String>,
}

/// See an account
#[utoipa::path(
    tag = "operator",
    security(("operator" = [])),
    params(("id" = u64, Path)),
    responses((status = 200, body = AccountDetails), Refusals)
)]
#[get("/accounts/{id}")]
pub async fn account(
    surface: web::Data<Surface>,
    _operator: Operator,
    context: Context,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (engine, id) = (&surface.engine, number(&context, &id)?);
    let account = engine.account(id).await.map_err(|refused| context.problem(refused))?;
    let locks = engine.locks(id).await.map_err(|refused| context.problem(refused))?;
    let now = engine.clock.now();
    let details = AccountDetails {
        account: AccountView::of(&account),
        locked_until: LockedUntil { password: locks.first.map(seconds), code: locks.second.map(seconds) },
        recovery_codes_left: account.recovery.as_ref().map_or(0, RecoveryCodes::left),
        devices: engine.policy.devices(&account, now).count(),
    };
    Ok(json(StatusCode::OK, &details))
}
