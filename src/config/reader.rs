use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::value::{Dict, Value};

use super::error::{ConfigError, ConfigErrors, Origin};
use super::key::{Fallback, Key, Kind};
use super::keys;
use super::source::{Sources, array, is_list};

/// Reads one key after the other and remembers every problem.
pub(super) struct Reader {
    sources: Sources,
}

impl Reader {
    pub fn open(file: Option<&Path>, env: impl Iterator<Item = (String, String)>) -> Self {
        Reader { sources: Sources::open(file, env) }
    }

    pub fn finish(self) -> ConfigErrors {
        ConfigErrors(self.sources.errors)
    }

    /// The value of a key that may be unset; `None` also after an error, which is then remembered.
    pub fn optional<T>(&mut self, path: &str, parse: impl FnOnce(&Setting) -> Result<T, String>) -> Option<T> {
        let key = self.key(path)?;
        let value = self.sources.figment.find_value(path).ok()?;
        self.parse(key, value, parse)
    }

    /// The value of a key or of its fallback; `None` only after an error, which is then remembered.
    pub fn required<T>(&mut self, path: &str, parse: impl FnOnce(&Setting) -> Result<T, String>) -> Option<T> {
        let key = self.key(path)?;
        match (self.sources.figment.find_value(path), key.fallback) {
            (Ok(value), _) => self.parse(key, value, parse),
            (Err(_), Fallback::Value(text)) => self.parse(key, Value::from(text), parse),
            (Err(_), Fallback::Computed(_) | Fallback::Unset | Fallback::Needed) => {
                self.fail(path, "must be set");
                None
            }
        }
    }

    /// Whether anybody has set the key.
    pub fn is_set(&self, path: &str) -> bool {
        self.sources.figment.find_value(path).is_ok()
    }

    /// Remembers a problem that only several values together have, at the key that should change.
    pub fn fail(&mut self, path: &str, problem: impl Into<String>) {
        let accepted = keys().find(|key| key.path == path).map(Key::accepted).unwrap_or_default();
        self.fail_with(path, problem, accepted);
    }

    /// As [`Self::fail`], where something else is accepted than the key says as a whole.
    pub fn fail_with(&mut self, path: &str, problem: impl Into<String>, accepted: String) {
        let origin = self.sources.origin(path);
        let error = ConfigError { key: path.to_owned(), origin, problem: problem.into(), accepted };
        self.sources.errors.push(error);
    }

    pub fn key(&self, path: &str) -> Option<&'static Key> {
        let key = keys().find(|key| key.path == path);
        debug_assert!(key.is_some(), "{path} is read but not in KEYS");
        key
    }

    fn parse<T>(
        &mut self,
        key: &'static Key,
        value: Value,
        parse: impl FnOnce(&Setting) -> Result<T, String>,
    ) -> Option<T> {
        // In the environment, as in a fallback, everything is text.
        let loose = !matches!(self.sources.origin(key.path), Origin::File(_));
        match parse(&Setting { key, value, loose }) {
            Ok(parsed) => Some(parsed),
            Err(problem) => {
                self.fail(key.path, problem);
                None
            }
        }
    }
}

/// One value that somebody has set, or a fallback.
pub(super) struct Setting {
    key: &'static Key,
    value: Value,
    loose: bool,
}

impl Setting {
    /// `loose`: everything is text, and has to be read as what it is.
    pub fn new(key: &'static Key, value: Value, loose: bool) -> Self {
        Setting { key, value, loose }
    }

    pub fn name(&self) -> &'static str {
        self.key.path
    }

    /// # Errors
    /// When the value is not text, or holds a control character.
    pub fn text(&self) -> Result<String, String> {
        let text = self.value.as_str().ok_or("must be text")?;
        if text.chars().any(char::is_control) {
            return Err("must not hold control characters".to_owned());
        }
        Ok(text.to_owned())
    }

    /// The value as an error may show it: cut, escaped, and not at all when it is secret.
    pub fn shown(&self) -> String {
        match self.value.as_str() {
            Some(text) if !self.key.secret => format!("{:?}", text.chars().take(60).collect::<String>()),
            _ => "the value".to_owned(),
        }
    }

    pub fn flag(&self) -> Result<bool, String> {
        match (self.value.to_bool(), self.value.as_str()) {
            (Some(flag), _) => Ok(flag),
            (None, Some("true")) if self.loose => Ok(true),
            (None, Some("false")) if self.loose => Ok(false),
            _ => Err(format!("{} is neither `true` nor `false`", self.shown())),
        }
    }

    pub fn integer(&self) -> Result<u64, String> {
        let Kind::Integer(least, most) = self.key.kind else { return Err("is not a number".to_owned()) };
        let typed = self.value.to_i128().or_else(|| self.value.to_u128().and_then(|n| i128::try_from(n).ok()));
        let number = match self.value.as_str() {
            Some(text) if self.loose => text.trim().parse().ok(),
            _ => typed,
        };
        let number = number.ok_or_else(|| format!("{} is not a whole number", self.shown()))?;
        match u64::try_from(number) {
            Ok(number) if (least..=most).contains(&number) => Ok(number),
            _ => Err(format!("{number} is out of bounds")),
        }
    }

    /// An integer whose bounds fit into `T`.
    pub fn number<T: TryFrom<u64>>(&self) -> Result<T, String> {
        T::try_from(self.integer()?).map_err(|_| "is out of bounds".to_owned())
    }

    pub fn duration(&self) -> Result<Duration, String> {
        let Kind::Duration(least, most) = self.key.kind else { return Err("is not a duration".to_owned()) };
        let text = self.text().map_err(|_| "must be a duration in quotes, with its unit".to_owned())?;
        within(&text, least, most)
    }

    /// The chosen one of the key's words.
    pub fn choice(&self) -> Result<&'static str, String> {
        let Kind::Choice(words) = self.key.kind else { return Err("is not a choice".to_owned()) };
        let text = self.text()?;
        words.iter().find(|word| **word == text).copied().ok_or_else(|| format!("{} is none of them", self.shown()))
    }

    /// The texts of an array, each without control characters; at most 1,000 of them.
    pub fn list(&self) -> Result<Vec<String>, String> {
        let items = self.items().ok_or("must be an array, such as [\"one\", \"two\"]")??;
        let text = |item: &Value| match item.as_str() {
            Some(text) if !text.chars().any(char::is_control) => Ok(text.to_owned()),
            _ => Err("every entry must be text without control characters".to_owned()),
        };
        items.iter().map(text).collect()
    }

    pub fn tables(&self) -> Result<Vec<Dict>, String> {
        let items = self.items().ok_or("must be an array of tables")??;
        let dict = |item: &Value| item.as_dict().cloned().ok_or_else(|| "every entry must be a table".to_owned());
        items.iter().map(dict).collect()
    }

    /// The entries of an array, if it is one and not too long.
    fn items(&self) -> Option<Result<Vec<Value>, String>> {
        let written = match self.value.as_str() {
            Some(text) if self.loose && is_list(self.key.kind) => array(text),
            _ => None,
        };
        let items = written.as_ref().unwrap_or(&self.value).as_array()?;
        Some(if items.len() > 1_000 { Err("has more than 1,000 entries".to_owned()) } else { Ok(items.to_vec()) })
    }

    /// A list whose entries are each parsed; the first bad one is named by its place.
    pub fn each<T>(&self, parse: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
        let parse =
            |(at, text): (usize, &String)| parse(text).map_err(|problem| format!("entry {}: {problem}", at + 1));
        self.list()?.iter().enumerate().map(parse).collect()
    }

    /// A file that exists.
    pub fn file(&self) -> Result<PathBuf, String> {
        let path = PathBuf::from(self.text()?);
        if path.is_file() { Ok(path) } else { Err(format!("{} is no file that can be read", self.shown())) }
    }

    /// A folder that exists.
    pub fn folder(&self) -> Result<PathBuf, String> {
        let path = PathBuf::from(self.text()?);
        if path.is_dir() { Ok(path) } else { Err(format!("{} is no folder that can be read", self.shown())) }
    }
}

/// A duration within bounds that are themselves written as durations.
pub(super) fn within(text: &str, least: &str, most: &str) -> Result<Duration, String> {
    let parse = |text: &str| humantime::parse_duration(text.trim());
    let duration = parse(text).map_err(|error| format!("{text:?} is not a duration: {error}"))?;
    let fits = parse(least).is_ok_and(|least| duration >= least) && parse(most).is_ok_and(|most| duration <= most);
    if fits { Ok(duration) } else { Err(format!("{text:?} is out of bounds")) }
}
