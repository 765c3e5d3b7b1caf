use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{Schema, SchemaType, Type};
use utoipa::openapi::{Content, OpenApi, RefOr, Response};

/// What the handlers' own types leave open: an unambiguous name for every operation, and a description for every answer
/// (OpenAPI 3.1 §4.8.17 wants one). A body that may be left out is not one that may be `null`.
pub fn finish(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            // Handlers of different modules have the same names; method and path are never the same.
            operation.operation_id = Some(operation_id(method, path));
            if let Some(RefOr::T(body)) = &mut operation.request_body {
                body.content.values_mut().for_each(without_null);
            }
            for (status, response) in &mut operation.responses.responses {
                if let RefOr::T(response) = response {
                    describe(status, response);
                }
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let all = [
        ("get", &mut item.get),
        ("post", &mut item.post),
        ("put", &mut item.put),
        ("patch", &mut item.patch),
        ("delete", &mut item.delete),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// The types have one word for both.
fn without_null(content: &mut RefOr<Content>) {
    let RefOr::T(Content { schema, .. }) = content else { return };
    let Some(RefOr::T(Schema::OneOf(either))) = schema else { return };
    let null = SchemaType::from(Type::Null);
    either.items.retain(|item| !matches!(item, RefOr::T(Schema::Object(object)) if object.schema_type == null));
    if let [one] = &either.items[..] {
        *schema = Some(one.clone());
    }
}

fn describe(status: &str, response: &mut Response) {
    if response.description.is_empty() {
        response.description = match status {
            "201" => "Made.",
            "202" => "The wizard is complete.",
            "204" => "Done; no body.",
            "503" => "Not able to serve now.",
            _ => "As asked.",
        }
        .to_owned();
    }
}

/// `GET /api/v2/my/2fa/{type}` becomes `get2faByType`.
fn operation_id(method: &str, path: &str) -> String {
    let path = path.trim_start_matches("/api/v2/my");
    let parts = path.split(['/', '.', '-']).filter(|part| !part.is_empty());
    parts.fold(method.to_owned(), |id, part| {
        let (by, name) = match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) => ("By", name),
            None => ("", part),
        };
        let (first, rest) = name.split_at(name.len().min(1));
        format!("{id}{by}{}{rest}", first.to_uppercase())
    })
}

#[cfg(test)]
mod tests {
    use super::operation_id;

    #[test]
    fn an_operation_is_named_after_its_method_and_path() {
        assert_eq!(operation_id("get", "/api/v2/my/2fa/{type}/enable/wizard"), "get2faByTypeEnableWizard");
        assert_eq!(operation_id("delete", "/admin/v1/accounts/{id}"), "deleteAdminV1AccountsById");
        assert_eq!(operation_id("get", "/.well-known/jwks.json"), "getWellKnownJwksJson");
    }
}
