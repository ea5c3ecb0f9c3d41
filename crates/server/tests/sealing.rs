//! Sealing by commands, with no server there.

mod support;

use std::fs;

use support::{Installation, Ran};

fn create(installation: &Installation, workspace: &str, name: &str) -> Ran {
    let scope = "governance.findings:read";
    installation.run(&["service-account", "create", "--workspace", workspace, "--name", name, "--scope", scope])
}

fn found(installation: &Installation, slug: &str) -> Ran {
    let ran = installation.run(&["workspace", "create", "--slug", slug, "--name", slug]);
    assert!(ran.status.success(), "{}", ran.stderr);
    ran
}

#[test]
fn a_checkpoint_that_a_command_signs_is_in_its_log_and_can_be_verified_against() {
    let installation = Installation::new();
    let founded = found(&installation, "acme");
    let logged = founded.stderr.lines().find(|line| line.contains("\"novantra::checkpoint\"")).expect("a checkpoint");
    let kept = installation.folder().join("kept.json");
    fs::write(&kept, logged).unwrap();
    let verified = installation.json(&["audit", "verify", "--checkpoint", kept.to_str().unwrap()]);
    assert_eq!(verified["ok"], true, "{verified}");
}

#[test]
fn a_chain_that_cannot_be_sealed_keeps_no_other_from_it() {
    let installation = Installation::new();
    found(&installation, "broken");
    found(&installation, "whole");
    let database = rusqlite::Connection::open(installation.folder().join("data/novantra.db")).unwrap();
    database
        .execute_batch(
            "CREATE TRIGGER broken BEFORE INSERT ON audit_checkpoints \
             WHEN NEW.organization_id = (SELECT organization_id FROM organizations WHERE slug = 'broken') \
             BEGIN SELECT RAISE(ABORT, 'this chain is broken'); END",
        )
        .unwrap();
    let refused = create(&installation, "broken", "first");
    assert!(refused.stderr.contains("not sealed yet"), "{}", refused.stderr);
    let told = create(&installation, "whole", "second");
    assert!(told.stderr.contains("this chain is broken"), "{}", told.stderr);
    for (workspace, unsealed) in [("broken", 1), ("whole", 0)] {
        let verified = installation.json(&["audit", "verify", "--workspace", workspace]);
        assert_eq!(verified["logs"][0]["unsealed"], unsealed, "{verified}");
    }
}
