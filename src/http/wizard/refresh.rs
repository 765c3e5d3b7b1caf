use actix_web::http::StatusCode;
use actix_web::{HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::answer::json;
use crate::http::body::Body;
use crate::http::context::Context;
use crate::http::docs::Refusals;
use crate::http::problem::Problem;
use crate::http::surface::Surface;
use crate::identity::Secret;

use super::envelope::tokens;

#[derive(Deserialize, ToSchema)]
pub struct Refresh {
    #[serde(rename = "refreshToken")]
    #[schema(value_type = String)]
    refresh_token: Secret,
}

/// A token and its times.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what `tokens` writes")]
pub struct TokenPair {
    #[schema(value_type = Object)]
    access_token: Value,
    #[schema(value_type = Object)]
    refresh_token: Value,
}

/// Exchange a refresh token for a new pair
///
/// A refresh token works once. Used again more than ten seconds later, it ends the session and every token of it.
#[utoipa::path(tag = "session", request_body = Refresh, responses((status = 200, body = TokenPair), Refusals))]
#[post("/refresh")]
pub async fn refresh(
    surface: web::Data<Surface>,
    context: Context,
    body: Body<Refresh>,
) -> Result<HttpResponse, Problem> {
    // It is the refresh token that is no good, whatever else is shown.
    let pair = surface.engine.refresh(&context.call(None, None), body.value.refresh_token.expose()).await;
    pair.map(|pair| json(StatusCode::OK, &tokens(&pair))).map_err(|refused| context.problem(refused).with_token(false))
}
