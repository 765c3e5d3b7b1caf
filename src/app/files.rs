use std::fs::{self, OpenOptions};
use std::io::{BufReader, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::config::{Config, StoreAddress};
use crate::engine::ports::Entropy;
use crate::engine::{CommonPasswords, ListError, Strength};
use crate::workflow::{Catalogue, Refusal};

use super::StartError;

/// Why the workflows cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum WorkflowError {
    #[error("workflows (STEPGATE_WORKFLOWS): {path}: {why}")]
    Unreadable { path: PathBuf, why: std::io::Error },
    #[error("unsafe workflows:\n{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Refused(Vec<Refusal>),
}

/// The shipped workflows, overridden file by file by those in `folder`; all proved.
///
/// # Errors
/// When a file cannot be read, or is not safe to serve.
pub fn catalogue(folder: Option<&Path>) -> Result<Catalogue, WorkflowError> {
    let loaded = match folder {
        Some(folder) => Catalogue::overridden(workflow_sources(folder)?),
        None => Catalogue::shipped(),
    };
    loaded.map_err(WorkflowError::Refused)
}

/// Name and text of every `*.toml` in a folder, by name.
///
/// # Errors
/// When the folder or a file in it cannot be read.
pub fn workflow_sources(folder: &Path) -> Result<Vec<(String, String)>, WorkflowError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |why| WorkflowError::Unreadable { path, why }
    };
    let mut sources = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            sources.push((name, fs::read_to_string(&path).map_err(unreadable(&path))?));
        }
    }
    sources.sort();
    Ok(sources)
}

/// What a password must be for a person to choose it. The list of common ones is read now, and once.
///
/// # Errors
/// [`StartError::PasswordList`].
pub fn strength(config: &Config) -> Result<Strength, StartError> {
    let common = match &config.password.list {
        Some(path) => fs::File::open(path)
            .map_err(ListError::from)
            .and_then(|file| CommonPasswords::read(BufReader::new(file)))
            .map_err(|why| StartError::PasswordList { path: path.clone(), why })?,
        None => CommonPasswords::built_in(),
    };
    Ok(Strength { min_score: config.password.min_score, common, known: vec![config.product.clone()] })
}

/// The configured master key; in dev mode without one, the key in a file beside the embedded store, made at first start.
pub fn master_key(config: &Config, entropy: &dyn Entropy) -> Result<[u8; 32], String> {
    if let Some(key) = &config.master_key {
        return Ok(key.expose());
    }
    if !config.dev {
        return Err("master_key (STEPGATE_MASTER_KEY) is required when dev is off".to_owned());
    }
    let folder = match &config.store {
        StoreAddress::Embedded(folder) => folder.clone(),
        StoreAddress::Redis(_) => PathBuf::from("data"),
    };
    dev_key(&folder, entropy)
}

fn dev_key(folder: &Path, entropy: &dyn Entropy) -> Result<[u8; 32], String> {
    let path = folder.join("dev-master.key");
    let failed = |why: std::io::Error| format!("{}: {why}", path.display());
    fs::create_dir_all(folder).map_err(failed)?;
    let fresh = data_encoding::BASE64.encode(&entropy.bytes::<32>());
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(mut file) => file.write_all(fresh.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?,
        Err(why) if why.kind() == ErrorKind::AlreadyExists => {}
        Err(why) => return Err(failed(why)),
    }
    let text = fs::read_to_string(&path).map_err(failed)?;
    let bytes = data_encoding::BASE64.decode(text.trim().as_bytes()).ok();
    let key = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    key.ok_or_else(|| format!("{}: is not 32 bytes in base64; delete it together with the store", path.display()))
}
