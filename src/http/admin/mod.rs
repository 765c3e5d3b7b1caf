//! The operator's surface: `/admin/v1`, by `Authorization: Bearer <admin key>`.

mod accounts;
mod guard;
mod keys;
mod view;
mod workflows;

use utoipa_actix_web::scope;
use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(
        scope::scope("/admin/v1")
            .service(accounts::create)
            .service(accounts::list)
            .service(accounts::get)
            .service(accounts::patch)
            .service(accounts::delete)
            .service(keys::list)
            .service(keys::rotate)
            .service(workflows::list),
    );
}
