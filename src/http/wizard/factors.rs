use actix_web::http::StatusCode;
use actix_web::{HttpResponse, get, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::engine::{Reason, Refused};
use crate::http::answer::json;
use crate::http::context::Context;
use crate::http::docs::Refusals;
use crate::http::problem::{Problem, caption};
use crate::http::surface::Surface;
use crate::identity::{Account, Factor};

use super::changes::bounded;

/// A two-factor method and whether it is on.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FactorView {
    caption: String,
    is_enabled: bool,
    #[schema(example = "google")]
    name: &'static str,
}

#[derive(Serialize, ToSchema)]
pub struct FactorList {
    total: usize,
    data: Vec<FactorView>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// 1 to 100; 10 without it.
    limit: Option<String>,
    offset: Option<String>,
}

/// The order of the published API, with what it does not have at the end.
const LISTED: [Factor; 3] = [Factor::Sms, Factor::Google, Factor::Email];

/// See which methods are on
#[utoipa::path(
    tag = "factors",
    security(("bearer" = [])),
    params(Paging),
    responses((status = 200, body = FactorList), Refusals)
)]
#[get("/2fa")]
pub async fn list(
    surface: web::Data<Surface>,
    context: Context,
    query: web::Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let caller = surface.engine.authenticate(context.bearer()?).await.map_err(|refused| context.problem(refused))?;
    let limit = bounded(&context, "limit", query.limit.as_deref(), 10, (1, 100))?;
    let offset = bounded(&context, "offset", query.offset.as_deref(), 0, (0, u32::MAX.into()))?;
    let all = LISTED.into_iter().map(|factor| view(&context, &caller.account, factor));
    let data: Vec<FactorView> = all.skip(offset).take(limit).collect();
    Ok(json(StatusCode::OK, &FactorList { total: LISTED.len(), data }))
}

/// See whether one method is on
#[utoipa::path(
    tag = "factors",
    security(("bearer" = [])),
    params(("type" = String, Path, description = "google, sms or email")),
    responses((status = 200, body = FactorView), Refusals)
)]
#[get("/2fa/{type}")]
pub async fn one(
    surface: web::Data<Surface>,
    context: Context,
    kind: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let caller = surface.engine.authenticate(context.bearer()?).await.map_err(|refused| context.problem(refused))?;
    let factor = kind.parse().map_err(|_| context.problem(Refused::new(Reason::NotFound)))?;
    Ok(json(StatusCode::OK, &view(&context, &caller.account, factor)))
}

fn view(context: &Context, account: &Account, factor: Factor) -> FactorView {
    FactorView { caption: caption(context.locale, factor), is_enabled: account.has(factor), name: factor.as_str() }
}
