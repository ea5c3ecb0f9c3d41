//! A migration of a later version that is applied while servers of this version run.

use crate::{
    load::Load,
    support::{Installation, ServerCluster},
};

/// Statements that a later version may apply: they only add to the schema.
const EXPANSION: &[&str] = &[
    "ALTER TABLE findings ADD COLUMN risk_score bigint",
    "ALTER TABLE findings ADD COLUMN region text COLLATE \"C\" NOT NULL DEFAULT 'anywhere'",
    "CREATE INDEX findings_region ON findings (organization_id, region, id)",
    "ALTER TABLE finding_events ADD COLUMN channel text COLLATE \"C\"",
    "ALTER TABLE service_accounts ADD COLUMN owner text COLLATE \"C\" NOT NULL DEFAULT ''",
    "ALTER TABLE organizations ADD COLUMN plan text COLLATE \"C\"",
    "ALTER TABLE idempotency ADD COLUMN attempts bigint NOT NULL DEFAULT 1",
    "ALTER TABLE audit_waiting ADD COLUMN trace text COLLATE \"C\"",
    "ALTER TABLE audit_heads ADD COLUMN entries bigint NOT NULL DEFAULT 0",
    "ALTER TABLE audit_runs ADD COLUMN writer text COLLATE \"C\"",
    "ALTER TABLE outbox ADD COLUMN attempts bigint NOT NULL DEFAULT 0",
    "ALTER TABLE leases ADD COLUMN fence bigint NOT NULL DEFAULT 0",
    "ALTER TABLE open_writes ADD COLUMN version text",
    "ALTER TABLE signing_keys ADD COLUMN note text",
    "CREATE TABLE tags (organization_id text NOT NULL, id text NOT NULL, PRIMARY KEY (organization_id, id))",
    "INSERT INTO schema_migrations (version, name, checksum, applied_at) \
     SELECT max(version) + 1, 'expansion', 'of a later version', 0 FROM schema_migrations",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_keep_working_while_a_later_migration_expands_the_schema() {
    let servers = ServerCluster::start(Installation::with_new_postgres().await, 2);
    let database = servers.installation().database().await;
    let mut load = Load::start(&servers, 4).await;
    load.wait_for_writes(20).await;
    for statement in EXPANSION {
        database.execute(statement).await;
        load.wait_for_writes(2).await;
    }
    load.wait_for_writes(20).await;
    for index in 0..servers.len() {
        assert_eq!(servers.probe(index, "/readyz").await.0, 200);
        let log = servers.with_server(index, |server| server.log());
        assert!(!log.contains("cached plan"), "{log}");
    }
    servers.kill(0);
    servers.restart(0);
    load.wait_for_writes(10).await;
    load.stop_and_verify(&servers).await;
}
