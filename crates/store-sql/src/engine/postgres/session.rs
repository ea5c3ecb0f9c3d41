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
    parameters::{Parameter, of_row, of_rows},
};
use crate::engine::{
    Bulk, Cells, Sql, Value,
    failure::{Trouble, of_postgres, trouble},
    in_order::begin,
    unavailable,
};

/// A pipeline of statements on a connection. They are sent in the order in which they were first polled, even if one of
/// them must be prepared first.
pub(super) struct Line {
    connection: Arc<Connection>,
    turn: tokio::sync::Mutex<()>,
    closed: AtomicBool,
}

impl Line {
    pub(super) fn on(connection: Arc<Connection>) -> Self {
        Self { connection, turn: tokio::sync::Mutex::new(()), closed: AtomicBool::new(false) }
    }

    /// Rejects further statements.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// Runs statements without parameters, in order.
    pub(super) async fn run(&self, script: &str) -> Result<(), Error> {
        self.in_turn(async { Ok(()) }, |()| self.connection.run(script)).await
    }

    /// Waits until earlier statements are sent, then for `ready`, sends the statement, and lets the next one be sent
    /// before it waits for the answer.
    async fn in_turn<R, T, F: Future<Output = Result<T, Error>>>(
        &self,
        ready: impl Future<Output = Result<R, Error>>,
        send: impl FnOnce(R) -> F,
    ) -> Result<T, Error> {
        let guard = self.turn.lock().await;
        let mut sent = std::pin::pin!(send(ready.await?));
        let answer = begin(&mut sent).await;
        drop(guard);
        match answer {
            Poll::Ready(answer) => answer,
            Poll::Pending => sent.await,
        }
    }

    async fn query(&self, text: &Arc<str>, values: &[Parameter<'_>]) -> Result<RowStream, Error> {
        let send = |statement: Statement| async move { self.connection.query(&statement, values).await };
        self.in_turn(self.connection.prepared(text), send).await
    }

    async fn execute(&self, text: &Arc<str>, values: &[Parameter<'_>]) -> Result<u64, Error> {
        let send = |statement: Statement| async move { self.connection.execute(&statement, values).await };
        self.in_turn(self.connection.prepared(text), send).await
    }
}

/// The statements of one job, with their first failure.
pub(crate) struct PostgresSession {
    line: Arc<Line>,
    trouble: Mutex<Option<Trouble>>,
}

impl PostgresSession {
    pub(super) fn on(pipeline: Arc<Line>) -> Self {
        Self { line: pipeline, trouble: Mutex::new(None) }
    }

    /// The class of the first failure, if any statement failed.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::engine) async fn execute(&self, sql: &Sql, values: &[Value<'_>]) -> Result<u64, StoreError> {
        self.touch(&sql.postgres, &of_row(values)).await
    }

    pub(in crate::engine) async fn visit(
        &self,
        sql: &Sql,
        values: &[Value<'_>],
        visit: impl FnMut(&mut Cells<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.rows(&sql.postgres, &of_row(values), visit).await
    }

    /// Stores rows. Returns the index of the first row that was rejected.
    pub(in crate::engine) async fn store(
        &self,
        bulk: &Bulk,
        rows: &[Vec<Value<'_>>],
    ) -> Result<Option<usize>, StoreError> {
        let rejected = self.store_some(bulk, rows).await?;
        if !bulk.makes_way || rows.len() == 1 {
            return Ok(rejected.first().copied());
        }
        for index in rejected {
            let row = rows.get(index).map_or(&[][..], Vec::as_slice);
            if self.touch(&bulk.postgres, &of_row(row)).await? == 0 {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    /// Stores all rows in one statement. Returns the indexes of those that were rejected.
    pub(in crate::engine) async fn store_some(
        &self,
        bulk: &Bulk,
        rows: &[Vec<Value<'_>>],
    ) -> Result<Vec<usize>, StoreError> {
        match rows {
            [] => return Ok(Vec::new()),
            [row] => {
                return Ok(if self.touch(&bulk.postgres, &of_row(row)).await? == 0 { vec![0] } else { Vec::new() });
            }
            _ => {}
        }
        let mut stored = BTreeSet::new();
        let collect = |cells: &mut Cells<'_>| {
            stored.insert(cells.text()?.to_owned());
            Ok(())
        };
        self.all_rows(bulk, rows, collect).await?;
        if stored.len() == rows.len() {
            return Ok(Vec::new());
        }
        let is_stored = |row: &[Value<'_>]| row.get(1).and_then(Value::as_text).is_some_and(|id| stored.contains(id));
        Ok(rows.iter().enumerate().filter(|(_, row)| !is_stored(row)).map(|(index, _)| index).collect())
    }

    /// Runs a statement for each of the rows. Returns the number of affected rows.
    pub(in crate::engine) async fn execute_each(
        &self,
        bulk: &Bulk,
        rows: &[Vec<Value<'_>>],
    ) -> Result<u64, StoreError> {
        match rows {
            [] => Ok(0),
            [row] => self.touch(&bulk.postgres, &of_row(row)).await,
            _ => {
                let arrays = of_rows(bulk, rows);
                let values: Vec<Parameter<'_>> = arrays.iter().map(|array| &**array as Parameter<'_>).collect();
                self.touch(&bulk.postgres_rows, &values).await
            }
        }
    }

    /// Runs a query for each of the rows and visits the rows it returns.
    pub(in crate::engine) async fn visit_each(
        &self,
        bulk: &Bulk,
        rows: &[Vec<Value<'_>>],
        visit: impl FnMut(&mut Cells<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match rows {
            [] => Ok(()),
            [row] => self.rows(&bulk.postgres, &of_row(row), visit).await,
            _ => self.all_rows(bulk, rows, visit).await,
        }
    }

    pub(in crate::engine) async fn run(&self, script: &str) -> Result<(), StoreError> {
        self.open()?;
        let outcome = self.line.run(script).await;
        self.noting(None, outcome)
    }

    async fn touch(&self, text: &Arc<str>, values: &[Parameter<'_>]) -> Result<u64, StoreError> {
        self.open()?;
        let outcome = self.line.execute(text, values).await;
        self.noting(Some(text), outcome)
    }

    async fn all_rows(
        &self,
        bulk: &Bulk,
        rows: &[Vec<Value<'_>>],
        visit: impl FnMut(&mut Cells<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let arrays = of_rows(bulk, rows);
        let values: Vec<Parameter<'_>> = arrays.iter().map(|array| &**array as Parameter<'_>).collect();
        self.rows(&bulk.postgres_rows, &values, visit).await
    }

    async fn rows(
        &self,
        text: &Arc<str>,
        values: &[Parameter<'_>],
        mut visit: impl FnMut(&mut Cells<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.open()?;
        let rows = self.line.query(text, values).await;
        let mut rows = std::pin::pin!(self.noting(Some(text), rows)?);
        loop {
            let row = rows.try_next().await;
            match self.noting(Some(text), row)? {
                Some(row) => visit(&mut Cells::of_postgres(&row))?,
                None => return Ok(()),
            }
        }
    }

    /// Fails if the pipeline is closed. Jobs that share a transaction must send all their statements on their first
    /// poll: later statements would run after those of the other jobs.
    fn open(&self) -> Result<(), StoreError> {
        if self.line.closed.load(Ordering::Acquire) {
            self.note(Trouble::Late);
            return Err(unavailable("a statement was sent after those of the other jobs in its transaction"));
        }
        Ok(())
    }

    fn noting<T>(&self, text: Option<&Arc<str>>, outcome: Result<T, Error>) -> Result<T, StoreError> {
        outcome.map_err(|error| {
            let class = trouble(&error);
            self.note(class);
            if let (Trouble::Stale, Some(text)) = (class, text) {
                self.line.connection.forget(text);
            }
            of_postgres(error)
        })
    }

    fn note(&self, class: Trouble) {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(class);
    }
}
