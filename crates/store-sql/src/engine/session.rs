//! A connection for the length of one piece of work.

use std::sync::{Mutex, MutexGuard, PoisonError};

use kernel::StoreError;

use super::{Bulk, Cells, Sql, Value, corrupt, failure::of_sqlite, postgres::PostgresSession};

/// Runs statements on one connection. On SQLite nothing here ever waits: it is the thread that does. On PostgreSQL a
/// statement is on its way when it is first polled, in the order of those polls.
pub(crate) enum Session {
    Postgres(PostgresSession),
    Sqlite(SqliteSession),
}

/// A connection that is used by one piece of work at a time; the lock, which is never waited for, lets it be lent to
/// several of its futures.
pub(crate) struct SqliteSession(Mutex<rusqlite::Connection>);

impl SqliteSession {
    pub(super) fn connection(&self) -> MutexGuard<'_, rusqlite::Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    pub(super) fn on_sqlite(connection: rusqlite::Connection) -> Self {
        Self::Sqlite(SqliteSession(Mutex::new(connection)))
    }

    /// Runs a statement. Says how many rows it touched.
    pub(crate) async fn execute(&self, sql: &Sql, values: &[Value<'_>]) -> Result<u64, StoreError> {
        match self {
            Self::Postgres(session) => session.execute(sql, values).await,
            Self::Sqlite(session) => {
                let connection = session.connection();
                let mut statement = connection.prepare_cached(&sql.sqlite).map_err(of_sqlite)?;
                let touched = statement.execute(rusqlite::params_from_iter(values)).map_err(of_sqlite)?;
                Ok(touched as u64)
            }
        }
    }

    /// Runs a query and visits its rows.
    pub(crate) async fn visit(
        &self,
        sql: &Sql,
        values: &[Value<'_>],
        mut visit: impl FnMut(&mut Cells<'_>) -> Result<(), StoreError> + Send,
    ) -> Result<(), StoreError> {
        match self {
            Self::Postgres(session) => session.visit(sql, values, visit).await,
            Self::Sqlite(session) => {
                let connection = session.connection();
                for text in sql.sqlite_first.iter().chain([&sql.sqlite]) {
                    let mut statement = connection.prepare_cached(text).map_err(of_sqlite)?;
                    // Of several statements not each has a place for every value.
                    let bound = values.iter().take(statement.parameter_count());
                    let mut rows = statement.query(rusqlite::params_from_iter(bound)).map_err(of_sqlite)?;
                    while let Some(row) = rows.next().map_err(of_sqlite)? {
                        visit(&mut Cells::of_sqlite(row))?;
                    }
                }
                Ok(())
            }
        }
    }

    /// Runs a query and reads its rows.
    pub(crate) async fn fetch<T: Send>(
        &self,
        sql: &Sql,
        values: &[Value<'_>],
        read: impl Fn(&mut Cells<'_>) -> Result<T, StoreError> + Send,
    ) -> Result<Vec<T>, StoreError> {
        let mut answer = Vec::new();
        let rows = &mut answer;
        let visit = move |cells: &mut Cells<'_>| {
            rows.push(read(cells)?);
            Ok(())
        };
        self.visit(sql, values, visit).await?;
        Ok(answer)
    }

    /// Runs a query and reads its one row, if it has one.
    pub(crate) async fn fetch_one<T: Send>(
        &self,
        sql: &Sql,
        values: &[Value<'_>],
        read: impl Fn(&mut Cells<'_>) -> Result<T, StoreError> + Send,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.fetch(sql, values, read).await?.pop())
    }

    /// Stores rows. Answers with the place of the first that was left out, if one was: the transaction is then to fail,
    /// since on PostgreSQL the others were stored.
    pub(crate) async fn store(&self, bulk: &Bulk, rows: &[Vec<Value<'_>>]) -> Result<Option<usize>, StoreError> {
        match self {
            Self::Postgres(session) => session.store(bulk, rows).await,
            Self::Sqlite(_) => Ok(self.store_some(bulk, rows).await?.first().copied()),
        }
    }

    /// Stores those of the rows that nothing stands in the way of, and answers with the places of the others. Not for rows
    /// whose key changes.
    pub(crate) async fn store_some(&self, bulk: &Bulk, rows: &[Vec<Value<'_>>]) -> Result<Vec<usize>, StoreError> {
        match self {
            Self::Postgres(session) => session.store_some(bulk, rows).await,
            Self::Sqlite(session) => {
                let connection = session.connection();
                let mut statement = connection.prepare_cached(&bulk.sqlite).map_err(of_sqlite)?;
                let then = bulk.sqlite_then.as_ref().map(|then| connection.prepare_cached(then));
                let mut then = then.transpose().map_err(of_sqlite)?;
                let mut left_out = Vec::new();
                for (place, row) in rows.iter().enumerate() {
                    if statement.execute(rusqlite::params_from_iter(row)).map_err(of_sqlite)? == 0 {
                        left_out.push(place);
                    } else if let Some(then) = &mut then {
                        let bound = row.iter().take(then.parameter_count());
                        then.execute(rusqlite::params_from_iter(bound)).map_err(of_sqlite)?;
                    }
                }
                Ok(left_out)
            }
        }
    }

    /// Runs a statement for each of the rows. Says how many it touched.
    pub(crate) async fn execute_each(&self, bulk: &Bulk, rows: &[Vec<Value<'_>>]) -> Result<u64, StoreError> {
        match self {
            Self::Postgres(session) => session.execute_each(bulk, rows).await,
            Self::Sqlite(_) => Ok((rows.len() - self.store_some(bulk, rows).await?.len()) as u64),
        }
    }

    /// Runs a query for each of the rows and reads what they find, in whichever order.
    pub(crate) async fn fetch_each<T: Send>(
        &self,
        bulk: &Bulk,
        rows: &[Vec<Value<'_>>],
        read: impl Fn(&mut Cells<'_>) -> Result<T, StoreError> + Send,
    ) -> Result<Vec<T>, StoreError> {
        let mut answer = Vec::new();
        match self {
            Self::Postgres(session) => {
                let visit = |cells: &mut Cells<'_>| {
                    answer.push(read(cells)?);
                    Ok(())
                };
                session.visit_each(bulk, rows, visit).await?;
            }
            Self::Sqlite(session) => {
                let connection = session.connection();
                let mut statement = connection.prepare_cached(&bulk.sqlite).map_err(of_sqlite)?;
                for row in rows {
                    let mut found = statement.query(rusqlite::params_from_iter(row)).map_err(of_sqlite)?;
                    while let Some(row) = found.next().map_err(of_sqlite)? {
                        answer.push(read(&mut Cells::of_sqlite(row))?);
                    }
                }
            }
        }
        Ok(answer)
    }

    /// Runs statements as they stand, in this engine's dialect: for migrations.
    pub(crate) async fn run_script(&self, script: &Script) -> Result<(), StoreError> {
        match self {
            Self::Postgres(session) => session.run(script.postgres).await,
            Self::Sqlite(session) => session.connection().execute_batch(script.sqlite).map_err(of_sqlite),
        }
    }

    /// The one of the statements that is this engine's.
    pub(crate) fn dialect(&self, script: &Script) -> &'static str {
        match self {
            Self::Postgres(_) => script.postgres,
            Self::Sqlite(_) => script.sqlite,
        }
    }

    /// Whether there is a table with this name.
    pub(crate) async fn has_table(&self, name: &str) -> Result<bool, StoreError> {
        let catalogue = match self {
            Self::Postgres(_) => {
                "SELECT 1::bigint FROM pg_tables WHERE schemaname = current_schema() AND tablename = ?"
            }
            Self::Sqlite(_) => "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?",
        };
        Ok(self.fetch_one(&Sql::fixed(catalogue), &[Value::text(name)], |cells| cells.int()).await?.is_some())
    }

    /// Makes the table of migrations where there is none, and sees to it that the same work in another process waits until
    /// this transaction ends: for its rows, or where there was no table for the table. How long it takes does not matter.
    pub(crate) async fn lock_schema(&self, ledger: &Script) -> Result<(), StoreError> {
        match self {
            Self::Postgres(session) => {
                session.run("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0").await?;
                session.run(ledger.postgres).await?;
                session.run("SELECT 1 FROM schema_migrations ORDER BY version FOR UPDATE").await?;
                // While a statement of the schema waits for a lock, everybody waits behind it.
                session.run("SET LOCAL lock_timeout = '5s'").await
            }
            Self::Sqlite(session) => session.connection().execute_batch(ledger.sqlite).map_err(of_sqlite),
        }
    }
}

/// Statements written by hand for each engine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Script {
    pub(crate) postgres: &'static str,
    pub(crate) sqlite: &'static str,
}

/// Drives work on a thread of SQLite's, where no statement ever waits.
pub(super) fn drive<T, E: From<StoreError>>(work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    futures_util::FutureExt::now_or_never(work)
        .unwrap_or_else(|| Err(corrupt("work on the database waited for something else").into()))
}
