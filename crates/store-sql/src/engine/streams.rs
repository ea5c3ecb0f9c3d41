//! The parts of streams that both engines share: the limit on their number and the channel for batches of rows.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use kernel::{RecordStream, StoreError};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::timeout,
};

use super::{Cells, Sql, Value, unavailable};

/// The maximum number of concurrent streams. Each has a connection of its own, so they do not slow down other reads.
const PLACES: usize = 8;
/// How long a stream waits for a permit. A dropped stream releases its permit within moments.
const PATIENCE: Duration = Duration::from_secs(5);
/// The number of rows per batch. One batch is filled while one is queued and one is consumed, so this bounds the memory
/// of a stream: to 8 MB with texts of the maximum length, to a few hundred kilobytes with usual ones.
pub(super) const BATCH: usize = 128;

/// A query whose rows are streamed.
pub(super) struct StreamedQuery<T> {
    pub(super) sql: Arc<Sql>,
    pub(super) values: Vec<Value<'static>>,
    pub(super) read: fn(&mut Cells<'_>) -> Result<T, StoreError>,
}

/// Limits the number of an engine's concurrent streams.
pub(super) struct Places(Arc<Semaphore>);

impl Default for Places {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(PLACES)))
    }
}

impl Places {
    /// Acquires a permit, which is released when it is dropped.
    pub(super) async fn take(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        let permit = timeout(PATIENCE, Arc::clone(&self.0).acquire_owned()).await;
        permit.map_err(|_| unavailable("too many streams are open; try again later"))?.map_err(unavailable)
    }
}

/// A message of the channel. The end is sent explicitly, so that an aborted stream is not mistaken for a complete one.
enum Handed<T> {
    Batch(Vec<T>),
    End(Result<(), StoreError>),
}

/// The sending half of a stream, used by the connection.
pub(super) struct Giving<T>(mpsc::Sender<Handed<T>>);

/// The receiving half of a stream, used by the caller.
pub(super) struct Taking<T>(mpsc::Receiver<Handed<T>>);

/// Creates the channel of a stream, which buffers one batch.
pub(super) fn hand_over<T>() -> (Giving<T>, Taking<T>) {
    let (sender, receiver) = mpsc::channel(1);
    (Giving(sender), Taking(receiver))
}

impl<T> Clone for Giving<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Giving<T> {
    /// Sends a batch, waiting until the previous one was received. Fails if the receiver was dropped.
    pub(super) async fn give(&self, batch: Vec<T>) -> Result<(), StoreError> {
        self.0.send(Handed::Batch(batch)).await.map_err(|_| unwanted())
    }

    /// Sends the end of the stream, with its outcome.
    pub(super) async fn end(self, outcome: Result<(), StoreError>) {
        // The receiver may have been dropped.
        let _ = self.0.send(Handed::End(outcome)).await;
    }

    /// Waits until the receiver is dropped.
    pub(super) async fn unwanted(&self) {
        self.0.closed().await;
    }

    /// Whether the receiver was dropped.
    pub(super) fn is_unwanted(&self) -> bool {
        self.0.is_closed()
    }
}

/// The error of a stream whose receiver was dropped.
pub(super) fn unwanted() -> StoreError {
    unavailable("the stream was abandoned")
}

#[async_trait]
impl<T: Send> RecordStream<T> for Taking<T> {
    async fn next(&mut self) -> Result<Option<Vec<T>>, StoreError> {
        match self.0.recv().await {
            Some(Handed::Batch(batch)) => Ok(Some(batch)),
            Some(Handed::End(outcome)) => outcome.map(|()| None),
            None => Err(unavailable("the stream was aborted before its end")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stream_that_breaks_off_is_no_stream_that_ended() {
        let (sender, mut receiver) = hand_over();
        sender.give(vec![1]).await.unwrap();
        drop(sender);
        assert_eq!(receiver.next().await.unwrap(), Some(vec![1]));
        assert!(matches!(receiver.next().await, Err(StoreError::Unavailable(_))));
    }

    #[tokio::test]
    async fn what_nobody_takes_is_not_made_in_advance() {
        let (sender, mut receiver) = hand_over();
        sender.give(vec![1]).await.unwrap();
        let mut second = std::pin::pin!(sender.give(vec![2]));
        assert!(futures_util::FutureExt::now_or_never(second.as_mut()).is_none());
        assert_eq!(receiver.next().await.unwrap(), Some(vec![1]));
        second.await.unwrap();
        drop(receiver);
        assert!(sender.is_unwanted() && sender.give(vec![3]).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_is_free_again_once_it_is_dropped() {
        let limit = Places::default();
        let mut permits = Vec::new();
        for _ in 0..PLACES {
            permits.push(limit.take().await.unwrap());
        }
        assert!(matches!(limit.take().await, Err(StoreError::Unavailable(_))));
        permits.pop();
        permits.push(limit.take().await.unwrap());
    }
}
