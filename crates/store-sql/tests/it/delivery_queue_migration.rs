//! The migration that takes pending events from the outbox, and deliveries without an attempt from the table of
//! deliveries.

use kernel::Timestamp;
use novantra_store_sql::{Database, DatabaseUrl};

use crate::support::postgres;

const NOW: Timestamp = Timestamp::from_millis(1_779_718_113_000);

/// Reverts the schema to the one before migration 27, with a pending event and deliveries in each state.
const BEFORE: &str = "
    DROP VIEW queued_webhook_deliveries;
    DROP TABLE webhook_queue;
    DROP TABLE pending_events;
    ALTER TABLE outbox ADD COLUMN state text NOT NULL DEFAULT 'distributed';
    CREATE INDEX outbox_waiting ON outbox (organization_id, created_at, subject_revision, id) WHERE state = 'pending';
    DELETE FROM schema_migrations WHERE version = 27;
    UPDATE installation SET value = '10' WHERE key = 'oldest_schema';
    INSERT INTO outbox (organization_id, id, name, subject_kind, subject_id, subject_revision, created_at, body, state)
    VALUES ('o', 'e-1', 'finding.created', 'finding', 'f', 1, 5, '', 'distributed'),
        ('o', 'e-2', 'finding.updated', 'finding', 'f', 2, 6, '', 'pending');
    INSERT INTO webhook_deliveries (organization_id, id, revision, created_at, updated_at, subscription_id, event_id,
        event_type, subject_id, subject_revision, state, failed, next_attempt_at, attempts)
    VALUES ('o', 'd-1', 1, 5, 7, 's-1', 'e-1', 'finding.created', 'f', 1, 'pending', 0, 4, '[]'),
        ('o', 'd-2', 1, 5, 7, 's-2', 'e-1', 'finding.created', 'f', 1, 'pending', 0, 5, '[]'),
        ('o', 'd-3', 3, 5, 8, 's-2', 'e-1', 'finding.created', 'f', 1, 'pending', 0, 8, '[{}]'),
        ('o', 'd-4', 2, 5, 8, 's-2', 'e-1', 'finding.created', 'f', 1, 'failed', 1, 9, '[{}]'),
        ('o', 'd-5', 2, 5, 8, 's-2', 'e-1', 'finding.created', 'f', 1, 'delivered', 0, NULL, '[{}]')";

/// The rows afterwards, each as one text.
const AFTER: [(&str, &[&str]); 5] = [
    ("SELECT id FROM outbox ORDER BY id", &["e-1", "e-2"]),
    (
        "SELECT organization_id || ' ' || created_at || ' ' || subject_revision || ' ' || id || ' ' || name || ' ' \
         || subject_id || ' ' || attempted FROM pending_events",
        &["o 6 2 e-2 finding.updated f 1"],
    ),
    (
        "SELECT id || ' ' || revision || ' ' || created_at || ' ' || updated_at || ' ' || subscription_id || ' ' || event_id \
         || ' ' || event_type || ' ' || subject_id || ' ' || subject_revision || ' ' || state || ' ' || failed || ' ' \
         || next_attempt_at || ' ' || attempts FROM queued_webhook_deliveries ORDER BY id",
        &[
            "d-1 1 5 7 s-1 e-1 finding.created f 1 pending 0 4 []",
            "d-2 1 5 7 s-2 e-1 finding.created f 1 pending 0 5 []",
        ],
    ),
    ("SELECT id || ' ' || state FROM webhook_deliveries ORDER BY id", &["d-3 pending", "d-4 failed", "d-5 delivered"]),
    ("SELECT value FROM installation WHERE key = 'oldest_schema'", &["27"]),
];

#[tokio::test]
async fn the_migration_keeps_pending_events_and_deliveries() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("novantra.db");
    let open = async || Database::open(&DatabaseUrl::Sqlite(path.clone())).await.unwrap();
    open().await.migrate(NOW).await.unwrap();
    let connection = rusqlite::Connection::open(&path).unwrap();
    // SQLite tells bytes from text.
    connection.execute_batch(&BEFORE.replace(", '', '", ", x'', '")).unwrap();
    open().await.migrate(NOW).await.unwrap();
    for (query, expected) in AFTER {
        let mut statement = connection.prepare(query).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        assert_eq!(rows.map(Result::unwrap).collect::<Vec<_>>(), expected, "{query}");
    }

    let fresh = postgres::create().await;
    let client = fresh.connect().await;
    client.batch_execute(BEFORE).await.unwrap();
    Database::open(&fresh.url().parse().unwrap()).await.unwrap().migrate(NOW).await.unwrap();
    for (query, expected) in AFTER {
        let rows = client.query(query, &[]).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>(), expected, "{query}");
    }
}
