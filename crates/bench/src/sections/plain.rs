//! The rows that a server wrote, inserted again by plain prepared statements: the speed of the engine itself.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use rusqlite::{Connection, OpenFlags, params_from_iter, types::Value};

use crate::failure::{Failure, Outcome};

/// The schema of a database, and the rows of the tables that a server or a command has filled.
pub(super) struct Rows {
    source: Connection,
    schema: Vec<String>,
    tables: Vec<Table>,
}

/// A table with the number of its rows.
struct Table {
    name: &'static str,
    count: usize,
}

/// The tables that a batch of findings writes to before its response, but for the row with its audit entries, which is
/// deleted when they are sealed.
pub(super) const OF_BATCH: &[&str] = &["findings", "outbox", "idempotency"];

/// The settings of the server's own writer (`crates/store-sql/src/engine/sqlite/connection.rs`), so that they make no
/// difference.
const SETTINGS: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA cache_size = -4000;
    PRAGMA wal_autocheckpoint = 4000;";

impl Rows {
    /// Opens the rows that were written to these tables.
    pub(super) fn open(database: &Path, tables: &[&'static str]) -> Outcome<Self> {
        let source = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let schema = source
            .prepare("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let tables = tables.iter().map(|name| Table::count(&source, name)).collect::<Outcome<_>>()?;
        Ok(Self { source, schema, tables })
    }

    /// Returns the number of rows of all tables.
    pub(super) fn count(&self) -> usize {
        self.tables.iter().map(|table| table.count).sum()
    }

    /// Inserts all rows into a new file in `transactions` transactions, each with its share of every table. Returns the
    /// time that took, without that of reading them.
    pub(super) fn insert(&self, file: &Path, transactions: usize) -> Outcome<Duration> {
        let connection = Connection::open(file)?;
        connection.execute_batch(SETTINGS)?;
        for statement in &self.schema {
            connection.execute_batch(statement)?;
        }
        let select = |table: &Table| self.source.prepare(&format!("SELECT * FROM {}", table.name));
        let mut selects = self.tables.iter().map(select).collect::<Result<Vec<_>, _>>()?;
        let columns: Vec<usize> = selects.iter().map(|select| select.column_count()).collect();
        let insert = |(table, columns): (&Table, &usize)| {
            connection.prepare(&format!("INSERT INTO {} VALUES ({})", table.name, vec!["?"; *columns].join(", ")))
        };
        let mut inserts = self.tables.iter().zip(&columns).map(insert).collect::<Result<Vec<_>, _>>()?;
        let mut sources = selects.iter_mut().map(|select| select.query([])).collect::<Result<Vec<_>, _>>()?;
        let mut elapsed = Duration::ZERO;
        for part in 0..transactions {
            let shares = self.tables.iter().zip(&columns).zip(&mut sources);
            let shares = shares
                .map(|((table, columns), source)| take_rows(source, share(table.count, part, transactions), *columns));
            let shares = shares.collect::<Outcome<Vec<_>>>()?;
            let started = Instant::now();
            connection.execute_batch("BEGIN IMMEDIATE")?;
            for (rows, insert) in shares.iter().zip(&mut inserts) {
                for row in rows {
                    insert.execute(params_from_iter(row))?;
                }
            }
            connection.execute_batch("COMMIT")?;
            elapsed += started.elapsed();
        }
        Ok(elapsed)
    }
}

impl Table {
    fn count(source: &Connection, name: &'static str) -> Outcome<Self> {
        let count: i64 = source.query_row(&format!("SELECT count(*) FROM {name}"), [], |row| row.get(0))?;
        match usize::try_from(count)? {
            0 => Err(Failure::new(format!("no row was written into {name}"))),
            count => Ok(Self { name, count }),
        }
    }
}

fn take_rows(source: &mut rusqlite::Rows<'_>, count: usize, columns: usize) -> Outcome<Vec<Vec<Value>>> {
    let mut rows = Vec::with_capacity(count);
    while rows.len() < count {
        let Some(row) = source.next()? else { return Err(Failure::new("a row is gone")) };
        rows.push((0..columns).map(|column| row.get(column)).collect::<Result<_, _>>()?);
    }
    Ok(rows)
}

/// Returns the size of one of `parts` parts of nearly equal length.
fn share(count: usize, part: usize, parts: usize) -> usize {
    count * (part + 1) / parts - count * part / parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_contain_every_row_once() {
        let shares: Vec<usize> = (0..10).map(|part| share(1003, part, 10)).collect();
        assert_eq!(shares.iter().sum::<usize>(), 1003);
        assert!(shares.iter().all(|share| [100, 101].contains(share)));
    }

    #[test]
    fn rows_are_inserted_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("first"), folder.path().join("second"));
        let connection = Connection::open(&first).unwrap();
        for table in OF_BATCH {
            let script = format!(
                "CREATE TABLE {table} (id text, size integer) STRICT; INSERT INTO {table} VALUES ('a', 1), ('b', NULL);"
            );
            connection.execute_batch(&script).unwrap();
        }
        let rows = Rows::open(&first, OF_BATCH).unwrap();
        assert_eq!(rows.count(), 2 * OF_BATCH.len());
        rows.insert(&second, 2).unwrap();
        let copy = Connection::open(&second).unwrap();
        for table in OF_BATCH {
            let read = |connection: &Connection| -> Vec<(String, Option<i64>)> {
                let mut statement = connection.prepare(&format!("SELECT id, size FROM {table}")).unwrap();
                let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
                rows.collect::<Result<_, _>>().unwrap()
            };
            assert_eq!(read(&copy), read(&connection));
        }
    }

    #[test]
    fn a_table_without_rows_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("first");
        Connection::open(&file).unwrap().execute_batch("CREATE TABLE findings (id text);").unwrap();
        assert!(Rows::open(&file, &["findings"]).is_err());
    }
}
