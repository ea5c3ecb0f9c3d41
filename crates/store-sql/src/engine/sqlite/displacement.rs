//! The conduct of the writer while the files of its database are displaced: it refuses every write, and limits the damage.

use kernel::StoreError;
use rusqlite::config::DbConfig;

use super::{damage::Displaced, database_files::DatabaseFiles, wal_limiter::checkpoint};
use crate::engine::{Session, unavailable};

/// The displacement of a writer's files, which is logged once, with the number of writes that were refused.
pub(super) struct Displacement<'a> {
    files: &'a DatabaseFiles,
    /// The size of a page of the database, in bytes.
    page_size: u64,
    is_displaced: bool,
    refused: usize,
}

/// The sizes of the headers of the write-ahead log and of each page in it, in bytes, which the file format defines.
const LOG_HEADER: u64 = 32;
const FRAME_HEADER: u64 = 24;
/// The number of times that the log is found too short before it counts as damaged: another process may have emptied it
/// after its index was read.
const MAX_ATTEMPTS: u32 = 3;

impl<'a> Displacement<'a> {
    pub(super) fn new(files: &'a DatabaseFiles, session: &Session) -> Self {
        let Session::Sqlite(session) = session else {
            return Self { files, page_size: 0, is_displaced: false, refused: 0 };
        };
        // Without it, the length of the log is checked less strictly.
        let page_size: u32 =
            session.connection().query_row("PRAGMA page_size", [], |row| row.get(0)).unwrap_or_default();
        Self { files, page_size: page_size.into(), is_displaced: false, refused: 0 }
    }

    /// Whether the last check found that the database must not be used.
    pub(super) fn is_displaced(&self) -> bool {
        self.is_displaced || self.files.damage().is_found()
    }

    /// Checks that the files are in their places.
    pub(super) fn check(&mut self, session: &Session) -> Result<(), StoreError> {
        match self.find(session)? {
            None => {
                if self.is_displaced {
                    let refused = self.refused;
                    tracing::warn!("the database is in its place again: {refused} writes were refused meanwhile");
                }
                (self.is_displaced, self.refused) = (false, 0);
                Ok(())
            }
            Some(displaced) => {
                if !self.is_displaced {
                    // Damage was logged when it was found.
                    if !self.files.damage().is_found() {
                        tracing::error!("{displaced}");
                    }
                    if displaced.is_recoverable {
                        bring_into_database(session);
                    }
                }
                self.is_displaced = true;
                Err(unavailable(displaced))
            }
        }
    }

    /// Finds why the database must not be used, if there is a reason.
    fn find(&self, session: &Session) -> Result<Option<Displaced>, StoreError> {
        if let Err(displaced) = self.files.check() {
            return Ok(Some(displaced));
        }
        let Session::Sqlite(session) = session else { return Ok(None) };
        let mut required = 0;
        for _ in 0..MAX_ATTEMPTS {
            let (_, pages) = checkpoint(&session.connection(), "PRAGMA wal_checkpoint(NOOP)")
                .map_err(|error| session.store_error(error))?;
            let pages = u64::try_from(pages).unwrap_or_default();
            required = if pages == 0 { 0 } else { LOG_HEADER + pages * (FRAME_HEADER + self.page_size) };
            if !self.files.is_log_shorter(required) {
                return Ok(None);
            }
        }
        Ok(Some(self.files.record_short_log(required)))
    }

    /// Counts these writes if they were refused.
    pub(super) const fn count(&mut self, writes: usize) {
        if self.is_displaced {
            self.refused += writes;
        }
    }

    /// Whether closing may checkpoint the log and delete it, which SQLite does by its path: a log of other processes may
    /// be there. Otherwise the session is closed without, and the log of a database that is not at its path any more is
    /// put aside.
    pub(super) fn may_close_with_checkpoint(&self, session: &Session) -> bool {
        let displaced = match self.find(session) {
            Ok(None | Some(Displaced { is_recoverable: true, .. })) => return true,
            Ok(Some(displaced)) => displaced.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::error!("closed without a checkpoint, {} writes were refused: {displaced}", self.refused);
        if let Session::Sqlite(session) = session
            && let Err(error) = session.connection().set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        {
            tracing::error!(%error, "the checkpoint at the end can't be prevented");
        }
        match self.files.put_log_aside() {
            Ok(None) => {}
            Ok(Some(aside)) => tracing::warn!(
                "the write-ahead log of the database that was deleted, moved or replaced was renamed to {}: to use it with \
                 its database, rename it back",
                aside.display()
            ),
            Err(error) => tracing::error!(
                %error,
                "the write-ahead log of the database that was deleted, moved or replaced can't be renamed: move it to \
                 another folder before another database is put in its place"
            ),
        }
        false
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

#[cfg(test)]
mod tests {
    use std::{fs::File, path::Path};

    use super::*;
    use crate::engine::sqlite::connection::{open_or_create_writer, open_writer};

    /// A session that has written to a database at the path.
    fn session(path: &Path) -> (Session, DatabaseFiles) {
        let connection = open_or_create_writer(path).unwrap();
        connection.execute_batch("CREATE TABLE items (id integer)").unwrap();
        let files = DatabaseFiles::identify(path).unwrap();
        (Session::from_sqlite(connection, files.damage()), files)
    }

    fn execute(session: &Session, statement: &str) {
        let Session::Sqlite(session) = session else { panic!("a SQLite session") };
        session.connection().execute_batch(statement).unwrap();
    }

    #[test]
    fn a_log_that_was_truncated_while_it_is_open_stops_writes_until_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("open.db");
        let (session, files) = session(&path);
        let mut displacement = Displacement::new(&files, &session);
        displacement.check(&session).unwrap();
        let log = folder.path().join("open.db-wal");
        let content = std::fs::read(&log).unwrap();
        File::options().write(true).open(&log).unwrap().set_len(100).unwrap();
        let error = displacement.check(&session).unwrap_err().to_string();
        assert!(error.contains("open.db-wal was shortened") && error.contains("restore a backup"), "{error}");
        assert!(files.check_for_read().is_err());
        std::fs::write(&log, content).unwrap();
        assert!(displacement.check(&session).is_err(), "what was read or written meanwhile is unknown");
        assert!(!displacement.may_close_with_checkpoint(&session));
        assert!(log.exists(), "the log of a database that is at its path stays");
    }

    #[test]
    fn a_log_that_another_process_has_emptied_is_not_taken_for_damage() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("open.db");
        let (session, files) = session(&path);
        let mut displacement = Displacement::new(&files, &session);
        for _ in 0..3 {
            execute(&session, "INSERT INTO items VALUES (1)");
            displacement.check(&session).unwrap();
            open_writer(&path).unwrap().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
            assert_eq!(std::fs::metadata(folder.path().join("open.db-wal")).unwrap().len(), 0);
            displacement.check(&session).unwrap();
        }
    }

    #[test]
    fn a_database_that_was_overwritten_with_a_shorter_one_stops_reads_and_writes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("open.db");
        let (session, files) = session(&path);
        execute(&session, "INSERT INTO items VALUES (1); PRAGMA wal_checkpoint(TRUNCATE)");
        let mut displacement = Displacement::new(&files, &session);
        displacement.check(&session).unwrap();
        File::options().write(true).open(&path).unwrap().set_len(4096).unwrap();
        let error = displacement.check(&session).unwrap_err().to_string();
        assert!(error.contains("open.db was shortened from 8192 to 4096 bytes"), "{error}");
        assert!(files.check_for_read().is_err());
    }
}
