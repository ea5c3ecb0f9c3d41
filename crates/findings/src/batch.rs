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

/// A finding of a batch.
struct BatchFinding {
    /// The finding as it is stored, or as the batch creates it.
    finding: Stored<Finding>,
    is_new: bool,
    /// The changed content, if it exists already.
    changed: Option<Finding>,
}

impl BatchFinding {
    /// The content after the items so far.
    fn current(&self) -> &Finding {
        self.changed.as_ref().unwrap_or(&self.finding.record)
    }

    fn change(&mut self, content: Finding) {
        if self.is_new {
            self.finding.record = content;
        } else {
            self.changed = Some(content);
        }
    }

    /// Writes what the batch made of the finding.
    fn write(self, publisher: Publisher<'_>, changeset: &mut Changeset) {
        let Self { finding, is_new, changed } = self;
        if is_new {
            add(publisher, changeset, &finding);
        } else if let Some(content) = changed
            && content != finding.record
        {
            update_existing(publisher, changeset, &finding, content);
        }
    }
}

/// Records findings, with one audit entry for the call and one for each finding that is created or updated.
/// `existing_findings` are the stored findings with the same keys. A key that occurs twice is handled the second time
/// as if the first occurrence had been stored, but each finding is written once, in its last state: a small batch could
/// otherwise write a large finding hundreds of times.
#[must_use]
pub fn write_batch(
    context: &WriteContext<'_>,
    renderer: &dyn EventRenderer,
    timestamp: WriteTimestamp,
    findings: Vec<NewFinding>,
    existing_findings: Vec<Stored<Finding>>,
    on_conflict: OnConflict,
) -> (Changeset, Vec<BatchOutcome>) {
    let mut changeset = context.begin(timestamp.after(&existing_findings), BATCH_WRITTEN, None);
    let mut existing_findings: HashMap<RecordKey, Stored<Finding>> =
        existing_findings.into_iter().map(|finding| (finding.record.key.clone(), finding)).collect();
    let mut written: Vec<BatchFinding> = Vec::new();
    let mut positions: HashMap<RecordKey, usize> = HashMap::new();
    let mut outcomes = Vec::with_capacity(findings.len());
    for new in findings {
        let position = positions.get(&new.key).copied().or_else(|| {
            let finding = existing_findings.remove(&new.key)?;
            positions.insert(new.key.clone(), written.len());
            written.push(BatchFinding { finding, is_new: false, changed: None });
            Some(written.len() - 1)
        });
        let outcome = match position.and_then(|position| written.get_mut(position)) {
            None => {
                positions.insert(new.key.clone(), written.len());
                let finding = new_record(context, new, changeset.at());
                let id = finding.meta.id;
                written.push(BatchFinding { finding, is_new: true, changed: None });
                BatchOutcome::Created(id)
            }
            Some(existing) if on_conflict == OnConflict::Skip => BatchOutcome::Skipped(existing.finding.meta.id),
            Some(existing) => {
                let content = new.merged_onto(existing.current());
                if content == *existing.current() {
                    BatchOutcome::Unchanged(existing.finding.meta.id)
                } else {
                    existing.change(content);
                    BatchOutcome::Updated(existing.finding.meta.id)
                }
            }
        };
        outcomes.push(outcome);
    }
    for finding in written {
        finding.write(Publisher { context, renderer }, &mut changeset);
    }
    (changeset, outcomes)
}

fn add(publisher: Publisher<'_>, changeset: &mut Changeset, created: &Stored<Finding>) {
    changeset.create(created);
    let changes = Change::between(None, &created.record);
    changeset.add_entry(publisher.context.entropy, CREATED, Some(Subject::from_id(created.meta.id)), changes);
    publisher.publish(changeset, created, FindingChangeKind::Created);
}

fn update_existing(publisher: Publisher<'_>, changeset: &mut Changeset, existing: &Stored<Finding>, content: Finding) {
    let updated = existing.changed(changeset.at(), content);
    changeset.update(existing, &updated);
    let changes = Change::between(Some(&existing.record), &updated.record);
    changeset.add_entry(publisher.context.entropy, UPDATED, Some(Subject::from_id(updated.meta.id)), changes);
    publisher.publish_changes(changeset, &existing.record, &updated);
}
