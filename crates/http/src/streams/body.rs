//! The body of a streamed response.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use tokio::sync::mpsc;

/// A chunk of a stream.
pub(super) struct Chunk {
    pub(super) bytes: Bytes,
    pub(super) is_last: bool,
}

/// The number of bytes of a body that the connection has taken.
#[derive(Default)]
pub(super) struct PassedOn(AtomicU64);

impl PassedOn {
    fn add(&self, chunk: &Chunk) {
        self.0.fetch_add(chunk.bytes.len() as u64, Ordering::Release);
    }

    pub(super) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// The error that ends the body of an aborted stream. It closes the connection, so that the client notices the abort.
#[derive(Debug, thiserror::Error)]
#[error("the stream was aborted")]
struct Aborted;

/// A stream of chunks, and what it holds until it is dropped.
///
/// The permit of a stream is held by its body and not by the task that produces it: the task ends once the last chunk is
/// in the channel, but a client that reads nothing keeps the body, and the compressor around it, for longer.
struct Holding<P> {
    chunks: BoxStream<'static, Result<Bytes, Aborted>>,
    _permit: P,
}

impl<P: Unpin> Stream for Holding<P> {
    type Item = Result<Bytes, Aborted>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.chunks.poll_next_unpin(context)
    }
}

/// Returns a body of these chunks, which holds the permit until it is dropped. It fails if the channel closes before the
/// last chunk.
pub(super) fn body<P: Send + Unpin + 'static>(
    chunks: mpsc::Receiver<Chunk>,
    passed_on: Arc<PassedOn>,
    permit: P,
) -> Body {
    let results = stream::unfold(Some((chunks, passed_on)), async |state| {
        let (mut chunks, passed_on) = state?;
        Some(match chunks.recv().await {
            Some(chunk) => {
                passed_on.add(&chunk);
                (Ok(chunk.bytes), (!chunk.is_last).then_some((chunks, passed_on)))
            }
            None => (Err(Aborted), None),
        })
    });
    // The compression layer polls once more after the end.
    Body::from_stream(Holding { chunks: results.fuse().boxed(), _permit: permit })
}
