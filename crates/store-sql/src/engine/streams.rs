//! What streams of either engine have in common: how many there are, and how rows are handed on.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use kernel::{Batches, StoreError};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::timeout,
};

use super::{Cells, Sql, Value, unavailable};

/// How many streams there are at a time. Each has a connection of its own, so they take nothing from other reads.
const PLACES: usize = 8;
/// How long a stream waits for its place: one that was dropped gives its own back in a moment.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many rows are handed on at a time. One batch is made while one waits and one is used, so this bounds the memory of a
/// stream: to 8 MB where every text is as long as it may be, to a few hundred kilobytes with usual ones.
pub(super) const BATCH: usize = 128;

/// A query whose rows are streamed.
pub(super) struct StreamedQuery<T> {
    pub(super) sql: Arc<Sql>,
    pub(super) values: Vec<Value<'static>>,
    pub(super) read: fn(&mut Cells<'_>) -> Result<T, StoreError>,
}

/// The places of an engine's streams.
pub(super) struct Places(Arc<Semaphore>);

impl Default for Places {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(PLACES)))
    }
}

impl Places {
    /// Takes a place, which is held until it is dropped.
    pub(super) async fn take(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        let place = timeout(PATIENCE, Arc::clone(&self.0).acquire_owned()).await;
        place.map_err(|_| unavailable("too many streams are open"))?.map_err(unavailable)
    }
}

/// What is handed on. That all was handed on is said, so that a stream that breaks off is not taken for one that ended.
enum Handed<T> {
    Batch(Vec<T>),
    End(Result<(), StoreError>),
}

/// A stream as seen from the connection.
pub(super) struct Giving<T>(mpsc::Sender<Handed<T>>);

/// A stream as seen from whoever asked for it.
pub(super) struct Taking<T>(mpsc::Receiver<Handed<T>>);

pub(super) fn hand_over<T>() -> (Giving<T>, Taking<T>) {
    let (giving, taking) = mpsc::channel(1);
    (Giving(giving), Taking(taking))
}

impl<T> Clone for Giving<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Giving<T> {
    /// Waits until the batch before was taken. Fails when nobody wants more.
    pub(super) async fn give(&self, batch: Vec<T>) -> Result<(), StoreError> {
        self.0.send(Handed::Batch(batch)).await.map_err(|_| unwanted())
    }

    /// Says that there is no more, and why.
    pub(super) async fn end(self, outcome: Result<(), StoreError>) {
        // Who went away need not hear it.
        let _ = self.0.send(Handed::End(outcome)).await;
    }

    /// Waits until nobody wants more.
    pub(super) async fn unwanted(&self) {
        self.0.closed().await;
    }

    /// Whether nobody wants more.
    pub(super) fn is_unwanted(&self) -> bool {
        self.0.is_closed()
    }
}

pub(super) fn unwanted() -> StoreError {
    unavailable("the stream was given up")
}

#[async_trait]
impl<T: Send> Batches<T> for Taking<T> {
    async fn next(&mut self) -> Result<Option<Vec<T>>, StoreError> {
        match self.0.recv().await {
            Some(Handed::Batch(batch)) => Ok(Some(batch)),
            Some(Handed::End(outcome)) => outcome.map(|()| None),
            None => Err(unavailable("the stream broke off")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stream_that_breaks_off_is_no_stream_that_ended() {
        let (giving, mut taking) = hand_over();
        giving.give(vec![1]).await.unwrap();
        drop(giving);
        assert_eq!(taking.next().await.unwrap(), Some(vec![1]));
        assert!(matches!(taking.next().await, Err(StoreError::Unavailable(_))));
    }

    #[tokio::test]
    async fn what_nobody_takes_is_not_made_in_advance() {
        let (giving, mut taking) = hand_over();
        giving.give(vec![1]).await.unwrap();
        let mut second = std::pin::pin!(giving.give(vec![2]));
        assert!(futures_util::FutureExt::now_or_never(second.as_mut()).is_none());
        assert_eq!(taking.next().await.unwrap(), Some(vec![1]));
        second.await.unwrap();
        drop(taking);
        assert!(giving.is_unwanted() && giving.give(vec![3]).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_is_free_again_once_it_is_dropped() {
        let places = Places::default();
        let mut taken = Vec::new();
        for _ in 0..PLACES {
            taken.push(places.take().await.unwrap());
        }
        assert!(matches!(places.take().await, Err(StoreError::Unavailable(_))));
        taken.pop();
        taken.push(places.take().await.unwrap());
    }
}
