//! The contents of the audit log, and that it can't be changed unnoticed.

use std::collections::HashMap;

use serde_json::Value;

use super::{
    RepeatedReports,
    deployment::Deployment,
    support::{Client, Installation},
};

/// Asserts that the log has one entry for each report that had an effect, and one for each that was replayed.
pub(crate) async fn assert_every_request_is_audited(
    deployment: &Deployment,
    repeated: &RepeatedReports,
    refused: usize,
) {
    let reader = deployment.client(&deployment.installation().create_account("auditor", &["audit:read"])).await;
    let recorded = entries(&reader, "finding.event_recorded").await;
    let replayed = entries(&reader, "finding.event_recorded.replayed").await;
    assert_eq!(recorded.len(), repeated.ids.len());
    // A request whose response was lost is in the log as well.
    assert!(
        replayed.len() == repeated.replays || (replayed.len() > repeated.replays && deployment.may_lose_responses())
    );
    let mut acted: HashMap<&str, usize> = HashMap::new();
    for entry in &recorded {
        assert_eq!(entry["actor"]["name"], "mirror");
        *acted.entry(entry["subject"]["id"].as_str().expect("a finding")).or_default() += 1;
    }
    assert!(repeated.ids.iter().all(|id| acted.get(id.as_str()) == Some(&1)), "each report has exactly one effect");
    assert_eq!(entries(&reader, "finding.created").await.len(), 1768);
    let refusals = entries(&reader, "finding.listed.refused").await;
    assert_eq!(refusals.len(), refused, "the log has an entry for each request refused after the account was disabled");
}

async fn entries(reader: &Client, action: &str) -> Vec<Value> {
    reader.list_all(&format!("/api/v1/audit/entries?action={action}"), "entries").await
}

/// Asserts that `audit verify` passes next to the running server, and from an export with only the public key.
pub(crate) async fn assert_the_log_verifies_online_and_from_an_export(deployment: &Deployment) {
    deployment.wait_until_sealed().await;
    let installation = deployment.installation();
    let verified = installation.run(&["audit", "verify", "--workspace", "default"]);
    assert!(verified.status.success(), "{}", verified.stderr);
    let export = installation.run(&["audit", "export", "--workspace", "default"]);
    let key = installation.run(&["audit", "public-key"]);
    assert!(export.status.success() && key.status.success(), "{}{}", export.stderr, key.stderr);

    let outside = Installation::new();
    let (file, pem) = (outside.folder().join("export.jsonl"), outside.folder().join("key.pem"));
    std::fs::write(&file, &export.stdout).expect("the export");
    std::fs::write(&pem, &key.stdout).expect("the key");
    let outsider = |file: &std::path::Path| {
        let (file, pem) = (file.to_str().expect("a path"), pem.to_str().expect("a path"));
        outside.run(&["audit", "verify", "--file", file, "--public-key", pem])
    };
    let verified = outsider(&file);
    assert!(verified.status.success(), "{}", verified.stderr);
    assert!(!outside.folder().join("data").exists(), "the verification of an export must not open a database");

    let forged = outside.folder().join("forged.jsonl");
    std::fs::write(&forged, export.stdout.replacen("nightly scan", "nightly scam", 1)).expect("the forgery");
    assert_eq!(outsider(&forged).status.code(), Some(1), "a forged export must be detected");
}

/// Exchanges two runs of stored entries in the database, and asserts that the verification reports it. A changed byte
/// would only show that they can't be read.
pub(crate) async fn assert_a_changed_entry_is_detected(installation: &Installation) {
    let database = installation.database().await;
    let organization = database.cell("SELECT organization_id FROM organizations WHERE slug = 'default'").await;
    let of_default = format!("organization_id = '{organization}'");
    let runs = format!("SELECT first_sequence FROM audit_runs WHERE {of_default} ORDER BY first_sequence LIMIT 2");
    let runs = database.rows(&runs).await;
    let [first, second] = [runs[0][0].clone(), runs[1][0].clone()];
    let both = format!("{of_default} AND first_sequence IN ({first}, {second})");
    database.execute(&format!("CREATE TABLE genuine_runs AS SELECT * FROM audit_runs WHERE {both}")).await;
    let put_body_of = |comparison: &str| {
        format!(
            "UPDATE audit_runs SET body = (SELECT g.body FROM genuine_runs AS g \
             WHERE g.first_sequence {comparison} audit_runs.first_sequence) WHERE {both}"
        )
    };
    assert_eq!(database.execute(&put_body_of("<>")).await, 2);
    let verified = installation.run(&["audit", "verify", "--workspace", "default"]);
    assert_eq!(verified.status.code(), Some(1), "{}", verified.stdout);
    assert!(verified.stderr.contains("the audit log of default is not intact"), "{}", verified.stderr);
    assert_eq!(database.execute(&put_body_of("=")).await, 2);
    database.execute("DROP TABLE genuine_runs").await;
    let restored = installation.run(&["audit", "verify", "--workspace", "default"]);
    assert!(restored.status.success(), "{}", restored.stderr);
}

/// Puts back an earlier state of a log with its head and checkpoints, and asserts that this is detected with a retained
/// checkpoint.
pub(crate) async fn assert_a_truncated_log_is_detected(installation: &Installation) {
    let database = installation.database().await;
    for table in ["audit_heads", "audit_runs", "audit_segments", "audit_terms", "audit_tiles", "audit_checkpoints"] {
        database.execute(&format!("CREATE TABLE earlier_{table} AS SELECT * FROM {table}")).await;
    }
    installation.create_account("later", &["governance.findings:read"]);
    let retained = installation.run(&["audit", "checkpoint", "--workspace", "default"]);
    assert!(retained.status.success(), "{}", retained.stderr);
    let file = installation.folder().join("checkpoint.json");
    std::fs::write(&file, &retained.stdout).expect("the checkpoint");
    let file = file.to_str().expect("a path");
    let verify = || installation.run(&["audit", "verify", "--workspace", "default", "--checkpoint", file]);
    assert!(verify().status.success(), "{}", verify().stderr);

    // A forger puts back what the database had before. Heads are signed, so nothing else would verify.
    let database = installation.database().await;
    let organization = database.cell("SELECT organization_id FROM organizations WHERE slug = 'default'").await;
    let tail = format!("organization_id = '{organization}'");
    for table in ["audit_heads", "audit_runs", "audit_segments", "audit_terms", "audit_tiles", "audit_checkpoints"] {
        database.execute(&format!("DELETE FROM {table} WHERE {tail}")).await;
        database.execute(&format!("INSERT INTO {table} SELECT * FROM earlier_{table} WHERE {tail}")).await;
    }
    let fooled = installation.run(&["audit", "verify", "--workspace", "default"]);
    assert!(fooled.status.success(), "without the retained checkpoint, the truncated log verifies: {}", fooled.stderr);
    let found = verify();
    assert_eq!(found.status.code(), Some(1), "{}", found.stdout);
    assert!(found.stderr.contains("the last entries were removed"), "{}", found.stderr);
}
