//! Stored entries and their positions in the chain.

use kernel::Entry;

use crate::hash::Hash;

/// The position of an entry in its organization's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal {
    /// The sequence number: 1 for the first entry of the organization, without gaps.
    pub sequence: i64,
    /// The hash of the previous entry; [`Hash::ZERO`] for the first.
    pub previous_hash: Hash,
    /// The hash of the entry, its sequence and the previous hash.
    pub hash: Hash,
}

/// A stored entry, which is sealed within about a second.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredEntry {
    /// The entry.
    pub entry: Entry,
    /// The entry's position in the chain; `None` until it is sealed.
    pub seal: Option<Seal>,
}

/// The last sealed entry of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The entry's sequence; 0 for an empty chain.
    pub sequence: i64,
    /// The entry's hash; [`Hash::ZERO`] for an empty chain.
    pub hash: Hash,
}

impl Head {
    /// The head of an empty chain.
    pub const EMPTY: Self = Self { sequence: 0, hash: Hash::ZERO };
}
