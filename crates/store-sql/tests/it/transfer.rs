//! Copies of installations: every row of every table arrives unchanged, through either engine.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Mutex, PoisonError},
};

use kernel::Timestamp;
use novantra_store_sql::{CopyPurpose, CopySummary, Database, Progress, TransferError};
use postgres_cluster::{TestDatabase, execute_blocking};
use rusqlite::{Connection, types::Value};

use crate::support::{portable_statements::CheckedStatements, postgres, sqlite};

const NOW: Timestamp = Timestamp::from_millis(1_779_718_113_000);

/// More rows than a transaction has.
const MANY_ROWS: i64 = 1_100;

async fn copy(from: &Database, to: &Database) -> Result<CopySummary, TransferError> {
    from.copy_to(to, NOW, CopyPurpose::Move, &|_| ()).await
}

/// The tables that a copy takes, as one of an empty database says. That no other table ought to be taken is tested where
/// they are listed.
async fn tables(folder: &Path) -> Vec<&'static str> {
    let [from, to] = ["empty.db", "copy.db"].map(|name| folder.join(name));
    let copied = copy(&sqlite::open(&from).await, &sqlite::open(&to).await).await.unwrap();
    copied.tables.into_iter().map(|(table, _)| table).collect()
}

/// Fills these tables by the declared types of its columns. Every value is different, and nullable columns are null in
/// every second row.
fn fill(connection: &Connection, tables: &[&str]) {
    for table in tables {
        let mut statement = connection
            .prepare(&format!("SELECT name, lower(type), \"notnull\" = 0 AND pk = 0 FROM pragma_table_info('{table}')"))
            .unwrap();
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let columns: Vec<(String, String, bool)> = statement.query_map([], read).unwrap().map(Result::unwrap).collect();
        let parameters = vec!["?"; columns.len()].join(", ");
        let mut insert = connection.prepare(&format!("INSERT INTO {table} VALUES ({parameters})")).unwrap();
        for row in 0..if *table == "findings" { MANY_ROWS } else { 3 } {
            let value = |(column, (name, kind, nullable)): (usize, &(String, String, bool))| match kind.as_str() {
                _ if *nullable && row % 2 == 0 => Value::Null,
                "text" => Value::Text(format!("{name} ß {row}")),
                "integer" => Value::Integer(i64::try_from(column).unwrap() * 10_000_000_000 - row),
                "blob" => Value::Blob(vec![0, 255, u8::try_from(row % 256).unwrap()]),
                other => panic!("{table}.{name} is {other}"),
            };
            insert.execute(rusqlite::params_from_iter(columns.iter().enumerate().map(value))).unwrap();
        }
    }
}

fn contents<'t>(connection: &Connection, tables: &[&'t str]) -> BTreeMap<&'t str, Vec<Vec<Value>>> {
    let rows = |table: &'t str| {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table} ORDER BY 1, 2")).unwrap();
        let columns = statement.column_count();
        let cells = |row: &rusqlite::Row<'_>| (0..columns).map(|column| row.get(column)).collect();
        let rows = statement.query_map([], cells).unwrap().map(Result::unwrap).collect();
        (table, rows)
    };
    tables.iter().copied().map(rows).collect()
}

#[tokio::test]
async fn a_copy_to_postgres_and_back_keeps_every_row_of_every_table() {
    let folder = tempfile::tempdir().unwrap();
    let [first, last] = ["first.db", "last.db"].map(|name| folder.path().join(name));
    let source = sqlite::open(&first).await;
    let connection = Connection::open(&first).unwrap();
    let tables = tables(folder.path()).await;
    fill(&connection, &tables);
    let fresh = TestDatabase::create().await;
    let statements = CheckedStatements::start(&fresh.url()).await;
    let middle = Database::open(&statements.url().parse().unwrap()).await.unwrap();
    middle.migrate(Timestamp::from_millis(0)).await.unwrap();

    let seen = Mutex::new(Vec::new());
    let report = |progress| seen.lock().unwrap_or_else(PoisonError::into_inner).push(progress);
    let copied = source.copy_to(&middle, NOW, CopyPurpose::Move, &report).await.unwrap();
    assert!(!copied.restarted && copied.tables.contains(&("findings", MANY_ROWS as u64)));
    let total = copied.tables.iter().map(|(_, rows)| rows).sum();
    assert_eq!(seen.into_inner().unwrap().last(), Some(&Progress { copied: total, total }));

    copy(&middle, &sqlite::open(&last).await).await.unwrap();
    let (arrived, sent) = (contents(&Connection::open(&last).unwrap(), &tables), contents(&connection, &tables));
    for (table, rows) in sent {
        assert_eq!(arrived[table], rows, "{table}");
    }
    assert!(matches!(copy(&source, &middle).await, Err(TransferError::TargetNotEmpty)));
}

#[tokio::test]
async fn a_file_cannot_be_written_to_while_it_is_copied() {
    let folder = tempfile::tempdir().unwrap();
    let [from, to] = ["from.db", "to.db"].map(|name| folder.path().join(name));
    let (source, target) = (sqlite::open(&from).await, sqlite::open(&to).await);
    let write = || {
        let connection = Connection::open(&from).unwrap();
        connection.busy_timeout(std::time::Duration::ZERO).unwrap();
        connection.execute("INSERT INTO installation VALUES ('written', 'meanwhile')", [])
    };
    source.copy_to(&target, NOW, CopyPurpose::Move, &|_| assert!(write().is_err())).await.unwrap();
    assert!(write().is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_to_postgres_during_a_copy_is_detected() {
    let folder = tempfile::tempdir().unwrap();
    let fresh = TestDatabase::create().await;
    let source = postgres::open(&fresh).await;
    let target = sqlite::open(&folder.path().join("to.db")).await;
    let write = |statement: &str| execute_blocking(&fresh.url(), statement).unwrap();

    write("INSERT INTO open_writes VALUES ('somebody', 0, (extract(epoch FROM now()) * 1000)::bigint + 30000)");
    let refused = copy(&source, &target).await;
    assert!(matches!(refused, Err(TransferError::SourceInUse { processes: 1 })), "{refused:?}");
    write("DELETE FROM open_writes");

    // A process that came and went between the two checks: its write has an audit entry, which waits or was sealed.
    write("INSERT INTO audit_heads (organization_id, sequence, hash) VALUES ('o', 7, 'h')");
    write("INSERT INTO audit_waiting (organization_id, id, entries, body) VALUES ('o', 'e', -2, '')");
    for (entry, table) in [
        ("UPDATE audit_heads SET sequence = 8", "audit_heads"),
        ("UPDATE audit_waiting SET entries = 1", "audit_waiting"),
        ("INSERT INTO audit_waiting (organization_id, id, entries, body) VALUES ('o', 'f', 1, '')", "audit_waiting"),
    ] {
        let written = std::sync::Once::new();
        let refused = source.copy_to(&target, NOW, CopyPurpose::Move, &|_| written.call_once(|| write(entry))).await;
        let found = if let Err(TransferError::SourceChanged { table }) = refused { table } else { "none" };
        assert_eq!(found, table, "{entry}");
    }
    let again = copy(&source, &target).await.unwrap();
    assert!(again.restarted);
}

#[tokio::test]
async fn a_database_migrated_by_a_newer_program_is_not_copied() {
    let folder = tempfile::tempdir().unwrap();
    let [from, to] = ["from.db", "to.db"].map(|name| folder.path().join(name));
    let (source, target) = (sqlite::open(&from).await, sqlite::open(&to).await);
    let newer = |path: &Path| {
        let statement = "INSERT INTO schema_migrations VALUES (9999, 'later', '', 0)";
        Connection::open(path).unwrap().execute(statement, []).unwrap();
    };
    newer(&to);
    assert!(matches!(copy(&source, &target).await, Err(TransferError::NewerSchema { database: "target" })));
    newer(&from);
    assert!(matches!(copy(&source, &target).await, Err(TransferError::NewerSchema { database: "source" })));
}
