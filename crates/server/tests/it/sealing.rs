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
            "CREATE TRIGGER broken BEFORE INSERT ON audit_runs \
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
fn a_row_that_nobody_of_the_installation_wrote_is_refused_and_does_not_block_the_chain() {
    let installation = Installation::new();
    create_workspace(&installation, "made");
    let database = rusqlite::Connection::open(installation.folder().join("data/novantra.db")).unwrap();
    let forged = "INSERT INTO audit_waiting (organization_id, id, entries, body) \
                  SELECT id, '00000000000000000000000001', 1, x'00' FROM organizations WHERE slug = 'made'";
    assert_eq!(database.execute(forged, []).unwrap(), 1);
    let ran = create_account(&installation, "made", "first");
    assert!(ran.status.success(), "{}", ran.stderr);
    assert!(ran.stderr.contains("00000000000000000000000001"), "{}", ran.stderr);
    assert_eq!(installation.audit_entries("made").last().unwrap()["action"], "service_account.created");
    let recorded = installation.audit_entries("-");
    assert!(recorded.iter().any(|entry| entry["action"] == "audit.row_refused"), "{recorded:?}");
    let left: i64 = database
        .query_row("SELECT count(*) FROM audit_waiting WHERE id = '00000000000000000000000001'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 1, "the row stays as evidence");
    let verified = installation.run(&["audit", "verify"]);
    assert_eq!(verified.status.code(), Some(1), "{}", verified.stdout);
    assert!(verified.stderr.contains("00000000000000000000000001"), "{}", verified.stderr);

    // What the log tells of it fails the verification even after the row is gone, until somebody accepts it.
    database.execute("DELETE FROM audit_waiting WHERE id = '00000000000000000000000001'", []).unwrap();
    let verified = installation.run(&["audit", "verify"]);
    assert_eq!(verified.status.code(), Some(1), "{}", verified.stdout);
    assert!(verified.stderr.contains("1 of audit.row_refused"), "{}", verified.stderr);
    let accepted = installation.run_json(&["audit", "verify", "--accept-recorded"]);
    assert_eq!((&accepted["ok"], &accepted["recorded"]["refused_rows"]), (&true.into(), &1.into()), "{accepted}");
}
