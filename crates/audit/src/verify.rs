//! Walking a chain and saying where it breaks.

use std::collections::BTreeMap;

use kernel::{Entry, Id, OrganizationId, Timestamp};

use crate::{
    canonical::hash_of,
    checkpoint::{Checkpoint, CheckpointVerifier},
    log::{Hash, Head, Recorded, Seal},
};

/// A sealed entry as verification sees it, be it from a store or from a line of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Names the entry.
    pub id: Id<Entry>,
    /// The place it claims.
    pub sequence: i64,
    /// The hash it claims the entry before it has.
    pub previous_hash: Hash,
    /// The hash it claims to have.
    pub hash: Hash,
    /// The hash that its content has: what `hash` must be.
    pub computed: Hash,
}

impl Link {
    /// The link that a stored entry is; `None` while it has no seal.
    #[must_use]
    pub fn of(recorded: &Recorded) -> Option<Self> {
        let Seal { sequence, previous_hash, hash } = recorded.seal?;
        let computed = hash_of(&recorded.entry, sequence, previous_hash);
        Some(Self { id: recorded.entry.id, sequence, previous_hash, hash, computed })
    }
}

/// What a chain without fault amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How many entries were verified.
    pub entries: u64,
    /// Where the chain ends.
    pub head: Head,
    /// How many checkpoints were verified.
    pub checkpoints: u64,
    /// Up to which sequence a checkpoint vouches for the chain; 0 where none does. Entries past it are chained, but who
    /// can write to the database could have chained them.
    pub signed_through: i64,
}

/// The first thing that is wrong with a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Entries are missing before this one.
    #[error("entry {id} has sequence {found} where {expected} is due: what stood there was removed")]
    Gap {
        /// The entry found instead.
        id: Id<Entry>,
        /// The first sequence that is missing.
        expected: i64,
        /// The sequence found instead.
        found: i64,
    },
    /// The entry claims a place that is taken, or none that there is.
    #[error("entry {id} claims sequence {found}, where {expected} is due: it was added or moved")]
    Misplaced {
        /// The entry.
        id: Id<Entry>,
        /// The sequence that was due.
        expected: i64,
        /// The sequence it claims.
        found: i64,
    },
    /// The entry is not what was sealed.
    #[error("entry {id} at sequence {sequence} was changed: its hash is {hash}, its content has {computed}")]
    Altered {
        /// The entry.
        id: Id<Entry>,
        /// Its place.
        sequence: i64,
        /// The hash it claims.
        hash: Hash,
        /// The hash its content has.
        computed: Hash,
    },
    /// The entry is not chained to the one before it.
    #[error(
        "entry {id} at sequence {sequence} is chained to {previous_hash}, but the entry before it has {expected}: \
         one of the two was rewritten"
    )]
    Unchained {
        /// The entry.
        id: Id<Entry>,
        /// Its place.
        sequence: i64,
        /// The hash it claims the entry before it has.
        previous_hash: Hash,
        /// The hash which that entry has.
        expected: Hash,
    },
    /// The entry is whole and chained, but not the one that was signed.
    #[error(
        "entry {id} at sequence {sequence} has another hash than the checkpoint of {signed_at}: \
         the chain was rewritten at or before it"
    )]
    Rewritten {
        /// The entry.
        id: Id<Entry>,
        /// Its place.
        sequence: i64,
        /// When the checkpoint was signed.
        signed_at: Timestamp,
    },
    /// The chain ends before a checkpoint of it.
    #[error(
        "the chain ends at sequence {last}, but a checkpoint of {signed_at} has it reach {sequence}: its tail was cut off"
    )]
    TailCut {
        /// Where it ends.
        last: i64,
        /// Where the checkpoint has it.
        sequence: i64,
        /// When the checkpoint was signed.
        signed_at: Timestamp,
    },
    /// The chain ends before the place its store has for its head.
    #[error("the chain ends at sequence {last}, but its store has {sequence} for its head: its tail was cut off")]
    HeadLost {
        /// Where it ends.
        last: i64,
        /// Where the store has it.
        sequence: i64,
    },
    /// The chain goes on past its last checkpoint, where every batch is signed.
    #[error("no checkpoint vouches for the entries from sequence {from} on: checkpoints were removed or entries added")]
    Unsigned {
        /// The first sequence that none vouches for.
        from: i64,
    },
    /// A checkpoint is not signed with the key that was given.
    #[error("the checkpoint at sequence {sequence} has a bad signature: it was changed, or signed with another key")]
    BadSignature {
        /// Where the checkpoint has the chain.
        sequence: i64,
    },
    /// A checkpoint is of another chain.
    #[error("the checkpoint at sequence {sequence} is of the organization {organization}")]
    ForeignCheckpoint {
        /// Where the checkpoint has that chain.
        sequence: i64,
        /// Whose chain it is of.
        organization: OrganizationId,
    },
    /// A checkpoint came after entries past its place had gone by.
    #[error("the checkpoint at sequence {sequence} stands after entries that follow it")]
    LateCheckpoint {
        /// Where the checkpoint has the chain.
        sequence: i64,
    },
}

/// A walk along one organization's chain.
///
/// Entries are handed in in the order of the chain, each checkpoint at any time before the entries that follow its place:
/// one that lies ahead is kept until the walk is there, so a short list of trusted checkpoints can be handed in at the
/// start and a long one is merged in. Nothing else is kept, however long the chain.
pub struct Verification<'key> {
    organization: OrganizationId,
    key: &'key dyn CheckpointVerifier,
    head: Head,
    last: Option<Id<Entry>>,
    checkpoints: u64,
    signed_through: i64,
    ahead: BTreeMap<(i64, Hash), Timestamp>,
}

impl<'key> Verification<'key> {
    /// A walk from the chain's first entry, with the key that its checkpoints are signed with.
    #[must_use]
    pub fn new(organization: OrganizationId, key: &'key dyn CheckpointVerifier) -> Self {
        Self {
            organization,
            key,
            head: Head::EMPTY,
            last: None,
            checkpoints: 0,
            signed_through: 0,
            ahead: BTreeMap::new(),
        }
    }

    /// Where the walk is: the last entry verified.
    #[must_use]
    pub fn head(&self) -> Head {
        self.head
    }

    /// Takes the next entry.
    ///
    /// # Errors
    /// The [`Fault`] it has; the walk is over then.
    pub fn entry(&mut self, link: &Link) -> Result<(), Fault> {
        let Link { id, sequence, previous_hash, hash, computed } = *link;
        let expected = self.head.sequence + 1;
        if sequence > expected {
            return Err(Fault::Gap { id, expected, found: sequence });
        }
        if sequence < expected {
            return Err(Fault::Misplaced { id, expected, found: sequence });
        }
        if hash != computed {
            return Err(Fault::Altered { id, sequence, hash, computed });
        }
        if previous_hash != self.head.hash {
            return Err(Fault::Unchained { id, sequence, previous_hash, expected: self.head.hash });
        }
        self.head = Head { sequence, hash };
        self.last = Some(id);
        self.meet_checkpoints()
    }

    /// Takes a checkpoint.
    ///
    /// # Errors
    /// The [`Fault`] it has or brings to light; the walk is over then.
    pub fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), Fault> {
        let Checkpoint { organization, sequence, hash, signed_at, signature } = *checkpoint;
        if !self.key.verify(checkpoint.message().as_bytes(), &signature) {
            return Err(Fault::BadSignature { sequence });
        }
        if organization != self.organization {
            return Err(Fault::ForeignCheckpoint { sequence, organization });
        }
        if sequence < self.head.sequence {
            return Err(Fault::LateCheckpoint { sequence });
        }
        self.ahead.insert((sequence, hash), signed_at);
        self.meet_checkpoints()
    }

    fn meet_checkpoints(&mut self) -> Result<(), Fault> {
        while let Some(first) = self.ahead.first_entry().filter(|first| first.key().0 == self.head.sequence) {
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

    /// Ends the walk where the chain ends.
    ///
    /// # Errors
    /// [`Fault::TailCut`] when a checkpoint lies past the end.
    pub fn finish(self) -> Result<Verdict, Fault> {
        if let Some((&(sequence, _), &signed_at)) = self.ahead.last_key_value() {
            return Err(Fault::TailCut { last: self.head.sequence, sequence, signed_at });
        }
        Ok(Verdict {
            // A chain without fault has as many entries as its last sequence says.
            entries: u64::try_from(self.head.sequence).unwrap_or(0),
            head: self.head,
            checkpoints: self.checkpoints,
            signed_through: self.signed_through,
        })
    }
}
