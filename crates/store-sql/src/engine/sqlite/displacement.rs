//! The conduct of the writer while the files of its database are displaced: it refuses every write, and limits the damage.

use kernel::StoreError;
use rusqlite::config::DbConfig;

use super::database_files::{DatabaseFiles, Displaced};
use crate::engine::{Session, unavailable};

/// The displacement of a writer's files, which is logged once, with the number of writes that were refused.
pub(super) struct Displacement<'a> {
    files: &'a DatabaseFiles,
    is_displaced: bool,
    refused: usize,
}

impl<'a> Displacement<'a> {
    pub(super) const fn new(files: &'a DatabaseFiles) -> Self {
        Self { files, is_displaced: false, refused: 0 }
    }

    /// Checks that the files are in their places.
    pub(super) fn check(&mut self, session: &Session) -> Result<(), StoreError> {
        match self.files.check() {
            Ok(()) => {
                if self.is_displaced {
                    let refused = self.refused;
                    tracing::warn!("the database is in its place again: {refused} writes were refused meanwhile");
                }
                (self.is_displaced, self.refused) = (false, 0);
                Ok(())
            }
            Err(displaced) => {
                if !self.is_displaced {
                    tracing::error!("{displaced}");
                    if displaced.is_recoverable {
                        bring_into_database(session);
                    }
                }
                self.is_displaced = true;
                Err(unavailable(displaced))
            }
        }
    }

    /// Counts these writes if they were refused.
    pub(super) const fn count(&mut self, writes: usize) {
        if self.is_displaced {
            self.refused += writes;
        }
    }

    /// Whether closing may checkpoint the log and delete it, which SQLite does by its path: a log of other processes may
    /// be there. Otherwise the session is closed without.
    pub(super) fn may_close_with_checkpoint(&self, session: &Session) -> bool {
        match self.files.check() {
            Ok(()) | Err(Displaced { is_recoverable: true, .. }) => true,
            Err(displaced) => {
                tracing::error!("closed without a checkpoint, {} writes were refused: {displaced}", self.refused);
                if let Session::Sqlite(session) = session
                    && let Err(error) =
                        session.connection().set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
                {
                    tracing::error!(%error, "the checkpoint at the end can't be prevented");
                }
                false
            }
        }
    }
}

/// Moves what was committed to a log that has no name any more into the database, before another process makes another
/// log.
fn bring_into_database(session: &Session) {
    let Session::Sqlite(session) = session else { return };
    let checkpoint = session.connection().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
    if let Err(error) = checkpoint {
        tracing::error!(%error, "the changes in the write-ahead log that was deleted could not be moved into the database");
    }
}
