//! Reading the log.

use std::sync::Arc;

use audit::{AuditFilter, AuditTables, Head, RowKey, StoredEntry, UnsealedStats};
use kernel::{Entry, Id, OrganizationId, Page, PageRequest, RecordStream, StoreError, StreamRequest, Timestamp};

/// The log in the tables of a store. It implements the reading part of [`audit::AuditLog`]; a store calls its methods.
pub struct StoredLog {}

impl StoredLog {
    /// Creates the log over these tables. `scan_limit` is the number of blocks that a page looks through at most.
    #[must_use]
    pub fn new(tables: Arc<dyn AuditTables>) -> Self {
        let _ = tables;
        Self {}
    }

    /// Sets the key that authenticates rows: entries of rows that were not written by this installation are not shown.
    pub fn set_key(&self, key: Arc<dyn RowKey>) {
        let _ = key;
    }

    /// [`audit::AuditLog::entries`]; the caller has read `as_of` before.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    pub async fn entries(
        &self,
        organization: OrganizationId,
        filter: &AuditFilter,
        page: &PageRequest,
        as_of: Timestamp,
    ) -> Result<Page<StoredEntry>, StoreError> {
        let _ = (organization, filter, page, as_of);
        unimplemented!()
    }

    /// The batches of [`audit::AuditLog::stream_entries`].
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    pub async fn stream(
        &self,
        organization: OrganizationId,
        filter: &AuditFilter,
        request: &StreamRequest,
    ) -> Result<Box<dyn RecordStream<StoredEntry>>, StoreError> {
        let _ = (organization, filter, request);
        unimplemented!()
    }

    /// [`audit::AuditLog::entry`].
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    pub async fn entry(&self, organization: OrganizationId, id: Id<Entry>) -> Result<Option<StoredEntry>, StoreError> {
        let _ = (organization, id);
        unimplemented!()
    }

    /// [`audit::AuditLog::changes`].
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    pub async fn changes(
        &self,
        organization: OrganizationId,
        subject: &str,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        let _ = (organization, subject, limit);
        unimplemented!()
    }

    /// [`audit::AuditLog::sealed`].
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    pub async fn sealed(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        let _ = (organization, after, limit);
        unimplemented!()
    }

    /// [`audit::AuditLog::head`].
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    pub async fn head(&self, organization: OrganizationId) -> Result<Head, StoreError> {
        let _ = organization;
        unimplemented!()
    }

    /// [`audit::AuditLog::removed`].
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    pub async fn removed(&self, organization: OrganizationId) -> Result<Head, StoreError> {
        let _ = organization;
        unimplemented!()
    }

    /// [`audit::AuditLog::unsealed_stats`].
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    pub async fn unsealed_stats(&self, organization: Option<OrganizationId>) -> Result<UnsealedStats, StoreError> {
        let _ = organization;
        unimplemented!()
    }
}
