//! Blocks: up to 256 entries, by columns.
//!
//! The content is, in this order:
//! 1. the texts that only the block has, a section;
//! 2. if the run has stubs, a column with 1 for each;
//! 3. for each entry and stub: the time of the identifier, as the difference to the one before; its random part;
//! 4. for each entry: the time of the identifier from that of the request's; the random part of the request's;
//! 5. for each entry: `occurred_at` from the time of the identifier; 0, or 1 + the wall clock from `occurred_at`; caller;
//!    call;
//! 6. for each entry with a subject: 0, or 1 + its number in the dictionary (for texts, the reference);
//! 7. the subjects that only the block has: times; random parts;
//! 8. for each entry: 0, or 1 + the reference to its reason; the number of changes;
//! 9. the changes.
//!
//! Random bytes, in the same order: planes of columns; after 4. for each entry those of the request and its own, for each
//! stub its hash and its own; after 7. those of subjects; those of changes. Differences are zigzag.

mod read;
mod write;

use audit::Hash;
use kernel::{Entry, Id};

pub(crate) use read::read_block;
pub(crate) use write::block_content;

/// An entry, or what remains of one whose content was removed.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "almost all are entries")]
pub enum RunEntry {
    /// An entry.
    Entry(Entry),
    /// The identifier and the hash of an entry whose content was removed: chain and tree need no more.
    Stub {
        /// The identifier.
        id: Id<Entry>,
        /// The hash of the entry at its position in the chain.
        hash: Hash,
    },
}

impl RunEntry {
    /// Returns the entry; `None` if its content was removed.
    #[must_use]
    pub fn content(&self) -> Option<&Entry> {
        match self {
            Self::Entry(entry) => Some(entry),
            Self::Stub { .. } => None,
        }
    }

    pub(crate) fn as_item(&self) -> Item<'_> {
        match self {
            Self::Entry(entry) => Item::Entry(entry),
            Self::Stub { id, hash } => Item::Stub(*id, *hash),
        }
    }
}

/// A [`RunEntry`] that is written.
#[derive(Clone, Copy)]
pub(crate) enum Item<'a> {
    Entry(&'a Entry),
    Stub(Id<Entry>, Hash),
}

impl<'a> Item<'a> {
    pub(crate) fn entry(self) -> Option<&'a Entry> {
        match self {
            Self::Entry(entry) => Some(entry),
            Self::Stub(..) => None,
        }
    }

    pub(crate) fn id(self) -> Id<Entry> {
        match self {
            Self::Entry(entry) => entry.id,
            Self::Stub(id, _) => id,
        }
    }
}
