use std::fmt;
use std::path::PathBuf;

use super::key::variable;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// This variable of the environment.
    Environment(String),
    /// This file.
    File(PathBuf),
    /// Nobody has set it.
    Unset,
}

/// One thing that is wrong. None of the texts holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The key, such as `sms.webhook.url`; empty when the file as a whole cannot be read.
    pub key: String,
    pub origin: Origin,
    pub problem: String,
    /// What would be right; empty when the problem says it.
    pub accepted: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.origin, self.key.as_str()) {
            (Origin::File(path), "") => write!(f, "{}: {}", path.display(), self.problem)?,
            (Origin::File(path), key) => write!(f, "{key} (in {}): {}", path.display(), self.problem)?,
            (Origin::Environment(name), key) => write!(f, "{key} (from {name}): {}", self.problem)?,
            (Origin::Unset, key) => write!(f, "{key} (not set; {}): {}", variable(key), self.problem)?,
        }
        if !self.accepted.is_empty() {
            write!(f, "; accepted: {}", self.accepted)?;
        }
        Ok(())
    }
}

/// Everything that is wrong with a configuration, at least one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl ConfigErrors {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> std::slice::Iter<'_, ConfigError> {
        self.0.iter()
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the configuration has {} problem(s):", self.0.len())?;
        for error in &self.0 {
            writeln!(f, "  - {error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
