use actix_web::http::StatusCode;
use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::answer::json;
use crate::http::docs::Refusals;
use crate::http::problem::Problem;
use crate::http::surface::Surface;

use super::guard::Operator;

/// A workflow that new wizards start with.
#[derive(Serialize, ToSchema)]
pub struct WorkflowView {
    name: String,
    title: String,
    /// SHA-256 of the file; wizards pin it.
    digest: String,
    enabled: bool,
    /// Seconds that a wizard lives.
    lifetime: u32,
    steps: Vec<String>,
}

#[derive(Serialize, ToSchema)]
pub struct WorkflowList {
    data: Vec<WorkflowView>,
}

/// List the loaded workflows
#[utoipa::path(
    tag = "operator",
    security(("operator" = [])),
    responses((status = 200, body = WorkflowList), Refusals)
)]
#[get("/workflows")]
pub async fn list(surface: web::Data<Surface>, _operator: Operator) -> Result<HttpResponse, Problem> {
    let data = surface.engine.definitions.current().iter().map(|workflow| WorkflowView {
        name: workflow.name.clone(),
        title: workflow.title.clone(),
        digest: workflow.digest.to_string(),
        enabled: workflow.enabled,
        lifetime: workflow.lifetime,
        steps: workflow.steps.keys().cloned().collect(),
    });
    Ok(json(StatusCode::OK, &WorkflowList { data: data.collect() }))
}
