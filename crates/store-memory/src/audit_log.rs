//! The audit log: entries as they come in, and their places in the chains.

use std::{collections::BTreeMap, ops::Bound};

use async_trait::async_trait;
use audit::{AuditFilter, AuditLog, Batch, Checkpoint, Head, Recorded, Tail, Unsealed};
use kernel::{AuditTrail, Entry, Id, Order, OrganizationId, Page, PageRequest, Position, Stamp, StoreError};
use ulid::Ulid;

use crate::{MemoryStore, state::State};

#[async_trait]
impl AuditTrail for MemoryStore {
    fn begin_entry(&self) -> Stamp {
        self.entry_stamps.begin()
    }

    async fn append(&self, entry: Entry, stamp: Stamp) -> Result<(), StoreError> {
        let stored = self.change(|state| state.append(&entry));
        // No sooner: until then the entry was not to be seen.
        drop(stamp);
        stored
    }
}

#[async_trait]
impl AuditLog for MemoryStore {
    async fn entries(
        &self,
        organization: OrganizationId,
        filter: &AuditFilter,
        page: &PageRequest,
    ) -> Result<Page<Recorded>, StoreError> {
        // Before the snapshot, as for every list.
        let as_of = self.stamps.horizon().min(self.entry_stamps.horizon());
        let state = self.snapshot()?;
        let (first, last) = ((organization, Id::new(Ulid::nil())), (organization, Id::new(Ulid::max())));
        let log = state.entries.range(first..=last).map(|(_, recorded)| recorded);
        let ordered: Box<dyn Iterator<Item = &Recorded>> = match page.order {
            Order::Newest => Box::new(log.rev()),
            Order::Changed => Box::new(log),
        };
        let rows = ordered
            .filter(|recorded| page.window.holds(recorded.entry.occurred_at, recorded.entry.occurred_at))
            .filter(|recorded| page.after.is_none_or(|place| is_past(&recorded.entry, place)))
            .filter(|recorded| filter.matches(&recorded.entry))
            .take(page.limit.get() + 1)
            .cloned()
            .collect();
        Ok(Page::from_overfetch(rows, page.limit, as_of, |recorded| position(&recorded.entry, page.order)))
    }

    async fn entry(&self, organization: OrganizationId, id: Id<Entry>) -> Result<Option<Recorded>, StoreError> {
        Ok(self.snapshot()?.entries.get(&(organization, id)).cloned())
    }

    async fn unsealed(&self, limit: usize) -> Result<Vec<Unsealed>, StoreError> {
        let state = self.snapshot()?;
        let mut waiting: BTreeMap<OrganizationId, Vec<Entry>> = BTreeMap::new();
        for (id, organization) in state.unsealed.iter().take(limit) {
            let recorded = state.entries.get(&(*organization, *id));
            waiting.entry(*organization).or_default().extend(recorded.map(|recorded| recorded.entry.clone()));
        }
        let chained = |(organization, entries)| Unsealed { organization, head: state.head(organization), entries };
        Ok(waiting.into_iter().map(chained).collect())
    }

    async fn seal(&self, batch: &Batch, checkpoint: &Checkpoint) -> Result<bool, StoreError> {
        self.change(|state| state.seal(batch, checkpoint))
    }

    async fn sealed(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Recorded>, StoreError> {
        let state = self.snapshot()?;
        let places = state.chains.range(after_sequence(organization, after)).take(limit);
        Ok(places.filter_map(|(_, id)| state.entries.get(&(organization, *id)).cloned()).collect())
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

    async fn tail(&self, organization: Option<OrganizationId>) -> Result<Tail, StoreError> {
        let state = self.snapshot()?;
        let mut tail = Tail { entries: 0, oldest: None };
        for (id, owner) in state.unsealed.iter().filter(|(_, owner)| organization.is_none_or(|one| one == *owner)) {
            let occurred_at = state.entries.get(&(*owner, *id)).map(|recorded| recorded.entry.occurred_at);
            tail.entries += 1;
            tail.oldest = tail.oldest.into_iter().chain(occurred_at).min();
        }
        Ok(tail)
    }
}

impl State {
    fn seal(&mut self, batch: &Batch, checkpoint: &Checkpoint) -> Result<bool, StoreError> {
        if self.head(batch.organization) != batch.after {
            return Ok(false);
        }
        for (id, seal) in &batch.seals {
            let waited = self.unsealed.remove_mut(&(*id, batch.organization));
            let recorded = self.entries.get_mut(&(batch.organization, *id)).filter(|_| waited);
            let recorded =
                recorded.ok_or_else(|| StoreError::Corrupt(format!("no entry {id} waits for a seal").into()))?;
            recorded.seal = Some(*seal);
            self.chains.insert_mut((batch.organization, seal.sequence), *id);
        }
        self.heads.insert_mut(batch.organization, batch.head());
        self.checkpoints.insert_mut((checkpoint.organization, checkpoint.sequence), *checkpoint);
        Ok(true)
    }
}

type Place = (OrganizationId, i64);

fn after_sequence(organization: OrganizationId, after: i64) -> (Bound<Place>, Bound<Place>) {
    (Bound::Excluded((organization, after)), Bound::Included((organization, i64::MAX)))
}

fn is_past(entry: &Entry, place: Position) -> bool {
    match place {
        Position::Newest(id) => entry.id.ulid() < id,
        Position::Changed(_, id) => entry.id.ulid() > id,
    }
}

fn position(entry: &Entry, order: Order) -> Position {
    match order {
        Order::Newest => Position::Newest(entry.id.ulid()),
        Order::Changed => Position::Changed(entry.occurred_at, entry.id.ulid()),
    }
}
