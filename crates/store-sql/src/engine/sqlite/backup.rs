//! Backup: a consistent copy of the file, made while others read and write.

use std::{path::Path, thread::park_timeout, time::Duration};

use kernel::StoreError;
use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
};

use super::connection::open_reader;
use crate::engine::{
    corrupt,
    failure::{from_sqlite, unavailable},
};

/// The maximum number of retries while the file is locked.
const MAX_RETRIES: u32 = 20_000;
const RETRY_DELAY: Duration = Duration::from_micros(500);

/// Copies all pages in one read transaction. In several steps, every commit of another process would restart it, and on
/// a busy server it would never end. The result is a single file without a write-ahead log.
pub(super) fn backup_to(from: &Path, to: &Path) -> Result<(), StoreError> {
    let source = open_reader(from)?;
    let mut copy = Connection::open(to).map_err(from_sqlite)?;
    {
        let backup = Backup::new(&source, &mut copy).map_err(from_sqlite)?;
        let mut tries = 0;
        loop {
            match backup.step(-1).map_err(from_sqlite)? {
                StepResult::Done => break,
                _ if tries < MAX_RETRIES => {
                    tries += 1;
                    park_timeout(RETRY_DELAY);
                }
                _ => return Err(unavailable("the database stayed locked by another process; try again later")),
            }
        }
    }
    let mode: String = copy.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0)).map_err(from_sqlite)?;
    if mode != "delete" {
        return Err(corrupt(format!("the copy is in journal mode {mode} instead of delete")));
    }
    copy.close().map_err(|(_, error)| from_sqlite(error))
}

/// Checks the integrity of every page and index of a file, which no other process may have open.
pub(in crate::engine) fn check_integrity(path: &Path) -> Result<(), StoreError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(from_sqlite)?;
    let report: String =
        connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(from_sqlite)?;
    if report == "ok" { Ok(()) } else { Err(corrupt(report)) }
}
