use crate::engine::{Caller, Reason, Refused, Target};
use crate::http::context::Context;
use crate::http::problem::Problem;
use crate::http::surface::Surface;
use crate::identity::{AccountId, Permission};

/// Whoever calls.
pub async fn caller(surface: &Surface, context: &Context) -> Result<Caller, Problem> {
    surface.engine.authenticate(context.bearer()?).await.map_err(|refused| context.problem(refused))
}

/// The account in a path. What is no number as it is written (`01`, `+1`) is nobody's; without the permission every
/// account but one's own is out of reach, whether or not it exists.
pub fn target(context: &Context, caller: &Caller, text: &str, permission: Permission) -> Result<Target, Problem> {
    let id = text.parse::<AccountId>().ok().filter(|id| id.to_string() == text);
    match id {
        None => Err(context.problem(Refused::new(Reason::NotFound))),
        Some(id) if id == caller.account.id => Ok(Target::Own),
        Some(id) if caller.account.may(permission) => Ok(Target::Other(id)),
        Some(_) => Err(context.problem(Refused::new(Reason::Forbidden))),
    }
}
