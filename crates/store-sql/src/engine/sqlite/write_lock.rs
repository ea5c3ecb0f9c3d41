//! The write lock of the file, across processes.

use std::path::Path;

use kernel::StoreError;
use rusqlite::Connection;

use super::connection::open_writer;
use crate::engine::failure::from_sqlite;

/// The file's exclusive lock for writing. Readers are not blocked. The operating system releases it however the process
/// ends.
pub(crate) struct WriteLock {
    _connection: Connection,
}

impl WriteLock {
    /// Acquires the lock, waiting for it as long as any write does.
    pub(super) fn acquire(path: &Path) -> Result<Self, StoreError> {
        let connection = open_writer(path)?;
        connection.execute_batch("BEGIN IMMEDIATE").map_err(from_sqlite)?;
        Ok(Self { _connection: connection })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::sqlite::connection::{open_or_create_writer, open_reader};

    #[test]
    fn the_write_lock_blocks_writers_and_not_readers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("locked.db");
        let writer = open_or_create_writer(&path).unwrap();
        writer.execute_batch("CREATE TABLE items (id integer)").unwrap();
        writer.busy_timeout(std::time::Duration::ZERO).unwrap();
        let lock = WriteLock::acquire(&path).unwrap();
        assert!(writer.execute_batch("INSERT INTO items VALUES (1)").is_err());
        let count = |_: &rusqlite::Row<'_>| Ok(());
        open_reader(&path).unwrap().query_row("SELECT count(*) FROM items", [], count).unwrap();
        drop(lock);
        writer.execute_batch("INSERT INTO items VALUES (1)").unwrap();
    }
}
