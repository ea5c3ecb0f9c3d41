//! The tables that are copied: those that belong to an installation, not to its running processes.

use std::sync::LazyLock;

use super::super::{
    audit_tables::{
        AUDIT_CHECKPOINTS, AUDIT_COSIGNATURES, AUDIT_ENTRIES, AUDIT_HEADS, AUDIT_OLD_WAITING, AUDIT_REPEATS,
        AUDIT_RUNS, AUDIT_SEALS, AUDIT_SEGMENTS, AUDIT_TERMS, AUDIT_TILES, AUDIT_WAITING, AUDIT_WRITERS,
    },
    tables::{
        ACCOUNT_CALLS, IDEMPOTENCY, INSTALLATION, OUTBOX, PENDING_EVENTS, ROLLUP_COUNTS, ROLLUP_DAYS, ROLLUPS,
        SAVED_VIEWS, SERVICE_ACCOUNT_USES, SIGNING_KEYS, STORAGE_USAGE, TableDefinition, USER_CREDENTIALS,
        USER_IDENTITIES, USER_LINKS, USER_SESSIONS, WEBHOOK_LANES, WEBHOOK_QUEUE,
    },
};
use crate::{
    engine::{Column, Sql, column_list},
    records::table::{META_COLUMNS, Table, primary_key},
};

/// A table whose rows are copied.
pub(super) struct CopiedTable {
    pub(super) name: &'static str,
    pub(super) columns: Vec<Column>,
    /// The columns of its primary key, in order.
    key: Vec<&'static str>,
    /// The `WHERE` clause of the rows to copy, or empty for all.
    row_filter: &'static str,
}

/// All tables that are copied.
pub(super) static COPIED: LazyLock<Vec<CopiedTable>> =
    LazyLock::new(|| records().into_iter().chain(other_tables()).collect());

macro_rules! records {
    ($($kind:ident => $record:ty,)*) => {
        fn records() -> Vec<CopiedTable> {
            vec![$(CopiedTable::new(
                <$record>::NAME,
                &primary_key::<$record>(),
                &[&META_COLUMNS, <$record>::COLUMNS].concat(),
            ),)*]
        }
    };
}
store::for_each_resource!(records);

/// The tables of an installation that hold no records.
fn other_tables() -> Vec<CopiedTable> {
    vec![
        SERVICE_ACCOUNT_USES.into(),
        USER_CREDENTIALS.into(),
        USER_SESSIONS.into(),
        USER_LINKS.into(),
        USER_IDENTITIES.into(),
        SAVED_VIEWS.into(),
        SIGNING_KEYS.into(),
        IDEMPOTENCY.into(),
        STORAGE_USAGE.into(),
        AUDIT_ENTRIES.into(),
        AUDIT_OLD_WAITING.into(),
        AUDIT_SEALS.into(),
        AUDIT_REPEATS.into(),
        AUDIT_WAITING.into(),
        AUDIT_HEADS.into(),
        AUDIT_CHECKPOINTS.into(),
        AUDIT_RUNS.into(),
        AUDIT_SEGMENTS.into(),
        AUDIT_TERMS.into(),
        AUDIT_TILES.into(),
        AUDIT_COSIGNATURES.into(),
        AUDIT_WRITERS.into(),
        OUTBOX.into(),
        PENDING_EVENTS.into(),
        WEBHOOK_QUEUE.into(),
        WEBHOOK_LANES.into(),
        ROLLUPS.into(),
        ROLLUP_COUNTS.into(),
        ROLLUP_DAYS.into(),
        ACCOUNT_CALLS.into(),
        // The marker of the copy itself is not copied.
        CopiedTable { row_filter: "WHERE key <> 'copying'", ..INSTALLATION.into() },
    ]
}

impl<const N: usize> From<TableDefinition<N>> for CopiedTable {
    fn from(table: TableDefinition<N>) -> Self {
        let key: Vec<_> = table.columns.iter().take(table.key_columns).map(|column| column.name).collect();
        Self::new(table.name, &key, &table.columns)
    }
}

/// The tables that every installation fills anew: migrations, leases, registered processes, rate limits, which start
/// full, uploaded tables, which are deleted within days, and the index of words, which its servers make from the records.
#[cfg(test)]
const EXCLUDED: &[&str] = &[
    "leases",
    "open_writes",
    "rate_limits",
    "schema_migrations",
    "search_progress",
    "search_records",
    "search_words",
    "table_import_parts",
    "table_imports",
];

impl CopiedTable {
    fn new(name: &'static str, key: &[&'static str], columns: &[Column]) -> Self {
        Self { name, columns: columns.to_vec(), key: key.to_vec(), row_filter: "" }
    }

    /// Returns the statement that reads the rows in the order of the primary key, so that its index is used.
    pub(super) fn select(&self) -> Sql {
        let columns = column_list("", self.columns.iter().map(|column| column.name));
        Sql::from_text(&format!(
            "SELECT {columns} FROM {} {} ORDER BY {}",
            self.name,
            self.row_filter,
            self.key.join(", ")
        ))
    }

    /// Returns the statement that deletes the rows.
    pub(super) fn clear(&self) -> Sql {
        Sql::from_text(&format!("DELETE FROM {} {}", self.name, self.row_filter))
    }

    /// Returns the statement that checks for any row.
    pub(super) fn select_any(&self) -> Sql {
        Sql::from_text(&format!("SELECT CAST(1 AS bigint) FROM {} {} LIMIT 1", self.name, self.row_filter))
    }
}

/// The sums that are compared beside the numbers of rows, which a log that is written and sealed meanwhile may keep: of the
/// entries that wait, and of the sealed ones.
pub(super) const SUMS: [(&str, &str); 2] = [(AUDIT_WAITING.name, "abs(entries)"), (AUDIT_HEADS.name, "sequence")];

/// Returns the statement that counts the rows of all copied tables, and then [`SUMS`], in one snapshot.
pub(super) fn count() -> Sql {
    let rows = COPIED.iter().map(|table| format!("(SELECT count(*) FROM {} {})", table.name, table.row_filter));
    let sums = SUMS.iter().map(|(table, sum)| format!("(SELECT CAST(COALESCE(sum({sum}), 0) AS bigint) FROM {table})"));
    Sql::from_text(&format!("SELECT {}", rows.chain(sums).collect::<Vec<_>>().join(", ")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kernel::Timestamp;

    use super::*;
    use crate::{
        engine::{DatabaseUrl, SqlType, Value},
        schema::database::Database,
    };

    /// Name, declared type, and position in the primary key, from 1; 0 for other columns.
    type Declared = (String, String, i64);

    async fn fetch(database: &Database, text: &str, of: &str) -> Vec<Declared> {
        let input = (Sql::from_text(text), [Value::from(of.to_owned())]);
        let read = database.engine.read(input, |(sql, of), session| {
            Box::pin(
                session
                    .fetch(sql, of, |cells| Ok((cells.text()?.to_owned(), cells.text()?.to_lowercase(), cells.int()?))),
            )
        });
        read.await.unwrap_or_else(|error: kernel::StoreError| panic!("{error}"))
    }

    /// Another test ensures that PostgreSQL has the same tables and columns as SQLite.
    #[tokio::test]
    async fn every_table_is_copied_with_all_columns_or_listed_as_excluded() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&DatabaseUrl::Sqlite(folder.path().join("novantra.db"))).await.unwrap();
        database.migrate(Timestamp::from_millis(0)).await.unwrap();
        let tables = "SELECT name, type, 0 FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE ?";
        let existing = fetch(&database, tables, "sqlite_%").await.into_iter().map(|row| row.0).collect::<BTreeSet<_>>();
        let names = COPIED.iter().map(|table| table.name).chain(EXCLUDED.iter().copied());
        assert_eq!(names.map(str::to_owned).collect::<BTreeSet<_>>(), existing);

        for table in COPIED.iter() {
            let declared = |column: &Column| {
                let cell = match column.sql_type {
                    SqlType::Text => "text",
                    SqlType::Int => "integer",
                    SqlType::Blob => "blob",
                };
                let position = table.key.iter().position(|name| *name == column.name);
                let key = position.map_or(0, |position| i64::try_from(position).unwrap() + 1);
                (column.name.to_owned(), cell.to_owned(), key)
            };
            let listed: BTreeSet<Declared> = table.columns.iter().map(declared).collect();
            let columns = fetch(&database, "SELECT name, type, pk FROM pragma_table_info(?)", table.name).await;
            assert_eq!(listed, columns.into_iter().collect(), "{}", table.name);
        }
    }
}
