//! The chain as far as it was verified.

use std::collections::BTreeMap;

use audit::{
    BLOCK_LEVEL, Checkpoint, CheckpointVerifier, Fault, Hash, Head, Redaction, Tree, VerifiedChain,
    tables::{RunKey, StoredHead},
    take_recorded,
};
use kernel::{Entry, Id, OrganizationId, Timestamp, Ulid};

use super::checked_block::CheckedBlock;

/// The chain as far as it was verified. It is checked against whatever is expected of later entries once these come.
#[derive(Clone)]
pub(super) struct ChainState {
    organization: OrganizationId,
    start: Head,
    /// Whether an entry records that those up to the start were removed.
    has_recorded_start: bool,
    pub(super) head: Head,
    last: Option<Id<Entry>>,
    /// The greatest identifier so far, as the keys of runs say.
    high_id: Ulid,
    /// The tree over all entries so far; `None` if the hashes of the removed ones are not there.
    tree: Option<Tree>,
    checkpoints: BTreeMap<(i64, Hash), Timestamp>,
    /// The roots that trees of these sizes have elsewhere.
    roots: BTreeMap<u64, Hash>,
    /// The hashes that entries have elsewhere, by their sequences.
    heads: BTreeMap<i64, Hash>,
    verified_checkpoints: u64,
    signed_through: i64,
    /// The entries without content whose record has not come yet.
    unrecorded: BTreeMap<i64, Redaction>,
}

impl ChainState {
    /// Begins after the entries that were removed, with the tree over these.
    pub(super) fn new(organization: OrganizationId, start: Head, tree: Option<Tree>) -> Self {
        Self {
            organization,
            start,
            has_recorded_start: start == Head::EMPTY,
            head: start,
            last: None,
            high_id: Ulid::nil(),
            tree,
            checkpoints: BTreeMap::new(),
            roots: BTreeMap::new(),
            heads: BTreeMap::new(),
            verified_checkpoints: 0,
            signed_through: 0,
            unrecorded: BTreeMap::new(),
        }
    }

    /// Expects that a tree has this root.
    pub(super) fn expect_root(&mut self, size: u64, root: Hash) -> Result<(), Fault> {
        let other = self.roots.insert(size, root).filter(|other| *other != root);
        if other.is_some() { Err(Fault::OtherRoot { size }) } else { self.check_root() }
    }

    /// Expects that the chain has an entry with this hash.
    pub(super) fn expect_head(&mut self, head: Head) -> Result<(), Fault> {
        // There is nothing left to compare removed entries with.
        if head.sequence < self.start.sequence {
            return Ok(());
        }
        let other = self.heads.insert(head.sequence, head.hash).filter(|other| *other != head.hash);
        if other.is_some() { Err(Fault::OtherHead { sequence: head.sequence }) } else { self.check_head(self.head) }
    }

    fn check_head(&mut self, head: Head) -> Result<(), Fault> {
        match self.heads.remove(&head.sequence) {
            Some(hash) if hash != head.hash => Err(Fault::OtherHead { sequence: head.sequence }),
            _ => Ok(()),
        }
    }

    /// Expects that the chain has an entry with the hash of this checkpoint.
    pub(super) fn expect_checkpoint(
        &mut self,
        checkpoint: &Checkpoint,
        key: &dyn CheckpointVerifier,
    ) -> Result<(), Fault> {
        let Checkpoint { organization, sequence, hash, signed_at, signature } = *checkpoint;
        if !key.verify(checkpoint.message().as_bytes(), &signature) {
            return Err(Fault::BadSignature { sequence });
        }
        if organization != self.organization {
            return Err(Fault::ForeignCheckpoint { sequence, organization });
        }
        // There is nothing left to compare a checkpoint of removed entries with.
        if sequence < self.start.sequence {
            return Ok(());
        }
        if sequence < self.head.sequence {
            return Err(Fault::LateCheckpoint { sequence });
        }
        self.checkpoints.insert((sequence, hash), signed_at);
        self.check_checkpoints(self.head, self.last)
    }

    /// Adds an entry of the old form.
    pub(super) fn push_old(&mut self, link: &audit::Link) -> Result<(), Fault> {
        let audit::Link { id, sequence, previous_hash, hash, computed, removal, redaction } = *link;
        self.expect_sequence(id, sequence)?;
        if let Some(computed) = computed.filter(|computed| *computed != hash) {
            return Err(Fault::Altered { id, sequence, hash, computed });
        }
        if previous_hash != self.head.hash {
            return Err(Fault::Unchained { id, sequence, previous_hash, expected: self.head.hash });
        }
        self.has_recorded_start |= removal == Some(self.start);
        self.note_redactions(redaction.as_slice(), &[]);
        self.high_id = self.high_id.max(id.ulid());
        self.push_entry(Head { sequence, hash }, id)
    }

    /// Adds the blocks of a run.
    pub(super) fn push_run(&mut self, key: &RunKey, blocks: &[CheckedBlock]) -> Result<(), Fault> {
        for block in blocks {
            self.push_block(block)?;
            self.high_id = block.ids.iter().fold(self.high_id, |high, id| high.max(id.ulid()));
        }
        // Of entries that were removed, the greatest identifier is unknown.
        let is_right = key.high_id == self.high_id || (self.start != Head::EMPTY && key.high_id > self.high_id);
        self.high_id = key.high_id.max(self.high_id);
        let (first, last) = (key.first_sequence, key.last_sequence);
        if is_right { Ok(()) } else { Err(Fault::WrongKey { first, last }) }
    }

    fn push_block(&mut self, block: &CheckedBlock) -> Result<(), Fault> {
        let (first, last) = (*block.sequences.start(), *block.sequences.end());
        let Some(id) = block.id(first) else { return Err(Fault::Unreadable { first, last }) };
        self.expect_sequence(id, first)?;
        if block.before != self.head.hash {
            let (previous_hash, expected) = (block.before, self.head.hash);
            return Err(Fault::Unchained { id, sequence: first, previous_hash, expected });
        }
        self.has_recorded_start |= block.removals.contains(&self.start);
        self.note_redactions(&block.redactions, &block.redacted);
        let is_expected = |sequence: &i64| *sequence <= last;
        let has_checkpoint = self.checkpoints.first_key_value().is_some_and(|((sequence, _), _)| is_expected(sequence));
        let has_root = self.roots.first_key_value().is_some_and(|(size, _)| *size <= last.unsigned_abs());
        let has_head = self.heads.first_key_value().is_some_and(|(sequence, _)| is_expected(sequence));
        if has_checkpoint || has_root || has_head || !block.is_whole() {
            for sequence in first..=last {
                let (Some(hash), Some(id)) = (block.hash(sequence), block.id(sequence)) else { continue };
                self.push_entry(Head { sequence, hash }, id)?;
            }
            return Ok(());
        }
        if let Some(tree) = &mut self.tree {
            tree.push_subtree(block.root, BLOCK_LEVEL);
        }
        self.head = Head { sequence: last, hash: block.hash(last).unwrap_or(Hash::ZERO) };
        self.last = block.id(last);
        Ok(())
    }

    /// Expects a record of each entry without content, which comes later.
    fn note_redactions(&mut self, recorded: &[Redaction], redacted: &[Redaction]) {
        self.unrecorded.extend(redacted.iter().map(|redacted| (redacted.entry.sequence, *redacted)));
        recorded.iter().for_each(|redaction| take_recorded(&mut self.unrecorded, redaction));
    }

    fn expect_sequence(&self, id: Id<Entry>, found: i64) -> Result<(), Fault> {
        let expected = self.head.sequence + 1;
        match found.cmp(&expected) {
            std::cmp::Ordering::Greater => Err(Fault::Gap { id, expected, found }),
            std::cmp::Ordering::Less => Err(Fault::Misplaced { id, expected, found }),
            std::cmp::Ordering::Equal => Ok(()),
        }
    }

    fn push_entry(&mut self, head: Head, id: Id<Entry>) -> Result<(), Fault> {
        if let Some(tree) = &mut self.tree {
            tree.push(head.hash);
        }
        self.check_head(head)?;
        self.check_checkpoints(head, Some(id))?;
        (self.head, self.last) = (head, Some(id));
        self.check_root()
    }

    fn check_checkpoints(&mut self, head: Head, last: Option<Id<Entry>>) -> Result<(), Fault> {
        while let Some(first) = self.checkpoints.first_entry().filter(|first| first.key().0 == head.sequence) {
            let ((sequence, hash), signed_at) = first.remove_entry();
            if hash != head.hash {
                return Err(match last {
                    Some(id) => Fault::Rewritten { id, sequence, signed_at },
                    None => Fault::TailCut { last: 0, sequence, signed_at },
                });
            }
            self.verified_checkpoints += 1;
            self.signed_through = sequence;
        }
        Ok(())
    }

    fn check_root(&mut self) -> Result<(), Fault> {
        let Some(tree) = &self.tree else { return Ok(()) };
        while let Some(first) = self.roots.first_entry().filter(|first| *first.key() <= tree.size()) {
            let (size, root) = first.remove_entry();
            // What was removed has no tree of its own any more, unless it ends where the chain now begins.
            let is_comparable = size == tree.size();
            if is_comparable && root != tree.root() {
                return Err(Fault::OtherRoot { size });
            }
        }
        Ok(())
    }

    /// Ends the verification with the head that is stored.
    pub(super) fn finish(self, stored: Option<&StoredHead>) -> Result<VerifiedChain, Fault> {
        let last = self.head.sequence;
        if let Some((&(sequence, _), &signed_at)) = self.checkpoints.last_key_value() {
            return Err(Fault::TailCut { last, sequence, signed_at });
        }
        if let Some((&sequence, _)) = self.heads.last_key_value() {
            return Err(Fault::OtherHead { sequence });
        }
        let head = stored.map_or(Head::EMPTY, |stored| stored.head);
        if last < head.sequence {
            return Err(Fault::HeadLost { last, sequence: head.sequence });
        }
        if self.signed_through < last {
            return Err(Fault::Unsigned { from: self.signed_through + 1 });
        }
        if head.sequence < last {
            return Err(Fault::Unsigned { from: head.sequence + 1 });
        }
        if head != self.head {
            return Err(Fault::AlteredHead { sequence: last });
        }
        if let Some(stored) = stored {
            let is_same_tree = match (&self.tree, &stored.tree) {
                (Some(tree), Some(stored)) => tree == stored,
                // Only a head with a tree is signed as a note.
                _ => stored.signed.is_none_or(|signed| signed.note.is_none()),
            };
            if !is_same_tree || stored.high_id < self.high_id {
                return Err(Fault::AlteredHead { sequence: last });
            }
        }
        if let Some((&size, _)) = self.roots.last_key_value() {
            return Err(if self.tree.is_some() { Fault::OtherRoot { size } } else { Fault::NoTree { size } });
        }
        if !self.has_recorded_start {
            return Err(Fault::UnrecordedRemoval { through: self.start.sequence });
        }
        if let Some((&sequence, _)) = self.unrecorded.first_key_value() {
            return Err(Fault::UnrecordedRedaction { sequence });
        }
        Ok(VerifiedChain {
            entries: u64::try_from(last - self.start.sequence).unwrap_or(0),
            removed_through: self.start.sequence,
            head: self.head,
            checkpoints: self.verified_checkpoints,
            signed_through: self.signed_through,
        })
    }
}
