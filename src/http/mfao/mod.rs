//! The Authfy MFAO surface, `/api/totp` unless the operator has moved it: authenticators for the accounts of other
//! services, by policy.
//!
//! Always: whoever calls has shown two keys, or an access token of an account that may change others.

mod caller;
mod delete;
mod enrollment;
mod metrics;
mod responses;
mod verify;

use utoipa_actix_web::scope;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::identity::SurfaceName;

pub fn routes(config: &mut ServiceConfig<'_>, prefix: &str) {
    config.service(
        scope::scope(prefix)
            .app_data(SurfaceName::Mfao)
            .service(enrollment::enrol)
            .service(verify::verify)
            .service(delete::delete),
    );
}
