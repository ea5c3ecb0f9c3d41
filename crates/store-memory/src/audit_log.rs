//! The audit log, which is written in rows and read from the tables (`crate::tables`).

use async_trait::async_trait;
use audit::{AuditFilter, AuditLog, Checkpoint, Head, SealedEntry, StoredEntry, UnsealedStats};
use audit_store::PreparedRow;
use kernel::{
    AuditTrail, Entry, Id, OrganizationId, Page, PageRequest, RepeatedCalls, SnapshotStream, StoreError, StreamRequest,
    Timestamp, WriteTimestamp,
};

use crate::{Call, MemoryStore, state::State};

#[async_trait]
impl AuditTrail for MemoryStore {
    fn begin_entry(&self) -> WriteTimestamp {
        self.entry_timestamps.begin()
    }

    async fn append(&self, entry: Entry, timestamp: WriteTimestamp) -> Result<(), StoreError> {
        self.intercept(Call::Append).await?;
        let stored = self.store_rows(&[entry], |state, rows| state.add_rows(rows));
        // Only now: the timestamp must stay in flight until the entry is visible.
        drop(timestamp);
        stored
    }

    async fn count_repeated(&self, repeated: RepeatedCalls) -> Result<(), StoreError> {
        self.intercept(Call::Append).await?;
        self.change(|state| {
            let key = (repeated.organization, repeated.first);
            let counted = state.repeated_calls.get(&key).copied();
            let sum = counted.map_or(repeated, |counted| RepeatedCalls {
                calls: counted.calls.saturating_add(repeated.calls),
                ..counted
            });
            state.repeated_calls.insert_mut(key, sum);
            Ok(())
        })
    }

    async fn repeated_calls(
        &self,
        now: Timestamp,
        latest: Timestamp,
        limit: usize,
    ) -> Result<Vec<RepeatedCalls>, StoreError> {
        let state = self.snapshot()?;
        let due = state.repeated_calls.values().filter(|counted| counted.due_at <= now || counted.due_at > latest);
        Ok(due.take(limit).copied().collect())
    }

    async fn replace_repeated(
        &self,
        counted: &RepeatedCalls,
        entry: Entry,
        timestamp: WriteTimestamp,
    ) -> Result<bool, StoreError> {
        self.intercept(Call::Append).await?;
        let replaced = self.store_rows(&[entry], |state, rows| {
            let key = (counted.organization, counted.first);
            if state.repeated_calls.get(&key).is_none_or(|stored| stored.calls != counted.calls) {
                return Ok(false);
            }
            state.repeated_calls.remove_mut(&key);
            state.add_rows(rows).map(|()| true)
        });
        drop(timestamp);
        replaced
    }
}

#[async_trait]
impl AuditLog for MemoryStore {
    async fn entries(
        &self,
        organization: OrganizationId,
        filter: &AuditFilter,
        page: &PageRequest,
    ) -> Result<Page<StoredEntry>, StoreError> {
        self.intercept(Call::Read).await?;
        self.log.entries(organization, filter, page, self.log_as_of()).await
    }

    async fn stream_entries(
        &self,
        organization: OrganizationId,
        filter: &AuditFilter,
        request: &StreamRequest,
    ) -> Result<SnapshotStream<StoredEntry>, StoreError> {
        self.intercept(Call::Read).await?;
        let as_of = self.log_as_of();
        let batches = self.log.stream(organization, filter, request).await?;
        Ok(SnapshotStream { batches: self.intercepted(batches), as_of })
    }

    async fn entry(&self, organization: OrganizationId, id: Id<Entry>) -> Result<Option<StoredEntry>, StoreError> {
        self.log.entry(organization, id).await
    }

    async fn changes(
        &self,
        organization: OrganizationId,
        subject: &str,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        self.log.changes(organization, subject, limit).await
    }

    async fn sealed(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<SealedEntry>, StoreError> {
        self.log.sealed(organization, after, limit).await
    }

    async fn checkpoints(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Checkpoint>, StoreError> {
        self.log.checkpoints(organization, after, limit).await
    }

    async fn head(&self, organization: OrganizationId) -> Result<Head, StoreError> {
        self.log.head(organization).await
    }

    async fn removed(&self, organization: OrganizationId) -> Result<Head, StoreError> {
        self.log.removed(organization).await
    }

    async fn unsealed_stats(&self, organization: Option<OrganizationId>) -> Result<UnsealedStats, StoreError> {
        self.log.unsealed_stats(organization).await
    }

    async fn waiting_stats(&self, organization: OrganizationId, limit: usize) -> Result<UnsealedStats, StoreError> {
        self.log.waiting_stats(organization, limit).await
    }
}

impl MemoryStore {
    /// The watermark of the log. It must be read before the entries, as in every list.
    fn log_as_of(&self) -> Timestamp {
        self.timestamps.low_watermark().min(self.entry_timestamps.low_watermark())
    }

    /// Applies a change that stores entries: `apply` must add the rows with them, unless it fails or changes nothing.
    pub(crate) fn store_rows<T, E: From<StoreError>>(
        &self,
        entries: &[Entry],
        apply: impl FnOnce(&mut State, &[PreparedRow]) -> Result<T, E>,
    ) -> Result<T, E> {
        let entries: Vec<&Entry> = entries.iter().collect();
        let rows = if entries.is_empty() { Vec::new() } else { self.rows.prepare(&entries)? };
        self.change(|state| {
            let outcome = apply(state, &rows)?;
            let are_stored = rows.iter().all(|prepared| state.log.waiting.contains_key(&prepared.row.key));
            Ok((outcome, are_stored))
        })
        .map(|(outcome, are_stored)| {
            // The numbers of other rows are given up.
            if are_stored {
                rows.into_iter().for_each(PreparedRow::stored);
            }
            outcome
        })
    }
}
