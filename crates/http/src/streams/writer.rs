//! The writer of a streamed body.

use std::time::Duration;

use bytes::Bytes;
use tokio::{sync::mpsc, time::timeout};

use super::{abort::StreamAbort, body::Chunk};

/// The maximum time in which a client must accept a chunk.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// The writer of a streamed body. A body whose writer is dropped before [`Self::finish`] is aborted.
pub struct StreamWriter {
    pub(super) chunks: mpsc::Sender<Chunk>,
}

impl StreamWriter {
    /// Sends a chunk that others follow.
    ///
    /// # Errors
    /// [`StreamAbort`] if the client does not accept it in time.
    pub async fn send(&self, bytes: Bytes) -> Result<(), StreamAbort> {
        self.send_chunk(Chunk { bytes, is_last: false }).await
    }

    /// Sends the last chunk, which completes the body.
    ///
    /// # Errors
    /// [`StreamAbort`] if the client does not accept it in time.
    pub async fn finish(&self, bytes: Bytes) -> Result<(), StreamAbort> {
        self.send_chunk(Chunk { bytes, is_last: true }).await
    }

    async fn send_chunk(&self, chunk: Chunk) -> Result<(), StreamAbort> {
        let sent = timeout(STALL_TIMEOUT, self.chunks.send(chunk)).await.map_err(|_| StreamAbort::Stalled)?;
        sent.map_err(|_| StreamAbort::ConnectionClosed)
    }
}
