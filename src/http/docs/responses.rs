use std::borrow::Cow;
use std::collections::BTreeMap;

use utoipa::openapi::{ContentBuilder, HeaderBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

use crate::http::problem::ProblemBody;

/// The refusals that every route may answer with.
pub struct Refusals;

/// The refusals of routes that count attempts.
pub struct Counted;

/// The refusals of routes that count attempts and send codes.
pub struct Limited;

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&[])
    }
}

/// The refusals that every route may answer with; those of a surface that has `own` words for some, in these.
pub fn refusals(own: &[(&str, &str)]) -> BTreeMap<String, RefOr<Response>> {
    let all = [
        ("400", "Malformed body, or a part of the request of the wrong form; `errors` names it."),
        ("401", "No access token, or one that is not valid any more."),
        ("403", "Not allowed, or switched off by the operator."),
        ("404", "Unknown, expired or foreign: all three look the same."),
        ("408", "The body did not arrive in time."),
        ("409", "The step does not fit where the wizard stands, or something changed under the request."),
        ("413", "The body is larger than this server reads."),
        ("415", "The body is neither JSON nor a form."),
        ("422", "Well-formed, but refused; `code` says why."),
        ("500", "Something went wrong inside; `X-Request-Id` names it."),
        ("503", "The store does not answer, or too many passwords are being checked; see `Retry-After`."),
    ];
    let worded = |(status, what)| own.iter().find(|(own, _)| *own == status).copied().unwrap_or((status, what));
    problems(ProblemBody::name(), &all.map(worded))
}

impl IntoResponses for Counted {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(ProblemBody::name(), &[("429", "Limited or locked; `Retry-After` says for how long.")])
    }
}

impl IntoResponses for Limited {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let unsent = [("502", "The code could not be sent; it may be asked for again at once.")];
        Counted::responses().into_iter().chain(problems(ProblemBody::name(), &unsent)).collect()
    }
}

/// Problems of this schema, by status.
pub fn problems(schema: Cow<'_, str>, list: &[(&str, &str)]) -> BTreeMap<String, RefOr<Response>> {
    let content = || ContentBuilder::new().schema(Some(Ref::from_schema_name(schema.as_ref()))).build();
    let response = |status: &str, what: &str| {
        let response = ResponseBuilder::new().description(what).content("application/problem+json", content());
        let bearer: &[_] = if status == "401" {
            &[("WWW-Authenticate", "`Bearer` with `realm`, and with `error` where a token was shown (RFC 6750 §3).")]
        } else {
            &[]
        };
        let response = with_headers(response, &[("Content-Language", "Of `title`, `detail` and `errors`.")]);
        with_headers(with_headers(response, bearer), waiting(status)).build()
    };
    list.iter().map(|(status, what)| ((*status).to_owned(), response(status, what).into())).collect()
}

/// The header that says when to come back, of the refusals that have it.
pub fn waiting(status: &str) -> &'static [(&'static str, &'static str)] {
    match status {
        "429" | "503" => &[("Retry-After", "Seconds.")],
        _ => &[],
    }
}

/// The response, with headers by name and what they tell.
pub fn with_headers(response: ResponseBuilder, headers: &[(&str, &str)]) -> ResponseBuilder {
    let header = |what: &str| HeaderBuilder::new().description(Some(what)).build();
    headers.iter().fold(response, |response, (name, what)| response.header(*name, header(what)))
}

/// The schema that all of them share; named here because no handler names it.
pub fn problem_schema() -> Vec<(String, RefOr<utoipa::openapi::schema::Schema>)> {
    let mut schemas = vec![(ProblemBody::name().into_owned(), ProblemBody::schema())];
    ProblemBody::schemas(&mut schemas);
    schemas
}
