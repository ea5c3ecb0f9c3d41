//! One batch of records of a register, as one changeset.

use std::collections::HashMap;

use import::CheckedDraft;
use kernel::{Action, Id, Reader, Record, Stored, Ulid};
use registers::{SyncOutcome, sync};
use store::DynStore;

use super::{
    BATCH, Importer,
    completion::Completed,
    identity::{Identity, IdentityIndex},
};
use crate::{compose::Installation, failure::Failure};

/// What became of a record.
pub(super) struct Synced {
    pub(super) outcome: SyncOutcome,
    pub(super) id: Ulid,
    /// The status that the record keeps although the document states another.
    pub(super) settled: Option<&'static str>,
}

impl Importer<'_> {
    /// Creates or updates the records, at most [`BATCH`] of different identities. Those of drafts come with their drafts,
    /// and are completed under the revision that is written.
    pub(super) async fn sync_batch<R: Record>(
        &self,
        records: &[R],
        drafts: &[CheckedDraft],
        identities: &IdentityIndex,
    ) -> Result<Vec<Synced>, Failure>
    where
        DynStore: Reader<R>,
    {
        let Installation { entropy, .. } = &self.operator.installation;
        let decide = async || {
            let existing = self.existing(records, identities).await?;
            let action = Action::on_record(R::KIND, "batch_written");
            let mut changeset = self.operator.changeset(&self.organization, action, None);
            let mut outcomes = Vec::with_capacity(records.len());
            for (index, record) in records.iter().enumerate() {
                let current = existing.get(&Identity::of(record));
                let completed = match (drafts.get(index), current) {
                    (Some(draft), Some(current)) => Completed::new(draft, record.clone(), &current.record),
                    _ => Completed { record: record.clone(), settled: None },
                };
                let (outcome, id) = sync(&mut changeset, &**entropy, current, completed.record);
                outcomes.push(Synced { outcome, id: id.ulid(), settled: completed.settled });
            }
            self.add_derived(&mut changeset, records).await?;
            Ok((changeset, outcomes))
        };
        if self.dry_run { decide().await.map(|(_, outcomes)| outcomes) } else { self.operator.write(decide).await }
    }

    /// The stored records with the identities of these.
    pub(super) async fn existing<R: Record>(
        &self,
        records: &[R],
        identities: &IdentityIndex,
    ) -> Result<HashMap<Identity, Stored<R>>, Failure>
    where
        DynStore: Reader<R>,
    {
        let Installation { store, .. } = &self.operator.installation;
        let keys: Vec<&str> = records.iter().filter_map(R::key).collect();
        let mut existing = HashMap::new();
        for keys in keys.chunks(BATCH) {
            let found = Reader::<R>::get_by_keys(&**store, self.organization.id, keys).await?;
            existing.extend(found.into_iter().map(|stored| (Identity::of(&stored.record), stored)));
        }
        let ids = records.iter().filter_map(|record| identities.get(Identity::of(record)));
        for id in ids.filter(|_| keys.is_empty()) {
            let found = Reader::<R>::get(&**store, self.organization.id, Id::new(id)).await?;
            existing.extend(found.map(|stored| (Identity::of(&stored.record), stored)));
        }
        Ok(existing)
    }
}
