use actix_web::http::StatusCode;
use actix_web::{HttpResponse, get, post, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::engine::{FieldProblem, KeyStatus, Reason, Refused, Rotation, SealingStatus, SigningStatus};
use crate::http::answer::json;
use crate::http::body::Body;
use crate::http::context::Context;
use crate::http::docs::Refusals;
use crate::http::problem::Problem;
use crate::http::surface::Surface;
use crate::http::times::seconds;

use super::guard::Operator;

/// A key that seals what is secret in the store.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SealingKeyView {
    id: String,
    /// `current` or `retiring`.
    state: &'static str,
    made_at: String,
    /// When no account was left under it; `null` while some may be.
    empty_since: Option<String>,
    /// From when on a rotation drops it, if nothing is sealed under it then.
    may_go_at: Option<String>,
}

/// A key that signs access tokens.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SigningKeyView {
    kid: String,
    /// `ES256`, `RS256` or `EdDSA`.
    algorithm: &'static str,
    /// `coming`, `signing` or `retiring`.
    state: &'static str,
    made_at: String,
    signs_from: String,
    stops_at: Option<String>,
    /// When it leaves the key set.
    ends_at: Option<String>,
}

/// How far the re-sealing is that this instance is at, in accounts.
#[derive(Serialize, ToSchema)]
pub struct ResealingView {
    done: u64,
    total: u64,
}

/// The keys, without anything secret of them.
#[derive(Serialize, ToSchema)]
pub struct KeysView {
    /// Oldest first.
    sealing: Vec<SealingKeyView>,
    signing: Vec<SigningKeyView>,
    /// `null` when this instance is not at one.
    resealing: Option<ResealingView>,
}

impl KeysView {
    fn of(status: KeyStatus) -> Self {
        let time = |time: Option<DateTime<Utc>>| time.map(seconds);
        let sealing = |key: SealingStatus| SealingKeyView {
            id: key.id,
            state: key.state.as_str(),
            made_at: seconds(key.made_at),
            empty_since: time(key.empty_since),
            may_go_at: time(key.may_go_at),
        };
        let signing = |key: SigningStatus| SigningKeyView {
            kid: key.kid,
            algorithm: key.algorithm,
            state: key.state.as_str(),
            made_at: seconds(key.made_at),
            signs_from: seconds(key.signs_from),
            stops_at: time(key.stops_at),
            ends_at: time(key.ends_at),
        };
        KeysView {
            sealing: status.sealing.into_iter().map(sealing).collect(),
            signing: status.signing.into_iter().map(signing).collect(),
            resealing: status.resealing.map(|progress| ResealingView { done: progress.done, total: progress.total }),
        }
    }
}

/// Look at the keys
///
/// What seals, what signs, what is on its way out, and how far a re-sealing is.
#[utoipa::path(
    tag = "operator",
    security(("operator" = [])),
    responses((status = 200, body = KeysView), Refusals)
)]
#[get("/keys")]
pub async fn list(surface: web::Data<Surface>, _operator: Operator, context: Context) -> Result<HttpResponse, Problem> {
    let status = surface.engine.key_status().await.map_err(|trouble| context.problem(trouble.into()))?;
    Ok(json(StatusCode::OK, &KeysView::of(status)))
}

#[derive(Deserialize, ToSchema)]
pub struct Rotate {
    /// A new key seals, and what older ones have sealed is sealed anew.
    #[serde(default)]
    sealing: bool,
    /// A new key is published at once, and signs after `tokens.key_overlap`.
    #[serde(default)]
    signing: bool,
}

/// What has been turned over.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rotated {
    /// The key that seals now, if it is a new one.
    sealing: Option<String>,
    /// Whether an earlier change of the sealing key was cut short and is carried through now.
    resumed: bool,
    /// Sealing keys that have left.
    dropped: Vec<String>,
    /// The key that will sign.
    signing: Option<String>,
    keys: KeysView,
}

/// Turn keys over
///
/// Accounts are sealed anew behind the answer; `GET /admin/v1/keys` tells how far that is. A server that is stopped
/// meanwhile leaves the rest to the next call.
#[utoipa::path(
    tag = "operator",
    security(("operator" = [])),
    request_body = Rotate,
    responses((status = 202, body = Rotated), Refusals)
)]
#[post("/keys/rotate")]
pub async fn rotate(
    surface: web::Data<Surface>,
    _operator: Operator,
    context: Context,
    body: Body<Rotate>,
) -> Result<HttpResponse, Problem> {
    let Rotate { sealing, signing } = body.value;
    if !sealing && !signing {
        let problem = FieldProblem::Invalid("true, or `signing` is".to_owned());
        return Err(context.problem(Refused::new(Reason::Invalid).field("sealing", problem)));
    }
    let refuse = |trouble: crate::engine::KeyTrouble| context.problem(trouble.into());
    let turned = surface.engine.rotate_keys(Rotation { sealing, signing }).await.map_err(refuse)?;
    if sealing {
        surface.engine.finish_rotation_behind();
    }
    let status = surface.engine.key_status().await.map_err(refuse)?;
    let rotated = Rotated {
        sealing: turned.sealing,
        resumed: turned.resumed,
        dropped: turned.dropped,
        signing: turned.signing,
        keys: KeysView::of(status),
    };
    Ok(json(StatusCode::ACCEPTED, &rotated))
}
