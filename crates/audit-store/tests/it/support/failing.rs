//! Tables that fail at one call, before or after it has its effect: as if the process, or its connection, had been killed
//! there.

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

/// When a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    BeforeItsEffect,
    AfterItsEffect,
}

/// Tables of which one call fails.
pub(crate) struct FailingTables {
    tables: Arc<dyn AuditTables>,
    failure: Failure,
    /// The number of calls until the one that fails.
    remaining: AtomicUsize,
}

impl FailingTables {
    /// Tables whose call after this number of calls fails.
    pub(crate) fn new(tables: &Arc<dyn AuditTables>, failure: Failure, calls: usize) -> Arc<Self> {
        Arc::new(Self { tables: Arc::clone(tables), failure, remaining: AtomicUsize::new(calls) })
    }

    /// Whether the call that fails was made.
    pub(crate) fn has_failed(&self) -> bool {
        self.remaining.load(Ordering::SeqCst) == usize::MAX
    }

    async fn call<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let remaining = self.remaining.load(Ordering::SeqCst);
        if remaining == usize::MAX {
            return call.await;
        }
        self.remaining.store(remaining.wrapping_sub(1), Ordering::SeqCst);
        if remaining > 0 {
            return call.await;
        }
        if self.failure == Failure::AfterItsEffect {
            call.await?;
        }
        Err(StoreError::Unavailable("the connection was cut".into()))
    }
}

macro_rules! delegate {
    ($(async fn $name:ident(&self $(, $argument:ident: $type:ty)*) -> $output:ty;)*) => {
        #[async_trait]
        impl AuditTables for FailingTables {
            $(async fn $name(&self $(, $argument: $type)*) -> Result<$output, StoreError> {
                self.call(self.tables.$name($($argument),*)).await
            })*
        }
    };
}

delegate! {
    async fn recent(&self, organization: OrganizationId) -> Recent;
    async fn runs(&self, organization: OrganizationId) -> Vec<RunKey>;
    async fn waiting_of(&self, organization: OrganizationId, after: Option<Ulid>, limit: usize) -> Vec<WaitingRow>;
    async fn heads(&self, organizations: &[OrganizationId]) -> Vec<StoredHead>;
    async fn chains(&self, after: Option<OrganizationId>, limit: usize) -> Vec<OrganizationId>;
    async fn organizations(&self) -> Vec<OrganizationId>;
    async fn segments(&self, organization: OrganizationId, query: &SegmentQuery) -> Vec<RunKey>;
    async fn digests(&self, organization: OrganizationId, from: i64, limit: usize) -> Vec<(i64, Hash)>;
    async fn bodies(&self, organization: OrganizationId, ranges: &[BodyRange]) -> Vec<Option<Vec<u8>>>;
    async fn terms(&self, organization: OrganizationId, query: &TermQuery) -> Vec<TermRow>;
    async fn tiles(&self, organization: OrganizationId, tiles: &[(i64, i64)]) -> Vec<TileRow>;
    async fn checkpoints(&self, organization: OrganizationId, after: i64, limit: usize) -> Vec<Checkpoint>;
    async fn waiting_stats(&self, organization: Option<OrganizationId>) -> WaitingStats;
    async fn waiting(&self, after: Option<WaitingKey>, limit: usize, bytes: usize) -> Vec<WaitingRow>;
    async fn writers(&self) -> Vec<WriterRow>;
    async fn seal(&self, round: &SealingRound) -> bool;
    async fn compact(&self, compaction: &Compaction) -> bool;
    async fn merge_terms(&self, merge: &TermMerge) -> bool;
    async fn archive(&self, archival: &Archival) -> bool;
    async fn redact(&self, redaction: &BodyRedaction) -> bool;
    async fn remove_prefix(&self, removal: &PrefixRemoval) -> bool;
    async fn old_sealed(&self, organization: OrganizationId, after: i64, limit: usize) -> Vec<StoredEntry>;
    async fn old_entries(&self, organization: OrganizationId, filter: &AuditFilter, page: &PageRequest) -> Page<StoredEntry>;
    async fn old_entry(&self, organization: OrganizationId, id: Id<Entry>) -> Option<StoredEntry>;
    async fn old_waiting(&self, limit: usize) -> Vec<Entry>;
    async fn convert(&self, conversion: &Conversion) -> bool;
    async fn delete_old_entries(&self) -> ();
}
