//! PostgreSQL, through a pool of few connections.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use kernel::StoreError;
use sqlx::{Arguments as _, Row as _, error::BoxDynError};
use sqlx::{
    AssertSqlSafe, Executor as _, PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow},
};

use super::{
    Bulk, Cell, Done, Failure, Given, Session, Sql, Value, Work, corrupt,
    failure::{Trouble, of_postgres, trouble},
    unavailable,
    value::arguments,
};

/// How often a transaction that crossed another is run again.
const ATTEMPTS: usize = 10;
/// How long a call waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(5);
/// How many statements a connection keeps prepared; lists with many filters at once may have more shapes.
const STATEMENTS: usize = 512;

#[derive(Clone)]
pub(crate) struct PostgresEngine {
    pool: PgPool,
}

/// A connection of the pool, and what befell it.
pub(crate) struct PostgresSession {
    connection: PoolConnection<Postgres>,
    trouble: Option<Trouble>,
}

impl PostgresEngine {
    /// Connects when it is first needed.
    pub(super) fn open(options: &PgConnectOptions) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let connections = u32::try_from(cores * 2).unwrap_or(u32::MAX).clamp(4, 32);
        let options = options.clone().statement_cache_capacity(STATEMENTS).application_name("novantra");
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE)
            // A look before each use would cost what the use costs; a dead connection is found by using it.
            .test_before_acquire(false)
            .connect_lazy_with(options);
        Self { pool }
    }

    async fn session(&self) -> Result<Session, StoreError> {
        let connection = self.pool.acquire().await.map_err(of_postgres)?;
        Ok(Session::Postgres(PostgresSession { connection, trouble: None }))
    }

    pub(super) async fn read<C: Given, T: Send + 'static, E: Failure>(
        &self,
        given: C,
        work: impl Work<C, T, E>,
    ) -> Result<T, E> {
        let mut session = self.session().await?;
        let answer = work(&given, &mut session).await;
        match session.trouble() {
            None => answer,
            Some(trouble) => {
                session.give_back(trouble).await;
                let mut session = self.session().await?;
                work(&given, &mut session).await
            }
        }
    }

    pub(super) fn read_apart<C: Given, T: Send + 'static, E: Failure>(
        &self,
        given: C,
        work: impl Work<C, T, E>,
        done: impl Done<T, E>,
    ) {
        let engine = self.clone();
        tokio::spawn(async move { done(engine.read(given, work).await) });
    }

    pub(super) fn write_apart<C: Given, T: Send + 'static, E: Failure>(
        &self,
        given: C,
        work: impl Work<C, T, E>,
        done: impl Done<T, E>,
    ) {
        let engine = self.clone();
        tokio::spawn(async move {
            let answer = engine.transact(&given, &work).await;
            // Whatever the work holds as being in flight is so no more.
            drop(given);
            done(answer);
        });
    }

    async fn transact<C: Given, T: Send + 'static, E: Failure>(
        &self,
        given: &C,
        work: &impl Work<C, T, E>,
    ) -> Result<T, E> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let mut session = self.session().await?;
            session.run("BEGIN").await?;
            let answer = work(given, &mut session).await;
            let answer = match answer {
                Ok(answer) => match session.run("COMMIT").await {
                    Ok(()) => return Ok(answer),
                    // Nobody can tell whether it was stored: running it again might store it twice.
                    Err(error) if session.trouble() == Some(Trouble::Dead) => {
                        session.give_back(Trouble::Dead).await;
                        return Err(error.into());
                    }
                    Err(error) => Err(error.into()),
                },
                Err(error) => {
                    let trouble = session.trouble();
                    if trouble != Some(Trouble::Dead) && session.run("ROLLBACK").await.is_err() {
                        session.give_back(Trouble::Dead).await;
                        return Err(error);
                    }
                    Err(error)
                }
            };
            let Some(trouble) = session.trouble() else { return answer };
            session.give_back(trouble).await;
            if attempts == ATTEMPTS {
                return answer;
            }
        }
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

impl Session {
    fn trouble(&self) -> Option<Trouble> {
        if let Self::Postgres(session) = self { session.trouble } else { None }
    }

    async fn run(&mut self, statement: &'static str) -> Result<(), StoreError> {
        match self {
            Self::Postgres(session) => session.run(statement).await,
            Self::Sqlite(_) => Err(corrupt("a statement for PostgreSQL on SQLite")),
        }
    }

    async fn give_back(self, trouble: Trouble) {
        if let Self::Postgres(session) = self
            && trouble == Trouble::Dead
        {
            // Whatever closing it says, it is gone.
            let _ = session.connection.close().await;
        }
    }
}

impl PostgresSession {
    pub(super) async fn execute(&mut self, sql: &Sql, values: &[Value<'_>]) -> Result<u64, StoreError> {
        let query = sqlx::query_with(AssertSqlSafe(sql.postgres.clone()), arguments(values).map_err(corrupt)?);
        let result = query.execute(&mut *self.connection).await;
        Ok(self.noting(result)?.rows_affected())
    }

    pub(super) async fn fetch(&mut self, sql: &Sql, values: &[Value<'_>]) -> Result<Vec<PgRow>, StoreError> {
        let query = sqlx::query_with(AssertSqlSafe(sql.postgres.clone()), arguments(values).map_err(corrupt)?);
        let result = query.fetch_all(&mut *self.connection).await;
        self.noting(result)
    }

    /// Stores rows. Answers with the place of the first that was left out.
    pub(super) async fn store(&mut self, bulk: &Bulk, rows: &[Vec<Value<'_>>]) -> Result<Option<usize>, StoreError> {
        let Some(alone) = &bulk.postgres_alone else {
            return Ok(self.left_out(&bulk.postgres, bulk, rows).await?.first().copied());
        };
        let several = if rows.len() > 1 { self.left_out(&bulk.postgres, bulk, rows).await? } else { vec![0] };
        for place in several {
            let row = rows.get(place..=place).unwrap_or_default();
            if !self.left_out(alone, bulk, row).await?.is_empty() {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    /// Runs the statement for all rows and answers with the places of those it left out.
    async fn left_out(
        &mut self,
        sql: &Arc<str>,
        bulk: &Bulk,
        rows: &[Vec<Value<'_>>],
    ) -> Result<Vec<usize>, StoreError> {
        let arguments = columns(bulk, rows).map_err(corrupt)?;
        let result = sqlx::query_with(AssertSqlSafe(Arc::clone(sql)), arguments).fetch_all(&mut *self.connection).await;
        let answered = self.noting(result)?;
        if answered.len() == rows.len() {
            return Ok(Vec::new());
        }
        let stored: BTreeSet<&str> =
            answered.iter().map(|row| row.try_get(0).map_err(of_postgres)).collect::<Result<_, _>>()?;
        let is_stored = |row: &[Value<'_>]| row.get(1).and_then(Value::as_text).is_some_and(|id| stored.contains(id));
        Ok(rows.iter().enumerate().filter(|(_, row)| !is_stored(row)).map(|(place, _)| place).collect())
    }

    pub(super) async fn run(&mut self, script: &'static str) -> Result<(), StoreError> {
        let result = (&mut *self.connection).execute(sqlx::raw_sql(script)).await;
        self.noting(result).map(drop)
    }

    fn noting<T>(&mut self, result: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        result.map_err(|error| {
            self.trouble = self.trouble.or(trouble(&error));
            match self.trouble {
                Some(_) => unavailable(error),
                None => of_postgres(error),
            }
        })
    }
}

/// The rows as one array for each column.
fn columns(bulk: &Bulk, rows: &[Vec<Value<'_>>]) -> Result<PgArguments, BoxDynError> {
    let mut arguments = PgArguments::default();
    for (place, cell) in bulk.cells.iter().enumerate() {
        let values = rows.iter().map(|row| row.get(place).unwrap_or(&Value::Null));
        match cell {
            Cell::Text => arguments.add(values.map(Value::as_text).collect::<Vec<_>>())?,
            Cell::Int => arguments.add(values.map(Value::as_int).collect::<Vec<_>>())?,
            Cell::Blob => arguments.add(values.map(Value::as_blob).collect::<Vec<_>>())?,
        }
    }
    Ok(arguments)
}
