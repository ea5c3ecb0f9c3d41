//! Streams: complete collections from one snapshot, in batches.

use async_trait::async_trait;

use crate::{
    error::StoreError,
    page::{Order, TimeRange},
    timestamp::Timestamp,
};

/// A request to stream a collection or a part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamRequest {
    /// The order of the records.
    pub order: Order,
    /// The times that the records must be within.
    pub time_range: TimeRange,
}

/// A stream of records from a snapshot, with the low watermark of the snapshot.
pub struct SnapshotStream<T> {
    /// The records of the snapshot, in order.
    pub batches: Box<dyn RecordStream<T>>,
    /// The low watermark, as for a page: no change with an earlier timestamp can be missing from the snapshot (contract
    /// v1 § 6).
    pub as_of: Timestamp,
}

/// An asynchronous iterator over the batches of a snapshot. The consumer sets the pace: only a few batches are in
/// memory at a time, regardless of the length of the collection.
///
/// The snapshot stays open, at the store's cost, until this is dropped. The owner must drop it if the consumer stops
/// reading.
#[async_trait]
pub trait RecordStream<T>: Send {
    /// Returns the next batch, which is never empty; `None` at the end.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails or is closed; the stream has ended then.
    async fn next(&mut self) -> Result<Option<Vec<T>>, StoreError>;
}
