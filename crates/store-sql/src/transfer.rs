//! Moving an installation to another database, whichever engine either has: every row of every table, as it is.
//!
//! The target bears a [mark] from before its first row until after its last, so that a copy that broke off is recognized,
//! refused by servers and commands, and begun again by the next copy. Rows come in streams and go in transactions of a few
//! hundred, so neither memory nor the length of a transaction grows with the installation.
//!
//! Nobody may change the source meanwhile. A SQLite file is locked. PostgreSQL has no lock that a distributed one has as well:
//! there, the processes that write are known by their rows in `open_writes`, before and after; and whoever came and went
//! between has left a row, since every commit has an audit entry and every sealing a checkpoint, so the numbers of rows tell.
//! Only deliveries that were made meanwhile leave none: they are made once more.

mod mark;
mod source;
mod tables;
mod target;

use std::sync::Arc;

use kernel::{StoreError, Timestamp};

pub(crate) use mark::stands;

use crate::{database::Database, migrations};
use source::difference;
use tables::MOVED;

/// How far a copy has come, in rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How many are stored.
    pub copied: u64,
    /// How many there are.
    pub total: u64,
}

/// A copy that is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// How many rows each table has, in both databases.
    pub tables: Vec<(&'static str, u64)>,
    /// Whether an earlier copy had broken off, whose rows were removed.
    pub begun_again: bool,
}

/// Why there is no copy. A target in which it was begun keeps its mark.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The target is not empty.
    #[error("the target holds an installation already: name an empty database")]
    Occupied,
    /// Other processes may write to the source.
    #[error(
        "servers or commands are at work on the source ({processes}): stop them and copy again; one that was killed counts for \
         15 s"
    )]
    AtWork {
        /// How many.
        processes: u64,
    },
    /// A database has tables or columns that this program does not know.
    #[error("the {database} was migrated by a newer program: copy with that one")]
    Newer {
        /// Which of the two.
        database: &'static str,
    },
    /// Somebody wrote to the source all the same.
    #[error("somebody wrote to {table} in the source while it was copied: stop all servers and copy again")]
    Changed {
        /// The first table it shows in.
        table: &'static str,
    },
    /// Somebody wrote to the target.
    #[error("{table} has {here} rows in the source and {there} in the target, so somebody wrote to it: copy again")]
    Differs {
        /// The first table it shows in.
        table: &'static str,
        /// Its rows in the source.
        here: u64,
        /// Its rows in the target.
        there: u64,
    },
    /// A database can't be reached, or is not what it should be.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Database {
    /// Copies the installation to a database that has this program's schema and nothing else, or an unfinished copy. `now` is
    /// noted in the target as long as the copy is not finished; `report` is told after each transaction.
    ///
    /// # Errors
    /// [`TransferError`]. The copy can be run again.
    pub async fn copy_to(
        &self,
        target: &Self,
        now: Timestamp,
        report: &(dyn Fn(Progress) + Sync),
    ) -> Result<Copied, TransferError> {
        self.current().await?;
        self.is_of_this_program("source").await?;
        target.is_of_this_program("target").await?;
        let _held = self.engine.hold().await?;
        source::is_idle(&self.engine).await?;
        let begun_again = target::begin(&target.engine, now).await?;

        let counts = source::counts(&self.engine).await?;
        let mut progress = Progress { copied: 0, total: counts.iter().sum() };
        for table in MOVED.iter() {
            // The schema came with rows of this one.
            let emptied = begun_again || table.name == "installation";
            let rows = self.engine.stream(Arc::new(table.select()), Vec::new(), |cells| cells.rest()).await?;
            let moved = |rows| {
                progress.copied += rows;
                report(progress);
            };
            target::fill(&target.engine, table, emptied, rows, moved).await?;
        }

        source::is_idle(&self.engine).await?;
        if let Some((table, ..)) = difference(&counts, &source::counts(&self.engine).await?) {
            return Err(TransferError::Changed { table });
        }
        let tables = MOVED.iter().map(|table| table.name).zip(counts.iter().copied()).collect();
        target::finish(&target.engine, counts).await?;
        Ok(Copied { tables, begun_again })
    }

    /// A newer program may have brought what this one would leave behind.
    async fn is_of_this_program(&self, database: &'static str) -> Result<(), TransferError> {
        if self.schema().await? > migrations::newest() { Err(TransferError::Newer { database }) } else { Ok(()) }
    }
}
