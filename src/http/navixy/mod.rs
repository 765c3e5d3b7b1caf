//! The Navixy surface, `/v2/panel` unless the operator has moved it: the operator's panel.
//!
//! Always: every refusal is `{"success": false, "status": {"code", "description"}}` under that system's own numbers
//! (`answer.rs`); whoever is signed in shows a panel hash (`caller.rs`), and no other credential counts.

mod answer;
mod auth;
mod body;
mod caller;
mod session;
mod settings;
mod settings_default;
mod settings_read;
mod settings_update;

use utoipa_actix_web::scope;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::identity::SurfaceName;

pub fn routes(config: &mut ServiceConfig<'_>, prefix: &str) {
    config.service(
        scope::scope(prefix)
            .app_data(SurfaceName::Navixy)
            .service(auth::auth)
            .service(session::permissions)
            .service(session::log_out)
            .service(settings_update::update)
            .service(settings_default::read)
            .service(settings_default::update)
            .service(settings_read::read),
    );
}
