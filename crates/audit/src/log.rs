//! The port of the stores that hold the audit log.

use std::collections::BTreeSet;

use async_trait::async_trait;
use kernel::{Entry, Id, OrganizationId, Page, PageRequest, SnapshotStream, StoreError, StreamRequest, Timestamp};

use crate::{
    checkpoint::Checkpoint,
    redaction::SealedEntry,
    stored_entry::{Head, StoredEntry},
};

/// The number and age of the entries that are not sealed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnsealedStats {
    /// The number of unsealed entries.
    pub entries: u64,
    /// The time of the oldest unsealed entry.
    pub oldest: Option<Timestamp>,
}

/// The filter of a list of entries. An empty set matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// The names of actions: `finding.created`.
    pub actions: BTreeSet<String>,
    /// The identifiers of actors, with their prefixes.
    pub actors: BTreeSet<String>,
    /// The identifiers of subjects, with their prefixes.
    pub subjects: BTreeSet<String>,
}

impl AuditFilter {
    /// Returns whether the entry matches: the reference semantics of the filter.
    #[must_use]
    pub fn matches(&self, entry: &Entry) -> bool {
        let allows = |set: &BTreeSet<String>, value: Option<&str>| {
            set.is_empty() || value.is_some_and(|value| set.contains(value))
        };
        allows(&self.actions, Some(entry.action.as_str()))
            && allows(&self.actors, entry.actor.id.as_deref())
            && allows(&self.subjects, entry.subject.as_ref().map(|subject| subject.id.as_str()))
    }
}

/// Reads the audit log, which is written through [`kernel::AuditTrail`] and changesets.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Returns a page of an organization's entries that match the filter. Entries never change except for their seal,
    /// so both orders follow the identifiers: newest first, or oldest first for [`kernel::Order::Changed`] (whose
    /// position has the entry's time), and the range of change times has the same meaning as the range of creation
    /// times.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn entries(
        &self,
        organization: OrganizationId,
        filter: &AuditFilter,
        page: &PageRequest,
    ) -> Result<Page<StoredEntry>, StoreError>;

    /// Streams all of an organization's entries that match the filter, in the order of [`Self::entries`], from a
    /// snapshot: see [`kernel::Reader::stream`].
    ///
    /// # Errors
    /// [`StoreError`] if the store fails; [`StoreError::Unavailable`] also if the limit of concurrent streams is
    /// reached.
    async fn stream_entries(
        &self,
        organization: OrganizationId,
        filter: &AuditFilter,
        request: &StreamRequest,
    ) -> Result<SnapshotStream<StoredEntry>, StoreError>;

    /// Returns the organization's entry with this identifier.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn entry(&self, organization: OrganizationId, id: Id<Entry>) -> Result<Option<StoredEntry>, StoreError>;

    /// Returns the newest entries, up to `limit`, that changed the subject with this identifier: those with changes,
    /// the newest first. They are found however many entries are about reading it.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn changes(
        &self,
        organization: OrganizationId,
        subject: &str,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, StoreError>;

    /// Returns up to `limit` sealed entries after this sequence, in the order of the chain, with what remains of those that
    /// were redacted.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn sealed(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<SealedEntry>, StoreError>;

    /// Returns up to `limit` checkpoints after this sequence, in the order of the chain: those that are kept, and that of
    /// the head.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn checkpoints(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Checkpoint>, StoreError>;

    /// Returns the head of the chain, as the last sealed batch has stored it.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn head(&self, organization: OrganizationId) -> Result<Head, StoreError>;

    /// Returns the last entry that was removed from the start of the chain; [`Head::EMPTY`] if none was.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn removed(&self, organization: OrganizationId) -> Result<Head, StoreError>;

    /// Returns the number and age of the unsealed entries of the organization, or of all organizations for `None`.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn unsealed_stats(&self, organization: Option<OrganizationId>) -> Result<UnsealedStats, StoreError>;

    /// Returns what [`AuditLog::unsealed_stats`] does, with a number of at most `limit`, for a list that shows it.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn waiting_stats(&self, organization: OrganizationId, limit: usize) -> Result<UnsealedStats, StoreError>;
}
