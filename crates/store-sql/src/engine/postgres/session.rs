//! The statements of one job, on a connection that other jobs may use at the same time.

use std::{
    collections::BTreeSet,
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};

use futures_util::TryStreamExt as _;
use kernel::StoreError;
use tokio_postgres::{Error, RowStream, Statement};

use super::{
    connection::Connection,
    parameters::{Parameter, column_arrays, row_parameters},
};
use crate::engine::{
    BatchStatement, RowReader, Sql, Value,
    failure::{FailureClass, classify, from_postgres},
    pipeline::poll_once,
    unavailable,
};

/// A pipeline of statements on a connection. They are sent in the order in which they were first polled, even if one of
/// them must be prepared first.
pub(super) struct Pipeline {
    connection: Arc<Connection>,
    send_lock: tokio::sync::Mutex<()>,
    closed: AtomicBool,
    /// Whether answers may take any time.
    waits_forever: AtomicBool,
}

impl Pipeline {
    pub(super) fn new(connection: Arc<Connection>) -> Self {
        Self {
            connection,
            send_lock: tokio::sync::Mutex::new(()),
            closed: AtomicBool::new(false),
            waits_forever: AtomicBool::new(false),
        }
    }

    /// Rejects further statements.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    async fn answered<T>(&self, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        if self.waits_forever.load(Ordering::Relaxed) { answer.await } else { self.connection.answered(answer).await }
    }

    /// Runs statements without parameters, in order.
    pub(super) async fn run_script(&self, script: &str) -> Result<(), Error> {
        self.send_in_order(async { Ok(()) }, |()| self.connection.run_script(script)).await
    }

    /// Waits until earlier statements are sent, then for `ready`, sends the statement, and lets the next one be sent
    /// before it waits for the answer.
    async fn send_in_order<R, T, F: Future<Output = Result<T, Error>>>(
        &self,
        ready: impl Future<Output = Result<R, Error>>,
        send: impl FnOnce(R) -> F,
    ) -> Result<T, Error> {
        let guard = self.send_lock.lock().await;
        let mut sent = std::pin::pin!(send(self.answered(ready).await?));
        let answer = poll_once(&mut sent).await;
        drop(guard);
        match answer {
            Poll::Ready(answer) => answer,
            Poll::Pending => self.answered(sent).await,
        }
    }

    async fn query(&self, text: &Arc<str>, values: &[Parameter<'_>]) -> Result<RowStream, Error> {
        let send = |statement: Statement| async move { self.connection.query(&statement, values).await };
        self.send_in_order(self.connection.prepare_cached(text), send).await
    }

    async fn execute(&self, text: &Arc<str>, values: &[Parameter<'_>]) -> Result<u64, Error> {
        let send = |statement: Statement| async move { self.connection.execute(&statement, values).await };
        self.send_in_order(self.connection.prepare_cached(text), send).await
    }
}

/// The statements of one job, with their first failure.
pub(crate) struct PostgresSession {
    pipeline: Arc<Pipeline>,
    first_failure: Mutex<Option<FailureClass>>,
}

impl PostgresSession {
    pub(super) fn new(pipeline: Arc<Pipeline>) -> Self {
        Self { pipeline, first_failure: Mutex::new(None) }
    }

    /// The class of the first failure, if any statement failed.
    pub(super) fn first_failure(&self) -> Option<FailureClass> {
        *self.first_failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the following statements take any time, for one that the server has no timeout for either.
    pub(in crate::engine) fn wait_forever(&self) {
        self.pipeline.waits_forever.store(true, Ordering::Relaxed);
    }

    pub(in crate::engine) async fn execute(&self, sql: &Sql, values: &[Value<'_>]) -> Result<u64, StoreError> {
        self.execute_text(&sql.postgres, &row_parameters(values)).await
    }

    pub(in crate::engine) async fn visit(
        &self,
        sql: &Sql,
        values: &[Value<'_>],
        visit: impl FnMut(&mut RowReader<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.visit_text(&sql.postgres, &row_parameters(values), visit).await
    }

    /// Stores rows. Returns the index of the first row that was rejected.
    pub(in crate::engine) async fn store_all(
        &self,
        batch_statement: &BatchStatement,
        rows: &[Vec<Value<'_>>],
    ) -> Result<Option<usize>, StoreError> {
        let rejected = self.store_reporting_rejected(batch_statement, rows).await?;
        if !batch_statement.retries_key_swap || rows.len() == 1 {
            return Ok(rejected.first().copied());
        }
        for index in rejected {
            let row = rows.get(index).map_or(&[][..], Vec::as_slice);
            if self.execute_text(&batch_statement.postgres, &row_parameters(row)).await? == 0 {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    /// Stores all rows in one statement. Returns the indexes of those that were rejected.
    pub(in crate::engine) async fn store_reporting_rejected(
        &self,
        batch_statement: &BatchStatement,
        rows: &[Vec<Value<'_>>],
    ) -> Result<Vec<usize>, StoreError> {
        match rows {
            [] => return Ok(Vec::new()),
            [row] => {
                return Ok(if self.execute_text(&batch_statement.postgres, &row_parameters(row)).await? == 0 {
                    vec![0]
                } else {
                    Vec::new()
                });
            }
            _ => {}
        }
        let mut stored = BTreeSet::new();
        let collect = |cells: &mut RowReader<'_>| {
            stored.insert(cells.text()?.to_owned());
            Ok(())
        };
        self.visit_batch(batch_statement, rows, collect).await?;
        if stored.len() == rows.len() {
            return Ok(Vec::new());
        }
        let is_stored = |row: &[Value<'_>]| row.get(1).and_then(Value::as_text).is_some_and(|id| stored.contains(id));
        Ok(rows.iter().enumerate().filter(|(_, row)| !is_stored(row)).map(|(index, _)| index).collect())
    }

    /// Inserts those of the rows that do not conflict. Returns how many were inserted: the rows that the statement
    /// returns, since a distributed database counts all rows as affected.
    pub(in crate::engine) async fn insert_each(
        &self,
        batch_statement: &BatchStatement,
        rows: &[Vec<Value<'_>>],
    ) -> Result<u64, StoreError> {
        if let [] | [_] = rows {
            return self.execute_each(batch_statement, rows).await;
        }
        let mut inserted = 0;
        let count = |_: &mut RowReader<'_>| {
            inserted += 1;
            Ok(())
        };
        self.visit_batch(batch_statement, rows, count).await?;
        Ok(inserted)
    }

    /// Runs a statement for each of the rows. Returns the number of affected rows.
    pub(in crate::engine) async fn execute_each(
        &self,
        batch_statement: &BatchStatement,
        rows: &[Vec<Value<'_>>],
    ) -> Result<u64, StoreError> {
        match rows {
            [] => Ok(0),
            [row] => self.execute_text(&batch_statement.postgres, &row_parameters(row)).await,
            _ => {
                let arrays = column_arrays(batch_statement, rows);
                let values: Vec<Parameter<'_>> = arrays.iter().map(|array| &**array as Parameter<'_>).collect();
                self.execute_text(&batch_statement.postgres_batch, &values).await
            }
        }
    }

    /// Runs a query for each of the rows and visits the rows it returns.
    pub(in crate::engine) async fn visit_each(
        &self,
        batch_statement: &BatchStatement,
        rows: &[Vec<Value<'_>>],
        visit: impl FnMut(&mut RowReader<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match rows {
            [] => Ok(()),
            [row] => self.visit_text(&batch_statement.postgres, &row_parameters(row), visit).await,
            _ => self.visit_batch(batch_statement, rows, visit).await,
        }
    }

    pub(in crate::engine) async fn run_script(&self, script: &str) -> Result<(), StoreError> {
        self.ensure_open()?;
        let outcome = self.pipeline.run_script(script).await;
        self.record_outcome(None, outcome)
    }

    async fn execute_text(&self, text: &Arc<str>, values: &[Parameter<'_>]) -> Result<u64, StoreError> {
        self.ensure_open()?;
        let outcome = self.pipeline.execute(text, values).await;
        self.record_outcome(Some(text), outcome)
    }

    async fn visit_batch(
        &self,
        batch_statement: &BatchStatement,
        rows: &[Vec<Value<'_>>],
        visit: impl FnMut(&mut RowReader<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let arrays = column_arrays(batch_statement, rows);
        let values: Vec<Parameter<'_>> = arrays.iter().map(|array| &**array as Parameter<'_>).collect();
        self.visit_text(&batch_statement.postgres_batch, &values, visit).await
    }

    async fn visit_text(
        &self,
        text: &Arc<str>,
        values: &[Parameter<'_>],
        mut visit: impl FnMut(&mut RowReader<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.ensure_open()?;
        let rows = self.pipeline.query(text, values).await;
        let mut rows = std::pin::pin!(self.record_outcome(Some(text), rows)?);
        loop {
            let row = self.pipeline.answered(rows.try_next()).await;
            match self.record_outcome(Some(text), row)? {
                Some(row) => visit(&mut RowReader::from_postgres(&row))?,
                None => return Ok(()),
            }
        }
    }

    /// Fails if the pipeline is closed. Jobs that share a transaction must send all their statements on their first
    /// poll: later statements would run after those of the other jobs.
    fn ensure_open(&self) -> Result<(), StoreError> {
        if self.pipeline.closed.load(Ordering::Acquire) {
            self.record_failure(FailureClass::OutOfPipeline);
            return Err(unavailable("a statement was sent after those of the other jobs in its transaction"));
        }
        Ok(())
    }

    fn record_outcome<T>(&self, text: Option<&Arc<str>>, outcome: Result<T, Error>) -> Result<T, StoreError> {
        outcome.map_err(|error| {
            let class = classify(&error);
            self.record_failure(class);
            if let (FailureClass::StalePlan, Some(text)) = (class, text) {
                self.pipeline.connection.evict_prepared(text);
            }
            from_postgres(error)
        })
    }

    /// Records a failure. Statements of a pipeline can see that the transaction was aborted before the statement that
    /// aborted it sees its own failure, which is the one that decides whether to run the work again.
    fn record_failure(&self, class: FailureClass) {
        let mut first = self.first_failure.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*first, None | Some(FailureClass::Aborted)) {
            *first = Some(class);
        }
    }
}
