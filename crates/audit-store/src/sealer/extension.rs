//! The continuation of a chain by entries.

use audit::{
    BLOCK_ENTRIES, Checkpoint, Hash,
    tables::{HeadChange, NewRun, SignedHead, StoredHead},
    tree_root,
};
use audit_runs::{BlockAnchor, Effort, RunEntry, encode_sealed_with_stubs};
use kernel::{Entry, OrganizationId, Timestamp, Ulid};

use super::chain::{Chain, OpenBlock};
use crate::{blocks::entry_id, keys::SealerKeys, rows::ulid_time, stored_head::head_tag};

const DAY_MS: i64 = 24 * 3600 * 1000;

/// A chain after entries were added to it.
pub(super) struct Extension {
    pub(super) change: HeadChange,
    pub(super) chain: Chain,
    /// The checkpoint of its head.
    pub(super) checkpoint: Checkpoint,
}

impl Chain {
    /// Adds entries, in their order. If they fill the open block, it must be loaded, unless it has no entries.
    pub(super) fn extend(mut self, entries: Vec<Entry>, keys: &SealerKeys, now: Timestamp) -> Extension {
        let before = self.head.clone();
        let mut runs = Vec::new();
        let mut replaced_runs = Vec::new();
        // Entries of the old form are in no run yet.
        let mut open = self.open.take();
        let mut is_open_stored = !self.open_runs.is_empty();
        let mut entries = entries.into_iter();
        while entries.len() > 0 {
            let room = usize::try_from(BLOCK_ENTRIES - self.head.head.sequence % BLOCK_ENTRIES).unwrap_or(1);
            let fills = entries.len() >= room;
            let mut added = OpenBlock::new(self.head.head);
            for entry in entries.by_ref().take(room) {
                let hash = added.push(RunEntry::Entry(entry));
                if let Some(tree) = &mut self.head.tree {
                    tree.push(hash);
                }
                self.head.head.sequence += 1;
                self.head.head.hash = hash;
            }
            note_ids(&mut self.head, &added.entries);
            let block = match open.take() {
                Some(open) if fills || !is_open_stored => joined(open, added),
                _ => added,
            };
            runs.push(run(self.head.organization, &block, self.head.high_id));
            if fills {
                replaced_runs.append(&mut self.open_runs);
            } else {
                self.open_runs.push(block.first_sequence);
            }
            is_open_stored = true;
        }
        let checkpoint = sign(&mut self.head, keys, now);
        let keeps = keeps_checkpoint(&before, &self.head, now);
        let change = HeadChange {
            before: before.head,
            after: self.head.clone(),
            replaced_runs,
            runs,
            checkpoint: keeps.then_some(checkpoint),
        };
        Extension { change, chain: self, checkpoint }
    }
}

/// Notes the identifiers of the entries of a new run.
fn note_ids(head: &mut StoredHead, entries: &[RunEntry]) {
    let late = ulid_time(head.high_id).millis() - ulid_time(first_id(entries)).millis();
    head.late_ms = head.late_ms.max(late);
    head.high_id = entries.iter().map(|entry| entry_id(entry).ulid()).fold(head.high_id, Ord::max);
}

fn first_id(entries: &[RunEntry]) -> Ulid {
    entries.iter().map(|entry| entry_id(entry).ulid()).min().unwrap_or_default()
}

fn joined(mut first: OpenBlock, mut second: OpenBlock) -> OpenBlock {
    first.entries.append(&mut second.entries);
    first.hashes.append(&mut second.hashes);
    first
}

fn run(organization: OrganizationId, block: &OpenBlock, high_id: Ulid) -> NewRun {
    let OpenBlock { first_sequence, before, entries, hashes } = block;
    let root: Hash = tree_root(hashes.iter().copied());
    let anchor = BlockAnchor { before: *before, root };
    NewRun {
        first_sequence: *first_sequence,
        last_sequence: first_sequence - 1 + i64::try_from(entries.len()).unwrap_or(i64::MAX),
        first_id: first_id(entries),
        high_id,
        body: encode_sealed_with_stubs(organization, *first_sequence, entries, &[anchor], Effort::Quick),
    }
}

fn sign(head: &mut StoredHead, keys: &SealerKeys, now: Timestamp) -> Checkpoint {
    let organization = head.organization;
    let checkpoint = Checkpoint::sign(&*keys.checkpoints, organization, head.head.sequence, head.head.hash, now);
    let notes = keys.notes.as_ref().zip(head.tree.as_ref());
    let note = notes.map(|(notes, tree)| notes.sign_tree(organization, tree.size(), tree.root()));
    let tag = head_tag(&*keys.rows, head, note.as_ref());
    head.signed = Some(SignedHead { signed_at: now, checkpoint: checkpoint.signature, note, tag });
    checkpoint
}

/// Whether a checkpoint is kept beside the head's: one for each segment, and one a day.
fn keeps_checkpoint(before: &StoredHead, after: &StoredHead, now: Timestamp) -> bool {
    let segment = |head: &StoredHead| head.head.sequence / i64::try_from(audit_runs::MAX_ENTRIES).unwrap_or(i64::MAX);
    let day = |at: Timestamp| at.millis().div_euclid(DAY_MS);
    let is_first_of_day = before.signed.is_none_or(|signed| day(signed.signed_at) != day(now));
    segment(before) != segment(after) || is_first_of_day
}
