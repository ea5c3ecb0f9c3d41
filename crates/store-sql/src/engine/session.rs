//! The statements of a session, whichever engine it is on.

use kernel::StoreError;

use super::{BatchStatement, RowReader, Session, Sql, Step, Value, pipeline, script};

impl Session {
    /// Runs a statement. Returns the number of affected rows.
    pub(crate) async fn execute(&self, sql: &Sql, values: &[Value<'_>]) -> Result<u64, StoreError> {
        match self {
            Self::Postgres(session) => session.execute(sql, values).await,
            Self::Sqlite(session) => session.execute(sql, values),
        }
    }

    /// Runs a query and calls `visit` for each row.
    pub(crate) async fn visit(
        &self,
        sql: &Sql,
        values: &[Value<'_>],
        visit: impl FnMut(&mut RowReader<'_>) -> Result<(), StoreError> + Send,
    ) -> Result<(), StoreError> {
        match self {
            Self::Postgres(session) => session.visit(sql, values, visit).await,
            Self::Sqlite(session) => session.visit(sql, values, visit),
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
            Self::Sqlite(session) => session.store_reporting_rejected(bulk, rows),
        }
    }

    /// Inserts those of the rows that do not conflict, with [`BatchStatement::insert_ignore`]. Returns how many were
    /// inserted.
    pub(crate) async fn insert_each(&self, bulk: &BatchStatement, rows: &[Vec<Value<'_>>]) -> Result<u64, StoreError> {
        match self {
            Self::Postgres(session) => session.insert_each(bulk, rows).await,
            Self::Sqlite(_) => self.execute_each(bulk, rows).await,
        }
    }

    /// Runs a statement for each of the rows. Returns the number of affected rows, which must not be used for inserts:
    /// a distributed database counts the rows that conflict, too.
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
        let visit = |cells: &mut RowReader<'_>| {
            rows_read.push(read(cells)?);
            Ok(())
        };
        match self {
            Self::Postgres(session) => session.visit_each(bulk, rows, visit).await?,
            Self::Sqlite(session) => session.visit_each(bulk, rows, visit)?,
        }
        Ok(rows_read)
    }

    /// Runs a query for each of the rows, all in one pipeline, and returns the rows found, in the order of the rows.
    /// It is for queries that read the first few of many rows of one organization: one statement for several
    /// organizations would have to read all of them, or to run one query inside another, which distributed databases
    /// do not support.
    pub(crate) async fn fetch_pipelined<T: Send>(
        &self,
        sql: &Sql,
        rows: &[Vec<Value<'_>>],
        read: impl Fn(&mut RowReader<'_>) -> Result<T, StoreError> + Send + Sync,
    ) -> Result<Vec<T>, StoreError> {
        let mut found: Vec<Vec<T>> = rows.iter().map(|_| Vec::new()).collect();
        let read = &read;
        let mut steps: Vec<Step<'_, StoreError>> = Vec::with_capacity(rows.len());
        for (row, found) in rows.iter().zip(&mut found) {
            steps.push(Box::pin(async move {
                *found = self.fetch(sql, row, read).await?;
                Ok(())
            }));
        }
        pipeline(steps).await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Runs statements without parameters, in this engine's dialect: for migrations. On PostgreSQL they are sent one by
    /// one, since distributed databases refuse several in one query.
    pub(crate) async fn run_script(&self, script: &Script) -> Result<(), StoreError> {
        match self {
            Self::Postgres(session) => {
                for statement in script::statements(script.postgres) {
                    session.run_script(&statement).await?;
                }
                Ok(())
            }
            Self::Sqlite(session) => session.run_script(script.sqlite),
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
                session.wait_forever();
                session.run_script("SET LOCAL statement_timeout = 0").await?;
                session.run_script("SET LOCAL lock_timeout = 0").await?;
                session.run_script(ledger.postgres).await?;
                session.run_script("SELECT 1 FROM schema_migrations ORDER BY version FOR UPDATE").await?;
                // While a schema change waits for a lock, all other statements on the table queue behind it.
                session.run_script("SET LOCAL lock_timeout = '5s'").await
            }
            Self::Sqlite(session) => session.run_script(ledger.sqlite),
        }
    }
}

/// Statements written by hand in the dialect of each engine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Script {
    pub(crate) postgres: &'static str,
    pub(crate) sqlite: &'static str,
}
