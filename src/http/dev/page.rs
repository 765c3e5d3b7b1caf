use actix_web::http::header::{CONTENT_SECURITY_POLICY, HeaderName};
use actix_web::{HttpResponse, web};
use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(config: &mut ServiceConfig<'_>) {
    config.map(|config| {
        config
            .route("/", web::get().to(|| async { page("text/html; charset=utf-8", include_str!("page/index.html")) }))
            .route("/dev/page.js", web::get().to(|| async { page("text/javascript", include_str!("page/page.js")) }))
            .route("/dev/hand.js", web::get().to(|| async { page("text/javascript", include_str!("page/hand.js")) }))
            .route(
                "/dev/account.js",
                web::get().to(|| async { page("text/javascript", include_str!("page/account.js")) }),
            )
            .route(
                "/dev/confirm.js",
                web::get().to(|| async { page("text/javascript", include_str!("page/confirm.js")) }),
            )
            .route("/dev/wire.js", web::get().to(|| async { page("text/javascript", include_str!("page/wire.js")) }))
            .route("/dev/page.css", web::get().to(|| async { page("text/css", include_str!("page/page.css")) }))
    });
}

fn page(kind: &'static str, text: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(kind)
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'"))
        .insert_header((HeaderName::from_static("x-frame-options"), "DENY"))
        .body(text)
}
