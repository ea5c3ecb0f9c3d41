//! The schemas of the envelopes that all responses share, and the descriptions of statuses and error codes.

use serde_json::{Value, json};

/// Returns the description of a status, and its usual `error` code.
pub(super) fn status_description(status: u16) -> (&'static str, &'static str) {
    match status {
        206 => ("The range of the content that the request asks for.", ""),
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
        416 => ("The range has no byte of the content; Content-Range has its length.", "range_not_satisfiable"),
        422 => (
            "The current state of the record does not allow this, or the idempotency key was used with another request.",
            "unprocessable",
        ),
        429 => (
            "The rate limit is exceeded, or the caller's share of the server's streams or memory is in use; try again after the time in Retry-After.",
            "rate_limited",
        ),
        431 => ("The header fields are too large in total.", "header_fields_too_large"),
        507 => (
            "The organization has stored as much as it may; ask the operator of the server to raise the limit.",
            "insufficient_storage",
        ),
        503 => ("The service is temporarily unavailable; try again after the time in Retry-After.", "internal"),
        _ => ("An internal error occurred; the request id identifies it in the server's log.", "internal"),
    }
}

/// Returns the description of an `error` code that is more specific than its status.
pub(super) fn code_description(code: &str) -> Option<&'static str> {
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

/// Returns the names and the schemas of the envelopes.
pub(super) fn envelope_schemas() -> Vec<(&'static str, Value)> {
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
