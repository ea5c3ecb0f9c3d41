//! The verification of objects of the archive by themselves, without a database.

use std::collections::BTreeMap;

use audit::{Checkpoint, Hash, Head, Tree};
use audit_runs::{ArchiveObject, RunFault};
use kernel::OrganizationId;

use crate::{blocks::hash_run, damage::Damage};

/// The reason that objects do not verify.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveFault {
    /// The bytes are no object.
    #[error("it is not an object of the archive, or was changed: {0}")]
    Unreadable(#[from] RunFault),
    /// Entries are not as they were sealed.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// The object does not follow the one before it.
    #[error("it begins with sequence {found}, but {expected} was expected: the object before it is missing")]
    Gap {
        /// The first sequence that is missing.
        expected: i64,
        /// The first sequence of the object.
        found: i64,
    },
    /// The object is of another log.
    #[error("it has entries of {0}, which have a log of their own")]
    Foreign(OrganizationId),
    /// The object begins with another hash than the one before it ends with.
    #[error("the entry at sequence {sequence} is not chained to the one before it: one of the two was rewritten")]
    Unchained {
        /// The first sequence of the object.
        sequence: i64,
    },
    /// A checkpoint that was stored elsewhere has another hash.
    #[error("the entry at sequence {sequence} does not have the hash of the checkpoint that was stored elsewhere")]
    Rewritten {
        /// The sequence of the checkpoint.
        sequence: i64,
    },
    /// A note that was stored elsewhere has another root.
    #[error("the first {size} entries are not those of the note that was stored elsewhere: the log was rewritten")]
    OtherTree {
        /// The number of entries.
        size: u64,
    },
    /// Nothing that was stored elsewhere is about these entries.
    #[error(
        "no checkpoint that was stored elsewhere is about these entries, which somebody may have made up: give one of a sequence in \
         them, or a note of as many entries and all objects from the first on"
    )]
    Unsigned,
}

/// The entries of verified objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedArchive {
    /// The organization of the entries.
    pub organization: OrganizationId,
    /// The sequence of the first entry.
    pub first_sequence: i64,
    /// The last entry.
    pub last: Head,
    /// The sequence up to which checkpoints and notes that were stored elsewhere cover the entries. Later ones are chained,
    /// but somebody may have made them up.
    pub signed_through: i64,
    /// The number of checkpoints and notes that were compared.
    pub compared: usize,
}

/// Verifies consecutive objects against checkpoints and notes whose signatures were verified.
pub struct ArchiveVerifier {
    checkpoints: Vec<Checkpoint>,
    roots: BTreeMap<u64, Hash>,
    tree: Tree,
    verified: Option<VerifiedArchive>,
}

impl ArchiveVerifier {
    /// Creates a verifier against these checkpoints, and these roots of trees by the numbers of entries.
    #[must_use]
    pub fn new(checkpoints: Vec<Checkpoint>, roots: BTreeMap<u64, Hash>) -> Self {
        Self { checkpoints, roots, tree: Tree::default(), verified: None }
    }

    /// Verifies the next object.
    ///
    /// # Errors
    /// [`ArchiveFault`]: the first fault. The verification must not be continued then.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), ArchiveFault> {
        let object = ArchiveObject::parse(bytes)?;
        let organization = object.organization;
        if let Some(verified) = &self.verified {
            let expected = verified.last.sequence + 1;
            if verified.organization != organization {
                return Err(ArchiveFault::Foreign(organization));
            }
            if object.first_sequence != expected {
                return Err(ArchiveFault::Gap { expected, found: object.first_sequence });
            }
        }
        for segment in &object.segments {
            let range = (segment.header.first_sequence, segment.last_sequence());
            let (_, blocks) = hash_run(organization, range, segment.body)?;
            // A byte may be changed so that the same entries are read from it.
            if Hash::digest(segment.body) != segment.digest {
                let reason = "its body does not have the digest that is stored with it";
                return Err(Damage::new(organization, range, reason).into());
            }
            for block in &blocks {
                let (first, before) = (block.first_sequence, block.before);
                let verified = self.verified.get_or_insert(VerifiedArchive {
                    organization,
                    first_sequence: first,
                    last: Head { sequence: first - 1, hash: before },
                    signed_through: 0,
                    compared: 0,
                });
                if verified.last.hash != before {
                    return Err(ArchiveFault::Unchained { sequence: first });
                }
                for hash in &block.hashes {
                    self.push_entry(*hash)?;
                }
            }
        }
        Ok(())
    }

    fn push_entry(&mut self, hash: Hash) -> Result<(), ArchiveFault> {
        let Some(verified) = &mut self.verified else { return Ok(()) };
        let sequence = verified.last.sequence + 1;
        verified.last = Head { sequence, hash };
        for checkpoint in &self.checkpoints {
            if checkpoint.organization != verified.organization || checkpoint.sequence != sequence {
                continue;
            }
            if checkpoint.hash != hash {
                return Err(ArchiveFault::Rewritten { sequence });
            }
            (verified.signed_through, verified.compared) = (sequence, verified.compared + 1);
        }
        // Without the first entries, there is no tree.
        if verified.first_sequence > 1 {
            return Ok(());
        }
        self.tree.push(hash);
        let Some(root) = self.roots.remove(&self.tree.size()) else { return Ok(()) };
        if root != self.tree.root() {
            return Err(ArchiveFault::OtherTree { size: self.tree.size() });
        }
        (verified.signed_through, verified.compared) = (sequence, verified.compared + 1);
        Ok(())
    }

    /// Ends the verification.
    ///
    /// # Errors
    /// [`ArchiveFault::Unsigned`] if no checkpoint and no note was compared.
    pub fn finish(self) -> Result<VerifiedArchive, ArchiveFault> {
        self.verified.filter(|verified| verified.compared > 0).ok_or(ArchiveFault::Unsigned)
    }
}
