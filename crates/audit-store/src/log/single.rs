//! Single entries by their identifiers.

use audit::{
    SealedEntry, StoredEntry,
    tables::{RunKey, RunTable, WaitingRow},
};
use audit_runs::{BLOCK_ENTRIES, MAX_ENTRIES};
use kernel::{Entry, Id, OrganizationId, StoreError, Ulid};

use super::{
    blocks::{ALL_BLOCKS, Wish},
    lists::moved,
    reader::{MAX_ATTEMPTS, Reader},
    view::View,
    waiting::WaitingVisitor,
};
use crate::blocks::entry_id;

/// The result of a search in what is sealed.
enum Found {
    Entry(Box<SealedEntry>),
    Nothing,
    Moved,
}

/// The entry with this identifier among those that wait.
struct OneWaiting {
    id: Id<Entry>,
    found: Option<Entry>,
}

impl WaitingVisitor for OneWaiting {
    fn last_id(&self) -> Ulid {
        if self.found.is_some() { Ulid::nil() } else { self.id.ulid() }
    }

    fn visit(&mut self, _: &WaitingRow, entries: Vec<Entry>) {
        self.found = entries.into_iter().find(|entry| entry.id == self.id).or(self.found.take());
    }
}

impl Reader {
    /// Returns the entry with this identifier.
    pub(crate) async fn entry(
        &self,
        organization: OrganizationId,
        id: Id<Entry>,
    ) -> Result<Option<StoredEntry>, StoreError> {
        for _ in 0..MAX_ATTEMPTS {
            let old = self.old_waiting(Some(organization)).await?.into_iter().find(|entry| entry.id == id);
            let mut waiting = OneWaiting { id, found: old };
            let view = self.view_with(organization, &mut waiting).await?;
            match self.sealed_entry(&view, id).await? {
                Found::Entry(sealed) => return Ok(sealed.into_stored()),
                Found::Nothing => return Ok(waiting.found.map(|entry| StoredEntry { entry, seal: None })),
                Found::Moved => {}
            }
        }
        Err(moved(organization))
    }

    /// Returns the sealed entry with this identifier, or what remains of it.
    pub(crate) async fn sealed_one(
        &self,
        organization: OrganizationId,
        id: Id<Entry>,
    ) -> Result<Option<SealedEntry>, StoreError> {
        for _ in 0..MAX_ATTEMPTS {
            let view = self.chain_view(organization).await?;
            match self.sealed_entry(&view, id).await? {
                Found::Entry(sealed) => return Ok(Some(*sealed)),
                Found::Nothing => return Ok(None),
                Found::Moved => {}
            }
        }
        Err(moved(organization))
    }

    /// Returns whether the chain of an organization has the entry with this identifier.
    pub(crate) async fn is_sealed(&self, view: &View, id: Id<Entry>) -> Result<bool, StoreError> {
        for _ in 0..MAX_ATTEMPTS {
            match self.sealed_entry(view, id).await? {
                Found::Entry(_) => return Ok(true),
                Found::Nothing => return Ok(false),
                Found::Moved => {}
            }
        }
        Err(moved(view.organization))
    }

    async fn sealed_entry(&self, view: &View, id: Id<Entry>) -> Result<Found, StoreError> {
        if view.old_through() > 0 {
            let old = self.tables.old_entry(view.organization, id).await?;
            if !self.still_old_through(view).await? {
                return Ok(Found::Moved);
            }
            if let Some(stored) = old.filter(|stored| stored.seal.is_some()) {
                return Ok(Found::Entry(Box::new(SealedEntry::Entry(stored))));
            }
        }
        let ulid = id.ulid();
        // An entry is in the first of these units, unless it came late.
        let start = view.partition_point(|unit| view.high(unit) < ulid);
        let end = view.partition_point(|unit| view.low(unit) <= ulid);
        for unit in (start..end).filter(|unit| view.key(*unit).first_id <= ulid) {
            match self.find_in_unit(view, unit, ulid).await? {
                Found::Nothing => {}
                found => return Ok(found),
            }
        }
        Ok(Found::Nothing)
    }

    async fn find_in_unit(&self, view: &View, unit: usize, id: Ulid) -> Result<Found, StoreError> {
        let key = view.key(unit);
        if key.table == RunTable::Segments {
            let blocks = match self.blocks.id_ranges(view.version(), key) {
                Some(ranges) => {
                    let has =
                        |(block, (low, high)): (usize, &(Ulid, Ulid))| (*low <= id && id <= *high).then_some(block);
                    ranges.iter().enumerate().filter_map(has).fold(0, |blocks, block| blocks | 1 << block)
                }
                None => match self.bisect(view, unit, id).await? {
                    Found::Nothing => ALL_BLOCKS,
                    found => return Ok(found),
                },
            };
            return if blocks == 0 { Ok(Found::Nothing) } else { self.find_in_blocks(view, unit, blocks, id).await };
        }
        self.find_in_blocks(view, unit, ALL_BLOCKS, id).await
    }

    /// Searches a segment for an entry that did not come late.
    async fn bisect(&self, view: &View, unit: usize, id: Ulid) -> Result<Found, StoreError> {
        let (mut start, mut end) = (0, MAX_ENTRIES / BLOCK_ENTRIES);
        let mut middle = likely_block(view.key(unit), id);
        while start < end {
            let wish = Wish { key: view.key(unit).clone(), blocks: 1 << middle };
            let Some(blocks) = self.load(view.version(), &[wish]).await? else { return Ok(Found::Moved) };
            let Some(block) = blocks.first().and_then(|blocks| blocks.first()) else { break };
            if let Some(index) = block.find(id) {
                return Ok(Found::Entry(Box::new(block.sealed(view.organization, index))));
            }
            if block.entries.first().is_some_and(|first| id < entry_id(first).ulid()) {
                end = middle
            } else {
                start = middle + 1
            }
            middle = start.midpoint(end);
        }
        Ok(Found::Nothing)
    }

    async fn find_in_blocks(&self, view: &View, unit: usize, blocks: u16, id: Ulid) -> Result<Found, StoreError> {
        let wish = Wish { key: view.key(unit).clone(), blocks };
        let Some(loaded) = self.load(view.version(), &[wish]).await? else { return Ok(Found::Moved) };
        for block in loaded.iter().flatten() {
            if let Some(index) = block.find(id) {
                return Ok(Found::Entry(Box::new(block.sealed(view.organization, index))));
            }
        }
        Ok(Found::Nothing)
    }
}

/// The block of a segment in which an entry is if the others came at regular times.
fn likely_block(key: &RunKey, id: Ulid) -> usize {
    const LAST: u64 = (MAX_ENTRIES / BLOCK_ENTRIES) as u64 - 1;
    let passed = id.timestamp_ms().saturating_sub(key.first_id.timestamp_ms());
    let duration = key.high_id.timestamp_ms().saturating_sub(key.first_id.timestamp_ms()).max(1);
    usize::try_from((passed * (LAST + 1) / duration).min(LAST)).unwrap_or_default()
}
