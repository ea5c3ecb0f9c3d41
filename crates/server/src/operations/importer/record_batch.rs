//! One batch of records of a register, as one changeset.

use std::{
    collections::{HashMap, HashSet},
    sync::atomic::{AtomicUsize, Ordering},
};

use import::{CheckedDraft, RecordKind, identity_columns};
use kernel::{Action, Id, Reader, Record, Stored, Ulid};
use registers::{SyncOutcome, sync};
use store::DynStore;

use super::{
    BATCH, Importer,
    completion::Completed,
    identity::{Identity, IdentityIndex},
    messages::incomplete,
    refusal::refusals,
    with_record_type,
};
use crate::{compose::Installation, failure::Failure};

/// The outcome of a record.
pub(super) struct Synced {
    pub(super) outcome: SyncOutcome,
    pub(super) id: Ulid,
    /// The status that the record keeps although the document states another.
    pub(super) settled: Option<&'static str>,
}

/// The parents within which the identities of these records are unique.
pub(super) fn parents_of<R: Record>(records: &[R]) -> HashSet<Ulid> {
    let parent = identity_columns(R::COLUMNS).first().copied();
    records.iter().filter_map(|record| record.value(parent?).as_id()).collect()
}

impl Importer<'_> {
    /// Creates or updates the records, at most [`BATCH`] of different identities. Those of drafts come with their drafts,
    /// and are completed under the revision that is written. Returns the outcome of each record, or why it was refused.
    pub(super) async fn sync_batch<R: Record>(
        &self,
        records: &[R],
        drafts: &[&CheckedDraft],
        identities: &IdentityIndex,
    ) -> Result<Vec<Result<Synced, Vec<String>>>, Failure>
    where
        DynStore: Reader<R>,
    {
        let Installation { store, entropy, .. } = &self.operator.installation;
        let attempts = AtomicUsize::new(0);
        let decide = async || {
            let existing = match attempts.fetch_add(1, Ordering::Relaxed) {
                0 => self.existing(records, &[identities]).await?,
                // Another import has created one of the records since their identities were read.
                _ => self.existing(records, &[&self.later_identities(records, identities).await?, identities]).await?,
            };
            let mut completed = Vec::with_capacity(records.len());
            for (index, record) in records.iter().enumerate() {
                let current = existing.get(&Identity::of(record)).map(|current| &current.record);
                completed.push(complete(record, drafts.get(index).copied(), current));
            }
            let written: Vec<&R> = completed.iter().flatten().map(|completed| &completed.record).collect();
            let derived = self.derived(&written).await?;
            let timestamp = derived.after_last_changes(store.begin_write().after(existing.values()));
            let action = Action::on_record(R::KIND, "batch_written");
            let mut changeset = self.operator.changeset_at(timestamp, &self.organization, action, None);
            let outcomes = records.iter().zip(completed).map(|(record, completed)| {
                let Completed { record: written, settled } = completed?;
                let current = existing.get(&Identity::of(record));
                let (outcome, id) = sync(&mut changeset, &**entropy, current, written);
                Ok(Synced { outcome, id: id.ulid(), settled })
            });
            let outcomes = outcomes.collect();
            derived.add_to(&mut changeset, &**entropy);
            self.publish_events(&mut changeset);
            Ok((changeset, outcomes))
        };
        if self.dry_run { decide().await.map(|(_, outcomes)| outcomes) } else { self.operator.write(decide).await }
    }

    /// The identities of the records with the same parents as these that were created since the index was read, if the kind
    /// has no key.
    async fn later_identities<R: Record>(
        &self,
        records: &[R],
        identities: &IdentityIndex,
    ) -> Result<IdentityIndex, Failure>
    where
        DynStore: Reader<R>,
    {
        if R::COLUMNS.iter().any(|column| column.key.is_some()) {
            return Ok(IdentityIndex::default());
        }
        let (store, organization) = (&self.operator.installation.store, self.organization.id);
        identities.later::<R>(&**store, organization, parents_of(records)).await
    }

    /// The identifier of the stored record with this key, of the kind with this name in bundles; `None` if the workspace has
    /// none, or there is no such kind.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn id_of(&self, kind: &str, key: &str) -> Result<Option<String>, Failure> {
        let (store, organization) = (&self.operator.installation.store, self.organization.id);
        let Some(kind) = RecordKind::from_name(kind) else { return Ok(None) };
        let found = with_record_type!(kind.kind, |R| {
            let found = Reader::<R>::get_by_keys(&**store, organization, &[key]).await?;
            found.first().map(|stored| stored.meta.id.to_string())
        });
        Ok(found.flatten())
    }

    /// The stored records with the identities of these.
    pub(super) async fn existing<R: Record>(
        &self,
        records: &[R],
        identities: &[&IdentityIndex],
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
        let ids = records.iter().filter_map(|record| {
            let identity = Identity::of(record);
            identities.iter().find_map(|index| index.get(identity))
        });
        for id in ids.filter(|_| keys.is_empty()) {
            let found = Reader::<R>::get(&**store, self.organization.id, Id::new(id)).await?;
            existing.extend(found.map(|stored| (Identity::of(&stored.record), stored)));
        }
        Ok(existing)
    }
}

/// Returns the record as it is to be stored, or why it is refused.
fn complete<R: Record>(
    record: &R,
    draft: Option<&CheckedDraft>,
    current: Option<&R>,
) -> Result<Completed<R>, Vec<String>> {
    let completed = match (draft, current) {
        (Some(draft), Some(current)) => Completed::new(draft, record.clone(), current),
        (Some(draft), None) if !draft.missing_fields().is_empty() => return Err(vec![incomplete(draft)]),
        _ => Completed { record: record.clone(), settled: None },
    };
    let record = match current {
        Some(current) => completed.record.merged_onto(current),
        None => completed.record,
    };
    let errors = refusals(current, &record);
    if errors.is_empty() { Ok(Completed { record, settled: completed.settled }) } else { Err(errors) }
}
