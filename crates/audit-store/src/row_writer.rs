//! The rows that a process writes.

use std::sync::Arc;

use audit::{RowKey, tables::WaitingRow};
use kernel::{Entry, StoreError, Ulid};

/// Numbers and authenticates the rows of a process.
pub struct RowWriter {}

/// A row that is about to be stored. If it is dropped before [`Self::stored`], its number is given up: whether it was
/// stored is not known, or it was not.
pub struct PreparedRow {
    /// The row.
    pub row: WaitingRow,
}

impl RowWriter {
    /// Creates the writer of a process, which has no key yet.
    #[must_use]
    pub fn new(process: Ulid) -> Self {
        let _ = process;
        Self {}
    }

    /// Sets the key that authenticates rows.
    pub fn set_key(&self, key: Arc<dyn RowKey>) {
        let _ = key;
    }

    /// The key, if it is set.
    #[must_use]
    pub fn key(&self) -> Option<Arc<dyn RowKey>> {
        unimplemented!()
    }

    /// Makes rows of entries, in one or several of them if they are large. There is at least one entry.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the key is not set.
    pub fn prepare(&self, entries: &[&Entry]) -> Result<Vec<PreparedRow>, StoreError> {
        let _ = entries;
        unimplemented!()
    }

    /// Makes the empty row that follows the others, if one is due: see [`audit::HasAuditTables::settle_rows`].
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the key is not set.
    pub fn prepare_empty(&self, is_last: bool) -> Result<Option<PreparedRow>, StoreError> {
        let _ = is_last;
        unimplemented!()
    }
}

impl PreparedRow {
    /// The row was stored.
    pub fn stored(self) {}

    /// The same row, for a further attempt after one with an unknown outcome: it has the same key and a negative number
    /// of entries.
    #[must_use]
    pub fn repeated(&self) -> WaitingRow {
        WaitingRow { entries: -self.row.entries, ..self.row.clone() }
    }
}
