//! The commands on a database that is distributed. The tests have no such database, only the entries in the
//! catalogue by which one is recognized.

use crate::support::Installation;

const CATALOGUE: [&str; 3] = [
    "INSERT INTO pg_extension SELECT 99999, 'citus', extowner, extnamespace, false, '13.2' FROM pg_extension \
     WHERE extname = 'plpgsql'",
    "CREATE TABLE pg_dist_partition (logicalrelid regclass, partmethod \"char\", partkey text, colocationid int, \
     repmodel \"char\")",
    "CREATE FUNCTION column_to_column_name(regclass, text) RETURNS text LANGUAGE sql AS 'SELECT $2'",
];

const FIRST: &str = "SELECT create_distributed_table('service_accounts', 'organization_id', shard_count => 8)";

async fn distributed_installation() -> Installation {
    let installation = Installation::with_new_postgres().await;
    let database = installation.database().await;
    for statement in CATALOGUE {
        database.execute(statement).await;
    }
    installation
}

#[tokio::test]
async fn migrate_and_check_say_which_tables_of_a_distributed_database_are_not_placed() {
    let installation = distributed_installation().await;
    let migrated = installation.run_json(&["migrate"]);
    assert_eq!(migrated["statements"][0], FIRST, "{migrated}");
    installation.run_json(&["workspace", "create", "--slug", "made", "--name", "Made"]);
    let checked = installation.run(&["check"]);
    assert_eq!(checked.status.code(), Some(1));
    assert!(checked.stderr.contains(FIRST), "{}", checked.stderr);
    assert!(checked.stderr.contains("webhook_lanes is a plain table of the coordinator"), "{}", checked.stderr);

    let database = installation.database().await;
    for statement in [
        "INSERT INTO pg_dist_partition SELECT attrelid, 'h', 'organization_id', 2, 's' FROM pg_attribute \
         JOIN pg_class ON pg_class.oid = attrelid WHERE attname = 'organization_id' AND relkind = 'r'",
        "UPDATE pg_dist_partition SET partmethod = 'n', repmodel = 't' WHERE logicalrelid = 'organizations'::regclass",
    ] {
        database.execute(statement).await;
    }
    let checked = installation.run_json(&["check"]);
    let distribution =
        checked["checks"].as_array().unwrap().iter().find(|check| check["about"] == "distribution").unwrap().clone();
    assert_eq!(distribution["ok"], true, "{distribution}");
}

#[tokio::test]
async fn the_setting_of_the_engine_overrides_what_is_detected() {
    let installation = distributed_installation().await;
    let migrated = installation.run_json(&["migrate", "--database-engine", "postgresql"]);
    assert_eq!(migrated["statements"], serde_json::json!([]), "{migrated}");
}

#[tokio::test]
async fn a_copy_to_a_distributed_database_is_refused_until_its_tables_are_placed() {
    let (from, to) = (Installation::new(), distributed_installation().await);
    from.run_json(&["workspace", "create", "--slug", "made", "--name", "Made"]);
    let refused = from.run(&["copy", "--from", &from.database_url(), "--to", &to.database_url()]);
    assert_eq!(refused.status.code(), Some(1), "{}", refused.stdout);
    assert!(refused.stderr.contains(FIRST) && refused.stderr.lines().count() == 1, "{}", refused.stderr);
    assert_eq!(to.database().await.cell("SELECT count(*) FROM organizations").await, "0");
}
