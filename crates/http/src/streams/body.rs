//! A stream as the body of an answer.

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use tokio::sync::mpsc;

/// Some lines of a stream.
pub(super) struct Chunk {
    pub(super) bytes: Bytes,
    pub(super) is_last: bool,
}

/// Why a body has no end: its connection is broken off for it, since nothing else tells a cut from an end.
#[derive(Debug, thiserror::Error)]
#[error("the stream was cut")]
struct BrokenOff;

/// The chunks as a body, which breaks off where the last one is missing.
pub(super) fn body(chunks: mpsc::Receiver<Chunk>) -> Body {
    let pieces = stream::unfold(Some(chunks), async |chunks| {
        let mut chunks = chunks?;
        Some(match chunks.recv().await {
            Some(Chunk { bytes, is_last }) => (Ok(bytes), (!is_last).then_some(chunks)),
            None => (Err(BrokenOff), None),
        })
    });
    // Compression asks once more after the end.
    Body::from_stream(pieces.fuse())
}
