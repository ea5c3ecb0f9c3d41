//! Sealing of the audit log by commands while no server runs.

use std::fs;

use crate::support::{CommandOutput, Installation};

fn create_account(installation: &Installation, workspace: &str, name: &str) -> CommandOutput {
    let scope = "governance.findings:read";
    installation.run(&["service-account", "create", "--workspace", workspace, "--name", name, "--scope", scope])
}

fn create_workspace(installation: &Installation, slug: &str) -> CommandOutput {
    let ran = installation.run(&["workspace", "create", "--slug", slug, "--name", slug]);
    assert!(ran.status.success(), "{}", ran.stderr);
    ran
}

#[test]
fn a_checkpoint_signed_by_a_command_is_logged_only_at_a_level_that_includes_it_and_verifies() {
    let installation = Installation::new();
    let quiet = create_workspace(&installation, "quiet");
    assert_eq!(quiet.stderr, "", "the default level is warn");
    let created = installation.run(&["workspace", "create", "--slug", "acme", "--name", "acme", "--log-level", "info"]);
    let logged = created.stderr.lines().find(|line| line.contains("\"novantra::checkpoint\"")).expect("a checkpoint");
    let retained = installation.folder().join("checkpoint.json");
    fs::write(&retained, logged).unwrap();
    let verified = installation.run_json(&["audit", "verify", "--checkpoint", retained.to_str().unwrap()]);
    assert_eq!(verified["ok"], true, "{verified}");
}

#[test]
fn a_chain_that_cannot_be_sealed_does_not_block_other_chains() {
    let installation = Installation::new();
    create_workspace(&installation, "broken");
    create_workspace(&installation, "healthy");
    let database = rusqlite::Connection::open(installation.folder().join("data/novantra.db")).unwrap();
    database
        .execute_batch(
            "CREATE TRIGGER broken BEFORE INSERT ON audit_checkpoints \
             WHEN NEW.organization_id = (SELECT organization_id FROM organizations WHERE slug = 'broken') \
             BEGIN SELECT RAISE(ABORT, 'this chain is broken'); END",
        )
        .unwrap();
    let refused = create_account(&installation, "broken", "first");
    assert!(refused.stderr.contains("not sealed yet"), "{}", refused.stderr);
    let ran = create_account(&installation, "healthy", "second");
    assert!(ran.stderr.contains("this chain is broken"), "{}", ran.stderr);
    for (workspace, unsealed) in [("broken", 1), ("healthy", 0)] {
        let verified = installation.run_json(&["audit", "verify", "--workspace", workspace]);
        assert_eq!(verified["logs"][0]["unsealed"], unsealed, "{verified}");
    }
}

#[test]
fn unreadable_entries_are_reported_and_do_not_block_other_chains() {
    let installation = Installation::new();
    create_workspace(&installation, "broken");
    create_workspace(&installation, "healthy");
    let database = rusqlite::Connection::open(installation.folder().join("data/novantra.db")).unwrap();
    // More entries than a sealer processes in one batch.
    database
        .execute_batch(
            "WITH RECURSIVE counted(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM counted WHERE number < 3000) \
             INSERT INTO audit_entries (organization_id, id, occurred_at, actor_kind, actor_name, action, changes, request_id) \
             SELECT o.id, printf('00000000000000000000%06d', number), 0, 'system', 'nobody', 'a.b', 'no changes', o.id \
             FROM organizations AS o, counted WHERE o.slug = 'broken'; \
             INSERT INTO audit_waiting (organization_id, id) \
             SELECT organization_id, id FROM audit_entries WHERE changes = 'no changes'",
        )
        .unwrap();
    let ran = create_account(&installation, "healthy", "first");
    assert!(ran.status.success(), "{}", ran.stderr);
    assert!(ran.stderr.contains("00000000000000000000000001"), "{}", ran.stderr);
    for (workspace, unsealed) in [("broken", 3000), ("healthy", 0)] {
        let verified = installation.run_json(&["audit", "verify", "--workspace", workspace]);
        assert_eq!(verified["logs"][0]["unsealed"], unsealed, "{verified}");
    }
}

#[test]
fn an_entry_removed_before_it_is_sealed_is_detected() {
    let installation = Installation::new();
    create_workspace(&installation, "tampered");
    let database = rusqlite::Connection::open(installation.folder().join("data/novantra.db")).unwrap();
    let left = "INSERT INTO audit_waiting (organization_id, id) \
                SELECT id, '00000000000000000000000001' FROM organizations WHERE slug = 'tampered'";
    assert_eq!(database.execute(left, []).unwrap(), 1);
    let ran = create_account(&installation, "tampered", "first");
    assert!(ran.status.success(), "{}", ran.stderr);
    assert!(ran.stderr.contains("aud_00000000000000000000000001 is unsealed but no longer exists"), "{}", ran.stderr);
}

#[test]
fn an_entry_missing_from_the_sealing_queue_is_counted_as_unsealed() {
    let installation = Installation::new();
    create_workspace(&installation, "tampered");
    let database = rusqlite::Connection::open(installation.folder().join("data/novantra.db")).unwrap();
    let tampered = "INSERT INTO audit_entries (organization_id, id, occurred_at, actor_kind, actor_name, action, changes, \
                  request_id) SELECT id, '00000000000000000000000001', 0, 'system', 'nobody', 'a.b', '[]', id \
                  FROM organizations WHERE slug = 'tampered'";
    assert_eq!(database.execute(tampered, []).unwrap(), 1);
    let verified = installation.run_json(&["audit", "verify", "--workspace", "tampered"]);
    assert_eq!(verified["logs"][0]["unsealed"], 1, "{verified}");
}
