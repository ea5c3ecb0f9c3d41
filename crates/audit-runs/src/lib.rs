//! The format of runs: entries of one organization, packed by columns and compressed in blocks of 256, and the index of
//! their actions, actors and subjects. Files in archives are read in ten years: a change needs a new version beside the
//! old one, which frozen samples in the tests hold.
//!
//! A run is a [`Header`], a [`Dictionary`] and blocks. Dictionary and blocks are frames, which can be read alone: for a
//! few scattered entries, a reader takes the header, the dictionary and one block of a segment.

mod archive;
mod bits;
mod block;
mod bytes;
mod changes;
mod columns;
mod dictionary;
mod fault;
mod frame;
mod header;
mod identifier;
mod neighbours;
mod run;
mod terms;
mod texts;

pub use archive::{ArchiveObject, ArchivedSegment};
pub use block::RunEntry;
pub use dictionary::Dictionary;
pub use fault::RunFault;
pub use header::{BlockAnchor, Header};
pub use run::{Effort, decode, decode_with_stubs, encode_sealed, encode_sealed_with_stubs, encode_waiting};
pub use terms::{Fingerprint, SegmentTerms, TermKind, merge_terms, merged_blocks, merged_row_contains};

/// The maximum number of entries of a run: the number of entries of a segment.
pub const MAX_ENTRIES: usize = 4_096;

/// The maximum number of entries of a block.
pub const BLOCK_ENTRIES: usize = 256;
