//! Recording many findings in one call: what a scanner does after each run.

use std::collections::HashMap;

use kernel::{Action, Change, Changeset, Id, RecordKey, Stamp, Stored, Subject};

use crate::{
    create::{CREATED, NewFinding, recorded},
    finding::Finding,
    notice::{Desk, Happened},
    revise::UPDATED,
};

const WRITTEN: Action = Action::new("finding.batch_written");

/// What to do with a finding whose key is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnConflict {
    /// Leave it as it is.
    #[default]
    Skip,
    /// Bring its content up to date; its status stays.
    Update,
}

/// What became of one finding of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchOutcome {
    /// It was new.
    Created(Id<Finding>),
    /// Its content was brought up to date.
    Updated(Id<Finding>),
    /// Its content was up to date.
    Unchanged(Id<Finding>),
    /// It was there and is left as it is.
    Skipped(Id<Finding>),
}

/// Records findings: an audit entry for the call and one for each that changes. `present` is what is there under their
/// keys now. A key that comes twice is met the second time as if the first had been stored.
#[must_use]
pub fn batch(
    desk: &Desk<'_>,
    stamp: Stamp,
    findings: Vec<NewFinding>,
    present: Vec<Stored<Finding>>,
    on_conflict: OnConflict,
) -> (Changeset, Vec<BatchOutcome>) {
    let mut changeset = desk.open(stamp, WRITTEN, None);
    let mut present: HashMap<RecordKey, Stored<Finding>> =
        present.into_iter().map(|finding| (finding.record.key.clone(), finding)).collect();
    let outcomes = findings
        .into_iter()
        .map(|new| {
            let key = new.key.clone();
            match present.get(&key) {
                None => {
                    let created = add(desk, &mut changeset, new);
                    let id = created.meta.id;
                    present.insert(key, created);
                    BatchOutcome::Created(id)
                }
                Some(there) if on_conflict == OnConflict::Skip => BatchOutcome::Skipped(there.meta.id),
                Some(there) => match bring_up_to_date(desk, &mut changeset, there, new) {
                    None => BatchOutcome::Unchanged(there.meta.id),
                    Some(updated) => {
                        let id = updated.meta.id;
                        present.insert(key, updated);
                        BatchOutcome::Updated(id)
                    }
                },
            }
        })
        .collect();
    (changeset, outcomes)
}

fn add(desk: &Desk<'_>, changeset: &mut Changeset, new: NewFinding) -> Stored<Finding> {
    let created = recorded(desk, new, changeset.at());
    changeset.create(&created);
    let changes = Change::between(None, &created.record);
    changeset.note(desk.entropy, CREATED, Some(Subject::of(created.meta.id)), changes);
    desk.tell(changeset, &created, Happened::Created);
    created
}

fn bring_up_to_date(
    desk: &Desk<'_>,
    changeset: &mut Changeset,
    there: &Stored<Finding>,
    new: NewFinding,
) -> Option<Stored<Finding>> {
    let content = new.content_over(&there.record);
    if content == there.record {
        return None;
    }
    let updated = there.changed(changeset.at(), content);
    changeset.update(there, &updated);
    let changes = Change::between(Some(&there.record), &updated.record);
    changeset.note(desk.entropy, UPDATED, Some(Subject::of(updated.meta.id)), changes);
    desk.tell_difference(changeset, &there.record, &updated);
    Some(updated)
}
