//! Streams, each on a thread and a connection of its own in one read transaction.
//!
//! While a stream is open the write-ahead log can't be restarted past its snapshot. So a stream ends as soon as its
//! receiver is dropped, even in the middle of a scan that finds no rows, and when the log has grown too large, whatever
//! its receiver does.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};

use kernel::StoreError;
use rusqlite::{Connection, ErrorCode};
use tokio::{
    runtime::Handle,
    sync::{oneshot, watch},
};

use super::{connection::open_reader, damage::Damage, database_files::DatabaseFiles, join, run_blocking, spawn};
use crate::engine::{
    RowReader, corrupt,
    streams::{BatchReceiver, BatchSender, RowBatch, StreamPermit, StreamSemaphore, StreamedQuery, abandoned, channel},
    unavailable,
};

/// The number of steps of SQLite's virtual machine between two checks for an abandoned stream: some tenths of a
/// millisecond.
const STEPS_PER_CHECK: i32 = 10_000;

/// Ends the streams that are open, for the sake of the write-ahead log. Streams that are opened later are not affected.
#[derive(Clone, Default)]
pub(super) struct StreamCutter(watch::Sender<()>);

impl StreamCutter {
    /// Ends all open streams. Returns whether there were any.
    pub(super) fn cut(&self) -> bool {
        self.0.send(()).is_ok()
    }
}

pub(super) struct Streams {
    files: Arc<DatabaseFiles>,
    semaphore: StreamSemaphore,
    cutter: StreamCutter,
    closed: watch::Sender<bool>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Streams {
    pub(super) fn new(files: Arc<DatabaseFiles>) -> Self {
        let closed = watch::Sender::new(false);
        let (semaphore, cutter) = (StreamSemaphore::default(), StreamCutter::default());
        Self { files, semaphore, cutter, closed, threads: Mutex::default() }
    }

    pub(super) fn cutter(&self) -> StreamCutter {
        self.cutter.clone()
    }

    /// Opens a stream. Its snapshot is taken before this returns.
    pub(super) async fn open<T: Send + 'static>(
        &self,
        query: StreamedQuery<T>,
    ) -> Result<BatchReceiver<T>, StoreError> {
        let permit = self.semaphore.acquire().await?;
        let (sender, receiver) = channel();
        let (started_sender, started) = oneshot::channel();
        let (cut, closed) = (self.cutter.0.subscribe(), self.closed.subscribe());
        let source = StreamThread { cut, closed, runtime: Handle::current(), query, sender };
        let files = Arc::clone(&self.files);
        let thread = spawn("sqlite-stream", move || {
            source.run(&files, started_sender);
            drop(permit);
        })?;
        {
            let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
            threads.retain(|thread| !thread.is_finished());
            threads.push(thread);
        }
        started.await.unwrap_or_else(|_| Err(unavailable("the stream was aborted before it started")))?;
        Ok(receiver)
    }

    /// Waits for a permit for a stream that is read by other means.
    pub(super) async fn permit(&self) -> Result<StreamPermit, StoreError> {
        self.semaphore.acquire().await
    }

    /// Aborts all streams and waits for their threads to end.
    pub(super) async fn close(&self) {
        self.closed.send_replace(true);
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        run_blocking(move || join(threads)).await;
    }
}

/// The state of a stream's thread.
struct StreamThread<T> {
    /// Changes when the stream must end.
    cut: watch::Receiver<()>,
    closed: watch::Receiver<bool>,
    runtime: Handle,
    query: StreamedQuery<T>,
    sender: BatchSender<T>,
}

impl<T: Send + 'static> StreamThread<T> {
    fn run(mut self, files: &DatabaseFiles, started: oneshot::Sender<Result<(), StoreError>>) {
        let connection = match self.open_snapshot(files) {
            Ok(connection) => connection,
            Err(error) => return drop(started.send(Err(error))),
        };
        if started.send(Ok(())).is_err() {
            return;
        }
        let scanned = catch_unwind(AssertUnwindSafe(|| self.scan(&connection, files.damage())));
        // Dropped before the end is sent, so that a stream that has ended holds no connection.
        drop(connection);
        let outcome = scanned.unwrap_or_else(|_| Err(corrupt("the stream panicked")));
        let Self { sender, cut, mut closed, runtime, .. } = self;
        // Nor can it be cut, whenever its receiver reads the end.
        drop(cut);
        runtime.block_on(async {
            tokio::select! {
                () = sender.finish(outcome) => {}
                _ = closed.wait_for(|closed| *closed) => {}
            }
        });
    }

    /// Opens a connection with a snapshot, whose queries are interrupted when the stream is abandoned.
    fn open_snapshot(&self, files: &DatabaseFiles) -> Result<Connection, StoreError> {
        // Whatever else is at the path now must not be read, nor get a log of its own beside it.
        files.check().map_err(unavailable)?;
        let mut connection = open_reader(files.path())?;
        files.check().map_err(unavailable)?;
        let (sender, cut, closed) = (self.sender.clone(), self.cut.clone(), self.closed.clone());
        // A dropped sender of `closed` counts as closed.
        let is_abandoned =
            move || sender.is_closed() || is_cut(&cut) || *closed.borrow() || closed.has_changed().is_err();
        let store_error = |error| files.damage().store_error(error);
        connection.progress_handler(STEPS_PER_CHECK, Some(is_abandoned)).map_err(store_error)?;
        connection.execute_batch("BEGIN").map_err(store_error)?;
        // A transaction takes its snapshot with its first read.
        connection
            .query_row("SELECT count(*) FROM (SELECT 1 FROM sqlite_schema LIMIT 1)", [], |_| Ok(()))
            .map_err(store_error)?;
        Ok(connection)
    }

    fn scan(&mut self, connection: &Connection, damage: &Damage) -> Result<(), StoreError> {
        let cut = self.cut.clone();
        let stream_error = |error| stream_error(error, &cut, damage);
        let mut statement = connection.prepare(&self.query.sql.sqlite).map_err(stream_error)?;
        let mut rows = statement.query(rusqlite::params_from_iter(&self.query.values)).map_err(stream_error)?;
        let mut batch = RowBatch::new();
        while let Some(row) = rows.next().map_err(stream_error)? {
            if let Some(full) = batch.push(RowReader::from_sqlite(row), self.query.read)? {
                self.send(full)?;
            }
        }
        match batch.finish() {
            Some(last) => self.send(last),
            None => Ok(()),
        }
    }

    /// Sends a batch, waiting until the previous one was received. Fails if the stream is abandoned, cut or closed.
    fn send(&mut self, batch: Vec<T>) -> Result<(), StoreError> {
        let Self { sender, cut, closed, runtime, .. } = self;
        runtime.block_on(async {
            tokio::select! {
                biased;
                Ok(()) = cut.changed() => Err(cut_error()),
                _ = closed.wait_for(|closed| *closed) => Err(abandoned()),
                sent = sender.send(batch) => sent,
            }
        })
    }
}

fn is_cut(cut: &watch::Receiver<()>) -> bool {
    cut.has_changed().unwrap_or(true)
}

fn cut_error() -> StoreError {
    unavailable("the stream was ended because the changes since its snapshot have become too large: read it faster")
}

fn stream_error(error: rusqlite::Error, cut: &watch::Receiver<()>, damage: &Damage) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) if is_cut(cut) => cut_error(),
        Some(ErrorCode::OperationInterrupted) => abandoned(),
        _ => damage.store_error(error),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use kernel::{RecordStream as _, StoreError};

    use super::*;
    use crate::engine::streams::BATCH_ROWS;
    use crate::engine::{Sql, sqlite::connection::open_or_create_writer};

    /// The number of rows that the stream has read.
    static ROWS_READ: AtomicU64 = AtomicU64::new(0);

    fn query(text: &str) -> StreamedQuery<i64> {
        let read = |cells: &mut RowReader<'_>| cells.int();
        StreamedQuery { sql: Arc::new(Sql::from_text(text)), values: Vec::new(), read }
    }

    const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";

    async fn count_running(streams: &Streams) -> usize {
        let mut threads = streams.threads.lock().unwrap();
        threads.retain(|thread| !thread.is_finished());
        threads.len()
    }

    async fn wait_until_ended(streams: &Streams) {
        let ended = async {
            while count_running(streams).await > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(30), ended).await.expect("the stream must end");
    }

    fn open_temporary() -> ((tempfile::TempDir, Connection), Streams) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("streams.db");
        let writer = open_or_create_writer(&path).unwrap();
        let streams = Streams::new(Arc::new(DatabaseFiles::identify(&path).unwrap()));
        ((folder, writer), streams)
    }

    #[tokio::test]
    async fn a_stream_reads_only_a_few_batches_ahead_of_its_receiver() {
        let (_database, streams) = open_temporary();
        let counting = StreamedQuery {
            read: |cells| {
                ROWS_READ.fetch_add(1, Ordering::Relaxed);
                cells.int()
            },
            ..query(ENDLESS)
        };
        let mut receiver = streams.open(counting).await.unwrap();
        for first in [1, 129, 257] {
            assert_eq!(receiver.next().await.unwrap().unwrap()[0], first);
        }
        assert!(ROWS_READ.load(Ordering::Relaxed) <= 5 * BATCH_ROWS as u64);
        drop(receiver);
        wait_until_ended(&streams).await;
    }

    #[tokio::test]
    async fn a_scan_that_finds_nothing_ends_when_its_stream_is_dropped() {
        let (_database, streams) = open_temporary();
        let receiver = streams.open(query(&format!("{ENDLESS} WHERE i < 0"))).await.unwrap();
        assert_eq!(count_running(&streams).await, 1);
        drop(receiver);
        wait_until_ended(&streams).await;
    }

    #[tokio::test]
    async fn a_stream_that_has_read_its_last_row_is_not_cut() {
        let (_database, streams) = open_temporary();
        let mut receiver = streams.open(query("SELECT 1")).await.unwrap();
        let finished = async {
            while streams.cutter.0.receiver_count() > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(30), finished).await.expect("it holds nothing any more");
        assert_eq!(count_running(&streams).await, 1, "its end was not received");
        assert!(!streams.cutter.cut());
        assert_eq!(receiver.next().await.unwrap(), Some(vec![1]));
        assert_eq!(receiver.next().await.unwrap(), None);
    }

    #[tokio::test]
    async fn closing_aborts_open_streams() {
        let (_database, streams) = open_temporary();
        let mut scanning = streams.open(query(&format!("{ENDLESS} WHERE i < 0"))).await.unwrap();
        let mut waiting = streams.open(query(ENDLESS)).await.unwrap();
        waiting.next().await.unwrap();
        streams.close().await;
        for receiver in [&mut scanning, &mut waiting] {
            let error = loop {
                match receiver.next().await {
                    Ok(batch) => assert!(batch.is_some(), "an aborted stream must not end like a complete one"),
                    Err(error) => break error,
                }
            };
            assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
        }
    }

    #[tokio::test]
    async fn the_error_of_a_failed_statement_is_returned() {
        let (_database, streams) = open_temporary();
        let mut receiver = streams.open(query("SELECT nothing FROM nowhere")).await.unwrap();
        assert!(matches!(receiver.next().await, Err(StoreError::Corrupt(_))));
        wait_until_ended(&streams).await;
    }
}
