//! The schema of a database: how it is created, migrated, copied and backed up.

pub(crate) mod audit_tables;
mod auto_analyze;
mod backup;
mod comparison;
pub(crate) mod copy_marker;
mod database;
pub(crate) mod log_generation;
mod migrations;
mod object_keys;
mod placement;
pub(crate) mod tables;
mod transfer;

pub use comparison::{Limitation, SchemaComparison, SchemaDifference};
pub use database::Database;
pub use migrations::Migration;
pub use placement::{MisplacedTable, Placement};
pub use transfer::{CopyPurpose, CopySummary, Progress, TransferError};

pub(crate) use auto_analyze::AutoAnalyze;
