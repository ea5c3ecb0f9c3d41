//! A database session: a connection for the duration of one job.

use std::sync::{Mutex, MutexGuard, PoisonError};

use kernel::StoreError;

use super::{BatchStatement, RowReader, Sql, Value, corrupt, failure::from_sqlite, postgres::PostgresSession};

/// Runs statements on one connection. On SQLite no method ever yields: it blocks the thread instead. On PostgreSQL a
/// statement is sent when it is first polled, and statements are sent in the order of their first polls.
pub(crate) enum Session {
    Postgres(PostgresSession),
    Sqlite(SqliteSession),
}

/// A SQLite connection, used by one job at a time. The mutex is never contended; it lets several futures of the job
/// share the connection.
pub(crate) struct SqliteSession(Mutex<rusqlite::Connection>);

impl SqliteSession {
    pub(super) fn connection(&self) -> MutexGuard<'_, rusqlite::Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    pub(super) fn from_sqlite(connection: rusqlite::Connection) -> Self {
        Self::Sqlite(SqliteSession(Mutex::new(connection)))
    }

    /// Runs a statement. Returns the number of affected rows.
    pub(crate) async fn execute(&self, sql: &Sql, values: &[Value<'_>]) -> Result<u64, StoreError> {
        match self {
            Self::Postgres(session) => session.execute(sql, values).await,
            Self::Sqlite(session) => {
                let connection = session.connection();
                let mut statement = connection.prepare_cached(&sql.sqlite).map_err(from_sqlite)?;
                let affected = statement.execute(rusqlite::params_from_iter(values)).map_err(from_sqlite)?;
                Ok(affected as u64)
            }
        }
    }

    /// Runs a query and calls `visit` for each row.
    pub(crate) async fn visit(
        &self,
        sql: &Sql,
        values: &[Value<'_>],
        mut visit: impl FnMut(&mut RowReader<'_>) -> Result<(), StoreError> + Send,
    ) -> Result<(), StoreError> {
        match self {
            Self::Postgres(session) => session.visit(sql, values, visit).await,
            Self::Sqlite(session) => {
                let connection = session.connection();
                for text in sql.sqlite_prelude.iter().chain([&sql.sqlite]) {
                    let mut statement = connection.prepare_cached(text).map_err(from_sqlite)?;
                    // With several statements, each may have placeholders for only the first of the values.
                    let bound = values.iter().take(statement.parameter_count());
                    let mut rows = statement.query(rusqlite::params_from_iter(bound)).map_err(from_sqlite)?;
                    while let Some(row) = rows.next().map_err(from_sqlite)? {
                        visit(&mut RowReader::from_sqlite(row))?;
                    }
                }
                Ok(())
            }
        }
    }

    /// Runs a query and returns its rows.
    pub(crate) async fn fetch<T: Send>(
        &self,
        sql: &Sql,
        values: &[Value<'_>],
        read: impl Fn(&mut RowReader<'_>) -> Result<T, StoreError> + Send,
    ) -> Result<Vec<T>, StoreError> {
        let mut rows_read = Vec::new();
        let rows = &mut rows_read;
        let visit = move |cells: &mut RowReader<'_>| {
            rows.push(read(cells)?);
            Ok(())
        };
        self.visit(sql, values, visit).await?;
        Ok(rows_read)
    }

    /// Runs a query and returns its row, if it has one.
    pub(crate) async fn fetch_one<T: Send>(
        &self,
        sql: &Sql,
        values: &[Value<'_>],
        read: impl Fn(&mut RowReader<'_>) -> Result<T, StoreError> + Send,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.fetch(sql, values, read).await?.pop())
    }

    /// Stores rows. Returns the index of the first row that was rejected, if one was. The caller must then fail the
    /// transaction, since on PostgreSQL the other rows were stored.
    pub(crate) async fn store_all(
        &self,
        bulk: &BatchStatement,
        rows: &[Vec<Value<'_>>],
    ) -> Result<Option<usize>, StoreError> {
        match self {
            Self::Postgres(session) => session.store_all(bulk, rows).await,
            Self::Sqlite(_) => Ok(self.store_reporting_rejected(bulk, rows).await?.first().copied()),
        }
    }

    /// Stores the rows that do not conflict and returns the indexes of the rejected ones. Must not be used for rows
    /// whose unique key changes.
    pub(crate) async fn store_reporting_rejected(
        &self,
        bulk: &BatchStatement,
        rows: &[Vec<Value<'_>>],
    ) -> Result<Vec<usize>, StoreError> {
        match self {
            Self::Postgres(session) => session.store_reporting_rejected(bulk, rows).await,
            Self::Sqlite(session) => {
                let connection = session.connection();
                let mut statement = connection.prepare_cached(&bulk.sqlite).map_err(from_sqlite)?;
                let then = bulk.sqlite_then.as_ref().map(|then| connection.prepare_cached(then));
                let mut then = then.transpose().map_err(from_sqlite)?;
                let mut rejected = Vec::new();
                for (index, row) in rows.iter().enumerate() {
                    if statement.execute(rusqlite::params_from_iter(row)).map_err(from_sqlite)? == 0 {
                        rejected.push(index);
                    } else if let Some(then) = &mut then {
                        let bound = row.iter().take(then.parameter_count());
                        then.execute(rusqlite::params_from_iter(bound)).map_err(from_sqlite)?;
                    }
                }
                Ok(rejected)
            }
        }
    }

    /// Runs a statement for each of the rows. Returns the number of affected rows.
    pub(crate) async fn execute_each(&self, bulk: &BatchStatement, rows: &[Vec<Value<'_>>]) -> Result<u64, StoreError> {
        match self {
            Self::Postgres(session) => session.execute_each(bulk, rows).await,
            Self::Sqlite(_) => Ok((rows.len() - self.store_reporting_rejected(bulk, rows).await?.len()) as u64),
        }
    }

    /// Runs a query for each of the rows and returns the rows found, in no particular order.
    pub(crate) async fn fetch_each<T: Send>(
        &self,
        bulk: &BatchStatement,
        rows: &[Vec<Value<'_>>],
        read: impl Fn(&mut RowReader<'_>) -> Result<T, StoreError> + Send,
    ) -> Result<Vec<T>, StoreError> {
        let mut rows_read = Vec::new();
        match self {
            Self::Postgres(session) => {
                let visit = |cells: &mut RowReader<'_>| {
                    rows_read.push(read(cells)?);
                    Ok(())
                };
                session.visit_each(bulk, rows, visit).await?;
            }
            Self::Sqlite(session) => {
                let connection = session.connection();
                let mut statement = connection.prepare_cached(&bulk.sqlite).map_err(from_sqlite)?;
                for row in rows {
                    let mut found = statement.query(rusqlite::params_from_iter(row)).map_err(from_sqlite)?;
                    while let Some(row) = found.next().map_err(from_sqlite)? {
                        rows_read.push(read(&mut RowReader::from_sqlite(row))?);
                    }
                }
            }
        }
        Ok(rows_read)
    }

    /// Runs statements without parameters, in this engine's dialect: for migrations.
    pub(crate) async fn run_script(&self, script: &Script) -> Result<(), StoreError> {
        match self {
            Self::Postgres(session) => session.run_script(script.postgres).await,
            Self::Sqlite(session) => session.connection().execute_batch(script.sqlite).map_err(from_sqlite),
        }
    }

    /// The text of a script in this engine's dialect.
    pub(crate) fn dialect(&self, script: &Script) -> &'static str {
        match self {
            Self::Postgres(_) => script.postgres,
            Self::Sqlite(_) => script.sqlite,
        }
    }

    /// Whether a table with this name exists.
    pub(crate) async fn has_table(&self, name: &str) -> Result<bool, StoreError> {
        let catalogue = match self {
            Self::Postgres(_) => {
                "SELECT 1::bigint FROM pg_tables WHERE schemaname = current_schema() AND tablename = ?"
            }
            Self::Sqlite(_) => "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?",
        };
        Ok(self.fetch_one(&Sql::from_text(catalogue), &[Value::text(name)], |cells| cells.int()).await?.is_some())
    }

    /// Creates the table of migrations if it does not exist, and locks it, so that migrations in another process wait
    /// until this transaction ends: for its rows or, if it was created here, for the table. The wait has no timeout.
    pub(crate) async fn lock_schema(&self, ledger: &Script) -> Result<(), StoreError> {
        match self {
            Self::Postgres(session) => {
                session.run_script("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0").await?;
                session.run_script(ledger.postgres).await?;
                session.run_script("SELECT 1 FROM schema_migrations ORDER BY version FOR UPDATE").await?;
                // While a schema change waits for a lock, all other statements on the table queue behind it.
                session.run_script("SET LOCAL lock_timeout = '5s'").await
            }
            Self::Sqlite(session) => session.connection().execute_batch(ledger.sqlite).map_err(from_sqlite),
        }
    }
}

/// Statements written by hand in the dialect of each engine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Script {
    pub(crate) postgres: &'static str,
    pub(crate) sqlite: &'static str,
}

/// Runs a future to completion on a SQLite thread, where no statement ever yields.
pub(super) fn drive<T, E: From<StoreError>>(work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    futures_util::FutureExt::now_or_never(work)
        .unwrap_or_else(|| Err(corrupt("the work on the database awaited something other than the database").into()))
}
