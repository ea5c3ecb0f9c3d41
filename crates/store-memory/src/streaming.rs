//! Streams over a snapshot: the state at the start of a stream is kept for as long as the stream exists.

use async_trait::async_trait;
use kernel::{RecordStream, SnapshotStream, StoreError, Timestamp};

/// Number of records per batch.
const BATCH_SIZE: usize = 128;

pub(crate) fn snapshot_stream<T: Send + 'static>(
    records: impl Iterator<Item = T> + Send + 'static,
    as_of: Timestamp,
) -> SnapshotStream<T> {
    SnapshotStream { batches: Box::new(Remaining(records)), as_of }
}

struct Remaining<I>(I);

#[async_trait]
impl<T: Send, I: Iterator<Item = T> + Send> RecordStream<T> for Remaining<I> {
    async fn next(&mut self) -> Result<Option<Vec<T>>, StoreError> {
        let batch: Vec<T> = self.0.by_ref().take(BATCH_SIZE).collect();
        Ok((!batch.is_empty()).then_some(batch))
    }
}
