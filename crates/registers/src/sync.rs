//! Synchronization of a register with its source: creates new records, updates those that differ, and leaves the rest.

use kernel::{Action, Change, Changeset, Entropy, Id, Record, Stored, Subject};

/// The outcome of synchronizing one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncOutcome {
    /// The record was created.
    Created,
    /// The record differed and was updated.
    Updated,
    /// The record was the same already.
    Unchanged,
}

/// Adds the creation or the update of the record to the changeset, with its audit entry, as needed. `current` is the
/// stored record with the same key or identity; it keeps its values in columns that only a creation or only the server
/// sets. The timestamp of the changeset must be after its last change.
pub fn sync<R: Record>(
    changeset: &mut Changeset,
    entropy: &dyn Entropy,
    current: Option<&Stored<R>>,
    record: R,
) -> (SyncOutcome, Id<R>) {
    let at = changeset.at();
    match current {
        None => {
            let created = Stored::new(changeset.organization(), Id::new(entropy.ulid(at)), at, record);
            changeset.create(&created);
            let changes = Change::between(None, &created.record);
            changeset.add_entry(
                entropy,
                Action::on_record(R::KIND, "created"),
                Some(Subject::from_id(created.meta.id)),
                changes,
            );
            (SyncOutcome::Created, created.meta.id)
        }
        Some(current) => {
            let record = record.merged_onto(&current.record);
            let outcome =
                if update(changeset, entropy, current, record) { SyncOutcome::Updated } else { SyncOutcome::Unchanged };
            (outcome, current.meta.id)
        }
    }
}

/// Adds the update of the stored record to the changeset, with its audit entry, unless the record is the same already.
/// Returns whether it differs. The timestamp of the changeset must be after the last change of the record.
pub fn update<R: Record>(changeset: &mut Changeset, entropy: &dyn Entropy, current: &Stored<R>, record: R) -> bool {
    if current.record == record {
        return false;
    }
    let changed = current.changed(changeset.at(), record);
    changeset.update(current, &changed);
    let changes = Change::between(Some(&current.record), &changed.record);
    let subject = Subject::from_id(changed.meta.id);
    changeset.add_entry(entropy, Action::on_record(R::KIND, "updated"), Some(subject), changes);
    true
}
