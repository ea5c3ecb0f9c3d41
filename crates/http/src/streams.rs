//! Streamed responses: whole collections with one line per record (contract v1 § 1), and events as they happen.
//!
//! A stream outlives the handling of its request. After the audit entry is recorded and the head is sent, a separate
//! task produces the lines at the client's pace. If the stream is aborted for any reason, the last line is missing and
//! the connection is closed before the end of the body, so that the client notices.

mod body;
mod cut;
mod events;
mod places;
mod watch;

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::http::{HeaderValue, StatusCode, header};
use futures_util::FutureExt;
use kernel::SnapshotStream;
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

pub(crate) use events::{Hearing, reply as events_response};
pub(crate) use places::Places;

use crate::{accept::Format, app::App, call::Call, operation::Access, problem::Problem, reply::Reply, view::AS_OF};
use body::{Chunk, body};
use cut::Cut;
use places::Full;
pub(crate) use places::Place;

/// The maximum time in which a client must accept a chunk.
const PROGRESS: Duration = Duration::from_secs(30);
/// The maximum duration of a stream of a collection, which holds its database snapshot all the time.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// The size of a chunk, in bytes, at which it is sent.
const CHUNK: usize = 32 * 1024;
/// Extra capacity for the line that fills a chunk, so that the buffer rarely needs to grow.
const LINE: usize = 4 * 1024;
/// The last line of a complete stream, which distinguishes it from an aborted one.
const LAST_LINE: &[u8] = b"{\"pagination\":{}}\n";

/// Acquires a permit for a stream of a collection.
pub(crate) fn take_place(app: &App, request: &Call) -> Result<Place, Problem> {
    take(&app.streams, request)
}

/// Acquires a permit for a stream of events.
pub(crate) fn take_place_for_events(app: &App, request: &Call) -> Result<Place, Problem> {
    take(&app.hearing.places, request)
}

fn take(limits: &Arc<Places>, request: &Call) -> Result<Place, Problem> {
    limits.take(request.known()?.caller.account.meta.id).map_err(|reached| match reached {
        Full::Account => Problem::too_many_streams(limits.most_of_account),
        Full::Server => Problem::no_place_for_stream(limits.most),
    })
}

/// Responds with a snapshot as newline-delimited JSON.
pub(crate) fn reply<T: Send + Sync + 'static>(
    app: &App,
    request: &Call,
    permit: Place,
    snapshot: SnapshotStream<T>,
    write: impl Fn(&T, &mut Vec<u8>) + Send + 'static,
) -> Result<Reply, Problem> {
    let Access::Scope(scope) = request.operation.access else { return Err(Problem::internal()) };
    let (app, principal) = (app.clone(), request.known()?.clone());
    let (request_id, route) = (request.request_id, request.operation.path);
    let (chunks, receiver) = mpsc::channel(1);
    let as_of = snapshot.as_of.to_string();
    tokio::spawn(async move {
        let lines = AssertUnwindSafe(write_lines(snapshot, write, &chunks)).catch_unwind();
        let ended = tokio::select! {
            ended = lines => ended.unwrap_or(Err(Cut::Panicked)),
            () = chunks.closed() => Err(Cut::Abandoned),
            abort = watch::until_lost(&app, &principal, scope) => Err(abort),
            () = sleep(LONGEST) => Err(Cut::TooLong),
        };
        if let Err(abort) = ended {
            abort.log(request_id, route);
        }
        drop(permit);
    });
    let content_type = (header::CONTENT_TYPE, HeaderValue::from_static(Format::Lines.media_type()));
    Ok(Reply { headers: vec![content_type], stream: Some(body(receiver)), ..Reply::empty(StatusCode::OK) }
        .header(AS_OF, as_of))
}

/// Writes the lines at the client's pace.
async fn write_lines<T: Sync>(
    mut snapshot: SnapshotStream<T>,
    write: impl Fn(&T, &mut Vec<u8>),
    chunks: &mpsc::Sender<Chunk>,
) -> Result<(), Cut> {
    let new_buffer = || Vec::with_capacity(CHUNK + LINE);
    let mut lines = new_buffer();
    while let Some(batch) = snapshot.batches.next().await.map_err(Cut::Store)? {
        for item in &batch {
            write(item, &mut lines);
            lines.push(b'\n');
            if lines.len() >= CHUNK {
                let bytes = std::mem::replace(&mut lines, new_buffer()).into();
                hand_on(chunks, Chunk { bytes, is_last: false }).await?;
            }
        }
    }
    // The snapshot is released before the client reads the rest.
    drop(snapshot);
    lines.extend_from_slice(LAST_LINE);
    hand_on(chunks, Chunk { bytes: lines.into(), is_last: true }).await
}

/// Sends a chunk to the body, and fails if the client does not accept it in time.
async fn hand_on(chunks: &mpsc::Sender<Chunk>, chunk: Chunk) -> Result<(), Cut> {
    let sent = timeout(PROGRESS, chunks.send(chunk)).await.map_err(|_| Cut::Stalled)?;
    sent.map_err(|_| Cut::Abandoned)
}
