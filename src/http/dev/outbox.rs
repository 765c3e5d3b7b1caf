use actix_web::http::StatusCode;
use actix_web::{HttpResponse, get, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::answer::json;
use crate::http::surface::{SentMessage, Surface};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Query {
    /// Messages to this address or number only.
    to: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct SentList {
    total: usize,
    data: Vec<SentMessage>,
}

/// See what was "sent"
///
/// Newest first. On a developer's machine only.
#[utoipa::path(tag = "dev", params(Query), responses((status = 200, body = SentList)))]
#[get("/dev/outbox")]
pub async fn outbox(surface: web::Data<Surface>, query: web::Query<Query>) -> HttpResponse {
    // A plus sign that was not percent-encoded arrives as a space.
    let to = query.to.as_deref().map(|to| to.replace(' ', "+"));
    let data = surface.outbox.as_ref().map(|outbox| outbox.messages(to.as_deref())).unwrap_or_default();
    json(StatusCode::OK, &SentList { total: data.len(), data })
}
