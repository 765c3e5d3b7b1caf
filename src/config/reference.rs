use serde_json::{Map, Value, json};

use super::key::{Fallback, Key, Kind};
use super::source::array;
use super::{KEYS, keys};

/// `docs/configuration.md`, written from [`KEYS`].
pub fn reference() -> String {
    let mut page = String::from(
        "# Configuration\n\n\
         Written from `src/config` by `STEPGATE_BLESS=1 cargo test --test config`; do not edit.\n\n\
         Values come from a TOML file (`--config`) and from the environment, which wins. An empty variable counts as\n\
         unset. In the environment a list is a JSON or TOML array, such as `[\"webhook\", \"outbox\"]`. An unknown key or a\n\
         bad value stops the start, and all of them are reported at once. Without any configuration the server runs in\n\
         dev mode on loopback. `docs/stepgate.schema.json` describes the file for editors.\n",
    );
    for section in KEYS {
        let title = if section.name.is_empty() { "Top level".to_owned() } else { format!("`[{}]`", section.name) };
        page.push_str(&format!("\n## {title}\n\n{}\n\n", section.about));
        page.push_str("| key | environment | default | accepted | meaning |\n|---|---|---|---|---|\n");
        for key in section.keys {
            page.push_str(&row(key));
        }
        for key in section.keys {
            page.push_str(&members(key));
        }
    }
    page
}

/// What each entry of a list of tables may hold.
fn members(key: &Key) -> String {
    let Kind::Tables(members) = key.kind else { return String::new() };
    let mut list = format!("\nAn entry of `{}` has\n\n", key.path);
    for member in members {
        let (name, accepted) = (member.path, member.accepted());
        let default = match member.fallback {
            Fallback::Value(_) => format!("default {}", default_in_words(member)),
            Fallback::Computed(_) | Fallback::Unset => "optional".to_owned(),
            Fallback::Needed => "needed".to_owned(),
        };
        list.push_str(&format!("- `{name}` ({accepted}; {default}): {}\n", member.meaning));
    }
    list
}

fn default_in_words(key: &Key) -> String {
    match key.fallback {
        Fallback::Value(text) => format!("`{text}`"),
        Fallback::Computed(words) => words.to_owned(),
        Fallback::Unset => "not set".to_owned(),
        Fallback::Needed => "must be set".to_owned(),
    }
}

fn row(key: &Key) -> String {
    let default = default_in_words(key);
    let cell = |text: &str| text.replace('|', "\\|");
    let (accepted, meaning) = (cell(&key.accepted()), cell(key.meaning));
    format!("| `{}` | `{}` | {} | {accepted} | {meaning} |\n", key.path, key.variable(), cell(&default))
}

/// `docs/stepgate.schema.json`: the file as JSON Schema (2020-12), written from [`KEYS`].
pub fn json_schema() -> Value {
    let mut root = Map::new();
    for key in keys() {
        let mut place = &mut root;
        let mut names = key.path.split('.').peekable();
        while let Some(name) = names.next() {
            if names.peek().is_none() {
                place.insert(name.to_owned(), schema_of(key));
                break;
            }
            let section = place
                .entry(name)
                .or_insert_with(|| json!({ "type": "object", "properties": {}, "additionalProperties": false }));
            match section.get_mut("properties").and_then(Value::as_object_mut) {
                Some(inner) => place = inner,
                None => break,
            }
        }
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "stepgate.toml",
        "type": "object",
        "properties": root,
        "additionalProperties": false,
    })
}

fn schema_of(key: &Key) -> Value {
    let mut schema = match key.kind {
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Integer(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Kind::Duration(..) | Kind::Text(_) => json!({ "type": "string" }),
        Kind::Choice(words) => json!({ "enum": words }),
        Kind::List(_) => json!({ "type": "array", "items": { "type": "string" } }),
        Kind::Tables(members) => json!({ "type": "array", "items": table(members) }),
    };
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), format!("{} Accepted: {}.", key.meaning, key.accepted()).into());
        if let Some(default) = default_of(key) {
            schema.insert("default".to_owned(), default);
        }
    }
    schema
}

fn table(members: &[Key]) -> Value {
    let properties: Map<String, Value> =
        members.iter().map(|member| (member.path.to_owned(), schema_of(member))).collect();
    let needed: Vec<&str> =
        members.iter().filter(|member| member.fallback == Fallback::Needed).map(|member| member.path).collect();
    json!({ "type": "object", "properties": properties, "required": needed, "additionalProperties": false })
}

fn default_of(key: &Key) -> Option<Value> {
    let Fallback::Value(text) = key.fallback else { return None };
    match key.kind {
        Kind::Flag => Some(Value::Bool(text == "true")),
        Kind::Integer(..) => text.parse::<u64>().ok().map(Value::from),
        Kind::List(_) | Kind::Tables(_) => serde_json::to_value(array(text)?).ok(),
        Kind::Duration(..) | Kind::Choice(_) | Kind::Text(_) => Some(text.into()),
    }
}
