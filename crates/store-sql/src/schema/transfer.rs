//! The copy of an installation to another database, whichever engine either has: every row of every table, unchanged.
//!
//! The target has a [marker](super::copy_marker) from before its first row until after its last, so that an unfinished
//! copy is recognized, refused by servers and commands, and started over by the next copy. Rows are read as streams and
//! written in transactions of a few hundred, so neither memory nor the length of a transaction grows with the
//! installation.
//!
//! No process may write to the source meanwhile. A SQLite file is locked. PostgreSQL is not, because distributed
//! databases with its protocol do not support its table locks: there, writing processes are found by their rows in
//! `open_writes`, before and after. A process that came and went in between has added audit entries, since every commit
//! has one, so a comparison of the numbers of rows, of entries that wait and of sealed ones finds it. Only deliveries
//! attempted meanwhile leave no entry: they are attempted again.

mod source;
mod tables;
mod target;

use std::sync::Arc;

use kernel::{StoreError, Timestamp};

use super::{database::Database, migrations};
use source::first_difference;
use tables::COPIED;

/// The progress of a copy, in rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The rows stored so far.
    pub copied: u64,
    /// The rows of the source.
    pub total: u64,
}

/// The purpose of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyPurpose {
    /// The copy replaces the original, which never runs again, and continues as the same installation.
    Move,
    /// The copy is another installation: it is marked as a duplicate, and the first server that starts on it renews its
    /// identity.
    Duplicate,
}

/// The summary of a finished copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopySummary {
    /// The number of rows of each table, which is the same in both databases.
    pub tables: Vec<(&'static str, u64)>,
    /// Whether an earlier copy was unfinished and its rows were deleted.
    pub restarted: bool,
}

/// The reason why a copy failed. A target in which the copy was begun keeps its marker.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The target is not empty.
    #[error("the target already contains an installation: use an empty database")]
    TargetNotEmpty,
    /// Other processes may write to the source.
    #[error("{processes} processes are using the source: stop them and copy again (a killed process counts for 15 s)")]
    SourceInUse {
        /// The number of processes.
        processes: u64,
    },
    /// A database may have tables or columns that this program lacks.
    #[error("the {database} was migrated by a newer version of the program: copy with that version")]
    NewerSchema {
        /// The database: `source` or `target`.
        database: &'static str,
    },
    /// A process wrote to the source during the copy.
    #[error("{table} in the source was written to during the copy: stop all servers and copy again")]
    SourceChanged {
        /// The first table whose row count, or number of entries, changed.
        table: &'static str,
    },
    /// The target does not have as many rows as the source.
    #[error(
        "{table} has {source_rows} rows in the source but {target_rows} in the target, which was written to: copy again"
    )]
    RowCountMismatch {
        /// The first table whose row counts differ.
        table: &'static str,
        /// The number of rows in the source.
        source_rows: u64,
        /// The number of rows in the target.
        target_rows: u64,
    },
    /// A database can't be reached, or its contents are invalid.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Database {
    /// Copies the installation to a database that has this program's schema and is empty, or has an unfinished copy.
    /// `now` is stored in the target's marker until the copy is finished; `report` is called after each transaction.
    ///
    /// # Errors
    /// [`TransferError`]. The copy can be repeated.
    pub async fn copy_to(
        &self,
        target: &Self,
        now: Timestamp,
        purpose: CopyPurpose,
        report: &(dyn Fn(Progress) + Sync),
    ) -> Result<CopySummary, TransferError> {
        self.ensure_current().await?;
        self.ensure_not_newer("source").await?;
        target.ensure_not_newer("target").await?;
        let _lock = self.engine.lock_writes().await?;
        source::ensure_idle(&self.engine).await?;
        let begun_again = target::begin(&target.engine, now).await?;

        let counts = source::counts(&self.engine).await?;
        let mut progress = Progress { copied: 0, total: counts.rows.iter().sum() };
        for table in COPIED.iter() {
            // The schema's migrations insert rows into this table.
            let clear_first = begun_again || table.name == "installation";
            let rows = self.engine.stream(Arc::new(table.select()), Vec::new(), |cells| cells.remaining()).await?;
            let report_rows = |rows| {
                progress.copied += rows;
                report(progress);
            };
            target::fill(&target.engine, table, clear_first, rows, report_rows).await?;
        }

        source::ensure_idle(&self.engine).await?;
        if let Some((table, ..)) = first_difference(&counts, &source::counts(&self.engine).await?) {
            return Err(TransferError::SourceChanged { table });
        }
        let tables = COPIED.iter().map(|table| table.name).zip(counts.rows.iter().copied()).collect();
        target::finish(&target.engine, counts, (purpose, now)).await?;
        Ok(CopySummary { tables, restarted: begun_again })
    }

    /// Returns the number of other processes that use the database and may write to it.
    ///
    /// # Errors
    /// [`StoreError`] if it can't be read.
    pub async fn active_processes(&self) -> Result<u64, StoreError> {
        source::active_processes(&self.engine).await
    }

    /// Refuses a database that a newer program has migrated: it may have data that this program would not copy.
    async fn ensure_not_newer(&self, database: &'static str) -> Result<(), TransferError> {
        if self.schema_version().await? > migrations::newest() {
            Err(TransferError::NewerSchema { database })
        } else {
            Ok(())
        }
    }
}
