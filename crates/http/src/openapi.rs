//! The OpenAPI 3.1 document of an API, generated from the same declarations as the router.

mod envelope;
mod other_response;
mod schema;

use scopes::Scope;
use serde_json::{Map, Value, json};

use crate::{
    endpoints::{Api, Document, Media, Operation},
    request::{Access, Charge, MediaType, Parameter, json_media_types},
};
use envelope::envelope_schemas;
use other_response::{capitalized, other_responses};
pub use schema::{enum_schema, nullable_enum_schema};

/// Returns the OpenAPI document of this API.
#[must_use]
pub fn document(api: &Api) -> Value {
    let mut paths = Map::new();
    for operation in &api.operations {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method.as_str().to_lowercase()] = describe(operation);
    }
    let scopes: Map<String, Value> =
        Scope::ALL.iter().map(|scope| (scope.name().to_owned(), json!(scope.description()))).collect();
    let named = |(name, schema): (&str, Value)| (name.to_owned(), schema);
    let schemas: Map<String, Value> = (api.schemas)()
        .into_iter()
        .map(named)
        .chain(envelope_schemas().into_iter().map(named))
        .chain(api.operations.iter().filter_map(request_schema))
        .chain(api.operations.iter().flat_map(error_schemas))
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": api.title,
            "version": api.version,
            "description": api.description,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "This installation." }],
        "paths": paths,
        "webhooks": (api.webhooks)(),
        "components": {
            "securitySchemes": {
                "serviceAccount": {
                    "type": "oauth2",
                    "flows": { "clientCredentials": { "tokenUrl": api.token_path, "scopes": scopes } },
                },
            },
            "schemas": schemas,
        },
    })
}

fn describe(operation: &Operation) -> Value {
    let document = (operation.document)();
    let mut parameters = path_parameters(operation.path);
    parameters.extend(document.query.iter().map(parameter));
    parameters.extend(header_parameters(operation, &document));
    let mut described = json!({
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": operation.description,
        "parameters": parameters,
        "responses": responses(operation, &document),
    });
    if let Some(request) = &document.request {
        let body = if request.is_bytes() {
            media(request)
        } else {
            json!({ "schema": request_schema_reference(operation), "example": request.example })
        };
        let mut content = Map::new();
        let media_types = if request.is_bytes() { &[ANY_BYTES] } else { json_media_types(&operation.method) };
        for media_type in media_types {
            content.insert((*media_type).to_owned(), body.clone());
        }
        if operation.access == Access::Public {
            content.insert("application/x-www-form-urlencoded".to_owned(), body);
        }
        described["requestBody"] = json!({ "required": true, "content": content });
    }
    described["security"] = match operation.access {
        Access::Scope(scope) => json!([{ "serviceAccount": [scope.name()] }]),
        Access::Public | Access::Unmatched | Access::UnmatchedPage | Access::Permission(_) | Access::SignedIn => {
            json!([])
        }
    };
    described
}

/// Returns the name and the schema of each error that the operation responds with.
fn error_schemas(operation: &Operation) -> Vec<(String, Value)> {
    let others = other_responses(operation, &(operation.document)());
    others.iter().filter(|other| !other.codes.is_empty()).map(|other| (other.schema_name(), other.schema())).collect()
}

/// Returns the name and the schema of the operation's request body. It has a name of its own, because generators of
/// clients make one type of each schema, and a body can be sent in several media types.
fn request_schema(operation: &Operation) -> Option<(String, Value)> {
    let request = (operation.document)().request.filter(|request| !request.is_bytes())?;
    Some((request_schema_name(operation), request.schema))
}

fn request_schema_reference(operation: &Operation) -> Value {
    json!({ "$ref": format!("#/components/schemas/{}", request_schema_name(operation)) })
}

fn request_schema_name(operation: &Operation) -> String {
    format!("{}Request", capitalized(operation.id))
}

/// The media type in the document of request bodies that may have any. A client sends it unless it knows the type of its
/// bytes.
const ANY_BYTES: &str = "application/octet-stream";

fn media(media: &Media) -> Value {
    json!({ "schema": media.schema, "example": media.example })
}

fn path_parameters(path: &str) -> Vec<Value> {
    path.split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect()
}

fn parameter(parameter: &Parameter) -> Value {
    let mut described = json!({
        "name": parameter.name,
        "in": if parameter.is_header { "header" } else { "query" },
        "description": parameter.description,
        "schema": parameter.schema,
    });
    if parameter.required {
        described["required"] = json!(true);
    }
    if parameter.schema["type"] == "array" {
        described["style"] = json!("form");
        described["explode"] = json!(false);
        described["description"] = json!(format!("{} {}", parameter.description, parameter.separators));
    }
    described
}

/// The regular expression (ECMA-262) of the values of `If-Match`: entity tags, or any.
const ENTITY_TAGS: &str = r#"^(?:\*|(?:W/)?"[!#-+\--~]*"(?: *, *(?:W/)?"[!#-+\--~]*")*)$"#;

fn header_parameters(operation: &Operation, document: &Document) -> Vec<Value> {
    let header = |name: &str, description: &str| json!({ "name": name, "in": "header", "description": description, "schema": { "type": "string" } });
    let mut headers = Vec::new();
    if operation.charge == Charge::Write {
        let mut key = header(
            "Idempotency-Key",
            "Makes the request safe to retry: repeating it with the same key returns the first response, without a second effect.",
        );
        key["schema"] = json!({ "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" });
        headers.push(key);
    }
    if document.errors.contains(&412) {
        let mut tags = header(
            "If-Match",
            "The `ETag` of the record as it was last read. The request fails with 412 if the record has changed since.",
        );
        tags["schema"] = json!({ "type": "string", "minLength": 1, "pattern": ENTITY_TAGS });
        headers.push(tags);
    }
    if document.errors.contains(&304) {
        headers.push(header(
            "If-None-Match",
            "The `ETag` of the record as it was last read. The response is 304 if the record is unchanged.",
        ));
    }
    headers
}

fn responses(operation: &Operation, document: &Document) -> Value {
    let mut responses = Map::new();
    let mut success = json!({
        "description": "The request succeeded.",
        "headers": headers(operation, document.response_headers),
    });
    if !document.response.schema.is_null() {
        let default = operation.media_types.first().unwrap_or(&MediaType::Json);
        success["content"] = json!({ default.as_str(): media(&document.response) });
    }
    if let Some(line) = &document.line {
        success["content"][MediaType::NdJson.as_str()] = media(line);
    }
    if document.status == 201 {
        success["description"] = json!("The record was created.");
    }
    let success_content = success["content"].clone();
    responses.insert(document.status.to_string(), success);
    for other in other_responses(operation, document) {
        let mut response = json!({
            "description": other.description,
            "headers": headers(operation, status_headers(other.status)),
        });
        if other.status == 206 {
            response["content"] = success_content.clone();
        } else if !other.codes.is_empty() {
            response["content"] = json!({ "application/json": other.media() });
        }
        responses.insert(other.status.to_string(), response);
    }
    responses.into()
}

/// The headers of responses with this status, in addition to those that every response has.
fn status_headers(status: u16) -> &'static [&'static str] {
    match status {
        206 | 416 => &["Content-Range"],
        429 | 503 => &["Retry-After"],
        _ => &[],
    }
}

fn headers(operation: &Operation, additional: &[&str]) -> Value {
    let limits: &[&str] = match operation.access {
        Access::Scope(_) | Access::Permission(_) | Access::SignedIn => {
            &["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "X-RateLimit-Bucket"]
        }
        Access::Public | Access::Unmatched | Access::UnmatchedPage => &[],
    };
    let described: Map<String, Value> = ["X-Request-Id"]
        .iter()
        .chain(limits)
        .chain(additional)
        .map(|name| ((*name).to_owned(), json!({ "schema": { "type": "string" } })))
        .collect();
    described.into()
}
