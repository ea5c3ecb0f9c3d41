//! Records that would be above themselves.

use std::collections::{HashMap, HashSet};

use import::self_reference;
use kernel::{Id, Reader, Record, Ulid};
use store::DynStore;

use super::{
    draft_import::DraftImport,
    drafts::PendingDraft,
    identity::{Identity, IdentityIndex},
    messages::cycle,
};
use crate::failure::Failure;

impl DraftImport<'_, '_> {
    /// Leaves out the stored records that these would put above themselves. They wait, since another line may move the
    /// records between.
    pub(super) async fn without_cycles<R: Record>(
        &mut self,
        ready: Vec<(PendingDraft, R)>,
        waiting: &mut Vec<PendingDraft>,
    ) -> Result<Vec<(PendingDraft, R)>, Failure>
    where
        DynStore: Reader<R>,
    {
        let Some(column) = self_reference(R::KIND).map(|reference| reference.column) else { return Ok(ready) };
        let records: Vec<R> = ready.iter().map(|(_, record)| record.clone()).collect();
        let existing = self.importer.existing(&records, &[&IdentityIndex::default()]).await?;
        let mut parents: HashMap<Ulid, Option<Ulid>> = HashMap::new();
        let mut accepted = Vec::with_capacity(ready.len());
        for (pending, record) in ready {
            let parent = record.value(column).as_id();
            let keeps_parent = pending.draft.kept_columns.contains(&column);
            if let Some(stored) = existing.get(&Identity::of(&record)).filter(|_| !keeps_parent) {
                let own = stored.meta.ulid();
                let is_moved = stored.record.value(column).as_id() != parent;
                if is_moved && self.is_above::<R>(own, parent, column, &parents).await? {
                    if self.waiting.is_last_pass() {
                        self.fail(&pending, &[cycle(R::KIND)]);
                    } else {
                        waiting.push(pending);
                    }
                    continue;
                }
                parents.insert(own, parent);
            }
            accepted.push((pending, record));
        }
        Ok(accepted)
    }

    /// Whether the record `own` is `start` or above it. `parents` are those that are about to be written.
    async fn is_above<R: Record>(
        &self,
        own: Ulid,
        start: Option<Ulid>,
        column: usize,
        parents: &HashMap<Ulid, Option<Ulid>>,
    ) -> Result<bool, Failure>
    where
        DynStore: Reader<R>,
    {
        let (importer, mut current, mut visited) = (self.importer, start, HashSet::new());
        while let Some(id) = current.filter(|id| visited.insert(*id)) {
            if id == own {
                return Ok(true);
            }
            current = match parents.get(&id).copied().or_else(|| self.waiting.planned_parent(id)) {
                Some(parent) => parent,
                None => {
                    let store = &importer.operator.installation.store;
                    let stored = Reader::<R>::get(&**store, importer.organization.id, Id::new(id)).await?;
                    stored.and_then(|stored| stored.record.value(column).as_id())
                }
            };
        }
        Ok(false)
    }
}
