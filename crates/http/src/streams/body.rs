//! The body of a streamed response.

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use tokio::sync::mpsc;

/// A chunk of a stream.
pub(super) struct Chunk {
    pub(super) bytes: Bytes,
    pub(super) is_last: bool,
}

/// The error that ends the body of an aborted stream. It closes the connection, so that the client notices the abort.
#[derive(Debug, thiserror::Error)]
#[error("the stream was aborted")]
struct Aborted;

/// Returns a body of these chunks. It fails if the channel closes before the last chunk.
pub(super) fn body(chunks: mpsc::Receiver<Chunk>) -> Body {
    let results = stream::unfold(Some(chunks), async |chunks| {
        let mut chunks = chunks?;
        Some(match chunks.recv().await {
            Some(Chunk { bytes, is_last }) => (Ok(bytes), (!is_last).then_some(chunks)),
            None => (Err(Aborted), None),
        })
    });
    // The compression layer polls once more after the end.
    Body::from_stream(results.fuse())
}
