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

/// A signed-in device.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    id: String,
    /// Whether it is the session that asks.
    current: bool,
    created_at: String,
    last_used_at: String,
    expires_at: String,
    client: Option<String>,
    address: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct SessionList {
    total: usize,
    data: Vec<SessionView>,
}

/// List the account's sessions
#[utoipa::path(tag = "session", security(("bearer" = [])), responses((status = 200, body = SessionList), Refusals))]
#[get("/sessions")]
pub async fn list(surface: web::Data<Surface>, context: Context) -> Result<HttpResponse, Problem> {
    let listed = surface.engine.sessions(context.bearer()?).await;
    let (caller, sessions) = listed.map_err(|refused| context.problem(refused))?;
    let view = |session: &Session| SessionView {
        id: session.id.to_string(),
        current: session.id == caller.session.id,
        created_at: seconds(session.created_at),
        last_used_at: seconds(session.refreshed_at),
        expires_at: seconds(session.expires_at),
        client: session.client.clone(),
        address: session.address.clone(),
    };
    let data: Vec<SessionView> = sessions.iter().map(view).collect();
    Ok(json(StatusCode::OK, &SessionList { total: data.len(), data }))
}

/// End one session
#[utoipa::path(
    tag = "session",
    security(("bearer" = [])),
    params(("id" = String, Path)),
    responses((status = 204), Refusals)
)]
#[delete("/sessions/{id}")]
pub async fn end(
    surface: web::Data<Surface>,
    context: Context,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let ended = surface.engine.end_session(&context.call(None, None), context.bearer()?, &id).await;
    ended.map(|()| empty()).map_err(|refused| context.problem(refused))
}

/// End all other sessions
#[utoipa::path(tag = "session", security(("bearer" = [])), responses((status = 204), Refusals))]
#[delete("/sessions")]
pub async fn end_others(surface: web::Data<Surface>, context: Context) -> Result<HttpResponse, Problem> {
    let ended = surface.engine.end_other_sessions(&context.call(None, None), context.bearer()?).await;
    ended.map(|()| empty()).map_err(|refused| context.problem(refused))
}
