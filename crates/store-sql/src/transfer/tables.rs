//! The tables there are: those that are an installation, and those that only say what its processes are at.

use std::sync::LazyLock;

use crate::{
    audit,
    delivery_queue::lanes,
    engine::{Column, Sql},
    idempotency, outbox,
    shape::listed,
    table::{ENVELOPE, Table, key},
};

/// A table whose rows move.
pub(super) struct Moved {
    pub(super) name: &'static str,
    pub(super) columns: Vec<Column>,
    /// Those that are its key, in its order.
    key: Vec<&'static str>,
    /// Which of its rows move, where it is not all.
    rows: &'static str,
}

/// All that is moved.
pub(super) static MOVED: LazyLock<Vec<Moved>> = LazyLock::new(|| records().into_iter().chain(others()).collect());

macro_rules! records {
    ($($kind:ident => $record:ty,)*) => {
        fn records() -> Vec<Moved> {
            vec![$(Moved::new(<$record>::NAME, &key::<$record>(), &[&ENVELOPE, <$record>::COLUMNS].concat()),)*]
        }
    };
}
store::for_each_resource!(records);

/// What an installation has beside records.
fn others() -> Vec<Moved> {
    vec![
        Moved::new(
            "service_account_uses",
            &["organization_id", "account_id"],
            &[Column::text("organization_id"), Column::text("account_id"), Column::int("last_used_at")],
        ),
        Moved::new(
            "signing_keys",
            &["id"],
            &[
                Column::text("id"),
                Column::text("algorithm"),
                Column::blob("sealed"),
                Column::int("created_at"),
                Column::int("signs_from"),
            ],
        ),
        Moved::new(idempotency::TABLE, &["organization_id", "account_id", "operation", "key"], &idempotency::COLUMNS),
        Moved::new(audit::TABLE, &["organization_id", "id"], &audit::COLUMNS),
        Moved::new(audit::WAITING, &["organization_id", "id"], &audit::COLUMNS[..2]),
        Moved::new(audit::SEALS, &["organization_id", "sequence"], &audit::SEAL_COLUMNS),
        Moved::new(
            "audit_heads",
            &["organization_id"],
            &[Column::text("organization_id"), Column::int("sequence"), Column::text("hash")],
        ),
        Moved::new(
            "audit_checkpoints",
            &["organization_id", "sequence"],
            &[
                Column::text("organization_id"),
                Column::int("sequence"),
                Column::text("hash"),
                Column::int("signed_at"),
                Column::blob("signature"),
            ],
        ),
        Moved::new(outbox::TABLE, &["organization_id", "id"], &outbox::COLUMNS),
        Moved::new(lanes::TABLE, &["organization_id", "subscription_id"], &lanes::COLUMNS),
        // But for the mark of the copy itself.
        Moved {
            rows: "WHERE key <> 'copying'",
            ..Moved::new("installation", &["key"], &[Column::text("key"), Column::text("value")])
        },
    ]
}

/// What is made anew wherever an installation is: its schema, who holds which lease, who is at work, and limits, which start
/// full.
#[cfg(test)]
const PASSING: &[&str] = &["leases", "open_writes", "rate_limits", "schema_migrations"];

impl Moved {
    fn new(name: &'static str, key: &[&'static str], columns: &[Column]) -> Self {
        Self { name, columns: columns.to_vec(), key: key.to_vec(), rows: "" }
    }

    /// Reads its rows in the order of its key, which its index has.
    pub(super) fn select(&self) -> Sql {
        let columns = listed("", self.columns.iter().map(|column| column.name));
        Sql::fixed(&format!("SELECT {columns} FROM {} {} ORDER BY {}", self.name, self.rows, self.key.join(", ")))
    }

    /// Empties it.
    pub(super) fn clear(&self) -> Sql {
        Sql::fixed(&format!("DELETE FROM {} {}", self.name, self.rows))
    }

    /// Looks for any row.
    pub(super) fn any(&self) -> Sql {
        Sql::fixed(&format!("SELECT CAST(1 AS bigint) FROM {} {} LIMIT 1", self.name, self.rows))
    }
}

/// Counts the rows of all that is moved, at one moment.
pub(super) fn count() -> Sql {
    let each = MOVED.iter().map(|table| format!("(SELECT count(*) FROM {} {})", table.name, table.rows));
    Sql::fixed(&format!("SELECT {}", each.collect::<Vec<_>>().join(", ")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kernel::Timestamp;

    use super::*;
    use crate::{
        database::Database,
        engine::{Cell, Value},
        location::DatabaseUrl,
    };

    /// Name, declared type, and place in the key, from 1; 0 outside.
    type Declared = (String, String, i64);

    async fn fetch(database: &Database, text: &str, of: &str) -> Vec<Declared> {
        let given = (Sql::fixed(text), [Value::from(of.to_owned())]);
        let read = database.engine.read(given, |(sql, of), session| {
            Box::pin(
                session
                    .fetch(sql, of, |cells| Ok((cells.text()?.to_owned(), cells.text()?.to_lowercase(), cells.int()?))),
            )
        });
        read.await.unwrap_or_else(|error: kernel::StoreError| panic!("{error}"))
    }

    /// PostgreSQL has the same tables and columns as SQLite by a test of its own.
    #[tokio::test]
    async fn every_table_and_column_is_moved_or_said_to_be_passing() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&DatabaseUrl::Sqlite(folder.path().join("novantra.db"))).await.unwrap();
        database.migrate(Timestamp::from_millis(0)).await.unwrap();
        let tables = "SELECT name, type, 0 FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE ?";
        let there: BTreeSet<String> = fetch(&database, tables, "sqlite_%").await.into_iter().map(|one| one.0).collect();
        let named = MOVED.iter().map(|table| table.name).chain(PASSING.iter().copied());
        assert_eq!(named.map(str::to_owned).collect::<BTreeSet<_>>(), there);

        for table in MOVED.iter() {
            let declared = |column: &Column| {
                let cell = match column.cell {
                    Cell::Text => "text",
                    Cell::Int => "integer",
                    Cell::Blob => "blob",
                };
                let place = table.key.iter().position(|name| *name == column.name);
                let key = place.map_or(0, |place| i64::try_from(place).unwrap() + 1);
                (column.name.to_owned(), cell.to_owned(), key)
            };
            let listed: BTreeSet<Declared> = table.columns.iter().map(declared).collect();
            let columns = fetch(&database, "SELECT name, type, pk FROM pragma_table_info(?)", table.name).await;
            assert_eq!(listed, columns.into_iter().collect(), "{}", table.name);
        }
    }
}
