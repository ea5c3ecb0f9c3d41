//! The parts of streams that both engines share: the limit on their number and the channel for batches of rows.

use std::{mem, sync::Arc, time::Duration};

use async_trait::async_trait;
use kernel::{RecordStream, StoreError};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::timeout,
};

use super::{RowReader, Sql, Value, unavailable};

/// The maximum number of concurrent streams. Each has a connection of its own, so they do not slow down other reads.
const MAX_STREAMS: usize = 8;
/// The maximum time for which a stream waits for a permit. A dropped stream releases its permit within moments.
const PERMIT_TIMEOUT: Duration = Duration::from_secs(5);
/// The maximum number of rows per batch. One batch is filled while one is queued and one is consumed.
pub(super) const BATCH_ROWS: usize = 128;
/// The size of texts at which a batch is full although it has fewer rows, so that the memory of a stream is bounded
/// whatever its records contain.
const BATCH_BYTES: usize = 256 * 1024;

/// A batch that is being filled.
pub(super) struct RowBatch<T> {
    rows: Vec<T>,
    text_bytes: usize,
}

impl<T> RowBatch<T> {
    pub(super) fn new() -> Self {
        Self { rows: Vec::with_capacity(BATCH_ROWS), text_bytes: 0 }
    }

    /// Adds a row. Returns the batch if it is full, and begins the next one.
    pub(super) fn push(
        &mut self,
        mut cells: RowReader<'_>,
        read: fn(&mut RowReader<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<Vec<T>>, StoreError> {
        self.rows.push(read(&mut cells)?);
        self.text_bytes += cells.text_bytes();
        let is_full = self.rows.len() == BATCH_ROWS || self.text_bytes >= BATCH_BYTES;
        Ok(is_full.then(|| mem::replace(self, Self::new()).rows))
    }

    /// Returns the last batch, unless it is empty.
    pub(super) fn finish(self) -> Option<Vec<T>> {
        (!self.rows.is_empty()).then_some(self.rows)
    }
}

/// A query whose rows are streamed.
pub(super) struct StreamedQuery<T> {
    pub(super) sql: Arc<Sql>,
    pub(super) values: Vec<Value<'static>>,
    pub(super) read: fn(&mut RowReader<'_>) -> Result<T, StoreError>,
}

/// A permit for a stream, which is released when it is dropped.
pub(crate) struct StreamPermit {
    _permit: OwnedSemaphorePermit,
}

/// Limits the number of an engine's concurrent streams.
pub(super) struct StreamSemaphore(Arc<Semaphore>);

impl Default for StreamSemaphore {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_STREAMS)))
    }
}

impl StreamSemaphore {
    /// Acquires a permit.
    pub(super) async fn acquire(&self) -> Result<StreamPermit, StoreError> {
        let permit = timeout(PERMIT_TIMEOUT, Arc::clone(&self.0).acquire_owned()).await;
        let permit = permit.map_err(|_| unavailable("too many streams are open; try again later"))?;
        Ok(StreamPermit { _permit: permit.map_err(unavailable)? })
    }
}

/// A message of the channel. The end is sent explicitly, so that an aborted stream is not mistaken for a complete one.
enum StreamMessage<T> {
    Batch(Vec<T>),
    End(Result<(), StoreError>),
}

/// The sending half of a stream, used by the connection.
pub(super) struct BatchSender<T>(mpsc::Sender<StreamMessage<T>>);

/// The receiving half of a stream, used by the caller.
pub(super) struct BatchReceiver<T>(mpsc::Receiver<StreamMessage<T>>);

/// Creates the channel of a stream, which buffers one batch.
pub(super) fn channel<T>() -> (BatchSender<T>, BatchReceiver<T>) {
    let (sender, receiver) = mpsc::channel(1);
    (BatchSender(sender), BatchReceiver(receiver))
}

impl<T> Clone for BatchSender<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> BatchSender<T> {
    /// Sends a batch, waiting until the previous one was received. Fails if the receiver was dropped.
    pub(super) async fn send(&self, batch: Vec<T>) -> Result<(), StoreError> {
        self.0.send(StreamMessage::Batch(batch)).await.map_err(|_| abandoned())
    }

    /// Sends the end of the stream, with its outcome.
    pub(super) async fn finish(self, outcome: Result<(), StoreError>) {
        // The receiver may have been dropped.
        let _ = self.0.send(StreamMessage::End(outcome)).await;
    }

    /// Waits until the receiver is dropped.
    pub(super) async fn closed(&self) {
        self.0.closed().await;
    }

    /// Whether the receiver was dropped.
    pub(super) fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}

/// The error of a stream whose receiver was dropped.
pub(super) fn abandoned() -> StoreError {
    unavailable("the stream was abandoned")
}

#[async_trait]
impl<T: Send> RecordStream<T> for BatchReceiver<T> {
    async fn next(&mut self) -> Result<Option<Vec<T>>, StoreError> {
        match self.0.recv().await {
            Some(StreamMessage::Batch(batch)) => Ok(Some(batch)),
            Some(StreamMessage::End(outcome)) => outcome.map(|()| None),
            None => Err(unavailable("the stream was aborted before its end")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_aborted_stream_does_not_look_complete() {
        let (sender, mut receiver) = channel();
        sender.send(vec![1]).await.unwrap();
        drop(sender);
        assert_eq!(receiver.next().await.unwrap(), Some(vec![1]));
        assert!(matches!(receiver.next().await, Err(StoreError::Unavailable(_))));
    }

    #[tokio::test]
    async fn a_batch_is_sent_only_after_the_previous_one_was_received() {
        let (sender, mut receiver) = channel();
        sender.send(vec![1]).await.unwrap();
        let mut second = std::pin::pin!(sender.send(vec![2]));
        assert!(futures_util::FutureExt::now_or_never(second.as_mut()).is_none());
        assert_eq!(receiver.next().await.unwrap(), Some(vec![1]));
        second.await.unwrap();
        drop(receiver);
        assert!(sender.is_closed() && sender.send(vec![3]).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_permit_can_be_acquired_again() {
        let limit = StreamSemaphore::default();
        let mut permits = Vec::new();
        for _ in 0..MAX_STREAMS {
            permits.push(limit.acquire().await.unwrap());
        }
        assert!(matches!(limit.acquire().await, Err(StoreError::Unavailable(_))));
        permits.pop();
        permits.push(limit.acquire().await.unwrap());
    }
}
