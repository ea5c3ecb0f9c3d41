//! Tables that fail at one call.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use audit::{
    AuditFilter, AuditTables, Checkpoint, Hash, StoredEntry,
    tables::{
        Archival, BodyRange, BodyRedaction, Compaction, Conversion, PrefixRemoval, Recent, RunKey, SealingRound,
        SegmentQuery, StoredHead, TermMerge, TermQuery, TermRow, TileRow, WaitingKey, WaitingRow, WaitingStats,
        WriterRow,
    },
};
use kernel::{Entry, Id, OrganizationId, Page, PageRequest, StoreError, Ulid};

/// How the call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It does nothing.
    Before,
    /// It is done, but nobody learns of it.
    After,
    /// A round is not stored, as if another process had been faster.
    Refused,
    /// Each round that continues this chain is refused by the database.
    Chain(OrganizationId),
}

pub(super) struct FlakyTables {
    tables: Arc<dyn AuditTables>,
    /// The number of calls that are left until one fails.
    left: AtomicUsize,
    failure: Failure,
}

impl FlakyTables {
    pub(super) fn new(tables: Arc<dyn AuditTables>, failing: usize, failure: Failure) -> Self {
        Self { tables, left: AtomicUsize::new(failing), failure }
    }

    /// Whether the call that fails was made.
    pub(super) fn has_failed(&self) -> bool {
        self.left.load(Ordering::SeqCst) == 0
    }

    fn fails(&self) -> bool {
        let decrease = |left: usize| left.checked_sub(1);
        self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, decrease) == Ok(1)
    }

    fn call(&self) -> Result<(), StoreError> {
        if self.fails() && self.failure != Failure::Refused { Err(unavailable()) } else { Ok(()) }
    }
}

fn unavailable() -> StoreError {
    StoreError::Unavailable("the connection was lost".into())
}

#[async_trait]
impl AuditTables for FlakyTables {
    async fn seal(&self, round: &SealingRound) -> Result<bool, StoreError> {
        if let Failure::Chain(organization) = self.failure
            && round.heads.iter().any(|head| head.after.organization == organization)
        {
            return Err(StoreError::Corrupt("a statement was refused".into()));
        }
        match self.fails().then_some(self.failure) {
            None | Some(Failure::Chain(_)) => self.tables.seal(round).await,
            Some(Failure::Before) => Err(unavailable()),
            Some(Failure::After) => {
                self.tables.seal(round).await?;
                Err(unavailable())
            }
            Some(Failure::Refused) => Ok(false),
        }
    }

    async fn recent(&self, organization: OrganizationId) -> Result<Recent, StoreError> {
        self.call()?;
        self.tables.recent(organization).await
    }

    async fn heads(&self, organizations: &[OrganizationId]) -> Result<Vec<StoredHead>, StoreError> {
        self.call()?;
        self.tables.heads(organizations).await
    }

    async fn chains(&self, after: Option<OrganizationId>, limit: usize) -> Result<Vec<OrganizationId>, StoreError> {
        self.tables.chains(after, limit).await
    }

    async fn organizations(&self) -> Result<Vec<OrganizationId>, StoreError> {
        self.call()?;
        self.tables.organizations().await
    }

    async fn runs(&self, organization: OrganizationId) -> Result<Vec<RunKey>, StoreError> {
        self.call()?;
        self.tables.runs(organization).await
    }

    async fn segments(&self, organization: OrganizationId, query: &SegmentQuery) -> Result<Vec<RunKey>, StoreError> {
        self.call()?;
        self.tables.segments(organization, query).await
    }

    async fn digests(
        &self,
        organization: OrganizationId,
        from: i64,
        limit: usize,
    ) -> Result<Vec<(i64, Hash)>, StoreError> {
        self.call()?;
        self.tables.digests(organization, from, limit).await
    }

    async fn bodies(
        &self,
        organization: OrganizationId,
        ranges: &[BodyRange],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.call()?;
        self.tables.bodies(organization, ranges).await
    }

    async fn terms(&self, organization: OrganizationId, query: &TermQuery) -> Result<Vec<TermRow>, StoreError> {
        self.call()?;
        self.tables.terms(organization, query).await
    }

    async fn tiles(&self, organization: OrganizationId, tiles: &[(i64, i64)]) -> Result<Vec<TileRow>, StoreError> {
        self.call()?;
        self.tables.tiles(organization, tiles).await
    }

    async fn checkpoints(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Checkpoint>, StoreError> {
        self.call()?;
        self.tables.checkpoints(organization, after, limit).await
    }

    async fn waiting_stats(&self, organization: Option<OrganizationId>) -> Result<WaitingStats, StoreError> {
        self.call()?;
        self.tables.waiting_stats(organization).await
    }

    async fn waiting_of(
        &self,
        organization: OrganizationId,
        after: Option<Ulid>,
        limit: usize,
    ) -> Result<Vec<WaitingRow>, StoreError> {
        self.call()?;
        self.tables.waiting_of(organization, after, limit).await
    }

    async fn waiting(
        &self,
        after: Option<WaitingKey>,
        limit: usize,
        bytes: usize,
    ) -> Result<Vec<WaitingRow>, StoreError> {
        self.call()?;
        self.tables.waiting(after, limit, bytes).await
    }

    async fn writers(&self) -> Result<Vec<WriterRow>, StoreError> {
        self.call()?;
        self.tables.writers().await
    }

    async fn compact(&self, compaction: &Compaction) -> Result<bool, StoreError> {
        self.call()?;
        self.tables.compact(compaction).await
    }

    async fn merge_terms(&self, merge: &TermMerge) -> Result<bool, StoreError> {
        self.call()?;
        self.tables.merge_terms(merge).await
    }

    async fn archive(&self, archival: &Archival) -> Result<bool, StoreError> {
        self.tables.archive(archival).await
    }

    async fn redact(&self, redaction: &BodyRedaction) -> Result<bool, StoreError> {
        self.tables.redact(redaction).await
    }

    async fn remove_prefix(&self, removal: &PrefixRemoval) -> Result<bool, StoreError> {
        self.call()?;
        self.tables.remove_prefix(removal).await
    }

    async fn old_sealed(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        self.call()?;
        self.tables.old_sealed(organization, after, limit).await
    }

    async fn old_entries(
        &self,
        organization: OrganizationId,
        filter: &AuditFilter,
        page: &PageRequest,
    ) -> Result<Page<StoredEntry>, StoreError> {
        self.call()?;
        self.tables.old_entries(organization, filter, page).await
    }

    async fn old_entry(&self, organization: OrganizationId, id: Id<Entry>) -> Result<Option<StoredEntry>, StoreError> {
        self.call()?;
        self.tables.old_entry(organization, id).await
    }

    async fn old_waiting(&self, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.call()?;
        self.tables.old_waiting(limit).await
    }

    async fn convert(&self, conversion: &Conversion) -> Result<bool, StoreError> {
        self.call()?;
        self.tables.convert(conversion).await
    }

    async fn delete_old_entries(&self) -> Result<(), StoreError> {
        self.call()?;
        self.tables.delete_old_entries().await
    }
}
