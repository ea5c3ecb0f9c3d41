//! A copy of the file as it is at one moment, made while others read and write.

use std::{path::Path, thread::park_timeout, time::Duration};

use kernel::StoreError;
use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
};

use super::connection::for_reading;
use crate::engine::{
    corrupt,
    failure::{of_sqlite, unavailable},
};

/// How often a file that is locked for a moment is asked for again.
const TRIES: u32 = 20_000;
const PAUSE: Duration = Duration::from_micros(500);

/// Copies all pages in one read transaction. Page by page, every commit of another process would have it begin anew, and on
/// a busy server it would never end. What comes of it is one file without a log, for whoever opens it next.
pub(super) fn back_up(from: &Path, to: &Path) -> Result<(), StoreError> {
    let source = for_reading(from)?;
    let mut copy = Connection::open(to).map_err(of_sqlite)?;
    {
        let backup = Backup::new(&source, &mut copy).map_err(of_sqlite)?;
        let mut tries = 0;
        loop {
            match backup.step(-1).map_err(of_sqlite)? {
                StepResult::Done => break,
                _ if tries < TRIES => {
                    tries += 1;
                    park_timeout(PAUSE);
                }
                _ => return Err(unavailable("the database stayed locked")),
            }
        }
    }
    let mode: String = copy.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0)).map_err(of_sqlite)?;
    if mode != "delete" {
        return Err(corrupt(format!("the copy is in journal mode {mode}")));
    }
    copy.close().map_err(|(_, error)| of_sqlite(error))
}

/// Whether every page and index of a file that nobody else has open is in order.
pub(in crate::engine) fn examine(path: &Path) -> Result<(), StoreError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(of_sqlite)?;
    let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(of_sqlite)?;
    if found == "ok" { Ok(()) } else { Err(corrupt(found)) }
}
