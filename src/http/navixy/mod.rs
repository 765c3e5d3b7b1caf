//! The Navixy surface, `/v2/panel` unless the operator has moved it: the operator's panel: its sign-in, and who may use which second factor.

use utoipa_actix_web::scope;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::identity::SurfaceName;

pub fn routes(config: &mut ServiceConfig<'_>, prefix: &str) {
    config.service(scope::scope(prefix).app_data(SurfaceName::Navixy));
}
