//! The ABRA Flexi surface, `/u` unless the operator has moved it: enabling and disabling a second factor in ABRA Flexi's own words, XML or JSON.

use utoipa_actix_web::scope;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::identity::SurfaceName;

pub fn routes(config: &mut ServiceConfig<'_>, prefix: &str) {
    config.service(scope::scope(prefix).app_data(SurfaceName::Flexi));
}
