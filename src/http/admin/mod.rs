//! The operator's surface: `/admin/v1`, by `Authorization: Bearer <admin key>`.

mod accounts;
mod clients;
mod events;
mod factors;
mod fields;
mod guard;
mod import;
mod keys;
mod lock;
mod policies;
mod policy;
mod see;
mod sessions;
mod success_tokens;
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
            .service(see::account)
            .service(accounts::patch)
            .service(accounts::delete)
            .service(success_tokens::redeem)
            .service(factors::reset)
            .service(lock::lift)
            .service(sessions::list)
            .service(sessions::end)
            .service(sessions::end_all)
            .service(events::list)
            .service(keys::list)
            .service(keys::rotate)
            .service(policies::create)
            .service(policies::list)
            .service(policies::see)
            .service(policies::change)
            .service(policies::delete)
            .service(clients::create)
            .service(clients::list)
            .service(clients::delete)
            .service(workflows::list),
    );
}
