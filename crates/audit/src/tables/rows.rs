//! The rows of the tables of the log.

use kernel::{OrganizationId, Timestamp, Ulid};

use crate::{checkpoint::Signature, hash::Hash, stored_entry::Head, tree::Tree};

/// The key of a row of entries that wait for their seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WaitingKey {
    /// The organization of the entries, or [`OrganizationId::INSTALLATION`] if they belong to several.
    pub organization: OrganizationId,
    /// The identifier of the row.
    pub id: Ulid,
}

/// A row of entries that wait for their seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingRow {
    /// The key.
    pub key: WaitingKey,
    /// The number of entries. Negative for a row whose entries may be in the chain already, because it was stored again
    /// after an attempt with an unknown outcome. 0 for a row without entries.
    pub entries: i64,
    /// The entries, in the format of `audit-store`; empty for a row that only keeps its key occupied.
    pub body: Vec<u8>,
}

/// The number of entries that wait, and the time of the oldest row of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WaitingStats {
    /// The number of entries.
    pub entries: u64,
    /// The time in the identifier of the first row that has entries.
    pub oldest: Option<Timestamp>,
}

/// The signatures of a head, and its tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedHead {
    /// The time of the signatures.
    pub signed_at: Timestamp,
    /// The signature of the checkpoint.
    pub checkpoint: Signature,
    /// The signature of the note; `None` while the tree is not built.
    pub note: Option<Signature>,
    /// The tag of what no signature covers, with the key of the installation: nobody else can write a head that the sealer
    /// continues. What was removed is not in it.
    pub tag: [u8; 32],
}

/// The row of a chain's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredHead {
    /// The organization of the chain.
    pub organization: OrganizationId,
    /// The last sealed entry.
    pub head: Head,
    /// The tree over all entries up to the head; `None` until the entries of the old form are converted.
    pub tree: Option<Tree>,
    /// The greatest identifier of an entry of the chain.
    pub high_id: Ulid,
    /// The furthest that the first identifier of a run lies behind the greatest of the runs before it, in milliseconds.
    pub late_ms: i64,
    /// The signatures of this head; `None` for one that was stored by a program from before they were stored with it.
    pub signed: Option<SignedHead>,
    /// The last entry that was removed from the start of the chain; [`Head::EMPTY`] if none was.
    pub removed: Head,
    /// The sequence up to which the entries are still read in the old form; 0 if none are.
    pub old_through: i64,
    /// The number of entries of the chain that were redacted. It changes with each redaction, so that no reader goes on to use
    /// what it has read before.
    pub redacted: i64,
}

/// The table that a run is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RunTable {
    /// The runs of fewer entries than a segment has, which are replaced by larger ones.
    Runs,
    /// The segments, which are only removed with the start of the chain.
    Segments,
}

/// A run or a segment without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunKey {
    /// The table.
    pub table: RunTable,
    /// The sequence of the first entry.
    pub first_sequence: i64,
    /// The sequence of the last entry.
    pub last_sequence: i64,
    /// The smallest identifier of an entry in it.
    pub first_id: Ulid,
    /// The greatest identifier of an entry in it and in all earlier runs.
    pub high_id: Ulid,
    /// The object of the archive that holds the body, and the body's offset in it; `None` if the body is in the table.
    pub archived: Option<(String, i64)>,
}

/// A run that is to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRun {
    /// The sequence of the first entry.
    pub first_sequence: i64,
    /// The sequence of the last entry.
    pub last_sequence: i64,
    /// The smallest identifier of an entry in it.
    pub first_id: Ulid,
    /// The greatest identifier of an entry in it and in all earlier runs.
    pub high_id: Ulid,
    /// The entries, in the format of `audit-runs`.
    pub body: Vec<u8>,
}

/// A segment that is to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSegment {
    /// The run.
    pub run: NewRun,
    /// The SHA-256 of its body.
    pub digest: Hash,
}

/// The rows that are needed first to read a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recent {
    /// The first rows that may contain entries of the organization which wait, in the order of their keys.
    pub waiting: Vec<WaitingRow>,
    /// The runs of the organization, in the order of the chain.
    pub runs: Vec<RunKey>,
    /// The head; `None` if nothing was sealed.
    pub head: Option<StoredHead>,
}

/// Where a list of segments begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentStart {
    /// With the first segment, or the last one if they are listed downwards.
    End,
    /// Upwards: with the first segment that ends at or after this sequence. Downwards: with the last one that begins at or
    /// before it.
    Sequence(i64),
    /// Upwards only: with the first segment whose `high_id` is at least this.
    HighId(Ulid),
}

/// A query for segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentQuery {
    /// The first one.
    pub start: SegmentStart,
    /// Whether they are listed in the reverse order of the chain.
    pub downwards: bool,
    /// The maximum number.
    pub limit: usize,
}

/// A range of bytes of a run's or segment's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BodyRange {
    /// The table.
    pub table: RunTable,
    /// The sequence of the run's first entry.
    pub first_sequence: i64,
    /// The offset of the first byte.
    pub offset: usize,
    /// The number of bytes; [`usize::MAX`] for all that follow.
    pub length: usize,
}

/// A row of the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TermRow {
    /// The bucket of the fingerprints in it, or -1 for all fingerprints of one segment.
    pub bucket: i64,
    /// The sequence from which its blocks are counted: that of the first entry of the segment, or of the group of segments
    /// if it is merged. It is one more than a multiple of the number of entries of such a segment or group, even if the
    /// chain now begins later.
    pub first_sequence: i64,
    /// The fingerprints, in the format of `audit-runs`.
    pub body: Vec<u8>,
}

/// A query for rows of one bucket of the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TermQuery {
    /// The bucket.
    pub bucket: i64,
    /// The rows about segments that begin at or after this sequence.
    pub from: i64,
    /// The rows about segments that begin before this sequence.
    pub before: i64,
    /// Whether they are listed in the reverse order of the chain.
    pub downwards: bool,
    /// The maximum number.
    pub limit: usize,
}

/// A tile of the tree: up to 256 hashes of nodes at one level of tiles, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileRow {
    /// The level of the tile, 1 for roots of blocks. Level 0, the leaves, is not stored.
    pub level: i64,
    /// The number of the tile at its level, from 0 on.
    pub tile: i64,
    /// The hashes, 32 bytes each.
    pub hashes: Vec<u8>,
}

/// The state that is stored about a process that writes rows, in the format of `audit-store`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriterRow {
    /// The identifier of the writer.
    pub writer: Ulid,
    /// The state, with its tag.
    pub state: Vec<u8>,
}
