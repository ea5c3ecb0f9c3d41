//! The export of the audit log as JSON lines.

use audit::{AuditLog, ChainExport, StoredEntry, canonical_json};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_api::{
    handlers::ListRequest,
    pipeline::App,
    request::{ApiRequest, DueDates, Query},
    response::{ApiResponse, Problem},
    streams::{self, StreamAbort, StreamWriter},
};
use kernel::SnapshotStream;
use tokio::time::timeout;

use super::{
    filters::{self, Chosen, Resolved},
    search::WantedEntries,
};
use crate::response::download;

/// Handles the request. The response is streamed, and ends when the person loses access.
pub(super) fn handle<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let pairs: Vec<(String, String)> = form_urlencoded::parse(request.query().as_bytes()).into_owned().collect();
        if pairs.is_empty() { chain(app, request).await } else { extract(app, request, &pairs).await }
    })
}

/// The whole chain, in the format of `novantra audit export`.
async fn chain(app: &App, request: &ApiRequest) -> Result<ApiResponse, Problem> {
    let organization = request.principal()?.organization();
    let permit = streams::acquire_permit(app, request)?;
    let export = ChainExport::begin(&*app.services.store, organization).await?;
    let of_stream = app.clone();
    let produce = async move |writer: StreamWriter| {
        let written = timeout(streams::MAX_DURATION, write_chain(&of_stream, export, &writer)).await;
        written.unwrap_or(Err(StreamAbort::TooLong))
    };
    let response = streams::respond(app, request, permit, produce)?;
    Ok(download(response, "audit-log.jsonl"))
}

async fn write_chain(app: &App, mut export: ChainExport, writer: &StreamWriter) -> Result<(), StreamAbort> {
    while let Some(lines) = export.next_lines(&*app.services.store).await.map_err(StreamAbort::Store)? {
        writer.send(Bytes::from(lines)).await?;
    }
    writer.finish(Bytes::new()).await
}

/// The entries that match the filters. They are no chain, and can't be verified as one.
async fn extract(app: &App, request: &ApiRequest, pairs: &[(String, String)]) -> Result<ApiResponse, Problem> {
    let mut query = Query::parse(request.query());
    filters::take(&mut query);
    let mut list_request = ListRequest::parse(app, request, &mut query, DueDates::No)?;
    let chosen = Chosen::read(pairs);
    if let Some(since) = chosen.since(app.services.clock.now()) {
        list_request.page.time_range.created_after = Some(since);
    }
    let Resolved { filter, wanted, problems, .. } = filters::resolve(app, request, &chosen).await?;
    if let Some((_, problem)) = problems.into_iter().next() {
        return Err(Problem::unprocessable(problem));
    }
    wanted.restrict(&mut list_request.page);
    let permit = streams::acquire_permit(app, request)?;
    let (store, organization) = (&*app.services.store, list_request.organization);
    let snapshot = AuditLog::stream_entries(store, organization, &filter, &list_request.as_stream()).await?;
    let entries = Box::new(WantedEntries { entries: snapshot.batches, wanted });
    let snapshot = SnapshotStream { batches: entries, as_of: snapshot.as_of };
    let response = streams::snapshot_response(app, request, permit, snapshot, write)?;
    Ok(download(response, "audit-log-extract.jsonl"))
}

fn write(entry: &StoredEntry, out: &mut Vec<u8>) {
    out.extend_from_slice(canonical_json(entry).as_bytes());
}
