//! What everything is measured against: an actix handler that runs one Redis script and answers a small JSON.

use std::net::TcpListener;

use actix_web::{App, HttpResponse, HttpServer, web};
use redis::aio::MultiplexedConnection;
use tokio::sync::OnceCell;

/// About what a step does: read a record, compare its revision, write it back with a lifetime.
const SCRIPT: &str = "local old = redis.call('GET', KEYS[1]) \
                      if old and #old ~= #ARGV[1] then return 0 end \
                      redis.call('SET', KEYS[1], ARGV[1], 'EX', 900) return 1";

/// One connection for each worker, as the server has it.
struct Worker {
    url: String,
    connection: OnceCell<MultiplexedConnection>,
}

pub fn serve(redis: &str) {
    let redis = redis.to_owned();
    actix_web::rt::System::new().block_on(async move {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        println!("listens on http://{}", listener.local_addr().unwrap());
        let factory = move || {
            let worker = Worker { url: redis.clone(), connection: OnceCell::new() };
            App::new().app_data(web::Data::new(worker)).route("/", web::get().to(handle))
        };
        HttpServer::new(factory).workers(2).listen(listener).unwrap().run().await.unwrap();
    });
}

async fn handle(worker: web::Data<Worker>) -> HttpResponse {
    let connect = || async { redis::Client::open(worker.url.as_str())?.get_multiplexed_async_connection().await };
    let mut connection = worker.connection.get_or_try_init(connect).await.unwrap().clone();
    let done: i32 =
        redis::Script::new(SCRIPT).key("bare").arg("x".repeat(300)).invoke_async(&mut connection).await.unwrap();
    HttpResponse::Ok().content_type("application/json").body(format!(r#"{{"done":{done}}}"#))
}
