use actix_web::http::StatusCode;
use actix_web::{HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::engine::FieldProblem;
use crate::engine::{Reason, Refused};
use crate::http::answer::json;
use crate::http::body::Body;
use crate::http::context::Context;
use crate::http::docs::Refusals;
use crate::http::problem::Problem;
use crate::http::surface::Surface;
use crate::identity::{Secret, SuccessToken};

use super::guard::Operator;

#[derive(Deserialize, ToSchema)]
pub struct Redeem {
    #[schema(value_type = String)]
    token: Secret,
    /// What the token must be for, as the challenge was asked.
    #[schema(example = "pay_out")]
    purpose: String,
}

/// Who confirmed, and with what.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RedeemedView {
    account_id: u64,
    email: String,
    purpose: String,
    /// `google`, `sms`, `email` or `recovery`.
    method: &'static str,
}

/// Redeem a success token
///
/// For another service that wants its person to have confirmed something a moment ago. A token is redeemed once.
#[utoipa::path(
    tag = "operator",
    security(("operator" = [])),
    request_body = Redeem,
    responses((status = 200, body = RedeemedView), Refusals)
)]
#[post("/success-tokens/redeem")]
pub async fn redeem(
    surface: web::Data<Surface>,
    _operator: Operator,
    context: Context,
    body: Body<Redeem>,
) -> Result<HttpResponse, Problem> {
    let Redeem { token, purpose } = body.value;
    if !SuccessToken::is_purpose(&purpose) {
        return Err(context.problem(Refused::new(Reason::Invalid).field("purpose", FieldProblem::Purpose)));
    }
    let redeemed = surface.engine.redeem(&context.call(None, None), token.expose(), &purpose).await;
    let redeemed = redeemed.map_err(|refused| context.problem(refused))?;
    let view = RedeemedView {
        account_id: redeemed.account.id.0,
        email: redeemed.account.email.to_string(),
        purpose: redeemed.purpose,
        method: redeemed.method.as_str(),
    };
    Ok(json(StatusCode::OK, &view))
}
