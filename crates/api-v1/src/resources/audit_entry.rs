//! `GET /audit/entries`: the audit log of the organization, for export to a SIEM.

use std::collections::BTreeSet;

use audit::{AuditFilter, AuditLog, StoredEntry, canonical_json};
use audit_store::{ArchiveError, note_archive_use};
use axum::http::HeaderName;
use futures_util::future::BoxFuture;
use http_api::{
    App,
    endpoints::Document,
    handlers::ListRequest,
    request::{ApiRequest, DueDates, FieldReader as _, MediaType, Query, list_parameters, text},
    response::{ApiResponse, Problem},
    streams,
};
use kernel::{Reference, ReferenceRule, StoreError};
use serde_json::{Value, json};

use crate::view::list_document_of;

fn filter(query: &mut Query<'_>) -> AuditFilter {
    let mut texts = |name, description| -> BTreeSet<String> {
        query.choices(
            name,
            description,
            || text::<ReferenceRule>().schema(),
            |text| Reference::parse(text).map(|text| text.as_str().to_owned()),
        )
    };
    AuditFilter {
        actions: texts("action", "Only entries with one of these actions, such as `finding.created`."),
        actors: texts("actorId", "Only entries of one of these actors, such as `svc_…`."),
        subjects: texts("subjectId", "Only entries about one of these records, such as `find_…`."),
    }
}

pub(crate) fn list<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let mut query = Query::parse(request.query());
        let filter = filter(&mut query);
        let list_request = ListRequest::parse(app, request, &mut query, DueDates::No)?;
        let organization = list_request.organization;
        if request.media_type == MediaType::NdJson {
            let (store, permit) = (&*app.services.store, streams::acquire_permit(app, request)?);
            let snapshot = AuditLog::stream_entries(store, organization, &filter, &list_request.as_stream()).await;
            let snapshot = snapshot.map_err(store_problem)?;
            return streams::snapshot_response(app, request, permit, snapshot, write);
        }
        let page = AuditLog::entries(&*app.services.store, organization, &filter, &list_request.page);
        let (page, is_archived) = note_archive_use(page).await;
        let page = page.map_err(store_problem)?;
        let position = |stored: &StoredEntry| list_request.page.order.entry_position(&stored.entry);
        let response = list_request.to_response(app, "entries", page, position, write);
        Ok(if is_archived { response.header(ARCHIVED, "true") } else { response })
    })
}

/// The header of a page for which the archive had to be read.
const ARCHIVED: HeaderName = HeaderName::from_static("x-audit-archived");

/// Returns the error response, which says so if it is the archive that can't be read: newer entries can.
pub(super) fn store_problem(error: StoreError) -> Problem {
    if !ArchiveError::is_cause_of(&error) {
        return error.into();
    }
    tracing::warn!(%error, "the archive of the audit log is not available");
    Problem::unavailable_because(
        "the archive of the audit log, which has the entries of that time, is not available: try again later; newer entries can be read",
    )
}

/// Writes the entry in the canonical form that was hashed, so that an exported log can be verified.
fn write(entry: &StoredEntry, out: &mut Vec<u8>) {
    out.extend_from_slice(canonical_json(entry).as_bytes());
}

/// Returns the schema of an audit entry.
/// The schema of the actor of an entry.
pub(super) fn actor_schema() -> Value {
    json!({
        "type": "object",
        "required": ["kind", "id", "name"],
        "properties": {
            "kind": { "type": "string", "enum": ["service_account", "user", "system"] },
            "id": { "type": ["string", "null"], "description": "The identifier of the actor, if it has one." },
            "name": { "type": "string", "description": "The name of the actor at that time." },
        },
    })
}

pub(crate) fn schema() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let nullable = |description: &str| json!({ "type": ["string", "null"], "description": description });
    let properties = json!({
        "id": text("The identifier of the entry, `aud_…`."),
        "organizationId": text("The organization whose audit log contains the entry."),
        "sequence": { "type": ["integer", "null"], "description": "The position in the chain, from 1 without gaps; null until the entry is sealed." },
        "occurredAt": { "type": "string", "format": "date-time", "description": "The time of the call. It is never before an `X-As-Of` that was returned, even if the clock was set back." },
        "actor": actor_schema(),
        "action": text("The action, such as `finding.created`. The suffix `.refused` means that the request was rejected, `.replayed` that a stored response was returned."),
        "subject": {
            "type": ["object", "null"],
            "required": ["type", "id"],
            "properties": { "type": text("The kind of record, such as `finding`."), "id": text("The identifier of the record, such as `find_…`.") },
        },
        "reason": nullable("The reason given in the request."),
        "changes": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "before", "after"],
                "properties": { "field": text("The name of the field, such as `severity`."), "before": {}, "after": {} },
            },
        },
        "requestId": text("The identifier of the request, `req_…`, as in its response."),
        "method": nullable("The HTTP method of the request."),
        "route": nullable("The route template of the request, or the command."),
        "status": { "type": ["integer", "null"], "description": "The HTTP status of the response." },
        "sourceAddress": nullable("The client address of the request."),
        "userAgent": nullable("The `User-Agent` header of the request."),
        "previousHash": nullable("The hash of the previous entry, or 64 zeros for the first entry; null until the entry is sealed."),
        "hash": nullable("The SHA-256 hash of the RFC 8785 JSON of the entry without `hash`; null until the entry is sealed."),
    });
    let required: Vec<String> = properties.as_object().into_iter().flat_map(serde_json::Map::keys).cloned().collect();
    let mut properties = properties;
    properties["wallClock"] = json!({
        "type": "string", "format": "date-time",
        "description": "The server's clock at the time of the call; absent unless it differs from `occurredAt` by more than a second.",
    });
    json!({ "type": "object", "required": required, "properties": properties })
}

pub(crate) fn document() -> Document {
    let example = json!({
        "id": "aud_01KSFQX5Y80000000000000006",
        "organizationId": "org_01KSFQX5Y800000000000000001",
        "sequence": 4711,
        "occurredAt": "2026-05-25T14:08:33.000Z",
        "actor": { "kind": "service_account", "id": "svc_01KSFQX5Y800000000000000005", "name": "scanner" },
        "action": "finding.updated",
        "subject": { "type": "finding", "id": "find_01KSFQX5Y800000000000000003" },
        "reason": "Not reachable from outside",
        "changes": [{ "field": "severity", "before": "high", "after": "medium" }],
        "requestId": "req_01KSFQX5Y800000000000000007",
        "method": "PATCH",
        "route": "/api/v1/governance/findings/{findingId}",
        "status": 200,
        "sourceAddress": "192.0.2.7",
        "userAgent": "curl/8.5.0",
        "previousHash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "hash": "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
    });
    let query = Query::describe(|query| {
        filter(query);
        list_parameters(query, DueDates::No);
    });
    let document = list_document_of("entries", json!({ "$ref": "#/components/schemas/AuditEntry" }), example, query);
    Document { response_headers: &["X-As-Of", "X-Audit-Archived"], ..document }
}
