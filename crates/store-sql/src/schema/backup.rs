//! Backup, and the checks of a restored database, which work with any schema version.

use std::path::Path;

use kernel::StoreError;

use super::{copy_marker, database::Database, migrations};
use crate::engine::{Engine, unavailable};

impl Database {
    /// Copies a consistent snapshot of the database to a file that does not exist yet, while others read and write.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] on PostgreSQL, which is backed up with `pg_dump`; if the file can't be written; and
    /// if the database is itself an unfinished copy.
    pub async fn backup_to(&self, file: &Path) -> Result<(), StoreError> {
        if self.is_unfinished().await? {
            return Err(unavailable(
                "the database is an unfinished copy of another: run `novantra copy` again, which starts over",
            ));
        }
        self.engine.backup_to(file).await
    }

    /// Checks the integrity of every page and index of a SQLite file. No other process may have it open.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] with the first problem found, or the error with which reading failed.
    pub async fn check_integrity(file: &Path) -> Result<(), StoreError> {
        Engine::check_integrity(file).await
    }

    /// The version of the newest migration that was applied, or 0 if there is none.
    ///
    /// # Errors
    /// [`StoreError`] if it can't be read.
    pub async fn schema_version(&self) -> Result<i64, StoreError> {
        self.engine.read((), |(), session| Box::pin(migrations::newest_applied(session))).await
    }

    async fn is_unfinished(&self) -> Result<bool, StoreError> {
        self.engine
            .read((), |(), session| {
                Box::pin(async move {
                    Ok(session.has_table("installation").await? && copy_marker::is_copying(session).await?)
                })
            })
            .await
    }
}
