//! Giving entries their place in the chain.

use kernel::{Entry, Id, OrganizationId};

use crate::{
    canonical::hash_of,
    log::{Head, Seal, Unsealed},
};

/// Seals for entries of one organization, in the order of the chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Whose chain.
    pub organization: OrganizationId,
    /// What the first of them is chained to.
    pub after: Head,
    /// The entries' seals.
    pub seals: Vec<(Id<Entry>, Seal)>,
}

impl Batch {
    /// The head of the chain once these seals stand.
    #[must_use]
    pub fn head(&self) -> Head {
        self.seals.last().map_or(self.after, |(_, seal)| Head { sequence: seal.sequence, hash: seal.hash })
    }
}

/// Chains the entries, in the order they come in, to the head they come with.
#[must_use]
pub fn seal(unsealed: &Unsealed) -> Batch {
    let mut head = unsealed.head;
    let mut seals = Vec::with_capacity(unsealed.entries.len());
    for entry in &unsealed.entries {
        let sequence = head.sequence + 1;
        let previous_hash = head.hash;
        let hash = hash_of(entry, sequence, previous_hash);
        seals.push((entry.id, Seal { sequence, previous_hash, hash }));
        head = Head { sequence, hash };
    }
    Batch { organization: unsealed.organization, after: unsealed.head, seals }
}
