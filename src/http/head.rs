//! HEAD, answered wherever GET is and the GET starts nothing (RFC 9110 §9.3.2).

use actix_web::HttpMessage;
use actix_web::dev::ServiceRequest;
use actix_web::guard::GuardContext;
use actix_web::http::Method;

/// The client asks for the head of the answer alone.
struct HeadAlone;

/// Has a HEAD routed and answered as a GET. The connection knows better: it sends the length of the body, and no body.
pub fn as_get(req: &mut ServiceRequest) {
    if req.method() == Method::HEAD {
        req.head_mut().method = Method::GET;
        req.extensions_mut().insert(HeadAlone);
    }
}

/// The guard of routes whose GET begins a wizard or sends a code, which HEAD as a safe method must not (RFC 9110 §9.2.1):
/// there it finds nothing.
pub fn is_get(context: &GuardContext<'_>) -> bool {
    context.head().method == Method::GET && context.req_data().get::<HeadAlone>().is_none()
}
