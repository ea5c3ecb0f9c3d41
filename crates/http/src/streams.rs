//! Streamed responses: whole collections with one line per record (contract v1 § 1), and events as they happen.
//!
//! A stream outlives the handling of its request. After the audit entry is recorded and the head is sent, a separate
//! task produces the lines at the client's pace. If the stream is aborted for any reason, the last line is missing and
//! the connection is closed before the end of the body, so that the client notices.

mod abort;
mod body;
mod events;
mod revocation;
mod stream_limits;

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::http::{HeaderValue, StatusCode, header};
use futures_util::FutureExt;
use kernel::SnapshotStream;
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

pub(crate) use events::{EventStreams, event_stream_response as events_response};
pub(crate) use stream_limits::StreamLimits;

use crate::{
    app::App, negotiation::MediaType, operation::Access, problem::Problem, request::ApiRequest, response::ApiResponse,
    view::AS_OF,
};
use abort::StreamAbort;
use body::{Chunk, body};
use stream_limits::LimitReached;
pub(crate) use stream_limits::StreamPermit;

/// The maximum time in which a client must accept a chunk.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);
/// The maximum duration of a stream of a collection, which holds its database snapshot all the time.
const MAX_DURATION: Duration = Duration::from_secs(15 * 60);
/// The size of a chunk, in bytes, at which it is sent.
const CHUNK_SIZE: usize = 32 * 1024;
/// Extra capacity for the line that fills a chunk, so that the buffer rarely needs to grow.
const LINE_CAPACITY: usize = 4 * 1024;
/// The last line of a complete stream, which distinguishes it from an aborted one.
const LAST_LINE: &[u8] = b"{\"pagination\":{}}\n";

/// Acquires a permit for a stream of a collection.
pub(crate) fn acquire_permit(app: &App, request: &ApiRequest) -> Result<StreamPermit, Problem> {
    acquire(&app.stream_limits, request)
}

/// Acquires a permit for a stream of events.
pub(crate) fn acquire_event_permit(app: &App, request: &ApiRequest) -> Result<StreamPermit, Problem> {
    acquire(&app.event_streams.limits, request)
}

fn acquire(limits: &Arc<StreamLimits>, request: &ApiRequest) -> Result<StreamPermit, Problem> {
    limits.acquire(request.principal()?.caller.account.meta.id).map_err(|reached| match reached {
        LimitReached::Account => Problem::too_many_streams(limits.max_per_account),
        LimitReached::Server => Problem::stream_limit_reached(limits.max),
    })
}

/// Responds with a snapshot as newline-delimited JSON.
pub(crate) fn stream_response<T: Send + Sync + 'static>(
    app: &App,
    request: &ApiRequest,
    permit: StreamPermit,
    snapshot: SnapshotStream<T>,
    write: impl Fn(&T, &mut Vec<u8>) + Send + 'static,
) -> Result<ApiResponse, Problem> {
    let Access::Scope(scope) = request.operation.access else { return Err(Problem::internal()) };
    let (app, principal) = (app.clone(), request.principal()?.clone());
    let (request_id, route) = (request.request_id, request.operation.path);
    let (chunks, receiver) = mpsc::channel(1);
    let as_of = snapshot.as_of.to_string();
    tokio::spawn(async move {
        let lines = AssertUnwindSafe(write_lines(snapshot, write, &chunks)).catch_unwind();
        let ended = tokio::select! {
            ended = lines => ended.unwrap_or(Err(StreamAbort::Panicked)),
            () = chunks.closed() => Err(StreamAbort::ClientDisconnected),
            abort = revocation::wait_until_revoked(&app, &principal, scope) => Err(abort),
            () = sleep(MAX_DURATION) => Err(StreamAbort::TooLong),
        };
        if let Err(abort) = ended {
            abort.log(request_id, route);
        }
        drop(permit);
    });
    let content_type = (header::CONTENT_TYPE, HeaderValue::from_static(MediaType::NdJson.as_str()));
    Ok(ApiResponse { headers: vec![content_type], stream: Some(body(receiver)), ..ApiResponse::empty(StatusCode::OK) }
        .header(AS_OF, as_of))
}

/// Writes the lines at the client's pace.
async fn write_lines<T: Sync>(
    mut snapshot: SnapshotStream<T>,
    write: impl Fn(&T, &mut Vec<u8>),
    chunks: &mpsc::Sender<Chunk>,
) -> Result<(), StreamAbort> {
    let new_buffer = || Vec::with_capacity(CHUNK_SIZE + LINE_CAPACITY);
    let mut lines = new_buffer();
    while let Some(batch) = snapshot.batches.next().await.map_err(StreamAbort::Store)? {
        for item in &batch {
            write(item, &mut lines);
            lines.push(b'\n');
            if lines.len() >= CHUNK_SIZE {
                let bytes = std::mem::replace(&mut lines, new_buffer()).into();
                send_chunk(chunks, Chunk { bytes, is_last: false }).await?;
            }
        }
    }
    // The snapshot is released before the client reads the rest.
    drop(snapshot);
    lines.extend_from_slice(LAST_LINE);
    send_chunk(chunks, Chunk { bytes: lines.into(), is_last: true }).await
}

/// Sends a chunk to the body, and fails if the client does not accept it in time.
async fn send_chunk(chunks: &mpsc::Sender<Chunk>, chunk: Chunk) -> Result<(), StreamAbort> {
    let sent = timeout(STALL_TIMEOUT, chunks.send(chunk)).await.map_err(|_| StreamAbort::Stalled)?;
    sent.map_err(|_| StreamAbort::ClientDisconnected)
}
