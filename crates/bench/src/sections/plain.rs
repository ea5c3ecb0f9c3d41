//! The rows that a server wrote, inserted again by plain prepared statements: the speed of the engine itself.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use rusqlite::{Connection, OpenFlags, params_from_iter, types::Value};

use crate::failure::{Failure, Outcome};

/// A row's values, in the order of its table's columns.
type Values = Vec<Value>;

/// The schema of a database, and the rows of the tables that an import fills.
pub(super) struct Rows {
    schema: Vec<String>,
    tables: Vec<TableRows>,
}

/// A table with its rows, in the order in which they were written.
struct TableRows {
    name: &'static str,
    rows: Vec<Values>,
}

/// The tables that a batch of findings writes to before its response. Seals are written later, and the queue of
/// unsealed entries is an implementation detail of the server.
const TABLES: &[&str] = &["findings", "audit_entries", "outbox", "idempotency"];

/// The settings of the server's own writer (`crates/store-sql/src/engine/sqlite/connection.rs`), so that they make no
/// difference.
const SETTINGS: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA cache_size = -4000;
    PRAGMA wal_autocheckpoint = 4000;";

impl Rows {
    /// Reads the rows that the server wrote.
    pub(super) fn read(database: &Path) -> Outcome<Self> {
        let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let mut statement = connection.prepare(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid",
        )?;
        let schema = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let tables = TABLES.iter().map(|name| read_table(&connection, name)).collect::<Outcome<_>>()?;
        Ok(Self { schema, tables })
    }

    /// Returns the number of rows of all tables.
    pub(super) fn count(&self) -> usize {
        self.tables.iter().map(|table| table.rows.len()).sum()
    }

    /// Inserts all rows into a new file in `transactions` transactions, each with its share of every table. Returns the
    /// time that took.
    pub(super) fn insert(&self, file: &Path, transactions: usize) -> Outcome<Duration> {
        let connection = Connection::open(file)?;
        connection.execute_batch(SETTINGS)?;
        for statement in &self.schema {
            connection.execute_batch(statement)?;
        }
        let mut statements = self
            .tables
            .iter()
            .map(|table| {
                let parameters = vec!["?"; table.rows.first().map_or(1, Vec::len)].join(", ");
                Ok(connection.prepare(&format!("INSERT INTO {} VALUES ({parameters})", table.name))?)
            })
            .collect::<Outcome<Vec<_>>>()?;
        let started = Instant::now();
        for part in 0..transactions {
            connection.execute_batch("BEGIN IMMEDIATE")?;
            for (table, statement) in self.tables.iter().zip(&mut statements) {
                for row in part_of(&table.rows, part, transactions) {
                    statement.execute(params_from_iter(row))?;
                }
            }
            connection.execute_batch("COMMIT")?;
        }
        Ok(started.elapsed())
    }
}

fn read_table(connection: &Connection, name: &'static str) -> Outcome<TableRows> {
    let mut statement = connection.prepare(&format!("SELECT * FROM {name}"))?;
    let columns = statement.column_count();
    let rows: Vec<Values> = statement
        .query_map([], |row| (0..columns).map(|column| row.get(column)).collect())?
        .collect::<Result<_, _>>()?;
    if rows.is_empty() {
        return Err(Failure::new(format!("the server wrote no row into {name}")));
    }
    Ok(TableRows { name, rows })
}

/// Returns one of `parts` parts of nearly equal length, in order.
fn part_of<T>(rows: &[T], part: usize, parts: usize) -> &[T] {
    &rows[rows.len() * part / parts..rows.len() * (part + 1) / parts]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_contain_every_row_once_and_in_order() {
        let rows: Vec<usize> = (0..1003).collect();
        let parts: Vec<usize> = (0..10).flat_map(|part| part_of(&rows, part, 10).to_vec()).collect();
        assert_eq!(parts, rows);
    }

    #[test]
    fn rows_that_were_read_are_inserted_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("first"), folder.path().join("second"));
        let connection = Connection::open(&first).unwrap();
        for table in TABLES {
            let script = format!(
                "CREATE TABLE {table} (id text, size integer) STRICT; INSERT INTO {table} VALUES ('a', 1), ('b', NULL);"
            );
            connection.execute_batch(&script).unwrap();
        }
        let rows = Rows::read(&first).unwrap();
        assert_eq!(rows.count(), 2 * TABLES.len());
        rows.insert(&second, 2).unwrap();
        assert_eq!(Rows::read(&second).unwrap().tables[0].rows, rows.tables[0].rows);
    }
}
