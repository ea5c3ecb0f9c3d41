//! Bounding the write-ahead log.
//!
//! SQLite folds the log in by itself, but begins it anew only in a moment when nobody reads from it. Under readers who are
//! never idle that moment does not come, and the log grows with every write.

use rusqlite::Connection;

use super::connection::{patient, patient_for};

/// How many transactions go by between two looks at the log's length.
const LOOKED_AFTER: u32 = 16;
/// How many pages of 4 KiB the log may have before it is begun anew by force: 64 MB.
const LONG: i64 = 16_384;
/// How many more pages it gets before the next try, when somebody reads from it for longer than is waited.
const AGAIN: i64 = 4096;
/// How often, each half a millisecond apart, readers are asked to be done: 50 ms in all, in which nobody can write.
const PATIENCE: i32 = 100;

/// What the writer knows of the log.
pub(super) struct Log {
    transactions: u32,
    longest: i64,
}

impl Log {
    pub(super) const fn new() -> Self {
        Self { transactions: 0, longest: LONG }
    }

    /// To be called after each transaction. Whatever goes wrong here is no matter to what was written.
    pub(super) fn bound(&mut self, connection: &mut Connection) {
        self.transactions += 1;
        if self.transactions < LOOKED_AFTER {
            return;
        }
        self.transactions = 0;
        if let Err(error) = self.begin_anew(connection) {
            tracing::warn!(%error, "the write-ahead log was not begun anew");
        }
    }

    fn begin_anew(&mut self, connection: &mut Connection) -> rusqlite::Result<()> {
        let (_, pages) = checkpoint(connection, "PRAGMA wal_checkpoint(NOOP)")?;
        if pages < LONG {
            self.longest = LONG;
        }
        if pages < self.longest {
            return Ok(());
        }
        connection.busy_handler(Some(patient_for::<PATIENCE>))?;
        let folded = checkpoint(connection, "PRAGMA wal_checkpoint(RESTART)");
        connection.busy_handler(Some(patient))?;
        let (busy, pages) = folded?;
        self.longest = if busy { pages + AGAIN } else { LONG };
        Ok(())
    }
}

/// Whether somebody was in its way, and how many pages the log has.
fn checkpoint(connection: &Connection, statement: &str) -> rusqlite::Result<(bool, i64)> {
    connection.prepare_cached(statement)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::{
        super::connection::{for_reading, for_writing},
        *,
    };

    /// Writes 1 MB a transaction, as the writer does.
    fn write(connection: &mut Connection, log: &mut Log, transactions: u32) {
        for _ in 0..transactions {
            connection.execute("INSERT INTO kept (bytes) VALUES (zeroblob(1000000))", []).unwrap();
            connection.execute("DELETE FROM kept", []).unwrap();
            log.bound(connection);
        }
    }

    #[test]
    fn the_log_stays_bounded_though_somebody_reads_at_every_moment() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("busy.db");
        let mut writing = for_writing(&path).unwrap();
        writing.execute_batch("CREATE TABLE kept (bytes blob)").unwrap();
        let over = &AtomicBool::new(false);
        // Two readers, of whom one begins before the other ends.
        let [one, other] = [(); 2].map(|()| for_reading(&path).unwrap());
        // Each reads for some milliseconds, in which there are many commits.
        let began = |reader: &Connection| {
            reader.execute_batch("BEGIN").unwrap();
            let counted = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) \
                           SELECT (SELECT count(*) FROM kept) + count(*) FROM n";
            let _: i64 = reader.query_row(counted, [], |row| row.get(0)).unwrap();
        };
        std::thread::scope(|scope| {
            scope.spawn(move || {
                began(&one);
                while !over.load(Ordering::Relaxed) {
                    began(&other);
                    one.execute_batch("COMMIT").unwrap();
                    began(&one);
                    other.execute_batch("COMMIT").unwrap();
                }
            });
            write(&mut writing, &mut Log::new(), 320);
            over.store(true, Ordering::Relaxed);
        });
        let length = std::fs::metadata(folder.path().join("busy.db-wal")).unwrap().len();
        assert!(length < 128 * 1024 * 1024, "the log has {length} bytes");
    }

    #[test]
    fn somebody_who_reads_for_long_is_not_waited_for_again_and_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long.db");
        let mut writing = for_writing(&path).unwrap();
        writing.execute_batch("CREATE TABLE kept (bytes blob)").unwrap();
        let reading = for_reading(&path).unwrap();
        reading.execute_batch("BEGIN").unwrap();
        let _: i64 = reading.query_row("SELECT count(*) FROM kept", [], |row| row.get(0)).unwrap();
        let mut log = Log::new();
        write(&mut writing, &mut log, 80);
        assert!(log.longest >= LONG + AGAIN, "the next try waits for the log to grow: {}", log.longest);
        drop(reading);
        write(&mut writing, &mut log, 80);
        assert_eq!(log.longest, LONG);
    }
}
