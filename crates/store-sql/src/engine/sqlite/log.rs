//! Limiting the size of the write-ahead log.
//!
//! SQLite checkpoints the log by itself, but restarts it only when no reader uses it. With readers that are never idle
//! this moment does not come, and the log grows with every write.

use rusqlite::Connection;

use super::connection::{patient, patient_for};

/// The number of transactions between two checks of the log's size.
const LOOKED_AFTER: u32 = 16;
/// The number of pages of 4 KiB above which a restart of the log is forced: 64 MB.
const LONG: i64 = 16_384;
/// The number of pages by which the log may grow before the next attempt, if readers used it for longer than the wait.
const AGAIN: i64 = 4096;
/// The number of waits for readers, each of half a millisecond: 50 ms in all, during which nobody can write.
const PATIENCE: i32 = 100;

/// Restarts the write-ahead log when it becomes too large.
pub(super) struct Log {
    transactions: u32,
    longest: i64,
}

impl Log {
    pub(super) const fn new() -> Self {
        Self { transactions: 0, longest: LONG }
    }

    /// Checks the log's size every few transactions. Must be called after each transaction. Failures are only logged,
    /// since they do not affect committed data.
    pub(super) fn bound(&mut self, connection: &mut Connection) {
        self.transactions += 1;
        if self.transactions < LOOKED_AFTER {
            return;
        }
        self.transactions = 0;
        if let Err(error) = self.begin_anew(connection) {
            tracing::warn!(%error, "the write-ahead log was not restarted and keeps growing");
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
        let outcome = checkpoint(connection, "PRAGMA wal_checkpoint(RESTART)");
        connection.busy_handler(Some(patient))?;
        let (busy, pages) = outcome?;
        self.longest = if busy { pages + AGAIN } else { LONG };
        Ok(())
    }
}

/// Runs a checkpoint. Returns whether readers or writers blocked it, and the size of the log in pages.
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

    /// Writes 1 MB per transaction, as the writer does.
    fn write(connection: &mut Connection, limiter: &mut Log, transactions: u32) {
        for _ in 0..transactions {
            connection.execute("INSERT INTO kept (bytes) VALUES (zeroblob(1000000))", []).unwrap();
            connection.execute("DELETE FROM kept", []).unwrap();
            limiter.bound(connection);
        }
    }

    #[test]
    fn the_log_stays_bounded_though_somebody_reads_at_every_moment() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("busy.db");
        let mut writing = for_writing(&path).unwrap();
        writing.execute_batch("CREATE TABLE kept (bytes blob)").unwrap();
        let stopped = &AtomicBool::new(false);
        // Two readers, one of which begins before the other ends.
        let [one, other] = [(); 2].map(|()| for_reading(&path).unwrap());
        // Each reads for some milliseconds, during which there are many commits.
        let begin_read = |reader: &Connection| {
            reader.execute_batch("BEGIN").unwrap();
            let query = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) \
                           SELECT (SELECT count(*) FROM kept) + count(*) FROM n";
            let _: i64 = reader.query_row(query, [], |row| row.get(0)).unwrap();
        };
        std::thread::scope(|scope| {
            scope.spawn(move || {
                begin_read(&one);
                while !stopped.load(Ordering::Relaxed) {
                    begin_read(&other);
                    one.execute_batch("COMMIT").unwrap();
                    begin_read(&one);
                    other.execute_batch("COMMIT").unwrap();
                }
            });
            write(&mut writing, &mut Log::new(), 320);
            stopped.store(true, Ordering::Relaxed);
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
        let mut limiter = Log::new();
        write(&mut writing, &mut limiter, 80);
        assert!(limiter.longest >= LONG + AGAIN, "the next attempt must wait for the log to grow: {}", limiter.longest);
        drop(reading);
        write(&mut writing, &mut limiter, 80);
        assert_eq!(limiter.longest, LONG);
    }
}
