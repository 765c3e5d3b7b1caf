use stepgate::app::{Application, World, walk_through};
use stepgate::config::{Config, LogFormat, LogLevel};
use stepgate::identity::SurfaceName;
use stepgate::telemetry;

use super::say::say;

pub fn run(config: &Config) -> Result<(), String> {
    let format = match config.log.format {
        LogFormat::Text => telemetry::Format::Text,
        LogFormat::Json => telemetry::Format::Json,
    };
    let level = match config.log.level {
        LogLevel::Error => tracing::Level::ERROR,
        LogLevel::Warn => tracing::Level::WARN,
        LogLevel::Info => tracing::Level::INFO,
        LogLevel::Debug => tracing::Level::DEBUG,
        LogLevel::Trace => tracing::Level::TRACE,
    };
    telemetry::init(format, level).map_err(|error| error.to_string())?;
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    actix_web::rt::System::new().block_on(async {
        let application = Application::build(config, World::default()).await.map_err(|error| error.to_string())?;
        say(greeting(&application))?;
        application.run_until_stopped().await.map_err(|error| error.to_string())
    })
}

fn greeting(application: &Application) -> String {
    let address = application.address();
    let mut listens = format!("Stepgate listens on http://{address}\n");
    for surface in SurfaceName::MOVABLE {
        if let Some((own, prefix)) = application.place(surface).filter(|(own, _)| *own != address) {
            listens.push_str(&format!("The {surface} API is on http://{own}{prefix}\n"));
        }
    }
    let Some(demo) = application.demo() else { return listens };
    let email = &demo.email;
    let account = match walk_through(address, demo) {
        Some(commands) => format!(
            "The demo account, and one sign-in with it. This is shown once; paste it into another shell:\n\n{commands}\n"
        ),
        None => format!(
            "The demo account {email} was made at an earlier start, and its password and secret were shown then. To get \
             a new one, stop the server and delete its store.\n"
        ),
    };
    let dev = format!("a page to try it on http://{address}/, what was sent on http://{address}/dev/outbox");
    format!("{listens}Dev mode: {dev}\n\n{account}")
}
