//! Backup, and the checks of a restored database, which work with any schema version.

use std::path::Path;

use kernel::{StoreError, Timestamp};

use super::{copy_marker, database::Database, log_generation, migrations};
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

    /// Marks the database as a duplicate of another one, whose identity the first server that starts on it renews. A
    /// schema from before installations had an identity is not marked.
    ///
    /// # Errors
    /// [`StoreError`] if the mark can't be stored.
    pub async fn mark_duplicate(&self, now: Timestamp) -> Result<(), StoreError> {
        self.engine
            .write(now, |now, session| {
                Box::pin(async move {
                    if session.has_table("installation").await? {
                        copy_marker::mark_duplicate(session, *now).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// Begins the next generation of the audit logs, because the database is an earlier state of another one: its heads may
    /// lie before entries that were signed. A schema from before installations had an identity has no generation.
    ///
    /// # Errors
    /// [`StoreError`] if it can't be stored.
    pub async fn begin_log_generation(&self, now: Timestamp) -> Result<(), StoreError> {
        self.engine
            .write(now, |now, session| {
                Box::pin(async move {
                    if session.has_table("installation").await? {
                        log_generation::begin_next(session, *now).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// Returns whether the database is marked as a duplicate.
    ///
    /// # Errors
    /// [`StoreError`] if that can't be read.
    pub async fn is_duplicate(&self) -> Result<bool, StoreError> {
        self.engine.read((), |(), session| Box::pin(copy_marker::is_duplicate(session))).await
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
