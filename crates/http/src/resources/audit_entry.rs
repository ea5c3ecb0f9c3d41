//! `GET /audit/entries`: the organization's audit log, for a SIEM.

use std::collections::BTreeSet;

use audit::{AuditFilter, AuditLog, Recorded, canonical};
use futures_util::future::BoxFuture;
use kernel::Reference;
use serde_json::{Value, json};

use crate::{
    accept::Format,
    app::App,
    call::Call,
    operation::Document,
    paging,
    problem::Problem,
    query::Query,
    reply::Reply,
    streams,
    view::{Walk, list_document_of},
};

fn filter(query: &mut Query<'_>) -> AuditFilter {
    let mut texts = |name, says| -> BTreeSet<String> {
        query.any_of(
            name,
            says,
            || json!({ "type": "string" }),
            |text| Reference::parse(text).map(|text| text.as_str().to_owned()),
        )
    };
    AuditFilter {
        actions: texts("action", "What was done: `finding.created`."),
        actors: texts("actorId", "Who did it: `svc_…`."),
        subjects: texts("subjectId", "What it was done to: `find_…`."),
    }
}

pub(crate) fn list<'a>(app: &'a App, call: &'a Call) -> BoxFuture<'a, Result<Reply, Problem>> {
    Box::pin(async move {
        let mut query = Query::parse(call.query());
        let filter = filter(&mut query);
        let walk = Walk::start(app, call, &mut query)?;
        if call.format == Format::Lines {
            let (store, place) = (&*app.services.store, streams::take_place(app, call)?);
            let streamed = AuditLog::stream_entries(store, walk.organization, &filter, &walk.whole()).await?;
            return streams::reply(app, call, place, streamed, write);
        }
        let page = AuditLog::entries(&*app.services.store, walk.organization, &filter, &walk.page).await?;
        Ok(walk.reply(app, "entries", &page, write))
    })
}

/// As it was hashed, so that who exports the log can verify it.
fn write(recorded: &Recorded, into: &mut Vec<u8>) {
    into.extend_from_slice(canonical(recorded).as_bytes());
}

pub(crate) fn schema() -> Value {
    let text = |says: &str| json!({ "type": "string", "description": says });
    let maybe = |says: &str| json!({ "type": ["string", "null"], "description": says });
    let properties = json!({
        "id": text("`aud_…`"),
        "organizationId": text("In whose log it stands."),
        "sequence": { "type": ["integer", "null"], "description": "Its place in the chain, from 1 without gaps; null until sealed." },
        "occurredAt": { "type": "string", "format": "date-time" },
        "actor": {
            "type": "object",
            "required": ["kind", "id", "name"],
            "properties": {
                "kind": { "type": "string", "enum": ["service_account", "user", "system"] },
                "id": maybe("Its identifier, where it has one."),
                "name": text("Its name at the time."),
            },
        },
        "action": text("What was done: `finding.created`; with `.refused` or `.replayed` behind it where it was not done, or had been done before."),
        "subject": {
            "type": ["object", "null"],
            "required": ["type", "id"],
            "properties": { "type": text("`finding`"), "id": text("`find_…`") },
        },
        "reason": maybe("Why, as the call said."),
        "changes": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "before", "after"],
                "properties": { "field": text("`severity`"), "before": {}, "after": {} },
            },
        },
        "requestId": text("`req_…`, as in the answer."),
        "method": maybe("Of the request."),
        "route": maybe("The route's template, or the command."),
        "status": { "type": ["integer", "null"], "description": "Of the answer." },
        "sourceAddress": maybe("Where the call came from."),
        "userAgent": maybe("What the caller calls itself."),
        "previousHash": maybe("The hash of the entry before; 64 zeros for the first; null until sealed."),
        "hash": maybe("SHA-256 over the RFC 8785 JSON of the entry without `hash`; null until sealed."),
    });
    let required: Vec<&String> = properties.as_object().into_iter().flat_map(serde_json::Map::keys).collect();
    json!({ "type": "object", "required": required, "properties": properties })
}

pub(crate) fn document() -> Document {
    let example = json!({
        "id": "aud_01KSFQX5Y800000000000000006",
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
        paging::read(query);
    });
    list_document_of("entries", json!({ "$ref": "#/components/schemas/AuditEntry" }), example, query)
}
