//! The export of a list as a file, with the list's own filters, and the same query as a call of the API.

use auth::Permission;
use axum::http::header;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_api::{
    handlers::ListRequest,
    pipeline::App,
    request::{ApiRequest, DueDates, Query},
    response::{ApiResponse, Issue, Problem},
    streams::{self, StreamAbort, StreamWriter},
};
use import::RecordKind;
use kernel::{Filter, OwnedScalar, Record};
use maud::{Markup, html};
use tokio::{sync::mpsc, task::JoinHandle};

use super::{list_filter::read_filter, origin::origin, viewer};
use crate::{
    components::{Icon, code_block},
    registers::{ChosenFilters, Register, register_of},
    response::download,
    services::ConsoleServices,
    tables::{TableExport, TableExportFormat, TableRefusal},
};

/// The formats: the name in the address, the word on the page, the ending of the file, and the media type.
const FORMATS: [(TableExportFormat, &str, &str, &str); 3] = [
    (TableExportFormat::Csv, "csv", "CSV", "text/csv; charset=utf-8"),
    (TableExportFormat::Xlsx, "xlsx", "XLSX", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    (TableExportFormat::NdJson, "ndjson", "NDJSON", "application/x-ndjson"),
];

/// Handles the request for the file.
pub(crate) fn handle<'a, R: Record>(
    app: &'a App,
    request: &'a ApiRequest,
) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let mut query = Query::parse(request.query());
        let filter = read_filter::<R>(&mut query);
        let format = query.optional(
            "format",
            "The format of the file.",
            || serde_json::Value::Null,
            |name| FORMATS.into_iter().find(|(_, other, ..)| *other == name).ok_or("must be one of: csv, xlsx, ndjson"),
        );
        let list = ListRequest::parse(app, request, &mut query, DueDates::of::<R>())?;
        if list.page.after.is_some() {
            return Err(Problem::validation(vec![Issue::new(
                ["cursor"],
                "an export has all records: leave the cursor out",
            )]));
        }
        let (format, ending, _, media_type) = format.unwrap_or(FORMATS[0]);
        let permit = streams::acquire_permit(app, request)?;
        let export = TableExport {
            organization: list.organization,
            kind: R::KIND,
            filter: values_of(&filter),
            request: list.as_stream(),
            format,
        };
        let services = ConsoleServices::of(request)?;
        let (sender, mut chunks) = mpsc::channel(1);
        let exporting = tokio::spawn(async move { services.tables.export(export, sender).await });
        // An export that fails does so before its first chunk, so that a page can say why.
        let Some(first) = chunks.recv().await else {
            ended(exporting).await?;
            let empty = ApiResponse::document(axum::http::StatusCode::OK, media_type, Bytes::new());
            return Ok(download(empty, &file_name::<R>(ending)));
        };
        let produce = async move |writer: StreamWriter| pass_on(first, chunks, exporting, writer).await;
        let response = streams::respond_as(app, request, permit, media_type, produce)?;
        Ok(download(response, &file_name::<R>(ending)).header(header::VARY, "Cookie"))
    })
}

fn file_name<R: Record>(ending: &str) -> String {
    format!("{}.{ending}", R::PLURAL.replace('_', "-"))
}

fn values_of<R: Record>(filter: &Filter<R>) -> Vec<(usize, Vec<OwnedScalar>)> {
    let chosen = Filter::<R>::columns().filter_map(|(column, ..)| Some((column, filter.accepted(column)?)));
    chosen.map(|(column, values)| (column, values.iter().cloned().collect())).collect()
}

async fn ended(exporting: JoinHandle<Result<(), TableRefusal>>) -> Result<(), TableRefusal> {
    exporting.await.unwrap_or_else(|error| Err(TableRefusal::Refused(format!("the export ended early: {error}"))))
}

/// Sends the chunks at the pace of the browser.
async fn pass_on(
    first: Bytes,
    mut chunks: mpsc::Receiver<Bytes>,
    exporting: JoinHandle<Result<(), TableRefusal>>,
    writer: StreamWriter,
) -> Result<(), StreamAbort> {
    writer.send(first).await?;
    while let Some(chunk) = chunks.recv().await {
        writer.send(chunk).await?;
    }
    let exported = ended(exporting).await;
    exported.map_err(|error| StreamAbort::Content { cause: "export_failed", error: Box::new(error) })?;
    writer.finish(Bytes::new()).await
}

/// The foot of a list with the links to its files, and the same query as a call of the API.
///
/// # Errors
/// An internal error if nobody has signed in.
pub(crate) fn export_foot<R: Record>(
    app: &App,
    request: &ApiRequest,
    chosen: &ChosenFilters,
) -> Result<Markup, Problem> {
    let register: Register = register_of::<R>();
    let may_export =
        viewer(request)?.role.permits(Permission::ExportRecords) && RecordKind::of(register.kind).is_some();
    let (path, query) = (register.path(), chosen.query());
    let separator = if query.is_empty() { '?' } else { '&' };
    let api_path = (ConsoleServices::of(request)?.api_path)(register.kind);
    let call = api_path.map(|api_path| {
        format!("curl -s '{}{api_path}{query}' \\\n  -H \"Authorization: Bearer $TOKEN\"", origin(app, request))
    });
    Ok(html! {
        @if may_export || call.is_some() {
            footer.row.wide {
                @if may_export {
                    span.row {
                        (Icon::Download) "Export as"
                        @for (_, name, word, _) in FORMATS {
                            a href={ (path) "/export" (query) (separator) "format=" (name) } download { (word) }
                        }
                    }
                }
                @if let Some(call) = call {
                    details.pop.slim.right.up name="pop" {
                        summary { "As an API call" }
                        div.sheet { (code_block("api-call", "The list as an API call", &call)) }
                    }
                }
            }
        }
    })
}
