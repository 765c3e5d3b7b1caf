use std::sync::Arc;

use crate::config::{Config, EventsFile};
use crate::delivery::{EventFile, EventWebhook, Queued};
use crate::engine::ports::EventSink;

use super::World;

/// Whether standard output is free for events: a command's own output must not be mixed with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    Free,
    Taken,
}

/// Where events go beside the store, as configured.
pub fn sinks(config: &Config, world: &World, output: Output) -> Result<Vec<Arc<dyn EventSink>>, String> {
    let mut sinks: Vec<Arc<dyn EventSink>> = Vec::new();
    let entropy = || Arc::clone(&world.entropy);
    match &config.events.file {
        Some(EventsFile::Output) if output == Output::Free => {
            sinks.push(Arc::new(Queued::new(EventFile::output(), entropy())));
        }
        Some(EventsFile::Path(path)) => {
            let file = EventFile::open(path).map_err(|why| format!("events.file: {}: {why}", path.display()))?;
            sinks.push(Arc::new(Queued::new(file, entropy())));
        }
        Some(EventsFile::Output) | None => {}
    }
    if let Some(settings) = &config.events.webhook {
        let webhook = EventWebhook::new(settings.clone(), Arc::clone(&world.clock)).map_err(|why| why.to_string())?;
        sinks.push(Arc::new(Queued::new(webhook, entropy())));
    }
    Ok(sinks)
}
