//! Reading the audit log.

use ::audit::{AuditFilter, AuditLog, Checkpoint, Head, SealedEntry, StoredEntry, UnsealedStats};
use async_trait::async_trait;
use kernel::{
    Entry, Id, OrganizationId, Page, PageRequest, RecordStream, SnapshotStream, StoreError, StreamRequest, Timestamp,
};

use crate::{engine::StreamPermit, ports::SqlStore};

/// A stream that holds one of the permits for streams.
struct LimitedStream {
    batches: Box<dyn RecordStream<StoredEntry>>,
    _permit: StreamPermit,
}

#[async_trait]
impl RecordStream<StoredEntry> for LimitedStream {
    async fn next(&mut self) -> Result<Option<Vec<StoredEntry>>, StoreError> {
        self.batches.next().await
    }
}

#[async_trait]
impl AuditLog for SqlStore {
    async fn entries(
        &self,
        organization: OrganizationId,
        filter: &AuditFilter,
        page: &PageRequest,
    ) -> Result<Page<StoredEntry>, StoreError> {
        let as_of = self.log_as_of().await?;
        self.stored_log.entries(organization, filter, page, as_of).await
    }

    async fn stream_entries(
        &self,
        organization: OrganizationId,
        filter: &AuditFilter,
        request: &StreamRequest,
    ) -> Result<SnapshotStream<StoredEntry>, StoreError> {
        let permit = self.engine.stream_permit().await?;
        let as_of = self.log_as_of().await?;
        let batches = self.stored_log.stream(organization, filter, request).await?;
        Ok(SnapshotStream { batches: Box::new(LimitedStream { batches, _permit: permit }), as_of })
    }

    async fn entry(&self, organization: OrganizationId, id: Id<Entry>) -> Result<Option<StoredEntry>, StoreError> {
        self.stored_log.entry(organization, id).await
    }

    async fn changes(
        &self,
        organization: OrganizationId,
        subject: &str,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        self.stored_log.changes(organization, subject, limit).await
    }

    async fn sealed(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<SealedEntry>, StoreError> {
        self.stored_log.sealed(organization, after, limit).await
    }

    async fn checkpoints(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Checkpoint>, StoreError> {
        self.stored_log.checkpoints(organization, after, limit).await
    }

    async fn head(&self, organization: OrganizationId) -> Result<Head, StoreError> {
        self.stored_log.head(organization).await
    }

    async fn removed(&self, organization: OrganizationId) -> Result<Head, StoreError> {
        self.stored_log.removed(organization).await
    }

    async fn unsealed_stats(&self, organization: Option<OrganizationId>) -> Result<UnsealedStats, StoreError> {
        self.stored_log.unsealed_stats(organization).await
    }

    async fn waiting_stats(&self, organization: OrganizationId, limit: usize) -> Result<UnsealedStats, StoreError> {
        self.stored_log.waiting_stats(organization, limit).await
    }
}

impl SqlStore {
    /// Returns the time before which no entry can become visible any more. It is read before the entries are.
    async fn log_as_of(&self) -> Result<Timestamp, StoreError> {
        self.registration.as_of(self.in_flight.low_watermark()).await
    }
}
