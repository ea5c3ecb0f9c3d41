//! `GET /governance/evidence/claims/{claimId}/custody`: the chain of custody of a claim, which is a part of the audit log.

use std::collections::BTreeMap;

use audit::{AuditFilter, AuditLog, StoredEntry};
use evidence::{AttachedFile, CUSTODY_EVENTS, EvidenceClaim, EvidenceContent};
use futures_util::future::BoxFuture;
use http_api::{
    App,
    endpoints::Document,
    handlers::{ListRequest, find},
    openapi::enum_schema,
    request::{ApiRequest, DueDates, MediaType, Query, list_parameters},
    response::{ApiResponse, Problem, write_json},
    streams,
};
use kernel::{FieldValue, Reader, Stored, Subject};
use serde::Serialize;
use serde_json::{Value, json};

use crate::view::list_document_of;

/// The name of the schema of a custody event in the OpenAPI document.
pub(crate) const COMPONENT: &str = "CustodyEvent";

/// The files of a claim by the identifiers of their attachments, and of the records of their bytes.
struct ClaimFiles {
    attachments: BTreeMap<String, AttachedFile>,
    contents: BTreeMap<String, AttachedFile>,
}

impl ClaimFiles {
    async fn load(app: &App, claim: &Stored<EvidenceClaim>) -> Result<Self, Problem> {
        let files: Vec<AttachedFile> = claim.record.attachments.iter().collect();
        let hashes: Vec<&str> = files.iter().map(|file| file.sha256.as_str()).collect();
        let store = &*app.services.store;
        let contents = Reader::<EvidenceContent>::get_by_keys(store, claim.meta.organization, &hashes).await?;
        let file_of = |content: Stored<EvidenceContent>| {
            let file = files.iter().find(|file| file.sha256 == content.record.key)?;
            Some((content.meta.id.to_string(), file.clone()))
        };
        let contents = contents.into_iter().filter_map(file_of).collect();
        Ok(Self { contents, attachments: files.into_iter().map(|file| (file.id.to_string(), file)).collect() })
    }

    fn find(&self, subject: &str) -> Option<&AttachedFile> {
        self.attachments.get(subject).or_else(|| self.contents.get(subject))
    }

    /// The filter of the entries about the claim and its files.
    fn filter(&self, claim: &Stored<EvidenceClaim>) -> AuditFilter {
        AuditFilter {
            actions: CUSTODY_EVENTS.iter().map(|(_, action)| (*action).to_owned()).collect(),
            subjects: self
                .attachments
                .keys()
                .chain(self.contents.keys())
                .cloned()
                .chain([claim.meta.id.to_string()])
                .collect(),
            ..AuditFilter::default()
        }
    }

    fn write(&self, stored: &StoredEntry, out: &mut Vec<u8>) {
        write_json(out, &CustodyEventDto::new(self, stored));
    }
}

pub(crate) fn list<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let mut query = Query::parse(request.query());
        let list_request = ListRequest::parse(app, request, &mut query, DueDates::No)?;
        let claim = find::<EvidenceClaim>(app, request).await?;
        let files = ClaimFiles::load(app, &claim).await?;
        let (store, filter) = (&*app.services.store, files.filter(&claim));
        let response = if request.media_type == MediaType::NdJson {
            let permit = streams::acquire_permit(app, request)?;
            let events = list_request.as_stream();
            let snapshot = AuditLog::stream_entries(store, list_request.organization, &filter, &events).await?;
            let write = move |stored: &StoredEntry, out: &mut Vec<u8>| files.write(stored, out);
            streams::snapshot_response(app, request, permit, snapshot, write)?
        } else {
            let page = AuditLog::entries(store, list_request.organization, &filter, &list_request.page).await?;
            let position = |stored: &StoredEntry| list_request.page.order.entry_position(&stored.entry);
            list_request.to_response(app, "custodyEvents", page, position, |stored, out| files.write(stored, out))
        };
        Ok(response.with_subject(Subject::from_id(claim.meta.id)))
    })
}

/// The JSON of a custody event.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CustodyEventDto<'a> {
    id: String,
    event_kind: &'static str,
    occurred_at: String,
    actor: ActorDto<'a>,
    reason: Option<&'a str>,
    attachment_id: Option<String>,
    file_name: Option<&'a str>,
    size: Option<i64>,
    sha256: Option<&'a str>,
    cause: Option<&'a str>,
    status: Option<u16>,
    request_id: String,
    sequence: Option<i64>,
    hash: Option<String>,
}

#[derive(Serialize)]
struct ActorDto<'a> {
    kind: &'static str,
    id: Option<&'a str>,
    name: &'a str,
}

impl<'a> CustodyEventDto<'a> {
    fn new(files: &'a ClaimFiles, StoredEntry { entry, seal }: &'a StoredEntry) -> Self {
        let action = entry.action.as_str();
        let event_kind = CUSTODY_EVENTS.iter().find(|(_, candidate)| *candidate == action).map_or("", |(kind, _)| kind);
        let subject = entry.subject.as_ref().map(|subject| subject.id.as_str());
        let file = subject.and_then(|subject| files.find(subject));
        let logged = |field: &str| {
            let change = entry.changes.iter().find(|change| change.field == field);
            change
                .and_then(|change| if let FieldValue::Text(text) = &change.after { Some(text.as_str()) } else { None })
        };
        // The hash of an upload is that in the log, which cannot be changed unnoticed.
        let sha256 = logged("sha256").or_else(|| file.map(|file| file.sha256.as_str()));
        let cause = match event_kind {
            "download_aborted" => logged("cause"),
            "bytes_replaced" => logged("damage"),
            _ => None,
        };
        Self {
            id: entry.id.to_string(),
            event_kind,
            occurred_at: entry.occurred_at.to_string(),
            actor: ActorDto { kind: entry.actor.kind.name(), id: entry.actor.id.as_deref(), name: &entry.actor.name },
            reason: entry.reason.as_ref().map(|reason| reason.as_str()),
            attachment_id: file.map(|file| file.id.to_string()),
            file_name: file.map(|file| file.file_name.as_str()),
            size: file.map(|file| file.size),
            sha256: sha256.filter(|_| file.is_some()),
            cause,
            status: entry.status,
            request_id: entry.origin.request_id.to_string(),
            sequence: seal.as_ref().map(|seal| seal.sequence),
            hash: seal.as_ref().map(|seal| seal.hash.to_string()),
        }
    }
}

/// Returns the schema of a custody event.
pub(crate) fn schema() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let nullable = |description: &str| json!({ "type": ["string", "null"], "description": description });
    let kinds: Vec<&str> = CUSTODY_EVENTS.iter().map(|(kind, _)| *kind).collect();
    let properties = json!({
        "id": text("The identifier of the event's entry in the audit log, `aud_…`."),
        "eventKind": enum_schema(&kinds, |kind| kind),
        "occurredAt": { "type": "string", "format": "date-time", "description": "The time of the event." },
        "actor": super::audit_entry::actor_schema(),
        "reason": nullable("The reason that the actor gave, if any."),
        "attachmentId": nullable("The attachment that the event is about, or the first of those with the bytes that it is about; null if it is about the claim."),
        "fileName": nullable("The name of the file, if the event is about an attachment."),
        "size": { "type": ["integer", "null"], "description": "The size of the file in bytes, if the event is about an attachment." },
        "sha256": nullable("The SHA-256 hash of the file's bytes, in hexadecimal, if the event is about an attachment. That of an upload is as it was logged then."),
        "cause": nullable("Why a download ended before its end, such as `connection_closed` (by the client, because it did not read, or by a server that stops), `client_stalled`, `access_revoked`, `altered` or `missing`; or what was wrong with bytes that an upload of the same bytes replaced, `altered` or `missing`."),
        "status": { "type": ["integer", "null"], "description": "The HTTP status of the response, if the event was a request; 206 if a part of the file was downloaded." },
        "requestId": text("The identifier of the request, `req_…`."),
        "sequence": { "type": ["integer", "null"], "description": "The position of the entry in the chain of the audit log; null until the entry is sealed, within about a second." },
        "hash": nullable("The hash of the entry; null until the entry is sealed."),
    });
    let required: Vec<&String> = properties.as_object().into_iter().flat_map(serde_json::Map::keys).collect();
    json!({ "type": "object", "required": required, "properties": properties })
}

pub(crate) fn document() -> Document {
    let example = json!({
        "id": "aud_01KSFQX5Y80000000000000006",
        "eventKind": "downloaded",
        "occurredAt": "2026-05-25T14:08:33.000Z",
        "actor": { "kind": "service_account", "id": "svc_01KSFQX5Y800000000000000005", "name": "audit-portal" },
        "reason": null,
        "attachmentId": "evatt_01KSFQX5Y800000000000000002",
        "fileName": "restore-test.csv",
        "size": 48211,
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "cause": null,
        "status": 200,
        "requestId": "req_01KSFQX5Y800000000000000007",
        "sequence": 4711,
        "hash": "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
    });
    let query = Query::describe(|query| {
        list_parameters(query, DueDates::No);
    });
    let event = json!({ "$ref": format!("#/components/schemas/{COMPONENT}") });
    Document { errors: &[400, 404], ..list_document_of("custodyEvents", event, example, query) }
}
