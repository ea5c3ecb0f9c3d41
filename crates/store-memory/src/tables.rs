//! The tables of the audit log (`audit::tables`).

mod cosignatures;
mod old_entries;
mod reading;

use std::sync::Arc;

use async_trait::async_trait;
use audit::{
    ArchiveObjects, AuditFilter, AuditTables, Checkpoint, HasAuditTables, Hash, RowKey, StoredEntry,
    tables::{
        Archival, BodyRange, BodyRedaction, Compaction, Conversion, CosignatureTable, LeaseHold, PrefixRemoval, Recent,
        RunKey, SealingRound, SegmentQuery, StoredHead, TermMerge, TermQuery, TermRow, TileRow, WaitingKey, WaitingRow,
        WaitingStats, WriterRow,
    },
};
use audit_store::ArchivedBodies;
use kernel::{Entry, Id, OrganizationId, Page, PageRequest, StoreError, Ulid};

use crate::{
    MemoryStore,
    shared::Shared,
    state::{LeaseRow, State},
};

/// The tables of the log, which share the state with the store.
pub(crate) struct MemoryTables {
    shared: Shared,
    pub(crate) archive: ArchivedBodies,
}

impl MemoryTables {
    pub(crate) fn new(shared: Shared) -> Self {
        Self { shared, archive: ArchivedBodies::default() }
    }
}

#[async_trait]
impl AuditTables for MemoryTables {
    async fn recent(&self, organization: OrganizationId) -> Result<Recent, StoreError> {
        Ok(self.shared.snapshot()?.log.recent(organization))
    }

    async fn heads(&self, organizations: &[OrganizationId]) -> Result<Vec<StoredHead>, StoreError> {
        let log = self.shared.snapshot()?.log;
        Ok(organizations.iter().filter_map(|organization| log.heads.get(organization).cloned()).collect())
    }

    async fn chains(&self, after: Option<OrganizationId>, limit: usize) -> Result<Vec<OrganizationId>, StoreError> {
        let log = self.shared.snapshot()?.log;
        let following = log.heads.keys().filter(|organization| after.is_none_or(|after| **organization > after));
        Ok(following.take(limit).copied().collect())
    }

    async fn organizations(&self) -> Result<Vec<OrganizationId>, StoreError> {
        Ok(self.shared.snapshot()?.log.organizations())
    }

    async fn runs(&self, organization: OrganizationId) -> Result<Vec<RunKey>, StoreError> {
        Ok(self.shared.snapshot()?.log.run_keys(organization))
    }

    async fn segments(&self, organization: OrganizationId, query: &SegmentQuery) -> Result<Vec<RunKey>, StoreError> {
        Ok(self.shared.snapshot()?.log.segments(organization, query))
    }

    async fn digests(
        &self,
        organization: OrganizationId,
        from: i64,
        limit: usize,
    ) -> Result<Vec<(i64, Hash)>, StoreError> {
        Ok(self.shared.snapshot()?.log.digests(organization, from, limit))
    }

    async fn bodies(
        &self,
        organization: OrganizationId,
        ranges: &[BodyRange],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let log = self.shared.snapshot()?.log;
        let bodies = ranges.iter().map(|range| log.body(organization, range)).collect();
        self.archive.complete(self, organization, ranges, bodies).await
    }

    async fn terms(&self, organization: OrganizationId, query: &TermQuery) -> Result<Vec<TermRow>, StoreError> {
        Ok(self.shared.snapshot()?.log.terms(organization, query))
    }

    async fn tiles(&self, organization: OrganizationId, tiles: &[(i64, i64)]) -> Result<Vec<TileRow>, StoreError> {
        let log = self.shared.snapshot()?.log;
        let tiles = tiles.iter().filter_map(|(level, tile)| log.tiles.get(&(organization, *level, *tile)));
        Ok(tiles.cloned().collect())
    }

    async fn checkpoints(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Checkpoint>, StoreError> {
        Ok(self.shared.snapshot()?.log.checkpoints(organization, after, limit))
    }

    async fn waiting_stats(&self, organization: Option<OrganizationId>) -> Result<WaitingStats, StoreError> {
        Ok(self.shared.snapshot()?.log.waiting_stats(organization))
    }

    async fn waiting_of(
        &self,
        organization: OrganizationId,
        after: Option<Ulid>,
        limit: usize,
    ) -> Result<Vec<WaitingRow>, StoreError> {
        Ok(self.shared.snapshot()?.log.waiting_of(organization, after, limit))
    }

    async fn waiting(
        &self,
        after: Option<WaitingKey>,
        limit: usize,
        bytes: usize,
    ) -> Result<Vec<WaitingRow>, StoreError> {
        Ok(self.shared.snapshot()?.log.waiting(after, limit, bytes))
    }

    async fn writers(&self) -> Result<Vec<WriterRow>, StoreError> {
        let log = self.shared.snapshot()?.log;
        Ok(log.writers.iter().map(|(writer, state)| WriterRow { writer: *writer, state: state.clone() }).collect())
    }

    async fn seal(&self, round: &SealingRound) -> Result<bool, StoreError> {
        self.shared.change_if(|state| {
            state.renew_lease(&round.lease)?;
            state.log.seal(round)
        })
    }

    async fn compact(&self, compaction: &Compaction) -> Result<bool, StoreError> {
        self.shared.change_if(|state| {
            state.renew_lease(&compaction.lease)?;
            state.log.compact(compaction)
        })
    }

    async fn merge_terms(&self, merge: &TermMerge) -> Result<bool, StoreError> {
        self.shared.change_if(|state| {
            state.renew_lease(&merge.lease)?;
            state.log.merge_terms(merge)
        })
    }

    async fn archive(&self, archival: &Archival) -> Result<bool, StoreError> {
        self.shared.change_if(|state| {
            if let Some(lease) = &archival.lease {
                state.renew_lease(lease)?;
            }
            state.log.archive(archival)
        })
    }

    async fn redact(&self, redaction: &BodyRedaction) -> Result<bool, StoreError> {
        self.shared.change_if(|state| {
            state.renew_lease(&redaction.lease)?;
            state.log.redact(redaction)
        })
    }

    async fn remove_prefix(&self, removal: &PrefixRemoval) -> Result<bool, StoreError> {
        self.shared.change_if(|state| state.log.remove_prefix(removal))
    }

    async fn old_sealed(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        Ok(self.shared.snapshot()?.log.old_sealed_after(organization, after).take(limit).cloned().collect())
    }

    async fn old_entries(
        &self,
        organization: OrganizationId,
        filter: &AuditFilter,
        page: &PageRequest,
    ) -> Result<Page<StoredEntry>, StoreError> {
        Ok(self.shared.snapshot()?.log.old_entries(organization, filter, page))
    }

    async fn old_entry(&self, organization: OrganizationId, id: Id<Entry>) -> Result<Option<StoredEntry>, StoreError> {
        let log = self.shared.snapshot()?.log;
        Ok(log.old_sealed_after(organization, 0).find(|stored| stored.entry.id == id).cloned())
    }

    async fn old_waiting(&self, limit: usize) -> Result<Vec<Entry>, StoreError> {
        Ok(self.shared.snapshot()?.log.old_waiting.values().take(limit).cloned().collect())
    }

    async fn convert(&self, conversion: &Conversion) -> Result<bool, StoreError> {
        self.shared.change_if(|state| {
            state.renew_lease(&conversion.lease)?;
            state.log.convert(conversion)
        })
    }

    async fn delete_old_entries(&self) -> Result<(), StoreError> {
        self.shared.change(|state| {
            state.log.delete_old_entries();
            Ok(())
        })
    }
}

impl State {
    /// Renews a lease; `None` if its owner does not hold it. It is renewed even if its time is over, as long as nobody
    /// else has taken it.
    fn renew_lease(&mut self, hold: &LeaseHold) -> Option<()> {
        let row = self.leases.get(hold.lease).filter(|row| row.owner == hold.owner)?;
        let renewed = LeaseRow { owner: row.owner.clone(), expires_at: hold.now + hold.duration };
        self.leases.insert_mut(hold.lease.to_owned(), renewed);
        Some(())
    }
}

#[async_trait]
impl HasAuditTables for MemoryStore {
    fn audit_tables(&self) -> Arc<dyn AuditTables> {
        Arc::clone(&self.tables) as Arc<dyn AuditTables>
    }

    fn cosignatures(&self) -> Arc<dyn CosignatureTable> {
        Arc::clone(&self.tables) as Arc<dyn CosignatureTable>
    }

    fn authenticate_rows(&self, key: Arc<dyn RowKey>) {
        self.rows.set_key(Arc::clone(&key));
        self.log.set_key(key);
    }

    fn use_archive(&self, objects: Arc<dyn ArchiveObjects>) {
        self.tables.archive.set_objects(objects);
    }

    async fn settle_rows(&self) -> Result<(), StoreError> {
        if let Some(prepared) = self.rows.prepare_empty(self.clock.now(), false)? {
            self.change(|state| state.add_waiting(&prepared.row))?;
            prepared.stored();
        }
        Ok(())
    }
}
