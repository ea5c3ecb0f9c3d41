//! Streamed responses, such as whole collections with one line per record (contract v1 § 1).
//!
//! A stream outlives the handling of its request. After the audit entry is recorded and the head is sent, a separate
//! task produces the chunks at the client's pace. If the stream is aborted for any reason, the end of the body is
//! missing and the connection is closed before it, so that the client notices.

mod abort;
mod body;
mod bytes_response;
mod revocation;
mod writer;

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
};
use futures_util::FutureExt;
use kernel::{Change, FieldValue, SnapshotStream};
use tokio::{sync::mpsc, time::timeout};

use crate::{
    pipeline::{App, AuditNote, StreamPermit},
    request::{Access, ApiRequest, Principal},
    response::{AS_OF, ApiResponse, Problem},
};
pub use abort::StreamAbort;
use body::PassedOn;
pub use bytes_response::{BytesResponse, DownloadMemory, reserve_download, respond_with_bytes};
pub use revocation::while_permitted;
pub use writer::StreamWriter;

/// The maximum duration of a stream of a collection, which holds its database snapshot all the time.
pub const MAX_DURATION: Duration = Duration::from_secs(15 * 60);
/// The size of a chunk, in bytes, at which it is sent.
pub const CHUNK_SIZE: usize = 32 * 1024;
/// Extra capacity for the line that fills a chunk, so that the buffer rarely needs to grow.
const LINE_CAPACITY: usize = 4 * 1024;
/// The last line of a complete stream, which distinguishes it from an aborted one.
const LAST_LINE: &[u8] = b"{\"pagination\":{}}\n";

/// Acquires a permit for a stream of a collection.
///
/// # Errors
/// A 429 response if the account or its organization has too many streams open, and a 503 response if the server has.
pub fn acquire_permit(app: &App, request: &ApiRequest) -> Result<StreamPermit, Problem> {
    app.stream_limits.acquire(request.principal()?)
}

/// Responds with a body that `produce` writes in a task of its own, in the negotiated media type. The stream is aborted
/// when the client closes the connection or loses access.
///
/// # Errors
/// An internal error if the endpoint requires no scope and no permission.
pub fn respond<F>(
    app: &App,
    request: &ApiRequest,
    permit: StreamPermit,
    produce: impl FnOnce(StreamWriter) -> F + Send + 'static,
) -> Result<ApiResponse, Problem>
where
    F: Future<Output = Result<(), StreamAbort>> + Send,
{
    respond_as(app, request, permit, request.media_type.as_str(), produce)
}

/// Responds as [`respond`] does, with a file in this media type.
///
/// # Errors
/// An internal error if the endpoint requires no scope and no permission.
pub fn respond_as<F>(
    app: &App,
    request: &ApiRequest,
    permit: StreamPermit,
    media_type: &'static str,
    produce: impl FnOnce(StreamWriter) -> F + Send + 'static,
) -> Result<ApiResponse, Problem>
where
    F: Future<Output = Result<(), StreamAbort>> + Send,
{
    let stream = Some(open(app, request, permit, None, produce)?);
    let content_type = (header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    Ok(ApiResponse { headers: vec![content_type], stream, ..ApiResponse::empty(StatusCode::OK) })
}

/// The entry of the audit log about a stream that is aborted.
struct AbortRecord {
    note: AuditNote,
    /// The number of bytes of the whole stream. A connection may drop a body once it has taken so many.
    length: u64,
}

/// Returns a body that `produce` writes in a task of its own, and that holds the permit until it is dropped. If it is
/// aborted, `on_abort` becomes an entry of the audit log.
fn open<P, F>(
    app: &App,
    request: &ApiRequest,
    permit: P,
    on_abort: Option<AbortRecord>,
    produce: impl FnOnce(StreamWriter) -> F + Send + 'static,
) -> Result<Body, Problem>
where
    P: Send + Unpin + 'static,
    F: Future<Output = Result<(), StreamAbort>> + Send,
{
    let access = request.route.access;
    if !matches!(access, Access::Scope(_) | Access::Permission(_)) {
        return Err(Problem::internal());
    }
    let (app, principal) = (app.clone(), request.principal()?.clone());
    let (request_id, route) = (request.request_id, request.route.path);
    let (chunks, receiver) = mpsc::channel(1);
    let passed_on = Arc::new(PassedOn::default());
    let body = body::body(receiver, Arc::clone(&passed_on), permit);
    tokio::spawn(async move {
        let producing = AssertUnwindSafe(produce(StreamWriter { chunks: chunks.clone() })).catch_unwind();
        let ended = tokio::select! {
            ended = producing => ended.unwrap_or(Err(StreamAbort::Panicked)),
            () = chunks.closed() => Err(StreamAbort::ConnectionClosed),
            abort = revocation::wait_until_revoked(&app, &principal, access) => Err(abort),
        };
        if ended.is_ok() && on_abort.is_some() {
            // The connection has yet to take the last chunk.
            chunks.closed().await;
        }
        let is_complete = match &on_abort {
            Some(record) => passed_on.bytes() >= record.length,
            None => ended.is_ok(),
        };
        if is_complete {
            return;
        }
        let abort = ended.err().unwrap_or(StreamAbort::ConnectionClosed);
        abort.log(request_id, route);
        if let Some(AbortRecord { note, .. }) = on_abort {
            record_abort(&app, &principal, note, &abort, passed_on.bytes()).await;
        }
    });
    Ok(body)
}

/// Records in the audit log that a stream was aborted, after so many bytes of it.
async fn record_abort(app: &App, principal: &Principal, mut note: AuditNote, abort: &StreamAbort, bytes: u64) {
    let change = |field: &'static str, after| Change { field: field.into(), before: FieldValue::Null, after };
    note.changes = vec![
        change("cause", FieldValue::Text(abort.cause().to_owned())),
        change("sent_bytes", FieldValue::Integer(i64::try_from(bytes).unwrap_or(i64::MAX))),
    ];
    if let Err(error) = app.record(Some(principal.audit_identity()), note, false).await {
        tracing::error!(%error, "the abort of a stream could not be recorded in the audit log");
    }
}

/// Responds with a snapshot as newline-delimited JSON.
///
/// # Errors
/// An internal error if the endpoint requires no scope and no permission.
pub fn snapshot_response<T: Send + Sync + 'static>(
    app: &App,
    request: &ApiRequest,
    permit: StreamPermit,
    snapshot: SnapshotStream<T>,
    write: impl Fn(&T, &mut Vec<u8>) + Send + 'static,
) -> Result<ApiResponse, Problem> {
    let as_of = snapshot.as_of.to_string();
    let produce = async move |writer| {
        timeout(MAX_DURATION, write_lines(snapshot, write, &writer)).await.unwrap_or(Err(StreamAbort::TooLong))
    };
    Ok(respond(app, request, permit, produce)?.header(AS_OF, as_of))
}

/// Writes the lines at the client's pace.
async fn write_lines<T: Sync>(
    mut snapshot: SnapshotStream<T>,
    write: impl Fn(&T, &mut Vec<u8>),
    writer: &StreamWriter,
) -> Result<(), StreamAbort> {
    let new_buffer = || Vec::with_capacity(CHUNK_SIZE + LINE_CAPACITY);
    let mut lines = new_buffer();
    while let Some(batch) = snapshot.batches.next().await.map_err(StreamAbort::Store)? {
        for item in &batch {
            write(item, &mut lines);
            lines.push(b'\n');
            if lines.len() >= CHUNK_SIZE {
                writer.send(std::mem::replace(&mut lines, new_buffer()).into()).await?;
            }
        }
    }
    // The snapshot is released before the client reads the rest.
    drop(snapshot);
    lines.extend_from_slice(LAST_LINE);
    writer.finish(lines.into()).await
}
