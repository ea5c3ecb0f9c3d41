//! Sealed entries as the verification of a chain needs them.

use kernel::{Entry, Id};

use crate::{
    canonical::hash_entry,
    hash::Hash,
    redaction::{RedactedEntry, Redaction, SealedEntry, recorded_redaction},
    removal::recorded_removal,
    stored_entry::{Head, Seal, StoredEntry},
};

/// A sealed entry as the verification needs it, from a store or from a line of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The entry's identifier.
    pub id: Id<Entry>,
    /// The sequence that the entry states.
    pub sequence: i64,
    /// The previous entry's hash that the entry states.
    pub previous_hash: Hash,
    /// The hash that the entry states as its own.
    pub hash: Hash,
    /// The hash computed from the entry's content, which `hash` must equal; `None` if it was redacted.
    pub computed: Option<Hash>,
    /// The last entry of the removal that the entry records, if it records one.
    pub removal: Option<Head>,
    /// The redaction that the entry records, if it records one.
    pub redaction: Option<Redaction>,
}

impl Link {
    /// Creates the link of a stored entry; `None` if it is not sealed.
    #[must_use]
    pub fn from_stored(stored: &StoredEntry) -> Option<Self> {
        let Seal { sequence, previous_hash, hash } = stored.seal?;
        let computed = Some(hash_entry(&stored.entry, sequence, previous_hash));
        let removal = recorded_removal(&stored.entry);
        let redaction = recorded_redaction(&stored.entry);
        Some(Self { id: stored.entry.id, sequence, previous_hash, hash, computed, removal, redaction })
    }

    /// Creates the link of a sealed entry, or of what remains of it; `None` if it is not sealed.
    #[must_use]
    pub fn from_sealed(sealed: &SealedEntry) -> Option<Self> {
        match sealed {
            SealedEntry::Entry(stored) => Self::from_stored(stored),
            SealedEntry::Redacted(redacted) => Some(Self::from_redacted(redacted)),
        }
    }

    /// Creates the link of what remains of an entry.
    #[must_use]
    pub fn from_redacted(redacted: &RedactedEntry) -> Self {
        let RedactedEntry { id, seal: Seal { sequence, previous_hash, hash }, .. } = *redacted;
        Self { id, sequence, previous_hash, hash, computed: None, removal: None, redaction: None }
    }
}
