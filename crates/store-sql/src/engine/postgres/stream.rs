//! Streams: each on a connection of its own, in one read-only transaction.

use std::pin::Pin;

use futures_util::TryStreamExt as _;
use kernel::StoreError;
use tokio_postgres::{Error, Row, RowStream};

use super::{backoff::Attempts, connection::Connection, dial::Dial, parameters::of_row};
use crate::engine::{
    Cells,
    failure::{of_postgres, trouble},
    streams::{BATCH, Giving, StreamedQuery, Taking, hand_over, unwanted},
};

/// What is asked for is mostly most of a table, but in an order that an index has: nothing is to be sorted. How long it may
/// take is for whoever asked to say.
const BEGIN: &str = "BEGIN READ ONLY ISOLATION LEVEL REPEATABLE READ; \
                     SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; \
                     SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL statement_timeout = 0; \
                     SELECT 1";

/// Begins a stream. Its snapshot is taken when this returns.
pub(super) async fn open<T: Send + 'static>(
    dial: &Dial,
    query: StreamedQuery<T>,
    held: impl Send + 'static,
) -> Result<Taking<T>, StoreError> {
    let mut attempts = Attempts::default();
    let (mut scan, first) = loop {
        let connection = dial.connect().await?;
        match Scan::begin(connection, &query).await {
            Ok(begun) => break begun,
            // Nobody has seen any of it yet.
            Err(error) if trouble(&error).passes() && attempts.again().await => {}
            Err(error) => return Err(of_postgres(error)),
        }
    };
    let (giving, taking) = hand_over();
    tokio::spawn(async move {
        let outcome = tokio::select! {
            outcome = scan.run(first, &query, &giving) => outcome,
            () = giving.unwanted() => Err(unwanted()),
        };
        drop(scan);
        drop(held);
        giving.end(outcome).await;
    });
    Ok(taking)
}

/// A query whose rows come in.
struct Scan {
    rows: Pin<Box<RowStream>>,
    _connection: Own,
}

/// A connection that is cut when it is let go of: the server may have more rows on their way that nobody wants.
struct Own(Connection);

impl Drop for Own {
    fn drop(&mut self) {
        self.0.cut();
    }
}

impl Scan {
    /// Begins, and gets the first row, where there is one.
    async fn begin<T>(connection: Connection, query: &StreamedQuery<T>) -> Result<(Self, Option<Row>), Error> {
        let connection = Own(connection);
        connection.0.run(BEGIN).await?;
        let statement = connection.0.prepared(&query.sql.postgres).await?;
        let rows = Box::pin(connection.0.query(&statement, &of_row(&query.values)).await?);
        let mut scan = Self { rows, _connection: connection };
        let first = scan.rows.try_next().await?;
        Ok((scan, first))
    }

    /// Takes no more from the server than is taken from it: what is not read yet keeps the server from going on.
    async fn run<T>(
        &mut self,
        first: Option<Row>,
        query: &StreamedQuery<T>,
        giving: &Giving<T>,
    ) -> Result<(), StoreError> {
        let mut batch = Vec::with_capacity(BATCH);
        let mut next = first;
        while let Some(row) = next {
            batch.push((query.read)(&mut Cells::of_postgres(&row))?);
            if batch.len() == BATCH {
                giving.give(std::mem::replace(&mut batch, Vec::with_capacity(BATCH))).await?;
            }
            next = self.rows.try_next().await.map_err(of_postgres)?;
        }
        if batch.is_empty() { Ok(()) } else { giving.give(batch).await }
    }
}
