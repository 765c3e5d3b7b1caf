use actix_web::{HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::engine::Offered;
use crate::http::body::OptionalBody;
use crate::http::context::Context;
use crate::http::docs::{Counted, Success};
use crate::http::flag::Flag;
use crate::http::problem::Problem;
use crate::http::surface::Surface;
use crate::identity::{Permission, RecoveryCode};

use super::json;
use super::responses::Refusals;
use super::target::{caller, target};

#[derive(Default, Deserialize, ToSchema)]
pub struct EnableMfa {
    /// Whether an authenticator that is on may be replaced; it works until the new one is accepted. Also taken as the
    /// text `"true"` or `"false"`.
    #[serde(default)]
    #[schema(value_type = bool)]
    recreate: Flag,
}

/// An authenticator that is not on yet.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MfaOffer {
    #[schema(example = 1001)]
    user_id: u64,
    /// What a QR image for an authenticator app holds.
    #[schema(
        example = "otpauth://totp/Stepgate:ann%40example.com?secret=KQ5P6HBW63UTX4JPMXBJXI2PQMKQ5P6H&issuer=Stepgate"
    )]
    qr_string: String,
    /// The same secret, to be typed: base32 without padding.
    #[schema(example = "KQ5P6HBW63UTX4JPMXBJXI2PQMKQ5P6H")]
    secret_key: String,
    /// The account's recovery codes once the offer is accepted. They are never shown again.
    #[schema(example = json!(["58189682", "89975527", "24259296", "35931094", "34317173"]))]
    scratch_codes: Vec<String>,
    /// What accepts the offer, beside a code: for ten minutes, once, for this account.
    token: String,
}

impl MfaOffer {
    fn of(account: u64, offered: &Offered) -> Self {
        MfaOffer {
            user_id: account,
            qr_string: offered.enrolment.otpauth_url.clone(),
            secret_key: offered.enrolment.key.clone(),
            scratch_codes: offered.codes.iter().map(RecoveryCode::show).collect(),
            token: offered.token.expose().to_owned(),
        }
    }
}

/// Begin turning MFA on
///
/// No body is the same as `{}`. Nothing is on before `acceptMfa`. One's own account, or with the permission
/// `users:update` anybody's. Where a factor is on already, one must have been proved a short while ago, in the session or by `X-Success-Token`: any of one's own
/// to add an authenticator or to act for somebody else, the authenticator itself or a recovery code to replace it.
#[utoipa::path(
    tag = "veeam",
    security(("bearer" = [])),
    params(("id" = u64, Path, description = "The account."), Success),
    request_body = Option<EnableMfa>,
    responses((status = 200, body = MfaOffer), Refusals, Counted)
)]
#[post("/v1/users/{id}/enableMfa")]
pub async fn enable(
    surface: web::Data<Surface>,
    context: Context,
    id: web::Path<String>,
    body: OptionalBody<EnableMfa>,
) -> Result<HttpResponse, Problem> {
    let caller = caller(&surface, &context).await?;
    let target = target(&context, &caller, &id, Permission::UsersUpdate)?;
    let call = context.call(None, None);
    let (success, recreate) = (context.success_token(), body.0.recreate.0);
    let offered = surface.engine.offer_to(&call, &caller, target, success, recreate).await;
    let (account, offered) = offered.map_err(|refused| context.problem(refused))?;
    Ok(json(&MfaOffer::of(account.0, &offered)))
}
