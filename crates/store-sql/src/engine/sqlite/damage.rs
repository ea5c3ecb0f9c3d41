//! The reasons for which an open database must not be used any more. Damage is one that lasts until the programs that
//! use the database are restarted: each further write could make it worse.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use kernel::StoreError;
use rusqlite::ErrorCode;

use crate::engine::failure::from_sqlite;

const RESTORE: &str = "stop all programs that use it, restore a backup, and start them again";

/// The reason for which a database must be neither read nor written any more.
#[derive(Debug, thiserror::Error)]
#[error("{} {change} while the database is open, so nothing is read or written any more: {remedy}", .path.display())]
pub(super) struct Displaced {
    pub(super) path: PathBuf,
    pub(super) change: String,
    pub(super) remedy: &'static str,
    /// Whether the database itself is in its place and no other process can use another log, so that a checkpoint brings
    /// into it what was committed.
    pub(super) is_recoverable: bool,
}

/// The first damage of a database that was found, shared by all its connections.
#[derive(Clone)]
pub(super) struct Damage {
    database: Arc<Path>,
    found: Arc<OnceLock<Found>>,
}

struct Found {
    path: PathBuf,
    change: String,
}

impl Found {
    fn displaced(&self) -> Displaced {
        let (path, change) = (self.path.clone(), self.change.clone());
        Displaced { path, change, remedy: RESTORE, is_recoverable: false }
    }
}

impl Damage {
    pub(super) fn new(database: &Path) -> Self {
        Self { database: database.into(), found: Arc::default() }
    }

    pub(super) fn is_found(&self) -> bool {
        self.found.get().is_some()
    }

    /// Returns the damage, if any was found.
    pub(super) fn displaced(&self) -> Option<Displaced> {
        self.found.get().map(Found::displaced)
    }

    /// Records, and logs, the first damage that is found, and returns that.
    pub(super) fn record(&self, path: &Path, change: String) -> Displaced {
        let mut is_first = false;
        let found = self.found.get_or_init(|| {
            is_first = true;
            Found { path: path.to_owned(), change }
        });
        let displaced = found.displaced();
        if is_first {
            tracing::error!("{displaced}");
        }
        displaced
    }

    /// Converts the error of a statement, and records it if it says that the database is damaged.
    pub(super) fn store_error(&self, error: rusqlite::Error) -> StoreError {
        if matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)) {
            self.record(&self.database, format!("was found damaged ({error})"));
        }
        from_sqlite(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{
        Session, Sql,
        sqlite::{
            connection::{open_or_create_writer, open_reader},
            database_files::DatabaseFiles,
        },
    };

    #[test]
    fn a_database_that_a_read_finds_damaged_is_neither_read_nor_written_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("open.db");
        let writer = open_or_create_writer(&path).unwrap();
        writer.execute_batch("CREATE TABLE items (id integer); PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        let files = DatabaseFiles::identify(&path).unwrap();
        files.check().unwrap();
        let mut pages = std::fs::read(&path).unwrap();
        pages[4096..].fill(0xff);
        std::fs::write(&path, &pages).unwrap();
        files.check().unwrap();
        let Session::Sqlite(session) = Session::from_sqlite(open_reader(&path).unwrap(), files.damage()) else {
            panic!("a SQLite session")
        };
        let query = Sql::from_text("SELECT count(*) FROM items");
        let error = session.visit(&query, &[], |_| Ok(())).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt(_)), "{error}");
        let error = files.check().unwrap_err().to_string();
        assert!(error.contains("was found damaged") && error.contains("restore a backup"), "{error}");
        assert!(files.check_for_read().is_err());
    }
}
