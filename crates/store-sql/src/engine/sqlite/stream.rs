//! Streams: each on a thread and a connection of its own, in one read transaction.
//!
//! While one is open the log can't be begun anew past its snapshot. So it ends as soon as nobody wants it, also in the
//! middle of a scan that finds nothing; and whoever asked for it sees to it that nobody stalls it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    thread::JoinHandle,
};

use kernel::StoreError;
use rusqlite::{Connection, ErrorCode};
use tokio::{
    runtime::Handle,
    sync::{oneshot, watch},
};

use super::{connection::for_reading, ended, join, spawn};
use crate::engine::{
    Cells, corrupt,
    failure::of_sqlite,
    streams::{BATCH, Giving, Places, StreamedQuery, Taking, hand_over, unwanted},
    unavailable,
};

/// After how many steps of SQLite's machine a scan looks whether it is still wanted: some tenths of a millisecond.
const LOOK: i32 = 10_000;

pub(super) struct Streams {
    path: PathBuf,
    places: Places,
    closed: watch::Sender<bool>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Streams {
    pub(super) fn over(path: &Path) -> Self {
        let closed = watch::Sender::new(false);
        Self { path: path.to_owned(), places: Places::default(), closed, threads: Mutex::default() }
    }

    /// Begins a stream. Its snapshot is taken when this returns.
    pub(super) async fn open<T: Send + 'static>(&self, query: StreamedQuery<T>) -> Result<Taking<T>, StoreError> {
        let place = self.places.take().await?;
        let (giving, taking) = hand_over();
        let (begin, begun) = oneshot::channel();
        let source = Source { closed: self.closed.subscribe(), runtime: Handle::current(), query, giving };
        let path = self.path.clone();
        let thread = spawn("sqlite-stream", move || {
            source.run(&path, begin);
            drop(place);
        })?;
        {
            let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
            threads.retain(|thread| !thread.is_finished());
            threads.push(thread);
        }
        begun.await.unwrap_or_else(|_| Err(unavailable("the stream was lost: it broke off")))?;
        Ok(taking)
    }

    /// Cuts all streams and waits for their ends.
    pub(super) async fn close(&self) {
        self.closed.send_replace(true);
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        ended(move || join(threads)).await;
    }
}

/// What a stream's thread works with.
struct Source<T> {
    closed: watch::Receiver<bool>,
    runtime: Handle,
    query: StreamedQuery<T>,
    giving: Giving<T>,
}

impl<T: Send + 'static> Source<T> {
    fn run(mut self, path: &Path, begin: oneshot::Sender<Result<(), StoreError>>) {
        let connection = match self.snapshot(path) {
            Ok(connection) => connection,
            Err(error) => return drop(begin.send(Err(error))),
        };
        if begin.send(Ok(())).is_err() {
            return;
        }
        let scanned = catch_unwind(AssertUnwindSafe(|| self.scan(&connection)));
        // Before the end is told, so that nothing is held by what is known to have ended.
        drop(connection);
        let outcome = scanned.unwrap_or_else(|_| Err(corrupt("a stream panicked")));
        let Self { giving, mut closed, runtime, .. } = self;
        runtime.block_on(async {
            tokio::select! {
                () = giving.end(outcome) => {}
                _ = closed.wait_for(|closed| *closed) => {}
            }
        });
    }

    /// A connection whose snapshot is taken, and which gives up what is no longer wanted.
    fn snapshot(&self, path: &Path) -> Result<Connection, StoreError> {
        let mut connection = for_reading(path)?;
        let (giving, closed) = (self.giving.clone(), self.closed.clone());
        // Closed where nobody is left who could close it.
        let given_up = move || giving.is_unwanted() || *closed.borrow() || closed.has_changed().is_err();
        connection.progress_handler(LOOK, Some(given_up)).map_err(of_sqlite)?;
        connection.execute_batch("BEGIN").map_err(of_sqlite)?;
        // A transaction has its snapshot from its first look at the file on.
        connection
            .query_row("SELECT count(*) FROM (SELECT 1 FROM sqlite_schema LIMIT 1)", [], |_| Ok(()))
            .map_err(of_sqlite)?;
        Ok(connection)
    }

    fn scan(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let mut statement = connection.prepare(&self.query.sql.sqlite).map_err(of_stream)?;
        let mut rows = statement.query(rusqlite::params_from_iter(&self.query.values)).map_err(of_stream)?;
        let mut batch = Vec::with_capacity(BATCH);
        while let Some(row) = rows.next().map_err(of_stream)? {
            batch.push((self.query.read)(&mut Cells::of_sqlite(row))?);
            if batch.len() == BATCH {
                self.give(std::mem::replace(&mut batch, Vec::with_capacity(BATCH)))?;
            }
        }
        if batch.is_empty() { Ok(()) } else { self.give(batch) }
    }

    /// Waits until the batch before was taken, or nobody wants this one.
    fn give(&mut self, batch: Vec<T>) -> Result<(), StoreError> {
        let Self { giving, closed, runtime, .. } = self;
        runtime.block_on(async {
            tokio::select! {
                given = giving.give(batch) => given,
                _ = closed.wait_for(|closed| *closed) => Err(unwanted()),
            }
        })
    }
}

fn of_stream(error: rusqlite::Error) -> StoreError {
    if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) { unwanted() } else { of_sqlite(error) }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    };

    use kernel::{Batches as _, StoreError};

    use super::*;
    use crate::engine::{Sql, sqlite::connection::for_writing};

    /// How many rows the rows of a stream were looked at for.
    static LOOKED_AT: AtomicU64 = AtomicU64::new(0);

    fn query(text: &str) -> StreamedQuery<i64> {
        let read = |cells: &mut Cells<'_>| cells.int();
        StreamedQuery { sql: Arc::new(Sql::fixed(text)), values: Vec::new(), read }
    }

    const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";

    async fn running(streams: &Streams) -> usize {
        let mut threads = streams.threads.lock().unwrap();
        threads.retain(|thread| !thread.is_finished());
        threads.len()
    }

    async fn ends(streams: &Streams) {
        let ended = async {
            while running(streams).await > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(30), ended).await.expect("a stream goes on");
    }

    fn over_a_file() -> (tempfile::TempDir, Streams) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("streams.db");
        drop(for_writing(&path).unwrap());
        let streams = Streams::over(&path);
        (folder, streams)
    }

    #[tokio::test]
    async fn no_more_rows_are_read_than_somebody_takes() {
        let (_folder, streams) = over_a_file();
        let counted = StreamedQuery {
            read: |cells| {
                LOOKED_AT.fetch_add(1, Ordering::Relaxed);
                cells.int()
            },
            ..query(ENDLESS)
        };
        let mut taking = streams.open(counted).await.unwrap();
        for first in [1, 129, 257] {
            assert_eq!(taking.next().await.unwrap().unwrap()[0], first);
        }
        assert!(LOOKED_AT.load(Ordering::Relaxed) <= 5 * BATCH as u64);
        drop(taking);
        ends(&streams).await;
    }

    #[tokio::test]
    async fn a_scan_that_finds_nothing_ends_when_its_stream_is_dropped() {
        let (_folder, streams) = over_a_file();
        let taking = streams.open(query(&format!("{ENDLESS} WHERE i < 0"))).await.unwrap();
        assert_eq!(running(&streams).await, 1);
        drop(taking);
        ends(&streams).await;
    }

    #[tokio::test]
    async fn closing_cuts_what_is_under_way() {
        let (_folder, streams) = over_a_file();
        let mut scanning = streams.open(query(&format!("{ENDLESS} WHERE i < 0"))).await.unwrap();
        let mut waiting = streams.open(query(ENDLESS)).await.unwrap();
        waiting.next().await.unwrap();
        streams.close().await;
        for taking in [&mut scanning, &mut waiting] {
            let cut = loop {
                match taking.next().await {
                    Ok(batch) => assert!(batch.is_some(), "a stream that was cut ends like a whole one"),
                    Err(error) => break error,
                }
            };
            assert!(matches!(cut, StoreError::Unavailable(_)), "{cut}");
        }
    }

    #[tokio::test]
    async fn a_statement_that_fails_is_told() {
        let (_folder, streams) = over_a_file();
        let mut taking = streams.open(query("SELECT nothing FROM nowhere")).await.unwrap();
        assert!(matches!(taking.next().await, Err(StoreError::Corrupt(_))));
        ends(&streams).await;
    }
}
