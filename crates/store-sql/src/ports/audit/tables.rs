//! The tables of the audit log (`audit::tables`).

mod bodies;
mod changes;
mod cosignatures;
mod heads;
mod old_entries;
mod reading;
mod redaction;
mod refusal;
mod removal;
mod round;
mod waiting;

use std::sync::Arc;

use ::audit::{
    AuditFilter, AuditTables, Checkpoint, Hash, StoredEntry,
    tables::{
        Archival, BodyRange, BodyRedaction, Compaction, Conversion, LeaseHold, PrefixRemoval, Recent, RunKey,
        SealingRound, SegmentQuery, StoredHead, TermMerge, TermQuery, TermRow, TileRow, WaitingKey, WaitingRow,
        WaitingStats, WriterRow,
    },
};
use async_trait::async_trait;
use audit_store::ArchivedBodies;
use kernel::{Entry, Id, OrganizationId, Page, PageRequest, StoreError, Ulid};

use super::entry;
use crate::{
    engine::{Engine, Input, Session, Step, pipeline},
    installation_guard::InstallationGuard,
};
use refusal::Refusal;

pub(super) use waiting::{INSERT_ROWS, INSERT_ROWS_AGAIN, row_values};
#[cfg(test)]
pub(crate) use {
    bodies::BODIES,
    changes::{ARCHIVE, DELETE_RUNS, DELETE_TERMS},
    cosignatures::COSIGNED,
    heads::{ADVANCE, CHAINS, HEADS},
    reading::{RUNS, SEGMENTS_BY_HIGH_ID, SEGMENTS_DOWNWARDS, SEGMENTS_UPWARDS, TERMS_DOWNWARDS, TERMS_UPWARDS, TILES},
    waiting::{DELETE_ROWS, PAGE_OF_ROWS, ROWS_OF},
};

/// The tables of the log in an SQL database.
pub(crate) struct SqlAuditTables {
    engine: Arc<Engine>,
    guard: Arc<InstallationGuard>,
    /// The most entries of the old form that one page scans.
    scan_limit: usize,
    /// The bodies that are not in the tables.
    pub(super) archive: ArchivedBodies,
}

/// The statements of a change, all of which are sent before the first is answered.
type ChangeSteps<C> = for<'s> fn(&'s C, &'s Session) -> Vec<Step<'s, Refusal>>;

impl SqlAuditTables {
    pub(crate) fn new(engine: &Arc<Engine>, guard: &Arc<InstallationGuard>, scan_limit: usize) -> Self {
        Self { engine: Arc::clone(engine), guard: Arc::clone(guard), scan_limit, archive: ArchivedBodies::default() }
    }

    /// Stores a change in one transaction. Returns `false`, and stores nothing, if it is refused. The lease is renewed
    /// before anything else is sent: whoever does not hold it locks no other row.
    async fn change<C: Input>(
        &self,
        lease: Option<&LeaseHold>,
        change: C,
        steps: ChangeSteps<C>,
    ) -> Result<bool, StoreError> {
        let input = (Arc::clone(&self.guard), lease.cloned(), change, steps);
        let changed = self.engine.write(input, |(guard, lease, change, steps), session| {
            Box::pin(async move {
                let session = &*session;
                let mut first: Vec<Step<'_, Refusal>> = vec![Box::pin(async {
                    // What is sealed under the wrong key can't be undone.
                    Ok(guard.verify(session).await?)
                })];
                first.extend(lease.iter().map(|lease| changes::renew_lease(session, lease)));
                pipeline(first).await?;
                pipeline(steps(change, session)).await
            })
        });
        match changed.await {
            Ok(()) => Ok(true),
            Err(Refusal::Refused) => Ok(false),
            Err(Refusal::Store(error)) => Err(error),
        }
    }
}

#[async_trait]
impl AuditTables for SqlAuditTables {
    async fn recent(&self, organization: OrganizationId) -> Result<Recent, StoreError> {
        self.engine.read(organization, |organization, session| Box::pin(reading::recent(session, *organization))).await
    }

    async fn heads(&self, organizations: &[OrganizationId]) -> Result<Vec<StoredHead>, StoreError> {
        let read = self.engine.read(organizations.to_vec(), |organizations, session| {
            Box::pin(heads::of_organizations(session, organizations))
        });
        read.await
    }

    async fn chains(&self, after: Option<OrganizationId>, limit: usize) -> Result<Vec<OrganizationId>, StoreError> {
        let read = self
            .engine
            .read((after, limit), |(after, limit), session| Box::pin(heads::chains(session, *after, *limit)));
        read.await
    }

    async fn organizations(&self) -> Result<Vec<OrganizationId>, StoreError> {
        let mut found = Vec::new();
        let mut after = String::new();
        loop {
            let next = self.engine.read(after, |after, session| Box::pin(reading::next_organization(session, after)));
            let Some(next) = next.await? else { return Ok(found) };
            found.extend(heads::organization_of(&next));
            after = next;
        }
    }

    async fn runs(&self, organization: OrganizationId) -> Result<Vec<RunKey>, StoreError> {
        self.engine.read(organization, |organization, session| Box::pin(reading::runs(session, *organization))).await
    }

    async fn segments(&self, organization: OrganizationId, query: &SegmentQuery) -> Result<Vec<RunKey>, StoreError> {
        let input = (organization, *query);
        self.engine.read(input, |(of, query), session| Box::pin(reading::segments(session, *of, query))).await
    }

    async fn digests(
        &self,
        organization: OrganizationId,
        from: i64,
        limit: usize,
    ) -> Result<Vec<(i64, Hash)>, StoreError> {
        let input = (organization, from, limit);
        let read = self
            .engine
            .read(input, |(of, from, limit), session| Box::pin(reading::digests(session, *of, *from, *limit)));
        read.await
    }

    async fn bodies(
        &self,
        organization: OrganizationId,
        ranges: &[BodyRange],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let input = (organization, ranges.to_vec());
        let read = self.engine.read(input, |(of, ranges), session| Box::pin(bodies::read(session, *of, ranges)));
        let bodies = read.await?;
        self.archive.complete(self, organization, ranges, bodies).await
    }

    async fn terms(&self, organization: OrganizationId, query: &TermQuery) -> Result<Vec<TermRow>, StoreError> {
        let input = (organization, *query);
        self.engine.read(input, |(of, query), session| Box::pin(reading::terms(session, *of, query))).await
    }

    async fn tiles(&self, organization: OrganizationId, tiles: &[(i64, i64)]) -> Result<Vec<TileRow>, StoreError> {
        let input = (organization, tiles.to_vec());
        self.engine.read(input, |(of, tiles), session| Box::pin(reading::tiles(session, *of, tiles))).await
    }

    async fn checkpoints(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Checkpoint>, StoreError> {
        let input = (organization, after, limit);
        let read = self
            .engine
            .read(input, |(of, after, limit), session| Box::pin(reading::checkpoints(session, *of, *after, *limit)));
        read.await
    }

    async fn waiting_stats(&self, organization: Option<OrganizationId>) -> Result<WaitingStats, StoreError> {
        self.engine.read(organization, |organization, session| Box::pin(waiting::stats(session, *organization))).await
    }

    async fn waiting_of(
        &self,
        organization: OrganizationId,
        after: Option<Ulid>,
        limit: usize,
    ) -> Result<Vec<WaitingRow>, StoreError> {
        let input = (organization, after, limit);
        let read = self
            .engine
            .read(input, |(of, after, limit), session| Box::pin(waiting::rows_of(session, *of, *after, *limit)));
        read.await
    }

    async fn waiting(
        &self,
        after: Option<WaitingKey>,
        limit: usize,
        bytes: usize,
    ) -> Result<Vec<WaitingRow>, StoreError> {
        let input = (after, limit, bytes);
        let read = self
            .engine
            .read(input, |(after, limit, bytes), session| Box::pin(waiting::rows(session, *after, *limit, *bytes)));
        read.await
    }

    async fn writers(&self) -> Result<Vec<WriterRow>, StoreError> {
        self.engine.read((), |(), session| Box::pin(reading::writers(session))).await
    }

    async fn seal(&self, round: &SealingRound) -> Result<bool, StoreError> {
        self.change(Some(&round.lease), round.clone(), round::seal).await
    }

    async fn compact(&self, compaction: &Compaction) -> Result<bool, StoreError> {
        self.change(Some(&compaction.lease), compaction.clone(), changes::compact).await
    }

    async fn merge_terms(&self, merge: &TermMerge) -> Result<bool, StoreError> {
        self.change(Some(&merge.lease), merge.clone(), changes::merge_terms).await
    }

    async fn archive(&self, archival: &Archival) -> Result<bool, StoreError> {
        self.change(archival.lease.as_ref(), archival.clone(), changes::archive).await
    }

    async fn redact(&self, redaction: &BodyRedaction) -> Result<bool, StoreError> {
        self.change(Some(&redaction.lease), redaction.clone(), redaction::redact).await
    }

    async fn remove_prefix(&self, removal: &PrefixRemoval) -> Result<bool, StoreError> {
        self.change(None, removal.clone(), removal::remove).await
    }

    async fn old_sealed(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        let input = (organization, after, limit);
        let read = self
            .engine
            .read(input, |(of, after, limit), session| Box::pin(old_entries::sealed(session, *of, *after, *limit)));
        read.await
    }

    async fn old_entries(
        &self,
        organization: OrganizationId,
        filter: &AuditFilter,
        page: &PageRequest,
    ) -> Result<Page<StoredEntry>, StoreError> {
        let input = (entry::entry_list(organization, filter, page, self.scan_limit), *page);
        self.engine.read(input, |(list, page), session| Box::pin(old_entries::page(session, list, page))).await
    }

    async fn old_entry(&self, organization: OrganizationId, id: Id<Entry>) -> Result<Option<StoredEntry>, StoreError> {
        self.engine.read((organization, id), |(of, id), session| Box::pin(old_entries::one(session, *of, *id))).await
    }

    async fn old_waiting(&self, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.engine.read(limit, |limit, session| Box::pin(old_entries::waiting(session, *limit))).await
    }

    async fn convert(&self, conversion: &Conversion) -> Result<bool, StoreError> {
        self.change(Some(&conversion.lease), conversion.clone(), changes::convert).await
    }

    async fn delete_old_entries(&self) -> Result<(), StoreError> {
        let deleted = self.engine.write((), |(), session| Box::pin(old_entries::delete_all(session)));
        deleted.await
    }
}
