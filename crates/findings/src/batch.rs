//! Batches: many findings recorded in one call, as a scanner does after each run.

use std::collections::HashMap;

use kernel::{Action, Change, Changeset, Id, RecordKey, Stored, Subject, WriteContext, WriteTimestamp};

use crate::{
    change::{EventRenderer, FindingChangeKind, Publisher},
    create::{CREATED, NewFinding, new_record},
    finding::Finding,
    update::UPDATED,
};

pub(crate) const BATCH_WRITTEN: Action = Action::new("finding.batch_written");

/// The treatment of a finding whose key already exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnConflict {
    /// The existing finding is left unchanged.
    #[default]
    Skip,
    /// The content of the existing finding is updated; its status stays.
    Update,
}

/// The outcome for one finding of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchOutcome {
    /// The key was new, and the finding was created.
    Created(Id<Finding>),
    /// The content of the existing finding was updated.
    Updated(Id<Finding>),
    /// The existing finding already had the same content.
    Unchanged(Id<Finding>),
    /// A finding with the key exists and was left unchanged.
    Skipped(Id<Finding>),
}

/// Records findings, with one audit entry for the call and one for each finding that is created or updated.
/// `existing_findings` are the stored findings with the same keys. A key that occurs twice is handled the second time
/// as if the first occurrence had been stored.
#[must_use]
pub fn write_batch(
    context: &WriteContext<'_>,
    renderer: &dyn EventRenderer,
    timestamp: WriteTimestamp,
    findings: Vec<NewFinding>,
    existing_findings: Vec<Stored<Finding>>,
    on_conflict: OnConflict,
) -> (Changeset, Vec<BatchOutcome>) {
    let publisher = Publisher { context, renderer };
    let mut changeset = context.begin(timestamp, BATCH_WRITTEN, None);
    let mut existing_findings: HashMap<RecordKey, Stored<Finding>> =
        existing_findings.into_iter().map(|finding| (finding.record.key.clone(), finding)).collect();
    let outcomes = findings
        .into_iter()
        .map(|new| {
            let key = new.key.clone();
            match existing_findings.get(&key) {
                None => {
                    let created = add(publisher, &mut changeset, new);
                    let id = created.meta.id;
                    existing_findings.insert(key, created);
                    BatchOutcome::Created(id)
                }
                Some(existing) if on_conflict == OnConflict::Skip => BatchOutcome::Skipped(existing.meta.id),
                Some(existing) => match update_existing(publisher, &mut changeset, existing, new) {
                    None => BatchOutcome::Unchanged(existing.meta.id),
                    Some(updated) => {
                        let id = updated.meta.id;
                        existing_findings.insert(key, updated);
                        BatchOutcome::Updated(id)
                    }
                },
            }
        })
        .collect();
    (changeset, outcomes)
}

fn add(publisher: Publisher<'_>, changeset: &mut Changeset, new: NewFinding) -> Stored<Finding> {
    let context = publisher.context;
    let created = new_record(context, new, changeset.at());
    changeset.create(&created);
    let changes = Change::between(None, &created.record);
    changeset.add_entry(context.entropy, CREATED, Some(Subject::from_id(created.meta.id)), changes);
    publisher.publish(changeset, &created, FindingChangeKind::Created);
    created
}

fn update_existing(
    publisher: Publisher<'_>,
    changeset: &mut Changeset,
    existing: &Stored<Finding>,
    new: NewFinding,
) -> Option<Stored<Finding>> {
    let content = new.merged_onto(&existing.record);
    if content == existing.record {
        return None;
    }
    let updated = existing.changed(changeset.at(), content);
    changeset.update(existing, &updated);
    let changes = Change::between(Some(&existing.record), &updated.record);
    changeset.add_entry(publisher.context.entropy, UPDATED, Some(Subject::from_id(updated.meta.id)), changes);
    publisher.publish_changes(changeset, &existing.record, &updated);
    Some(updated)
}
