//! The rows in which a transaction stores its entries.

use std::sync::{Arc, Mutex, PoisonError};

use ::audit::tables::WaitingRow;
use audit_store::{PreparedRow, RowWriter};
use kernel::{Entry, StoreError};

use super::tables::{INSERT_ROWS, INSERT_ROWS_AGAIN, row_values};
use crate::engine::{Session, Value};

/// The rows of a transaction's entries: made once, since the transaction may be run again. Their numbers are given up
/// when this is dropped, unless they are marked as stored.
pub(crate) struct EntryRows {
    writer: Arc<RowWriter>,
    prepared: Mutex<Option<Arc<Vec<PreparedRow>>>>,
}

impl EntryRows {
    /// Creates the rows of entries that are not known yet.
    pub(crate) fn new(writer: &Arc<RowWriter>) -> Arc<Self> {
        Arc::new(Self { writer: Arc::clone(writer), prepared: Mutex::default() })
    }

    /// Creates the rows of a transaction that stores nothing else than these.
    pub(super) fn from_prepared(writer: &Arc<RowWriter>, prepared: Vec<PreparedRow>) -> Arc<Self> {
        Arc::new(Self { writer: Arc::clone(writer), prepared: Mutex::new(Some(Arc::new(prepared))) })
    }

    /// Creates the rows of a process that stores this entry and nothing else.
    pub(crate) fn last_of(writer: RowWriter, entry: &Entry) -> Result<Arc<Self>, StoreError> {
        let mut prepared = writer.prepare(&[entry])?;
        prepared.extend(writer.prepare_empty(entry.occurred_at, true)?);
        Ok(Self::from_prepared(&Arc::new(writer), prepared))
    }

    /// Makes the rows unless they are made. The entries must always be the same.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the key that authenticates rows is not set.
    pub(crate) fn prepare(&self, entries: &[&Entry]) -> Result<Arc<Vec<PreparedRow>>, StoreError> {
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(prepared) = &*prepared {
            return Ok(Arc::clone(prepared));
        }
        let made = if entries.is_empty() { Vec::new() } else { self.writer.prepare(entries)? };
        Ok(Arc::clone(prepared.insert(Arc::new(made))))
    }

    /// Stores the entries.
    pub(crate) async fn insert(&self, session: &Session, entries: &[&Entry]) -> Result<(), StoreError> {
        let prepared = self.prepare(entries)?;
        let rows: Vec<Vec<Value<'_>>> = prepared.iter().map(|prepared| row_values(&prepared.row)).collect();
        session.execute_each(&INSERT_ROWS, &rows).await.map(drop)
    }

    /// Stores the rows after an attempt of which it is unknown whether it has stored them: those that it has, and those
    /// that were sealed meanwhile, are recognized by their keys and their marks.
    pub(super) async fn insert_again(&self, session: &Session) -> Result<(), StoreError> {
        let prepared = self.prepare(&[])?;
        let repeated: Vec<WaitingRow> = prepared.iter().map(PreparedRow::repeated).collect();
        let rows: Vec<Vec<Value<'_>>> = repeated.iter().map(row_values).collect();
        session.insert_each(&INSERT_ROWS_AGAIN, &rows).await.map(drop)
    }

    /// Marks the rows as stored, after their transaction was committed.
    pub(crate) fn mark_stored(&self) {
        let prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The transaction, which shared them, has ended.
        if let Some(prepared) = prepared.and_then(Arc::into_inner) {
            prepared.into_iter().for_each(PreparedRow::stored);
        }
    }
}
