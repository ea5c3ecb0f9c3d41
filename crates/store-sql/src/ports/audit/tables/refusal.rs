//! The outcome of a change that is stored as a whole or not at all.

use kernel::StoreError;

/// The reason for which nothing of a change was stored.
pub(super) enum Refusal {
    /// The lease has another holder, or a row is not what the change expects.
    Refused,
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Requires that a statement has affected this number of rows.
pub(super) fn require(affected: u64, expected: usize) -> Result<(), Refusal> {
    if usize::try_from(affected) == Ok(expected) { Ok(()) } else { Err(Refusal::Refused) }
}
