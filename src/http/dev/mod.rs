//! What only a developer's machine has: the outbox, and a page to try a sign-in with.

mod outbox;
mod page;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(outbox::outbox);
    page::routes(config);
}
