//! Whole collections, a line for each record (contract v1 § 1), and events as they happen.
//!
//! A stream outlives the call that asked for it: the call is on record and its head is sent, then a task of the stream's own
//! makes the lines, at the pace the client takes them. Whatever cuts it, the client sees that its last line is missing and
//! that the body broke off.

mod body;
mod cut;
mod events;
mod places;
mod watch;

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::http::{HeaderValue, StatusCode, header};
use futures_util::FutureExt;
use kernel::Streamed;
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

pub(crate) use events::{Hearing, reply as events_reply};
pub(crate) use places::Places;

use crate::{accept::Format, app::App, call::Call, operation::Access, problem::Problem, reply::Reply, view::AS_OF};
use body::{Chunk, body};
use cut::Cut;
use places::Full;
pub(crate) use places::Place;

/// How long a client may take no chunk.
const PROGRESS: Duration = Duration::from_secs(30);
/// How long a stream may take in all: its snapshot is kept as long.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// How many bytes are handed on at a time.
const CHUNK: usize = 32 * 1024;
/// Room for the line that makes a chunk full, so that it is mostly made in one piece.
const LINE: usize = 4 * 1024;
/// What tells an end from a cut.
const LAST_LINE: &[u8] = b"{\"pagination\":{}}\n";

/// Takes a place for a stream of the caller's.
pub(crate) fn take_place(app: &App, call: &Call) -> Result<Place, Problem> {
    take(&app.streams, call)
}

/// Takes a place for a stream of events of the caller's.
pub(crate) fn take_place_for_events(app: &App, call: &Call) -> Result<Place, Problem> {
    take(&app.hearing.places, call)
}

fn take(places: &Arc<Places>, call: &Call) -> Result<Place, Problem> {
    places.take(call.known()?.caller.account.meta.id).map_err(|full| match full {
        Full::Account => Problem::too_many_streams(places.most_of_account),
        Full::Server => Problem::no_place_for_stream(places.most),
    })
}

/// Answers with a stream.
pub(crate) fn reply<T: Send + Sync + 'static>(
    app: &App,
    call: &Call,
    place: Place,
    streamed: Streamed<T>,
    write: impl Fn(&T, &mut Vec<u8>) + Send + 'static,
) -> Result<Reply, Problem> {
    let Access::Scope(scope) = call.operation.access else { return Err(Problem::internal()) };
    let (app, known) = (app.clone(), call.known()?.clone());
    let (request_id, route) = (call.request_id, call.operation.path);
    let (chunks, taken) = mpsc::channel(1);
    let as_of = streamed.as_of.to_string();
    tokio::spawn(async move {
        let lines = AssertUnwindSafe(write_lines(streamed, write, &chunks)).catch_unwind();
        let ended = tokio::select! {
            ended = lines => ended.unwrap_or(Err(Cut::Panicked)),
            () = chunks.closed() => Err(Cut::Abandoned),
            cut = watch::until_lost(&app, &known, scope) => Err(cut),
            () = sleep(LONGEST) => Err(Cut::TooLong),
        };
        if let Err(cut) = ended {
            cut.log(request_id, route);
        }
        drop(place);
    });
    let content_type = (header::CONTENT_TYPE, HeaderValue::from_static(Format::Lines.media_type()));
    Ok(Reply { headers: vec![content_type], stream: Some(body(taken)), ..Reply::empty(StatusCode::OK) }
        .header(AS_OF, as_of))
}

/// Writes the lines, as fast as they are taken.
async fn write_lines<T: Sync>(
    mut streamed: Streamed<T>,
    write: impl Fn(&T, &mut Vec<u8>),
    chunks: &mpsc::Sender<Chunk>,
) -> Result<(), Cut> {
    let fresh = || Vec::with_capacity(CHUNK + LINE);
    let mut lines = fresh();
    while let Some(batch) = streamed.batches.next().await.map_err(Cut::Store)? {
        for item in &batch {
            write(item, &mut lines);
            lines.push(b'\n');
            if lines.len() >= CHUNK {
                let bytes = std::mem::replace(&mut lines, fresh()).into();
                hand_on(chunks, Chunk { bytes, is_last: false }).await?;
            }
        }
    }
    // The snapshot is let go of before the client takes the rest.
    drop(streamed);
    lines.extend_from_slice(LAST_LINE);
    hand_on(chunks, Chunk { bytes: lines.into(), is_last: true }).await
}

async fn hand_on(chunks: &mpsc::Sender<Chunk>, chunk: Chunk) -> Result<(), Cut> {
    let handed = timeout(PROGRESS, chunks.send(chunk)).await.map_err(|_| Cut::Stalled)?;
    handed.map_err(|_| Cut::Abandoned)
}
