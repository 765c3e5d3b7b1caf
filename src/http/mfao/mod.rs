//! The Authfy MFAO surface, `/api/totp` unless the operator has moved it: authenticators for the accounts of other services, by policy.

use utoipa_actix_web::scope;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::identity::SurfaceName;

pub fn routes(config: &mut ServiceConfig<'_>, prefix: &str) {
    config.service(scope::scope(prefix).app_data(SurfaceName::Mfao));
}
