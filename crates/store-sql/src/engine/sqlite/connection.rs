//! Connections to the file, and the settings they run with.

use std::{path::Path, thread::park_timeout, time::Duration};

use kernel::StoreError;
use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};

use crate::engine::failure::of_sqlite;

/// How often the file's lock is asked for again, and how long between: ten seconds in all. Commands write the same file
/// as a busy server, whose transactions leave short gaps; SQLite's own waiting would sleep through most of them.
const TRIES: i32 = 20_000;
const PAUSE: Duration = Duration::from_micros(500);
/// How many statements a connection keeps prepared: all there are, lists with several filters at once included.
const STATEMENTS: usize = 512;

/// The connection that writes: what it has committed is on the disk. The log is folded in every 16 MB and not every 4, which a
/// few hundred findings fill: then each page is written back once for many commits that touch it.
pub(super) fn for_writing(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(of_sqlite)?;
    settle(
        &mut connection,
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA cache_size = -4000;
         PRAGMA wal_autocheckpoint = 4000;
         PRAGMA journal_size_limit = 67108864;",
    )?;
    Ok(connection)
}

/// A connection that reads lists and the like.
pub(super) fn for_reading(path: &Path) -> Result<Connection, StoreError> {
    reading(path, "PRAGMA query_only = ON; PRAGMA cache_size = -2000;")
}

/// A connection that reads a row at a time: it needs little memory of its own, since every commit outdates that anyway
/// and the system keeps the pages.
pub(super) fn for_points(path: &Path) -> Result<Connection, StoreError> {
    reading(path, "PRAGMA query_only = ON; PRAGMA cache_size = -500;")
}

fn reading(path: &Path, pragmas: &str) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(of_sqlite)?;
    settle(&mut connection, pragmas)?;
    Ok(connection)
}

fn settle(connection: &mut Connection, pragmas: &str) -> Result<(), StoreError> {
    connection.busy_handler(Some(patient)).map_err(of_sqlite)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Plans go by the statement's text alone. Otherwise each new value of a `LIMIT ?` prepares the statement anew.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(of_sqlite)?;
    // SQLite itself does not wait where several processes put a new file into WAL mode at once.
    let mut tries = 0;
    loop {
        match connection.execute_batch(pragmas) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && patient(tries) => tries += 1,
            settled => return settled.map_err(of_sqlite),
        }
    }
}

/// Waits for the file's lock as long as anybody may.
pub(super) fn patient(tries: i32) -> bool {
    patient_for::<TRIES>(tries)
}

/// Waits for it this often, each half a millisecond.
pub(super) fn patient_for<const MOST: i32>(tries: i32) -> bool {
    park_timeout(PAUSE);
    tries < MOST
}
