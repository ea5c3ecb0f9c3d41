//! Entries of the old form. A store in memory has none of its own.

use audit::{AuditFilter, Checkpoint, Hash, Head, StoredEntry, tables::StoredHead};
use kernel::{Entry, Order, OrganizationId, Page, PageRequest, Position, StoreError, Timestamp, Ulid};

use crate::{MemoryStore, state::LogTables};

impl MemoryStore {
    /// Inserts entries and checkpoints as they are after the migration from an older schema, for tests of what follows
    /// it: sealed entries, up to the head of their chain, and entries without a seal, which wait for it.
    ///
    /// # Errors
    /// [`StoreError`] if the store is closed.
    pub fn insert_old_entries(&self, entries: &[StoredEntry], checkpoints: &[Checkpoint]) -> Result<(), StoreError> {
        self.change(|state| {
            for stored in entries {
                state.log.insert_old_entry(stored);
            }
            for checkpoint in checkpoints {
                state.log.checkpoints.insert_mut((checkpoint.organization, checkpoint.sequence), *checkpoint);
            }
            Ok(())
        })
    }
}

impl LogTables {
    fn insert_old_entry(&mut self, stored: &StoredEntry) {
        let organization = stored.entry.organization;
        let Some(seal) = stored.seal else {
            self.old_waiting.insert_mut((organization, stored.entry.id.ulid()), stored.entry.clone());
            return;
        };
        self.old_sealed.insert_mut((organization, seal.sequence), stored.clone());
        if self.heads.get(&organization).is_none_or(|head| head.head.sequence < seal.sequence) {
            self.heads.insert_mut(organization, migrated_head(organization, seal.sequence, seal.hash));
        }
    }

    pub(crate) fn old_sealed_after(
        &self,
        organization: OrganizationId,
        after: i64,
    ) -> impl DoubleEndedIterator<Item = &StoredEntry> {
        let (first, last) = ((organization, after.saturating_add(1)), (organization, i64::MAX));
        self.old_sealed.range(first..=last).map(|(_, stored)| stored)
    }

    pub(crate) fn old_entries(
        &self,
        organization: OrganizationId,
        filter: &AuditFilter,
        page: &PageRequest,
    ) -> Page<StoredEntry> {
        let is_listed = |entry: &Entry| {
            page.time_range.contains(entry.occurred_at, entry.occurred_at, None)
                && page.after.is_none_or(|position| is_past(entry, position))
                && filter.matches(entry)
        };
        let all = self.old_sealed_after(organization, 0).filter(|stored| is_listed(&stored.entry));
        let mut rows: Vec<StoredEntry> = all.cloned().collect();
        rows.sort_unstable_by_key(|stored| stored.entry.id);
        if page.order == Order::Newest {
            rows.reverse();
        }
        rows.truncate(page.limit.get() + 1);
        Page::from_overfetch(rows, page.limit, Timestamp::MIN, |stored| page.order.entry_position(&stored.entry))
    }
}

fn migrated_head(organization: OrganizationId, sequence: i64, hash: Hash) -> StoredHead {
    StoredHead {
        organization,
        head: Head { sequence, hash },
        tree: None,
        high_id: Ulid::nil(),
        late_ms: 0,
        signed: None,
        removed: Head::EMPTY,
        old_through: sequence,
        redacted: 0,
    }
}

fn is_past(entry: &Entry, position: Position) -> bool {
    match position {
        Position::Newest(id) => entry.id.ulid() < id,
        Position::Changed(_, id) | Position::Due(_, id) => entry.id.ulid() > id,
    }
}
