//! The port of the tables that hold the log: what a store does for it. What the rows mean is known to the crate
//! `audit-store`, which reads, seals, compacts and removes through this port alone.
//!
//! An entry moves through three tables: from a row of entries that wait for their seal to a run of sealed entries, and
//! from that to a segment. **A reader asks in this order**, and finds each entry at least once, whatever is moved in
//! between. No method needs a snapshot over several tables.

mod changes;
mod cosignatures;
mod rows;

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{Entry, Id, OrganizationId, Page, PageRequest, StoreError, Ulid};

use crate::{
    archive::ArchiveObjects, checkpoint::Checkpoint, hash::Hash, log::AuditFilter, row_key::RowKey,
    stored_entry::StoredEntry,
};

pub use changes::{
    Archival, BodyRedaction, Compaction, Conversion, HeadChange, LeaseHold, PrefixRemoval, SealingRound, TermMerge,
};
pub use cosignatures::{CosignatureTable, CosignedRow};
pub use rows::{
    BodyRange, NewRun, NewSegment, Recent, RunKey, RunTable, SegmentQuery, SegmentStart, SignedHead, StoredHead,
    TermQuery, TermRow, TileRow, WaitingKey, WaitingRow, WaitingStats, WriterRow,
};

/// The number of rows under one key that [`AuditTables::recent`] returns at most: usually all.
pub const MAX_RECENT_ROWS: usize = 100;

/// The tables of the audit log in a store.
#[async_trait]
pub trait AuditTables: Send + Sync {
    // Reading.

    /// Returns what is needed first to read an organization's log: the rows that may contain entries of it which wait
    /// (those that several organizations share, under the key of the installation, then those under its own key; none
    /// without entries; the first [`MAX_RECENT_ROWS`] under each key), then the keys of its runs, then its head, each as it
    /// is when it is read, in this order.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn recent(&self, organization: OrganizationId) -> Result<Recent, StoreError>;

    /// Returns the heads of those of these organizations that have one, in any order.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn heads(&self, organizations: &[OrganizationId]) -> Result<Vec<StoredHead>, StoreError>;

    /// Returns up to `limit` of the organizations that have a head, after this one, in order.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn chains(&self, after: Option<OrganizationId>, limit: usize) -> Result<Vec<OrganizationId>, StoreError>;

    /// Returns every organization that has something in the log that was sealed, or an entry of the old form, in order:
    /// one with a head, but also one of which only a run, a segment, a checkpoint or an entry of the old form is left.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn organizations(&self) -> Result<Vec<OrganizationId>, StoreError>;

    /// Returns the keys of an organization's runs, in the order of the chain.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn runs(&self, organization: OrganizationId) -> Result<Vec<RunKey>, StoreError>;

    /// Returns keys of an organization's segments.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn segments(&self, organization: OrganizationId, query: &SegmentQuery) -> Result<Vec<RunKey>, StoreError>;

    /// Returns the first sequences of up to `limit` segments that begin at or after this sequence, in order, and the
    /// SHA-256 that their bodies must have.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn digests(
        &self,
        organization: OrganizationId,
        from: i64,
        limit: usize,
    ) -> Result<Vec<(i64, Hash)>, StoreError>;

    /// Returns parts of the bodies of an organization's runs and segments, in the order of `ranges`; `None` for one that
    /// no longer is in its table. A part is short where the body ends. It comes from the archive if the body is there.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails; [`StoreError::Unavailable`] if the archive does.
    async fn bodies(
        &self,
        organization: OrganizationId,
        ranges: &[BodyRange],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError>;

    /// Returns rows of an organization's index.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn terms(&self, organization: OrganizationId, query: &TermQuery) -> Result<Vec<TermRow>, StoreError>;

    /// Returns those of the organization's tiles, by level and number, that exist.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn tiles(&self, organization: OrganizationId, tiles: &[(i64, i64)]) -> Result<Vec<TileRow>, StoreError>;

    /// Returns up to `limit` of the checkpoints that are kept, after this sequence, in the order of the chain.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn checkpoints(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Checkpoint>, StoreError>;

    /// Returns the number of entries that wait to be sealed, and the time of the oldest row of them: of all organizations,
    /// or of the rows that may contain entries of this one.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn waiting_stats(&self, organization: Option<OrganizationId>) -> Result<WaitingStats, StoreError>;

    /// Returns up to `limit` of the rows with entries under an organization's own key, after this identifier, in order.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn waiting_of(
        &self,
        organization: OrganizationId,
        after: Option<Ulid>,
        limit: usize,
    ) -> Result<Vec<WaitingRow>, StoreError>;

    // Sealing and compaction.

    /// Returns up to `limit` rows of any organization after this key, in the order of their keys, also those without
    /// entries. The row with which their bodies reach `bytes` is the last.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn waiting(
        &self,
        after: Option<WaitingKey>,
        limit: usize,
        bytes: usize,
    ) -> Result<Vec<WaitingRow>, StoreError>;

    /// Returns what is stored about the processes that write rows.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn writers(&self) -> Result<Vec<WriterRow>, StoreError>;

    /// Stores a round of sealing in one transaction: see [`SealingRound`]. Returns `false`, and stores nothing, if the
    /// lease has another holder, or a head or a row is not what the round expects.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails; the round may have been stored then.
    async fn seal(&self, round: &SealingRound) -> Result<bool, StoreError>;

    /// Replaces blocks by a segment in one transaction. Returns `false`, and stores nothing, if the lease has another
    /// holder, or one of the blocks no longer exists.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails; the segment may have been stored then.
    async fn compact(&self, compaction: &Compaction) -> Result<bool, StoreError>;

    /// Replaces the rows of the index of single segments by merged ones in one transaction, with a result as of
    /// [`Self::compact`].
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn merge_terms(&self, merge: &TermMerge) -> Result<bool, StoreError>;

    /// Sets the place in the archive of segments, whose bodies are deleted, in one transaction, with a result as of
    /// [`Self::compact`]: it stores nothing either if one of the segments has no body any longer.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails; the place may have been stored then.
    async fn archive(&self, archival: &Archival) -> Result<bool, StoreError>;

    /// Replaces the body of a run by one in which an entry is redacted, in one transaction, with a result as of
    /// [`Self::compact`]: it stores nothing either if the run has no body, or is another by now.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails; the body may have been stored then.
    async fn redact(&self, redaction: &BodyRedaction) -> Result<bool, StoreError>;

    /// Removes the entries up to a block's or segment's end from the start of a chain, in one transaction. Returns
    /// `false`, and removes nothing, if the chain does not begin where the removal expects, or if the runs and segments
    /// that end at or before the removal's end do not have exactly the entries that are removed: blocks may be replaced by
    /// a segment at the same time.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn remove_prefix(&self, removal: &PrefixRemoval) -> Result<bool, StoreError>;

    // Entries of the old form, a row each, which are converted to segments in the background. A chain's own are those up
    // to `StoredHead::old_through`, and those that waited when the schema was migrated.

    /// Returns up to `limit` sealed entries of the old form after this sequence, with their stored seals, in the order of
    /// the chain.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails; [`StoreError::Corrupt`] if one of the entries can't be read.
    async fn old_sealed(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, StoreError>;

    /// Returns a page of the sealed entries of the old form, as [`crate::AuditLog::entries`] does. Its `as_of` has no meaning.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn old_entries(
        &self,
        organization: OrganizationId,
        filter: &AuditFilter,
        page: &PageRequest,
    ) -> Result<Page<StoredEntry>, StoreError>;

    /// Returns the sealed entry of the old form with this identifier.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn old_entry(&self, organization: OrganizationId, id: Id<Entry>) -> Result<Option<StoredEntry>, StoreError>;

    /// Returns up to `limit` entries of the old form of any organization that wait to be sealed.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn old_waiting(&self, limit: usize) -> Result<Vec<Entry>, StoreError>;

    /// Stores segments and blocks made of old entries in one transaction, with a result as of [`Self::compact`].
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn convert(&self, conversion: &Conversion) -> Result<bool, StoreError>;

    /// Deletes all entries of the old form, once no chain needs them and none of them waits to be sealed. Otherwise, or
    /// if there are none, it does nothing.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn delete_old_entries(&self) -> Result<(), StoreError>;
}

/// A store that has the tables of the log.
#[async_trait]
pub trait HasAuditTables: Send + Sync {
    /// The tables, for the tasks that seal, compact, prove and remove.
    fn audit_tables(&self) -> Arc<dyn AuditTables>;

    /// The table of the heads that witnesses have cosigned.
    fn cosignatures(&self) -> Arc<dyn CosignatureTable>;

    /// Sets the key that authenticates rows of entries. Nothing that has entries can be written before.
    fn authenticate_rows(&self, key: Arc<dyn RowKey>);

    /// Sets the archive that has the bodies which are not in the tables. Without it, they can't be read.
    fn use_archive(&self, objects: Arc<dyn ArchiveObjects>);

    /// Stores an empty row if this process has stored rows, or given up some, since the last empty one: so that a missing
    /// last row shows. A server calls this every few seconds, and every process before it ends.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn settle_rows(&self) -> Result<(), StoreError>;
}
