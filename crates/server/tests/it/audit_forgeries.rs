//! Forgeries of the stored audit log by somebody with write access to the database but without the keys: each is reported
//! by the verification, and none is repaired by sealing.

use std::fs;

use crate::support::{Installation, Server, finding};

/// The log of the workspace, in the statements below.
const OF_DEFAULT: &str = "organization_id = (SELECT id FROM organizations WHERE slug = 'default')";

/// Forgeries of what is sealed. Each is a change of the tables that a row still satisfies their constraints.
const FORGERIES: &[(&str, &str)] = &[
    (
        "the newest run is deleted",
        "DELETE FROM audit_runs WHERE {log} AND first_sequence = \
         (SELECT max(first_sequence) FROM audit_runs WHERE {log})",
    ),
    (
        "the oldest run is deleted",
        "DELETE FROM audit_runs WHERE {log} AND first_sequence = \
         (SELECT min(first_sequence) FROM audit_runs WHERE {log})",
    ),
    (
        "the newest run is deleted, and the head is set back to the run before",
        "DELETE FROM audit_runs WHERE {log} AND first_sequence = \
         (SELECT max(first_sequence) FROM audit_runs WHERE {log}); \
         UPDATE audit_heads SET sequence = (SELECT max(last_sequence) FROM audit_runs WHERE {log}) WHERE {log}",
    ),
    (
        "a run is said to have other sequences",
        "UPDATE audit_runs SET first_sequence = first_sequence + 1000, last_sequence = last_sequence + 1000 \
         WHERE {log} AND first_sequence = (SELECT max(first_sequence) FROM audit_runs WHERE {log})",
    ),
    (
        "another run takes the place of the first one",
        "UPDATE audit_runs SET body = (SELECT r.body FROM audit_runs AS r WHERE r.{log} AND r.first_sequence > 1 LIMIT 1) \
         WHERE {log} AND first_sequence = 1",
    ),
    ("the head is deleted", "DELETE FROM audit_heads WHERE {log}"),
    (
        "the hash of the head is changed",
        "UPDATE audit_heads SET hash = replace(hash, substr(hash, 1, 8), '00000000') WHERE {log}",
    ),
    ("the head is set forward", "UPDATE audit_heads SET sequence = sequence + 1 WHERE {log}"),
    ("the signature of the head is changed", "UPDATE audit_heads SET signature = zeroblob(64) WHERE {log}"),
    ("the signature of the head is deleted", "UPDATE audit_heads SET signature = NULL, signed_at = NULL WHERE {log}"),
    ("the time of the signature is changed", "UPDATE audit_heads SET signed_at = signed_at + 1 WHERE {log}"),
    ("the tree of the head is changed", "UPDATE audit_heads SET edge = zeroblob(length(edge)) WHERE {log}"),
    (
        "entries are said to have been removed",
        "UPDATE audit_heads SET removed_through = 5, removed_hash = hash WHERE {log}",
    ),
];

#[tokio::test]
async fn every_forgery_of_sealed_entries_is_reported() {
    let server = Server::start();
    let client = server.create_client("writer", &["governance.findings:write"]).await;
    let mut runs = 0;
    let database = server.installation().folder().join("data/novantra.db");
    for number in 0.. {
        let created = client.post("/api/v1/governance/findings", &finding(&format!("key-{number}"))).await;
        assert_eq!(created.status, 201, "{}", created.body);
        if runs > 2 {
            break;
        }
        let read = rusqlite::Connection::open(&database).unwrap();
        let count = format!("SELECT count(*) FROM audit_runs WHERE {OF_DEFAULT}");
        runs = read.query_row(&count, [], |row| row.get::<_, i64>(0)).unwrap();
    }
    let installation = server.installation().clone();
    assert!(server.stop().success());
    let genuine = fs::read(&database).unwrap();
    for (forgery, statements) in FORGERIES {
        let forged = rusqlite::Connection::open(&database).unwrap();
        let before = forged.total_changes();
        forged.execute_batch(&statements.replace("{log}", OF_DEFAULT)).unwrap();
        assert!(forged.total_changes() > before, "{forgery}: nothing was changed");
        drop(forged);
        let verified = installation.run(&["audit", "verify", "--workspace", "default"]);
        assert_eq!(verified.status.code(), Some(1), "{forgery}: {}{}", verified.stdout, verified.stderr);
        assert!(verified.stderr.contains("the audit log of default is not intact"), "{forgery}: {}", verified.stderr);
        // A command writes to the log and seals it. It must not sign what was forged.
        create_account(&installation);
        let verified = installation.run(&["audit", "verify", "--workspace", "default"]);
        assert_eq!(verified.status.code(), Some(1), "{forgery}, after sealing: {}{}", verified.stdout, verified.stderr);
        for suffix in ["-wal", "-shm"] {
            let _ = fs::remove_file(format!("{}{suffix}", database.display()));
        }
        fs::write(&database, &genuine).unwrap();
    }
    let verified = installation.run(&["audit", "verify", "--workspace", "default"]);
    assert!(verified.status.success(), "{}", verified.stderr);
}

fn create_account(installation: &Installation) {
    let scope = "governance.findings:read";
    let arguments = ["service-account", "create", "--workspace", "default", "--name", "later", "--scope", scope];
    installation.run(&arguments);
}
