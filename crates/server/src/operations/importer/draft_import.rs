//! The state of an import of drafts.

use std::collections::{BTreeMap, HashMap};

use import::{ImportFailure, RecordKind, SourcePosition};
use kernel::{Kind, Ulid};

use super::{
    ImportCounts, Importer,
    drafts::{DraftFailures, PendingDraft},
    identity::{Identity, IdentityIndex},
    messages::incomplete,
    waiting::WaitingDrafts,
};

/// An import of drafts.
pub(super) struct DraftImport<'i, 'o> {
    pub(super) importer: &'i Importer<'o>,
    /// The records written in the current rank, with the file and the line of each.
    pub(super) seen: HashMap<Identity, (usize, usize)>,
    /// The stored records of kinds without keys.
    pub(super) identities: HashMap<Kind, IdentityIndex>,
    /// The records that a dry run would have created.
    pub(super) planned: HashMap<Identity, Ulid>,
    pub(super) waiting: WaitingDrafts,
    pub(super) counts: ImportCounts,
    /// The number of records that keep a status although a document states another, by their status.
    pub(super) settled: BTreeMap<&'static str, usize>,
    pub(super) failures: DraftFailures,
}

impl<'i, 'o> DraftImport<'i, 'o> {
    pub(super) fn new(importer: &'i Importer<'o>, failures: DraftFailures) -> Self {
        Self {
            importer,
            seen: HashMap::new(),
            identities: HashMap::new(),
            planned: HashMap::new(),
            waiting: WaitingDrafts::default(),
            counts: ImportCounts::default(),
            settled: BTreeMap::new(),
            failures,
        }
    }

    /// Whether no line before has a record of this identity. Otherwise the draft fails: the lines would overwrite each other
    /// on every import.
    pub(super) fn is_first(&mut self, pending: &PendingDraft, identity: Identity) -> bool {
        let Some((file, line)) = self.seen.get(&identity).copied() else {
            self.seen.insert(identity, (pending.file, pending.line));
            return true;
        };
        let kind = RecordKind::of(pending.draft.kind).map_or_else(String::new, RecordKind::title);
        let what = if pending.draft.key.is_some() { "with this key" } else { "that this line describes" };
        let of_file = if file == pending.file { "" } else { " of another file" };
        self.fail(pending, &[format!("line {line}{of_file} already has the {kind} {what}")]);
        false
    }

    /// Fails a draft that can only update a record, and there is none.
    pub(super) fn fail_incomplete(&mut self, pending: &PendingDraft) {
        self.fail(pending, &[incomplete(&pending.draft)]);
    }

    pub(super) fn fail(&mut self, pending: &PendingDraft, errors: &[String]) {
        let position = SourcePosition { line: pending.line, column: 1 };
        let message = errors.join("; ");
        self.failures.add(pending.file, ImportFailure { position, key: pending.draft.key.clone(), message });
    }
}
