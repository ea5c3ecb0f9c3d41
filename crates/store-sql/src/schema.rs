//! The schema of a database: how it is created, migrated, copied and backed up.

mod auto_analyze;
mod backup;
mod database;
mod migrations;
mod transfer;

pub use database::{Database, Migration};
pub use transfer::{CopySummary, Progress, TransferError};

pub(crate) use auto_analyze::AutoAnalyze;
