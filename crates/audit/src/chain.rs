//! Sealing: entries are appended to the hash chain of their organization.

use kernel::{Entry, Id, OrganizationId};

use crate::{
    canonical::hash_entry,
    stored_entry::{Head, Seal},
};

/// The unsealed entries of one organization, in the order in which they must be sealed: that of their identifiers.
#[derive(Clone, Debug, PartialEq)]
pub struct Unsealed {
    /// The organization of the entries.
    pub organization: OrganizationId,
    /// The head that the first of them must be chained to.
    pub head: Head,
    /// The entries.
    pub entries: Vec<Entry>,
}

/// The seals of entries of one organization, in the order of the chain.
#[derive(Clone, Debug, PartialEq)]
pub struct SealedBatch {
    /// The organization of the chain.
    pub organization: OrganizationId,
    /// The head that the first entry is chained to.
    pub after: Head,
    /// The identifiers of the entries with their seals.
    pub seals: Vec<(Id<Entry>, Seal)>,
}

impl SealedBatch {
    /// The head of the chain after these seals are stored.
    #[must_use]
    pub fn head(&self) -> Head {
        self.seals.last().map_or(self.after, |(_, seal)| Head { sequence: seal.sequence, hash: seal.hash })
    }
}

/// Chains the entries, in their order, to the head that `unsealed` has.
#[must_use]
pub fn seal(unsealed: &Unsealed) -> SealedBatch {
    let mut head = unsealed.head;
    let mut seals = Vec::with_capacity(unsealed.entries.len());
    for entry in &unsealed.entries {
        let sequence = head.sequence + 1;
        let previous_hash = head.hash;
        let hash = hash_entry(entry, sequence, previous_hash);
        seals.push((entry.id, Seal { sequence, previous_hash, hash }));
        head = Head { sequence, hash };
    }
    SealedBatch { organization: unsealed.organization, after: unsealed.head, seals }
}
