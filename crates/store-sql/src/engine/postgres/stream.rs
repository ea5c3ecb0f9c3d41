//! Streams, each on a connection of its own in one read-only transaction.

use std::{pin::Pin, time::Duration};

use futures_util::TryStreamExt as _;
use kernel::StoreError;
use tokio::time::timeout;
use tokio_postgres::{Error, Row, RowStream};

use super::{backoff::Attempts, connection::Connection, connector::Connector, parameters::row_parameters};
use crate::engine::{
    RowReader,
    failure::{classify, from_postgres},
    streams::{BatchReceiver, BatchSender, RowBatch, StreamedQuery, abandoned, channel},
};

/// Begins the transaction of a stream. A stream usually reads most of a table in the order of an index and must not
/// sort it, hence the planner settings. It has no statement timeout: the caller decides how long it may take.
const BEGIN: &str = "BEGIN READ ONLY ISOLATION LEVEL REPEATABLE READ; \
                     SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; \
                     SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL statement_timeout = 0; \
                     SELECT 1";

/// The maximum time to wait for a row: far longer than reading on in an index to the next one takes.
const MAX_ROW_WAIT: Duration = Duration::from_secs(5 * 60);

/// Opens a stream. Its snapshot is taken before this returns.
pub(super) async fn open<T: Send + 'static>(
    connector: &Connector,
    query: StreamedQuery<T>,
    permit: impl Send + 'static,
) -> Result<BatchReceiver<T>, StoreError> {
    let mut attempts = Attempts::default();
    let (mut scan, first) = loop {
        let connection = connector.connect().await?;
        match Scan::start(connection, &query).await {
            Ok(started) => break started,
            // No row has been delivered yet, so it can be retried.
            Err(error) if classify(&error).is_transient() && attempts.wait_for_retry().await => {}
            Err(error) => return Err(from_postgres(error)),
        }
    };
    let (sender, receiver) = channel();
    tokio::spawn(async move {
        let outcome = tokio::select! {
            outcome = scan.run(first, &query, &sender) => outcome,
            () = sender.closed() => Err(abandoned()),
        };
        drop(scan);
        drop(permit);
        sender.finish(outcome).await;
    });
    Ok(receiver)
}

/// A query in progress.
struct Scan {
    rows: Pin<Box<RowStream>>,
    connection: AbortOnDrop,
}

/// A connection that is aborted when it is dropped, since the server may still be sending rows.
struct AbortOnDrop(Connection);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Scan {
    /// Starts the query and waits for the first row, if there is one.
    async fn start<T>(connection: Connection, query: &StreamedQuery<T>) -> Result<(Self, Option<Row>), Error> {
        let connection = AbortOnDrop(connection);
        let server = &connection.0;
        server.answered(server.run_script(BEGIN)).await?;
        let statement = server.answered(server.prepare_cached(&query.sql.postgres)).await?;
        let values = row_parameters(&query.values);
        let rows = Box::pin(server.answered(server.query(&statement, &values)).await?);
        let mut scan = Self { rows, connection };
        let first = scan.next().await?;
        Ok((scan, first))
    }

    /// Waits for the next row. A server that sends none for too long is gone.
    async fn next(&mut self) -> Result<Option<Row>, Error> {
        match timeout(MAX_ROW_WAIT, self.rows.try_next()).await {
            Ok(row) => row,
            Err(_) => {
                self.connection.0.abort();
                self.rows.try_next().await
            }
        }
    }

    /// Sends all rows to the receiver. It reads from the server only as fast as the receiver reads, which applies
    /// back-pressure to the server.
    async fn run<T>(
        &mut self,
        first: Option<Row>,
        query: &StreamedQuery<T>,
        sender: &BatchSender<T>,
    ) -> Result<(), StoreError> {
        let mut batch = RowBatch::new();
        let mut next = first;
        while let Some(row) = next {
            if let Some(full) = batch.push(RowReader::from_postgres(&row), query.read)? {
                sender.send(full).await?;
            }
            next = self.next().await.map_err(from_postgres)?;
        }
        match batch.finish() {
            Some(last) => sender.send(last).await,
            None => Ok(()),
        }
    }
}
