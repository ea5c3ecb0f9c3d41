//! The statements of one job on a SQLite connection. Each blocks the thread.

use std::{
    path::Path,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use kernel::StoreError;
use rusqlite::{Connection, ErrorCode, params_from_iter};

use super::damage::Damage;
use crate::engine::{BatchStatement, RowReader, Session, Sql, Value, failure::from_sqlite};

/// A SQLite connection, used by one job at a time. The mutex is never contended; it lets several futures of the job
/// share the connection.
pub(crate) struct SqliteSession {
    connection: Mutex<Connection>,
    damage: Damage,
    /// Whether a statement failed because of a lock of the file.
    was_locked: AtomicBool,
}

impl Session {
    pub(super) fn from_sqlite(connection: Connection, damage: &Damage) -> Self {
        let (connection, was_locked) = (Mutex::new(connection), AtomicBool::new(false));
        Self::Sqlite(SqliteSession { connection, damage: damage.clone(), was_locked })
    }

    /// Returns whether a statement failed because of a lock of the file since this was last called.
    pub(super) fn take_was_locked(&self) -> bool {
        matches!(self, Self::Sqlite(session) if session.was_locked.swap(false, Ordering::Relaxed))
    }

    /// A session over a new database in memory, which ends with it.
    pub(crate) fn in_memory() -> Result<Self, StoreError> {
        let connection = Connection::open_in_memory().map_err(from_sqlite)?;
        Ok(Self::from_sqlite(connection, &Damage::new(Path::new("memory"))))
    }
}

impl SqliteSession {
    pub(super) fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Converts the error of a statement on this connection.
    pub(super) fn store_error(&self, error: rusqlite::Error) -> StoreError {
        if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) {
            self.was_locked.store(true, Ordering::Relaxed);
        }
        self.damage.store_error(error)
    }

    pub(in crate::engine) fn execute(&self, sql: &Sql, values: &[Value<'_>]) -> Result<u64, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(&sql.sqlite).map_err(|error| self.store_error(error))?;
        let affected = statement.execute(params_from_iter(values)).map_err(|error| self.store_error(error))?;
        Ok(affected as u64)
    }

    pub(in crate::engine) fn visit(
        &self,
        sql: &Sql,
        values: &[Value<'_>],
        mut visit: impl FnMut(&mut RowReader<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(&sql.sqlite).map_err(|error| self.store_error(error))?;
        let mut rows = statement.query(params_from_iter(values)).map_err(|error| self.store_error(error))?;
        while let Some(row) = rows.next().map_err(|error| self.store_error(error))? {
            visit(&mut RowReader::from_sqlite(row))?;
        }
        Ok(())
    }

    /// Stores the rows one after the other. Returns the indexes of those that were rejected.
    pub(in crate::engine) fn store_reporting_rejected(
        &self,
        batch_statement: &BatchStatement,
        rows: &[Vec<Value<'_>>],
    ) -> Result<Vec<usize>, StoreError> {
        let connection = self.connection();
        let mut statement =
            connection.prepare_cached(&batch_statement.sqlite).map_err(|error| self.store_error(error))?;
        let then = batch_statement.sqlite_then.as_ref().map(|then| connection.prepare_cached(then));
        let mut then = then.transpose().map_err(|error| self.store_error(error))?;
        let mut rejected = Vec::new();
        for (index, row) in rows.iter().enumerate() {
            if statement.execute(params_from_iter(row)).map_err(|error| self.store_error(error))? == 0 {
                rejected.push(index);
            } else if let Some(then) = &mut then {
                let bound = row.iter().take(then.parameter_count());
                then.execute(params_from_iter(bound)).map_err(|error| self.store_error(error))?;
            }
        }
        Ok(rejected)
    }

    /// Runs a query for each of the rows and visits the rows it returns.
    pub(in crate::engine) fn visit_each(
        &self,
        batch_statement: &BatchStatement,
        rows: &[Vec<Value<'_>>],
        mut visit: impl FnMut(&mut RowReader<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let connection = self.connection();
        let mut statement =
            connection.prepare_cached(&batch_statement.sqlite).map_err(|error| self.store_error(error))?;
        for row in rows {
            let mut found = statement.query(params_from_iter(row)).map_err(|error| self.store_error(error))?;
            while let Some(row) = found.next().map_err(|error| self.store_error(error))? {
                visit(&mut RowReader::from_sqlite(row))?;
            }
        }
        Ok(())
    }

    pub(in crate::engine) fn run_script(&self, script: &str) -> Result<(), StoreError> {
        self.connection().execute_batch(script).map_err(|error| self.store_error(error))
    }
}
