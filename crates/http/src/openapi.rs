//! The API's document, OpenAPI 3.1, made of the same declarations that the router is made of.

use std::sync::LazyLock;

use bytes::Bytes;
use scopes::Scope;
use serde_json::{Map, Value, json};

use crate::{
    accept::Format,
    notices,
    operation::{Access, Charge, Document, Media, Operation},
    query::Parameter,
    routes::{OPERATIONS, components},
};

/// The document, indented for people.
#[must_use]
pub fn openapi() -> String {
    let mut text = serde_json::to_string_pretty(&document()).unwrap_or_default();
    text.push('\n');
    text
}

/// The document as it is served.
pub(crate) fn served() -> Bytes {
    static SERVED: LazyLock<Bytes> = LazyLock::new(|| document().to_string().into());
    SERVED.clone()
}

fn document() -> Value {
    let mut paths = Map::new();
    for operation in OPERATIONS.iter() {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method.as_str().to_lowercase()] = describe(operation);
    }
    let scopes: Map<String, Value> =
        Scope::ALL.iter().map(|scope| (scope.name().to_owned(), json!(scope.says()))).collect();
    let schemas: Map<String, Value> = components()
        .into_iter()
        .map(|(name, schema)| (name.to_owned(), schema))
        .chain(envelopes().into_iter().map(|(name, schema)| (name.to_owned(), schema)))
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Novantra API",
            "version": "1",
            "description": "Governance, risk and compliance records for integrations. Every call is made by a service \
                            account with scopes, can be retried, and stands in the audit log.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "This installation." }],
        "paths": paths,
        "webhooks": notices::described(),
        "components": {
            "securitySchemes": {
                "serviceAccount": {
                    "type": "oauth2",
                    "flows": { "clientCredentials": { "tokenUrl": "/api/v1/auth/token", "scopes": scopes } },
                },
            },
            "schemas": schemas,
        },
    })
}

fn describe(operation: &Operation) -> Value {
    let document = (operation.document)();
    let mut parameters = path_parameters(operation.path);
    parameters.extend(document.query.iter().map(query_parameter));
    parameters.extend(header_parameters(operation, &document));
    let mut described = json!({
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": operation.says,
        "parameters": parameters,
        "responses": responses(operation, &document),
    });
    if let Some(request) = &document.request {
        let mut content = Map::new();
        content.insert("application/json".to_owned(), media(request));
        if operation.access == Access::Open {
            content.insert("application/x-www-form-urlencoded".to_owned(), media(request));
        }
        described["requestBody"] = json!({ "required": true, "content": content });
    }
    described["security"] = match operation.access {
        Access::Scope(scope) => json!([{ "serviceAccount": [scope.name()] }]),
        Access::Open | Access::Nowhere => json!([]),
    };
    described
}

fn media(media: &Media) -> Value {
    json!({ "schema": media.schema, "example": media.example })
}

fn path_parameters(path: &str) -> Vec<Value> {
    path.split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect()
}

fn query_parameter(parameter: &Parameter) -> Value {
    let mut described = json!({
        "name": parameter.name,
        "in": "query",
        "description": parameter.says,
        "schema": parameter.schema,
    });
    if parameter.required {
        described["required"] = json!(true);
    }
    if parameter.schema["type"] == "array" {
        described["style"] = json!("form");
        described["explode"] = json!(false);
    }
    described
}

fn header_parameters(operation: &Operation, document: &Document) -> Vec<Value> {
    let header = |name: &str, says: &str| json!({ "name": name, "in": "header", "description": says, "schema": { "type": "string" } });
    let mut headers = Vec::new();
    if operation.charge == Charge::Write {
        let mut key = header(
            "Idempotency-Key",
            "Makes the call safe to retry: the same key and request again get the first answer, without a second effect.",
        );
        key["schema"] = json!({ "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" });
        headers.push(key);
    }
    if document.errors.contains(&412) {
        headers.push(header("If-Match", "The `ETag` of the record as it was read; 412 when it has changed since."));
    }
    if document.errors.contains(&304) {
        headers
            .push(header("If-None-Match", "The `ETag` of the record as it was read; 304 when it is still the same."));
    }
    headers
}

fn responses(operation: &Operation, document: &Document) -> Value {
    let mut responses = Map::new();
    let mut good = json!({
        "description": "Done.",
        "headers": headers(operation, document.response_headers),
    });
    if !document.response.schema.is_null() {
        let usual = operation.formats.first().unwrap_or(&Format::Json);
        good["content"] = json!({ usual.media_type(): media(&document.response) });
    }
    if let Some(line) = &document.line {
        good["content"][Format::Lines.media_type()] = media(line);
    }
    if document.status == 201 {
        good["description"] = json!("Created.");
    }
    responses.insert(document.status.to_string(), good);
    let always: &[u16] = match operation.access {
        Access::Scope(_) => &[400, 401, 403, 406, 413, 414, 429, 431, 500, 503],
        Access::Open | Access::Nowhere => &[400, 406, 413, 414, 429, 431, 500, 503],
    };
    for status in document.errors.iter().chain(always) {
        let (says, usual) = error(*status);
        let mut response = json!({
            "description": says,
            "headers": headers(operation, if *status == 429 || *status == 503 { &["Retry-After"] } else { &[] }),
        });
        if *status != 304 {
            let special = document.codes.iter().find(|(there, _)| there == status);
            response["content"] =
                json!({ "application/json": failure(special.map_or(&[usual], |(_, codes)| *codes), says) });
        }
        responses.entry(status.to_string()).or_insert(response);
    }
    responses.into()
}

/// The body of a failure with one of these codes; `says` is what their status means.
fn failure(codes: &[&str], says: &str) -> Value {
    let example = |code: &str| {
        let message = particular(code).unwrap_or(says);
        json!({ "value": { "error": code, "message": message, "requestId": "req_01KSFQX5Y800000000000000007" } })
    };
    let examples: Map<String, Value> = codes.iter().map(|code| ((*code).to_owned(), example(code))).collect();
    json!({
        "schema": {
            "allOf": [
                { "$ref": "#/components/schemas/Error" },
                { "type": "object", "properties": { "error": { "type": "string", "enum": codes } } },
            ],
        },
        "examples": examples,
    })
}

fn headers(operation: &Operation, named: &[&str]) -> Value {
    let limits: &[&str] = match operation.access {
        Access::Scope(_) => &["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "X-RateLimit-Bucket"],
        Access::Open | Access::Nowhere => &[],
    };
    let described: Map<String, Value> = ["X-Request-Id"]
        .iter()
        .chain(limits)
        .chain(named)
        .map(|name| ((*name).to_owned(), json!({ "schema": { "type": "string" } })))
        .collect();
    described.into()
}

/// What a status means, and its `error`.
fn error(status: u16) -> (&'static str, &'static str) {
    match status {
        304 => ("The record is the one named by If-None-Match.", ""),
        400 => ("The request is not valid; `issues` names every fault.", "validation"),
        401 => ("Who calls can't be told, or may not call.", "unauthenticated"),
        403 => ("The token or the account lacks the scope that the message names.", "forbidden"),
        404 => ("There is no such record in the caller's organization.", "not_found"),
        406 => ("The endpoint can't answer in any type that Accept names.", "not_acceptable"),
        409 => ("A key is taken, or others kept changing the same record.", "conflict"),
        412 => ("The record has changed since it was read.", "precondition_failed"),
        413 => ("The body is too large.", "payload_too_large"),
        414 => ("Path and query are too long.", "uri_too_long"),
        415 => ("The body is of another type than the endpoint takes.", "unsupported_media_type"),
        422 => (
            "The present state does not allow it, or the idempotency key was used with another request.",
            "unprocessable",
        ),
        429 => ("Too many calls; Retry-After says when to go on.", "rate_limited"),
        431 => ("The header fields are too large.", "header_fields_too_large"),
        503 => ("The service can't answer just now; Retry-After says when to try again.", "internal"),
        _ => ("Something went wrong here.", "internal"),
    }
}

/// What an `error` means that says more than its status.
fn particular(code: &str) -> Option<&'static str> {
    Some(match code {
        "invalid_cursor" => "The cursor is not one this list gave out for these filters, or it is too old.",
        "invalid_request" => "A parameter is missing, unknown or given twice.",
        "unsupported_grant_type" => "The only grant type is client_credentials.",
        "invalid_scope" => "The scope is unknown, or the account does not have it.",
        "invalid_client" => "The client credentials are not valid.",
        _ => return None,
    })
}

fn envelopes() -> Vec<(&'static str, Value)> {
    let issues = json!({
        "type": "array",
        "description": "Every fault of the request.",
        "items": {
            "type": "object",
            "required": ["path", "message"],
            "properties": {
                "path": {
                    "type": "array",
                    "items": { "type": "string" },
                    "description": "Members of the body; `query` or `header` and a name.",
                },
                "message": { "type": "string" },
            },
        },
    });
    vec![
        (
            "Pagination",
            json!({
                "type": "object",
                "properties": { "nextCursor": { "type": "string", "description": "Where to go on. Only where it is absent is the end; a page may hold few records or none before." } },
            }),
        ),
        (
            "Error",
            json!({
                "type": "object",
                "required": ["error", "message", "requestId"],
                "properties": {
                    "error": { "type": "string", "description": "What went wrong, for programs." },
                    "message": { "type": "string", "description": "What went wrong, for people." },
                    "issues": issues,
                    "requestId": { "type": "string", "description": "Also in `X-Request-Id`." },
                    "existingId": { "type": "string", "description": "With a 409 of a taken key: the record that has it." },
                    "error_description": { "type": "string", "description": "At the token endpoint, for OAuth clients." },
                },
            }),
        ),
        (
            "ItemError",
            json!({
                "type": "object",
                "required": ["error", "message"],
                "properties": { "error": { "type": "string" }, "message": { "type": "string" }, "issues": issues },
            }),
        ),
    ]
}
