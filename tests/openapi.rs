//! The committed OpenAPI document is current, valid and whole.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use stepgate::http::Mount;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn document() -> Value {
    serde_json::to_value(stepgate::http::document(&Mount::usual())).unwrap()
}

/// Every operation, by method and path.
fn operations(document: &Value) -> BTreeMap<(String, String), &Value> {
    let paths = document["paths"].as_object().unwrap();
    let each = paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().unwrap();
        let named = item.iter().filter(|(method, _)| METHODS.contains(&method.as_str()));
        named.map(|(method, operation)| ((method.clone(), path.clone()), operation))
    });
    each.collect()
}

#[test]
fn the_committed_document_is_current() {
    let path = root().join("docs/openapi.json");
    let text = format!("{}\n", serde_json::to_string_pretty(&stepgate::http::document(&Mount::usual())).unwrap());
    if std::env::var_os("STEPGATE_BLESS").is_some_and(|value| value == "1") {
        fs::write(path, text).unwrap();
        return;
    }
    let committed = fs::read_to_string(path).unwrap_or_default();
    // Not assert_eq: two documents of a hundred kilobytes help nobody.
    assert!(committed == text, "docs/openapi.json is stale; run STEPGATE_BLESS=1 cargo test --test openapi");
}

/// Against the JSON Schema that the OpenAPI Initiative publishes for 3.1 (under Apache 2.0; `tests/openapi/schema-3.1.json`
/// is its edition of 2021-04-15, unchanged).
#[test]
fn it_is_valid_openapi() {
    let schema = fs::read_to_string(root().join("tests/openapi/schema-3.1.json")).unwrap();
    let validator = jsonschema::draft202012::new(&serde_json::from_str(&schema).unwrap()).unwrap();
    let document = document();
    let faults: Vec<String> =
        validator.iter_errors(&document).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    let mut without_title = document.clone();
    without_title["info"].as_object_mut().unwrap().remove("title");
    assert!(!validator.is_valid(&without_title), "the schema lets everything through");
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut references = Vec::new();
    collect(&document, "$ref", &mut references);
    assert!(references.len() > 100);
    for reference in references {
        let pointer = reference.as_str().unwrap().strip_prefix('#').expect("a reference within the document");
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

fn collect<'a>(value: &'a Value, member: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get(member));
            members.values().for_each(|value| collect(value, member, found));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, member, found)),
        _ => {}
    }
}

#[test]
fn every_operation_is_named_once_and_described() {
    let document = document();
    let mut names = BTreeSet::new();
    for ((method, path), operation) in operations(&document) {
        let name = operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path} has no name"));
        assert!(names.insert(name.to_owned()), "{name} is the name of two operations");
        assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{method} {path}");
        assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{method} {path}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{method} {path} never succeeds");
    }
}

/// The exceptions: what is asked by machines that look at the status only has a body of its own, and so has a surface
/// whose clients know another form.
#[test]
fn every_refusal_is_a_problem() {
    let document = document();
    for ((method, path), operation) in operations(&document) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            if status.starts_with('2') || path == "/health/ready" {
                continue;
            }
            let kinds: Vec<&String> = response["content"].as_object().unwrap().keys().collect();
            let expected: &[&str] = match operation["tags"][0].as_str() {
                // An envelope of its own.
                Some("flexi") => &["application/xml", "application/json"],
                Some("navixy") => &["application/json"],
                _ => &["application/problem+json"],
            };
            assert_eq!(kinds, expected, "{method} {path} {status}");
        }
    }
}

/// Parameters in braces are declared, and nothing else is declared as one.
#[test]
fn every_path_parameter_is_declared() {
    let document = document();
    for ((method, path), operation) in operations(&document) {
        let braced: BTreeSet<&str> =
            path.split('{').skip(1).map(|rest| rest.split('}').next().unwrap_or_default()).collect();
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let declared: BTreeSet<&str> = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        assert_eq!(braced, declared, "{method} {path}");
    }
}

#[test]
fn whoever_needs_a_token_says_so() {
    let document = document();
    let schemes = document["components"]["securitySchemes"].as_object().unwrap();
    for ((method, path), operation) in operations(&document) {
        let wanted = match path.as_str() {
            path if path.starts_with("/admin/") => Some("operator"),
            "/v2/panel/account/auth" | "/api/oauth2/token" => None,
            path if path.starts_with("/v2/panel/") => Some("panel"),
            "/api/v2/my/2fa/google" | "/api/v2/my/2fa/sms" | "/api/v2/my/2fa/email" | "/api/v2/my/2fa/recovery" => None,
            "/api/v2/my/2fa/unauthorized/challenge" => None,
            // With the access token if the challenge was started with one.
            "/api/v2/my/2fa/challenge" if method == "post" => None,
            path if path.starts_with("/api/v2/my/2fa") || path.starts_with("/api/v2/my/sessions") => Some("bearer"),
            path if path.starts_with("/api/v2/my/devices") => Some("bearer"),
            "/api/v2/my/signout" | "/api/v2/my/password" => Some("bearer"),
            path if path.starts_with("/api/v1/users") => Some("bearer"),
            path if path.starts_with("/u/") => Some("basic"),
            // Both keys of a client; the first one by the alphabet.
            path if path.starts_with("/api/totp/") => Some("access_key"),
            _ => continue,
        };
        let declared = operation["security"][0].as_object();
        let declares = |scheme: &str| declared.is_some_and(|declared| declared.contains_key(scheme));
        assert!(wanted.map_or(declared.is_none(), declares), "{method} {path}: {declared:?}");
        assert!(wanted.is_none_or(|scheme| schemes.contains_key(scheme)));
    }
}

/// Every handler in the sources is in the document and nothing else is. What only a developer's machine has is not.
#[test]
fn every_route_is_in_the_document() {
    let scopes = [
        ("src/http/wizard", "/api/v2/my"),
        ("src/http/admin", "/admin/v1"),
        ("src/http/flexi", "/u"),
        ("src/http/veeam", "/api"),
        ("src/http/navixy", "/v2/panel"),
        ("src/http/mfao", "/api/totp"),
        ("src/http", ""),
    ];
    let mut written = BTreeSet::new();
    for file in sources("src/http") {
        let name = file.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        if name.starts_with("src/http/dev/") {
            continue;
        }
        let source = fs::read_to_string(&file).unwrap();
        for way in [".route(", "web::resource(", "web::scope("] {
            assert!(!source.contains(way), "{name} registers a route that the document cannot know: {way}");
        }
        let scope = scopes.iter().find(|(folder, _)| name.starts_with(folder)).unwrap().1;
        for method in METHODS {
            let attribute = format!("\n#[{method}(\"");
            // An ending that only says how to answer is no part of the documented path.
            let paths = source.split(&attribute).skip(1).map(|rest| rest.split(['"', ':']).next().unwrap());
            let paths = paths.map(|path| path.trim_end_matches("{ending"));
            written.extend(paths.map(|path| (method.to_owned(), format!("{scope}{path}"))));
        }
    }
    let document = document();
    let documented: BTreeSet<(String, String)> = operations(&document).into_keys().collect();
    assert!(written.len() > 25, "{written:?}");
    assert_eq!(documented, written);
}

fn sources(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }
    found
}

/// What an answer carries is described where it carries it.
#[test]
fn the_headers_of_refusals_are_described() {
    let document = document();
    for ((method, path), operation) in operations(&document) {
        let surface = operation["tags"][0].as_str().unwrap();
        for (status, response) in operation["responses"].as_object().unwrap() {
            if status.starts_with('2') || path == "/health/ready" {
                continue;
            }
            let has = |name: &str| response["headers"][name].is_object();
            let said = |name: &str, wanted: bool| assert_eq!(has(name), wanted, "{method} {path} {status}: {name}");
            said("Content-Language", !matches!(surface, "flexi" | "navixy"));
            said("WWW-Authenticate", status == "401");
            said("Retry-After", matches!(status.as_str(), "429" | "503"));
        }
    }
    let token = &document["paths"]["/api/oauth2/token"]["post"]["responses"]["200"];
    assert!(token["headers"]["Pragma"].is_object());
}

#[test]
fn surfaces_without_wizards_do_not_speak_of_them() {
    let document = document();
    for ((method, path), operation) in operations(&document) {
        if matches!(operation["tags"][0].as_str().unwrap(), "veeam" | "mfao" | "flexi" | "navixy") {
            let said = operation["responses"].to_string();
            assert!(!said.contains("wizard"), "{method} {path}: {said}");
        }
        if path.starts_with("/api/totp/") {
            let said = operation["responses"]["401"]["description"].as_str().unwrap();
            assert!(said.contains("keys"), "{method} {path}: {said}");
        }
    }
}

/// `null` is refused where something may only be left out.
#[test]
fn a_body_that_may_be_left_out_may_not_be_null() {
    let document = document();
    for ((method, path), operation) in operations(&document) {
        let Some(body) = operation.get("requestBody") else { continue };
        assert!(!body["content"].to_string().contains("\"null\""), "{method} {path}: {body}");
    }
    let body = &document["paths"]["/api/v1/users/{id}/enableMfa"]["post"]["requestBody"];
    assert_eq!(body["content"]["application/json"]["schema"]["$ref"], "#/components/schemas/EnableMfa");
    assert_ne!(body["required"], true);
    let verify = &document["components"]["schemas"]["Verify"];
    assert_eq!(verify["properties"]["otp"]["type"], "string");
    assert_eq!(verify["required"], serde_json::json!(["username"]));
}
