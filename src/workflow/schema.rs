//! The file format as a JSON Schema (draft 2020-12), for editors. Derived from the same grammar that the loader reads by.

use serde_json::{Map, Value as Json, json};

use crate::identity::Factor;

use super::Purpose;
use super::load::grammar::{Form, Kind, Value};

/// The schema of a workflow file. A file that loads is valid under it; whether a valid one is safe, the proof says.
pub fn schema() -> Json {
    let tables = Kind::ALL.map(|kind| {
        let form = json!({ "$ref": format!("#/$defs/{}", kind.table()) });
        let names = json!({ "pattern": "^[a-z0-9_]{1,64}$" });
        (kind.table(), json!({ "type": "object", "propertyNames": names, "additionalProperties": form }))
    });
    let mut properties = header();
    properties.extend(tables.map(|(table, schema)| (table.to_owned(), schema)));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Stepgate workflow",
        "type": "object",
        "properties": properties,
        "required": ["schema", "title", "purpose", "lifetime", "start", "cancel"],
        "additionalProperties": false,
        "if": { "properties": { "purpose": { "enum": ["enable", "disable"] } } },
        "then": { "required": ["factor"] },
        "else": { "not": { "required": ["factor"] } },
        "$defs": definitions(),
    })
}

fn header() -> Map<String, Json> {
    let place = |what: &str| json!({ "$ref": "#/$defs/name", "description": what });
    let keys = [
        ("schema", json!({ "const": super::load::SCHEMA, "description": "The version of this format." })),
        ("title", text("What people call it.")),
        ("purpose", json!({ "enum": Purpose::WORDS, "description": "What a wizard may end in." })),
        (
            "factor",
            json!({ "enum": Factor::ALL.map(Factor::as_str), "description": "The factor to enable or disable." }),
        ),
        ("lifetime", text("How long a wizard lives from its start, from \"1m\" to \"24h\".")),
        ("enabled", json!({ "type": "boolean", "default": true, "description": "Whether new wizards may start." })),
        ("start", place("The first step.")),
        ("cancel", place("The end that cancelling leads to. It grants nothing.")),
    ];
    keys.into_iter().map(|(key, schema)| (key.to_owned(), schema)).collect()
}

fn definitions() -> Map<String, Json> {
    let mut definitions = Map::new();
    let name = json!({ "type": "string", "pattern": "^[a-z0-9_]{1,64}$", "description": "The name of a step." });
    definitions.insert("name".to_owned(), name);
    for kind in Kind::ALL {
        let mut forms: Vec<Json> = kind.forms().iter().map(|form| table(kind, form)).collect();
        let one = if forms.len() == 1 { forms.remove(0) } else { json!({ "oneOf": forms }) };
        definitions.insert(kind.table().to_owned(), one);
    }
    definitions
}

fn table(kind: Kind, form: &Form) -> Json {
    let mut properties = Map::new();
    let mut required = Vec::new();
    if let Some(key) = kind.key() {
        properties.insert(key.to_owned(), json!({ "const": form.word }));
        required.push(key);
    }
    for attribute in &form.attributes {
        properties.insert(attribute.key.to_owned(), value(&attribute.value));
        if attribute.required {
            required.push(attribute.key);
        }
    }
    for outcome in &form.outcomes {
        properties.insert(outcome.as_str().to_owned(), value(&Value::Target));
        required.push(outcome.as_str());
    }
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

fn value(value: &Value) -> Json {
    let list = |items: Json| json!({ "type": "array", "items": items, "minItems": 1 });
    match value {
        Value::OneOf(words) => json!({ "enum": words }),
        Value::Text => json!({ "type": "string", "pattern": "\\S" }),
        Value::Texts => list(json!({ "type": "string", "pattern": "\\S" })),
        Value::Prefixes => list(json!({ "type": "string", "pattern": "^\\+[0-9]{1,15}$" })),
        Value::Target => json!({ "$ref": "#/$defs/name" }),
        Value::Targets => {
            let name = json!({ "$ref": "#/$defs/name" });
            json!({ "oneOf": [name, list(name.clone())] })
        }
    }
}

fn text(what: &str) -> Json {
    json!({ "type": "string", "pattern": "\\S", "description": what })
}
