//! The parts that all methods that read the log share: the tables, the key of rows, and caches of what never changes.

use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicBool, Ordering},
};

use audit::{
    AuditTables, Hash, RowKey,
    tables::{RunKey, StoredHead, WaitingRow},
};
use kernel::{Entry, OrganizationId, StoreError};

use super::{
    block_cache::BlockCache,
    byte_cache::ByteCache,
    directory::{Directories, Directory},
    term_cache::TermCache,
    view::View,
};
use crate::{own_state::is_old_through, rows::read_part};

/// The maximum number of entries of the old form that wait for their seal. They are those of the last second before the
/// schema was migrated.
const MAX_OLD_WAITING: usize = 100_000;

/// The number of times that what was moved while it was read is read again. Moves take milliseconds and are seconds apart.
pub(crate) const MAX_ATTEMPTS: usize = 8;

const DIRECTORY_BYTES: usize = 16 << 20;

const TILE_ROOT_BYTES: usize = 1 << 20;

/// The tables, the key of rows, and caches.
pub(crate) struct Reader {
    pub(crate) tables: Arc<dyn AuditTables>,
    key: RwLock<Option<Arc<dyn RowKey>>>,
    directories: Directories,
    pub(crate) blocks: BlockCache,
    pub(crate) terms: TermCache,
    /// The roots of full tiles of roots of blocks, by the number of the tile.
    pub(crate) tile_roots: ByteCache<(OrganizationId, u64), Hash>,
    /// Whether no entries of the old form wait any longer: no new ones are written.
    old_waiting_is_empty: AtomicBool,
}

impl Reader {
    pub(crate) fn new(tables: Arc<dyn AuditTables>) -> Self {
        Self {
            tables,
            key: RwLock::new(None),
            directories: Directories::new(DIRECTORY_BYTES),
            blocks: BlockCache::default(),
            terms: TermCache::default(),
            tile_roots: ByteCache::new(TILE_ROOT_BYTES),
            old_waiting_is_empty: AtomicBool::new(false),
        }
    }

    pub(crate) fn set_key(&self, key: Arc<dyn RowKey>) {
        *self.key.write().unwrap_or_else(PoisonError::into_inner) = Some(key);
    }

    pub(crate) fn row_key(&self) -> Option<Arc<dyn RowKey>> {
        self.key.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the entries of the old form that wait, of one organization or all. They must be read before anything else.
    pub(crate) async fn old_waiting(&self, organization: Option<OrganizationId>) -> Result<Vec<Entry>, StoreError> {
        if self.old_waiting_is_empty.load(Ordering::Relaxed) {
            return Ok(Vec::new());
        }
        let mut entries = self.tables.old_waiting(MAX_OLD_WAITING).await?;
        // Nothing authenticates these entries. What waits after the last was sealed is not shown.
        if let Some(key) = self.row_key()
            && !entries.is_empty()
            && is_old_through(&*self.tables, &*key).await?
        {
            entries.clear();
        }
        if entries.is_empty() {
            self.old_waiting_is_empty.store(true, Ordering::Relaxed);
        }
        entries.retain(|entry| organization.is_none_or(|organization| organization == entry.organization));
        Ok(entries)
    }

    /// Returns the state of a chain, without the entries that wait.
    pub(crate) async fn chain_view(&self, organization: OrganizationId) -> Result<View, StoreError> {
        self.contiguous_view(organization, None).await
    }

    /// Returns the state of a chain, of which the runs and then the head may have been read before.
    pub(crate) async fn contiguous_view(
        &self,
        organization: OrganizationId,
        mut read: Option<(Vec<RunKey>, Option<StoredHead>)>,
    ) -> Result<View, StoreError> {
        let mut attempts = 0;
        loop {
            let (runs, head) = match read.take() {
                Some(read) => read,
                None => (self.tables.runs(organization).await?, self.head(organization).await?),
            };
            let old_through = head.as_ref().map_or(0, |head| head.old_through);
            // Segments last: a run that was not found has become part of one.
            let segments = self.segments(organization, old_through).await?;
            let view = View::new(organization, runs, head, segments);
            attempts += 1;
            if !view.has_gap() || attempts == MAX_ATTEMPTS {
                return Ok(view);
            }
            // Something was moved or removed, or segments were added before others.
            self.directories.forget(organization);
        }
    }

    /// Returns the keys of an organization's segments after the entries of the old form.
    pub(crate) async fn segments(
        &self,
        organization: OrganizationId,
        old_through: i64,
    ) -> Result<Arc<Directory>, StoreError> {
        self.directories.load(&*self.tables, organization, old_through).await
    }

    /// Forgets what is known of an organization's segments, so that their keys are read again.
    pub(crate) fn forget(&self, organization: OrganizationId) {
        self.directories.forget(organization);
    }

    /// Returns the head of an organization's chain, if it has one.
    pub(crate) async fn head(&self, organization: OrganizationId) -> Result<Option<StoredHead>, StoreError> {
        Ok(self.tables.heads(&[organization]).await?.pop())
    }

    /// Returns whether the entries of the old form were used up to this sequence all the time until now.
    pub(crate) async fn still_old_through(&self, view: &View) -> Result<bool, StoreError> {
        let head = self.head(view.organization).await?;
        Ok(head.map_or(0, |head| head.old_through) == view.old_through())
    }

    /// Returns the entries of an organization in a row: none of one that this installation did not write, or that can't be
    /// read. The sealer refuses and reports it.
    pub(crate) fn row_entries(&self, organization: OrganizationId, row: &WaitingRow) -> Vec<Entry> {
        if row.entries == 0 || row.body.is_empty() {
            return Vec::new();
        }
        let key = self.row_key();
        read_part(row, organization, key.as_deref()).unwrap_or_else(|fault| {
            let (owner, id) = (row.key.organization, row.key.id);
            tracing::debug!("the waiting row {id} of {owner} is not shown: {fault}");
            Vec::new()
        })
    }
}
