use actix_web::http::StatusCode;
use actix_web::{HttpResponse, delete, get, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::answer::{empty, json};
use crate::http::context::Context;
use crate::http::docs::Refusals;
use crate::http::problem::Problem;
use crate::http::surface::Surface;
use crate::http::times::seconds;
use crate::identity::Session;

use super::fields::number;
use super::guard::Operator;

/// A signed-in device of an account, as an operator sees it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountSessionView {
    id: String,
    created_at: String,
    last_used_at: String,
    expires_at: String,
    client: Option<String>,
    address: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct AccountSessionList {
    data: Vec<AccountSessionView>,
}

/// List an account's sessions
///
/// The oldest first.
#[utoipa::path(
    tag = "operator",
    security(("operator" = [])),
    params(("id" = u64, Path)),
    responses((status = 200, body = AccountSessionList), Refusals)
)]
#[get("/accounts/{id}/sessions")]
pub async fn list(
    surface: web::Data<Surface>,
    _operator: Operator,
    context: Context,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let sessions = surface.engine.sessions_of(number(&context, &id)?).await;
    let sessions = sessions.map_err(|refused| context.problem(refused))?;
    let view = |session: &Session| AccountSessionView {
        id: session.id.to_string(),
        created_at: seconds(session.created_at),
        last_used_at: seconds(session.refreshed_at),
        expires_at: seconds(session.expires_at),
        client: session.client.clone(),
        address: session.address.clone(),
    };
    Ok(json(StatusCode::OK, &AccountSessionList { data: sessions.iter().map(view).collect() }))
}

/// End one session of an account
#[utoipa::path(
    tag = "operator",
    security(("operator" = [])),
    params(("id" = u64, Path), ("session" = String, Path)),
    responses((status = 204), Refusals)
)]
#[delete("/accounts/{id}/sessions/{session}")]
pub async fn end(
    surface: web::Data<Surface>,
    _operator: Operator,
    context: Context,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (id, session) = path.into_inner();
    let (id, call) = (number(&context, &id)?, context.call(None, None));
    let ended = surface.engine.end_session_of(id, &session, Some(&call)).await;
    ended.map(|()| empty()).map_err(|refused| context.problem(refused))
}

/// End all sessions of an account
#[utoipa::path(
    tag = "operator",
    security(("operator" = [])),
    params(("id" = u64, Path)),
    responses((status = 204), Refusals)
)]
#[delete("/accounts/{id}/sessions")]
pub async fn end_all(
    surface: web::Data<Surface>,
    _operator: Operator,
    context: Context,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let ended = surface.engine.end_sessions_of(number(&context, &id)?, Some(&context.call(None, None))).await;
    ended.map(|()| empty()).map_err(|refused| context.problem(refused))
}
