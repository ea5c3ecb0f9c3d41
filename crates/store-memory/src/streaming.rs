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
        let batches = self.intercepted(Box::new(Remaining { records }));
        SnapshotStream { batches, as_of }
    }

    /// Runs the interceptor before each batch.
    pub(crate) fn intercepted<T: Send + 'static>(&self, batches: Box<dyn RecordStream<T>>) -> Box<dyn RecordStream<T>> {
        match &self.interceptor {
            Some(interceptor) => Box::new(Intercepted { batches, interceptor: Arc::clone(interceptor) }),
            None => batches,
        }
    }
}

struct Intercepted<T> {
    batches: Box<dyn RecordStream<T>>,
    interceptor: Arc<dyn Interceptor>,
}

#[async_trait]
impl<T: Send> RecordStream<T> for Intercepted<T> {
    async fn next(&mut self) -> Result<Option<Vec<T>>, StoreError> {
        self.interceptor.before(Call::Batch).await?;
        self.batches.next().await
    }
}

struct Remaining<I> {
    records: I,
}

#[async_trait]
impl<T: Send, I: Iterator<Item = T> + Send> RecordStream<T> for Remaining<I> {
    async fn next(&mut self) -> Result<Option<Vec<T>>, StoreError> {
        let batch: Vec<T> = self.records.by_ref().take(BATCH_SIZE).collect();
        Ok((!batch.is_empty()).then_some(batch))
    }
}
