//! Limiting the size of the write-ahead log.
//!
//! SQLite checkpoints the log by itself, but restarts it only when no reader uses it. With readers that are never idle
//! this moment does not come, and the log grows with every write. Reads are short, so waiting for them for a moment is
//! enough. A stream is as long as its client makes it: when the log passes a bound, streams are cut.

use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::{
    connection::{wait_for_lock, wait_for_lock_up_to},
    stream::StreamCutter,
};

/// The number of transactions between two checks of the log's size.
const TRANSACTIONS_PER_CHECK: u32 = 16;
/// The number of pages of 4 KiB above which a restart of the log is forced: 64 MB.
const MAX_PAGES: i64 = 16_384;
/// The number of pages above which open streams are cut, if the log could not be restarted: 256 MB.
const MAX_STREAMED_PAGES: i64 = 65_536;
/// The number of pages by which the log may grow before the next attempt, if readers used it for longer than the wait.
const RETRY_PAGES: i64 = 4096;
/// The number of waits for readers, each of half a millisecond: 50 ms in all, during which nobody can write.
const MAX_WAITS: i32 = 100;
/// The minimum time between two attempts to reclaim the log's space while writes fail: each rewrites the pages of the
/// log.
const RECLAIM_INTERVAL: Duration = Duration::from_secs(1);

/// Restarts the write-ahead log when it becomes too large.
pub(super) struct WalLimiter {
    transactions: u32,
    restart_above: i64,
    /// Whether streams were cut at the last attempt.
    has_just_cut: bool,
    reclaimed_at: Option<Instant>,
    streams: StreamCutter,
}

impl WalLimiter {
    pub(super) const fn new(streams: StreamCutter) -> Self {
        Self { transactions: 0, restart_above: MAX_PAGES, has_just_cut: false, reclaimed_at: None, streams }
    }

    /// Checks the log's size every few transactions. Must be called after each transaction. Failures are only logged,
    /// since they do not affect committed data.
    pub(super) fn enforce(&mut self, connection: &mut Connection) {
        self.transactions += 1;
        if self.transactions < TRANSACTIONS_PER_CHECK {
            return;
        }
        self.transactions = 0;
        if let Err(error) = self.restart_wal(connection) {
            tracing::warn!(%error, "the write-ahead log was not restarted and keeps growing");
        }
    }

    /// Moves the content of the log into the database and empties the log, after a write failed. On a full disk nothing
    /// can be appended to the log, while most of its pages have their place in the database already; without this it
    /// would stay full although its content is needed no more.
    pub(super) fn reclaim(&mut self, connection: &mut Connection) {
        if self.reclaimed_at.is_some_and(|at| at.elapsed() < RECLAIM_INTERVAL) {
            return;
        }
        self.reclaimed_at = Some(Instant::now());
        match with_short_waits(connection, "PRAGMA wal_checkpoint(TRUNCATE)") {
            Ok((false, _)) => tracing::info!("a write failed, so the write-ahead log was emptied to free its space"),
            Ok((true, _)) => {
                tracing::info!("a write failed, and the write-ahead log can't be emptied while it is read")
            }
            Err(error) => tracing::warn!(%error, "a write failed, and the write-ahead log could not be emptied"),
        }
    }

    fn restart_wal(&mut self, connection: &mut Connection) -> rusqlite::Result<()> {
        let (_, pages) = checkpoint(connection, "PRAGMA wal_checkpoint(NOOP)")?;
        if pages < MAX_PAGES {
            self.restart_above = MAX_PAGES;
        }
        if pages < self.restart_above {
            return Ok(());
        }
        let (busy, pages) = with_short_waits(connection, "PRAGMA wal_checkpoint(RESTART)")?;
        // If a cut did not help, somebody else uses the log, and streams that were opened since are not the cause.
        self.has_just_cut = busy && pages > MAX_STREAMED_PAGES && !self.has_just_cut && self.streams.cut();
        if self.has_just_cut {
            tracing::warn!("open streams were ended: the write-ahead log that they hold back has {pages} pages");
        }
        self.restart_above = match busy {
            false => MAX_PAGES,
            // The next check restarts the log, unless somebody else uses it too.
            true if self.has_just_cut => pages,
            true => pages + RETRY_PAGES,
        };
        Ok(())
    }
}

/// Runs a checkpoint that waits only for a moment for readers, as [`checkpoint`].
fn with_short_waits(connection: &mut Connection, statement: &str) -> rusqlite::Result<(bool, i64)> {
    connection.busy_handler(Some(wait_for_lock_up_to::<MAX_WAITS>))?;
    let outcome = checkpoint(connection, statement);
    connection.busy_handler(Some(wait_for_lock))?;
    outcome
}

/// Runs a checkpoint. Returns whether readers or writers blocked it, and the size of the log in pages.
pub(super) fn checkpoint(connection: &Connection, statement: &str) -> rusqlite::Result<(bool, i64)> {
    connection.prepare_cached(statement)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    };

    use kernel::{RecordStream as _, StoreError};

    use super::{
        super::{
            connection::{open_or_create_writer, open_reader},
            database_files::DatabaseFiles,
            stream::Streams,
        },
        *,
    };
    use crate::engine::{RowReader, Sql, streams::StreamedQuery};

    /// Writes 1 MB per transaction, as the writer does.
    fn write(connection: &mut Connection, limiter: &mut WalLimiter, transactions: u32) {
        for _ in 0..transactions {
            connection.execute("INSERT INTO items (bytes) VALUES (zeroblob(1000000))", []).unwrap();
            connection.execute("DELETE FROM items", []).unwrap();
            limiter.enforce(connection);
        }
    }

    #[test]
    fn the_log_stays_bounded_under_uninterrupted_reads() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("busy.db");
        let mut writing = open_or_create_writer(&path).unwrap();
        writing.execute_batch("CREATE TABLE items (bytes blob)").unwrap();
        let stopped = &AtomicBool::new(false);
        // Two readers, one of which begins before the other ends.
        let [one, other] = [(); 2].map(|()| open_reader(&path).unwrap());
        // Each reads for some milliseconds, during which there are many commits.
        let begin_read = |reader: &Connection| {
            reader.execute_batch("BEGIN").unwrap();
            let query = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) \
                           SELECT (SELECT count(*) FROM items) + count(*) FROM n";
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
            write(&mut writing, &mut WalLimiter::new(StreamCutter::default()), 320);
            stopped.store(true, Ordering::Relaxed);
        });
        let length = std::fs::metadata(folder.path().join("busy.db-wal")).unwrap().len();
        assert!(length < 128 * 1024 * 1024, "the log has {length} bytes");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_stream_that_holds_back_a_large_log_is_cut_and_the_log_is_restarted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("streamed.db");
        let mut writing = open_or_create_writer(&path).unwrap();
        writing.execute_batch("CREATE TABLE items (bytes blob)").unwrap();
        let streams = Streams::new(Arc::new(DatabaseFiles::identify(&path).unwrap()));
        let endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
        let query = |text: &str| StreamedQuery {
            sql: Arc::new(Sql::from_text(text)),
            values: Vec::new(),
            read: |cells: &mut RowReader<'_>| cells.int(),
        };
        // One whose client reads nothing more, and one that finds nothing.
        let mut stalled = streams.open(query(endless)).await.unwrap();
        stalled.next().await.unwrap();
        let mut searching = streams.open(query(&format!("{endless} WHERE i < 0"))).await.unwrap();
        let mut limiter = WalLimiter::new(streams.cutter());
        let file = folder.path().join("streamed.db-wal");
        let mut largest = 0;
        for _ in 0..40 {
            tokio::task::block_in_place(|| write(&mut writing, &mut limiter, 16));
            largest = largest.max(std::fs::metadata(&file).unwrap().len());
        }
        assert!(largest < 400 * 1024 * 1024, "the log has {largest} bytes");
        for stream in [&mut stalled, &mut searching] {
            let error = loop {
                match stream.next().await {
                    Ok(batch) => assert!(batch.is_some(), "a stream that was cut must not end like a complete one"),
                    Err(error) => break error,
                }
            };
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            assert!(
                matches!(error, StoreError::Unavailable(_)) && cause.contains("read it faster"),
                "{error}: {cause}"
            );
        }
        let mut later = streams.open(query(endless)).await.unwrap();
        assert!(later.next().await.unwrap().is_some(), "a later stream is not affected");
        drop(later);
        streams.close().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_stream_that_is_opened_while_another_reader_holds_back_a_large_log_is_not_cut_at_the_next_check() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backup.db");
        let mut writing = open_or_create_writer(&path).unwrap();
        writing.execute_batch("CREATE TABLE items (bytes blob)").unwrap();
        let backup = open_reader(&path).unwrap();
        backup.execute_batch("BEGIN").unwrap();
        let _: i64 = backup.query_row("SELECT count(*) FROM items", [], |row| row.get(0)).unwrap();
        let streams = Streams::new(Arc::new(DatabaseFiles::identify(&path).unwrap()));
        let endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
        let query = || StreamedQuery {
            sql: Arc::new(Sql::from_text(endless)),
            values: Vec::new(),
            read: |cells: &mut RowReader<'_>| cells.int(),
        };
        let mut limiter = WalLimiter::new(streams.cutter());
        let mut cut = streams.open(query()).await.unwrap();
        while !limiter.has_just_cut {
            tokio::task::block_in_place(|| write(&mut writing, &mut limiter, 16));
        }
        while cut.next().await.is_ok() {}
        let mut later = streams.open(query()).await.unwrap();
        for _ in 0..4 * TRANSACTIONS_PER_CHECK {
            writing.execute("INSERT INTO items (bytes) VALUES (zeroblob(1))", []).unwrap();
            tokio::task::block_in_place(|| limiter.enforce(&mut writing));
        }
        for _ in 0..100 {
            assert!(later.next().await.unwrap().is_some());
        }
        drop((later, backup));
        streams.close().await;
    }

    #[test]
    fn the_writer_does_not_wait_for_a_long_read_after_every_check() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long.db");
        let mut writing = open_or_create_writer(&path).unwrap();
        writing.execute_batch("CREATE TABLE items (bytes blob)").unwrap();
        let reading = open_reader(&path).unwrap();
        reading.execute_batch("BEGIN").unwrap();
        let _: i64 = reading.query_row("SELECT count(*) FROM items", [], |row| row.get(0)).unwrap();
        let mut limiter = WalLimiter::new(StreamCutter::default());
        write(&mut writing, &mut limiter, 80);
        assert!(
            limiter.restart_above >= MAX_PAGES + RETRY_PAGES,
            "the next attempt must wait for the log to grow: {}",
            limiter.restart_above
        );
        drop(reading);
        write(&mut writing, &mut limiter, 80);
        assert_eq!(limiter.restart_above, MAX_PAGES);
    }
}
