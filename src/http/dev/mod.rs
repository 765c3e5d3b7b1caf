//! What only a developer's machine has: the outbox, the clock, the faults, and a page to try a sign-in with.

mod clock;
mod faults;
mod outbox;
mod page;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(outbox::list).service(outbox::clear);
    config.service(clock::read).service(clock::set);
    config.service(faults::list).service(faults::set);
    page::routes(config);
}
