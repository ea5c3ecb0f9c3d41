//! Reading the log.

mod block_cache;
mod blocks;
mod byte_cache;
mod checkpoints;
mod directory;
mod lists;
mod old_form;
mod reader;
mod scan;
mod sealed;
mod single;
mod sizes;
mod stats;
mod steps;
mod stream;
mod term_cache;
mod terms;
mod view;
mod waiting;
mod wanted;
mod window;

use std::sync::Arc;

use audit::{
    AuditFilter, AuditTables, Checkpoint, Head, RowKey, SealedEntry, StoredEntry, UnsealedStats, tables::StoredHead,
};
use kernel::{Entry, Id, OrganizationId, Page, PageRequest, RecordStream, StoreError, StreamRequest, Timestamp};

pub(crate) use blocks::{is_replaced, parse_header};
pub(crate) use lists::moved;
pub(crate) use reader::{MAX_ATTEMPTS, Reader};
pub(crate) use view::View;

use crate::stored_head::verify_tag;
use stream::EntryStream;
use wanted::Wanted;
use window::Window;

/// The log in the tables of a store. It implements the reading part of [`audit::AuditLog`]; a store calls its methods.
pub struct StoredLog {
    pub(crate) reader: Arc<Reader>,
}

impl StoredLog {
    /// Creates the log over these tables.
    #[must_use]
    pub fn new(tables: Arc<dyn AuditTables>) -> Self {
        Self { reader: Arc::new(Reader::new(tables)) }
    }

    /// Sets the key that authenticates rows: entries of rows that were not written by this installation are not shown.
    pub fn set_key(&self, key: Arc<dyn RowKey>) {
        self.reader.set_key(key);
    }

    /// Verifies that this installation has stored the head as it is, if the key is set.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it has not.
    pub(crate) fn verify_head_tag(&self, head: &StoredHead) -> Result<(), StoreError> {
        self.reader.row_key().map_or(Ok(()), |key| verify_tag(&*key, head))
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
        self.reader.page(organization, &Wanted::Matching(filter.clone()), page, as_of).await
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
        let page = PageRequest { order: request.order, time_range: request.time_range, ..PageRequest::default() };
        let wanted = Wanted::Matching(filter.clone());
        let stream = EntryStream::open(Arc::clone(&self.reader), organization, wanted, Window::of_page(&page)).await?;
        Ok(Box::new(stream))
    }

    /// [`audit::AuditLog::entry`].
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    pub async fn entry(&self, organization: OrganizationId, id: Id<Entry>) -> Result<Option<StoredEntry>, StoreError> {
        self.reader.entry(organization, id).await
    }

    /// Returns the sealed entry with this identifier, or what remains of it; `None` if there is none, or it waits.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    pub async fn sealed_entry(
        &self,
        organization: OrganizationId,
        id: Id<Entry>,
    ) -> Result<Option<SealedEntry>, StoreError> {
        self.reader.sealed_one(organization, id).await
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
        self.reader.newest(organization, &Wanted::ChangesOf(subject.to_owned()), limit).await
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
    ) -> Result<Vec<SealedEntry>, StoreError> {
        self.reader.sealed(organization, after, limit).await
    }

    /// [`audit::AuditLog::head`].
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    pub async fn head(&self, organization: OrganizationId) -> Result<Head, StoreError> {
        Ok(self.reader.head(organization).await?.map_or(Head::EMPTY, |head| head.head))
    }

    /// [`audit::AuditLog::removed`].
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    pub async fn removed(&self, organization: OrganizationId) -> Result<Head, StoreError> {
        Ok(self.reader.head(organization).await?.map_or(Head::EMPTY, |head| head.removed))
    }

    /// [`audit::AuditLog::unsealed_stats`].
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    pub async fn unsealed_stats(&self, organization: Option<OrganizationId>) -> Result<UnsealedStats, StoreError> {
        self.reader.unsealed_stats(organization).await
    }

    /// [`audit::AuditLog::waiting_stats`].
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    pub async fn waiting_stats(&self, organization: OrganizationId, limit: usize) -> Result<UnsealedStats, StoreError> {
        let stats = self.reader.unsealed_stats(Some(organization)).await?;
        Ok(UnsealedStats { entries: stats.entries.min(limit as u64), ..stats })
    }

    /// [`audit::AuditLog::checkpoints`]: those that are kept, and the head's own.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    pub async fn checkpoints(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Checkpoint>, StoreError> {
        self.reader.checkpoints(organization, after, limit).await
    }
}
