use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, delete, get, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::engine::{FieldProblem, Reason, Refused};
use crate::http::answer::{empty, json};
use crate::http::context::Context;
use crate::http::problem::Problem;
use crate::http::surface::{SentMessage, Surface};

/// How long a look waits for what is sent behind answers.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Query {
    /// Messages to this address or number only.
    to: Option<String>,
    /// `code` or `notice`: messages of this kind only.
    kind: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct SentList {
    total: usize,
    data: Vec<SentMessage>,
}

/// See what was "sent"
///
/// Newest first, with what is sent behind answers that were given before. On a developer's machine only.
#[utoipa::path(tag = "dev", params(Query), responses((status = 200, body = SentList)))]
#[get("/dev/outbox")]
pub async fn list(
    surface: web::Data<Surface>,
    context: Context,
    query: web::Query<Query>,
) -> Result<HttpResponse, Problem> {
    let kind = query.kind.as_deref();
    if kind.is_some_and(|kind| !matches!(kind, "code" | "notice")) {
        let problem = FieldProblem::Invalid("`code` or `notice`".to_owned());
        return Err(context.problem(Refused::new(Reason::Invalid).field("kind", problem)));
    }
    surface.engine.errands.finish(PATIENCE).await;
    // A plus sign that was not percent-encoded arrives as a space.
    let to = query.to.as_deref().map(|to| to.replace(' ', "+"));
    let mut data = surface.outbox.as_ref().map(|outbox| outbox.messages(to.as_deref())).unwrap_or_default();
    data.retain(|message| kind.is_none_or(|kind| message.kind == kind));
    Ok(json(StatusCode::OK, &SentList { total: data.len(), data }))
}

/// Empty the outbox
///
/// On a developer's machine only.
#[utoipa::path(tag = "dev", responses((status = 204)))]
#[delete("/dev/outbox")]
pub async fn clear(surface: web::Data<Surface>) -> HttpResponse {
    surface.engine.errands.finish(PATIENCE).await;
    if let Some(outbox) = &surface.outbox {
        outbox.clear();
    }
    empty()
}
