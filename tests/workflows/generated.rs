//! Drawings and the JSON Schema are committed, and never stale.

use std::collections::BTreeSet;
use std::fs;

use stepgate::workflow::{Catalogue, Format, schema};

use crate::{expect, root, sources};

#[test]
fn diagrams_are_those_of_the_shipped_files() {
    let folder = root().join("workflows/diagrams");
    let mut stale = Vec::new();
    let mut made = BTreeSet::new();
    let catalogue = Catalogue::shipped().unwrap();
    for workflow in catalogue.iter() {
        for (format, ending) in [(Format::Mermaid, "mmd"), (Format::Dot, "dot")] {
            let name = format!("{}.{ending}", workflow.name);
            stale.extend(expect(&folder.join(&name), &catalogue.graph(&workflow.name, format).unwrap()).err());
            made.insert(name);
        }
    }
    assert!(stale.is_empty(), "{}", stale.join("\n"));
    let there: BTreeSet<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(there, made, "drawings of workflows that there are not");
}

#[test]
fn the_schema_is_that_of_the_vocabulary() {
    let text = format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap());
    expect(&root().join("workflows/schema.json"), &text).unwrap();
}

#[test]
fn every_file_that_loads_is_valid_under_the_schema() {
    let validator = jsonschema::draft202012::new(&schema()).unwrap();
    jsonschema::draft202012::meta::validate(&schema()).unwrap();
    for folder in ["workflows", "tests/workflows/valid"] {
        for (name, source) in sources(folder) {
            let file = serde_json::to_value(toml::from_str::<toml::Table>(&source).unwrap()).unwrap();
            let faults: Vec<String> =
                validator.iter_errors(&file).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
            assert!(faults.is_empty(), "{name}: {faults:?}");
        }
    }
}

/// Faults of form are the schema's to find, in an editor; faults of meaning are the proof's.
#[test]
fn faults_of_form_are_faults_under_the_schema_too() {
    let validator = jsonschema::draft202012::new(&schema()).unwrap();
    let of_form = [
        "header",
        "factor_missing",
        "factor_at_sign_in",
        "unknown_action",
        "unknown_key",
        "unknown_attribute",
        "missing_edge",
        "impossible_edge",
        "bad_name",
        "empty_list",
        "bad_types",
        "bad_prefix",
        "no_resend",
    ];
    for name in of_form {
        let source = fs::read_to_string(root().join(format!("tests/workflows/invalid/{name}.toml"))).unwrap();
        let file = serde_json::to_value(toml::from_str::<toml::Table>(&source).unwrap()).unwrap();
        assert!(!validator.is_valid(&file), "{name}");
    }
}
