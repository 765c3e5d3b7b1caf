use std::sync::Arc;

use crate::config::Config;
use crate::directory::HttpDirectory;
use crate::engine::ports::Directory;

use super::World;

/// The operator's directory, if one is configured.
pub fn directory(config: &Config, world: &World) -> Result<Option<Arc<dyn Directory>>, String> {
    let Some(settings) = config.directory.clone() else { return Ok(None) };
    let directory = HttpDirectory::new(settings, Arc::clone(&world.clock)).map_err(|error| error.to_string())?;
    Ok(Some(Arc::new(directory)))
}
