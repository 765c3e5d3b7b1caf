use actix_web::http::StatusCode;
use actix_web::{HttpResponse, delete, get, patch, post, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::engine::{FieldProblem, Reason, Refused};
use crate::http::answer::{empty, json};
use crate::http::body::Body;
use crate::http::context::Context;
use crate::http::docs::Refusals;
use crate::http::problem::Problem;
use crate::http::surface::Surface;
use crate::identity::{PolicyId, SurfaceName, Totp, TotpPolicy};

use super::fields::Errors;
use super::guard::Operator;
use super::policy::{ChangedPolicy, NewPolicy, PolicyView};

#[derive(Serialize, ToSchema)]
pub struct PolicyList {
    data: Vec<PolicyView>,
}

/// The policy in a path; what cannot be the name of one is none's.
fn named(context: &Context, text: &str) -> Result<PolicyId, Problem> {
    PolicyId::parse(text).ok_or_else(|| context.problem(Refused::new(Reason::NotFound)))
}

/// Make a policy
///
/// At most 1,000. Authenticators are enrolled under it through the MFAO surface.
#[utoipa::path(
    tag = "operator",
    security(("operator" = [])),
    request_body = NewPolicy,
    responses((status = 201, body = PolicyView), Refusals)
)]
#[post("/policies")]
pub async fn create(
    surface: web::Data<Surface>,
    _operator: Operator,
    context: Context,
    body: Body<NewPolicy>,
) -> Result<HttpResponse, Problem> {
    let (raw, mut errors) = (body.value, Errors::default());
    let id = errors.take("id", PolicyId::parse(&raw.id), FieldProblem::PolicyId);
    let fields = raw.fields().patch(&mut errors);
    let (Some(id), Some(issuer)) = (id, fields.issuer.clone()) else { return Err(errors.refuse(&context)) };
    errors.check(&context)?;
    let policy = TotpPolicy {
        id,
        issuer,
        totp: Totp::default(),
        attempts: TotpPolicy::USUAL_ATTEMPTS,
        surfaces: SurfaceName::ALL.into(),
        creates_accounts: false,
        email_domain: None,
    };
    let made = surface.engine.create_policy(fields.on(policy), &context.call(None, None)).await;
    let made = made.map_err(|refused| context.problem(refused))?;
    Ok(json(StatusCode::CREATED, &PolicyView::of(made)))
}

/// List policies
///
/// Those of the configuration first.
#[utoipa::path(
    tag = "operator",
    security(("operator" = [])),
    responses((status = 200, body = PolicyList), Refusals)
)]
#[get("/policies")]
pub async fn list(surface: web::Data<Surface>, _operator: Operator, context: Context) -> Result<HttpResponse, Problem> {
    let policies = surface.engine.policies().await.map_err(|refused| context.problem(refused))?;
    Ok(json(StatusCode::OK, &PolicyList { data: policies.into_iter().map(PolicyView::of).collect() }))
}

/// Look at a policy
#[utoipa::path(
    tag = "operator",
    security(("operator" = [])),
    params(("id" = String, Path)),
    responses((status = 200, body = PolicyView), Refusals)
)]
#[get("/policies/{id}")]
pub async fn see(
    surface: web::Data<Surface>,
    _operator: Operator,
    context: Context,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let policy = surface.engine.policy(&named(&context, &id)?).await;
    Ok(json(StatusCode::OK, &PolicyView::of(policy.map_err(|refused| context.problem(refused))?)))
}

/// Change a policy
///
/// For enrolments from now on: an authenticator keeps the digits, the period and the surfaces that it was enrolled
/// with. A policy of the configuration is changed there: 409 `read_only`.
#[utoipa::path(
    tag = "operator",
    security(("operator" = [])),
    params(("id" = String, Path)),
    request_body = ChangedPolicy,
    responses((status = 200, body = PolicyView), Refusals)
)]
#[patch("/policies/{id}")]
pub async fn change(
    surface: web::Data<Surface>,
    _operator: Operator,
    context: Context,
    id: web::Path<String>,
    body: Body<ChangedPolicy>,
) -> Result<HttpResponse, Problem> {
    let (id, mut errors) = (named(&context, &id)?, Errors::default());
    let patch = body.value.patch(&mut errors);
    errors.check(&context)?;
    let changed = surface.engine.patch_policy(&id, patch, &context.call(None, None)).await;
    Ok(json(StatusCode::OK, &PolicyView::of(changed.map_err(|refused| context.problem(refused))?)))
}

/// Delete a policy
///
/// Authenticators that were enrolled under it go on.
#[utoipa::path(
    tag = "operator",
    security(("operator" = [])),
    params(("id" = String, Path)),
    responses((status = 204), Refusals)
)]
#[delete("/policies/{id}")]
pub async fn delete(
    surface: web::Data<Surface>,
    _operator: Operator,
    context: Context,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let deleted = surface.engine.delete_policy(&named(&context, &id)?, &context.call(None, None)).await;
    deleted.map(|()| empty()).map_err(|refused| context.problem(refused))
}
