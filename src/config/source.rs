use std::path::{Path, PathBuf};

use figment::providers::Serialized;
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::error::{ConfigError, Origin};
use super::key::{Key, Kind, variable};
use super::keys;

/// Variables that begin like ours and are not settings: the command line's, those of the tests, and those that
/// Kubernetes sets for a service called `stepgate`.
const FOREIGN: [&str; 6] =
    ["STEPGATE_CONFIG", "STEPGATE_TEST_", "STEPGATE_BLESS", "STEPGATE_SERVICE_", "STEPGATE_PORT", "STEPGATE_PORT_"];

/// The name under which figment remembers what came from the environment.
pub(super) const ENVIRONMENT: &str = "environment";

/// The file and the environment, merged: what the environment sets wins.
pub(super) struct Sources {
    pub figment: Figment,
    pub file: Option<PathBuf>,
    pub errors: Vec<ConfigError>,
}

impl Sources {
    pub fn open(file: Option<&Path>, env: impl Iterator<Item = (String, String)>) -> Self {
        let mut errors = Vec::new();
        let table = file.and_then(|path| read(path).map_err(|error| errors.push(error)).ok()).unwrap_or_default();
        let figment = Figment::new().merge(Serialized::defaults(table)).merge(Environment::of(env));
        let mut sources = Sources { figment, file: file.map(Path::to_owned), errors };
        sources.find_unknown();
        sources
    }

    /// Where the value at `path` came from.
    pub fn origin(&self, path: &str) -> Origin {
        match (self.figment.find_metadata(path), &self.file) {
            (Some(metadata), _) if metadata.name == ENVIRONMENT => Origin::Environment(variable(path)),
            (Some(_), Some(file)) => Origin::File(file.clone()),
            _ => Origin::Unset,
        }
    }

    fn find_unknown(&mut self) {
        let mut paths = Vec::new();
        if let Ok(Value::Dict(_, dict)) = self.figment.find_value("") {
            leaves("", &dict, &mut paths);
        }
        for path in paths {
            let origin = self.origin(&path);
            let problem = problem_with(&path);
            self.errors.push(ConfigError { key: path, origin, problem, accepted: String::new() });
        }
    }
}

/// The paths in `dict` that are no key.
fn leaves(prefix: &str, dict: &Dict, unknown: &mut Vec<String>) {
    for (name, value) in dict {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            _ if keys().any(|key| key.path == path) => {}
            Value::Dict(_, inner) => leaves(&path, inner, unknown),
            _ => unknown.push(path),
        }
    }
}

fn problem_with(path: &str) -> String {
    if keys().any(|key| key.path.starts_with(&format!("{path}."))) {
        return "is a section and takes no value itself".to_owned();
    }
    if let Some(provider) = ["twilio", "vonage"].iter().find(|name| path.starts_with(&format!("sms.{name}."))) {
        return format!("{provider} is not built into this version; use `webhook`");
    }
    match nearest(path) {
        Some(key) => format!("is not known; did you mean {} ({})?", key.path, key.variable()),
        None => "is not known; docs/configuration.md lists every key".to_owned(),
    }
}

/// The key that is spelt most alike, if it is alike enough to be meant.
fn nearest(path: &str) -> Option<&'static Key> {
    let wrong = |key: &&Key| strsim::damerau_levenshtein(key.path, path);
    // The right key in a wrong section is as likely as a slip of the fingers.
    let name = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    keys()
        .min_by_key(wrong)
        .filter(|key| wrong(key) <= (path.len() / 4).max(2))
        .or_else(|| keys().find(|key| name(key.path) == name(path)))
}

fn read(path: &Path) -> Result<toml::Table, ConfigError> {
    let failed = |problem: String| ConfigError {
        key: String::new(),
        origin: Origin::File(path.to_owned()),
        problem,
        accepted: String::new(),
    };
    let text = std::fs::read_to_string(path).map_err(|error| failed(format!("cannot be read: {error}")))?;
    // The whole message would quote the line, and the line may hold a secret.
    text.parse().map_err(|error: toml::de::Error| {
        let at = error.span().map_or(0, |span| span.start);
        let line = text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
        failed(format!("line {line} is not TOML: {}", error.message().lines().next().unwrap_or_default()))
    })
}

/// The variables that are ours, as a nested dictionary of texts.
struct Environment(Dict);

impl Environment {
    fn of(env: impl Iterator<Item = (String, String)>) -> Self {
        let mut dict = Dict::new();
        for (name, value) in env.filter(|(_, value)| !value.is_empty()) {
            let Some(rest) = name.strip_prefix("STEPGATE_").filter(|_| !is_foreign(&name)) else { continue };
            let path = rest.to_ascii_lowercase();
            put(&mut dict, &path.split("__").collect::<Vec<_>>(), value);
        }
        Environment(dict)
    }
}

fn is_foreign(name: &str) -> bool {
    FOREIGN.iter().any(|foreign| if foreign.ends_with('_') { name.starts_with(foreign) } else { name == *foreign })
}

fn put(dict: &mut Dict, path: &[&str], value: String) {
    match path {
        [] => {}
        [name] => {
            // A variable for a whole section loses against those for its keys; it is unknown either way.
            dict.entry((*name).to_owned()).or_insert_with(|| Value::from(value));
        }
        [name, rest @ ..] => {
            let entry = dict.entry((*name).to_owned()).or_insert_with(|| Value::from(Dict::new()));
            if !matches!(entry, Value::Dict(..)) {
                *entry = Value::from(Dict::new());
            }
            if let Value::Dict(_, inner) = entry {
                put(inner, rest, value);
            }
        }
    }
}

impl Provider for Environment {
    fn metadata(&self) -> Metadata {
        Metadata::named(ENVIRONMENT)
    }

    fn data(&self) -> figment::error::Result<Map<Profile, Dict>> {
        Ok(Map::from([(Profile::Default, self.0.clone())]))
    }
}

/// A list as it stands in a variable: a JSON or TOML array.
pub(super) fn array(text: &str) -> Option<Value> {
    if let Ok(list) = serde_json::from_str::<Vec<serde_json::Value>>(text) {
        return Value::serialize(list).ok();
    }
    let mut table: toml::Table = format!("list = {text}").parse().ok()?;
    match table.remove("list") {
        Some(list @ toml::Value::Array(_)) if table.is_empty() => Value::serialize(list).ok(),
        _ => None,
    }
}

/// Whether a text from the environment has to be read as something else first.
pub(super) fn is_list(kind: Kind) -> bool {
    matches!(kind, Kind::List(_) | Kind::Tables(_))
}
