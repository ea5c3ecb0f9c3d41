//! The export of the audit log as JSON lines.

use audit::{AuditLog, StoredEntry, canonical_json};
use futures_util::future::BoxFuture;
use http_api::{
    handlers::ListRequest,
    pipeline::App,
    request::{ApiRequest, DueDates, Query},
    response::{ApiResponse, Problem},
    streams,
};

use super::filters::{self, Chosen};
use crate::response::download;

/// Handles the request. The response is streamed, and ends when the person loses access.
pub(super) fn handle<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let pairs: Vec<(String, String)> = form_urlencoded::parse(request.query().as_bytes()).into_owned().collect();
        let mut query = Query::parse(request.query());
        let filter = filters::read(&mut query);
        let mut list_request = ListRequest::parse(app, request, &mut query, DueDates::No)?;
        if let Some(since) = Chosen::read(&pairs).since(app.services.clock.now()) {
            list_request.page.time_range.created_after = Some(since);
        }
        let permit = streams::acquire_permit(app, request)?;
        let (store, organization) = (&*app.services.store, list_request.organization);
        let snapshot = AuditLog::stream_entries(store, organization, &filter, &list_request.as_stream()).await?;
        let response = streams::snapshot_response(app, request, permit, snapshot, write)?;
        Ok(download(response, "audit-log.jsonl"))
    })
}

/// Writes the entry in the canonical form that was hashed, so that an exported log can be verified.
fn write(entry: &StoredEntry, out: &mut Vec<u8>) {
    out.extend_from_slice(canonical_json(entry).as_bytes());
}
