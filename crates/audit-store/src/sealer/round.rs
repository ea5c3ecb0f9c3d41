//! The result of a round of sealing.

use std::ops::RangeInclusive;

use audit::{Checkpoint, tables::WaitingKey};
use kernel::{Entry, Id, OrganizationId, StoreError, Timestamp, Ulid};

/// The result of a round of sealing. What it says has been stored.
#[derive(Debug, Default)]
pub struct Round {
    /// The number of entries that were sealed.
    pub sealed: u64,
    /// Whether there is more to seal at once.
    pub more: bool,
    /// Whether nothing was stored, because the lease has another holder, or another process has changed what the round
    /// was about. The next round reads everything again.
    pub is_outdated: bool,
    /// The checkpoints of new heads, and of those that this sealer found when it took a chain over: they must go to the
    /// log output.
    pub checkpoints: Vec<Checkpoint>,
    /// The entries that were sealed and record a redaction, which is due now.
    pub redactions: Vec<(OrganizationId, Id<Entry>)>,
    /// The chains that can't be sealed. They are tried again after a minute.
    pub faults: Vec<ChainFault>,
    /// The rows that are not sealed, because this installation has not written them as they are. Each is reported once.
    pub refused: Vec<RefusedRow>,
    /// The rows that went missing before they were sealed.
    pub missing: Vec<MissingRows>,
    /// The writers whose stored state this installation has not written as it is; the nil identifier for the state of the
    /// sealer itself.
    pub altered_states: Vec<Ulid>,
}

/// A chain that can't be sealed.
#[derive(Debug)]
pub struct ChainFault {
    /// The organization of the chain.
    pub organization: OrganizationId,
    /// The reason.
    pub error: StoreError,
}

/// A row that is not sealed. It stays stored as evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRow {
    /// The key of the row.
    pub key: WaitingKey,
    /// The reason.
    pub reason: String,
}

/// Rows that one process has numbered and that were never found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingRows {
    /// The process.
    pub writer: Ulid,
    /// The numbers of the rows.
    pub numbers: Vec<RangeInclusive<u64>>,
    /// The time at which the first of them was noticed to be missing.
    pub noticed_at: Timestamp,
    /// The time of the row after the first of them, or of the one before it if it is the last row of the process.
    pub following_row_at: Timestamp,
    /// Whether the process ended about then, as far as its other rows show. If it was killed, the rows may never have been
    /// stored. Otherwise someone has removed them or holds them back.
    pub has_ended: bool,
}

impl MissingRows {
    /// The number of rows.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.numbers.iter().map(|range| range.end() - range.start() + 1).sum()
    }
}
