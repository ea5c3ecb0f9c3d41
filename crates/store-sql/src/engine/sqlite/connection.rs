//! Connections to the file and their settings.

use std::{path::Path, thread::park_timeout, time::Duration};

use kernel::StoreError;
use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};

use crate::engine::failure::from_sqlite;

/// The maximum number of retries for the file's lock and the delay between them: ten seconds in all. Commands write to
/// the same file as a busy server, whose transactions leave short gaps; SQLite's own busy timeout would sleep through
/// most of them.
const MAX_RETRIES: i32 = 20_000;
const RETRY_DELAY: Duration = Duration::from_micros(500);
/// The maximum number of prepared statements per connection, enough for all of them, including lists with several
/// filters.
const MAX_STATEMENTS: usize = 512;

/// Opens the connection that writes, whose commits are durable on disk. It checkpoints the write-ahead log every 16 MB
/// instead of every 4 MB, which a few hundred findings fill, so that a page is written back once for many commits that
/// change it. The log and its index exist once this has returned, because the first read creates them.
pub(super) fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    open_for_writes(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
}

/// The same, and creates the file if there is none.
pub(super) fn open_or_create_writer(path: &Path) -> Result<Connection, StoreError> {
    open_for_writes(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)
}

fn open_for_writes(path: &Path, access: OpenFlags) -> Result<Connection, StoreError> {
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(from_sqlite)?;
    configure(
        &mut connection,
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA cache_size = -4000;
         PRAGMA wal_autocheckpoint = 4000;
         PRAGMA journal_size_limit = 67108864;
         SELECT count(*) FROM (SELECT 1 FROM sqlite_schema LIMIT 1);",
    )?;
    Ok(connection)
}

/// Opens a connection for general reads, such as lists.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    open_read_only(path, "PRAGMA query_only = ON; PRAGMA cache_size = -2000;")
}

/// Opens a connection for point reads. It has a small page cache, which every commit invalidates anyway; the operating
/// system caches the pages. It does not wait for locks, because it is used by threads that must not block.
pub(super) fn open_point_reader(path: &Path) -> Result<Connection, StoreError> {
    let mut connection = open_read_only(path, "PRAGMA query_only = ON; PRAGMA cache_size = -500;")?;
    connection.busy_handler(None::<fn(i32) -> bool>).map_err(from_sqlite)?;
    Ok(connection)
}

fn open_read_only(path: &Path, pragmas: &str) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(from_sqlite)?;
    configure(&mut connection, pragmas)?;
    Ok(connection)
}

fn configure(connection: &mut Connection, pragmas: &str) -> Result<(), StoreError> {
    connection.busy_handler(Some(wait_for_lock)).map_err(from_sqlite)?;
    connection.set_prepared_statement_cache_capacity(MAX_STATEMENTS);
    // Query plans depend only on the statement's text. Otherwise each new value of a `LIMIT ?` would prepare it again.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(from_sqlite)?;
    // SQLite itself does not wait when several processes switch a new file to WAL mode at once.
    let mut tries = 0;
    loop {
        match connection.execute_batch(pragmas) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && wait_for_lock(tries) => {
                tries += 1
            }
            result => return result.map_err(from_sqlite),
        }
    }
}

/// A busy handler that waits for the file's lock for up to ten seconds.
pub(super) fn wait_for_lock(tries: i32) -> bool {
    wait_for_lock_up_to::<MAX_RETRIES>(tries)
}

/// A busy handler that waits for up to `MAX` times half a millisecond.
pub(super) fn wait_for_lock_up_to<const MAX: i32>(tries: i32) -> bool {
    park_timeout(RETRY_DELAY);
    tries < MAX
}
