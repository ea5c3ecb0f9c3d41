//! The write lock of the file, across processes.

use std::path::Path;

use kernel::StoreError;
use rusqlite::Connection;

use super::connection::for_writing;
use crate::engine::failure::of_sqlite;

/// The file's exclusive lock for writing. Readers are not blocked. The operating system releases it however the process
/// ends.
pub(crate) struct Hold {
    _connection: Connection,
}

impl Hold {
    /// Acquires the lock, waiting for it as long as any write does.
    pub(super) fn take(path: &Path) -> Result<Self, StoreError> {
        let connection = for_writing(path)?;
        connection.execute_batch("BEGIN IMMEDIATE").map_err(of_sqlite)?;
        Ok(Self { _connection: connection })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::sqlite::connection::for_reading;

    #[test]
    fn while_it_is_held_others_read_and_do_not_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("locked.db");
        let writer = for_writing(&path).unwrap();
        writer.execute_batch("CREATE TABLE kept (id integer)").unwrap();
        writer.busy_timeout(std::time::Duration::ZERO).unwrap();
        let lock = Hold::take(&path).unwrap();
        assert!(writer.execute_batch("INSERT INTO kept VALUES (1)").is_err());
        let count = |_: &rusqlite::Row<'_>| Ok(());
        for_reading(&path).unwrap().query_row("SELECT count(*) FROM kept", [], count).unwrap();
        drop(lock);
        writer.execute_batch("INSERT INTO kept VALUES (1)").unwrap();
    }
}
