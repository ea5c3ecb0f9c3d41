//! The audit log over the tables of a store (`audit::AuditTables`): the rows that entries are first stored in, sealing,
//! compaction, lists, proofs, and removal. It knows no database: a store adds the statements.

mod bytes;
mod keys;
mod log;
mod number_ranges;
mod row_writer;
mod rows;

pub use keys::SealerKeys;
pub use log::StoredLog;
pub use row_writer::{PreparedRow, RowWriter};
pub use rows::{ReadRow, RowFault, read_row};
