//! The comparison of a schema with the migrations, on both engines: whatever could suppress rows is named.

use novantra_store_sql::{Database, DatabaseUrl, Limitation, PostgresKind, SchemaComparison};
use postgres_cluster::TestDatabase;
use tempfile::TempDir;

use crate::support::postgres;

const NOW: kernel::Timestamp = kernel::Timestamp::from_millis(1_779_718_113_000);

/// A database file with the current schema.
struct SqliteFile {
    folder: TempDir,
    database: Database,
}

impl SqliteFile {
    async fn create() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&DatabaseUrl::Sqlite(folder.path().join("novantra.db"))).await.unwrap();
        database.migrate(NOW).await.unwrap();
        Self { folder, database }
    }

    /// Changes the schema as somebody with the file would, and compares it.
    async fn after(&self, statements: &str) -> SchemaComparison {
        let connection = rusqlite::Connection::open(self.folder.path().join("novantra.db")).unwrap();
        connection.execute_batch(statements).unwrap();
        self.database.compare_schema(PostgresKind::Detected).await.unwrap()
    }
}

/// Changes the schema as somebody with the database would, and compares it.
async fn after(fresh: &TestDatabase, statements: &str) -> SchemaComparison {
    fresh.connect().await.batch_execute(statements).await.unwrap();
    compared(fresh, PostgresKind::Detected).await
}

async fn compared(fresh: &TestDatabase, kind: PostgresKind) -> SchemaComparison {
    let database = Database::open(&fresh.url().parse().unwrap()).await.unwrap();
    let comparison = database.compare_schema(kind).await.unwrap();
    database.close().await;
    comparison
}

fn differences(comparison: &SchemaComparison) -> Vec<String> {
    comparison.differences.iter().map(ToString::to_string).collect()
}

fn remarks(comparison: &SchemaComparison) -> Vec<String> {
    comparison.remarks.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_migrated_database_is_as_the_migrations_make_it() {
    assert_eq!(SqliteFile::create().await.after("").await, SchemaComparison::default());
    let fresh = postgres::create().await;
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'novantra%'";
    assert_eq!(compared(&fresh, PostgresKind::Detected).await, SchemaComparison::default());
    assert_eq!(fresh.connect().await.query_one(schemas, &[]).await.unwrap().get::<_, i64>(0), 0, "rolled back");
}

/// Asserts that the differences begin with these texts, one each.
fn assert_named(comparison: &SchemaComparison, named: &[&str]) {
    let found = differences(comparison);
    assert_eq!(found.len(), named.len(), "{found:#?}");
    for (difference, named) in found.iter().zip(named) {
        assert!(difference.starts_with(named), "{difference} instead of {named}");
    }
}

#[tokio::test]
async fn each_change_that_somebody_made_to_a_file_is_named() {
    let changes = "
        CREATE TRIGGER hide AFTER INSERT ON Audit_Entries BEGIN DELETE FROM audit_entries WHERE id = NEW.id; END;
        CREATE UNIQUE INDEX one ON audit_entries (organization_id, action);
        DROP INDEX audit_seals_entry;
        DROP INDEX findings_changed; CREATE INDEX findings_changed ON findings (organization_id);
        ALTER TABLE audit_heads ADD COLUMN note text NOT NULL DEFAULT 'none';
        DROP VIEW audit_log;
        ALTER TABLE audit_repeats RENAME TO repeats;
        CREATE VIEW audit_repeats AS SELECT * FROM repeats WHERE calls < 5;
        DROP TABLE leases;
        PRAGMA writable_schema = ON;
        UPDATE sqlite_schema SET sql = replace(sql, 'hash text NOT NULL', 'hash text NOT NULL CHECK (hash > ''5'')')
            WHERE name = 'audit_checkpoints';";
    let comparison = SqliteFile::create().await.after(changes).await;
    assert_named(
        &comparison,
        &[
            "the index audit_seals_entry is missing (CREATE UNIQUE INDEX audit_seals_entry ON audit_seals",
            "the index findings_changed is \"CREATE INDEX findings_changed ON findings (organization_id)\", but must be",
            "the index one is not of this program (CREATE UNIQUE INDEX one ON audit_entries",
            "the trigger hide is not of this program (CREATE TRIGGER hide AFTER INSERT ON Audit_Entries BEGIN DELETE",
            "audit_checkpoints is \"",
            "the column note of audit_heads is not of this program (TEXT NOT NULL DEFAULT 'none')",
            "audit_log is missing (CREATE VIEW audit_log AS SELECT",
            "audit_repeats is \"CREATE VIEW audit_repeats AS SELECT * FROM repeats WHERE calls < 5\", but must be \"CREATE TABLE",
            "leases is missing (CREATE TABLE leases",
        ],
    );
    assert!(differences(&comparison)[4].contains("CHECK (hash > '5')"), "{comparison:#?}");
    assert!(remarks(&comparison)[0].starts_with("repeats is not of this program"), "{comparison:#?}");
}

#[tokio::test]
async fn each_change_that_somebody_made_to_a_postgresql_database_is_named() {
    let changes = "
        CREATE FUNCTION hide() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN NULL; END';
        CREATE TRIGGER hide BEFORE INSERT ON audit_entries FOR EACH ROW EXECUTE FUNCTION hide();
        CREATE TRIGGER hide_later BEFORE INSERT ON audit_entries FOR EACH ROW EXECUTE FUNCTION hide();
        ALTER TABLE audit_entries DISABLE TRIGGER hide_later;
        CREATE RULE hide AS ON INSERT TO audit_waiting DO INSTEAD NOTHING;
        DROP INDEX audit_seals_entry;
        DROP INDEX findings_changed; CREATE INDEX findings_changed ON findings (organization_id);
        CREATE INDEX once ON audit_entries ((length(action)));
        CREATE UNIQUE INDEX one ON audit_entries (organization_id, action);
        ALTER TABLE audit_heads ADD COLUMN note text NOT NULL DEFAULT 'none';
        ALTER TABLE audit_heads ALTER COLUMN sequence SET DEFAULT 7;
        ALTER TABLE audit_heads ALTER COLUMN hash TYPE text COLLATE \"POSIX\";
        DROP VIEW audit_log;
        ALTER TABLE audit_repeats RENAME TO repeats;
        CREATE VIEW audit_repeats AS SELECT * FROM repeats WHERE calls < 5;
        DROP TABLE leases;
        ALTER TABLE audit_checkpoints ADD CONSTRAINT never CHECK (hash > '5');
        ALTER TABLE audit_waiting DROP CONSTRAINT audit_waiting_pkey;
        ALTER TABLE audit_waiting SET UNLOGGED;
        ALTER TABLE outbox ENABLE ROW LEVEL SECURITY; ALTER TABLE outbox FORCE ROW LEVEL SECURITY;
        CREATE POLICY never ON outbox USING (false);
        CREATE TABLE more () INHERITS (audit_entries);
        CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION watch();";
    let comparison = after(&postgres::create().await, changes).await;
    assert_eq!(comparison.limitation, None);
    assert_named(
        &comparison,
        &[
            "the event trigger watch is not of this program (on ddl_command_end, runs watch)",
            "the constraint never of audit_checkpoints is not of this program (CHECK (hash > '5'::text))",
            "the index once of audit_entries is not of this program (CREATE INDEX once ON audit_entries",
            "the index one of audit_entries is not of this program (CREATE UNIQUE INDEX one ON audit_entries",
            "the inheriting table more of audit_entries is not of this program",
            "the trigger hide of audit_entries is not of this program (runs hide)",
            "the trigger hide_later of audit_entries is not of this program (runs hide, disabled)",
            "the column hash of audit_heads is \"text COLLATE \"POSIX\" NOT NULL\", but must be \"text COLLATE \"C\" NOT NULL\"",
            "the column note of audit_heads is not of this program (text NOT NULL DEFAULT 'none'::text)",
            "the column sequence of audit_heads is \"bigint NOT NULL DEFAULT 7\", but must be \"bigint NOT NULL\"",
            "audit_log is missing (view AS SELECT",
            "audit_repeats is \"view AS SELECT",
            "the index audit_seals_entry of audit_seals is missing (CREATE UNIQUE INDEX audit_seals_entry ON audit_seals",
            "the constraint audit_waiting_pkey of audit_waiting is missing (PRIMARY KEY (organization_id, id))",
            "the index audit_waiting_pkey of audit_waiting is missing (CREATE UNIQUE INDEX audit_waiting_pkey",
            "audit_waiting is \"unlogged table\", but must be \"table\"",
            "the rule hide of audit_waiting is not of this program (on INSERT, instead)",
            "the index findings_changed of findings is \"CREATE INDEX findings_changed ON findings USING btree",
            "leases is missing (table)",
            "the policy never of outbox is not of this program",
            "the row security of outbox is not of this program (enabled, for the owner too)",
        ],
    );
}

#[tokio::test]
async fn indexes_and_tables_of_the_operator_are_remarks() {
    let own = "CREATE INDEX mine ON findings (organization_id, title); CREATE TABLE notes (id text); \
               CREATE UNIQUE INDEX notes_id ON notes (id)";
    let on_file = SqliteFile::create().await.after(own).await;
    assert!(remarks(&on_file)[0].starts_with("the index mine is not of this program"), "{:?}", remarks(&on_file));

    let fresh = postgres::create().await;
    let function = "CREATE FUNCTION theirs() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'";
    let trigger = "CREATE TRIGGER theirs BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION theirs()";
    let on_postgres = after(&fresh, &format!("{own}; {function}; {trigger}")).await;
    assert_eq!(differences(&on_postgres), [""; 0]);
    assert_eq!(
        remarks(&on_postgres),
        [
            "the index mine of findings is not of this program (CREATE INDEX mine ON findings USING btree \
             (organization_id, title))",
            "notes is not of this program (table)",
        ]
    );
}

#[tokio::test]
async fn without_the_right_to_create_a_schema_or_on_a_distributed_database_names_and_triggers_are_compared() {
    let fresh = postgres::create().await;
    assert_eq!(
        compared(&fresh, PostgresKind::Distributed).await,
        SchemaComparison { limitation: Some(Limitation::Distributed), ..SchemaComparison::default() }
    );
    let change = "CREATE RULE hide AS ON INSERT TO audit_waiting DO INSTEAD NOTHING; \
                  ALTER TABLE audit_heads ADD COLUMN note text; ALTER TABLE audit_entries ENABLE ROW LEVEL SECURITY; \
                  CREATE TABLE audit_entries_102008 (id text); \
                  ALTER TABLE audit_repeats RENAME TO repeats; CREATE VIEW audit_repeats AS SELECT * FROM repeats";
    after(&fresh, change).await;
    let named = [
        "the row security of audit_entries is not of this program (enabled)",
        "the column note of audit_heads is not of this program",
        "audit_repeats is \"view\", but must be \"table\"",
        "the rule hide of audit_waiting is not of this program (on INSERT, instead)",
    ];
    let comparison = compared(&fresh, PostgresKind::Distributed).await;
    assert_eq!(differences(&comparison), named);

    let reader = format!("ALTER DATABASE {} SET role = 'pg_read_all_data'", fresh.name());
    fresh.connect().await.batch_execute(&reader).await.unwrap();
    let comparison = compared(&fresh, PostgresKind::Detected).await;
    assert_eq!(comparison.limitation, Some(Limitation::MissingPrivilege));
    assert_eq!(differences(&comparison), named);
}
