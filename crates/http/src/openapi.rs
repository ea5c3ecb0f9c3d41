//! The OpenAPI 3.1 document, generated from the same declarations as the router.

use std::sync::LazyLock;

use bytes::Bytes;
use scopes::Scope;
use serde_json::{Map, Value, json};

use crate::{
    negotiation::MediaType,
    operation::{Access, Charge, Document, Media, Operation},
    query::Parameter,
    routes::{OPERATIONS, components},
    webhook_payload,
};

/// Returns the OpenAPI document, indented for readability.
#[must_use]
pub fn openapi() -> String {
    let mut text = serde_json::to_string_pretty(&document()).unwrap_or_default();
    text.push('\n');
    text
}

/// Returns the OpenAPI document as it is served, without whitespace.
pub(crate) fn document_bytes() -> Bytes {
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
        Scope::ALL.iter().map(|scope| (scope.name().to_owned(), json!(scope.description()))).collect();
    let schemas: Map<String, Value> = components()
        .into_iter()
        .map(|(name, schema)| (name.to_owned(), schema))
        .chain(envelope_schemas().into_iter().map(|(name, schema)| (name.to_owned(), schema)))
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Novantra API",
            "version": "1",
            "description": "Governance, risk and compliance records for integrations. Every request is made by a service \
                            account with scopes, can be retried safely, and is recorded in the audit log.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "This installation." }],
        "paths": paths,
        "webhooks": webhook_payload::webhooks_section(),
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
        "description": operation.description,
        "parameters": parameters,
        "responses": responses(operation, &document),
    });
    if let Some(request) = &document.request {
        let mut content = Map::new();
        content.insert("application/json".to_owned(), media(request));
        if operation.access == Access::Public {
            content.insert("application/x-www-form-urlencoded".to_owned(), media(request));
        }
        described["requestBody"] = json!({ "required": true, "content": content });
    }
    described["security"] = match operation.access {
        Access::Scope(scope) => json!([{ "serviceAccount": [scope.name()] }]),
        Access::Public | Access::Unmatched => json!([]),
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
        "description": parameter.description,
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
        headers.push(header(
            "If-Match",
            "The `ETag` of the record as it was last read. The request fails with 412 if the record has changed since.",
        ));
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
    responses.insert(document.status.to_string(), success);
    let common: &[u16] = match operation.access {
        Access::Scope(_) => &[400, 401, 403, 406, 413, 414, 429, 431, 500, 503],
        Access::Public | Access::Unmatched => &[400, 406, 413, 414, 429, 431, 500, 503],
    };
    for status in document.errors.iter().chain(common) {
        let (description, code) = status_description(*status);
        let mut response = json!({
            "description": description,
            "headers": headers(operation, if *status == 429 || *status == 503 { &["Retry-After"] } else { &[] }),
        });
        if *status != 304 {
            let special = document.codes.iter().find(|(of, _)| of == status);
            response["content"] =
                json!({ "application/json": error_content(special.map_or(&[code], |(_, codes)| *codes), description) });
        }
        responses.entry(status.to_string()).or_insert(response);
    }
    responses.into()
}

/// Returns the content of an error response with one of these codes. `description` is the description of their status.
fn error_content(codes: &[&str], description: &str) -> Value {
    let example = |code: &str| {
        let message = code_description(code).unwrap_or(description);
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

fn headers(operation: &Operation, additional: &[&str]) -> Value {
    let limits: &[&str] = match operation.access {
        Access::Scope(_) => &["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "X-RateLimit-Bucket"],
        Access::Public | Access::Unmatched => &[],
    };
    let described: Map<String, Value> = ["X-Request-Id"]
        .iter()
        .chain(limits)
        .chain(additional)
        .map(|name| ((*name).to_owned(), json!({ "schema": { "type": "string" } })))
        .collect();
    described.into()
}

/// Returns the description of a status, and its usual `error` code.
fn status_description(status: u16) -> (&'static str, &'static str) {
    match status {
        304 => ("The record still has the ETag that If-None-Match names.", ""),
        400 => ("The request is invalid; `issues` lists every error.", "validation"),
        401 => ("The credentials are missing, invalid or expired, or the account is disabled.", "unauthenticated"),
        403 => ("The token or the account does not have the scope that the message names.", "forbidden"),
        404 => ("The caller's organization has no record with this identifier.", "not_found"),
        406 => ("The endpoint can't respond in any media type that the Accept header allows.", "not_acceptable"),
        409 => ("The key belongs to another record, or concurrent requests kept changing the same record.", "conflict"),
        412 => ("The record has changed since it was read; read it again.", "precondition_failed"),
        413 => ("The body is too large.", "payload_too_large"),
        414 => ("The path and query are too long.", "uri_too_long"),
        415 => ("The endpoint does not accept a body of this media type or content coding.", "unsupported_media_type"),
        422 => (
            "The current state of the record does not allow this, or the idempotency key was used with another request.",
            "unprocessable",
        ),
        429 => ("The rate limit is exceeded; try again after the time in Retry-After.", "rate_limited"),
        431 => ("The header fields are too large in total.", "header_fields_too_large"),
        503 => ("The service is temporarily unavailable; try again after the time in Retry-After.", "internal"),
        _ => ("An internal error occurred; the request id identifies it in the server's log.", "internal"),
    }
}

/// Returns the description of an `error` code that is more specific than its status.
fn code_description(code: &str) -> Option<&'static str> {
    Some(match code {
        "invalid_cursor" => {
            "The cursor was not issued by this list for these filters, or it has expired; start again without it."
        }
        "invalid_request" => "A parameter is missing, unknown or repeated.",
        "unsupported_grant_type" => "The grant type is not supported; use client_credentials.",
        "invalid_scope" => "A requested scope is unknown, or the account does not have it.",
        "invalid_client" => "The client credentials are invalid.",
        _ => return None,
    })
}

fn envelope_schemas() -> Vec<(&'static str, Value)> {
    let issues = json!({
        "type": "array",
        "description": "All errors of the request.",
        "items": {
            "type": "object",
            "required": ["path", "message"],
            "properties": {
                "path": {
                    "type": "array",
                    "items": { "type": "string" },
                    "description": "The location of the error: the field names within the body, or `query` or `header` followed by a name.",
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
                "properties": { "nextCursor": { "type": "string", "description": "The cursor of the next page. It is absent only on the last page; an earlier page may have few records or none." } },
            }),
        ),
        (
            "Error",
            json!({
                "type": "object",
                "required": ["error", "message", "requestId"],
                "properties": {
                    "error": { "type": "string", "description": "The error code, for programs." },
                    "message": { "type": "string", "description": "The description of the error, for people." },
                    "issues": issues,
                    "requestId": { "type": "string", "description": "The identifier of the request, also in the header `X-Request-Id`." },
                    "existingId": { "type": "string", "description": "The identifier of the record that has the key, in a 409 response because of a key that is already in use." },
                    "error_description": { "type": "string", "description": "The description of the error for OAuth clients, at the token endpoint only." },
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
