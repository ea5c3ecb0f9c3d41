//! Tables in which something is moved between the calls of a reader.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use audit::{
    AuditFilter, AuditTables, Checkpoint, Hash, StoredEntry,
    tables::{
        Archival, BodyRange, BodyRedaction, Compaction, Conversion, PrefixRemoval, Recent, RunKey, RunTable,
        SealingRound, SegmentQuery, StoredHead, TermMerge, TermQuery, TermRow, TileRow, WaitingKey, WaitingRow,
        WaitingStats, WriterRow,
    },
};
use kernel::{Entry, Id, Order, OrganizationId, Page, PageRequest, Position, StoreError, Timestamp, Ulid};

use crate::made_log::Move;

/// Tables in which something is moved between the calls of a reader.
pub(crate) struct MovingTables {
    tables: Arc<dyn AuditTables>,
    /// The moves, each after so many further calls.
    moves: Mutex<VecDeque<(usize, Move)>>,
    /// Sealed entries of the old form, in the order of the chain.
    old: Vec<StoredEntry>,
    /// Entries of the old form that wait.
    old_waiting: Vec<Entry>,
    /// The body that the first segment has.
    segment: Option<Vec<u8>>,
}

impl MovingTables {
    pub(crate) fn new(tables: Arc<dyn AuditTables>, moves: Vec<(usize, Move)>) -> Self {
        Self { tables, moves: Mutex::new(moves.into()), old: Vec::new(), old_waiting: Vec::new(), segment: None }
    }

    /// Adds entries of the old form.
    pub(crate) fn with_old(self, old: Vec<StoredEntry>, old_waiting: Vec<Entry>) -> Self {
        Self { old, old_waiting, ..self }
    }

    /// Puts this in the place of the body of the first segment.
    pub(crate) fn with_segment(self, body: Vec<u8>) -> Self {
        Self { segment: Some(body), ..self }
    }

    /// Moves this from now on.
    pub(crate) fn set(&self, moves: Vec<(usize, Move)>) {
        *self.moves.lock().unwrap() = moves.into();
    }

    async fn next_call(&self) {
        loop {
            let due = {
                let mut moves = self.moves.lock().unwrap();
                match moves.front_mut() {
                    Some((0, _)) => moves.pop_front(),
                    Some((calls, _)) => {
                        *calls -= 1;
                        None
                    }
                    None => None,
                }
            };
            match due {
                Some((_, due)) => due.apply(&*self.tables).await,
                None => return,
            }
        }
    }
}

#[async_trait]
impl AuditTables for MovingTables {
    /// The three parts are not read at once.
    async fn recent(&self, organization: OrganizationId) -> Result<Recent, StoreError> {
        self.next_call().await;
        let waiting = self.tables.recent(organization).await?.waiting;
        self.next_call().await;
        let runs = self.tables.recent(organization).await?.runs;
        self.next_call().await;
        Ok(Recent { waiting, runs, head: self.tables.recent(organization).await?.head })
    }

    async fn heads(&self, organizations: &[OrganizationId]) -> Result<Vec<StoredHead>, StoreError> {
        self.next_call().await;
        self.tables.heads(organizations).await
    }

    async fn chains(&self, after: Option<OrganizationId>, limit: usize) -> Result<Vec<OrganizationId>, StoreError> {
        self.tables.chains(after, limit).await
    }

    async fn organizations(&self) -> Result<Vec<OrganizationId>, StoreError> {
        self.next_call().await;
        self.tables.organizations().await
    }

    async fn runs(&self, organization: OrganizationId) -> Result<Vec<RunKey>, StoreError> {
        self.next_call().await;
        self.tables.runs(organization).await
    }

    async fn segments(&self, organization: OrganizationId, query: &SegmentQuery) -> Result<Vec<RunKey>, StoreError> {
        self.next_call().await;
        self.tables.segments(organization, query).await
    }

    async fn digests(
        &self,
        organization: OrganizationId,
        from: i64,
        limit: usize,
    ) -> Result<Vec<(i64, Hash)>, StoreError> {
        self.tables.digests(organization, from, limit).await
    }

    async fn bodies(
        &self,
        organization: OrganizationId,
        ranges: &[BodyRange],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.next_call().await;
        let mut bodies = self.tables.bodies(organization, ranges).await?;
        if let Some(segment) = &self.segment {
            let of_segment = |range: &BodyRange| range.table == RunTable::Segments && range.first_sequence == 1;
            for (_, body) in ranges.iter().zip(&mut bodies).filter(|(range, _)| of_segment(range)) {
                *body = Some(segment.clone());
            }
        }
        Ok(bodies)
    }

    async fn terms(&self, organization: OrganizationId, query: &TermQuery) -> Result<Vec<TermRow>, StoreError> {
        self.next_call().await;
        self.tables.terms(organization, query).await
    }

    async fn tiles(&self, organization: OrganizationId, tiles: &[(i64, i64)]) -> Result<Vec<TileRow>, StoreError> {
        self.next_call().await;
        self.tables.tiles(organization, tiles).await
    }

    async fn checkpoints(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Checkpoint>, StoreError> {
        self.next_call().await;
        self.tables.checkpoints(organization, after, limit).await
    }

    async fn waiting_stats(&self, organization: Option<OrganizationId>) -> Result<WaitingStats, StoreError> {
        self.tables.waiting_stats(organization).await
    }

    async fn waiting_of(
        &self,
        organization: OrganizationId,
        after: Option<Ulid>,
        limit: usize,
    ) -> Result<Vec<WaitingRow>, StoreError> {
        self.next_call().await;
        self.tables.waiting_of(organization, after, limit).await
    }

    async fn waiting(
        &self,
        after: Option<WaitingKey>,
        limit: usize,
        bytes: usize,
    ) -> Result<Vec<WaitingRow>, StoreError> {
        self.tables.waiting(after, limit, bytes).await
    }

    async fn writers(&self) -> Result<Vec<WriterRow>, StoreError> {
        self.tables.writers().await
    }

    async fn seal(&self, round: &SealingRound) -> Result<bool, StoreError> {
        self.tables.seal(round).await
    }

    async fn compact(&self, compaction: &Compaction) -> Result<bool, StoreError> {
        self.tables.compact(compaction).await
    }

    async fn merge_terms(&self, merge: &TermMerge) -> Result<bool, StoreError> {
        self.tables.merge_terms(merge).await
    }

    async fn archive(&self, archival: &Archival) -> Result<bool, StoreError> {
        self.tables.archive(archival).await
    }

    async fn redact(&self, redaction: &BodyRedaction) -> Result<bool, StoreError> {
        self.tables.redact(redaction).await
    }

    async fn remove_prefix(&self, removal: &PrefixRemoval) -> Result<bool, StoreError> {
        self.tables.remove_prefix(removal).await
    }

    async fn old_sealed(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        self.next_call().await;
        let of = self.old.iter().filter(|stored| stored.entry.organization == organization);
        Ok(of.filter(|stored| stored.seal.unwrap().sequence > after).take(limit).cloned().collect())
    }

    async fn old_entries(
        &self,
        organization: OrganizationId,
        filter: &AuditFilter,
        page: &PageRequest,
    ) -> Result<Page<StoredEntry>, StoreError> {
        self.next_call().await;
        let at = |stored: &StoredEntry| stored.entry.occurred_at;
        let rank = |id: Ulid| if page.order == Order::Newest { !id.0 } else { id.0 };
        let start = page.after.map_or(0, |after| match after {
            Position::Newest(id) | Position::Changed(_, id) | Position::Due(_, id) => rank(id) + 1,
        });
        let is_listed = |stored: &&StoredEntry| {
            stored.entry.organization == organization
                && filter.matches(&stored.entry)
                && page.time_range.contains(at(stored), at(stored), None)
                && rank(stored.entry.id.ulid()) >= start
        };
        let mut found: Vec<StoredEntry> = self.old.iter().filter(is_listed).cloned().collect();
        found.sort_by_key(|stored| rank(stored.entry.id.ulid()));
        found.truncate(page.limit.get() + 1);
        let as_of = Timestamp::MIN;
        Ok(Page::from_overfetch(found, page.limit, as_of, |stored| page.order.entry_position(&stored.entry)))
    }

    async fn old_entry(&self, organization: OrganizationId, id: Id<Entry>) -> Result<Option<StoredEntry>, StoreError> {
        self.next_call().await;
        let is_it = |stored: &&StoredEntry| stored.entry.organization == organization && stored.entry.id == id;
        Ok(self.old.iter().find(is_it).cloned())
    }

    async fn old_waiting(&self, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.next_call().await;
        Ok(self.old_waiting.iter().take(limit).cloned().collect())
    }

    async fn convert(&self, conversion: &Conversion) -> Result<bool, StoreError> {
        self.tables.convert(conversion).await
    }

    async fn delete_old_entries(&self) -> Result<(), StoreError> {
        self.tables.delete_old_entries().await
    }
}
