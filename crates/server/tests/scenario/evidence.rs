//! What the audit log shows, and that it can't be changed unnoticed.

use std::collections::HashMap;

use rusqlite::Connection;
use serde_json::Value;

use super::support::{Client, Installation, Server, eventually};

/// One entry for each report that acted, and one for each that was answered again.
pub(crate) async fn every_call_is_on_record(server: &Server, repeated: &[String]) {
    let reader = server.client("auditor", &["audit:read"]).await;
    let recorded = entries(&reader, "finding.event_recorded").await;
    let replayed = entries(&reader, "finding.event_recorded.replayed").await;
    assert_eq!(recorded.len(), repeated.len());
    assert_eq!(replayed.len(), 3 * repeated.len());
    let mut acted: HashMap<&str, usize> = HashMap::new();
    for entry in &recorded {
        assert_eq!(entry["actor"]["name"], "mirror");
        *acted.entry(entry["subject"]["id"].as_str().expect("a finding")).or_default() += 1;
    }
    assert!(repeated.iter().all(|id| acted.get(id.as_str()) == Some(&1)), "exactly one effect each");
    assert_eq!(entries(&reader, "finding.created").await.len(), 1768);
    assert_eq!(entries(&reader, "finding.listed.refused").await.len(), 1, "the call after the account was disabled");
}

async fn entries(reader: &Client, action: &str) -> Vec<Value> {
    let path = format!("/api/v1/audit/entries?action={action}&limit=200");
    let (mut entries, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = reader.get(&format!("{path}{cursor}")).await;
        assert_eq!(page.status, 200, "{}", page.body);
        entries.extend(page.body["entries"].as_array().expect("entries").iter().cloned());
        match page.body["pagination"]["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return entries,
        }
    }
}

/// `audit verify` passes beside the running server, and from an export with nothing but the public key.
pub(crate) async fn the_log_verifies_for_insiders_and_outsiders(server: &Server) {
    let installation = server.installation();
    eventually("everything is sealed", async || {
        let verified = installation.run(&["audit", "verify", "--workspace", "default"]);
        assert!(verified.status.success(), "{}", verified.stderr);
        let (_, metrics) = server.probe("/metrics").await;
        metrics
            .lines()
            .any(|line| line.starts_with("novantra_audit_unsealed_entries") && line.ends_with(" 0"))
            .then_some(())
    })
    .await;
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
    assert!(!outside.folder().join("data").exists(), "neither server nor database was needed");

    let forged = outside.folder().join("forged.jsonl");
    std::fs::write(&forged, export.stdout.replacen("nightly scan", "nightly scam", 1)).expect("the forgery");
    assert_eq!(outsider(&forged).status.code(), Some(1), "a forged export is found");
}

/// One character of one stored entry, changed in the database, and the log names that entry.
pub(crate) fn a_changed_entry_is_named(installation: &Installation) {
    let database = open(installation);
    let (id, reason): (String, String) = database
        .query_row(
            "SELECT id, reason FROM audit_entries WHERE action = 'finding.created' ORDER BY id LIMIT 1 OFFSET 700",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .expect("an entry");
    let set = |reason: &str| {
        let changed = database.execute("UPDATE audit_entries SET reason = ?1 WHERE id = ?2", (reason, &id));
        assert_eq!(changed.expect("a change"), 1);
    };
    set(&reason.replacen('n', "m", 1));
    let verified = installation.run(&["audit", "verify", "--workspace", "default"]);
    assert_eq!(verified.status.code(), Some(1), "{}", verified.stdout);
    assert!(verified.stderr.contains(&format!("aud_{id}")), "the entry is named: {}", verified.stderr);
    set(&reason);
    let mended = installation.run(&["audit", "verify", "--workspace", "default"]);
    assert!(mended.status.success(), "{}", mended.stderr);
}

/// A tail that was cut, heads and checkpoints with it, is found by who kept the last checkpoint.
pub(crate) fn a_cut_tail_is_found(installation: &Installation) {
    let kept = installation.run(&["audit", "checkpoint", "--workspace", "default"]);
    assert!(kept.status.success(), "{}", kept.stderr);
    let file = installation.folder().join("checkpoint.json");
    std::fs::write(&file, &kept.stdout).expect("the checkpoint");
    let file = file.to_str().expect("a path");
    let verify = || installation.run(&["audit", "verify", "--workspace", "default", "--checkpoint", file]);
    assert!(verify().status.success(), "{}", verify().stderr);

    let database = open(installation);
    let organization: String = database
        .query_row("SELECT organization_id FROM organizations WHERE slug = 'default'", [], |row| row.get(0))
        .expect("the workspace");
    // Who cuts the tail sees to it that what is left looks whole: it ends at a checkpoint, and that is the head.
    let (sequence, hash): (i64, String) = database
        .query_row(
            "SELECT sequence, hash FROM audit_checkpoints WHERE organization_id = ?1 ORDER BY sequence DESC LIMIT 1 OFFSET 1",
            [&organization],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .expect("an earlier checkpoint");
    for cut in ["audit_entries", "audit_checkpoints"] {
        let cut = format!("DELETE FROM {cut} WHERE organization_id = ?1 AND sequence > ?2");
        assert!(database.execute(&cut, (&organization, sequence)).expect("a cut") > 0);
    }
    database
        .execute(
            "UPDATE audit_heads SET sequence = ?2, hash = ?3 WHERE organization_id = ?1",
            (&organization, sequence, &hash),
        )
        .expect("a forged head");
    let fooled = installation.run(&["audit", "verify", "--workspace", "default"]);
    assert!(fooled.status.success(), "what is left is whole: {}", fooled.stderr);
    let found = verify();
    assert_eq!(found.status.code(), Some(1), "{}", found.stdout);
    assert!(found.stderr.contains("cut"), "{}", found.stderr);
}

fn open(installation: &Installation) -> Connection {
    Connection::open(installation.folder().join("data").join("novantra.db")).expect("the database")
}
