//! The operator's surface: `/admin/v1`, by `Authorization: Bearer <admin key>`.

mod accounts;
mod guard;
mod import;
mod view;
mod workflows;

use utoipa_actix_web::scope;
use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(
        scope::scope("/admin/v1")
            .service(accounts::create)
            .service(accounts::list)
            .service(import::import)
            .service(accounts::get)
            .service(accounts::patch)
            .service(accounts::delete)
            .service(workflows::list),
    );
}
