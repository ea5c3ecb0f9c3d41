//! Keeping a register in step with where its records come from: create what is new, change what differs, leave the rest.

use kernel::{Action, Change, Changeset, Entropy, Fields, Id, Resource, Stored, Subject};

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It was new.
    Created,
    /// It differed.
    Updated,
    /// It was the same.
    Unchanged,
}

/// A record of a register: what the audit log calls its creation and change.
pub trait Register: Resource + Fields {
    /// `control.created`.
    const CREATED: Action;
    /// `control.updated`.
    const UPDATED: Action;
}

/// Adds to the changeset what it takes for the register to hold this record, given what it holds now under its key.
pub fn keep<R: Register>(
    changeset: &mut Changeset,
    entropy: &dyn Entropy,
    present: Option<&Stored<R>>,
    record: R,
) -> (Kept, Id<R>) {
    let at = changeset.at();
    match present {
        None => {
            let created = Stored::new(changeset.organization(), Id::new(entropy.ulid(at)), at, record);
            changeset.create(&created);
            let changes = Change::between(None, &created.record);
            changeset.note(entropy, R::CREATED, Some(Subject::of(created.meta.id)), changes);
            (Kept::Created, created.meta.id)
        }
        Some(present) if present.record == record => (Kept::Unchanged, present.meta.id),
        Some(present) => {
            let changed = present.changed(at, record);
            changeset.update(present, &changed);
            let changes = Change::between(Some(&present.record), &changed.record);
            changeset.note(entropy, R::UPDATED, Some(Subject::of(changed.meta.id)), changes);
            (Kept::Updated, changed.meta.id)
        }
    }
}
