use actix_web::http::StatusCode;
use actix_web::{HttpResponse, delete, get, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::engine::{FieldProblem, NewClient, Reason, Refused};
use crate::http::answer::{empty, json};
use crate::http::body::Body;
use crate::http::context::Context;
use crate::http::docs::Refusals;
use crate::http::problem::Problem;
use crate::http::surface::Surface;
use crate::http::times::seconds;
use crate::identity::ApiClient;

use super::guard::Operator;

/// A program that may use the MFAO surface.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientView {
    id: u64,
    #[schema(example = "VPN gateway")]
    name: String,
    created_at: String,
}

impl ClientView {
    fn of(client: &ApiClient) -> Self {
        ClientView { id: client.id, name: client.name.clone(), created_at: seconds(client.created_at) }
    }
}

/// A program that was just registered. Its keys are shown this once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewClientView {
    #[serde(flatten)]
    client: ClientView,
    /// To be sent as the header `api-key`: 22 characters.
    api_key: String,
    /// To be sent as the header `access-key`: 43 characters, 256 random bits.
    access_key: String,
}

#[derive(Serialize, ToSchema)]
pub struct ClientList {
    data: Vec<ClientView>,
}

#[derive(Deserialize, ToSchema)]
pub struct RegisterClient {
    /// 1 to 64 characters, for people.
    #[schema(example = "VPN gateway")]
    name: String,
}

/// Register a client
///
/// At most 1,000. Its keys are shown in this answer and never again.
#[utoipa::path(
    tag = "operator",
    security(("operator" = [])),
    request_body = RegisterClient,
    responses((status = 201, body = NewClientView), Refusals)
)]
#[post("/clients")]
pub async fn create(
    surface: web::Data<Surface>,
    _operator: Operator,
    context: Context,
    body: Body<RegisterClient>,
) -> Result<HttpResponse, Problem> {
    let name = ApiClient::named(&body.value.name);
    let bad = || Refused::new(Reason::Invalid).field("name", FieldProblem::Name);
    let name = name.ok_or_else(|| context.problem(bad()))?;
    let made = surface.engine.create_client(&name, &context.call(None, None)).await;
    let NewClient { client, keys } = made.map_err(|refused| context.problem(refused))?;
    let view = NewClientView {
        client: ClientView::of(&client),
        api_key: keys.api_key.expose().to_owned(),
        access_key: keys.access_key.expose().to_owned(),
    };
    Ok(json(StatusCode::CREATED, &view))
}

/// List clients
#[utoipa::path(
    tag = "operator",
    security(("operator" = [])),
    responses((status = 200, body = ClientList), Refusals)
)]
#[get("/clients")]
pub async fn list(surface: web::Data<Surface>, _operator: Operator, context: Context) -> Result<HttpResponse, Problem> {
    let clients = surface.engine.clients().await.map_err(|refused| context.problem(refused))?;
    Ok(json(StatusCode::OK, &ClientList { data: clients.iter().map(ClientView::of).collect() }))
}

/// Delete a client
///
/// Its keys are refused from the next call on.
#[utoipa::path(
    tag = "operator",
    security(("operator" = [])),
    params(("id" = u64, Path)),
    responses((status = 204), Refusals)
)]
#[delete("/clients/{id}")]
pub async fn delete(
    surface: web::Data<Surface>,
    _operator: Operator,
    context: Context,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let unknown = || context.problem(Refused::new(Reason::NotFound));
    let id: u64 = id.parse().map_err(|_| unknown())?;
    let deleted = surface.engine.delete_client(id, &context.call(None, None)).await;
    deleted.map(|()| empty()).map_err(|refused| context.problem(refused))
}
