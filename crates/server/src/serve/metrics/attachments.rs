//! The metrics of the store of attachments.

use std::{ops::Range, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use evidence::{
    ContentError, ContentHash, ContentReader, ContentStore, ContentUpload, FinishedUpload, ListedObject, ObjectName,
    StoredContent,
};
use kernel::{OrganizationId, Ulid};
use prometheus::{IntCounter, IntCounterVec, Opts};

use super::Metrics;
use crate::failure::Failure;

/// A store of attachments whose traffic and failures are counted.
pub(crate) struct MeteredContents {
    contents: Arc<dyn ContentStore>,
    meters: Arc<Meters>,
}

struct Meters {
    stored: IntCounter,
    read: IntCounter,
    failures: IntCounterVec,
}

impl Meters {
    /// Counts the failure of a result.
    fn count<T>(&self, result: Result<T, ContentError>) -> Result<T, ContentError> {
        if let Err(error) = &result {
            self.failures.with_label_values(&[reason(error)]).inc();
        }
        result
    }
}

const REASONS: [&str; 4] = ["unavailable", "full", "missing", "altered"];

fn reason(error: &ContentError) -> &'static str {
    let [unavailable, full, missing, altered] = REASONS;
    match error {
        ContentError::Unavailable(_) => unavailable,
        ContentError::Full(_) => full,
        ContentError::Missing(_) => missing,
        ContentError::Altered(_) => altered,
    }
}

impl MeteredContents {
    /// Registers the metrics of a store.
    ///
    /// # Errors
    /// If metrics with these names are registered already.
    pub(crate) fn register(metrics: &Metrics, contents: Arc<dyn ContentStore>) -> Result<Self, Failure> {
        let failures = Opts::new("novantra_attachments_failures_total", "Failed uses of the store of attachments.");
        let meters = Meters {
            stored: IntCounter::new("novantra_attachments_stored_bytes_total", "Bytes of attachments stored.")?,
            read: IntCounter::new("novantra_attachments_read_bytes_total", "Bytes of attachments read.")?,
            failures: IntCounterVec::new(failures, &["reason"])?,
        };
        metrics.register(Box::new(meters.stored.clone()))?;
        metrics.register(Box::new(meters.read.clone()))?;
        metrics.register(Box::new(meters.failures.clone()))?;
        // The series exist from the start, so that their first increase is seen.
        for reason in REASONS {
            meters.failures.with_label_values(&[reason]);
        }
        Ok(Self { contents, meters: Arc::new(meters) })
    }
}

#[async_trait]
impl ContentStore for MeteredContents {
    async fn begin_upload(
        &self,
        organization: OrganizationId,
        upload: Ulid,
    ) -> Result<Box<dyn ContentUpload>, ContentError> {
        let upload = self.meters.count(self.contents.begin_upload(organization, upload).await)?;
        Ok(Box::new(MeteredUpload { upload, meters: Arc::clone(&self.meters) }))
    }

    async fn read(&self, content: &StoredContent, range: Range<u64>) -> Result<Box<dyn ContentReader>, ContentError> {
        let reader = self.meters.count(self.contents.read(content, range).await)?;
        Ok(Box::new(MeteredReader { reader, meters: Arc::clone(&self.meters) }))
    }

    fn reader_bytes(&self) -> usize {
        self.contents.reader_bytes()
    }

    async fn remove(&self, name: &ObjectName) -> Result<(), ContentError> {
        self.meters.count(self.contents.remove(name).await)
    }

    async fn list(&self, after: Option<&ObjectName>, limit: usize) -> Result<Vec<ListedObject>, ContentError> {
        self.meters.count(self.contents.list(after, limit).await)
    }

    async fn probe(&self) -> Result<(), ContentError> {
        self.meters.count(self.contents.probe().await)
    }
}

struct MeteredUpload {
    upload: Box<dyn ContentUpload>,
    meters: Arc<Meters>,
}

#[async_trait]
impl ContentUpload for MeteredUpload {
    async fn write(&mut self, chunk: Bytes) -> Result<(), ContentError> {
        self.meters.count(self.upload.write(chunk).await)
    }

    async fn finish(self: Box<Self>) -> Result<Box<dyn FinishedUpload>, ContentError> {
        let Self { upload, meters } = *self;
        let upload = meters.count(upload.finish().await)?;
        Ok(Box::new(MeteredFinishedUpload { upload, meters }))
    }
}

struct MeteredFinishedUpload {
    upload: Box<dyn FinishedUpload>,
    meters: Arc<Meters>,
}

#[async_trait]
impl FinishedUpload for MeteredFinishedUpload {
    fn hash(&self) -> ContentHash {
        self.upload.hash()
    }

    fn size(&self) -> u64 {
        self.upload.size()
    }

    async fn store(self: Box<Self>, generation: Ulid) -> Result<StoredContent, ContentError> {
        let Self { upload, meters } = *self;
        let stored = meters.count(upload.store(generation).await)?;
        meters.stored.inc_by(stored.size);
        Ok(stored)
    }

    async fn discard(self: Box<Self>) {
        self.upload.discard().await;
    }
}

struct MeteredReader {
    reader: Box<dyn ContentReader>,
    meters: Arc<Meters>,
}

#[async_trait]
impl ContentReader for MeteredReader {
    async fn next(&mut self) -> Result<Option<Bytes>, ContentError> {
        let chunk = self.meters.count(self.reader.next().await)?;
        self.meters.read.inc_by(chunk.as_ref().map_or(0, |chunk| chunk.len() as u64));
        Ok(chunk)
    }
}

#[cfg(test)]
mod tests {
    use attachments::BucketStore;

    use super::*;

    #[tokio::test]
    async fn traffic_and_failures_are_counted() {
        let metrics = Metrics::new().unwrap();
        let contents = MeteredContents::register(&metrics, Arc::new(BucketStore::in_memory())).unwrap();
        let mut upload = contents.begin_upload(OrganizationId::new(Ulid(1)), Ulid(1)).await.unwrap();
        upload.write(Bytes::from_static(b"abc")).await.unwrap();
        let content = upload.finish().await.unwrap().store(Ulid(2)).await.unwrap();
        let mut reader = contents.read(&content, 0..3).await.unwrap();
        while reader.next().await.unwrap().is_some() {}
        contents.remove(&content.key.into()).await.unwrap();
        assert!(contents.read(&content, 0..3).await.is_err());
        let text = metrics.encode(&[]).unwrap();
        for line in [
            "novantra_attachments_stored_bytes_total 3",
            "novantra_attachments_read_bytes_total 3",
            "novantra_attachments_failures_total{reason=\"missing\"} 1",
            "novantra_attachments_failures_total{reason=\"altered\"} 0",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }
}
