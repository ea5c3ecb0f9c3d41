//! The audit log as evidence: verified on its installation, and from an export with only the public key.

use std::{fs, path::PathBuf};

use audit::{Hash, TlogProof, VerifierKey};
use crypto::Ed25519NoteVerifier;

use crate::support::{CommandOutput, Installation, Server, finding};

/// Creates an installation with some history and a stopped server.
async fn installation_with_history() -> Installation {
    let server = Server::start();
    let client = server.create_client("writer", &["governance.findings:read", "governance.findings:write"]).await;
    for number in 0..10 {
        let created = client.post("/api/v1/governance/findings", &finding(&format!("key-{number}"))).await;
        assert_eq!(created.status, 201, "{}", created.body);
        assert_eq!(client.get("/api/v1/governance/findings").await.status, 200);
    }
    let installation = server.installation().clone();
    assert!(server.stop().success());
    installation
}

fn export(installation: &Installation) -> (PathBuf, PathBuf) {
    let write = |name: &str, arguments: &[&str]| {
        let ran = installation.run(arguments);
        assert!(ran.status.success(), "{}", ran.stderr);
        let path = installation.folder().join(name);
        fs::write(&path, ran.stdout).expect("a file");
        path
    };
    (write("export.jsonl", &["audit", "export", "--workspace", "default"]), write("key.pem", &["audit", "public-key"]))
}

fn verify_file(export: &std::path::Path, key: &std::path::Path) -> CommandOutput {
    let (export, key) = (export.to_str().expect("a path"), key.to_str().expect("a path"));
    Installation::new().run(&["audit", "verify", "--file", export, "--public-key", key])
}

#[tokio::test]
async fn an_export_is_verified_with_the_public_key_alone() {
    let installation = installation_with_history().await;
    let (export, key) = export(&installation);
    let verified = verify_file(&export, &key);
    assert!(verified.status.success(), "{}", verified.stderr);
    let text = fs::read_to_string(&export).unwrap();
    assert!(text.lines().count() > 20, "{text}");
    assert!(text.lines().last().unwrap().starts_with("{\"checkpoint\":"), "an export ends with a checkpoint");
}

#[tokio::test]
async fn a_changed_character_in_an_export_is_reported_with_its_entry() {
    let installation = installation_with_history().await;
    let (export, key) = export(&installation);
    let text = fs::read_to_string(&export).unwrap();
    let line = text.lines().find(|line| line.contains("\"finding.created\"")).unwrap();
    let entry: serde_json::Value = serde_json::from_str(line).unwrap();
    let changed = line.replacen("finding.created", "finding.treated", 1);
    fs::write(&export, text.replacen(line, &changed, 1)).unwrap();
    let verified = verify_file(&export, &key);
    assert_eq!(verified.status.code(), Some(1));
    assert!(verified.stderr.contains(entry["entry"]["id"].as_str().unwrap()), "{}", verified.stderr);
}

#[tokio::test]
async fn a_truncated_export_is_detected_with_a_retained_checkpoint_or_note() {
    let installation = installation_with_history().await;
    let (earlier, key) = export(&installation);
    let (earlier, key) = (earlier.to_str().unwrap(), key.to_str().unwrap());
    installation.create_account("later", &["governance.findings:read"]);
    let verify = |retained: &str| {
        installation.run(&["audit", "verify", "--file", earlier, "--public-key", key, "--checkpoint", retained])
    };
    let verifier_key = installation.run(&["audit", "public-key", "--note", "--workspace", "default"]).stdout;
    fs::write(key, fs::read_to_string(key).unwrap() + &verifier_key).unwrap();
    assert!(
        verify_file(earlier.as_ref(), key.as_ref()).status.success(),
        "without a retained head, the truncated chain verifies"
    );
    for (name, arguments) in [("checkpoint.json", &[][..]), ("checkpoint.note", &["--note"])] {
        let retained = installation.folder().join(name);
        let head = installation.run(&[&["audit", "checkpoint", "--workspace", "default"], arguments].concat());
        assert!(head.status.success(), "{}", head.stderr);
        fs::write(&retained, &head.stdout).unwrap();
        let retained = retained.to_str().unwrap();
        assert_eq!(installation.run_json(&["audit", "verify", "--checkpoint", retained])["ok"], true);
        let ran = verify(retained);
        assert_eq!(ran.status.code(), Some(1), "{name}: {}", ran.stdout);
        assert!(ran.stderr.contains("the last entries were removed"), "{name}: {}", ran.stderr);
    }
}

#[tokio::test]
async fn a_proof_of_an_entry_is_verified_with_the_verifier_key_alone() {
    let installation = installation_with_history().await;
    let entries = installation.audit_entries("default");
    let key: VerifierKey =
        installation.run(&["audit", "public-key", "--note", "--workspace", "default"]).stdout.trim().parse().unwrap();
    for entry in &entries {
        let id = entry["id"].as_str().unwrap();
        let proof = installation.run(&["audit", "prove", id, "--workspace", "default"]);
        assert!(proof.status.success(), "{}", proof.stderr);
        let proof: TlogProof = proof.stdout.parse().unwrap();
        let hash: Hash = entry["hash"].as_str().unwrap().parse().unwrap();
        let head = proof.verify(hash, &key, &[], &Ed25519NoteVerifier).unwrap().head;
        assert_eq!(proof.index + 1, entry["sequence"].as_u64().unwrap());
        assert!(head.size >= entries.len() as u64);
        assert!(proof.verify(Hash([7; 32]), &key, &[], &Ed25519NoteVerifier).is_err());
    }
    let unknown = installation.run(&["audit", "prove", "aud_01HZX3V6T9C6Q4W8N2D5K7M1RB", "--workspace", "default"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(unknown.stderr.contains("the log has no such entry"), "{}", unknown.stderr);
    assert_eq!(installation.run(&["audit", "prove", "x", "--workspace", "default"]).status.code(), Some(2));
}

#[tokio::test]
async fn a_row_that_nobody_of_the_installation_wrote_fails_the_verification_and_the_check() {
    let installation = installation_with_history().await;
    let database = rusqlite::Connection::open(installation.folder().join("data/novantra.db")).unwrap();
    let forged = "INSERT INTO audit_waiting (organization_id, id, entries, body) \
                  SELECT id, '01HZX3V6T9C6Q4W8N2D5K7M1RB', 1, x'4e5641570100' FROM organizations WHERE slug = 'default'";
    assert_eq!(database.execute(forged, []).unwrap(), 1);
    drop(database);
    for command in [&["audit", "verify"][..], &["check"]] {
        let ran = installation.run(command);
        assert_eq!(ran.status.code(), Some(1), "{}", ran.stdout);
        assert!(ran.stderr.contains("01HZX3V6T9C6Q4W8N2D5K7M1RB"), "{}", ran.stderr);
    }
}

#[tokio::test]
async fn a_log_that_was_removed_altogether_is_reported() {
    let installation = installation_with_history().await;
    let database = rusqlite::Connection::open(installation.folder().join("data/novantra.db")).unwrap();
    for table in ["audit_heads", "audit_runs", "audit_segments", "audit_terms", "audit_tiles", "audit_checkpoints"] {
        database
            .execute(&format!("DELETE FROM {table} WHERE organization_id IN (SELECT id FROM organizations)"), [])
            .unwrap();
    }
    drop(database);
    let ran = installation.run(&["audit", "verify"]);
    assert_eq!(ran.status.code(), Some(1), "{}", ran.stdout);
    assert!(ran.stderr.contains("default") && ran.stderr.contains("it is empty"), "{}", ran.stderr);
}

#[tokio::test]
async fn checkpoints_of_several_logs_verify_one_of_them() {
    let installation = installation_with_history().await;
    let checkpoint_of = |workspace| installation.run(&["audit", "checkpoint", "--workspace", workspace]).stdout;
    assert!(installation.run(&["workspace", "create", "--slug", "other", "--name", "Other"]).status.success());
    let (own, others) = (checkpoint_of("default"), checkpoint_of("-") + &checkpoint_of("other"));
    let others = others.lines().next().map(|line| format!("{line}\n")).expect("a checkpoint of another log");
    let (export, key) = export(&installation);
    let (export, key) = (export.to_str().expect("a path"), key.to_str().expect("a path"));
    let retained = installation.folder().join("checkpoints.jsonl");
    let verify = |lines: &str, arguments: &[&str]| {
        fs::write(&retained, lines).expect("a file");
        let arguments = [&["audit", "verify", "--checkpoint", retained.to_str().expect("a path")], arguments].concat();
        installation.run(&arguments)
    };
    let export_arguments = ["--file", export, "--public-key", key];
    let both = format!("{others}{own}");
    let ran = verify(&both, &export_arguments);
    assert!(
        ran.status.success() && ran.stdout.contains("1 of the checkpoints in the --checkpoint file"),
        "{}",
        ran.stderr
    );
    let ran = verify(&both, &["--workspace", "default"]);
    assert!(ran.status.success(), "{}", ran.stderr);
    for arguments in [&export_arguments[..], &["--workspace", "default"]] {
        let ran = verify(&others, arguments);
        assert_eq!(
            ran.status.code(),
            Some(1),
            "checkpoints of other logs prove nothing about this one: {}",
            ran.stdout
        );
    }
}

#[tokio::test]
async fn a_changed_byte_of_the_stored_entries_is_reported() {
    let installation = installation_with_history().await;
    let database = rusqlite::Connection::open(installation.folder().join("data/novantra.db")).unwrap();
    let find = "SELECT rowid, body FROM audit_runs WHERE organization_id IN (SELECT id FROM organizations) LIMIT 1";
    let (row, mut body): (i64, Vec<u8>) = database.query_row(find, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let middle = body.len() * 3 / 4;
    body[middle] ^= 1;
    assert_eq!(database.execute("UPDATE audit_runs SET body = ? WHERE rowid = ?", (&body, row)).unwrap(), 1);
    drop(database);
    let ran = installation.run(&["audit", "verify", "--json"]);
    assert_eq!(ran.status.code(), Some(1));
    assert!(ran.stderr.contains("the audit log of default is not intact"), "{}", ran.stderr);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["ok"], false, "{report}");
}
