//! Changes of the tables of the log, each in one transaction.

use std::time::Duration;

use kernel::{OrganizationId, Timestamp, Ulid};

use super::{NewRun, NewSegment, RunTable, StoredHead, TermRow, TileRow, WaitingKey, WaitingRow, WriterRow};
use crate::{checkpoint::Checkpoint, stored_entry::Head};

/// A lease that the transaction requires its owner to hold, and renews. It fails if its row does not have this owner, but
/// not because its time is over: nobody has taken it then. Its row is locked, so that two holders can't store anything at
/// once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseHold {
    /// The name of the lease.
    pub lease: &'static str,
    /// The owner.
    pub owner: String,
    /// The current time.
    pub now: Timestamp,
    /// The time from now on for which it is renewed.
    pub duration: Duration,
}

/// The progress of one chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadChange {
    /// The head that must be stored; [`Head::EMPTY`] if none must be.
    pub before: Head,
    /// The head that is stored instead. Its `removed` and `redacted` are not changed: they stay what is stored.
    pub after: StoredHead,
    /// The first sequences of the runs that are deleted, which must exist.
    pub replaced_runs: Vec<i64>,
    /// The runs that are inserted.
    pub runs: Vec<NewRun>,
    /// A checkpoint that is kept beside the head's own.
    pub checkpoint: Option<Checkpoint>,
}

/// A round of sealing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealingRound {
    /// The lease of the sealer.
    pub lease: LeaseHold,
    /// The progress of chains, one for each organization.
    pub heads: Vec<HeadChange>,
    /// The waiting rows that are deleted, which must exist.
    pub sealed: Vec<WaitingKey>,
    /// The waiting rows that are inserted after that: under the same key as a deleted one, without entries, to keep the
    /// key occupied; or the part of a shared row that could not be sealed.
    pub waiting: Vec<WaitingRow>,
    /// The entries of the old form that are sealed here: their rows are deleted. They must exist.
    pub old_waiting: Vec<(OrganizationId, Ulid)>,
    /// The states that are stored about writers from now on.
    pub writers: Vec<WriterRow>,
    /// The writers about which nothing is stored any longer.
    pub ended_writers: Vec<Ulid>,
}

/// The replacement of the blocks of a segment by the segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compaction {
    /// The lease of the sealer.
    pub lease: LeaseHold,
    /// The organization.
    pub organization: OrganizationId,
    /// The first sequences of the runs that are deleted, which must exist.
    pub replaced_runs: Vec<i64>,
    /// The segment.
    pub segment: NewSegment,
    /// The row of the index for the segment.
    pub terms: TermRow,
    /// The tiles with the roots of the blocks, which replace stored ones.
    pub tiles: Vec<TileRow>,
}

/// The move of segments' bodies to an object of the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archival {
    /// The lease of the sealer; `None` for a command, which needs none: the object is the same whoever has written it.
    pub lease: Option<LeaseHold>,
    /// The organization.
    pub organization: OrganizationId,
    /// The name of the object.
    pub object: String,
    /// The first sequence of each segment, which must have a body in the table, and the offset of its body in the object.
    pub segments: Vec<(i64, i64)>,
}

/// The replacement of the body of a run or segment by one in which an entry is redacted. The head counts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyRedaction {
    /// The lease of the sealer.
    pub lease: LeaseHold,
    /// The organization.
    pub organization: OrganizationId,
    /// The table of the run, which must have it with a body.
    pub table: RunTable,
    /// The sequence of its first entry.
    pub first_sequence: i64,
    /// The sequence of its last entry, which must be that of the stored one.
    pub last_sequence: i64,
    /// The new body.
    pub body: Vec<u8>,
    /// The row of the index with bucket -1 that replaces the stored one, if there is one: rows that are merged stay.
    pub terms: Option<TermRow>,
}

/// The replacement of rows of the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TermMerge {
    /// The lease of the sealer.
    pub lease: LeaseHold,
    /// The organization.
    pub organization: OrganizationId,
    /// The first sequences of the rows with bucket -1 that are deleted, which must exist.
    pub replaced: Vec<i64>,
    /// The merged rows.
    pub rows: Vec<TermRow>,
}

/// The removal of entries from the start of a chain, with their index, their checkpoints and their bodies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrefixRemoval {
    /// The organization.
    pub organization: OrganizationId,
    /// The last entry that was removed before; [`Head::EMPTY`] if none was.
    pub before: Head,
    /// The last entry that is removed. It must be the last of a run or segment.
    pub last: Head,
    /// The rows of the index with bucket -1 that are deleted: those whose first sequences lie before this.
    pub terms_before: i64,
    /// The rows of the index with other buckets that are deleted: those whose first sequences lie before this. It is the
    /// first sequence of a group, since a merged row may be about segments that stay.
    pub merged_terms_before: i64,
    /// The tiles with the roots of the removed blocks, which replace stored ones.
    pub tiles: Vec<TileRow>,
}

/// The conversion of sealed entries of the old form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversion {
    /// The lease of the sealer.
    pub lease: LeaseHold,
    /// The organization.
    pub organization: OrganizationId,
    /// The segments.
    pub segments: Vec<NewSegment>,
    /// The blocks after the last segment.
    pub runs: Vec<NewRun>,
    /// The rows of the index for the segments.
    pub terms: Vec<TermRow>,
    /// The tiles with the roots of the blocks, which replace stored ones.
    pub tiles: Vec<TileRow>,
    /// The change of the head that ends the use of the old form, with the last of the entries.
    pub head: Option<HeadChange>,
}
