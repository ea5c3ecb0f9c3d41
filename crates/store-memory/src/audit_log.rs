//! The audit log: entries in the order of arrival, and their positions in the chains.

use std::ops::Bound;

use async_trait::async_trait;
use audit::{AuditFilter, AuditLog, Checkpoint, Head, SealedBatch, StoredEntry, Unsealed, UnsealedStats};
use kernel::{
    AuditTrail, Entry, Id, Order, OrganizationId, Page, PageRequest, Position, RepeatedCalls, SnapshotStream,
    StoreError, StreamRequest, Timestamp, WriteTimestamp,
};
use ulid::Ulid;

use crate::{Call, MemoryStore, state::State};

#[async_trait]
impl AuditTrail for MemoryStore {
    fn begin_entry(&self) -> WriteTimestamp {
        self.entry_timestamps.begin()
    }

    async fn append(&self, entry: Entry, timestamp: WriteTimestamp) -> Result<(), StoreError> {
        self.intercept(Call::Append).await?;
        let stored = self.change(|state| state.append(&entry));
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
        let replaced = self.change(|state| {
            let key = (counted.organization, counted.first);
            if state.repeated_calls.get(&key).is_none_or(|stored| stored.calls != counted.calls) {
                return Ok(false);
            }
            state.repeated_calls.remove_mut(&key);
            state.append(&entry).map(|()| true)
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
        // The watermark must be read before the snapshot, as in every list.
        let as_of = self.timestamps.low_watermark().min(self.entry_timestamps.low_watermark());
        let state = self.snapshot()?;
        let rows = state
            .entries_in_order(organization, page.order)
            .filter(|recorded| page.time_range.contains(recorded.entry.occurred_at, recorded.entry.occurred_at, None))
            .filter(|recorded| page.after.is_none_or(|position| is_past(&recorded.entry, position)))
            .filter(|recorded| filter.matches(&recorded.entry))
            .take(page.limit.get() + 1)
            .cloned()
            .collect();
        Ok(Page::from_overfetch(rows, page.limit, as_of, |recorded| page.order.entry_position(&recorded.entry)))
    }

    async fn stream_entries(
        &self,
        organization: OrganizationId,
        filter: &AuditFilter,
        request: &StreamRequest,
    ) -> Result<SnapshotStream<StoredEntry>, StoreError> {
        self.intercept(Call::Read).await?;
        let as_of = self.timestamps.low_watermark().min(self.entry_timestamps.low_watermark());
        let state = self.snapshot()?;
        let ids: Vec<Id<Entry>> = state
            .entries_in_order(organization, request.order)
            .filter(|recorded| {
                request.time_range.contains(recorded.entry.occurred_at, recorded.entry.occurred_at, None)
            })
            .filter(|recorded| filter.matches(&recorded.entry))
            .map(|recorded| recorded.entry.id)
            .collect();
        let entries = ids.into_iter().filter_map(move |id| state.entries.get(&(organization, id)).cloned());
        Ok(self.snapshot_stream(entries, as_of))
    }

    async fn entry(&self, organization: OrganizationId, id: Id<Entry>) -> Result<Option<StoredEntry>, StoreError> {
        Ok(self.snapshot()?.entries.get(&(organization, id)).cloned())
    }

    async fn changes(
        &self,
        organization: OrganizationId,
        subject: &str,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        self.intercept(Call::Read).await?;
        let state = self.snapshot()?;
        let is_about = |entry: &Entry| entry.subject.as_ref().is_some_and(|about| about.id == subject);
        let newest = state.entries_in_order(organization, Order::Newest);
        let changes = newest.filter(|stored| !stored.entry.changes.is_empty() && is_about(&stored.entry));
        Ok(changes.take(limit).cloned().collect())
    }

    async fn organizations_with_unsealed(
        &self,
        after: Option<OrganizationId>,
        limit: usize,
    ) -> Result<Vec<OrganizationId>, StoreError> {
        let state = self.snapshot()?;
        let mut due: Vec<OrganizationId> = state.unsealed.iter().map(|(organization, _)| *organization).collect();
        due.dedup();
        Ok(due.into_iter().filter(|organization| after.is_none_or(|after| *organization > after)).take(limit).collect())
    }

    async fn unsealed(&self, organization: OrganizationId, limit: usize) -> Result<Option<Unsealed>, StoreError> {
        let state = self.snapshot()?;
        let unsealed = state.unsealed_entries(organization).take(limit);
        let entries: Vec<Entry> = unsealed.map(|recorded| recorded.entry.clone()).collect();
        let unsealed = Unsealed { organization, head: state.head(organization), entries };
        Ok(Some(unsealed).filter(|unsealed| !unsealed.entries.is_empty()))
    }

    async fn seal(&self, batch: &SealedBatch, checkpoint: &Checkpoint) -> Result<bool, StoreError> {
        self.change(|state| state.seal(batch, checkpoint))
    }

    async fn sealed(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        let state = self.snapshot()?;
        let positions = state.chains.range(after_sequence(organization, after)).take(limit);
        Ok(positions.filter_map(|(_, id)| state.entries.get(&(organization, *id)).cloned()).collect())
    }

    async fn checkpoints(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Checkpoint>, StoreError> {
        let state = self.snapshot()?;
        let checkpoints = state.checkpoints.range(after_sequence(organization, after)).take(limit);
        Ok(checkpoints.map(|(_, checkpoint)| *checkpoint).collect())
    }

    async fn head(&self, organization: OrganizationId) -> Result<Head, StoreError> {
        Ok(self.snapshot()?.head(organization))
    }

    async fn removed(&self, organization: OrganizationId) -> Result<Head, StoreError> {
        Ok(self.snapshot()?.removed.get(&organization).copied().unwrap_or(Head::EMPTY))
    }

    async fn remove_entries(&self, organization: OrganizationId, after: Head, last: Head) -> Result<bool, StoreError> {
        self.change(|state| {
            let seal = state.chains.get(&(organization, last.sequence));
            let seal = seal.and_then(|id| state.entries.get(&(organization, *id))?.seal);
            let start = state.removed.get(&organization).copied().unwrap_or(Head::EMPTY);
            if start != after || seal.is_none_or(|seal| seal.hash != last.hash) {
                return Ok(false);
            }
            for sequence in after.sequence + 1..=last.sequence {
                if let Some(id) = state.chains.get(&(organization, sequence)).copied() {
                    state.entries.remove_mut(&(organization, id));
                }
                state.chains.remove_mut(&(organization, sequence));
                state.checkpoints.remove_mut(&(organization, sequence));
            }
            state.removed.insert_mut(organization, last);
            Ok(true)
        })
    }

    async fn unsealed_stats(&self, organization: Option<OrganizationId>) -> Result<UnsealedStats, StoreError> {
        let state = self.snapshot()?;
        let mut tail = UnsealedStats { entries: 0, oldest: None };
        for (owner, id) in
            state.unsealed.iter().filter(|(owner, _)| organization.is_none_or(|organization| organization == *owner))
        {
            let occurred_at = state.entries.get(&(*owner, *id)).map(|recorded| recorded.entry.occurred_at);
            tail.entries += 1;
            tail.oldest = tail.oldest.into_iter().chain(occurred_at).min();
        }
        Ok(tail)
    }

    async fn waiting_stats(&self, organization: OrganizationId, limit: usize) -> Result<UnsealedStats, StoreError> {
        let state = self.snapshot()?;
        let mut waiting = state.unsealed_entries(organization).take(limit).map(|stored| stored.entry.occurred_at);
        let oldest = waiting.next();
        Ok(UnsealedStats { entries: u64::from(oldest.is_some()) + waiting.count() as u64, oldest })
    }
}

impl State {
    /// The organization's unsealed entries, oldest first.
    fn unsealed_entries(&self, organization: OrganizationId) -> impl Iterator<Item = &StoredEntry> {
        let (first, last) = ((organization, Id::new(Ulid::nil())), (organization, Id::new(Ulid::max())));
        self.unsealed.range(first..=last).filter_map(|key| self.entries.get(key))
    }

    /// The organization's entries in the given order.
    pub(crate) fn entries_in_order(
        &self,
        organization: OrganizationId,
        order: Order,
    ) -> Box<dyn Iterator<Item = &StoredEntry> + '_> {
        let (first, last) = ((organization, Id::new(Ulid::nil())), (organization, Id::new(Ulid::max())));
        let log = self.entries.range(first..=last).map(|(_, recorded)| recorded);
        match order {
            Order::Newest => Box::new(log.rev()),
            Order::Changed | Order::Due => Box::new(log),
        }
    }

    fn seal(&mut self, batch: &SealedBatch, checkpoint: &Checkpoint) -> Result<bool, StoreError> {
        if self.head(batch.organization) != batch.after {
            return Ok(false);
        }
        for (id, seal) in &batch.seals {
            let was_unsealed = self.unsealed.remove_mut(&(batch.organization, *id));
            let recorded = self.entries.get_mut(&(batch.organization, *id)).filter(|_| was_unsealed);
            let recorded =
                recorded.ok_or_else(|| StoreError::Corrupt(format!("there is no unsealed entry {id}").into()))?;
            recorded.seal = Some(*seal);
            self.chains.insert_mut((batch.organization, seal.sequence), *id);
        }
        self.heads.insert_mut(batch.organization, batch.head());
        self.checkpoints.insert_mut((checkpoint.organization, checkpoint.sequence), *checkpoint);
        Ok(true)
    }
}

type ChainPosition = (OrganizationId, i64);

fn after_sequence(organization: OrganizationId, after: i64) -> (Bound<ChainPosition>, Bound<ChainPosition>) {
    (Bound::Excluded((organization, after)), Bound::Included((organization, i64::MAX)))
}

fn is_past(entry: &Entry, position: Position) -> bool {
    match position {
        Position::Newest(id) => entry.id.ulid() < id,
        Position::Changed(_, id) | Position::Due(_, id) => entry.id.ulid() > id,
    }
}
