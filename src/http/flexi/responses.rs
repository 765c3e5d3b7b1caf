use std::collections::BTreeMap;

use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

use crate::http::docs::{waiting, with_headers};

use super::envelope::{Envelope, Winstrom};

/// The refusals that every call of this surface may answer with, each in an envelope whose `success` is `false`.
pub struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let list = [
            ("400", "A parameter is missing or of the wrong form, and is named; or the code confirms nothing."),
            (
                "401",
                "Name, password or one-time password missing or wrong. `Mfa-Token` comes with a code that was sent.",
            ),
            ("403", "Not allowed; somebody else's name; or already on, or not on."),
            ("404", "No such user, or no such call."),
            ("408", "The body did not arrive in time."),
            ("413", "The body is larger than this server reads."),
            ("429", "Limited or locked; `Retry-After` says for how long."),
            ("500", "Something went wrong inside; `X-Request-Id` names it."),
            ("502", "The code could not be sent."),
            ("503", "The store does not answer, or too many passwords are being checked; see `Retry-After`."),
        ];
        let content = |schema| ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build();
        let response = |status: &str, what: &str| {
            let response = ResponseBuilder::new().description(what);
            let response = response.content("application/xml", content(Winstrom::name()));
            let response = response.content("application/json", content(Envelope::name()));
            with_headers(response, headers(status)).build()
        };
        list.iter().map(|(status, what)| ((*status).to_owned(), response(status, what).into())).collect()
    }
}

/// The headers that tell more than the message does.
fn headers(status: &str) -> &'static [(&'static str, &'static str)] {
    match status {
        "401" => &[
            ("WWW-Authenticate", "`Basic`, in UTF-8 (RFC 7617)."),
            ("Mfa-Token", "Where a code was sent: to be repeated beside `otp`."),
        ],
        _ => waiting(status),
    }
}
