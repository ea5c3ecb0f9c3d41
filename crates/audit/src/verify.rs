//! Verification of a chain, which reports the first fault.

use std::collections::BTreeMap;

use kernel::{Entry, Id, OrganizationId, Timestamp};

use crate::{
    checkpoint::{Checkpoint, CheckpointVerifier},
    hash::Hash,
    link::Link,
    redaction::{Redaction, take_recorded},
    stored_entry::Head,
};

/// The extent of a chain that was verified without a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedChain {
    /// The number of entries verified.
    pub entries: u64,
    /// The sequence up to which entries were removed from the start of the chain, as an entry records; 0 if none were.
    pub removed_through: i64,
    /// The head of the chain.
    pub head: Head,
    /// The number of checkpoints verified.
    pub checkpoints: u64,
    /// The sequence up to which a checkpoint covers the chain; 0 if there is no checkpoint. Later entries are chained,
    /// but anyone who can write to the database could have added them.
    pub signed_through: i64,
}

/// The first fault of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Entries are missing before this one.
    #[error("entry {id} has sequence {found}, but {expected} was expected: the entries before it were removed")]
    Gap {
        /// The entry that was found.
        id: Id<Entry>,
        /// The first sequence that is missing.
        expected: i64,
        /// The sequence of the entry that was found.
        found: i64,
    },
    /// The entry has the sequence of an earlier entry, or a sequence that can't exist.
    #[error("entry {id} has sequence {found}, but {expected} was expected: it was added or moved")]
    Misplaced {
        /// The entry.
        id: Id<Entry>,
        /// The expected sequence.
        expected: i64,
        /// The sequence that the entry states.
        found: i64,
    },
    /// The content of the entry was changed after it was sealed.
    #[error("entry {id} at sequence {sequence} was changed: its hash is {hash}, the hash of its content is {computed}")]
    Altered {
        /// The entry.
        id: Id<Entry>,
        /// The entry's sequence.
        sequence: i64,
        /// The hash that the entry states.
        hash: Hash,
        /// The hash computed from the entry's content.
        computed: Hash,
    },
    /// The entry is not chained to the one before it.
    #[error(
        "entry {id} at sequence {sequence} has previous hash {previous_hash}, but the hash before it is {expected}: \
         one of the two was rewritten"
    )]
    Unchained {
        /// The entry.
        id: Id<Entry>,
        /// The entry's sequence.
        sequence: i64,
        /// The previous entry's hash that the entry states.
        previous_hash: Hash,
        /// The actual hash of the previous entry.
        expected: Hash,
    },
    /// The entry is intact and chained, but a checkpoint has another hash for it.
    #[error(
        "entry {id} at sequence {sequence} does not have the hash of the checkpoint signed at {signed_at}: \
         the chain was rewritten at or before it"
    )]
    Rewritten {
        /// The entry.
        id: Id<Entry>,
        /// The entry's sequence.
        sequence: i64,
        /// The time of the checkpoint's signature.
        signed_at: Timestamp,
    },
    /// The chain does not begin with its first entry, and no entry records that those before were removed.
    #[error("the entries up to sequence {through} are missing, and no entry of the chain records their removal")]
    UnrecordedRemoval {
        /// The sequence of the last missing entry.
        through: i64,
    },
    /// The chain ends before a checkpoint.
    #[error(
        "the chain ends at sequence {last}, but a checkpoint signed at {signed_at} covers it up to {sequence}: \
         the last entries were removed"
    )]
    TailCut {
        /// The sequence of the last entry.
        last: i64,
        /// The sequence of the checkpoint.
        sequence: i64,
        /// The time of the checkpoint's signature.
        signed_at: Timestamp,
    },
    /// The chain ends before the head that the store has recorded.
    #[error("the chain ends at sequence {last}, but the stored head is at {sequence}: the last entries were removed")]
    HeadLost {
        /// The sequence of the last entry.
        last: i64,
        /// The sequence of the stored head.
        sequence: i64,
    },
    /// The chain continues after its last checkpoint although every batch is signed.
    #[error("no checkpoint covers the entries from sequence {from} on: checkpoints were removed or entries were added")]
    Unsigned {
        /// The first sequence that no checkpoint covers.
        from: i64,
    },
    /// The signature of a checkpoint is not valid for the given key.
    #[error("the checkpoint at sequence {sequence} has an invalid signature: it was changed or has another key")]
    BadSignature {
        /// The sequence of the checkpoint.
        sequence: i64,
    },
    /// A checkpoint belongs to another chain.
    #[error("the checkpoint at sequence {sequence} belongs to the organization {organization}")]
    ForeignCheckpoint {
        /// The sequence of the checkpoint.
        sequence: i64,
        /// The organization of the other chain.
        organization: OrganizationId,
    },
    /// A run of entries can't be decoded.
    #[error("the entries {first} to {last} can't be read: what is stored of them was changed")]
    Unreadable {
        /// The sequence of the first of them.
        first: i64,
        /// The sequence of the last of them.
        last: i64,
    },
    /// Entries that are stored together do not have the root that is stored with them.
    #[error("one of the entries {first} to {last} was changed: they do not have the root that is stored with them")]
    AlteredBlock {
        /// The sequence of the first of them.
        first: i64,
        /// The sequence of the last of them.
        last: i64,
    },
    /// The identifiers by which lists find a run are not those of its entries.
    #[error("the entries {first} to {last} are stored with wrong identifiers, so that lists do not find them")]
    WrongKey {
        /// The sequence of the first of them.
        first: i64,
        /// The sequence of the last of them.
        last: i64,
    },
    /// The stored head is not that of the chain, or has another tree.
    #[error("what is stored about the last entry, at sequence {sequence}, was changed")]
    AlteredHead {
        /// The sequence of the last entry.
        sequence: i64,
    },
    /// A stored tile of the tree has other hashes than the entries.
    #[error("the tile {tile} at level {level} of the tree does not have the hashes of the entries")]
    AlteredTile {
        /// The level of the tile.
        level: i64,
        /// The number of the tile.
        tile: i64,
    },
    /// A tree that was signed has another root, or more entries than the chain.
    #[error("the tree of the first {size} entries is not the one that was signed: the chain was rewritten or cut")]
    OtherRoot {
        /// The number of entries.
        size: u64,
    },
    /// There is no tree to compare a root with.
    #[error(
        "the tree of the first {size} entries can't be compared: entries of an earlier version are still converted, or \
         the tree was deleted"
    )]
    NoTree {
        /// The number of entries.
        size: u64,
    },
    /// A head that the log of the installation names is not of this chain.
    #[error(
        "the log of the installation names another entry at sequence {sequence}: the chain was cut or rewritten before \
         it went on"
    )]
    OtherHead {
        /// The sequence of the entry.
        sequence: i64,
    },
    /// The index has other terms than the entries.
    #[error("the index of the entries {first} to {last} was changed, so that searches do not find some of them")]
    AlteredIndex {
        /// The sequence of the first of them.
        first: i64,
        /// The sequence of the last of them.
        last: i64,
    },
    /// The content of an entry is missing, and no later entry records that it was redacted.
    #[error("the content of the entry at sequence {sequence} was removed, which no entry records")]
    UnrecordedRedaction {
        /// The sequence of the entry.
        sequence: i64,
    },
    /// A checkpoint was passed after entries that follow it.
    #[error("the checkpoint at sequence {sequence} comes after entries that follow it in the chain")]
    LateCheckpoint {
        /// The sequence of the checkpoint.
        sequence: i64,
    },
}

/// An incremental verifier of one organization's chain.
///
/// Entries must be passed in the order of the chain, and each checkpoint before the entries that follow it. A
/// checkpoint that is passed early is held until its entry is verified, so a short list of trusted checkpoints can be
/// passed at the start, and a long one merged with the entries. Memory use does not depend on the length of the chain
/// otherwise.
pub struct ChainVerifier<'key> {
    organization: OrganizationId,
    key: &'key dyn CheckpointVerifier,
    /// The last entry that was removed from the start of the chain.
    start: Head,
    /// Whether a verified entry records that removal.
    has_recorded_start: bool,
    head: Head,
    last: Option<Id<Entry>>,
    checkpoints: u64,
    signed_through: i64,
    pending_checkpoints: BTreeMap<(i64, Hash), Timestamp>,
    /// The entries without content whose record has not come yet.
    unrecorded: BTreeMap<i64, Redaction>,
}

impl<'key> ChainVerifier<'key> {
    /// Creates a verifier that starts at the chain's first entry, with the key that verifies its checkpoints.
    #[must_use]
    pub fn new(organization: OrganizationId, key: &'key dyn CheckpointVerifier) -> Self {
        Self::starting_after(Head::EMPTY, organization, key)
    }

    /// Creates a verifier of a chain from whose start the entries up to `start` were removed. One of the others must
    /// record that.
    #[must_use]
    pub fn starting_after(start: Head, organization: OrganizationId, key: &'key dyn CheckpointVerifier) -> Self {
        Self {
            organization,
            key,
            start,
            has_recorded_start: start == Head::EMPTY,
            head: start,
            last: None,
            checkpoints: 0,
            signed_through: 0,
            pending_checkpoints: BTreeMap::new(),
            unrecorded: BTreeMap::new(),
        }
    }

    /// The last verified entry.
    #[must_use]
    pub fn head(&self) -> Head {
        self.head
    }

    /// Verifies the next entry.
    ///
    /// # Errors
    /// [`Fault`] if the entry is not the expected one; the verification must not be continued then.
    pub fn verify_entry(&mut self, link: &Link) -> Result<(), Fault> {
        let Link { id, sequence, previous_hash, hash, computed, removal, redaction } = *link;
        let expected = self.head.sequence + 1;
        if sequence > expected {
            return Err(Fault::Gap { id, expected, found: sequence });
        }
        if sequence < expected {
            return Err(Fault::Misplaced { id, expected, found: sequence });
        }
        if let Some(computed) = computed.filter(|computed| *computed != hash) {
            return Err(Fault::Altered { id, sequence, hash, computed });
        }
        if previous_hash != self.head.hash {
            return Err(Fault::Unchained { id, sequence, previous_hash, expected: self.head.hash });
        }
        self.head = Head { sequence, hash };
        self.last = Some(id);
        self.has_recorded_start |= removal == Some(self.start);
        if computed.is_none() {
            self.unrecorded.insert(sequence, Redaction { id, entry: self.head });
        }
        if let Some(redaction) = redaction {
            take_recorded(&mut self.unrecorded, &redaction);
        }
        self.check_pending_checkpoints()
    }

    /// Verifies a checkpoint, and the chain against it.
    ///
    /// # Errors
    /// [`Fault`] if the checkpoint is invalid or contradicts the chain; the verification must not be continued then.
    pub fn verify_checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), Fault> {
        let Checkpoint { organization, sequence, hash, signed_at, signature } = *checkpoint;
        if !self.key.verify(checkpoint.message().as_bytes(), &signature) {
            return Err(Fault::BadSignature { sequence });
        }
        if organization != self.organization {
            return Err(Fault::ForeignCheckpoint { sequence, organization });
        }
        if sequence < self.start.sequence {
            // There is nothing left to compare it with.
            return Ok(());
        }
        if sequence < self.head.sequence {
            return Err(Fault::LateCheckpoint { sequence });
        }
        self.pending_checkpoints.insert((sequence, hash), signed_at);
        self.check_pending_checkpoints()
    }

    fn check_pending_checkpoints(&mut self) -> Result<(), Fault> {
        while let Some(first) =
            self.pending_checkpoints.first_entry().filter(|first| first.key().0 == self.head.sequence)
        {
            let ((sequence, hash), signed_at) = first.remove_entry();
            if hash != self.head.hash {
                return Err(match self.last {
                    Some(id) => Fault::Rewritten { id, sequence, signed_at },
                    None => Fault::TailCut { last: 0, sequence, signed_at },
                });
            }
            self.checkpoints += 1;
            self.signed_through = sequence;
        }
        Ok(())
    }

    /// Ends the verification at the end of the chain.
    ///
    /// # Errors
    /// [`Fault::TailCut`] if a checkpoint is beyond the end.
    pub fn finish(self) -> Result<VerifiedChain, Fault> {
        if let Some((&(sequence, _), &signed_at)) = self.pending_checkpoints.last_key_value() {
            return Err(Fault::TailCut { last: self.head.sequence, sequence, signed_at });
        }
        if !self.has_recorded_start {
            return Err(Fault::UnrecordedRemoval { through: self.start.sequence });
        }
        if let Some((&sequence, _)) = self.unrecorded.first_key_value() {
            return Err(Fault::UnrecordedRedaction { sequence });
        }
        Ok(VerifiedChain {
            // Sequences have no gaps.
            entries: u64::try_from(self.head.sequence - self.start.sequence).unwrap_or(0),
            removed_through: self.start.sequence,
            head: self.head,
            checkpoints: self.checkpoints,
            signed_through: self.signed_through,
        })
    }
}
