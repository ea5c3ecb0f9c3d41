//! Streams over a snapshot: the state at the start of a stream is kept for as long as the stream exists.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{RecordStream, SnapshotStream, StoreError, Timestamp};

use crate::{Call, Interceptor, MemoryStore};

/// Number of records per batch.
const BATCH_SIZE: usize = 128;

impl MemoryStore {
    pub(crate) fn snapshot_stream<T: Send + 'static>(
        &self,
        records: impl Iterator<Item = T> + Send + 'static,
        as_of: Timestamp,
    ) -> SnapshotStream<T> {
        let batches = Box::new(Remaining { records, interceptor: self.interceptor.clone() });
        SnapshotStream { batches, as_of }
    }
}

struct Remaining<I> {
    records: I,
    interceptor: Option<Arc<dyn Interceptor>>,
}

#[async_trait]
impl<T: Send, I: Iterator<Item = T> + Send> RecordStream<T> for Remaining<I> {
    async fn next(&mut self) -> Result<Option<Vec<T>>, StoreError> {
        if let Some(interceptor) = &self.interceptor {
            interceptor.before(Call::Batch).await?;
        }
        let batch: Vec<T> = self.records.by_ref().take(BATCH_SIZE).collect();
        Ok((!batch.is_empty()).then_some(batch))
    }
}
