use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::{RefOr, Response};

use crate::http::docs::refusals;

/// The refusals of the calls about users.
pub struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&[
            ("403", "Somebody else's account without the permission, or a factor to be proved first (see `next`)."),
            ("404", "No such account."),
            ("409", "An authenticator is on and `recreate` is not `true`, or the account changed in between."),
        ])
    }
}
