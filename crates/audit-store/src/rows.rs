//! The rows that entries are first stored in: the entries of one trip to the database, of one or several organizations,
//! with the number that the process that wrote it gave it, and a tag that only the installation's key makes.

use std::ops::RangeInclusive;

use audit::{RowKey, tables::WaitingRow};
use kernel::{Entry, OrganizationId, Ulid};

/// The reason that a row was not written by this installation as it is, or can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RowFault(pub String);

/// A row that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadRow {
    /// The process that wrote it.
    pub writer: Ulid,
    /// The number that the process gave it, from 1 on.
    pub number: u64,
    /// The numbers of rows that the process gave up: they may be stored or not.
    pub given_up: Vec<RangeInclusive<u64>>,
    /// Whether the process writes no row after it.
    pub is_last: bool,
    /// The entries, by organization.
    pub parts: Vec<(OrganizationId, Vec<Entry>)>,
}

/// Reads a row, and verifies its tag if there is a key.
///
/// # Errors
/// [`RowFault`] if the tag is not that of the row, or the row can't be read.
pub fn read_row(row: &WaitingRow, key: Option<&dyn RowKey>) -> Result<ReadRow, RowFault> {
    let _ = (row, key);
    unimplemented!()
}
