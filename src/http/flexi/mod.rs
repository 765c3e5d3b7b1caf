//! The ABRA Flexi surface, `/u` unless the operator has moved it: an authenticator is turned on and off by calls with HTTP
//! Basic (RFC 7617) and `?otp=`, answered in XML or JSON.
//!
//! Always: whoever calls comes in by the one door that passwords have, with a second factor at every call where one is
//! on; every answer but the picture is a `winstrom`, refusals too; what a client wrote is never repeated in one.
//! Never here: a session. Each call stands for itself.

mod ask;
mod basic;
mod disable;
mod door;
mod enable;
mod envelope;
mod otp;
mod qrcode;
mod query;
mod refusal;
mod reply;
mod reset;
mod responses;
mod table;
mod wording;

use actix_web::web;
use utoipa_actix_web::scope;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::identity::SurfaceName;

pub fn routes(config: &mut ServiceConfig<'_>, prefix: &str) {
    config.service(
        scope::scope(prefix)
            .app_data(SurfaceName::Flexi)
            .service(enable::enable)
            .service(disable::disable)
            .service(reset::reset)
            .service(qrcode::qrcode)
            .default_service(web::to(refusal::no_such_call)),
    );
}
