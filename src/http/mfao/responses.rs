use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::{RefOr, Response};

use crate::http::docs::refusals;

/// The refusals of this surface's calls.
pub struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&[
            ("401", "Neither the two keys of a client nor an access token that is valid."),
            ("403", "No permission, a factor to be proved first (see `next`), or no authenticator here by the policy."),
            ("404", "No such policy; `errors` names `policyId`."),
            ("409", "An authenticator is on, another account has the address, or the account changed in between."),
        ])
    }
}
